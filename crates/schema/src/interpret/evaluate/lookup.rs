//! Lookup of objects by names in texts, and functions that query the catalog, such as `to_regclass`.

use super::expr::unquoted;
use super::tables::{function_object, system::constraint_text};
use super::value::{Definition, Object, Value};
use super::{Machine, Ran, Stop};
use crate::catalog::acl::Privileges;
use crate::catalog::name::QName;
use crate::catalog::object::{ArgMode, Certainty, DataType, Function};
use crate::catalog::{RelationKind, SqlError, is_system_schema};
use crate::source::Span;
use crate::syntax::ast::{Body, ObjectKind};
use crate::syntax::cursor::Cursor;
use crate::syntax::expression::ObjectName;
use crate::syntax::lexer::tokens;
use smol_str::SmolStr;
use std::sync::Arc;

fn named(object: Object) -> Value {
    Value::Object { object: Arc::new(object), named: true }
}

/// Returns the qualified name in a text.
fn object_name(text: &str) -> Option<ObjectName> {
    let tokens = tokens(text);
    let mut cursor = Cursor::new(text, &tokens);
    let name = cursor.object_name().ok()?;
    cursor.done().then_some(name)
}

impl Machine<'_> {
    /// Returns whether the search_path finds the object without its schema.
    pub fn is_visible(&self, object: &Object) -> bool {
        let catalog = &self.world.catalog;
        let bare = |name: &QName| ObjectName::bare(&name.name);
        match object {
            Object::Relation(name) if is_system_schema(&name.schema) => name.schema == "pg_catalog",
            Object::Relation(name) => match catalog.find_relation(&bare(name)) {
                Some(found) => found == *name,
                None => catalog.search_path().contains(&name.schema),
            },
            Object::Function(name, _) => catalog.find_functions(&bare(name)).as_ref() == Some(name),
            Object::Type(name) => name.schema == "pg_catalog" || catalog.find_type(&bare(name)).as_ref() == Some(name),
            _ => true,
        }
    }

    /// Returns the relation with this name, NULL if there is none, or `None` if that is unknown.
    pub fn regclass(&self, text: &str) -> Option<Value> {
        let catalog = &self.world.catalog;
        let name = object_name(text)?;
        if let Some(found) = catalog.find_relation(&name) {
            let unsure = catalog.table(&found).is_some_and(|table| table.external || table.certainty == Certainty::Maybe);
            return if unsure { None } else { Some(named(Object::Relation(found))) };
        }
        let schema = name.schema().map(SmolStr::from);
        match &schema {
            Some(schema) if is_system_schema(schema) => Some(named(Object::Relation(QName::new(schema.clone(), name.last())))),
            None if name.last().starts_with("pg_") => Some(named(Object::Relation(QName::new("pg_catalog", name.last())))),
            // the objects in the platform's schemas depend on its version
            Some(schema) if schema != "public" && catalog.schemas.get(schema).is_some_and(|schema| schema.at.is_platform()) => None,
            _ => Some(Value::Null),
        }
    }

    pub fn regtype(&self, text: &str) -> Option<Value> {
        let tokens = tokens(text);
        let mut cursor = Cursor::new(text, &tokens);
        let ty = cursor.type_name().ok().filter(|_| cursor.done())?;
        if ty.dimensions > 0 {
            return None;
        }
        if ty.builtin {
            return Some(named(Object::Type(QName::new("pg_catalog", ty.name.last()))));
        }
        self.world.catalog.find_type(&ty.name).map(|found| named(Object::Type(found)))
    }

    /// Returns the function of a signature `f(uuid, text)` or of a name.
    pub fn regprocedure(&self, text: &str) -> Option<Value> {
        let tokens = tokens(text);
        let mut cursor = Cursor::new(text, &tokens);
        let name = cursor.object_name().ok()?;
        let system = name.schema().is_some_and(is_system_schema);
        let found = self.world.catalog.find_functions(&name);
        let Some(found) = found else {
            let platform = name.schema().is_none_or(|schema| {
                schema != "public" && self.world.catalog.schemas.get(&schema.into()).is_some_and(|schema| schema.at.is_platform())
            });
            return if system || platform { None } else { Some(Value::Null) };
        };
        let overloads = self.world.catalog.functions.get(&found)?;
        if cursor.done() {
            return match overloads.as_slice() {
                [only] => Some(named(function_object(only))),
                _ => None,
            };
        }
        let mut args = Vec::new();
        for mut part in cursor.parens().ok()?.list() {
            let ty = part.type_name().ok().filter(|_| part.done())?;
            args.push(self.signature_of(&ty));
        }
        let function = overloads.iter().find(|function| function.signature() == args);
        Some(function.map_or(Value::Null, |function| named(function_object(function))))
    }

    /// Returns the first missing type of a signature. PostgreSQL before version 16 raises an error for it even if the function may be
    /// missing.
    fn missing_type(&self, text: &str) -> Option<String> {
        if !(1..16).contains(&self.world.catalog.postgres_version) {
            return None;
        }
        let tokens = tokens(text);
        let mut cursor = Cursor::new(text, &tokens);
        cursor.object_name().ok()?;
        let types = cursor.parens().ok()?.list().into_iter().filter_map(|mut part| part.type_name().ok());
        let mut missing =
            types.filter(|ty| !ty.builtin && ty.name.schema() == Some("public") && self.world.catalog.find_type(&ty.name).is_none());
        missing.next().map(|ty| ty.span.of(text).to_string())
    }

    fn signature_of(&self, ty: &crate::syntax::types::TypeName) -> SmolStr {
        let context = crate::interpret::Context::new(&self.world.catalog, self.origin, Certainty::Certain);
        context.data_type(ty).signature()
    }

    fn function_of(&self, value: &Value) -> Option<&Function> {
        let value = match value {
            Value::Text(text) => self.regprocedure(text)?,
            other => other.clone(),
        };
        let Value::Object { object, .. } = value else { return None };
        let Object::Function(name, args) = &*object else { return None };
        self.world.catalog.functions.get(name)?.iter().find(|function| function.signature() == *args)
    }

    fn relation_of(&self, value: &Value) -> Option<QName> {
        let value = match value {
            Value::Text(text) => self.regclass(text)?,
            other => other.clone(),
        };
        match value {
            Value::Object { object, .. } => match &*object {
                Object::Relation(name) => Some(name.clone()),
                _ => None,
            },
            _ => None,
        }
    }

    fn type_text(&self, ty: &DataType) -> String {
        self.world.catalog.shown_type(ty).to_string()
    }

    fn arguments_text(&self, function: &Function, identity: bool) -> String {
        let mut parts = Vec::new();
        for arg in &function.args {
            let mode = match arg.mode {
                ArgMode::In => "",
                ArgMode::Out => "OUT ",
                ArgMode::InOut => "INOUT ",
                ArgMode::Variadic => "VARIADIC ",
                ArgMode::Table => continue,
            };
            let name = arg.name.as_ref().map_or(String::new(), |name| crate::catalog::name::quote_ident(name) + " ");
            let mut bare = arg.ty.clone();
            bare.modifiers.clear();
            let default = match &arg.default {
                Some(default) if !identity => format!(" DEFAULT {}", default.text(self.sources)),
                _ => String::new(),
            };
            parts.push(format!("{mode}{name}{}{default}", self.type_text(&bare)));
        }
        parts.join(", ")
    }

    /// Evaluates functions that query the database, or returns `None` for another function.
    pub fn system_call(&mut self, name: &str, args: &[Value]) -> Ran<Option<Value>> {
        let first = args.first();
        Ok(Some(match (name, first) {
            ("to_regclass" | "to_regtype" | "to_regrole" | "to_regnamespace" | "to_regprocedure" | "to_regproc", Some(Value::Null)) => {
                Value::Null
            }
            ("to_regclass", Some(Value::Text(text))) => self.regclass(text).unwrap_or(Value::Unknown),
            ("to_regtype", Some(Value::Text(text))) => match self.regtype(text) {
                Some(found) => found,
                None if object_name(text).is_some_and(|name| name.schema().is_some_and(|schema| schema == "public")) => Value::Null,
                None => Value::Unknown,
            },
            ("to_regrole", Some(Value::Text(text))) => {
                let name = unquoted(text);
                if self.is_role(&name) { named(Object::Role(name)) } else { Value::Null }
            }
            ("to_regnamespace", Some(Value::Text(text))) => {
                let name = unquoted(text);
                if self.world.catalog.schemas.contains(&name) { named(Object::Schema(name)) } else { Value::Null }
            }
            ("to_regprocedure" | "to_regproc", Some(Value::Text(text))) => match self.missing_type(text) {
                Some(written) => return Err(Stop::Failed(SqlError::new("42704", format!("type \"{written}\" does not exist")))),
                None => self.regprocedure(text).unwrap_or(Value::Unknown),
            },
            ("current_schema", _) => Value::optional(self.world.catalog.creation_schema()),
            ("current_user" | "current_role" | "user", None) => Value::text(self.world.catalog.current_role()),
            ("session_user", None) => Value::text(crate::catalog::MIGRATION_ROLE),
            ("current_database" | "current_catalog", None) => Value::text("postgres"),
            ("current_setting", Some(Value::Text(setting))) => self.setting(setting, args),
            ("set_config", Some(Value::Text(setting))) => {
                match (setting.as_str(), args.get(1)) {
                    ("search_path", Some(Value::Text(path))) => self.set_search_path(path),
                    ("check_function_bodies", Some(value)) => self.world.catalog.session.bodies_unchecked = value.holds() == Some(false),
                    _ => self.world.settings_changed = true,
                }
                args.get(1).cloned().unwrap_or(Value::Unknown)
            }
            ("pg_get_userbyid", Some(Value::Object { object, .. })) => match &**object {
                Object::Role(role) => Value::Text(role.clone()),
                _ => Value::Something,
            },
            ("pg_get_expr", Some(value)) => value.clone(),
            ("pg_get_constraintdef", Some(Value::Object { object, .. })) => self.constraint_definition(object),
            ("pg_get_functiondef", Some(value)) => match self.function_of(value) {
                Some(function) if function.at.is_platform() => Value::Something,
                Some(function) => self.function_definition(function),
                None => Value::Unknown,
            },
            ("pg_get_function_identity_arguments" | "pg_get_function_arguments", Some(value)) => match self.function_of(value) {
                Some(function) if name == "pg_get_function_arguments" && function.args.iter().any(|arg| arg.default.is_some()) => {
                    Value::Something
                }
                Some(function) => Value::text(self.arguments_text(function, true)),
                None => Value::Unknown,
            },
            ("pg_get_function_result", Some(value)) => match self.function_of(value).and_then(|function| function.returns.as_ref()) {
                Some(ty) if ty.setof => Value::text(format!("SETOF {}", self.type_text(ty))),
                Some(ty) => Value::text(self.type_text(ty)),
                None => Value::Unknown,
            },
            ("pg_get_viewdef", Some(value)) => match self.relation_of(value).and_then(|name| self.world.catalog.views.get(&name)) {
                Some(view) => Value::Printed(self.sources.slice(view.query_site).into()),
                None => Value::Unknown,
            },
            ("pg_get_indexdef" | "pg_get_triggerdef" | "obj_description" | "col_description", _) => Value::Unknown,
            ("format_type", Some(Value::Object { object, .. })) => match (&**object, args.get(1)) {
                (Object::Type(ty), Some(Value::Int(-1) | Value::Null)) => {
                    Value::text(super::value::object_text(&Object::Type(ty.clone()), self.is_visible(object)))
                }
                (Object::Other("array type", name), _) => Value::Text(name.clone()),
                _ => Value::Something,
            },
            ("pg_table_is_visible" | "pg_type_is_visible" | "pg_function_is_visible", Some(Value::Object { object, .. })) => {
                Value::Bool(self.is_visible(object))
            }
            ("pg_get_serial_sequence", _) => Value::Unknown,
            ("acldefault", Some(kind)) => match (kind, args.get(1).map(|owner| self.role_of(owner))) {
                (Value::Text(kind), Some(Some(owner))) => super::acl::default(&self.world.catalog, kind, &owner),
                _ => Value::Something,
            },
            (
                "has_table_privilege"
                | "has_function_privilege"
                | "has_schema_privilege"
                | "has_sequence_privilege"
                | "has_column_privilege"
                | "has_any_column_privilege",
                _,
            ) => self.has_privilege(name, args)?,
            ("pg_has_role", _) => self.has_role(args)?,
            ("pg_event_trigger_ddl_commands", _) => Value::Unknown,
            _ => return Ok(None),
        }))
    }

    /// Returns whether a role exists. Every cluster has the role that runs migrations.
    pub fn is_role(&self, name: &SmolStr) -> bool {
        name == crate::catalog::MIGRATION_ROLE || self.world.catalog.roles.contains(name)
    }

    fn setting(&self, setting: &str, args: &[Value]) -> Value {
        match setting {
            "search_path" => match &self.world.catalog.session.search_path {
                Some(path) => Value::text(path.join(", ")),
                None => Value::Something,
            },
            "role" => Value::optional(self.world.catalog.session.role.as_ref().or(Some(&SmolStr::new("none")))),
            // a custom setting has no value in a new session
            custom if custom.contains('.') && !self.world.settings_changed && args.get(1).and_then(Value::holds) == Some(true) => {
                Value::Null
            }
            _ => Value::Unknown,
        }
    }

    fn set_search_path(&mut self, path: &str) {
        let path = path.split(',').map(unquoted).filter(|schema| !schema.is_empty());
        self.world.catalog.session.search_path = Some(path.collect());
    }

    fn function_definition(&self, function: &Function) -> Value {
        let code = match &*function.body {
            Body::Code(code) if function.at.span.contains(code.literal) => code,
            Body::Code(_) | Body::Sql { .. } | Body::None => return Value::Printed(self.sources.slice(function.at).into()),
        };
        let text = self.sources.get(function.at.file).text();
        let (before, after) = (Span::new(function.at.span.start, code.literal.start), Span::new(code.literal.end, function.at.span.end));
        let head = format!("{} {} {}", function.name, before.of(text), after.of(text));
        let body = code.text(text);
        Value::Definition(Arc::new(Definition { head, verbatim: format!("{}\0{body}", function.name.quoted()) }))
    }

    fn constraint_definition(&self, object: &Object) -> Value {
        let Object::Constraint(table, name) = object else { return Value::Something };
        let Some(constraint) = self.world.catalog.table(table).and_then(|table| table.constraint(name)) else { return Value::Unknown };
        match (constraint_text(constraint, |name| self.is_visible(&Object::Relation(name.clone()))), &constraint.expr) {
            (Some(text), _) => Value::text(text),
            (None, Some(expr)) => Value::Printed(expr.text(self.sources).into()),
            _ => Value::Something,
        }
    }

    /// Evaluates `pg_has_role([member,] role, 'MEMBER')`. Whether the member needs SET ROLE makes no difference.
    fn has_role(&self, args: &[Value]) -> Ran<Value> {
        let name = |value: &Value| match value {
            Value::Text(name) => Some(name.clone()),
            Value::Object { object, .. } => match &**object {
                Object::Role(name) => Some(name.clone()),
                _ => None,
            },
            _ => None,
        };
        let (member, role) = match args {
            [role, _] => (Some(self.world.catalog.current_role()), name(role)),
            [member, role, _] => (name(member), name(role)),
            _ => return Ok(Value::Unknown),
        };
        let (Some(member), Some(role)) = (member, role) else { return Ok(Value::Unknown) };
        match [&member, &role].into_iter().find(|role| !self.is_role(role)) {
            Some(missing) => Err(SqlError::new("42704", format!("role \"{missing}\" does not exist")).into()),
            None => Ok(Value::Bool(self.world.catalog.is_member(&member, &role))),
        }
    }

    /// Returns the role of a name or an oid. The oid 0 is PUBLIC.
    fn role_of(&self, value: &Value) -> Option<SmolStr> {
        match value {
            Value::Text(role) => Some(role.clone()),
            Value::Int(0) => Some(crate::catalog::PUBLIC.into()),
            Value::Object { object, .. } => match &**object {
                Object::Role(role) => Some(role.clone()),
                _ => None,
            },
            _ => None,
        }
    }

    /// Evaluates `has_table_privilege([role,] table, 'SELECT, …')` and similar functions.
    fn has_privilege(&self, name: &str, args: &[Value]) -> Ran<Value> {
        // the result is NULL if an argument is NULL
        if args.contains(&Value::Null) {
            return Ok(Value::Null);
        }
        let of_column = name == "has_column_privilege";
        let (role, rest) = if args.len() == 3 + usize::from(of_column) {
            (args.first().and_then(|role| self.role_of(role)), &args[1..])
        } else {
            (Some(self.world.catalog.current_role()), args)
        };
        let (object, column, privileges) = match rest {
            [object, privileges] => (object, None, privileges),
            [object, column, privileges] if of_column => (object, Some(column), privileges),
            _ => return Ok(Value::Unknown),
        };
        let (Some(role), Value::Text(privileges)) = (role, privileges) else { return Ok(Value::Unknown) };
        let catalog = &self.world.catalog;
        if role != crate::catalog::PUBLIC && !self.is_role(&role) {
            return Err(SqlError::new("42704", format!("role \"{role}\" does not exist")).into());
        }
        let (acl, owner, kind) = match name {
            "has_function_privilege" => {
                if let Value::Text(text) = object
                    && self.regprocedure(text) == Some(Value::Null)
                {
                    return Err(SqlError::new("42883", format!("function \"{text}\" does not exist")).into());
                }
                let Some(function) = self.function_of(object).filter(|function| !function.at.is_platform()) else {
                    return Ok(Value::Unknown);
                };
                (&function.acl, &function.owner, ObjectKind::Function)
            }
            "has_schema_privilege" => {
                let name = match object {
                    Value::Text(name) => name.clone(),
                    Value::Object { object, .. } => match &**object {
                        Object::Schema(name) => name.clone(),
                        _ => return Ok(Value::Unknown),
                    },
                    _ => return Ok(Value::Unknown),
                };
                let Some(schema) = catalog.schemas.get(&name) else { return Ok(Value::Unknown) };
                (&schema.acl, &schema.owner, ObjectKind::Schema)
            }
            "has_sequence_privilege" => {
                let sequence = self.relation_of(object).and_then(|name| catalog.sequences.get(&name));
                let Some(sequence) = sequence else { return Ok(Value::Unknown) };
                (&sequence.acl, &sequence.owner, ObjectKind::Sequence)
            }
            _ => {
                let Some(relation) = self.relation_of(object) else { return Ok(Value::Unknown) };
                match (catalog.relation_kind(&relation), catalog.table(&relation), catalog.views.get(&relation)) {
                    (Some(RelationKind::Table), Some(table), _) if !table.external => (&table.acl, &table.owner, ObjectKind::Table),
                    (_, _, Some(view)) => (&view.acl, &view.owner, ObjectKind::Table),
                    _ => return Ok(Value::Unknown),
                }
            }
        };
        // an uncertain grant decides nothing
        let (mut certain, mut possible) = (acl.clone(), acl.clone());
        certain.grants.retain(|grant| grant.certainty == Certainty::Certain);
        for acl in [&mut certain, &mut possible] {
            acl.grants.retain_mut(|grant| match (&grant.column, column) {
                (None, _) => true,
                (Some(of), Some(Value::Text(wanted))) if of != wanted => false,
                // a grant on this column, or on any column, is sufficient
                _ => {
                    grant.column = None;
                    name != "has_table_privilege"
                }
            });
        }
        let [certain, possible] = [certain, possible].map(|acl| catalog.privileges(&role, &acl, owner, kind));
        let (mut sure, mut perhaps) = (false, false);
        for privilege in privileges.split(',') {
            let privilege = privilege.trim().to_ascii_lowercase();
            // WITH GRANT OPTION is not modelled
            let Some(privilege) = Privileges::named(&privilege) else { return Ok(Value::Unknown) };
            sure |= certain.contains(privilege);
            perhaps |= possible.contains(privilege);
        }
        Ok(if sure == perhaps { Value::Bool(sure) } else { Value::Unknown })
    }
}
