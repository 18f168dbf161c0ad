//! Functions and casts that are not IMMUTABLE, which PostgreSQL rejects in indexes and generated columns.
//!
//! Promises: a reported rejection is certain. If the type of an argument is unknown, nothing is reported.
//! Source: `pg_proc.provolatile`, and PostgreSQL's documentation, "Function Volatility Categories".

use super::{Context, Meaning};
use crate::catalog::SqlError;
use crate::catalog::object::{DataType, TypeKind, Volatility};
use crate::syntax::expression::{Call, Expr, ExprKind};

/// Functions that are STABLE or VOLATILE for all arguments.
const NOT_IMMUTABLE: [&str; 35] = [
    "now",
    "current_timestamp",
    "current_date",
    "current_time",
    "localtime",
    "localtimestamp",
    "statement_timestamp",
    "clock_timestamp",
    "transaction_timestamp",
    "timeofday",
    "random",
    "gen_random_uuid",
    "current_user",
    "session_user",
    "current_role",
    "current_setting",
    "to_char",
    "to_date",
    "to_number",
    "concat",
    "concat_ws",
    "format",
    "nextval",
    "currval",
    "array_to_string",
    "to_json",
    "to_jsonb",
    "row_to_json",
    "json_build_object",
    "jsonb_build_object",
    "json_build_array",
    "jsonb_build_array",
    "make_timestamptz",
    "set_config",
    "pg_backend_pid",
];

/// Functions that are STABLE only for `timestamp with time zone`, because the result depends on the time zone of the session.
const STABLE_FOR_TIMESTAMPTZ: [&str; 3] = ["date_trunc", "date_part", "extract"];

const WITH_ZONE: &str = "timestamp with time zone";

impl Context<'_> {
    /// Returns an error if the expression of an index, its predicate or a generated column is not immutable.
    pub fn require_immutable(&self, expr: &Expr, reason: &str) -> Meaning {
        if expr.all().iter().any(|part| self.may_change(part)) {
            return Err(SqlError::new("42P17", reason));
        }
        Ok(())
    }

    fn may_change(&self, expr: &Expr) -> bool {
        match &expr.kind {
            ExprKind::Call(call) => self.call_may_change(call),
            ExprKind::Cast { expr, to } => match self.plain_type(expr) {
                Some(from) => self.cast_may_change(&from, &self.data_type(to)),
                None => false,
            },
            ExprKind::Binary { op, left, right } => self.operator_may_change(op, left, right),
            _ => false,
        }
    }

    /// Returns whether the operator depends on the time zone of the session: sums of `timestamp with time zone` and an interval, and
    /// comparisons of it with another type of time stamp or a date.
    /// Source: `pg_operator` and `pg_proc.provolatile`.
    fn operator_may_change(&self, op: &str, left: &Expr, right: &Expr) -> bool {
        let (left, right) = (self.type_of(left), self.type_of(right));
        let (Some(left), Some(right)) = (left, right) else { return false };
        match op {
            "+" | "-" => left.is(WITH_ZONE) && right.is("interval") || left.is("interval") && right.is(WITH_ZONE),
            "=" | "<>" | "!=" | "<" | ">" | "<=" | ">=" => {
                let mixed = |one: &DataType, other: &DataType| one.is(WITH_ZONE) && other.is_timestamp() && !other.is(WITH_ZONE);
                mixed(&left, &right) || mixed(&right, &left)
            }
            _ => false,
        }
    }

    fn call_may_change(&self, call: &Call) -> bool {
        let name = call.name.last();
        let own = self.catalog.callable(&call.name, call.args.len());
        if !own.is_empty() {
            // PostgreSQL inlines functions in SQL, and checks the volatility of the body
            return own.iter().all(|function| function.volatility != Volatility::Immutable && function.language != "sql");
        }
        if call.name.schema().is_some_and(|schema| schema != "pg_catalog") {
            return false;
        }
        if STABLE_FOR_TIMESTAMPTZ.contains(&name) && call.args.len() == 2 {
            return self.plain_type(&call.args[1].value).is_some_and(|ty| ty.is(WITH_ZONE));
        }
        // the rules of the named time zone can change
        if name == "date_trunc" && call.args.len() == 3 {
            return self.plain_type(&call.args[1].value).is_some_and(|ty| ty.is(WITH_ZONE));
        }
        // equal to a cast
        if name == "date" && call.args.len() == 1 {
            let from = self.plain_type(&call.args[0].value);
            return from.is_some_and(|from| self.cast_may_change(&from, &DataType::builtin("date")));
        }
        NOT_IMMUTABLE.contains(&name)
            || (matches!(name, "age" | "to_tsvector") && call.args.len() == 1)
            || (name == "to_timestamp" && call.args.len() == 2)
    }

    /// Returns whether a cast depends on the time zone or date style of the session, or on the labels of an enum.
    fn cast_may_change(&self, from: &DataType, to: &DataType) -> bool {
        let zone = from.is(WITH_ZONE) != to.is(WITH_ZONE) && (from.is_timestamp() || to.is_timestamp());
        let text = |ty: &DataType| ty.is("text") || ty.is("character varying");
        let dated = |ty: &DataType| ty.is_timestamp() || ty.is("interval") || self.is_enum(ty);
        // the input function of an interval is STABLE, and its output function is IMMUTABLE
        (zone && from.is_timestamp() && to.is_timestamp()) || (text(from) && dated(to)) || (text(to) && dated(from) && !from.is("interval"))
    }

    pub(super) fn is_enum(&self, ty: &DataType) -> bool {
        ty.user.as_ref().and_then(|name| self.catalog.types.get(name)).is_some_and(|ty| matches!(ty.kind, TypeKind::Enum(_)))
    }

    /// Returns the type of an expression that is not a constant. PostgreSQL converts constants when it parses the statement.
    fn plain_type(&self, expr: &Expr) -> Option<DataType> {
        match &expr.kind {
            ExprKind::String(_) | ExprKind::Number(_) | ExprKind::Null | ExprKind::Bool(_) => None,
            ExprKind::Binary { op, .. } if matches!(op.as_str(), "->>" | "#>>") => Some(DataType::builtin("text")),
            ExprKind::Binary { op, left, .. } if op == "at time zone" => {
                let inner = self.plain_type(left)?;
                Some(DataType::builtin(if inner.is(WITH_ZONE) { "timestamp without time zone" } else { WITH_ZONE }))
            }
            ExprKind::Cast { expr, to } => {
                let constant = matches!(expr.kind, ExprKind::String(_) | ExprKind::Number(_) | ExprKind::Null | ExprKind::Bool(_));
                (!constant).then(|| self.data_type(to))
            }
            ExprKind::Column { .. } => self.type_of(expr),
            _ => None,
        }
    }
}
