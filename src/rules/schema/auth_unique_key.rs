//! Foreign keys to columns of the schema auth that are unique, but not the primary key.

use crate::remedy::restore;
use crate::rules::prelude::*;

rule!("schema/auth-unique-key", Integrity, Error, Schema(check), fixable);

fn check(cx: &mut Cx) {
    for table in cx.user_tables() {
        for (constraint, key) in table.foreign_keys().filter(|(_, key)| key.table.schema == "auth") {
            let Some(of) = cx.catalog.table(&key.table) else { continue };
            let sorted = |columns: &[SmolStr]| {
                let mut columns = columns.to_vec();
                columns.sort_unstable();
                columns
            };
            let is_primary = of.primary_key().is_none_or(|primary| sorted(&primary.columns) == sorted(&key.columns));
            if is_primary {
                continue;
            }
            let name = &table.name;
            let columns = key.columns.join(", ");
            let message = format!(
                "the foreign key \"{}\" of `{name}` refers to `{}({columns})`, which is not its primary key: Supabase Auth can change or remove that unique key, and the change fails while the foreign key exists",
                constraint.name, key.table
            );
            let drop = format!("alter table {} drop constraint {};", name.quoted(), quote_ident(&constraint.name));
            let mut step = Step::batch(Phase::Constraint, drop);
            if let Some(back) = restore::constraint(cx, table, constraint) {
                step = step.undo(back);
            }
            cx.report((table, constraint), constraint.at, message)
                .help(format!("Refer to the primary key of `{}` instead.", key.table))
                .fix(Safety::Review, format!("Drop the foreign key \"{}\" of `{name}`", constraint.name), [step])
                .check("Nothing checks the column after the fix. Add a column that refers to the primary key if rows must have a user.")
                .advisor("fkey_to_auth_unique", format!("fkey_to_auth_unique_{}_{}_{}", name.schema, name.name, constraint.name));
        }
    }
}
