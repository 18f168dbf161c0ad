//! Inserts that leave out a column without a default, and writes of NULL to a column that does not allow it.

use super::{quoted, report};
use crate::analysis::app_query::doubt::Doubts;
use crate::analysis::app_query::relation::Relation;
use crate::analysis::app_query::trigger::may_fill;
use crate::analysis::app_query::{AppQuery, all, known_target};
use crate::rules::prelude::*;
use supalint_queries::shape::{Command as AppCommand, Payload, ValueKind};

rule!("query/missing-value", Integrity, Error, Schema(check));

fn check(cx: &mut Cx) {
    for query in all(cx) {
        let relation = known_target(cx, query.query).filter(|relation| relation.is_known());
        let (Some(table), Some(payload)) = (relation.and_then(|relation| relation.table()), &query.query.payload) else { continue };
        match query.query.command {
            AppCommand::Insert | AppCommand::Upsert => {
                left_out(cx, query, table, payload);
                nulls(cx, query, table, payload, "INSERT");
            }
            AppCommand::Update => nulls(cx, query, table, payload, "UPDATE"),
            AppCommand::Select | AppCommand::Delete | AppCommand::Call => {}
        }
    }
}

fn left_out(cx: &mut Cx, query: AppQuery, table: &Table, payload: &Payload) {
    if !payload.complete || payload.entries.is_empty() {
        return;
    }
    let sets =
        |column: &Column| payload.entries.iter().any(|entry| entry.key.text == column.name && entry.value.kind != ValueKind::Undefined);
    let is_required = |column: &&Column| {
        requires_value(cx, table, column)
            && column.default.is_none()
            && column.identity.is_none()
            && column.generated.is_none()
            && column.sequence.is_none()
            && !may_have_default(cx, &column.ty)
            && !may_fill(cx, table, "INSERT", &column.name)
    };
    let certainty = Relation::Table(table).certainty(cx);
    let missing: Vec<&Column> = table.columns.iter().filter(|column| !sets(column)).filter(is_required).collect();
    let Some(first) = missing.first() else { return };
    let names: Vec<&str> = missing.iter().map(|column| column.name.as_str()).collect();
    let (noun, verb, pronoun) = if missing.len() == 1 { ("column", "is", "it") } else { ("columns", "are", "them") };
    let message = format!(
        "{noun} {} of `{}` {verb} NOT NULL without a default, but the insert leaves {pronoun} out: it fails with 23502",
        quoted(&names, "and"),
        table.name
    );
    report(cx, About::table(table), query, query.query.source, message)
        .discriminate(names.join(" "))
        .given(certainty)
        .help(format!("Pass a value for {}, or give the {noun} a default.", quoted(&names, "and")))
        .because(first.named, format!("`{}` is NOT NULL here", first.name));
}

fn nulls(cx: &mut Cx, query: AppQuery, table: &Table, payload: &Payload, event: &str) {
    for entry in payload.entries.iter().filter(|entry| entry.value.kind == ValueKind::Null) {
        let Some(column) = table.column(&entry.key.text) else { continue };
        if !requires_value(cx, table, column) || may_fill(cx, table, event, &column.name) {
            continue;
        }
        let message =
            format!("column `{}` of `{}` is NOT NULL, but the query sets it to null: it fails with 23502", column.name, table.name);
        report(cx, About::column(table, column), query, entry.value.span, message)
            .discriminate(event)
            .help("Pass a value, or allow NULL in the column.")
            .because(column.not_null.at, "NOT NULL is set here");
    }
}

fn requires_value(cx: &Cx, table: &Table, column: &Column) -> bool {
    column.not_null.value
        && column.not_null.certainty == Certainty::Certain
        && column.certainty == Certainty::Certain
        && !Doubts::of(cx).concern(&column.name)
        && table.kind != TableKind::Foreign
}

/// Returns whether a type of the project may have a default of its own.
fn may_have_default(cx: &Cx, ty: &DataType) -> bool {
    let Some(user) = &ty.user else { return false };
    !matches!(cx.catalog.types.get(user).map(|ty| &ty.kind), Some(TypeKind::Enum(_) | TypeKind::Composite(_)))
}
