//! Statements that PostgreSQL rejects. Each file of `tests/rejected` is a history of one migration with one statement per line. A line that
//! ends in `-- SQLSTATE` is rejected with this code, and all others are accepted. The results are those of PostgreSQL 15, one statement at
//! a time. Exceptions are lines with `in a batch` (rejected in the runner's transaction or pipeline) and `afresh` (rejected because no
//! migration creates an object that the statement needs).

use crate::support::replay;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// Returns the result of each rejected line, in the format of the files.
fn rejected(text: &str) -> BTreeMap<u32, String> {
    let (sources, replay) = replay::replay(text);
    let mut told: BTreeMap<u32, String> = replay.catalog.rejected.iter().map(|one| replay::told(one, &sources)).collect();
    // statements that cannot be parsed are reported by `migration/syntax`
    for unread in &replay.unread {
        told.insert(sources.range(unread.site).0.line, "42601".into());
    }
    told
}

#[test]
fn the_statements_that_postgresql_rejects_and_no_others_are_told() {
    let mut wrong = Vec::new();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/rejected");
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(files.len() > 10);
    for path in files {
        let text = fs::read_to_string(&path).unwrap();
        let told = rejected(&text);
        for (at, line) in (1..).zip(text.lines()) {
            let expected = line.rsplit_once(" -- ").map(|(_, code)| code);
            let said = told.get(&at).map(String::as_str);
            if expected != said {
                let name = path.file_name().unwrap().to_string_lossy();
                wrong.push(format!("{name}:{at}: {} instead of {}: {line}", said.unwrap_or("nothing"), expected.unwrap_or("nothing")));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}
