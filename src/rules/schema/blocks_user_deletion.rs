//! Foreign keys that prevent the deletion of users and tenants.

use crate::analysis::tenant::Tenants;
use crate::remedy::restore;
use crate::rules::prelude::*;

rule!("schema/blocks-user-deletion", Integrity, Warn, Schema(check), fixable);

fn check(cx: &mut Cx) {
    let tenants = Tenants::of(cx);
    let people = people(cx);
    for table in cx.user_tables().filter(|table| !table.external) {
        for (constraint, key) in table.foreign_keys().filter(|(_, key)| key.on_delete == ReferentialAction::NoAction) {
            // a row that refers to its own table goes with it, or is about the tree and not about the person
            if key.table == table.name {
                continue;
            }
            if people.contains(&key.table) {
                report(cx, table, constraint, key, "user");
            } else if tenants.is_tenant_table(&key.table) {
                report(cx, table, constraint, key, "tenant");
            }
        }
    }
}

/// Returns `auth.users` and the tables whose rows are deleted with their user, because their primary key refers to it with CASCADE.
fn people(cx: &Cx) -> Vec<QName> {
    let mut people = vec![QName::new("auth", "users")];
    let mut at = 0;
    while at < people.len() {
        let of = people[at].clone();
        let is_profile = |table: &&Table| {
            table.primary_key().is_some_and(|primary| {
                table.foreign_keys().any(|(constraint, key)| {
                    key.table == of && key.on_delete == ReferentialAction::Cascade && constraint.columns == primary.columns
                })
            })
        };
        for profile in cx.user_tables().filter(is_profile) {
            if !people.contains(&profile.name) {
                people.push(profile.name.clone());
            }
        }
        at += 1;
    }
    people
}

fn report(cx: &mut Cx, table: &Table, constraint: &Constraint, key: &ForeignKey, who: &str) {
    let (name, of) = (&table.name, &key.table);
    let columns = constraint.columns.join(", ");
    let nullable = constraint.columns.iter().all(|column| table.column(column).is_some_and(|column| !column.not_null.value))
        && table.primary_key().is_none_or(|primary| !primary.columns.iter().any(|column| constraint.columns.contains(column)));
    let (action, effect) = match nullable {
        true => ("set null", format!("deleting the {who} then sets `{columns}` to NULL")),
        false => ("cascade", format!("deleting the {who} then deletes the rows of `{name}`")),
    };
    let via = if of.schema == "auth" || who == "tenant" { "" } else { ", whose rows are deleted with their user," };
    let message = format!("a {who} with a row in `{name}` cannot be deleted: `{columns}` refers to `{of}`{via} without ON DELETE");
    let list = |names: &[SmolStr]| names.iter().map(|name| quote_ident(name)).collect::<Vec<_>>().join(", ");
    let (quoted, named) = (name.quoted(), quote_ident(&constraint.name));
    // what the constraint was, unless it has clauses that are not known
    let old = restore::constraint(cx, table, constraint).filter(|_| table.kind == TableKind::Ordinary);
    let on_update = if key.on_update == ReferentialAction::Cascade { " on update cascade" } else { "" };
    let drop = format!("alter table {quoted} drop constraint {named};");
    let replace = format!(
        "alter table {quoted}\n  drop constraint {named},\n  add constraint {named} foreign key ({}) references {} ({}){on_update} on delete {action} not valid;",
        list(&constraint.columns),
        of.quoted(),
        list(&key.columns)
    );
    let validate = Step::next_file(Phase::Constraint, format!("alter table {quoted} validate constraint {named};"));
    let draft = cx.report((table, constraint), constraint.at, message);
    draft
        .severity(if who == "user" { Severity::Warn } else { Severity::Info })
        .help("Write what happens to the rows: `on delete cascade`, `on delete set null`, or `on delete restrict` if this is intended.")
        .cause(
            who,
            format!("foreign key without ON DELETE prevents the deletion of a {who}"),
            format!("foreign keys without ON DELETE prevent the deletion of {who}s"),
        );
    if let Some(old) = old {
        let replace = Step::batch(Phase::Constraint, replace).undo(format!("{drop}\n{old}"));
        draft
            .fix(Safety::Review, format!("Add `on delete {action}` to \"{}\" of `{name}` ({effect})", constraint.name), [replace, validate])
            .check(format!("Check that the rows of `{name}` may be lost or may lose their {who}."));
    }
}
