//! How often PostgreSQL evaluates what stands in a policy, told from where it stands.
//!
//! Promises: a scope is the rows of one query, counted as the binder counts them; 0 is the policy's own table. A subquery that needs
//! no row from outside runs once. So does an EXISTS whose only ties to its surroundings are equalities of its WHERE: PostgreSQL
//! keeps its answers in a hash table. Any other subquery runs again for each row that it is tied to.
//! Source: PostgreSQL's `make_subplan` and `convert_EXISTS_to_ANY`.

use crate::analysis::prelude::*;

/// From least to most.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Often {
    /// Per run of the statement.
    Once,
    /// Per row that a subquery reads.
    Inner,
    /// Per row of the policy's table, beside something that costs far more.
    Beside,
    /// Per row of the policy's table.
    Row,
}

/// What a query directly holds.
struct Part<'a> {
    level: usize,
    /// Evaluated for each row that the query reads, not once for each of its runs.
    per_row: bool,
    node: Held<'a>,
}

enum Held<'a> {
    Expr(&'a Expr),
    Query(&'a Query),
}

/// Visits the expressions of a clause. What the visitor returns bounds what stands inside; with none, that is passed over.
pub fn visit<'a>(root: &'a Expr, visitor: &mut dyn FnMut(&'a Expr, Often) -> Option<Often>) {
    Visit { scopes: vec![Often::Row], visitor }.expr(root, 0, Often::Row);
}

struct Visit<'v, 'a> {
    /// How often each scope around the place yields a row.
    scopes: Vec<Often>,
    visitor: &'v mut dyn FnMut(&'a Expr, Often) -> Option<Often>,
}

impl<'a> Visit<'_, 'a> {
    fn expr(&mut self, expr: &'a Expr, level: usize, most: Often) {
        let Some(most) = (self.visitor)(expr, self.scopes[level].min(most)) else { return };
        expr.each_child(&mut |child| self.expr(child, level, most));
        if let Some(query) = expr.query() {
            let hashed = matches!(expr.kind, ExprKind::Exists { .. }) && is_hashable(query, level);
            self.query(query, level, Often::Once, hashed, most);
        }
    }

    fn query(&mut self, query: &'a Query, level: usize, least: Often, hashed: bool, most: Often) {
        let ties = outer_scopes(query, level).into_iter().filter(|scope| !(hashed && *scope == level));
        let runs = ties.map(|scope| self.scopes[scope]).max().unwrap_or(Often::Once).max(least);
        for part in parts(query, level) {
            self.scopes.truncate(level + 1);
            if part.level > level {
                self.scopes.push(if part.per_row { runs.max(Often::Inner) } else { runs });
            }
            match part.node {
                Held::Expr(expr) => self.expr(expr, part.level, most),
                // it is run with the query around it
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
            // the call itself is a relation, which no sub-select can stand for
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

/// Every column reference in an expression, with its scope; none where that is not known.
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

/// Scopes of the columns in an expression.
fn scopes(expr: &Expr, level: usize) -> Vec<Option<usize>> {
    let mut out = Vec::new();
    columns(expr, level, &mut |_, scope| out.push(scope));
    out
}

/// Scopes around a query that it reads from.
pub fn outer_scopes(query: &Query, level: usize) -> Vec<usize> {
    let mut out = Vec::new();
    columns_of(query, level, &mut |_, scope| out.extend(scope.filter(|scope| *scope <= level)));
    out
}

/// Does the value depend on a row around it, whichever that is?
pub fn depends_on_row(expr: &Expr) -> bool {
    names_row(expr, 0)
}

/// Does an expression, in so many scopes, read the row of the policy's table, or what may be that?
pub fn names_row(expr: &Expr, level: usize) -> bool {
    scopes(expr, level).iter().any(|scope| scope.is_none_or(|scope| scope == 0))
}

/// A select that yields its rows as they are: PostgreSQL may turn its ties into a lookup.
pub fn plain(query: &Query) -> Option<&Select> {
    let SetExpr::Select(select) = &query.body else { return None };
    let whole = query.with.is_empty() && !query.locks && query.offset.is_none();
    let limited = query.limit.as_ref().is_some_and(|limit| !matches!(&limit.kind, ExprKind::Number(number) if number != "0"));
    (whole && !limited && select.group_by.is_empty() && select.having.is_none()).then_some(select)
}

/// Is `conjunct` an equality with the row outside on one side and the subquery's own on the other?
pub fn is_tie(conjunct: &Expr, level: usize) -> bool {
    let all = |expr: &Expr, own: bool| {
        let scopes = scopes(expr, level + 1);
        let fits = |scope: &Option<usize>| scope.is_some_and(|scope| if own { scope > level } else { scope <= level });
        expr.queries().is_empty() && !scopes.is_empty() && scopes.iter().all(fits)
    };
    conjunct.equality().is_some_and(|(left, right)| (all(left, true) && all(right, false)) || (all(left, false) && all(right, true)))
}

/// Can PostgreSQL answer an EXISTS over this query, which stands in so many scopes, from a hash table?
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
