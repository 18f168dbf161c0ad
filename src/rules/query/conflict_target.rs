//! Upserts whose `onConflict` matches no unique key.

use super::{quoted, report};
use crate::analysis::app_query::doubt::Doubts;
use crate::analysis::app_query::relation::Relation;
use crate::analysis::app_query::{AppQuery, all, known_target};
use crate::rules::prelude::*;
use std::collections::BTreeSet;
use supalint_queries::shape::{Command as AppCommand, Named};

rule!("query/conflict-target", Integrity, Error, Schema(check));

fn check(cx: &mut Cx) {
    for query in all(cx) {
        let (AppCommand::Upsert, Some(columns)) = (query.query.command, &query.query.on_conflict) else { continue };
        let relation = known_target(cx, query.query).filter(|relation| relation.is_known());
        let Some(table) = relation.and_then(|relation| relation.table()) else { continue };
        let all_exist = columns.iter().all(|column| table.column(&column.text).is_some());
        if !columns.is_empty() && all_exist && table.inherits.is_empty() && table.partition_of.is_none() {
            compare(cx, query, table, columns);
        }
    }
}

fn compare(cx: &mut Cx, query: AppQuery, table: &Table, columns: &[Named]) {
    let wanted: BTreeSet<&str> = columns.iter().map(|column| column.text.as_str()).collect();
    let covers = |index: &&Index| {
        index.unique && index.plain_columns().is_some_and(|columns| columns.into_iter().collect::<BTreeSet<_>>() == wanted)
    };
    let matching: Vec<&Index> = table.indexes.iter().filter(covers).collect();
    let has_unknown = table.indexes.iter().any(|index| index.certainty == Certainty::Maybe)
        || table.constraints.iter().any(|constraint| constraint.certainty == Certainty::Maybe);
    if matching.iter().any(|index| index.predicate.is_none()) || has_unknown || Doubts::of(cx).concern(&table.name.name) {
        return;
    }
    let names: Vec<&str> = columns.iter().map(|column| column.text.as_str()).collect();
    let message =
        format!("no unique key of `{}` has exactly the columns {}: the upsert fails with 42P10", table.name, quoted(&names, "and"));
    let span = columns[0].span.to(columns[columns.len() - 1].span);
    let certainty = Relation::Table(table).certainty(cx);
    let draft = report(cx, About::table(table), query, span, message);
    draft.given(certainty);
    let list = names.iter().map(|name| quote_ident(name)).collect::<Vec<_>>().join(", ");
    draft.help(format!("Add a unique constraint: `alter table {} add unique ({list})`.", table.name.quoted()));
    if let Some(partial) = matching.first() {
        draft.because(partial.named, "a partial unique index is not a target of `onConflict`");
    } else {
        draft.because(table.named, "the table is created here");
    }
}
