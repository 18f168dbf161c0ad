//! Frequency with which PostgreSQL evaluates parts of a policy, depending on their position.
//!
//! Promises: a scope is the rows of one query, numbered as the binder numbers them. Scope 0 is the table of the policy. A subquery without
//! outer references runs once. An EXISTS whose only outer references are equalities in its WHERE runs once too, because PostgreSQL keeps
//! its results in a hash table. Any other subquery runs again for each row of its outer references.
//! Source: PostgreSQL's `make_subplan` and `convert_EXISTS_to_ANY`.

use crate::analysis::prelude::*;

/// Frequency of evaluation, from the lowest to the highest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum EvalFrequency {
    /// Once per statement.
    Once,
    /// Once per row that a subquery reads.
    Inner,
    /// Once per row of the policy's table, next to an expression that costs much more.
    CostlyArgument,
    /// Once per row of the policy's table.
    Row,
}

/// An expression that a query contains directly.
struct Part<'a> {
    level: usize,
    /// Whether the expression is evaluated for each row that the query reads, not once per run.
    per_row: bool,
    node: Held<'a>,
}

enum Held<'a> {
    Expr(&'a Expr),
    Query(&'a Query),
}

/// Visits the expressions of a clause. The result of the visitor limits the frequency of inner expressions. `None` skips them.
pub fn visit<'a>(root: &'a Expr, visitor: &mut dyn FnMut(&'a Expr, EvalFrequency) -> Option<EvalFrequency>) {
    Visit { scopes: vec![EvalFrequency::Row], visitor }.expr(root, 0, EvalFrequency::Row);
}

struct Visit<'v, 'a> {
    /// Frequency with which each surrounding scope returns a row.
    scopes: Vec<EvalFrequency>,
    visitor: &'v mut dyn FnMut(&'a Expr, EvalFrequency) -> Option<EvalFrequency>,
}

impl<'a> Visit<'_, 'a> {
    fn expr(&mut self, expr: &'a Expr, level: usize, most: EvalFrequency) {
        let Some(most) = (self.visitor)(expr, self.scopes[level].min(most)) else { return };
        expr.each_child(&mut |child| self.expr(child, level, most));
        if let Some(query) = expr.query() {
            let hashed = matches!(expr.kind, ExprKind::Exists { .. }) && is_hashable(query, level);
            self.query(query, level, EvalFrequency::Once, hashed, most);
        }
    }

    fn query(&mut self, query: &'a Query, level: usize, least: EvalFrequency, hashed: bool, most: EvalFrequency) {
        let ties = outer_scopes(query, level).into_iter().filter(|scope| !(hashed && *scope == level));
        let runs = ties.map(|scope| self.scopes[scope]).max().unwrap_or(EvalFrequency::Once).max(least);
        for part in parts(query, level) {
            self.scopes.truncate(level + 1);
            if part.level > level {
                self.scopes.push(if part.per_row { runs.max(EvalFrequency::Inner) } else { runs });
            }
            match part.node {
                Held::Expr(expr) => self.expr(expr, part.level, most),
                // this query runs with the outer query
                Held::Query(query) => self.query(query, part.level, runs, false, most),
            }
        }
        self.scopes.truncate(level + 1);
    }
}

fn parts(query: &Query, level: usize) -> Vec<Part<'_>> {
    let mut out = Vec::new();
    let mut add = |level, per_row, node| out.push(Part { level, per_row, node });
    for cte in &query.with {
        if let Data::Query(body) = &cte.body {
            add(level + 1, false, Held::Query(body));
        }
    }
    of_body(&query.body, level, &mut add);
    for key in &query.order_by {
        add(level + 1, true, Held::Expr(&key.expr));
    }
    for expr in query.limit.iter().chain(&query.offset) {
        add(level, false, Held::Expr(expr));
    }
    out
}

fn of_body<'a>(body: &'a SetExpr, level: usize, add: &mut dyn FnMut(usize, bool, Held<'a>)) {
    match body {
        SetExpr::Select(select) => {
            of_from(&select.from, level + 1, add);
            let per_row = !select.from.is_empty();
            let rest = select.filter.iter().chain(&select.group_by).chain(&select.having).chain(&select.distinct_on);
            for expr in rest.chain(select.targets.iter().map(|target| &target.expr)) {
                add(level + 1, per_row, Held::Expr(expr));
            }
        }
        SetExpr::Values(rows) => rows.iter().flatten().for_each(|expr| add(level + 1, false, Held::Expr(expr))),
        SetExpr::Set { left, right, .. } => {
            of_body(left, level, add);
            of_body(right, level, add);
        }
        SetExpr::Query(query) => add(level, false, Held::Query(query)),
        SetExpr::Data(_) => {}
    }
}

fn of_from<'a>(items: &'a [FromItem], level: usize, add: &mut dyn FnMut(usize, bool, Held<'a>)) {
    for item in items {
        match &item.relation {
            FromRelation::Table { .. } => {}
            FromRelation::Query(query) => add(level, false, Held::Query(query)),
            // the call itself is a relation and cannot be wrapped in a subquery
            FromRelation::Function { calls, .. } => {
                calls.iter().for_each(|call| call.each_child(&mut |argument| add(level, false, Held::Expr(argument))));
            }
            FromRelation::Join(inner) => of_from(inner, level, add),
        }
        if let Some(on) = &item.on {
            add(level, true, Held::Expr(on));
        }
    }
}

/// Visits every column reference in an expression with its scope, or `None` if the scope is unknown.
pub fn columns<'a>(expr: &'a Expr, level: usize, found: &mut dyn FnMut(&'a Expr, Option<usize>)) {
    match &expr.kind {
        ExprKind::Column { binding: Binding::Column { depth, .. }, .. } => found(expr, level.checked_sub(*depth as usize)),
        ExprKind::Column { .. } => found(expr, None),
        _ => {}
    }
    expr.each_child(&mut |child| columns(child, level, found));
    if let Some(query) = expr.query() {
        columns_of(query, level, found);
    }
}

fn columns_of<'a>(query: &'a Query, level: usize, found: &mut dyn FnMut(&'a Expr, Option<usize>)) {
    for part in parts(query, level) {
        match part.node {
            Held::Expr(expr) => columns(expr, part.level, found),
            Held::Query(query) => columns_of(query, part.level, found),
        }
    }
}

/// Returns the scopes of the columns in an expression.
fn scopes(expr: &Expr, level: usize) -> Vec<Option<usize>> {
    let mut out = Vec::new();
    columns(expr, level, &mut |_, scope| out.push(scope));
    out
}

/// Returns the surrounding scopes that a query reads from.
pub fn outer_scopes(query: &Query, level: usize) -> Vec<usize> {
    let mut out = Vec::new();
    columns_of(query, level, &mut |_, scope| out.extend(scope.filter(|scope| *scope <= level)));
    out
}

/// Returns whether a value depends on a row of any surrounding scope.
pub fn depends_on_row(expr: &Expr) -> bool {
    names_row(expr, 0)
}

/// Returns whether an expression at a nesting level reads, or may read, the row of the policy's table.
pub fn names_row(expr: &Expr, level: usize) -> bool {
    scopes(expr, level).iter().any(|scope| scope.is_none_or(|scope| scope == 0))
}

/// Returns a select without grouping, ordering or limits. PostgreSQL can convert its outer references to a lookup.
pub fn plain(query: &Query) -> Option<&Select> {
    let SetExpr::Select(select) = &query.body else { return None };
    let whole = query.with.is_empty() && !query.locks && query.offset.is_none();
    let limited = query.limit.as_ref().is_some_and(|limit| !matches!(&limit.kind, ExprKind::Number(number) if number != "0"));
    (whole && !limited && select.group_by.is_empty() && select.having.is_none()).then_some(select)
}

/// Returns whether `conjunct` is an equality between the outer row and the subquery.
pub fn is_tie(conjunct: &Expr, level: usize) -> bool {
    let all = |expr: &Expr, own: bool| {
        let scopes = scopes(expr, level + 1);
        let fits = |scope: &Option<usize>| scope.is_some_and(|scope| if own { scope > level } else { scope <= level });
        expr.queries().is_empty() && !scopes.is_empty() && scopes.iter().all(fits)
    };
    conjunct.equality().is_some_and(|(left, right)| (all(left, true) && all(right, false)) || (all(left, false) && all(right, true)))
}

/// Returns whether PostgreSQL can answer an EXISTS on this query, at this nesting level, from a hash table.
pub fn is_hashable(query: &Query, level: usize) -> bool {
    let Some(select) = plain(query) else { return false };
    let tied = |expr: &Expr| scopes(expr, level + 1).contains(&Some(level));
    let mut from_tied = false;
    of_from(&select.from, level + 1, &mut |at, _, held| {
        from_tied |= match held {
            Held::Expr(expr) => scopes(expr, at).contains(&Some(level)),
            Held::Query(query) => outer_scopes(query, at).contains(&level),
        }
    });
    !from_tied && select.filter.iter().flat_map(Expr::conjuncts).all(|conjunct| !tied(conjunct) || is_tie(conjunct, level))
}
