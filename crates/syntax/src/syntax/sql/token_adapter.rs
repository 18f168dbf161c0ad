//! Conversion of tokens to tokens of `sqlparser`.
//!
//! Promises: the "columns" of each token are its exact bytes, so that nodes of the tree have locations. A word is a keyword only where it is
//! one in PostgreSQL, so keywords of other dialects are names. Syntax that `sqlparser` cannot parse correctly is converted to another form,
//! or to one token that [`super::lower`] parses.

mod forms;
mod words;

use super::super::cursor::Result;
use super::super::lexer::{TokenKind, string_value};
use super::Region;
use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::{Location, Span as Place, Token, TokenWithSpan, Word};
use std::ops::Range;
use words::{keyword, operator_token, prefix_token};

/// Maximum number of rows of `VALUES` that are kept.
pub const KEPT_ROWS: usize = 200;

pub struct AdaptedTokens {
    pub tokens: Vec<TokenWithSpan>,
    /// Skipped rows of `VALUES` with their parentheses, which are not in `tokens`.
    pub further_rows: Vec<Range<usize>>,
}

impl AdaptedTokens {
    pub fn of(region: &Region) -> Result<AdaptedTokens> {
        AdaptedTokens::part(region, region.cursor.pos..region.cursor.end)
    }

    pub fn part(region: &Region, range: Range<usize>) -> Result<AdaptedTokens> {
        let mut adapter = TokenAdapter {
            region,
            at: range.start,
            end: range.end,
            calls: Vec::new(),
            assigns: None,
            merges: None,
            adapted: AdaptedTokens { tokens: Vec::with_capacity(range.len()), further_rows: Vec::new() },
        };
        adapter.steps(range.end)?;
        Ok(adapter.adapted)
    }
}

/// Function call of an open parenthesis.
#[derive(Clone, Copy, PartialEq)]
enum Call {
    Plain,
    Cast,
    Extract,
    Position,
    Substring,
    Overlay,
    Trim,
    /// `XMLTABLE`, `XMLEXISTS`, `JSON_TABLE`, `JSON_VALUE`: arguments, followed by clauses.
    Clauses,
    /// `JSON_OBJECT` and similar functions: clauses between and after the arguments.
    Json,
    /// `JSON_ARRAY(SELECT …)`
    JsonQuery,
    XmlRoot,
    XmlSerialize,
    XmlNamespaces,
}

struct TokenAdapter<'r, 'a> {
    region: &'r Region<'a>,
    at: usize,
    end: usize,
    calls: Vec<Call>,
    /// Number of open parentheses around the current SET assignments.
    assigns: Option<usize>,
    /// Number of open parentheses around the USING of the current MERGE.
    merges: Option<usize>,
    adapted: AdaptedTokens,
}

impl TokenAdapter<'_, '_> {
    fn push(&mut self, token: Token, first: usize, last: usize) {
        let span = self.region.span(first, last);
        let place = |byte: u32| Location { line: 0, column: u64::from(byte) + 1 };
        self.adapted.tokens.push(TokenWithSpan { token, span: Place { start: place(span.start), end: place(span.end) } });
        self.at = last + 1;
    }

    fn push_name(&mut self, first: usize, last: usize) {
        let value = self.region.span(first, last).of(self.region.cursor.text).to_string();
        self.push(Token::Word(Word { value, quote_style: Some('"'), keyword: Keyword::NoKeyword }), first, last);
    }

    fn is(&self, at: usize, word: &str) -> bool {
        self.region.is_word(at, word)
    }

    fn kind(&self, at: usize) -> Option<TokenKind> {
        self.region.inside(at).then(|| self.region.token(at).kind)
    }

    /// Converts tokens up to `end`. Returns an error if a step does not advance.
    fn steps(&mut self, end: usize) -> Result<()> {
        while self.at < end {
            let before = self.at;
            self.step()?;
            if self.at <= before {
                return self.region.unexpected(before);
            }
        }
        Ok(())
    }

    fn step(&mut self) -> Result<()> {
        let at = self.at;
        let token = self.region.token(at);
        match token.kind {
            TokenKind::Word => return self.word(at),
            TokenKind::QuotedIdent | TokenKind::UnicodeIdent => self.push_name(at, at),
            TokenKind::Number => self.push(Token::Number(self.region.text(at).to_string(), false), at, at),
            TokenKind::Param => self.push(Token::Placeholder(self.region.text(at).to_string()), at, at),
            TokenKind::BitString => self.push(Token::HexStringLiteral(string_value(token, self.region.cursor.text)), at, at),
            TokenKind::String | TokenKind::EscapeString | TokenKind::UnicodeString | TokenKind::DollarString => {
                let mut part = self.region.cursor.part(at, self.end);
                let value = part.string()?;
                // `sqlparser` treats a quoted bound of a window frame as an interval
                let bound = self.region.is_any(at.wrapping_sub(1), &["BETWEEN", "AND", "RANGE", "ROWS", "GROUPS"]);
                let token = if bound { Token::EscapedStringLiteral(value) } else { Token::SingleQuotedString(value) };
                self.push(token, at, part.pos - 1);
            }
            // `composite.*` is allowed in all expressions, but `sqlparser` accepts it only in lists
            TokenKind::Operator if self.region.text(at) == "*" && self.kind(at.wrapping_sub(1)) == Some(TokenKind::Dot) => {
                self.push_name(at, at);
            }
            TokenKind::Operator if self.includes_children(at) => self.at += 1,
            TokenKind::Operator => self.operator(at),
            TokenKind::TypeCast => {
                self.push(Token::DoubleColon, at, at);
                self.cast_type()?;
            }
            // brackets begin an array only after ARRAY or another array, and a subscript only after an operand
            TokenKind::LBracket if !self.begins_brackets(at) => return self.region.unexpected(at),
            TokenKind::LParen if self.defines_columns(at) => return self.column_definitions(at),
            // `SET a[1] = …` and `INSERT INTO t (a[1])` write the column
            TokenKind::LBracket if self.is_target(at) => {
                while let Some(close) = self.region.partner(self.at).filter(|_| self.kind(self.at) == Some(TokenKind::LBracket)) {
                    self.at = close + 1;
                }
            }
            TokenKind::LParen | TokenKind::LBracket => {
                let call = self.call(at);
                self.calls.push(call);
                self.push(if token.kind == TokenKind::LParen { Token::LParen } else { Token::LBracket }, at, at);
                // `sqlparser` accepts a query as an argument only inside its own parentheses
                if call == Call::JsonQuery {
                    self.push(Token::LParen, at, at);
                }
            }
            TokenKind::RParen | TokenKind::RBracket => {
                if self.calls.pop() == Some(Call::JsonQuery) {
                    self.push(Token::RParen, at, at);
                }
                self.assigns = self.assigns.filter(|depth| *depth <= self.calls.len());
                self.push(if token.kind == TokenKind::RParen { Token::RParen } else { Token::RBracket }, at, at);
            }
            TokenKind::Comma => self.push(Token::Comma, at, at),
            TokenKind::Dot => self.push(Token::Period, at, at),
            TokenKind::Colon => self.push(Token::Colon, at, at),
            // older syntax of a named argument
            TokenKind::Assign => self.push(Token::RArrow, at, at),
            TokenKind::DotDot | TokenKind::Semicolon | TokenKind::Variable | TokenKind::Meta | TokenKind::Broken(_) => {
                return self.region.unexpected(at);
            }
        }
        Ok(())
    }

    /// Replaces a type with a name, which [`super::lower`] parses.
    fn type_name(&mut self) -> Result<()> {
        let first = self.at;
        let mut part = self.region.cursor.part(first, self.end);
        part.type_name()?;
        self.push_name(first, part.pos - 1);
        Ok(())
    }

    /// Replaces the type after `::` and its collation, because `sqlparser` accepts COLLATE only after a name or literal.
    fn cast_type(&mut self) -> Result<()> {
        let first = self.at;
        let mut part = self.region.cursor.part(first, self.end);
        part.type_name()?;
        if part.eat("COLLATE") {
            part.object_name()?;
        }
        self.push_name(first, part.pos - 1);
        Ok(())
    }

    fn call(&self, open: usize) -> Call {
        let name = open.wrapping_sub(1);
        if !self.region.is_kind(name, TokenKind::Word) || self.region.is_kind(name.wrapping_sub(1), TokenKind::Dot) {
            return Call::Plain;
        }
        match self.region.text(name).to_ascii_lowercase().as_str() {
            "cast" => Call::Cast,
            "extract" => Call::Extract,
            "position" => Call::Position,
            "substring" => Call::Substring,
            "overlay" => Call::Overlay,
            "trim" => Call::Trim,
            "xmltable" | "xmlexists" | "json_table" | "json_query" | "json_value" | "json_exists" => Call::Clauses,
            "json_array" if self.region.is_any(open + 1, &["SELECT", "WITH", "VALUES", "TABLE"]) => Call::JsonQuery,
            "json_object" | "json_array" | "json_objectagg" | "json_arrayagg" | "json" | "json_scalar" | "json_serialize" => Call::Json,
            "xmlroot" => Call::XmlRoot,
            "xmlserialize" => Call::XmlSerialize,
            "xmlnamespaces" => Call::XmlNamespaces,
            _ => Call::Plain,
        }
    }

    /// Returns whether a keyword separates arguments, as in `substring(a FROM b FOR c)`. It is replaced with a comma.
    fn separates(&self, at: usize) -> bool {
        let words: &[&str] = match self.calls.last() {
            Some(Call::Extract | Call::Trim) => &["FROM"],
            Some(Call::Position) => &["IN"],
            Some(Call::Substring) => &["FROM", "FOR", "SIMILAR", "ESCAPE"],
            Some(Call::Clauses) => &["PASSING"],
            Some(Call::Overlay) => &["PLACING", "FROM", "FOR"],
            _ => return false,
        };
        self.region.is_any(at, words) && !self.is(at.wrapping_sub(1), "DISTINCT")
    }

    fn word(&mut self, at: usize) -> Result<()> {
        if self.separates(at) {
            let before = at.wrapping_sub(1);
            let doubled = self.kind(before) == Some(TokenKind::LParen) || self.region.is_any(before, &["BOTH", "LEADING", "TRAILING"]);
            if doubled {
                self.at += 1;
            } else {
                self.push(Token::Comma, at, at);
            }
            return Ok(());
        }
        // `PASSING BY VALUE x` and `BY REF` have the same meaning here
        if self.calls.last() == Some(&Call::Clauses) && self.is(at, "BY") && self.region.is_any(at + 1, &["REF", "VALUE"]) {
            self.at += 2;
            return Ok(());
        }
        if let Some(close) = self.clauses_end(at) {
            self.note_clause(at);
            self.at = close;
            return Ok(());
        }
        let upper = self.region.text(at).to_ascii_uppercase();
        if self.clause(at, &upper)? {
            return Ok(());
        }
        if let Some(last) = self.dropped(at, &upper) {
            self.at = last + 1;
            if upper == "ONLY" {
                self.parenthesized()?;
            }
            return Ok(());
        }
        if self.calls.last() == Some(&Call::Cast) && self.is(at, "AS") {
            self.push(keyword("AS"), at, at);
            return self.type_name();
        }
        if self.calls.last() == Some(&Call::XmlSerialize) && self.is(at, "AS") {
            self.push(keyword("AS"), at, at);
            self.type_name()?;
            self.at += self.is(self.at, "NO") as usize;
            self.at += self.is(self.at, "INDENT") as usize;
            return Ok(());
        }
        if let Some(last) = self.typed_literal(at) {
            self.push(Token::Placeholder(String::new()), at, last);
            return Ok(());
        }
        match upper.as_str() {
            "SET" => self.assigns = Some(self.calls.len()),
            "FROM" | "WHERE" | "RETURNING" | "WHEN" if self.assigns == Some(self.calls.len()) => self.assigns = None,
            _ => {}
        }
        let before = at.wrapping_sub(1);
        match upper.as_str() {
            // an empty array contains no token with a location
            "ARRAY" if self.kind(at + 1) == Some(TokenKind::LBracket) && self.kind(at + 2) == Some(TokenKind::RBracket) => {
                self.push(Token::Placeholder(String::new()), at, at + 2);
            }
            "OPERATOR" if self.kind(at + 1) == Some(TokenKind::LParen) => {
                let close = self.region.partner(at + 1).unwrap_or(at + 1);
                self.push(operator_token(self.region.text(close - 1)), at, close);
            }
            // `sqlparser` supports `TABLE t` only for unquoted names
            "TABLE" if self.starts_query(at) => {
                self.push(keyword("SELECT"), at, at);
                self.push(Token::Mul, at, at);
                self.push(keyword("FROM"), at, at);
            }
            // `sqlparser` supports only `LIKE ANY` of the quantified forms
            "LIKE" | "ILIKE" if self.quantified(at + 1) => self.push(Token::DoubleTilde, at, at),
            "NOT" if self.region.is_any(at + 1, &["LIKE", "ILIKE"]) && self.quantified(at + 2) => {
                self.push(Token::DoubleTilde, at, at + 1);
            }
            // an empty select list
            "SELECT" if self.selects_nothing(at) => {
                self.push(keyword("SELECT"), at, at);
                self.push(Token::Placeholder(String::new()), at, at);
            }
            "AT" if self.is(at + 1, "LOCAL") && self.is_postfix(at) => {
                self.region.cursor.newer_at(17, at + 1);
                ["AT", "TIME", "ZONE"].into_iter().for_each(|word| self.push(keyword(word), at, at));
                self.push(Token::Placeholder(String::new()), at + 1, at + 1);
            }
            // `sqlparser` accepts only a literal after FETCH, but any expression after LIMIT
            "FETCH" if self.region.is_any(at + 1, &["FIRST", "NEXT"]) && self.kind(at + 2) == Some(TokenKind::LParen) => {
                let close = self.region.partner(at + 2).unwrap_or(at + 2);
                self.push(keyword("LIMIT"), at, at + 1);
                self.steps(close + 1)?;
                self.at += self.region.is_any(self.at, &["ROW", "ROWS"]) as usize;
                let ties = self.is(self.at, "WITH") && self.is(self.at + 1, "TIES");
                self.at += if ties { 2 } else { self.is(self.at, "ONLY") as usize };
            }
            "GROUPING" if self.is(at + 1, "SETS") && self.kind(at + 2) == Some(TokenKind::LParen) => self.grouping_sets(at)?,
            "SOURCE" | "TARGET" if self.is(before, "BY") && self.is(before.wrapping_sub(1), "MATCHED") => {
                self.region.cursor.newer_at(17, before);
                self.push(keyword(&upper), at, at);
            }
            // other databases allow INSERT without INTO and DELETE without FROM
            "INSERT" if self.begins_statement(at) && !self.is(at + 1, "INTO") => return self.region.unexpected(at + 1),
            "DELETE" if self.begins_statement(at) && !self.is(at + 1, "FROM") => return self.region.unexpected(at + 1),
            "MERGE" if self.is(at + 1, "INTO") => {
                self.merges = Some(self.calls.len());
                self.push(keyword("MERGE"), at, at);
            }
            "USING" if self.merges == Some(self.calls.len()) => {
                self.merges = None;
                self.push(keyword("USING"), at, at);
                self.merge_source()?;
            }
            "DOCUMENT" if self.is(before, "IS") || (self.is(before, "NOT") && self.is(before.wrapping_sub(1), "IS")) => {
                self.push(keyword("JSON"), at, at);
            }
            "ROWS" if self.is(at + 1, "FROM") && self.kind(at + 2) == Some(TokenKind::LParen) => {
                self.push_plain(at);
                self.at += 1;
            }
            // `sqlparser` parses the arguments of XMLPARSE differently, and requires its mode
            "XMLPARSE" if self.kind(at + 1) == Some(TokenKind::LParen) => self.push_name(at, at),
            "COLLATION" if self.is(at + 1, "FOR") && self.kind(at + 2) == Some(TokenKind::LParen) => self.push_name(at, at + 1),
            "CURRENT" if self.is(at + 1, "OF") && self.is(at.wrapping_sub(1), "WHERE") && self.is_name(at + 2) => {
                self.push(Token::Placeholder(String::new()), at, at + 2);
            }
            // `sqlparser` accepts only VALUES in the INSERT of a MERGE
            "DEFAULT" if self.is(at + 1, "VALUES") && self.is(at.wrapping_sub(2), "THEN") => {
                self.push(keyword("VALUES"), at, at);
                self.push(Token::LParen, at, at);
                self.push(keyword("DEFAULT"), at, at);
                self.push(Token::RParen, at + 1, at + 1);
            }
            "VALUES" if self.kind(at + 1) == Some(TokenKind::LParen) => {
                self.push(keyword("VALUES"), at, at);
                return self.rows();
            }
            "ISNULL" | "NOTNULL" if self.is_postfix(at) => {
                let negated = self.is(at, "NOTNULL");
                self.push(keyword("IS"), at, at);
                if negated {
                    self.push(keyword("NOT"), at, at);
                }
                self.push(keyword("NULL"), at, at);
            }
            // only the presence of a locking clause matters
            "FOR" if self.locking(at).is_some() => {
                let last = self.locking(at).unwrap_or(at);
                self.push(keyword("FOR"), at, at);
                self.push(keyword("UPDATE"), at + 1, last);
            }
            // without another clause after its list, ON would be an alias
            "ON" if self.is(at + 1, "CONFLICT") && self.ends_select(at) => {
                self.push(keyword("LIMIT"), at, at);
                self.push(keyword("ALL"), at, at);
                self.push(keyword("ON"), at, at);
            }
            "CONFLICT" if self.is(at.wrapping_sub(1), "ON") && self.kind(at + 1) == Some(TokenKind::LParen) => {
                self.push(keyword("CONFLICT"), at, at);
                self.conflict_target();
            }
            upper if self.is_keyword(at, upper) => self.push(keyword(upper), at, at),
            _ => self.push_plain(at),
        }
        Ok(())
    }

    /// Converts the tokens between parentheses, without the parentheses.
    fn parenthesized(&mut self) -> Result<()> {
        let Some(close) = self.region.closing(self.at) else { return Ok(()) };
        self.at += 1;
        self.steps(close)?;
        self.at = self.at.max(close + 1);
        Ok(())
    }

    /// Returns whether this bracket follows a column that UPDATE sets or INSERT lists.
    fn is_target(&self, at: usize) -> bool {
        let before = at.wrapping_sub(2);
        let begins = self.is(before, "SET") || self.kind(before) == Some(TokenKind::Comma);
        if self.assigns == Some(self.calls.len()) && begins && self.is_name(at - 1) {
            return true;
        }
        let Some(open) = self.region.around(at) else { return false };
        let mut name = open.wrapping_sub(1);
        while self.kind(name.wrapping_sub(1)) == Some(TokenKind::Dot) {
            name = name.wrapping_sub(2);
        }
        self.is(name, "INSERT") || (self.is_name(name) && self.is(name.wrapping_sub(1), "INTO"))
    }

    fn push_plain(&mut self, at: usize) {
        let value = self.region.text(at).to_string();
        self.push(Token::Word(Word { value, quote_style: None, keyword: Keyword::NoKeyword }), at, at);
    }

    /// Returns whether a SELECT ends here, so that LIMIT can follow.
    fn ends_select(&self, at: usize) -> bool {
        let mut at = at;
        while at > self.region.cursor.pos {
            at -= 1;
            if let Some(open) = self.region.partner(at) {
                if open > at {
                    return false;
                }
                at = open;
            }
            if self.is(at, "SELECT") {
                return true;
            }
            if self.region.is_any(at, &["LIMIT", "FETCH", "FOR", "VALUES", "INSERT"]) {
                return false;
            }
        }
        false
    }

    /// Returns whether an operand ends before this word.
    fn is_postfix(&self, at: usize) -> bool {
        let before = at.wrapping_sub(1);
        match self.kind(before) {
            Some(TokenKind::Dot | TokenKind::Comma | TokenKind::LParen | TokenKind::Operator) | None => false,
            Some(TokenKind::Word) if self.region.is_any(before, &["NULL", "TRUE", "FALSE", "END"]) => true,
            Some(TokenKind::Word) => !self.is_keyword(before, &self.region.text(before).to_ascii_uppercase()),
            Some(_) => true,
        }
    }

    /// Returns whether the parenthesis begins the column definitions of a function in FROM: `(a integer, b text)`.
    fn defines_columns(&self, open: usize) -> bool {
        let before = open.wrapping_sub(1);
        let further = before.wrapping_sub(1);
        let bare = self.is(before, "AS");
        let aliased = self.is_name(before)
            && (self.is(further, "AS") || self.kind(further) == Some(TokenKind::RParen))
            && !self.is(before, "VALUES")
            && !self.is_keyword(before, &self.region.text(before).to_ascii_uppercase());
        let heads = ["SELECT", "WITH", "VALUES", "INSERT", "UPDATE", "DELETE", "MERGE", "TABLE"];
        ((bare && self.kind(further) == Some(TokenKind::RParen)) || aliased)
            && self.is_name(open + 1)
            && self.is_name(open + 2)
            && !self.region.is_any(open + 1, &heads)
    }

    fn is_name(&self, at: usize) -> bool {
        matches!(self.kind(at), Some(TokenKind::Word | TokenKind::QuotedIdent | TokenKind::UnicodeIdent))
    }

    fn column_definitions(&mut self, open: usize) -> Result<()> {
        if self.is(open.wrapping_sub(1), "AS") {
            // if there is no alias, the parenthesis replaces it
            self.push_name(open, open);
        }
        self.push(Token::LParen, open, open);
        loop {
            self.push_name(self.at, self.at);
            self.type_name()?;
            if self.is(self.at, "COLLATE") {
                let mut part = self.region.cursor.part(self.at + 1, self.end);
                part.object_name()?;
                self.at = part.pos;
            }
            match self.kind(self.at) {
                Some(TokenKind::Comma) => self.push(Token::Comma, self.at, self.at),
                Some(TokenKind::RParen) => {
                    self.push(Token::RParen, self.at, self.at);
                    return Ok(());
                }
                _ => return self.region.unexpected(self.at),
            }
            if !self.is_name(self.at) {
                return self.region.unexpected(self.at);
            }
        }
    }

    fn quantified(&self, at: usize) -> bool {
        self.region.is_any(at, &["ANY", "ALL", "SOME"]) && self.kind(at + 1) == Some(TokenKind::LParen)
    }

    fn starts_query(&self, at: usize) -> bool {
        self.is_name(at + 1) && !self.region.is_any(at.wrapping_sub(1), &["AS", "INTO", "TEMP", "TEMPORARY", "UNLOGGED"])
    }

    /// Returns whether this is the parenthesis of one of these calls.
    fn opens(&self, at: usize, calls: &[&str]) -> bool {
        self.kind(at) == Some(TokenKind::LParen) && self.region.is_any(at.wrapping_sub(1), calls)
    }

    /// Returns the last of some words that have no effect on the tree and that `sqlparser` does not support.
    fn dropped(&self, at: usize, upper: &str) -> Option<usize> {
        let before = at.wrapping_sub(1);
        if self.kind(before) == Some(TokenKind::Dot) || self.kind(at + 1) == Some(TokenKind::Dot) || self.is(before, "AS") {
            return None;
        }
        match upper {
            "VARIADIC" => Some(at),
            // the name of an XML element is not a column
            "NAME" if self.opens(before, &["XMLELEMENT", "XMLPI"]) => Some(at + 1 + (self.kind(at + 2) == Some(TokenKind::Comma)) as usize),
            "DOCUMENT" | "CONTENT" if self.opens(before, &["XMLSERIALIZE", "XMLPARSE"]) => Some(at),
            "PRESERVE" | "STRIP" if self.is(at + 1, "WHITESPACE") => Some(at + 1),
            "SYMMETRIC" | "ASYMMETRIC" if self.is(before, "BETWEEN") => Some(at),
            "ONLY" if self.kind(before) == Some(TokenKind::Comma) => Some(at),
            "ONLY" if self.region.is_any(before, &["FROM", "JOIN", "UPDATE", "INTO", "USING"]) => Some(at),
            "BOTH" | "LEADING" | "TRAILING" if self.calls.last() == Some(&Call::Trim) => Some(at),
            "OVERRIDING" if self.region.is_any(at + 1, &["SYSTEM", "USER"]) && self.is(at + 2, "VALUE") => Some(at + 2),
            "EXCLUDE" if self.region.is_any(before, &["ROW", "PRECEDING", "FOLLOWING"]) => {
                let named = self.region.is_any(at + 1, &["CURRENT", "NO"]);
                Some(at + 1 + named as usize)
            }
            "DISTINCT" | "ALL" if self.is(before, "BY") && self.is(before.wrapping_sub(1), "GROUP") => Some(at),
            "SEARCH" if self.kind(before) == Some(TokenKind::RParen) && self.region.is_any(at + 1, &["DEPTH", "BREADTH"]) => {
                Some(self.region.cursor.part(at, self.end).find(|cursor| cursor.is("SET")) + 1)
            }
            "CYCLE" if (self.kind(before) == Some(TokenKind::RParen) || self.is(before.wrapping_sub(1), "SET")) && self.is_name(at + 1) => {
                Some(self.region.cursor.part(at, self.end).find(|cursor| cursor.is("USING")) + 1)
            }
            "TABLESAMPLE" => {
                let close = self.region.closing(at + 2)?;
                let repeats = self.is(close + 1, "REPEATABLE").then(|| self.region.closing(close + 2)).flatten();
                Some(repeats.unwrap_or(close))
            }
            "AS" if self.names_columns_of_join(at) => Some(at + 1),
            // column definitions of a function in ROWS FROM
            "AS" if self.kind(at + 1) == Some(TokenKind::LParen) && self.is_rows_from(at) => self.region.closing(at + 1),
            "TABLE" if self.region.is_any(before, &["INTO", "TEMP", "TEMPORARY", "UNLOGGED"]) => Some(at),
            "LOCAL" | "GLOBAL" if self.is(before, "INTO") && self.region.is_any(at + 1, &["TEMP", "TEMPORARY"]) => Some(at),
            // names of the old and new row
            "WITH" if self.is(before, "RETURNING") => {
                self.region.cursor.newer_at(18, at);
                self.region.closing(at + 1)
            }
            "VALUE" | "SCALAR" | "ARRAY" | "OBJECT"
                if self.is(before, "JSON") && self.region.is_any(before.wrapping_sub(1), &["IS", "NOT"]) =>
            {
                Some(at)
            }
            "WITH" | "WITHOUT" if self.is(at + 1, "UNIQUE") && (self.in_json() || self.is_json_kind(before)) => {
                Some(at + 1 + self.is(at + 2, "KEYS") as usize)
            }
            _ => None,
        }
    }

    /// Skips the rows of a list after the first [`KEPT_ROWS`].
    fn rows(&mut self) -> Result<()> {
        let mut at = self.at;
        let mut count = 1;
        while let Some(close) = self.region.partner(at) {
            let next = close + 2;
            let more = self.kind(close + 1) == Some(TokenKind::Comma) && self.kind(next) == Some(TokenKind::LParen) && next < self.end;
            if count == KEPT_ROWS && more {
                self.steps(close + 1)?;
                return self.skip_rows(next);
            }
            if !more {
                return Ok(());
            }
            count += 1;
            at = next;
        }
        Ok(())
    }

    fn skip_rows(&mut self, first: usize) -> Result<()> {
        let mut at = first;
        while let Some(close) = self.region.partner(at).filter(|_| self.kind(at) == Some(TokenKind::LParen)) {
            self.adapted.further_rows.push(at..close + 1);
            self.at = close + 1;
            if self.kind(self.at) != Some(TokenKind::Comma) {
                return Ok(());
            }
            at = self.at + 1;
        }
        self.region.unexpected(at)
    }

    fn operator(&mut self, at: usize) {
        let text = self.region.text(at);
        let token = match text {
            "=>" => Token::RArrow,
            _ if self.is_prefix(at) => prefix_token(text),
            // `sqlparser` accepts few operators before ANY; the operator is taken from the source later
            _ if self.quantified(at + 1) => Token::Eq,
            _ => operator_token(text),
        };
        self.push(token, at, at);
    }

    fn is_prefix(&self, at: usize) -> bool {
        let before = at.wrapping_sub(1);
        match self.kind(before) {
            None | Some(TokenKind::LParen | TokenKind::LBracket | TokenKind::Comma | TokenKind::Operator) => true,
            Some(TokenKind::Word) => self.region.is_any(
                before,
                &[
                    "SELECT", "WHERE", "AND", "OR", "NOT", "WHEN", "THEN", "ELSE", "CASE", "BY", "ON", "HAVING", "BETWEEN", "LIMIT",
                    "OFFSET",
                ],
            ),
            _ => false,
        }
    }
}
