//! Statements that PostgreSQL would reject in the state that the history before them leaves, that the runner keeps from running, or
//! that rely on what no migration creates; the last are told once.

use crate::catalog::{Rejected, When};
use crate::project::Platform;
use crate::rules::prelude::*;
use std::collections::BTreeSet;

rule!("migration/would-fail", Migration, Error, Schema(check));

/// Names that a message lists.
const NAMED: usize = 5;

fn check(cx: &mut Cx) {
    let rejected = cx.rejected();
    let supabase = cx.platform() == Platform::Supabase && cx.project().marks.is_none();
    let mut told: Option<FileId> = None;
    for one in rejected {
        match one.when {
            When::Always => {
                fails(cx, one, "PostgreSQL rejects this statement");
            }
            // how others send a file is not known
            When::InBatch | When::AmongItsLike if !supabase => {}
            When::InBatch => {
                fails_in_batch(cx, one);
            }
            // once for a file that was made so on purpose
            When::AmongItsLike if told == Some(one.site.file) => {}
            When::AmongItsLike => {
                told = Some(one.site.file);
                fails_in_batch(cx, one).severity(Severity::Info);
            }
            When::Afresh => {}
        }
    }
    fails_afresh(cx, &rejected.iter().filter(|one| one.when == When::Afresh).collect::<Vec<_>>());
}

fn fails<'c>(cx: &'c mut Cx, rejected: &Rejected, how: &str) -> &'c mut Draft {
    let sources = cx.sources;
    let text = rejected.site.span.of(sources.get(rejected.site.file).text());
    let head: Vec<&str> = text.split_whitespace().take(2).collect();
    let Contradiction { sqlstate, message } = &rejected.reason;
    let told = format!("{how}: {message} ({sqlstate})");
    cx.report(About::statement(&head.join(" ").to_uppercase()), rejected.site, told)
        .label("fails here, and the migration with it")
        .help(advice(sqlstate, message))
        .of_statement(text)
}

/// Newer versions of the CLI run some of these statements outside of the pipeline.
/// Source: supabase/cli, pull requests 5671 (v2.109.0) and 6276 (DROP INDEX CONCURRENTLY, after v2.111.0).
fn fails_in_batch<'c>(cx: &'c mut Cx, rejected: &Rejected) -> &'c mut Draft {
    const PLAIN: &str = "PostgreSQL rejects this statement";
    if rejected.reason.sqlstate == "55P04" {
        return fails(cx, rejected, PLAIN)
            .label("fails here, as the migration's statements are one transaction")
            .help("add the value in a migration of its own, before the one that uses it");
    }
    let begins = |words: &[&str]| words.iter().any(|word| rejected.reason.message.starts_with(word));
    let versions = match () {
        () if begins(&["DROP INDEX"]) => Some("up to 2.111"),
        () if begins(&["CREATE INDEX", "REINDEX CONCURRENTLY", "VACUUM", "ALTER SYSTEM"]) => Some("before 2.109"),
        () => None,
    };
    let Some(versions) = versions else {
        return fails(cx, rejected, PLAIN).help("move it to a migration of its own");
    };
    let how = format!("a Supabase CLI {versions} sends this with the rest of its file, where PostgreSQL rejects it");
    let draft = fails(cx, rejected, &how);
    draft.severity(Severity::Warn).label("newer ones run it apart, so that what stands before it stays if it fails");
    draft.help(match begins(&["CREATE INDEX", "DROP INDEX", "REINDEX"]) {
        true => {
            "move it to a migration of its own, which every version of the CLI can run; or leave CONCURRENTLY out where the table is small"
        }
        false => "move it to a migration of its own, which every version of the CLI can run",
    })
}

/// One finding for all that rests on things made outside of the migrations.
fn fails_afresh(cx: &mut Cx, rejected: &[&Rejected]) {
    let Some((first, others)) = rejected.split_first() else { return };
    let tables: Vec<&Table> = cx.user_tables().filter(|table| table.external && !table.of_extension).collect();
    let statements = match others.len() {
        0 => "a statement relies".to_string(),
        more => format!("{} statements rely", more + 1),
    };
    let (made, dump, repair) = match cx.platform() {
        Platform::Supabase => {
            ("`supabase db reset`, a preview branch, CI", "supabase db dump", ": `supabase migration repair --status applied <version>`")
        }
        Platform::Postgres => ("a new environment, CI", "pg_dump --schema-only", ""),
    };
    let message = match names_of(&tables) {
        Some(names) => format!(
            "no migration creates {names}, on which {statements}: a database that is made from the migrations alone ({made}) has none of it \
             and stops at the first"
        ),
        None => format!(
            "{statements} on what no migration creates: on a database that is made from the migrations alone ({made}), {} ({})",
            first.reason.message, first.reason.sqlstate
        ),
    };
    let draft = cx.report(About::project(), first.site, message);
    draft.severity(Severity::Warn).label("fails on a new database").help(format!(
        "write what is missing into a migration that sorts before all others (`{dump}` prints it from the database that has it), and mark \
         that as applied there{repair}"
    ));
    for table in tables {
        draft.because(table.named, format!("`{}` is first used here", table.name));
    }
    let mut told = BTreeSet::new();
    for one in others {
        if told.insert((one.site.file, one.site.span.start)) {
            draft.because(one.site, format!("fails on a new database: {} ({})", one.reason.message, one.reason.sqlstate));
        }
    }
}

/// `a`, `b` and 3 more tables
fn names_of(tables: &[&Table]) -> Option<String> {
    let quoted = |table: &&Table| format!("`{}`", table.name);
    match tables {
        [] => None,
        [only] => Some(quoted(only)),
        [rest @ .., last] if rest.len() < NAMED => {
            Some(format!("{} and {}", rest.iter().map(quoted).collect::<Vec<_>>().join(", "), quoted(last)))
        }
        many => {
            let named: Vec<String> = many.iter().take(NAMED).map(quoted).collect();
            Some(format!("{} and {} more tables", named.join(", "), many.len() - NAMED))
        }
    }
}
/// What to do about an error, by its code.
fn advice(sqlstate: &str, message: &str) -> &'static str {
    match sqlstate {
        "42883" if message.starts_with("operator") => "cast one side, or change the type of the column, so that both sides have one type",
        "42804" if message.contains("cast automatically") => {
            "say how to convert what is there: USING, and drop a default that does not fit first"
        }
        "42804" | "22P02" | "22007" => "write a value of the type that is wanted, or a cast to it",
        "23502" => "give the column a value, or a default",
        "428C9" => "leave the column out: PostgreSQL computes it",
        "25001" => "run it in a migration of its own, outside of blocks, functions and transactions",
        "42P01" | "42703" | "42883" | "42704" | "3F000" => {
            "create it in an earlier migration, or correct the name; where it only may be there, say IF EXISTS"
        }
        "42P07" | "42710" | "42701" | "42723" | "42P06" => {
            "drop the old one first, or say IF NOT EXISTS or OR REPLACE if the old one is as good"
        }
        "42P17" => "use an expression that gives the same answer in every session, such as `(created_at at time zone 'UTC')`",
        "2BP01" => "drop what depends on it first, or say CASCADE if all of it may go",
        "42830" => "add a unique constraint on the columns that are referred to",
        "42P13" | "42P16" => "drop it first and make it anew: OR REPLACE keeps names and types of what is returned",
        _ => "correct it before the push: everything in its file is taken back with it",
    }
}
