//! Parser of statements, which selects the form by the first keywords.
//!
//! `sqlparser` parses queries, data statements and expressions ([`super::sql`]). Definitions are parsed here clause by clause, because
//! messages and fixes need the location of each clause, and the definitions of `sqlparser` have no locations. The grammar is that of
//! PostgreSQL.
//!
//! Promises: a statement becomes either an [`Ast`] of all its tokens, or [`Opaque`] with the location and reason.

mod access;
mod hint;
mod object;
mod routine;
mod table;

use super::ast::*;
use super::cursor::{Cursor, Newest, Result, SyntaxError};
use super::expression::{Expr, Ident, ObjectName};
use super::lexer::TokenKind;
use super::split::RawStatement;
use super::{plpgsql, sql};
use crate::source::Span;

/// Parses one statement.
pub fn statement(text: &str, raw: &RawStatement) -> Statement {
    let span = raw.span();
    let newest = Newest::default();
    let form = match read_all(text, raw, &newest) {
        Ok(ast) => Form::Read(Box::new(ast)),
        Err((error, unchecked)) => {
            let cursor = Cursor::new(text, &raw.tokens);
            let (head, hint) = (head(&cursor), hint::of(&cursor, &error));
            let certain = newest.keyword().and_then(|at| raw.tokens.get(at)).is_some_and(|token| token.start == error.span.start);
            Form::Opaque(Opaque { head, hint, at: error.span, reason: error.message, certain, unchecked })
        }
    };
    let newer = newest.noted().map(|(version, at)| Box::new(newer(text, raw, version, at)));
    Statement { span, form, newer }
}

/// Returns the result for a version of PostgreSQL that rejects a token of the statement.
fn newer(text: &str, raw: &RawStatement, version: u32, at: usize) -> Newer {
    let cursor = Cursor::new(text, &raw.tokens);
    let stopped = cursor.part(at.min(cursor.end), cursor.end);
    let (at, reason) = match stopped.unexpected::<()>() {
        Err(error) => (error.span, error.message),
        Ok(()) => Default::default(),
    };
    Newer { version, refused: Opaque { head: head(&cursor), at, reason, certain: true, hint: None, unchecked: None } }
}

/// Parses a statement. The error contains the function that is created if bodies are not checked.
fn read_all(text: &str, raw: &RawStatement, newest: &Newest) -> std::result::Result<Ast, (SyntaxError, Option<Box<Ast>>)> {
    let mut ast = read_head(text, raw, newest).map_err(|error| (error, None))?;
    let checked = match &mut ast {
        Ast::Do(code) => {
            code.backslash_mode = raw.backslash_mode;
            body(text, code, true).map_err(|error| (error, false))
        }
        Ast::CreateFunction(CreateFunction { body: Body::Code(code), .. }) => {
            code.backslash_mode = raw.backslash_mode;
            body(text, code, false).map_err(|error| (error, true))
        }
        _ => Ok(()),
    };
    match checked {
        Ok(()) => Ok(ast),
        Err((error, is_made)) => Err((error, is_made.then(|| Box::new(ast)))),
    }
}

/// Parses a statement without the code of a function or block.
fn read_head(text: &str, raw: &RawStatement, newest: &Newest) -> Result<Ast> {
    for token in &raw.tokens {
        if let TokenKind::Broken(broken) = token.kind {
            let start = token.start;
            let line = text[start as usize..token.end as usize].lines().next().map_or(0, str::len) as u32;
            return Err(SyntaxError { span: Span::new(start, start + line), message: broken.reason().to_string() });
        }
    }
    let mut cursor = Cursor::new(text, &raw.tokens).noting(newest);
    let ast = read(&mut cursor)?;
    cursor.finish()?;
    Ok(ast)
}

/// Parses the code. PostgreSQL compiles PL/pgSQL when it creates a function or runs a block, and rejects the statement if this fails.
fn body(text: &str, code: &mut Code, block: bool) -> Result<()> {
    let compiled = code.read(text).and_then(|()| {
        let Some(routine) = code.routine() else { return Ok(()) };
        let mismatch = routine.statements().find_map(plpgsql::raise_mismatch);
        // the parameters of a function are outside its body
        let unknown = if block { plpgsql::unknown_variables(routine, &|_| false).into_iter().next() } else { None };
        match (mismatch, unknown) {
            (Some(mismatch), _) => Err(SyntaxError { span: mismatch.span, message: mismatch.message().to_string() }),
            (None, Some(unknown)) => Err(unknown),
            (None, None) => Ok(()),
        }
    });
    // spans in a literal with escapes are not positions in the file
    compiled.map_err(|error| if code.unescaped.is_some() { SyntaxError { span: code.literal, ..error } } else { error })
}

/// Returns the first one or two words, which name the kind of the statement.
fn head(cursor: &Cursor) -> smol_str::SmolStr {
    let words: Vec<String> = cursor
        .tokens
        .iter()
        .take(2)
        .take_while(|token| token.kind == TokenKind::Word)
        .map(|token| cursor.slice(*token).to_ascii_uppercase())
        .collect();
    words.join(" ").into()
}

/// Parses the statement at the cursor.
pub(super) fn read(cursor: &mut Cursor) -> Result<Ast> {
    if cursor.is_kind(TokenKind::Meta) {
        let token = cursor.advance().map(|token| cursor.slice(token)).unwrap_or_default();
        return Ok(Ast::Meta { command: token.split_whitespace().next().unwrap_or(token).into() });
    }
    if cursor.is_kind(TokenKind::LParen) || cursor.is_any(&["SELECT", "WITH", "VALUES", "TABLE", "INSERT", "UPDATE", "DELETE", "MERGE"]) {
        return Ok(Ast::Data(sql::data(cursor, cursor.end)?));
    }
    let Some(first) = cursor.peek().filter(|token| token.kind == TokenKind::Word) else { return cursor.unexpected() };
    let word = cursor.slice(first).to_ascii_uppercase();
    match word.as_str() {
        "CREATE" => create(cursor),
        "ALTER" => alter(cursor),
        "DROP" => object::drop(cursor),
        "GRANT" => access::grant(cursor, true),
        "REVOKE" => access::grant(cursor, false),
        "COMMENT" => object::comment(cursor),
        "DO" => routine::do_block(cursor),
        "SET" => set(cursor),
        "RESET" => reset(cursor),
        "BEGIN" | "START" | "COMMIT" | "END" | "ROLLBACK" | "ABORT" | "SAVEPOINT" | "RELEASE" => transaction(cursor),
        "CALL" => {
            cursor.pos += 1;
            Ok(Ast::Call(sql::expression(cursor, cursor.end)?))
        }
        "TRUNCATE" => truncate(cursor),
        "COPY" => copy(cursor),
        "REFRESH" => {
            cursor.expect("REFRESH MATERIALIZED VIEW")?;
            let concurrently = cursor.eat("CONCURRENTLY");
            let view = cursor.object_name()?;
            let _ = cursor.eat("WITH NO DATA") || cursor.eat("WITH DATA");
            Ok(Ast::Refresh { view, concurrently })
        }
        "VACUUM" => {
            let tables = maintenance_tables(&mut cursor.clone())?;
            cursor.pos = cursor.end;
            Ok(Ast::OutsideTransaction { head: "VACUUM".into(), tables })
        }
        "REINDEX" => {
            let concurrent = cursor.tokens.iter().any(|token| cursor.slice(*token).eq_ignore_ascii_case("CONCURRENTLY"));
            let whole = cursor.ahead(1).map(|token| cursor.slice(token).to_ascii_uppercase());
            match whole.as_deref() {
                _ if concurrent => outside(cursor, "REINDEX CONCURRENTLY"),
                Some("DATABASE") => outside(cursor, "REINDEX DATABASE"),
                Some("SYSTEM") => outside(cursor, "REINDEX SYSTEM"),
                _ => other(cursor, "REINDEX"),
            }
        }
        "ANALYZE" | "ANALYSE" | "CLUSTER" | "LOCK" => {
            let tables = maintenance_tables(&mut cursor.clone())?;
            cursor.pos = cursor.end;
            Ok(Ast::Other { head: word.into(), tables })
        }
        "NOTIFY" | "LISTEN" | "UNLISTEN" | "SHOW" | "EXPLAIN" | "DISCARD" | "SECURITY" | "REASSIGN" | "IMPORT" | "CHECKPOINT" | "LOAD"
        | "DECLARE" | "FETCH" | "MOVE" | "CLOSE" | "PREPARE" | "EXECUTE" | "DEALLOCATE" => other(cursor, &word),
        _ => cursor.unexpected(),
    }
}

/// Reads `( expression )`.
fn condition(cursor: &mut Cursor) -> Result<Expr> {
    let mut inner = cursor.parens()?;
    let end = inner.end;
    sql::expression(&mut inner, end)
}

/// Reads a statement without an effect on the schema. Its content is not parsed.
fn other(cursor: &mut Cursor, head: &str) -> Result<Ast> {
    cursor.pos = cursor.end;
    Ok(Ast::Other { head: head.into(), tables: Vec::new() })
}

fn outside(cursor: &mut Cursor, head: &str) -> Result<Ast> {
    cursor.pos = cursor.end;
    Ok(Ast::OutsideTransaction { head: head.into(), tables: Vec::new() })
}

/// Reads the tables of ANALYZE, CLUSTER, LOCK, REINDEX TABLE and VACUUM: a list of names after options.
fn maintenance_tables(cursor: &mut Cursor) -> Result<Vec<ObjectName>> {
    let parens = |cursor: &mut Cursor| {
        if cursor.is_kind(TokenKind::LParen) { cursor.parens().map(|_| ()) } else { Ok(()) }
    };
    cursor.pos += 1;
    parens(cursor)?;
    while ["VERBOSE", "FULL", "FREEZE", "ANALYZE", "ANALYSE", "TABLE", "CONCURRENTLY", "ONLY"].iter().any(|word| cursor.eat(word)) {}
    let mut tables = Vec::new();
    while cursor.is_ident() {
        tables.push(cursor.object_name()?);
        parens(cursor)?;
        if !cursor.eat_kind(TokenKind::Comma) {
            break;
        }
        cursor.eat("ONLY");
    }
    Ok(tables)
}

fn create(cursor: &mut Cursor) -> Result<Ast> {
    cursor.expect("CREATE")?;
    let or_replace = cursor.eat("OR REPLACE");
    // LOCAL, GLOBAL, TEMPORARY and UNLOGGED precede a table, and some of them a view or sequence
    let kept = persistence(cursor);
    if cursor.is_words("FOREIGN DATA") {
        return object::create_foreign(cursor);
    }
    if cursor.is_any(&["TABLE", "FOREIGN"]) && !or_replace {
        return table::create_table(cursor, kept);
    }
    if cursor.is_any(&["VIEW", "RECURSIVE"]) && kept != Kept::Unlogged {
        return table::create_view(cursor, or_replace, kept == Kept::Temporary);
    }
    if cursor.is("SEQUENCE") && !or_replace {
        return object::create_sequence(cursor, kept == Kept::Temporary);
    }
    // PostgreSQL rejects an unlogged materialized view only when the statement runs
    if kept != Kept::Lasting && !cursor.is("MATERIALIZED") {
        return cursor.unexpected();
    }
    if cursor.is_words("EVENT TRIGGER") {
        return routine::create_event_trigger(cursor);
    }
    if cursor.is_any(&["FUNCTION", "PROCEDURE"]) {
        return routine::create_function(cursor, or_replace);
    }
    if cursor.is_any(&["TRIGGER", "CONSTRAINT"]) {
        return routine::create_trigger(cursor, or_replace);
    }
    if or_replace {
        return if cursor.is_any(&["AGGREGATE", "RULE", "LANGUAGE", "TRUSTED", "PROCEDURAL", "TRANSFORM"]) {
            object::create_other(cursor)
        } else {
            cursor.unexpected()
        };
    }
    if cursor.is_any(&["INDEX", "UNIQUE"]) {
        return table::create_index(cursor);
    }
    if cursor.is("MATERIALIZED") {
        return table::create_materialized_view(cursor);
    }
    if cursor.is("POLICY") {
        return access::create_policy(cursor);
    }
    if cursor.is("TYPE") {
        return object::create_type(cursor);
    }
    if cursor.is("DOMAIN") {
        return object::create_domain(cursor);
    }
    if cursor.is("SCHEMA") {
        return object::create_schema(cursor);
    }
    if cursor.is("EXTENSION") {
        return object::create_extension(cursor);
    }
    if cursor.is("PUBLICATION") {
        return object::create_publication(cursor);
    }
    if cursor.is_any(&["ROLE", "GROUP"]) || (cursor.is("USER") && !cursor.is_words("USER MAPPING")) {
        return access::create_role(cursor);
    }
    if cursor.is("SERVER") || cursor.is_words("USER MAPPING") {
        return object::create_foreign(cursor);
    }
    object::create_other(cursor)
}

/// Persistence of a created object.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kept {
    Lasting,
    Temporary,
    Unlogged,
}

fn persistence(cursor: &mut Cursor) -> Kept {
    let standard = ["LOCAL TEMP", "LOCAL TEMPORARY", "GLOBAL TEMP", "GLOBAL TEMPORARY", "TEMP", "TEMPORARY"];
    match () {
        () if standard.iter().any(|words| cursor.eat(words)) => Kept::Temporary,
        () if cursor.eat("UNLOGGED") => Kept::Unlogged,
        () => Kept::Lasting,
    }
}

fn alter(cursor: &mut Cursor) -> Result<Ast> {
    cursor.expect("ALTER")?;
    if cursor.is_words("DEFAULT PRIVILEGES") {
        return access::default_privileges(cursor);
    }
    if cursor.eat("SYSTEM") {
        return outside(cursor, "ALTER SYSTEM");
    }
    if cursor.is_any(&["TABLE", "VIEW", "INDEX", "SEQUENCE"]) || cursor.is_words("MATERIALIZED VIEW") || cursor.is_words("FOREIGN TABLE") {
        return table::alter_relation(cursor);
    }
    if cursor.is("POLICY") {
        return access::alter_policy(cursor);
    }
    if cursor.is_any(&["FUNCTION", "PROCEDURE", "ROUTINE", "AGGREGATE"]) {
        return routine::alter_function(cursor);
    }
    if cursor.is_any(&["ROLE", "USER", "GROUP", "DATABASE"]) && !cursor.is_words("USER MAPPING") {
        return access::alter_role(cursor);
    }
    if cursor.is("PUBLICATION") {
        return object::alter_publication(cursor);
    }
    if cursor.is("TYPE") {
        return object::alter_type(cursor);
    }
    if cursor.is("DOMAIN") {
        return object::alter_domain(cursor);
    }
    object::alter_other(cursor)
}

fn set(cursor: &mut Cursor) -> Result<Ast> {
    cursor.expect("SET")?;
    let local = cursor.eat("LOCAL");
    if !local && cursor.is_words("SESSION AUTHORIZATION") {
        cursor.pos += 2;
        let role = if cursor.eat("DEFAULT") { None } else { Some(role_or_literal(cursor)?) };
        return Ok(Ast::Set(Set::SessionAuthorization { role }));
    }
    if !local && !cursor.is_words("SESSION CHARACTERISTICS") {
        cursor.eat("SESSION");
    }
    if cursor.eat("ROLE") {
        // SET ROLE also has the form of a setting
        let as_setting = cursor.eat("TO") || cursor.eat_op("=");
        let role = if cursor.eat("NONE") || (as_setting && cursor.eat("DEFAULT")) { None } else { Some(role_or_literal(cursor)?) };
        return Ok(Ast::Set(Set::Role { role, local }));
    }
    if cursor.is_any(&["TRANSACTION", "CONSTRAINTS", "SESSION"]) {
        cursor.pos = cursor.end;
        return Ok(Ast::Set(Set::Other));
    }
    let (name, value, _) = routine::setting(cursor)?;
    Ok(Ast::Set(match value {
        Some(value) => Set::Value { name, value, local },
        None => Set::Other,
    }))
}

/// Reads the role of SET, which can be a literal.
fn role_or_literal(cursor: &mut Cursor) -> Result<Ident> {
    if !cursor.is_string() {
        return access::role(cursor);
    }
    let start = cursor.pos;
    let name = cursor.string()?.into();
    Ok(Ident { name, span: cursor.span_from(start) })
}

fn reset(cursor: &mut Cursor) -> Result<Ast> {
    cursor.expect("RESET")?;
    if cursor.eat("ALL") {
        return Ok(Ast::Set(Set::ResetAll));
    }
    if cursor.eat("ROLE") {
        return Ok(Ast::Set(Set::Role { role: None, local: false }));
    }
    if cursor.eat("SESSION AUTHORIZATION") {
        return Ok(Ast::Set(Set::SessionAuthorization { role: None }));
    }
    if cursor.eat("TIME ZONE") {
        return Ok(Ast::Set(Set::Reset { name: "timezone".into() }));
    }
    let name = cursor.object_name()?;
    Ok(Ast::Set(Set::Reset { name: name.to_string().into() }))
}

fn transaction(cursor: &mut Cursor) -> Result<Ast> {
    let noise = |cursor: &mut Cursor| {
        let _ = cursor.eat("TRANSACTION") || cursor.eat("WORK");
    };
    let ast = if cursor.eat("BEGIN") || cursor.eat("START") {
        noise(cursor);
        cursor.pos = cursor.end;
        Transaction::Begin
    } else if cursor.eat("COMMIT PREPARED") || cursor.eat("ROLLBACK PREPARED") {
        cursor.string()?;
        Transaction::Other
    } else if cursor.eat("COMMIT") || cursor.eat("END") {
        noise(cursor);
        let _ = cursor.eat("AND NO CHAIN") || cursor.eat("AND CHAIN");
        Transaction::Commit
    } else if cursor.eat("SAVEPOINT") {
        Transaction::Savepoint(cursor.ident()?.name)
    } else if cursor.eat("RELEASE") {
        cursor.eat("SAVEPOINT");
        Transaction::Release(cursor.ident()?.name)
    } else {
        if !cursor.eat("ROLLBACK") {
            cursor.expect("ABORT")?;
        }
        noise(cursor);
        if cursor.eat("TO") {
            cursor.eat("SAVEPOINT");
            Transaction::RollbackTo(cursor.ident()?.name)
        } else {
            let _ = cursor.eat("AND NO CHAIN") || cursor.eat("AND CHAIN");
            Transaction::Rollback
        }
    };
    Ok(Ast::Transaction(ast))
}

fn truncate(cursor: &mut Cursor) -> Result<Ast> {
    cursor.expect("TRUNCATE")?;
    cursor.eat("TABLE");
    let mut tables = Vec::new();
    loop {
        cursor.eat("ONLY");
        tables.push(cursor.object_name()?);
        cursor.eat_op("*");
        if !cursor.eat_kind(TokenKind::Comma) {
            break;
        }
    }
    let _ = cursor.eat("RESTART IDENTITY") || cursor.eat("CONTINUE IDENTITY");
    let cascade = cursor.eat("CASCADE");
    cursor.eat("RESTRICT");
    Ok(Ast::Truncate { tables, cascade })
}

fn copy(cursor: &mut Cursor) -> Result<Ast> {
    cursor.expect("COPY")?;
    cursor.eat("BINARY");
    let mut columns = Vec::new();
    let table = if cursor.is_kind(TokenKind::LParen) {
        cursor.parens()?;
        None
    } else {
        let name = cursor.object_name()?;
        if cursor.is_kind(TokenKind::LParen) {
            columns = cursor.ident_list()?;
        }
        Some(name)
    };
    let from = cursor.eat("FROM");
    if !from {
        cursor.expect("TO")?;
    }
    let server_file = !cursor.is_any(&["STDIN", "STDOUT"]);
    cursor.pos = cursor.end;
    Ok(Ast::Copy { table, columns, from, server_file })
}
