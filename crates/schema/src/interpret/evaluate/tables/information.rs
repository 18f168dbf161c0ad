//! `information_schema` from the view of a role with access to all objects.

use super::super::value::Value;
use super::*;

/// Columns with the schema and name of a relation in most of these views.
const NAMED: [&str; 3] = ["table_schema", "table_name", ""];

impl<'a> Build<'a> {
    pub(super) fn information(&mut self, name: &str) -> bool {
        match name {
            "tables" => self.information_tables(),
            "columns" => self.information_columns(),
            "table_constraints" => self.table_constraints(),
            "key_column_usage" => self.key_column_usage(),
            "constraint_column_usage" => self.constraint_column_usage(),
            "referential_constraints" => self.referential_constraints(),
            "check_constraints" => self.check_constraints(),
            "routines" => self.routines(),
            "views" => self.information_views(),
            "triggers" => self.information_triggers(),
            "schemata" => self.schemata(),
            "sequences" => self.information_sequences(),
            "role_table_grants" | "table_privileges" => self.table_grants(),
            _ => return false,
        }
        true
    }

    fn information_tables(&mut self) {
        self.columns = &["table_catalog", "table_schema", "table_name", "table_type", "is_insertable_into"];
        let catalog = || Value::text("postgres");
        for table in self.tables_at(NAMED, |_| true) {
            let kind = if table.kind == TableKind::Foreign { "FOREIGN" } else { "BASE TABLE" };
            let cells = [catalog(), text(&table.name.schema), text(&table.name.name), Value::text(kind), yes_no(true)];
            self.row(certainly_exists(table), cells);
        }
        for view in self.views_at(NAMED).into_iter().filter(|view| !view.materialized) {
            let cells = [catalog(), text(&view.name.schema), text(&view.name.name), Value::text("VIEW"), Value::Something];
            self.row(sure(view.certainty), cells);
        }
    }

    fn information_columns(&mut self) {
        self.columns = &[
            "table_schema",
            "table_name",
            "column_name",
            "ordinal_position",
            "column_default",
            "is_nullable",
            "data_type",
            "character_maximum_length",
            "udt_schema",
            "udt_name",
            "is_identity",
            "is_generated",
            "generation_expression",
        ];
        let has_rows = |table: &Table| table.external || table.columns.iter().any(|column| self.wants_text("column_name", &column.name));
        for table in self.tables_at(NAMED, has_rows) {
            let (schema, name) = (text(&table.name.schema), text(&table.name.name));
            for (at, column) in table.columns.iter().enumerate() {
                if !self.wants("column_name", &text(&column.name)) {
                    continue;
                }
                let default = match (&column.default, &column.sequence) {
                    (None, Some(_)) if column.identity.is_none() => Value::Something,
                    (default, _) => self.printed(default.as_ref()),
                };
                let [data_type, length, udt_schema, udt_name] = self.type_columns(&column.ty);
                let cells = [
                    schema.clone(),
                    name.clone(),
                    text(&column.name),
                    Value::Int(at as i64 + 1),
                    default,
                    fact(&column.not_null, |not_null| yes_no(!not_null)),
                    data_type,
                    length,
                    udt_schema,
                    udt_name,
                    yes_no(column.identity.is_some()),
                    Value::text(if column.generated.is_some() { "ALWAYS" } else { "NEVER" }),
                    self.printed(column.generated.as_deref()),
                ];
                self.row(sure(column.certainty) && certainly_exists(table), cells);
            }
            if table.external {
                self.unknown_column(schema, name);
            }
        }
        for view in self.views_at(NAMED).into_iter().filter(|view| !view.materialized) {
            let (schema, name) = (text(&view.name.schema), text(&view.name.name));
            for (at, column) in view.columns.iter().enumerate() {
                let [data_type, length, udt_schema, udt_name] = match &column.ty {
                    Some(ty) => self.type_columns(ty),
                    None => [Value::Something, Value::Unknown, Value::Something, Value::Something],
                };
                let cells = [
                    schema.clone(),
                    name.clone(),
                    text(&column.name),
                    Value::Int(at as i64 + 1),
                    Value::Unknown,
                    yes_no(true),
                    data_type,
                    length,
                    udt_schema,
                    udt_name,
                    yes_no(false),
                    Value::text("NEVER"),
                    Value::Null,
                ];
                self.row(sure(view.certainty), cells);
            }
            if !view.columns_known {
                self.unknown_column(schema, name);
            }
        }
    }

    fn unknown_column(&mut self, schema: Value, name: Value) {
        use Value::{Something, Unknown};
        let cells = [
            schema, name, Something, Something, Unknown, Something, Something, Unknown, Something, Something, Something, Something, Unknown,
        ];
        self.row(false, cells);
    }

    /// Returns `data_type`, `character_maximum_length`, `udt_schema` and `udt_name`.
    fn type_columns(&self, ty: &DataType) -> [Value; 4] {
        let domain = ty.user.as_ref().and_then(|user| self.catalog.types.get(user));
        if let (Some(Type { kind: TypeKind::Domain { base, .. }, .. }), false) = (domain, ty.array) {
            return self.type_columns(&base.clone());
        }
        let data_type = match (&ty.user, ty.array) {
            (_, true) => SmolStr::new("ARRAY"),
            (Some(_), _) => SmolStr::new("USER-DEFINED"),
            (None, _) => ty.base.clone(),
        };
        let length = match ty.modifiers.first().and_then(|length| length.parse().ok()) {
            Some(length) if ty.base.starts_with("character") && !ty.array => Value::Int(length),
            _ => Value::Null,
        };
        let schema = ty.user.as_ref().map_or(SmolStr::new("pg_catalog"), |user| user.schema.clone());
        [Value::Text(data_type), length, Value::Text(schema), Value::Text(internal_name(ty))]
    }

    fn constraints(&self) -> Vec<(&'a Table, &'a Constraint)> {
        let named = |constraint: &&Constraint| self.wants_text("constraint_name", &constraint.name);
        let tables = self.tables_at(NAMED, |table| table.constraints.iter().any(|constraint| named(&constraint)));
        tables.into_iter().flat_map(|table| table.constraints.iter().filter(named).map(move |constraint| (table, constraint))).collect()
    }

    fn table_constraints(&mut self) {
        self.columns = &["constraint_schema", "constraint_name", "table_schema", "table_name", "constraint_type", "is_deferrable"];
        let mut rows = Vec::new();
        for (table, constraint) in self.constraints() {
            let kind = match constraint.kind {
                ConstraintKind::PrimaryKey => "PRIMARY KEY",
                ConstraintKind::Unique => "UNIQUE",
                ConstraintKind::Check => "CHECK",
                ConstraintKind::ForeignKey => "FOREIGN KEY",
                ConstraintKind::Exclude => continue,
            };
            let schema = text(&table.name.schema);
            let cells =
                [schema.clone(), text(&constraint.name), schema, text(&table.name.name), Value::text(kind), yes_no(constraint.deferrable)];
            rows.push((sure(constraint.certainty), cells));
        }
        for (sure, cells) in rows {
            self.row(sure, cells);
        }
        for table in self.tables_at(NAMED, |table| table.external) {
            use Value::Something;
            let (schema, name) = (text(&table.name.schema), text(&table.name.name));
            self.row(false, [schema.clone(), elsewhere(&table.name, "constraint"), schema, name, Something, Something]);
        }
    }

    fn key_column_usage(&mut self) {
        self.columns = &["constraint_schema", "constraint_name", "table_schema", "table_name", "column_name", "ordinal_position"];
        let mut rows = Vec::new();
        for (table, constraint) in self.constraints() {
            if matches!(constraint.kind, ConstraintKind::Check | ConstraintKind::Exclude) {
                continue;
            }
            let schema = text(&table.name.schema);
            for (at, column) in constraint.columns.iter().enumerate() {
                let name = text(&table.name.name);
                let cells = [schema.clone(), text(&constraint.name), schema.clone(), name, text(column), Value::Int(at as i64 + 1)];
                rows.push((sure(constraint.certainty), cells));
            }
        }
        for (sure, cells) in rows {
            self.row(sure, cells);
        }
    }

    /// Adds the columns of each constraint. For a foreign key, these are the referenced columns.
    fn constraint_column_usage(&mut self) {
        self.columns = &["table_schema", "table_name", "column_name", "constraint_schema", "constraint_name"];
        let mut rows = Vec::new();
        for table in self.catalog.tables.which(|table| table.constraints.iter().any(|one| self.wants_text("constraint_name", &one.name))) {
            for constraint in &table.constraints {
                let (target, columns) = match &constraint.references {
                    Some(key) => (&key.table, &key.columns),
                    None => (&table.name, &constraint.columns),
                };
                if !self.wants_name("table_schema", "table_name", target) || !self.wants("constraint_name", &text(&constraint.name)) {
                    continue;
                }
                for column in columns {
                    let schema = text(&table.name.schema);
                    let cells = [text(&target.schema), text(&target.name), text(column), schema, text(&constraint.name)];
                    rows.push((sure(constraint.certainty), cells));
                }
            }
        }
        for (sure, cells) in rows {
            self.row(sure, cells);
        }
    }

    fn referential_constraints(&mut self) {
        self.columns =
            &["constraint_schema", "constraint_name", "unique_constraint_schema", "unique_constraint_name", "update_rule", "delete_rule"];
        let mut rows = Vec::new();
        for (table, constraint) in self.constraints() {
            let Some(key) = &constraint.references else { continue };
            let target = self.catalog.tables.get(&key.table).and_then(|target| {
                let keys = |known: &&Constraint| matches!(known.kind, ConstraintKind::PrimaryKey | ConstraintKind::Unique);
                target.constraints.iter().filter(keys).find(|known| known.columns == key.columns)
            });
            let cells = [
                text(&table.name.schema),
                text(&constraint.name),
                text(&key.table.schema),
                target.map_or(Value::Unknown, |target| text(&target.name)),
                rule(key.on_update),
                rule(key.on_delete),
            ];
            rows.push((sure(constraint.certainty), cells));
        }
        for (sure, cells) in rows {
            self.row(sure, cells);
        }
    }

    fn check_constraints(&mut self) {
        self.columns = &["constraint_schema", "constraint_name", "check_clause"];
        let mut rows = Vec::new();
        for (table, constraint) in self.constraints() {
            if constraint.kind == ConstraintKind::Check {
                let clause = self.printed(constraint.expr.as_ref());
                rows.push((sure(constraint.certainty), [text(&table.name.schema), text(&constraint.name), clause]));
            }
        }
        for (sure, cells) in rows {
            self.row(sure, cells);
        }
    }

    fn routines(&mut self) {
        self.columns =
            &["specific_schema", "routine_schema", "routine_name", "routine_type", "data_type", "security_type", "external_language"];
        let catalog = self.catalog;
        for (name, overloads) in catalog.functions.iter() {
            if !self.wants_name("routine_schema", "routine_name", name) {
                continue;
            }
            for function in overloads {
                let kind = match function.kind {
                    RoutineKind::Function => Value::text("FUNCTION"),
                    RoutineKind::Procedure => Value::text("PROCEDURE"),
                    RoutineKind::Aggregate => Value::Null,
                };
                let schema = text(&name.schema);
                let security = |definer| Value::text(if definer { "DEFINER" } else { "INVOKER" });
                let cells = [
                    schema.clone(),
                    schema,
                    text(&name.name),
                    kind,
                    function.returns.as_ref().map_or(Value::Unknown, |ty| self.type_columns(ty)[0].clone()),
                    fact(&function.security_definer, security),
                    Value::text(function.language.to_uppercase()),
                ];
                self.row(function_sure(function), cells);
            }
        }
    }

    fn information_views(&mut self) {
        self.columns = &["table_schema", "table_name", "view_definition"];
        for view in self.views_at(NAMED).into_iter().filter(|view| !view.materialized) {
            let definition = Value::Printed(self.sources.slice(view.query_site).into());
            self.row(sure(view.certainty), [text(&view.name.schema), text(&view.name.name), definition]);
        }
    }

    fn information_triggers(&mut self) {
        self.columns =
            &["trigger_schema", "trigger_name", "event_object_schema", "event_object_table", "event_manipulation", "action_timing"];
        for table in self.tables_at(["event_object_schema", "event_object_table", ""], has_triggers) {
            let (schema, name) = (text(&table.name.schema), text(&table.name.name));
            for trigger in &table.triggers {
                let timing = match trigger.time {
                    TriggerTime::Before => "BEFORE",
                    TriggerTime::After => "AFTER",
                    TriggerTime::InsteadOf => "INSTEAD OF",
                };
                for event in &trigger.events {
                    let event = Value::text(event.to_uppercase());
                    let cells = [schema.clone(), text(&trigger.name), schema.clone(), name.clone(), event, Value::text(timing)];
                    self.row(sure(trigger.certainty), cells);
                }
            }
            if table.external {
                use Value::Something;
                self.row(false, [schema.clone(), elsewhere(&table.name, "trigger"), schema, name, Something, Something]);
            }
        }
    }

    fn schemata(&mut self) {
        self.columns = &["schema_name", "schema_owner"];
        for schema in self.catalog.schemas.values() {
            self.row(sure(schema.certainty), [text(&schema.name), text(&schema.owner)]);
        }
        for name in ["pg_catalog", "information_schema"] {
            self.row(true, [Value::text(name), Value::text("postgres")]);
        }
    }

    fn information_sequences(&mut self) {
        self.columns = &["sequence_schema", "sequence_name"];
        for sequence in self.catalog.sequences.values() {
            self.row(sure(sequence.certainty), [text(&sequence.name.schema), text(&sequence.name.name)]);
        }
    }

    fn table_grants(&mut self) {
        self.columns = &["grantor", "grantee", "table_schema", "table_name", "privilege_type", "is_grantable"];
        let of_tables = self.catalog.tables.values().map(|table| (&table.name, &table.owner, &table.acl));
        let of_views = self.catalog.views.values().map(|view| (&view.name, &view.owner, &view.acl));
        for (name, owner, acl) in of_tables.chain(of_views) {
            if !self.wants_name("table_schema", "table_name", name) {
                continue;
            }
            let cells = |grantee: &str, privilege: &str| {
                let grantee = if grantee == crate::catalog::PUBLIC { "PUBLIC" } else { grantee };
                [text(owner), Value::text(grantee), text(&name.schema), text(&name.name), Value::text(privilege), Value::Something]
            };
            for (privilege, bit) in PRIVILEGES {
                for grant in acl.grants.iter().filter(|grant| grant.column.is_none() && grant.privileges.contains(bit)) {
                    self.row(sure(grant.certainty), cells(&grant.grantee, privilege));
                }
                self.row(true, cells(owner, privilege));
            }
        }
    }
}

fn rule(action: ReferentialAction) -> Value {
    Value::text(match action {
        ReferentialAction::NoAction => "NO ACTION",
        ReferentialAction::Restrict => "RESTRICT",
        ReferentialAction::Cascade => "CASCADE",
        ReferentialAction::SetNull => "SET NULL",
        ReferentialAction::SetDefault => "SET DEFAULT",
    })
}
