//! Lexer with the lexical rules of PostgreSQL.
//!
//! Promises: every byte belongs to exactly one token, comment or white space. Nothing panics. An unclosed literal or comment becomes a
//! [`TokenKind::Broken`] token that extends to the end of its line or text. Source: PostgreSQL's documentation, "Lexical Structure".

use crate::source::Span;
use memchr::{memchr, memchr2};

/// Kind of a token. The text is in the source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenKind {
    /// An unquoted identifier or keyword.
    Word,
    /// `"…"`
    QuotedIdent,
    /// `U&"…"`
    UnicodeIdent,
    Number,
    /// `'…'`
    String,
    /// `E'…'`
    EscapeString,
    /// `U&'…'`
    UnicodeString,
    /// `B'…'` or `X'…'`
    BitString,
    /// `$tag$…$tag$`
    DollarString,
    /// `$1`
    Param,
    /// `:name`, which psql replaces.
    Variable,
    Operator,
    Comma,
    Semicolon,
    LParen,
    RParen,
    LBracket,
    RBracket,
    Dot,
    DotDot,
    Colon,
    /// `::`
    TypeCast,
    /// `:=`
    Assign,
    /// A line that begins with a backslash: a command of psql.
    Meta,
    /// Invalid text: an unclosed quote or comment, or an unexpected byte.
    Broken(Broken),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Broken {
    String,
    QuotedIdent,
    DollarString,
    Comment,
    Character,
}

impl Broken {
    /// Returns PostgreSQL's message.
    pub fn reason(self) -> &'static str {
        match self {
            Broken::String => "unterminated quoted string",
            Broken::QuotedIdent => "unterminated quoted identifier",
            Broken::DollarString => "unterminated dollar-quoted string",
            Broken::Comment => "unterminated /* comment",
            Broken::Character => "a character that is not part of SQL",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Token {
    pub kind: TokenKind,
    pub start: u32,
    pub end: u32,
}

impl Token {
    pub fn span(self) -> Span {
        Span { start: self.start, end: self.end }
    }

    pub fn text(self, source: &str) -> &str {
        &source[self.start as usize..self.end as usize]
    }
}

/// How plain string literals are read. The setting `standard_conforming_strings` determines it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BackslashMode {
    /// A backslash is a normal character.
    #[default]
    Literal,
    /// A backslash escapes in `'…'` as it does in `E'…'`. Such a literal is a [`TokenKind::EscapeString`].
    Escape,
}

/// Reads one token at a time.
#[derive(Clone)]
pub struct Lexer<'a> {
    text: &'a str,
    bytes: &'a [u8],
    pos: usize,
    /// Comments since the caller last removed them from this list.
    pub comments: Vec<Span>,
    pub backslash_mode: BackslashMode,
    line_start: bool,
    /// Whether a plain literal that begins on a later line continues an `E'…'`, so that a backslash escapes in it.
    continues_escapes: bool,
}

fn ident_start(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || byte == b'_' || byte >= 0x80
}

fn ident_part(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'$' || byte >= 0x80
}

fn operator_byte(byte: u8) -> bool {
    matches!(byte, b'+' | b'-' | b'*' | b'/' | b'<' | b'>' | b'=' | b'~' | b'!' | b'@' | b'#' | b'%' | b'^' | b'&' | b'|' | b'`' | b'?')
}

impl<'a> Lexer<'a> {
    pub fn new(text: &'a str) -> Lexer<'a> {
        Lexer::from(text, 0)
    }

    /// Creates a lexer that starts at a byte of the text. Spans are those of the whole text.
    pub fn from(text: &'a str, pos: usize) -> Lexer<'a> {
        let backslash_mode = BackslashMode::Literal;
        Lexer { text, bytes: text.as_bytes(), pos, comments: Vec::new(), backslash_mode, line_start: true, continues_escapes: false }
    }

    pub fn position(&self) -> usize {
        self.pos
    }

    /// Moves to another byte, for example after `COPY` data.
    pub fn seek(&mut self, pos: usize) {
        self.pos = pos;
        self.line_start = true;
    }

    fn at(&self, ahead: usize) -> u8 {
        self.bytes.get(self.pos + ahead).copied().unwrap_or(0)
    }

    fn skip_blank(&mut self) -> Option<Token> {
        loop {
            match self.at(0) {
                b'\n' | b'\r' => {
                    self.line_start = true;
                    self.pos += 1;
                }
                b' ' | b'\t' | 0x0b | 0x0c => self.pos += 1,
                // editors can leave a byte order mark anywhere in a text
                0xef if self.bytes[self.pos..].starts_with(b"\xef\xbb\xbf") => self.pos += 3,
                b'-' if self.at(1) == b'-' => {
                    let start = self.pos;
                    // a carriage return alone also ends a comment
                    self.pos = memchr2(b'\n', b'\r', &self.bytes[start..]).map_or(self.bytes.len(), |at| start + at);
                    self.comments.push(Span::new(start as u32, self.pos as u32));
                }
                b'/' if self.at(1) == b'*' => {
                    self.continues_escapes = false;
                    let start = self.pos;
                    let mut depth = 0usize;
                    loop {
                        match (self.at(0), self.at(1)) {
                            (b'/', b'*') => {
                                depth += 1;
                                self.pos += 2;
                            }
                            (b'*', b'/') => {
                                depth -= 1;
                                self.pos += 2;
                                if depth == 0 {
                                    break;
                                }
                            }
                            _ if self.pos >= self.bytes.len() => {
                                return Some(self.token(TokenKind::Broken(Broken::Comment), start));
                            }
                            _ => self.pos += 1,
                        }
                    }
                    self.comments.push(Span::new(start as u32, self.pos as u32));
                }
                _ => return None,
            }
        }
    }

    fn token(&self, kind: TokenKind, start: usize) -> Token {
        Token { kind, start: start as u32, end: self.pos as u32 }
    }

    /// Returns the next token, or `None` at the end of the text.
    pub fn next_token(&mut self) -> Option<Token> {
        if let Some(broken) = self.skip_blank() {
            return Some(broken);
        }
        if self.pos >= self.bytes.len() {
            return None;
        }
        let start = self.pos;
        let first = self.at(0);
        let line_start = std::mem::replace(&mut self.line_start, false);
        let continues = std::mem::replace(&mut self.continues_escapes, false) && line_start;
        let kind = match first {
            b'\\' if line_start => {
                self.pos = memchr(b'\n', &self.bytes[start..]).map_or(self.bytes.len(), |at| start + at);
                TokenKind::Meta
            }
            b'\'' if continues || self.backslash_mode == BackslashMode::Escape => {
                self.quoted(start + 1, b'\'', TokenKind::EscapeString, Broken::String, true)
            }
            b'\'' => self.quoted(start + 1, b'\'', TokenKind::String, Broken::String, false),
            b'"' => self.quoted(start + 1, b'"', TokenKind::QuotedIdent, Broken::QuotedIdent, false),
            b'e' | b'E' if self.at(1) == b'\'' => self.quoted(start + 2, b'\'', TokenKind::EscapeString, Broken::String, true),
            b'n' | b'N' if self.at(1) == b'\'' => self.quoted(start + 2, b'\'', TokenKind::String, Broken::String, false),
            b'b' | b'B' | b'x' | b'X' if self.at(1) == b'\'' => self.quoted(start + 2, b'\'', TokenKind::BitString, Broken::String, false),
            b'u' | b'U' if self.at(1) == b'&' && self.at(2) == b'\'' => {
                let kind = self.quoted(start + 3, b'\'', TokenKind::UnicodeString, Broken::String, false);
                self.escape_clause();
                kind
            }
            b'u' | b'U' if self.at(1) == b'&' && self.at(2) == b'"' => {
                let kind = self.quoted(start + 3, b'"', TokenKind::UnicodeIdent, Broken::QuotedIdent, false);
                self.escape_clause();
                kind
            }
            b'$' => self.dollar(),
            b'0'..=b'9' => self.number(),
            b'.' if self.at(1).is_ascii_digit() => self.number(),
            b'.' if self.at(1) == b'.' => self.fixed(2, TokenKind::DotDot),
            b'.' => self.fixed(1, TokenKind::Dot),
            b',' => self.fixed(1, TokenKind::Comma),
            b';' => self.fixed(1, TokenKind::Semicolon),
            b'(' => self.fixed(1, TokenKind::LParen),
            b')' => self.fixed(1, TokenKind::RParen),
            b'[' => self.fixed(1, TokenKind::LBracket),
            b']' => self.fixed(1, TokenKind::RBracket),
            b':' if self.at(1) == b':' => self.fixed(2, TokenKind::TypeCast),
            b':' if self.at(1) == b'=' => self.fixed(2, TokenKind::Assign),
            b':' => self.fixed(1, TokenKind::Colon),
            _ if ident_start(first) => {
                self.pos += 1;
                while self.pos < self.bytes.len() && ident_part(self.bytes[self.pos]) {
                    self.pos += 1;
                }
                TokenKind::Word
            }
            _ if operator_byte(first) => self.operator(),
            _ => {
                self.pos += self.text[start..].chars().next().map_or(1, char::len_utf8);
                TokenKind::Broken(Broken::Character)
            }
        };
        self.continues_escapes = kind == TokenKind::EscapeString;
        Some(self.token(kind, start))
    }

    fn fixed(&mut self, length: usize, kind: TokenKind) -> TokenKind {
        self.pos += length;
        kind
    }

    fn quoted(&mut self, from: usize, quote: u8, kind: TokenKind, broken: Broken, escapes: bool) -> TokenKind {
        self.pos = from;
        while self.pos < self.bytes.len() {
            let byte = self.bytes[self.pos];
            if byte == quote {
                if self.at(1) == quote {
                    self.pos += 2;
                    continue;
                }
                self.pos += 1;
                return kind;
            }
            self.pos += if escapes && byte == b'\\' { 2 } else { 1 };
        }
        self.pos = self.bytes.len();
        TokenKind::Broken(broken)
    }

    /// Reads `UESCAPE 'c'`, which belongs to the Unicode literal before it.
    fn escape_clause(&mut self) {
        let blanks = |from: usize| self.text[from..].find(|c: char| !c.is_ascii_whitespace()).map_or(self.bytes.len(), |at| from + at);
        let word = blanks(self.pos);
        if !self.bytes[word..].get(..7).is_some_and(|found| found.eq_ignore_ascii_case(b"uescape")) {
            return;
        }
        let quote = blanks(word + 7);
        if let Some([b'\'', _, b'\'']) = self.bytes.get(quote..quote + 3) {
            self.pos = quote + 3;
        }
    }

    fn dollar(&mut self) -> TokenKind {
        let start = self.pos;
        if self.at(1).is_ascii_digit() {
            self.pos += 1;
            while self.at(0).is_ascii_digit() {
                self.pos += 1;
            }
            return TokenKind::Param;
        }
        let mut end = start + 1;
        if self.bytes.get(end).copied().is_some_and(ident_start) {
            end += 1;
            while self.bytes.get(end).copied().is_some_and(|byte| byte != b'$' && ident_part(byte)) {
                end += 1;
            }
        }
        if self.bytes.get(end) != Some(&b'$') {
            self.pos += 1;
            return TokenKind::Broken(Broken::Character);
        }
        let tag = &self.text[start..=end];
        match self.text[end + 1..].find(tag) {
            Some(at) => {
                self.pos = end + 1 + at + tag.len();
                TokenKind::DollarString
            }
            None => {
                self.pos = self.bytes.len();
                TokenKind::Broken(Broken::DollarString)
            }
        }
    }

    fn number(&mut self) -> TokenKind {
        let digits = |lexer: &mut Self| {
            while lexer.at(0).is_ascii_alphanumeric() || lexer.at(0) == b'_' {
                let exponent = matches!(lexer.at(0), b'e' | b'E');
                lexer.pos += 1;
                if exponent && matches!(lexer.at(0), b'+' | b'-') && lexer.at(1).is_ascii_digit() {
                    lexer.pos += 1;
                }
            }
        };
        digits(self);
        // `1..10` is a range of a PL/pgSQL loop, not a number with a fraction
        if self.at(0) == b'.' && self.at(1) != b'.' {
            self.pos += 1;
            digits(self);
        }
        TokenKind::Number
    }

    fn operator(&mut self) -> TokenKind {
        let start = self.pos;
        while operator_byte(self.at(0)) {
            // a comment ends an operator
            if self.pos > start && ((self.at(0) == b'-' && self.at(1) == b'-') || (self.at(0) == b'/' && self.at(1) == b'*')) {
                break;
            }
            self.pos += 1;
        }
        // an operator of several characters can end in + or - only if it also contains one of these
        let special = |byte: &u8| matches!(byte, b'~' | b'!' | b'@' | b'#' | b'%' | b'^' | b'&' | b'|' | b'`' | b'?');
        while self.pos - start > 1 && matches!(self.bytes[self.pos - 1], b'+' | b'-') && !self.bytes[start..self.pos].iter().any(special) {
            self.pos -= 1;
        }
        TokenKind::Operator
    }
}

/// Returns all tokens of a text.
pub fn tokens(text: &str) -> Vec<Token> {
    tokens_in(text, Span::new(0, text.len() as u32))
}

/// Returns the tokens of a part of a text, with spans in the whole text.
pub fn tokens_in(text: &str, span: Span) -> Vec<Token> {
    tokens_in_mode(text, span, BackslashMode::Literal)
}

/// Returns the tokens of a part of a text, with this mode for plain literals.
pub fn tokens_in_mode(text: &str, span: Span, backslash_mode: BackslashMode) -> Vec<Token> {
    let mut lexer = Lexer::from(&text[..span.end as usize], span.start as usize);
    lexer.backslash_mode = backslash_mode;
    std::iter::from_fn(|| lexer.next_token()).collect()
}

/// Returns the value of a string literal of any form.
pub fn string_value(token: Token, source: &str) -> String {
    let text = token.text(source);
    match token.kind {
        TokenKind::String => text[quote_at(text) + 1..text.len() - 1].replace("''", "'"),
        TokenKind::EscapeString => unescape(&text[quote_at(text) + 1..text.len() - 1]),
        TokenKind::UnicodeString => {
            let (literal, escape) = unicode_literal(text);
            unicode_value(&literal[3..literal.len() - 1].replace("''", "'"), escape)
        }
        TokenKind::DollarString => text[dollar_tag(text).len()..text.len() - dollar_tag(text).len()].to_string(),
        TokenKind::BitString => text[2..text.len() - 1].to_string(),
        _ => text.to_string(),
    }
}

/// Returns the position of the first quote of a string literal.
pub fn quote_at(text: &str) -> usize {
    text.find('\'').unwrap_or(0)
}

/// Returns the tag of a dollar-quoted string: `$tag$`.
pub fn dollar_tag(text: &str) -> &str {
    let end = text[1..].find('$').map_or(text.len(), |at| at + 2);
    &text[..end]
}

/// Returns the name of an identifier token: in lower case unless it is quoted, and cut at 63 bytes as in PostgreSQL.
pub fn ident_value(token: Token, source: &str) -> smol_str::SmolStr {
    let name = whole_ident(token, source);
    if name.len() > 63 { cut_ident(&name).into() } else { name }
}

/// Returns the part of a name that PostgreSQL keeps: at most 63 bytes, without a part of a character.
pub fn cut_ident(name: &str) -> &str {
    let mut end = name.len().min(63);
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    &name[..end]
}

/// Returns the name of an identifier token as it is written: in lower case unless it is quoted.
pub fn whole_ident(token: Token, source: &str) -> smol_str::SmolStr {
    let text = token.text(source);
    match token.kind {
        TokenKind::QuotedIdent if !text[1..text.len() - 1].contains('"') => text[1..text.len() - 1].into(),
        TokenKind::QuotedIdent => text[1..text.len() - 1].replace("\"\"", "\"").into(),
        TokenKind::UnicodeIdent => {
            let (literal, escape) = unicode_literal(text);
            unicode_value(&literal[3..literal.len() - 1].replace("\"\"", "\""), escape).into()
        }
        _ if text.bytes().any(|byte| byte.is_ascii_uppercase()) => text.to_ascii_lowercase().into(),
        _ => text.into(),
    }
}

fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        if c == '\'' {
            chars.next_if_eq(&'\'');
            out.push('\'');
        } else if c != '\\' {
            out.push(c);
        } else {
            match chars.next() {
                Some('n') => out.push('\n'),
                Some('t') => out.push('\t'),
                Some('r') => out.push('\r'),
                Some('b') => out.push('\u{8}'),
                Some('f') => out.push('\u{c}'),
                Some('u') => push_code(&mut out, &mut chars, 4),
                Some('U') => push_code(&mut out, &mut chars, 8),
                Some('x') => push_code(&mut out, &mut chars, 2),
                Some(other) => out.push(other),
                None => {}
            }
        }
    }
    out
}

fn push_code(out: &mut String, chars: &mut std::iter::Peekable<std::str::Chars>, most: usize) {
    let mut code = 0u32;
    for _ in 0..most {
        let Some(digit) = chars.peek().and_then(|c| c.to_digit(16)) else { break };
        code = code.wrapping_mul(16).wrapping_add(digit);
        chars.next();
    }
    out.push(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
}

/// Returns a Unicode literal without its UESCAPE clause, and its escape character.
fn unicode_literal(text: &str) -> (&str, char) {
    let bytes = text.as_bytes();
    let quote = bytes.get(2).copied().unwrap_or(b'\'');
    let mut end = 3;
    while end < bytes.len() && (bytes[end] != quote || bytes.get(end + 1) == Some(&quote)) {
        end += 1 + (bytes[end] == quote) as usize;
    }
    let literal = &text[..(end + 1).min(text.len())];
    let clause = &text[literal.len()..];
    let escape = clause.strip_suffix('\'').and_then(|rest| rest.chars().next_back());
    (literal, escape.unwrap_or('\\'))
}

fn unicode_value(text: &str, escape: char) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            _ if c != escape => out.push(c),
            _ if chars.peek() == Some(&escape) => out.extend(chars.next()),
            _ if chars.peek() == Some(&'+') => {
                chars.next();
                push_code(&mut out, &mut chars, 6);
            }
            _ => push_code(&mut out, &mut chars, 4),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(text: &str) -> Vec<(TokenKind, &str)> {
        tokens(text).into_iter().map(|token| (token.kind, token.text(text))).collect()
    }

    #[test]
    fn operators_end_where_postgres_ends_them() {
        assert_eq!(kinds("a=-1").iter().map(|t| t.1).collect::<Vec<_>>(), ["a", "=", "-", "1"]);
        assert_eq!(kinds("a@-b").iter().map(|t| t.1).collect::<Vec<_>>(), ["a", "@-", "b"]);
        assert_eq!(kinds("a->>'k'").iter().map(|t| t.1).collect::<Vec<_>>(), ["a", "->>", "'k'"]);
        assert_eq!(kinds("1+--x\n2").iter().map(|t| t.1).collect::<Vec<_>>(), ["1", "+", "2"]);
    }

    #[test]
    fn strings_of_every_form() {
        let text = r#"'it''s' E'a\'b' $q$ $x$ ' $q$ U&'\0041' "A""b" $1"#;
        let values: Vec<_> = tokens(text).into_iter().map(|token| string_value(token, text)).collect();
        assert_eq!(&values[..4], ["it's", "a'b", " $x$ ' ", "A"]);
        assert_eq!(ident_value(tokens(text)[4], text), "A\"b");
        assert_eq!(tokens(text)[5].kind, TokenKind::Param);
    }

    #[test]
    fn a_unicode_literal_may_choose_its_escape() {
        let text = "U&'d!0061ta' uescape '!' U&\"\\0041 b\" U&'plain'";
        let found = tokens(text);
        assert_eq!(found.len(), 3);
        assert_eq!(string_value(found[0], text), "data");
        assert_eq!(ident_value(found[1], text), "A b");
        assert_eq!(string_value(found[2], text), "plain");
        for (text, value) in [("U&'uescape '", "uescape "), ("U&'a'' uescape ''!'", "a' uescape '!"), ("U&' uescape '''", " uescape '")] {
            assert_eq!(string_value(tokens(text)[0], text), value);
        }
    }

    #[test]
    fn a_comment_ends_at_a_carriage_return() {
        assert_eq!(kinds("-- a\rb -- c\r\nd").iter().map(|t| t.1).collect::<Vec<_>>(), ["b", "d"]);
    }

    #[test]
    fn a_literal_that_continues_another_is_read_like_it() {
        let text = "E'a' -- b\n'\\'c'";
        assert_eq!(kinds(text).iter().map(|t| t.1).collect::<Vec<_>>(), ["E'a'", "'\\'c'"]);
        // a literal on the same line, after a block comment or after another token is a separate literal
        for text in ["E'a' '\\'", "E'a' /*\n*/\n'\\'", "E'a',\n'\\'"] {
            assert!(kinds(text).iter().all(|t| !matches!(t.0, TokenKind::Broken(_))), "{text}");
        }
    }

    #[test]
    fn nested_comments_and_what_is_not_closed() {
        assert_eq!(kinds("/* a /* b */ c */ x").len(), 1);
        assert_eq!(kinds("x /* a")[1].0, TokenKind::Broken(Broken::Comment));
        assert_eq!(kinds("'abc")[0].0, TokenKind::Broken(Broken::String));
        assert_eq!(kinds("$a$ x")[0].0, TokenKind::Broken(Broken::DollarString));
    }

    #[test]
    fn loops_have_ranges_and_numbers_fractions() {
        assert_eq!(kinds("1..10").iter().map(|t| t.1).collect::<Vec<_>>(), ["1", "..", "10"]);
        assert_eq!(kinds("1.5e-3 .5").iter().map(|t| t.1).collect::<Vec<_>>(), ["1.5e-3", ".5"]);
    }
}
