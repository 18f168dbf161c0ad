//! Statements that PostgreSQL would reject in the state that the history before them leaves, that the runner keeps from running, or
//! that rely on what no migration creates. Failures that follow from one another share a cause.

use crate::catalog::future::Made;
use crate::catalog::{Detail, ObjectKey, Rejected, When};
use crate::project::Platform;
use crate::rules::prelude::*;
use std::collections::BTreeMap;

rule!("migration/would-fail", Migration, Error, Schema(check));

fn check(cx: &mut Cx) {
    let rejected = cx.rejected();
    let roots = roots(rejected);
    let supabase = cx.platform() == Platform::Supabase && cx.project().marks.is_none();
    let mut told: Option<FileId> = None;
    for (one, root) in rejected.iter().zip(&roots) {
        match one.when {
            When::Always => {
                fails(cx, one, "PostgreSQL rejects this statement");
                explain(cx, one, *root);
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
            When::Afresh => fails_afresh(cx, one, *root),
        }
    }
}

/// What a statement fails for in the end.
#[derive(Clone, Copy)]
enum Root<'a> {
    /// Something that no statement before it tried to make.
    Missing(&'a ObjectKey),
    /// Another statement, which would have made what it needs.
    Failed(&'a Rejected),
    /// Nothing but itself.
    Own,
}

/// The root of each failure: where what a statement needs would have been made by one that fails too, it is the other's root.
fn roots(rejected: &[Rejected]) -> Vec<Root<'_>> {
    // who would have made what is not there, by its name
    let mut makers: BTreeMap<&str, Vec<(usize, &ObjectKey)>> = BTreeMap::new();
    let mut roots: Vec<Root> = Vec::new();
    for (at, one) in rejected.iter().enumerate() {
        let root = match missing(one) {
            None => Root::Own,
            Some(missing) => {
                let mut known = makers.get(missing.name.as_str()).into_iter().flatten().rev();
                let maker = known.find(|(other, made)| made.may_be(missing) && fails_with(&rejected[*other], one));
                match maker.map(|(other, _)| (roots[*other], &rejected[*other])) {
                    None => Root::Missing(missing),
                    Some((Root::Own, maker)) => Root::Failed(maker),
                    Some((root, _)) => root,
                }
            }
        };
        roots.push(root);
        one.makes.iter().for_each(|made| makers.entry(&made.name).or_default().push((at, made)));
    }
    roots
}

fn missing(rejected: &Rejected) -> Option<&ObjectKey> {
    match rejected.reason.detail.as_deref() {
        Some(Detail::Missing(missing)) => Some(missing),
        Some(Detail::Dependents(_)) | None => None,
    }
}

/// Whether a statement fails wherever another does.
fn fails_with(one: &Rejected, other: &Rejected) -> bool {
    one.when == When::Always || one.when == other.when
}

/// Names the cause of a failure, what was likely meant, where what is missing is made later, and what stands in the way of a DROP.
fn explain(cx: &mut Cx, one: &Rejected, root: Root) {
    let missing = missing(one);
    let later = missing.and_then(|missing| created_later(cx, missing, one.site));
    let near = missing.filter(|_| later.is_none()).and_then(|missing| near_name(cx, missing));
    let place = later.map(|site| cx.place(site));
    let draft = cx.last();
    if let (Some(site), Some(place), Some(missing)) = (later, place, missing) {
        draft
            .because(site, format!("{missing} is created here"))
            .help(format!("Move this statement after {place}, which creates {missing}."));
    } else if let (Some(near), Some(missing)) = (near, missing) {
        draft.help(format!("Correct the name: {missing} does not exist, `{near}` does."));
    }
    if let Some(Detail::Dependents(dependents)) = one.reason.detail.as_deref() {
        for (what, site) in dependents {
            draft.because(*site, format!("{what} depends on it"));
        }
    }
    match root {
        Root::Missing(missing) => {
            let why = format!("because {missing} does not exist");
            draft.cause(format!("missing {missing}"), format!("statement fails {why}"), format!("statements fail {why}"));
        }
        Root::Failed(root) => {
            let made = root.makes.first().map(|made| made.to_string()).unwrap_or_default();
            let why = format!("because {made} is not created");
            draft.cause(format!("failed {made}"), format!("statement fails {why}"), format!("statements fail {why}"));
            draft.because(root.site, format!("{made} is not created, because this statement fails"));
        }
        Root::Own => {
            if let Some(made) = one.makes.first() {
                let why = format!("because {made} is not created");
                draft.cause(format!("failed {made}"), format!("statement fails {why}"), format!("statements fail {why}"));
            }
        }
    }
}

/// Where what is missing is created later.
fn created_later(cx: &Cx, missing: &ObjectKey, at: Site) -> Option<Site> {
    let made = match missing.class {
        "relation" => Made::Relation,
        "function" => Made::Function,
        "type" => Made::Type,
        "role" => Made::Role,
        "index" => Made::Index,
        _ => return None,
    };
    let (file, byte) = cx.catalog.future.creation_after(made, missing.schema.as_deref(), &missing.name, cx.moment(at)?)?;
    let file = cx.project().migrations.get(file)?.file;
    Some(Site::new(file, Span::new(byte, byte + missing.name.len() as u32)))
}

/// The name of an object of the same class that is spelt nearly alike.
fn near_name(cx: &Cx, missing: &ObjectKey) -> Option<SmolStr> {
    let fits = |schema: &SmolStr| missing.schema.as_ref().is_none_or(|wanted| wanted == schema);
    let of_table = |table: &&Table| missing.table.as_ref().is_some_and(|name| *name == table.name.name);
    let names: Vec<&SmolStr> = match missing.class {
        "relation" => {
            let views = cx.user_views().map(|view| &view.name);
            cx.user_tables().map(|table| &table.name).chain(views).filter(|name| fits(&name.schema)).map(|name| &name.name).collect()
        }
        "column" => cx.user_tables().filter(of_table).flat_map(|table| &table.columns).map(|column| &column.name).collect(),
        "policy" => cx.user_tables().filter(of_table).flat_map(|table| &table.policies).map(|policy| &policy.name).collect(),
        "function" => cx.user_functions().map(|function| &function.name).filter(|name| fits(&name.schema)).map(|name| &name.name).collect(),
        "type" => cx.catalog.types.keys().filter(|name| fits(&name.schema)).map(|name| &name.name).collect(),
        _ => Vec::new(),
    };
    let most = (missing.name.chars().count() / 4).max(1);
    let distance = |name: &SmolStr| strsim::damerau_levenshtein(name, &missing.name);
    names
        .into_iter()
        .filter(|name| **name != missing.name)
        .map(|name| (distance(name), name))
        .filter(|(far, _)| *far <= most)
        .min()
        .map(|(_, name)| name.clone())
}

fn fails<'c>(cx: &'c mut Cx, rejected: &Rejected, how: &str) -> &'c mut Draft {
    let Contradiction { sqlstate, message, .. } = &rejected.reason;
    let told = format!("{how}: {message} ({sqlstate})");
    let head = cx.statement_head(rejected.site);
    cx.report(About::statement(&head), rejected.site, told)
        .label("fails here, and the migration with it")
        .help(advice(sqlstate, message, &head))
        .of_statement(rejected.site)
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

/// A statement that needs what exists only outside of the migrations.
fn fails_afresh(cx: &mut Cx, one: &Rejected, root: Root) {
    let (made, dump, repair) = match cx.platform() {
        Platform::Supabase => {
            ("`supabase db reset`, a preview branch, CI", "supabase db dump", ": `supabase migration repair --status applied <version>`")
        }
        Platform::Postgres => ("a new environment, CI", "pg_dump --schema-only", ""),
    };
    let how = format!("PostgreSQL rejects this statement on a database that only the migrations create ({made})");
    fails(cx, one, &how).severity(Severity::Warn).label("fails on a new database");
    explain(cx, one, root);
    let draft = cx.last();
    draft.help(format!(
        "Write what is missing into a migration that sorts before all others (`{dump}` prints it), and mark that migration as applied on the \
         database that has it{repair}."
    ));
    if let Root::Missing(missing) = root {
        let why = format!("on a new database, because no migration creates {missing}");
        draft.cause(format!("outside {missing}"), format!("statement fails {why}"), format!("statements fail {why}"));
    }
}

/// What to do about an error, by its code.
fn advice(sqlstate: &str, message: &str, head: &str) -> &'static str {
    let may_be_absent = head.starts_with("DROP") || matches!(head, "ALTER TABLE" | "ALTER VIEW" | "ALTER INDEX" | "ALTER SEQUENCE");
    match sqlstate {
        "42883" if message.starts_with("operator") => "cast one side, or change the type of the column, so that both sides have one type",
        "42804" if message.contains("cast automatically") => {
            "say how to convert what is there: USING, and drop a default that does not fit first"
        }
        "42804" | "22P02" | "22007" => "write a value of the type that is wanted, or a cast to it",
        "23502" => "give the column a value, or a default",
        "428C9" => "leave the column out: PostgreSQL computes it",
        "25001" => "run it in a migration of its own, outside of blocks, functions and transactions",
        "42P01" | "42703" | "42883" | "42704" | "3F000" if may_be_absent => {
            "Create it in an earlier migration, correct the name, or write IF EXISTS if it may be absent."
        }
        "42P01" | "42703" | "42883" | "42704" | "3F000" => "Create it in an earlier migration, or correct the name.",
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
