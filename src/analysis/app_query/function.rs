//! The function of an `rpc` call, chosen by the names of its arguments as PostgREST does.
//! Source: PostgREST's documentation, "Functions as RPC", and its function `findProc`.

use super::relation::{self, Lookup, Relation, is_missing};
use super::{doubt::Doubts, served_schema};
use crate::analysis::prelude::*;
use crate::catalog::creation_index::ObjectClass;
use std::collections::BTreeSet;
use supalint_queries::shape::{self, Entry, Named, Payload, ValueKind};

/// Result of the search for a function.
pub enum Call<'a> {
    One(&'a Function),
    /// No function has this name (PGRST202).
    Missing {
        name: QName,
        named: &'a Named,
    },
    /// Functions with this name have other arguments (PGRST202).
    OtherArguments {
        name: QName,
        named: &'a Named,
        overloads: Vec<&'a Function>,
    },
    /// Several functions accept the arguments (PGRST203).
    Several {
        named: &'a Named,
        overloads: Vec<&'a Function>,
    },
    Unknown,
}

/// Rows that a function returns.
pub enum Returned<'a> {
    Relation(Relation<'a>),
    Columns(Vec<SmolStr>),
    /// A scalar or an unknown record.
    Other,
}

/// Returns the function that a query calls, if it is known.
pub fn called<'a>(cx: &State<'a>, query: &'a shape::Query) -> Option<&'a Function> {
    match call(cx, query) {
        Call::One(function) => Some(function),
        _ => None,
    }
}

/// Returns the functions that a query can call.
pub fn call<'a>(cx: &State<'a>, query: &'a shape::Query) -> Call<'a> {
    let (shape::Target::Function(Some(named)), Some(schema)) = (&query.target, served_schema(cx, query)) else { return Call::Unknown };
    let name = QName::new(schema, named.text.clone());
    let Some(overloads) = cx.catalog.functions.get(&name) else {
        return if is_missing(cx, &name, ObjectClass::Function) { Call::Missing { name, named } } else { Call::Unknown };
    };
    let uncertain = |function: &Function| function.certainty == Certainty::Maybe || function.of_extension || function.at.is_platform();
    if overloads.iter().any(uncertain) || Doubts::of(cx).concern(&name.name) {
        return Call::Unknown;
    }
    let callable: Vec<&Function> = overloads.iter().filter(|function| is_callable(function)).collect();
    let Some(arguments) = Arguments::of(query) else { return Call::Unknown };
    let accepting: Vec<&Function> = callable.iter().copied().filter(|function| arguments.may_fit(function)).collect();
    match accepting.as_slice() {
        [] => match callable.iter().copied().filter(|function| takes_json(function)).collect::<Vec<_>>().as_slice() {
            [] => Call::OtherArguments { name, named, overloads: overloads.iter().collect() },
            [one] => Call::One(one),
            _ => Call::Unknown,
        },
        [one] => Call::One(one),
        several if arguments.is_exact => Call::Several { named, overloads: several.to_vec() },
        _ => Call::Unknown,
    }
}

/// Returns whether PostgREST serves a function.
pub fn is_callable(function: &Function) -> bool {
    let mut unnamed = function.inputs().filter(|argument| argument.name.is_none());
    let is_body = |argument: &Argument| ["bytea", "json", "jsonb", "text", "xml"].iter().any(|ty| argument.ty.is(ty));
    let can_be_passed = match (unnamed.next(), unnamed.next()) {
        (None, _) => true,
        (Some(_), None) => function.inputs().next().is_some_and(is_body),
        (Some(_), Some(_)) => false,
    };
    function.kind == RoutineKind::Function && !function.returns_trigger() && can_be_passed
}

/// Returns whether a function takes the whole body of a request as its only argument.
fn takes_json(function: &Function) -> bool {
    let mut inputs = function.inputs();
    matches!((inputs.next(), inputs.next()), (Some(only), None) if only.name.is_none() && only.ty.is_json())
}

/// Names of the arguments of a call.
pub struct Arguments<'a> {
    /// Names that each call passes.
    certain: BTreeSet<&'a str>,
    /// Names that a call can pass, or `None` if they are not all known.
    possible: Option<BTreeSet<&'a str>>,
    is_exact: bool,
}

impl<'a> Arguments<'a> {
    fn of(query: &'a shape::Query) -> Option<Arguments<'a>> {
        let none = || Arguments { certain: BTreeSet::new(), possible: Some(BTreeSet::new()), is_exact: true };
        let Some(payload) = &query.payload else { return Some(none()) };
        let passed = |entry: &&Entry| entry.value.kind != ValueKind::Undefined;
        let name = |entry: &'a Entry| entry.key.text.as_str();
        let certain: BTreeSet<&str> = payload.entries.iter().filter(passed).filter(|entry| entry.certain).map(name).collect();
        let possible: BTreeSet<&str> = payload.entries.iter().filter(passed).map(name).collect();
        let is_exact = payload.complete && certain == possible;
        Some(Arguments { certain, possible: payload.complete.then_some(possible), is_exact })
    }

    fn may_fit(&self, function: &Function) -> bool {
        let names = |wanted: &dyn Fn(&&Argument) -> bool| -> BTreeSet<&str> {
            function.inputs().filter(wanted).map(|argument| argument.name.as_deref().unwrap_or_default()).collect()
        };
        let (all, required) = (names(&|_| true), names(&|argument| argument.default.is_none()));
        self.certain.is_subset(&all) && self.possible.as_ref().is_none_or(|possible| required.is_subset(possible))
    }
}

/// Returns the argument names of a payload that a function does not have, and the names that the payload lacks.
pub fn differences<'a>(function: &'a Function, payload: Option<&'a Payload>) -> (Vec<&'a Named>, Vec<&'a str>) {
    let entries = payload.map(|payload| payload.entries.as_slice()).unwrap_or_default();
    let has = |name: &str| function.inputs().any(|argument| argument.name.as_deref() == Some(name));
    let passed = |name: &str| entries.iter().any(|entry| entry.key.text == name && entry.value.kind != ValueKind::Undefined);
    let unknown = entries.iter().filter(|entry| entry.value.kind != ValueKind::Undefined && !has(&entry.key.text)).map(|entry| &entry.key);
    let required = function.inputs().filter(|argument| argument.default.is_none()).filter_map(|argument| argument.name.as_deref());
    let is_complete = payload.is_none_or(|payload| payload.complete);
    (unknown.collect(), required.filter(|name| is_complete && !passed(name)).collect())
}

/// Returns the rows that a function returns.
pub fn returned<'a>(cx: &State<'a>, function: &'a Function) -> Returned<'a> {
    let outputs: Vec<SmolStr> = function.outputs().filter_map(|argument| argument.name.clone()).collect();
    if !outputs.is_empty() {
        return if outputs.len() > 1 || function.outputs().any(|argument| argument.mode == ArgMode::Table) {
            Returned::Columns(outputs)
        } else {
            Returned::Other
        };
    }
    let Some(name) = function.returns.as_ref().filter(|ty| !ty.array).and_then(|ty| ty.user.as_deref()) else { return Returned::Other };
    match relation::find(cx, name) {
        Lookup::Found(relation) => Returned::Relation(relation),
        Lookup::Missing | Lookup::Unknown => Returned::Other,
    }
}
