//! Rows that are looked up by a foreign key of a row that the code has just read.

use super::report;
use crate::analysis::app_query::dependency::{is_same_loop, result};
use crate::analysis::app_query::lookup::{Comparison, Lookup};
use crate::analysis::app_query::relationship::{Relationship, Relationships};
use crate::analysis::app_query::{AppQuery, repeated};
use crate::rules::prelude::*;
use supalint_queries::shape::{Command as AppCommand, GuardKind, Operator, Query as Shape, QueryIndex, RowCount};

rule!("query/separate-lookup", Performance, Info, Schema(check));

fn check(cx: &mut Cx) {
    for query in repeated(cx).filter(|query| query.query.command == AppCommand::Select && query.query.complete && !query.query.head) {
        let [index] = query.query.flow.uses.as_slice() else { continue };
        let Some(earlier) = query.sibling(*index).filter(|earlier| is_embeddable(query, *earlier, *index)) else { continue };
        let (Some(first), Some(second)) = (Lookup::of(cx, earlier), Lookup::of(cx, query)) else { continue };
        if first.table.name != second.table.name && query.query.count.is_none() {
            compare(cx, &first, &second, *index);
        }
    }
}

/// Returns whether one query could return the rows of both.
fn is_embeddable(query: AppQuery, earlier: AppQuery, index: QueryIndex) -> bool {
    // a change between the two queries can change the rows
    let changes = |query: &Shape| query.command != AppCommand::Select;
    let changed =
        query.beside[index..query.index()].iter().any(|between| changes(between) && between.flow.function == query.query.flow.function);
    let is_check = |kind: GuardKind| kind == GuardKind::Other || kind == GuardKind::Missing;
    let first = earlier.query;
    first.command == AppCommand::Select
        && !changed
        && first.complete
        && !first.head
        && !first.csv
        && query.has_schema_of(first)
        && (first.client.kind, &first.client.receiver) == (query.query.client.kind, &query.query.client.receiver)
        && first.flow.function == query.query.flow.function
        && is_same_loop(first, query.query)
        && query.query.flow.guards.iter().all(|guard| guard.query != index || !is_check(guard.when))
}

fn compare(cx: &mut Cx, first: &Lookup, second: &Lookup, index: QueryIndex) {
    let is_key =
        |comparison: &&Comparison| matches!(comparison.filter.operator, Operator::Eq | Operator::In) && comparison.path.json.is_empty();
    let taken = |comparison: &Comparison| match result(&comparison.filter.value) {
        Some((query, column)) if query == index => Some((comparison.column().text.clone(), column.cloned())),
        _ => None,
    };
    let keys: Vec<(SmolStr, Option<SmolStr>)> = second.comparisons.iter().filter(is_key).filter_map(taken).collect();
    let [(column, origin)] = keys.as_slice() else { return };
    let joins = |relationship: &&Relationship| {
        let is_key = matches!(relationship.columns.as_slice(), [(own, foreign)] if foreign == column && origin.as_ref().is_none_or(|origin| origin == own));
        relationship.to == second.table.name && relationship.certain && is_key
    };
    let found: Vec<&Relationship> = Relationships::of(cx).from(&first.table.name).iter().filter(joins).collect();
    let [relationship] = found.as_slice() else { return };
    // the rows of several parents have no common order in an embed
    let is_to_one = relationship.is_to_one() == Some(true);
    let is_narrowed = |comparison: &Comparison| comparison.is_equal() && comparison.has_variable() && taken(comparison).is_none();
    // rows of the first that another key selects, such as the rows of one user in a tenant
    if !is_to_one && second.comparisons.iter().any(is_narrowed) {
        return;
    }
    let is_one_list = !second.query.query.orders.is_empty() || second.query.query.limit.is_some() || second.query.query.offset.is_some();
    if is_one_list && first.query.query.rows == RowCount::Any && !is_to_one {
        return;
    }
    let name = &second.table.name.name;
    let is_ambiguous = Relationships::of(cx).named(&first.table.name, name, None).len() != 1;
    let embed = match relationship.hint().filter(|_| is_ambiguous) {
        Some(hint) => format!("{name}!{hint}(…)"),
        None => format!("{name}(…)"),
    };
    let message = format!(
        "this query waits for the rows of `{}` to read the rows of `{}` that a foreign key connects with them",
        first.table.name, second.table.name
    );
    let (query, earlier) = (second.query, first.query);
    report(cx, About::table(second.table), query, query.query.source, message)
        .because(earlier.site(earlier.query.source), "the first query")
        .because(relationship.at, "the foreign key is created here")
        .help(format!("Embed the rows in the first query: `select('…, {embed}')`."));
}
