//! Checks of function bodies that PostgreSQL makes when it creates the function. Objects in SQL bodies must exist, and tables of row
//! variables in PL/pgSQL. The rest is checked when the function runs. Source: PostgreSQL's documentation,
//! `check_function_bodies`.

use super::Context;
use super::bind::{Binder, Scopes};
use crate::catalog::object::Certainty;
use crate::catalog::{Catalog, SqlError, is_extension_schema};
use crate::source::{FileId, Site};
use crate::syntax::ast::{Ast, Body, Code, CreateFunction, Form, SettingValue};
use crate::syntax::expression::Data;
use crate::syntax::plpgsql::{DeclKind, Routine};
use smol_str::SmolStr;

/// Returns the search_path in the settings of the function.
pub fn own_search_path(create: &CreateFunction) -> Option<Vec<SmolStr>> {
    create.options.settings.iter().rev().find_map(|(name, value, _)| match value {
        Some(SettingValue::List(path)) if name == "search_path" => Some(path.iter().filter(|schema| !schema.is_empty()).cloned().collect()),
        _ => None,
    })
}

/// Returns PostgreSQL's error for the body, or whether the body depends on an object that no migration creates. `catalog` must already
/// contain the function, and its search_path must be that of the function.
pub fn check(catalog: &Catalog, create: &CreateFunction) -> Result<bool, SqlError> {
    // PostgreSQL does not check bodies with polymorphic arguments
    if create.args.iter().any(|arg| arg.ty.name.last().starts_with("any")) {
        return Ok(false);
    }
    let mut relies = false;
    match &create.body {
        Body::Code(code) if create.language == "sql" => {
            for statement in code.statements().into_iter().flat_map(|statements| statements.iter()) {
                let Form::Read(ast) = &statement.form else { return Ok(relies) };
                match &**ast {
                    Ast::Data(data) => relies |= bind(catalog, create, data.clone())?,
                    // the effects of other statements are unknown
                    _ => return Ok(relies),
                }
            }
        }
        Body::Sql { statements, .. } => {
            for data in statements {
                relies |= bind(catalog, create, data.clone())?;
            }
        }
        Body::Code(code) => {
            if let Some(routine) = code.routine() {
                relies = declared(catalog, routine)?;
            }
        }
        Body::None => {}
    }
    Ok(relies)
}

/// Returns whether a body in PL/pgSQL may contain `%ROWTYPE`, whose table must exist when the function is created.
pub fn may_declare_rows(text: &str, code: &Code) -> bool {
    const ROWS: &str = "%rowtype";
    let body = code.text(text);
    body.match_indices('%').any(|(at, _)| body.get(at..at + ROWS.len()).is_some_and(|word| word.eq_ignore_ascii_case(ROWS)))
}

/// Returns the error of PL/pgSQL's compiler for the declared variables, or whether they depend on an object that no migration creates.
pub fn declared(catalog: &Catalog, routine: &Routine) -> Result<bool, SqlError> {
    let nowhere = Site::new(FileId::PLATFORM, Default::default());
    let mut context = Context::new(catalog, nowhere, Certainty::Certain);
    for declaration in routine.declarations() {
        if let DeclKind::Variable { ty, .. } = &declaration.kind
            && ty.of_row
            && catalog.find_type(&ty.name).is_none()
        {
            // an extension that was enabled in the dashboard has created its schema
            if let Some(schema) = ty.name.schema().filter(|schema| !catalog.has_schema(schema) && !is_extension_schema(schema)) {
                return Err(SqlError::new("3F000", format!("schema \"{schema}\" does not exist")));
            }
            context.relation(&ty.name)?;
        }
    }
    Ok(context.relies.get())
}

fn bind(catalog: &Catalog, create: &CreateFunction, mut data: Data) -> Result<bool, SqlError> {
    let nowhere = Site::new(FileId::PLATFORM, Default::default());
    let mut context = Context::new(catalog, nowhere, Certainty::Certain);
    let names = create.args.iter().filter_map(|arg| arg.name.as_ref().map(|name| name.name.clone()));
    let variables = names.chain([SmolStr::from(create.name.last())]).collect();
    let mut scopes = Scopes::default();
    scopes.variables = variables;
    Binder::new(&mut context, scopes).data(&mut data)?;
    Ok(context.relies.get())
}
