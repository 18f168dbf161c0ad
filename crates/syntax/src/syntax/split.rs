//! Tokens to statements, by the rules of the Supabase migration runner: at `;` outside quotes, comments, parentheses and
//! `BEGIN ATOMIC … END`.
//!
//! Promises: every token belongs to exactly one statement. Where a parenthesis is left open, the statement ends at the
//! first `;` that is followed by a line which begins a new statement, so that one slip costs one statement.

use super::lexer::{Lexer, Token, TokenKind};
use crate::source::Span;

/// The tokens of one statement, without its `;`.
#[derive(Debug, Default)]
pub struct RawStatement {
    pub tokens: Vec<Token>,
    /// Comments that stand between the statement before and the end of this one.
    pub comments: Vec<Span>,
    /// Lines of data behind `COPY … FROM stdin`.
    pub data: Option<Span>,
}

impl RawStatement {
    /// From the first token to the last.
    pub fn span(&self) -> Span {
        match (self.tokens.first(), self.tokens.last()) {
            (Some(first), Some(last)) => first.span().to(last.span()),
            _ => Span::default(),
        }
    }
}

/// Statements of a text, one at a time.
pub struct Splitter<'a> {
    text: &'a str,
    lexer: Lexer<'a>,
}

impl<'a> Splitter<'a> {
    pub fn new(text: &'a str) -> Splitter<'a> {
        Splitter { text, lexer: Lexer::new(text) }
    }

    /// Goes on where another left off.
    pub fn starting_at(text: &'a str, position: usize) -> Splitter<'a> {
        Splitter { text, lexer: Lexer::from(text, position) }
    }

    /// The byte behind what was read.
    pub fn position(&self) -> usize {
        self.lexer.position()
    }

    fn word(&self, token: Token, word: &str) -> bool {
        token.kind == TokenKind::Word && token.text(self.text).eq_ignore_ascii_case(word)
    }

    /// Comments behind the last statement.
    pub fn trailing_comments(&mut self) -> Vec<Span> {
        std::mem::take(&mut self.lexer.comments)
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

    fn copy_data(&mut self, statement: &mut RawStatement) {
        let tokens = &statement.tokens;
        let from_stdin = tokens.first().is_some_and(|token| self.word(*token, "COPY"))
            && tokens.windows(2).any(|pair| self.word(pair[0], "FROM") && self.word(pair[1], "STDIN"));
        if !from_stdin {
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
        let mut atomic = 0usize;
        loop {
            let Some(token) = self.lexer.next_token() else {
                if statement.tokens.is_empty() {
                    return None;
                }
                break;
            };
            match token.kind {
                TokenKind::Semicolon if atomic == 0 && (depth == 0 || self.ends_broken_statement()) => {
                    if statement.tokens.is_empty() {
                        continue;
                    }
                    self.copy_data(&mut statement);
                    break;
                }
                TokenKind::LParen => depth += 1,
                TokenKind::RParen => depth = depth.saturating_sub(1),
                TokenKind::Word if atomic > 0 => {
                    if self.word(token, "BEGIN") || self.word(token, "CASE") {
                        atomic += 1;
                    } else if self.word(token, "END") {
                        atomic -= 1;
                    }
                }
                TokenKind::Word if self.word(token, "ATOMIC") && statement.tokens.last().is_some_and(|last| self.word(*last, "BEGIN")) => {
                    atomic = 1;
                }
                TokenKind::Meta if statement.tokens.is_empty() => {
                    statement.tokens.push(token);
                    break;
                }
                _ => {}
            }
            statement.tokens.push(token);
        }
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
        assert_eq!(
            statements("create function f() returns int begin atomic select case when true then 1 end; end; select 3"),
            ["create function f() returns int begin atomic select case when true then 1 end; end", "select 3"]
        );
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
    }

    #[test]
    fn a_psql_command_is_a_statement_of_its_own() {
        assert_eq!(statements("\\connect db\nselect 1;"), ["\\connect db", "select 1"]);
    }
}
