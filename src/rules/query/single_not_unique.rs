//! Queries that expect one row, although several can match.

use super::report;
use crate::analysis::app_query::all;
use crate::analysis::app_query::lookup::Lookup;
use crate::rules::prelude::*;
use supalint_queries::shape::{Command as AppCommand, RowCount};

rule!("query/single-not-unique", Integrity, Info, Schema(check));

fn check(cx: &mut Cx) {
    for query in all(cx) {
        let shape = query.query;
        let (RowCount::One(span) | RowCount::AtMostOne(span)) = shape.rows else { continue };
        // one inserted row is one row, and a limit makes it one
        if !shape.complete || shape.limit.is_some() || shape.offset.is_some() || shape.command == AppCommand::Insert {
            continue;
        }
        let Some(lookup) = Lookup::of(cx, query).filter(|lookup| !lookup.is_unique()) else { continue };
        // a condition that is not understood can make the row unique
        let Some((first, rest)) = lookup.comparisons.split_first().filter(|_| lookup.comparisons.len() == shape.filters.len()) else {
            continue;
        };
        if !lookup.comparisons.iter().all(|comparison| comparison.is_equal()) {
            continue;
        }
        let columns: Vec<SmolStr> = lookup.bound();
        let method = if matches!(shape.rows, RowCount::One(_)) { "single" } else { "maybeSingle" };
        let list = super::quoted(&columns, "and");
        let noun = if rest.is_empty() { "column" } else { "columns" };
        let table = lookup.table;
        let message =
            format!("`{method}()` fails with PGRST116 if two rows of `{}` have the same {list}: no unique key prevents them", table.name);
        let Some(column) = table.column(&first.column().text) else { continue };
        let help = format!("Add a unique constraint on the {noun}, or take one row with `.limit(1)`.");
        report(cx, (table, column).into(), query, span, message)
            .because(table.named, "the table is created here")
            .help(help)
            .discriminate(columns.join(","))
            .cause(
                format!("{} {}", table.name, columns.join(",")),
                format!("query expects one row of `{}` by {list}", table.name),
                format!("queries expect one row of `{}` by {list}", table.name),
            );
    }
}
