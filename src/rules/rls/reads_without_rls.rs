//! Policies that read a table that clients can write without row level security.

use crate::analysis::exposure::can_have_rls;
use crate::analysis::needed_privileges::words;
use crate::analysis::open_policies::whose;
use crate::analysis::policy_reads::{Reading, Reads, followed_roles};
use crate::analysis::state::is_users_table;
use crate::rules::prelude::*;

rule!("rls/reads-without-rls", Security, Warn, Schema(check));

fn check(cx: &mut Cx) {
    let state = **cx;
    let mut reads = Reads::new(&state);
    for (table, policy) in state.policies().filter(|(table, _)| table.rls.value) {
        let roles = followed_roles(&state, policy);
        let commands = COMMANDS.into_iter().filter(|(command, ..)| policy.applies_to(*command));
        let mut all = commands.flat_map(|(command, ..)| roles.iter().map(move |role| (role, command)));
        let found = all.find_map(|(role, command)| {
            let of_policy = |reading: &Reading| reading.policy.name == policy.name && is_open(cx, reading.reads);
            reads.of(table, role, command).into_iter().find(of_policy)
        });
        if let Some(reading) = found {
            report(cx, table, policy, &reading);
        }
    }
}

const WRITES: [Privileges; 3] = [Privileges::INSERT, Privileges::UPDATE, Privileges::DELETE];

fn is_open(cx: &Cx, table: &Table) -> bool {
    is_users_table(table)
        && !table.rls.value
        && can_have_rls(table)
        && cx.is_exposed(&table.name.schema)
        && !written(cx, table).1.is_empty()
}

/// Returns the first role that can write a table, and its privileges.
fn written(cx: &Cx, table: &Table) -> (&'static str, Privileges) {
    let held = |role: &str| {
        WRITES
            .into_iter()
            .filter(|privilege| cx.reachable(role, table, *privilege))
            .fold(Privileges::NONE, |all, privilege| all | privilege)
    };
    API_ROLES.into_iter().map(|role| (role, held(role))).find(|(_, held)| !held.is_empty()).unwrap_or(("anon", Privileges::NONE))
}

fn report(cx: &mut Cx, table: &Table, policy: &Policy, reading: &Reading) {
    let read = reading.reads;
    let through = reading.function.map(|(function, _)| format!(" through `{}`", function.display())).unwrap_or_default();
    let (role, held) = written(cx, read);
    let message = format!(
        "policy \"{}\" on `{}` depends{through} on `{}`, which has no row level security: {} can {} its rows and change what the policy allows",
        policy.name,
        table.name,
        read.name,
        whose(role),
        crate::analysis::needed_privileges::list(&words(held), "and")
    );
    let draft = cx.report((table, policy), reading.at, message);
    draft
        .label("no row level security")
        .because(read.named, "created here")
        .given(read.rls.certainty)
        .given(read.certainty)
        .help(format!("Enable row level security on `{}`, with policies that let only trusted users write it.", read.name))
        .cause(
            read.name.to_string(),
            format!("policy depends on `{}`, which has no row level security", read.name),
            format!("policies depend on `{}`, which has no row level security", read.name),
        );
    if let Some((function, at)) = reading.function {
        draft.because(at, format!("`{}` reads `{}`", function.name, read.name));
    }
}
