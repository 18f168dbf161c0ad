//! Policies that let a row move to another owner or tenant, because WITH CHECK lacks a condition of USING.

use crate::analysis::caller_check::pinned;
use crate::analysis::owner_columns::owner_columns;
use crate::analysis::row_columns::row_columns;
use crate::remedy::policy_edit::{Edits, alter, rests_on_text, whole};
use crate::remedy::wrapped_call::wrapped_in;
use crate::rules::prelude::*;
use crate::rules::rls::always_true::is_advised;

rule!("rls/weaker-check", Security, Warn, Schema(check), fixable);

fn check(cx: &mut Cx) {
    for (table, policy) in cx.policies() {
        let updates = table.rls.value && policy.permissive && policy.applies_to(Command::Update);
        let (Some(using), Some(check), true) = (&policy.using, &policy.check, updates) else { continue };
        let narrowed = table.policies.iter().any(|other| !other.permissive && other.applies_to(Command::Update));
        let clients: Vec<&str> =
            API_ROLES.into_iter().filter(|role| cx.concerns(policy, role) && cx.reachable(role, table, Privileges::UPDATE)).collect();
        if narrowed || clients.is_empty() {
            continue;
        }
        let conjuncts = using.root.conjuncts();
        let owners = owner_columns(cx, table);
        let kept = row_columns(&check.root, table, 0);
        let calls = check
            .root
            .all()
            .into_iter()
            .filter_map(Expr::as_call)
            .any(|call| call.name.schema() != Some("auth") && cx.catalog.find_functions(&call.name).is_some());
        // a condition that each allowed row meets, and that the new row need not meet
        let lost = owners.iter().find(|owner| {
            let required = conjuncts.iter().any(|conjunct| match owner.is_tenant {
                true => {
                    !matches!(conjunct.kind, ExprKind::Logic { .. })
                        && row_columns(conjunct, table, 0).iter().any(|(name, _)| *name == owner.name)
                }
                false => pinned(cx, conjunct).is_some_and(|column| column == owner.name),
            });
            // a user may claim a row
            let claimed = !owner.is_tenant && check.root.conjuncts().iter().any(|conjunct| pinned(cx, conjunct).is_some());
            required && !owner.is_key && !calls && !claimed && !kept.iter().any(|(name, _)| *name == owner.name)
        });
        if let Some(owner) = lost {
            report(cx, table, policy, (using, check), &owner.name, owner.is_tenant);
        }
    }
}

fn report(cx: &mut Cx, table: &Table, policy: &Policy, (using, check): (&Expression, &Expression), column: &str, is_tenant: bool) {
    let name = &table.name;
    let other = if is_tenant { "another tenant" } else { "another user" };
    let message = format!(
        "policy \"{}\" on `{name}` lets {} move a row to {other}: USING requires `{column}`, but WITH CHECK does not check it in the new row",
        policy.name,
        if policy.roles.iter().any(|role| role == "public") { "clients".to_string() } else { format!("`{}`", policy.roles.join("`, `")) }
    );
    let wrapped = |clause| wrapped_in(cx, table, policy, policy.command, clause);
    let wraps = wrapped(check);
    let text = whole(cx, using, &wrapped(using));
    let span = check.site.span;
    let edits: Edits = match check.root.is_true() {
        true => vec![(span, text)],
        false => {
            let around = [(Span::new(span.start, span.start), format!("({text}) and (")), (Span::new(span.end, span.end), ")".to_string())];
            wraps.into_iter().chain(around).collect()
        }
    };
    let edits: Vec<Edits> =
        policy.clauses().map(|(_, clause)| if clause.site == check.site { edits.clone() } else { Edits::new() }).collect();
    let step = alter(cx, table, policy, &edits);
    let (safety, known) = rests_on_text(cx, policy, Safety::Review);
    let advised = is_advised(table, policy);
    let draft = cx.report((table, policy), check.site, message);
    draft
        .label(format!("does not check `{column}`"))
        .because(using.site, format!("requires `{column}` of the old row"))
        .given(table.rls.certainty)
        .given(known)
        .help("Repeat the condition of USING in WITH CHECK, or leave WITH CHECK out: PostgreSQL then uses USING for the new row too.")
        .fix(safety, format!("Check `{column}` of the new row in policy \"{}\"", policy.name), [step])
        .check(format!("Check that no client moves rows to {other}: it loses this right."));
    if advised {
        draft.advisor("rls_policy_always_true", format!("rls_policy_always_true_{}_{}_{}", name.schema, name.name, policy.name));
    }
}
