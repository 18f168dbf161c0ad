//! SECURITY DEFINER functions that read a table for a policy without applying the policies of that table.
//!
//! Promises: the function returns what the subquery of the policy returned, without the effect of policies on the tables that it reads.
//! Limits: the subquery must not depend on the row, and all its names must be qualified or built in.

use super::policy_edit::{Edits, alter, whole};
use super::restore::role_name;
use crate::analysis::eval_frequency::outer_scopes;
use crate::analysis::pinned_path::is_builtin;
use crate::analysis::policy_reads::Reading;
use crate::analysis::prelude::*;

pub struct Helper {
    pub title: String,
    pub check: String,
    pub steps: Vec<Step>,
}

/// Returns the statements that break a circle of policies at one reading.
pub fn definer_helper(cx: &State, circle: &[Reading]) -> Option<Helper> {
    circle.iter().find_map(|reading| match reading.function {
        Some((function, _)) => as_definer(cx, function),
        None => moved(cx, reading),
    })
}

/// Returns the change of a function with the rights of its caller, if it only finds out about the caller and its path is fixed.
fn as_definer(cx: &State, function: &Function) -> Option<Helper> {
    let reads = cx.code_of(function).all(|(_, code)| matches!(code, Code::Data(Data::Query(_)) | Code::Query(_) | Code::Expr(_)));
    if function.security_definer.value
        || !reads
        || function.setting("search_path").is_none()
        || !cx.identity_helpers().identifies_caller(function)
    {
        return None;
    }
    let name = function.quoted();
    Some(Helper {
        title: format!("Declare `{}` SECURITY DEFINER", function.display()),
        check: "Check that the function returns only what its caller may know.".into(),
        steps: vec![
            Step::batch(Phase::Function, format!("alter function {name} security definer;"))
                .undo(format!("alter function {name} security invoker;")),
        ],
    })
}

/// Returns the move of a subquery into a function.
fn moved(cx: &State, reading: &Reading) -> Option<Helper> {
    let (table, policy) = (reading.table, reading.policy);
    if cx.may_have_changed(policy) || policy.certainty != Certainty::Certain {
        return None;
    }
    let schema = "private";
    if cx.is_exposed(schema) {
        return None;
    }
    let clauses: Vec<&Expression> = policy.clauses().map(|(_, clause)| clause).collect();
    let (at, query) = clauses.iter().enumerate().find_map(|(at, clause)| Some((at, subquery(clause, reading)?)))?;
    let clause = clauses[at];
    let ty = column_type(cx, query)?;
    if !outer_scopes(query, 0).is_empty() || !is_self_contained(query) || !cx.identity_helpers().in_query(query) {
        return None;
    }
    let name = derived_name(&reading.reads.name.name, "", "of_caller");
    let named = QName::new(schema, name.clone());
    if cx.catalog.functions.contains(&named) {
        return None;
    }
    let mut body = clause.clone();
    body.site.span = query.span;
    body.renamed.retain(|(span, _)| query.span.contains(*span));
    body.root = std::sync::Arc::new(Expr::new(query.span, ExprKind::Subquery(Box::new(query.clone()))));
    let text = whole(cx, &body, &qualified(query));
    let mut edits = vec![Edits::new(); clauses.len()];
    edits[at].push((query.span, format!("select {}()", named.quoted())));
    let roles: Vec<String> = match policy.roles.iter().any(|role| role == "public") {
        true => API_ROLES.map(str::to_string).to_vec(),
        false => policy.roles.iter().map(|role| role_name(role)).collect(),
    };
    let roles = roles.join(", ");
    let function = named.quoted();
    let mut steps = Vec::new();
    if !cx.catalog.schemas.contains(&schema.into()) {
        steps.push(Step::batch(Phase::Function, format!("create schema {schema};")).undo(format!("drop schema {schema};")));
    }
    let create = format!(
        "create function {function}() returns setof {ty}\n  language sql stable security definer set search_path = ''\nas $$\n  {text}\n$$;"
    );
    steps.push(Step::batch(Phase::Function, create).undo(format!("drop function {function}();")));
    steps.push(Step::batch(Phase::Function, format!("revoke execute on function {function}() from public;")));
    steps.push(Step::batch(Phase::Function, format!("grant usage on schema {schema} to {roles};")));
    steps.push(Step::batch(Phase::Function, format!("grant execute on function {function}() to {roles};")));
    steps.push(alter(cx, table, policy, &edits));
    Some(Helper {
        title: format!("Read `{}` in a SECURITY DEFINER function", reading.reads.name),
        check: format!("Check that the function returns only rows of the caller. It reads `{}` without its policies.", reading.reads.name),
        steps,
    })
}

/// Returns the innermost query that contains a reading.
fn subquery<'e>(clause: &'e Expression, reading: &Reading) -> Option<&'e Query> {
    if clause.site.file != reading.at.file || !clause.site.span.contains(reading.at.span) {
        return None;
    }
    let found = clause.root.queries().into_iter().filter(|query| query.span.contains(reading.at.span));
    found.min_by_key(|query| query.span.end - query.span.start)
}

/// Returns the type of the only column of a plain query, if the column belongs to a table.
fn column_type(cx: &State, query: &Query) -> Option<SmolStr> {
    let select = query.select().filter(|_| query.with.is_empty())?;
    let [target] = select.targets.as_slice() else { return None };
    let ExprKind::Column { path, binding: Binding::Column { depth: 0, relation: Some(relation) } } = &target.expr.kind else { return None };
    let table = cx.catalog.table(&QName::new(relation.0.clone(), relation.1.clone()))?;
    Some(table.column(path.last()?)?.ty.canonical())
}

/// Returns whether a query means the same with an empty search path, apart from its tables.
fn is_self_contained(query: &Query) -> bool {
    let mut contained = true;
    query.walk(&mut |node| {
        contained &= match node {
            Node::Expr(Expr { kind: ExprKind::Call(call), .. }) => call.name.parts.len() > 1 || is_builtin(call.name.last()),
            Node::Expr(Expr { kind: ExprKind::Cast { expr, .. }, .. }) => expr.as_call().is_some(),
            Node::From(item) => matches!(item.relation, FromRelation::Table { .. }),
            _ => true,
        };
        Walk::Into
    });
    contained
}

/// Returns the edits that qualify the tables of a query.
fn qualified(query: &Query) -> Edits {
    let mut out = Edits::new();
    query.walk(&mut |node| {
        if let Node::From(FromItem { relation: FromRelation::Table { name, bound: Some(bound) }, .. }) = node
            && name.parts.len() == 1
        {
            out.push((name.span(), QName::new(bound.0.clone(), bound.1.clone()).quoted()));
        }
        Walk::Into
    });
    out
}
