//! Rows looked up by a foreign key and wanted in the order of another column, where the index knows only the key. A key without
//! any index is `index/foreign-key`'s.

use crate::analysis::index_cover::is_indexed;
use crate::analysis::index_cover::serves;
use crate::analysis::sorted_query::{Sorted, Want, is_time, sorts_of};
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
    // queries that one index would serve
    let mut alike: BTreeMap<(&SmolStr, &SmolStr), Vec<&Sorted>> = BTreeMap::new();
    for sort in sorts_of(cx, table).iter().filter(|sort| is_indexed(table, std::slice::from_ref(&sort.key))) {
        alike.entry((&sort.key, &sort.column)).or_default().push(sort);
    }
    for sorts in alike.values() {
        // the strongest reason speaks for all
        let strongest = sorts.iter().find(|sort| sort.is_strong()).unwrap_or(&sorts[0]);
        report(cx, table, strongest, sorts.len() - 1);
    }
}

fn report(cx: &mut Cx, table: &Table, sort: &Sorted, more: usize) {
    let single = table.indexes.iter().find(|known| known.columns.len() == 1 && serves(known, std::slice::from_ref(&sort.key)));
    let place = single.map_or(table.named, |single| single.named);
    let index = New::serving(sort, table);
    let seen = !sort.is_guess();
    let mut help = format!("create an index on {}", index.list());
    if !seen {
        help.push_str(&format!(" if clients list the latest rows of one `{}`", sort.key));
    }
    if let Some(single) = single.filter(|single| !single.unique && index.predicate.is_none()) {
        help.push_str(&format!("; `{}` is then covered by it and can go", single.name));
    }
    let step = index.step(cx);
    let draft = cx.report(table, place, message(sort));
    draft
        .severity(if sort.is_strong() && is_time(table, &sort.column) { Severity::Warn } else { Severity::Info })
        .discriminate(&sort.key)
        .discriminate(&sort.column)
        .because(
            sort.at,
            match more {
                _ if !seen => sort.reader.clone(),
                0 => "the query".into(),
                _ => format!("the query, and {more} more like it"),
            },
        )
        .help(help)
        .fix(
            if seen { index.safety() } else { Safety::Review },
            format!("Index `{}` and `{}` of `{}`", sort.key, sort.column, table.name),
            [step],
        );
    if single.is_some() {
        draft.label("knows only the key");
    }
}

/// What the query costs.
fn message(sort: &Sorted) -> String {
    let Sorted { table: name, key, column, reader, .. } = sort;
    match sort.want {
        Want::Few => format!(
            "{reader} takes the first rows of one `{key}` of `{name}` by `{column}`, and no index holds both: every row of the key is read and sorted"
        ),
        Want::Extreme => format!(
            "{reader} looks for one `{column}` among the rows of one `{key}` of `{name}`, and no index holds both: every row of the key is read"
        ),
        Want::Stretch => format!(
            "{reader} wants the rows of one `{key}` of `{name}` from a stretch of `{column}`, and no index holds both: every row of the key is read"
        ),
        Want::Apart => format!(
            "`{name}` has an index on `{key}` and one on `{column}`, and none on both: the latest rows of one `{key}` are found by sorting all its rows, or by passing over everybody's"
        ),
        Want::Listed => {
            format!("`{name}` is indexed by `{key}` alone: the latest rows of one `{key}` are found by reading and sorting all its rows")
        }
        Want::Order => {
            format!("{reader} sorts the rows of one `{key}` of `{name}` by `{column}`: an index on both would hold them in order")
        }
    }
}
