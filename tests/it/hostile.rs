//! Unusual texts, generated from real ones by cutting, repeating and mixing them, and by inserting tokens with a meaning to the lexer.
//! Every run uses the same texts. `HOSTILE=100000 cargo test --release --test it hostile` tests more of them. `fuzz/` searches for others.

use crate::support::hostile;
use crate::support::random::Random;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Texts that caused failures before.
const KEPT: [&str; 14] = [
    "select (tablesample x);",
    "select count(*) from (select * from t tablesample system) s;",
    "select U&'uescape ';",
    "-- a\ralter table t disable row level security;",
    "set standard_conforming_strings = off; select '\\''; alter table t disable row level security; --';",
    "select begin atomic; select 2;",
    "create function f() returns int begin atomic select begin from t; end; select 2;",
    "copy (select 1 from stdin) to stdout;\nselect 1;\n\\.\n",
    "select E'a'\n'\\'; drop table t; --';",
    "select 1 from only (",
    "with t as (select 1) search depth",
    "select grouping sets (grouping sets",
    "merge into t using",
    "select xmlroot(a, standalone",
];

/// Tokens with a meaning to the lexer or parser.
const TOKENS: [&str; 62] = [
    "'",
    "\"",
    "$$",
    "$a$",
    "E'",
    "U&'",
    "uescape '!'",
    "B'",
    "--",
    "/*",
    "*/",
    "\r",
    "\n",
    ";",
    "(",
    ")",
    "[",
    "]",
    ",",
    ".",
    "..",
    "::",
    ":=",
    "=>",
    ":",
    "*",
    "||",
    "@>",
    "\\",
    "\\.",
    "$1",
    "1e",
    "0x",
    "\u{feff}",
    "\u{a0}",
    "é",
    "\0",
    " begin atomic ",
    " end ",
    " case ",
    " select ",
    " from ",
    " not ",
    " as ",
    " with ",
    " using ",
    " default ",
    " null ",
    " tablesample ",
    " search depth ",
    " cycle ",
    " grouping sets ",
    " json_array(select ",
    " xmlroot(",
    " returning with ",
    " set standard_conforming_strings = off;",
    " copy t from stdin;",
    " values ",
    " only ",
    " lateral ",
    " merge into ",
    " fetch first (",
];

fn collect(folder: &Path, found: &mut Vec<PathBuf>) {
    let mut entries: Vec<PathBuf> = std::fs::read_dir(folder).expect("a folder can be read").flatten().map(|entry| entry.path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            collect(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "sql" || extension == "md") {
            found.push(path);
        }
    }
}

/// Returns the statements of the fixtures, the rule pages and the tests.
fn seeds() -> Vec<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut paths = Vec::new();
    ["fixtures", "rules", "tests/rejected"].iter().for_each(|folder| collect(&root.join(folder), &mut paths));
    let mut seeds: Vec<String> = KEPT.iter().map(|text| text.to_string()).collect();
    for path in paths {
        let text = std::fs::read_to_string(&path).expect("a seed is text");
        if path.extension().is_some_and(|extension| extension == "md") {
            let blocks = text.split("```").skip(1).step_by(2).filter_map(|block| block.strip_prefix("sql"));
            seeds.extend(blocks.filter_map(|block| block.split_once('\n')).map(|(_, code)| code.to_string()));
        } else {
            seeds.extend(text.split_inclusive(";\n").map(str::to_string));
        }
    }
    assert!(seeds.len() > 500);
    seeds
}

/// Returns a random position between two characters.
fn place(text: &str, random: &mut Random) -> usize {
    let mut at = random.below(text.len() + 1);
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

fn mutated(seeds: &[String], random: &mut Random) -> String {
    let mut text = seeds[random.below(seeds.len())].clone();
    for _ in 0..1 + random.below(6) {
        let (one, other) = (place(&text, random), place(&text, random));
        let (from, to) = (one.min(other), one.max(other).min(one.min(other) + 80));
        let to = (from..=to).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(from);
        match random.below(6) {
            0 => text.replace_range(from..to, ""),
            1 => text.insert_str(from, TOKENS[random.below(TOKENS.len())]),
            2 => text.replace_range(from..to, TOKENS[random.below(TOKENS.len())]),
            3 => {
                let part = text[from..to].to_string();
                text.insert_str(one, &part);
            }
            4 => text.truncate(one),
            _ => {
                let seed = &seeds[random.below(seeds.len())];
                let at = place(seed, random);
                text.insert_str(one, &seed[at..]);
            }
        }
    }
    let most = (0..=text.len().min(8_000)).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    text.truncate(most);
    text
}

/// Returns the number of texts: `usual`, unless `HOSTILE` sets it.
fn rounds(usual: usize) -> usize {
    std::env::var("HOSTILE").ok().and_then(|number| number.parse().ok()).unwrap_or(usual)
}

fn attack(seed: u64, usual: usize, together: usize, target: fn(&[String])) {
    let seeds = seeds();
    let mut random = Random::new(seed);
    KEPT.iter().for_each(|text| target(&[text.to_string()]));
    for _ in 0..rounds(usual).div_ceil(together) {
        let texts: Vec<String> = (0..together).map(|_| mutated(&seeds, &mut random)).collect();
        let started = Instant::now();
        if std::panic::catch_unwind(|| target(&texts)).is_err() {
            panic!("{texts:?}");
        }
        // printed only in long runs
        if rounds(0) > 0 && started.elapsed() > SLOW {
            eprintln!("{:?} for {texts:?}", started.elapsed());
        }
    }
}

/// Duration from which a text is reported as slow.
const SLOW: Duration = Duration::from_secs(2);

#[test]
fn any_text_is_split_as_the_rules_say() {
    attack(1, 20_000, 1, |texts| hostile::splits(&texts[0]));
}

#[test]
fn any_text_is_read_or_refused() {
    attack(2, 2_000, 1, |texts| hostile::parses(&texts[0]));
}

#[test]
fn any_text_is_folded() {
    attack(3, 500, hostile::TOGETHER, hostile::folds);
}

#[test]
fn any_text_is_judged_and_told_of() {
    attack(4, 250, hostile::TOGETHER, hostile::reports);
}
