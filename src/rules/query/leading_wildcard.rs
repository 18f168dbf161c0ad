//! Searches for a text in the middle of a column without a trigram index.

use super::report;
use crate::analysis::app_query::lookup::Lookup;
use crate::analysis::app_query::repeated;
use crate::rules::prelude::*;
use supalint_queries::shape::{Operator, ValueKind};

rule!("query/leading-wildcard", Performance, Info, Schema(check));

fn check(cx: &mut Cx) {
    for query in repeated(cx) {
        let Some(lookup) = Lookup::of(cx, query) else { continue };
        // another condition can leave few rows
        if lookup.index().is_some() || lookup.is_unique() {
            continue;
        }
        let searches = |operator| matches!(operator, Operator::Like | Operator::ILike);
        for comparison in lookup.comparisons.iter().filter(|comparison| searches(comparison.filter.operator)) {
            let (ValueKind::Text(text) | ValueKind::TextStart(text)) = &comparison.filter.value.kind else { continue };
            let (table, name) = (lookup.table, &comparison.column().text);
            let Some(column) = table.column(name).filter(|_| text.starts_with(['%', '*'])) else { continue };
            let message = format!(
                "`{name}` of `{}` is searched for a text in the middle: no index serves this, so PostgreSQL reads the whole table",
                table.name
            );
            let class = "gin_trgm_ops";
            let help = format!(
                "Create a trigram index if the table is large: `create index concurrently on {} using gin ({} {class});` (extension pg_trgm).",
                table.name.quoted(),
                quote_ident(name)
            );
            report(cx, (table, column).into(), query, comparison.span, message)
                .because(column.named, "the column is created here")
                .help(help)
                .cause("search", "search in the middle of a text has no index", "searches in the middle of a text have no index");
        }
    }
}
