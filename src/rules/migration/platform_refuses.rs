//! Statements that PostgreSQL runs for a superuser but hosted Supabase refuses.

use crate::history::{Cause, Owned};
use crate::rules::prelude::*;

rule!("migration/platform-refuses", Migration, Error, Outcome(check));

fn check(cx: &mut Cx, outcome: &Outcome) {
    let sources = cx.sources;
    let version = day(&outcome.migration.version);
    let mut places: Vec<Site> = Vec::new();
    for refusal in outcome.refused {
        // of a loop, only the first refusal is reported, because the migration stops there
        let place = sources.resolve(refusal.at);
        if places.contains(&place) {
            continue;
        }
        places.push(place);
        let about = About::statement(&cx.statement_head(refusal.at)).given(refusal.certainty);
        let since = refusal.since;
        // old projects have applied an older file
        let older = version.is_none_or(|version| version < since);
        let message = if older {
            format!(
                "Supabase has refused this statement since {}: {} (42501), so a new project, a preview branch and `supabase db reset` stop here",
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

/// Returns a version as a timestamp (`YYYYMMDDhhmmss`), or `None` if it is not one.
fn day(version: &str) -> Option<u64> {
    let stamp = version.get(..8).filter(|day| day.starts_with("20") && version.len() <= 14)?;
    let month = stamp.get(4..6)?.parse::<u8>().ok()?;
    let number = format!("{version:0<14}").parse::<u64>().ok()?;
    (1..=12).contains(&month).then_some(number)
}

/// Returns the date of a timestamp, such as `2025-04-21`.
fn date(stamp: u64) -> String {
    let day = stamp / 1_000_000;
    format!("{}-{:02}-{:02}", day / 10_000, day / 100 % 100, day % 100)
}

fn why(cause: &Cause) -> String {
    match cause {
        Cause::Owner(Owned::Comment) => "the object belongs to Supabase".into(),
        Cause::Owner(Owned::Schema { name }) => format!("`{name}` belongs to Supabase"),
        Cause::Owner(
            Owned::RowSecurity { table: name, .. }
            | Owned::Index { table: name }
            | Owned::Policy { table: name }
            | Owned::Trigger { table: name }
            | Owned::Publish { table: name }
            | Owned::Relation { name }
            | Owned::Routine { name }
            | Owned::Type { name },
        ) => format!("`{name}` belongs to Supabase"),
        Cause::Extension { table } => format!("`{table}` belongs to its extension"),
        Cause::Create { schema } => format!("only Supabase can create objects in `{schema}`"),
        Cause::Write { table, .. } => format!("migrations cannot write rows of `{table}`"),
        Cause::OwnerTo { role } | Cause::DefaultsOf { role } | Cause::Role { role } => format!("`postgres` is not a member of `{role}`"),
        Cause::Setting { name, .. } => format!("only a superuser can set a default for `{name}`"),
        Cause::System | Cause::Superuser | Cause::Leakproof | Cause::Language | Cause::ServerFile => {
            "migrations run as `postgres`, which is not a superuser".into()
        }
    }
}

fn instead(cause: &Cause) -> String {
    match cause {
        Cause::Owner(Owned::RowSecurity { table, on: true }) => {
            format!("Remove the statement. Row level security is already enabled on `{table}`, and you can create policies on it.")
        }
        Cause::Owner(Owned::RowSecurity { table, on: false }) => {
            format!("Create policies on `{table}` that allow the required rows. Its row level security cannot be disabled.")
        }
        Cause::Owner(Owned::Index { .. }) => {
            "Remove the statement. Keep the searched values in a table of your own, and create the index there.".into()
        }
        Cause::Owner(Owned::Policy { .. }) => {
            "Remove the statement. Policies are possible on auth.users, identities, sessions, refresh_tokens and audit_log_entries, on storage.buckets, objects and s3_multipart_uploads, and on realtime.messages.".into()
        }
        Cause::Owner(Owned::Trigger { .. }) => {
            "Drop the trigger and create it again if it is your own. Triggers of Supabase cannot be changed.".into()
        }
        Cause::Owner(Owned::Publish { .. }) => {
            "Publish a table of your own that a trigger fills. For files, broadcast from a trigger with `realtime.send`.".into()
        }
        Cause::Owner(Owned::Comment) => "Write an SQL comment in the migration instead: `-- …`.".into(),
        Cause::Owner(Owned::Relation { name } | Owned::Type { name }) => {
            format!("Leave `{name}` unchanged. Keep your data in a table of your own with a foreign key to it.")
        }
        Cause::Owner(Owned::Routine { name }) => format!("Leave `{name}` unchanged. Create a function with another name in a schema of your own."),
        Cause::Owner(Owned::Schema { .. }) => "Remove the statement, and use a schema of your own.".into(),
        Cause::Extension { table } if table.schema != "public" => format!("Remove the statement. The extension manages `{table}`."),
        Cause::Extension { .. } => {
            "Remove the statement. To hide the table from the API, install the extension in another schema: `create extension … with schema …`.".into()
        }
        Cause::Create { .. } => "Create it in a schema of your own, such as `private`. It can refer to tables of Supabase and call their functions.".into(),
        Cause::Write { table, delete } => match (table.schema.as_str(), delete) {
            ("cron", true) => "Call `cron.unschedule('job name')`.".into(),
            ("cron", false) => "Call `cron.schedule(…)` or `cron.alter_job(…)`.".into(),
            ("vault", _) => "Call `vault.create_secret(…)` or `vault.update_secret(…)`.".into(),
            ("storage", true) if table.name != "migrations" => {
                "Delete files and buckets through the Storage API. Deleting a row does not delete its file.".into()
            }
            _ => "Remove the statement. The service manages this table.".into(),
        },
        Cause::OwnerTo { .. } => "Remove the statement. Objects that a migration creates belong to `postgres`.".into(),
        Cause::DefaultsOf { .. } => "Remove the statement. Objects of migrations get the default privileges of `postgres`: `alter default privileges for role postgres …`.".into(),
        Cause::Role { .. } => "Remove the statement. Run the other statements as `postgres`.".into(),
        Cause::Setting { .. } => "Store the value in Vault (`vault.create_secret`), or in a table of your own that the API does not serve.".into(),
        Cause::System => "Set it in the dashboard or with `supabase postgres-config update`.".into(),
        Cause::Superuser => "Remove SUPERUSER and NOSUPERUSER. A new role is not a superuser, and BYPASSRLS is allowed.".into(),
        Cause::Leakproof => "Remove LEAKPROOF.".into(),
        Cause::Language => "Write the function in SQL or PL/pgSQL.".into(),
        Cause::ServerFile => "Insert the rows with INSERT, or load them with `\\copy` of psql after the push.".into(),
    }
}
