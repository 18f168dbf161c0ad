//! Policies that let every signed-in user in, in a project with anonymous sign-ins.

use crate::analysis::open_policies::{deeds, openings};
use crate::rules::prelude::*;

rule!("rls/anonymous-sign-in", Security, Warn, Schema(check));

fn check(cx: &mut Cx) {
    if !cx.config().anonymous_sign_ins {
        return;
    }
    for (table, policy) in cx.policies() {
        let opened = openings(cx, table, policy, &|_| None);
        let of = |role: &str| -> Vec<Command> {
            opened.iter().filter(|opening| opening.effective && opening.role == role).map(|opening| opening.command).collect()
        };
        let anyone = of("anon");
        let more: Vec<Command> = of("authenticated").into_iter().filter(|command| !anyone.contains(command)).collect();
        if !more.is_empty() {
            report(cx, table, policy, &more);
        }
    }
}

fn report(cx: &mut Cx, table: &Table, policy: &Policy, commands: &[Command]) {
    let message = format!(
        "policy \"{}\" on `{}` lets anonymous users {}: anonymous sign-ins are enabled, and anonymous users have the role `authenticated`",
        policy.name,
        table.name,
        deeds(commands)
    );
    let key = format!("auth_allow_anonymous_sign_ins_{}_{}", table.name.schema, table.name.name);
    let draft = cx.report((table, policy), policy.named, message);
    draft
        .given(table.rls.certainty)
        .help("Add a restrictive policy: `((select auth.jwt()) ->> 'is_anonymous')::boolean is false`. Or disable anonymous sign-ins in supabase/config.toml.")
        .cause("anonymous", "policy lets anonymous users in, because anonymous sign-ins are enabled", "policies let anonymous users in, because anonymous sign-ins are enabled")
        .advisor("auth_allow_anonymous_sign_ins", key);
}
