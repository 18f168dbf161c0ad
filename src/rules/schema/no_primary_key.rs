//! Tables without a primary key.

use crate::rules::prelude::*;

rule!("schema/no-primary-key", Integrity, Info, Schema(check), fixable);

fn check(cx: &mut Cx) {
    for table in cx.user_tables().filter(|table| table.kind == TableKind::Ordinary && !table.external) {
        if table.primary_key().is_some() || table.indexes.iter().any(|index| index.primary) {
            continue;
        }
        let name = &table.name;
        let key = unique_key(table);
        let is_referred = cx.referring(name) > 0;
        let help = match &key {
            Some((_, columns)) => format!("Make the unique key ({columns}) the primary key. None of its columns can be NULL."),
            None => "Add a primary key, such as `id bigint generated always as identity primary key`.".to_string(),
        };
        let draft = cx.report(table, table.named, format!("`{name}` has no primary key, so nothing identifies a row"));
        draft.label("created here").help(help).advisor("no_primary_key", format!("no_primary_key_{}_{}", name.schema, name.name));
        let Some((key, columns)) = key else { continue };
        draft.because(key.at, "unique key whose columns cannot be NULL");
        // a foreign key depends on the unique key
        if !is_referred {
            let (table, old) = (name.quoted(), quote_ident(&key.name));
            let new = quote_ident(&derived_name(&name.name, "", "pkey"));
            let step = Step::batch(
                Phase::Constraint,
                format!("alter table {table}\n  drop constraint {old},\n  add constraint {new} primary key ({columns});"),
            )
            .undo(format!("alter table {table}\n  drop constraint {new},\n  add constraint {old} unique ({columns});"));
            draft
                .fix(Safety::Review, format!("Turn the unique key of `{name}` into its primary key"), [step])
                .check("The statement builds an index under a lock that blocks reads and writes. Queries with `on conflict on constraint` need the new name.");
        }
    }
}

/// Returns the first unique key whose columns are all NOT NULL, and its columns as SQL.
fn unique_key(table: &Table) -> Option<(&Constraint, String)> {
    let not_null = |name: &SmolStr| table.column(name).is_some_and(|column| column.not_null.value);
    let is_key = |constraint: &&Constraint| {
        constraint.kind == ConstraintKind::Unique && !constraint.deferrable && constraint.columns.iter().all(not_null)
    };
    let key = table.constraints.iter().find(is_key)?;
    let columns: Vec<String> = key.columns.iter().map(|name| quote_ident(name)).collect();
    Some((key, columns.join(", ")))
}
