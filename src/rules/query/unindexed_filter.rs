//! Lookups of application code that no index serves.

use crate::analysis::app_query::lookup::{Lookup, Missing, by_table, missing_indexes};
use crate::remedy::index::New;
use crate::rules::prelude::*;

rule!("query/unindexed-filter", Performance, Info, Schema(check), fixable);

fn check(cx: &mut Cx) {
    for lookups in by_table(cx).values() {
        let Some(first) = lookups.first() else { continue };
        let table = first.table;
        for missing in missing_indexes(table, lookups) {
            // index/foreign-key reports these columns
            let is_key = table.foreign_keys().any(|(key, _)| key.columns.first() == Some(&missing.column));
            if !is_key {
                report(cx, table, &missing);
            }
        }
    }
}

fn report(cx: &mut Cx, table: &Table, missing: &Missing) {
    const SHOWN: usize = 3;
    let Missing { column, lookups } = missing;
    let Some((first, others)) = lookups.split_first() else { return };
    let Some(known) = table.column(column) else { return };
    let at = |lookup: &Lookup| {
        let comparison = lookup.comparisons.iter().find(|comparison| comparison.column().text == *column);
        lookup.query.site(comparison.map_or(lookup.query.query.source, |comparison| comparison.span))
    };
    let queries = if others.is_empty() {
        "this query".to_string()
    } else {
        format!("this and {}", super::count(others.len(), "more query", "more queries"))
    };
    let index = New { table, keys: vec![(column.clone(), "")], predicate: None };
    let message = format!("no index of `{}` finds rows by `{column}`: PostgreSQL reads the whole table for {queries}", table.name);
    let (list, step) = (index.list(), index.step(cx));
    let draft = cx.report((table, known), at(first), message);
    draft.label(format!("looks up `{column}`")).because(known.named, "the column is created here");
    for lookup in others.iter().take(SHOWN) {
        draft.because(at(lookup), "also looked up here");
    }
    draft
        .help(format!("Create an index on {list} if the table can have more than a few thousand rows."))
        .fix(Safety::Review, format!("Create an index on `{column}` of `{}`", table.name), [step])
        .check("Check that the table can have more than a few thousand rows.");
}
