//! Policies that let clients read every row of a table whose rows belong to users or tenants.

use crate::analysis::needed_privileges::list;
use crate::analysis::open_policies::{openings, whose};
use crate::analysis::owner_columns::{OwnerColumn, owner_columns};
use crate::rules::prelude::*;

rule!("rls/open-read", Security, Warn, Schema(check));

/// Words in names of columns with personal data.
const PERSONAL: [&str; 10] = ["email", "phone", "birth", "address", "iban", "passport", "salary", "token", "secret", "password"];

fn check(cx: &mut Cx) {
    for (table, policy) in cx.policies() {
        let opened = openings(cx, table, policy, &|_| None);
        // rls/always-true reports a policy for all commands
        if opened.iter().any(|opening| opening.command != Command::Select && opening.effective) {
            continue;
        }
        let roles: Vec<&str> = opened.iter().filter(|opening| opening.effective).map(|opening| opening.role).collect();
        let owners = owner_columns(cx, table);
        if let (Some(role), false) = (roles.first(), owners.is_empty()) {
            report(cx, table, policy, role, &owners);
        }
    }
}

fn report(cx: &mut Cx, table: &Table, policy: &Policy, role: &str, owners: &[OwnerColumn]) {
    let name = &table.name;
    let is_tenant = owners.iter().any(|owner| owner.is_tenant);
    let (belong, others) = if is_tenant { ("tenants", "other tenants") } else { ("users", "other users") };
    let columns: Vec<String> =
        owners.iter().filter(|owner| owner.is_tenant == is_tenant).map(|owner| format!("`{}`", owner.name)).collect();
    let personal: Vec<String> = table
        .columns
        .iter()
        .filter(|column| PERSONAL.iter().any(|word| column.name.split('_').any(|part| part == *word)))
        .map(|column| format!("`{}`", column.name))
        .collect();
    let including = if personal.is_empty() { String::new() } else { format!(", including {}", list(&personal, "and")) };
    let message = format!(
        "policy \"{}\" lets {} read every row of `{name}`{including}, although its rows belong to {belong} (by {})",
        policy.name,
        whose(role),
        list(&columns, "and")
    );
    // a row for each user is often a profile, and a column such as created_by often only tells who did something
    let is_shared = owners.iter().all(|owner| !owner.is_tenant && (owner.is_key || owner.name.ends_with("_by"))) && personal.is_empty();
    let place = policy.using.as_ref().map_or(policy.named, |using| using.site);
    let draft = cx.report((table, policy), place, message);
    draft
        .label("always true")
        .because(policy.named, "policy created here")
        .given(table.rls.certainty)
        .help(format!("Compare {} with the caller, so that rows of {others} stay hidden. If the table is meant to be public, allow the diagnostic once in a comment above the policy.", columns[0]));
    let whom = format!("{} read every row of tables whose rows belong to {belong}", whose(role));
    draft.cause(format!("{role} {belong}"), format!("policy lets {whom}"), format!("policies let {whom}"));
    if is_shared {
        draft.severity(Severity::Info);
    }
}
