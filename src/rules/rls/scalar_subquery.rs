//! Policies that compare a value with a subquery that can return several rows, which is an error.

use crate::analysis::single_row::is_one_row;
use crate::remedy::policy_edit::{Edits, alter, in_place, rests_on_text};
use crate::rules::prelude::*;

rule!("rls/scalar-subquery", Integrity, Warn, Schema(check), fixable);

/// A comparison with a subquery.
struct Found<'a> {
    whole: &'a Expr,
    query: &'a Query,
    /// Table that the subquery reads.
    table: &'a Table,
    /// Range of the operator, if IN can replace it.
    operator: Option<Span>,
}

fn check(cx: &mut Cx) {
    for (table, policy) in cx.policies() {
        let clauses: Vec<&Expression> = policy.clauses().map(|(_, clause)| clause).collect();
        for (at, clause) in clauses.iter().enumerate() {
            let mut found = Vec::new();
            search(cx, &clause.root, true, &mut found);
            if let Some(first) = found.first() {
                report(cx, table, policy, (at, clause, clauses.len()), first);
                break;
            }
        }
    }
}

/// Searches comparisons. `plain` is whether false and NULL have the same effect, so that IN can replace `=`.
fn search<'a>(cx: &Cx<'a>, expr: &'a Expr, plain: bool, out: &mut Vec<Found<'a>>) {
    if let Some((left, right)) = expr.equality() {
        for (value, side) in [(left, right), (right, left)] {
            let ExprKind::Subquery(query) = &side.kind else { continue };
            if let Some(table) = several(cx, query) {
                let is_right = std::ptr::eq(side, right);
                let operator = (plain && is_right).then(|| Span::new(value.span.end, side.span.start));
                out.push(Found { whole: expr, query, table, operator });
            }
        }
    }
    let plain = plain && matches!(expr.kind, ExprKind::Logic { .. });
    expr.each_child(&mut |child| search(cx, child, plain, out));
}

/// Returns the only table of a subquery that can return several of its rows.
fn several<'a>(cx: &Cx<'a>, query: &Query) -> Option<&'a Table> {
    let select = query.select().filter(|_| query.limit.is_none() && query.with.is_empty())?;
    let [item] = select.from.as_slice() else { return None };
    let FromRelation::Table { bound: Some(bound), .. } = &item.relation else { return None };
    let table = cx.catalog.table(&QName::new(bound.0.clone(), bound.1.clone())).filter(|table| is_known(table))?;
    let [target] = select.targets.as_slice() else { return None };
    let is_column = matches!(target.expr.uncast().kind, ExprKind::Column { .. });
    let conjuncts: Vec<&Expr> = select.filter.iter().flat_map(Expr::conjuncts).collect();
    let grouped = !select.group_by.is_empty() || select.having.is_some();
    // a partial unique index may be meant for just these rows
    let partial = table.indexes.iter().any(|index| index.unique && index.predicate.is_some());
    (is_column && !grouped && !partial && !is_one_row(cx, &[item], &conjuncts)).then_some(table)
}

fn is_known(table: &Table) -> bool {
    !table.external && !table.created.is_platform() && table.certainty == Certainty::Certain
}

fn report(cx: &mut Cx, table: &Table, policy: &Policy, (at, clause, count): (usize, &Expression, usize), found: &Found) {
    let message = format!(
        "policy \"{}\" on `{}` compares a value with a subquery on `{}` that can return several rows: queries then fail with 21000 (more than one row returned by a subquery used as an expression)",
        policy.name, table.name, found.table.name
    );
    let edits: Option<Edits> = found.operator.map(|operator| vec![(operator, " in ".to_string())]);
    let cure = edits.map(|edits| {
        let mut all = vec![Edits::new(); count];
        all[at] = edits.clone();
        (alter(cx, table, policy, &all), in_place(clause, &edits))
    });
    let (safety, known) = rests_on_text(cx, policy, Safety::Review);
    let site = clause.at(found.whole);
    let draft = cx.report((table, policy), site, message);
    draft
        .label("fails with two rows")
        .because(clause.site.in_same_file(found.query.span), "no key limits this subquery to one row")
        .given(table.rls.certainty)
        .given(known)
        .cause(
            found.table.name.to_string(),
            format!("policy compares a value with a subquery on `{}` that can return several rows", found.table.name),
            format!("policies compare a value with a subquery on `{}` that can return several rows", found.table.name),
        )
        .help("Use IN, which accepts any number of rows, or add a unique constraint if there is only one row.");
    if let Some((step, rewrite)) = cure {
        draft
            .fix(safety, format!("Use IN in policy \"{}\"", policy.name), [step])
            .check("Check that users with several rows may have access to what each of them allows.")
            .rewrite(rewrite);
    }
}
