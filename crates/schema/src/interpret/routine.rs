//! Functions, procedures and triggers.

use super::bind::Item;
use super::{Context, Meaning, builtin};
use crate::catalog::apply::alter_function;
use crate::catalog::creation_index::ObjectClass;
use crate::catalog::effect::Change;
use crate::catalog::name::QName;
use crate::catalog::object::*;
use crate::catalog::{ObjectKey, RelationKind, SqlError};
use crate::syntax::ast::{
    AlterFunction, ArgMode, CreateEventTrigger, CreateFunction, CreateTrigger, FunctionArg, ObjectKind, ObjectRef, TriggerTime,
};
use crate::syntax::expression::{Expr, ExprKind, ObjectName};
use smol_str::SmolStr;
use std::sync::Arc;

/// Returns an error if the relation cannot have a trigger of this form.
fn check_trigger(create: &CreateTrigger, kind: Option<RelationKind>, relation: &QName) -> Meaning {
    let refuse = |code, reason: &str| Err(SqlError::new(code, reason));
    let is_view = kind == Some(RelationKind::View);
    let instead = create.time == TriggerTime::InsteadOf;
    let on = |event: &str| create.events.iter().any(|known| known == event);
    if kind == Some(RelationKind::Table) && instead {
        return Err(SqlError::new("42809", format!("\"{}\" is a table", relation.name)));
    }
    if is_view && (!instead && create.for_each_row || on("truncate")) {
        return Err(SqlError::new("42809", format!("\"{}\" is a view", relation.name)));
    }
    if on("truncate") && create.for_each_row {
        return refuse("0A000", "TRUNCATE FOR EACH ROW triggers are not supported");
    }
    if instead && !create.for_each_row {
        return refuse("0A000", "INSTEAD OF triggers must be FOR EACH ROW");
    }
    if instead && create.when.is_some() {
        return refuse("0A000", "INSTEAD OF triggers cannot have WHEN conditions");
    }
    let Some(when) = &create.when else { return Ok(()) };
    if !when.queries().is_empty() {
        return refuse("0A000", "cannot use subquery in trigger WHEN condition");
    }
    let names = |row: &str| when.all().iter().any(|part| matches!(&part.kind, ExprKind::Column { path, .. } if path[0] == row));
    if !create.for_each_row && (names("new") || names("old")) {
        return refuse("42P17", "statement trigger's WHEN condition cannot reference column values");
    }
    if on("insert") && names("old") {
        return refuse("42P17", "INSERT trigger's WHEN condition cannot reference OLD values");
    }
    if on("delete") && names("new") {
        return refuse("42P17", "DELETE trigger's WHEN condition cannot reference NEW values");
    }
    Ok(())
}

/// Returns an error if the arguments or the result of a function are invalid.
fn check_signature(create: &CreateFunction, kind: RoutineKind) -> Meaning {
    let invalid = |reason: String| Err(SqlError::new("42P13", reason));
    let is_input = |mode: ArgMode| !matches!(mode, ArgMode::Out | ArgMode::Table);
    let inputs = create.args.iter().filter(|arg| is_input(arg.mode) && arg.mode != ArgMode::Variadic);
    let mut defaulted = false;
    for arg in inputs {
        if defaulted && arg.default.is_none() {
            return invalid("input parameters after one with a default value must also have defaults".into());
        }
        defaulted = arg.default.is_some();
    }
    for (at, arg) in create.args.iter().enumerate() {
        let Some(name) = &arg.name else { continue };
        // an input and an output can have the same name
        let clashes = |before: &&FunctionArg| {
            before.name.as_ref().is_some_and(|known| known.name == name.name)
                && (is_input(before.mode) == is_input(arg.mode) || [before.mode, arg.mode].contains(&ArgMode::InOut))
        };
        if create.args[..at].iter().any(|before| clashes(&before)) {
            return invalid(format!("parameter name \"{}\" used more than once", name.name));
        }
    }
    let returns = |ty: &str| create.returns.as_ref().is_some_and(|returned| returned.is(ty));
    if kind == RoutineKind::Function
        && create.returns.is_none()
        && create.args.iter().all(|arg| is_input(arg.mode) && arg.mode != ArgMode::InOut)
    {
        return invalid("function result type must be specified".into());
    }
    if returns("trigger") {
        if create.language == "sql" {
            return invalid("SQL functions cannot return type trigger".into());
        }
        if create.language == "plpgsql" && !create.args.is_empty() {
            return invalid("trigger functions cannot have declared arguments".into());
        }
    }
    Ok(())
}

impl Context<'_> {
    fn argument(&self, arg: FunctionArg) -> Argument {
        Argument {
            mode: arg.mode,
            name: arg.name.map(|name| name.name),
            ty: self.data_type(&arg.ty),
            default: arg.default.map(|expr| Expression::new(self.file, expr)),
            at: self.site(arg.span),
        }
    }

    pub fn create_routine(&mut self, create: CreateFunction, kind: RoutineKind) -> Meaning {
        let name = self.place(&create.name, false)?;
        create.args.iter().map(|arg| &arg.ty).chain(&create.returns).try_for_each(|ty| self.require_type(ty))?;
        check_signature(&create, kind)?;
        let definer = create.options.security_definer.map_or(self.at, |(_, span)| self.site(span));
        let mut function = Function {
            acl: self.catalog.initial_acl(ObjectKind::Function, &name.schema, self.at, self.certainty),
            name,
            kind,
            args: create.args.into_iter().map(|arg| self.argument(arg)).collect(),
            returns: create.returns.map(|ty| self.data_type(&ty)),
            language: create.language,
            volatility: Volatility::Volatile,
            security_definer: Fact { value: false, at: definer, certainty: self.certainty },
            strict: false,
            settings: Vec::new(),
            body: Arc::new(create.body),
            at: self.at,
            named: self.site(create.name.span()),
            certainty: self.certainty,
            owner: self.catalog.current_role(),
            of_extension: self.of_extension,
        };
        alter_function(&mut function, &create.options, self.at, self.certainty);
        self.emit(Change::CreateFunction { function: Box::new(function), replace: create.or_replace });
        Ok(())
    }

    /// Returns the function of a name, or `None` if no migration creates a function of that name.
    pub fn function(&self, object: &ObjectRef) -> Result<Option<(QName, Vec<SmolStr>)>, SqlError> {
        self.find_function(&object.name, object.args.as_ref().map(|args| args.iter().map(|ty| self.data_type(ty).signature()).collect()))
    }

    fn find_function(&self, name: &ObjectName, signature: Option<Vec<SmolStr>>) -> Result<Option<(QName, Vec<SmolStr>)>, SqlError> {
        let unknown = |signature: &[SmolStr]| {
            self.no_schema_of(name).unwrap_or_else(|| {
                SqlError::new("42883", format!("function {name}({}) does not exist", signature.join(", ")))
                    .missing(ObjectKey::new("function", name))
            })
        };
        let Some(found) = self.catalog.find_functions(name) else {
            if !(name.schema().is_none_or(|schema| schema == "pg_catalog") && builtin::is_function(name.last())) {
                self.absent(ObjectClass::Function, name, || unknown(&signature.unwrap_or_default()))?;
            }
            return Ok(None);
        };
        let overloads = self.catalog.functions.get(&found).map(Vec::as_slice).unwrap_or_default();
        match signature {
            Some(signature) if overloads.iter().any(|function| function.signature() == signature) => Ok(Some((found, signature))),
            // the arguments of ordered-set aggregates are not all known
            Some(_) if overloads.iter().any(|function| function.kind == RoutineKind::Aggregate) => Ok(None),
            Some(signature) => Err(unknown(&signature)),
            None => match overloads {
                [only] => Ok(Some((found, only.signature()))),
                _ => Err(SqlError::new("42725", format!("function name \"{name}\" is not unique"))),
            },
        }
    }

    pub fn alter_function(&mut self, alter: AlterFunction) -> Meaning {
        if let Some((name, signature)) = self.function(&alter.object)? {
            self.emit(Change::AlterFunction { name, signature, options: alter.options });
        }
        Ok(())
    }

    /// Returns an error if the schema of the name does not exist. PostgreSQL checks the schema first.
    pub(super) fn no_schema_of(&self, name: &ObjectName) -> Option<SqlError> {
        let schema = name.schema().filter(|schema| !self.catalog.has_schema(schema))?;
        let reason = format!("schema \"{schema}\" does not exist");
        Some(SqlError::new("3F000", reason).missing(ObjectKey::plain("schema", schema)))
    }

    /// Returns the function that a trigger calls under this name.
    fn trigger_function(&self, name: &ObjectName) -> QName {
        let of_system = name.schema().is_none() && builtin::is_function(name.last());
        let system = || of_system.then(|| QName::new("pg_catalog", name.last()));
        self.catalog
            .find_functions(name)
            .or_else(system)
            .or_else(|| self.catalog.place(name))
            .unwrap_or_else(|| QName::new("public", name.last()))
    }

    pub fn create_trigger(&mut self, create: CreateTrigger) -> Meaning {
        let Some(relation) = self.relation(&create.table)? else { return Ok(()) };
        if matches!(
            self.catalog.relation_kind(&relation),
            Some(RelationKind::MaterializedView | RelationKind::Sequence | RelationKind::Index)
        ) {
            return Err(SqlError::new("42809", format!("relation \"{}\" cannot have triggers", relation.name)));
        }
        if self.catalog.find_functions(&create.function).is_none() && !builtin::is_function(create.function.last()) {
            let reason = || {
                self.no_schema_of(&create.function).unwrap_or_else(|| {
                    SqlError::new("42883", format!("function {}() does not exist", create.function))
                        .missing(ObjectKey::new("function", &create.function))
                })
            };
            self.absent(ObjectClass::Function, &create.function, reason)?;
        }
        if let Some(functions) = self.catalog.find_functions(&create.function).and_then(|name| self.catalog.functions.get(&name)) {
            let no_arguments = functions.iter().find(|function| function.inputs().count() == 0);
            if no_arguments.is_none() {
                return Err(SqlError::new("42883", format!("function {}() does not exist", create.function))
                    .missing(ObjectKey::new("function", &create.function)));
            }
            if no_arguments.is_some_and(|function| !function.returns.as_ref().is_some_and(|ty| ty.is("trigger"))) {
                return Err(SqlError::new("42P17", format!("function {} must return type trigger", create.function)));
            }
        }
        check_trigger(&create, self.catalog.relation_kind(&relation), &relation)?;
        self.assume_columns(&relation, &create.update_columns);
        if let Some(columns) = self.catalog.columns(&relation)
            && let Some(missing) = create.update_columns.iter().find(|column| !columns.contains(&column.name))
        {
            let reason = format!("column \"{}\" of relation \"{}\" does not exist", missing.name, relation.name);
            return Err(SqlError::new("42703", reason).missing(ObjectKey::of_table("column", missing.name.clone(), relation.name.clone())));
        }
        let when = create.when.map(|expr| self.trigger_condition(expr, &relation)).transpose()?;
        let trigger = Trigger {
            name: create.name.name,
            at: self.at,
            certainty: self.certainty,
            time: create.time,
            events: create.events,
            for_each_row: create.for_each_row,
            function: self.trigger_function(&create.function),
            when,
            enabled: Fact { value: true, at: self.at, certainty: self.certainty },
        };
        self.emit(Change::CreateTrigger { relation, trigger: Box::new(trigger), replace: create.or_replace });
        Ok(())
    }

    /// Binds the WHEN condition of a trigger, where `new` and `old` are rows of the relation.
    fn trigger_condition(&mut self, mut expr: Expr, relation: &QName) -> Result<Expression, SqlError> {
        use super::bind::{Binder, Scopes};
        let item = |reference| Item::of_table(self.catalog, relation, reference);
        let mut scopes = Scopes::over(item("new"));
        scopes.beside(item("old"));
        let mut binder = Binder::new(self, scopes);
        binder.expr(&mut expr)?;
        Ok(Expression::new(self.file, expr))
    }

    pub fn create_event_trigger(&mut self, create: CreateEventTrigger) -> Meaning {
        let function = self.trigger_function(&create.function);
        self.emit(Change::CreateEventTrigger(EventTrigger {
            name: create.name.name,
            at: self.at,
            event: create.event,
            tags: create.tags,
            function,
        }));
        Ok(())
    }
}
