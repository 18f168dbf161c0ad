//! Columns that triggers fill before a row is written.

use crate::analysis::identity_helpers;
use crate::analysis::prelude::*;
use crate::syntax::ast::TriggerTime;

/// Returns whether a BEFORE trigger of an event (`INSERT` or `UPDATE`) may assign a column.
pub fn may_fill(cx: &State, table: &Table, event: &str, column: &str) -> bool {
    let runs = |trigger: &&Trigger| {
        trigger.time == TriggerTime::Before && trigger.events.iter().any(|known| known.eq_ignore_ascii_case(event)) && trigger.enabled.value
    };
    table.triggers.iter().filter(runs).any(|trigger| match cx.catalog.functions.get(&trigger.function) {
        Some(functions) => functions.iter().any(|function| assigns(cx, function, column)),
        None => true,
    })
}

fn assigns(cx: &State, function: &Function, column: &str) -> bool {
    if function.of_extension || function.at.is_platform() || function.language != "plpgsql" || !cx.is_read_whole(function) {
        return true;
    }
    let body = identity_helpers::body(cx, function).to_lowercase();
    let whole = ["jsonb_populate_record", "json_populate_record", "hstore", "#="].iter().any(|call| body.contains(call));
    whole || super::doubt::mentions(&body, &column.to_lowercase())
}
