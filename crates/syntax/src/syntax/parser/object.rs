//! Types, sequences, schemas, extensions and publications. Also DROP, COMMENT, RENAME and OWNER of all objects.

use super::super::ast::*;
use super::super::cursor::{Cursor, Result};
use super::super::expression::{Ident, ObjectName};
use super::super::lexer::TokenKind;
use super::super::sql;
use super::{access, condition, read, routine, table};

/// Kinds of objects by their keywords. Longer keywords come before their prefixes.
pub const KINDS: [(&str, ObjectKind); 42] = [
    ("FOREIGN TABLE", ObjectKind::ForeignTable),
    ("FOREIGN DATA WRAPPER", ObjectKind::ForeignDataWrapper),
    ("MATERIALIZED VIEW", ObjectKind::MaterializedView),
    ("EVENT TRIGGER", ObjectKind::EventTrigger),
    ("OPERATOR CLASS", ObjectKind::OperatorClass),
    ("OPERATOR FAMILY", ObjectKind::OperatorFamily),
    ("USER MAPPING", ObjectKind::UserMapping),
    ("ACCESS METHOD", ObjectKind::AccessMethod),
    ("TEXT SEARCH CONFIGURATION", ObjectKind::TextSearch),
    ("TEXT SEARCH DICTIONARY", ObjectKind::TextSearch),
    ("TEXT SEARCH PARSER", ObjectKind::TextSearch),
    ("TEXT SEARCH TEMPLATE", ObjectKind::TextSearch),
    ("LARGE OBJECT", ObjectKind::LargeObject),
    ("PROCEDURAL LANGUAGE", ObjectKind::Language),
    ("TABLE", ObjectKind::Table),
    ("VIEW", ObjectKind::View),
    ("INDEX", ObjectKind::Index),
    ("SEQUENCE", ObjectKind::Sequence),
    ("COLUMN", ObjectKind::Column),
    ("CONSTRAINT", ObjectKind::Constraint),
    ("POLICY", ObjectKind::Policy),
    ("TRIGGER", ObjectKind::Trigger),
    ("RULE", ObjectKind::Rule),
    ("FUNCTION", ObjectKind::Function),
    ("PROCEDURE", ObjectKind::Procedure),
    ("ROUTINE", ObjectKind::Routine),
    ("AGGREGATE", ObjectKind::Aggregate),
    ("TYPE", ObjectKind::Type),
    ("DOMAIN", ObjectKind::Domain),
    ("SCHEMA", ObjectKind::Schema),
    ("EXTENSION", ObjectKind::Extension),
    ("ROLE", ObjectKind::Role),
    ("PUBLICATION", ObjectKind::Publication),
    ("SUBSCRIPTION", ObjectKind::Subscription),
    ("DATABASE", ObjectKind::Database),
    ("LANGUAGE", ObjectKind::Language),
    ("COLLATION", ObjectKind::Collation),
    ("CONVERSION", ObjectKind::Conversion),
    ("STATISTICS", ObjectKind::Statistics),
    ("SERVER", ObjectKind::Server),
    ("TABLESPACE", ObjectKind::Tablespace),
    ("TRANSFORM", ObjectKind::Transform),
];

fn kind(cursor: &mut Cursor) -> Result<ObjectKind> {
    if let Some((_, kind)) = KINDS.iter().find(|(words, _)| cursor.eat(words)) {
        return Ok(*kind);
    }
    match () {
        () if cursor.eat("CAST") => Ok(ObjectKind::Cast),
        () if cursor.eat("OPERATOR") => Ok(ObjectKind::Operator),
        () if cursor.eat("USER") || cursor.eat("GROUP") => Ok(ObjectKind::Role),
        () => cursor.unexpected(),
    }
}

/// Reads a reference to an object in DROP, COMMENT, GRANT or ALTER.
pub fn reference(cursor: &mut Cursor, kind: ObjectKind) -> Result<ObjectRef> {
    let start = cursor.pos;
    let mut object = ObjectRef { kind, name: ObjectName::default(), args: None, on: None, span: Default::default() };
    match kind {
        ObjectKind::Cast | ObjectKind::Transform => {
            cursor.eat("FOR");
            cursor.pos = cursor.find(|probe| probe.is_any(&["IS", "CASCADE", "RESTRICT"]));
        }
        ObjectKind::Operator => {
            cursor.pos = cursor.find(|probe| probe.is_kind(TokenKind::LParen));
            cursor.parens()?;
        }
        ObjectKind::LargeObject => {
            cursor.number()?;
        }
        ObjectKind::UserMapping => {
            cursor.expect("FOR")?;
            object.name.parts.push(cursor.label()?);
            cursor.expect("SERVER")?;
            cursor.ident()?;
        }
        ObjectKind::Policy | ObjectKind::Trigger | ObjectKind::Rule | ObjectKind::Constraint => {
            object.name.parts.push(cursor.ident()?);
            cursor.expect("ON")?;
            if cursor.eat("DOMAIN") {
                object.kind = ObjectKind::DomainConstraint;
            }
            object.on = Some(cursor.object_name()?);
        }
        ObjectKind::Column => {
            let mut name = cursor.object_name()?;
            object.name.parts.extend(name.parts.pop());
            if name.parts.is_empty() {
                return cursor.unexpected();
            }
            object.on = Some(name);
        }
        ObjectKind::OperatorClass | ObjectKind::OperatorFamily => {
            object.name = cursor.object_name()?;
            cursor.expect("USING")?;
            cursor.ident()?;
        }
        ObjectKind::Function | ObjectKind::Procedure | ObjectKind::Routine | ObjectKind::Aggregate => {
            object.name = cursor.function_name()?;
            if cursor.is_kind(TokenKind::LParen) {
                object.args = Some(routine::identity(cursor)?);
            }
        }
        // aliases of built-in types are not accepted here, because projects do not use them
        ObjectKind::Type | ObjectKind::Domain | ObjectKind::Role | ObjectKind::Language => object.name = cursor.function_name()?,
        _ => object.name = cursor.object_name()?,
    }
    object.span = cursor.span_from(start);
    Ok(object)
}

pub fn drop(cursor: &mut Cursor) -> Result<Ast> {
    cursor.expect("DROP")?;
    if cursor.eat("OWNED BY") {
        let roles = access::roles(cursor)?;
        let _ = cursor.eat("CASCADE") || cursor.eat("RESTRICT");
        return Ok(Ast::DropOwned { roles });
    }
    let kind = kind(cursor)?;
    let concurrently = kind == ObjectKind::Index && cursor.eat("CONCURRENTLY");
    let if_exists = cursor.eat("IF EXISTS");
    let mut objects = vec![reference(cursor, kind)?];
    while cursor.eat_kind(TokenKind::Comma) {
        objects.push(reference(cursor, kind)?);
    }
    let cascade = cursor.eat("CASCADE");
    cursor.eat("RESTRICT");
    if kind == ObjectKind::Database && (cursor.eat("WITH") || cursor.is_kind(TokenKind::LParen)) {
        cursor.parens()?;
    }
    Ok(Ast::Drop(Drop { kind, if_exists, objects, cascade, concurrently }))
}

pub fn comment(cursor: &mut Cursor) -> Result<Ast> {
    cursor.expect("COMMENT ON")?;
    let kind = kind(cursor)?;
    let object = reference(cursor, kind)?;
    cursor.expect("IS")?;
    let text = if cursor.eat("NULL") { None } else { Some(cursor.string()?) };
    Ok(Ast::Comment { object, text })
}

/// Reads RENAME TO, SET SCHEMA or OWNER TO, which are part of most ALTER statements.
pub fn common_alter(cursor: &mut Cursor, object: &ObjectRef) -> Result<Option<Ast>> {
    if cursor.eat("RENAME TO") {
        return Ok(Some(Ast::Rename(Rename { object: object.clone(), if_exists: false, to: cursor.ident()? })));
    }
    if cursor.eat("SET SCHEMA") {
        return Ok(Some(Ast::SetSchema { object: object.clone(), schema: cursor.ident()? }));
    }
    if cursor.eat("OWNER TO") {
        return Ok(Some(Ast::Owner { object: object.clone(), role: access::role(cursor)? }));
    }
    Ok(None)
}

pub fn alter_other(cursor: &mut Cursor) -> Result<Ast> {
    let kind = kind(cursor)?;
    let object = reference(cursor, kind)?;
    if let Some(ast) = common_alter(cursor, &object)? {
        return Ok(ast);
    }
    cursor.pos = cursor.end;
    Ok(Ast::Other { head: "ALTER".into(), tables: Vec::new() })
}

pub fn create_other(cursor: &mut Cursor) -> Result<Ast> {
    cursor.eat("TRUSTED");
    cursor.eat("PROCEDURAL");
    if cursor.is("AGGREGATE") {
        return routine::create_aggregate(cursor);
    }
    if cursor.is_words("DEFAULT CONVERSION") {
        cursor.eat("DEFAULT");
    }
    let kind = kind(cursor)?;
    cursor.eat("IF NOT EXISTS");
    let name = match kind {
        // the name of an operator consists of symbols, possibly with a schema
        ObjectKind::Operator => {
            cursor.pos = cursor.find(|probe| probe.is_kind(TokenKind::LParen));
            None
        }
        ObjectKind::UserMapping | ObjectKind::Cast | ObjectKind::Transform => None,
        ObjectKind::Language => Some(cursor.function_name()?),
        // the name of statistics is optional
        _ if cursor.is("ON") => None,
        _ => cursor.is_ident().then(|| cursor.object_name()).transpose()?,
    };
    if cursor.done() && !matches!(kind, ObjectKind::Statistics | ObjectKind::Language | ObjectKind::Database) {
        return cursor.unexpected();
    }
    cursor.pos = cursor.end;
    Ok(Ast::CreateOther { kind, name })
}

/// Reads a foreign-data wrapper, server or user mapping.
pub fn create_foreign(cursor: &mut Cursor) -> Result<Ast> {
    let kind = kind(cursor)?;
    cursor.eat("IF NOT EXISTS");
    let mut name = None;
    if kind == ObjectKind::UserMapping {
        cursor.expect("FOR")?;
        cursor.label()?;
        cursor.expect("SERVER")?;
        cursor.ident()?;
    } else {
        name = Some(ObjectName { parts: vec![cursor.ident()?] });
    }
    if kind == ObjectKind::Server {
        for word in ["TYPE", "VERSION"] {
            if cursor.eat(word) && !cursor.eat("NULL") {
                cursor.string()?;
            }
        }
        cursor.expect("FOREIGN DATA WRAPPER")?;
        cursor.ident()?;
    }
    while kind == ObjectKind::ForeignDataWrapper && !cursor.done() && !cursor.is("OPTIONS") {
        if cursor.eat("HANDLER") || cursor.eat("VALIDATOR") {
            cursor.object_name()?;
        } else if !(cursor.eat("NO HANDLER") || cursor.eat("NO VALIDATOR")) {
            return cursor.unexpected();
        }
    }
    generic_options(cursor)?;
    Ok(Ast::CreateOther { kind, name })
}

/// Reads `OPTIONS (word 'literal', …)`, if it is next.
pub fn generic_options(cursor: &mut Cursor) -> Result<()> {
    if cursor.eat("OPTIONS") {
        for mut part in cursor.parens()?.list() {
            part.label()?;
            part.string()?;
            part.finish()?;
        }
    }
    Ok(())
}

pub fn create_type(cursor: &mut Cursor) -> Result<Ast> {
    cursor.expect("TYPE")?;
    let name = cursor.object_name()?;
    if cursor.done() {
        return Ok(Ast::CreateType(CreateType { name, kind: TypeKind::Shell }));
    }
    if cursor.is_kind(TokenKind::LParen) {
        cursor.parens()?;
        return Ok(Ast::CreateType(CreateType { name, kind: TypeKind::Base }));
    }
    cursor.expect("AS")?;
    let kind = if cursor.eat("ENUM") {
        let mut labels = Vec::new();
        for mut part in cursor.parens()?.list() {
            let start = part.pos;
            let label = part.string()?;
            part.finish()?;
            labels.push((label, part.span_from(start)));
        }
        TypeKind::Enum(labels)
    } else if cursor.eat("RANGE") {
        cursor.parens()?;
        TypeKind::Range
    } else {
        let mut attributes = Vec::new();
        for mut part in cursor.parens()?.list() {
            let attribute = part.ident()?;
            let ty = part.type_name()?;
            if part.eat("COLLATE") {
                part.object_name()?;
            }
            part.finish()?;
            attributes.push((attribute, ty));
        }
        TypeKind::Composite(attributes)
    };
    Ok(Ast::CreateType(CreateType { name, kind }))
}

pub fn alter_type(cursor: &mut Cursor) -> Result<Ast> {
    cursor.expect("TYPE")?;
    let object = reference(cursor, ObjectKind::Type)?;
    if cursor.eat("ADD VALUE") {
        let if_not_exists = cursor.eat("IF NOT EXISTS");
        let value = cursor.string()?;
        let before = if cursor.eat("BEFORE") { Some(cursor.string()?) } else { None };
        let after = if cursor.eat("AFTER") { Some(cursor.string()?) } else { None };
        return Ok(Ast::AlterEnum(AlterEnum { name: object.name, change: EnumChange::Add { value, if_not_exists, before, after } }));
    }
    if cursor.eat("RENAME VALUE") {
        let from = cursor.string()?;
        cursor.expect("TO")?;
        let to = cursor.string()?;
        return Ok(Ast::AlterEnum(AlterEnum { name: object.name, change: EnumChange::Rename { from, to } }));
    }
    if let Some(ast) = common_alter(cursor, &object)? {
        return Ok(ast);
    }
    if !cursor.is_any(&["ADD", "DROP", "ALTER", "RENAME", "SET"]) {
        return cursor.unexpected();
    }
    cursor.pos = cursor.end;
    Ok(Ast::AlterComposite(AlterComposite { name: object.name }))
}

pub fn create_domain(cursor: &mut Cursor) -> Result<Ast> {
    cursor.expect("DOMAIN")?;
    let name = cursor.object_name()?;
    cursor.eat("AS");
    let ty = cursor.type_name()?;
    let mut domain = CreateDomain { name, ty, not_null: false, default: None, checks: Vec::new() };
    while !cursor.done() {
        let constraint = if cursor.eat("CONSTRAINT") { Some(cursor.ident()?) } else { None };
        if cursor.eat("NOT NULL") {
            domain.not_null = true;
        } else if cursor.eat("NULL") {
        } else if cursor.eat("COLLATE") {
            cursor.object_name()?;
        } else if cursor.eat("DEFAULT") {
            let first = cursor.pos;
            let end = cursor.find(|probe| probe.pos > first && probe.is_any(&["CONSTRAINT", "NOT", "NULL", "CHECK", "COLLATE"]));
            domain.default = Some(sql::expression(cursor, end)?);
        } else {
            domain.checks.push((constraint, check(cursor)?));
        }
    }
    Ok(Ast::CreateDomain(domain))
}

fn check(cursor: &mut Cursor) -> Result<super::super::expression::Expr> {
    cursor.expect("CHECK")?;
    condition(cursor)
}

pub fn alter_domain(cursor: &mut Cursor) -> Result<Ast> {
    cursor.expect("DOMAIN")?;
    let object = reference(cursor, ObjectKind::Domain)?;
    if let Some(ast) = common_alter(cursor, &object)? {
        return Ok(ast);
    }
    let change = if cursor.eat("ADD") {
        let name = if cursor.eat("CONSTRAINT") { Some(cursor.ident()?) } else { None };
        if cursor.eat("NOT NULL") {
            DomainChange::NotNull(true)
        } else {
            let expr = check(cursor)?;
            cursor.eat("NOT VALID");
            DomainChange::AddCheck { name, expr }
        }
    } else if cursor.eat("DROP CONSTRAINT") {
        let if_exists = cursor.eat("IF EXISTS");
        let name = cursor.ident()?;
        let _ = cursor.eat("CASCADE") || cursor.eat("RESTRICT");
        DomainChange::DropConstraint { name, if_exists }
    } else if cursor.eat("SET NOT NULL") {
        DomainChange::NotNull(true)
    } else if cursor.eat("DROP NOT NULL") {
        DomainChange::NotNull(false)
    } else {
        if !cursor.is_any(&["SET", "DROP", "VALIDATE", "RENAME"]) {
            return cursor.unexpected();
        }
        cursor.pos = cursor.end;
        DomainChange::Other
    };
    Ok(Ast::AlterDomain(AlterDomain { name: object.name, change }))
}

pub fn create_sequence(cursor: &mut Cursor, temporary: bool) -> Result<Ast> {
    cursor.expect("SEQUENCE")?;
    let if_not_exists = cursor.eat("IF NOT EXISTS");
    let name = cursor.object_name()?;
    let owned_by = table::sequence_options(cursor)?;
    Ok(Ast::CreateSequence(CreateSequence { name, if_not_exists, temporary, owned_by }))
}

pub fn create_schema(cursor: &mut Cursor) -> Result<Ast> {
    cursor.expect("SCHEMA")?;
    let if_not_exists = cursor.eat("IF NOT EXISTS");
    let mut name = if cursor.is("AUTHORIZATION") { None } else { Some(cursor.ident()?) };
    let owner = if cursor.eat("AUTHORIZATION") { Some(access::role(cursor)?) } else { None };
    name = name.or_else(|| owner.clone());
    let Some(name) = name else { return cursor.unexpected() };
    let mut elements = Vec::new();
    while cursor.is_any(&["CREATE", "GRANT"]) {
        let start = cursor.pos;
        let first = cursor.pos;
        let end = cursor.find(|probe| probe.pos > first && probe.is_any(&["CREATE", "GRANT"]));
        let mut part = cursor.part(start, end);
        let ast = read(&mut part)?;
        part.finish()?;
        cursor.pos = end;
        elements.push(Statement { span: cursor.span_from(start), form: Form::Read(Box::new(ast)), newer: None });
    }
    Ok(Ast::CreateSchema(CreateSchema { name, if_not_exists, owner, elements }))
}

pub fn create_extension(cursor: &mut Cursor) -> Result<Ast> {
    cursor.expect("EXTENSION")?;
    let if_not_exists = cursor.eat("IF NOT EXISTS");
    let name = cursor.ident()?;
    let mut extension = CreateExtension { name, if_not_exists, schema: None, cascade: false };
    cursor.eat("WITH");
    while !cursor.done() {
        if cursor.eat("SCHEMA") {
            extension.schema = Some(cursor.ident()?);
        } else if cursor.eat("VERSION") {
            if cursor.is_string() {
                cursor.string()?;
            } else {
                cursor.unreserved()?;
            }
        } else if cursor.eat("CASCADE") {
            extension.cascade = true;
        } else {
            return cursor.unexpected();
        }
    }
    Ok(Ast::CreateExtension(extension))
}

pub fn create_publication(cursor: &mut Cursor) -> Result<Ast> {
    cursor.expect("PUBLICATION")?;
    let mut publication = CreatePublication { name: cursor.ident()?, all_tables: false, schemas: Vec::new(), tables: Vec::new() };
    if cursor.eat("FOR ALL TABLES") {
        publication.all_tables = true;
    } else if cursor.eat("FOR") {
        (publication.tables, publication.schemas) = publication_objects(cursor)?;
    }
    if cursor.eat("WITH") {
        cursor.parens()?;
    }
    Ok(Ast::CreatePublication(publication))
}

fn publication_objects(cursor: &mut Cursor) -> Result<(Vec<ObjectName>, Vec<Ident>)> {
    let (mut tables, mut schemas) = (Vec::new(), Vec::new());
    let mut of_schema = false;
    loop {
        if cursor.eat("TABLES IN SCHEMA") {
            of_schema = true;
        } else if cursor.eat("TABLE") {
            of_schema = false;
        }
        if of_schema {
            schemas.push(if cursor.is("CURRENT_SCHEMA") { cursor.label()? } else { cursor.ident()? });
        } else {
            cursor.eat("ONLY");
            tables.push(cursor.object_name()?);
            cursor.eat_op("*");
            if cursor.is_kind(TokenKind::LParen) {
                cursor.ident_list()?;
            }
            if cursor.eat("WHERE") {
                cursor.parens()?;
            }
        }
        if !cursor.eat_kind(TokenKind::Comma) {
            return Ok((tables, schemas));
        }
    }
}

pub fn alter_publication(cursor: &mut Cursor) -> Result<Ast> {
    cursor.expect("PUBLICATION")?;
    let object = reference(cursor, ObjectKind::Publication)?;
    if let Some(ast) = common_alter(cursor, &object)? {
        return Ok(ast);
    }
    let Some(name) = object.name.parts.into_iter().next() else { return cursor.unexpected() };
    let is_options = cursor.is("SET") && cursor.ahead(1).is_some_and(|token| token.kind == TokenKind::LParen);
    let change = if is_options {
        cursor.pos = cursor.end;
        PublicationChange::Options
    } else if cursor.eat("ADD") {
        let (tables, schemas) = publication_objects(cursor)?;
        PublicationChange::Add { tables, schemas }
    } else if cursor.eat("SET") {
        let (tables, schemas) = publication_objects(cursor)?;
        PublicationChange::Set { tables, schemas }
    } else {
        cursor.expect("DROP")?;
        let (tables, schemas) = publication_objects(cursor)?;
        PublicationChange::Drop { tables, schemas }
    };
    Ok(Ast::AlterPublication(AlterPublication { name, change }))
}
