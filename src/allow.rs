//! Allow comments in migrations, and `[[allow]]` in the settings.
//!
//! Promises: each comment that begins with `supalint:` is either valid or an [`InvalidComment`]. Files without such a comment cost one
//! text search. Limits: the names of rules are not checked here, and no diagnostics are removed. The result is the reason.

use crate::config::Allowance;
use crate::finding::Finding;
use crate::project::{AppFile, Project};
use crate::source::{FileId, Site, Source, Sources, Span};
use crate::syntax::lexer::{Lexer, Token, TokenKind, dollar_tag};
use crate::syntax::split::Splitter;
use globset::GlobMatcher;
use memchr::memmem;
use supalint_queries::shape;

/// Start of every allow comment.
pub const MARK: &str = "supalint:";

/// All allow comments and settings of a project.
#[derive(Debug, Default)]
pub struct Allows {
    pub comments: Vec<Comment>,
    pub invalid_comments: Vec<InvalidComment>,
    pub settings: Vec<Setting>,
    /// Ids of rules that ran.
    ran: Vec<&'static str>,
    /// Ids of rules that did not run.
    idle: Vec<&'static str>,
}

/// A comment such as `supalint: allow(rule, …) because …`.
#[derive(Debug)]
pub struct Comment {
    pub site: Site,
    pub names: Vec<Named>,
    pub because: String,
    scope: AllowScope,
}

/// An entry of `[[allow]]`.
#[derive(Debug)]
pub struct Setting {
    pub allowance: Allowance,
    pub site: Site,
    matcher: GlobMatcher,
    /// Whether the entry has allowed a problem.
    pub used: bool,
}

/// A rule or group in a comment.
#[derive(Debug)]
pub struct Named {
    pub name: String,
    pub site: Site,
    /// Whether the name has allowed a problem.
    pub used: bool,
}

/// Range in which problems are allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum AllowScope {
    File,
    Statement(Span),
    /// A line in the body of a function.
    Line(usize),
}

/// An invalid allow comment.
#[derive(Debug)]
pub struct InvalidComment {
    pub site: Site,
    pub kind: FaultKind,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// The keyword is neither `allow` nor `allow-file`.
    UnknownKeyword(String),
    /// There are no rules in parentheses.
    NoRules,
    /// There is no `because`, or no text after it.
    NoReason,
    /// `allow-file` is not at the beginning of the file.
    NotAtStart,
    /// No statement follows the comment.
    NoStatement,
}

impl Allows {
    /// Reads all allow comments and settings. `ran` and `idle` are the ids of rules that ran and did not run.
    pub fn read(sources: &Sources, project: &Project, ran: Vec<&'static str>, idle: Vec<&'static str>) -> Allows {
        let mut allows = Allows { ran, idle, ..Allows::default() };
        if let Some(file) = project.settings {
            let setting = |allowance: &Allowance| Setting {
                allowance: allowance.clone(),
                site: Site::new(file, allowance.span),
                matcher: allowance.object.compile_matcher(),
                used: false,
            };
            allows.settings.extend(project.config.allow.iter().map(setting));
        }
        for migration in &project.migrations {
            let source = sources.get(migration.file);
            // most files contain no comment, and this search is fast
            if memmem::find(source.text().as_bytes(), MARK.as_bytes()).is_some() {
                CommentReader { file: migration.file, source, allows: &mut allows }.read();
            }
        }
        project.app.iter().for_each(|app| allows.take_code(app));
        allows
    }

    /// Adds the comments of a file of application code.
    fn take_code(&mut self, app: &AppFile) {
        let site = |span: Span| Site::new(app.file, span);
        for comment in &app.code.allows {
            let scope = match comment.scope {
                shape::AllowScope::File => AllowScope::File,
                shape::AllowScope::Span(span) => AllowScope::Statement(span),
            };
            let named = |named: &shape::Named| Named { name: named.text.to_string(), site: site(named.span), used: false };
            let names = comment.rules.iter().map(named).collect();
            self.comments.push(Comment { site: site(comment.span), names, because: comment.because.clone(), scope });
        }
        let invalid = |invalid: &shape::InvalidAllow| InvalidComment {
            site: site(invalid.span),
            kind: match &invalid.fault {
                shape::AllowFault::UnknownKeyword(keyword) => FaultKind::UnknownKeyword(keyword.clone()),
                shape::AllowFault::NoRules => FaultKind::NoRules,
                shape::AllowFault::NoReason => FaultKind::NoReason,
                shape::AllowFault::NotAtStart => FaultKind::NotAtStart,
                shape::AllowFault::NoStatement => FaultKind::NoStatement,
            },
        };
        self.invalid_comments.extend(app.code.invalid_allows.iter().map(invalid));
    }

    /// Returns whether all rules with a name ran, so that their diagnostics are complete.
    pub fn ran(&self, name: &str) -> bool {
        self.ran.iter().any(|rule| is_of(rule, name)) && !self.idle.iter().any(|rule| is_of(rule, name))
    }

    /// Returns the reason for which a diagnostic is allowed, or `None`.
    pub fn reason(&mut self, finding: &Finding, sources: &Sources) -> Option<String> {
        let mut reason = None;
        for comment in &mut self.comments {
            let names = comment.names.iter_mut().filter(|named| is_of(finding.rule, &named.name));
            let mut names = names.peekable();
            let labels = || std::iter::once(&finding.primary).chain(&finding.related);
            let (site, scope) = (comment.site, comment.scope);
            if names.peek().is_some() && labels().any(|label| scope.contains(site.file, sources.resolve(label.site), sources)) {
                names.for_each(|named| named.used = true);
                reason.get_or_insert_with(|| comment.because.clone());
            }
        }
        for setting in self.settings.iter_mut().filter(|setting| is_of(finding.rule, &setting.allowance.rule)) {
            if !setting.allowance.expired && finding.subject.names().iter().any(|name| setting.matcher.is_match(name)) {
                setting.used = true;
                reason.get_or_insert_with(|| setting.allowance.because.clone());
            }
        }
        reason
    }
}

/// Returns whether a name is the id or the group of a rule.
fn is_of(rule: &str, name: &str) -> bool {
    rule == name || rule.split_once('/').is_some_and(|(group, _)| group == name)
}

impl AllowScope {
    fn contains(self, file: FileId, site: Site, sources: &Sources) -> bool {
        if site.file != file {
            return false;
        }
        match self {
            AllowScope::File => true,
            AllowScope::Statement(span) => span.start <= site.span.start && site.span.start < span.end.max(span.start + 1),
            AllowScope::Line(line) => {
                let source = sources.get(file);
                [site.span.start, site.span.end.saturating_sub(1)].into_iter().any(|at| source.line_index(at) == line)
            }
        }
    }
}

/// Reader of the allow comments of one file.
struct CommentReader<'a> {
    file: FileId,
    source: &'a Source,
    allows: &'a mut Allows,
}

/// Content of a comment.
enum CommentContent {
    Allow { whole_file: bool, names: Vec<Named>, because: String },
    Invalid(FaultKind),
}

impl CommentReader<'_> {
    fn read(mut self) {
        let source = self.source;
        let text = source.text();
        let mut splitter = Splitter::new(text);
        let mut before: Option<Span> = None;
        for statement in splitter.by_ref() {
            let span = statement.span();
            for comment in &statement.comments {
                let trailed = before.filter(|before| self.trails(*before, *comment, Some(span)));
                let starts = before.is_none() && comment.start < span.start;
                self.take(*comment, starts, Some(AllowScope::Statement(trailed.unwrap_or(span))));
            }
            for token in statement.tokens.iter().filter(|token| token.kind == TokenKind::DollarString) {
                self.body(*token);
            }
            before = Some(span);
        }
        for comment in splitter.trailing_comments() {
            let trailed = before.filter(|before| self.trails(*before, comment, None));
            self.take(comment, before.is_none(), trailed.map(AllowScope::Statement));
        }
    }

    /// Returns whether a comment is on the last line of the statement before it, at the end of the line.
    fn trails(&self, before: Span, comment: Span, next: Option<Span>) -> bool {
        let line = |at: u32| self.source.line_index(at);
        let shares = |next: Span| comment.end <= next.start && line(comment.end) == line(next.start);
        before.end <= comment.start && line(before.end) == line(comment.start) && !next.is_some_and(shares)
    }

    /// Reads comments in a function body, which apply to a line.
    fn body(&mut self, token: Token) {
        let text = self.source.text();
        let whole = token.text(text);
        if !whole.contains(MARK) {
            return;
        }
        let tag = dollar_tag(whole).len() as u32;
        let inside = Span::new(token.start + tag, token.end - tag);
        let mut lexer = Lexer::from(&text[..inside.end as usize], inside.start as usize);
        while lexer.next_token().is_some() {}
        for comment in std::mem::take(&mut lexer.comments) {
            let line = self.line_of(comment);
            self.take(comment, false, line.map(AllowScope::Line));
        }
    }

    /// Returns the line to which a comment in a body applies: its own line if it contains code, otherwise the next line with code.
    fn line_of(&self, comment: Span) -> Option<usize> {
        let (source, text) = (self.source, self.source.text());
        let first = source.line_index(comment.start);
        let before = &text[source.line_span(first).start as usize..comment.start as usize];
        if !before.trim().is_empty() {
            return Some(first);
        }
        let last = source.line_index(comment.end);
        let behind = &text[comment.end as usize..(source.line_span(last).end.max(comment.end)) as usize];
        if !behind.trim().is_empty() {
            return Some(last);
        }
        let code = |line: &usize| {
            let line = source.line_span(*line).of(text).trim();
            !line.is_empty() && !line.starts_with("--")
        };
        (last + 1..source.line_count()).find(code)
    }

    fn take(&mut self, comment: Span, starts: bool, scope: Option<AllowScope>) {
        let Some((site, content)) = self.content(comment) else { return };
        match (content, scope) {
            (CommentContent::Invalid(kind), _) => self.add_invalid(site, kind),
            (CommentContent::Allow { whole_file: true, names, because }, _) if starts => self.add(site, names, because, AllowScope::File),
            (CommentContent::Allow { whole_file: true, .. }, _) => self.add_invalid(site, FaultKind::NotAtStart),
            (CommentContent::Allow { names, because, .. }, Some(scope)) => self.add(site, names, because, scope),
            (CommentContent::Allow { .. }, None) => self.add_invalid(site, FaultKind::NoStatement),
        }
    }

    fn add(&mut self, site: Site, names: Vec<Named>, because: String, scope: AllowScope) {
        self.allows.comments.push(Comment { site, names, because, scope });
    }

    fn add_invalid(&mut self, site: Site, kind: FaultKind) {
        self.allows.invalid_comments.push(InvalidComment { site, kind });
    }

    /// Returns the location and content of a comment, or `None` if it does not begin with [`MARK`].
    fn content(&self, comment: Span) -> Option<(Site, CommentContent)> {
        let whole = comment.of(self.source.text());
        let inner = whole.strip_prefix("/*").map_or(whole, |inner| inner.strip_suffix("*/").unwrap_or(inner));
        let start = inner.trim_start_matches(|letter: char| letter.is_whitespace() || matches!(letter, '-' | '*'));
        let rest = start.strip_prefix(MARK)?.trim_end();
        let at = comment.start + (start.as_ptr() as usize - whole.as_ptr() as usize) as u32;
        let site = Site::new(self.file, Span::new(at, at + (MARK.len() + rest.len()) as u32));
        Some((site, self.directive(rest)))
    }

    fn directive(&self, text: &str) -> CommentContent {
        let text = text.trim_start();
        let end = text.find(|letter: char| !letter.is_ascii_alphanumeric() && !matches!(letter, '-' | '_')).unwrap_or(text.len());
        let whole_file = match &text[..end] {
            "allow" => false,
            "allow-file" => true,
            other => return CommentContent::Invalid(FaultKind::UnknownKeyword(other.to_string())),
        };
        let list = text[end..].trim_start().strip_prefix('(').and_then(|rest| rest.split_once(')'));
        let Some((list, rest)) = list else { return CommentContent::Invalid(FaultKind::NoRules) };
        let names: Vec<Named> = list.split(',').map(|name| self.named(name)).collect();
        if names.iter().any(|named| named.name.is_empty()) {
            return CommentContent::Invalid(FaultKind::NoRules);
        }
        // lines of a block begin with a star
        let mut words = rest.split_whitespace().filter(|word| *word != "*");
        let reason: Vec<&str> = if words.next() == Some("because") { words.collect() } else { Vec::new() };
        if reason.is_empty() {
            return CommentContent::Invalid(FaultKind::NoReason);
        }
        CommentContent::Allow { whole_file, names, because: reason.join(" ") }
    }

    /// Returns a name in the list with its location.
    fn named(&self, name: &str) -> Named {
        let name = name.trim();
        let start = (name.as_ptr() as usize - self.source.text().as_ptr() as usize) as u32;
        Named { name: name.to_string(), site: Site::new(self.file, Span::new(start, start + name.len() as u32)), used: false }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (Sources, Allows) {
        let mut sources = Sources::default();
        let file = sources.add("a.sql", text);
        let mut allows = Allows::default();
        CommentReader { file, source: sources.get(file), allows: &mut allows }.read();
        (sources, allows)
    }

    /// Returns the text of each allow comment with its range.
    fn reached(text: &str) -> Vec<(String, String)> {
        let (sources, allows) = read(text);
        let shown = |comment: &Comment| {
            let names: Vec<&str> = comment.names.iter().map(|named| sources.slice(named.site)).collect();
            let place = match comment.scope {
                AllowScope::File => "file".to_string(),
                AllowScope::Statement(span) => span.of(text).to_string(),
                AllowScope::Line(line) => sources.get(comment.site.file).line_span(line).of(text).trim().to_string(),
            };
            (format!("{}: {}", names.join(" "), comment.because), place)
        };
        assert!(allows.invalid_comments.is_empty(), "{:?}", allows.invalid_comments);
        allows.comments.iter().map(shown).collect()
    }

    fn is(text: &str, wanted: &[(&str, &str)]) {
        let wanted: Vec<(String, String)> = wanted.iter().map(|(one, other)| (one.to_string(), other.to_string())).collect();
        assert_eq!(reached(text), wanted, "{text}");
    }

    #[test]
    fn a_comment_belongs_to_the_statement_below_it_or_that_it_stands_in_or_behind() {
        is("-- supalint: allow(rls) because x\n\nselect 1;", &[("rls: x", "select 1")]);
        is("select 1; -- supalint: allow(rls) because x\nselect 2;", &[("rls: x", "select 1")]);
        is("select 1;\n--supalint:allow( rls/a , index/b )  because  of   this\nselect 2;", &[("rls/a index/b: of this", "select 2")]);
        is("select 1; /* supalint: allow(a) because x */ select 2;", &[("a: x", "select 2")]);
        is("select 1,\n  -- supalint: allow(a) because x\n 2;", &[("a: x", "select 1,\n  -- supalint: allow(a) because x\n 2")]);
        is("select 1; -- supalint: allow(a) because x", &[("a: x", "select 1")]);
        is("/*\n * supalint: allow(a)\n *   because x\n * y */\nselect 1;\r\n", &[("a: x y", "select 1")]);
        is("-- about supalint: nothing\nselect 'supalint: allow';", &[]);
        is(
            "-- words\n-- supalint: allow-file(a) because x\n-- supalint: allow(b) because y\nselect 1;",
            &[("a: x", "file"), ("b: y", "select 1")],
        );
    }

    #[test]
    fn in_a_body_it_belongs_to_a_line() {
        let body = |inside: &str| format!("create function f() returns int language sql as $x$\n{inside}\n$x$;");
        is(&body("-- supalint: allow(a) because x\n-- more\n\nselect 1;"), &[("a: x", "select 1;")]);
        is(&body("select 0;\nselect 1; -- supalint: allow(a) because x"), &[("a: x", "select 1; -- supalint: allow(a) because x")]);
        is(&body("/* supalint: allow(a) because x */ select 1;"), &[("a: x", "/* supalint: allow(a) because x */ select 1;")]);
    }

    #[test]
    fn what_is_no_allow_is_told_and_why() {
        for (text, kind) in [
            ("-- supalint: disable\nselect 1;", FaultKind::UnknownKeyword("disable".into())),
            ("-- supalint:\nselect 1;", FaultKind::UnknownKeyword(String::new())),
            ("-- supalint: allow\nselect 1;", FaultKind::NoRules),
            ("-- supalint: allow() because x\nselect 1;", FaultKind::NoRules),
            ("-- supalint: allow(a, ) because x\nselect 1;", FaultKind::NoRules),
            ("-- supalint: allow(a because x\nselect 1;", FaultKind::NoRules),
            ("-- supalint: allow(a)\nselect 1;", FaultKind::NoReason),
            ("-- supalint: allow(a) x\nselect 1;", FaultKind::NoReason),
            ("-- supalint: allow(a) because\nselect 1;", FaultKind::NoReason),
            ("select 1;\n-- supalint: allow-file(a) because x\nselect 2;", FaultKind::NotAtStart),
            ("select\n-- supalint: allow-file(a) because x\n2;", FaultKind::NotAtStart),
            ("select 1;\n-- supalint: allow(a) because x", FaultKind::NoStatement),
        ] {
            let (_, allows) = read(text);
            assert!(allows.comments.is_empty() && allows.invalid_comments.len() == 1, "{text}: {allows:?}");
            assert_eq!(allows.invalid_comments[0].kind, kind, "{text}");
        }
    }
}
