//! SELECT over known rows: the catalogs, tables that are empty in a new database, arrays and values.
//!
//! Promises: a row is [`Presence::Certain`] only if PostgreSQL would return it. A result that may lack rows is not `complete`. Equality
//! conditions are applied before the rows of a catalog are created, and joins use hash tables.

use super::order::{Condition, Order, conditions, equality_on, flatten, names_any};
use super::tables::{Cells, Hints, Keys, Presence, Rows};
use super::value::{Key, Value, and, compare, same};
use super::{Machine, Ran};
use crate::catalog::SqlError;
use crate::interpret::bind::target_name;
use crate::syntax::expression::*;
use rustc_hash::{FxHashMap, FxHashSet};
use smol_str::SmolStr;
use std::cmp::Ordering;
use std::mem::Discriminant;
use std::rc::Rc;
use std::sync::Arc;

/// Maximum number of rows for which a join looks up the matching rows separately.
const FEW: usize = 16;

/// A relation in scope.
pub struct Item {
    alias: Option<SmolStr>,
    columns: Vec<SmolStr>,
    /// Whether the relation has columns that are not modelled.
    open: bool,
}

/// Rows of an aggregate.
pub struct Group<'e> {
    rows: &'e [Joined],
    /// Whether these are all rows, and all are certain.
    exact: bool,
}

/// Scope of names: the relations of a query and of the outer queries.
#[derive(Clone, Copy)]
pub struct Env<'e> {
    pub outer: Option<&'e Env<'e>>,
    /// Number of outer queries.
    pub depth: usize,
    items: &'e [Item],
    row: &'e [Cells],
    pub group: Option<&'e Group<'e>>,
}

impl<'e> Env<'e> {
    pub const EMPTY: Env<'static> = Env { outer: None, depth: 0, items: &[], row: &[], group: None };

    fn of_row(outer: &'e Env<'e>, items: &'e [Item], row: &'e [Cells]) -> Env<'e> {
        Env { outer: Some(outer), depth: outer.depth + 1, items, row, group: None }
    }
}

/// Results of subqueries that do not depend on rows of the SELECT around them, by the address of the subquery.
pub type SubqueryCache = FxHashMap<*const Query, Rc<Table>>;

/// Meaning of a name in one FROM clause.
pub enum Found {
    Value(Value),
    /// May be a column that is not modelled.
    Open,
    No,
}

impl Env<'_> {
    pub fn find(&self, path: &[SmolStr]) -> Found {
        let bound = || self.items.iter().zip(self.row);
        let cell =
            |item: &Item, row: &Cells, name: &SmolStr| item.columns.iter().position(|column| column == name).map(|at| row[at].clone());
        match path {
            [name] => {
                if let Some(value) = bound().find_map(|(item, row)| cell(item, row, name)) {
                    return Found::Value(value);
                }
                if let Some((item, row)) = bound().find(|(item, _)| item.alias.as_ref() == Some(name)) {
                    return Found::Value(whole_row(item, row));
                }
                if self.items.iter().any(|item| item.open) { Found::Open } else { Found::No }
            }
            [qualifier, name] | [_, qualifier, name] => match bound().find(|(item, _)| item.alias.as_ref() == Some(qualifier)) {
                Some((item, row)) => Found::Value(cell(item, row, name).unwrap_or(Value::Unknown)),
                None => Found::No,
            },
            _ => Found::No,
        }
    }
}

fn whole_row(item: &Item, row: &Cells) -> Value {
    if let ([column], Some(alias)) = (item.columns.as_slice(), &item.alias)
        && column == alias
    {
        return row[0].clone();
    }
    if item.open && item.columns.is_empty() {
        return Value::Something;
    }
    let fields = item.columns.iter().cloned().zip(row.iter().cloned()).collect();
    Value::Record(Arc::new(super::value::Record { fields }))
}

/// A row of a join, with one part for each relation.
#[derive(Clone)]
pub struct Joined {
    parts: Vec<Cells>,
    presence: Presence,
}

/// Result of joining the first relations of a FROM clause.
struct Scan {
    items: Vec<Item>,
    rows: Vec<Joined>,
    complete: bool,
}

/// The result of a query.
#[derive(Default)]
pub struct Table {
    pub columns: Vec<SmolStr>,
    pub rows: Vec<(Cells, Presence)>,
    pub complete: bool,
}

impl Table {
    pub fn unknown() -> Table {
        Table::default()
    }

    pub fn is_exact(&self) -> bool {
        self.complete && self.rows.iter().all(|(_, presence)| *presence == Presence::Certain)
    }

    /// Returns whether the query returns a row, or `None` if unknown.
    pub fn exists(&self) -> Option<bool> {
        if self.rows.iter().any(|(_, presence)| *presence == Presence::Certain) {
            Some(true)
        } else if self.complete && self.rows.is_empty() {
            Some(false)
        } else {
            None
        }
    }

    /// Returns the value of a scalar subquery.
    pub fn scalar(&self) -> Result<Value, SqlError> {
        let certain = self.rows.iter().filter(|(_, presence)| *presence == Presence::Certain).count();
        if certain > 1 {
            return Err(SqlError::new("21000", "more than one row returned by a subquery used as an expression"));
        }
        match self.rows.as_slice() {
            [] if self.complete => Ok(Value::Null),
            [(cells, Presence::Certain)] if self.complete => Ok(cells.first().cloned().unwrap_or(Value::Unknown)),
            _ => Ok(Value::Unknown),
        }
    }

    pub fn record(&self, cells: &Cells) -> Value {
        let fields = self.columns.iter().cloned().zip(cells.iter().cloned()).collect();
        Value::Record(Arc::new(super::value::Record { fields }))
    }
}

impl Machine<'_> {
    pub fn query(&mut self, query: &Query, outer: &Env) -> Ran<Table> {
        self.step(1)?;
        let ctes = self.ctes.len();
        let result = self.with(query, outer).and_then(|()| self.query_body(query, outer));
        self.ctes.truncate(ctes);
        result
    }

    fn with(&mut self, query: &Query, outer: &Env) -> Ran<()> {
        for cte in &query.with {
            let mut table = match &cte.body {
                Data::Query(inner) if !query.recursive => self.query(inner, outer)?,
                _ => Table::unknown(),
            };
            for (column, name) in table.columns.iter_mut().zip(&cte.columns) {
                *column = name.clone();
            }
            self.ctes.push((cte.name.name.clone(), Arc::new(table)));
        }
        Ok(())
    }

    fn query_body(&mut self, query: &Query, outer: &Env) -> Ran<Table> {
        let mut table = self.set_expr(&query.body, &query.order_by, outer)?;
        let limit = match &query.limit {
            Some(limit) => self.eval(limit, outer)?.as_int().map(|limit| limit.max(0) as usize),
            None => return Ok(table),
        };
        match limit {
            Some(limit) if query.offset.is_none() => {
                // the rows within the limit are known only if all rows are
                if table.rows.len() > limit {
                    let all = table.is_exact();
                    table.complete |= limit == 0;
                    table.rows.truncate(limit);
                    if !all {
                        table.rows.iter_mut().for_each(|(_, presence)| *presence = (*presence).min(Presence::Maybe));
                    }
                }
            }
            _ => {
                table.complete &= table.rows.is_empty();
                table.rows.iter_mut().for_each(|(_, presence)| *presence = Presence::Unclear);
            }
        }
        Ok(table)
    }

    fn set_expr(&mut self, body: &SetExpr, order_by: &[SortKey], outer: &Env) -> Ran<Table> {
        match body {
            SetExpr::Select(select) => self.select(select, order_by, outer),
            SetExpr::Values(rows) => {
                let mut table = Table { complete: true, ..Table::default() };
                for row in rows {
                    let cells: Ran<Vec<Value>> = row.iter().map(|expr| self.eval(expr, outer)).collect();
                    table.rows.push((cells?.into(), Presence::Certain));
                }
                let width = rows.first().map_or(0, Vec::len);
                table.columns = (1..=width).map(|at| format!("column{at}").into()).collect();
                // the parser does not keep all rows of longer lists
                table.complete = rows.len() < crate::syntax::sql::KEPT_ROWS;
                Ok(table)
            }
            SetExpr::Set { op, all, left, right } => {
                let mut table = self.set_expr(left, &[], outer)?;
                let right = self.set_expr(right, &[], outer)?;
                match (op.to_ascii_lowercase().as_str(), all) {
                    ("union", _) => {
                        table.complete &= right.complete;
                        table.rows.extend(right.rows);
                        if !all {
                            distinct(&mut table);
                        }
                    }
                    _ => return Ok(Table { columns: table.columns, ..Table::unknown() }),
                }
                let order: Vec<(usize, bool)> = order_by
                    .iter()
                    .filter_map(|key| {
                        let at = match &key.expr.kind {
                            ExprKind::Number(at) => at.parse::<usize>().ok()?.checked_sub(1)?,
                            _ => table.columns.iter().position(|column| Some(column.as_str()) == key.expr.column())?,
                        };
                        Some((at, key.descending))
                    })
                    .collect();
                table.rows.sort_by(|(a, _), (b, _)| {
                    let orders = order.iter().map(|(at, descending)| ordered(&a[*at], &b[*at], *descending));
                    orders.fold(Ordering::Equal, Ordering::then)
                });
                Ok(table)
            }
            SetExpr::Query(query) => self.query(query, outer),
            SetExpr::Data(_) => Ok(Table::unknown()),
        }
    }

    /// Runs a subquery. If it does not depend on rows of outer queries, it runs once, as in PostgreSQL.
    pub fn inner_query(&mut self, query: &Query, env: &Env) -> Ran<Rc<Table>> {
        let place = std::ptr::from_ref(query);
        if let Some(table) = self.settled.get(&place).filter(|_| env.depth > 0) {
            return Ok(table.clone());
        }
        let around = std::mem::replace(&mut self.reached, usize::MAX);
        let table = self.query(query, env).map(Rc::new);
        if let Ok(table) = &table
            && env.depth > 0
            && self.reached > env.depth
        {
            self.settled.insert(place, table.clone());
        }
        self.reached = self.reached.min(around);
        table
    }

    fn select(&mut self, select: &Select, order_by: &[SortKey], outer: &Env) -> Ran<Table> {
        let around = std::mem::take(&mut self.settled);
        let table = self.select_rows(select, order_by, outer);
        self.settled = around;
        table
    }

    fn select_rows(&mut self, select: &Select, order_by: &[SortKey], outer: &Env) -> Ran<Table> {
        self.check_literals(select)?;
        let mut sources = Vec::new();
        flatten(&select.from, &mut sources);
        let order = Order::of(select, &sources, self.variables_come_first());
        let sources = order.arranged(sources);
        let rows = vec![Joined { parts: Vec::new(), presence: Presence::Certain }];
        let mut scan = Scan { items: Vec::new(), rows, complete: true };
        let mut conditions = conditions(select, &sources);
        for (at, source) in sources.iter().enumerate() {
            self.join(source, at, &mut scan, &conditions, outer)?;
            self.filter(&scan.items, &mut scan.rows, &mut conditions, at + 1, outer)?;
        }
        let Scan { mut items, mut rows, complete } = scan;
        if order.differs() {
            items = order.restored(items);
            rows.iter_mut().for_each(|row| row.parts = order.restored(std::mem::take(&mut row.parts)));
        }
        self.filter(&items, &mut rows, &mut conditions, usize::MAX, outer)?;
        self.project(select, order_by, &items, rows, complete, outer)
    }

    /// Returns an error for literals that name missing objects. PostgreSQL raises it even if the query reads no rows.
    fn check_literals(&mut self, select: &Select) -> Ran<()> {
        let targets = select.targets.iter().map(|target| &target.expr);
        let all = targets.chain(&select.filter).chain(select.from.iter().filter_map(|item| item.on.as_ref()));
        let mut literals = Vec::new();
        for expr in all {
            expr.walk(&mut |node| match node {
                Node::Expr(Expr { kind: ExprKind::Cast { expr, to }, .. }) if to.name.last().starts_with("reg") => {
                    if let ExprKind::String(_) = expr.kind {
                        literals.push((expr.clone(), to.clone()));
                    }
                    Walk::Into
                }
                Node::Query(_) => Walk::Over,
                _ => Walk::Into,
            });
        }
        for (expr, to) in literals {
            let value = self.eval(&expr, &Env::EMPTY)?;
            self.cast(value, &to)?;
        }
        Ok(())
    }

    fn filter(&mut self, items: &[Item], rows: &mut Vec<Joined>, conditions: &mut [Condition], joined: usize, outer: &Env) -> Ran<()> {
        for condition in conditions.iter_mut().filter(|condition| !condition.done && condition.after <= joined) {
            condition.done = true;
            let mut kept = Vec::with_capacity(rows.len());
            for mut row in rows.drain(..) {
                self.work(1)?;
                let env = Env::of_row(outer, items, &row.parts);
                match self.eval(condition.expr, &env)?.holds() {
                    Some(true) => kept.push(row),
                    Some(false) => {}
                    None => {
                        row.presence = Presence::Unclear;
                        kept.push(row);
                    }
                }
            }
            *rows = kept;
        }
        Ok(())
    }

    fn join(&mut self, source: &FromItem, at: usize, scan: &mut Scan, conditions: &[Condition], outer: &Env) -> Ran<()> {
        let Scan { items, rows, complete } = scan;
        let left = source.join == Some(JoinKind::Left);
        if matches!(source.join, Some(JoinKind::Right | JoinKind::Full)) || source.natural {
            *complete = false;
            rows.iter_mut().for_each(|row| row.presence = Presence::Unclear);
        }
        let alias: Option<SmolStr> = source.reference().map(SmolStr::from);
        let on: Vec<&Expr> = if left { source.on.iter().flat_map(Expr::conjuncts).collect() } else { Vec::new() };
        let variables = self.variables_come_first();
        let equalities: Vec<(&SmolStr, &Expr)> = {
            let usable = conditions.iter().filter(|condition| !condition.done && condition.after <= at + 1).map(|condition| condition.expr);
            usable.chain(on.iter().copied()).filter_map(|expr| equality_on(expr, alias.as_deref(), variables)).collect()
        };
        let lateral = matches!(source.relation, FromRelation::Query(_) | FromRelation::Function { .. });
        let mut joined = Vec::new();
        let by_row = at == 0 || lateral || rows.len() <= FEW;
        if by_row {
            let mut shape: Option<Item> = None;
            for row in rows.drain(..) {
                let env = Env::of_row(outer, items, &row.parts);
                let mut hints = Hints::default();
                for (column, expr) in &equalities {
                    let value = self.eval(expr, &env)?;
                    if !value.is_unknown() {
                        hints.equal.push(((*column).clone(), value));
                    }
                }
                let found = self.relation(source, &hints, &env)?;
                *complete &= found.complete;
                let item = Item { alias: alias.clone(), columns: found.columns, open: found.open };
                let before = joined.len();
                for (cells, presence) in found.rows {
                    self.extend(&row, cells, presence, &mut joined)?;
                }
                items.push(item);
                if left {
                    self.outer_join(items, &row, &on, before, &mut joined, outer)?;
                }
                shape = items.pop();
            }
            let shape = match shape {
                Some(item) => item,
                None => {
                    // no row was joined, so the relation was not read, but names need its columns
                    let found = self.relation(source, &Hints::default(), outer)?;
                    Item { alias, columns: found.columns, open: found.open }
                }
            };
            items.push(shape);
        } else {
            let aliases: Vec<&str> = items.iter().filter_map(|item| item.alias.as_deref()).collect();
            let (varying, fixed): (Vec<_>, Vec<_>) = equalities.into_iter().partition(|(_, expr)| names_any(expr, &aliases));
            let mut hints = Hints::default();
            for (column, expr) in fixed {
                let value = self.eval(expr, outer)?;
                if !value.is_unknown() {
                    hints.equal.push((column.clone(), value));
                }
            }
            let mut wanted: Vec<Vec<Value>> = Vec::with_capacity(varying.len());
            for (_, expr) in &varying {
                let values = rows.iter().map(|row| self.eval(expr, &Env::of_row(outer, items, &row.parts)));
                wanted.push(values.collect::<Ran<_>>()?);
            }
            for ((column, _), values) in varying.iter().zip(&wanted) {
                hints.among.extend(Keys::of(values).map(|keys| ((*column).clone(), keys)));
            }
            let found = self.relation(source, &hints, outer)?;
            *complete &= found.complete;
            let partners = JoinIndex::of(&found, varying.iter().map(|(column, _)| *column));
            let item = Item { alias, columns: found.columns.clone(), open: found.open };
            for (place, row) in rows.drain(..).enumerate() {
                let before = joined.len();
                for at in partners.find(|equality| &wanted[equality][place]) {
                    let (cells, presence) = &found.rows[at];
                    self.extend(&row, cells.clone(), *presence, &mut joined)?;
                }
                if left {
                    let shape = Item { alias: item.alias.clone(), columns: item.columns.clone(), open: item.open };
                    items.push(shape);
                    self.outer_join(items, &row, &on, before, &mut joined, outer)?;
                    items.pop();
                }
            }
            items.push(item);
        }
        *rows = joined;
        for name in &source.using {
            self.using(name, items, rows)?;
        }
        Ok(())
    }

    fn using(&mut self, name: &SmolStr, items: &[Item], rows: &mut Vec<Joined>) -> Ran<()> {
        let Some((last, before)) = items.split_last() else { return Ok(()) };
        let place = |item: &Item| item.columns.iter().position(|column| column == name);
        let left = before.iter().enumerate().find_map(|(at, item)| place(item).map(|column| (at, column)));
        let (Some((item, column)), Some(other)) = (left, place(last)) else {
            rows.iter_mut().for_each(|row| row.presence = Presence::Unclear);
            return Ok(());
        };
        rows.retain_mut(|row| {
            let equal = super::value::equal(&row.parts[item][column], &row.parts[before.len()][other]).holds();
            if equal.is_none() {
                row.presence = Presence::Unclear;
            }
            equal != Some(false)
        });
        Ok(())
    }

    fn extend(&mut self, row: &Joined, cells: Cells, presence: Presence, joined: &mut Vec<Joined>) -> Ran<()> {
        self.work(1)?;
        let mut parts = Vec::with_capacity(row.parts.len() + 1);
        parts.extend(row.parts.iter().cloned());
        parts.push(cells);
        joined.push(Joined { parts, presence: row.presence.min(presence) });
        Ok(())
    }

    /// Applies ON to the matches of one row. Without a match, the row is kept and the other columns are NULL.
    fn outer_join(&mut self, items: &[Item], row: &Joined, on: &[&Expr], from: usize, joined: &mut Vec<Joined>, outer: &Env) -> Ran<()> {
        let candidates = joined.split_off(from);
        let mut sure = false;
        for mut candidate in candidates {
            let mut truth = Value::Bool(true);
            for expr in on {
                let env = Env::of_row(outer, items, &candidate.parts);
                truth = and(&truth, &self.eval(expr, &env)?);
            }
            match truth.holds() {
                Some(true) => sure |= candidate.presence == row.presence,
                Some(false) => continue,
                None => candidate.presence = Presence::Unclear,
            }
            joined.push(candidate);
        }
        if !sure {
            let width = items.last().map_or(0, |item| item.columns.len());
            let presence = if joined.len() > from { Presence::Unclear } else { row.presence };
            let nulls: Cells = vec![Value::Null; width].into();
            self.extend(&Joined { parts: row.parts.clone(), presence }, nulls, presence, joined)?;
        }
        Ok(())
    }

    fn project(
        &mut self,
        select: &Select,
        order_by: &[SortKey],
        items: &[Item],
        rows: Vec<Joined>,
        complete: bool,
        outer: &Env,
    ) -> Ran<Table> {
        let columns = output_columns(select, items);
        let grouped = !select.group_by.is_empty()
            || select.having.is_some()
            || select.targets.iter().any(|target| super::aggregate::is_in(&target.expr));
        // each row keeps its sort keys
        let mut out: Vec<(Cells, Presence, Vec<Value>)> = Vec::new();
        let mut complete = complete;
        if grouped {
            let Some(groups) = self.groups(select, items, rows, outer)? else {
                return Ok(Table { columns, ..Table::unknown() });
            };
            for group in groups {
                let exact = complete && group.iter().all(|row| row.presence == Presence::Certain);
                let parts = group.first().map_or_else(|| null_parts(items), |row| row.parts.clone());
                let group = Group { rows: &group, exact };
                let env = Env { group: Some(&group), ..Env::of_row(outer, items, &parts) };
                let mut presence = Presence::Certain;
                if let Some(having) = &select.having {
                    match self.eval(having, &env)?.holds() {
                        Some(true) => {}
                        Some(false) => continue,
                        None => presence = Presence::Unclear,
                    }
                }
                if !exact && !select.group_by.is_empty() {
                    let best = group.rows.iter().map(|row| row.presence).max().unwrap_or(Presence::Unclear);
                    presence = presence.min(best);
                }
                let cells = self.targets(select, items, &env)?;
                let keys = self.keys(order_by, &columns, &cells, &env)?;
                out.push((cells.into(), presence, keys));
            }
            complete |= select.group_by.is_empty();
        } else {
            for row in rows {
                self.work(1)?;
                let env = Env::of_row(outer, items, &row.parts);
                if let Some(expanded) = self.expanded(select, &env)? {
                    complete &= expanded.complete;
                    for (cells, _) in expanded.rows {
                        let keys = self.keys(order_by, &columns, &cells, &env)?;
                        out.push((cells, row.presence, keys));
                    }
                    continue;
                }
                let cells = self.targets(select, items, &env)?;
                let keys = self.keys(order_by, &columns, &cells, &env)?;
                out.push((cells.into(), row.presence, keys));
            }
        }
        out.sort_by(|(_, _, a), (_, _, b)| {
            let orders = a.iter().zip(b).zip(order_by).map(|((a, b), key)| ordered(a, b, key.descending));
            orders.fold(Ordering::Equal, Ordering::then)
        });
        let mut table = Table { columns, rows: out.into_iter().map(|(cells, presence, _)| (cells, presence)).collect(), complete };
        if select.distinct && select.distinct_on.is_empty() {
            distinct(&mut table);
        } else if !select.distinct_on.is_empty() {
            table.complete &= table.rows.len() < 2;
        }
        Ok(table)
    }

    /// Expands `SELECT unnest(…)` to one row for each value. Returns `None` if no target returns a set.
    fn expanded(&mut self, select: &Select, env: &Env) -> Ran<Option<Table>> {
        let set = select.targets.iter().enumerate().find_map(|(at, target)| match &target.expr.uncast().kind {
            ExprKind::Call(call) => Some((at, call)),
            _ => None,
        });
        let Some((at, call)) = set else { return Ok(None) };
        let Some(values) = self.series(call, env)? else { return Ok(None) };
        let Some(values) = values else { return Ok(Some(Table::unknown())) };
        let mut rows = Vec::with_capacity(values.len());
        for value in values {
            let mut cells = Vec::with_capacity(select.targets.len());
            for (other, target) in select.targets.iter().enumerate() {
                cells.push(if other == at { value.clone() } else { self.eval(&target.expr, env)? });
            }
            rows.push((cells.into(), Presence::Certain));
        }
        Ok(Some(Table { columns: Vec::new(), rows, complete: true }))
    }

    fn targets(&mut self, select: &Select, items: &[Item], env: &Env) -> Ran<Vec<Value>> {
        let mut cells = Vec::with_capacity(select.targets.len());
        for target in &select.targets {
            match &target.expr.kind {
                ExprKind::Star { qualifier } => {
                    for (item, row) in items.iter().zip(env.row) {
                        if qualifier.last().is_none_or(|alias| item.alias.as_ref() == Some(alias)) {
                            cells.extend(row.iter().cloned());
                        }
                    }
                }
                _ => cells.push(self.eval(&target.expr, env)?),
            }
        }
        Ok(cells)
    }

    /// Returns the values of the sort keys, which are output columns by name or number, or expressions.
    fn keys(&mut self, order_by: &[SortKey], columns: &[SmolStr], cells: &[Value], env: &Env) -> Ran<Vec<Value>> {
        let mut out = Vec::with_capacity(order_by.len());
        for key in order_by {
            let output = match &key.expr.kind {
                ExprKind::Number(at) => at.parse::<usize>().ok().and_then(|at| at.checked_sub(1)),
                ExprKind::Column { path, .. } if path.len() == 1 => columns.iter().position(|column| *column == path[0]),
                _ => None,
            };
            out.push(match output.and_then(|at| cells.get(at)) {
                Some(value) => value.clone(),
                None => self.eval(&key.expr, env)?,
            });
        }
        Ok(out)
    }

    /// Groups rows by their keys, in order of appearance. Returns `None` if a key is unknown.
    fn groups(&mut self, select: &Select, items: &[Item], rows: Vec<Joined>, outer: &Env) -> Ran<Option<Vec<Vec<Joined>>>> {
        if select.group_by.is_empty() {
            return Ok(Some(vec![rows]));
        }
        let mut order: Vec<Vec<Joined>> = Vec::new();
        let mut places: FxHashMap<Vec<Option<Key>>, usize> = FxHashMap::default();
        for row in rows {
            let env = Env::of_row(outer, items, &row.parts);
            let mut key = Vec::new();
            for expr in &select.group_by {
                let expr = match &expr.kind {
                    ExprKind::Number(at) => match at.parse::<usize>().ok().and_then(|at| select.targets.get(at.wrapping_sub(1))) {
                        Some(target) => &target.expr,
                        None => return Ok(None),
                    },
                    ExprKind::Column { path, .. } if path.len() == 1 && matches!(env.find(path), Found::No | Found::Open) => {
                        let named = select.targets.iter().find(|target| target.alias.as_ref() == Some(&path[0]));
                        named.map_or(expr, |target| &target.expr)
                    }
                    _ => expr,
                };
                let value = self.eval(expr, &env)?;
                match value.key() {
                    None if value != Value::Null => return Ok(None),
                    key_of => key.push(key_of),
                }
            }
            let place = *places.entry(key).or_insert_with(|| {
                order.push(Vec::new());
                order.len() - 1
            });
            order[place].push(row);
        }
        Ok(Some(order))
    }

    /// Returns the values of an aggregate's argument for its group, after FILTER. Returns `None` if the rows are not all known.
    pub fn aggregated(&mut self, call: &Call, env: &Env) -> Ran<Option<Vec<Value>>> {
        let Some(group) = env.group.filter(|group| group.exact) else { return Ok(None) };
        let mut out = Vec::new();
        for row in group.rows {
            self.work(1)?;
            let env = Env { row: &row.parts, group: None, ..*env };
            if let Some(filter) = &call.filter {
                match self.eval(filter, &env)?.holds() {
                    Some(true) => {}
                    Some(false) => continue,
                    None => return Ok(None),
                }
            }
            let value = match call.args.first().map(|arg| &arg.value) {
                None => Value::Bool(true),
                Some(Expr { kind: ExprKind::Star { .. }, .. }) => Value::Bool(true),
                Some(expr) => self.eval(expr, &env)?,
            };
            let mut keys = Vec::new();
            for key in &call.order_by {
                keys.push(self.eval(&key.expr, &env)?);
            }
            out.push((value, keys));
        }
        out.sort_by(|(_, a), (_, b)| {
            let orders = a.iter().zip(b).zip(&call.order_by).map(|((a, b), key)| ordered(a, b, key.descending));
            orders.fold(Ordering::Equal, Ordering::then)
        });
        let mut values: Vec<Value> = out.into_iter().map(|(value, _)| value).collect();
        if call.distinct {
            if values.iter().any(|value| value.key().is_none() && *value != Value::Null) {
                return Ok(None);
            }
            let mut seen = FxHashSet::default();
            values.retain(|value| value.key().is_none_or(|key| seen.insert(key)));
        }
        Ok(Some(values))
    }
}

fn ordered(a: &Value, b: &Value, descending: bool) -> Ordering {
    let order = match (a, b) {
        (Value::Null, Value::Null) => Ordering::Equal,
        (Value::Null, _) => Ordering::Greater,
        (_, Value::Null) => Ordering::Less,
        _ => compare(a, b).unwrap_or(Ordering::Equal),
    };
    if descending { order.reverse() } else { order }
}

/// Index of the rows of a relation by the columns of equality conditions.
struct JoinIndex {
    /// Positions of the conditions and of their columns.
    index: Vec<(usize, usize)>,
    by_key: FxHashMap<Vec<Key>, Vec<usize>>,
    /// Type of value of each column. A value of another type is not looked up by its key.
    kinds: Option<Vec<Discriminant<Key>>>,
    /// Rows without a key, which can match any value.
    rest: Vec<usize>,
    count: usize,
}

impl JoinIndex {
    fn of<'c>(found: &Rows, equalities: impl Iterator<Item = &'c SmolStr>) -> JoinIndex {
        let place = |column: &SmolStr| found.columns.iter().position(|known| known == column);
        let index: Vec<(usize, usize)> = equalities.enumerate().filter_map(|(at, column)| Some((at, place(column)?))).collect();
        let mut out = JoinIndex { index, by_key: FxHashMap::default(), kinds: None, rest: Vec::new(), count: found.rows.len() };
        for (at, (cells, _)) in found.rows.iter().enumerate() {
            match out.index.iter().map(|(_, column)| cells[*column].key()).collect::<Option<Vec<Key>>>() {
                Some(key) if out.kinds.get_or_insert_with(|| kinds(&key)) == &kinds(&key) => out.by_key.entry(key).or_default().push(at),
                _ => out.rest.push(at),
            }
        }
        out
    }

    /// Returns rows that may match these values. The conditions are evaluated again afterwards.
    fn find<'v>(&self, wanted: impl Fn(usize) -> &'v Value) -> Vec<usize> {
        let wanted = || self.index.iter().map(|(equality, _)| wanted(*equality));
        if wanted().any(|value| *value == Value::Null) {
            return Vec::new();
        }
        match wanted().map(Value::key).collect::<Option<Vec<Key>>>() {
            Some(key) if self.kinds.as_ref().is_none_or(|known| *known == kinds(&key)) => {
                let mut out: Vec<usize> = self.by_key.get(&key).into_iter().flatten().chain(&self.rest).copied().collect();
                out.sort_unstable();
                out
            }
            _ => (0..self.count).collect(),
        }
    }
}

fn kinds(key: &[Key]) -> Vec<Discriminant<Key>> {
    key.iter().map(std::mem::discriminant).collect()
}

/// Removes duplicate rows.
fn distinct(table: &mut Table) {
    let mut places: FxHashMap<Vec<Option<Key>>, usize> = FxHashMap::default();
    let mut kept: Vec<(Cells, Presence)> = Vec::new();
    for (cells, presence) in table.rows.drain(..) {
        let known = cells.iter().all(|cell| cell.key().is_some() || *cell == Value::Null);
        if !known {
            let twin = kept.iter().any(|(other, _)| other.iter().zip(&*cells).all(|(a, b)| same(a, b).holds() == Some(true)));
            if !twin {
                kept.push((cells, presence));
            }
            continue;
        }
        match places.entry(cells.iter().map(Value::key).collect()) {
            std::collections::hash_map::Entry::Occupied(place) => {
                let before = &mut kept[*place.get()].1;
                *before = (*before).max(presence);
            }
            std::collections::hash_map::Entry::Vacant(place) => {
                place.insert(kept.len());
                kept.push((cells, presence));
            }
        }
    }
    table.rows = kept;
}

fn null_parts(items: &[Item]) -> Vec<Cells> {
    items.iter().map(|item| vec![Value::Null; item.columns.len()].into()).collect()
}

fn output_columns(select: &Select, items: &[Item]) -> Vec<SmolStr> {
    let mut out = Vec::new();
    for target in &select.targets {
        match &target.expr.kind {
            ExprKind::Star { qualifier } => {
                for item in items {
                    if qualifier.last().is_none_or(|alias| item.alias.as_ref() == Some(alias)) {
                        out.extend(item.columns.iter().cloned());
                    }
                }
            }
            _ => out.push(target_name(target).unwrap_or_else(|| "?column?".into())),
        }
    }
    out
}
