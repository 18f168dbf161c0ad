//! Rows that are looked up by a key and inserted if they are missing.

use super::{quoted, report};
use crate::analysis::app_query::lookup::{Comparison, Lookup};
use crate::analysis::app_query::{AppQuery, known_target, repeated};
use crate::rules::prelude::*;
use std::collections::BTreeSet;
use supalint_queries::shape::{Command as AppCommand, GuardKind, PayloadRows, Value, ValueKind};

rule!("query/check-then-insert", Integrity, Warn, Schema(check));

fn check(cx: &mut Cx) {
    let mut known: BTreeSet<Site> = BTreeSet::new();
    for query in repeated(cx).filter(|query| query.query.command == AppCommand::Insert) {
        let missing = query.query.flow.guards.iter().filter(|guard| guard.when == GuardKind::Missing);
        let lookups: Vec<Lookup> = missing.filter_map(|guard| lookup(cx, query, query.sibling(guard.query)?)).collect();
        // a second insert after the same lookup is an alternative of the first
        if let Some(lookup) = lookups.last().filter(|lookup| known.insert(lookup.query.site(lookup.query.query.source))) {
            compare(cx, query, lookup);
        }
    }
}

/// Returns the lookup of the key that an insert writes.
fn lookup<'a>(cx: &State<'a>, insert: AppQuery<'a>, earlier: AppQuery<'a>) -> Option<Lookup<'a>> {
    let lookup = Lookup::of(cx, earlier).filter(|lookup| lookup.query.query.command == AppCommand::Select && lookup.is_whole())?;
    let target = known_target(cx, insert.query)?;
    // a list of rows has no key of its own
    let payload = insert.query.payload.as_ref().filter(|payload| payload.rows == PayloadRows::One)?;
    let written: BTreeSet<&str> = payload.entries.iter().map(|entry| entry.key.text.as_str()).collect();
    let is_other = |comparison: &&Comparison| {
        let entry = payload.entries.iter().find(|entry| entry.key.text == comparison.column().text);
        is_literal(&comparison.filter.value)
            && entry.is_some_and(|entry| is_literal(&entry.value) && entry.value.kind != comparison.filter.value.kind)
    };
    let (variable, fixed): (Vec<&Comparison>, Vec<&Comparison>) =
        lookup.comparisons.iter().partition(|comparison| !is_literal(&comparison.filter.value));
    let is_key = !variable.is_empty() && variable.iter().all(|comparison| written.contains(comparison.column().text.as_str()));
    let is_equal = variable.iter().chain(&fixed).all(|comparison| comparison.is_equal());
    let has_other = lookup.comparisons.iter().any(|comparison| is_other(&comparison));
    (target.name() == &lookup.table.name && is_key && is_equal && !has_other).then_some(lookup)
}

/// Returns whether a value is the same in each request.
fn is_literal(value: &Value) -> bool {
    matches!(value.kind, ValueKind::Null | ValueKind::Bool(_) | ValueKind::Number(_) | ValueKind::Text(_))
}

fn compare(cx: &mut Cx, query: AppQuery, lookup: &Lookup) {
    let table = lookup.table;
    let bound: Vec<SmolStr> = lookup.bound();
    let written: Vec<SmolStr> =
        query.query.payload.iter().flat_map(|payload| &payload.entries).map(|entry| entry.key.text.clone()).collect();
    let key = unique_key(table, &bound);
    let conditions = lookup.comparisons.iter().filter(|comparison| is_literal(&comparison.filter.value)).count();
    let names: Vec<SmolStr> = lookup
        .comparisons
        .iter()
        .filter(|comparison| !is_literal(&comparison.filter.value))
        .map(|comparison| comparison.column().text.clone())
        .collect();
    let list = quoted(&names, "and");
    let noun = if names.len() == 1 { "column" } else { "columns" };
    let start = format!("two requests at the same time can both find no row of `{}` with the same {list}", table.name);
    let (message, help) = match key {
        Some(key) => {
            let help = match key.plain_columns().filter(|_| key.predicate.is_none()) {
                Some(columns) => {
                    format!("Insert without the lookup and treat the error 23505 as an existing row, or use {}.", upsert(query, &columns))
                }
                None => "Insert without the lookup, and treat the error 23505 as an existing row.".into(),
            };
            (format!("{start}: the second insert fails with 23505"), help)
        }
        None => {
            let help = if conditions == 0 {
                format!(
                    "Add a unique constraint on the {noun} {list}. Then insert without the lookup and treat the error 23505 as an existing row, or use {}.",
                    upsert(query, &names)
                )
            } else {
                format!(
                    "Add a unique index on the {noun} {list} with the condition of the query. Then insert without the lookup, and treat the error 23505 as an existing row."
                )
            };
            (format!("{start} and insert duplicates: no unique key prevents them"), help)
        }
    };
    let severity = if key.is_some() || unique_key(table, &written).is_some() { Severity::Info } else { Severity::Warn };
    let draft = report(cx, About::table(table), query, query.query.source, message);
    draft.severity(severity).help(help).because(lookup.query.site(lookup.query.query.source), "the row is looked up here");
    match key {
        Some(key) => draft.because(key.named, "the unique key is created here"),
        None => draft.because(table.named, "the table is created here"),
    };
}

/// Returns the unique key that prevents a second row with the same values in these columns.
fn unique_key<'a>(table: &'a Table, columns: &[SmolStr]) -> Option<&'a Index> {
    let is_known = |column: &str| columns.iter().any(|known| known == column);
    let names = |part: &IndexColumn| match &part.column {
        Some(name) => is_known(name),
        None => part.expr.root.all().into_iter().filter_map(Expr::column).all(is_known),
    };
    let keys = table.indexes.iter().filter(|index| index.unique && index.columns.iter().all(names));
    // a key that `onConflict` can name comes first
    keys.max_by_key(|index| (index.predicate.is_none(), index.plain_columns().is_some(), std::cmp::Reverse(index.columns.len())))
}

/// Returns the upsert that writes the row whether it exists or not.
fn upsert<S: AsRef<str>>(insert: AppQuery, columns: &[S]) -> String {
    let updates = |query: &&supalint_queries::shape::Query| {
        let is_alternative = |lookup: usize| query.flow.guards.iter().any(|guard| guard.query == lookup && guard.when == GuardKind::Found);
        let lookups = insert.query.flow.guards.iter().filter(|guard| guard.when == GuardKind::Missing).map(|guard| guard.query);
        query.command == AppCommand::Update && insert.has_target_of(query) && lookups.into_iter().any(is_alternative)
    };
    let columns = columns.iter().map(AsRef::as_ref).collect::<Vec<&str>>().join(",");
    let rest = if insert.beside.iter().any(|query| updates(&query)) { "" } else { ", ignoreDuplicates: true" };
    format!("`upsert(…, {{ onConflict: '{columns}'{rest} }})`")
}
