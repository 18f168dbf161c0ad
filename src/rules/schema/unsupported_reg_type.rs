//! Columns with `reg*` types that pg_upgrade refuses.

use crate::rules::prelude::*;

rule!("schema/unsupported-reg-type", Integrity, Warn, Schema(check));

/// Source: PostgreSQL's documentation, "pg_upgrade", under "Notes".
const REFUSED: [&str; 8] =
    ["regcollation", "regconfig", "regdictionary", "regnamespace", "regoper", "regoperator", "regproc", "regprocedure"];

fn check(cx: &mut Cx) {
    for table in cx.user_tables() {
        for column in &table.columns {
            if !REFUSED.iter().any(|ty| column.ty.is(ty)) {
                continue;
            }
            let (name, ty) = (&table.name, &column.ty.base);
            let message = format!("`{name}.{}` has the type {ty}, so pg_upgrade refuses to upgrade the database", column.name);
            cx.report((table, column), column.named, message)
                .help("Store the name as text, and cast it where it is used.")
                .advisor("unsupported_reg_types", format!("unsupported_reg_types_{}_{}_{}", name.schema, name.name, column.name));
        }
    }
}
