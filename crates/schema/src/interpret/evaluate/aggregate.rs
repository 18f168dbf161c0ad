//! Aggregates over the rows of a group.
//!
//! Promises: there is a result only if every row of the group is certain.

use super::query::Env;
use super::value::{Value, compare, render};
use super::{Machine, Ran};
use crate::syntax::expression::*;

const NAMES: [&str; 12] =
    ["count", "string_agg", "array_agg", "bool_or", "bool_and", "every", "min", "max", "sum", "avg", "jsonb_agg", "json_agg"];

fn is_aggregate(call: &Call) -> bool {
    call.over.is_none()
        && call.name.schema().is_none_or(|schema| schema == "pg_catalog")
        && (NAMES.contains(&call.name.last()) || call.name.last().ends_with("_object_agg"))
}

/// Returns whether an expression contains an aggregate outside its subqueries.
pub fn is_in(expr: &Expr) -> bool {
    let mut found = false;
    expr.walk(&mut |node| match node {
        Node::Expr(Expr { kind: ExprKind::Call(call), .. }) if is_aggregate(call) => {
            found = true;
            Walk::Over
        }
        Node::Query(_) => Walk::Over,
        _ => Walk::Into,
    });
    found
}

impl Machine<'_> {
    /// Returns the value of an aggregate, or `None` if the call is not an aggregate.
    pub fn aggregate(&mut self, call: &Call, env: &Env) -> Ran<Option<Value>> {
        if env.group.is_none() || !is_aggregate(call) {
            return Ok(None);
        }
        let name = call.name.last();
        let Some(all) = self.aggregated(call, env)? else {
            return Ok(Some(if name == "count" { Value::Something } else { Value::Unknown }));
        };
        let by = match (name, call.args.get(1)) {
            ("string_agg", Some(by)) => self.eval(&by.value, env)?,
            _ => Value::Null,
        };
        if name == "array_agg" {
            return Ok(Some(if all.is_empty() { Value::Null } else { Value::array(all) }));
        }
        if all.contains(&Value::Unknown) {
            return Ok(Some(Value::Unknown));
        }
        let values: Vec<Value> = all.into_iter().filter(|value| *value != Value::Null).collect();
        if name == "count" {
            return Ok(Some(Value::Int(values.len() as i64)));
        }
        if values.is_empty() {
            return Ok(Some(Value::Null));
        }
        let visible = |object: &_| self.is_visible(object);
        Ok(Some(match name {
            "string_agg" => {
                let parts: Option<Vec<_>> = values.iter().map(|value| render(value, &visible)).collect();
                match (parts, render(&by, &visible)) {
                    (Some(parts), Some(by)) => Value::text(parts.join(by.as_str())),
                    (Some(parts), None) if by == Value::Null => Value::text(parts.concat()),
                    _ => Value::Something,
                }
            }
            "bool_or" => values.iter().fold(Value::Bool(false), |a, b| super::value::or(&a, b)),
            "bool_and" | "every" => values.iter().fold(Value::Bool(true), |a, b| super::value::and(&a, b)),
            "min" | "max" => {
                let mut best = &values[0];
                for value in &values {
                    match compare(value, best) {
                        Some(order) if (name == "max") == order.is_gt() && order.is_ne() => best = value,
                        Some(_) => {}
                        None => return Ok(Some(Value::Something)),
                    }
                }
                best.clone()
            }
            "sum" => {
                let sum = values.iter().try_fold(0i64, |sum, value| sum.checked_add(value.as_int()?));
                sum.map_or(Value::Something, Value::Int)
            }
            _ => Value::Something,
        }))
    }
}
