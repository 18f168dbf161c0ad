//! Parser from text to statements. Parsing cannot fail: a statement that cannot be parsed does not affect the others.

pub mod ast;
pub mod code;
pub mod cursor;
pub mod expression;
pub mod lexer;
pub mod parser;
pub mod plpgsql;
pub mod split;
pub mod sql;
pub mod types;
mod words;
