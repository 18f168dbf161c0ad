//! Keywords and operators of `sqlparser`.

use super::super::super::lexer::TokenKind;
use super::TokenAdapter;
use rustc_hash::FxHashMap;
use sqlparser::tokenizer::Token;
use std::sync::LazyLock;

impl TokenAdapter<'_, '_> {
    /// Returns whether this word is a keyword here that `sqlparser` needs.
    pub(super) fn is_keyword(&self, at: usize, upper: &str) -> bool {
        let before = at.wrapping_sub(1);
        let next = self.kind(at + 1);
        let opens = next == Some(TokenKind::LParen);
        let named = next == Some(TokenKind::Assign) || (next == Some(TokenKind::Operator) && self.region.text(at + 1) == "=>");
        if self.kind(before) == Some(TokenKind::Dot) || next == Some(TokenKind::Dot) || named {
            return false;
        }
        if self.is(before, "AS") {
            return matches!(upper, "MATERIALIZED" | "NOT");
        }
        match upper {
            "LEFT" | "RIGHT" | "ROW" | "FULL" | "INNER" | "CROSS" => !opens,
            "AT" => self.is(at + 1, "TIME"),
            "UNBOUNDED" => !opens,
            "TIME" => self.is(before, "AT"),
            "ZONE" => self.is(before, "TIME"),
            "FIRST" => self.region.is_any(before, &["NULLS", "FETCH"]),
            "NEXT" => self.is(before, "FETCH"),
            "LAST" => self.is(before, "NULLS"),
            "NULLS" => self.region.is_any(at + 1, &["FIRST", "LAST"]),
            "OVER" => self.kind(before) == Some(TokenKind::RParen),
            "FILTER" => self.kind(before) == Some(TokenKind::RParen) && opens,
            "WITHIN" => self.is(at + 1, "GROUP"),
            "MATCHED" => self.region.is_any(before, &["WHEN", "NOT"]),
            "DEFAULT" => self.is(at + 1, "VALUES"),
            "VALUES" => self.is(before, "DEFAULT"),
            "ARRAY" => opens || next == Some(TokenKind::LBracket),
            "MATERIALIZED" => self.is(before, "NOT"),
            "ORDINALITY" => self.is(before, "WITH"),
            "GROUPING" => self.is(at + 1, "SETS"),
            "JSON" => self.region.is_any(before, &["IS", "NOT"]),
            "ROWS" | "RANGE" | "GROUPS" => {
                self.begins_frame(at)
                    || self.region.is_any(at + 1, &["BETWEEN", "UNBOUNDED", "CURRENT", "ONLY", "WITH", "INTERVAL"])
                    || matches!(next, Some(TokenKind::Number | TokenKind::String))
                    || self.region.is_any(before.wrapping_sub(1), &["OFFSET"])
            }
            "NORMALIZED" | "NFC" | "NFD" | "NFKC" | "NFKD" => self.region.is_any(before, &["IS", "NOT", "NFC", "NFD", "NFKC", "NFKD"]),
            _ => KEYWORDS.binary_search(&upper).is_ok(),
        }
    }
}

/// Returns the token of a keyword. Tokens are cached, because `sqlparser` searches its list of about a thousand keywords.
pub(super) fn keyword(upper: &str) -> Token {
    static KNOWN: LazyLock<FxHashMap<&str, Token>> =
        LazyLock::new(|| KEYWORDS.iter().map(|word| (*word, Token::make_word(word, None))).collect());
    KNOWN.get(upper).cloned().unwrap_or_else(|| Token::make_word(upper, None))
}

pub(super) fn prefix_token(text: &str) -> Token {
    match text {
        "~" => Token::Tilde,
        "@" => Token::AtSign,
        "|/" => Token::PGSquareRoot,
        "||/" => Token::PGCubeRoot,
        "!!" => Token::DoubleExclamationMark,
        "@@" => Token::AtAt,
        "@-@" => Token::AtDashAt,
        "#" => Token::Sharp,
        "?-" => Token::QuestionMarkDash,
        "?|" => Token::QuestionPipe,
        // the operator is taken from the source later
        _ => Some(operator_token(text)).filter(|token| !matches!(token, Token::CustomBinaryOperator(_))).unwrap_or(Token::Tilde),
    }
}

/// Returns the token of an operator. Operators without a precedence of their own have the same token.
pub(super) fn operator_token(text: &str) -> Token {
    match text {
        "=" => Token::Eq,
        "<>" | "!=" => Token::Neq,
        "<" => Token::Lt,
        ">" => Token::Gt,
        "<=" => Token::LtEq,
        ">=" => Token::GtEq,
        "+" => Token::Plus,
        "-" => Token::Minus,
        "*" => Token::Mul,
        "/" => Token::Div,
        "%" => Token::Mod,
        "^" => Token::Caret,
        _ => Token::CustomBinaryOperator(text.to_string()),
    }
}

/// Words that are keywords unless they are clearly part of a name, in sorted order.
const KEYWORDS: [&str; 80] = [
    "ALL",
    "AND",
    "ANY",
    "AS",
    "ASC",
    "BETWEEN",
    "BY",
    "CASE",
    "CAST",
    "COLLATE",
    "CONFLICT",
    "CONSTRAINT",
    "CUBE",
    "CURRENT",
    "DELETE",
    "DESC",
    "DISTINCT",
    "DO",
    "ELSE",
    "END",
    "ESCAPE",
    "EXCEPT",
    "EXISTS",
    "FALSE",
    "FETCH",
    "FOLLOWING",
    "FOR",
    "FROM",
    "GROUP",
    "HAVING",
    "ILIKE",
    "IN",
    "INSERT",
    "INTERSECT",
    "INTO",
    "IS",
    "JOIN",
    "LATERAL",
    "LIKE",
    "LIMIT",
    "MERGE",
    "NATURAL",
    "NOT",
    "NOTHING",
    "NULL",
    "OFFSET",
    "ON",
    "ONLY",
    "OR",
    "ORDER",
    "OUTER",
    "OVERLAPS",
    "PARTITION",
    "PRECEDING",
    "RECURSIVE",
    "RETURNING",
    "ROLLUP",
    "SELECT",
    "SET",
    "SETS",
    "SIMILAR",
    "SOME",
    "TEMP",
    "TEMPORARY",
    "THEN",
    "TIES",
    "TO",
    "TRUE",
    "UNBOUNDED",
    "UNION",
    "UNIQUE",
    "UNKNOWN",
    "UNLOGGED",
    "UPDATE",
    "USING",
    "WHEN",
    "WHERE",
    "WINDOW",
    "WITH",
    "WITHOUT",
];
