//! Columns of existing rows that statements and functions of the project write.

use super::prelude::*;
use super::scope::Reader;
use super::state::SqlOwner;
use std::collections::BTreeSet;

/// Columns that an UPDATE writes, in a migration or in a function that a trigger or other SQL calls.
pub type ColumnWrites = BTreeSet<(QName, SmolStr)>;

/// Returns whether an UPDATE writes a column.
pub fn is_filled(cx: &State, table: &Table, column: &str) -> bool {
    cx.analyses().writes.get_or_init(|| of(cx)).contains(&(table.name.clone(), column.into()))
}

fn of(cx: &State) -> ColumnWrites {
    let mut out: ColumnWrites = cx.catalog.updated.keys().cloned().collect();
    let called = called_functions(cx);
    for function in cx.user_functions().filter(|function| called.contains(&function.name.name)) {
        for (origin, code) in cx.code_of(function) {
            code.each_data(&mut |data| {
                if let (Data::Update(update), Some(table)) = (data, origin.written(data)) {
                    let columns = update.assignments.iter().flat_map(|assignment| &assignment.columns);
                    out.extend(columns.map(|column| (table.clone(), column.name.clone())));
                }
            });
        }
    }
    out
}

/// Returns the names of functions that triggers, policies, views or other functions call.
fn called_functions(cx: &State) -> BTreeSet<SmolStr> {
    let mut out: BTreeSet<SmolStr> = BTreeSet::new();
    let triggers =
        cx.catalog.tables.values().flat_map(|table| &table.triggers).chain(cx.catalog.views.values().flat_map(|view| &view.triggers));
    out.extend(triggers.map(|trigger| trigger.function.name.clone()));
    for owner in cx.sql_owners() {
        super::scope::visit(cx, owner, &mut |_: Reader, node, _| {
            if let Node::Expr(Expr { kind: ExprKind::Call(call), .. }) = node {
                let own = matches!(owner, SqlOwner::Function(function) if function.name.name == call.name.last());
                if !own {
                    out.insert(call.name.last().into());
                }
            }
        });
    }
    out
}
