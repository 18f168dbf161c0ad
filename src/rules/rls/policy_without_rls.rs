//! Policies on a table without row level security, which have no effect.

use crate::analysis::exposure::{can_have_rls, exposure};
use crate::remedy::rls::enable;
use crate::rules::prelude::*;
use crate::rules::rls::disabled::advisor_rows;

rule!("rls/policy-without-rls", Security, Error, Schema(check), fixable);

fn check(cx: &mut Cx) {
    for table in cx.user_tables().filter(|table| !table.rls.value && can_have_rls(table)) {
        for policy in &table.policies {
            report(cx, table, policy);
        }
    }
}

fn report(cx: &mut Cx, table: &Table, policy: &Policy) {
    let name = &table.name;
    let exposed = if cx.is_exposed(&name.schema) { exposure(cx, table) } else { None };
    let effect = exposed.unwrap_or_else(|| "every role with a privilege on the table can use every row".to_string());
    let message = format!("policy \"{}\" has no effect, because row level security is disabled on `{name}`: {effect}", policy.name);
    let turned_off = table.rls.at != table.created && !table.rls.at.is_platform();
    let rows = advisor_rows(cx, table);
    let draft = cx.report((table, policy), policy.named, message);
    draft
        .label("has no effect")
        .because(if turned_off { table.rls.at } else { table.named }, if turned_off { "disabled here" } else { "created here" })
        .given(table.rls.certainty)
        .cause(
            name.to_string(),
            format!("policy has no effect, because row level security is disabled on `{name}`"),
            format!("policies have no effect, because row level security is disabled on `{name}`"),
        )
        .help("Check that the policies allow what clients need, then enable row level security.")
        .fix(Safety::Review, format!("Enable row level security on `{name}`"), [enable(table)]);
    if table.kind == TableKind::Ordinary {
        draft.advisor("policy_exists_rls_disabled", format!("policy_exists_rls_disabled_{}_{}", name.schema, name.name));
    }
    for (lint, key) in rows {
        draft.advisor(lint, key);
    }
}
