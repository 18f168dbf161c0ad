//! The state of a database at one moment of its history.
//!
//! Promises: only [`Catalog::apply`] changes the state. Every fact has a location. Iteration is in the order of names.

pub mod acl;
pub(crate) mod apply;
pub mod creation_index;
pub mod depend;
pub mod effect;
pub mod mention;
pub mod name;
pub mod object;
pub mod partition;
mod rename;
pub mod store;
pub mod walk;

use acl::{Acl, DefaultPrivilege, Grant, Privileges};
use creation_index::{CreationIndex, Moment, ObjectClass};
use effect::Grantable;
use name::QName;
use object::*;
use smol_str::SmolStr;
use std::sync::Arc;
use store::Store;

use crate::source::{FileId, Site, Span};
use crate::syntax::ast::ObjectKind;
use crate::syntax::expression::ObjectName;

/// Role that runs migrations.
pub const MIGRATION_ROLE: &str = "postgres";
/// Grantee that stands for all roles.
pub const PUBLIC: &str = "public";

/// An error of PostgreSQL, with its code and message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SqlError {
    pub sqlstate: &'static str,
    pub message: String,
    pub detail: Option<Box<Detail>>,
}

/// Object of an error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Detail {
    /// An object that does not exist.
    Missing(ObjectKey),
    /// An object that does not exist under this name, and the name under which an extension creates it.
    Elsewhere(ObjectKey, QName),
    /// Objects that prevent a DROP, each with its location.
    Dependents(Vec<(String, Site)>),
}

/// An object by its class and the name in a statement.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ObjectKey {
    /// Class of the object: `relation`, `column`, `function`, `type`, `schema`, `role`, `policy`, …
    pub class: &'static str,
    pub schema: Option<SmolStr>,
    /// Table of a column, policy, trigger or constraint, without its schema.
    pub table: Option<SmolStr>,
    pub name: SmolStr,
}

impl ObjectKey {
    /// Creates a key from a name, with or without a schema.
    pub fn new(class: &'static str, name: &ObjectName) -> ObjectKey {
        ObjectKey { class, schema: name.schema().map(SmolStr::from), table: None, name: name.last().into() }
    }

    pub fn plain(class: &'static str, name: impl Into<SmolStr>) -> ObjectKey {
        ObjectKey { class, schema: None, table: None, name: name.into() }
    }

    pub fn of_table(class: &'static str, name: impl Into<SmolStr>, table: impl Into<SmolStr>) -> ObjectKey {
        ObjectKey { class, schema: None, table: Some(table.into()), name: name.into() }
    }

    /// Returns whether two keys can refer to the same object. A missing schema or table matches all.
    pub fn may_be(&self, other: &ObjectKey) -> bool {
        let fits = |one: &Option<SmolStr>, other: &Option<SmolStr>| one.is_none() || other.is_none() || one == other;
        self.class == other.class && self.name == other.name && fits(&self.schema, &other.schema) && fits(&self.table, &other.table)
    }
}

impl std::fmt::Display for ObjectKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let schema = self.schema.as_ref().map(|schema| format!("{schema}.")).unwrap_or_default();
        write!(f, "{} `{schema}{}`", self.class, self.name)?;
        self.table.as_ref().map_or(Ok(()), |table| write!(f, " of `{table}`"))
    }
}

impl SqlError {
    pub fn new(sqlstate: &'static str, message: impl Into<String>) -> SqlError {
        SqlError { sqlstate, message: message.into(), detail: None }
    }

    /// Adds the missing object to the error.
    pub fn missing(self, what: ObjectKey) -> SqlError {
        SqlError { detail: Some(Box::new(Detail::Missing(what))), ..self }
    }

    /// Adds the name under which an extension creates the missing object.
    pub fn elsewhere(mut self, name: QName) -> SqlError {
        if let Some(Detail::Missing(what)) = self.detail.as_deref() {
            self.detail = Some(Box::new(Detail::Elsewhere(what.clone(), name)));
        }
        self
    }
}

pub type Applied = Result<(), SqlError>;

/// Kind of a relation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RelationKind {
    Table,
    View,
    MaterializedView,
    Sequence,
    Index,
    CompositeType,
}

impl RelationKind {
    pub fn noun(self) -> &'static str {
        match self {
            RelationKind::Table => "table",
            RelationKind::View => "view",
            RelationKind::MaterializedView => "materialized view",
            RelationKind::Sequence => "sequence",
            RelationKind::Index => "index",
            RelationKind::CompositeType => "composite type",
        }
    }
}

/// Settings of the session that runs the migrations.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Session {
    /// Search path, or `None` for the default of the database.
    pub search_path: Option<Vec<SmolStr>>,
    pub role: Option<SmolStr>,
    /// Whether `check_function_bodies` is off, as in the output of pg_dump.
    pub bodies_unchecked: bool,
    /// Whether a BEGIN of the file is in effect.
    pub in_transaction: bool,
    /// Byte offset at which the transaction began.
    pub began: u32,
}

/// Situations in which a statement is rejected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// Rejected in every situation. The statement changes nothing.
    Always,
    /// Rejected because the runner sends all statements of a file at once. The statement is treated as executed.
    InBatch,
    /// Rejected as with `InBatch`, in a file that contains only such statements. Clients that send statements separately run it.
    InBatchOfSameKind,
    /// Rejected on a database that only the migrations create. The statement is treated as executed.
    OnNewDatabase,
    /// Rejected for a role whose search_path does not contain the schema `extensions`. The statement is treated as executed.
    OtherPath,
}

/// A statement that PostgreSQL would reject.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejected {
    pub site: Site,
    pub reason: SqlError,
    pub when: When,
    /// Objects that the statement would create.
    pub makes: Vec<ObjectKey>,
}

/// A statement of application code that PostgreSQL would reject after the last migration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RejectedInCode {
    /// Location of the whole text in the code.
    pub site: Site,
    pub reason: SqlError,
}

/// A name that an object had.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FormerName {
    Relation(QName),
    Column(QName, SmolStr),
    /// The name of one or more functions, for all argument types.
    Function(QName),
}

/// The last statement that removed a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Removal {
    pub at: Site,
    /// New name of the object, without its schema, or `None` if it was dropped.
    pub renamed_to: Option<SmolStr>,
}

#[derive(Clone, Debug, Default)]
pub struct Catalog {
    pub session: Session,
    pub schemas: Store<SmolStr, Schema>,
    pub tables: Store<QName, Table>,
    pub views: Store<QName, View>,
    /// Functions by name. Overloads differ in their arguments.
    pub functions: Store<QName, Vec<Function>>,
    pub types: Store<QName, Type>,
    pub sequences: Store<QName, Sequence>,
    /// Relation of each index.
    index_homes: Store<QName, QName>,
    pub extensions: Store<SmolStr, Extension>,
    pub roles: Store<SmolStr, Role>,
    pub publications: Store<SmolStr, Publication>,
    pub buckets: Store<SmolStr, Bucket>,
    pub event_triggers: Store<SmolStr, EventTrigger>,
    pub default_privileges: Store<(), Vec<DefaultPrivilege>>,
    /// Columns that an UPDATE has written in existing rows.
    pub updated: Store<(QName, SmolStr), ()>,
    /// Names that statements removed. A later object can have the same name.
    pub former_names: Store<FormerName, Removal>,
    /// Whether any table has or had a parent table.
    has_families: bool,
    pub creation_index: Arc<CreationIndex>,
    /// Statements that could not be parsed or evaluated, by the index of the file. The objects that they create may exist.
    pub unread: Vec<(usize, Span)>,
    /// Current moment in the history.
    pub now: Moment,
    /// Statement at this moment.
    pub here: Site,
    /// Whether only objects of the migrations exist. Otherwise, objects that no migration creates are assumed to exist.
    pub fresh: bool,
    /// Whether a command with unknown text was run, which may have created any object.
    pub ran_unknown_command: bool,
    /// Major version of PostgreSQL. 0 means the newest.
    pub postgres_version: u32,
    /// Whether the project creates operators or casts, which can apply to any types.
    pub own_operators: bool,
    /// Rejected statements in the order of the history, except for those of [`When::InBatch`] and [`When::OnNewDatabase`].
    pub rejected: Vec<Rejected>,
    pub rejected_in_code: Vec<RejectedInCode>,
}

/// Schemas of extensions. If no migration creates the extension, it was enabled in the dashboard.
const EXTENSION_SCHEMAS: [&str; 10] =
    ["cron", "net", "pgmq", "pgsodium", "pgsodium_masks", "pgtle", "tiger", "topology", "vault", "partman"];

/// Returns whether an extension creates a schema with this name.
pub fn is_extension_schema(name: &str) -> bool {
    EXTENSION_SCHEMAS.contains(&name)
}

/// Returns whether every name in a schema is assumed to exist, because it belongs to PostgreSQL or an extension.
pub fn is_system_schema(name: &str) -> bool {
    name.starts_with("pg_") || name == "information_schema"
}

/// Calls a method of each store, optionally with the store of another catalog.
macro_rules! each_store {
    ($catalog:expr, $act:ident) => {
        $catalog.schemas.$act();
        $catalog.tables.$act();
        $catalog.views.$act();
        $catalog.functions.$act();
        $catalog.types.$act();
        $catalog.sequences.$act();
        $catalog.index_homes.$act();
        $catalog.extensions.$act();
        $catalog.roles.$act();
        $catalog.publications.$act();
        $catalog.buckets.$act();
        $catalog.event_triggers.$act();
        $catalog.default_privileges.$act();
        $catalog.updated.$act();
        $catalog.former_names.$act();
    };
}

impl Catalog {
    /// Returns the schemas of the search path, in order.
    pub fn search_path(&self) -> Vec<SmolStr> {
        match &self.session.search_path {
            Some(path) => path.clone(),
            None => vec!["public".into(), "extensions".into()],
        }
    }

    /// Returns a name as PostgreSQL writes it in messages: without the schema if it is in the search path.
    pub fn shown(&self, name: &QName) -> String {
        if self.search_path().contains(&name.schema) { name::quote_ident(&name.name) } else { name.quoted() }
    }

    /// Returns a type as PostgreSQL writes it in messages.
    pub fn shown_type(&self, ty: &DataType) -> SmolStr {
        match &ty.user {
            Some(user) if self.find_type(&ObjectName::bare(&user.name)).as_ref() == Some(&**user) => {
                DataType { base: name::quote_ident(&user.name).into(), user: None, ..ty.clone() }.canonical()
            }
            _ => ty.canonical(),
        }
    }

    /// Returns the schema in which new objects without a schema are created.
    pub fn creation_schema(&self) -> Option<SmolStr> {
        self.search_path().into_iter().find(|schema| schema != "$user" && self.schemas.contains(schema))
    }

    pub fn current_role(&self) -> SmolStr {
        self.session.role.clone().unwrap_or_else(|| MIGRATION_ROLE.into())
    }

    /// Returns whether a schema exists. Schemas of PostgreSQL always exist.
    pub fn has_schema(&self, name: &str) -> bool {
        is_system_schema(name) || self.schemas.contains(&name.into())
    }

    pub fn relation_kind(&self, name: &QName) -> Option<RelationKind> {
        if self.tables.contains(name) {
            return Some(RelationKind::Table);
        }
        if let Some(view) = self.views.get(name) {
            return Some(if view.materialized { RelationKind::MaterializedView } else { RelationKind::View });
        }
        if self.sequences.contains(name) {
            return Some(RelationKind::Sequence);
        }
        if self.index_homes.contains(name) {
            return Some(RelationKind::Index);
        }
        match self.types.get(name).map(|ty| &ty.kind) {
            Some(TypeKind::Composite(_)) => Some(RelationKind::CompositeType),
            _ => None,
        }
    }

    /// Returns the existing object of a written name. `exists` is called for each schema of the search path.
    fn find(&self, name: &ObjectName, exists: impl Fn(&QName) -> bool) -> Option<QName> {
        if let Some(schema) = name.schema() {
            let name = QName::new(schema, name.last());
            return exists(&name).then_some(name);
        }
        let temporary = QName::new("pg_temp", name.last());
        if exists(&temporary) {
            return Some(temporary);
        }
        self.search_path().into_iter().map(|schema| QName::new(schema, name.last())).find(exists)
    }

    pub fn find_relation(&self, name: &ObjectName) -> Option<QName> {
        self.find(name, |name| self.relation_kind(name).is_some_and(|kind| kind != RelationKind::CompositeType))
    }

    pub fn find_type(&self, name: &ObjectName) -> Option<QName> {
        self.find(name, |name| self.types.contains(name) || self.tables.contains(name) || self.views.contains(name))
    }

    pub fn find_functions(&self, name: &ObjectName) -> Option<QName> {
        self.find(name, |name| self.functions.contains(name))
    }

    /// Returns the functions that a call may run: those in all schemas of the search path with this number of arguments.
    pub fn callable(&self, name: &ObjectName, args: usize) -> Vec<&Function> {
        let schemas = match name.schema() {
            Some(schema) => vec![SmolStr::from(schema)],
            None => self.search_path(),
        };
        let mut out = Vec::new();
        for schema in schemas {
            let overloads = self.functions.get(&QName::new(schema, name.last()));
            out.extend(overloads.into_iter().flatten().filter(|function| accepts(function, args)));
        }
        out
    }

    /// Returns the name under which an object with a written name would be created.
    pub fn place(&self, name: &ObjectName) -> Option<QName> {
        let schema = match name.schema() {
            Some(schema) => Some(SmolStr::from(schema)),
            None => self.creation_schema(),
        };
        schema.map(|schema| QName::new(schema, name.last()))
    }

    pub fn table(&self, name: &QName) -> Option<&Table> {
        self.tables.get(name)
    }

    /// Returns whether an object that does not exist is known to be missing, and not assumed to exist outside the migrations.
    pub fn is_missing(&self, made: ObjectClass, name: &ObjectName) -> bool {
        let sure = self.fresh && !self.ran_unknown_command && self.is_of_project(made, name);
        self.creation_index.is_missing(made, name.schema(), name.last(), self.now, &self.unread, sure)
    }

    /// Returns whether only a migration can have created this name. The caller has to exclude objects of PostgreSQL.
    pub fn is_of_project(&self, made: ObjectClass, name: &ObjectName) -> bool {
        let own = match name.schema() {
            Some(schema) => {
                let of_platform = schema != "public" && self.schemas.get(&schema.into()).is_some_and(|schema| schema.at.is_platform());
                !of_platform && !is_system_schema(schema) && !is_extension_schema(schema)
            }
            None => !(name.last().starts_with("pg_") || name.last().starts_with('_')),
        };
        match made {
            ObjectClass::Relation | ObjectClass::Role | ObjectClass::Index | ObjectClass::CronJob => own,
            ObjectClass::Function | ObjectClass::Type => {
                let path = self.search_path();
                let beside = |extension: &Extension| match name.schema() {
                    Some(schema) => extension.schema == schema,
                    None => path.contains(&extension.schema),
                };
                own && self.extensions.values().all(|extension| extension.known || !beside(extension))
            }
        }
    }

    /// Returns the relation of an index.
    pub fn index_home(&self, index: &QName) -> Option<&QName> {
        self.index_homes.get(index)
    }

    /// Returns the columns of a table or view, or `None` if not all are known.
    pub fn columns(&self, name: &QName) -> Option<Vec<SmolStr>> {
        if let Some(table) = self.tables.get(name) {
            return (!table.external).then(|| table.columns.iter().map(|column| column.name.clone()).collect());
        }
        let view = self.views.get(name)?;
        view.columns_known.then(|| view.columns.iter().map(|column| column.name.clone()).collect())
    }

    pub fn column_type(&self, name: &QName, column: &str) -> Option<DataType> {
        if let Some(table) = self.tables.get(name) {
            return table.column(column).map(|column| column.ty.clone());
        }
        self.views.get(name)?.columns.iter().find(|known| known.name == column)?.ty.clone()
    }

    /// Returns the tables of a publication, in the order of names.
    pub fn published(&self, publication: &Publication) -> Vec<(&QName, Site)> {
        let named = |table: &Table| publication.tables.iter().find(|(name, _)| *name == table.name).map(|(_, at)| *at);
        let in_schema = |table: &Table| publication.all_tables || publication.schemas.contains(&table.name.schema);
        self.tables
            .values()
            // a partitioned table is published as its partitions
            .filter(|table| table.kind == TableKind::Ordinary)
            .filter_map(|table| {
                let parent = || table.partition_of.as_ref().and_then(|parent| self.tables.get(parent));
                let at = named(table).or_else(|| parent().and_then(named)).or_else(|| in_schema(table).then_some(publication.at));
                at.map(|at| (&table.name, at))
            })
            .collect()
    }

    /// Returns whether a condition holds for a role, a role that it inherits from, or all roles.
    fn any_grantee(&self, role: &str, mut is: impl FnMut(&str, Option<&Role>) -> bool) -> bool {
        let known = self.roles.get(&role.into());
        if is(role, known) {
            return true;
        }
        let mut inherited: Vec<&SmolStr> = known.into_iter().flat_map(|role| &role.member_of).collect();
        let mut at = 0;
        while at < inherited.len() {
            let known = self.roles.get(inherited[at]);
            if is(inherited[at], known) {
                return true;
            }
            for parent in known.into_iter().flat_map(|role| &role.member_of) {
                if parent != role && !inherited.contains(&parent) {
                    inherited.push(parent);
                }
            }
            at += 1;
        }
        is(PUBLIC, None)
    }

    /// Returns whether a role is a member of another.
    pub fn is_member(&self, member: &SmolStr, role: &SmolStr) -> bool {
        self.roles.get(member).is_some_and(|member| member.superuser) || self.any_grantee(member, |grantee, _| grantee == role)
    }

    /// Returns the privileges of a role on an object, including inherited ones.
    pub fn privileges(&self, role: &str, acl: &Acl, owner: &str, kind: ObjectKind) -> Privileges {
        let mut out = Privileges::NONE;
        let all = self.any_grantee(role, |grantee, known| {
            out |= acl.direct(grantee);
            grantee == owner || known.is_some_and(|role| role.superuser)
        });
        if all { Privileges::all(kind) } else { out }
    }

    pub fn table_privileges(&self, role: &str, table: &Table) -> Privileges {
        self.privileges(role, &table.acl, &table.owner, ObjectKind::Table)
    }

    /// Returns whether a role has a privilege on a column, or on its whole table.
    pub fn may_use_column(&self, role: &str, table: &Table, privilege: Privileges, column: &str) -> bool {
        let grants =
            || table.acl.grants.iter().filter(|grant| grant.column.as_deref() == Some(column) && grant.privileges.contains(privilege));
        self.table_privileges(role, table).contains(privilege)
            || self.any_grantee(role, |grantee, _| grants().any(|grant| grant.grantee == grantee))
    }

    /// Returns whether a role has a privilege on at least one column.
    pub fn column_privilege(&self, role: &str, acl: &Acl, privilege: Privileges) -> bool {
        let on_column = |grant: &&Grant| grant.column.is_some() && grant.privileges.contains(privilege);
        let mut grants = acl.grants.iter().filter(on_column).peekable();
        grants.peek().is_some() && {
            let grants: Vec<&Grant> = grants.collect();
            self.any_grantee(role, |grantee, _| grants.iter().any(|grant| grant.grantee == grantee))
        }
    }

    pub fn may_execute(&self, role: &str, function: &Function) -> bool {
        self.privileges(role, &function.acl, &function.owner, ObjectKind::Function).contains(Privileges::EXECUTE)
    }

    pub fn may_use_schema(&self, role: &str, schema: &str) -> bool {
        self.schemas
            .get(&schema.into())
            .is_some_and(|schema| self.privileges(role, &schema.acl, &schema.owner, ObjectKind::Schema).contains(Privileges::USAGE))
    }

    /// Returns whether a role of the platform granted the privileges on an object, so that other roles cannot revoke them. This applies to
    /// objects of extensions with their own schema. Source: PostgreSQL's documentation, "REVOKE", under "Notes".
    pub fn is_granted_by_platform(&self, on: &Grantable) -> bool {
        let superuser = self.roles.get(&self.current_role()).is_some_and(|role| role.superuser);
        let of_extension = match on {
            Grantable::Schema(name) => is_extension_schema(name),
            Grantable::Function(name, signature) => {
                is_extension_schema(&name.schema) && self.function(name, signature).is_some_and(|function| function.of_extension)
            }
            Grantable::Relation(_) | Grantable::Sequence(_) => false,
        };
        of_extension && !superuser
    }

    /// Returns the initial grants of a new object of the current role.
    pub fn initial_acl(&self, kind: ObjectKind, schema: &str, at: Site, certainty: Certainty) -> Acl {
        let mut acl = Acl::default();
        let role = self.current_role();
        let mut grant = |grantee: &SmolStr, privileges, from: Site| {
            acl.grant(Grant { grantee: grantee.clone(), privileges, column: None, at, certainty, by_default: Some(from) });
        };
        let matches =
            |entry: &&DefaultPrivilege| entry.role == role && entry.on == kind && entry.schema.as_deref().is_none_or(|only| only == schema);
        let entries = self.default_privileges.get(&());
        // the built-in default privileges apply unless an entry without a schema replaces them
        if kind == ObjectKind::Function && !self.public_execute_revoked(&role) {
            grant(&PUBLIC.into(), Privileges::EXECUTE, Site::new(FileId::PLATFORM, Span::default()));
        }
        for entry in entries.into_iter().flatten().filter(matches) {
            grant(&entry.grantee, entry.privileges, entry.at);
        }
        acl
    }

    fn public_execute_revoked(&self, role: &str) -> bool {
        self.default_privileges.get(&()).into_iter().flatten().any(|entry| {
            entry.role == role
                && entry.on == ObjectKind::Function
                && entry.schema.is_none()
                && entry.grantee == PUBLIC
                && entry.privileges.is_empty()
        })
    }

    /// Begins a nested transaction of changes.
    pub fn begin(&mut self) {
        each_store!(self, begin);
    }

    pub fn commit(&mut self) {
        each_store!(self, commit);
    }

    /// Returns the number of open transactions.
    pub fn depth(&self) -> usize {
        self.tables.depth()
    }

    pub fn rollback(&mut self) {
        each_store!(self, rollback);
    }
}

/// Returns whether a function can be called with this number of arguments.
fn accepts(function: &Function, args: usize) -> bool {
    let inputs = function.inputs().count();
    let required = function.inputs().filter(|arg| arg.default.is_none() && arg.mode != ArgMode::Variadic).count();
    let variadic = function.inputs().any(|arg| arg.mode == ArgMode::Variadic);
    args >= required && (args <= inputs || variadic)
}
