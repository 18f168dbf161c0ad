//! Names that are longer than 63 bytes in the migrations. PostgreSQL cuts them with a notice.
//!
//! Source: PostgreSQL's documentation, "Identifiers and Key Words". Limits: names in the bodies of functions and DO blocks, and in strings,
//! are not found.

use crate::analysis::prelude::*;
use crate::syntax::lexer::{Token, TokenKind, cut_ident, tokens_in, whole_ident};
use std::collections::BTreeMap;

/// Number of bytes of a name that PostgreSQL keeps.
const MOST: usize = 63;

/// A long name in a statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LongName {
    pub at: Site,
    /// The name before it is cut.
    pub text: SmolStr,
    /// Whether the statement creates something IF NOT EXISTS, so that it does nothing if the cut name exists.
    pub is_if_not_exists: bool,
    /// The names in the statement.
    pub beside: Vec<SmolStr>,
}

/// The long names by the name to which PostgreSQL cuts them, in the order of the migrations.
pub type LongNames = BTreeMap<SmolStr, Vec<LongName>>;

pub fn find(file: FileId, text: &str, span: Span, names: &mut LongNames) {
    if !may_contain(span.of(text)) {
        return;
    }
    for statement in tokens_in(text, span).split(|token| token.kind == TokenKind::Semicolon) {
        let is_name = |token: &&Token| matches!(token.kind, TokenKind::Word | TokenKind::QuotedIdent | TokenKind::UnicodeIdent);
        let words: Vec<(Token, SmolStr)> = statement.iter().filter(is_name).map(|token| (*token, whole_ident(*token, text))).collect();
        let is_if_not_exists = words.windows(3).any(|three| three.iter().map(|(_, word)| word.as_str()).eq(["if", "not", "exists"]));
        for (token, name) in words.iter().filter(|(_, name)| name.len() > MOST) {
            names.entry(cut_ident(name).into()).or_default().push(LongName {
                at: Site::new(file, token.span()),
                text: name.clone(),
                is_if_not_exists,
                beside: words.iter().map(|(_, word)| word.clone()).collect(),
            });
        }
    }
}

/// Returns whether a text has a word or a part between quotes of more than 63 bytes. Most files have none.
fn may_contain(text: &str) -> bool {
    let long = |part: &[u8]| part.len() > MOST;
    text.as_bytes().split(|byte| byte.is_ascii() && !byte.is_ascii_alphanumeric() && !matches!(byte, b'_' | b'$')).any(long)
        || text.lines().any(|line| line.as_bytes().split(|byte| *byte == b'"').skip(1).any(long))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_more_than_63_bytes_are_found() {
        let mut names = LongNames::new();
        let long = "x".repeat(64);
        let sql = format!("create index if not exists {long} on t (a); create policy \"{} ü\" on t;", "y".repeat(61));
        find(FileId(1), &sql, Span::new(0, sql.len() as u32), &mut names);
        let found: Vec<(&str, bool)> = names.iter().map(|(name, found)| (name.as_str(), found[0].is_if_not_exists)).collect();
        assert_eq!(found, [(&long[..63], true), (format!("{} ", "y".repeat(61)).as_str(), false)]);
        assert!(names.values().all(|found| found[0].beside.iter().any(|word| word == "t")));
    }
}
