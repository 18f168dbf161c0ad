//! System catalogs of `pg_catalog`.

use super::super::acl;
use super::super::value::{Object, Value};
use super::*;
use crate::catalog::PUBLIC;
use crate::catalog::acl::{Acl, DefaultPrivilege, Grant};
use crate::catalog::name::quote_ident;
use crate::syntax::ast::ObjectKind;

impl<'a> Build<'a> {
    pub(super) fn system(&mut self, name: &str) -> bool {
        match name {
            "pg_policies" => self.pg_policies(),
            "pg_policy" => self.pg_policy(),
            "pg_tables" => self.pg_tables(),
            "pg_views" => self.views(false),
            "pg_matviews" => self.views(true),
            "pg_indexes" => self.pg_indexes(),
            "pg_index" => self.pg_index(),
            "pg_class" => self.pg_class(),
            "pg_namespace" => self.pg_namespace(),
            "pg_attribute" => self.pg_attribute(),
            "pg_attrdef" => self.pg_attrdef(),
            "pg_constraint" => self.pg_constraint(),
            "pg_type" => self.pg_type(),
            "pg_enum" => self.pg_enum(),
            "pg_proc" => self.pg_proc(),
            "pg_default_acl" => self.pg_default_acl(),
            "pg_language" => self.pg_language(),
            "pg_trigger" => self.pg_trigger(),
            "pg_event_trigger" => self.pg_event_trigger(),
            "pg_extension" => self.pg_extension(),
            "pg_depend" => self.pg_depend(),
            "pg_roles" | "pg_authid" | "pg_user" => self.pg_roles(name == "pg_user"),
            "pg_publication" => self.pg_publication(),
            "pg_publication_tables" => self.pg_publication_tables(),
            "pg_publication_rel" => self.pg_publication_rel(),
            "pg_inherits" => self.pg_inherits(),
            "pg_sequences" => self.pg_sequences(),
            "pg_database" => {
                self.columns = &["datname"];
                self.row(true, [Value::text("postgres")]);
            }
            _ => return false,
        }
        true
    }

    fn pg_policies(&mut self) {
        self.columns = &["schemaname", "tablename", "policyname", "permissive", "roles", "cmd", "qual", "with_check"];
        let has_rows = |table: &Table| table.external || table.policies.iter().any(|policy| self.wants_text("policyname", &policy.name));
        for table in self.tables_at(["schemaname", "tablename", ""], has_rows) {
            let (schema, name) = (text(&table.name.schema), text(&table.name.name));
            for policy in &table.policies {
                if !self.wants("policyname", &text(&policy.name)) {
                    continue;
                }
                let permissive = if policy.permissive { "PERMISSIVE" } else { "RESTRICTIVE" };
                let command = Value::text(format!("{:?}", policy.command).to_uppercase());
                let (qual, check) = (self.printed(policy.using.as_ref()), self.printed(policy.check.as_ref()));
                let roles = Value::texts(&policy.roles);
                let cells = [schema.clone(), name.clone(), text(&policy.name), Value::text(permissive), roles, command, qual, check];
                self.row(sure(policy.certainty), cells);
            }
            if table.external {
                use Value::{Something, Unknown};
                let policy = elsewhere(&table.name, "policy");
                self.row(false, [schema, name, policy, Something, Something, Something, Unknown, Unknown]);
            }
        }
    }

    fn pg_policy(&mut self) {
        self.columns = &["oid", "polname", "polrelid", "polcmd", "polpermissive", "polroles", "polqual", "polwithcheck"];
        let has_rows = |table: &Table| table.external || table.policies.iter().any(|policy| self.wants_text("polname", &policy.name));
        for table in self.tables_at(["", "", "polrelid"], has_rows) {
            let relation = Value::relation(&table.name);
            for policy in &table.policies {
                if !self.wants("polname", &text(&policy.name)) {
                    continue;
                }
                let command = match policy.command {
                    Command::All => "*",
                    Command::Select => "r",
                    Command::Insert => "a",
                    Command::Update => "w",
                    Command::Delete => "d",
                };
                let role = |role: &SmolStr| if role == "public" { Value::Int(0) } else { Value::role(role) };
                let roles = Value::array(policy.roles.iter().map(role).collect());
                let oid = Value::object(Object::Policy(table.name.clone(), policy.name.clone()));
                let (qual, check) = (self.printed(policy.using.as_ref()), self.printed(policy.check.as_ref()));
                let permissive = Value::Bool(policy.permissive);
                let cells = [oid, text(&policy.name), relation.clone(), Value::text(command), permissive, roles, qual, check];
                self.row(sure(policy.certainty), cells);
            }
            if table.external {
                use Value::{Something, Unknown};
                let policy = elsewhere(&table.name, "policy");
                self.row(false, [policy.clone(), policy, relation, Something, Something, Something, Unknown, Unknown]);
            }
        }
    }

    fn pg_tables(&mut self) {
        self.columns = &["schemaname", "tablename", "tableowner", "tablespace", "hasindexes", "hasrules", "hastriggers", "rowsecurity"];
        for table in self.tables_at(["schemaname", "tablename", ""], |table| table.kind != TableKind::Foreign) {
            let (indexes, triggers) = (Value::Bool(!table.indexes.is_empty()), Value::Bool(!table.triggers.is_empty()));
            let rls = fact(&table.rls, Value::Bool);
            let (schema, name, owner) = (text(&table.name.schema), text(&table.name.name), text(&table.owner));
            self.row(certainly_exists(table), [schema, name, owner, Value::Null, indexes, Value::Unknown, triggers, rls]);
        }
    }

    fn views(&mut self, materialized: bool) {
        self.columns = if materialized {
            &["schemaname", "matviewname", "matviewowner", "definition"]
        } else {
            &["schemaname", "viewname", "viewowner", "definition"]
        };
        let name_column = self.columns[1];
        for view in self.views_at(["schemaname", name_column, ""]) {
            if view.materialized != materialized {
                continue;
            }
            let definition = Value::Printed(self.sources.slice(view.query_site).into());
            let cells = [text(&view.name.schema), text(&view.name.name), text(&view.owner), definition];
            self.row(sure(view.certainty), cells);
        }
    }

    /// Returns the wanted indexes that the hints allow, each with its relation.
    fn indexes(&self, columns: [&str; 3], wanted: impl Fn(&Index) -> bool) -> Vec<(&'a QName, &'a Index)> {
        let of_tables = self
            .tables_at(columns, |table| table.indexes.iter().any(&wanted))
            .into_iter()
            .flat_map(|table| table.indexes.iter().map(|index| (&table.name, index)));
        let of_views = self.views_at(columns).into_iter().flat_map(|view| view.indexes.iter().map(|index| (&view.name, index)));
        of_tables.chain(of_views).filter(|(_, index)| wanted(index)).collect()
    }

    fn pg_indexes(&mut self) {
        self.columns = &["schemaname", "tablename", "indexname", "tablespace", "indexdef"];
        let place = ["schemaname", "tablename", ""];
        for (relation, index) in self.indexes(place, |index| self.wants_text("indexname", &index.name)) {
            let definition = Value::Printed(self.sources.slice(index.at).into());
            let cells = [text(&relation.schema), text(&relation.name), text(&index.name), Value::Null, definition];
            self.row(sure(index.certainty), cells);
        }
        for table in self.tables_at(place, |table| table.external) {
            use Value::Something;
            let index = elsewhere(&table.name, "index");
            self.row(false, [text(&table.name.schema), text(&table.name.name), index, Value::Null, Something]);
        }
    }

    fn pg_index(&mut self) {
        self.columns = &["indexrelid", "indrelid", "indisunique", "indisprimary", "indisvalid", "indkey", "indpred", "indexprs"];
        for (relation, index) in self.indexes(["", "", "indrelid"], |_| true) {
            let name = QName::new(relation.schema.clone(), index.name.clone());
            let keys = match (self.catalog.tables.get(relation), index.plain_columns()) {
                (Some(table), Some(_)) => numbers(table, &index_columns(index)),
                _ => Value::Something,
            };
            let expressions = if index.plain_columns().is_some() { Value::Null } else { Value::Something };
            let predicate = self.printed(index.predicate.as_ref());
            let cells = [
                Value::relation(&name),
                Value::relation(relation),
                Value::Bool(index.unique),
                Value::Bool(index.primary),
                Value::Bool(true),
                keys,
                predicate,
                expressions,
            ];
            self.row(sure(index.certainty), cells);
        }
    }

    fn pg_class(&mut self) {
        self.columns = &[
            "oid",
            "relname",
            "relnamespace",
            "relowner",
            "relkind",
            "relrowsecurity",
            "relforcerowsecurity",
            "relispartition",
            "relhasindex",
            "relpersistence",
            "reloptions",
            "relhastriggers",
            "relacl",
        ];
        let only = self.only(["relnamespace", "relname", "oid"]);
        // an index belongs to its relation
        let only = only.map(|name| self.catalog.index_home(&name).cloned().unwrap_or(name));
        let here = |name: &QName| only.as_ref().is_none_or(|only| only == name);
        let catalog = self.catalog;
        let wanted = |schema: &SmolStr, name: &SmolStr| {
            self.wants_text("relname", name)
                && (!self.hints.has("oid") || self.wants_relation("oid", &QName::new(schema.clone(), name.clone())))
        };
        let has_rows = |table: &Table| {
            let mut names = std::iter::once(&table.name.name).chain(table.indexes.iter().map(|index| &index.name));
            table.name.schema != "pg_temp" && names.any(|name| wanted(&table.name.schema, name))
        };
        let tables: Vec<&Table> = match &only {
            Some(name) => catalog.tables.get(name).filter(|table| table.name.schema != "pg_temp").into_iter().collect(),
            None => catalog.tables.which(has_rows).collect(),
        };
        for table in tables {
            let kind = match table.kind {
                TableKind::Ordinary => "r",
                TableKind::Partitioned => "p",
                TableKind::Foreign => "f",
            };
            let (rls, forced) = (fact(&table.rls, Value::Bool), fact(&table.force_rls, Value::Bool));
            self.class(&table.name, &table.owner, kind, certainly_exists(table), [rls, forced, Value::Bool(table.partition_of.is_some())]);
            for index in &table.indexes {
                let name = QName::new(table.name.schema.clone(), index.name.clone());
                self.class(&name, &table.owner, "i", sure(index.certainty), [false, false, false].map(Value::Bool));
            }
        }
        let none = || [false, false, false].map(Value::Bool);
        for view in catalog.views.values().filter(|view| here(&view.name)) {
            self.class(&view.name, &view.owner, if view.materialized { "m" } else { "v" }, sure(view.certainty), none());
            for index in &view.indexes {
                let name = QName::new(view.name.schema.clone(), index.name.clone());
                self.class(&name, &view.owner, "i", sure(index.certainty), none());
            }
        }
        for sequence in catalog.sequences.values().filter(|sequence| here(&sequence.name)) {
            self.class(&sequence.name, &sequence.owner, "S", sure(sequence.certainty), none());
        }
        for ty in catalog.types.values().filter(|ty| here(&ty.name) && matches!(ty.kind, TypeKind::Composite(_))) {
            self.class(&ty.name, &ty.owner, "c", sure(ty.certainty), none());
        }
    }

    fn class(&mut self, name: &QName, owner: &SmolStr, kind: &str, sure: bool, flags: [Value; 3]) {
        let named = self.wants("relname", &text(&name.name)) && self.wants("relkind", &Value::text(kind));
        if !named || !self.wants("relnamespace", &Value::schema(&name.schema)) || !self.wants_relation("oid", name) {
            return;
        }
        let [rls, forced, partition] = flags;
        let held = self.catalog.tables.get(name).map(|table| (&table.acl, ObjectKind::Table));
        let held = held.or_else(|| self.catalog.views.get(name).map(|view| (&view.acl, ObjectKind::Table)));
        let held = held.or_else(|| self.catalog.sequences.get(name).map(|sequence| (&sequence.acl, ObjectKind::Sequence)));
        let list = held.map_or(Value::Null, |(held, kind)| acl::list(self.catalog, held, owner, kind));
        let (has_index, options, has_triggers) = match (self.catalog.tables.get(name), self.catalog.views.get(name)) {
            (Some(table), _) => {
                let has_index = table.indexes.iter().any(|index| index.name != name.name);
                (Value::Bool(has_index), Value::Null, Value::Bool(!table.triggers.is_empty()))
            }
            (_, Some(view)) => {
                let options = if view.security_invoker.value { Value::texts(["security_invoker=true"]) } else { Value::Unknown };
                (Value::Bool(!view.indexes.is_empty()), options, Value::Bool(!view.triggers.is_empty()))
            }
            _ => (Value::Bool(false), Value::Unknown, Value::Bool(false)),
        };
        let cells = [
            Value::relation(name),
            text(&name.name),
            Value::schema(&name.schema),
            Value::role(owner),
            Value::text(kind),
            rls,
            forced,
            partition,
            has_index,
            Value::text("p"),
            options,
            has_triggers,
            list,
        ];
        self.row(sure, cells);
    }

    fn pg_namespace(&mut self) {
        self.columns = &["oid", "nspname", "nspowner", "nspacl"];
        for schema in self.catalog.schemas.values() {
            let held = acl::list(self.catalog, &schema.acl, &schema.owner, ObjectKind::Schema);
            let cells = [Value::schema(&schema.name), text(&schema.name), Value::role(&schema.owner), held];
            if self.wants("oid", &cells[0]) && self.wants("nspname", &cells[1]) {
                self.row(sure(schema.certainty), cells);
            }
        }
        for name in ["pg_catalog", "information_schema", "pg_toast"] {
            let name = SmolStr::new(name);
            let cells = [Value::schema(&name), text(&name), Value::role(&"postgres".into()), Value::Something];
            if self.wants("oid", &cells[0]) && self.wants("nspname", &cells[1]) {
                self.row(true, cells);
            }
        }
    }

    fn pg_attribute(&mut self) {
        self.columns = &[
            "attrelid",
            "attname",
            "attnum",
            "atttypid",
            "atttypmod",
            "attnotnull",
            "atthasdef",
            "attisdropped",
            "attidentity",
            "attgenerated",
        ];
        let has_rows = |table: &Table| table.external || table.columns.iter().any(|column| self.wants_text("attname", &column.name));
        for table in self.tables_at(["", "", "attrelid"], has_rows) {
            let relation = Value::relation(&table.name);
            for (at, column) in table.columns.iter().enumerate() {
                if !self.wants("attname", &text(&column.name)) {
                    continue;
                }
                let has_default = column.default.is_some() || column.generated.is_some() || column.sequence.is_some();
                let identity = match column.identity {
                    Some(Identity::Always) => "a",
                    Some(Identity::ByDefault) => "d",
                    None => "",
                };
                let cells = [
                    relation.clone(),
                    text(&column.name),
                    Value::Int(at as i64 + 1),
                    type_object(&column.ty),
                    type_modifier(&column.ty),
                    fact(&column.not_null, Value::Bool),
                    Value::Bool(has_default && column.identity.is_none()),
                    Value::Bool(false),
                    Value::text(identity),
                    Value::text(if column.generated.is_some() { "s" } else { "" }),
                ];
                self.row(sure(column.certainty), cells);
            }
            if table.external {
                use Value::Something;
                let flags = [Something, Something, Something, Something, Something, Something, Value::Bool(false), Something, Something];
                let [a, b, c, d, e, f, g, h, i] = flags;
                self.row(false, [relation, a, b, c, d, e, f, g, h, i]);
            }
        }
    }

    fn pg_attrdef(&mut self) {
        self.columns = &["adrelid", "adnum", "adbin"];
        for table in self.tables_at(["", "", "adrelid"], |table| table.columns.iter().any(|column| column.default.is_some())) {
            for (at, column) in table.columns.iter().enumerate().filter(|(_, column)| column.default.is_some()) {
                let value = self.printed(column.default.as_ref());
                self.row(sure(column.certainty), [Value::relation(&table.name), Value::Int(at as i64 + 1), value]);
            }
        }
    }

    fn pg_constraint(&mut self) {
        self.columns = &[
            "oid",
            "conname",
            "connamespace",
            "contype",
            "condeferrable",
            "convalidated",
            "conrelid",
            "contypid",
            "conindid",
            "confrelid",
            "confupdtype",
            "confdeltype",
            "conkey",
            "confkey",
            "conbin",
        ];
        let hints = self.hints;
        let wanted = |constraint: &Constraint| {
            hints.admit("conname", &text(&constraint.name)) && hints.admit("contype", &Value::text(constraint.kind.letter()))
        };
        for table in self.tables_at(["", "", "conrelid"], |table| table.external || table.constraints.iter().any(wanted)) {
            for constraint in table.constraints.iter().filter(|constraint| wanted(constraint)) {
                self.constraint(table, constraint);
            }
            if table.external {
                use Value::{Something, Unknown};
                let constraint = elsewhere(&table.name, "constraint");
                let cells = [
                    constraint.clone(),
                    constraint,
                    Value::schema(&table.name.schema),
                    Something,
                    Something,
                    Something,
                    Value::relation(&table.name),
                    Something,
                    Unknown,
                    Unknown,
                    Unknown,
                    Unknown,
                    Unknown,
                    Unknown,
                    Unknown,
                ];
                self.row(false, cells);
            }
        }
    }

    fn constraint(&mut self, table: &Table, constraint: &Constraint) {
        let (target, update, delete, keys) = match &constraint.references {
            Some(key) => {
                let keys = self.catalog.tables.get(&key.table).map_or(Value::Something, |target| numbers(target, &key.columns));
                (Value::relation(&key.table), action(key.on_update), action(key.on_delete), keys)
            }
            None => (Value::Int(0), Value::text(" "), Value::text(" "), Value::Null),
        };
        let index = match &constraint.index {
            Some(index) => Value::relation(&QName::new(table.name.schema.clone(), index.clone())),
            None => Value::Int(0),
        };
        let cells = [
            Value::object(Object::Constraint(table.name.clone(), constraint.name.clone())),
            text(&constraint.name),
            Value::schema(&table.name.schema),
            Value::text(constraint.kind.letter()),
            Value::Bool(constraint.deferrable),
            fact(&constraint.validated, Value::Bool),
            Value::relation(&table.name),
            Value::Int(0),
            index,
            target,
            update,
            delete,
            numbers(table, &constraint.columns),
            keys,
            self.printed(constraint.expr.as_ref()),
        ];
        self.row(sure(constraint.certainty), cells);
    }

    fn pg_type(&mut self) {
        self.columns = &["oid", "typname", "typnamespace", "typowner", "typtype", "typrelid"];
        let hints = self.hints;
        for ty in self.catalog.types.values() {
            let kind = match ty.kind {
                TypeKind::Enum(_) => "e",
                TypeKind::Composite(_) => "c",
                TypeKind::Domain { .. } => "d",
                TypeKind::Range => "r",
                TypeKind::Base => "b",
                TypeKind::Shell => "p",
            };
            let relation = if kind == "c" { Value::relation(&ty.name) } else { Value::Int(0) };
            self.type_row(&ty.name, &ty.owner, kind, relation, sure(ty.certainty));
        }
        let has_row = |table: &Table| table.name.schema != "pg_temp" && hints.admit("typname", &text(&table.name.name));
        for table in self.catalog.tables.which(has_row) {
            self.type_row(&table.name, &table.owner, "c", Value::relation(&table.name), certainly_exists(table));
        }
        for view in self.catalog.views.values() {
            self.type_row(&view.name, &view.owner, "c", Value::relation(&view.name), sure(view.certainty));
        }
        const BUILTIN: [&str; 20] = [
            "integer",
            "bigint",
            "smallint",
            "boolean",
            "text",
            "character varying",
            "uuid",
            "json",
            "jsonb",
            "date",
            "numeric",
            "real",
            "double precision",
            "bytea",
            "interval",
            "timestamp with time zone",
            "timestamp without time zone",
            "time without time zone",
            "inet",
            "name",
        ];
        for name in BUILTIN {
            let ty = DataType::builtin(name);
            let cells = [
                type_object(&ty),
                Value::Text(internal_name(&ty)),
                Value::schema(&"pg_catalog".into()),
                Value::role(&"postgres".into()),
                Value::text("b"),
                Value::Int(0),
            ];
            if self.wants("typname", &cells[1]) && self.wants("oid", &cells[0]) {
                self.row(true, cells);
            }
        }
    }

    fn type_row(&mut self, name: &QName, owner: &SmolStr, kind: &str, relation: Value, sure: bool) {
        let cells = [
            Value::object(Object::Type(name.clone())),
            text(&name.name),
            Value::schema(&name.schema),
            Value::role(owner),
            Value::text(kind),
            relation,
        ];
        if self.wants("typname", &cells[1]) && self.wants("oid", &cells[0]) && self.wants("typnamespace", &cells[2]) {
            self.row(sure, cells);
        }
    }

    fn pg_enum(&mut self) {
        self.columns = &["enumtypid", "enumlabel", "enumsortorder"];
        for ty in self.catalog.types.values() {
            let TypeKind::Enum(labels) = &ty.kind else { continue };
            let oid = Value::object(Object::Type(ty.name.clone()));
            if self.wants("enumtypid", &oid) {
                for (at, label) in labels.iter().enumerate() {
                    self.row(sure(ty.certainty), [oid.clone(), Value::text(&label.text), Value::Int(at as i64 + 1)]);
                }
            }
        }
    }

    fn pg_default_acl(&mut self) {
        self.columns = &["oid", "defaclrole", "defaclnamespace", "defaclobjtype", "defaclacl"];
        let mut lists: Vec<(&DefaultPrivilege, Acl)> = Vec::new();
        for entry in self.catalog.default_privileges.get(&()).into_iter().flatten() {
            let same = |known: &DefaultPrivilege| (&known.role, &known.schema, known.on) == (&entry.role, &entry.schema, entry.on);
            let at = match lists.iter().position(|(known, _)| same(known)) {
                Some(at) => at,
                None => {
                    lists.push((entry, Acl::default()));
                    lists.len() - 1
                }
            };
            let (grantee, privileges, certainty) = (entry.grantee.clone(), entry.privileges, Certainty::Certain);
            lists[at].1.grant(Grant { grantee, privileges, column: None, at: entry.at, certainty, by_default: None });
        }
        for (entry, mut held) in lists {
            // an entry for all schemas includes the built-in privileges, which a REVOKE removes
            let entries = || self.catalog.default_privileges.get(&()).into_iter().flatten();
            let of_public = |known: &&DefaultPrivilege| {
                (&known.role, &known.schema, known.on) == (&entry.role, &entry.schema, entry.on) && known.grantee == PUBLIC
            };
            if entry.schema.is_none() && entry.on == ObjectKind::Function && !entries().any(|known| of_public(&known)) {
                let (grantee, privileges, certainty) = (PUBLIC.into(), Privileges::EXECUTE, Certainty::Certain);
                held.grant(Grant { grantee, privileges, column: None, at: entry.at, certainty, by_default: None });
            }
            let list = match acl::stored(self.catalog, &held, &entry.role, entry.on) {
                // an entry for one schema only adds privileges, and is removed if it adds none
                Value::Array(items) if entry.schema.is_some() && items.len() < 2 => continue,
                Value::Array(items) if entry.schema.is_some() => Value::array(items.iter().skip(1).cloned().collect()),
                list => list,
            };
            let schema = entry.schema.as_ref().map_or(Value::Int(0), Value::schema);
            self.row(true, [Value::Something, Value::role(&entry.role), schema, Value::text(acl::letter(entry.on)), list]);
        }
    }

    fn pg_language(&mut self) {
        self.columns = &["oid", "lanname"];
        for name in ["sql", "plpgsql", "c", "internal"] {
            self.row(true, [Value::object(Object::Other("pg_language", name.into())), Value::text(name)]);
        }
    }

    fn pg_event_trigger(&mut self) {
        self.columns = &["evtname", "evtevent", "evtenabled"];
        for trigger in self.catalog.event_triggers.values() {
            self.row(true, [text(&trigger.name), text(&trigger.event), Value::text("O")]);
        }
    }

    fn pg_extension(&mut self) {
        self.columns = &["oid", "extname", "extnamespace", "extversion"];
        for extension in self.catalog.extensions.values() {
            let oid = Value::object(Object::Other("pg_extension", extension.name.clone()));
            let cells = [oid, text(&extension.name), Value::schema(&extension.schema), Value::Something];
            self.row(sure(extension.certainty), cells);
        }
        let plpgsql = SmolStr::new("plpgsql");
        if !self.catalog.extensions.contains(&plpgsql) {
            let oid = Value::object(Object::Other("pg_extension", plpgsql.clone()));
            self.row(true, [oid, text(&plpgsql), Value::schema(&"pg_catalog".into()), Value::Something]);
        }
    }

    fn pg_roles(&mut self, user: bool) {
        self.columns =
            if user { &["usesysid", "usename", "usesuper", "usebypassrls"] } else { &["oid", "rolname", "rolsuper", "rolbypassrls"] };
        let mut postgres = false;
        for role in self.catalog.roles.values() {
            postgres |= role.name == "postgres";
            self.row(true, [Value::role(&role.name), text(&role.name), Value::Bool(role.superuser), Value::Bool(role.bypass_rls)]);
        }
        if !postgres {
            let name = SmolStr::new("postgres");
            self.row(true, [Value::role(&name), text(&name), Value::Bool(false), Value::Bool(true)]);
        }
    }

    fn pg_inherits(&mut self) {
        self.columns = &["inhrelid", "inhparent"];
        for table in self.tables() {
            for parent in table.inherits.iter().chain(&table.partition_of) {
                self.row(certainly_exists(table), [Value::relation(&table.name), Value::relation(parent)]);
            }
        }
    }

    fn pg_sequences(&mut self) {
        self.columns = &["schemaname", "sequencename", "sequenceowner", "last_value"];
        for sequence in self.catalog.sequences.values() {
            let cells = [text(&sequence.name.schema), text(&sequence.name.name), text(&sequence.owner), Value::Unknown];
            self.row(sure(sequence.certainty), cells);
        }
    }
}

fn action(action: ReferentialAction) -> Value {
    Value::text(match action {
        ReferentialAction::NoAction => "a",
        ReferentialAction::Restrict => "r",
        ReferentialAction::Cascade => "c",
        ReferentialAction::SetNull => "n",
        ReferentialAction::SetDefault => "d",
    })
}

/// Returns the result of `pg_get_constraintdef`, or `None` if the constraint contains an expression.
pub fn constraint_text(constraint: &Constraint, visible: impl Fn(&QName) -> bool) -> Option<String> {
    let list = |columns: &[SmolStr]| columns.iter().map(|column| quote_ident(column)).collect::<Vec<_>>().join(", ");
    let columns = list(&constraint.columns);
    let mut out = match (constraint.kind, &constraint.references) {
        (ConstraintKind::PrimaryKey, _) => format!("PRIMARY KEY ({columns})"),
        (ConstraintKind::Unique, _) => format!("UNIQUE ({columns})"),
        (ConstraintKind::ForeignKey, Some(key)) => {
            let table = if visible(&key.table) { quote_ident(&key.table.name) } else { key.table.quoted() };
            let mut out = format!("FOREIGN KEY ({columns}) REFERENCES {table}({})", list(&key.columns));
            for (event, action) in [("UPDATE", key.on_update), ("DELETE", key.on_delete)] {
                let words = match action {
                    ReferentialAction::NoAction => continue,
                    ReferentialAction::Restrict => "RESTRICT",
                    ReferentialAction::Cascade => "CASCADE",
                    ReferentialAction::SetNull => "SET NULL",
                    ReferentialAction::SetDefault => "SET DEFAULT",
                };
                out.push_str(&format!(" ON {event} {words}"));
            }
            out
        }
        _ => return None,
    };
    if constraint.deferrable {
        return None;
    }
    if !constraint.validated.value {
        out.push_str(" NOT VALID");
    }
    Some(out)
}
