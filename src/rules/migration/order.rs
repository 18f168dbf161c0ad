//! Migration files that are duplicated, out of order or never run. Each migration runs once, in the order of file names.

use crate::project::{Platform, SkipReason};
use crate::rules::prelude::*;

rule!("migration/order", Migration, Error, Schema(check));

fn check(cx: &mut Cx) {
    for duplicate in &cx.project().duplicates {
        let (first, others) = duplicate.files.split_first().expect("a duplicate has two files at least");
        for file in others {
            let (name, one) = (cx.name_of(*file), cx.name_of(*first));
            let message =
                format!("`{name}` has the same version as `{one}`: the runner can record {} only once and stops here", duplicate.version);
            cx.report(About::migration(name), start(*file), message)
                .label("runs second")
                .because(start(*first), "runs first and uses the version")
                .help("Rename the file to a unique version that is later than the newest applied version.");
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
        .label("runs out of numeric order")
        .because(start(misplaced.after), "runs before it")
        .help("Give all versions the same number of digits, preferably as timestamps. Do not rename a file that is already applied.");
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
                ("its name is not `<digits>_<name>.sql`", "Rename it if it should run. Otherwise move it out of the folder.")
            }
            SkipReason::OldInit => (
                "the runner skips a first file named `init` with a version before 2021-12-09",
                "Rename it, so that it runs on a new database.",
            ),
            SkipReason::Directory => ("it is a folder", "Rename it. The runner tries to read it as a file and stops."),
            SkipReason::NotAFile => ("it is not a regular file", "Move it out of the folder."),
            SkipReason::Undo => continue,
        };
        let message = format!("`{name}` never runs: {why}");
        let draft = cx.report(About::migration(name), start(skipped.file), message);
        draft.severity(Severity::Warn).label("nothing in this file takes effect").help(help);
    }
}

/// Returns the location of a diagnostic about a whole file: its first byte.
fn start(file: FileId) -> Site {
    Site::start_of(file)
}
