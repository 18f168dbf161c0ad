//! Policies that only apply to roles that bypass row level security.

use crate::analysis::predicate::outcomes;
use crate::analysis::predicate::roles_compared;
use crate::remedy::merged_policy::drop;
use crate::rules::prelude::*;

rule!("rls/service-role-only", Performance, Info, Schema(check), fixable);

fn check(cx: &mut Cx) {
    for (table, policy) in cx.policies() {
        let bypasses = |role: &SmolStr| cx.catalog.roles.get(role).is_some_and(|role| role.bypass_rls || role.superuser);
        let named = policy.roles.iter().all(bypasses);
        // the condition asks for the service role, so that it is true for no client
        let asks = policy.clauses().any(|(_, clause)| {
            clause
                .root
                .all()
                .into_iter()
                .any(|expr| roles_compared(expr).is_some_and(|(roles, negated)| !negated && roles == ["service_role"]))
        });
        let never = || {
            policy.clauses().next().is_some()
                && policy.clauses().all(|(_, clause)| API_ROLES.iter().all(|role| outcomes(&clause.root, role).is_never_true()))
        };
        let own_roles = policy.roles.iter().all(|role| role == "public" || bypasses(role) || API_ROLES.contains(&role.as_str()));
        if policy.permissive && (named || asks && own_roles && never()) {
            report(cx, table, policy, named);
        }
    }
}

fn report(cx: &mut Cx, table: &Table, policy: &Policy, named: bool) {
    let why = match named {
        true => "applies only to roles that bypass row level security",
        false => "is true only for the service role, which bypasses row level security, but PostgreSQL evaluates it for clients",
    };
    let message = format!("policy \"{}\" on `{}` has no effect: it {why}", policy.name, table.name);
    let is_known = policy.certainty == Certainty::Certain && !cx.may_have_changed(policy);
    let safety = if is_known { Safety::Review } else { Safety::Manual };
    let step = drop(cx, table, policy);
    let draft = cx.report((table, policy), policy.named, message);
    draft
        .help("Drop the policy. The service role needs privileges on the table, but no policy.")
        .cause(
            "service-role",
            "policy is only for roles that bypass row level security",
            "policies are only for roles that bypass row level security",
        )
        .fix(safety, format!("Drop policy \"{}\" on `{}`", policy.name, table.name), [step])
        .check("Check that server code uses the service role.");
}
