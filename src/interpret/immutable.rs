//! What must give the same value for ever: index expressions and predicates, and generated columns.
//! Source: PostgreSQL's documentation, "Function Volatility Categories" and CREATE INDEX.

use super::Context;
use crate::catalog::Contradiction;
use crate::catalog::object::{Certainty, DataType, Expression};
use crate::syntax::ast::Volatility;
use crate::syntax::expression::{Call, Expr, ExprKind};

/// Functions of PostgreSQL itself that depend on time, session or chance.
const MUTABLE: [&str; 18] = [
    "now",
    "current_timestamp",
    "current_date",
    "current_time",
    "localtime",
    "localtimestamp",
    "transaction_timestamp",
    "statement_timestamp",
    "clock_timestamp",
    "timeofday",
    "random",
    "gen_random_uuid",
    "current_setting",
    "current_user",
    "session_user",
    "nextval",
    "currval",
    "to_regclass",
];

fn is_zoned(ty: &DataType) -> bool {
    ty.is("timestamp with time zone")
}

impl Context<'_> {
    /// Refuses an expression that is known to change its value; `reason` is how PostgreSQL says so of it.
    pub fn require_immutable(&self, expression: &Expression, reason: &'static str) -> Result<(), Contradiction> {
        match expression.root.all().iter().any(|part| self.is_mutable(part)) {
            true => Err(Contradiction::new("42P17", reason)),
            false => Ok(()),
        }
    }

    fn is_mutable(&self, expr: &Expr) -> bool {
        let zoned = |expr: &Expr| self.type_of(expr).is_some_and(|ty| is_zoned(&ty));
        match &expr.kind {
            ExprKind::Call(call) if call.name.last() == "date_trunc" => call.args.len() == 2 && zoned(&call.args[1].value),
            ExprKind::Call(call) if call.name.last() == "to_timestamp" => call.args.len() == 2,
            ExprKind::Call(call) => self.calls_mutable(call),
            // which day or hour it is depends on the time zone of the session
            ExprKind::Cast { expr, to } => {
                let to = self.data_type(to);
                let local = ["date", "text", "timestamp without time zone", "time without time zone", "character varying"];
                zoned(expr) && local.iter().any(|name| to.is(name))
            }
            _ => false,
        }
    }

    fn calls_mutable(&self, call: &Call) -> bool {
        let builtin = call.name.schema().is_none_or(|schema| schema == "pg_catalog");
        if builtin && MUTABLE.contains(&call.name.last()) {
            return true;
        }
        let candidates = self.catalog.callable(&call.name, call.args.len());
        // PostgreSQL looks into the bodies of SQL functions, and takes what it finds there
        let mutable = |function: &&crate::catalog::object::Function| {
            function.volatility != Volatility::Immutable && function.language != "sql" && function.certainty == Certainty::Certain
        };
        !candidates.is_empty() && candidates.iter().all(mutable)
    }
}
