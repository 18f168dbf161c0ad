//! Invariants of the architecture (see the crate docs of `lib.rs`), as far as the source text shows them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Modules of all crates, each with the modules that it can import.
const LAYERS: &[(&str, &[&str])] = &[
    ("source", &[]),
    ("syntax", &["source"]),
    ("queries", &["source"]),
    ("catalog", &["source", "syntax"]),
    ("platform", &[]),
    ("interpret", &["source", "syntax", "catalog", "platform"]),
    ("error", &[]),
    ("finding", &["source", "catalog"]),
    ("report", &["finding", "source", "syntax"]),
    ("config", &["error", "finding", "source", "rules"]),
    ("project", &["source", "syntax", "config"]),
    ("disk", &["source", "config", "project", "error"]),
    ("app", &["source", "project", "disk", "error"]),
    ("history", &["source", "syntax", "catalog", "interpret", "project", "config"]),
    ("baseline", &["error", "finding", "source"]),
    ("changes", &["error", "project"]),
    ("allow", &["source", "syntax", "finding", "config", "project"]),
    ("analysis", &["source", "syntax", "catalog", "finding", "config", "project"]),
    ("remedy", &["source", "syntax", "catalog", "finding", "config", "project", "analysis"]),
    ("rules", &["source", "syntax", "catalog", "finding", "config", "project", "history", "allow", "analysis", "remedy"]),
    ("engine", &["source", "syntax", "catalog", "finding", "report", "config", "project", "history", "allow", "analysis", "rules"]),
    ("fix", &["source", "syntax", "catalog", "finding", "report", "config", "error", "project", "history", "engine"]),
    ("output", &["source", "finding", "report", "catalog", "analysis", "rules", "syntax", "project"]),
    (
        "cli",
        &[
            "analysis", "app", "baseline", "changes", "config", "disk", "engine", "error", "finding", "fix", "history", "output",
            "project", "report", "rules", "source", "catalog", "syntax",
        ],
    ),
    // the public interface of the library, and the program
    (
        "lib",
        &[
            "app", "baseline", "changes", "config", "disk", "engine", "error", "fix", "history", "project", "report", "rules", "source",
            "syntax",
        ],
    ),
    ("main", &[]),
];

/// Returns each file of each crate, with its path from `src`.
fn sources() -> Vec<(PathBuf, String)> {
    fn walk(folder: &Path, out: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(folder).expect("src can be read").flatten() {
            let path = entry.path();
            if path.is_dir() {
                walk(&path, out);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                out.push(path);
            }
        }
    }
    let top = Path::new(env!("CARGO_MANIFEST_DIR"));
    let crates = std::fs::read_dir(top.join("crates")).expect("the other crates are there").flatten().map(|entry| entry.path());
    let mut out = Vec::new();
    for folder in std::iter::once(top.to_path_buf()).chain(crates) {
        let root = folder.join("src");
        // the parser of application code counts as one module
        let prefix = if folder.ends_with("crates/queries") { "queries" } else { "" };
        let mut files = Vec::new();
        walk(&root, &mut files);
        for file in files {
            let text = std::fs::read_to_string(&file).expect("a source file is text");
            let path = file.strip_prefix(&root).expect("inside src").to_path_buf();
            // a root of another crate only declares modules
            if root.starts_with(top.join("src")) || path != Path::new("lib.rs") {
                out.push((Path::new(prefix).join(path), text));
            }
        }
    }
    out.sort();
    out
}

/// Returns the module of a path: `syntax` for `syntax/parser/mod.rs`.
fn module(path: &Path) -> String {
    let first = path.components().next().expect("a path has a part").as_os_str().to_string_lossy().into_owned();
    first.trim_end_matches(".rs").to_string()
}

/// Returns whether the file contains only tests, which can import all modules.
fn is_test(path: &Path) -> bool {
    path.components().any(|part| matches!(part.as_os_str().to_str(), Some("tests" | "tests.rs")))
}

/// Returns the code without comments and unit tests.
fn code(text: &str) -> String {
    let text =
        ["#[cfg(test)]\nmod tests {", "#![cfg(test)]"].into_iter().fold(text, |text, tests| text.split(tests).next().unwrap_or(text));
    text.lines().map(|line| line.split("//").next().unwrap_or(line)).collect::<Vec<_>>().join("\n")
}

#[test]
fn imports_run_one_way() {
    let layers: BTreeMap<&str, &[&str]> = LAYERS.iter().copied().collect();
    let mut wrong = Vec::new();
    for (path, text) in sources() {
        let from = module(&path);
        let allowed = layers[from.as_str()];
        for part in code(&text).split("crate::").skip(1) {
            let to: String = part.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
            if to != from && layers.contains_key(to.as_str()) && !allowed.contains(&to.as_str()) {
                wrong.push(format!("{} imports {to}", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn every_module_has_its_layer() {
    let modules: BTreeSet<String> = sources().iter().map(|(path, _)| module(path)).collect();
    let listed: BTreeSet<String> = LAYERS.iter().map(|(module, _)| module.to_string()).collect();
    assert_eq!(modules, listed);
}

/// Rules get facts of the text from the catalog or from `src/analysis`.
#[test]
fn no_rule_reads_source_text() {
    let mut wrong = Vec::new();
    for (path, text) in sources() {
        let is_rule = path.starts_with("rules") && path.components().count() > 2 && path.file_name().is_some_and(|name| name != "mod.rs");
        let code = code(&text);
        for door in [".slice(", ".text(file", "sources.get", "sources.text", "tokens(", "identity_helpers::body("] {
            if is_rule && code.contains(door) {
                wrong.push(format!("{} reads text with {door}", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// A span without its file can be resolved in the wrong file. Only code that knows the file of a span creates a location.
#[test]
fn rules_and_remedies_make_no_location_of_a_file_and_a_span() {
    let makes = |(path, text): &(PathBuf, String)| {
        matches!(module(path).as_str(), "rules" | "remedy" | "output") && !is_test(path) && code(text).contains("Site::new(")
    };
    let wrong: Vec<PathBuf> = sources().into_iter().filter(makes).map(|(path, _)| path).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn libraries_stay_where_they_belong() {
    let homes: &[(&str, &[&str])] = &[
        ("sqlparser::", &["syntax/sql"]),
        ("miette::", &["output/terminal", "output/excerpt", "main.rs"]),
        ("std::fs", &["disk", "config/schema.rs"]),
        ("std::env", &["disk", "cli", "changes.rs", "lib.rs", "config/schema.rs"]),
        ("std::process", &["cli", "changes.rs", "main.rs"]),
        ("std::time", &["cli", "output/mod.rs", "disk/write.rs"]),
        ("clap", &["cli", "config.rs", "output/mod.rs"]),
    ];
    let mut wrong = Vec::new();
    for (path, text) in sources().into_iter().filter(|(path, _)| !is_test(path)) {
        let code = code(&text);
        for (library, at) in homes {
            let name = path.to_string_lossy();
            if code.contains(library) && !at.iter().any(|home| name.starts_with(home)) {
                wrong.push(format!("{name} uses {library}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn what_is_shown_never_comes_in_the_order_of_a_hash() {
    for (path, text) in sources() {
        if matches!(module(&path).as_str(), "output" | "engine" | "fix" | "report" | "finding") {
            let code = code(&text);
            let iterates = code.contains("HashMap") || code.contains("HashSet");
            assert!(!iterates || !code.contains(".values()") && !code.contains(".keys()"), "{} iterates over a hash", path.display());
        }
    }
}

#[test]
fn every_statement_and_every_change_is_spoken_of() {
    let files: BTreeMap<String, String> = sources().into_iter().map(|(path, text)| (path.to_string_lossy().into_owned(), text)).collect();
    for (file, head) in [("catalog/apply.rs", "pub fn apply("), ("interpret/mod.rs", "pub fn interpret(")] {
        let text = &files[file];
        let body = &text[text.find(head).expect("the function is there")..];
        let end = body.find("\n    }\n").expect("it ends");
        let arms = body[..end].lines().filter(|line| line.starts_with("            _ =>")).count();
        assert_eq!(arms, 0, "{file} has an arm for whatever else there may be");
    }
}

#[test]
fn each_file_says_what_it_is_and_holds_one_idea() {
    for (path, text) in sources() {
        assert!(text.starts_with("//!"), "{} begins without a word on what it is", path.display());
        assert!(text.len() <= 40 * 1024, "{} has outgrown one idea: {} bytes", path.display(), text.len());
    }
}
