//! Functions of one name that the API cannot tell apart.

use crate::rules::prelude::*;

rule!("schema/ambiguous-overload", Integrity, Warn, Schema(check));

fn check(cx: &mut Cx) {
    let mut functions: Vec<&Function> = cx.api_functions().filter(|function| function.kind == RoutineKind::Function).collect();
    functions.retain(|function| !cx.callers(function).is_empty());
    for (at, function) in functions.iter().enumerate() {
        let overloads = || functions[..at].iter().rev().take_while(|known| known.name == function.name);
        let Some((known, names)) = overloads().find_map(|known| Some((known, shared_call(known, function)?))) else { continue };
        let (newer, older) = if cx.moment(known.at) > cx.moment(function.at) { (known, function) } else { (function, known) };
        report(cx, newer, older, &names);
    }
}

/// Returns the argument names of a call that both functions accept. PostgREST finds a function by the names of the arguments, of which
/// those with a default may be missing.
fn shared_call<'f>(one: &'f Function, other: &'f Function) -> Option<Vec<&'f str>> {
    let (one_inputs, other_inputs) = (named_inputs(one)?, named_inputs(other)?);
    let accepts = |inputs: &[&Argument], name: &str| inputs.iter().any(|input| input.name.as_deref() == Some(name));
    let required = one_inputs.iter().chain(&other_inputs).filter(|input| input.default.is_none());
    let mut names: Vec<&str> = Vec::new();
    for name in required.filter_map(|input| input.name.as_deref()) {
        if !(accepts(&one_inputs, name) && accepts(&other_inputs, name)) {
            return None;
        }
        if !names.contains(&name) {
            names.push(name);
        }
    }
    Some(names)
}

/// Returns the inputs of a function, or `None` if one has no name or takes several values.
fn named_inputs(function: &Function) -> Option<Vec<&Argument>> {
    let inputs: Vec<&Argument> = function.inputs().collect();
    inputs.iter().all(|input| input.name.is_some() && input.mode != ArgMode::Variadic).then_some(inputs)
}

fn report(cx: &mut Cx, newer: &Function, older: &Function, names: &[&str]) {
    let (new, old) = (newer.display(), older.display());
    let call = match names {
        [] => "without arguments".to_string(),
        names => format!("with {}", names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")),
    };
    let by_default = [newer, older].iter().any(|function| function.inputs().any(|input| input.default.is_some()));
    let draft = cx.report(
        newer,
        newer.named,
        format!("`{new}` does not replace `{old}`: a call through the API {call} fits both and fails (PGRST203)"),
    );
    draft.label("a second function of this name").because(older.named, format!("`{old}` is created here"));
    draft.help(format!(
        "Drop the function that is no longer needed, such as `drop function {}`, or rename one of the functions.",
        older.quoted()
    ));
    draft.given(older.certainty);
    // overloads by type alone may be meant for SQL, which tells them apart
    if !by_default {
        draft.severity(Severity::Info);
    }
}
