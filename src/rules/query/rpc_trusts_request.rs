//! Calls of the service role that pass an id of the request to a function that trusts it.

use super::report;
use crate::analysis::app_query::function::called;
use crate::analysis::app_query::{AppQuery, all};
use crate::analysis::definer::{Touches, checks_caller};
use crate::analysis::identity_argument::is_identity;
use crate::analysis::tenant::tenant_columns;
use crate::rules::prelude::*;
use supalint_queries::shape::{self, ClientKind, Command as AppCommand, Origin as ValueOrigin, ValueKind};

rule!("query/rpc-trusts-request", Security, Warn, Schema(check));

fn check(cx: &mut Cx) {
    let tenants = tenant_columns(cx);
    for query in all(cx) {
        if query.query.client.kind != ClientKind::ServiceRole || query.query.command != AppCommand::Call {
            continue;
        }
        let Some(function) = called(cx, query.query).filter(|_| !is_checked(cx, query)) else { continue };
        for entry in query.query.payload.iter().flat_map(|payload| &payload.entries) {
            let argument = function.inputs().find(|argument| argument.name.as_ref() == Some(&entry.key.text));
            let Some(argument) = argument.filter(|_| entry.value.kind == ValueKind::Dynamic(ValueOrigin::Request)) else { continue };
            if checks_caller(cx, function) || is_question(function) || !is_identity(cx, function, argument, &tenants) {
                continue;
            }
            let touches = Touches::of(cx, function);
            let Some(rows) = &touches.rows else { continue };
            let verb = if touches.writes { "change" } else { "read" };
            let message = format!(
                "`{}` trusts `{}`, which comes from the request: a caller can pass any id and {verb} rows of `{rows}`",
                function.display(),
                entry.key.text
            );
            report(cx, About::function(function), query, entry.value.span, message)
                .discriminate(&entry.key.text)
                .help("Take the id from the verified session (`auth.getUser()`), or check that the user may use it.")
                .because(argument.at, "the function does not check this argument");
        }
    }
}

/// Returns whether a function answers yes or no, so that the call may be the check.
fn is_question(function: &Function) -> bool {
    function.returns.as_ref().is_some_and(|ty| ty.is("boolean") && !ty.setof)
}

/// Returns whether the code may check the id before the call: a condition on an earlier query, or an earlier query about the user.
fn is_checked(cx: &Cx, query: AppQuery) -> bool {
    let is_before = |other: &AppQuery| {
        other.file == query.file
            && other.query.flow.function == query.query.flow.function
            && other.query.span.start < query.query.span.start
    };
    !query.query.flow.guards.is_empty() || all(cx).filter(is_before).any(|other| uses_user(other.query))
}

/// Returns whether a query uses the id of the signed-in user.
fn uses_user(query: &shape::Query) -> bool {
    let is_user = |value: &shape::Value| value.kind == ValueKind::Dynamic(ValueOrigin::SignedInUser);
    let in_filters = query.filters.iter().any(|condition| match &condition.kind {
        shape::ConditionKind::Compare(filter) => is_user(&filter.value),
        _ => false,
    });
    in_filters || query.payload.iter().flat_map(|payload| &payload.entries).any(|entry| is_user(&entry.value))
}
