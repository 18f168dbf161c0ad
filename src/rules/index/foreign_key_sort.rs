//! Rows looked up by a foreign key and wanted in the order of another column, where the index knows only the key. A key without
//! any index is `index/foreign-key`'s.

use super::build::serves;
use super::foreign_key::is_indexed;
use super::sorted::{Sorted, TIMES, Want, is_served, is_time, nearest_parent, sorted};
use crate::rules::prelude::*;

rule!("index/foreign-key-sort", Performance, Warn, Schema(check), fixable);

/// What tables are called whose rows are shown by time, those of one parent at once. Logs and events are too, but rarely read.
const LISTED: [&str; 3] = ["messages", "comments", "notifications"];

fn check(cx: &mut Cx) {
    let mut sorts = sorted(cx);
    let unasked: Vec<Sorted> = cx
        .user_tables()
        .filter(|table| !sorts.iter().any(|sort| sort.table.name == table.name))
        .filter_map(|table| likely(cx, table))
        .collect();
    sorts.extend(unasked);
    sorts.retain(|sort| is_indexed(sort.table, std::slice::from_ref(&sort.key)));
    // the strongest reason speaks for all queries that one index would serve
    sorts.sort_by_key(|sort| !sort.is_strong());
    for (at, sort) in sorts.iter().enumerate() {
        let same = |other: &&Sorted| other.table.name == sort.table.name && other.key == sort.key && other.column == sort.column;
        if !sorts[..at].iter().any(|other| same(&other)) {
            report(cx, sort, sorts[at + 1..].iter().filter(same).count());
        }
    }
}

fn report(cx: &mut Cx, sort: &Sorted, more: usize) {
    let index = sort.index();
    let table = sort.table;
    let single = table.indexes.iter().find(|known| known.columns.len() == 1 && serves(known, std::slice::from_ref(&sort.key)));
    let seen = !matches!(sort.want, Want::Apart | Want::Listed);
    let mut help = format!("create an index on {}", index.list());
    if !seen {
        help.push_str(&format!(" if clients list the latest rows of one `{}`", sort.key));
    }
    if let Some(single) = single.filter(|single| !single.unique && index.predicate.is_none()) {
        help.push_str(&format!("; `{}` is then covered by it and can go", single.name));
    }
    let step = index.step(cx);
    let draft = cx.report(table, single.map_or(table.named, |single| single.named), message(sort));
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
    let Sorted { table, key, column, reader, .. } = sort;
    let name = &table.name;
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

/// A child table that looks as if its rows were listed by time, where no SQL shows it.
fn likely<'a>(cx: &Cx<'a>, table: &'a Table) -> Option<Sorted<'a>> {
    let complete = |index: &&Index| index.method == "btree" && index.predicate.is_none();
    let single =
        |name: &str| table.indexes.iter().filter(complete).find(|index| index.plain_columns().is_some_and(|columns| columns == [name]));
    let time = table.columns.iter().find(|column| TIMES.contains(&column.name.as_str()) && column.ty.is_timestamp())?;
    // rows that go with their parent belong to it
    let owned: Vec<SmolStr> = table
        .foreign_keys()
        .filter(|(constraint, key)| key.on_delete == ReferentialAction::Cascade && constraint.columns.len() == 1)
        .filter_map(|(constraint, _)| constraint.columns.first().cloned())
        .collect();
    let key = nearest_parent(cx, table, &owned)?;
    let (want, at, reader) = match single(&time.name) {
        Some(index) if single(&key).is_some() => (Want::Apart, index.named, "knows only the time"),
        _ if LISTED.iter().any(|word| table.name.name.split('_').next_back() == Some(*word)) => (Want::Listed, time.named, "the time"),
        _ => return None,
    };
    // one of a part of the rows was somebody's choice
    let both = |index: &Index| {
        index.columns.len() > 1 && index.leads_with(&[key.clone(), time.name.clone()]) && index.columns[0].column.as_ref() == Some(&key)
    };
    let served = table.indexes.iter().any(both) || is_served(table, std::slice::from_ref(&key), &time.name, &[]);
    let (column, reader) = (time.name.clone(), reader.to_string());
    (!served && !table.external).then_some(Sorted { table, key, column, at, reader, order: " desc", alive: None, want })
}
