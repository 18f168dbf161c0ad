//! Policies without TO that are never true for anonymous requests, on tables with policies that have a TO.

use crate::analysis::predicate::outcomes;
use crate::project::Platform;
use crate::rules::prelude::*;

rule!("rls/missing-to", Performance, Info, Schema(check), fixable);

fn check(cx: &mut Cx) {
    for (table, policy) in cx.policies() {
        let is_public = policy.roles.iter().any(|role| role == "public");
        let sibling = table.policies.iter().find(|other| other.roles.iter().any(|role| role == "authenticated"));
        let never = |role: &str| policy.clauses().any(|(_, clause)| outcomes(&clause.root, role).is_never_true());
        let (Some(sibling), true) = (sibling, is_public && table.rls.value && policy.permissive) else { continue };
        // one that is true for nobody is another matter
        if never("anon") && !never("authenticated") {
            report(cx, table, policy, sibling);
        }
    }
}

fn report(cx: &mut Cx, table: &Table, policy: &Policy, sibling: &Policy) {
    let name = &table.name;
    let message = format!(
        "policy \"{}\" on `{name}` has no TO: PostgreSQL evaluates it for anonymous requests too, although it is never true for them",
        policy.name
    );
    // roles of the project may have users with an id
    let own_roles = cx.catalog.roles.values().any(|role| !role.at.is_platform() && !role.bypass_rls);
    let is_known = policy.certainty == Certainty::Certain && !cx.may_have_changed(policy);
    let safety = match (is_known, own_roles || cx.platform() != Platform::Supabase) {
        (false, _) => Safety::Manual,
        (true, true) => Safety::Review,
        (true, false) => Safety::Safe,
    };
    let alter = |to: &str| format!("alter policy {} on {} to {to};", quote_ident(&policy.name), name.quoted());
    let step = Step::batch(Phase::Policy, alter("authenticated")).undo(alter("public"));
    let draft = cx.report((table, policy), policy.named, message);
    draft
        .because(sibling.named, "this policy has a TO")
        .given(table.rls.certainty)
        .help("Add `to authenticated`. PostgreSQL then skips the policy for other roles.")
        .cause(
            "missing-to",
            "policy has no TO, but is never true for anonymous requests",
            "policies have no TO, but are never true for anonymous requests",
        )
        .fix(safety, format!("Add TO to policy \"{}\"", policy.name), [step]);
}
