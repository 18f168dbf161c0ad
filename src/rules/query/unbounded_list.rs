//! Lists without a condition and without a limit.

use super::report;
use crate::analysis::app_query::{known_target, repeated};
use crate::rules::prelude::*;
use supalint_queries::shape::{Command as AppCommand, RowCount, Selection};

rule!("query/unbounded-list", Performance, Info, Schema(check));

fn check(cx: &mut Cx) {
    for query in repeated(cx) {
        let shape = query.query;
        let is_list = shape.command == AppCommand::Select && shape.rows == RowCount::Any && !shape.head && !shape.csv;
        let is_open = shape.filters.is_empty() && shape.limit.is_none() && shape.offset.is_none() && shape.complete;
        let has_aggregates = |selection: &Selection| match selection {
            Selection::Items(items) | Selection::Some(items) => items.iter().any(super::is_aggregate),
            Selection::Nothing | Selection::All | Selection::Unknown | Selection::Invalid(_) => false,
        };
        if !is_list || !is_open || has_aggregates(&shape.select) {
            continue;
        }
        let Some(table) = known_target(cx, shape).filter(|relation| relation.is_known()).and_then(|relation| relation.table()) else {
            continue;
        };
        let rows = cx.config().max_rows;
        let message = format!(
            "this query reads all rows of `{}`: the API returns at most {rows} of them, and omits the others without an error",
            table.name
        );
        report(cx, table.into(), query, shape.source, message)
            .because(table.named, "the table is created here")
            .help("Add a condition, or read pages with `.range()` in a fixed order.")
            .cause("list", "query lists a table without a condition or limit", "queries list a table without a condition or limit");
    }
}
