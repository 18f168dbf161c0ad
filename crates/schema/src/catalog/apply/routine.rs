//! Changes of views, functions and enum labels. A replaced object keeps its owner and grants.

use super::duplicate;
use crate::catalog::name::QName;
use crate::catalog::object::*;
use crate::catalog::{Applied, Catalog, RelationKind, SqlError};
use crate::source::Site;
use crate::syntax::ast::{FunctionOptions, SettingValue};
use smol_str::{SmolStr, format_smolstr};

impl Catalog {
    pub(super) fn create_view(&mut self, mut view: View, replace: bool) -> Applied {
        let name = view.name.clone();
        match self.relation_kind(&name) {
            Some(RelationKind::View) if replace => {
                let Some(known) = self.views.get(&name) else { return Ok(()) };
                if known.columns_known && view.columns_known {
                    let kept = known.columns.len() <= view.columns.len();
                    let renamed = known.columns.iter().zip(&view.columns).find(|(old, new)| old.name != new.name);
                    if let Some((old, new)) = renamed {
                        let reason = format!("cannot change name of view column \"{}\" to \"{}\"", old.name, new.name);
                        return Err(SqlError::new("42P16", reason));
                    }
                    for (old, new) in known.columns.iter().zip(&view.columns) {
                        let (Some(before), Some(after)) = (&old.ty, &new.ty) else { continue };
                        let known = !before.is("unknown") && !after.is("unknown");
                        if known && before.signature() != after.signature() {
                            let (name, before, after) = (&old.name, before.canonical(), after.canonical());
                            let reason = format!("cannot change data type of view column \"{name}\" from {before} to {after}");
                            return Err(SqlError::new("42P16", reason));
                        }
                    }
                    if !kept {
                        return Err(SqlError::new("42P16", "cannot drop columns from view"));
                    }
                }
                // owner, grants and triggers are kept, and options are replaced
                view.acl = known.acl.clone();
                view.owner = known.owner.clone();
                view.triggers = known.triggers.clone();
            }
            Some(kind) if replace => {
                debug_assert!(kind != RelationKind::View);
                return Err(SqlError::new("42809", format!("\"{}\" is not a view", name.name)));
            }
            Some(_) => return Err(duplicate("42P07", "relation", &name.name)),
            None => {}
        }
        self.views.insert(name, view);
        Ok(())
    }

    pub(super) fn create_function(&mut self, function: Function, replace: bool) -> Applied {
        let signature = function.signature();
        let Some(known) = self.function_mut(&function.name, &signature) else {
            let mut overloads = self.functions.get(&function.name).cloned().unwrap_or_default();
            let name = function.name.clone();
            // most functions have no overload
            overloads.reserve_exact(1);
            overloads.push(function);
            self.functions.insert(name, overloads);
            return Ok(());
        };
        if !replace {
            let reason = format!("function \"{}\" already exists with same argument types", function.name.name);
            return Err(SqlError::new("42723", reason));
        }
        if known.kind != function.kind {
            return Err(SqlError::new("42809", "cannot change routine kind"));
        }
        if result(known) != result(&function) {
            return Err(SqlError::new("42P13", "cannot change return type of existing function"));
        }
        for (old, new) in known.inputs().zip(function.inputs()) {
            if let Some(name) = &old.name
                && new.name.as_ref() != Some(name)
            {
                return Err(SqlError::new("42P13", format!("cannot change name of input parameter \"{name}\"")));
            }
            if old.default.is_some() && new.default.is_none() {
                return Err(SqlError::new("42P13", "cannot remove parameter defaults from existing function"));
            }
        }
        // owner and grants are kept
        let (owner, acl) = (known.owner.clone(), known.acl.clone());
        *known = Function { owner, acl, ..function };
        Ok(())
    }

    pub(super) fn rename_function(&mut self, name: &QName, signature: &[SmolStr], to: &QName) {
        self.rename_calls(name, signature, to);
        let Some(overloads) = self.functions.get_mut(name) else { return };
        let Some(at) = overloads.iter().position(|function| function.signature() == signature) else { return };
        let function = Function { name: to.clone(), ..overloads.remove(at) };
        if overloads.is_empty() {
            self.functions.remove(name);
        }
        let mut target = self.functions.get(to).cloned().unwrap_or_default();
        target.push(function);
        self.functions.insert(to.clone(), target);
        self.tables.update(
            |table| table.triggers.iter().any(|trigger| trigger.function == *name),
            |table| table.triggers.iter_mut().filter(|trigger| trigger.function == *name).for_each(|trigger| trigger.function = to.clone()),
        );
    }

    pub(super) fn add_label(&mut self, name: &QName, label: String, before: Option<String>, after: Option<String>, at: Site) -> Applied {
        let Some(labels) = self.labels_mut(name) else { return Ok(()) };
        if labels.iter().any(|known| known.text == label) {
            return Err(duplicate("42710", "enum label", &label));
        }
        let neighbour = before.as_ref().or(after.as_ref());
        let position = match neighbour {
            None => labels.len(),
            Some(text) => match labels.iter().position(|known| known.text == *text) {
                Some(found) => found + after.is_some() as usize,
                None => return Err(SqlError::new("22023", format!("\"{text}\" is not an existing enum label"))),
            },
        };
        labels.insert(position, Label { text: label, at });
        Ok(())
    }
}

/// Type of a function's result, whether the function returns a set, and the names and types of several output columns.
type ResultType = (Option<SmolStr>, bool, Vec<(Option<SmolStr>, SmolStr)>);

/// Returns the result type that CREATE OR REPLACE FUNCTION cannot change. One output column is a type of its own. Several are a row type,
/// which consists of their names and types.
fn result(function: &Function) -> ResultType {
    let outputs: Vec<&Argument> = function.outputs().collect();
    let set = function.returns.as_ref().is_some_and(|ty| ty.setof) || outputs.iter().any(|arg| arg.mode == ArgMode::Table);
    match outputs.as_slice() {
        [] => (function.returns.as_ref().map(DataType::signature), set, Vec::new()),
        [only] if function.kind == RoutineKind::Function => (Some(only.ty.signature()), set, Vec::new()),
        several => (None, set, several.iter().map(|arg| (arg.name.clone(), arg.ty.signature())).collect()),
    }
}

/// Sets the options of CREATE and ALTER FUNCTION.
pub fn alter_function(function: &mut Function, options: &FunctionOptions, at: Site, certainty: Certainty) {
    if let Some(volatility) = options.volatility {
        function.volatility = volatility;
    }
    if let Some((definer, span)) = options.security_definer {
        function.security_definer = Fact { value: definer, at: at.in_same_file(span), certainty };
    }
    if let Some(strict) = options.strict {
        function.strict = strict;
    }
    for (name, value, _) in &options.settings {
        if name == "*" {
            function.settings.clear();
            continue;
        }
        function.settings.retain(|(known, _)| known != name);
        if let Some(SettingValue::List(values)) = value {
            function.settings.push((name.clone(), setting_text(name, values)));
        }
    }
}

/// Returns a setting as pg_proc.proconfig stores it, with quoted names in a search path where necessary.
fn setting_text(name: &str, values: &[SmolStr]) -> SmolStr {
    if name == "search_path" {
        let list: Vec<String> = values
            .iter()
            .map(|value| {
                let plain = value.starts_with(|c: char| c.is_ascii_lowercase() || c == '_')
                    && value.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == '$');
                if plain { value.to_string() } else { format!("\"{}\"", value.replace('"', "\"\"")) }
            })
            .collect();
        return list.join(", ").into();
    }
    format_smolstr!("{}", values.join(", "))
}
