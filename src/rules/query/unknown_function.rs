//! Calls of functions that do not exist, or do not have the arguments.

use super::{because_removed, quoted, report};
use crate::analysis::app_query::function::{Call, call, differences, is_callable};
use crate::analysis::app_query::near::near;
use crate::analysis::app_query::relation::removal;
use crate::analysis::app_query::{AppQuery, all};
use crate::catalog::creation_index::ObjectClass;
use crate::rules::prelude::*;
use supalint_queries::shape::Named;

rule!("query/unknown-function", Integrity, Error, Schema(check));

fn check(cx: &mut Cx) {
    for query in all(cx) {
        match call(cx, query.query) {
            Call::Missing { name, named } => missing(cx, query, &name, named),
            Call::OtherArguments { name, named, overloads } => other_arguments(cx, query, &name, named, &overloads),
            Call::Several { named, overloads } => several(cx, query, named, &overloads),
            Call::One(_) | Call::Unknown => {}
        }
    }
}

fn missing(cx: &mut Cx, query: AppQuery, name: &QName, named: &Named) {
    let removed = removal(cx, name, ObjectClass::Function);
    let same = cx.catalog.functions.keys().find(|other| other.name == name.name && cx.is_users_schema(&other.schema));
    let help = match same {
        Some(other) if cx.is_exposed(&other.schema) => format!("Select the schema of the function: `.schema('{}')`.", other.schema),
        Some(other) => {
            format!("Create a function in `{}` that calls `{other}`. The API does not serve schema `{}`.", name.schema, other.schema)
        }
        None => match near(&name.name, cx.catalog.functions.names_in(&name.schema).map(|name| name.name.as_str())) {
            Some(near) => format!("Use `{near}`, or create the function in a migration."),
            None => "Create the function in a migration, or call an existing function.".to_string(),
        },
    };
    let message = format!("function `{name}` does not exist: the call fails with PGRST202");
    let draft = report(cx, About::named("function", name), query, named.span, message);
    draft.label(if removed.is_some() { "the migrations removed this function" } else { "no migration creates this function" }).help(help);
    because_removed(draft, removed);
}

fn other_arguments(cx: &mut Cx, query: AppQuery, name: &QName, named: &Named, overloads: &[&Function]) {
    let callable: Vec<&&Function> = overloads.iter().filter(|function| is_callable(function)).collect();
    let about = About::named("function", name);
    let Some(first) = callable.first() else {
        let message = format!("function `{}` cannot be called through the API: the call fails with PGRST202", overloads[0].display());
        let draft = report(cx, about, query, named.span, message);
        draft.help("Call a function that is no trigger function and no procedure, and whose arguments have names.");
        draft.because(overloads[0].named, "the function is defined here");
        return;
    };
    let payload = query.query.payload.as_ref();
    let ([function], (unknown, absent)) = (callable.as_slice(), differences(first, payload)) else {
        let message = format!("function `{name}` has no overload with these arguments: the call fails with PGRST202");
        let draft = report(cx, about, query, named.span, message);
        let signatures: Vec<String> = callable.iter().map(|function| signature(function)).collect();
        draft.help(format!("Pass the arguments of one overload: {}.", quoted(&signatures, "or")));
        draft.because(first.named, "one overload is defined here");
        return;
    };
    let inputs = function.inputs().filter_map(|argument| argument.name.as_deref());
    let free: Vec<&str> =
        inputs.filter(|input| payload.is_none_or(|payload| payload.entries.iter().all(|entry| entry.key.text != *input))).collect();
    let (span, message, help) = match (unknown.first(), absent.as_slice()) {
        (Some(argument), _) => {
            let message = format!("function `{}` has no argument `{}`: the call fails with PGRST202", function.display(), argument.text);
            let help = match near(&argument.text, free.iter().copied()).or(match (free.as_slice(), unknown.len()) {
                ([only], 1) => Some(*only),
                _ => None,
            }) {
                Some(near) => format!("Use `{near}`."),
                None => format!("Pass only the arguments of the function: `{}`.", signature(function)),
            };
            (argument.span, message, help)
        }
        (None, absent) => {
            let message = format!(
                "function `{}` requires {}, which the call leaves out: it fails with PGRST202",
                function.display(),
                quoted(absent, "and")
            );
            (named.span, message, "Pass each argument that has no default.".to_string())
        }
    };
    report(cx, about, query, span, message).help(help).because(function.named, "the function is defined here");
}

fn several(cx: &mut Cx, query: AppQuery, named: &Named, overloads: &[&Function]) {
    let name = &overloads[0].name;
    let message = format!("{} overloads of `{name}` accept these arguments: the call fails with PGRST203", overloads.len());
    let draft = report(cx, About::named("function", name), query, named.span, message);
    draft.help("Drop the overload that is not used, or give its arguments other names.");
    for function in overloads {
        draft.because(function.named, "an overload is defined here");
    }
}

/// Returns the name with the argument names: `search(query, max_rows?)`.
fn signature(function: &Function) -> String {
    let argument = |argument: &Argument| {
        let name = argument.name.as_deref().unwrap_or_default();
        if argument.default.is_some() { format!("{name}?") } else { name.to_string() }
    };
    format!("{}({})", function.name.name, function.inputs().map(argument).collect::<Vec<_>>().join(", "))
}
