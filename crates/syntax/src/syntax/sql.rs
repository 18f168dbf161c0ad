//! Expressions, queries and data statements, which `sqlparser` parses.
//!
//! Promises: all tokens are parsed, except for clauses of SQL/JSON and XML functions, locking clauses and the expressions in the target of
//! `ON CONFLICT`, which are skipped. Every span is the exact text of its node. Unquoted names are in lower case. No type of `sqlparser`
//! leaves this module.
//! Limits: text with very deep nesting is rejected, because it could exhaust the stack, and so is text that `sqlparser` cannot parse after
//! the conversion of tokens (`token_adapter`). Of a list of `VALUES`, only the first rows are kept.

mod lower;
mod relation;
mod token_adapter;

use super::cursor::{Cursor, Result, SyntaxError};
use super::expression::{Data, Expr, Query};
use super::lexer::{Token, TokenKind};
use crate::source::Span;
use lower::Lower;
use sqlparser::dialect::PostgreSqlDialect;
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::TokenWithSpan;
use std::cell::Cell;
use std::thread::{Scope, ScopedJoinHandle};
use token_adapter::AdaptedTokens;
pub use token_adapter::KEPT_ROWS;

/// Maximum number of open parentheses, brackets and CASEs around a token. Real migrations have fewer than 30.
const MAX_DEPTH: usize = 64;
/// Maximum number of operators in a chain such as `a || b || …`. Each operator adds a level to the tree.
const MAX_CHAIN: usize = 1_000;
/// Recursion limit of `sqlparser`. Each level of parentheses needs about two calls.
const RECURSION: usize = 160;
/// Maximum depth of text that is parsed on the stack of the caller. Without optimization, a level takes up to 400 KB.
const SHALLOW: usize = 3;
/// Bytes of stack for deeper text: three times the measured maximum of the deepest text within the limits.
const DEEP_STACK: usize = 96 << 20;
/// Bytes of stack of a thread that parses, traverses and frees the trees of the deepest text.
pub const ROOM: usize = 2 * DEEP_STACK;
const TOO_DEEP: &str = "expression is nested too deeply to be read";

/// Parses the tokens up to `end` as an expression.
pub fn expression(cursor: &mut Cursor, end: usize) -> Result<Expr> {
    read(cursor, end, |parser| parser.parse_expr(), |lower, tree| lower.value(tree))
}

/// Parses the tokens up to `end` as a `SELECT`, `VALUES`, `TABLE` or `WITH`, with or without parentheses.
pub fn query(cursor: &mut Cursor, end: usize) -> Result<Query> {
    let inside = within_parens(cursor, end);
    match read(&mut inside.clone(), inside.end, |parser| parser.parse_query(), |lower, tree| lower.data(tree))? {
        Data::Query(query) => {
            cursor.pos = end;
            Ok(*query)
        }
        _ => inside.unexpected(),
    }
}

/// Parses the tokens up to `end` as a query, `INSERT`, `UPDATE`, `DELETE` or `MERGE`, with its `WITH`.
pub fn data(cursor: &mut Cursor, end: usize) -> Result<Data> {
    let mut inside = within_parens(cursor, end);
    let stop = inside.end;
    let data = read(&mut inside, stop, |parser| parser.parse_query(), |lower, tree| lower.data(tree))?;
    cursor.pos = end;
    Ok(data)
}

/// Returns the tokens inside the parentheses around the whole text.
fn within_parens<'a>(cursor: &Cursor<'a>, end: usize) -> Cursor<'a> {
    let mut inside = cursor.part(cursor.pos, end.min(cursor.end));
    let mut levels = 0;
    while levels < MAX_DEPTH && inside.is_kind(TokenKind::LParen) && inside.matching(inside.pos) + 1 == inside.end {
        inside = inside.part(inside.pos + 1, inside.end - 1);
        levels += 1;
    }
    inside
}

fn read<T, U: Send>(
    cursor: &mut Cursor,
    end: usize,
    parse: impl Fn(&mut Parser) -> std::result::Result<T, ParserError> + Sync,
    lower: impl Fn(&Lower, &T) -> Result<U> + Sync,
) -> Result<U> {
    let region = Region::new(cursor, end)?;
    let work = || {
        let adapted = AdaptedTokens::of(&region)?;
        let tree = region.parse(adapted.tokens, &parse)?;
        let value = lower(&Lower::new(&region), &tree)?;
        for row in adapted.further_rows {
            let part = AdaptedTokens::part(&region, row)?;
            region.parse(part.tokens, |parser| parser.parse_expr())?;
        }
        Ok(value)
    };
    let value = if region.depth <= SHALLOW || ROOMY.get() { work()? } else { on_deep_stack(&region, work)? };
    cursor.pos = end;
    Ok(value)
}

thread_local! {
    /// Whether the stack of this thread is sufficient for all text within the limits.
    static ROOMY: Cell<bool> = const { Cell::new(false) };
}

/// Starts a thread with sufficient stack for every statement, so that no statement needs another thread.
///
/// # Errors
/// Returns an error if the system cannot start a thread.
pub fn spawn_with_stack<'scope, T: Send + 'scope>(
    scope: &'scope Scope<'scope, '_>,
    work: impl FnOnce() -> T + Send + 'scope,
) -> std::io::Result<ScopedJoinHandle<'scope, T>> {
    std::thread::Builder::new().stack_size(ROOM).spawn_scoped(scope, || {
        ROOMY.set(true);
        work()
    })
}

/// Runs `work` on a thread with sufficient stack for every statement.
///
/// # Errors
/// Returns an error if the system cannot start a thread.
pub fn with_stack<T: Send>(work: impl FnOnce() -> T + Send) -> std::io::Result<T> {
    std::thread::scope(|scope| {
        let value = spawn_with_stack(scope, work)?.join();
        Ok(value.unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
    })
}

/// Runs `work` on a thread with a deep stack, because `sqlparser` is recursive and the free stack of the caller is unknown.
fn on_deep_stack<U: Send>(region: &Region, work: impl Fn() -> Result<U> + Sync) -> Result<U> {
    std::thread::scope(|scope| {
        let Ok(thread) = std::thread::Builder::new().stack_size(DEEP_STACK).spawn_scoped(scope, &work) else {
            return Err(region.too_deep(region.cursor.pos));
        };
        thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

/// Tokens to parse, with their parentheses.
struct Region<'a> {
    cursor: Cursor<'a>,
    /// For each token, the innermost open parenthesis or bracket around it.
    around: Vec<u32>,
    /// For each parenthesis or bracket, the other one of the pair.
    partner: Vec<u32>,
    /// Recursion depth of parsing, without the few levels that operator precedence adds to each.
    depth: usize,
}

const NONE: u32 = u32::MAX;

impl<'a> Region<'a> {
    fn new(cursor: &Cursor<'a>, end: usize) -> Result<Region<'a>> {
        let part = cursor.part(cursor.pos, end.min(cursor.end));
        let size = part.end.saturating_sub(part.pos);
        if size == 0 {
            return part.unexpected();
        }
        let mut region = Region { cursor: part, around: vec![NONE; size], partner: vec![NONE; size], depth: 0 };
        region.nest()?;
        Ok(region)
    }

    /// Pairs parentheses. Returns an error if text is nested or chained too deeply.
    fn nest(&mut self) -> Result<()> {
        let mut open: Vec<Level> = vec![Level::default()];
        let mut enclosing = NONE;
        let mut prefixes = 0usize;
        for at in self.cursor.pos..self.cursor.end {
            let token = self.cursor.tokens[at];
            let here = at - self.cursor.pos;
            self.around[here] = enclosing;
            match token.kind {
                TokenKind::LParen | TokenKind::LBracket => {
                    chain(&mut open, (token.kind == TokenKind::LBracket) as usize);
                    open.push(Level { open: at as u32, outer: enclosing, ..Level::default() });
                    enclosing = at as u32;
                }
                TokenKind::RParen | TokenKind::RBracket => {
                    while open.len() > 1 && open.last().is_some_and(|level| level.case) {
                        open.pop();
                    }
                    if open.len() == 1 {
                        return self.unexpected(at);
                    }
                    let Some(level) = open.pop().filter(|level| level.closed_by(token, &self.cursor)) else {
                        return self.unexpected(at);
                    };
                    self.around[here] = level.outer;
                    enclosing = level.outer;
                    self.partner[here] = level.open;
                    self.partner[level.open as usize - self.cursor.pos] = at as u32;
                }
                TokenKind::Comma => {
                    if let Some(level) = open.last_mut() {
                        level.links = 0;
                    }
                }
                TokenKind::Operator | TokenKind::TypeCast => chain(&mut open, 1),
                TokenKind::Word => self.link(at, &mut open),
                TokenKind::Semicolon | TokenKind::Meta | TokenKind::Variable => return self.unexpected(at),
                TokenKind::Broken(broken) => return Err(SyntaxError { span: token.span(), message: broken.reason().into() }),
                _ => {}
            }
            prefixes = if self.is_prefix(at) { prefixes + 1 } else { 0 };
            let joins: usize = open.last().map_or(0, |level| level.joins);
            self.depth = self.depth.max(open.len() - 1 + prefixes.saturating_sub(2) + joins.saturating_sub(2));
            if self.depth > MAX_DEPTH || open.last().is_some_and(|level| level.links > MAX_CHAIN) {
                return Err(self.too_deep(at));
            }
        }
        if enclosing == NONE { Ok(()) } else { self.unexpected(self.cursor.end) }
    }

    /// Updates the depth of the tree for a keyword.
    fn link(&self, at: usize, open: &mut Vec<Level>) {
        let within_case = open.len() > 1 && open.last().is_some_and(|level| level.case);
        let word = Link::of(self.text(at));
        match (word, open.last_mut()) {
            (Link::Joins, Some(level)) => level.links += 1,
            (Link::Opens, Some(level)) => {
                level.links += 1;
                open.push(Level { case: true, ..Level::default() });
            }
            (Link::Closes, _) if within_case => {
                open.pop();
            }
            (Link::Divides, Some(level)) if within_case => level.links = 0,
            // `a JOIN b JOIN c ON … ON …` is nested to the right
            (Link::Relates, Some(level)) => level.joins += !self.is_any(at.wrapping_sub(1), &["CROSS", "NATURAL"]) as usize,
            (Link::Relation, Some(level)) => level.joins = level.joins.saturating_sub(1),
            _ => {}
        }
    }

    /// Returns whether a token is an operator or NOT. In a sequence of these tokens, all apply to the operand after them.
    fn is_prefix(&self, at: usize) -> bool {
        self.is_kind(at, TokenKind::Operator) || self.is_word(at, "NOT")
    }

    fn too_deep(&self, at: usize) -> SyntaxError {
        SyntaxError { span: self.token(at).span(), message: TOO_DEEP.into() }
    }

    /// Runs the parser over all tokens.
    fn parse<T>(&self, tokens: Vec<TokenWithSpan>, parse: impl Fn(&mut Parser) -> std::result::Result<T, ParserError>) -> Result<T> {
        let with = |tokens| Parser::new(&PostgreSqlDialect {}).with_recursion_limit(RECURSION).with_tokens_with_locations(tokens);
        let mut parser = with(tokens);
        let tree = match parse(&mut parser) {
            Ok(tree) => tree,
            Err(_) => {
                // locations are slow to format in messages, so only the final error contains them
                let mut tokens = parser.into_tokens();
                tokens.iter_mut().flat_map(|token| [&mut token.span.start, &mut token.span.end]).for_each(|place| place.line = 1);
                return match parse(&mut with(tokens)) {
                    Ok(_) => self.unexpected(self.cursor.end),
                    Err(error) => Err(self.error(error)),
                };
            }
        };
        match parser.peek_token_ref() {
            token if token.token == sqlparser::tokenizer::Token::EOF => Ok(tree),
            token => self.unexpected(self.index(token.span.start.column.saturating_sub(1) as u32)),
        }
    }

    /// Converts an error of `sqlparser`, which contains the location only in its message.
    fn error(&self, error: ParserError) -> SyntaxError {
        let message = match error {
            ParserError::RecursionLimitExceeded => {
                return self.too_deep(self.cursor.pos);
            }
            ParserError::ParserError(message) | ParserError::TokenizerError(message) => message,
        };
        let column = message.rsplit_once("Column: ").and_then(|(_, digits)| digits.trim().parse::<u32>().ok());
        let at = column.filter(|column| *column > 0).map_or(self.cursor.end, |column| self.index(column - 1));
        match self.unexpected::<()>(at) {
            Err(error) => error,
            Ok(()) => SyntaxError { span: Span::default(), message },
        }
    }

    fn unexpected<T>(&self, at: usize) -> Result<T> {
        self.cursor.part(at, self.cursor.end).unexpected()
    }

    /// Returns the token at a byte, or the one before it.
    fn index(&self, byte: u32) -> usize {
        let tokens = &self.cursor.tokens[self.cursor.pos..self.cursor.end];
        self.cursor.pos + tokens.partition_point(|token| token.start <= byte).saturating_sub(1)
    }

    fn span(&self, first: usize, last: usize) -> Span {
        self.token(first).span().to(self.token(last).span())
    }

    fn token(&self, at: usize) -> Token {
        self.cursor.tokens[at.min(self.cursor.tokens.len() - 1)]
    }

    fn inside(&self, at: usize) -> bool {
        (self.cursor.pos..self.cursor.end).contains(&at)
    }

    fn is_kind(&self, at: usize, kind: TokenKind) -> bool {
        self.inside(at) && self.cursor.tokens[at].kind == kind
    }

    fn is_word(&self, at: usize, word: &str) -> bool {
        self.is_kind(at, TokenKind::Word) && self.text(at).eq_ignore_ascii_case(word)
    }

    fn is_any(&self, at: usize, words: &[&str]) -> bool {
        words.iter().any(|word| self.is_word(at, word))
    }

    fn text(&self, at: usize) -> &'a str {
        self.token(at).text(self.cursor.text)
    }

    /// Returns the other parenthesis of a pair.
    fn partner(&self, at: usize) -> Option<usize> {
        self.inside(at).then(|| self.partner[at - self.cursor.pos]).filter(|at| *at != NONE).map(|at| at as usize)
    }

    /// Returns the closing parenthesis of an opening one.
    fn closing(&self, open: usize) -> Option<usize> {
        self.partner(open).filter(|close| *close > open)
    }

    /// Returns the innermost open parenthesis around a token.
    fn around(&self, at: usize) -> Option<usize> {
        self.inside(at).then(|| self.around[at - self.cursor.pos]).filter(|at| *at != NONE).map(|at| at as usize)
    }
}

/// Parentheses or CASE around a token, and the length of the chain inside.
#[derive(Default)]
struct Level {
    open: u32,
    outer: u32,
    case: bool,
    links: usize,
    joins: usize,
}

impl Level {
    fn closed_by(&self, token: Token, cursor: &Cursor) -> bool {
        let opens = cursor.tokens[self.open as usize].kind;
        matches!((opens, token.kind), (TokenKind::LParen, TokenKind::RParen) | (TokenKind::LBracket, TokenKind::RBracket))
    }
}

fn chain(open: &mut [Level], by: usize) {
    if let Some(level) = open.last_mut() {
        level.links += by;
    }
}

/// Effect of a keyword on the depth of the tree.
enum Link {
    None,
    Joins,
    Opens,
    Closes,
    Divides,
    Relates,
    Relation,
}

impl Link {
    fn of(word: &str) -> Link {
        const JOINING: [&str; 16] = [
            "AND",
            "OR",
            "NOT",
            "IS",
            "ISNULL",
            "NOTNULL",
            "LIKE",
            "ILIKE",
            "SIMILAR",
            "BETWEEN",
            "IN",
            "COLLATE",
            "AT",
            "UNION",
            "INTERSECT",
            "EXCEPT",
        ];
        match word {
            _ if word.len() > 9 => Link::None,
            _ if word.eq_ignore_ascii_case("CASE") => Link::Opens,
            _ if word.eq_ignore_ascii_case("END") => Link::Closes,
            _ if word.eq_ignore_ascii_case("JOIN") => Link::Relates,
            _ if word.eq_ignore_ascii_case("ON") || word.eq_ignore_ascii_case("USING") => Link::Relation,
            _ if ["WHEN", "THEN", "ELSE"].iter().any(|dividing| word.eq_ignore_ascii_case(dividing)) => Link::Divides,
            _ if JOINING.iter().any(|joining| word.eq_ignore_ascii_case(joining)) => Link::Joins,
            _ => Link::None,
        }
    }
}

#[cfg(test)]
mod tests;
