//! Properties of all texts. Nothing panics or runs forever. Statements are split by the rules of the lexer, and none is omitted. Equal
//! texts give equal output in every format.

use std::sync::OnceLock;
use supalint::disk;
use supalint::engine::{self, RuleSelection};
use supalint::history;
use supalint::output::{Format, RenderOptions, schema};
use supalint::project::Project;
use supalint::source::Sources;
use supalint::syntax::ast::{Ast, Form};
use supalint::syntax::expression::{Data, Node, Walk};
use supalint::syntax::lexer::Lexer;
use supalint::syntax::split::Splitter;
use supalint::syntax::{parser, sql};

const FORMATS: [Format; 9] = [
    Format::Terminal,
    Format::Json,
    Format::Sarif,
    Format::Github,
    Format::Gitlab,
    Format::Junit,
    Format::Markdown,
    Format::Advisors,
    Format::Compact,
];

/// Checks that every byte belongs to a token, a comment or white space, and every token to one statement.
pub fn splits(text: &str) {
    let mut lexer = Lexer::new(text);
    let mut parts = Vec::new();
    while let Some(token) = lexer.next_token() {
        assert!(token.start < token.end && text.get(token.start as usize..token.end as usize).is_some(), "{token:?} of {text:?}");
        parts.push((token.start, token.end));
    }
    parts.extend(lexer.comments.iter().map(|comment| (comment.start, comment.end)));
    parts.sort_unstable();
    let mut behind = 0;
    for (start, end) in parts.into_iter().chain([(text.len() as u32, text.len() as u32)]) {
        let gap = text.get(behind as usize..start as usize).unwrap_or_else(|| panic!("overlap before {start} in {text:?}"));
        assert!(gap.chars().all(|c| matches!(c, ' ' | '\t' | '\n' | '\r' | '\x0b' | '\x0c' | '\u{feff}')), "{gap:?} of {text:?}");
        behind = end;
    }
    let mut at = 0;
    let mut statements = Vec::new();
    for raw in Splitter::new(text) {
        let span = raw.span();
        assert!(!raw.tokens.is_empty() && span.start >= at, "{span:?} of {text:?}");
        at = span.end;
        statements.push(span.of(text));
    }
    if let Some(expected) = reference(text) {
        assert_eq!(statements, expected, "{text:?}");
    }
}

/// Checks that every statement is parsed or rejected, and that all its locations are in the text.
pub fn parses(text: &str) {
    for raw in Splitter::new(text) {
        let statement = parser::statement(text, &raw);
        match &statement.form {
            Form::Read(ast) => {
                if let Ast::Data(data) = &**ast {
                    places(data, text);
                }
            }
            Form::Opaque(opaque) => {
                let at = opaque.at;
                assert!(text.get(at.start as usize..at.end as usize).is_some(), "{at:?} of {text:?}");
            }
        }
    }
}

fn places(data: &Data, text: &str) {
    data.walk(&mut |node| {
        if let Node::Expr(expr) = node {
            assert!(text.get(expr.span.start as usize..expr.span.end as usize).is_some(), "{expr:?} of {text:?}");
        }
        Walk::Into
    });
}

/// Number of texts in one project, each as a migration.
pub const TOGETHER: usize = 25;

/// A project of some migrations, whose texts are replaced.
struct PlanInput {
    sources: Sources,
    project: Project,
}

fn ground() -> &'static PlanInput {
    static GROUND: OnceLock<PlanInput> = OnceLock::new();
    GROUND.get_or_init(|| {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let migrations = folder.path().join("supabase/migrations");
        std::fs::create_dir_all(&migrations).expect("a folder can be made");
        for nth in 10..10 + TOGETHER {
            std::fs::write(migrations.join(format!("202501010000{nth}_a.sql")), "select 1;").expect("a file can be written");
        }
        let mut sources = history::sources();
        let project = disk::open(&[folder.path().to_path_buf()], None, &mut sources).expect("there is a migration");
        PlanInput { sources, project }
    })
}

fn with_texts<T: Send>(texts: &[String], work: impl FnOnce(Sources, Project) -> T + Send) -> T {
    let PlanInput { sources, project } = ground();
    let (mut sources, mut project) = (sources.clone(), project.clone());
    project.migrations.truncate(texts.len());
    for (migration, text) in project.migrations.iter_mut().zip(texts) {
        sources.replace(migration.file, text.as_str());
        migration.end = text.len() as u32;
    }
    sql::with_stack(|| work(sources, project)).expect("there is a thread")
}

/// Checks the schema of a history of these texts.
pub fn folds(texts: &[String]) {
    let write = || {
        with_texts(texts, |mut sources, project| {
            let replay = history::replay(&mut sources, &project, &mut ());
            let mut out = Vec::new();
            schema::text(&replay.catalog, &sources, &RenderOptions::PLAIN, &mut out).expect("memory takes it");
            schema::json(&replay.catalog, &sources, &mut out).expect("memory takes it");
            out
        })
    };
    assert!(write() == write(), "{texts:?}");
}

/// Checks the diagnostics of all rules in all formats for a history of these texts.
pub fn reports(texts: &[String]) {
    let write = || {
        with_texts(texts, |sources, project| {
            let report = engine::run(sources, &project, &RuleSelection::default());
            let mut out = Vec::new();
            FORMATS.iter().for_each(|format| format.write(&report, &RenderOptions::PLAIN, &mut out).expect("memory takes it"));
            out
        })
    };
    assert!(write() == write(), "{texts:?}");
}

/// Returns the statements of a text by a simple implementation of PostgreSQL's lexical rules, which is independent of the lexer. Returns
/// `None` if a quote, comment or parenthesis is not closed, and for texts with settings, psql commands or COPY data.
fn reference(text: &str) -> Option<Vec<&str>> {
    let lower = text.to_ascii_lowercase();
    if ["standard_conforming_strings", "stdin", "\\"].iter().any(|word| lower.contains(word)) {
        return None;
    }
    let bytes = text.as_bytes();
    let is_word = |byte: u8| byte.is_ascii_alphabetic() || byte == b'_' || byte >= 0x80;
    let find = |needle: &str, from: usize| text[from..].find(needle).map(|at| from + at);
    let mut statements = Vec::new();
    // words and symbols of the current statement
    let mut tokens: Vec<&str> = Vec::new();
    let (mut start, mut end, mut depth, mut atomic) = (0, 0, 0usize, false);
    let mut at = 0;
    while at < bytes.len() {
        let rest = &text[at..];
        let first = bytes[at];
        let length = if rest.starts_with("--") {
            at += rest.find(['\n', '\r']).unwrap_or(rest.len());
            continue;
        } else if rest.starts_with("/*") {
            let mut open = 0usize;
            loop {
                if bytes.get(at..at + 2) == Some(b"/*") {
                    open += 1;
                    at += 2;
                } else if bytes.get(at..at + 2) == Some(b"*/") {
                    open -= 1;
                    at += 2;
                } else if at < bytes.len() {
                    at += 1;
                } else {
                    return None;
                }
                if open == 0 {
                    break;
                }
            }
            continue;
        } else if rest.starts_with('\u{feff}') {
            at += 3;
            continue;
        } else if matches!(first, b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c) {
            at += 1;
            continue;
        } else if first == b'\'' || first == b'"' {
            // a doubled quote is equivalent to the end of a literal and the start of another
            find(if first == b'"' { "\"" } else { "'" }, at + 1)? + 1 - at
        } else if first == b'$' {
            let tag = bytes[at + 1..].iter().take_while(|byte| is_word(**byte) || byte.is_ascii_digit()).count();
            let named = tag == 0 || is_word(bytes[at + 1]);
            if named && bytes.get(at + 1 + tag) == Some(&b'$') {
                let tag = &text[at..at + tag + 2];
                find(tag, at + tag.len())? + tag.len() - at
            } else if bytes.get(at + 1).is_some_and(u8::is_ascii_digit) {
                1 + bytes[at + 1..].iter().take_while(|byte| byte.is_ascii_digit()).count()
            } else {
                1
            }
        } else if is_word(first) {
            bytes[at..].iter().take_while(|byte| is_word(**byte) || byte.is_ascii_digit() || **byte == b'$').count()
        } else if first.is_ascii_digit() || (first == b'.' && bytes.get(at + 1).is_some_and(u8::is_ascii_digit)) {
            // letters after digits are part of the number
            let digits = |from: usize| bytes[from..].iter().take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'_').count();
            let whole = digits(at);
            let fraction = bytes.get(at + whole) == Some(&b'.') && bytes.get(at + whole + 1) != Some(&b'.');
            whole + if fraction { 1 + digits(at + whole + 1) } else { 0 }
        } else {
            rest.chars().next().map_or(1, char::len_utf8)
        };
        let token = &text[at..at + length];
        at += length;
        let is = |token: Option<&&str>, word: &str| token.is_some_and(|token| token.eq_ignore_ascii_case(word));
        if token == ";" && !atomic {
            if depth > 0 {
                return None;
            }
            if !tokens.is_empty() {
                statements.push(&text[start..end]);
            }
            tokens.clear();
            continue;
        }
        depth = if token == "(" { depth + 1 } else { depth.saturating_sub((token == ")") as usize) };
        let routine = |word: Option<&&str>| is(word, "function") || is(word, "procedure");
        let makes = is(tokens.first(), "create")
            && (routine(tokens.get(1)) || (is(tokens.get(1), "or") && is(tokens.get(2), "replace") && routine(tokens.get(3))));
        if atomic {
            let begins = tokens.last() == Some(&";") || is(tokens.last(), "atomic");
            atomic = !(depth == 0 && begins && is(Some(&token), "end"));
        } else if depth == 0 && makes && is(Some(&token), "atomic") && is(tokens.last(), "begin") {
            atomic = true;
        }
        if tokens.is_empty() {
            start = at - length;
        }
        end = at;
        tokens.push(token);
    }
    if !tokens.is_empty() {
        statements.push(&text[start..end]);
    }
    Some(statements)
}
