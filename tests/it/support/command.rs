//! Runs the program in temporary projects.

use serde_json::Value;
use std::path::Path;
use std::process::{Command, Output};

/// Returns the program, independent of the environment of the machine.
pub fn command(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_supalint"));
    command.current_dir(folder).env_remove("GITHUB_ACTIONS").env_remove("SOURCE_DATE_EPOCH").env("NO_COLOR", "1").env("COLUMNS", "100");
    command
}

pub fn supalint(folder: &Path, arguments: &[&str]) -> Output {
    command(folder).args(arguments).output().expect("supalint starts")
}

/// Returns the report as JSON.
pub fn json(folder: &Path, arguments: &[&str]) -> Value {
    let output = supalint(folder, &[arguments, &["--format", "json"]].concat());
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("no JSON ({error}): {}", told(&output)))
}

pub fn project(files: &[(impl AsRef<Path>, impl AsRef<[u8]>)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder can be made");
    for (name, text) in files {
        put(folder.path(), name, text);
    }
    folder
}

pub fn put(folder: &Path, name: impl AsRef<Path>, text: impl AsRef<[u8]>) {
    let path = folder.join(name);
    std::fs::create_dir_all(path.parent().expect("inside the folder")).expect("a folder can be made");
    std::fs::write(path, text).expect("a file can be written");
}

/// Returns the name and text of the migration with this number.
pub fn migration(number: usize, text: &str) -> (String, String) {
    (format!("supabase/migrations/202501{number:02}000000_step.sql"), text.to_string())
}

/// Returns standard error.
pub fn told(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Returns standard output without the duration of the run.
pub fn shown(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let line = |line: &str| match line.rsplit_once("; ") {
        Some((head, time)) if time.ends_with("ms") || time.ends_with(" s") => head.to_string(),
        _ => line.to_string(),
    };
    text.lines().map(line).collect::<Vec<_>>().join("\n")
}
