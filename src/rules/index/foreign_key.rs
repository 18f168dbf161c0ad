//! Foreign keys without an index. PostgreSQL does not create one. If a query also sorts by another column, the proposed index includes it.
//! `index/foreign-key-sort` handles keys that already have an index.

use crate::analysis::index_cover::{is_found, of_parent, serves};
use crate::analysis::sorted_query::{SortedQuery, sorts_of};
use crate::remedy::index::New;
use crate::rules::prelude::*;

rule!("index/foreign-key", Performance, Info, Schema(check), fixable);

fn check(cx: &mut Cx) {
    for table in cx.user_tables().filter(|table| !table.external) {
        of_table(cx, table);
    }
}

fn of_table(cx: &mut Cx, table: &Table) {
    let sorts = sorts_of(cx, table);
    for (constraint, key) in table.foreign_keys() {
        let inherited =
            of_parent(cx, table, |parent| parent.foreign_keys().any(|(its, other)| other == key && its.columns == constraint.columns));
        if constraint.columns.is_empty() || inherited || is_found(cx, table, constraint, key) {
            continue;
        }
        // the sorted query that an additional column of the index would serve
        let of_key = |sort: &&SortedQuery| (sort.is_strong() || sort.is_guess()) && constraint.columns == [sort.key.clone()];
        report(cx, table, constraint, key, sorts.iter().find(of_key));
    }
}

fn report(cx: &mut Cx, table: &Table, constraint: &Constraint, key: &ForeignKey, sort: Option<&SortedQuery>) {
    let columns = &constraint.columns;
    let list = columns.join(", ");
    let (cost, severity) = match key.on_delete {
        ReferentialAction::Cascade => ("to delete the referencing rows", Severity::Warn),
        ReferentialAction::SetNull | ReferentialAction::SetDefault => ("to update the referencing rows", Severity::Warn),
        ReferentialAction::NoAction | ReferentialAction::Restrict => ("to check for referencing rows", Severity::Info),
    };
    let near =
        table.indexes.iter().find(|index| columns.len() > 1 && columns.iter().any(|column| serves(index, std::slice::from_ref(column))));
    let partial = table.indexes.iter().find(|index| index.predicate.is_some() && index.leads_with(columns));
    let message = match near {
        Some(index) => format!(
            "no index begins with all columns of `{list}` of `{}`: for each row deleted from `{}`, PostgreSQL reads all rows with the same value in the first column of `{}`",
            table.name, key.table, index.name
        ),
        None => {
            format!(
                "no index begins with `{list}` of `{}`: for each row deleted from `{}`, PostgreSQL scans the whole table {cost}",
                table.name, key.table
            )
        }
    };
    let index = match sort {
        Some(sort) => New::serving(sort, table),
        None => New { table, keys: keys(cx, table, columns), predicate: None },
    };
    // the query may read only some rows, but the foreign key needs all of them
    let index = New { predicate: None, ..index };
    let step = index.step(cx);
    let draft = cx.report((table, constraint), constraint.at, message);
    draft
        .severity(if near.is_some() { Severity::Info } else { severity })
        .given(constraint.certainty)
        .help(format!("Create an index on {}. Joins and filters on the key use it too.", index.list()))
        .fix(index.safety(), format!("Create an index on `{list}` of `{}`", table.name), [step]);
    if let Some(sort) = sort {
        draft.because(
            sort.at,
            if sort.is_guess() {
                "clients are likely to sort by this column".into()
            } else {
                format!("{} also sorts by `{}`", sort.reader, sort.column)
            },
        );
    }
    if let Some(partial) = partial {
        draft.because(partial.at, "begins with the key but contains only some of the rows");
    }
    if let Some(near) = near {
        draft.because(near.at, "begins with one column of the key");
    }
    // the advisor requires the first columns in the order of the key, and accepts any index
    let advised = |index: &Index| {
        index.columns.len() >= columns.len()
            && columns.iter().zip(&index.columns).all(|(name, column)| column.column.as_ref() == Some(name))
    };
    if !table.indexes.iter().any(advised) {
        draft.advisor(
            "unindexed_foreign_keys",
            format!("unindexed_foreign_keys_{}_{}_{}", table.name.schema, table.name.name, constraint.name),
        );
    }
}

/// Returns the columns of the index to create. An index that begins with a shorter key and contains a longer key serves both.
fn keys(cx: &Cx, table: &Table, columns: &[SmolStr]) -> Vec<(SmolStr, &'static str)> {
    let missing = || {
        table
            .foreign_keys()
            .filter(|(other, key)| !other.columns.is_empty() && !is_found(cx, table, other, key))
            .map(|(other, _)| &other.columns)
    };
    let within = |small: &[SmolStr], big: &[SmolStr]| small.len() < big.len() && small.iter().all(|column| big.contains(column));
    let led = |big: &[SmolStr]| -> Vec<SmolStr> {
        let mut out = missing().find(|small| within(small, big)).cloned().unwrap_or_default();
        out.extend(big.iter().filter(|column| !out.contains(column)).cloned().collect::<Vec<_>>());
        out
    };
    let wider = missing().filter(|big| within(columns, big)).map(|big| led(big)).find(|big| big.starts_with(columns));
    wider.unwrap_or_else(|| led(columns)).into_iter().map(|column| (column, "")).collect()
}
