//! Foreign tables that API roles can read. They cannot have row level security.

use crate::remedy::restore;
use crate::rules::prelude::*;

rule!("access/foreign-table-exposed", Security, Warn, Schema(check), fixable);

fn check(cx: &mut Cx) {
    for table in cx.exposed_tables().filter(|table| table.kind == TableKind::Foreign) {
        let readers: Vec<&str> = API_ROLES.into_iter().filter(|role| cx.may_select_table(role, table)).collect();
        let who = match readers.as_slice() {
            [] => continue,
            ["authenticated"] => "every signed-in user",
            _ => "anyone who has the anon key",
        };
        let name = &table.name;
        let (sql, back) = restore::revoke(
            &format!("table {}", name.quoted()),
            &table.acl,
            &["public", "anon", "authenticated"],
            Privileges::SELECT,
            "select",
        );
        let grant = API_ROLES.iter().find_map(|role| table.acl.site(role, Privileges::SELECT)).filter(|at| *at != table.created);
        let message = format!("`{name}` is a foreign table, which cannot have row level security: {who} can read every remote row");
        let draft = cx.report(table, table.named, message);
        draft
            .label("readable through the API")
            .help("Revoke SELECT from the API roles, or move the table to a schema that the API does not serve. Show clients the rows that they may see through a function or a view.")
            .fix(Safety::Review, format!("Revoke SELECT on `{name}` from the API roles"), [Step::batch(Phase::Grant, sql).undo(back)])
            .check("Check that no client reads the table directly.")
            .advisor("foreign_table_in_api", format!("foreign_table_in_api_{}_{}", name.schema, name.name));
        if let Some(grant) = grant {
            draft.because(grant, "SELECT is granted here");
        }
    }
}
