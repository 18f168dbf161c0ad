//! Names of objects that do not exist in the catalog. They are either certainly missing, or assumed to exist outside the migrations.
//!
//! Promises: an error is certain. An object that is created later or was dropped is missing. Any other object is missing only if all objects
//! come from migrations ([`Catalog::fresh`](crate::catalog::Catalog)).

use super::{Context, Meaning, builtin};
use crate::catalog::creation_index::ObjectClass;
use crate::catalog::{ObjectKey, PUBLIC, SqlError};
use crate::syntax::expression::{Ident, ObjectName};
use crate::syntax::types::{TypeName, builtin_name};

impl Context<'_> {
    /// For a name that is not in the catalog: the error it is where it must be missing. Otherwise the statement relies on it.
    pub fn absent(&self, made: ObjectClass, name: &ObjectName, reason: impl FnOnce() -> SqlError) -> Meaning {
        let extensions = builtin::brought_by(name.last());
        let installed = extensions.iter().filter_map(|extension| self.catalog.extensions.get(&(*extension).into()));
        let mut schemas = installed.map(|extension| &extension.schema);
        if made != ObjectClass::Relation && schemas.any(|schema| name.schema().is_none_or(|written| written == schema)) {
            return Ok(());
        }
        if self.catalog.is_missing(made, name) {
            return Err(reason());
        }
        if self.catalog.is_of_project(made, name) {
            self.relies.set(true);
        }
        Ok(())
    }

    pub fn require_type(&self, written: &TypeName) -> Meaning {
        let name = &written.name;
        if written.builtin || written.of_column || self.catalog.find_type(name).is_some() {
            return Ok(());
        }
        if let Some(schema) = name.schema().filter(|schema| !self.catalog.has_schema(schema)) {
            return Err(SqlError::new("3F000", format!("schema \"{schema}\" does not exist")).missing(ObjectKey::plain("schema", schema)));
        }
        let own = || builtin_name(name.last()).is_some() || builtin::is_type(name.last());
        if name.schema().is_none_or(|schema| schema == "pg_catalog") && own() {
            return Ok(());
        }
        self.absent(ObjectClass::Type, name, || {
            SqlError::new("42704", format!("type \"{name}\" does not exist")).missing(ObjectKey::new("type", name))
        })
    }

    pub fn require_role(&self, role: &Ident) -> Meaning {
        let name = role.name.as_str();
        let keyword = role.span.len() == name.len() && matches!(name, "current_user" | "current_role" | "session_user" | "none" | "all");
        // roles of PostgreSQL itself and of the platform's services
        let given = name == PUBLIC || name.starts_with("pg_") || name.starts_with("supabase") || name.starts_with("cli_login");
        if keyword || given || self.catalog.roles.contains(&role.name) {
            return Ok(());
        }
        let written = ObjectName { parts: vec![role.clone()] };
        self.absent(ObjectClass::Role, &written, || {
            SqlError::new("42704", format!("role \"{name}\" does not exist")).missing(ObjectKey::plain("role", name))
        })
    }

    pub fn require_roles<'r>(&self, roles: impl IntoIterator<Item = &'r Ident>) -> Meaning {
        roles.into_iter().try_for_each(|role| self.require_role(role))
    }
}
