//! Policies that compare the role of the caller in their condition, which TO does.

use crate::analysis::predicate::roles_compared;
use crate::catalog::PUBLIC;
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
    let steps = without_check(cx, table, policy, roles);
    let (safety, known) = rests_on_text(cx, policy, Safety::Review);
    let draft = cx.report((table, policy), at, message);
    draft.label(format!("the same as `to {to}`")).given(table.rls.certainty).given(known).help(help).cause(
        "role-check",
        "policy compares the role of the caller instead of using TO",
        "policies compare the role of the caller instead of using TO",
    );
    if let Some(steps) = steps {
        let verb = if is_said { "Drop" } else { "Replace" };
        let title = format!("{verb} the comparison of the role in policy \"{}\": TO names `{}`", policy.name, roles.join("`, `"));
        draft
            .fix(safety, title, steps)
            .check(format!("Check that no role is a member of `{}`: it would gain what the policy allows.", roles.join("`, `")));
    }
}

/// Returns the steps that remove the comparison from a policy and name the roles in TO. `None` if another clause does not compare the role,
/// so that TO would restrict more than the comparison.
fn without_check(cx: &Cx, table: &Table, policy: &Policy, roles: &[&str]) -> Option<Vec<Step>> {
    let is_said = policy.roles.iter().all(|role| roles.contains(&role.as_str()));
    let is_for_all = policy.permissive && policy.roles.iter().all(|role| role == PUBLIC);
    let edits = |clause: &Expression| -> Option<Edits> {
        let Some((conjunct, _)) = role_check(clause).filter(|(_, compared)| compared == roles) else {
            return is_said.then(Edits::new);
        };
        Some(match std::ptr::eq(conjunct, &*clause.root) {
            true => vec![(clause.site.span, "true".to_string())],
            false => vec![(without(cx, clause, &clause.root, conjunct)?, String::new())],
        })
    };
    let edits: Option<Vec<Edits>> = policy.clauses().map(|(_, clause)| edits(clause)).collect();
    let step = alter(cx, table, policy, &edits?);
    let name = format!("alter policy {} on {}", quote_ident(&policy.name), table.name.quoted());
    match (is_said, is_for_all) {
        (true, _) => Some(vec![step]),
        (false, true) => {
            let to = Step::batch(Phase::Policy, format!("{name} to {};", roles.join(", "))).undo(format!("{name} to public;"));
            Some(vec![to, step])
        }
        (false, false) => None,
    }
}
