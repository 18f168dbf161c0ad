//! Policies, privileges and roles.

use super::super::ast::*;
use super::super::cursor::{Cursor, Result};
use super::super::expression::Ident;
use super::super::lexer::TokenKind;
use super::{condition, object};

/// Reads a role, or a keyword such as `CURRENT_USER`.
pub fn role(cursor: &mut Cursor) -> Result<Ident> {
    cursor.eat("GROUP");
    if cursor.is_any(&["CURRENT_USER", "CURRENT_ROLE", "SESSION_USER"]) { cursor.label() } else { cursor.unreserved() }
}

pub fn roles(cursor: &mut Cursor) -> Result<Vec<Ident>> {
    let mut out = vec![role(cursor)?];
    while cursor.eat_kind(TokenKind::Comma) {
        out.push(role(cursor)?);
    }
    Ok(out)
}

pub fn create_policy(cursor: &mut Cursor) -> Result<Ast> {
    cursor.expect("POLICY")?;
    let name = cursor.ident()?;
    cursor.expect("ON")?;
    let table = cursor.object_name()?;
    let permissive = if cursor.eat("AS") {
        let permissive = cursor.eat("PERMISSIVE");
        if !permissive {
            cursor.expect("RESTRICTIVE")?;
        }
        permissive
    } else {
        true
    };
    let command = if cursor.eat("FOR") { command(cursor)? } else { Command::All };
    let roles = if cursor.eat("TO") { roles(cursor)? } else { Vec::new() };
    let using = if cursor.eat("USING") { Some(condition(cursor)?) } else { None };
    let check = if cursor.eat("WITH CHECK") { Some(condition(cursor)?) } else { None };
    Ok(Ast::CreatePolicy(CreatePolicy { name, table, permissive, command, roles, using, check }))
}

fn command(cursor: &mut Cursor) -> Result<Command> {
    for (word, command) in [
        ("ALL", Command::All),
        ("SELECT", Command::Select),
        ("INSERT", Command::Insert),
        ("UPDATE", Command::Update),
        ("DELETE", Command::Delete),
    ] {
        if cursor.eat(word) {
            return Ok(command);
        }
    }
    cursor.unexpected()
}

pub fn alter_policy(cursor: &mut Cursor) -> Result<Ast> {
    cursor.expect("POLICY")?;
    let if_exists = cursor.eat("IF EXISTS");
    let name = cursor.ident()?;
    cursor.expect("ON")?;
    let table = cursor.object_name()?;
    if cursor.eat("RENAME TO") {
        let rename = Some(cursor.ident()?);
        return Ok(Ast::AlterPolicy(AlterPolicy { name, table, if_exists, rename, roles: None, using: None, check: None }));
    }
    // IF EXISTS is allowed only with RENAME
    if if_exists {
        return cursor.unexpected();
    }
    let roles = if cursor.eat("TO") { Some(roles(cursor)?) } else { None };
    let using = if cursor.eat("USING") { Some(condition(cursor)?) } else { None };
    let check = if cursor.eat("WITH CHECK") { Some(condition(cursor)?) } else { None };
    Ok(Ast::AlterPolicy(AlterPolicy { name, table, if_exists, rename: None, roles, using, check }))
}

pub fn grant(cursor: &mut Cursor, grant: bool) -> Result<Ast> {
    cursor.pos += 1;
    let direction = if grant { "TO" } else { "FROM" };
    let mut grant_option = !grant && cursor.eat("GRANT OPTION FOR");
    if !grant && (cursor.eat("ADMIN OPTION FOR") || cursor.eat("INHERIT OPTION FOR") || cursor.eat("SET OPTION FOR")) {
        return grant_role(cursor, grant, direction);
    }
    if cursor.find(|probe| probe.is("ON")) >= cursor.end {
        return grant_role(cursor, grant, direction);
    }
    let privileges = privileges(cursor)?;
    cursor.expect("ON")?;
    let target = target(cursor)?;
    cursor.expect(direction)?;
    let roles = roles(cursor)?;
    grant_option |= cursor.eat("WITH GRANT OPTION");
    if cursor.eat("GRANTED BY") {
        role(cursor)?;
    }
    let cascade = cursor.eat("CASCADE");
    cursor.eat("RESTRICT");
    Ok(Ast::Grant(Grant { grant, privileges, target, roles, grant_option, cascade }))
}

fn grant_role(cursor: &mut Cursor, grant: bool, direction: &str) -> Result<Ast> {
    let granted = roles(cursor)?;
    cursor.expect(direction)?;
    let to = roles(cursor)?;
    if cursor.eat("WITH") {
        cursor.pos = cursor.end;
    }
    if cursor.eat("GRANTED BY") {
        role(cursor)?;
    }
    let _ = cursor.eat("CASCADE") || cursor.eat("RESTRICT");
    Ok(Ast::GrantRole { grant, roles: granted, to })
}

/// Reads privileges. The list is empty for ALL.
fn privileges(cursor: &mut Cursor) -> Result<Vec<(smol_str::SmolStr, Vec<Ident>)>> {
    if cursor.eat("ALL") {
        cursor.eat("PRIVILEGES");
        // `ALL (column, …)` means all privileges that columns can have
        if cursor.is_kind(TokenKind::LParen) {
            let columns = cursor.ident_list()?;
            return Ok(["select", "insert", "update", "references"].into_iter().map(|name| (name.into(), columns.clone())).collect());
        }
        return Ok(Vec::new());
    }
    let mut out = Vec::new();
    loop {
        let mut name = cursor.label()?.name;
        // ALTER SYSTEM is the only privilege of two words
        if name == "maintain" {
            cursor.newer_at(17, cursor.pos - 1);
        }
        if name == "alter" && cursor.eat("SYSTEM") {
            name = "alter system".into();
        }
        let columns = if cursor.is_kind(TokenKind::LParen) { cursor.ident_list()? } else { Vec::new() };
        out.push((name, columns));
        if !cursor.eat_kind(TokenKind::Comma) {
            return Ok(out);
        }
    }
}

fn target(cursor: &mut Cursor) -> Result<GrantTarget> {
    if cursor.eat("ALL") {
        let kind = match () {
            () if cursor.eat("TABLES") => ObjectKind::Table,
            () if cursor.eat("SEQUENCES") => ObjectKind::Sequence,
            () if cursor.eat("FUNCTIONS") => ObjectKind::Function,
            () if cursor.eat("PROCEDURES") => ObjectKind::Procedure,
            () if cursor.eat("ROUTINES") => ObjectKind::Routine,
            () => return cursor.unexpected(),
        };
        cursor.expect("IN SCHEMA")?;
        return Ok(GrantTarget::AllInSchema { kind, schemas: idents(cursor)? });
    }
    let kind = match () {
        () if cursor.is_words("FOREIGN DATA WRAPPER") => ObjectKind::ForeignDataWrapper,
        () if cursor.is_words("FOREIGN SERVER") => ObjectKind::Server,
        () if cursor.is_words("LARGE OBJECT") => ObjectKind::LargeObject,
        () => object::KINDS
            .iter()
            .filter(|(words, _)| !words.contains(' '))
            .find(|(words, _)| {
                cursor.is(words)
                    && cursor.ahead(1).is_some_and(|next| !matches!(next.kind, TokenKind::Dot | TokenKind::Comma))
                    && !is_end(cursor)
            })
            .map_or(ObjectKind::Table, |(_, kind)| *kind),
    };
    let words = match kind {
        ObjectKind::ForeignDataWrapper => 3,
        ObjectKind::Server | ObjectKind::LargeObject => 2,
        ObjectKind::Table if !cursor.is("TABLE") || is_end(cursor) => 0,
        _ => 1,
    };
    cursor.pos += words;
    if cursor.eat("PARAMETER") || kind == ObjectKind::LargeObject {
        cursor.pos = cursor.find(|probe| probe.is_any(&["TO", "FROM"]));
        return Ok(GrantTarget::Objects(Vec::new()));
    }
    let mut objects = vec![object::reference(cursor, kind)?];
    while cursor.eat_kind(TokenKind::Comma) {
        objects.push(object::reference(cursor, kind)?);
    }
    Ok(GrantTarget::Objects(objects))
}

/// Returns whether the next token is a name that looks like a keyword, as in `GRANT SELECT ON domain TO …`.
fn is_end(cursor: &Cursor) -> bool {
    cursor.part(cursor.pos + 1, cursor.end).is_any(&["TO", "FROM"])
}

pub fn idents(cursor: &mut Cursor) -> Result<Vec<Ident>> {
    let mut out = vec![cursor.ident()?];
    while cursor.eat_kind(TokenKind::Comma) {
        out.push(cursor.ident()?);
    }
    Ok(out)
}

pub fn default_privileges(cursor: &mut Cursor) -> Result<Ast> {
    cursor.expect("DEFAULT PRIVILEGES")?;
    let mut for_roles = Vec::new();
    let mut schemas = Vec::new();
    loop {
        if cursor.eat("FOR ROLE") || cursor.eat("FOR USER") {
            for_roles = roles(cursor)?;
        } else if cursor.eat("IN SCHEMA") {
            schemas = idents(cursor)?;
        } else {
            break;
        }
    }
    let grant = cursor.eat("GRANT");
    if !grant {
        cursor.expect("REVOKE")?;
        cursor.eat("GRANT OPTION FOR");
    }
    let privileges = privileges(cursor)?.into_iter().map(|(name, _)| name).collect();
    cursor.expect("ON")?;
    let on = match () {
        () if cursor.eat("TABLES") => ObjectKind::Table,
        () if cursor.eat("SEQUENCES") => ObjectKind::Sequence,
        () if cursor.eat("FUNCTIONS") || cursor.eat("ROUTINES") => ObjectKind::Function,
        () if cursor.eat("TYPES") => ObjectKind::Type,
        () if cursor.eat("SCHEMAS") => ObjectKind::Schema,
        () if cursor.eat("LARGE OBJECTS") => ObjectKind::LargeObject,
        () => return cursor.unexpected(),
    };
    cursor.expect(if grant { "TO" } else { "FROM" })?;
    let roles = roles(cursor)?;
    let _ = cursor.eat("WITH GRANT OPTION") || cursor.eat("CASCADE") || cursor.eat("RESTRICT");
    Ok(Ast::DefaultPrivileges(DefaultPrivileges { for_roles, schemas, grant, privileges, on, roles }))
}

pub fn create_role(cursor: &mut Cursor) -> Result<Ast> {
    cursor.pos += 1;
    let mut out = CreateRole { name: cursor.unreserved()?, bypass_rls: false, superuser: false, in_roles: Vec::new() };
    while !cursor.done() {
        if cursor.eat("BYPASSRLS") {
            out.bypass_rls = true;
        } else if cursor.eat("SUPERUSER") {
            out.superuser = true;
        } else if cursor.eat("IN ROLE") || cursor.eat("IN GROUP") {
            out.in_roles = roles(cursor)?;
        } else {
            cursor.pos += 1;
        }
    }
    Ok(Ast::CreateRole(out))
}

/// Reads `ALTER ROLE | USER | GROUP | DATABASE …` with options, a default of a parameter, or a new name or owner.
pub fn alter_role(cursor: &mut Cursor) -> Result<Ast> {
    let database = cursor.is("DATABASE");
    cursor.pos += 1;
    let name = if cursor.is("ALL") { cursor.label()? } else { role(cursor)? };
    if cursor.eat("OWNER TO") {
        role(cursor)?;
        return Ok(Ast::AlterRole { name, database, setting: None, superuser: false });
    }
    if !database && cursor.eat("IN DATABASE") {
        cursor.ident()?;
    }
    let setting = if cursor.eat("SET") { Some(cursor.object_name()?.to_string().into()) } else { None };
    let mut superuser = false;
    while !cursor.done() {
        superuser |= setting.is_none() && cursor.is_any(&["SUPERUSER", "NOSUPERUSER"]);
        cursor.pos += 1;
    }
    Ok(Ast::AlterRole { name, database, setting, superuser })
}
