//! Functions, procedures and triggers.

use super::bind::Item;
use super::{Context, Meaning};
use crate::catalog::apply::alter_function;
use crate::catalog::effect::Change;
use crate::catalog::future::Made;
use crate::catalog::name::QName;
use crate::catalog::object::*;
use crate::catalog::{Contradiction, RelationKind};
use crate::syntax::ast::{AlterFunction, CreateEventTrigger, CreateFunction, CreateTrigger, FunctionArg, ObjectKind, ObjectRef};
use crate::syntax::expression::{Expr, ObjectName};
use smol_str::SmolStr;
use std::sync::Arc;

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

    pub fn create_function(&mut self, create: CreateFunction) -> Meaning {
        let name = self.place(&create.name, false)?;
        let definer = create.options.security_definer.map_or(self.at, |(_, span)| self.site(span));
        let mut function = Function {
            acl: self.catalog.initial_acl(ObjectKind::Function, &name.schema, self.at, self.certainty),
            name,
            kind: if create.procedure { RoutineKind::Procedure } else { RoutineKind::Function },
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

    /// The function a statement names. None where no function of that name was seen: it may well be there.
    pub fn function(&self, object: &ObjectRef) -> Result<Option<(QName, Vec<SmolStr>)>, Contradiction> {
        self.find_function(&object.name, object.args.as_ref().map(|args| args.iter().map(|ty| self.data_type(ty).signature()).collect()))
    }

    fn find_function(&self, name: &ObjectName, signature: Option<Vec<SmolStr>>) -> Result<Option<(QName, Vec<SmolStr>)>, Contradiction> {
        let unknown =
            |signature: &[SmolStr]| Contradiction::new("42883", format!("function {name}({}) does not exist", signature.join(", ")));
        let Some(found) = self.catalog.find_functions(name) else {
            let gone = self.catalog.is_missing(Made::Function, name);
            return if gone { Err(unknown(&signature.unwrap_or_default())) } else { Ok(None) };
        };
        let overloads = self.catalog.functions.get(&found).map(Vec::as_slice).unwrap_or_default();
        match signature {
            Some(signature) if overloads.iter().any(|function| function.signature() == signature) => Ok(Some((found, signature))),
            Some(signature) => Err(unknown(&signature)),
            None => match overloads {
                [only] => Ok(Some((found, only.signature()))),
                _ => Err(Contradiction::new("42725", format!("function name \"{name}\" is not unique"))),
            },
        }
    }

    pub fn alter_function(&mut self, alter: AlterFunction) -> Meaning {
        if let Some((name, signature)) = self.function(&alter.object)? {
            self.emit(Change::AlterFunction { name, signature, options: alter.options });
        }
        Ok(())
    }

    /// The function a trigger calls, as it is called now.
    fn trigger_function(&self, name: &ObjectName) -> QName {
        self.catalog.find_functions(name).or_else(|| self.catalog.place(name)).unwrap_or_else(|| QName::new("public", name.last()))
    }

    pub fn create_trigger(&mut self, create: CreateTrigger) -> Meaning {
        let Some(relation) = self.relation(&create.table)? else { return Ok(()) };
        if matches!(
            self.catalog.relation_kind(&relation),
            Some(RelationKind::MaterializedView | RelationKind::Sequence | RelationKind::Index)
        ) {
            return Err(Contradiction::new("42809", format!("relation \"{}\" cannot have triggers", relation.name)));
        }
        if self.catalog.find_functions(&create.function).is_none() && self.catalog.is_missing(Made::Function, &create.function) {
            return Err(Contradiction::new("42883", format!("function {}() does not exist", create.function)));
        }
        if let Some(functions) = self.catalog.find_functions(&create.function).and_then(|name| self.catalog.functions.get(&name)) {
            let no_arguments = functions.iter().find(|function| function.inputs().count() == 0);
            if no_arguments.is_none() {
                return Err(Contradiction::new("42883", format!("function {}() does not exist", create.function)));
            }
            if no_arguments.is_some_and(|function| !function.returns.as_ref().is_some_and(|ty| ty.is("trigger"))) {
                return Err(Contradiction::new("42P17", format!("function {} must return type trigger", create.function)));
            }
        }
        self.assume_columns(&relation, &create.update_columns);
        if let Some(columns) = self.catalog.columns(&relation)
            && let Some(missing) = create.update_columns.iter().find(|column| !columns.contains(&column.name))
        {
            let reason = format!("column \"{}\" of relation \"{}\" does not exist", missing.name, relation.name);
            return Err(Contradiction::new("42703", reason));
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
            enabled: true,
        };
        self.emit(Change::CreateTrigger { relation, trigger: Box::new(trigger), replace: create.or_replace });
        Ok(())
    }

    /// NEW and OLD are rows of the relation.
    fn trigger_condition(&mut self, mut expr: Expr, relation: &QName) -> Result<Expression, Contradiction> {
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
