//! Text to statements. Parsing cannot fail: a statement that nobody can read costs only itself.

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
