//! Syntax that `sqlparser` cannot parse correctly: the start and end of each form, and its replacement.

use super::super::super::cursor::{Cursor, Result};
use super::super::super::lexer::TokenKind;
use super::super::super::types::builtin_name;
use super::words::keyword;
use super::{Call, TokenAdapter};
use sqlparser::tokenizer::Token;
use std::ops::Range;

impl TokenAdapter<'_, '_> {
    /// Returns whether a statement begins with this word, at the top level or in a WITH entry.
    pub(super) fn begins_statement(&self, at: usize) -> bool {
        let before = at.wrapping_sub(1);
        match self.kind(before) {
            None => true,
            Some(TokenKind::LParen) => self.region.is_any(before.wrapping_sub(1), &["AS", "MATERIALIZED"]),
            Some(TokenKind::RParen) => self.is(self.region.cursor.pos, "WITH") && self.kind(at + 1) != Some(TokenKind::Comma),
            _ => false,
        }
    }

    pub(super) fn begins_brackets(&self, at: usize) -> bool {
        let within = self.region.around(at).is_some_and(|open| self.region.is_kind(open, TokenKind::LBracket));
        within || self.is(at.wrapping_sub(1), "ARRAY") || self.is_postfix(at)
    }

    pub(super) fn in_json(&self) -> bool {
        matches!(self.calls.last(), Some(Call::Json | Call::JsonQuery))
    }

    /// Returns whether this is a word of `IS JSON OBJECT`.
    pub(super) fn is_json_kind(&self, at: usize) -> bool {
        let kind = self.region.is_any(at, &["VALUE", "SCALAR", "ARRAY", "OBJECT"]);
        let json = if kind { at.wrapping_sub(1) } else { at };
        self.is(json, "JSON") && self.region.is_any(json.wrapping_sub(1), &["IS", "NOT"])
    }

    /// Skips clauses of SQL/JSON and XML functions that have no effect on the tree. Returns whether it skipped one.
    pub(super) fn clause(&mut self, at: usize, upper: &str) -> Result<bool> {
        let words = |words: &str| self.region.cursor.part(at, self.end).is_words(words);
        let behind_comma = self.kind(at.wrapping_sub(1)) == Some(TokenKind::Comma);
        match (upper, self.calls.last()) {
            ("FORMAT", Some(Call::Json | Call::JsonQuery | Call::Clauses)) if words("FORMAT JSON") => self.at = self.format_end(at),
            ("RETURNING", Some(Call::Json | Call::JsonQuery)) => {
                let mut part = self.region.cursor.part(at + 1, self.end);
                part.type_name()?;
                self.at = self.format_end(part.pos);
            }
            ("ABSENT" | "NULL", Some(Call::Json | Call::JsonQuery)) if words("ABSENT ON NULL") || words("NULL ON NULL") => self.at += 3,
            ("VALUE", Some(Call::Json)) if self.is_postfix(at) => self.push(Token::Colon, at, at),
            ("VERSION", Some(Call::XmlRoot)) if behind_comma && words("VERSION NO VALUE") => self.push(keyword("NULL"), at, at + 2),
            ("VERSION", Some(Call::XmlRoot)) if behind_comma => self.at += 1,
            ("STANDALONE", Some(Call::XmlRoot)) if behind_comma => {
                let last = at + 1 + words("STANDALONE NO VALUE") as usize;
                self.push(keyword("NULL"), at, last.min(self.end - 1));
            }
            ("DEFAULT", Some(Call::XmlNamespaces)) => self.at += 1,
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Returns the index after `FORMAT JSON [ENCODING name]`, or `at` if there is no such clause.
    pub(super) fn format_end(&self, at: usize) -> usize {
        let mut part = self.region.cursor.part(at, self.end);
        if part.eat("FORMAT JSON") && part.eat("ENCODING") {
            part.pos = (part.pos + 1).min(self.end);
        }
        part.pos
    }

    /// Returns whether the list of this SELECT is empty. `SELECT FROM t` is excluded, because `sqlparser` supports it.
    pub(super) fn selects_nothing(&self, at: usize) -> bool {
        const FOLLOWING: [&str; 14] = [
            "UNION",
            "INTERSECT",
            "EXCEPT",
            "INTO",
            "WHERE",
            "GROUP",
            "HAVING",
            "WINDOW",
            "ORDER",
            "LIMIT",
            "OFFSET",
            "FETCH",
            "RETURNING",
            "ON",
        ];
        let ends = at + 1 >= self.end || self.kind(at + 1) == Some(TokenKind::RParen);
        self.is_keyword(at, "SELECT") && (ends || self.region.is_any(at + 1, &FOLLOWING))
    }

    /// Returns whether the word is the AS of `USING (a, b) AS name`.
    pub(super) fn names_columns_of_join(&self, at: usize) -> bool {
        let close = at.wrapping_sub(1);
        let Some(open) = self.region.partner(close).filter(|open| *open < close) else { return false };
        let names = (open + 1..close).all(|at| self.is_name(at) || self.kind(at) == Some(TokenKind::Comma));
        self.is(open.wrapping_sub(1), "USING") && names && self.is_name(at + 1) && !self.region.is_any(open + 1, &["SELECT", "TABLE"])
    }

    pub(super) fn is_rows_from(&self, at: usize) -> bool {
        let Some(open) = self.region.around(at) else { return false };
        self.is(open.wrapping_sub(1), "FROM") && self.is(open.wrapping_sub(2), "ROWS")
    }

    /// Returns whether this word begins the frame of a window. Otherwise it is a name.
    pub(super) fn begins_frame(&self, at: usize) -> bool {
        let Some(open) = self.region.around(at) else { return false };
        let before = at.wrapping_sub(1);
        let window = self.region.is_any(open.wrapping_sub(1), &["OVER", "AS"]);
        let named = before == open || !matches!(self.kind(before), Some(TokenKind::Comma | TokenKind::Operator | TokenKind::LParen));
        let goes_on = !matches!(self.kind(at + 1), None | Some(TokenKind::RParen | TokenKind::Comma | TokenKind::Operator));
        window && named && goes_on && !self.region.is_any(before, &["BY", "SELECT"]) && !self.region.is_any(open + 1, &["SELECT", "WITH"])
    }

    /// Replaces nested grouping sets with a flat list of their expressions, because `sqlparser` does not support nested sets.
    pub(super) fn grouping_sets(&mut self, at: usize) -> Result<()> {
        let open = at + 2;
        let Some(close) = self.region.closing(open) else { return self.region.unexpected(open) };
        let mut leaves = Vec::new();
        grouped(&self.region.cursor.part(open + 1, close), &mut leaves);
        self.push(keyword("GROUPING"), at, at);
        self.push(keyword("SETS"), at + 1, at + 1);
        self.push(Token::LParen, open, open);
        if leaves.is_empty() {
            self.push(Token::LParen, open, open);
            self.push(Token::RParen, open, open);
        }
        for (nth, leaf) in leaves.iter().enumerate() {
            if nth > 0 {
                self.push(Token::Comma, leaf.start, leaf.start);
            }
            self.at = leaf.start;
            self.steps(leaf.end)?;
        }
        self.push(Token::RParen, close, close);
        Ok(())
    }

    /// Adds parentheses around a join that is the source of a MERGE. The source ends before the ON that belongs to no join.
    pub(super) fn merge_source(&mut self) -> Result<()> {
        let first = self.at;
        let mut open = 0usize;
        let mut joins = false;
        let mut at = first;
        while at < self.end {
            if self.is(at, "JOIN") {
                joins = true;
                open += !self.region.is_any(at.wrapping_sub(1), &["CROSS", "NATURAL"]) as usize;
            } else if self.region.is_any(at, &["ON", "USING"]) {
                if open == 0 {
                    break;
                }
                open -= 1;
            }
            at = self.region.closing(at).unwrap_or(at) + 1;
        }
        if joins && at < self.end {
            self.push(Token::LParen, first, first);
            self.at = first;
            self.steps(at)?;
            self.push(Token::RParen, at - 1, at - 1);
        }
        Ok(())
    }

    /// Records clauses that earlier versions of PostgreSQL do not support.
    pub(super) fn note_clause(&self, at: usize) {
        if self.is(at, "COLUMNS") && self.is(self.region.around(at).unwrap_or(at).wrapping_sub(1), "JSON_TABLE") {
            self.region.cursor.newer_at(17, at);
        }
    }

    /// Returns the end of a call if its clauses begin here: `RETURNING integer`, `COLUMNS (…)`.
    pub(super) fn clauses_end(&self, at: usize) -> Option<usize> {
        const CLAUSES: [&str; 11] =
            ["COLUMNS", "DEFAULT", "EMPTY", "ERROR", "FALSE", "KEEP", "OMIT", "RETURNING", "TRUE", "WITH", "WITHOUT"];
        let begins = self.region.is_any(at, &CLAUSES) || (self.is(at, "NULL") && self.is(at + 1, "ON"));
        let here = self.calls.last() == Some(&Call::Clauses) && begins;
        if here { self.region.around(at).and_then(|open| self.region.partner(open)) } else { None }
    }

    /// Returns whether this is the `*` of `FROM t*`, which is the default.
    pub(super) fn includes_children(&self, at: usize) -> bool {
        if self.region.text(at) != "*" || !self.is_name(at.wrapping_sub(1)) {
            return false;
        }
        let mut name = at - 1;
        while self.kind(name.wrapping_sub(1)) == Some(TokenKind::Dot) {
            name = name.wrapping_sub(2);
        }
        let before = name.wrapping_sub(1);
        let divides = matches!(self.calls.last(), Some(Call::Extract | Call::Substring | Call::Trim | Call::Overlay));
        self.is_name(name)
            && !divides
            && self.region.is_any(before, &["FROM", "JOIN", "UPDATE", "INTO"])
            && !self.is(before.wrapping_sub(1), "DISTINCT")
    }

    /// Returns the last token of a locking clause such as `FOR NO KEY UPDATE OF a, b SKIP LOCKED`.
    pub(super) fn locking(&self, at: usize) -> Option<usize> {
        let mut part = self.region.cursor.part(at + 1, self.end);
        let strength = ["UPDATE", "SHARE", "NO KEY UPDATE", "KEY SHARE"];
        if !strength.iter().any(|words| part.eat(words)) {
            return None;
        }
        if part.eat("OF") {
            part.object_name().ok()?;
            while part.eat_kind(TokenKind::Comma) {
                part.object_name().ok()?;
            }
        }
        let _ = part.eat("NOWAIT") || part.eat("SKIP LOCKED");
        Some(part.pos - 1)
    }

    /// Replaces the target of `ON CONFLICT` with a single name, because `sqlparser` supports only a list of columns.
    pub(super) fn conflict_target(&mut self) {
        let open = self.at;
        let Some(close) = self.region.partner(open) else { return };
        let probe = self.region.cursor.part(close + 1, self.end);
        let last =
            if probe.is("WHERE") { probe.find(|cursor| cursor.is_words("DO NOTHING") || cursor.is_words("DO UPDATE")) - 1 } else { close };
        self.push(Token::LParen, open, open);
        self.push_name(open, last);
        self.push(Token::RParen, close, close);
        self.at = last + 1;
    }

    /// Returns the last token of a typed literal: `date '2020-01-01'`, `interval '1' day`, `numeric(5, 2) '1'`.
    pub(super) fn typed_literal(&self, at: usize) -> Option<usize> {
        let before = at.wrapping_sub(1);
        if self.kind(before) == Some(TokenKind::Dot) || self.is(before, "AS") {
            return None;
        }
        let word = self.region.text(at);
        let mut part = self.region.cursor.part(at, self.end);
        match self.kind(at + 1)? {
            TokenKind::LParen if builtin_name(&word.to_ascii_lowercase()).is_some() => {}
            TokenKind::Word if self.region.is_any(at + 1, &["WITH", "WITHOUT", "PRECISION", "VARYING", "CHARACTER"]) => {}
            TokenKind::Dot => {
                part.object_name().ok()?;
                part.is_string().then_some(())?;
            }
            TokenKind::String | TokenKind::EscapeString | TokenKind::UnicodeString | TokenKind::DollarString => {
                const OTHERS: [&str; 9] = ["BOTH", "DEFAULT", "KEY", "LEADING", "PASSING", "TRAILING", "UESCAPE", "VALUE", "VARIADIC"];
                let upper = word.to_ascii_uppercase();
                if self.is_keyword(at, &upper) || OTHERS.contains(&upper.as_str()) || upper.ends_with("SYMMETRIC") {
                    return None;
                }
            }
            _ => return None,
        }
        part.pos = at;
        part.type_name().ok()?;
        part.string().ok()?;
        if word.eq_ignore_ascii_case("interval") {
            const FIELDS: [&str; 6] = ["YEAR", "MONTH", "DAY", "HOUR", "MINUTE", "SECOND"];
            if part.is_any(&FIELDS) {
                part.pos += 1;
                if part.is("TO") && part.clone().ahead(1).is_some() {
                    part.pos += 2;
                }
                if part.is_kind(TokenKind::LParen) {
                    part.parens().ok()?;
                }
            }
        }
        Some(part.pos - 1)
    }
}

/// Collects the expressions of grouping sets.
fn grouped(cursor: &Cursor, leaves: &mut Vec<Range<usize>>) {
    for mut part in cursor.list() {
        let start = part.pos;
        let _ = part.eat("GROUPING SETS") || part.eat("ROLLUP") || part.eat("CUBE");
        let query = part.part(part.pos + 1, part.end).is_any(&["SELECT", "WITH", "VALUES"]);
        if part.is_kind(TokenKind::LParen) && part.matching(part.pos) + 1 == part.end && !query {
            grouped(&part.part(part.pos + 1, part.end - 1), leaves);
        } else if !part.done() {
            leaves.push(start..part.end);
        }
    }
}
