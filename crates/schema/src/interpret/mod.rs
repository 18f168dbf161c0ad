//! Interpretation of statements: from syntax to effects on a catalog. Only this module knows the meaning of SQL.
//!
//! Promises: every form of statement is handled (there is no `_ =>` arm over statements). Names are resolved with the search path. A
//! statement that PostgreSQL would reject is a [`SqlError`], but only if the rejection is certain.

mod access;
mod alter_table;
mod bind;
mod body;
mod builtin;
mod creates;
mod data;
mod definition;
mod evaluate;
mod family;
mod immutable;
mod index;
mod insert;
mod object;
mod outside;
mod partition;
pub mod platform;
mod routine;
mod run;
mod table;
mod transaction;
mod typing;
mod view;

pub use creates::creates;
pub use run::{Database, Outcome};
pub use transaction::refuses_transaction;

use crate::catalog::effect::{Change, Effect};
use crate::catalog::name::QName;
use crate::catalog::object::{Certainty, DataType, Expression, RoutineKind};
use crate::catalog::{Catalog, ObjectKey, SqlError};
use crate::source::{FileId, Site, Span};
use crate::syntax::ast::*;
use crate::syntax::expression::{Expr, Ident, ObjectName};
use crate::syntax::types::{TypeName, builtin_name};
use bind::{Binder, Item, Scopes};
use rustc_hash::FxHashMap;
use smol_str::{SmolStr, format_smolstr};
use std::cell::{Cell, RefCell};

/// Context of the interpretation of one statement.
pub struct Context<'x> {
    pub catalog: &'x Catalog,
    pub file: FileId,
    pub at: Site,
    pub certainty: Certainty,
    pub effects: Vec<Effect>,
    /// Relations that the statement uses and no migration creates.
    pub assumed: Vec<QName>,
    /// Whether the statement belongs to the script of an extension.
    pub of_extension: bool,
    /// Whether the statement depends on an object that no migration creates.
    pub relies: Cell<bool>,
    /// Error because the runner runs a file in one transaction.
    pub in_batch: RefCell<Option<SqlError>>,
    /// Why the statement fails for a role whose search_path does not contain the schema `extensions`.
    pub by_path: RefCell<Option<SqlError>>,
    /// Names and types of columns of the table that the statement creates.
    pub draft: Option<(QName, Vec<(SmolStr, DataType)>)>,
    pub types: Types,
}

/// Cache of types for the parts of the expression that is being bound, because each operator of a chain needs the types of its operands.
#[derive(Default)]
pub struct Types {
    depth: Cell<usize>,
    known: RefCell<FxHashMap<(usize, Span), Option<DataType>>>,
}

impl Types {
    /// Starts to bind an expression or a part of one.
    pub fn enter(&self) {
        self.depth.set(self.depth.get() + 1);
    }

    /// Ends the binding. After the outermost expression, the cache is cleared, because its keys are addresses in memory.
    pub fn leave(&self) {
        self.depth.set(self.depth.get() - 1);
        if self.depth.get() == 0 {
            self.known.borrow_mut().clear();
        }
    }

    pub fn recall(&self, expr: &Expr, find: impl FnOnce() -> Option<DataType>) -> Option<DataType> {
        if self.depth.get() == 0 {
            return find();
        }
        let key = (std::ptr::from_ref(expr) as usize, expr.span);
        if let Some(known) = self.known.borrow().get(&key) {
            return known.clone();
        }
        let found = find();
        self.known.borrow_mut().insert(key, found.clone());
        found
    }
}

/// Returns modifiers of PostGIS types as PostGIS prints them: `geography(Point,4326)`.
fn spatial(base: &str, modifiers: Vec<SmolStr>) -> Vec<SmolStr> {
    const SHAPES: [&str; 8] =
        ["GeometryCollection", "MultiLineString", "MultiPolygon", "MultiPoint", "LineString", "Geometry", "Polygon", "Point"];
    let mut modifiers = modifiers.into_iter();
    let Some(shape) = modifiers.next() else { return Vec::new() };
    let known = SHAPES.iter().find(|known| shape.get(..known.len()).is_some_and(|head| head.eq_ignore_ascii_case(known)));
    let shape = known.map_or(shape.clone(), |known| format_smolstr!("{known}{}", shape[known.len()..].to_uppercase()));
    // the default of geography is WGS 84
    let system = modifiers.next().filter(|system| system != "0").or_else(|| (base == "geography").then(|| "4326".into()));
    std::iter::once(shape).chain(system).collect()
}

type Meaning = Result<(), SqlError>;

impl<'x> Context<'x> {
    pub fn new(catalog: &'x Catalog, at: Site, certainty: Certainty) -> Context<'x> {
        Context {
            catalog,
            file: at.file,
            at,
            certainty,
            effects: Vec::new(),
            assumed: Vec::new(),
            of_extension: false,
            relies: Cell::new(false),
            in_batch: RefCell::new(None),
            by_path: RefCell::new(None),
            draft: None,
            types: Types::default(),
        }
    }

    pub fn emit(&mut self, change: Change) {
        self.effects.push(Effect { at: self.at, certainty: self.certainty, change });
    }

    pub fn site(&self, span: Span) -> Site {
        Site::new(self.file, span)
    }

    /// Returns whether the statement is directly in a migration. In code, names can be variables.
    pub fn is_top_level(&self) -> bool {
        let here = self.catalog.here;
        (self.at.file, self.at.span.end) == (here.file, here.span.end)
    }

    /// Assumes that a relation exists that no migration creates.
    pub fn assume_table(&mut self, name: QName, written: &ObjectName) -> QName {
        self.relies.set(true);
        if !self.assumed.contains(&name) {
            let named = self.site(written.span());
            self.emit(Change::AssumeTable { name: name.clone(), named });
            self.assumed.push(name.clone());
        }
        name
    }

    /// Assumes that columns of such a relation exist.
    pub fn assume_columns(&mut self, table: &QName, columns: &[Ident]) {
        let external = self.assumed.contains(table) || self.catalog.table(table).is_some_and(|table| table.external);
        if external {
            for column in columns {
                let named = self.site(column.span);
                self.emit(Change::AssumeColumn { table: table.clone(), column: column.name.clone(), named });
            }
        }
    }

    /// Returns the full name of a new object.
    pub fn place(&self, name: &ObjectName, temporary: bool) -> Result<QName, SqlError> {
        if temporary {
            return Ok(QName::new("pg_temp", name.last()));
        }
        if let Some(schema) = name.schema()
            && !self.catalog.has_schema(schema)
        {
            return Err(SqlError::new("3F000", format!("schema \"{schema}\" does not exist")).missing(ObjectKey::plain("schema", schema)));
        }
        self.catalog.place(name).ok_or_else(|| SqlError::new("3F000", "no schema has been selected to create in"))
    }

    /// Binds an expression of the statement in the scope of one relation.
    pub fn bound(&mut self, expr: Expr, item: Item) -> Result<Expression, SqlError> {
        self.rebound(&Expression::new(self.file, expr), item)
    }

    /// Binds an expression again in the scope of another relation. Its locations do not change.
    pub fn rebound(&mut self, expression: &Expression, item: Item) -> Result<Expression, SqlError> {
        let mut root = (*expression.root).clone();
        Binder::new(self, Scopes::over(item)).expr(&mut root)?;
        Ok(expression.with(root))
    }

    pub fn data_type(&self, written: &TypeName) -> DataType {
        let array = written.dimensions > 0;
        let modifiers = written.modifiers.clone();
        let setof = written.setof;
        if written.of_column {
            return self.column_type(&written.name).unwrap_or_else(|| DataType::builtin("unknown"));
        }
        if written.builtin {
            return DataType { base: written.name.last().into(), user: None, modifiers, array, setof };
        }
        if let Some(user) = self.catalog.find_type(&written.name) {
            let modifiers = if matches!(user.name.as_str(), "geometry" | "geography") { spatial(&user.name, modifiers) } else { modifiers };
            return DataType { base: user.name.clone(), user: Some(Box::new(user)), modifiers, array, setof };
        }
        match (written.name.schema(), builtin_name(written.name.last())) {
            (Some("pg_catalog") | None, Some(builtin)) => DataType { base: builtin.into(), user: None, modifiers, array, setof },
            (Some(schema), _) => {
                let user = QName::new(schema, written.name.last());
                DataType { base: user.name.clone(), user: Some(Box::new(user)), modifiers, array, setof }
            }
            (None, None) => DataType { base: written.name.last().into(), user: None, modifiers, array, setof },
        }
    }

    /// Returns the type of `table.column%TYPE`.
    fn column_type(&self, name: &ObjectName) -> Option<DataType> {
        let (column, table) = name.parts.split_last()?;
        let table = self.catalog.find_relation(&ObjectName { parts: table.to_vec() })?;
        self.catalog.column_type(&table, &column.name)
    }

    /// Returns the name of a role in a statement.
    pub fn role(&self, role: &Ident) -> SmolStr {
        match role.name.as_str() {
            "current_user" | "current_role" | "session_user" if role.span.len() == role.name.len() => self.catalog.current_role(),
            _ => role.name.clone(),
        }
    }

    /// Returns the effects of a statement.
    pub fn interpret(&mut self, ast: Ast) -> Meaning {
        if let Some(what) = transaction::refuses_transaction(&ast)
            && (!self.is_top_level() || self.catalog.session.in_transaction)
        {
            let how = if self.is_top_level() { "run inside a transaction block" } else { "be executed from a function" };
            return Err(SqlError::new("25001", format!("{what} cannot {how}")));
        }
        match ast {
            Ast::Data(data) => self.data(data),
            Ast::CreateTable(create) => self.create_table(create),
            Ast::CreateTableAs(create) => self.create_table_as(create),
            Ast::AlterTable(alter) => self.alter_table(alter),
            Ast::CreateIndex(create) => self.create_index(create),
            Ast::CreateView(create) => self.create_view(create),
            Ast::CreatePolicy(create) => self.create_policy(create),
            Ast::AlterPolicy(alter) => self.alter_policy(alter),
            Ast::CreateFunction(create) => {
                let kind = if create.procedure { RoutineKind::Procedure } else { RoutineKind::Function };
                self.create_routine(create, kind)
            }
            Ast::CreateAggregate(create) => self.create_routine(create, RoutineKind::Aggregate),
            Ast::AlterFunction(alter) => self.alter_function(alter),
            Ast::CreateTrigger(create) => self.create_trigger(create),
            Ast::CreateEventTrigger(create) => self.create_event_trigger(create),
            Ast::CreateType(create) => self.create_type(create),
            Ast::AlterEnum(alter) => self.alter_enum(alter),
            Ast::AlterComposite(alter) => self.alter_composite(&alter),
            Ast::CreateDomain(create) => self.create_domain(create),
            Ast::AlterDomain(alter) => self.alter_domain(&alter),
            Ast::CreateSequence(create) => self.create_sequence(create),
            Ast::AlterSequence(alter) => self.alter_sequence(alter),
            Ast::CreateSchema(create) => self.create_schema(create),
            Ast::CreateExtension(create) => self.create_extension(create),
            Ast::CreatePublication(create) => self.create_publication(create),
            Ast::AlterPublication(alter) => self.alter_publication(alter),
            Ast::CreateRole(create) => self.create_role(create),
            Ast::Drop(drop) => self.drop(drop),
            Ast::Rename(rename) => self.rename(rename),
            Ast::SetSchema { object, schema } => self.set_schema(object, &schema),
            Ast::Owner { object, role } => self.owner(object, &role),
            Ast::Grant(grant) => self.grant(grant),
            Ast::GrantRole { grant, roles, to } => self.grant_role(grant, &roles, &to),
            Ast::DefaultPrivileges(defaults) => self.default_privileges(defaults),
            Ast::Comment { object, text } => self.comment(object, text),
            Ast::Set(set) => self.set(set),
            // `Database` runs these statements, because they apply effects while they run
            Ast::Do(_) | Ast::Call(_) => Ok(()),
            Ast::Truncate { tables, .. } => tables.iter().try_for_each(|table| self.relation(table).map(|_| ())),
            Ast::Copy { table, .. } => table.iter().try_for_each(|table| self.relation(table).map(|_| ())),
            Ast::Refresh { view, .. } => self.relation(&view).map(|_| ()),
            Ast::Other { tables, .. } | Ast::OutsideTransaction { tables, .. } => {
                tables.iter().try_for_each(|table| self.relation(table).map(|_| ()))
            }
            Ast::AlterRole { .. } | Ast::DropOwned { .. } | Ast::Transaction(_) | Ast::CreateOther { .. } | Ast::Meta { .. } => Ok(()),
        }
    }
}
