//! Queries that a loop sends for each element of a list.

use super::report;
use crate::analysis::app_query::dependency::{is_fixed, is_fixed_value, is_same_loop, origin};
use crate::analysis::app_query::lookup::{Comparison, Lookup};
use crate::analysis::app_query::{AppQuery, filters, known_target, repeated};
use crate::rules::prelude::*;
use supalint_queries::shape::{self, Command as AppCommand, Loop, Origin as ValueOrigin, Payload, PayloadRows, ValueKind};

rule!("query/query-in-loop", Performance, Info, Schema(check));

fn check(cx: &mut Cx) {
    for query in repeated(cx).filter(|query| query.query.complete) {
        let Some(of) = query.query.flow.in_loop.filter(|of| of.uses_variable && !of.is_retry) else { continue };
        match query.query.command {
            AppCommand::Select | AppCommand::Update | AppCommand::Delete => lookup(cx, query, of),
            AppCommand::Insert => insert(cx, query, of),
            AppCommand::Upsert | AppCommand::Call => {}
        }
    }
}

/// Reports a lookup by the loop variable.
fn lookup(cx: &mut Cx, query: AppQuery, of: Loop) {
    let shape = query.query;
    let Some(lookup) = Lookup::of(cx, query).filter(Lookup::is_whole) else { return };
    let table = lookup.table;
    let is_element = |comparison: &&Comparison| origin(&comparison.filter.value) == Some(&ValueOrigin::LoopVariable);
    let (elements, others): (Vec<&Comparison>, Vec<&Comparison>) = lookup.comparisons.iter().partition(is_element);
    let [element] = elements.as_slice() else { return };
    let others_fit = others.iter().all(|comparison| is_fixed_value(&comparison.filter.value));
    let is_limited = shape.limit.is_some() || shape.offset.is_some() || shape.head;
    let is_plain = shape.payload.as_ref().is_none_or(is_fixed);
    // a query can read what an earlier iteration has written
    let is_written = queries_of(query).any(|other| other.command != AppCommand::Select && query.has_target_of(other));
    let is_alone = queries_of(query).all(|other| other.command == AppCommand::Select);
    let reads = shape.command == AppCommand::Select;
    if !element.is_equal()
        || !is_key(table, &element.column().text)
        || !others_fit
        || is_limited
        || !is_plain
        || reads && is_written
        || !reads && !is_alone
        || depends(query)
    {
        return;
    }
    let column = &element.column().text;
    let verb = match shape.command {
        AppCommand::Update => "changes",
        AppCommand::Delete => "deletes",
        _ => "reads",
    };
    let message = format!("the loop sends one query to `{}` for each value of `{column}`", table.name);
    let help = format!("Send one query before the loop that {verb} the rows of all values: `.in('{column}', …)`.");
    report(cx, About::table(table), query, element.span, message)
        .because(query.site(Span::new(of.span.start, of.span.start)), "the loop begins here")
        .because(table.named, "the table is created here")
        .help(help);
}

/// Returns whether a column identifies a row, or a row of another table. Other columns often have few values, so that a loop over them is short.
fn is_key(table: &Table, column: &str) -> bool {
    let is_unique =
        table.indexes.iter().any(|index| index.unique && index.columns.iter().any(|part| part.column.as_deref() == Some(column)));
    let is_foreign = table.foreign_keys().any(|(key, _)| key.columns.iter().any(|name| name == column));
    let ty = table.column(column).map(|column| &column.ty);
    is_unique || is_foreign || ty.is_some_and(|ty| ["uuid", "bigint"].iter().any(|name| ty.is(name)))
}

/// Reports an insert of one row in each iteration.
fn insert(cx: &mut Cx, query: AppQuery, of: Loop) {
    let shape = query.query;
    let Some(table) = known_target(cx, shape).filter(|relation| relation.is_known()).and_then(|relation| relation.table()) else { return };
    // a counter repeats an insert until it succeeds, an element of a list is a row
    let is_row = |payload: &Payload| payload.rows == PayloadRows::One && payload.complete && has_element(payload);
    // another command in the loop can depend on the success of the insert
    let is_alone = queries_of(query).all(|other| other.command == AppCommand::Select && !other.flow.uses.contains(&query.index()));
    if !shape.payload.as_ref().is_some_and(is_row) || !is_alone || depends(query) {
        return;
    }
    let message = format!("the loop inserts one row into `{}` in each iteration", table.name);
    report(cx, About::table(table), query, shape.source, message)
        .because(query.site(Span::new(of.span.start, of.span.start)), "the loop begins here")
        .because(table.named, "the table is created here")
        .help("Collect the rows in a list, and insert the list with one query after the loop.");
}

/// Returns whether a payload contains the variable of a loop over a list.
fn has_element(payload: &Payload) -> bool {
    payload.entries.iter().any(|entry| match &entry.value.kind {
        ValueKind::Object(inner) => has_element(inner),
        ValueKind::Dynamic(origin) => *origin == ValueOrigin::LoopVariable,
        _ => false,
    })
}

/// Returns the other queries of the loop, also those of loops inside it.
fn queries_of<'a>(query: AppQuery<'a>) -> impl Iterator<Item = &'a shape::Query> {
    let of = query.query.flow.in_loop;
    query.beside.iter().filter(move |other| !std::ptr::eq(*other, query.query) && of.is_some_and(|of| of.span.contains(other.source)))
}

/// Returns whether a query depends on another query of the same iteration.
fn depends(query: AppQuery) -> bool {
    let flow = &query.query.flow;
    let earlier = flow.uses.iter().copied().chain(flow.guards.iter().map(|guard| guard.query));
    let is_unknown = filters(&query.query.filters).iter().any(Option::is_none);
    is_unknown || earlier.filter_map(|index| query.beside.get(index)).any(|other| is_same_loop(other, query.query))
}
