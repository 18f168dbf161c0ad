//! Policies that read a table that clients can write without row level security.

use crate::analysis::exposure::can_have_rls;
use crate::analysis::needed_privileges::words;
use crate::analysis::open_policies::whose;
use crate::analysis::state::is_users_table;
use crate::rules::prelude::*;

rule!("rls/reads-without-rls", Security, Warn, Schema(check));

fn check(cx: &mut Cx) {
    for (table, policy) in cx.policies() {
        let mut found: Option<(&Table, Site)> = None;
        for (_, clause) in policy.clauses() {
            clause.root.walk(&mut |node| {
                if let Node::From(item) = node
                    && let FromRelation::Table { bound: Some(bound), .. } = &item.relation
                    && let Some(read) = cx.catalog.table(&QName::new(bound.0.clone(), bound.1.clone()))
                    && is_open(cx, read)
                {
                    found = found.or(Some((read, clause.site.in_same_file(item.span))));
                }
                Walk::Into
            });
        }
        if let (Some((read, at)), true) = (found, table.rls.value) {
            report(cx, table, policy, read, at);
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

fn report(cx: &mut Cx, table: &Table, policy: &Policy, read: &Table, at: Site) {
    let (role, held) = written(cx, read);
    let message = format!(
        "policy \"{}\" on `{}` depends on `{}`, which has no row level security: {} can {} its rows and change what the policy allows",
        policy.name,
        table.name,
        read.name,
        whose(role),
        crate::analysis::needed_privileges::list(&words(held), "and")
    );
    let draft = cx.report((table, policy), at, message);
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
}
