//! Policies on files in Supabase Storage that check the bucket, but not the caller.

use crate::analysis::bucket_policies::{objects, of_file};
use crate::analysis::needed_privileges::list;
use crate::analysis::open_policies::{openings, whose};
use crate::analysis::state::policies_of;
use crate::rules::prelude::*;

rule!("rls/bucket-only", Security, Warn, Schema(check));

fn check(cx: &mut Cx) {
    let state = **cx;
    let Some(table) = objects(&state) else { return };
    for policy in policies_of(table) {
        let opened = openings(cx, table, policy, &of_file(&state));
        let of = |role: &str| -> Vec<Command> {
            let writes = opened.iter().filter(|opening| opening.effective && opening.role == role && opening.command != Command::Select);
            writes.map(|opening| opening.command).collect()
        };
        let role = API_ROLES.into_iter().find(|role| !of(role).is_empty());
        // rls/always-true reports a policy for every bucket
        let (Some(role), false) = (role, openings(cx, table, policy, &|_| None).iter().any(|opening| opening.command != Command::Select))
        else {
            continue;
        };
        report(cx, table, policy, role, &of(role));
    }
}

fn report(cx: &mut Cx, table: &Table, policy: &Policy, role: &str, commands: &[Command]) {
    let verbs: Vec<&str> = commands.iter().filter(|command| **command != Command::Insert).map(|command| verb(*command)).collect();
    let adds = commands.contains(&Command::Insert).then(|| "add files in any folder".to_string());
    let changes = (!verbs.is_empty()).then(|| format!("{} files of all users", list(&verbs, "and")));
    let deeds: Vec<String> = adds.into_iter().chain(changes).collect();
    let message = format!(
        "policy \"{}\" on `{}` lets {} {}: its condition does not depend on the caller",
        policy.name,
        table.name,
        whose(role),
        deeds.join(" and ")
    );
    let clause =
        policy.using.as_ref().filter(|_| !matches!(commands, [Command::Insert])).or(policy.check.as_ref()).or(policy.using.as_ref());
    let draft = cx.report((table, policy), clause.map_or(policy.named, |clause| clause.site), message);
    draft.label("true for every caller").because(policy.named, "policy created here");
    draft.help("Store files in a folder for each user and add `(storage.foldername(name))[1] = (select auth.uid())::text`, or compare `owner_id` with the caller.");

    draft.cause(
        role,
        format!("policy lets {} write files without a condition on the caller", whose(role)),
        format!("policies let {} write files without a condition on the caller", whose(role)),
    );
    if role == "anon" && commands.iter().any(|command| *command != Command::Insert) {
        draft.severity(Severity::Error);
    }
}

fn verb(command: Command) -> &'static str {
    if command == Command::Update { "replace" } else { "delete" }
}
