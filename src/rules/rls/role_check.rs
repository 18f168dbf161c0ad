//! Policies that compare the role of the caller in their condition, which TO does.

use crate::analysis::predicate::roles_compared;
use crate::remedy::policy_edit::{Edits, alter, rests_on_text, without};
use crate::rules::prelude::*;

rule!("rls/role-check", Performance, Info, Schema(check), fixable);

fn check(cx: &mut Cx) {
    for (table, policy) in cx.policies() {
        let found = policy.clauses().find_map(|(_, clause)| role_check(clause).map(|found| (clause, found)));
        if let Some((clause, (conjunct, roles))) = found {
            report(cx, table, policy, clause.at(conjunct), &roles);
        }
    }
}

/// Returns the operand of AND that compares the role of the caller, and the roles.
fn role_check(clause: &Expression) -> Option<(&Expr, Vec<&str>)> {
    let (conjunct, (roles, negated)) =
        clause.root.conjuncts().into_iter().find_map(|conjunct| Some((conjunct, roles_compared(conjunct)?)))?;
    (!negated && roles.iter().all(|role| API_ROLES.contains(role))).then_some((conjunct, roles))
}

fn report(cx: &mut Cx, table: &Table, policy: &Policy, at: Site, roles: &[&str]) {
    let name = &table.name;
    let is_said = policy.roles.iter().all(|role| roles.contains(&role.as_str()));
    let to = roles.join(", ");
    let message = match is_said {
        true => format!("policy \"{}\" on `{name}` compares the role of the caller, although TO already names it", policy.name),
        false => format!(
            "policy \"{}\" on `{name}` compares the role of the caller, so PostgreSQL evaluates it for other roles too",
            policy.name
        ),
    };
    let help = match is_said {
        true => "Drop this condition.".to_string(),
        false => format!("Name the role in TO: `to {to}`, and drop this condition."),
    };
    let step = if is_said { without_check(cx, table, policy) } else { None };
    let (safety, known) = rests_on_text(cx, policy, Safety::Review);
    let draft = cx.report((table, policy), at, message);
    draft
        .label(format!("the same as `to {to}`"))
        .given(table.rls.certainty)
        .given(known)
        .help(help)
        .cause(
            "role-check",
            "policy compares the role of the caller instead of using TO",
            "policies compare the role of the caller instead of using TO",
        );
    if let Some(step) = step {
        let title = format!("Drop the comparison of the role in policy \"{}\", because TO names the role", policy.name);
        draft
            .fix(safety, title, [step])
            .check(format!("Check that no role is a member of `{}`: it would gain what the policy allows.", policy.roles.join("`, `")));
    }
}

/// Returns the step that removes the comparison from the clauses of a policy whose TO names the same role.
fn without_check(cx: &Cx, table: &Table, policy: &Policy) -> Option<Step> {
    let edits = |clause: &Expression| -> Option<Edits> {
        let Some((conjunct, roles)) = role_check(clause) else { return Some(Edits::new()) };
        if !policy.roles.iter().all(|role| roles.contains(&role.as_str())) {
            return Some(Edits::new());
        }
        Some(match std::ptr::eq(conjunct, &*clause.root) {
            true => vec![(clause.site.span, "true".to_string())],
            false => vec![(without(cx, clause, &clause.root, conjunct)?, String::new())],
        })
    };
    let edits: Option<Vec<Edits>> = policy.clauses().map(|(_, clause)| edits(clause)).collect();
    Some(alter(cx, table, policy, &edits?))
}
