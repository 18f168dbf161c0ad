//! Catalog of a text that is the only migration of a project.

use supalint::catalog::{Rejected, When};
use supalint::disk;
use supalint::history::{self, Replay};
use supalint::source::Sources;

pub fn replay(text: &str) -> (Sources, Replay) {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let migrations = folder.path().join("supabase/migrations");
    std::fs::create_dir_all(&migrations).expect("a folder can be made");
    std::fs::write(migrations.join("20250101000000_a.sql"), text).expect("a file can be written");
    let mut sources = history::sources();
    let project = disk::open(&[folder.path().to_path_buf()], None, &mut sources).expect("there is a migration");
    let replay = history::replay(&mut sources, &project, &mut ());
    (sources, replay)
}

/// Returns the line of a rejected statement and its SQLSTATE, followed by the situation if it is not always rejected.
pub fn told(rejected: &Rejected, sources: &Sources) -> (u32, String) {
    let when = match rejected.when {
        When::Always => "",
        When::InBatch | When::InBatchOfSameKind => " in a batch",
        When::OtherPath => " by search_path",
        When::OnNewDatabase => " afresh",
    };
    (sources.range(rejected.site).0.line, format!("{}{when}", rejected.reason.sqlstate))
}
