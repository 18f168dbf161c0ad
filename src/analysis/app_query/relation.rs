//! Tables and views that the API serves, and their columns.

use super::doubt::{Doubts, mentions};
use crate::analysis::identity_helpers;
use crate::analysis::prelude::*;
use crate::catalog::creation_index::ObjectClass;
use crate::catalog::{FormerName, Removal};

/// A table or view.
#[derive(Clone, Copy)]
pub enum Relation<'a> {
    Table(&'a Table),
    View(&'a View),
}

/// Result of the search for an object.
#[derive(Clone, Copy)]
pub enum Lookup<'a> {
    Found(Relation<'a>),
    /// The migrations show that there is no such object.
    Missing,
    Unknown,
}

impl<'a> Relation<'a> {
    pub fn name(&self) -> &'a QName {
        match self {
            Relation::Table(table) => &table.name,
            Relation::View(view) => &view.name,
        }
    }

    /// Returns the location of the name in the statement that created the relation.
    pub fn named(&self) -> Site {
        match self {
            Relation::Table(table) => table.named,
            Relation::View(view) => view.named,
        }
    }

    pub fn noun(&self) -> &'static str {
        match self {
            Relation::Table(_) => "table",
            Relation::View(_) => "view",
        }
    }

    pub fn table(&self) -> Option<&'a Table> {
        match self {
            Relation::Table(table) => Some(table),
            Relation::View(_) => None,
        }
    }

    /// Returns the names of the columns.
    pub fn columns(&self) -> Vec<&'a str> {
        match self {
            Relation::Table(table) => table.columns.iter().map(|column| column.name.as_str()).collect(),
            Relation::View(view) => view.columns.iter().map(|column| column.name.as_str()).collect(),
        }
    }

    pub fn has(&self, column: &str) -> bool {
        self.columns().contains(&column)
    }

    /// Returns the type of a column, if it is known.
    pub fn column_type(&self, column: &str) -> Option<&'a DataType> {
        match self {
            Relation::Table(table) => table.column(column).filter(|column| column.certainty == Certainty::Certain).map(|column| &column.ty),
            Relation::View(view) => view.columns.iter().find(|known| known.name == column)?.ty.as_ref(),
        }
    }

    /// Returns whether all columns are known.
    pub fn is_known(&self) -> bool {
        match self {
            Relation::Table(table) => {
                !table.external
                    && !table.of_extension
                    && !table.created.is_platform()
                    && table.certainty == Certainty::Certain
                    && table.columns.iter().all(|column| column.certainty == Certainty::Certain)
            }
            Relation::View(view) => {
                view.columns_known && !view.of_extension && !view.at.is_platform() && view.certainty == Certainty::Certain
            }
        }
    }

    /// Returns the certainty that a database has the columns of the migrations. Other definitions of the table in the migrations, or tables
    /// that only other code creates, make it uncertain.
    pub fn certainty(&self, cx: &State) -> Certainty {
        let name = self.name();
        let was_removed = removal(cx, name, ObjectClass::Relation).is_some();
        let is_repeated =
            matches!(self, Relation::Table(_)) && !was_removed && cx.catalog.creation_index.count(ObjectClass::Relation, name) > 1;
        if is_repeated || Doubts::of(cx).has_external() { Certainty::Maybe } else { Certainty::Certain }
    }

    /// Returns whether the relation is known to have no such column, also none that a function computes.
    pub fn lacks(&self, cx: &State, column: &str) -> bool {
        !FUNCTIONS_OF_ROWS.contains(&column) && !is_computed(cx, self.name(), column) && self.lacks_stored(cx, column)
    }

    /// Returns whether the relation is known to have no such column that a query can write.
    pub fn lacks_stored(&self, cx: &State, column: &str) -> bool {
        let is_system = matches!(self, Relation::Table(_)) && SYSTEM_COLUMNS.contains(&column);
        let text = |view: &View| cx.slice(view.query_site).to_lowercase();
        // the columns of `select *` depend on the tables at the time of the statement
        let in_star = |view: &View| view.query.as_ref().is_some_and(|query| has_star(query)) && mentions(&text(view), column);
        self.is_known()
            && !self.has(column)
            && !is_system
            && !matches!(self, Relation::View(view) if in_star(view))
            && !Doubts::of(cx).concern(column)
            && !is_in_dynamic_sql(cx, self.name(), column)
    }
}

/// Columns of every table. Source: PostgreSQL's documentation, "System Columns".
const SYSTEM_COLUMNS: [&str; 6] = ["tableoid", "xmin", "cmin", "xmax", "cmax", "ctid"];

/// Functions of PostgreSQL that accept a row, because `posts.count` also means `count(posts)`.
/// Source: PostgreSQL's documentation, "Using Composite Types in Queries".
const FUNCTIONS_OF_ROWS: [&str; 14] = [
    "count",
    "array_agg",
    "json_agg",
    "jsonb_agg",
    "to_json",
    "to_jsonb",
    "row_to_json",
    "concat",
    "num_nulls",
    "num_nonnulls",
    "pg_typeof",
    "pg_column_size",
    "hash_record",
    "any_value",
];

fn has_star(query: &Query) -> bool {
    let is_star = |target: &Target| matches!(target.expr.kind, ExprKind::Star { .. });
    query.body.selects().iter().any(|select| select.targets.iter().any(is_star) && select.from.len() > 1)
}

/// Returns whether a function computes a column of a relation.
fn is_computed(cx: &State, relation: &QName, column: &str) -> bool {
    let takes_row = |function: &Function| {
        function.inputs().next().is_some_and(|first| match &first.ty.user {
            Some(user) => **user == *relation,
            None => matches!(first.ty.base.as_str(), "record" | "anyelement" | "anycompatible" | "any"),
        })
    };
    cx.catalog.functions.iter().any(|(name, overloads)| name.name == column && overloads.iter().any(takes_row))
}

/// Returns whether a statement that a function builds may add the column.
fn is_in_dynamic_sql(cx: &State, relation: &QName, column: &str) -> bool {
    let column = column.to_lowercase();
    cx.user_functions().filter(|function| !cx.is_read_whole(function)).any(|function| {
        let body = identity_helpers::body(cx, function).to_lowercase();
        body.contains("add column") && mentions(&body, &relation.name.to_lowercase()) && mentions(&body, &column)
    })
}

/// Returns the table or view with a name.
pub fn find<'a>(cx: &State<'a>, name: &QName) -> Lookup<'a> {
    if let Some(table) = cx.catalog.table(name) {
        return Lookup::Found(Relation::Table(table));
    }
    if let Some(view) = cx.catalog.views.get(name) {
        return Lookup::Found(Relation::View(view));
    }
    if is_missing(cx, name, ObjectClass::Relation) { Lookup::Missing } else { Lookup::Unknown }
}

/// Returns whether an object that the catalog does not contain is known to be missing.
pub fn is_missing(cx: &State, name: &QName, class: ObjectClass) -> bool {
    let doubts = Doubts::of(cx);
    if !cx.is_users_schema(&name.schema) || is_of_platform(&name.schema) || doubts.concern(&name.name) {
        return false;
    }
    let object = ObjectName { parts: [&name.schema, &name.name].map(|part| Ident { name: part.clone(), span: Span::default() }).to_vec() };
    if removal(cx, name, class).is_some() || cx.catalog.is_missing(class, &object) {
        return true;
    }
    !doubts.has_external()
        && !cx.catalog.ran_unknown_command
        && cx.catalog.is_of_project(class, &object)
        // a migration that mentions an object without creating it shows that it may exist
        && !doubts.is_mentioned(cx, &name.name)
}

/// Returns whether the platform creates the objects of a schema when a feature is enabled in the dashboard.
pub fn is_of_platform(schema: &str) -> bool {
    matches!(schema, "graphql_public" | "pgmq_public")
}

/// Returns the statement that removed the name of an object.
pub fn removal<'a>(cx: &State<'a>, name: &QName, class: ObjectClass) -> Option<&'a Removal> {
    let former = match class {
        ObjectClass::Function => FormerName::Function(name.clone()),
        _ => FormerName::Relation(name.clone()),
    };
    cx.catalog.former_names.get(&former)
}

/// Returns the statement that removed the name of a column.
pub fn column_removal<'a>(cx: &State<'a>, relation: &QName, column: &str) -> Option<&'a Removal> {
    cx.catalog.former_names.get(&FormerName::Column(relation.clone(), column.into()))
}

/// Returns the names of the tables and views of a schema.
pub fn names_in<'a>(cx: &State<'a>, schema: &'a str) -> Vec<&'a str> {
    let tables = cx.catalog.tables.names_in(schema);
    tables.chain(cx.catalog.views.names_in(schema)).map(|name| name.name.as_str()).collect()
}
