//! Names of objects that do not exist in the catalog. They are either certainly missing, or assumed to exist outside the migrations.
//!
//! Promises: an error is certain. An object that is created later or was dropped is missing. Any other object is missing only if all objects
//! come from migrations ([`Catalog::fresh`](crate::catalog::Catalog)).

use super::{Context, Meaning, builtin};
use crate::catalog::creation_index::ObjectClass;
use crate::catalog::name::QName;
use crate::catalog::{ObjectKey, PUBLIC, SqlError};
use crate::syntax::expression::{Ident, ObjectName};
use crate::syntax::types::{TypeName, builtin_name};
use smol_str::SmolStr;

impl Context<'_> {
    /// Returns the error for a name that is not in the catalog, if the object is certainly missing. Otherwise records that the statement
    /// depends on it.
    pub fn absent(&self, made: ObjectClass, name: &ObjectName, reason: impl FnOnce() -> SqlError) -> Meaning {
        let extensions = builtin::extensions_with(name.last()).iter().filter(|_| made != ObjectClass::Relation);
        let installed = extensions.filter_map(|extension| self.catalog.extensions.get(&(*extension).into()));
        let schemas: Vec<&SmolStr> = installed.map(|extension| &extension.schema).collect();
        if schemas.iter().any(|schema| name.schema().is_none_or(|written| written == *schema)) {
            return Ok(());
        }
        let reason = || match schemas.first() {
            Some(schema) => reason().elsewhere(QName::new((*schema).clone(), name.last())),
            None => reason(),
        };
        let dropped = made != ObjectClass::Index && self.is_unknown_to_platform(name);
        if self.catalog.is_missing(made, name) || dropped && self.catalog.fresh && !self.catalog.ran_unknown_command {
            return Err(reason());
        }
        if dropped || self.catalog.is_of_project(made, name) {
            self.relies.set(true);
        }
        Ok(())
    }

    /// Returns whether the services of the platform dropped the object or never had it. A project may have created it in the dashboard.
    fn is_unknown_to_platform(&self, name: &ObjectName) -> bool {
        let of_platform = |schema: &&str| self.catalog.schemas.get(&(*schema).into()).is_some_and(|schema| schema.at.is_platform());
        name.schema().filter(of_platform).is_some_and(|schema| builtin::is_unknown_to_platform(schema, name.last()))
    }

    pub fn require_type(&self, written: &TypeName) -> Meaning {
        let name = &written.name;
        if written.builtin || written.of_column {
            return Ok(());
        }
        let missing = || SqlError::new("42704", format!("type \"{name}\" does not exist")).missing(ObjectKey::new("type", name));
        if let Some(found) = self.catalog.find_type(name) {
            self.note_path(name, &found, missing);
            return Ok(());
        }
        if let Some(schema) = name.schema().filter(|schema| !self.catalog.has_schema(schema)) {
            return Err(SqlError::new("3F000", format!("schema \"{schema}\" does not exist")).missing(ObjectKey::plain("schema", schema)));
        }
        let own = || builtin_name(name.last()).is_some() || builtin::is_type(name.last());
        if name.schema().is_none_or(|schema| schema == "pg_catalog") && own() {
            return Ok(());
        }
        self.absent(ObjectClass::Type, name, missing)
    }

    /// Records that a name without a schema was found in `extensions`. On Supabase, the search_path of `postgres` contains that schema, but
    /// the search_path of the CLI's login roles does not.
    pub fn note_path(&self, name: &ObjectName, found: &QName, missing: impl FnOnce() -> SqlError) {
        let by_default = self.catalog.session.search_path.is_none() && name.schema().is_none() && found.schema == "extensions";
        if by_default && self.is_top_level() {
            self.by_path.borrow_mut().get_or_insert_with(|| missing().elsewhere(found.clone()));
        }
    }

    pub fn require_role(&self, role: &Ident) -> Meaning {
        let name = role.name.as_str();
        let keyword = role.span.len() == name.len() && matches!(name, "current_user" | "current_role" | "session_user" | "none" | "all");
        // roles of PostgreSQL and of the platform's services
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
