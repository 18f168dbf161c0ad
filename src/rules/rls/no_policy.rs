//! Tables with row level security but no policy. Only the owner and roles that bypass row level security have access, which is right for
//! tables that only server code uses.

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
                "API clients can neither read nor write rows",
                "Keep it if only server code with the service role uses the table. Otherwise add a policy for each command that clients need.",
            ),
            false => (
                "only its owner and roles with BYPASSRLS can read and write rows",
                "Keep it if only these roles use the table. Otherwise add a policy for each command that other roles need.",
            ),
        };
        let message = format!("`{name}` has row level security but no policy: {whom}");
        let draft = cx
            .report(table, table.rls.at, message)
            .label("enabled here, but the table has no policy")
            .because(table.named, "created here")
            .given(table.rls.certainty)
            .help(help);
        if table.kind == TableKind::Ordinary {
            draft.advisor("rls_enabled_no_policy", format!("rls_enabled_no_policy_{}_{}", name.schema, name.name));
        }
    }
}
