//! Row level security without a policy lets nobody in but the owner and roles that bypass it: right for a table that only server
//! code uses, and worth a word where that was not meant.

use crate::analysis::exposure::can_have_rls;
use crate::rules::prelude::*;

rule!("rls/no-policy", Security, Info, Schema(check));

fn check(cx: &mut Cx) {
    for table in cx.user_tables() {
        if !table.rls.value || !can_have_rls(table) || !table.policies.is_empty() {
            continue;
        }
        let name = &table.name;
        let (whom, help) = match cx.serves_api() {
            true => (
                "API clients see no row and can write none",
                "keep it so if only server code with the service role uses the table; otherwise add a policy for each command that clients need",
            ),
            false => (
                "only its owner and roles with BYPASSRLS see its rows and can write any",
                "keep it so if only those use the table; otherwise add a policy for each command that other roles need",
            ),
        };
        let message = format!("`{name}` has row level security and no policy: {whom}");
        let draft = cx
            .report(table, table.rls.at, message)
            .label("enabled here, and no policy is left")
            .because(table.named, "created here")
            .given(table.rls.certainty)
            .help(help);
        if table.kind == TableKind::Ordinary {
            draft.advisor("rls_enabled_no_policy", format!("rls_enabled_no_policy_{}_{}", name.schema, name.name));
        }
    }
}
