//! The state of a database at one moment of its history.
//!
//! Promises: state changes only in [`Catalog::apply`]; every fact has a site; iteration is in order of names.

pub mod acl;
pub(crate) mod apply;
pub mod depend;
pub mod effect;
pub mod future;
pub mod mention;
pub mod name;
pub mod object;
mod rename;
pub mod store;
pub mod walk;

use acl::{Acl, DefaultPrivilege, Grant, Privileges};
use effect::Grantable;
use future::{Future, Made, Moment};
use name::QName;
use object::*;
use smol_str::SmolStr;
use std::sync::Arc;
use store::Store;

use crate::source::{FileId, Site, Span};
use crate::syntax::ast::ObjectKind;
use crate::syntax::expression::ObjectName;

/// The role that migrations run as.
pub const MIGRATION_ROLE: &str = "postgres";
/// The grantee that stands for every role.
pub const PUBLIC: &str = "public";

/// A statement that PostgreSQL would reject, and its words for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contradiction {
    pub sqlstate: &'static str,
    pub message: String,
    pub detail: Option<Box<Detail>>,
}

/// What an error is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Detail {
    /// An object that is not there.
    Missing(ObjectKey),
    /// Objects that depend on what is to be dropped, each with its place.
    Dependents(Vec<(String, Site)>),
}

/// An object by its class and the name that a statement gives it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectKey {
    /// `relation`, `column`, `function`, `type`, `schema`, `role`, `policy`, …
    pub class: &'static str,
    pub schema: Option<SmolStr>,
    /// The table of a column, policy, trigger or constraint, without its schema.
    pub table: Option<SmolStr>,
    pub name: SmolStr,
}

impl ObjectKey {
    /// `name` may have a schema.
    pub fn new(class: &'static str, name: &ObjectName) -> ObjectKey {
        ObjectKey { class, schema: name.schema().map(SmolStr::from), table: None, name: name.last().into() }
    }

    pub fn plain(class: &'static str, name: impl Into<SmolStr>) -> ObjectKey {
        ObjectKey { class, schema: None, table: None, name: name.into() }
    }

    pub fn of_table(class: &'static str, name: impl Into<SmolStr>, table: impl Into<SmolStr>) -> ObjectKey {
        ObjectKey { class, schema: None, table: Some(table.into()), name: name.into() }
    }

    /// Whether two names can stand for one object: a schema or table that is not given fits any.
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

impl Contradiction {
    pub fn new(sqlstate: &'static str, message: impl Into<String>) -> Contradiction {
        Contradiction { sqlstate, message: message.into(), detail: None }
    }

    /// Says which object is not there.
    pub fn missing(self, what: ObjectKey) -> Contradiction {
        Contradiction { detail: Some(Box::new(Detail::Missing(what))), ..self }
    }
}

pub type Applied = Result<(), Contradiction>;

/// What kind of relation a name stands for.
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
    /// None for the database's own default.
    pub search_path: Option<Vec<SmolStr>>,
    pub role: Option<SmolStr>,
    /// `check_function_bodies` is off, as in what pg_dump writes.
    pub bodies_unchecked: bool,
    /// A BEGIN of the file's own holds.
    pub in_transaction: bool,
    /// The byte of the file at which the transaction began, whoever began it.
    pub began: u32,
}

/// When a statement is rejected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// In the state that the history leaves; it changed nothing.
    Always,
    /// Because the runner sends all of a file at once. It is folded as if it had run.
    InBatch,
    /// The same in a file of nothing but statements that refuse a transaction: a client that sends them apart loses nothing.
    AmongItsLike,
    /// On a database that holds nothing but what the migrations make. It is folded as if what they rely on were there.
    Afresh,
}

/// A statement that PostgreSQL would reject.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejected {
    pub site: Site,
    pub reason: Contradiction,
    pub when: When,
    /// What the statement would have made.
    pub makes: Vec<ObjectKey>,
}

#[derive(Clone, Debug, Default)]
pub struct Catalog {
    pub session: Session,
    pub schemas: Store<SmolStr, Schema>,
    pub tables: Store<QName, Table>,
    pub views: Store<QName, View>,
    /// Functions of one name, told apart by their arguments.
    pub functions: Store<QName, Vec<Function>>,
    pub types: Store<QName, Type>,
    pub sequences: Store<QName, Sequence>,
    /// Which relation an index belongs to.
    index_homes: Store<QName, QName>,
    pub extensions: Store<SmolStr, Extension>,
    pub roles: Store<SmolStr, Role>,
    pub publications: Store<SmolStr, Publication>,
    pub buckets: Store<SmolStr, Bucket>,
    pub event_triggers: Store<SmolStr, EventTrigger>,
    pub default_privileges: Store<(), Vec<DefaultPrivilege>>,
    /// Columns that an UPDATE has written in rows that were there.
    pub updated: Store<(QName, SmolStr), ()>,
    /// Has any table ever had a parent?
    has_families: bool,
    pub future: Arc<Future>,
    /// Statements that nobody could read, or whose code could not be followed, by number of the file: what they make may be there.
    pub unread: Vec<(usize, Span)>,
    /// The place in the history.
    pub now: Moment,
    /// The statement that runs there.
    pub here: Site,
    /// Nothing is there but what the migrations make, where otherwise what none of them creates is taken to exist.
    pub fresh: bool,
    /// A command was run whose text is not known: it may have created anything.
    pub secretive: bool,
    /// Major version of PostgreSQL; 0 stands for the newest.
    pub postgres_version: u32,
    /// The project made operators or casts, which may be between any types.
    pub own_operators: bool,
    /// In the order of the history, but for what [`When::InBatch`] and [`When::Afresh`] say of one statement.
    pub rejected: Vec<Rejected>,
}

/// Schemas that extensions make. Who does not create the extension in a migration has switched it on in the dashboard.
const EXTENSION_SCHEMAS: [&str; 10] =
    ["cron", "net", "pgmq", "pgsodium", "pgsodium_masks", "pgtle", "tiger", "topology", "vault", "partman"];

/// Does an extension make a schema of that name?
pub fn is_extension_schema(name: &str) -> bool {
    EXTENSION_SCHEMAS.contains(&name)
}

/// Schemas in which every name is taken to exist: their objects are PostgreSQL's or an extension's own.
pub fn is_system_schema(name: &str) -> bool {
    name.starts_with("pg_") || name == "information_schema"
}

/// Calls a method of each store, with the same of another catalog where there is one.
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
    };
}

impl Catalog {
    /// Schemas that unqualified names are looked up in, in order.
    pub fn search_path(&self) -> Vec<SmolStr> {
        match &self.session.search_path {
            Some(path) => path.clone(),
            None => vec!["public".into(), "extensions".into()],
        }
    }

    /// A name as PostgreSQL writes it in messages: without its schema where that is searched.
    pub fn shown(&self, name: &QName) -> String {
        if self.search_path().contains(&name.schema) { name::quote_ident(&name.name) } else { name.quoted() }
    }

    /// A type in the same way.
    pub fn shown_type(&self, ty: &DataType) -> SmolStr {
        match &ty.user {
            Some(user) if self.find_type(&ObjectName::bare(&user.name)).as_ref() == Some(&**user) => {
                DataType { base: name::quote_ident(&user.name).into(), user: None, ..ty.clone() }.canonical()
            }
            _ => ty.canonical(),
        }
    }

    /// The schema that new objects without one go to.
    pub fn creation_schema(&self) -> Option<SmolStr> {
        self.search_path().into_iter().find(|schema| schema != "$user" && self.schemas.contains(schema))
    }

    pub fn current_role(&self) -> SmolStr {
        self.session.role.clone().unwrap_or_else(|| MIGRATION_ROLE.into())
    }

    /// Does a schema exist? Those of PostgreSQL itself always do.
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

    /// The existing object that a written name stands for, found as `exists` tells along the search path.
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

    /// Functions that a call may mean: all schemas of the path count, and only those that take that many arguments.
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

    /// Where a name without schema would be created.
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

    /// Is an object that is not there known to be missing, and not one that no migration creates?
    pub fn is_missing(&self, made: Made, name: &ObjectName) -> bool {
        let sure = self.fresh && !self.secretive && self.is_of_project(made, name);
        self.future.is_missing(made, name.schema(), name.last(), self.now, &self.unread, sure)
    }

    /// Is it a name that only a migration can have given? That PostgreSQL itself has none like it is for the asker to know.
    pub fn is_of_project(&self, made: Made, name: &ObjectName) -> bool {
        let own = match name.schema() {
            Some(schema) => {
                let of_platform = schema != "public" && self.schemas.get(&schema.into()).is_some_and(|schema| schema.at.is_platform());
                !of_platform && !is_system_schema(schema) && !is_extension_schema(schema)
            }
            None => !(name.last().starts_with("pg_") || name.last().starts_with('_')),
        };
        match made {
            Made::Relation | Made::Role | Made::Index => own,
            Made::Function | Made::Type => {
                let path = self.search_path();
                let beside = |extension: &Extension| match name.schema() {
                    Some(schema) => extension.schema == schema,
                    None => path.contains(&extension.schema),
                };
                own && self.extensions.values().all(|extension| extension.known || !beside(extension))
            }
        }
    }

    /// The relation an index is on.
    pub fn index_home(&self, index: &QName) -> Option<&QName> {
        self.index_homes.get(index)
    }

    /// Names of the columns of a table or view; none where they are not all known.
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

    /// Tables whose changes a publication sends, in order of names.
    pub fn published(&self, publication: &Publication) -> Vec<(&QName, Site)> {
        let named = |table: &Table| publication.tables.iter().find(|(name, _)| *name == table.name).map(|(_, at)| *at);
        let in_schema = |table: &Table| publication.all_tables || publication.schemas.contains(&table.name.schema);
        self.tables
            .values()
            // a partitioned table is sent as its partitions
            .filter(|table| table.kind == TableKind::Ordinary)
            .filter_map(|table| {
                let parent = || table.partition_of.as_ref().and_then(|parent| self.tables.get(parent));
                let at = named(table).or_else(|| parent().and_then(named)).or_else(|| in_schema(table).then_some(publication.at));
                at.map(|at| (&table.name, at))
            })
            .collect()
    }

    /// Is it so for the role itself, a role that it inherits from, or everybody?
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

    /// May a role act as another?
    pub fn is_member(&self, member: &SmolStr, role: &SmolStr) -> bool {
        self.roles.get(member).is_some_and(|member| member.superuser) || self.any_grantee(member, |grantee, _| grantee == role)
    }

    /// What a role may do with an object, through whatever it inherits.
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

    /// Does a role hold a privilege on at least one column?
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

    /// Whether the privileges on an object were granted by the platform's own role, whose grants another role can't revoke: those on
    /// what extensions bring with a schema of their own. Source: PostgreSQL's documentation, "REVOKE", under "Notes".
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

    /// The grants that a new object of the current role starts with.
    pub fn initial_acl(&self, kind: ObjectKind, schema: &str, at: Site, certainty: Certainty) -> Acl {
        let mut acl = Acl::default();
        let role = self.current_role();
        let mut grant = |grantee: &SmolStr, privileges, from: Site| {
            acl.grant(Grant { grantee: grantee.clone(), privileges, column: None, at, certainty, by_default: Some(from) });
        };
        let matches =
            |entry: &&DefaultPrivilege| entry.role == role && entry.on == kind && entry.schema.as_deref().is_none_or(|only| only == schema);
        let entries = self.default_privileges.get(&());
        // PostgreSQL's own defaults hold unless an entry without a schema replaced them
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

    /// From here on, changes can be taken back; nests.
    pub fn begin(&mut self) {
        each_store!(self, begin);
    }

    pub fn commit(&mut self) {
        each_store!(self, commit);
    }

    /// How many `begin`s are open.
    pub fn depth(&self) -> usize {
        self.tables.depth()
    }

    pub fn rollback(&mut self) {
        each_store!(self, rollback);
    }
}

/// Could a function be called with that many arguments?
fn accepts(function: &Function, args: usize) -> bool {
    let inputs = function.inputs().count();
    let required = function.inputs().filter(|arg| arg.default.is_none() && arg.mode != ArgMode::Variadic).count();
    let variadic = function.inputs().any(|arg| arg.mode == ArgMode::Variadic);
    args >= required && (args <= inputs || variadic)
}
