//! Parser of a body, with the grammar of PL/pgSQL.
//!
//! Promises: each token is read a limited number of times. As in PostgreSQL, an expression ends at the first terminator outside parentheses:
//! `IF CASE WHEN a THEN b END THEN` is an error.

mod statements;

use super::super::cursor::{Cursor, Result, SyntaxError};
use super::super::expression::{Ident, ObjectName};
use super::super::lexer::{BackslashMode, Broken, Token, TokenKind, ident_value, tokens_in_mode};
use super::super::types::TypeName;
use super::words::{is_condition, is_reserved};
use super::*;
use std::collections::HashSet;

/// Maximum depth of nested statements, which protects the stack.
const MAX_DEPTH: usize = 200;

/// Parses the body in `span`, which is the text between the quotes of a function or DO block.
///
/// # Errors
/// Returns the first error of PostgreSQL's PL/pgSQL compiler, with its message.
pub fn parse(text: &str, span: Span, backslash_mode: BackslashMode) -> Result<Routine> {
    let tokens = tokens_in_mode(text, span, backslash_mode);
    let mut reader = Reader { cursor: Cursor::new(text, &tokens), span, scopes: Vec::new(), depth: 0 };
    let variable_conflict = reader.options()?;
    let start = reader.cursor.pos;
    let label = reader.label()?;
    let block = reader.block(start, label)?;
    reader.cursor.eat_kind(TokenKind::Semicolon);
    if !reader.cursor.done() {
        return reader.unexpected();
    }
    Ok(Routine { variable_conflict, block, tokens })
}

/// A block or loop around the current token.
struct Scope {
    label: Option<SmolStr>,
    is_loop: bool,
    /// Cursors that are declared with a query. A FOR loop can use them.
    cursors: HashSet<SmolStr>,
}

struct Reader<'a> {
    cursor: Cursor<'a>,
    /// Location of the whole body, for an error in an empty body.
    span: Span,
    scopes: Vec<Scope>,
    depth: usize,
}

/// End of a piece.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stop {
    Semicolon,
    Comma,
    DotDot,
    RParen,
    Word(&'static str),
}

impl Stop {
    fn is_at(self, cursor: &Cursor) -> bool {
        match self {
            Stop::Semicolon => cursor.is_kind(TokenKind::Semicolon),
            Stop::Comma => cursor.is_kind(TokenKind::Comma),
            Stop::DotDot => cursor.is_kind(TokenKind::DotDot),
            Stop::RParen => cursor.is_kind(TokenKind::RParen),
            Stop::Word(word) => cursor.is(word),
        }
    }

    fn text(self) -> &'static str {
        match self {
            Stop::Semicolon => ";",
            Stop::Comma => ",",
            Stop::DotDot => "..",
            Stop::RParen => ")",
            Stop::Word(word) => word,
        }
    }
}

const SEMICOLON: &[Stop] = &[Stop::Semicolon];
const THEN: &[Stop] = &[Stop::Word("THEN")];
const LOOP: &[Stop] = &[Stop::Word("LOOP")];

/// PostgreSQL's name for a piece in error messages.
#[derive(Clone, Copy)]
enum Construct {
    Expression,
    Statement,
}

impl Construct {
    fn name(self) -> &'static str {
        match self {
            Construct::Expression => "expression",
            Construct::Statement => "statement",
        }
    }
}

/// Errors.
impl Reader<'_> {
    /// Returns the location of the next token, or of the end of the body.
    fn here(&self) -> Span {
        if self.cursor.tokens.is_empty() { Span::new(self.span.end, self.span.end) } else { self.cursor.here() }
    }

    fn near(&self, message: &str) -> SyntaxError {
        let message = match self.cursor.peek() {
            Some(Token { kind: TokenKind::Broken(broken), .. }) if broken != Broken::Character => broken.reason().to_string(),
            Some(token) => {
                let text: String = self.cursor.slice(token).chars().take(40).collect();
                format!("{message} at or near \"{text}\"")
            }
            None => format!("{message} at end of input"),
        };
        SyntaxError { span: self.here(), message }
    }

    fn unexpected<T>(&self) -> Result<T> {
        Err(self.near("syntax error"))
    }
}

fn refuse<T>(span: Span, message: impl Into<String>) -> Result<T> {
    Err(SyntaxError { span, message: message.into() })
}

/// Tokens and pieces.
impl<'a> Reader<'a> {
    fn expect(&mut self, word: &str) -> Result<()> {
        if self.cursor.eat(word) { Ok(()) } else { self.unexpected() }
    }

    fn expect_kind(&mut self, kind: TokenKind) -> Result<()> {
        if self.cursor.eat_kind(kind) { Ok(()) } else { self.unexpected() }
    }

    fn semicolon(&mut self) -> Result<()> {
        self.expect_kind(TokenKind::Semicolon)
    }

    fn reserved(&self, token: Token) -> bool {
        token.kind == TokenKind::Word && is_reserved(&ident_value(token, self.cursor.text))
    }

    /// Reads a name. Reserved words of PL/pgSQL are rejected.
    fn name(&mut self) -> Result<Ident> {
        match self.cursor.peek() {
            Some(token) if self.cursor.is_ident() && !self.reserved(token) => self.cursor.label(),
            _ => self.unexpected(),
        }
    }

    /// Reads a variable: a name with its fields, or `$1`.
    fn variable(&mut self) -> Result<ObjectName> {
        if let Some(token) = self.cursor.peek().filter(|token| token.kind == TokenKind::Param) {
            self.cursor.pos += 1;
            return Ok(ObjectName { parts: vec![Ident { name: self.cursor.slice(token).into(), span: token.span() }] });
        }
        let mut parts = vec![self.name()?];
        while self.cursor.eat_kind(TokenKind::Dot) {
            if !self.cursor.is_ident() {
                return self.unexpected();
            }
            parts.push(self.cursor.label()?);
        }
        Ok(ObjectName { parts })
    }

    fn variables(&mut self) -> Result<Vec<ObjectName>> {
        let mut out = vec![self.variable()?];
        while self.cursor.eat_kind(TokenKind::Comma) {
            out.push(self.variable()?);
        }
        Ok(out)
    }

    fn string(&mut self) -> Result<(String, Span)> {
        if !self.cursor.is_string() {
            return self.unexpected();
        }
        let start = self.cursor.pos;
        let value = self.cursor.string()?;
        Ok((value, self.cursor.span_from(start)))
    }

    fn assign_operator(&mut self) -> Result<()> {
        if self.cursor.eat_kind(TokenKind::Assign) || self.cursor.eat_op("=") { Ok(()) } else { self.unexpected() }
    }

    /// Returns the piece from a token to the last token that was read.
    fn since(&self, start: usize) -> Piece {
        let end = self.cursor.pos;
        let span = match self.cursor.tokens.get(start..end) {
            Some([first, .., last]) => first.span().to(last.span()),
            Some([only]) => only.span(),
            // an empty piece is located after the token before it
            _ => {
                let at = start.checked_sub(1).map_or(self.span.start, |before| self.cursor.tokens[before].end);
                Span::new(at, at)
            }
        };
        Piece { span, start, end }
    }

    /// Returns the span from a token to the token before the `;` that was just read.
    fn without_semicolon(&self, start: usize) -> Span {
        let end = self.cursor.pos.saturating_sub(1).max(start + 1);
        let last = self.cursor.tokens[end - 1];
        self.cursor.tokens[start].span().to(last.span())
    }

    /// Reads all tokens up to the first of `stops` outside parentheses, and the stop itself.
    fn piece(&mut self, stops: &[Stop], construct: Construct) -> Result<(Piece, Stop)> {
        let start = self.cursor.pos;
        let mut depth = 0usize;
        while let Some(token) = self.cursor.peek() {
            if depth == 0
                && let Some(stop) = stops.iter().find(|stop| stop.is_at(&self.cursor))
            {
                let piece = self.since(start);
                self.cursor.pos += 1;
                return Ok((piece, *stop));
            }
            match token.kind {
                TokenKind::LParen | TokenKind::LBracket => depth += 1,
                TokenKind::RParen | TokenKind::RBracket if depth > 0 => depth -= 1,
                TokenKind::RParen | TokenKind::RBracket => return Err(self.near("mismatched parentheses")),
                TokenKind::Broken(_) | TokenKind::Meta => return self.unexpected(),
                TokenKind::Semicolon => break,
                _ => {}
            }
            self.cursor.pos += 1;
        }
        if depth > 0 {
            return Err(self.near("mismatched parentheses"));
        }
        // PostgreSQL's message does not contain `..`
        let stops: Vec<_> = stops.iter().filter(|stop| **stop != Stop::DotDot).map(|stop| stop.text()).collect();
        refuse(self.here(), format!("missing \"{}\" at end of SQL {}", stops.join(" or "), construct.name()))
    }

    fn expression(&mut self, stops: &[Stop]) -> Result<(Piece, Stop)> {
        let start = self.cursor.pos;
        let found = self.piece(stops, Construct::Expression)?;
        if found.0.start == found.0.end {
            self.cursor.pos = start;
            return Err(self.near("missing expression"));
        }
        Ok(found)
    }

    fn expression_until(&mut self, stops: &[Stop]) -> Result<Piece> {
        Ok(self.expression(stops)?.0)
    }

    /// Reads a complete SQL statement, such as a query or CALL.
    fn query(&mut self) -> Result<Piece> {
        let start = self.cursor.pos;
        let (piece, _) = self.piece(SEMICOLON, Construct::Statement)?;
        if piece.start == piece.end {
            self.cursor.pos = start;
            return Err(self.near("missing SQL statement"));
        }
        Ok(piece)
    }

    /// Reads expressions between commas, and the stop after the last expression.
    fn expressions(&mut self, stops: &[Stop]) -> Result<(Vec<Piece>, Stop)> {
        let with_comma: Vec<_> = [Stop::Comma].iter().chain(stops).copied().collect();
        let mut out = Vec::new();
        loop {
            let (piece, stop) = self.expression(&with_comma)?;
            out.push(piece);
            if stop != Stop::Comma {
                return Ok((out, stop));
            }
        }
    }

    /// Reads `command [USING …]` up to `end`.
    fn command(&mut self, end: Stop) -> Result<(Piece, Vec<Piece>)> {
        let (command, stop) = self.expression(&[end, Stop::Word("USING")])?;
        let using = if stop == end { Vec::new() } else { self.expressions(&[end])?.0 };
        Ok((command, using))
    }

    /// Reads `[STRICT] targets` after INTO.
    fn read_into(&mut self) -> Result<IntoClause> {
        let start = self.cursor.pos - 1;
        let strict = self.cursor.eat("STRICT");
        let targets = self.variables()?;
        Ok(IntoClause { piece: self.since(start), strict, targets })
    }
}

/// Blocks.
impl<'a> Reader<'a> {
    /// Reads options such as `#variable_conflict use_column` before the first block.
    fn options(&mut self) -> Result<Option<VariableConflict>> {
        let mut conflict = None;
        while self.cursor.eat_op("#") {
            if self.cursor.eat("OPTION DUMP") {
                continue;
            }
            if self.cursor.eat("PRINT_STRICT_PARAMS") {
                self.name()?;
                continue;
            }
            self.expect("VARIABLE_CONFLICT")?;
            conflict = Some(self.variable_conflict()?);
        }
        Ok(conflict)
    }

    fn variable_conflict(&mut self) -> Result<VariableConflict> {
        for (word, value) in [
            ("ERROR", VariableConflict::Error),
            ("USE_VARIABLE", VariableConflict::UseVariable),
            ("USE_COLUMN", VariableConflict::UseColumn),
        ] {
            if self.cursor.eat(word) {
                return Ok(value);
            }
        }
        self.unexpected()
    }

    /// Reads `<<name>>`.
    fn label(&mut self) -> Result<Option<Ident>> {
        if !self.cursor.eat_op("<<") {
            return Ok(None);
        }
        let name = self.name()?;
        if self.cursor.eat_op(">>") { Ok(Some(name)) } else { self.unexpected() }
    }

    /// Reads the optional label at the end of a block or loop.
    fn end_label(&mut self, label: Option<&Ident>) -> Result<()> {
        if !self.cursor.is_ident() {
            return Ok(());
        }
        let end = self.name()?;
        match label {
            Some(label) if label.name == end.name => Ok(()),
            Some(label) => refuse(end.span, format!("end label \"{}\" differs from block's label \"{}\"", end.name, label.name)),
            None => refuse(end.span, format!("end label \"{}\" specified for unlabeled block", end.name)),
        }
    }

    fn enter(&mut self, label: Option<&Ident>, is_loop: bool) {
        self.scopes.push(Scope { label: label.map(|label| label.name.clone()), is_loop, cursors: HashSet::new() });
    }

    /// Reads a block after its label. `start` is the first token of the label.
    fn block(&mut self, start: usize, label: Option<Ident>) -> Result<Block> {
        self.enter(label.as_ref(), false);
        let declarations = if self.cursor.eat("DECLARE") { self.declarations()? } else { Vec::new() };
        self.expect("BEGIN")?;
        let body = self.statements()?;
        let handlers = if self.cursor.eat("EXCEPTION") { self.handlers()? } else { Vec::new() };
        self.expect("END")?;
        self.end_label(label.as_ref())?;
        self.scopes.pop();
        let span = self.since(start).span;
        Ok(Block { span, label, declarations, body, handlers })
    }

    fn handlers(&mut self) -> Result<Vec<Handler>> {
        let mut out = Vec::new();
        while out.is_empty() || self.cursor.is("WHEN") {
            let start = self.cursor.pos;
            self.expect("WHEN")?;
            let mut conditions = vec![self.condition(true)?];
            while self.cursor.eat("OR") {
                conditions.push(self.condition(true)?);
            }
            self.expect("THEN")?;
            let body = self.statements()?;
            out.push(Handler { span: self.since(start).span, conditions, body });
        }
        Ok(out)
    }

    /// Reads the name of a condition, or `SQLSTATE 'code'`. OTHERS is allowed only in a handler.
    fn condition(&mut self, handler: bool) -> Result<Condition> {
        let name = self.name()?;
        if name.name == "sqlstate" {
            let (code, span) = self.string()?;
            let valid = code.len() == 5 && code.bytes().all(|byte| byte.is_ascii_digit() || byte.is_ascii_uppercase());
            return if valid { Ok(Condition::State(code.into(), span)) } else { refuse(span, "invalid SQLSTATE code") };
        }
        if is_condition(&name.name) || (handler && name.name == "others") {
            return Ok(Condition::Name(name));
        }
        refuse(name.span, format!("unrecognized exception condition \"{}\"", name.name))
    }
}

/// Declarations.
impl<'a> Reader<'a> {
    fn declarations(&mut self) -> Result<Vec<Declaration>> {
        let mut out = Vec::new();
        let mut names = HashSet::new();
        while !self.cursor.is("BEGIN") {
            if self.cursor.eat("DECLARE") {
                continue;
            }
            if self.cursor.is_op("<<") {
                return refuse(self.cursor.here(), "block label must be placed before DECLARE, not after");
            }
            let declaration = self.declaration(&names)?;
            names.insert(declaration.name.name.clone());
            if let (DeclKind::Cursor { .. }, Some(scope)) = (&declaration.kind, self.scopes.last_mut()) {
                scope.cursors.insert(declaration.name.name.clone());
            }
            out.push(declaration);
        }
        Ok(out)
    }

    fn declaration(&mut self, names: &HashSet<SmolStr>) -> Result<Declaration> {
        let start = self.cursor.pos;
        let name = self.name()?;
        if names.contains(&name.name) {
            self.cursor.pos = start;
            return Err(self.near("duplicate declaration"));
        }
        let kind = if self.cursor.eat("ALIAS FOR") {
            let of = self.variable()?;
            self.semicolon()?;
            DeclKind::Alias { of }
        } else if self.cursor.eat("SCROLL CURSOR") || self.cursor.eat("NO SCROLL CURSOR") || self.cursor.eat("CURSOR") {
            self.cursor_declaration()?
        } else {
            self.variable_declaration(&name)?
        };
        Ok(Declaration { span: self.without_semicolon(start), name, kind })
    }

    fn cursor_declaration(&mut self) -> Result<DeclKind> {
        let _ = self.cursor.eat("WITH RETURN") || self.cursor.eat("WITHOUT RETURN");
        let mut args = Vec::new();
        if self.cursor.eat_kind(TokenKind::LParen) {
            loop {
                args.push((self.name()?, self.type_name()?));
                if !self.cursor.eat_kind(TokenKind::Comma) {
                    break;
                }
            }
            self.expect_kind(TokenKind::RParen)?;
        }
        if !self.cursor.eat("IS") {
            self.expect("FOR")?;
        }
        Ok(DeclKind::Cursor { args, query: self.query()? })
    }

    fn variable_declaration(&mut self, name: &Ident) -> Result<DeclKind> {
        let constant = self.cursor.eat("CONSTANT");
        let ty = self.type_name()?;
        let collation = if self.cursor.eat("COLLATE") { Some(self.variable()?) } else { None };
        let not_null = self.cursor.eat("NOT NULL");
        let default = match self.cursor.peek().map(|token| token.kind) {
            Some(TokenKind::Semicolon) => {
                self.cursor.pos += 1;
                None
            }
            _ => {
                if !self.cursor.eat("DEFAULT") {
                    self.assign_operator()?;
                }
                Some(self.expression_until(SEMICOLON)?)
            }
        };
        if not_null && default.is_none() {
            let message = format!("variable \"{}\" must have a default value, since it's declared NOT NULL", name.name);
            return refuse(name.span, message);
        }
        Ok(DeclKind::Variable { ty, constant, collation, not_null, default })
    }

    fn type_name(&mut self) -> Result<TypeName> {
        let default =
            self.cursor.is_kind(TokenKind::Assign) || self.cursor.is_op("=") || self.cursor.is_any(&["DEFAULT", "NOT", "COLLATE"]);
        if default || self.cursor.is_kind(TokenKind::Semicolon) {
            return Err(self.near("missing data type declaration"));
        }
        if !self.cursor.is_ident() {
            return self.unexpected();
        }
        let ty = self.cursor.type_name()?;
        if ty.setof { refuse(ty.span, format!("invalid type name \"{}\"", ty.span.of(self.cursor.text))) } else { Ok(ty) }
    }
}
