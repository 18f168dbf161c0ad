//! Policy subqueries that run once per row. PostgreSQL can answer an EXISTS from a hash table if equalities in its WHERE are its only
//! dependencies on the row. Other forms of the same condition run once per row.

use crate::analysis::eval_frequency::{is_hashable, is_tie, names_row, outer_scopes, plain};
use crate::analysis::single_row::is_one_row;
use crate::remedy::policy_edit::{Edits, alter, in_place, rests_on_text, text, without};
use crate::remedy::wrapped_call::wrapped;
use crate::rules::prelude::*;

rule!("rls/correlated-subquery", Performance, Warn, Schema(check), fixable);

/// A subquery that can be written as an EXISTS with all dependencies in WHERE.
pub struct Shape<'a> {
    /// Range of the whole condition.
    node: Span,
    query: &'a Query,
    form: Form<'a>,
}

#[derive(Clone, Copy)]
enum Form<'a> {
    Exists,
    In(&'a Expr),
    /// A scalar subquery: `(select …) = …`.
    Value(&'a Expr),
    /// A count: `(select count(*) …) > 0`.
    Count,
}

impl Form<'_> {
    fn why(self) -> &'static str {
        match self {
            Form::Exists => "the ON of a join in it uses the row",
            Form::In(_) => "the subquery after IN uses the row",
            Form::Value(_) => "it looks up a value for the row",
            Form::Count => "it counts all matches although one is enough",
        }
    }
}

fn check(cx: &mut Cx) {
    for (table, policy) in cx.policies() {
        let Some(using) = &policy.using else { continue };
        match rewrite(cx, table, policy) {
            Some((found, edits)) => curable(cx, table, policy, using, &found, edits),
            None => others(cx, table, policy, using),
        }
    }
}

fn curable(cx: &mut Cx, table: &Table, policy: &Policy, using: &Expression, found: &[Shape], edits: Edits) {
    let (first, rest) = found.split_first().expect("a rewrite has something to rewrite");
    let at = |shape: &Shape| using.site.in_same_file(shape.node);
    let rows = &table.name.name;
    let message =
        format!("policy \"{}\" on `{}` runs a subquery once per row of `{rows}`, because {}", policy.name, table.name, first.form.why());
    let (step, rewrite) = (alter(cx, table, policy, std::slice::from_ref(&edits)), in_place(using, &edits));
    let (safety, known) = rests_on_text(cx, policy, Safety::Review);
    let draft = cx.report((table, policy), at(first), message);
    draft.label(format!("runs once per row of `{rows}`")).given(table.rls.certainty).given(known);
    for shape in rest {
        draft.because(at(shape), "another such subquery");
    }
    draft
        .help("Write `exists (select 1 from … where …)` with every comparison with the row in its WHERE. PostgreSQL then reads the tables of the subquery once.")
        .fix(safety, format!("Use EXISTS in policy \"{}\"", policy.name), [step])
        .rewrite(rewrite);
}

/// Reports subqueries that run for each row and have no automatic fix.
fn others(cx: &mut Cx, table: &Table, policy: &Policy, using: &Expression) {
    let mut found: Vec<&Expr> = Vec::new();
    using.root.walk(&mut |node| match node {
        Node::Expr(expr) => {
            let hashed = |query| matches!(expr.kind, ExprKind::Exists { .. }) && is_hashable(query, 0);
            // a lookup of a value needs a run per row, and a subquery without tables costs little
            let reads = |query: &Query| !matches!(expr.kind, ExprKind::Subquery(_)) && reads_tables(query);
            found.extend(expr.query().filter(|query| reads(query) && !outer_scopes(query, 0).is_empty() && !hashed(query)).map(|_| expr));
            Walk::Into
        }
        Node::Query(_) | Node::From(_) => Walk::Over,
    });
    let Some(first) = found.first() else { return };
    if policy.command == Command::Insert || is_endless(table, policy, &using.root) {
        return;
    }
    let rows = &table.name.name;
    let message = format!(
        "policy \"{}\" on `{}` runs a subquery once per row of `{rows}`, because it uses the row not only in equalities in its WHERE",
        policy.name, table.name
    );
    cx.report((table, policy), using.at(first), message)
        .severity(Severity::Info)
        .label(format!("runs once per row of `{rows}`"))
        .given(table.rls.certainty)
        .help("Start from a column of the row: `column in (select … where user_id = (select auth.uid()))`. PostgreSQL then reads the tables of the subquery once.");
}

/// Returns whether a query reads tables and returns one of their columns. `rls/self-comparison` reports a query that returns a column of
/// the row.
fn reads_tables(query: &Query) -> bool {
    let selects = query.body.selects();
    let is_table = |item: &&FromItem| matches!(item.relation, FromRelation::Table { .. });
    let of_row = |target: &Target| matches!(target.expr.uncast().kind, ExprKind::Column { .. }) && names_row(&target.expr, 1);
    selects.iter().any(|select| select.from.iter().flat_map(FromItem::tables).any(|item| is_table(&item)))
        && !selects.iter().any(|select| select.targets.iter().any(of_row))
}

/// Returns whether a SELECT policy reads its own table, which PostgreSQL rejects.
fn is_endless(table: &Table, policy: &Policy, root: &Expr) -> bool {
    let mut own = false;
    root.walk(&mut |node| {
        if let Node::From(FromItem { relation: FromRelation::Table { bound: Some(bound), .. }, .. }) = node {
            own |= table.name.is(&bound.0, &bound.1);
        }
        Walk::Into
    });
    own && matches!(policy.command, Command::Select | Command::All)
}

/// Returns the avoidable subqueries per row of USING, and the replacements that fix them and wrap bare calls.
pub fn rewrite<'a>(cx: &Cx, table: &Table, policy: &'a Policy) -> Option<(Vec<Shape<'a>>, Edits)> {
    let using = policy.using.as_ref().filter(|using| policy.command != Command::Insert && !is_endless(table, policy, &using.root))?;
    let mut shapes = Vec::new();
    collect(&using.root, &mut shapes);
    let wraps = wrapped(cx, using);
    let mended: Vec<(Shape, Edits)> =
        shapes.into_iter().filter_map(|shape| mend(cx, table, using, &shape, &wraps).map(|edits| (shape, edits))).collect();
    let (found, edits): (Vec<Shape>, Vec<Edits>) = mended.into_iter().unzip();
    let mut edits: Edits = edits.into_iter().flatten().collect();
    let untouched = |wrap: &&(Span, String)| !edits.iter().any(|(span, _)| span.contains(wrap.0));
    let beside: Edits = wraps.iter().filter(untouched).cloned().collect();
    edits.extend(beside);
    (!found.is_empty()).then_some((found, edits))
}

/// Collects subqueries for which false and NULL have the same effect: those under AND and OR only.
fn collect<'a>(expr: &'a Expr, out: &mut Vec<Shape<'a>>) {
    let (query, form) = match &expr.kind {
        ExprKind::Logic { left, right, .. } => {
            collect(left, out);
            return collect(right, out);
        }
        ExprKind::Exists { query, negated: false } => (query, Form::Exists),
        ExprKind::InQuery { expr: left, query, negated: false } => (query, Form::In(left)),
        ExprKind::Quantified { left, op, all: false, right } if op == "=" => match &right.kind {
            ExprKind::Subquery(query) => (query, Form::In(left)),
            _ => return,
        },
        ExprKind::Binary { op, left, right } => match (op.as_str(), &left.kind, &right.kind) {
            (">", ExprKind::Subquery(query), ExprKind::Number(least)) if least == "0" => (query, Form::Count),
            (">=", ExprKind::Subquery(query), ExprKind::Number(least)) if least == "1" => (query, Form::Count),
            ("=", ExprKind::Subquery(query), _) => (query, Form::Value(right)),
            ("=", _, ExprKind::Subquery(query)) => (query, Form::Value(left)),
            _ => return,
        },
        _ => return,
    };
    out.push(Shape { node: expr.span, query, form });
}

fn mend(cx: &Cx, table: &Table, using: &Expression, shape: &Shape, wraps: &Edits) -> Option<Edits> {
    let query = shape.query;
    let select = plain(query).filter(|_| query.order_by.is_empty() && query.limit.is_none() && !outer_scopes(query, 0).is_empty())?;
    let reads: Vec<&FromItem> = select.from.iter().flat_map(FromItem::tables).collect();
    let mut edits = Edits::new();
    let mut ties: Vec<String> = Vec::new();
    for item in &select.from {
        let plain_item = matches!(&item.relation, FromRelation::Table { .. });
        let on: Vec<&Expr> = item.on.iter().flat_map(Expr::conjuncts).filter(|conjunct| names_row(conjunct, 1)).collect();
        if !plain_item || (!on.is_empty() && (item.join != Some(JoinKind::Inner) || !on.iter().all(|conjunct| is_tie(conjunct, 0)))) {
            return None;
        }
        for conjunct in &on {
            ties.push(text(cx, using, conjunct.span, wraps));
            let alone = on.len() > 1 || item.on.iter().flat_map(Expr::conjuncts).count() == 1;
            edits.push(match alone {
                true => (conjunct.span, "true".into()),
                false => (without(cx, using, item.on.as_ref()?, conjunct)?, String::new()),
            });
        }
    }
    let is_exists = matches!(shape.form, Form::Exists);
    // in an outer join, a condition in WHERE differs from one in ON
    let keeps_all = |item: &FromItem| !matches!(item.join, None | Some(JoinKind::Inner | JoinKind::Cross));
    if (!ties.is_empty() && select.from.iter().any(keeps_all)) || (is_exists && ties.is_empty()) {
        return None;
    }
    let conjuncts: Vec<&Expr> = select.filter.iter().flat_map(Expr::conjuncts).collect();
    if conjuncts.iter().any(|conjunct| names_row(conjunct, 1) && !is_tie(conjunct, 0)) {
        return None;
    }
    let [target] = select.targets.as_slice() else { return None };
    match shape.form {
        Form::Exists => {}
        Form::Count => {
            target.expr.as_call().filter(|call| call.name.last() == "count" && !names_row(&target.expr, 1) && call.filter.is_none())?;
        }
        Form::In(other) | Form::Value(other) => {
            let is_column = matches!(target.expr.uncast().kind, ExprKind::Column { binding: Binding::Column { depth: 0, .. }, .. });
            if !is_column || (matches!(shape.form, Form::Value(_)) && !is_one_row(cx, &reads, &conjuncts)) {
                return None;
            }
            ties.push(format!("{} = {}", text(cx, using, target.expr.span, wraps), other_text(cx, table, using, other, &reads, wraps)?));
        }
    }
    let filter = select.filter.as_ref();
    let mut tail = String::new();
    let is_or = |filter: &&Expr| matches!(filter.kind, ExprKind::Logic { op: Logic::Or, .. }) && filter.span.end == query.span.end;
    if let Some(filter) = filter.filter(is_or).filter(|_| !ties.is_empty()) {
        edits.push((filter.span, format!("({})", text(cx, using, filter.span, wraps))));
    }
    for (at, tie) in ties.iter().enumerate() {
        tail.push_str(if at == 0 && filter.is_none() { " where " } else { " and " });
        tail.push_str(tie);
    }
    if is_exists {
        edits.push((Span::new(query.span.end, query.span.end), tail));
    } else {
        edits.push((Span::new(shape.node.start, select.from.first()?.span.start), "exists (select 1 from ".into()));
        edits.push((Span::new(query.span.end, shape.node.end), format!("{tail})")));
    }
    Some(edits)
}

/// Returns the other side of the comparison as it has to be written inside the subquery.
fn other_text(cx: &Cx, table: &Table, using: &Expression, other: &Expr, reads: &[&FromItem], wraps: &Edits) -> Option<String> {
    let plain = text(cx, using, other.span, wraps);
    if !names_row(other, 0) {
        return Some(plain);
    }
    let shadowed = reads.iter().any(|item| item.reference() == Some(&table.name.name));
    let column = other.column().filter(|_| !shadowed)?;
    Some(format!("{}.{}", quote_ident(&table.name.name), quote_ident(column)))
}
