//! Code of JavaScript and TypeScript to shapes. Only this module uses the parser.

mod build;
mod chain;
mod client;
mod code;
mod exports;
mod flow;
mod keys;
mod results;
mod sql;
#[cfg(test)]
mod tests;
mod value;

use crate::comments::{Allows, MARK};
use crate::depth;
use crate::script;
use crate::shape::{CodeFile, SqlText, Unread};
use code::{Code, span};
use memchr::memmem;
use oxc_allocator::Allocator;
use oxc_ast::AstKind;
use oxc_ast::ast::{Comment, Program};
use oxc_parser::{ParseOptions, Parser, ParserReturn};
use oxc_semantic::{AstNodes, SemanticBuilder};
use oxc_span::{GetSpan, SourceType};
use std::borrow::Cow;
use supalint_syntax::source::Span;

/// Largest number of allow comments that are read in one file.
const MAX_ALLOWS: usize = 1_000;

/// Returns whether files of this name contain code that can be read.
pub fn is_code(path: &str) -> bool {
    let is_declaration = [".d.ts", ".d.mts", ".d.cts", ".min.js"].into_iter().any(|end| path.ends_with(end));
    let extension = path.rsplit_once('.').map_or("", |(_, extension)| extension);
    !is_declaration && ["ts", "tsx", "mts", "cts", "js", "jsx", "mjs", "cjs", "vue", "svelte"].contains(&extension)
}

/// Returns whether a path is that of a test, a mock, a story or a fixture.
pub fn is_test(path: &str) -> bool {
    let lower = path.to_ascii_lowercase();
    let (folders, name) = lower.rsplit_once('/').unwrap_or(("", &lower));
    let is_folder = |folder: &str| {
        let names = ["test", "tests", "spec", "specs", "e2e", "cypress", "playwright", "mocks", "mock", "fixtures", "testing", "stories"];
        names.contains(&folder)
            || (folder.starts_with("__") && folder.ends_with("__"))
            || folder.ends_with("-tests")
            || folder.ends_with("-e2e")
    };
    let parts: Vec<&str> = name.split('.').collect();
    let is_part = |part: &&str| ["test", "tests", "spec", "e2e", "stories", "mock", "mocks", "cy", "bench"].contains(part);
    folders.split('/').any(is_folder)
        || parts.iter().rev().skip(1).rev().skip(1).any(is_part)
        || name.starts_with("test-")
        || name.starts_with("test_")
        || name.starts_with("jest.")
        || name.starts_with("vitest.")
}

/// Returns whether a text can contain something that is read. The search is fast and finds too much rather than too little.
pub fn has_marks(text: &str) -> bool {
    let bytes = text.as_bytes();
    let begins = |at: usize, end: &[u8]| bytes[..at].ends_with(end);
    let calls = |name: &str, is_other: &dyn Fn(usize) -> bool| {
        memmem::find_iter(bytes, name).any(|at| {
            let after = bytes[at + name.len()..].iter().find(|byte| !byte.is_ascii_whitespace());
            matches!(after, Some(b'(' | b'<')) && !is_other(at)
        })
    };
    let is_list = |at: usize| begins(at, b"Array") || begins(at, b"Buffer") || begins(at, b"storage") || begins(at, b"Set");
    let none = |_: usize| false;
    calls(".from", &is_list)
        || calls(".rpc", &none)
        || memmem::find(bytes, b"sql`").is_some()
        || memmem::find(bytes, b"sql<").is_some()
        || memmem::find(bytes, b"ueryRaw").is_some()
        || memmem::find(bytes, b"xecuteRaw").is_some()
        || calls(".unsafe", &none)
        || calls(".query", &|at| !is_sql(&text[at + ".query".len()..]))
        || calls(".queryObject", &none)
        || memmem::find(bytes, MARK.as_bytes()).is_some()
        || memmem::find(bytes, b"SERVICE_ROLE").is_some()
        || memmem::find(bytes, b"SUPABASE_SECRET").is_some()
        || memmem::find(bytes, b"SUPABASE_SERVICE").is_some()
        || memmem::find(bytes, b"sb_secret_").is_some()
        // the head of every JSON Web Token that names its algorithm first
        || memmem::find(bytes, b"eyJhbGciOi").is_some()
}

/// Returns whether the argument of a call can be SQL: it is no literal, or begins with a word and a space.
fn is_sql(call: &str) -> bool {
    let inside = call.find('(').map_or("", |at| call[at + 1..].trim_start());
    let Some(literal) = inside.strip_prefix(['"', '\'', '`']) else {
        return !inside.starts_with(')');
    };
    let literal = literal.trim_start();
    let end = literal.find(|letter: char| !letter.is_ascii_alphabetic()).unwrap_or(literal.len());
    end == 0 || literal[end..].starts_with(|letter: char| letter.is_whitespace() || letter == '\\') || literal[..end].len() >= 5
}

/// Parses a file on the current thread, which must have a stack of [`depth::STACK`] bytes.
pub fn parse(path: &str, text: &str, file: &mut CodeFile) {
    let is_component = path.ends_with(".vue") || path.ends_with(".svelte");
    let script: Cow<str> = if is_component { script::scripts(text) } else { Cow::Borrowed(text) };
    if !depth::is_bounded(&script) {
        file.unread = Some(Unread::TooDeep);
        return;
    }
    let allocator = Allocator::default();
    let first = if is_component { SourceType::ts() } else { SourceType::from_path(path).unwrap_or_else(|_| SourceType::tsx()) };
    let second = SourceType::tsx().with_module(true);
    let mut parsed = parse_as(&allocator, &script, first);
    if (parsed.panicked || !parsed.errors.is_empty()) && first != second {
        let other = parse_as(&allocator, &script, second);
        if !other.panicked && (parsed.panicked || other.errors.len() < parsed.errors.len()) {
            parsed = other;
        }
    }
    if parsed.panicked {
        let error = parsed.errors.first();
        let at = error.and_then(|error| error.labels.as_ref()).and_then(|labels| labels.first());
        let range = at.map(|label| Span::new(label.offset() as u32, (label.offset() + label.len()) as u32)).unwrap_or_default();
        let message = error.map(|error| error.message.to_string()).unwrap_or_default();
        file.unread = Some(Unread::Syntax { message, span: range });
        return;
    }
    let program = allocator_program(&allocator, parsed);
    let semantic = SemanticBuilder::new().build(program).semantic;
    read(&script, program, semantic.nodes(), semantic.scoping(), file, is_component);
}

fn parse_as<'a>(allocator: &'a Allocator, text: &'a str, source_type: SourceType) -> ParserReturn<'a> {
    let options = ParseOptions { allow_return_outside_function: true, preserve_parens: false, ..ParseOptions::default() };
    Parser::new(allocator, text, source_type).with_options(options).parse()
}

fn allocator_program<'a>(allocator: &'a Allocator, parsed: ParserReturn<'a>) -> &'a Program<'a> {
    allocator.alloc(parsed.program)
}

fn read<'a>(
    text: &'a str,
    program: &'a Program<'a>,
    nodes: &AstNodes<'a>,
    scoping: &oxc_semantic::Scoping,
    file: &mut CodeFile,
    is_component: bool,
) {
    let code = Code::new(text, nodes, scoping);
    let is_client = program.directives.iter().any(|directive| directive.directive == "use client");
    file.in_browser = is_component || is_client;
    file.module.is_read = true;
    exports::exports(&code, program, &mut file.module);
    let chains = chain::chains(&code);
    let mut results = results::Results::default();
    for (nth, chain) in chains.iter().enumerate() {
        flow::bind(&code, chain, nth, &mut results);
    }
    let mut pending = Vec::new();
    let mut rows = Vec::new();
    for (nth, chain) in chains.iter().enumerate() {
        let mut query = build::query(&code, &results, chain, nth, &mut pending);
        query.in_test = file.in_test;
        rows.push(query.rows);
        query.flow = flow::flow(&code, &results, chain, nth, &rows);
        file.queries.push(query);
    }
    file.module.pending = pending;
    for node in nodes.iter() {
        if let Some(sql) = sql::sql(&code, node.kind()) {
            file.sql.push(SqlText { in_test: file.in_test, ..sql });
        }
        file.keys.extend(keys::key(&code, node.kind(), file.in_browser));
    }
    file.sql.sort_by_key(|sql| sql.span.start);
    file.keys.sort_by_key(|key| key.name.span.start);
    allows(text, program, nodes, file);
}

/// Reads the allow comments.
fn allows(text: &str, program: &Program, nodes: &AstNodes, file: &mut CodeFile) {
    let is_mark = |comment: &&Comment| memmem::find(span(comment.span).of(text).as_bytes(), MARK.as_bytes()).is_some();
    let marked: Vec<Span> = program.comments.iter().filter(is_mark).take(MAX_ALLOWS).map(|comment| span(comment.span)).collect();
    if marked.is_empty() {
        return;
    }
    let first = program.directives.first().map(|directive| directive.span.start);
    let first = first.into_iter().chain(program.body.first().map(|first| first.span().start)).min().unwrap_or(u32::MAX);
    let scopes = Scopes::of(text, program, nodes);
    let mut allows = Allows::default();
    for comment in marked {
        allows.read(text, comment, comment.end <= first, || scopes.of_comment(comment));
    }
    (file.allows, file.invalid_allows) = (allows.allows, allows.invalid);
}

/// Code that allow comments can apply to.
struct Scopes<'t> {
    text: &'t str,
    comments: Vec<Span>,
    /// Spans of all nodes, by their starts. Of equal starts, the longest is last.
    nodes: Vec<Span>,
    /// Spans of statements and properties.
    statements: Vec<Span>,
}

impl<'t> Scopes<'t> {
    fn of(text: &'t str, program: &Program, nodes: &AstNodes) -> Scopes<'t> {
        let mut all = Vec::new();
        let mut statements = Vec::new();
        for node in nodes.iter().filter(|node| !matches!(node.kind(), AstKind::Program(_))) {
            let kind = node.kind();
            all.push(span(kind.span()));
            if kind.is_statement() || matches!(kind, AstKind::ObjectProperty(_) | AstKind::VariableDeclaration(_)) {
                statements.push(span(kind.span()));
            }
        }
        all.sort_by_key(|own| (own.start, own.end));
        Scopes { text, comments: program.comments.iter().map(|comment| span(comment.span)).collect(), nodes: all, statements }
    }

    /// Returns the line of a comment, the code that begins after it, or the statement that contains it.
    fn of_comment(&self, comment: Span) -> Option<Span> {
        let line = self.text[..comment.start as usize].rfind('\n').map_or(0, |at| at + 1);
        let before = &self.text[line..comment.start as usize];
        // `{/* … */}` in JSX
        if !before.trim().trim_start_matches('{').is_empty() {
            return Some(Span::new(line as u32, comment.start));
        }
        let next = self.next_code(comment.end)?;
        let end = self.nodes.partition_point(|own| own.start <= next);
        if let Some(longest) = self.nodes[..end].last().filter(|own| own.start == next) {
            return Some(*longest);
        }
        self.statements.iter().filter(|own| own.contains(comment)).min_by_key(|own| own.len()).copied()
    }

    /// Returns the offset of the first code after an offset.
    fn next_code(&self, from: u32) -> Option<u32> {
        let mut at = from as usize;
        loop {
            let rest = &self.text[at..];
            let code = at + (rest.len() - rest.trim_start().len());
            match self.comments.binary_search_by_key(&(code as u32), |comment| comment.start) {
                Ok(nth) => at = self.comments[nth].end as usize,
                Err(_) => return (code < self.text.len()).then_some(code as u32),
            }
        }
    }
}
