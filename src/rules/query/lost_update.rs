//! Columns that code reads, changes and writes back.

use super::{quoted, report};
use crate::analysis::app_query::dependency::{is_same_row, result};
use crate::analysis::app_query::lookup::Lookup;
use crate::analysis::app_query::{AppQuery, repeated};
use crate::rules::prelude::*;
use supalint_queries::shape::{Command as AppCommand, Rebuilt, RebuiltKind};

rule!("query/lost-update", Integrity, Info, Schema(check));

fn check(cx: &mut Cx) {
    for query in repeated(cx).filter(|query| query.query.command == AppCommand::Update) {
        let Some(written) = Lookup::of(cx, query).filter(|lookup| lookup.is_whole()) else { continue };
        let is_lost = |rebuilt: &&Rebuilt| is_lost(cx, &written, rebuilt);
        let lost: Vec<&Rebuilt> = query.query.flow.rebuilt.iter().filter(is_lost).collect();
        if let Some(earlier) = lost.first().and_then(|first| query.sibling(first.query)) {
            describe(cx, query, &written, earlier, &lost);
        }
    }
}

/// Returns whether a change between the lookup and the update is lost.
fn is_lost(cx: &State, written: &Lookup, rebuilt: &Rebuilt) -> bool {
    let earlier = written.query.sibling(rebuilt.query);
    let read = earlier.filter(|query| query.query.command == AppCommand::Select).and_then(|query| Lookup::of(cx, query));
    let Some(read) = read.filter(|read| read.table.name == written.table.name) else { return false };
    let Some(column) = written.table.column(&rebuilt.key.text).filter(|_| rebuilt.column == rebuilt.key.text) else { return false };
    let fits = match rebuilt.how {
        RebuiltKind::Merged => column.ty.is_json(),
        RebuiltKind::List => column.ty.is_json() || column.ty.array,
        RebuiltKind::Computed => NUMBERS.iter().any(|name| column.ty.is(name)),
    };
    fits && is_same_row(&read, written, rebuilt.query) && !compares_version(&read, written, rebuilt)
}

/// Types of numbers.
const NUMBERS: [&str; 6] = ["smallint", "integer", "bigint", "numeric", "real", "double precision"];

/// Returns whether the update compares the old value, or another value that was read and is no key, such as a version.
fn compares_version(read: &Lookup, written: &Lookup, rebuilt: &Rebuilt) -> bool {
    let known = read.bound();
    let is_key = |column: &str| {
        let has = |index: &Index| index.unique && index.columns.iter().any(|part| part.column.as_deref() == Some(column));
        known.iter().any(|name| name == column) || written.table.indexes.iter().any(has)
    };
    written.comparisons.iter().any(|comparison| {
        let column = &comparison.column().text;
        *column == rebuilt.key.text
            || result(&comparison.filter.value)
                .is_some_and(|(query, name)| query == rebuilt.query && name == Some(column) && !is_key(column))
    })
}

fn describe(cx: &mut Cx, query: AppQuery, written: &Lookup, earlier: AppQuery, lost: &[&Rebuilt]) {
    let first = lost[0];
    let names: Vec<&str> = lost.iter().map(|rebuilt| rebuilt.key.text.as_str()).collect();
    let table = written.table;
    let Some(column) = table.column(&first.key.text) else { return };
    let (list, verb) = (quoted(&names, "and"), if names.len() == 1 { "is" } else { "are" });
    let message = format!(
        "{list} of `{}` {verb} read, changed in code and written back: a change that another request makes in between is lost",
        table.name
    );
    let name = quote_ident(&first.key.text);
    let example = match first.how {
        RebuiltKind::Merged if column.ty.is("jsonb") => format!("`set {name} = {name} || …`"),
        RebuiltKind::Merged => format!("`set {name} = …`"),
        RebuiltKind::List if column.ty.array => format!("`set {name} = array_append({name}, …)`"),
        RebuiltKind::List if column.ty.is("jsonb") => format!("`set {name} = {name} || …`"),
        RebuiltKind::List => format!("`set {name} = …`"),
        RebuiltKind::Computed => format!("`set {name} = {name} + …`"),
    };
    report(cx, (table, column).into(), query, first.key.span, message)
        .because(earlier.site(earlier.query.source), "the old value is read here")
        .because(table.named, "the table is created here")
        .help(format!("Call a function with `rpc` that executes {example}, or let the update also compare the old value or a version."));
}
