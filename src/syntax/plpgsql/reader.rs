//! Tokens of a body to its tree, by PL/pgSQL's grammar.
//!
//! Promise: each token is looked at a bounded number of times. An expression ends at the first terminator outside parentheses,
//! whatever stands around it, exactly as PostgreSQL does it: `IF CASE WHEN a THEN b END THEN` breaks there and here.

use super::super::cursor::{Cursor, Result, SyntaxError};
use super::super::expression::{Ident, ObjectName};
use super::super::lexer::{Broken, Token, TokenKind, ident_value, tokens_in};
use super::super::types::TypeName;
use super::words::{begins_sql, is_condition, is_reserved, is_reserved_in_sql};
use super::*;
use std::collections::HashSet;

/// Statements inside statements; more is no program but an attack on the stack.
const MAX_DEPTH: usize = 200;

/// Reads the body that `span` holds of `text`: what stands between the quotes of a function or DO block.
///
/// # Errors
/// The first place where PostgreSQL's PL/pgSQL compiler would stop, in its words.
pub fn parse(text: &str, span: Span) -> Result<Routine> {
    let tokens = tokens_in(text, span);
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

/// A block or loop around the place that is read.
struct Scope {
    label: Option<SmolStr>,
    is_loop: bool,
    /// Cursors declared with their query, which a FOR loop may walk.
    cursors: HashSet<SmolStr>,
}

struct Reader<'a> {
    cursor: Cursor<'a>,
    /// The whole body, to place an error in a body without tokens.
    span: Span,
    scopes: Vec<Scope>,
    depth: usize,
}

/// Where a piece ends.
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

/// What PostgreSQL calls a piece when it complains.
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
    /// The token to be read next, or the end of what there is.
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

    /// A name that PL/pgSQL allows: any but its reserved words.
    fn name(&mut self) -> Result<Ident> {
        match self.cursor.peek() {
            Some(token) if self.cursor.is_ident() && !self.reserved(token) => self.cursor.ident(),
            _ => self.unexpected(),
        }
    }

    /// A variable: a name with its fields, or `$1`.
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
            parts.push(self.cursor.ident()?);
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

    /// From a token up to the next one to be read.
    fn since(&self, start: usize) -> Piece {
        let end = self.cursor.pos;
        let span = match self.cursor.tokens.get(start..end) {
            Some([first, .., last]) => first.span().to(last.span()),
            Some([only]) => only.span(),
            _ => Span::new(self.here().start, self.here().start),
        };
        Piece { span, start, end }
    }

    /// Everything up to the first of `stops` outside parentheses; reads the stop too.
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
        let stops: Vec<_> = stops.iter().map(|stop| stop.text()).collect();
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

    /// A statement of SQL that PL/pgSQL reads as a whole: a query, a CALL.
    fn query(&mut self) -> Result<Piece> {
        let start = self.cursor.pos;
        let (piece, _) = self.piece(SEMICOLON, Construct::Statement)?;
        if piece.start == piece.end {
            self.cursor.pos = start;
            return Err(self.near("missing SQL statement"));
        }
        Ok(piece)
    }

    /// Expressions between commas; reads the stop behind the last.
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

    /// `command [USING …]` up to `end`.
    fn command(&mut self, end: Stop) -> Result<(Piece, Vec<Piece>)> {
        let (command, stop) = self.expression(&[end, Stop::Word("USING")])?;
        let using = if stop == end { Vec::new() } else { self.expressions(&[end])?.0 };
        Ok((command, using))
    }

    /// `INTO [STRICT] targets`, behind the word INTO.
    fn into_targets(&mut self) -> Result<IntoClause> {
        let start = self.cursor.pos - 1;
        let strict = self.cursor.eat("STRICT");
        let targets = self.variables()?;
        Ok(IntoClause { piece: self.since(start), strict, targets })
    }
}

/// Blocks.
impl<'a> Reader<'a> {
    /// `#variable_conflict use_column` and its like, before the first block.
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

    /// `<<name>>`
    fn label(&mut self) -> Result<Option<Ident>> {
        if !self.cursor.eat_op("<<") {
            return Ok(None);
        }
        let name = self.name()?;
        if self.cursor.eat_op(">>") { Ok(Some(name)) } else { self.unexpected() }
    }

    /// The label that may be repeated at the end of a block or loop.
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

    /// Behind its label; `start` is the token the label began with.
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

    /// A condition's name, or `SQLSTATE 'code'`. Only a handler knows OTHERS.
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
        if self.cursor.is_kind(TokenKind::Semicolon) {
            return Err(self.near("missing data type declaration"));
        }
        if !self.cursor.is_ident() {
            return self.unexpected();
        }
        let ty = self.cursor.type_name()?;
        if ty.setof { refuse(ty.span, format!("invalid type name \"{}\"", ty.span.of(self.cursor.text))) } else { Ok(ty) }
    }
}

/// Statements.
impl<'a> Reader<'a> {
    fn without_semicolon(&self, start: usize) -> Span {
        let end = self.cursor.pos.saturating_sub(1).max(start + 1);
        let last = self.cursor.tokens[end - 1];
        self.cursor.tokens[start].span().to(last.span())
    }

    /// Does what stands here end a list of statements?
    fn at_end(&self) -> bool {
        self.cursor.done()
            || self.cursor.is_any(&["END", "ELSE", "WHEN"])
            || (self.cursor.is_any(&["ELSIF", "ELSEIF", "EXCEPTION"]) && !self.at_assignment())
    }

    fn statements(&mut self) -> Result<Vec<Stmt>> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return refuse(self.here(), "nested too deeply");
        }
        let mut out = Vec::new();
        while !self.at_end() {
            let start = self.cursor.pos;
            let kind = self.statement()?;
            out.push(Stmt { span: self.without_semicolon(start), kind });
        }
        self.depth -= 1;
        Ok(out)
    }

    /// Reads one statement and its `;`.
    fn statement(&mut self) -> Result<StmtKind> {
        if self.at_assignment() {
            return self.assignment();
        }
        if self.cursor.is_op("<<") {
            let start = self.cursor.pos;
            let label = self.label()?;
            return if self.cursor.is_any(&["DECLARE", "BEGIN"]) { self.inner_block(start, label) } else { self.loop_statement(label) };
        }
        let Some(token) = self.cursor.peek().filter(|token| token.kind == TokenKind::Word) else {
            return self.unexpected();
        };
        let word = ident_value(token, self.cursor.text);
        match word.as_str() {
            "begin" | "declare" => self.inner_block(self.cursor.pos, None),
            "loop" | "while" | "for" | "foreach" => self.loop_statement(None),
            "if" => self.if_statement(),
            "case" => self.case_statement(),
            "call" => Ok(StmtKind::Call { sql: self.query()? }),
            head if begins_sql(head) => self.sql_statement(),
            _ => self.simple_statement(&word),
        }
    }

    /// A statement that holds no others, by its first word.
    fn simple_statement(&mut self, word: &str) -> Result<StmtKind> {
        let start = self.cursor.pos;
        self.cursor.pos += 1;
        match word {
            "perform" => Ok(StmtKind::Perform { query: self.piece(SEMICOLON, Construct::Statement)?.0 }),
            "return" => self.return_statement(),
            "raise" => self.raise_statement(),
            "execute" => self.execute_statement(),
            "exit" => self.exit_statement(true),
            "continue" => self.exit_statement(false),
            "assert" => self.assert_statement(),
            "get" => self.get_diagnostics(),
            "open" => self.open_statement(),
            "fetch" => self.fetch_statement(),
            "move" => self.move_statement(),
            "close" => {
                let cursor = self.name()?;
                self.semicolon().map(|()| StmtKind::Close { cursor })
            }
            "commit" | "rollback" => {
                let _ = self.cursor.eat("AND CHAIN") || self.cursor.eat("AND NO CHAIN");
                self.semicolon().map(|()| if word == "commit" { StmtKind::Commit } else { StmtKind::Rollback })
            }
            "null" => self.semicolon().map(|()| StmtKind::Null),
            _ => {
                self.cursor.pos = start;
                self.unexpected()
            }
        }
    }

    /// A name before `:=`, `=`, `[` or `.` is a variable, even if it is spelled like a statement.
    fn at_assignment(&self) -> bool {
        let (Some(first), Some(second)) = (self.cursor.peek(), self.cursor.ahead(1)) else { return false };
        let follows = match second.kind {
            TokenKind::Assign | TokenKind::LBracket | TokenKind::Dot => true,
            TokenKind::Operator => self.cursor.slice(second) == "=",
            _ => false,
        };
        follows && (self.cursor.is_ident() || first.kind == TokenKind::Param) && !self.reserved(first)
    }

    fn assignment(&mut self) -> Result<StmtKind> {
        let start = self.cursor.pos;
        if self
            .cursor
            .peek()
            .is_some_and(|first| first.kind == TokenKind::Word && is_reserved_in_sql(&ident_value(first, self.cursor.text)))
        {
            return self.unexpected();
        }
        let name = self.variable()?;
        loop {
            if self.cursor.eat_kind(TokenKind::LBracket) {
                self.subscript()?;
            } else if self.cursor.eat_kind(TokenKind::Dot) {
                self.variable()?;
            } else {
                break;
            }
        }
        let target = self.since(start);
        if !(self.cursor.is_kind(TokenKind::Assign) || self.cursor.is_op("=")) {
            // a function called without PERFORM or SELECT: PostgreSQL points at its name
            self.cursor.pos = start;
            return self.unexpected();
        }
        self.cursor.pos += 1;
        let from = self.cursor.pos;
        let (value, _) = self.piece(SEMICOLON, Construct::Statement)?;
        if value.start == value.end {
            self.cursor.pos = from;
            return self.unexpected();
        }
        Ok(StmtKind::Assign(Assign { name, target, value }))
    }

    /// Reads to the bracket that closes the one before.
    fn subscript(&mut self) -> Result<()> {
        let mut depth = 1usize;
        while let Some(token) = self.cursor.peek() {
            match token.kind {
                TokenKind::LParen | TokenKind::LBracket => depth += 1,
                TokenKind::RParen | TokenKind::RBracket => depth -= 1,
                TokenKind::Semicolon => return Err(self.near("mismatched parentheses")),
                TokenKind::Broken(_) | TokenKind::Meta => return self.unexpected(),
                _ => {}
            }
            self.cursor.pos += 1;
            if depth == 0 {
                return Ok(());
            }
        }
        Err(self.near("mismatched parentheses"))
    }

    fn inner_block(&mut self, start: usize, label: Option<Ident>) -> Result<StmtKind> {
        let block = self.block(start, label).map(Box::new)?;
        self.semicolon().map(|()| StmtKind::Block(block))
    }

    fn if_statement(&mut self) -> Result<StmtKind> {
        let mut branches = Vec::new();
        while branches.is_empty() || self.cursor.is_any(&["ELSIF", "ELSEIF"]) {
            self.cursor.pos += 1;
            let condition = self.expression_until(THEN)?;
            branches.push((condition, self.statements()?));
        }
        let otherwise = if self.cursor.eat("ELSE") { self.statements()? } else { Vec::new() };
        self.expect("END")?;
        self.expect("IF")?;
        self.semicolon()?;
        Ok(StmtKind::If { branches, otherwise })
    }

    fn case_statement(&mut self) -> Result<StmtKind> {
        self.cursor.pos += 1;
        let mut operand = None;
        if !self.cursor.is("WHEN") {
            operand = Some(self.expression_until(&[Stop::Word("WHEN")])?);
            self.cursor.pos -= 1;
        }
        let mut whens = Vec::new();
        while whens.is_empty() || self.cursor.is("WHEN") {
            self.expect("WHEN")?;
            let values = if operand.is_some() { self.expressions(THEN)?.0 } else { vec![self.expression_until(THEN)?] };
            whens.push((values, self.statements()?));
        }
        let otherwise = if self.cursor.eat("ELSE") { Some(self.statements()?) } else { None };
        self.expect("END")?;
        self.expect("CASE")?;
        self.semicolon()?;
        Ok(StmtKind::Case { operand, whens, otherwise })
    }

    fn sql_statement(&mut self) -> Result<StmtKind> {
        let start = self.cursor.pos;
        let import = self.cursor.is("IMPORT");
        let create = self.cursor.is("CREATE");
        let routine = ["CREATE FUNCTION", "CREATE PROCEDURE", "CREATE OR REPLACE FUNCTION", "CREATE OR REPLACE PROCEDURE"]
            .iter()
            .any(|words| self.cursor.is_words(words));
        // semicolons inside `CREATE RULE … DO (…; …)` and `BEGIN ATOMIC … END` end nothing
        let (mut parens, mut begins) = (0usize, 0usize);
        let mut into = None;
        loop {
            let before = self.cursor.pos.checked_sub(1).map(|at| self.cursor.tokens[at]);
            let Some(token) = self.cursor.peek() else { return Err(self.near("unexpected end of function definition")) };
            match token.kind {
                TokenKind::Semicolon if begins == 0 && parens == 0 => break,
                TokenKind::Semicolon if !create => return self.unexpected(),
                TokenKind::LParen => parens += 1,
                TokenKind::RParen => parens = parens.saturating_sub(1),
                TokenKind::Broken(_) | TokenKind::Meta => return self.unexpected(),
                TokenKind::Word if routine && self.cursor.is("BEGIN") => begins += 1,
                TokenKind::Word if begins > 0 && self.cursor.is("CASE") => begins += 1,
                TokenKind::Word if begins > 0 && self.cursor.is("END") => begins -= 1,
                TokenKind::Word if self.cursor.is("INTO") && !import && !self.takes_into(before) => {
                    if into.is_some() {
                        return Err(self.near("INTO specified more than once"));
                    }
                    self.cursor.pos += 1;
                    into = Some(self.into_targets()?);
                    continue;
                }
                _ => {}
            }
            self.cursor.pos += 1;
        }
        let sql = self.since(start);
        self.cursor.pos += 1;
        Ok(StmtKind::Sql { sql, into })
    }

    /// `INSERT INTO`, `MERGE INTO`: a table follows, and no variable.
    fn takes_into(&self, before: Option<Token>) -> bool {
        before.is_some_and(|token| {
            let text = self.cursor.slice(token);
            token.kind == TokenKind::Word && (text.eq_ignore_ascii_case("insert") || text.eq_ignore_ascii_case("merge"))
        })
    }

    /// Is the next token this word, and not the first part of a longer name?
    fn eat_alone(&mut self, word: &str) -> bool {
        let dotted = self.cursor.ahead(1).is_some_and(|next| next.kind == TokenKind::Dot);
        !dotted && self.cursor.eat(word)
    }

    fn optional_value(&mut self) -> Result<Option<Piece>> {
        if self.cursor.eat_kind(TokenKind::Semicolon) { Ok(None) } else { self.expression_until(SEMICOLON).map(Some) }
    }

    fn return_statement(&mut self) -> Result<StmtKind> {
        if self.eat_alone("NEXT") {
            return self.optional_value().map(|value| StmtKind::ReturnNext { value });
        }
        if !self.eat_alone("QUERY") {
            return self.optional_value().map(|value| StmtKind::Return { value });
        }
        if self.cursor.eat("EXECUTE") {
            let (command, using) = self.command(Stop::Semicolon)?;
            return Ok(StmtKind::ReturnQueryExecute { command, using });
        }
        self.query().map(|query| StmtKind::ReturnQuery { query })
    }

    fn execute_statement(&mut self) -> Result<StmtKind> {
        let (command, mut stop) = self.expression(&[Stop::Word("INTO"), Stop::Word("USING"), Stop::Semicolon])?;
        let mut into = None;
        let mut using = Vec::new();
        // PostgreSQL takes INTO and USING in either order, each once
        loop {
            match stop {
                Stop::Word("INTO") if into.is_none() => {
                    into = Some(self.into_targets()?);
                    stop = if self.cursor.is("USING") { Stop::Word("USING") } else { Stop::Semicolon };
                    if !self.cursor.eat("USING") {
                        self.semicolon()?;
                    }
                }
                Stop::Word("USING") if using.is_empty() => {
                    (using, stop) = self.expressions(&[Stop::Semicolon, Stop::Word("INTO")])?;
                }
                Stop::Semicolon => return Ok(StmtKind::Execute { command, into, using }),
                _ => {
                    self.cursor.pos -= 1;
                    return self.unexpected();
                }
            }
        }
    }

    fn exit_statement(&mut self, exit: bool) -> Result<StmtKind> {
        let keyword = self.cursor.tokens[self.cursor.pos - 1].span();
        let label = if self.cursor.is_ident() && !self.cursor.is("WHEN") { Some(self.name()?) } else { None };
        self.check_exit(exit, label.as_ref(), keyword)?;
        let when = if self.cursor.eat("WHEN") {
            Some(self.expression_until(SEMICOLON)?)
        } else {
            self.semicolon()?;
            None
        };
        Ok(if exit { StmtKind::Exit { label, when } } else { StmtKind::Continue { label, when } })
    }

    fn check_exit(&self, exit: bool, label: Option<&Ident>, keyword: Span) -> Result<()> {
        let Some(label) = label else {
            return match (self.scopes.iter().any(|scope| scope.is_loop), exit) {
                (true, _) => Ok(()),
                (false, true) => refuse(keyword, "EXIT cannot be used outside a loop, unless it has a label"),
                (false, false) => refuse(keyword, "CONTINUE cannot be used outside a loop"),
            };
        };
        match self.scopes.iter().rev().find(|scope| scope.label.as_ref() == Some(&label.name)) {
            Some(scope) if exit || scope.is_loop => Ok(()),
            Some(_) => refuse(label.span, format!("block label \"{}\" cannot be used in CONTINUE", label.name)),
            None => {
                let message = format!("there is no label \"{}\" attached to any block or loop enclosing this statement", label.name);
                refuse(label.span, message)
            }
        }
    }

    fn assert_statement(&mut self) -> Result<StmtKind> {
        let (condition, stop) = self.expression(&[Stop::Comma, Stop::Semicolon])?;
        let message = if stop == Stop::Comma { Some(self.expression_until(SEMICOLON)?) } else { None };
        Ok(StmtKind::Assert { condition, message })
    }
}

/// Loops.
impl<'a> Reader<'a> {
    fn loop_statement(&mut self, label: Option<Ident>) -> Result<StmtKind> {
        let control = self.loop_control()?;
        self.enter(label.as_ref(), true);
        let body = self.statements()?;
        self.expect("END")?;
        self.expect("LOOP")?;
        self.end_label(label.as_ref())?;
        self.scopes.pop();
        self.semicolon()?;
        Ok(StmtKind::Loop(Box::new(Loop { label, control, body })))
    }

    /// Reads up to LOOP and the word itself.
    fn loop_control(&mut self) -> Result<LoopControl> {
        if self.cursor.eat("LOOP") {
            return Ok(LoopControl::Forever);
        }
        if self.cursor.eat("WHILE") {
            return self.expression_until(LOOP).map(LoopControl::While);
        }
        if self.cursor.eat("FOREACH") {
            return self.foreach();
        }
        self.expect("FOR")?;
        let targets = self.variables()?;
        self.expect("IN")?;
        if self.cursor.eat("EXECUTE") {
            let (command, using) = self.command(Stop::Word("LOOP"))?;
            return Ok(LoopControl::Execute { targets, command, using });
        }
        self.for_in(targets)
    }

    fn foreach(&mut self) -> Result<LoopControl> {
        let targets = self.variables()?;
        let slice = if self.cursor.eat("SLICE") {
            let at = self.cursor.pos;
            self.expect_kind(TokenKind::Number)?;
            Some(self.cursor.slice(self.cursor.tokens[at]).into())
        } else {
            None
        };
        self.expect("IN")?;
        self.expect("ARRAY")?;
        Ok(LoopControl::Each { targets, slice, array: self.expression_until(LOOP)? })
    }

    /// A range if `..` comes before LOOP, else a cursor or a query.
    fn for_in(&mut self, targets: Vec<ObjectName>) -> Result<LoopControl> {
        let reverse_at = self.cursor.here();
        let reverse = self.cursor.eat("REVERSE");
        let (first, stop) = self.expression(&[Stop::DotDot, Stop::Word("LOOP")])?;
        let target_span = targets[0].span();
        let single = match targets.as_slice() {
            [only] if only.parts.len() == 1 => Some(only.parts[0].clone()),
            _ => None,
        };
        if stop == Stop::DotDot {
            let Some(var) = single else { return refuse(target_span, "integer FOR loop must have only one target variable") };
            let (high, stop) = self.expression(&[Stop::Word("LOOP"), Stop::Word("BY")])?;
            let by = if stop == Stop::Word("BY") { Some(self.expression_until(LOOP)?) } else { None };
            return Ok(LoopControl::Range { var, reverse, low: first, high, by });
        }
        if reverse {
            return refuse(reverse_at, "cannot specify REVERSE in query FOR loop");
        }
        if !self.is_cursor(first)? {
            return Ok(LoopControl::Query { targets, query: first });
        }
        let Some(var) = single else { return refuse(target_span, "cursor FOR loop must have only one target variable") };
        self.cursor.pos = first.start;
        let cursor = self.name()?;
        let args = self.cursor_args()?;
        self.expect("LOOP")?;
        Ok(LoopControl::Cursor { var, cursor, args })
    }

    /// Does a name stand where the query should? Then it can only be a cursor of a block around here.
    fn is_cursor(&self, piece: Piece) -> Result<bool> {
        let part = self.cursor.part(piece.start, piece.end);
        let alone = piece.end - piece.start == 1;
        let called = part.ahead(1).is_some_and(|next| next.kind == TokenKind::LParen) && part.matching(piece.start + 1) + 1 == piece.end;
        if !part.is_ident() || !(alone || called) || part.is_any(&["SELECT", "VALUES"]) {
            return Ok(false);
        }
        let name = part.clone().ident()?;
        if self.scopes.iter().any(|scope| scope.cursors.contains(&name.name)) {
            return Ok(true);
        }
        refuse(name.span, format!("syntax error at or near \"{}\"", name.span.of(self.cursor.text)))
    }

    /// `(value, name := value, …)` or nothing.
    fn cursor_args(&mut self) -> Result<Vec<CursorArg>> {
        let mut out = Vec::new();
        if !self.cursor.eat_kind(TokenKind::LParen) {
            return Ok(out);
        }
        loop {
            let named = self.cursor.is_ident() && self.cursor.ahead(1).is_some_and(|next| next.kind == TokenKind::Assign);
            let name = if named { Some(self.cursor.ident()?) } else { None };
            self.cursor.pos += named as usize;
            let (value, stop) = self.expression(&[Stop::Comma, Stop::RParen])?;
            out.push(CursorArg { name, value });
            if stop == Stop::RParen {
                return Ok(out);
            }
        }
    }
}

/// RAISE, diagnostics and cursors.
impl<'a> Reader<'a> {
    fn raise_statement(&mut self) -> Result<StmtKind> {
        let mut raise = Raise { level: Level::Exception, format: None, params: Vec::new(), condition: None, options: Vec::new() };
        if self.cursor.eat_kind(TokenKind::Semicolon) {
            return Ok(StmtKind::Raise(Box::new(raise)));
        }
        if let Some(level) = self.level() {
            raise.level = level;
        }
        let mut using = self.cursor.eat("USING");
        if !using {
            using = if self.cursor.is_string() { self.raise_format(&mut raise)? } else { self.raise_condition(&mut raise)? };
        }
        if using {
            raise.options = self.raise_options()?;
        }
        Ok(StmtKind::Raise(Box::new(raise)))
    }

    fn level(&mut self) -> Option<Level> {
        [
            ("EXCEPTION", Level::Exception),
            ("WARNING", Level::Warning),
            ("NOTICE", Level::Notice),
            ("INFO", Level::Info),
            ("LOG", Level::Log),
            ("DEBUG", Level::Debug),
        ]
        .into_iter()
        .find(|(word, _)| self.cursor.eat(word))
        .map(|(_, level)| level)
    }

    /// Reads format and parameters; true if USING follows, false if `;` did.
    fn raise_format(&mut self, raise: &mut Raise) -> Result<bool> {
        raise.format = Some(self.string()?);
        if !self.cursor.eat_kind(TokenKind::Comma) {
            return self.raise_end();
        }
        let (params, stop) = self.expressions(&[Stop::Semicolon, Stop::Word("USING")])?;
        raise.params = params;
        Ok(stop != Stop::Semicolon)
    }

    fn raise_condition(&mut self, raise: &mut Raise) -> Result<bool> {
        raise.condition = Some(self.condition(false)?);
        self.raise_end()
    }

    fn raise_end(&mut self) -> Result<bool> {
        if self.cursor.eat("USING") {
            return Ok(true);
        }
        self.semicolon().map(|()| false)
    }

    fn raise_options(&mut self) -> Result<Vec<(SmolStr, Piece)>> {
        const OPTIONS: [&str; 9] = ["MESSAGE", "DETAIL", "HINT", "ERRCODE", "COLUMN", "CONSTRAINT", "DATATYPE", "TABLE", "SCHEMA"];
        let mut out = Vec::new();
        loop {
            if !self.cursor.is_any(&OPTIONS) {
                return Err(self.near("unrecognized RAISE statement option"));
            }
            let name = self.cursor.ident()?.name;
            self.assign_operator()?;
            let (value, stop) = self.expression(&[Stop::Comma, Stop::Semicolon])?;
            out.push((name, value));
            if stop == Stop::Semicolon {
                return Ok(out);
            }
        }
    }

    fn get_diagnostics(&mut self) -> Result<StmtKind> {
        let stacked = self.cursor.eat("STACKED");
        let _ = !stacked && self.cursor.eat("CURRENT");
        self.expect("DIAGNOSTICS")?;
        let mut items = Vec::new();
        loop {
            let target = self.variable()?;
            self.assign_operator()?;
            items.push((target, self.diagnostics_item(stacked)?));
            if !self.cursor.eat_kind(TokenKind::Comma) {
                break;
            }
        }
        self.semicolon()?;
        Ok(StmtKind::GetDiagnostics { stacked, items })
    }

    fn diagnostics_item(&mut self, stacked: bool) -> Result<SmolStr> {
        const STACKED: [&str; 10] = [
            "PG_EXCEPTION_DETAIL",
            "PG_EXCEPTION_HINT",
            "PG_EXCEPTION_CONTEXT",
            "COLUMN_NAME",
            "CONSTRAINT_NAME",
            "PG_DATATYPE_NAME",
            "MESSAGE_TEXT",
            "TABLE_NAME",
            "SCHEMA_NAME",
            "RETURNED_SQLSTATE",
        ];
        let current = self.cursor.is_any(&["ROW_COUNT", "PG_ROUTINE_OID"]);
        let other = self.cursor.is_any(&STACKED);
        if !current && !other && !self.cursor.is("PG_CONTEXT") {
            return Err(self.near("unrecognized GET DIAGNOSTICS item"));
        }
        let item = self.cursor.ident()?;
        if (current && stacked) || (other && !stacked) {
            let area = if stacked { "STACKED" } else { "CURRENT" };
            let name = item.name.to_ascii_uppercase();
            return refuse(item.span, format!("diagnostics item {name} is not allowed in GET {area} DIAGNOSTICS"));
        }
        Ok(item.name)
    }

    fn open_statement(&mut self) -> Result<StmtKind> {
        let cursor = self.name()?;
        let _ = self.cursor.eat("NO SCROLL") || self.cursor.eat("SCROLL");
        let _ = self.cursor.eat("WITH RETURN") || self.cursor.eat("WITHOUT RETURN");
        let source = if !self.cursor.eat("FOR") {
            let args = self.cursor_args()?;
            self.semicolon()?;
            OpenSource::Bound { args }
        } else if self.cursor.eat("EXECUTE") {
            let (command, using) = self.command(Stop::Semicolon)?;
            OpenSource::Execute { command, using }
        } else {
            OpenSource::Query(self.query()?)
        };
        Ok(StmtKind::Open { cursor, source })
    }

    /// What stands before the cursor of FETCH and MOVE, with its FROM or IN.
    fn direction(&mut self) -> Result<Option<Piece>> {
        if self.cursor.eat("FROM") || self.cursor.eat("IN") {
            return Ok(None);
        }
        let last = self.cursor.part(self.cursor.pos + 1, self.cursor.end);
        if self.cursor.is_ident() && (last.is("INTO") || last.is_kind(TokenKind::Semicolon)) {
            return Ok(None);
        }
        self.expression_until(&[Stop::Word("FROM"), Stop::Word("IN")]).map(Some)
    }

    fn fetch_statement(&mut self) -> Result<StmtKind> {
        let direction = self.direction()?;
        if let Some(many) = direction.filter(|direction| !self.names_one_row(*direction)) {
            return refuse(many.span, "FETCH statement cannot return multiple rows");
        }
        let cursor = self.name()?;
        self.expect("INTO")?;
        let start = self.cursor.pos - 1;
        let targets = self.variables()?;
        let into = IntoClause { piece: self.since(start), strict: false, targets };
        self.semicolon()?;
        Ok(StmtKind::Fetch { direction, cursor, into })
    }

    fn names_one_row(&self, direction: Piece) -> bool {
        let part = self.cursor.part(direction.start, direction.end);
        let alone = direction.end - direction.start == 1;
        part.is_any(&["ABSOLUTE", "RELATIVE"]) || (alone && part.is_any(&["NEXT", "PRIOR", "FIRST", "LAST", "FORWARD", "BACKWARD"]))
    }

    fn move_statement(&mut self) -> Result<StmtKind> {
        let direction = self.direction()?;
        let cursor = self.name()?;
        self.semicolon()?;
        Ok(StmtKind::Move { direction, cursor })
    }
}
