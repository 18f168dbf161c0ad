//! Migrations run once each, in the order of their file names: every file has to have a name and a place of its own.

use crate::project::{Platform, SkipReason};
use crate::rules::prelude::*;

rule!("migration/order", Migration, Error, Schema(check));

fn check(cx: &mut Cx) {
    for duplicate in &cx.project().duplicates {
        let (first, others) = duplicate.files.split_first().expect("a duplicate has two files at least");
        for file in others {
            let (name, one) = (cx.name_of(*file), cx.name_of(*first));
            let message =
                format!("`{name}` has the version of `{one}`: the runner can record {} only once, and stops here", duplicate.version);
            cx.report(About::migration(name), start(*file), message)
                .label("runs second")
                .because(start(*first), "runs first, and takes the version")
                .help("rename the file to a version of its own, later than the newest one that is applied");
        }
    }
    for misplaced in &cx.project().misplaced {
        let (name, after) = (cx.name_of(misplaced.file), cx.name_of(misplaced.after));
        cx.report(
            About::migration(name),
            start(misplaced.file),
            format!("`{name}` runs after `{after}`: names are compared as text, not as numbers"),
        )
        .severity(Severity::Warn)
        .label("runs later than its number says")
        .because(start(misplaced.after), "runs before it")
        .help("give all versions the same number of digits, best as time stamps; a file that is applied already keeps its name");
    }
    if cx.platform() == Platform::Supabase {
        skipped(cx);
    }
}

fn skipped(cx: &mut Cx) {
    for skipped in &cx.project().skipped {
        let name = &skipped.name;
        let (why, help) = match skipped.reason {
            SkipReason::Name => {
                ("its name is not `<digits>_<name>.sql`", "rename it if it has to run, or move it out of the folder if not")
            }
            SkipReason::OldInit => (
                "the runner takes a first file of before 2021-12-09 called `init` for a relic",
                "rename it, so that a new database gets it",
            ),
            SkipReason::Directory => ("it is a folder", "rename it, for the runner tries to read it as a file and stops"),
            SkipReason::NotAFile => ("it is no ordinary file", "move it out of the folder"),
            SkipReason::Undo => continue,
        };
        let message = format!("`{name}` never runs: {why}");
        let draft = cx.report(About::migration(name), start(skipped.file), message);
        draft.severity(Severity::Warn).label("nothing below takes effect").help(help);
    }
}

/// A finding about a whole file points at its first byte.
fn start(file: FileId) -> Site {
    Site::new(file, Span::default())
}
