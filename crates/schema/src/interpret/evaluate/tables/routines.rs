//! `pg_proc` and `pg_trigger`, with the functions and triggers that enforce foreign keys.

use super::super::acl;
use super::super::value::{Object, Value};
use super::*;
use crate::syntax::ast::{Body, ObjectKind};

impl<'a> Build<'a> {
    pub(super) fn pg_proc(&mut self) {
        self.columns = &[
            "oid",
            "proname",
            "pronamespace",
            "proowner",
            "prolang",
            "prokind",
            "prosecdef",
            "proisstrict",
            "proretset",
            "provolatile",
            "pronargs",
            "prorettype",
            "proargtypes",
            "proargnames",
            "prosrc",
            "proconfig",
            "proacl",
        ];
        let catalog = self.catalog;
        for (name, overloads) in catalog.functions.iter() {
            if !self.wants("proname", &text(&name.name)) || !self.wants("pronamespace", &Value::schema(&name.schema)) {
                continue;
            }
            for function in overloads {
                let oid = Value::object(function_object(function));
                if self.wants("oid", &oid) {
                    self.procedure(function, oid);
                }
            }
        }
        self.key_functions();
    }

    /// Adds the functions that enforce foreign keys, because other catalogs refer to them.
    fn key_functions(&mut self) {
        let platform = SmolStr::new("supabase_admin");
        let owner = if self.catalog.roles.contains(&platform) { platform } else { "postgres".into() };
        let acts = ["cascade", "noaction", "restrict", "setdefault", "setnull"].map(|does| [(does, "del"), (does, "upd")]);
        for (does, event) in [[("check", "ins"), ("check", "upd")]].into_iter().chain(acts).flatten() {
            let name = format_smolstr!("RI_FKey_{does}_{event}");
            let (oid, schema) = (Value::object(key_function(&name)), Value::schema(&"pg_catalog".into()));
            if !self.wants("proname", &text(&name)) || !self.wants("pronamespace", &schema) || !self.wants("oid", &oid) {
                continue;
            }
            let cells = [
                oid,
                text(&name),
                schema,
                Value::role(&owner),
                Value::object(Object::Other("pg_language", "internal".into())),
                Value::text("f"),
                Value::Bool(false),
                Value::Bool(true),
                Value::Bool(false),
                Value::text("v"),
                Value::Int(0),
                Value::object(Object::Type(QName::new("pg_catalog", "trigger"))),
                Value::Something,
                Value::Null,
                text(&name),
                Value::Null,
                Value::Null,
            ];
            self.row(true, cells);
        }
    }

    fn procedure(&mut self, function: &Function, oid: Value) {
        let kind = match function.kind {
            RoutineKind::Function => "f",
            RoutineKind::Procedure => "p",
            RoutineKind::Aggregate => "a",
        };
        let volatility = match function.volatility {
            Volatility::Immutable => "i",
            Volatility::Stable => "s",
            Volatility::Volatile => "v",
        };
        let source = match &*function.body {
            Body::Code(code) => Value::text(code.text(self.sources.get(function.at.file).text())),
            Body::Sql { .. } | Body::None => Value::Something,
        };
        // functions of the platform have a simplified body here
        let source = if function.at.is_platform() || function.of_extension { Value::Something } else { source };
        let settings = match function.settings.as_slice() {
            [] => Value::Null,
            settings => Value::texts(settings.iter().map(|(name, value)| format!("{name}={value}"))),
        };
        let names: Vec<Value> = function.args.iter().map(|arg| Value::optional(arg.name.as_ref())).collect();
        let cells = [
            oid,
            text(&function.name.name),
            Value::schema(&function.name.schema),
            Value::role(&function.owner),
            Value::object(Object::Other("pg_language", function.language.clone())),
            Value::text(kind),
            fact(&function.security_definer, Value::Bool),
            Value::Bool(function.strict),
            Value::Bool(function.returns.as_ref().is_some_and(|ty| ty.setof)),
            Value::text(volatility),
            Value::Int(function.inputs().count() as i64),
            function.returns.as_ref().map_or(Value::Something, type_object),
            Value::Something,
            if names.is_empty() { Value::Null } else { Value::array(names) },
            source,
            settings,
            acl::list(self.catalog, &function.acl, &function.owner, ObjectKind::Function),
        ];
        self.row(function_sure(function), cells);
    }

    pub(super) fn pg_trigger(&mut self) {
        self.columns = &["oid", "tgname", "tgrelid", "tgfoid", "tgenabled", "tgisinternal", "tgconstraint"];
        if self.wants("tgisinternal", &Value::Bool(true)) && !self.hints.has("tgname") {
            self.key_triggers();
        }
        let place = ["", "", "tgrelid"];
        let of_tables = self.tables_at(place, has_triggers).into_iter().map(|table| (&table.name, &table.triggers, table.external));
        let of_views = self.views_at(place).into_iter().map(|view| (&view.name, &view.triggers, false));
        for (relation, triggers, external) in of_tables.chain(of_views) {
            for trigger in triggers.iter() {
                if !self.wants("tgname", &text(&trigger.name)) {
                    continue;
                }
                let function = self.catalog.functions.get(&trigger.function).and_then(|overloads| overloads.first());
                let cells = [
                    Value::object(Object::Trigger(relation.clone(), trigger.name.clone())),
                    text(&trigger.name),
                    Value::relation(relation),
                    function.map_or(Value::Something, |function| Value::object(function_object(function))),
                    Value::text(if trigger.enabled.value { "O" } else { "D" }),
                    Value::Bool(false),
                    Value::Int(0),
                ];
                self.row(sure(trigger.certainty), cells);
            }
            if external {
                use Value::Something;
                let name = elsewhere(relation, "trigger");
                self.row(false, [name.clone(), name, Value::relation(relation), Something, Something, Value::Bool(false), Value::Int(0)]);
            }
        }
    }

    /// Adds the triggers that enforce foreign keys: two on each table.
    fn key_triggers(&mut self) {
        for table in self.catalog.tables.which(|table| table.foreign_keys().next().is_some()) {
            for (constraint, key) in table.foreign_keys() {
                let sides = [
                    (&table.name, "c", [("ins", "check"), ("upd", "check")]),
                    (&key.table, "a", [("del", enforcing(key.on_delete)), ("upd", enforcing(key.on_update))]),
                ];
                for (relation, side, events) in sides {
                    if !self.wants_relation("tgrelid", relation) {
                        continue;
                    }
                    for (event, does) in events {
                        let function = Value::object(key_function(&format_smolstr!("RI_FKey_{does}_{event}")));
                        if !self.wants("tgfoid", &function) {
                            continue;
                        }
                        let name = format!("RI_ConstraintTrigger_{side}_{}_{event}", constraint.name);
                        let cells = [
                            Value::Something,
                            Value::text(name),
                            Value::relation(relation),
                            function,
                            Value::text("O"),
                            Value::Bool(true),
                            Value::object(Object::Constraint(table.name.clone(), constraint.name.clone())),
                        ];
                        self.row(sure(constraint.certainty), cells);
                    }
                }
            }
        }
    }
}

/// Returns the part of the name of a foreign key's function that contains the action.
fn enforcing(action: ReferentialAction) -> &'static str {
    match action {
        ReferentialAction::NoAction => "noaction",
        ReferentialAction::Restrict => "restrict",
        ReferentialAction::Cascade => "cascade",
        ReferentialAction::SetNull => "setnull",
        ReferentialAction::SetDefault => "setdefault",
    }
}

fn key_function(name: &SmolStr) -> Object {
    Object::Function(QName::new("pg_catalog", name.clone()), Vec::new())
}
