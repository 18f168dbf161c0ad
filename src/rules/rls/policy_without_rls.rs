//! Policies of a table without row level security are kept and never looked at.

use super::disabled::{can_have_rls, enable, exposure};
use crate::rules::prelude::*;

rule!("rls/policy-without-rls", Security, Error, Schema(check), fixable);

fn check(cx: &mut Cx) {
    for table in cx.user_tables().filter(|table| !table.rls.value && can_have_rls(table)) {
            let Some(policy) = table.policies.first() else { continue };
            let name = &table.name;
            let what = match table.policies.len() {
                1 => format!("policy \"{}\" has", policy.name),
                count => format!("{count} policies have"),
            };
            let exposed = if cx.is_exposed(&name.schema) { exposure(cx, table) } else { None };
            let so = exposed.unwrap_or_else(|| "whoever holds a privilege may use every row".to_string());
            let message = format!("{what} no effect, because row level security is off on `{name}`: {so}");
            let turned_off = table.rls.at != table.created && !table.rls.at.is_platform();
            let draft = match turned_off {
                true => cx.report(table, table.rls.at, message).label("turned off here").because(policy.named, "not looked at"),
                false => cx.report(table, policy.named, message).label("not looked at").because(table.named, "created here"),
            };
            draft
                .given(table.rls.certainty)
                .given(policy.certainty)
                .help("enable row level security, after checking that the policies let through what clients need")
                .fix(Safety::Review, format!("Enable row level security on `{name}`"), [enable(table)]);
            if table.kind == TableKind::Ordinary {
                draft.advisor("policy_exists_rls_disabled", format!("policy_exists_rls_disabled_{}_{}", name.schema, name.name));
            }
}
}
