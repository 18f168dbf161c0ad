//! Queries that look up rows by a foreign key and sort by another column, where the index contains only the key. `index/foreign-key`
//! handles keys without an index.

use crate::analysis::index_cover::is_indexed;
use crate::analysis::index_cover::serves;
use crate::analysis::sorted_query::{ColumnUse, SortedQuery, is_time, sorts_of};
use crate::remedy::index::New;
use crate::rules::prelude::*;
use std::collections::BTreeMap;

rule!("index/foreign-key-sort", Performance, Warn, Schema(check), fixable);

fn check(cx: &mut Cx) {
    for table in cx.catalog.tables.values() {
        of_table(cx, table);
    }
}

fn of_table(cx: &mut Cx, table: &Table) {
    // queries that the same index would serve
    let mut alike: BTreeMap<(&SmolStr, &SmolStr), Vec<&SortedQuery>> = BTreeMap::new();
    for sort in sorts_of(cx, table).iter().filter(|sort| is_indexed(table, std::slice::from_ref(&sort.key))) {
        alike.entry((&sort.key, &sort.column)).or_default().push(sort);
    }
    for sorts in alike.values() {
        // the strongest reason determines the severity and the message
        let strongest = sorts.iter().find(|sort| sort.is_strong()).unwrap_or(&sorts[0]);
        let others: Vec<Site> = sorts.iter().map(|sort| sort.at).filter(|at| *at != strongest.at).collect();
        report(cx, table, strongest, &others);
    }
}

fn report(cx: &mut Cx, table: &Table, sort: &SortedQuery, others: &[Site]) {
    const SHOWN: usize = 3;
    let single = table.indexes.iter().find(|known| known.columns.len() == 1 && serves(known, std::slice::from_ref(&sort.key)));
    let place = single.map_or(table.named, |single| single.named);
    let index = New::serving(sort, table);
    let seen = !sort.is_guess();
    let mut help = format!("Create an index on {}", index.list());
    if !seen {
        help.push_str(&format!(" if clients list the latest rows of one `{}`", sort.key));
    }
    if let Some(single) = single.filter(|single| !single.unique && index.predicate.is_none()) {
        help.push_str(&format!(". `{}` then becomes redundant", single.name));
    }
    help.push('.');
    let step = index.step(cx);
    let draft = cx.report(table, place, message(sort));
    draft
        .severity(if sort.is_strong() && is_time(table, &sort.column) { Severity::Warn } else { Severity::Info })
        .discriminate(&sort.key)
        .discriminate(&sort.column)
        .because(
            sort.at,
            match others.len() {
                _ if !seen => sort.reader.clone(),
                0 => "the query".into(),
                more => format!("the query, and {more} similar queries"),
            },
        )
        .help(help)
        .fix(
            if seen { index.safety() } else { Safety::Review },
            format!("Create an index on `{}` and `{}` of `{}`", sort.key, sort.column, table.name),
            [step],
        );
    for at in others.iter().take(SHOWN) {
        draft.because(*at, "a similar query");
    }
    if single.is_some() {
        draft.label("contains only the key");
    }
}

/// Returns the message, which describes the cost of the query.
fn message(sort: &SortedQuery) -> String {
    let SortedQuery { table: name, key, column, reader, .. } = sort;
    match sort.column_use {
        ColumnUse::FirstRows => format!(
            "{reader} reads the first rows of one `{key}` of `{name}` by `{column}`, but no index contains both columns: PostgreSQL reads and sorts all rows of the key"
        ),
        ColumnUse::MinMax => format!(
            "{reader} reads the minimum or maximum of `{column}` for one `{key}` of `{name}`, but no index contains both columns: PostgreSQL reads all rows of the key"
        ),
        ColumnUse::Range => format!(
            "{reader} reads a range of `{column}` for one `{key}` of `{name}`, but no index contains both columns: PostgreSQL reads all rows of the key"
        ),
        ColumnUse::SeparateIndexes => format!(
            "`{name}` has separate indexes on `{key}` and `{column}`: to find the latest rows of one `{key}`, PostgreSQL sorts all of its rows, or reads rows of other keys too"
        ),
        ColumnUse::GuessedFromName => {
            format!(
                "`{name}` is indexed by `{key}` only: to find the latest rows of one `{key}`, PostgreSQL reads and sorts all of its rows"
            )
        }
        ColumnUse::Order => {
            format!("{reader} sorts the rows of one `{key}` of `{name}` by `{column}`: an index on both columns would return them in order")
        }
    }
}
