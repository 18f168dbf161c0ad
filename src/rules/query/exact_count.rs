//! Exact counts of whole tables.

use super::report;
use crate::analysis::app_query::{known_target, repeated};
use crate::rules::prelude::*;
use supalint_queries::shape::{Command as AppCommand, Count};

rule!("query/exact-count", Performance, Info, Schema(check));

fn check(cx: &mut Cx) {
    for query in repeated(cx) {
        let shape = query.query;
        let Some(Count::Exact(span)) = shape.count else { continue };
        if shape.command != AppCommand::Select || !shape.filters.is_empty() || !shape.complete {
            continue;
        }
        let Some(table) = known_target(cx, shape).filter(|relation| relation.is_known()).and_then(|relation| relation.table()) else {
            continue;
        };
        let message = format!("`count: 'exact'` without a condition counts every row of `{}` that the caller may see", table.name);
        report(cx, table.into(), query, span, message)
            .because(table.named, "the table is created here")
            .help("Use `count: 'estimated'` if the number need not be exact for large tables.")
            .cause("count", "query counts a whole table", "queries count a whole table");
    }
}
