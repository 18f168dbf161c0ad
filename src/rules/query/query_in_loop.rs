//! Queries that a loop sends for each element of a list.

use super::report;
use crate::analysis::app_query::dependency::{filters, is_fixed, is_fixed_value, is_same_loop, origin};
use crate::analysis::app_query::lookup::{Comparison, Lookup};
use crate::analysis::app_query::{AppQuery, known_target, repeated};
use crate::rules::prelude::*;
use supalint_queries::shape::{self, Command as AppCommand, Loop, Origin as ValueOrigin, PayloadRows};

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
    let is_element = |comparison: &&Comparison| origin(&comparison.filter.value) == Some(&ValueOrigin::LoopVariable);
    let (elements, others): (Vec<&Comparison>, Vec<&Comparison>) = lookup.comparisons.iter().partition(is_element);
    let [element] = elements.as_slice() else { return };
    let others_fit = others.iter().all(|comparison| is_fixed_value(&comparison.filter.value));
    let is_limited = shape.limit.is_some() || shape.offset.is_some() || shape.head;
    let is_plain = shape.payload.as_ref().is_none_or(is_fixed);
    // a query can read what an earlier iteration has written
    let is_written = queries_of(query).any(|other| other.command != AppCommand::Select && other.target == shape.target);
    let reads = shape.command == AppCommand::Select;
    if !element.is_equal() || !others_fit || is_limited || !is_plain || reads && is_written || depends(query) {
        return;
    }
    let table = lookup.table;
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

/// Reports an insert of one row in each iteration.
fn insert(cx: &mut Cx, query: AppQuery, of: Loop) {
    let shape = query.query;
    let Some(table) = known_target(cx, shape).filter(|relation| relation.is_known()).and_then(|relation| relation.table()) else { return };
    let is_row = shape.payload.as_ref().is_some_and(|payload| payload.rows == PayloadRows::One && payload.complete);
    let own = query.index();
    let is_used = queries_of(query).any(|other| other.flow.uses.contains(&own) || other.flow.guards.iter().any(|guard| guard.query == own));
    if !is_row || is_used || depends(query) {
        return;
    }
    let message = format!("the loop inserts one row into `{}` in each iteration", table.name);
    report(cx, About::table(table), query, shape.source, message)
        .because(query.site(Span::new(of.span.start, of.span.start)), "the loop begins here")
        .because(table.named, "the table is created here")
        .help("Collect the rows in a list, and insert the list with one query after the loop.");
}

/// Returns the other queries of the loop.
fn queries_of<'a>(query: AppQuery<'a>) -> impl Iterator<Item = &'a shape::Query> {
    query.beside.iter().filter(move |other| !std::ptr::eq(*other, query.query) && is_same_loop(other, query.query))
}

/// Returns whether a query depends on another query of the same iteration.
fn depends(query: AppQuery) -> bool {
    let flow = &query.query.flow;
    let earlier = flow.uses.iter().copied().chain(flow.guards.iter().map(|guard| guard.query));
    let is_unknown = filters(&query.query.filters).iter().any(Option::is_none);
    is_unknown || earlier.filter_map(|index| query.beside.get(index)).any(|other| is_same_loop(other, query.query))
}
