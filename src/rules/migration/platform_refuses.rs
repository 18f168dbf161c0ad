//! Statements that PostgreSQL would run for a superuser, and that a hosted Supabase project refuses.

use crate::history::{Cause, Owned};
use crate::rules::prelude::*;

rule!("migration/platform-refuses", Migration, Error, Outcome(check));

fn check(cx: &mut Cx, outcome: &Outcome) {
    let sources = cx.sources;
    let version = day(&outcome.migration.version);
    let mut places: Vec<Site> = Vec::new();
    for refusal in outcome.refused {
        // of a loop the first round is enough: nothing runs behind it
        let place = sources.resolve(refusal.at);
        if places.contains(&place) {
            continue;
        }
        places.push(place);
        let about = About::statement(&cx.statement_head(refusal.at)).given(refusal.certainty);
        let since = refusal.since;
        // an older file has been applied where the project is as old
        let older = version.is_none_or(|version| version < since);
        let message = if older {
            format!(
                "Supabase refuses this statement since {}: {} (42501), so a new project, a preview branch and `supabase db reset` stop here",
                date(since),
                refusal.error
            )
        } else {
            format!("Supabase refuses this statement: {} (42501)", refusal.error)
        };
        let draft = cx.report(about, refusal.at, message);
        draft.label(why(&refusal.cause)).help(instead(&refusal.cause)).of_statement(refusal.at);
        if older {
            draft.severity(Severity::Warn);
        }
    }
}

/// A version as a time stamp; none where it is not one.
fn day(version: &str) -> Option<u64> {
    let stamp = version.get(..8).filter(|day| day.starts_with("20") && version.len() <= 14)?;
    let month = stamp.get(4..6)?.parse::<u8>().ok()?;
    let number = format!("{version:0<14}").parse::<u64>().ok()?;
    (1..=12).contains(&month).then_some(number)
}

/// `2025-04-21` of a time stamp.
fn date(stamp: u64) -> String {
    let day = stamp / 1_000_000;
    format!("{}-{:02}-{:02}", day / 10_000, day / 100 % 100, day % 100)
}

fn why(cause: &Cause) -> String {
    match cause {
        Cause::Owner(Owned::Comment) => "on what is Supabase's own".into(),
        Cause::Owner(Owned::Schema { name }) => format!("`{name}` is Supabase's own"),
        Cause::Owner(
            Owned::RowSecurity { table: name, .. }
            | Owned::Index { table: name }
            | Owned::Policy { table: name }
            | Owned::Trigger { table: name }
            | Owned::Publish { table: name }
            | Owned::Relation { name }
            | Owned::Routine { name }
            | Owned::Type { name },
        ) => format!("`{name}` is Supabase's own"),
        Cause::Extension { table } => format!("`{table}` belongs to its extension"),
        Cause::Create { schema } => format!("only Supabase creates in `{schema}`"),
        Cause::Write { table, .. } => format!("rows of `{table}` are not for migrations to write"),
        Cause::OwnerTo { role } | Cause::DefaultsOf { role } | Cause::Role { role } => format!("`postgres` is no member of `{role}`"),
        Cause::Setting { name, .. } => format!("only a superuser gives `{name}` a default"),
        Cause::System | Cause::Superuser | Cause::Leakproof | Cause::Language | Cause::ServerFile => {
            "migrations run as `postgres`, which is no superuser".into()
        }
    }
}

fn instead(cause: &Cause) -> String {
    match cause {
        Cause::Owner(Owned::RowSecurity { table, on: true }) => {
            format!("drop the statement: row level security is on for `{table}` already, and policies on it can be made")
        }
        Cause::Owner(Owned::RowSecurity { table, on: false }) => {
            format!("give `{table}` the policies that let the wanted rows through: its row level security can't be switched")
        }
        Cause::Owner(Owned::Index { .. }) => {
            "drop the statement, and keep what is searched for in a table of your own, with the index on that".into()
        }
        Cause::Owner(Owned::Policy { .. }) => {
            "drop the statement: policies can be made on auth.users, identities, sessions, refresh_tokens and audit_log_entries, on storage.buckets, objects and s3_multipart_uploads, and on realtime.messages".into()
        }
        Cause::Owner(Owned::Trigger { .. }) => {
            "drop the trigger and create it anew where it is one of yours; those of Supabase stay as they are".into()
        }
        Cause::Owner(Owned::Publish { .. }) => {
            "publish a table of your own instead, filled by a trigger; for files, broadcast from a trigger with `realtime.send`".into()
        }
        Cause::Owner(Owned::Comment) => "write it as a comment in the migration: `-- …`".into(),
        Cause::Owner(Owned::Relation { name } | Owned::Type { name }) => {
            format!("leave `{name}` as it is, and keep what you need beside it in a table of your own, with a foreign key to it")
        }
        Cause::Owner(Owned::Routine { name }) => format!("leave `{name}` as it is, and make a function of another name in a schema of your own"),
        Cause::Owner(Owned::Schema { .. }) => "drop the statement, and use a schema of your own".into(),
        Cause::Extension { table } if table.schema != "public" => format!("drop the statement, and leave `{table}` to its extension"),
        Cause::Extension { .. } => {
            "drop the statement; to keep the API from serving it, install the extension in a schema of its own: `create extension … with schema …`".into()
        }
        Cause::Create { .. } => "create it in a schema of your own, such as `private`; it may refer to Supabase's tables and call its functions".into(),
        Cause::Write { table, delete } => match (table.schema.as_str(), delete) {
            ("cron", true) => "call `cron.unschedule('job name')`".into(),
            ("cron", false) => "call `cron.schedule(…)` or `cron.alter_job(…)`".into(),
            ("vault", _) => "call `vault.create_secret(…)` or `vault.update_secret(…)`".into(),
            ("storage", true) if table.name != "migrations" => {
                "delete files and buckets through the Storage API: a row deleted here leaves its file behind".into()
            }
            _ => "drop the statement: the service keeps this table itself".into(),
        },
        Cause::OwnerTo { .. } => "drop the statement: what a migration makes belongs to `postgres`".into(),
        Cause::DefaultsOf { .. } => "drop the statement; the defaults of what migrations make are those of `postgres`: `alter default privileges for role postgres …`".into(),
        Cause::Role { .. } => "drop the statement, and do as `postgres` what it may do".into(),
        Cause::Setting { .. } => "keep the value in Vault (`vault.create_secret`) or in a table of your own that the API doesn't serve".into(),
        Cause::System => "set it in the dashboard or with `supabase postgres-config update`".into(),
        Cause::Superuser => "leave SUPERUSER and NOSUPERUSER out: a new role is none, and BYPASSRLS can be given".into(),
        Cause::Leakproof => "leave LEAKPROOF out".into(),
        Cause::Language => "write it in SQL or PL/pgSQL".into(),
        Cause::ServerFile => "insert the rows with INSERT, or load them with `\\copy` of psql after the push".into(),
    }
}
