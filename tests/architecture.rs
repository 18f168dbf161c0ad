//! The invariants of ARCHITECTURE (crate docs of `lib.rs`), as far as the text of the code shows them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Each module with those it may import. What is not listed may import nothing of the crate.
const LAYERS: &[(&str, &[&str])] = &[
    ("source", &[]),
    ("finding", &["source", "catalog"]),
    ("report", &["finding", "source", "syntax"]),
    ("config", &["error", "finding", "source"]),
    ("error", &[]),
    ("syntax", &["source"]),
    ("catalog", &["source", "syntax"]),
    ("interpret", &["source", "syntax", "catalog"]),
    ("project", &["source", "syntax", "config", "error"]),
    ("history", &["source", "syntax", "catalog", "interpret", "project", "config"]),
    ("baseline", &["finding", "source"]),
    ("changes", &["error", "project"]),
    ("allow", &["source", "syntax", "finding", "config", "project"]),
    ("rules", &["source", "syntax", "catalog", "finding", "config", "project", "history", "allow"]),
    ("matrix", &["source", "catalog", "project", "rules"]),
    ("engine", &["source", "syntax", "catalog", "finding", "report", "config", "project", "history", "allow", "rules"]),
    ("fix", &["source", "syntax", "catalog", "finding", "report", "config", "error", "project", "history", "engine"]),
    ("output", &["source", "finding", "report", "catalog", "matrix", "rules", "syntax", "project"]),
    (
        "cli",
        &[
            "changes", "config", "engine", "error", "finding", "fix", "history", "matrix", "output", "project", "report", "rules",
            "source", "catalog",
        ],
    ),
];

fn sources() -> Vec<(PathBuf, String)> {
    fn walk(folder: &Path, out: &mut Vec<(PathBuf, String)>) {
        for entry in std::fs::read_dir(folder).expect("src can be read").flatten() {
            let path = entry.path();
            if path.is_dir() {
                walk(&path, out);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = std::fs::read_to_string(&path).expect("a source file is text");
                out.push((path, text));
            }
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut out = Vec::new();
    walk(&root, &mut out);
    out.sort();
    out.into_iter().map(|(path, text)| (path.strip_prefix(&root).expect("inside src").to_path_buf(), text)).collect()
}

/// `syntax` for `syntax/parser/mod.rs`.
fn module(path: &Path) -> String {
    let first = path.components().next().expect("a path has a part").as_os_str().to_string_lossy().into_owned();
    first.trim_end_matches(".rs").to_string()
}

/// The code without comments and without its unit tests.
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
        let Some(allowed) = layers.get(from.as_str()) else { continue };
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
fn libraries_stay_where_they_belong() {
    let homes: &[(&str, &[&str])] = &[
        ("sqlparser::", &["syntax/sql"]),
        ("miette::", &["output/terminal", "output/excerpt", "main.rs"]),
        ("std::fs", &["project", "config", "fix", "cli"]),
        ("std::time", &["cli", "output/mod.rs", "fix/write.rs"]),
        ("clap", &["cli", "config.rs", "output/mod.rs"]),
    ];
    let mut wrong = Vec::new();
    // tests that have a file of their own may use what they like
    let is_test = |path: &Path| path.components().any(|part| matches!(part.as_os_str().to_str(), Some("tests" | "tests.rs")));
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
