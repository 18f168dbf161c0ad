//! Row level security without a policy lets nobody in but the owner and roles that bypass it: right for a table that only server
//! code uses, and worth a word where that was not meant.

use super::disabled::can_have_rls;
use crate::rules::prelude::*;

rule!("rls/no-policy", Security, Info, Schema(check));

fn check(cx: &mut Cx) {
    for table in cx.user_tables().filter(|table| table.rls.value && can_have_rls(table) && table.policies.is_empty()) {
        let name = &table.name;
        let message = format!("`{name}` has row level security and no policy: API clients see no row and can write none");
        let draft = cx
            .report(table, table.rls.at, message)
            .label("enabled here, and no policy is left")
            .because(table.named, "created here")
            .given(table.rls.certainty)
            .help("keep it so if only server code with the service role uses the table; otherwise add a policy for each command that clients need");
        if table.kind == TableKind::Ordinary {
            draft.advisor("rls_enabled_no_policy", format!("rls_enabled_no_policy_{}_{}", name.schema, name.name));
        }
    }
}
