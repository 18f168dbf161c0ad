//! Statements that PostgreSQL would reject in the state before them, statements that the runner cannot run, and statements that depend on
//! objects that no migration creates. Failures that follow from one another share a cause.

use crate::catalog::creation_index::ObjectClass;
use crate::catalog::{Detail, ObjectKey, Rejected, When};
use crate::project::Platform;
use crate::rules::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

rule!("migration/would-fail", Migration, Error, Schema(check));

fn check(cx: &mut Cx) {
    let rejected = cx.rejected();
    let roots = roots(rejected);
    let names = near_names(cx, rejected);
    let supabase = cx.platform() == Platform::Supabase && cx.project().markers.is_none();
    let mut told: Option<FileId> = None;
    for (one, root) in rejected.iter().zip(&roots) {
        match one.when {
            When::Always => {
                fails(cx, one, "PostgreSQL rejects this statement");
                explain(cx, one, *root, &names);
            }
            // it is unknown how other runners send a file
            When::InBatch | When::InBatchOfSameKind | When::OtherPath if !supabase => {}
            When::InBatch => {
                fails_in_batch(cx, one);
            }
            // one diagnostic for a file that contains only such statements
            When::InBatchOfSameKind if told == Some(one.site.file) => {}
            When::InBatchOfSameKind => {
                told = Some(one.site.file);
                fails_in_batch(cx, one).severity(Severity::Info);
            }
            When::OnNewDatabase => fails_afresh(cx, one, *root, &names),
            When::OtherPath => fails_by_path(cx, one),
        }
    }
}

/// The first cause in a chain of failures.
#[derive(Clone, Copy)]
enum Root<'a> {
    /// An object that no earlier statement tries to create.
    Missing(&'a ObjectKey),
    /// Another failed statement, which would have created the needed object.
    Failed(&'a Rejected),
    /// The statement itself.
    Own,
}

/// Returns the root of each failure. If a failed statement would have created the needed object, its root is used.
fn roots(rejected: &[Rejected]) -> Vec<Root<'_>> {
    let qualified = qualified(rejected);
    // failed statements, by the name of the object that they would have created
    let mut makers: BTreeMap<&str, Vec<(usize, &ObjectKey)>> = BTreeMap::new();
    let mut roots: Vec<Root> = Vec::new();
    for (at, one) in rejected.iter().enumerate() {
        let root = match missing(one) {
            None => Root::Own,
            Some(missing) => {
                let mut known = makers.get(missing.name.as_str()).into_iter().flatten().rev();
                let maker = known.find(|(other, made)| made.may_be(missing) && fails_with(&rejected[*other], one));
                match maker.map(|(other, _)| (roots[*other], &rejected[*other])) {
                    None => Root::Missing(qualified.get(missing).unwrap_or(&missing)),
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

/// Returns the missing objects that some statements name without their schema and others with it: one missing object, one cause.
fn qualified(rejected: &[Rejected]) -> BTreeMap<&ObjectKey, &ObjectKey> {
    let keys: BTreeSet<&ObjectKey> = rejected.iter().filter_map(missing).collect();
    let mut by_name: BTreeMap<(&str, &str), Vec<&ObjectKey>> = BTreeMap::new();
    for key in keys.iter().filter(|key| key.schema.is_some() && key.table.is_none()) {
        by_name.entry((key.class, &key.name)).or_default().push(key);
    }
    let plain = keys.into_iter().filter(|key| key.schema.is_none() && key.table.is_none());
    plain
        .filter_map(|key| match by_name.get(&(key.class, key.name.as_str())).map(Vec::as_slice) {
            Some([only]) => Some((key, *only)),
            _ => None,
        })
        .collect()
}

fn missing(rejected: &Rejected) -> Option<&ObjectKey> {
    match rejected.reason.detail.as_deref() {
        Some(Detail::Missing(missing) | Detail::Elsewhere(missing, _)) => Some(missing),
        Some(Detail::Dependents(_)) | None => None,
    }
}

/// Returns whether a statement fails in every situation in which another fails.
fn fails_with(one: &Rejected, other: &Rejected) -> bool {
    one.when == When::Always || one.when == other.when
}

/// Adds to the diagnostic: the cause, a similar name, the location that creates the missing object, and the objects that block a DROP.
fn explain(cx: &mut Cx, one: &Rejected, root: Root, names: &NearNames) {
    let missing = missing(one);
    let later = missing.and_then(|missing| created_later(cx, missing, one.site));
    let near = missing.filter(|_| later.is_none()).and_then(|missing| names.get(missing));
    let place = later.map(|site| cx.place(site));
    let draft = cx.last();
    if let (Some(site), Some(place), Some(missing)) = (later, place, missing) {
        draft
            .because(site, format!("{missing} is created here"))
            .help(format!("Move this statement after {place}, which creates {missing}."));
    } else if let (Some(near), Some(missing)) = (near, missing) {
        draft.help(format!("Correct the name: {missing} does not exist, but `{near}` does."));
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

/// Returns the location at which a missing object is created later.
fn created_later(cx: &Cx, missing: &ObjectKey, at: Site) -> Option<Site> {
    let made = match missing.class {
        "relation" => ObjectClass::Relation,
        "function" => ObjectClass::Function,
        "type" => ObjectClass::Type,
        "role" => ObjectClass::Role,
        "index" => ObjectClass::Index,
        _ => return None,
    };
    let (file, byte) = cx.catalog.creation_index.creation_after(made, missing.schema.as_deref(), &missing.name, cx.moment(at)?)?;
    let migration = cx.project().migrations.get(file)?;
    Some(migration.site().in_same_file(Span::new(byte, byte + missing.name.len() as u32)))
}

/// Similar names of missing objects.
type NearNames<'a> = BTreeMap<&'a ObjectKey, SmolStr>;

fn near_names<'a>(cx: &Cx, rejected: &'a [Rejected]) -> NearNames<'a> {
    let keys: BTreeSet<&ObjectKey> = rejected.iter().filter_map(missing).collect();
    keys.into_iter().filter_map(|key| near_name(cx, key).map(|near| (key, near))).collect()
}

/// Returns the name of an object of the same class with a similar spelling.
fn near_name(cx: &Cx, missing: &ObjectKey) -> Option<SmolStr> {
    let fits = |schema: &SmolStr| missing.schema.as_ref().is_none_or(|wanted| wanted == schema);
    // an unqualified column can belong to any table
    let of_table = |table: &&Table| missing.table.as_ref().is_none_or(|name| *name == table.name.name);
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
        .filter(|name| **name != missing.name && name.len().abs_diff(missing.name.len()) <= 4 * most)
        .map(|name| (distance(name), name))
        .filter(|(far, _)| *far <= most)
        .min()
        .map(|(_, name)| name.clone())
}

fn fails<'c>(cx: &'c mut Cx, rejected: &Rejected, how: &str) -> &'c mut DiagnosticBuilder {
    let SqlError { sqlstate, message, .. } = &rejected.reason;
    let told = format!("{how}: {message} ({sqlstate})");
    let head = cx.statement_head(rejected.site);
    cx.report(About::statement(&head), rejected.site, told)
        .label("fails here and rolls back the migration")
        .help(advice(sqlstate, message, &head))
        .of_statement(rejected.site)
}

/// Reports a statement that fails together with the rest of its file. Newer versions of the CLI run some of these statements separately.
/// Source: supabase/cli, pull requests 5671 (v2.109.0) and 6276 (DROP INDEX CONCURRENTLY, after v2.111.0).
fn fails_in_batch<'c>(cx: &'c mut Cx, rejected: &Rejected) -> &'c mut DiagnosticBuilder {
    const PLAIN: &str = "PostgreSQL rejects this statement";
    if rejected.reason.sqlstate == "55P04" {
        return fails(cx, rejected, PLAIN)
            .label("fails here, because the migration is one transaction")
            .help("Add the value in a separate migration, before the one that uses it.");
    }
    let begins = |words: &[&str]| words.iter().any(|word| rejected.reason.message.starts_with(word));
    let versions = match () {
        () if begins(&["DROP INDEX"]) => Some("up to 2.111"),
        () if begins(&["CREATE INDEX", "REINDEX CONCURRENTLY", "VACUUM", "ALTER SYSTEM"]) => Some("before 2.109"),
        () => None,
    };
    let Some(versions) = versions else {
        return fails(cx, rejected, PLAIN).help("Move it to a separate migration.");
    };
    let how = format!("Supabase CLI versions {versions} send this statement together with the rest of the file, and PostgreSQL rejects it");
    let draft = fails(cx, rejected, &how);
    draft.severity(Severity::Warn).label("newer versions run it separately, so earlier statements stay if it fails");
    draft.help(match begins(&["CREATE INDEX", "DROP INDEX", "REINDEX"]) {
        true => "Move it to a separate migration, which every version of the CLI can run. Or remove CONCURRENTLY if the table is small.",
        false => "Move it to a separate migration, which every version of the CLI can run.",
    })
}

/// Reports a statement with a name that only the search_path of `postgres` finds.
fn fails_by_path(cx: &mut Cx, one: &Rejected) {
    let Some(Detail::Elsewhere(missing, name)) = one.reason.detail.as_deref() else { return };
    let how =
        "PostgreSQL rejects this statement for a role whose search_path does not contain `extensions`, such as a login role of the CLI";
    fails(cx, one, how)
        .severity(Severity::Info)
        .label(format!("{missing} is found along the search_path"))
        .help(format!("Write the name with its schema: `{name}`."))
        .discriminate("search_path")
        .cause(
            "search_path extensions",
            "statement relies on a search_path that contains `extensions`",
            "statements rely on a search_path that contains `extensions`",
        );
}

/// Reports a statement that depends on objects outside the migrations.
fn fails_afresh(cx: &mut Cx, one: &Rejected, root: Root, names: &NearNames) {
    let (made, dump, repair) = match cx.platform() {
        Platform::Supabase => {
            ("`supabase db reset`, a preview branch, CI", "supabase db dump", ": `supabase migration repair --status applied <version>`")
        }
        Platform::Postgres => ("a new environment, CI", "pg_dump --schema-only", ""),
    };
    let how = format!("PostgreSQL rejects this statement on a database that only the migrations create ({made})");
    // after a change, the same statement may fail on every database, which is another problem
    fails(cx, one, &how).severity(Severity::Warn).label("fails on a new database").discriminate("new database");
    explain(cx, one, root, names);
    let near = missing(one).and_then(|missing| names.get(missing));
    let draft = cx.last();
    let help = match one.reason.detail.as_deref() {
        Some(Detail::Elsewhere(missing, name)) => format!("Correct the name: the extension creates {} `{name}`.", missing.class),
        Some(Detail::Missing(missing)) if missing.schema.as_deref().is_some_and(is_of_service) => format!(
            "Remove the statement if the object is one of Supabase: its services do not create {missing}. Otherwise create the object in a \
             schema of your own, because `postgres` cannot create objects in `{}`.",
            missing.schema.as_deref().unwrap_or_default()
        ),
        None if one.reason.sqlstate == "XX000" => {
            "Unschedule the job only if it exists: `select cron.unschedule(jobid) from cron.job where jobname = '…'`.".to_string()
        }
        _ => {
            let correct = near.map(|near| format!("Correct the name if `{near}` is meant. Otherwise write"));
            format!(
                "{} the missing objects into a migration that sorts before all others. `{dump}` prints them from the database that has them. \
                 Mark that migration as applied in that database{repair}.",
                correct.as_deref().unwrap_or("Write")
            )
        }
    };
    draft.help(help);
    if let Root::Missing(missing) = root {
        let why = format!("on a new database, because no migration creates {missing}");
        draft.cause(format!("outside {missing}"), format!("statement fails {why}"), format!("statements fail {why}"));
    }
}

/// Whether a schema belongs to a service of Supabase, which alone creates objects in it.
fn is_of_service(schema: &str) -> bool {
    matches!(schema, "auth" | "storage" | "realtime")
}

/// Returns the help for an error code.
fn advice(sqlstate: &str, message: &str, head: &str) -> &'static str {
    let may_be_absent = head.starts_with("DROP") || matches!(head, "ALTER TABLE" | "ALTER VIEW" | "ALTER INDEX" | "ALTER SEQUENCE");
    match sqlstate {
        "42883" if message.starts_with("operator") && ["<->", "<=>", "<#>", "<+>"].iter().any(|op| message.contains(op)) => {
            "Write the operator with the schema of its extension, such as `operator(extensions.<=>)`, or add that schema to the search_path."
        }
        "42883" if message.starts_with("operator") => {
            "Cast one side, or change the type of the column, so that both sides have the same type."
        }
        "42804" if message.contains("cast automatically") => {
            "Convert the existing values with USING. Drop a default that cannot be converted first."
        }
        "42804" | "22P02" | "22007" => "Write a value of the required type, or a cast to it.",
        "23502" => "Give the column a value or a default.",
        "428C9" => "Remove the column from the statement. PostgreSQL computes it.",
        "25001" => "Run it in a separate migration, outside blocks, functions and transactions.",
        "42P01" | "42703" | "42883" | "42704" | "3F000" if may_be_absent => {
            "Create it in an earlier migration, or correct the name. If it may be missing, add IF EXISTS."
        }
        "42P01" | "42703" | "42883" | "42704" | "3F000" => "Create it in an earlier migration, or correct the name.",
        "42P07" | "42710" | "42701" | "42723" | "42P06" => {
            "Drop the old one first. If the old one is equivalent, add IF NOT EXISTS or OR REPLACE."
        }
        "0A000" if message.starts_with("unique constraint on partitioned") => {
            "Add the columns of the partition key to the key. Each partition enforces uniqueness among its own rows only."
        }
        "42P16" | "42P17" if message.contains("overlap") || message.contains("existing default partition") => {
            "Give the partition values that no other partition takes."
        }
        "42P16" | "42P17" if message.contains("bound") || message.contains("partition") => {
            "Write a bound of the strategy and the columns of the partition key."
        }
        "42P17" => "Use an expression with the same result in every session, such as `(created_at at time zone 'UTC')`.",
        "2BP01" => "Drop the dependent objects first, or add CASCADE if all of them can be dropped.",
        "42830" => "Add a unique constraint on the referenced columns.",
        "42P13" | "42P16" => "Drop it and create it again. OR REPLACE cannot change the names and types of the result.",
        _ => "Correct it before the push. The whole file is rolled back with it.",
    }
}
