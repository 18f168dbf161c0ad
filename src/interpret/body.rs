//! Bodies of SQL functions, which PostgreSQL reads when the function is made: what they name must exist by then. Bodies in
//! other languages are read when they run. Source: PostgreSQL's documentation, `check_function_bodies`.

use super::Context;
use super::bind::{Binder, Scopes};
use crate::catalog::object::Certainty;
use crate::catalog::{Catalog, Contradiction};
use crate::source::{FileId, Site};
use crate::syntax::ast::{Ast, Body, CreateFunction, Form, SettingValue};
use crate::syntax::expression::Data;
use crate::syntax::parser;
use crate::syntax::split::Splitter;
use smol_str::SmolStr;

/// The search path that the function sets for itself.
pub fn own_search_path(create: &CreateFunction) -> Option<Vec<SmolStr>> {
    create.options.settings.iter().rev().find_map(|(name, value, _)| match value {
        Some(SettingValue::List(path)) if name == "search_path" => Some(path.iter().filter(|schema| !schema.is_empty()).cloned().collect()),
        _ => None,
    })
}

/// Why PostgreSQL would reject the body, or whether it relies on something that no migration creates. `catalog` holds the function
/// already, and its search path is the function's own.
pub fn check(catalog: &Catalog, text: &str, create: &CreateFunction) -> Result<bool, Contradiction> {
    // with a polymorphic argument there are no types to read the body with, and PostgreSQL leaves it for later
    if create.args.iter().any(|arg| arg.ty.name.last().starts_with("any")) {
        return Ok(false);
    }
    let mut relies = false;
    match &create.body {
        Body::Code(code) if create.language == "sql" => {
            let body = code.unescaped.as_deref().unwrap_or_else(|| code.inner.of(text));
            for raw in Splitter::new(body) {
                let Form::Read(ast) = parser::statement(body, &raw).form else { return Ok(relies) };
                match *ast {
                    Ast::Data(data) => relies |= bind(catalog, create, data)?,
                    // what it does can't be seen without doing it
                    _ => return Ok(relies),
                }
            }
        }
        Body::Sql { statements, .. } => {
            for data in statements {
                relies |= bind(catalog, create, data.clone())?;
            }
        }
        Body::Code(_) | Body::None => {}
    }
    Ok(relies)
}

fn bind(catalog: &Catalog, create: &CreateFunction, mut data: Data) -> Result<bool, Contradiction> {
    let nowhere = Site::new(FileId::PLATFORM, Default::default());
    let mut context = Context::new(catalog, nowhere, Certainty::Certain);
    let names = create.args.iter().filter_map(|arg| arg.name.as_ref().map(|name| name.name.clone()));
    let variables = names.chain([SmolStr::from(create.name.last())]).collect();
    let mut scopes = Scopes::default();
    scopes.variables = variables;
    Binder::new(&mut context, scopes).data(&mut data)?;
    Ok(context.relies.get())
}
