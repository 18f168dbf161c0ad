//! What the rest of the history creates: a statement that uses it now is too early, while a relation that no statement creates
//! is taken to exist outside the migrations.

use crate::source::Span;
use crate::syntax::lexer::{Token, TokenKind, dollar_tag, ident_value, tokens, tokens_in};
use smol_str::SmolStr;
use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

/// A place in the history: which file, and which byte of it.
pub type Moment = (usize, u32);

/// Texts of all migrations, looked through once somebody asks.
#[derive(Debug, Default)]
pub struct Future {
    texts: Vec<Arc<str>>,
    last: OnceLock<HashMap<SmolStr, Moment>>,
}

impl Future {
    pub fn new(texts: Vec<Arc<str>>) -> Future {
        Future { texts, last: OnceLock::new() }
    }

    /// Does a statement behind `now` create a relation of that name?
    pub fn creates(&self, name: &str, now: Moment) -> bool {
        let last = self.last.get_or_init(|| {
            let mut last = HashMap::new();
            for (file, text) in self.texts.iter().enumerate() {
                for (name, at) in created_relations(text, &tokens(text)) {
                    last.insert(name, (file, at));
                }
            }
            last
        });
        last.get(name).is_some_and(|at| *at > now)
    }
}

/// Names behind CREATE TABLE and CREATE VIEW, in code between quotes too.
fn created_relations(text: &str, tokens: &[Token]) -> Vec<(SmolStr, u32)> {
    let mut out = Vec::new();
    let word = |at: usize, wanted: &str| {
        tokens.get(at).is_some_and(|token| token.kind == TokenKind::Word && token.text(text).eq_ignore_ascii_case(wanted))
    };
    for (at, token) in tokens.iter().enumerate() {
        match token.kind {
            TokenKind::DollarString => {
                let tag = dollar_tag(token.text(text)).len() as u32;
                let inner = Span::new(token.start + tag, token.end - tag);
                if !inner.is_empty() && has_create(inner.of(text)) {
                    out.extend(created_relations(text, &tokens_in(text, inner)));
                }
            }
            TokenKind::Word if word(at, "TABLE") || word(at, "VIEW") => {
                let created = (at.saturating_sub(4)..at).any(|before| word(before, "CREATE"));
                let mut name = at + 1;
                if word(name, "IF") {
                    name += if word(name + 1, "NOT") { 3 } else { 2 };
                }
                if created {
                    out.extend(last_of_name(text, tokens, name));
                }
            }
            TokenKind::Word if word(at, "RENAME") && word(at + 1, "TO") => out.extend(last_of_name(text, tokens, at + 2)),
            _ => {}
        }
    }
    out
}

fn has_create(code: &str) -> bool {
    code.as_bytes().windows(6).any(|window| window.eq_ignore_ascii_case(b"create"))
}

/// The last part of the dotted name at a token.
fn last_of_name(text: &str, tokens: &[Token], mut at: usize) -> Option<(SmolStr, u32)> {
    while tokens.get(at + 1).is_some_and(|next| next.kind == TokenKind::Dot) {
        at += 2;
    }
    let token = tokens.get(at)?;
    matches!(token.kind, TokenKind::Word | TokenKind::QuotedIdent | TokenKind::UnicodeIdent)
        .then(|| (ident_value(*token, text), token.start))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_created_later_is_found_in_code_between_quotes_too() {
        let text = "alter table a add x int; do $$ begin create table if not exists public.a (id int); end $$; alter table b rename to c;";
        let future = Future::new(vec![text.into()]);
        assert!(future.creates("a", (0, 0)));
        assert!(!future.creates("a", (0, 100)));
        assert!(future.creates("c", (0, 0)));
        assert!(!future.creates("b", (0, 0)));
    }
}
