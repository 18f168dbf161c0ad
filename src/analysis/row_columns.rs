//! References to the row of a policy in an expression, at any nesting level.

use crate::analysis::prelude::*;

/// Returns the columns of the policy's row in an expression, each with its node.
pub fn row_columns<'e>(expr: &'e Expr, table: &Table, depth: u16) -> Vec<(&'e str, &'e Expr)> {
    let mut out = Vec::new();
    each_row_column(expr, table, depth, &mut |name, node| out.push((name, node)));
    out
}

fn each_row_column<'e>(expr: &'e Expr, table: &Table, depth: u16, visit: &mut dyn FnMut(&'e str, &'e Expr)) {
    if let Some(name) = row_column(expr, table, depth) {
        visit(name, expr);
    }
    expr.each_child(&mut |child| each_row_column(child, table, depth, visit));
    if let Some(query) = expr.query() {
        in_query(query, depth, &mut |inner, depth| each_row_column(inner, table, depth, visit));
    }
}

/// Visits the expressions of a query, each with its nesting level.
pub fn in_query<'e>(query: &'e Query, depth: u16, visit: &mut dyn FnMut(&'e Expr, u16)) {
    for cte in &query.with {
        if let Data::Query(inner) = &cte.body {
            in_query(inner, depth, visit);
        }
    }
    for select in query.body.selects() {
        let inside = depth + 1;
        for item in select.from.iter().flat_map(FromItem::tables) {
            match &item.relation {
                FromRelation::Query(inner) => in_query(inner, inside, visit),
                FromRelation::Function { calls, .. } => calls.iter().for_each(|call| visit(call, inside)),
                FromRelation::Table { .. } | FromRelation::Join(_) => {}
            }
            item.on.iter().for_each(|on| visit(on, inside));
        }
        select.targets.iter().for_each(|target| visit(&target.expr, inside));
        select.filter.iter().chain(&select.having).for_each(|expr| visit(expr, inside));
    }
}

/// Returns the name of a column of the policy's row.
pub fn row_column<'e>(expr: &'e Expr, table: &Table, depth: u16) -> Option<&'e str> {
    match &expr.uncast().kind {
        ExprKind::Column { path, binding: Binding::Column { depth: bound, relation: Some(relation) } }
            if *bound == depth && relation.0 == table.name.schema && relation.1 == table.name.name =>
        {
            path.last().map(SmolStr::as_str)
        }
        _ => None,
    }
}

/// Returns whether an expression handles NULL in the column explicitly.
pub fn handles_null(expr: &Expr, table: &Table, column: &str) -> bool {
    let is = |expr: &Expr, depth| row_column(expr, table, depth) == Some(column);
    let mut found = false;
    let mut look = |expr: &Expr, depth: u16| {
        found |= match &expr.kind {
            ExprKind::IsNull { expr, negated: false } => is(expr, depth),
            ExprKind::Call(call) if call.name.last() == "coalesce" => call.args.iter().any(|arg| is(&arg.value, depth)),
            ExprKind::Binary { op, left, right } if op == "is not distinct from" => is(left, depth) || is(right, depth),
            _ => false,
        };
    };
    deep(expr, 0, &mut look);
    found
}

pub fn deep<'e>(expr: &'e Expr, depth: u16, visit: &mut dyn FnMut(&'e Expr, u16)) {
    visit(expr, depth);
    expr.each_child(&mut |child| deep(child, depth, visit));
    if let Some(query) = expr.query() {
        in_query(query, depth, &mut |inner, depth| deep(inner, depth, visit));
    }
}
