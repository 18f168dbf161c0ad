//! The queries of application code, grouped by object and form, with the index that finds their rows, for `supalint queries`.
//!
//! Promises: each query of the code is in one group. Limits: queries of tests are left out.

use super::Analyses;
use super::app_query::lookup::{Comparison, Lookup};
use super::app_query::{self, AppQuery};
use super::prelude::*;
use crate::analysis::policy_columns::picks;
use crate::analysis::scope::visit;
use crate::project::Project;
use std::collections::{BTreeMap, BTreeSet};
use supalint_queries::shape::{self, ClientKind, Command as AppCommand, Operator, Target};

/// The way in which PostgreSQL finds the rows of a query.
#[derive(Clone, Copy)]
pub enum Found<'a> {
    Index(&'a Index),
    /// No index serves the conditions.
    Scan,
    /// The query has no condition that an index serves, or the table is unknown.
    Unknown,
}

/// Queries with equal commands, conditions and sort keys.
pub struct Group<'a> {
    /// `select where conversation_id = ? order by created_at desc limit`
    pub form: String,
    pub found: Found<'a>,
    /// Columns that the queries compare with one value.
    pub columns: Vec<SmolStr>,
    pub places: Vec<(Site, ClientKind)>,
}

/// Queries of one table, view or function.
pub struct Queried<'a> {
    /// Qualified name, or the name in the code if the schema is unknown.
    pub name: String,
    pub table: Option<&'a Table>,
    pub groups: Vec<Group<'a>>,
    /// Indexes that no query of the code, policy, key or constraint needs. It is empty if SQL of the migrations also reads the table.
    pub unused: Vec<&'a Index>,
}

/// Groups the queries, and calls `with` with the result.
pub fn of<T>(catalog: &Catalog, sources: &Sources, project: &Project, with: impl FnOnce(&[Queried<'_>]) -> T) -> T {
    let analyses = Analyses::default();
    with(&groups(&State::new(catalog, project, sources, &analyses)))
}

/// Returns the groups of all objects in the order of their names, and within an object the most frequent first.
pub fn groups<'a>(cx: &State<'a>) -> Vec<Queried<'a>> {
    let mut all: BTreeMap<String, (Option<&Table>, BTreeMap<String, Group>)> = BTreeMap::new();
    let mut needed: BTreeSet<(&QName, SmolStr)> = BTreeSet::new();
    for query in app_query::all(cx) {
        let lookup = Lookup::of(cx, query);
        let table = lookup.as_ref().map(|lookup| lookup.table);
        needed.extend(lookup.iter().flat_map(|lookup| lookup.columns().into_iter().map(|column| (&lookup.table.name, column))));
        let form = form(query.query, lookup.as_ref());
        let (known, groups) = all.entry(name(cx, query)).or_default();
        *known = known.or(table);
        let group = groups.entry(form.clone()).or_insert_with(|| Group {
            form,
            found: lookup.as_ref().map_or(Found::Unknown, found),
            columns: lookup.map(|lookup| lookup.bound()).unwrap_or_default(),
            places: Vec::new(),
        });
        group.places.push((query.site(query.query.source), query.query.client.kind));
    }
    let read_by_sql = read_by_sql(cx);
    let queried = |(name, (table, groups)): (String, (Option<&'a Table>, BTreeMap<String, Group<'a>>))| {
        let mut groups: Vec<Group> = groups.into_values().collect();
        groups.sort_by_key(|group| std::cmp::Reverse(group.places.len()));
        let own = table.filter(|table| !read_by_sql.contains(&table.name));
        let unused = own.map(|table| unused(table, &|column| needed.contains(&(&table.name, column.clone())))).unwrap_or_default();
        Queried { name, table, groups, unused }
    };
    all.into_iter().map(queried).collect()
}

/// Returns the tables that functions, views and policies read.
fn read_by_sql(cx: &State) -> BTreeSet<QName> {
    let mut out = BTreeSet::new();
    for owner in cx.sql_owners() {
        visit(cx, owner, &mut |_, node, scope| {
            if let Node::Query(_) = node {
                out.extend(scope.tables().into_iter().map(|table| table.name.clone()));
            }
        });
    }
    out
}

/// Returns the plain indexes whose first column no query, policy or foreign key compares or sorts by.
fn unused<'a>(table: &'a Table, is_needed: &dyn Fn(&SmolStr) -> bool) -> Vec<&'a Index> {
    let of_policies: Vec<SmolStr> =
        table.policies.iter().flat_map(|policy| policy.clauses().flat_map(|(_, clause)| picks(&clause.root)).collect::<Vec<_>>()).collect();
    let is_key = |column: &SmolStr| table.foreign_keys().any(|(key, _)| key.columns.first() == Some(column));
    let is_unused = |index: &&Index| {
        let first = index.columns.first().and_then(|part| part.column.as_ref());
        let is_plain = !index.unique && index.constraint.is_none() && index.method == "btree";
        is_plain && first.is_some_and(|first| !is_needed(first) && !is_key(first) && !of_policies.contains(first))
    };
    table.indexes.iter().filter(is_unused).collect()
}

fn name(cx: &State, query: AppQuery) -> String {
    let (Target::Relation(name) | Target::Function(name)) = &query.query.target;
    let Some(name) = name else { return "(dynamic)".to_string() };
    let call = if matches!(query.query.target, Target::Function(_)) { "()" } else { "" };
    match app_query::served_schema(cx, query.query) {
        Some(schema) => format!("{}{call}", QName::new(schema, name.text.clone())),
        None => format!("{}{call}", name.text),
    }
}

fn found<'a>(lookup: &Lookup<'a>) -> Found<'a> {
    let searches = lookup.comparisons.iter().any(Comparison::is_indexable);
    match lookup.index() {
        Some(index) => Found::Index(index),
        None if searches => Found::Scan,
        None => Found::Unknown,
    }
}

/// Describes a query without its values.
fn form(query: &shape::Query, lookup: Option<&Lookup>) -> String {
    let mut out = match query.command {
        AppCommand::Select if query.head => "count",
        AppCommand::Select => "select",
        AppCommand::Insert => "insert",
        AppCommand::Upsert => "upsert",
        AppCommand::Update => "update",
        AppCommand::Delete => "delete",
        AppCommand::Call => "call",
    }
    .to_string();
    let Some(lookup) = lookup else { return out };
    let mut conditions: Vec<String> = lookup.comparisons.iter().map(condition).collect();
    conditions.sort();
    let others = query.filters.len() - lookup.comparisons.len();
    if others > 0 {
        conditions.push(if others == 1 { "1 other condition".to_string() } else { format!("{others} other conditions") });
    }
    if !conditions.is_empty() {
        out.push_str(&format!(" where {}", conditions.join(", ")));
    }
    let key = |order: &&shape::Order| {
        let column = order.column.as_ref().map(|column| column.name.text.as_str()).unwrap_or_default();
        format!("{column}{}", if order.ascending == Some(false) { " desc" } else { "" })
    };
    if !lookup.sort.is_empty() {
        out.push_str(&format!(" order by {}", lookup.sort.iter().map(key).collect::<Vec<_>>().join(", ")));
    }
    if lookup.reads_first_rows() && !lookup.sort.is_empty() {
        out.push_str(" limit");
    }
    out
}

fn condition(comparison: &Comparison) -> String {
    let json = comparison.path.json.iter().map(|step| format!("{}{}", if step.as_text { "->>" } else { "->" }, step.key.text));
    let column: String = std::iter::once(comparison.column().text.to_string()).chain(json).collect();
    let operator = match comparison.filter.operator {
        Operator::Eq => "= ?",
        Operator::Neq => "<> ?",
        Operator::Gt => "> ?",
        Operator::Gte => ">= ?",
        Operator::Lt => "< ?",
        Operator::Lte => "<= ?",
        Operator::Like => "like ?",
        Operator::ILike => "ilike ?",
        Operator::Match => "~ ?",
        Operator::IMatch => "~* ?",
        Operator::In => "in (?)",
        Operator::Is => "is ?",
        Operator::IsDistinct => "is distinct from ?",
        Operator::Contains => "@> ?",
        Operator::ContainedBy => "<@ ?",
        Operator::Overlaps => "&& ?",
        Operator::RangeLt => "<< ?",
        Operator::RangeGt => ">> ?",
        Operator::RangeGte => "&> ?",
        Operator::RangeLte => "&< ?",
        Operator::RangeAdjacent => "-|- ?",
        Operator::TextSearch | Operator::PlainTextSearch | Operator::PhraseTextSearch | Operator::WebTextSearch => "@@ ?",
        Operator::Unknown => "? ?",
    };
    format!("{column} {operator}")
}
