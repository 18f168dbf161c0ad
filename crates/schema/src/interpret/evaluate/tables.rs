//! System catalogs of PostgreSQL as tables, with the content of [`Catalog`].
//!
//! Promises: uncertain rows are marked. A partly known object has an additional row of unknown values. Rows that a hint excludes are not
//! created, and a table in a hint is looked up directly, so a query for one table has the cost of one table.
//! Limits: catalogs that depend on the running server (statistics, settings) are not included. `pg_depend` contains only dependencies on
//! extensions.

mod dependency;
mod information;
mod publication;
mod routines;
pub mod system;

use super::value::{Key, Object, Value, equal};
use crate::catalog::Catalog;
use crate::catalog::acl::Privileges;
use crate::catalog::name::QName;
use crate::catalog::object::*;
use crate::source::Sources;
use rustc_hash::FxHashSet;
use smol_str::{SmolStr, format_smolstr};
use std::mem::{Discriminant, discriminant};
use std::sync::Arc;

/// Values that columns must have. Other rows are not needed.
#[derive(Default)]
pub struct Hints {
    pub equal: Vec<(SmolStr, Value)>,
    pub among: Vec<(SmolStr, Keys)>,
}

/// Values of one type, for joins.
#[derive(Default)]
pub struct Keys {
    kind: Option<Discriminant<Key>>,
    keys: FxHashSet<Key>,
}

impl Keys {
    /// Returns `None` if a value is unknown, or if the values have different types.
    pub fn of(values: &[Value]) -> Option<Keys> {
        let mut out = Keys::default();
        // NULL is not equal to any value
        for value in values.iter().filter(|value| **value != Value::Null) {
            let key = value.key()?;
            if *out.kind.get_or_insert(discriminant(&key)) != discriminant(&key) {
                return None;
            }
            out.keys.insert(key);
        }
        Some(out)
    }

    /// Returns whether a value may be equal to one of these values.
    fn admit(&self, value: &Value) -> bool {
        match value.key() {
            Some(key) if self.kind.is_none_or(|kind| kind == discriminant(&key)) => self.keys.contains(&key),
            Some(_) => true,
            None => *value != Value::Null,
        }
    }
}

impl Hints {
    fn of<'h>(&'h self, column: &'h str) -> impl Iterator<Item = &'h Value> {
        self.equal.iter().filter(move |(hinted, _)| hinted == column).map(|(_, value)| value)
    }

    fn has(&self, column: &str) -> bool {
        self.equal.iter().map(|(hinted, _)| hinted).chain(self.among.iter().map(|(hinted, _)| hinted)).any(|hinted| hinted == column)
    }

    fn objects<'h>(&'h self, column: &'h str) -> impl Iterator<Item = &'h Object> {
        self.of(column).filter_map(|value| match value {
            Value::Object { object, .. } => Some(&**object),
            _ => None,
        })
    }

    fn admit(&self, column: &str, value: &Value) -> bool {
        self.of(column).all(|wanted| equal(value, wanted).holds() != Some(false))
            && self.among.iter().all(|(hinted, keys)| hinted != column || keys.admit(value))
    }
}

pub type Cells = Arc<[Value]>;

/// Certainty with which a row exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Presence {
    /// A condition on the row is undecided.
    Unclear,
    /// The object of the row may not exist.
    Maybe,
    Certain,
}

/// Rows of a relation.
#[derive(Default)]
pub struct Rows {
    pub columns: Vec<SmolStr>,
    pub rows: Vec<(Cells, Presence)>,
    /// Whether no other rows can exist.
    pub complete: bool,
    /// Whether the relation has columns that are not modelled.
    pub open: bool,
}

impl Rows {
    pub fn unknown() -> Rows {
        Rows { open: true, ..Rows::default() }
    }
}

/// Returns whether a catalog has few rows in every database.
pub fn is_small(name: &str) -> bool {
    matches!(name, "pg_namespace" | "pg_language" | "pg_extension" | "pg_roles" | "pg_publication" | "schemata")
}

/// Returns whether a catalog has rows for few relations.
pub fn is_sparse(name: &str) -> bool {
    matches!(
        name,
        "pg_policy" | "pg_policies" | "pg_trigger" | "pg_inherits" | "pg_publication_rel" | "pg_publication_tables" | "pg_attrdef"
    )
}

/// A system catalog that is being built.
struct Build<'a> {
    catalog: &'a Catalog,
    sources: &'a Sources,
    hints: &'a Hints,
    columns: &'static [&'static str],
    rows: Vec<(Cells, Presence)>,
}

/// Returns the rows of a system catalog or of a view of information_schema, or `None` for another name.
pub fn rows(catalog: &Catalog, sources: &Sources, schema: Option<&str>, name: &str, hints: &Hints) -> Option<Rows> {
    let mut build = Build { catalog, sources, hints, columns: &[], rows: Vec::new() };
    let found = match schema {
        Some("information_schema") => build.information(name),
        Some("pg_catalog") | None => build.system(name),
        Some(_) => return None,
    };
    if !found {
        let system = schema.is_some() || name.starts_with("pg_");
        return system.then(Rows::unknown);
    }
    let columns = build.columns.iter().map(|column| SmolStr::from(*column)).collect();
    Some(Rows { columns, rows: build.rows, complete: true, open: true })
}

impl<'a> Build<'a> {
    fn wants(&self, column: &str, value: &Value) -> bool {
        self.hints.admit(column, value)
    }

    fn wants_name(&self, schema: &str, name: &str, of: &QName) -> bool {
        self.wants(schema, &Value::Text(of.schema.clone())) && self.wants(name, &Value::Text(of.name.clone()))
    }

    fn wants_relation(&self, column: &str, of: &QName) -> bool {
        !self.hints.has(column) || self.wants(column, &Value::relation(of))
    }

    fn row<const N: usize>(&mut self, certain: bool, values: [Value; N]) {
        debug_assert_eq!(N, self.columns.len());
        let presence = if certain { Presence::Certain } else { Presence::Maybe };
        self.rows.push((Arc::new(values), presence));
    }

    fn printed(&self, expression: Option<&Expression>) -> Value {
        match expression {
            Some(expression) => Value::Printed(expression.text(self.sources).into()),
            None => Value::Null,
        }
    }

    /// Returns the relation that the hints determine by its oid, or by schema and name.
    fn only(&self, [schema, name, oid]: [&str; 3]) -> Option<QName> {
        let relation = self.hints.objects(oid).find_map(|object| match object {
            Object::Relation(name) => Some(name.clone()),
            _ => None,
        });
        let name_in = |schema: &str| {
            let text = self.hints.of(name).find_map(Value::as_text)?;
            Some(QName::new(schema, text.clone()))
        };
        let schemas = self.hints.objects(schema).filter_map(|object| match object {
            Object::Schema(name) => Some(name),
            _ => None,
        });
        relation.or_else(|| self.hints.of(schema).filter_map(Value::as_text).chain(schemas).find_map(|schema| name_in(schema)))
    }

    /// Returns the tables that the hints on these columns allow and that have rows in the catalog. The columns contain schema, name and
    /// oid.
    fn tables_at(&self, columns: [&str; 3], has_rows: impl Fn(&Table) -> bool) -> Vec<&'a Table> {
        let [schema, name, oid] = columns;
        let is_left = |table: &Table| {
            let is_named = self.wants_name(schema, name, &table.name) && self.wants_relation(oid, &table.name);
            table.name.schema != "pg_temp" && is_named && has_rows(table)
        };
        match self.only(columns) {
            Some(name) => self.catalog.tables.get(&name).into_iter().filter(|table| is_left(table)).collect(),
            None => self.catalog.tables.which(is_left).collect(),
        }
    }

    fn wants_text(&self, column: &str, value: &SmolStr) -> bool {
        self.wants(column, &text(value))
    }

    fn views_at(&self, columns: [&str; 3]) -> Vec<&'a View> {
        let mut out: Vec<&View> = match self.only(columns) {
            Some(name) => self.catalog.views.get(&name).into_iter().collect(),
            None => self.catalog.views.values().collect(),
        };
        let [schema, name, oid] = columns;
        out.retain(|view| self.wants_name(schema, name, &view.name) && self.wants_relation(oid, &view.name));
        out
    }

    fn tables(&self) -> impl Iterator<Item = &'a Table> + use<'a> {
        self.catalog.tables.values().filter(|table| table.name.schema != "pg_temp")
    }
}

/// Returns the unknown name of an object that belongs to a table and that no migration creates.
fn elsewhere(table: &QName, part: &str) -> Value {
    Value::object(Object::Other(ELSEWHERE, format_smolstr!("{table} {part}")))
}

/// Returns whether a value is the name of such an object.
pub fn is_elsewhere(value: &Value) -> bool {
    matches!(value, Value::Object { object, .. } if matches!(&**object, Object::Other(ELSEWHERE, _)))
}

const ELSEWHERE: &str = "elsewhere";

/// Returns whether a table may have triggers.
fn has_triggers(table: &Table) -> bool {
    table.external || !table.triggers.is_empty()
}

fn sure(certainty: Certainty) -> bool {
    certainty == Certainty::Certain
}

/// Returns whether a table certainly exists. A table that no migration creates may be missing.
fn certainly_exists(table: &Table) -> bool {
    sure(table.certainty) && !table.external
}

fn fact<T: Copy>(fact: &Fact<T>, value: impl Fn(T) -> Value) -> Value {
    if sure(fact.certainty) { value(fact.value) } else { Value::Something }
}

fn yes_no(value: bool) -> Value {
    Value::Text(if value { "YES" } else { "NO" }.into())
}

fn text(text: &SmolStr) -> Value {
    Value::Text(text.clone())
}

fn numbers(table: &Table, columns: &[SmolStr]) -> Value {
    let number = |name: &SmolStr| table.columns.iter().position(|column| column.name == *name).map(|at| Value::Int(at as i64 + 1));
    columns.iter().map(number).collect::<Option<Vec<_>>>().map_or(Value::Something, Value::array)
}

/// Returns the oid of a type.
fn type_object(ty: &DataType) -> Value {
    if ty.array {
        return Value::object(Object::Other("array type", ty.canonical()));
    }
    Value::object(Object::Type(match &ty.user {
        Some(user) => (**user).clone(),
        None => QName::new("pg_catalog", ty.base.clone()),
    }))
}

fn type_modifier(ty: &DataType) -> Value {
    if ty.modifiers.is_empty() { Value::Int(-1) } else { Value::Text(ty.modifiers.join(",").into()) }
}

/// Returns the name of a type in `pg_type`.
fn internal_name(ty: &DataType) -> SmolStr {
    let name = match &ty.user {
        Some(user) => user.name.as_str(),
        None => super::super::bind::internal_name(&ty.base),
    };
    if ty.array { format_smolstr!("_{name}") } else { name.into() }
}

pub(super) fn function_object(function: &Function) -> Object {
    Object::Function(function.name.clone(), function.signature())
}

fn function_sure(function: &Function) -> bool {
    sure(function.certainty)
}

fn index_columns(index: &Index) -> Vec<SmolStr> {
    index.columns.iter().filter_map(|column| column.column.clone()).collect()
}

const PRIVILEGES: [(&str, Privileges); 7] = [
    ("SELECT", Privileges::SELECT),
    ("INSERT", Privileges::INSERT),
    ("UPDATE", Privileges::UPDATE),
    ("DELETE", Privileges::DELETE),
    ("TRUNCATE", Privileges::TRUNCATE),
    ("REFERENCES", Privileges::REFERENCES),
    ("TRIGGER", Privileges::TRIGGER),
];
