//! Exports of a file that queries of other files can depend on.

use super::client::{self, Evidence, Known, function_start, known};
use super::code::{Code, Constant, MAX_STEPS, awaited};
use super::value;
use crate::shape::{Export, Import, Module};
use oxc_ast::ast::{
    BindingPatternKind, Declaration, ExportDefaultDeclarationKind, Expression, ObjectPropertyKind, Program, Statement, TSEnumMemberName,
};
use smol_str::SmolStr;

/// Largest number of members of a constant object that are exported.
const MAX_MEMBERS: usize = 2_000;

/// Reads the exports of a file.
pub fn exports<'a>(code: &Code<'a, '_>, program: &'a Program<'a>, module: &mut Module) {
    for statement in &program.body {
        match statement {
            Statement::ExportNamedDeclaration(export) => {
                if let Some(declaration) = &export.declaration {
                    self::declaration(code, declaration, module);
                }
                for specifier in &export.specifiers {
                    let name = SmolStr::new(specifier.exported.name());
                    let local = specifier.local.name();
                    match &export.source {
                        Some(source) => {
                            let import = Import { module: SmolStr::new(source.value), name: SmolStr::new(local) };
                            module.exports.push((name, Export::Forward(import)));
                        }
                        None => {
                            if let Some(value) = local_value(code, program, &local) {
                                module.exports.push((name, value));
                            }
                        }
                    }
                }
            }
            Statement::ExportAllDeclaration(export) if export.exported.is_none() => module.stars.push(SmolStr::new(export.source.value)),
            Statement::ExportDefaultDeclaration(export) => {
                let value = match &export.declaration {
                    ExportDefaultDeclarationKind::FunctionDeclaration(function) => self::returned(code, function.span.start),
                    other => other.as_expression().and_then(|value| self::value(code, value, 0)),
                };
                module.exports.extend(value.map(|value| (SmolStr::new_static("default"), value)));
            }
            _ => {}
        }
    }
}

fn declaration<'a>(code: &Code<'a, '_>, declaration: &'a Declaration<'a>, module: &mut Module) {
    match declaration {
        Declaration::VariableDeclaration(variables) => {
            for declarator in &variables.declarations {
                if let (BindingPatternKind::BindingIdentifier(name), Some(init)) = (&declarator.id.kind, &declarator.init)
                    && let Some(value) = value(code, init, 0)
                {
                    module.exports.push((SmolStr::new(name.name), value));
                }
            }
        }
        Declaration::FunctionDeclaration(function) => {
            if let Some(name) = &function.id
                && let Some(value) = self::returned(code, function.span.start)
            {
                module.exports.push((SmolStr::new(name.name), value));
            }
        }
        Declaration::TSEnumDeclaration(declaration) => {
            let members = declaration.body.members.iter().filter_map(|member| {
                let name = match &member.id {
                    TSEnumMemberName::Identifier(id) => id.name,
                    TSEnumMemberName::String(id) => id.value,
                    _ => return None,
                };
                Some((SmolStr::new(name), text(code, member.initializer.as_ref()?)?))
            });
            module.exports.push((SmolStr::new(declaration.id.name), Export::Object(members.take(MAX_MEMBERS).collect())));
        }
        _ => {}
    }
}

/// Returns the value of a variable or function that an export list names.
fn local_value<'a>(code: &Code<'a, '_>, program: &'a Program<'a>, name: &str) -> Option<Export> {
    for statement in &program.body {
        match statement {
            Statement::VariableDeclaration(variables) => {
                for declarator in &variables.declarations {
                    if let (BindingPatternKind::BindingIdentifier(own), Some(init)) = (&declarator.id.kind, &declarator.init)
                        && own.name == name
                    {
                        return value(code, init, 0);
                    }
                }
            }
            Statement::FunctionDeclaration(function) if function.id.as_ref().is_some_and(|own| own.name == name) => {
                return self::returned(code, function.span.start);
            }
            Statement::ImportDeclaration(import) => {
                for specifier in import.specifiers.iter().flatten() {
                    if specifier.local().name == name {
                        let imported = match specifier {
                            oxc_ast::ast::ImportDeclarationSpecifier::ImportSpecifier(specifier) => specifier.imported.name(),
                            oxc_ast::ast::ImportDeclarationSpecifier::ImportDefaultSpecifier(_) => "default".into(),
                            oxc_ast::ast::ImportDeclarationSpecifier::ImportNamespaceSpecifier(_) => "*".into(),
                        };
                        return Some(Export::Forward(Import { module: SmolStr::new(import.source.value), name: SmolStr::new(imported) }));
                    }
                }
            }
            _ => {}
        }
    }
    None
}

fn text<'a>(code: &Code<'a, '_>, expression: &'a Expression<'a>) -> Option<Export> {
    let text = value::text(code, expression, MAX_STEPS).filter(|text| !text.has_holes())?;
    Some(Export::Text(SmolStr::new(text.value)))
}

fn of_client(known: Known) -> Option<Export> {
    match known {
        Known { import: Some((import, path)), .. } if path.is_empty() => Some(Export::Forward(import)),
        Known { evidence: Evidence::Origin, kind, schema, .. } => Some(Export::Client { kind, schema }),
        _ => None,
    }
}

fn value<'a>(code: &Code<'a, '_>, expression: &'a Expression<'a>, depth: usize) -> Option<Export> {
    if depth > 3 {
        return None;
    }
    if let Some(text) = text(code, expression) {
        return Some(text);
    }
    let constant = match code.constant(expression, MAX_STEPS) {
        Constant::Import(import, path) if path.is_empty() => return Some(Export::Forward(import)),
        Constant::Value(value) => value,
        _ => return None,
    };
    if let Expression::ObjectExpression(object) = constant {
        let members = object.properties.iter().filter_map(|property| match property {
            ObjectPropertyKind::ObjectProperty(property) => {
                let name = property.key.static_name()?;
                Some((SmolStr::new(name), value(code, &property.value, depth + 1)?))
            }
            ObjectPropertyKind::SpreadProperty(_) => None,
        });
        return Some(Export::Object(members.take(MAX_MEMBERS).collect()));
    }
    match function_start(code, constant, MAX_STEPS) {
        Some(start) => returned(code, start),
        None => of_client(known(code, expression, MAX_STEPS)),
    }
}

/// Returns the client that a function returns, or the clients in the object that it returns.
fn returned(code: &Code, function: u32) -> Option<Export> {
    if let Some(found) = client::returned(code, function, MAX_STEPS).and_then(of_client) {
        return Some(found);
    }
    let members = code.returns.get(&function)?.iter().filter_map(|value| match awaited(value) {
        Expression::ObjectExpression(object) => Some(object),
        _ => None,
    });
    let mut out: Vec<(SmolStr, Export)> = Vec::new();
    for property in members.flat_map(|object| &object.properties) {
        if let ObjectPropertyKind::ObjectProperty(property) = property
            && let Some(name) = property.key.static_name()
            && let Some(client) = of_client(known(code, &property.value, MAX_STEPS))
        {
            match out.iter().position(|(own, _)| *own == name.as_ref()) {
                Some(at) if out[at].1 != client => {
                    out.remove(at);
                }
                Some(_) => {}
                None => out.push((SmolStr::new(name), client)),
            }
        }
    }
    (!out.is_empty()).then_some(Export::Object(out))
}
