//! Policies without the clause that their command needs. A permissive policy then allows nothing, and a restrictive one restricts nothing.

use crate::remedy::policy_edit::{Edits, whole};
use crate::remedy::policy_like::depends_on_row_and_caller;
use crate::remedy::restore;
use crate::rules::prelude::*;

rule!("rls/missing-condition", Security, Warn, Schema(check), fixable);

fn check(cx: &mut Cx) {
    for (table, policy) in cx.policies() {
        let is_bypassed = policy.roles.iter().all(|role| cx.catalog.roles.get(role).is_some_and(|role| role.bypass_rls));
        let (missing, commands) = match (policy.command, &policy.using, &policy.check) {
            (Command::Insert, _, None) => ("WITH CHECK", "INSERT"),
            (Command::All, None, None) => ("USING", "SELECT, INSERT, UPDATE and DELETE"),
            (Command::All, None, Some(_)) => ("USING", "SELECT, UPDATE and DELETE"),
            (Command::Select | Command::Update | Command::Delete, None, _) => ("USING", policy.command.word()),
            _ => continue,
        };
        if !is_bypassed {
            report(cx, table, policy, missing, commands);
        }
    }
}

fn report(cx: &mut Cx, table: &Table, policy: &Policy, missing: &str, commands: &str) {
    let name = &table.name;
    let effect = match policy.permissive {
        true => format!("it allows no {commands}"),
        false => format!("it does not restrict {commands}"),
    };
    let check = policy.check.as_ref().filter(|check| {
        policy.command == Command::Update
            && policy.permissive
            && policy.certainty == Certainty::Certain
            && !cx.may_have_changed(policy)
            && depends_on_row_and_caller(cx, check)
    });
    let step = check.map(|check| {
        let alter =
            format!("alter policy {} on {}\n  using ({});", quote_ident(&policy.name), name.quoted(), whole(cx, check, &Edits::new()));
        let drop = format!("drop policy {} on {};", quote_ident(&policy.name), name.quoted());
        Step::batch(Phase::Policy, alter).undo(format!("{drop}\n{}", restore::policy(cx, table, policy)))
    });
    let help = match (policy.permissive, policy.command) {
        (true, Command::Update) => "Add USING with the condition of the rows that may be updated. WITH CHECK is only for the new row.",
        (true, _) => "Add the condition of the rows that the policy is to allow, or drop the policy.",
        (false, _) => "Add the condition that the policy is to require, or drop the policy.",
    };
    let draft = cx.report((table, policy), policy.named, format!("policy \"{}\" on `{name}` has no {missing}, so {effect}", policy.name));
    draft.label(format!("no {missing}")).given(table.rls.certainty).help(help);
    if let Some(step) = step {
        let roles = policy.roles.join("`, `");
        let title = format!("Let `{roles}` update the rows of `{name}` that policy \"{}\" checks", policy.name);
        draft.fix(Safety::Review, title, [step]);
    }
}
