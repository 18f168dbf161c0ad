//! Objects that a statement creates.

use super::run::extension_script;
use crate::catalog::ObjectKey;
use crate::syntax::ast::{AlterAction, Ast, ObjectKind, TableElement};
use crate::syntax::expression::ObjectName;
use crate::syntax::parser;
use crate::syntax::split::Splitter;
use smol_str::SmolStr;

/// Returns an extension and the objects of its script.
fn of_extension(name: &SmolStr) -> Vec<ObjectKey> {
    let mut made = vec![ObjectKey::plain("extension", name.clone())];
    let Some((schema, script)) = extension_script(name) else { return made };
    made.extend(schema.map(|schema| ObjectKey::plain("schema", schema)));
    for raw in Splitter::new(script) {
        if let Some(ast) = parser::statement(script, &raw).ast(false) {
            made.extend(creates(ast));
        }
    }
    made
}

/// Returns the objects that a statement creates if it succeeds.
pub fn creates(ast: &Ast) -> Vec<ObjectKey> {
    let one = |class, name: &ObjectName| vec![ObjectKey::new(class, name)];
    // each relation also has a row type
    let relation = |name: &ObjectName| vec![ObjectKey::new("relation", name), ObjectKey::new("type", name)];
    match ast {
        Ast::CreateTable(create) => {
            let columns = create.elements.iter().filter_map(|element| match element {
                TableElement::Column(column) => Some(ObjectKey::of_table("column", column.name.name.clone(), create.name.last())),
                _ => None,
            });
            relation(&create.name).into_iter().chain(columns).collect()
        }
        Ast::CreateTableAs(create) => relation(&create.name),
        Ast::CreateView(create) => relation(&create.name),
        Ast::CreateSequence(create) => one("relation", &create.name),
        Ast::CreateFunction(create) | Ast::CreateAggregate(create) => one("function", &create.name),
        Ast::CreateType(create) => one("type", &create.name),
        Ast::CreateDomain(create) => one("type", &create.name),
        Ast::CreateExtension(create) => of_extension(&create.name.name),
        Ast::CreateSchema(create) => vec![ObjectKey::plain("schema", create.name.name.clone())],
        Ast::CreateRole(create) => vec![ObjectKey::plain("role", create.name.name.clone())],
        Ast::CreateIndex(create) => {
            create.name.iter().flat_map(|name| [ObjectKey::new("index", name), ObjectKey::new("relation", name)]).collect()
        }
        Ast::CreatePolicy(create) => vec![ObjectKey::of_table("policy", create.name.name.clone(), create.table.last())],
        Ast::AlterTable(alter) => {
            let column = |action: &AlterAction| match action {
                AlterAction::AddColumn { column, .. } => Some(ObjectKey::of_table("column", column.name.name.clone(), alter.name.last())),
                _ => None,
            };
            alter.actions.iter().filter_map(|(_, action)| column(action)).collect()
        }
        Ast::Rename(rename) => {
            let to = rename.to.name.clone();
            match (rename.object.kind, &rename.object.on) {
                (ObjectKind::Column, Some(table)) => vec![ObjectKey::of_table("column", to, table.last())],
                (ObjectKind::Function | ObjectKind::Procedure | ObjectKind::Aggregate, _) => vec![ObjectKey::plain("function", to)],
                (ObjectKind::Type | ObjectKind::Domain, _) => vec![ObjectKey::plain("type", to)],
                (ObjectKind::Schema, _) => vec![ObjectKey::plain("schema", to)],
                (ObjectKind::Role, _) => vec![ObjectKey::plain("role", to)],
                _ => vec![ObjectKey::plain("relation", to)],
            }
        }
        _ => Vec::new(),
    }
}
