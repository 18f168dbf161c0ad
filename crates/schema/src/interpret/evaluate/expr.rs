//! Evaluation of expressions.
//!
//! Promises: conditions are true, false, NULL or unknown. There is an error only if PostgreSQL would raise it. Chains of operators are
//! evaluated without recursion.

use super::pattern::{Alternatives, Printed, like};
use super::query::{Env, Found};
use super::value::{Object, Value, and, compare, equal, not, or, parse_array, render, same};
use super::{Machine, Ran, Stop, function};
use crate::catalog::SqlError;
use crate::syntax::expression::*;
use crate::syntax::types::TypeName;
use smol_str::SmolStr;
use std::cmp::Ordering;
use std::sync::Arc;

/// Maximum depth of nested expressions, including queries.
const MAX_DEPTH: usize = 150;
/// Maximum number of comparisons between the elements of two arrays.
const MAX_PAIRS: usize = 100_000;

impl Machine<'_> {
    pub fn eval(&mut self, expr: &Expr, env: &Env) -> Ran<Value> {
        if self.expressions >= MAX_DEPTH {
            return Ok(Value::Unknown);
        }
        self.expressions += 1;
        let value = self.eval_inner(expr, env);
        self.expressions -= 1;
        value
    }

    fn eval_inner(&mut self, expr: &Expr, env: &Env) -> Ran<Value> {
        Ok(match &expr.kind {
            ExprKind::Column { path, .. } => self.column(path, env)?,
            ExprKind::Star { .. } | ExprKind::Other(_) => Value::Unknown,
            ExprKind::String(text) => Value::text(text),
            ExprKind::Number(text) => text.parse().map_or(Value::Something, Value::Int),
            ExprKind::Bool(value) => Value::Bool(*value),
            ExprKind::Null => Value::Null,
            ExprKind::Param(name) => self.parameter(name),
            ExprKind::Call(call) => self.call(call, env)?,
            ExprKind::Cast { expr, to } => {
                let value = self.eval(expr, env)?;
                self.cast(value, to)?
            }
            ExprKind::Not(expr) => not(&self.eval(expr, env)?),
            ExprKind::Unary { op, expr } => {
                let value = self.eval(expr, env)?;
                match (op.as_str(), &value) {
                    (_, Value::Null) => Value::Null,
                    ("-", Value::Int(value)) => value.checked_neg().map_or(Value::Something, Value::Int),
                    ("+", Value::Int(_)) => value,
                    _ => Value::Unknown,
                }
            }
            ExprKind::Logic { .. } | ExprKind::Binary { .. } => self.chain(expr, env)?,
            ExprKind::IsNull { expr, negated } => {
                let value = self.eval(expr, env)?;
                // IS NULL is true if all fields are NULL, and IS NOT NULL is true if no field is
                let is_null = match &value {
                    Value::Record(record) if *negated => {
                        let nulls: Option<Vec<bool>> = record.fields.iter().map(|(_, value)| value.is_null()).collect();
                        return Ok(Value::known(nulls.map(|nulls| !nulls.contains(&true))));
                    }
                    Value::Record(record) => {
                        let nulls: Option<Vec<bool>> = record.fields.iter().map(|(_, value)| value.is_null()).collect();
                        nulls.map(|nulls| !nulls.contains(&false))
                    }
                    other => other.is_null(),
                };
                Value::known(is_null.map(|is_null| is_null != *negated))
            }
            ExprKind::IsBool { expr, value, negated } => {
                let given = self.eval(expr, env)?;
                let is = match (value, given.is_null(), given.holds()) {
                    (None, is_null, _) => is_null,
                    (Some(wanted), _, Some(holds)) => Some(holds == *wanted && given != Value::Null),
                    _ => None,
                };
                Value::known(is.map(|is| is != *negated))
            }
            ExprKind::Between { expr, low, high, negated } => {
                let value = self.eval(expr, env)?;
                let (low, high) = (self.eval(low, env)?, self.eval(high, env)?);
                let within = and(&ordering(&value, &low, Ordering::is_ge), &ordering(&value, &high, Ordering::is_le));
                negate(within, *negated)
            }
            ExprKind::InList { expr, list, negated } => {
                let value = self.eval(expr, env)?;
                let mut found = Value::Bool(false);
                for item in list {
                    let item = self.eval(item, env)?;
                    found = or(&found, &self.equal(&value, &item));
                }
                negate(found, *negated)
            }
            ExprKind::InQuery { expr, query, negated } => {
                let value = self.eval(expr, env)?;
                let items = self.items(query, env)?;
                let mut found = Value::Bool(false);
                for item in items.into_iter().flatten() {
                    found = or(&found, &self.equal(&value, &item));
                }
                negate(found, *negated)
            }
            ExprKind::Quantified { left, op, all, right } => self.quantified(left, op, *all, right, env)?,
            ExprKind::Exists { query, negated } => {
                let exists = self.inner_query(query, env)?.exists();
                Value::known(exists.map(|exists| exists != *negated))
            }
            ExprKind::Subquery(query) => self.inner_query(query, env)?.scalar()?,
            ExprKind::ArrayQuery(query) => {
                let table = self.inner_query(query, env)?;
                if !table.is_exact() {
                    return Ok(Value::Something);
                }
                Value::array(table.rows.iter().map(|(cells, _)| cells.first().cloned().unwrap_or(Value::Unknown)).collect())
            }
            ExprKind::Case { operand, whens, otherwise } => self.case(operand.as_deref(), whens, otherwise.as_deref(), env)?,
            ExprKind::Array(items) => Value::array(self.evals(items, env)?),
            ExprKind::Row(items) => {
                let values = self.evals(items, env)?;
                let fields = values.into_iter().enumerate().map(|(at, value)| (format!("f{}", at + 1).into(), value)).collect();
                Value::Record(Arc::new(super::value::Record { fields }))
            }
            ExprKind::Index { base, index } => {
                let base = self.eval(base, env)?;
                let index = match index.as_slice() {
                    [index] => self.eval(index, env)?,
                    _ => return Ok(Value::Unknown),
                };
                match (&base, index.as_int()) {
                    (Value::Null, _) => Value::Null,
                    (Value::Array(items), Some(at)) => {
                        let at = at.checked_sub(1).and_then(|at| usize::try_from(at).ok());
                        at.and_then(|at| items.get(at)).cloned().unwrap_or(Value::Null)
                    }
                    _ => Value::Unknown,
                }
            }
            ExprKind::Field { base, field } => field_of(&self.eval(base, env)?, field),
        })
    }

    fn evals(&mut self, exprs: &[Expr], env: &Env) -> Ran<Vec<Value>> {
        exprs.iter().map(|expr| self.eval(expr, env)).collect()
    }

    /// Returns the values of a query with one column. `None` stands for possible rows.
    fn items(&mut self, query: &Query, env: &Env) -> Ran<Vec<Option<Value>>> {
        let table = self.inner_query(query, env)?;
        let mut out = Vec::with_capacity(table.rows.len() + 1);
        for (cells, presence) in &table.rows {
            let value = match cells.as_ref() {
                [value] => value.clone(),
                _ => table.record(cells),
            };
            let certain = *presence == super::tables::Presence::Certain;
            out.push(Some(if certain { value } else { Value::Something }));
        }
        if !table.complete {
            out.push(Some(Value::Something));
        }
        Ok(out)
    }

    fn column(&mut self, path: &[SmolStr], env: &Env) -> Ran<Value> {
        let mut level = Some(env);
        while let Some(env) = level {
            let found = env.find(path);
            if !matches!(found, Found::No) {
                self.reached = self.reached.min(env.depth);
            }
            if let Found::Value(value) = found {
                return match if path.len() == 1 { self.variable(path) } else { None } {
                    Some(_) if self.conflicts() => {
                        let message = format!("column reference \"{}\" is ambiguous", path[0]);
                        Err(Stop::Failed(SqlError::new("42702", message)))
                    }
                    Some(variable) if self.variables_win() => Ok(variable),
                    _ => Ok(value),
                };
            }
            level = env.outer;
        }
        Ok(self.variable(path).unwrap_or(Value::Unknown))
    }

    /// Evaluates a chain of operators, beginning with the leftmost operand.
    fn chain(&mut self, expr: &Expr, env: &Env) -> Ran<Value> {
        let mut spine = Vec::new();
        let mut leaf = expr;
        while let ExprKind::Logic { left, .. } | ExprKind::Binary { left, .. } = &leaf.kind {
            spine.push(leaf);
            leaf = left;
        }
        let mut value = self.eval(leaf, env)?;
        while let Some(node) = spine.pop() {
            value = match &node.kind {
                ExprKind::Logic { op: Logic::And, .. } if value == Value::Bool(false) => value,
                ExprKind::Logic { op: Logic::Or, .. } if value == Value::Bool(true) => value,
                ExprKind::Logic { op, right, .. } => {
                    let right = self.eval(right, env)?;
                    if *op == Logic::And { and(&value, &right) } else { or(&value, &right) }
                }
                ExprKind::Binary { op, right, .. } => {
                    let right = self.eval(right, env)?;
                    self.binary(op, &value, &right)?
                }
                _ => Value::Unknown,
            };
        }
        Ok(value)
    }

    /// Compares two values. A text next to an object is compared as the name of the object.
    fn equal(&self, a: &Value, b: &Value) -> Value {
        match (a, b) {
            (Value::Object { object, .. }, Value::Text(text)) | (Value::Text(text), Value::Object { object, .. }) => match &**object {
                Object::Relation(_) => {
                    self.regclass(text).map_or(Value::Unknown, |other| equal(&other, &Value::object((**object).clone())))
                }
                Object::Schema(name) | Object::Role(name) => Value::Bool(name == text),
                _ => Value::Unknown,
            },
            // a text next to an array is parsed as an array
            (Value::Array(_), Value::Text(text)) => parse_array(text).map_or(Value::Unknown, |items| equal(a, &Value::array(items))),
            (Value::Text(text), Value::Array(_)) => parse_array(text).map_or(Value::Unknown, |items| equal(&Value::array(items), b)),
            _ => equal(a, b),
        }
    }

    fn binary(&mut self, op: &str, a: &Value, b: &Value) -> Ran<Value> {
        match op {
            "is distinct from" => return Ok(not(&self.same(a, b))),
            "is not distinct from" => return Ok(self.same(a, b)),
            _ => {}
        }
        if *a == Value::Null || *b == Value::Null {
            // PostgreSQL treats an untyped NULL as an empty array
            return Ok(match (op, a, b) {
                ("||", Value::Array(_), _) => a.clone(),
                ("||", _, Value::Array(_)) => b.clone(),
                _ => Value::Null,
            });
        }
        Ok(match op {
            "=" => self.equal(a, b),
            "<>" | "!=" => not(&self.equal(a, b)),
            "<" => ordering(a, b, Ordering::is_lt),
            "<=" => ordering(a, b, Ordering::is_le),
            ">" => ordering(a, b, Ordering::is_gt),
            ">=" => ordering(a, b, Ordering::is_ge),
            "||" => self.concatenate(a, b),
            "like" | "~~" => self.matched(a, b, false),
            "ilike" | "~~*" => self.matched(a, b, true),
            "not like" | "!~~" => not(&self.matched(a, b, false)),
            "not ilike" | "!~~*" => not(&self.matched(a, b, true)),
            "~" => self.regular(a, b, false),
            "~*" => self.regular(a, b, true),
            "!~" => not(&self.regular(a, b, false)),
            "!~*" => not(&self.regular(a, b, true)),
            "+" | "-" | "*" | "/" | "%" => arithmetic(op, a, b)?,
            "@>" => contains(a, b),
            "<@" => contains(b, a),
            "&&" => overlaps(a, b),
            _ => Value::Unknown,
        })
    }

    fn matched(&self, text: &Value, pattern: &Value, fold: bool) -> Value {
        match (text, pattern) {
            (Value::Text(text), Value::Text(pattern)) => Value::Bool(like(text, pattern, fold)),
            (text, Value::Text(pattern)) => {
                let is_written = |schema: &str| self.is_written(schema);
                Value::known(Printed::of(text, &is_written).and_then(|printed| printed.like(pattern, fold)))
            }
            _ => Value::Unknown,
        }
    }

    fn regular(&self, text: &Value, pattern: &Value, fold: bool) -> Value {
        let Value::Text(pattern) = pattern else { return Value::Unknown };
        let Some(alternatives) = Alternatives::of(pattern) else { return Value::Unknown };
        match text {
            Value::Text(text) => Value::Bool(alternatives.found_in(text, fold)),
            text => {
                let is_written = |schema: &str| self.is_written(schema);
                Value::known(Printed::of(text, &is_written).and_then(|printed| printed.matches(&alternatives, fold)))
            }
        }
    }

    /// Returns whether PostgreSQL prints names of the schema with the schema.
    fn is_written(&self, schema: &str) -> bool {
        let catalog = &self.world.catalog;
        catalog.has_schema(schema) && !catalog.search_path().iter().any(|known| known == schema)
    }

    fn same(&self, a: &Value, b: &Value) -> Value {
        match (a.is_null(), b.is_null()) {
            (Some(false), Some(false)) => self.equal(a, b),
            _ => same(a, b),
        }
    }

    fn concatenate(&self, a: &Value, b: &Value) -> Value {
        match (a, b) {
            (Value::Array(left), Value::Array(right)) => Value::array([left.as_slice(), right].concat()),
            (Value::Array(items), other) => Value::array([items.as_slice(), std::slice::from_ref(other)].concat()),
            (other, Value::Array(items)) => Value::array([std::slice::from_ref(other), items].concat()),
            _ => {
                let visible = |object: &Object| self.is_visible(object);
                match (render(a, &visible), render(b, &visible)) {
                    (Some(a), Some(b)) => Value::text(a.to_string() + &b),
                    _ if a.is_null().is_none() || b.is_null().is_none() => Value::Unknown,
                    _ => Value::Something,
                }
            }
        }
    }

    fn quantified(&mut self, left: &Expr, op: &str, all: bool, right: &Expr, env: &Env) -> Ran<Value> {
        let value = self.eval(left, env)?;
        let items: Vec<Option<Value>> = match &right.kind {
            ExprKind::Subquery(query) => self.items(query, env)?,
            _ => match self.eval(right, env)? {
                Value::Array(items) => items.iter().cloned().map(Some).collect(),
                Value::Text(text) => match parse_array(&text) {
                    Some(items) => items.into_iter().map(Some).collect(),
                    None => return Ok(Value::Unknown),
                },
                Value::Null => return Ok(Value::Null),
                _ => return Ok(Value::Unknown),
            },
        };
        let mut result = Value::Bool(all);
        for item in items.into_iter().flatten() {
            let holds = self.binary(op, &value, &item)?;
            result = if all { and(&result, &holds) } else { or(&result, &holds) };
        }
        Ok(result)
    }

    fn case(&mut self, operand: Option<&Expr>, whens: &[(Expr, Expr)], otherwise: Option<&Expr>, env: &Env) -> Ran<Value> {
        let operand = operand.map(|operand| self.eval(operand, env)).transpose()?;
        let mut possible: Vec<Value> = Vec::new();
        for (when, then) in whens {
            let when = self.eval(when, env)?;
            let holds = match &operand {
                Some(operand) => self.equal(operand, &when),
                None => when,
            };
            match holds.holds() {
                Some(false) => {}
                Some(true) => {
                    possible.push(self.eval(then, env)?);
                    return Ok(one_of(possible));
                }
                None => possible.push(self.eval(then, env)?),
            }
        }
        possible.push(match otherwise {
            Some(otherwise) => self.eval(otherwise, env)?,
            None => Value::Null,
        });
        Ok(one_of(possible))
    }

    fn call(&mut self, call: &Call, env: &Env) -> Ran<Value> {
        if let Some(value) = self.aggregate(call, env)? {
            return Ok(value);
        }
        if call.over.is_some() {
            return Ok(Value::Unknown);
        }
        let mut args = Vec::with_capacity(call.args.len());
        for arg in &call.args {
            args.push(self.eval(&arg.value, env)?);
        }
        self.work(1)?;
        if call.name.schema().is_none_or(|schema| schema == "pg_catalog") {
            let name = call.name.last();
            if let Some(value) = self.system_call(name, &args)? {
                return Ok(value);
            }
            let visible = |object: &Object| self.is_visible(object);
            if let Some(value) = function::call(name, &args, &visible) {
                return Ok(value?);
            }
        }
        let names = call.args.iter().map(|arg| arg.name.clone()).collect::<Vec<_>>();
        self.call_function(&call.name, &names, args)
    }

    /// Converts a value to another type.
    pub fn cast(&mut self, value: Value, to: &TypeName) -> Ran<Value> {
        if value == Value::Null {
            return Ok(Value::Null);
        }
        let name = to.name.last();
        if to.dimensions > 0 {
            return Ok(match &value {
                Value::Text(text) => parse_array(text).map_or(Value::Something, Value::array),
                Value::Array(_) => value,
                other if other.is_unknown() => value,
                _ => Value::Something,
            });
        }
        let invalid = |text: &str| {
            let message = format!("invalid input syntax for type {name}: \"{text}\"");
            Err(Stop::Failed(SqlError::new("22P02", message)))
        };
        let visible = |object: &Object| self.is_visible(object);
        Ok(match (name, &value) {
            (_, Value::Unknown) => Value::Unknown,
            ("regclass", Value::Text(text)) => match self.regclass(text) {
                Some(Value::Null) => {
                    return Err(Stop::Failed(SqlError::new("42P01", format!("relation \"{text}\" does not exist"))));
                }
                other => other.unwrap_or(Value::Something),
            },
            ("regnamespace", Value::Text(text)) => {
                let name: SmolStr = unquoted(text);
                if !self.world.catalog.schemas.contains(&name) && !name.starts_with("pg_") && name != "information_schema" {
                    return Err(Stop::Failed(SqlError::new("3F000", format!("schema \"{name}\" does not exist"))));
                }
                Value::Object { object: Arc::new(Object::Schema(name)), named: true }
            }
            ("regrole", Value::Text(text)) => {
                let name: SmolStr = unquoted(text);
                if !self.is_role(&name) {
                    return Err(Stop::Failed(SqlError::new("42704", format!("role \"{name}\" does not exist"))));
                }
                Value::Object { object: Arc::new(Object::Role(name)), named: true }
            }
            ("regtype", Value::Text(text)) => self.regtype(text).unwrap_or(Value::Something),
            ("regprocedure" | "regproc", Value::Text(text)) => match self.regprocedure(text) {
                Some(Value::Null) => {
                    return Err(Stop::Failed(SqlError::new("42883", format!("function \"{text}\" does not exist"))));
                }
                other => other.unwrap_or(Value::Something),
            },
            (_, Value::Object { object, .. }) if name.starts_with("reg") => Value::Object { object: object.clone(), named: true },
            ("oid", Value::Object { object, .. }) => Value::Object { object: object.clone(), named: false },
            ("text" | "character varying" | "name" | "character" | "\"char\"" | "citext", _) => match &value {
                Value::Printed(_) | Value::Definition(_) => value,
                Value::Bool(value) => Value::text(if *value { "true" } else { "false" }),
                other => render(other, &visible).map_or(Value::Something, Value::Text),
            },
            ("integer" | "bigint" | "smallint" | "numeric" | "oid", Value::Text(text)) => match text.trim().parse() {
                Ok(number) => Value::Int(number),
                Err(_) if name != "numeric" && !text.trim().starts_with(|c: char| c.is_ascii_digit() || c == '-' || c == '+') => {
                    return invalid(text);
                }
                Err(_) => Value::Something,
            },
            ("integer" | "bigint" | "smallint" | "numeric" | "oid", Value::Int(_)) => value,
            ("integer", Value::Bool(value)) => Value::Int(i64::from(*value)),
            ("boolean", Value::Bool(_)) => value,
            ("boolean", Value::Int(value)) => Value::Bool(*value != 0),
            ("boolean", Value::Text(text)) => match text.trim().to_ascii_lowercase().as_str() {
                "t" | "true" | "yes" | "on" | "1" | "y" => Value::Bool(true),
                "f" | "false" | "no" | "off" | "0" | "n" => Value::Bool(false),
                _ => return invalid(text),
            },
            ("uuid", Value::Text(text)) => Value::text(text.to_ascii_lowercase()),
            (_, Value::Record(_)) => value,
            (_, Value::Text(_)) if !to.builtin => value,
            _ => Value::Something,
        })
    }
}

/// Returns a field of a row.
pub fn field_of(base: &Value, field: &str) -> Value {
    match base {
        Value::Null => Value::Null,
        Value::Record(record) => record.fields.iter().find(|(name, _)| name == field).map_or(Value::Unknown, |(_, value)| value.clone()),
        _ => Value::Unknown,
    }
}

/// Returns a name without its quotes, or in lower case if it has none.
pub fn unquoted(text: &str) -> SmolStr {
    match text.trim().strip_prefix('"').and_then(|text| text.strip_suffix('"')) {
        Some(quoted) => quoted.replace("\"\"", "\"").into(),
        None => text.trim().to_lowercase().into(),
    }
}

fn negate(value: Value, negated: bool) -> Value {
    if negated { not(&value) } else { value }
}

/// Returns the value if all are equal, [`Value::Something`] if none can be NULL, or else [`Value::Unknown`].
fn one_of(values: Vec<Value>) -> Value {
    let Some(first) = values.first() else { return Value::Null };
    if values.iter().all(|value| value == first) {
        first.clone()
    } else if values.iter().all(|value| value.is_null() == Some(false)) {
        Value::Something
    } else {
        Value::Unknown
    }
}

fn ordering(a: &Value, b: &Value, holds: fn(Ordering) -> bool) -> Value {
    if *a == Value::Null || *b == Value::Null {
        return Value::Null;
    }
    // the order of different texts depends on the collation
    match (a, b) {
        (Value::Text(left), Value::Text(right))
            if left != right && !left.bytes().chain(right.bytes()).all(|c| c.is_ascii_digit() || b"-:T. +".contains(&c)) =>
        {
            Value::Unknown
        }
        _ => Value::known(compare(a, b).map(holds)),
    }
}

fn arithmetic(op: &str, a: &Value, b: &Value) -> Ran<Value> {
    let (Some(a), Some(b)) = (a.as_int(), b.as_int()) else { return Ok(Value::Unknown) };
    let result = match op {
        "+" => a.checked_add(b),
        "-" => a.checked_sub(b),
        "*" => a.checked_mul(b),
        _ if b == 0 => return Err(Stop::Failed(SqlError::new("22012", "division by zero"))),
        "/" => a.checked_div(b),
        _ => a.checked_rem(b),
    };
    Ok(result.map_or(Value::Something, Value::Int))
}

fn contains(all: &Value, some: &Value) -> Value {
    let items = |value: &Value| match value {
        Value::Array(items) => Some(items.to_vec()),
        Value::Text(text) => parse_array(text),
        _ => None,
    };
    let (Some(all), Some(some)) = (items(all), items(some)) else { return Value::Unknown };
    if all.len().saturating_mul(some.len()) > MAX_PAIRS {
        return Value::Unknown;
    }
    let holds_all = some.iter().map(|wanted| all.iter().fold(Value::Bool(false), |found, item| or(&found, &equal(item, wanted))));
    holds_all.fold(Value::Bool(true), |a, b| and(&a, &b))
}

fn overlaps(a: &Value, b: &Value) -> Value {
    let (Value::Array(a), Value::Array(b)) = (a, b) else { return Value::Unknown };
    if a.len().saturating_mul(b.len()) > MAX_PAIRS {
        return Value::Unknown;
    }
    let pairs = a.iter().flat_map(|a| b.iter().map(move |b| equal(a, b)));
    pairs.fold(Value::Bool(false), |a, b| or(&a, &b))
}
