//! Rows that queries of application code look up, and the indexes that serve them.
//!
//! Limits: scripts that people run by hand are left out. Only conditions that each path through the code applies count. Alternatives (`or`)
//! and conditions on embedded resources are left out.

use super::{AppQuery, filters, known_target, repeated};
use crate::analysis::index_cover::is_complete_for;
use crate::analysis::prelude::*;
use std::collections::BTreeMap;
use supalint_queries::shape::{Column as Path, Command as AppCommand, Condition, ConditionKind, Filter, Named, Operator, Order, ValueKind};

/// A query that looks up rows of a table.
pub struct Lookup<'a> {
    pub query: AppQuery<'a>,
    pub table: &'a Table,
    pub comparisons: Vec<Comparison<'a>>,
    /// Sort keys, without columns that have one value. Empty if a sort key is not a column of the table.
    pub sort: Vec<&'a Order>,
}

/// A condition on a column of the table.
#[derive(Clone, Copy)]
pub struct Comparison<'a> {
    pub filter: &'a Filter,
    pub path: &'a Path,
    pub span: Span,
}

impl<'a> Comparison<'a> {
    pub fn column(&self) -> &'a Named {
        &self.path.name
    }

    /// Returns whether the condition compares a column with one value.
    pub fn is_equal(&self) -> bool {
        self.path.json.is_empty() && matches!(self.filter.operator, Operator::Eq | Operator::Is)
    }

    /// Returns whether a btree index on the column finds the rows.
    pub fn is_indexable(&self) -> bool {
        self.is_equal() || self.path.json.is_empty() && self.filter.operator == Operator::In
    }

    /// Returns whether the value comes from a variable, so that the column probably has many values. A constant is often a state or a kind.
    pub fn has_variable(&self) -> bool {
        matches!(&self.filter.value.kind, ValueKind::Dynamic(_))
            || matches!(&self.filter.value.kind, ValueKind::List(values) if values.iter().any(|value| matches!(value.kind, ValueKind::Dynamic(_))))
    }
}

impl<'a> Lookup<'a> {
    /// Returns the lookup of a query, or `None` if it reads no table that is known for certain.
    pub fn of(cx: &State<'a>, query: AppQuery<'a>) -> Option<Lookup<'a>> {
        let reads = matches!(query.query.command, AppCommand::Select | AppCommand::Update | AppCommand::Delete);
        let relation = known_target(cx, query.query).filter(|relation| reads && relation.is_known())?;
        let table = relation.table().filter(|table| cx.is_users_schema(&table.name.schema))?;
        let comparison = |condition: &'a Condition| match &condition.kind {
            ConditionKind::Compare(filter) if condition.certain && !condition.negated => {
                let path = filter.column.as_ref().filter(|path| path.embeds.is_empty() && table.column(&path.name.text).is_some())?;
                Some(Comparison { filter, path, span: condition.span })
            }
            _ => None,
        };
        let comparisons: Vec<Comparison> = query.query.filters.iter().filter_map(comparison).collect();
        let is_fixed = |order: &&Order| order.column.as_ref().is_some_and(|path| is_bound(&comparisons, &path.name.text));
        let own = query.query.orders.iter().filter(|order| order.referenced_table.is_none());
        let sort: Vec<&Order> = own.filter(|order| !is_fixed(order)).collect();
        let is_plain = |order: &&Order| {
            let path = order.column.as_ref().filter(|path| path.embeds.is_empty() && path.json.is_empty());
            order.certain && order.ascending.is_some() && path.is_some_and(|path| table.column(&path.name.text).is_some())
        };
        let sort = if sort.iter().all(is_plain) { sort } else { Vec::new() };
        Some(Lookup { query, table, comparisons, sort })
    }

    /// Returns whether the comparisons are all conditions of the query.
    pub fn is_whole(&self) -> bool {
        self.query.query.complete && self.comparisons.len() == self.query.query.filters.len()
    }

    /// Returns the columns of the table that conditions and sort keys of the query name, also those that some paths through the code skip.
    pub fn columns(&self) -> Vec<SmolStr> {
        let of_filters = filters(&self.query.query.filters).into_iter().flatten().filter_map(|filter| filter.column.as_ref());
        let of_orders = self.query.query.orders.iter().filter_map(|order| order.column.as_ref());
        of_filters.chain(of_orders).map(|path| path.name.text.clone()).collect()
    }

    /// Returns the columns that have one value.
    pub fn bound(&self) -> Vec<SmolStr> {
        self.comparisons.iter().filter(|comparison| comparison.is_equal()).map(|comparison| comparison.column().text.clone()).collect()
    }

    /// Returns whether a unique key allows at most one row.
    pub fn is_unique(&self) -> bool {
        // a unique key allows several rows with NULL
        let compared = self.comparisons.iter().filter(|comparison| comparison.is_equal() && comparison.filter.operator == Operator::Eq);
        let columns: Vec<SmolStr> = compared.map(|comparison| comparison.column().text.clone()).collect();
        self.table.indexes.iter().any(|index| index.identifies(&columns))
    }

    /// Returns the index that finds the rows.
    pub fn index(&self) -> Option<&'a Index> {
        let bound: Vec<SmolStr> = self.comparisons.iter().filter(|one| one.is_indexable()).map(|one| one.column().text.clone()).collect();
        // the first rows in the order of an index are found without a condition
        let first = self.sort.first().filter(|_| bound.is_empty() && self.reads_first_rows());
        let first = first.and_then(|order| order.column.as_ref()).map(|path| path.name.text.clone());
        let leads = |index: &&Index| {
            let part = index.columns.first();
            let names = part.and_then(|part| part.column.as_ref()).is_some_and(|name| bound.contains(name) || first.as_ref() == Some(name));
            names && index.method == "btree" && self.has_predicate_of(index, &bound)
                || part.is_some_and(|part| self.comparisons.iter().any(|comparison| is_served_by(comparison, index, part)))
        };
        let shared = |index: &&Index| {
            let parts = index.columns.iter().map(|part| part.column.as_ref());
            let fixed = parts.clone().take_while(|name| name.is_some_and(|name| bound.contains(name))).count();
            let next = parts.clone().nth(fixed).flatten();
            let sorted = next.is_some() && next == self.sort.first().and_then(|order| order.column.as_ref()).map(|path| &path.name.text);
            (fixed, sorted)
        };
        // of two that share as many columns, the first
        self.table.indexes.iter().filter(leads).rev().max_by_key(shared)
    }

    fn has_predicate_of(&self, index: &Index, bound: &[SmolStr]) -> bool {
        let compares = |name: &str| self.comparisons.iter().any(|comparison| comparison.column().text == name);
        let names_compared = |predicate: &Expression| predicate.root.all().into_iter().filter_map(Expr::column).all(compares);
        is_complete_for(index, bound) || index.predicate.as_ref().is_some_and(names_compared)
    }

    pub fn reads_first_rows(&self) -> bool {
        self.query.query.limit.is_some() || self.query.query.offset.is_some()
    }
}

fn is_bound(comparisons: &[Comparison], column: &str) -> bool {
    comparisons.iter().any(|comparison| comparison.is_equal() && comparison.column().text == column)
}

/// Returns whether an index of another method, or on an expression, finds the rows of a comparison.
fn is_served_by(comparison: &Comparison, index: &Index, part: &IndexColumn) -> bool {
    let names = part.column.as_ref().is_some_and(|name| *name == comparison.column().text);
    match comparison.filter.operator {
        Operator::Eq | Operator::In | Operator::Is if comparison.path.json.is_empty() => names && index.method == "hash",
        Operator::Eq | Operator::In | Operator::Is => is_path(&part.expr.root, comparison.path),
        Operator::Neq | Operator::IsDistinct | Operator::Unknown => false,
        Operator::Gt | Operator::Gte | Operator::Lt | Operator::Lte => names && index.method == "btree",
        Operator::Like | Operator::ILike | Operator::Match | Operator::IMatch => {
            names && part.opclass.as_ref().is_some_and(|class| class.contains("trgm") || class.contains("pattern"))
        }
        Operator::Contains
        | Operator::ContainedBy
        | Operator::Overlaps
        | Operator::RangeLt
        | Operator::RangeGt
        | Operator::RangeGte
        | Operator::RangeLte
        | Operator::RangeAdjacent
        | Operator::TextSearch
        | Operator::PlainTextSearch
        | Operator::PhraseTextSearch
        | Operator::WebTextSearch => names && index.method != "btree",
    }
}

/// Returns whether an expression is the JSON path: `metadata ->> 'kind'`.
fn is_path(expr: &Expr, path: &Path) -> bool {
    let mut expr = expr.uncast();
    for step in path.json.iter().rev() {
        let ExprKind::Binary { op, left, right } = &expr.kind else { return false };
        let is_step = op == if step.as_text { "->>" } else { "->" } && right.as_str() == Some(&step.key.text);
        if !is_step {
            return false;
        }
        expr = left.uncast();
    }
    expr.column() == Some(path.name.text.as_str())
}

/// Returns the lookups of each table.
pub fn by_table<'a>(cx: &State<'a>) -> BTreeMap<&'a QName, Vec<Lookup<'a>>> {
    let mut out: BTreeMap<&QName, Vec<Lookup>> = BTreeMap::new();
    for lookup in repeated(cx).filter_map(|query| Lookup::of(cx, query)) {
        out.entry(&lookup.table.name).or_default().push(lookup);
    }
    out
}

/// An index that no lookup has yet, and the lookups that it would serve.
pub struct Missing<'l, 'a> {
    pub column: SmolStr,
    pub lookups: Vec<&'l Lookup<'a>>,
}

/// Returns the columns that need an index so that each lookup of a table finds its rows, fewest first. Lookups by columns with few values
/// are left out, because such an index saves little.
pub fn missing_indexes<'l, 'a>(table: &Table, lookups: &'l [Lookup<'a>]) -> Vec<Missing<'l, 'a>> {
    let is_key = |comparison: &&Comparison| {
        let column = table.column(&comparison.column().text);
        comparison.is_indexable() && comparison.has_variable() && column.is_some_and(|column| has_many_values(table, column))
    };
    let keys =
        |lookup: &Lookup| -> Vec<SmolStr> { lookup.comparisons.iter().filter(is_key).map(|one| one.column().text.clone()).collect() };
    let unserved = lookups.iter().filter(|lookup| lookup.index().is_none() && !lookup.is_unique());
    let mut open: Vec<(&Lookup, Vec<SmolStr>)> =
        unserved.map(|lookup| (lookup, keys(lookup))).filter(|(_, keys)| !keys.is_empty()).collect();
    let mut out = Vec::new();
    while !open.is_empty() {
        let mut counts: BTreeMap<&SmolStr, usize> = BTreeMap::new();
        open.iter().flat_map(|(_, keys)| keys).for_each(|key| *counts.entry(key).or_default() += 1);
        // of two that serve as many, the first in the table
        let place = |name: &SmolStr| table.columns.iter().position(|column| column.name == *name);
        let best = counts.into_iter().max_by_key(|(name, count)| (*count, std::cmp::Reverse(place(name)))).map(|(name, _)| name.clone());
        let Some(column) = best else { break };
        let (served, left): (Vec<_>, Vec<_>) = open.into_iter().partition(|(_, keys)| keys.contains(&column));
        out.push(Missing { column, lookups: served.into_iter().map(|(lookup, _)| lookup).collect() });
        open = left;
    }
    out
}

/// Returns whether a column can have many values, of a type with a btree index. A text with a constant default, or one that a constraint
/// compares with constants, is a state or a kind.
fn has_many_values(table: &Table, column: &Column) -> bool {
    let kinds = ["uuid", "text", "character varying", "character", "bigint", "integer", "numeric", "inet"];
    let is_state = column.default.as_ref().is_some_and(|default| default.root.uncast().as_str().is_some());
    let lists_values = |constraint: &Constraint| {
        let parts = constraint.expr.as_ref().map(|expr| expr.root.all()).unwrap_or_default();
        let constants = parts.iter().filter(|part| part.as_str().is_some()).count();
        constants > 1 && parts.iter().any(|part| part.column() == Some(&column.name))
    };
    kinds.iter().any(|kind| column.ty.is(kind)) && !is_state && !table.constraints.iter().any(lists_values)
}
