//! Queries that look up rows by a foreign key and sort or filter by a second column. `index/foreign-key-sort` and `index/foreign-key` use
//! them.

use super::index_cover::is_complete_for;
use crate::analysis::app_query::lookup::{self, Lookup};
use crate::analysis::likely_sort::likely;
use crate::analysis::prelude::*;
use crate::analysis::scope::{Reader, Scope, visit};
use crate::analysis::state::SqlOwner;
use crate::analysis::state::is_users_table;
use std::collections::BTreeMap;
use supalint_queries::shape::ValueKind;

/// Names of columns with the creation time of a row.
pub const TIMES: [&str; 10] = [
    "created_at",
    "started_at",
    "inserted_at",
    "sent_at",
    "occurred_at",
    "received_at",
    "logged_at",
    "recorded_at",
    "happened_at",
    "timestamp",
];

/// The use of the second column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColumnUse {
    /// The first rows in the order of the second column.
    FirstRows,
    /// The minimum or maximum of the second column.
    MinMax,
    /// A range of the second column.
    Range,
    /// All rows in the order of the second column.
    Order,
    /// No query is known, but each column has its own index.
    SeparateIndexes,
    /// No query is known, but the name of the table suggests rows that are listed by time.
    GuessedFromName,
}

/// A query that looks up rows by a key and uses a second column.
#[derive(Clone, PartialEq)]
pub struct SortedQuery {
    pub table: QName,
    pub key: SmolStr,
    pub column: SmolStr,
    pub at: Site,
    /// The reader, such as ``function `public.f` ``, or a label for the location if there is no query.
    pub reader: String,
    pub order: &'static str,
    /// The column of `deleted_at is null`, if the query has this condition.
    pub null_column: Option<SmolStr>,
    pub column_use: ColumnUse,
}

impl SortedQuery {
    /// Returns whether no query of the project needs the index, so that it is only a guess.
    pub fn is_guess(&self) -> bool {
        matches!(self.column_use, ColumnUse::SeparateIndexes | ColumnUse::GuessedFromName)
    }

    /// Returns whether an index saves more than the sort.
    pub fn is_strong(&self) -> bool {
        matches!(self.column_use, ColumnUse::FirstRows | ColumnUse::MinMax | ColumnUse::Range)
    }
}

/// Returns the queries of functions, views, policies and application code that an index on a foreign key and a second column would serve, but that no index
/// serves.
/// If there are none, it returns the likely queries of clients.
pub fn sorts_of<'a>(cx: &State<'a>, table: &Table) -> &'a [SortedQuery] {
    let sorts = || {
        let of_app = Sorts { seen: of_app(cx), likely: None };
        by_table(cx.sql_owners().map(|owner| Sorts::of(cx, owner)).chain([of_app]).collect())
    };
    cx.analyses().sorts.get_or_init(sorts).get(&table.name).map(Vec::as_slice).unwrap_or_default()
}

/// The queries of one piece of SQL.
struct Sorts {
    seen: Vec<SortedQuery>,
    /// The likely query of clients on a table.
    likely: Option<SortedQuery>,
}

impl Sorts {
    fn of<'a>(cx: &State<'a>, owner: SqlOwner<'a>) -> Sorts {
        let mut seen = Vec::new();
        visit(cx, owner, &mut |reader, node, scope| {
            if let Node::Query(query) = node {
                let of_user = |table: &&Table| !table.external && !table.of_extension && !table.created.is_platform();
                seen.extend(
                    scope.tables().into_iter().filter(of_user).filter_map(|table| sorted_query_of(cx, reader, query, scope, table)),
                );
            }
        });
        let likely = match owner {
            SqlOwner::Table(table) if is_users_table(table) => likely(cx, table),
            SqlOwner::Function(_) | SqlOwner::View(_) | SqlOwner::Table(_) => None,
        };
        Sorts { seen, likely }
    }
}

/// Returns the sorted queries of application code.
fn of_app(cx: &State) -> Vec<SortedQuery> {
    lookup::by_table(cx).values().flatten().filter_map(|lookup| sorted_lookup(cx, lookup)).collect()
}

fn sorted_lookup(cx: &State, lookup: &Lookup) -> Option<SortedQuery> {
    let (table, bound) = (lookup.table, lookup.bound());
    let key = nearest_parent(cx, table, &bound)?;
    let is_key = |column: &SmolStr| table.foreign_keys().any(|(constraint, _)| constraint.columns.contains(column));
    // another value from a variable may leave only few rows, for which any index is sufficient
    let leaves_few = |comparison: &lookup::Comparison| comparison.has_variable() && !is_key(&comparison.column().text);
    let order = lookup.sort.first().filter(|_| !lookup.comparisons.iter().any(leaves_few))?;
    let column = order.column.as_ref()?.name.text.clone();
    let asked: Vec<SmolStr> = lookup.comparisons.iter().map(|comparison| comparison.column().text.clone()).collect();
    let known = table.column(&column).filter(|known| known.ty.is_timestamp() && !is_rewritten(&column))?;
    if lookup.is_unique() || is_served(table, &bound, &column, &asked) {
        return None;
    }
    let descending = order.ascending == Some(false);
    let is_null = |comparison: &&lookup::Comparison| {
        matches!(comparison.filter.value.kind, ValueKind::Null)
            && table.column(&comparison.column().text).is_some_and(|one| one.ty.is_timestamp())
    };
    Some(SortedQuery {
        table: table.name.clone(),
        key,
        column,
        at: lookup.query.site(order.span),
        reader: format!("a query in `{}`", cx.sources.get(lookup.query.file).path),
        order: order_suffix(known, descending, order.nulls_first),
        null_column: lookup.comparisons.iter().find(is_null).map(|comparison| comparison.column().text.clone()),
        column_use: if lookup.reads_first_rows() { ColumnUse::FirstRows } else { ColumnUse::Order },
    })
}

/// Returns the suffix of a column in an index with this order. The place of NULL is left out if the column has none, or if it is the default.
fn order_suffix(column: &Column, descending: bool, nulls_first: Option<bool>) -> &'static str {
    match (descending, nulls_first.filter(|first| *first != descending && !column.not_null.value)) {
        (false, None) => "",
        (true, None) => " desc",
        (true, Some(_)) => " desc nulls last",
        (false, Some(_)) => " nulls first",
    }
}

/// Returns whether each update of a row changes the column, so that it would also have to write the index.
fn is_rewritten(column: &str) -> bool {
    ["updated_at", "modified_at"].contains(&column)
}

fn by_table(all: Vec<Sorts>) -> BTreeMap<QName, Vec<SortedQuery>> {
    let mut out: BTreeMap<QName, Vec<SortedQuery>> = BTreeMap::new();
    for sort in all.iter().flat_map(|sorts| &sorts.seen) {
        out.entry(sort.table.clone()).or_default().push(sort.clone());
    }
    for sort in all.iter().filter_map(|sorts| sorts.likely.as_ref()) {
        out.entry(sort.table.clone()).or_insert_with(|| vec![sort.clone()]);
    }
    out
}

fn sorted_query_of<'q>(cx: &State, reader: Reader<'_>, query: &'q Query, scope: &Scope<'_>, table: &Table) -> Option<SortedQuery> {
    let select = query.select()?;
    let inner = select.from.iter().filter(|item| item.join == Some(JoinKind::Inner)).filter_map(|item| item.on.as_ref());
    let conjuncts: Vec<&Expr> = select.filter.iter().chain(inner).flat_map(Expr::conjuncts).collect();
    let own = |expr: &Expr| scope.column(expr).filter(|found| found.depth == 0 && found.table == table.name).map(|found| found.column);
    // `column = constant` or `constant = column`
    let fixed = |left: &Expr, right: &Expr| own(left).filter(|_| scope.is_constant(right));
    let sides = |expr: &'q Expr| {
        let (left, right) = expr.equality()?;
        fixed(left, right).map(|column| (column, right)).or_else(|| fixed(right, left).map(|column| (column, left)))
    };
    let equal: Vec<(SmolStr, &Expr)> = conjuncts.iter().filter_map(|expr| sides(expr)).collect();
    let bound: Vec<SmolStr> = equal.iter().map(|(column, _)| column.clone()).collect();
    let key = nearest_parent(cx, table, &bound)?;
    // another value from the caller may leave only few rows, for which any index is sufficient
    let is_key = |column: &SmolStr| table.foreign_keys().any(|(constraint, _)| constraint.columns.contains(column));
    let is_literal =
        |expr: &Expr| matches!(expr.uncast().kind, ExprKind::String(_) | ExprKind::Number(_) | ExprKind::Bool(_) | ExprKind::Null);
    if equal.iter().any(|(column, value)| !is_key(column) && !is_literal(value)) {
        return None;
    }
    let (column, order, column_use, span) = ordered(query, select, table, &bound, &own).or_else(|| {
        conjuncts
            .iter()
            .find_map(|expr| Some((range(expr, scope, &own).filter(|name| is_time(table, name))?, "", ColumnUse::Range, expr.span)))
    })?;
    let asked: Vec<SmolStr> = conjuncts.iter().flat_map(|expr| expr.all()).filter_map(own).collect();
    if is_rewritten(&column) || bound.contains(&column) || is_served(table, &bound, &column, &asked) {
        return None;
    }
    let null_column = conjuncts.iter().find_map(|expr| match &expr.kind {
        ExprKind::IsNull { expr, negated: false } => {
            own(expr).filter(|name| table.column(name).is_some_and(|column| column.ty.is_timestamp()))
        }
        _ => None,
    });
    Some(SortedQuery {
        table: table.name.clone(),
        key,
        column,
        at: reader.at(span),
        reader: reader.words(),
        order,
        null_column,
        column_use,
    })
}

/// Returns the column of the fixed foreign key whose parent has the fewest references: a conversation rather than a tenant.
pub fn nearest_parent(cx: &State, table: &Table, bound: &[SmolStr]) -> Option<SmolStr> {
    let single = |key: &Constraint| if let [only] = key.columns.as_slice() { Some(only.clone()) } else { None };
    let keys = table.foreign_keys().filter_map(|(key, to)| Some((single(key).filter(|only| bound.contains(only))?, &to.table)));
    keys.min_by_key(|(_, parent)| cx.referring(parent)).map(|(column, _)| column)
}

/// A column, its suffix in an index, its use, and the location.
type Order = (SmolStr, &'static str, ColumnUse, Span);

/// Returns the column that the query sorts by, and the direction.
fn ordered(query: &Query, select: &Select, table: &Table, bound: &[SmolStr], own: &dyn Fn(&Expr) -> Option<SmolStr>) -> Option<Order> {
    if !select.group_by.is_empty() || select.distinct {
        return None;
    }
    let min_max = select.targets.iter().find_map(|target| {
        let call = target.expr.as_call().filter(|call| matches!(call.name.last(), "max" | "min") && call.over.is_none())?;
        let column = own(&call.args.first()?.value).filter(|name| table.column(name).is_some_and(|column| column.ty.is_timestamp()))?;
        Some((column, target.expr.span))
    });
    if let Some((column, span)) = min_max {
        return Some((column, "", ColumnUse::MinMax, span));
    }
    let mut keys = query.order_by.iter().filter(|key| own(&key.expr).is_none_or(|column| !bound.contains(&column)));
    let first = keys.next()?;
    let column = own(&first.expr)?;
    let known = table.column(&column)?;
    let primary = |name: SmolStr| table.primary_key().is_some_and(|key| key.columns.contains(&name));
    // a column with few values saves little of the sort, and a sort by a random id only makes the result stable
    let counts = ["smallint", "integer", "bigint", "numeric"].iter().any(|number| known.ty.is(number));
    let few_values = !counts || !keys.all(|key| own(&key.expr).is_some_and(primary));
    if few_values && !known.ty.is_timestamp() {
        return None;
    }
    // a name in ORDER BY first refers to the select list
    let computed = |target: &Target| target.alias.as_ref() == Some(&column) && target.expr.column() != Some(&column);
    if select.targets.iter().any(computed) {
        return None;
    }
    let order = order_suffix(known, first.descending, first.nulls_first);
    let column_use = if query.limit.is_some() { ColumnUse::FirstRows } else { ColumnUse::Order };
    Some((column, order, column_use, first.expr.span))
}

/// Returns the column of `column > constant` and similar conditions. A condition such as `column < constant` matches nearly all rows.
fn range(expr: &Expr, scope: &Scope<'_>, own: &dyn Fn(&Expr) -> Option<SmolStr>) -> Option<SmolStr> {
    match &expr.kind {
        ExprKind::Binary { op, left, right } => match op.as_str() {
            ">" | ">=" => own(left).filter(|_| scope.is_constant(right)),
            "<" | "<=" => own(right).filter(|_| scope.is_constant(left)),
            _ => None,
        },
        ExprKind::Between { expr, low, high, negated: false } => own(expr).filter(|_| scope.is_constant(low) && scope.is_constant(high)),
        _ => None,
    }
}

/// Returns whether a column contains the creation time of its row.
pub fn is_time(table: &Table, name: &str) -> bool {
    let now = |expr: &Expr| match &expr.uncast().kind {
        ExprKind::Call(call) => matches!(
            call.name.last(),
            "now" | "current_timestamp" | "clock_timestamp" | "timezone" | "statement_timestamp" | "transaction_timestamp"
        ),
        _ => expr.column() == Some("current_timestamp"),
    };
    table.column(name).is_some_and(|column| {
        column.ty.is_timestamp() && (TIMES.contains(&name) || column.default.as_ref().is_some_and(|default| now(&default.root)))
    })
}

/// Returns whether an index contains the rows of these constants in this order, or whether there are only few such rows.
pub fn is_served(table: &Table, bound: &[SmolStr], column: &SmolStr, asked: &[SmolStr]) -> bool {
    let fixed = |part: &IndexColumn| part.column.as_ref().is_some_and(|name| bound.contains(name));
    table.indexes.iter().any(|index| {
        let before = index.columns.iter().take_while(|part| fixed(part)).count();
        let next = index.columns.get(before).is_some_and(|part| part.column.as_ref() == Some(column));
        let of_query =
            |expr: &Expression| expr.root.all().into_iter().filter_map(Expr::column).all(|name| asked.iter().any(|other| other == name));
        let holds = is_complete_for(index, bound) || index.predicate.as_ref().is_some_and(of_query);
        index.unique && before == index.columns.len() && before > 0
            || index.method == "btree" && holds && (before > 1 || before == 1 && next)
    })
}
