//! Help for common mistakes in migrations: syntax of other databases, or syntax that does not exist.

use super::super::cursor::{Cursor, SyntaxError};
use super::super::lexer::TokenKind;

/// Returns the help for a statement that could not be parsed.
pub fn of(cursor: &Cursor, error: &SyntaxError) -> Option<String> {
    let at = cursor.tokens.iter().position(|token| token.start >= error.span.start).unwrap_or(cursor.tokens.len());
    let stopped = cursor.part(at.min(cursor.end), cursor.end);
    let before = cursor.part(at.saturating_sub(1).min(cursor.end), cursor.end);
    let mut head = cursor.clone();
    let or_replace = head.eat("CREATE OR REPLACE");
    if !or_replace {
        head.eat("CREATE");
    }
    let hint = if head.is("POLICY") && or_replace {
        "Drop the policy first. PostgreSQL has no CREATE OR REPLACE POLICY."
    } else if head.is_words("POLICY IF NOT EXISTS") {
        "Write DROP POLICY IF EXISTS … before CREATE POLICY. PostgreSQL has no CREATE POLICY IF NOT EXISTS."
    } else if head.is("POLICY") && stopped.is_kind(TokenKind::Comma) {
        "Write one policy per command, or FOR ALL. A policy has only one command."
    } else if head.is_words("ALTER POLICY IF EXISTS") {
        "RenderOptions the policy up in pg_policies in a DO block. IF EXISTS is allowed only before RENAME TO, any other form is a syntax error (42601)."
    } else if head.is("POLICY") && stopped.is("USING") {
        "Put USING before WITH CHECK."
    } else if head.is("POLICY") && stopped.is_any(&["TO", "FOR", "AS"]) {
        "Use the order AS … FOR … TO … USING (…) WITH CHECK (…)."
    } else if head.is_any(&["TRIGGER", "TYPE", "DOMAIN"]) && head.part(head.pos + 1, head.end).is_words("IF NOT EXISTS") {
        "Check for the object in a DO block. PostgreSQL has no IF NOT EXISTS here."
    } else if head.is_any(&["TABLE", "INDEX", "TYPE", "SCHEMA", "EXTENSION", "SEQUENCE"]) && or_replace {
        "Write IF NOT EXISTS, or DROP … IF EXISTS before it. OR REPLACE is only for functions, views and triggers."
    } else if head.is("TABLE") && (before.is("INDEX") || stopped.is_any(&["INDEX", "ASC", "DESC"]) || before.is("KEY")) {
        "Create the index in a separate statement. PostgreSQL has no INDEX inside CREATE TABLE."
    } else if (head.is("TABLE") || head.is("ALTER")) && stopped.is_kind(TokenKind::LParen) {
        "Create a unique index instead. A key can contain only columns, not expressions."
    } else if head.is("VIEW") && stopped.is("SECURITY") {
        "Write WITH (security_invoker = true) before AS."
    } else if head.is("COMMENT") && stopped.is_op("||") {
        "Write the comment as one literal. COMMENT does not accept an expression."
    } else if head.is_words("ALTER PUBLICATION") && (stopped.is("EXISTS") || stopped.is("IF") || stopped.is("NOT")) {
        "Check pg_publication_tables in a DO block first. ALTER PUBLICATION has no IF [NOT] EXISTS."
    } else if head.is("ALTER")
        && (before.is("CONSTRAINT") || stopped.is_words("NOT EXISTS"))
        && cursor.text.contains("CONSTRAINT IF NOT EXISTS")
    {
        "Drop the constraint with IF EXISTS first. ADD CONSTRAINT has no IF NOT EXISTS."
    } else {
        return None;
    };
    Some(hint.to_string())
}
