//! Redundant indexes: duplicates, and indexes on the first columns of another index.

use crate::analysis::index_cover::of_parent;
use crate::analysis::index_cover::{Cover, comparable, covers};
use crate::remedy::index::drop_index;
use crate::remedy::restore;
use crate::rules::prelude::*;

rule!("index/redundant", Performance, Warn, Schema(check), fixable);

fn check(cx: &mut Cx) {
    for table in cx.user_tables() {
        for (at, index) in table.indexes.iter().enumerate() {
            let inherited = of_parent(cx, table, |_| index.at == table.created);
            if !inherited
                && comparable(cx, index)
                && let Some((cover, keeper)) = keeper(cx, table, at)
            {
                report(cx, table, index, keeper, cover);
            }
        }
    }
}

/// Returns the index that makes the given one redundant. If two are identical, an index of a constraint is kept, otherwise the older one.
fn keeper<'t>(cx: &Cx, table: &'t Table, at: usize) -> Option<(Cover, &'t Index)> {
    let indexes = &table.indexes;
    let index = &indexes[at];
    let rank = |index: &Index| (index.primary, index.constraint.is_some(), index.unique);
    let stays = |other: usize, cover: Cover| match cover {
        Cover::Longer => true,
        _ if rank(&indexes[other]) != rank(index) => rank(&indexes[other]) > rank(index),
        _ => other < at,
    };
    // PostgreSQL creates one index for equal keys in one CREATE TABLE
    let merged = |known: &Index| {
        index.constraint.is_some()
            && known.constraint.is_some()
            && table.created.file == index.at.file
            && [index, known].iter().all(|one| table.created.span.contains(one.at.span))
    };
    let others = indexes.iter().enumerate().filter(|(other, known)| *other != at && comparable(cx, known) && !merged(known));
    let covers = others.filter_map(|(other, known)| Some((covers(cx, known, index)?, other, known)));
    covers
        .filter(|(cover, other, _)| stays(*other, *cover))
        .min_by_key(|(cover, other, _)| (*cover as u8, *other))
        .map(|(cover, _, known)| (cover, known))
}

fn report(cx: &mut Cx, table: &Table, index: &Index, keeper: &Index, cover: Cover) {
    let (name, of) = (&index.name, &table.name);
    let message = match cover {
        Cover::Same => {
            format!(
                "`{name}` of `{of}` is identical to `{}`: PostgreSQL updates both at each write, but a query uses only one",
                keeper.name
            )
        }
        Cover::Equal if keeper.unique => format!(
            "`{name}` of `{of}` has the columns of the unique index `{}`: PostgreSQL updates both at each write, but a query uses only one",
            keeper.name
        ),
        Cover::Equal => {
            format!(
                "`{name}` of `{of}` is `{}` in reverse order: PostgreSQL reads an index in both directions, but updates both at each write",
                keeper.name
            )
        }
        Cover::Longer => format!(
            "`{name}` of `{of}` contains the first columns of `{}`, which serves the same queries: PostgreSQL updates both at each write",
            keeper.name
        ),
    };
    let steps = cure(cx, table, index);
    let mut group: Vec<&str> =
        table.indexes.iter().filter(|other| covers(cx, other, index) == Some(Cover::Same)).map(|other| other.name.as_str()).collect();
    group.sort_unstable();
    let draft = cx.report((table, index), index.named, message);
    draft.given(keeper.certainty).because(keeper.named, "this index is sufficient");
    match cover {
        Cover::Longer => draft.severity(Severity::Info).help(format!("Drop `{name}`, unless queries need the smaller index.")),
        Cover::Same | Cover::Equal => draft.help(format!("Drop `{name}`.")),
    };
    if let Some(steps) = steps {
        draft.fix(Safety::Review, format!("Drop index `{name}`"), steps);
    }
    if cover == Cover::Same && table.kind == TableKind::Ordinary {
        draft.advisor("duplicate_index", format!("duplicate_index_{}_{}_{{{}}}", of.schema, of.name, group.join(",")));
    }
}

/// Returns the statements that drop the index, or `None` if a foreign key may need it or it could not be restored.
fn cure(cx: &Cx, table: &Table, index: &Index) -> Option<Vec<Step>> {
    let columns = index.plain_columns();
    let referred = index.unique
        && cx.catalog.tables.values().any(|other| {
            other.foreign_keys().any(|(_, key)| {
                key.table == table.name
                    && columns.as_ref().is_some_and(|columns| {
                        columns.len() == key.columns.len() && key.columns.iter().all(|name| columns.contains(&name.as_str()))
                    })
            })
        });
    if referred {
        return None;
    }
    let on = table.name.quoted();
    if let Some(name) = &index.constraint {
        let back = restore::constraint(cx, table, table.constraint(name)?)?;
        let drop = format!("alter table {on} drop constraint {};", quote_ident(name));
        return Some(vec![Step::batch(Phase::Constraint, drop).undo(back)]);
    }
    Some(vec![drop_index(cx, table, index)])
}
