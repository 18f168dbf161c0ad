//! Values that a query takes from the result of an earlier query or from the variable of a loop.

use super::AppQuery;
use super::lookup::{Comparison, Lookup};
use crate::analysis::prelude::*;
use supalint_queries::shape::{Origin as ValueOrigin, Payload, Query as Shape, QueryIndex, Value, ValueKind};

/// Returns the origin of a value that is known only at run time.
pub fn origin(value: &Value) -> Option<&ValueOrigin> {
    match &value.kind {
        ValueKind::Dynamic(origin) => Some(origin),
        _ => None,
    }
}

/// Returns the column of an earlier query's result that a value is. The column is `None` if it is unknown.
pub fn result(value: &Value) -> Option<(QueryIndex, Option<&SmolStr>)> {
    match origin(value)? {
        ValueOrigin::Result { query, column } => Some((*query, column.as_ref())),
        _ => None,
    }
}

/// Returns whether each value of a payload is the same in all iterations of a loop.
pub fn is_fixed(payload: &Payload) -> bool {
    payload.complete && payload.entries.iter().all(|entry| is_fixed_value(&entry.value))
}

/// Returns whether a value is known not to depend on the loop around the query.
pub fn is_fixed_value(value: &Value) -> bool {
    match &value.kind {
        ValueKind::Null | ValueKind::Undefined | ValueKind::Bool(_) | ValueKind::Number(_) | ValueKind::Text(_) => true,
        ValueKind::TextStart(_) => false,
        ValueKind::List(values) => values.iter().all(is_fixed_value),
        ValueKind::Object(payload) => is_fixed(payload),
        ValueKind::Dynamic(origin) => match origin {
            ValueOrigin::SignedInUser | ValueOrigin::Request | ValueOrigin::Parameter => true,
            ValueOrigin::Unknown | ValueOrigin::LoopVariable | ValueOrigin::Result { .. } => false,
        },
    }
}

/// Returns whether two queries run in the same iteration of the same loop, or in no loop.
pub fn is_same_loop(one: &Shape, other: &Shape) -> bool {
    one.flow.in_loop.map(|own| own.span) == other.flow.in_loop.map(|own| own.span)
}

/// Returns whether an update changes the row that a lookup has found: it compares the same columns, or a column with the one that was read.
pub fn is_same_row(read: &Lookup, written: &Lookup, read_index: QueryIndex) -> bool {
    let from_result = |comparison: &Comparison| match result(&comparison.filter.value) {
        Some((query, Some(column))) => query == read_index && *column == comparison.column().text,
        _ => false,
    };
    let known = read.bound();
    let equal: Vec<&Comparison> = written.comparisons.iter().filter(|comparison| comparison.is_equal()).collect();
    equal.iter().any(|comparison| from_result(comparison))
        || read.query.query.orders.is_empty()
            && !equal.is_empty()
            && equal.iter().all(|comparison| known.contains(&comparison.column().text))
}

/// Returns whether a query is the next statement after another, and both only name their results, so that no code connects the two.
pub fn is_next(first: AppQuery, second: AppQuery) -> bool {
    let (one, other) = (&first.query.flow, &second.query.flow);
    let is_after = first.file == second.file && one.block.is_some() && one.block == other.block && other.previous == Some(one.statement);
    is_after && one.is_direct && other.is_direct
}
