//! Functions, procedures, triggers and DO blocks.

use super::super::ast::*;
use super::super::cursor::{Cursor, Result};
use super::super::expression::{Ident, ObjectName};
use super::super::lexer::{Token, TokenKind, dollar_tag, quote_at, string_value};
use super::super::sql;
use super::super::types::TypeName;
use super::{access, condition, object};
use crate::source::Span;
use smol_str::SmolStr;

pub fn create_function(cursor: &mut Cursor, or_replace: bool) -> Result<Ast> {
    let procedure = cursor.eat("PROCEDURE");
    if !procedure {
        cursor.expect("FUNCTION")?;
    }
    let name = own_function(cursor)?;
    let mut args = arguments(cursor.parens()?)?;
    let mut returns = None;
    if cursor.eat("RETURNS TABLE") {
        for mut part in cursor.parens()?.list() {
            let start = part.pos;
            let name = Some(part.parameter()?);
            let ty = part.type_name()?;
            part.finish()?;
            args.push(FunctionArg { mode: ArgMode::Table, name, ty, default: None, span: part.span_from(start) });
        }
    } else if cursor.is("RETURNS") && !cursor.is_words("RETURNS NULL") {
        cursor.pos += 1;
        returns = Some(cursor.type_name()?);
    }
    let mut function = CreateFunction {
        name,
        or_replace,
        procedure,
        args,
        returns,
        language: SmolStr::default(),
        options: FunctionOptions::default(),
        body: Body::None,
    };
    let mut literal = None;
    while !cursor.done() {
        if cursor.eat("LANGUAGE") {
            function.language = if cursor.is_string() { cursor.string()?.to_ascii_lowercase().into() } else { cursor.unreserved()?.name };
        } else if cursor.eat("AS") {
            literal = Some(code_literal(cursor)?);
            if cursor.eat_kind(TokenKind::Comma) {
                cursor.string()?;
            }
        } else if cursor.is("RETURN") || cursor.is_words("BEGIN ATOMIC") {
            function.body = sql_body(cursor)?;
        } else if !option(cursor, &mut function.options)? {
            return cursor.unexpected();
        }
    }
    if let Some(mut code) = literal {
        code.language = function.language.clone();
        function.body = Body::Code(code);
    } else if function.language.is_empty() {
        function.language = "sql".into();
    }
    if matches!(function.body, Body::None) {
        return cursor.error("no function body specified");
    }
    Ok(Ast::CreateFunction(function))
}

/// Reads the code between the quotes of a string literal.
fn code_literal(cursor: &mut Cursor) -> Result<Code> {
    let Some(token) = cursor.peek().filter(|_| cursor.is_string()) else { return cursor.unexpected() };
    cursor.pos += 1;
    Ok(code(token, cursor.text))
}

fn code(token: Token, text: &str) -> Code {
    let open = match token.kind {
        TokenKind::DollarString => dollar_tag(token.text(text)).len() as u32,
        _ => quote_at(token.text(text)) as u32 + 1,
    };
    let close = if token.kind == TokenKind::DollarString { open } else { 1 };
    let inner = Span::new(token.start + open, token.end - close);
    let value = match token.kind {
        TokenKind::DollarString => None,
        _ => Some(string_value(token, text)).filter(|value| value != inner.of(text)),
    };
    let (literal, backslash_mode) = (token.span(), Default::default());
    Code { language: "plpgsql".into(), literal, inner, unescaped: value, backslash_mode, parsed: Default::default() }
}

fn sql_body(cursor: &mut Cursor) -> Result<Body> {
    let start = cursor.pos;
    if cursor.eat("RETURN") {
        let end = cursor.end;
        let result = sql::expression(cursor, end)?;
        return Ok(Body::Sql { span: cursor.span_from(start), statements: Vec::new(), result: Some(result) });
    }
    cursor.expect("BEGIN ATOMIC")?;
    let mut statements = Vec::new();
    let mut result = None;
    loop {
        if cursor.is("END") && (cursor.pos + 1 == cursor.end || statements_follow(cursor)) {
            cursor.pos += 1;
            break;
        }
        if cursor.eat_kind(TokenKind::Semicolon) {
            continue;
        }
        let end = cursor.find(|probe| probe.is_kind(TokenKind::Semicolon));
        if cursor.eat("RETURN") {
            result = Some(sql::expression(cursor, end)?);
        } else {
            statements.push(sql::data(cursor, end)?);
        }
        cursor.expect_kind(TokenKind::Semicolon)?;
    }
    Ok(Body::Sql { span: cursor.span_from(start), statements, result })
}

fn statements_follow(cursor: &Cursor) -> bool {
    cursor.find(|probe| probe.is_kind(TokenKind::Semicolon)) >= cursor.end
}

/// Reads the name of a new function. Keywords that only columns can have as names are rejected.
fn own_function(cursor: &mut Cursor) -> Result<ObjectName> {
    if cursor.ahead(1).is_some_and(|next| next.kind == TokenKind::LParen) {
        return cursor.parameter().map(|ident| ObjectName { parts: vec![ident] }).or_else(|error| {
            // PostgreSQL reads such a keyword, and reports the token after it
            if cursor.function_name().is_ok() { cursor.unexpected() } else { Err(error) }
        });
    }
    cursor.function_name()
}

/// Reads the arguments of a definition.
fn arguments(inner: Cursor) -> Result<Vec<FunctionArg>> {
    inner.list().into_iter().map(argument).collect()
}

fn argument(mut part: Cursor) -> Result<FunctionArg> {
    let start = part.pos;
    let mut mode = argument_mode(&mut part);
    let before = part.clone();
    let at_end = |part: &Cursor| part.done() || part.is("DEFAULT") || part.is_op("=") || part.is_kind(TokenKind::Assign);
    // a type of several words has the form of a name and a type, so it is tried first
    let (name, ty) = match part.type_name() {
        Ok(ty) if at_end(&part) => (None, ty),
        _ => {
            part = before;
            let name = part.parameter()?;
            if mode.is_none() {
                mode = argument_mode(&mut part);
            }
            (Some(name), part.type_name()?)
        }
    };
    let default = if part.eat("DEFAULT") || part.eat_op("=") || part.eat_kind(TokenKind::Assign) {
        let end = part.end;
        Some(sql::expression(&mut part, end)?)
    } else {
        None
    };
    part.finish()?;
    Ok(FunctionArg { mode: mode.unwrap_or(ArgMode::In), name, ty, default, span: part.span_from(start) })
}

pub fn create_aggregate(cursor: &mut Cursor) -> Result<Ast> {
    let or_replace = cursor.pos > 1;
    cursor.expect("AGGREGATE")?;
    let name = own_function(cursor)?;
    let head = cursor.parens()?;
    let mut types = None;
    // if there is no list of types, BASETYPE contains the only type
    let options = if cursor.is_kind(TokenKind::LParen) { cursor.parens()? } else { head.clone() };
    let mut base = None;
    let mut state = None;
    let mut finished = false;
    for mut part in options.list() {
        let option = part.label()?.name;
        if !part.eat_op("=") {
            continue;
        }
        match option.as_str() {
            "stype" | "stype1" => state = part.type_name().ok(),
            "basetype" => base = part.type_name().ok(),
            "finalfunc" => finished = true,
            _ => {}
        }
    }
    if options.pos != head.pos {
        let until = head.find(|cursor| cursor.is("ORDER"));
        types = if head.is_op("*") { None } else { Some(arguments(head.part(head.pos, until))?) };
    }
    let args = types.unwrap_or_else(|| {
        let argument = |ty: TypeName| FunctionArg { mode: ArgMode::In, name: None, span: ty.span, ty, default: None };
        base.into_iter().map(argument).collect()
    });
    Ok(Ast::CreateAggregate(CreateFunction {
        name,
        or_replace,
        procedure: false,
        args,
        returns: state.filter(|_| !finished),
        language: "internal".into(),
        options: FunctionOptions::default(),
        body: Body::None,
    }))
}

fn argument_mode(part: &mut Cursor) -> Option<ArgMode> {
    // a mode is followed by a name or type, so a single word is not a mode
    part.ahead(1)?;
    if part.eat("IN OUT") {
        return Some(ArgMode::InOut);
    }
    [("IN", ArgMode::In), ("OUT", ArgMode::Out), ("INOUT", ArgMode::InOut), ("VARIADIC", ArgMode::Variadic)]
        .into_iter()
        .find(|(word, _)| part.eat(word))
        .map(|(_, mode)| mode)
}

/// Reads the `(types)` that identify an existing function.
pub fn identity(cursor: &mut Cursor) -> Result<Vec<TypeName>> {
    let inner = cursor.parens()?;
    if inner.is_op("*") {
        return Ok(Vec::new());
    }
    // both lists of an ordered-set aggregate are part of its identity
    let order = inner.find(|cursor| cursor.is("ORDER"));
    let mut args = Vec::new();
    for part in [inner.part(inner.pos, order), inner.part((order + 2).min(inner.end), inner.end)] {
        for item in part.list() {
            let default = item.find(|probe| probe.is("DEFAULT") || probe.is_op("=") || probe.is_kind(TokenKind::Assign));
            if default < item.end {
                return item.part(default, item.end).unexpected();
            }
            args.push(argument(item)?);
        }
    }
    Ok(args.into_iter().filter(|arg| arg.mode != ArgMode::Out).map(|arg| arg.ty).collect())
}

/// Reads an option that CREATE and ALTER FUNCTION share. Returns false if there is none.
fn option(cursor: &mut Cursor, options: &mut FunctionOptions) -> Result<bool> {
    let start = cursor.pos;
    if cursor.eat("IMMUTABLE") {
        options.volatility = Some(Volatility::Immutable);
    } else if cursor.eat("STABLE") {
        options.volatility = Some(Volatility::Stable);
    } else if cursor.eat("VOLATILE") {
        options.volatility = Some(Volatility::Volatile);
    } else if cursor.eat("NOT LEAKPROOF") {
        options.leakproof = Some(false);
    } else if cursor.eat("LEAKPROOF") {
        options.leakproof = Some(true);
    } else if cursor.eat("STRICT") || cursor.eat("RETURNS NULL ON NULL INPUT") {
        options.strict = Some(true);
    } else if cursor.eat("CALLED ON NULL INPUT") {
        options.strict = Some(false);
    } else if cursor.eat("SECURITY DEFINER") || cursor.eat("EXTERNAL SECURITY DEFINER") {
        options.security_definer = Some((true, cursor.span_from(start)));
    } else if cursor.eat("SECURITY INVOKER") || cursor.eat("EXTERNAL SECURITY INVOKER") {
        options.security_definer = Some((false, cursor.span_from(start)));
    } else if cursor.eat("WINDOW") {
    } else if cursor.eat("PARALLEL") {
        cursor.ident()?;
    } else if cursor.eat("COST") || cursor.eat("ROWS") {
        cursor.number()?;
    } else if cursor.eat("SUPPORT") {
        cursor.function_name()?;
    } else if cursor.eat("TRANSFORM") {
        loop {
            cursor.expect("FOR TYPE")?;
            cursor.type_name()?;
            if !cursor.eat_kind(TokenKind::Comma) {
                break;
            }
        }
    } else if cursor.eat("SET") {
        let (name, value, _) = setting(cursor)?;
        options.settings.push((name, value, cursor.span_from(start)));
    } else if cursor.eat("RESET ALL") {
        options.settings.push(("*".into(), None, cursor.span_from(start)));
    } else if cursor.eat("RESET") {
        let name = cursor.object_name()?.to_string().into();
        options.settings.push((name, None, cursor.span_from(start)));
    } else {
        return Ok(false);
    }
    Ok(true)
}

/// Reads `name = value`, `name TO value, value`, `TIME ZONE value` or `name FROM CURRENT` after SET.
pub fn setting(cursor: &mut Cursor) -> Result<(SmolStr, Option<SettingValue>, Span)> {
    let start = cursor.pos;
    if cursor.eat("TIME ZONE") {
        let end = cursor.find(|probe| probe.is_any(&["AS", "LANGUAGE", "SECURITY"]));
        cursor.pos = end;
        return Ok(("timezone".into(), Some(SettingValue::Default), cursor.span_from(start)));
    }
    for (words, name) in [("NAMES", "client_encoding"), ("XML OPTION", "xmloption")] {
        if cursor.eat(words) {
            let value = if cursor.is_string() { cursor.string()?.into() } else { cursor.ident()?.name };
            return Ok((name.into(), Some(SettingValue::List(vec![value])), cursor.span_from(start)));
        }
    }
    let name: SmolStr = cursor.object_name()?.to_string().into();
    if cursor.eat("FROM CURRENT") {
        return Ok((name, Some(SettingValue::FromCurrent), cursor.span_from(start)));
    }
    if !cursor.eat_op("=") {
        cursor.expect("TO")?;
    }
    if cursor.eat("DEFAULT") {
        return Ok((name, Some(SettingValue::Default), cursor.span_from(start)));
    }
    let mut values = Vec::new();
    loop {
        values.push(if cursor.is_string() {
            cursor.string()?.into()
        } else if cursor.is_ident() {
            cursor.label()?.name
        } else {
            cursor.number()?
        });
        if !cursor.eat_kind(TokenKind::Comma) {
            break;
        }
    }
    Ok((name, Some(SettingValue::List(values)), cursor.span_from(start)))
}

pub fn alter_function(cursor: &mut Cursor) -> Result<Ast> {
    let kind = match () {
        () if cursor.is("FUNCTION") => ObjectKind::Function,
        () if cursor.is("PROCEDURE") => ObjectKind::Procedure,
        () if cursor.is("ROUTINE") => ObjectKind::Routine,
        () => ObjectKind::Aggregate,
    };
    cursor.pos += 1;
    let object = object::reference(cursor, kind)?;
    if let Some(ast) = object::common_alter(cursor, &object)? {
        return Ok(ast);
    }
    if cursor.eat("DEPENDS ON EXTENSION") || cursor.eat("NO DEPENDS ON EXTENSION") {
        cursor.ident()?;
        return Ok(Ast::Other { head: "ALTER FUNCTION".into(), tables: Vec::new() });
    }
    let mut options = FunctionOptions::default();
    while !cursor.done() {
        if !option(cursor, &mut options)? && !cursor.eat("RESTRICT") {
            return cursor.unexpected();
        }
    }
    Ok(Ast::AlterFunction(AlterFunction { object, options }))
}

pub fn do_block(cursor: &mut Cursor) -> Result<Ast> {
    cursor.expect("DO")?;
    let mut language: SmolStr = "plpgsql".into();
    let mut body = None;
    while !cursor.done() {
        if cursor.eat("LANGUAGE") {
            language = if cursor.is_string() { cursor.string()?.to_ascii_lowercase().into() } else { cursor.unreserved()?.name };
        } else {
            body = Some(code_literal(cursor)?);
        }
    }
    match body {
        Some(code) => Ok(Ast::Do(Code { language, ..code })),
        None => cursor.error("no inline code specified"),
    }
}

pub fn create_trigger(cursor: &mut Cursor, or_replace: bool) -> Result<Ast> {
    let constraint = cursor.eat("CONSTRAINT");
    cursor.expect("TRIGGER")?;
    let name = cursor.ident()?;
    let time = match () {
        () if cursor.eat("BEFORE") => TriggerTime::Before,
        () if cursor.eat("AFTER") => TriggerTime::After,
        () if cursor.eat("INSTEAD OF") => TriggerTime::InsteadOf,
        () => return cursor.unexpected(),
    };
    let mut events = Vec::new();
    let mut update_columns = Vec::new();
    loop {
        let event = cursor.ident()?.name;
        if !matches!(event.as_str(), "insert" | "update" | "delete" | "truncate") {
            cursor.pos -= 1;
            return cursor.unexpected();
        }
        if event == "update" && cursor.eat("OF") {
            update_columns = access::idents(cursor)?;
        }
        events.push(event);
        if !cursor.eat("OR") {
            break;
        }
    }
    cursor.expect("ON")?;
    let table = cursor.object_name()?;
    if cursor.eat("FROM") {
        cursor.object_name()?;
    }
    while cursor.eat("NOT DEFERRABLE") || cursor.eat("DEFERRABLE") || cursor.eat("INITIALLY DEFERRED") || cursor.eat("INITIALLY IMMEDIATE")
    {
    }
    if cursor.eat("REFERENCING") {
        while cursor.is_any(&["NEW", "OLD"]) {
            cursor.pos += 1;
            cursor.expect("TABLE")?;
            cursor.eat("AS");
            cursor.ident()?;
        }
    }
    let mut for_each_row = false;
    if cursor.eat("FOR") {
        cursor.eat("EACH");
        for_each_row = cursor.eat("ROW");
        if !for_each_row {
            cursor.expect("STATEMENT")?;
        }
    }
    let when = if cursor.eat("WHEN") { Some(condition(cursor)?) } else { None };
    let function = execute(cursor)?;
    Ok(Ast::CreateTrigger(CreateTrigger {
        name,
        or_replace,
        table,
        time,
        events,
        update_columns,
        for_each_row,
        when,
        function,
        constraint,
    }))
}

fn execute(cursor: &mut Cursor) -> Result<ObjectName> {
    cursor.expect("EXECUTE")?;
    if !cursor.eat("FUNCTION") {
        cursor.expect("PROCEDURE")?;
    }
    let function = cursor.function_name()?;
    cursor.parens()?;
    Ok(function)
}

pub fn create_event_trigger(cursor: &mut Cursor) -> Result<Ast> {
    cursor.expect("EVENT TRIGGER")?;
    let name: Ident = cursor.ident()?;
    cursor.expect("ON")?;
    let event = cursor.label()?.name;
    let mut tags = Vec::new();
    if cursor.eat("WHEN") {
        loop {
            cursor.ident()?;
            cursor.expect("IN")?;
            for mut part in cursor.parens()?.list() {
                tags.push(part.string()?);
            }
            if !cursor.eat("AND") {
                break;
            }
        }
    }
    let function = execute(cursor)?;
    Ok(Ast::CreateEventTrigger(CreateEventTrigger { name, event, tags, function }))
}
