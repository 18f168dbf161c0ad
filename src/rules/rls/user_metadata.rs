//! Policies that trust metadata that users write themselves.

use crate::analysis::identity_helpers::is_auth_call;
use crate::rules::prelude::*;

rule!("rls/user-metadata", Security, Error, Schema(check));

fn check(cx: &mut Cx) {
    for (table, policy) in cx.policies() {
        let direct = policy.clauses().find_map(|(_, clause)| Some((clause, trusting(&clause.root)?)));
        if let Some((clause, expr)) = direct {
            report(cx, table, policy, clause.at(expr), None);
            continue;
        }
        let called = policy
            .clauses()
            .find_map(|(_, clause)| clause.root.all().into_iter().find_map(|expr| Some((clause.at(expr), through(cx, expr.as_call()?)?))));
        if let Some((at, (function, inside))) = called {
            report(cx, table, policy, at, Some((function, inside)));
        }
    }
}

/// Returns the function of the project that a call runs and that reads the metadata, and the location in it.
fn through<'a>(cx: &Cx<'a>, call: &Call) -> Option<(&'a Function, Site)> {
    let callable = cx.catalog.callable(&call.name, call.args.len());
    let [function] = callable.as_slice() else { return None };
    let function: &'a Function = function;
    if function.at.is_platform() || function.of_extension {
        return None;
    }
    cx.code_of(function).find_map(|(origin, code)| {
        let mut found = None;
        code.walk(&mut |node| {
            if let Node::Expr(expr) = node {
                found = found.or_else(|| is_trusting(expr).then(|| origin.at(expr.span)));
            }
            Walk::Into
        });
        Some((function, found?))
    })
}

fn trusting(root: &Expr) -> Option<&Expr> {
    root.all().into_iter().find(|expr| is_trusting(expr))
}

/// Returns whether an expression is `auth.jwt() -> 'user_metadata'`, or the column `raw_user_meta_data` of `auth.users`.
fn is_trusting(expr: &Expr) -> bool {
    match &expr.kind {
        ExprKind::Binary { op, left, right } if matches!(op.as_str(), "->" | "->>" | "#>" | "#>>") => {
            let names = right.as_str().is_some_and(|key| key == "user_metadata" || key.starts_with("{user_metadata"))
                || matches!(&right.uncast().kind, ExprKind::Array(keys) if keys.first().and_then(Expr::as_str) == Some("user_metadata"));
            names && left.all().into_iter().filter_map(Expr::as_call).any(is_auth_call)
        }
        ExprKind::Column { .. } => expr.column() == Some("raw_user_meta_data"),
        _ => false,
    }
}

fn report(cx: &mut Cx, table: &Table, policy: &Policy, at: Site, function: Option<(&Function, Site)>) {
    let name = &table.name;
    let through = function.map(|(function, _)| format!(" through `{}`", function.name)).unwrap_or_default();
    let message = format!(
        "policy \"{}\" on `{name}` trusts user_metadata{through}: each user can set it with `supabase.auth.updateUser` and gain what the policy allows",
        policy.name
    );
    let draft = cx.report((table, policy), at, message);
    draft.given(table.rls.certainty).help(
        "Use app_metadata, which only server code can write: `(select auth.jwt()) -> 'app_metadata'`. Or look the value up in a table that users cannot write.",
    );
    match function {
        Some((_, inside)) => drop(draft.because(inside, "reads what users write")),
        None => {
            draft.label("users write this themselves");
            draft.advisor(
                "rls_references_user_metadata",
                format!("rls_references_user_metadata_{}_{}_{}", name.schema, name.name, policy.name),
            );
        }
    }
}
