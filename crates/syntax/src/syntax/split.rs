//! Splitter of a text into statements, with the rules of the Supabase migration runner: at `;` outside quotes, comments, parentheses and
//! `BEGIN ATOMIC … END`.
//!
//! Promises: every token belongs to exactly one statement. If a parenthesis is not closed, the statement ends at the first `;` before a line
//! that begins a statement, so that the mistake affects only one statement.

use super::lexer::{BackslashMode, Lexer, Token, TokenKind, dollar_tag, ident_value, string_value, tokens_in_mode};
use crate::source::Span;

/// The tokens of one statement, without its `;`.
#[derive(Debug, Default)]
pub struct RawStatement {
    pub tokens: Vec<Token>,
    /// Comments between the end of the previous statement and the end of this one.
    pub comments: Vec<Span>,
    /// Lines of data after `COPY … FROM stdin`.
    pub data: Option<Span>,
    /// How plain string literals in the statement are read.
    pub backslash_mode: BackslashMode,
}

impl RawStatement {
    /// Returns the span from the first to the last token.
    pub fn span(&self) -> Span {
        match (self.tokens.first(), self.tokens.last()) {
            (Some(first), Some(last)) => first.span().to(last.span()),
            _ => Span::default(),
        }
    }
}

/// The value of `standard_conforming_strings` after the statements so far. It determines where literals, and so statements, end.
#[derive(Clone, Copy, Debug, Default)]
pub struct Session {
    now: BackslashMode,
    /// Value after a COMMIT of the transaction.
    after_commit: BackslashMode,
    /// Value at the start of the transaction.
    at_begin: BackslashMode,
}

const SETTING: &str = "standard_conforming_strings";

impl Session {
    pub fn of(backslash_mode: BackslashMode) -> Session {
        Session { now: backslash_mode, after_commit: backslash_mode, at_begin: backslash_mode }
    }

    /// Applies a statement.
    fn follow(&mut self, text: &str, tokens: &[Token]) {
        let word = |at: usize, word: &str| {
            tokens.get(at).is_some_and(|token| token.kind == TokenKind::Word && token.text(text).eq_ignore_ascii_case(word))
        };
        let Some(first) = tokens.first().filter(|token| token.kind == TokenKind::Word) else { return };
        match first.text(text).to_ascii_uppercase().as_str() {
            "SET" => self.set(text, tokens),
            "RESET" if word(1, "ALL") || word(1, SETTING) => self.put(BackslashMode::Literal, false),
            "DISCARD" if word(1, "ALL") => self.put(BackslashMode::Literal, false),
            "BEGIN" | "START" => self.at_begin = self.now,
            "COMMIT" | "END" => self.now = self.after_commit,
            "ROLLBACK" | "ABORT" if !(1..3).any(|at| word(at, "TO")) => *self = Session::of(self.at_begin),
            "SELECT" | "WITH" | "VALUES" => self.call(text, tokens),
            "DO" => tokens.iter().filter(|token| token.kind == TokenKind::DollarString).for_each(|code| self.block(text, *code)),
            _ => {}
        }
    }

    fn put(&mut self, backslash_mode: BackslashMode, local: bool) {
        self.now = backslash_mode;
        if !local {
            self.after_commit = backslash_mode;
        }
    }

    /// Applies `SET [LOCAL | SESSION] standard_conforming_strings = value`.
    fn set(&mut self, text: &str, tokens: &[Token]) {
        let word = |at: usize, word: &str| tokens.get(at).is_some_and(|token| token.text(text).eq_ignore_ascii_case(word));
        let local = word(1, "LOCAL");
        let name = 1 + (local || word(1, "SESSION")) as usize;
        if let [name, _, value, ..] = &tokens[name.min(tokens.len())..]
            && ident_value(*name, text).eq_ignore_ascii_case(SETTING)
        {
            let value = if is_literal(*value) { string_value(*value, text) } else { ident_value(*value, text).to_string() };
            self.put(backslash_mode_of(&value), local);
        }
    }

    /// Applies `set_config('standard_conforming_strings', value, is_local)`.
    fn call(&mut self, text: &str, tokens: &[Token]) {
        for (at, token) in tokens.iter().enumerate() {
            let calls = token.end - token.start == 10 && token.text(text).eq_ignore_ascii_case("set_config");
            if calls && let Some([_, name, _, value, rest @ ..]) = tokens.get(at + 1..) {
                let value_of = |token: &Token| is_literal(*token).then(|| string_value(*token, text));
                if value_of(name).is_some_and(|name| name.eq_ignore_ascii_case(SETTING)) {
                    let local = rest.get(1).is_some_and(|token| token.text(text).eq_ignore_ascii_case("true"));
                    self.put(value_of(value).map_or(BackslashMode::Literal, |value| backslash_mode_of(&value)), local);
                }
            }
        }
    }

    /// Applies both forms inside a DO block.
    fn block(&mut self, text: &str, code: Token) {
        let whole = code.text(text);
        if !mentions(whole) {
            return;
        }
        let tag = dollar_tag(whole).len() as u32;
        let tokens = tokens_in_mode(text, Span::new(code.start + tag, code.end - tag), self.now);
        for (at, token) in tokens.iter().enumerate() {
            if token.kind == TokenKind::Word && token.text(text).eq_ignore_ascii_case("SET") {
                self.set(text, &tokens[at..]);
            }
        }
        self.call(text, &tokens);
    }
}

fn is_literal(token: Token) -> bool {
    matches!(token.kind, TokenKind::String | TokenKind::EscapeString | TokenKind::UnicodeString | TokenKind::DollarString)
}

/// Returns the backslash mode for a value of the setting. PostgreSQL accepts unique prefixes of words.
fn backslash_mode_of(value: &str) -> BackslashMode {
    let value = value.to_ascii_lowercase();
    let off =
        !value.is_empty() && (value == "0" || "false".starts_with(&value) || "no".starts_with(&value) || value == "of" || value == "off");
    if off { BackslashMode::Escape } else { BackslashMode::Literal }
}

/// Returns whether a text can contain the name of the setting.
fn mentions(text: &str) -> bool {
    let bytes = text.as_bytes();
    let within = SETTING.as_bytes();
    memchr::memchr_iter(b'_', bytes).any(|at| {
        at.checked_sub(8).and_then(|start| bytes.get(start..start + within.len())).is_some_and(|found| found.eq_ignore_ascii_case(within))
    })
}

/// Iterator over the statements of a text.
pub struct Splitter<'a> {
    text: &'a str,
    lexer: Lexer<'a>,
    session: Session,
}

impl<'a> Splitter<'a> {
    pub fn new(text: &'a str) -> Splitter<'a> {
        Splitter::resumed(text, 0, Session::default())
    }

    /// Creates a splitter that starts at a byte of a text, in a new session.
    pub fn starting_at(text: &'a str, position: usize) -> Splitter<'a> {
        Splitter::resumed(text, position, Session::default())
    }

    /// Creates a splitter that continues at the position and in the session of another splitter.
    pub fn resumed(text: &'a str, position: usize, session: Session) -> Splitter<'a> {
        let mut lexer = Lexer::from(text, position);
        lexer.backslash_mode = session.now;
        Splitter { text, lexer, session }
    }

    /// Returns the statement that begins at a byte.
    pub fn statement_at(text: &'a str, position: usize) -> Option<RawStatement> {
        if mentions(&text[..position]) {
            Splitter::new(text).find(|raw| raw.span().start as usize >= position)
        } else {
            Splitter::starting_at(text, position).next()
        }
    }

    /// Returns the session for the next splitter.
    pub fn session(&self) -> Session {
        self.session
    }

    /// Returns the position after the last statement.
    pub fn position(&self) -> usize {
        self.lexer.position()
    }

    fn word(&self, token: Token, word: &str) -> bool {
        token.kind == TokenKind::Word && token.text(self.text).eq_ignore_ascii_case(word)
    }

    /// Returns the comments after the last statement.
    pub fn trailing_comments(&mut self) -> Vec<Span> {
        std::mem::take(&mut self.lexer.comments)
    }

    /// Returns whether a parenthesis before this `;` was not closed. Parentheses around the commands of a rule can contain `;`.
    fn is_broken(&self, tokens: &[Token]) -> bool {
        let rule = tokens.first().is_some_and(|token| self.word(*token, "CREATE"))
            && tokens[1..].iter().take(3).any(|token| self.word(*token, "RULE"));
        !rule && self.ends_broken_statement()
    }

    fn ends_broken_statement(&self) -> bool {
        let mut ahead = self.lexer.clone();
        let before = ahead.position();
        let Some(next) = ahead.next_token() else { return true };
        let same_line = !self.text[before..next.start as usize].contains('\n');
        const HEADS: [&str; 14] = [
            "CREATE", "ALTER", "DROP", "GRANT", "REVOKE", "INSERT", "UPDATE", "DELETE", "COMMENT", "DO", "SELECT", "SET", "BEGIN", "COMMIT",
        ];
        !same_line && HEADS.iter().any(|head| self.word(next, head))
    }

    /// Returns whether the statement is `COPY … FROM stdin`. Names inside parentheses belong to a query.
    fn reads_data(&self, tokens: &[Token]) -> bool {
        let mut depth = 0usize;
        tokens.first().is_some_and(|token| self.word(*token, "COPY"))
            && tokens.windows(2).any(|pair| {
                match pair[0].kind {
                    TokenKind::LParen => depth += 1,
                    TokenKind::RParen => depth = depth.saturating_sub(1),
                    _ => {}
                }
                depth == 0 && self.word(pair[0], "FROM") && self.word(pair[1], "STDIN")
            })
    }

    /// Returns whether the statement is `CREATE [OR REPLACE] FUNCTION | PROCEDURE`, whose body can contain statements.
    fn makes_routine(&self, tokens: &[Token]) -> bool {
        let words = |at: usize, words: &[&str]| tokens.get(at).is_some_and(|token| words.iter().any(|word| self.word(*token, word)));
        let head = if words(1, &["OR"]) && words(2, &["REPLACE"]) { 3 } else { 1 };
        words(0, &["CREATE"]) && words(head, &["FUNCTION", "PROCEDURE"])
    }

    fn copy_data(&mut self, statement: &mut RawStatement) {
        if !self.reads_data(&statement.tokens) {
            return;
        }
        let bytes = self.text.as_bytes();
        let line_end = |from: usize| self.text[from..].find('\n').map_or(bytes.len(), |at| from + at + 1);
        let start = line_end(self.lexer.position());
        let mut at = start;
        while at < bytes.len() {
            let end = line_end(at);
            if self.text[at..end].trim_end() == "\\." {
                statement.data = Some(Span::new(start as u32, at as u32));
                self.lexer.seek(end);
                return;
            }
            at = end;
        }
    }
}

impl Iterator for Splitter<'_> {
    type Item = RawStatement;

    fn next(&mut self) -> Option<RawStatement> {
        let mut statement = RawStatement::default();
        let mut depth = 0usize;
        let mut atomic = false;
        statement.backslash_mode = self.lexer.backslash_mode;
        loop {
            let Some(token) = self.lexer.next_token() else {
                if statement.tokens.is_empty() {
                    return None;
                }
                break;
            };
            match token.kind {
                TokenKind::Semicolon if !atomic && (depth == 0 || self.is_broken(&statement.tokens)) => {
                    if statement.tokens.is_empty() {
                        continue;
                    }
                    self.copy_data(&mut statement);
                    break;
                }
                TokenKind::LParen => depth += 1,
                TokenKind::RParen => depth = depth.saturating_sub(1),
                // END ends a body only where a statement could begin. Otherwise it belongs to CASE or is a name.
                TokenKind::Word if atomic => {
                    let begins = |last: &Token| last.kind == TokenKind::Semicolon || self.word(*last, "ATOMIC");
                    atomic = !(self.word(token, "END") && depth == 0 && statement.tokens.last().is_some_and(begins));
                }
                TokenKind::Word if depth == 0 && self.word(token, "ATOMIC") => {
                    let begins = statement.tokens.last().is_some_and(|last| self.word(*last, "BEGIN"));
                    atomic = begins && self.makes_routine(&statement.tokens);
                }
                TokenKind::Meta if statement.tokens.is_empty() => {
                    statement.tokens.push(token);
                    break;
                }
                _ => {}
            }
            statement.tokens.push(token);
        }
        self.session.follow(self.text, &statement.tokens);
        self.lexer.backslash_mode = self.session.now;
        statement.comments = std::mem::take(&mut self.lexer.comments);
        Some(statement)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn statements(text: &str) -> Vec<&str> {
        Splitter::new(text).map(|statement| statement.span().of(text)).collect()
    }

    #[test]
    fn semicolons_inside_things_do_not_end_a_statement() {
        assert_eq!(statements("select ';'; select $$;$$ ;; -- ;\nselect 1"), ["select ';'", "select $$;$$", "select 1"]);
        assert_eq!(
            statements("create rule r as on insert to t do (select 1; select 2); select 3"),
            ["create rule r as on insert to t do (select 1; select 2)", "select 3"]
        );
        let rule = "create or replace rule r as on update to t do also (\nupdate u set a = 1;\nupdate v set a = 1\n)";
        assert_eq!(statements(&format!("{rule};\nselect 3")), [rule, "select 3"]);
        assert_eq!(
            statements("create function f() returns int begin atomic select case when true then 1 end; end; select 3"),
            ["create function f() returns int begin atomic select case when true then 1 end; end", "select 3"]
        );
    }

    #[test]
    fn begin_atomic_begins_a_body_only_where_a_routine_is_made() {
        assert_eq!(statements("select begin atomic; select 2"), ["select begin atomic", "select 2"]);
        assert_eq!(statements("create table begin atomic; select 2"), ["create table begin atomic", "select 2"]);
        let body = "create or replace procedure p() begin atomic insert into t select t.begin, case when t.end then 1 end as end; end";
        assert_eq!(statements(&format!("{body}; select 2")), [body, "select 2"]);
        assert_eq!(statements("create function f() begin atomic end; select 2"), ["create function f() begin atomic end", "select 2"]);
    }

    #[test]
    fn literals_end_as_the_session_says() {
        let hidden = r"select '\''; drop table t; --';";
        let split = |head: &str| statements(&format!("{head};\n{hidden}")).iter().skip(1).filter(|text| text.starts_with("drop")).count();
        for off in [
            "set standard_conforming_strings = off",
            "set session Standard_Conforming_Strings to 'OFF'",
            "set \"standard_conforming_strings\" to false",
            "set local standard_conforming_strings = no",
            "select pg_catalog.set_config('standard_conforming_strings', 'off', false)",
            "do $$ begin set standard_conforming_strings = 0; end $$",
            "begin; set standard_conforming_strings = off; commit",
        ] {
            assert_eq!(split(off), 1, "{off}");
            for on in [
                "set standard_conforming_strings = on",
                "reset standard_conforming_strings",
                "reset all",
                "select set_config('standard_conforming_strings', 'on', true)",
            ] {
                assert_eq!(split(&format!("{off}; {on}")), 0, "{on}");
            }
        }
        for still_on in [
            "set standard_conforming_strings = on",
            "begin; set local standard_conforming_strings = off; commit",
            "begin; set standard_conforming_strings = off; rollback",
            "create function f() set standard_conforming_strings = off",
        ] {
            assert_eq!(split(still_on), 0, "{still_on}");
        }
        let text = "set standard_conforming_strings = off; select 'a\\'b'";
        let raw = Splitter::statement_at(text, 39).unwrap_or_default();
        assert_eq!(string_value(raw.tokens[1], text), "a'b");
    }

    #[test]
    fn an_open_parenthesis_costs_one_statement() {
        assert_eq!(statements("create table t (a int;\ncreate table u (b int);"), ["create table t (a int", "create table u (b int)"]);
    }

    #[test]
    fn copy_data_is_not_sql() {
        let text = "copy t (a) from stdin;\n1;2\n'x\n\\.\nselect 1;";
        let all: Vec<_> = Splitter::new(text).collect();
        assert_eq!(all.len(), 2);
        assert_eq!(all[0].data.map(|span| span.of(text)), Some("1;2\n'x\n"));
        assert_eq!(Splitter::new("copy (select 1 from stdin) to stdout;\nselect 1;\n\\.\n").count(), 3);
    }

    #[test]
    fn a_psql_command_is_a_statement_of_its_own() {
        assert_eq!(statements("\\connect db\nselect 1;"), ["\\connect db", "select 1"]);
    }
}
