//! Policies that compare the role of the caller in their condition, which TO does.

use crate::analysis::predicate::roles_compared;
use crate::rules::prelude::*;

rule!("rls/role-check", Performance, Info, Schema(check));

fn check(cx: &mut Cx) {
    for (table, policy) in cx.policies() {
        let found = policy.clauses().find_map(|(_, clause)| {
            let compared = clause.root.conjuncts().into_iter().find_map(|conjunct| Some((conjunct, roles_compared(conjunct)?)));
            compared
                .filter(|(_, (roles, negated))| !negated && roles.iter().all(|role| API_ROLES.contains(role)))
                .map(|found| (clause, found))
        });
        if let Some((clause, (conjunct, (roles, _)))) = found {
            let to = roles.join(", ");
            let message = format!(
                "policy \"{}\" on `{}` compares the role of the caller, so PostgreSQL evaluates it for other roles too",
                policy.name, table.name
            );
            cx.report((table, policy), clause.at(conjunct), message)
                .label(format!("the same as `to {to}`"))
                .given(table.rls.certainty)
                .help(format!("Name the role in TO: `to {to}`, and drop this condition."))
                .cause(
                    "role-check",
                    "policy compares the role of the caller instead of using TO",
                    "policies compare the role of the caller instead of using TO",
                );
        }
    }
}
