//! A position in a sequence of tokens, with the basic operations of a parser.

use super::expression::{Ident, ObjectName};
use super::lexer::{Token, TokenKind, ident_value, string_value};
use super::types::{TypeName, builtin_name};
use super::words;
use crate::source::Span;
use smol_str::SmolStr;
use std::sync::atomic::{AtomicU64, Ordering};

/// An error of parsing: the reason and the location.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyntaxError {
    pub span: Span,
    pub message: String,
}

pub type Result<T> = std::result::Result<T, SyntaxError>;

/// Reads tokens in order up to `end`, so that a part of a statement can be parsed separately.
#[derive(Clone)]
pub struct Cursor<'a> {
    pub text: &'a str,
    pub tokens: &'a [Token],
    pub pos: usize,
    pub end: usize,
    newest: Option<&'a Newest>,
}

/// The latest version of PostgreSQL that the syntax of a statement requires, and the location of that syntax.
#[derive(Debug, Default)]
pub struct Newest {
    version: AtomicU64,
    /// Index plus one of the token at which a keyword was rejected as a name, or 0.
    keyword: AtomicU64,
}

impl Newest {
    /// Returns the version, and the index of the first token of the syntax.
    pub fn noted(&self) -> Option<(u32, usize)> {
        let noted = self.version.load(Ordering::Relaxed);
        let at = u32::MAX - noted as u32;
        (noted > 0).then_some(((noted >> 32) as u32, at as usize))
    }

    /// Returns the token of a keyword that was rejected as a name. PostgreSQL rejects it too.
    pub fn keyword(&self) -> Option<usize> {
        (self.keyword.load(Ordering::Relaxed) as usize).checked_sub(1)
    }
}

impl<'a> Cursor<'a> {
    pub fn new(text: &'a str, tokens: &'a [Token]) -> Cursor<'a> {
        Cursor { text, tokens, pos: 0, end: tokens.len(), newest: None }
    }

    /// Returns a cursor over the tokens from `pos` to `end`, without `end`.
    pub fn part(&self, pos: usize, end: usize) -> Cursor<'a> {
        Cursor { pos, end, ..self.clone() }
    }

    /// Returns a cursor that records syntax of later versions in `newest`.
    pub fn noting(self, newest: &'a Newest) -> Cursor<'a> {
        Cursor { newest: Some(newest), ..self }
    }

    /// Records that the next token begins syntax of this version and later ones.
    pub fn newer(&self, version: u32) {
        self.newer_at(version, self.pos);
    }

    pub fn newer_at(&self, version: u32, at: usize) {
        if let Some(newest) = self.newest {
            newest.version.fetch_max(u64::from(version) << 32 | u64::from(u32::MAX - at as u32), Ordering::Relaxed);
        }
    }

    /// Records that this token is a keyword where a name is required.
    pub fn refused_keyword(&self, at: usize) {
        if let Some(newest) = self.newest {
            newest.keyword.store(at as u64 + 1, Ordering::Relaxed);
        }
    }

    pub fn peek(&self) -> Option<Token> {
        self.ahead(0)
    }

    pub fn ahead(&self, by: usize) -> Option<Token> {
        let at = self.pos + by;
        if at < self.end { Some(self.tokens[at]) } else { None }
    }

    pub fn done(&self) -> bool {
        self.pos >= self.end
    }

    pub fn advance(&mut self) -> Option<Token> {
        let token = self.peek()?;
        self.pos += 1;
        Some(token)
    }

    pub fn slice(&self, token: Token) -> &'a str {
        token.text(self.text)
    }

    /// Returns the span of the next token, or of the end of the last token.
    pub fn here(&self) -> Span {
        match self.next_of_statement() {
            Some(token) => token.span(),
            None if self.pos > 0 => {
                let last = self.tokens[self.pos - 1];
                Span::new(last.end, last.end)
            }
            None => Span::default(),
        }
    }

    /// Returns the span from a token to the last token that was read.
    pub fn span_from(&self, start: usize) -> Span {
        let start = self.tokens.get(start).map_or(self.here().start, |token| token.start);
        let end = if self.pos > 0 { self.tokens[self.pos - 1].end } else { start };
        Span::new(start, end.max(start))
    }

    pub fn error<T>(&self, message: impl Into<String>) -> Result<T> {
        Err(SyntaxError { span: self.here(), message: message.into() })
    }

    /// Returns the next token of the whole statement, also after `end`, because PostgreSQL reports errors in the whole statement.
    fn next_of_statement(&self) -> Option<Token> {
        self.tokens.get(self.pos.min(self.end)).copied()
    }

    /// Returns PostgreSQL's error for an unexpected token.
    pub fn unexpected<T>(&self) -> Result<T> {
        match self.next_of_statement() {
            Some(token) => {
                let text: String = self.slice(token).chars().take(40).collect();
                self.error(format!("syntax error at or near \"{text}\""))
            }
            None => self.error("syntax error at end of input"),
        }
    }

    pub fn is_kind(&self, kind: TokenKind) -> bool {
        self.peek().is_some_and(|token| token.kind == kind)
    }

    pub fn eat_kind(&mut self, kind: TokenKind) -> bool {
        let found = self.is_kind(kind);
        self.pos += found as usize;
        found
    }

    pub fn expect_kind(&mut self, kind: TokenKind) -> Result<Token> {
        if self.is_kind(kind) { Ok(self.tokens[self.pos]).inspect(|_| self.pos += 1) } else { self.unexpected() }
    }

    fn word_at(&self, by: usize, word: &[u8]) -> bool {
        self.ahead(by).is_some_and(|token| token.kind == TokenKind::Word && self.slice(token).as_bytes().eq_ignore_ascii_case(word))
    }

    /// Returns the number of these keywords, separated by single spaces, if they are the next tokens.
    fn words_here(&self, words: &str) -> Option<usize> {
        let mut count = 0;
        for word in words.as_bytes().split(|byte| *byte == b' ') {
            if !self.word_at(count, word) {
                return None;
            }
            count += 1;
        }
        Some(count)
    }

    /// Returns whether the next token is this keyword.
    pub fn is(&self, word: &str) -> bool {
        self.word_at(0, word.as_bytes())
    }

    /// Returns whether the next tokens are these keywords, separated by single spaces.
    pub fn is_words(&self, words: &str) -> bool {
        self.words_here(words).is_some()
    }

    pub fn is_any(&self, words: &[&str]) -> bool {
        words.iter().any(|word| self.is(word))
    }

    /// Reads the keywords if they are the next tokens. Returns whether it read them.
    pub fn eat(&mut self, words: &str) -> bool {
        let count = self.words_here(words);
        self.pos += count.unwrap_or(0);
        count.is_some()
    }

    pub fn expect(&mut self, words: &str) -> Result<()> {
        for word in words.split(' ') {
            if !self.eat(word) {
                return self.unexpected();
            }
        }
        Ok(())
    }

    pub fn is_op(&self, op: &str) -> bool {
        self.peek().is_some_and(|token| token.kind == TokenKind::Operator && self.slice(token) == op)
    }

    pub fn eat_op(&mut self, op: &str) -> bool {
        let found = self.is_op(op);
        self.pos += found as usize;
        found
    }

    pub fn is_ident(&self) -> bool {
        self.peek().is_some_and(|token| matches!(token.kind, TokenKind::Word | TokenKind::QuotedIdent | TokenKind::UnicodeIdent))
    }

    /// Reads a word or quoted name, except for some keywords.
    fn name_but(&mut self, keyword: impl Fn(&str) -> bool) -> Result<Ident> {
        match self.peek() {
            Some(token) if self.is_ident() && !(token.kind == TokenKind::Word && keyword(self.slice(token))) => {
                self.pos += 1;
                Ok(Ident { name: ident_value(token, self.text), span: token.span() })
            }
            _ => {
                if self.is_ident() {
                    self.refused_keyword(self.pos);
                }
                self.unexpected()
            }
        }
    }

    /// Reads the name of a relation, column or most other objects.
    pub fn ident(&mut self) -> Result<Ident> {
        self.name_but(words::is_no_column)
    }

    /// Reads any word, reserved or not: after a dot or AS, and where the grammar requires a word and not a name.
    pub fn label(&mut self) -> Result<Ident> {
        self.name_but(|_| false)
    }

    /// Reads the name of a role or language.
    pub fn unreserved(&mut self) -> Result<Ident> {
        self.name_but(words::is_reserved)
    }

    /// Reads the name of a parameter or of a column of RETURNS TABLE.
    pub fn parameter(&mut self) -> Result<Ident> {
        self.name_but(words::is_no_parameter)
    }

    /// Reads `a`, `a.b` or `a.b.c`.
    pub fn object_name(&mut self) -> Result<ObjectName> {
        let first = self.ident()?;
        self.qualified(first)
    }

    /// Reads the name of a function or type, for which other keywords are allowed.
    pub fn function_name(&mut self) -> Result<ObjectName> {
        let first = self.unreserved()?;
        self.qualified(first)
    }

    /// Reads the name of an option, whose parts can be any words.
    pub fn label_name(&mut self) -> Result<ObjectName> {
        let first = self.label()?;
        self.qualified(first)
    }

    fn qualified(&mut self, first: Ident) -> Result<ObjectName> {
        let mut parts = vec![first];
        while self.eat_kind(TokenKind::Dot) {
            parts.push(self.label()?);
        }
        Ok(ObjectName { parts })
    }

    pub fn is_string(&self) -> bool {
        self.peek().is_some_and(|token| {
            matches!(token.kind, TokenKind::String | TokenKind::EscapeString | TokenKind::UnicodeString | TokenKind::DollarString)
        })
    }

    /// Reads a string literal of any form, with its continuations on later lines.
    pub fn string(&mut self) -> Result<String> {
        if !self.is_string() {
            return self.unexpected();
        }
        let mut value = string_value(self.tokens[self.pos], self.text);
        self.pos += 1;
        while let Some(next) = self.peek().filter(|next| matches!(next.kind, TokenKind::String | TokenKind::EscapeString)) {
            let before = self.tokens[self.pos - 1];
            let between = &self.text[before.end as usize..next.start as usize];
            if before.kind == TokenKind::DollarString || !self.slice(next).starts_with('\'') || !between.contains(['\n', '\r']) {
                break;
            }
            value.push_str(&string_value(next, self.text));
            self.pos += 1;
        }
        Ok(value)
    }

    /// Reads a number with its sign.
    pub fn number(&mut self) -> Result<SmolStr> {
        let start = self.pos;
        let _ = self.eat_op("-") || self.eat_op("+");
        self.expect_kind(TokenKind::Number)?;
        Ok(self.span_from(start).of(self.text).into())
    }

    /// Returns the index of the parenthesis that closes the one at `open`, or the end of the tokens.
    pub fn matching(&self, open: usize) -> usize {
        let mut depth = 0usize;
        for at in open..self.end {
            match self.tokens[at].kind {
                TokenKind::LParen | TokenKind::LBracket => depth += 1,
                TokenKind::RParen | TokenKind::RBracket => {
                    depth = depth.saturating_sub(1);
                    if depth == 0 {
                        return at;
                    }
                }
                _ => {}
            }
        }
        self.end
    }

    /// Returns the index of the first token outside parentheses for which `stop` is true, or the end.
    pub fn find(&self, stop: impl Fn(&Cursor<'a>) -> bool) -> usize {
        let mut probe = self.clone();
        while let Some(token) = probe.peek() {
            if stop(&probe) {
                return probe.pos;
            }
            match token.kind {
                TokenKind::LParen | TokenKind::LBracket => probe.pos = (probe.matching(probe.pos) + 1).min(probe.end),
                TokenKind::RParen | TokenKind::RBracket => return probe.pos,
                _ => probe.pos += 1,
            }
        }
        probe.end
    }

    /// Reads `( … )` and returns a cursor over the tokens between the parentheses.
    pub fn parens(&mut self) -> Result<Cursor<'a>> {
        if !self.is_kind(TokenKind::LParen) {
            return self.unexpected();
        }
        let close = self.matching(self.pos);
        if close >= self.end {
            self.pos = self.end;
            return self.unexpected();
        }
        let inner = self.part(self.pos + 1, close);
        self.pos = close + 1;
        Ok(inner)
    }

    /// Returns the parts between commas outside parentheses.
    pub fn list(&self) -> Vec<Cursor<'a>> {
        let mut out = Vec::new();
        let mut probe = self.clone();
        while !probe.done() {
            let end = probe.find(|cursor| cursor.is_kind(TokenKind::Comma));
            out.push(probe.part(probe.pos, end));
            // a trailing comma leaves an empty part, which is an error later
            if end + 1 == probe.end {
                out.push(probe.part(probe.end, probe.end));
            }
            probe.pos = (end + 1).min(probe.end);
        }
        out
    }

    /// Reads a list of names: `(a, b, c)`.
    pub fn ident_list(&mut self) -> Result<Vec<Ident>> {
        let inner = self.parens()?;
        inner.list().into_iter().map(|mut part| part.ident().and_then(|ident| part.finish().map(|()| ident))).collect()
    }

    /// Returns an error unless all tokens were read.
    pub fn finish(&self) -> Result<()> {
        if self.done() { Ok(()) } else { self.unexpected() }
    }

    /// Reads a data type with its modifiers and array bounds.
    pub fn type_name(&mut self) -> Result<TypeName> {
        let start = self.pos;
        let setof = self.eat("SETOF");
        let quoted = self.peek().is_some_and(|token| token.kind != TokenKind::Word);
        let mut name = self.function_name()?;
        let mut builtin = false;
        let mut modifiers = Vec::new();
        if name.parts.len() == 1 && !quoted {
            let word = name.parts[0].name.clone();
            let spelled: Option<SmolStr> = match word.as_str() {
                "double" if self.eat("PRECISION") => Some("double precision".into()),
                "national" if self.eat("CHARACTER") || self.eat("CHAR") => Some(self.varying("character")),
                "character" | "char" | "nchar" => Some(self.varying("character")),
                "bit" => Some(self.varying("bit")),
                "timestamp" | "time" => {
                    modifiers = self.modifiers()?;
                    let zone = if self.eat("WITH TIME ZONE") {
                        "with"
                    } else {
                        self.eat("WITHOUT TIME ZONE");
                        "without"
                    };
                    Some(format!("{word} {zone} time zone").into())
                }
                "interval" => {
                    self.interval_fields();
                    Some("interval".into())
                }
                // the precision of float(n) decides between real and double precision
                "float" => {
                    let precision = self.modifiers()?;
                    let single = precision.first().and_then(|bits| bits.parse::<u32>().ok()).is_some_and(|bits| bits <= 24);
                    Some(if single { "real" } else { "double precision" }.into())
                }
                other => builtin_name(other).map(SmolStr::from),
            };
            if let Some(spelled) = spelled {
                builtin = true;
                name.parts = vec![Ident { name: spelled, span: self.span_from(start) }];
            }
        } else if name.parts.len() == 1 && name.last() == "char" {
            // the one-byte type "char" keeps its quotes
            name.parts[0].name = "\"char\"".into();
            builtin = true;
        } else if name.schema() == Some("pg_catalog") || name.parts.len() == 1 {
            let word = name.last();
            if let Some(known) = builtin_name(word).filter(|_| name.schema().is_some() || word != "char") {
                let span = name.span();
                name.parts = vec![Ident { name: known.into(), span }];
                builtin = true;
            }
        }
        let mut of_column = false;
        let mut of_row = false;
        if self.is_op("%") {
            of_column = self.ahead(1).is_some_and(|next| self.slice(next).eq_ignore_ascii_case("type"));
            of_row = self.ahead(1).is_some_and(|next| self.slice(next).eq_ignore_ascii_case("rowtype"));
            if of_column || of_row {
                self.pos += 2;
            }
        }
        if modifiers.is_empty() {
            modifiers = self.modifiers()?;
        }
        if builtin && name.last() == "numeric" && modifiers.len() == 1 {
            modifiers.push("0".into());
        }
        if builtin
            && matches!(name.last(), "character" | "bit")
            && modifiers.is_empty()
            && !name.parts[0].span.of(self.text).eq_ignore_ascii_case("bpchar")
        {
            modifiers.push("1".into());
        }
        let mut dimensions = 0u8;
        while self.is_kind(TokenKind::LBracket) {
            self.pos += 1;
            self.eat_kind(TokenKind::Number);
            self.expect_kind(TokenKind::RBracket)?;
            dimensions = dimensions.saturating_add(1);
        }
        if self.eat("ARRAY") {
            dimensions = 1;
            if self.eat_kind(TokenKind::LBracket) {
                self.eat_kind(TokenKind::Number);
                self.expect_kind(TokenKind::RBracket)?;
            }
        }
        Ok(TypeName { span: self.span_from(start), name, builtin, modifiers, dimensions, setof, of_column, of_row })
    }

    fn varying(&mut self, base: &str) -> SmolStr {
        match (self.eat("VARYING"), base) {
            (true, "character") => "character varying".into(),
            (true, _) => "bit varying".into(),
            (false, base) => base.into(),
        }
    }

    fn interval_fields(&mut self) {
        const FIELDS: [&str; 6] = ["YEAR", "MONTH", "DAY", "HOUR", "MINUTE", "SECOND"];
        let field = |cursor: &mut Self| FIELDS.iter().any(|field| cursor.eat(field));
        if field(self) && self.eat("TO") {
            field(self);
        }
    }

    fn modifiers(&mut self) -> Result<Vec<SmolStr>> {
        if !self.is_kind(TokenKind::LParen) {
            return Ok(Vec::new());
        }
        let inner = self.parens()?;
        inner.list().into_iter().map(|mut part| part.modifier()).collect()
    }

    /// Reads a modifier: a word, number or string such as `20`, `-2` or `Point`.
    fn modifier(&mut self) -> Result<SmolStr> {
        let start = self.pos;
        let _ = self.eat_op("-") || self.eat_op("+");
        if !(self.is_ident() || self.is_string() || self.is_kind(TokenKind::Number)) {
            return self.unexpected();
        }
        self.pos += 1;
        self.finish()?;
        Ok(self.span_from(start).of(self.text).into())
    }
}

#[cfg(test)]
mod tests {
    use super::super::lexer::tokens;
    use super::*;

    fn canonical(text: &str) -> String {
        let tokens = tokens(text);
        let mut cursor = Cursor::new(text, &tokens);
        let ty = cursor.type_name().expect(text);
        assert!(cursor.done(), "{text}");
        ty.canonical().to_string()
    }

    #[test]
    fn types_are_printed_as_postgres_prints_them() {
        for (written, printed) in [
            ("int", "integer"),
            ("VARCHAR(20)[]", "character varying(20)[]"),
            ("timestamptz(3)", "timestamp(3) with time zone"),
            ("timestamp (3)", "timestamp(3) without time zone"),
            ("time with time zone", "time with time zone"),
            ("numeric(10, 2)", "numeric(10,2)"),
            ("decimal(5)", "numeric(5,0)"),
            ("float(10)", "real"),
            ("double precision", "double precision"),
            ("char", "character(1)"),
            ("\"char\"", "\"char\""),
            ("extensions.vector(1536)", "extensions.vector(1536)"),
            ("integer array[4]", "integer[]"),
            ("pg_catalog.int4", "integer"),
            ("bit varying(3)", "bit varying(3)"),
        ] {
            assert_eq!(canonical(written), printed);
        }
    }
}
