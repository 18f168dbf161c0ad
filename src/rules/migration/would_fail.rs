//! Statements that PostgreSQL would reject in the state that the history before them leaves.

use crate::rules::prelude::*;

rule!("migration/would-fail", Migration, Error, Outcome(check));

fn check(cx: &mut Cx, outcome: &Outcome) {
    let Some(failed) = outcome.failed else { return };
    let sources = cx.sources;
    let text = sources.slice(outcome.site);
    let head: Vec<&str> = text.split_whitespace().take(2).collect();
    let message = format!("PostgreSQL rejects this statement: {} ({})", failed.message, failed.sqlstate);
    let file = &sources.get(outcome.migration.file).path;
    cx.report(About::statement(&head.join(" ").to_uppercase()), outcome.site, message)
        .label("fails here, and the migration with it")
        .help(advice(failed.sqlstate))
        .discriminate(file)
        .discriminate(text);
}

/// What to do about an error, by its code.
fn advice(sqlstate: &str) -> &'static str {
    match sqlstate {
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
