//! Policies that allow nothing that another policy does not allow, because it has the same condition.

use crate::remedy::merged_policy::{drop, repeats};
use crate::rules::prelude::*;

rule!("rls/duplicate-policy", Performance, Warn, Schema(check), fixable);

fn check(cx: &mut Cx) {
    for (table, policy) in cx.policies() {
        if let Some(other) = table.policies.iter().find(|other| repeats(cx, policy, other)) {
            report(cx, table, policy, other);
        }
    }
}

fn report(cx: &mut Cx, table: &Table, policy: &Policy, other: &Policy) {
    let message = format!("policy \"{}\" on `{}` repeats policy \"{}\": it allows nothing else", policy.name, table.name, other.name);
    let is_known = |policy: &Policy| policy.certainty == Certainty::Certain && !cx.may_have_changed(policy);
    let safety = if is_known(policy) && is_known(other) { Safety::Safe } else { Safety::Manual };
    let step = drop(cx, table, policy);
    let scope = |policy: &Policy| format!("for {} to {}", policy.command.word(), policy.roles.join(", "));
    let draft = cx.report((table, policy), policy.named, message);
    draft
        .label(scope(policy))
        .because(other.named, format!("the same condition, {}", scope(other)))
        .given(other.certainty)
        .help("Drop the policy. PostgreSQL evaluates its condition for each row that no other policy allows.")
        .fix(safety, format!("Drop policy \"{}\" on `{}`", policy.name, table.name), [step]);
}
