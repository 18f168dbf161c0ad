//! Queries that look rows up by a foreign key and want them by a second column: what `index/foreign-key-sort` finds fault with, and
//! what `index/foreign-key` takes along.

use super::index_cover::is_complete_for;
use crate::analysis::likely_sort::likely;
use crate::analysis::prelude::*;
use crate::analysis::scope::{Reader, Scope, visit};
use crate::analysis::state::SqlOwner;
use crate::analysis::state::is_users_table;
use std::collections::BTreeMap;

/// Names of columns that hold when a row came to be.
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

/// What is wanted of the rows of one key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Want {
    /// The first few, by the second column.
    Few,
    /// The least or greatest.
    Extreme,
    /// Those of a stretch of time.
    Stretch,
    /// All, in order.
    Order,
    /// No query is seen; both columns have an index each.
    Apart,
    /// No query is seen; the table's name tells of rows that are listed by time.
    Listed,
}

/// A query that looks rows up by a key and wants them by a second column.
#[derive(Clone, PartialEq)]
pub struct Sorted {
    pub table: QName,
    pub key: SmolStr,
    pub column: SmolStr,
    pub at: Site,
    /// ``function `public.f` ``; what stands at the place, if no query does
    pub reader: String,
    pub order: &'static str,
    /// The column of `deleted_at is null`, where the query asks for it.
    pub alive: Option<SmolStr>,
    pub want: Want,
}

impl Sorted {
    /// Is there no query?
    pub fn is_guess(&self) -> bool {
        matches!(self.want, Want::Apart | Want::Listed)
    }

    /// Does an index save more than the sort?
    pub fn is_strong(&self) -> bool {
        matches!(self.want, Want::Few | Want::Extreme | Want::Stretch)
    }
}

/// Queries of functions, views and policies for rows of a table that an index on a foreign key and a second column would serve, and none
/// does; where there are none, what clients are likely to ask.
pub fn sorts_of<'a>(cx: &State<'a>, table: &Table) -> &'a [Sorted] {
    let sorts = || by_table(cx.sql_owners().map(|owner| Sorts::of(cx, owner)).collect());
    cx.analyses().sorts.get_or_init(sorts).get(&table.name).map(Vec::as_slice).unwrap_or_default()
}

/// What one piece of SQL asks for.
struct Sorts {
    seen: Vec<Sorted>,
    /// What clients are likely to ask of a table.
    likely: Option<Sorted>,
}

impl Sorts {
    fn of<'a>(cx: &State<'a>, owner: SqlOwner<'a>) -> Sorts {
        let mut seen = Vec::new();
        visit(cx, owner, &mut |reader, node, scope| {
            if let Node::Query(query) = node {
                let of_user = |table: &&Table| !table.external && !table.of_extension && !table.created.is_platform();
                seen.extend(scope.tables().into_iter().filter(of_user).filter_map(|table| judge(cx, reader, query, scope, table)));
            }
        });
        let likely = match owner {
            SqlOwner::Table(table) if is_users_table(table) => likely(cx, table),
            SqlOwner::Function(_) | SqlOwner::View(_) | SqlOwner::Table(_) => None,
        };
        Sorts { seen, likely }
    }
}

fn by_table(all: Vec<Sorts>) -> BTreeMap<QName, Vec<Sorted>> {
    let mut out: BTreeMap<QName, Vec<Sorted>> = BTreeMap::new();
    for sort in all.iter().flat_map(|sorts| &sorts.seen) {
        out.entry(sort.table.clone()).or_default().push(sort.clone());
    }
    for sort in all.iter().filter_map(|sorts| sorts.likely.as_ref()) {
        out.entry(sort.table.clone()).or_insert_with(|| vec![sort.clone()]);
    }
    out
}

fn judge<'q>(cx: &State, reader: Reader<'_>, query: &'q Query, scope: &Scope<'_>, table: &Table) -> Option<Sorted> {
    let select = query.select()?;
    let inner = select.from.iter().filter(|item| item.join == Some(JoinKind::Inner)).filter_map(|item| item.on.as_ref());
    let conjuncts: Vec<&Expr> = select.filter.iter().chain(inner).flat_map(Expr::conjuncts).collect();
    let own = |expr: &Expr| scope.column(expr).filter(|found| found.depth == 0 && found.table == table.name).map(|found| found.column);
    // `column = constant`, either way round
    let fixed = |left: &Expr, right: &Expr| own(left).filter(|_| scope.is_constant(right));
    let sides = |expr: &'q Expr| {
        let (left, right) = expr.equality()?;
        fixed(left, right).map(|column| (column, right)).or_else(|| fixed(right, left).map(|column| (column, left)))
    };
    let equal: Vec<(SmolStr, &Expr)> = conjuncts.iter().filter_map(|expr| sides(expr)).collect();
    let bound: Vec<SmolStr> = equal.iter().map(|(column, _)| column.clone()).collect();
    let key = nearest_parent(cx, table, &bound)?;
    // a further value that the caller gives may leave a row or two, which any index would find
    let is_key = |column: &SmolStr| table.foreign_keys().any(|(constraint, _)| constraint.columns.contains(column));
    let is_literal =
        |expr: &Expr| matches!(expr.uncast().kind, ExprKind::String(_) | ExprKind::Number(_) | ExprKind::Bool(_) | ExprKind::Null);
    if equal.iter().any(|(column, value)| !is_key(column) && !is_literal(value)) {
        return None;
    }
    let (column, order, want, span) = ordered(query, select, table, &bound, &own).or_else(|| {
        conjuncts
            .iter()
            .find_map(|expr| Some((stretch(expr, scope, &own).filter(|name| is_time(table, name))?, "", Want::Stretch, expr.span)))
    })?;
    let asked: Vec<SmolStr> = conjuncts.iter().flat_map(|expr| expr.all()).filter_map(own).collect();
    // each update of a row would have to move it in the index
    let moves = ["updated_at", "modified_at"].contains(&column.as_str());
    if moves || bound.contains(&column) || is_served(table, &bound, &column, &asked) {
        return None;
    }
    let alive = conjuncts.iter().find_map(|expr| match &expr.kind {
        ExprKind::IsNull { expr, negated: false } => {
            own(expr).filter(|name| table.column(name).is_some_and(|column| column.ty.is_timestamp()))
        }
        _ => None,
    });
    Some(Sorted { table: table.name.clone(), key, column, at: reader.at(span), reader: reader.words(), order, alive, want })
}

/// Of the foreign keys that are fixed, the one to the table that the fewest refer to: a conversation rather than a tenant.
pub fn nearest_parent(cx: &State, table: &Table, bound: &[SmolStr]) -> Option<SmolStr> {
    let single = |key: &Constraint| if let [only] = key.columns.as_slice() { Some(only.clone()) } else { None };
    let keys = table.foreign_keys().filter_map(|(key, to)| Some((single(key).filter(|only| bound.contains(only))?, &to.table)));
    keys.min_by_key(|(_, parent)| cx.referring(parent)).map(|(column, _)| column)
}

/// A column, what is written behind it in an index, and what is wanted of it where.
type Order = (SmolStr, &'static str, Want, Span);

/// What the query sorts by, and how.
fn ordered(query: &Query, select: &Select, table: &Table, bound: &[SmolStr], own: &dyn Fn(&Expr) -> Option<SmolStr>) -> Option<Order> {
    if !select.group_by.is_empty() || select.distinct {
        return None;
    }
    let extreme = select.targets.iter().find_map(|target| {
        let call = target.expr.as_call().filter(|call| matches!(call.name.last(), "max" | "min") && call.over.is_none())?;
        let column = own(&call.args.first()?.value).filter(|name| table.column(name).is_some_and(|column| column.ty.is_timestamp()))?;
        Some((column, target.expr.span))
    });
    if let Some((column, span)) = extreme {
        return Some((column, "", Want::Extreme, span));
    }
    let mut keys = query.order_by.iter().filter(|key| own(&key.expr).is_none_or(|column| !bound.contains(&column)));
    let first = keys.next()?;
    let column = own(&first.expr)?;
    let known = table.column(&column)?;
    let primary = |name: SmolStr| table.primary_key().is_some_and(|key| key.columns.contains(&name));
    // few values in front leave much to sort behind them; who sorts by a random id wants any row, always the same
    let counts = ["smallint", "integer", "bigint", "numeric"].iter().any(|number| known.ty.is(number));
    let few_values = !counts || !keys.all(|key| own(&key.expr).is_some_and(primary));
    if few_values && !known.ty.is_timestamp() {
        return None;
    }
    // a name in ORDER BY is first one of the select list
    let computed = |target: &Target| target.alias.as_ref() == Some(&column) && target.expr.column() != Some(&column);
    if select.targets.iter().any(computed) {
        return None;
    }
    let nulls = first.nulls_first.filter(|nulls| *nulls != first.descending && !known.not_null.value);
    let order = match (first.descending, nulls) {
        (false, None) => "",
        (true, None) => " desc",
        (true, Some(_)) => " desc nulls last",
        (false, Some(_)) => " nulls first",
    };
    let want = if query.limit.is_some() { Want::Few } else { Want::Order };
    Some((column, order, want, first.expr.span))
}

/// The column of `column > constant` and its kin. What lies before a moment is nearly everything.
fn stretch(expr: &Expr, scope: &Scope<'_>, own: &dyn Fn(&Expr) -> Option<SmolStr>) -> Option<SmolStr> {
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

/// Does a column hold when its row came to be?
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

/// Does an index hold the rows of these constants in that order, or are there few such rows at most?
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
