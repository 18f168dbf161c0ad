//! Possible results of the conditions of policies for a role.
//!
//! Promises: a condition is evaluated in SQL's three-valued logic, with everything that the role alone decides: whether there is a user,
//! and the role itself. What depends on the row, on data or on a function of the project can have any result.
//! Source: PostgreSQL's documentation, "Logical Operators", and Supabase's "auth.uid() returns null when unauthenticated".

use crate::analysis::identity_helpers::{is_auth_call, is_uid};
use crate::analysis::prelude::*;
use crate::analysis::row_columns::row_column;

/// The results that a condition can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outcomes(u8);

impl Outcomes {
    pub const TRUE: Outcomes = Outcomes(1);
    pub const FALSE: Outcomes = Outcomes(2);
    pub const NULL: Outcomes = Outcomes(4);
    pub const ANY: Outcomes = Outcomes(7);

    fn of(value: bool) -> Outcomes {
        if value { Outcomes::TRUE } else { Outcomes::FALSE }
    }

    /// Returns whether the condition holds for every row and every user with the role.
    pub fn is_always_true(self) -> bool {
        self == Outcomes::TRUE
    }

    /// Returns whether the condition holds for no row.
    pub fn is_never_true(self) -> bool {
        !self.may_be(Outcomes::TRUE)
    }

    fn may_be(self, other: Outcomes) -> bool {
        self.0 & other.0 != 0
    }

    fn or_else(self, other: Outcomes) -> Outcomes {
        Outcomes(self.0 | other.0)
    }

    fn each(self) -> impl Iterator<Item = Outcomes> {
        [Outcomes::TRUE, Outcomes::FALSE, Outcomes::NULL].into_iter().filter(move |one| self.may_be(*one))
    }

    fn combined(self, other: Outcomes, combine: fn(Outcomes, Outcomes) -> Outcomes) -> Outcomes {
        let pairs = self.each().flat_map(|left| other.each().map(move |right| combine(left, right)));
        pairs.fold(Outcomes(0), Outcomes::or_else)
    }

    fn negated(self) -> Outcomes {
        let negate = |one: Outcomes| match one {
            Outcomes::TRUE => Outcomes::FALSE,
            Outcomes::FALSE => Outcomes::TRUE,
            null => null,
        };
        self.each().map(negate).fold(Outcomes(0), Outcomes::or_else)
    }
}

fn and(left: Outcomes, right: Outcomes) -> Outcomes {
    match (left, right) {
        (Outcomes::FALSE, _) | (_, Outcomes::FALSE) => Outcomes::FALSE,
        (Outcomes::TRUE, Outcomes::TRUE) => Outcomes::TRUE,
        _ => Outcomes::NULL,
    }
}

fn or(left: Outcomes, right: Outcomes) -> Outcomes {
    and(left.negated(), right.negated()).negated()
}

/// Returns the possible results of a condition for a role.
pub fn outcomes(expr: &Expr, role: &str) -> Outcomes {
    outcomes_given(expr, role, &|_| None)
}

/// Returns the possible results of a condition for a role, with known results of its parts.
pub fn outcomes_given(expr: &Expr, role: &str, known: &dyn Fn(&Expr) -> Option<Outcomes>) -> Outcomes {
    Evaluator { role, known }.of(expr)
}

/// Returns the result of `column is not null` for columns of the row that are NOT NULL. Use it with [`outcomes_given`].
pub fn of_not_null_columns(table: &Table) -> impl Fn(&Expr) -> Option<Outcomes> {
    move |expr| {
        let ExprKind::IsNull { expr, negated } = &expr.kind else { return None };
        let column = table.column(row_column(expr, table, 0)?)?;
        (column.not_null.value && column.not_null.certainty == Certainty::Certain).then_some(Outcomes::of(*negated))
    }
}

struct Evaluator<'e> {
    role: &'e str,
    known: &'e dyn Fn(&Expr) -> Option<Outcomes>,
}

impl Evaluator<'_> {
    fn of(&self, expr: &Expr) -> Outcomes {
        if let Some(known) = (self.known)(expr) {
            return known;
        }
        match &expr.kind {
            ExprKind::Logic { op: Logic::And, left, right } => self.of(left).combined(self.of(right), and),
            ExprKind::Logic { op: Logic::Or, left, right } => self.of(left).combined(self.of(right), or),
            ExprKind::Not(inner) => self.of(inner).negated(),
            ExprKind::Null => Outcomes::NULL,
            _ if expr.is_true() => Outcomes::TRUE,
            _ if expr.is_false() => Outcomes::FALSE,
            ExprKind::Cast { expr, .. } => self.of(expr),
            ExprKind::IsNull { expr, negated } => match self.is_null(expr) {
                Some(null) => Outcomes::of(null != *negated),
                None => Outcomes::TRUE.or_else(Outcomes::FALSE),
            },
            ExprKind::IsBool { expr, value, negated } => self.is_bool(expr, *value, *negated),
            ExprKind::Call(call) if call.name.last() == "coalesce" => self.coalesce(&call.args),
            ExprKind::Subquery(_) => unwrapped(expr).map_or(Outcomes::ANY, |inner| self.of(inner)),
            ExprKind::Exists { query, negated } => match query.select() {
                Some(select) if select.from.is_empty() && select.filter.is_none() => Outcomes::of(!negated),
                _ => Outcomes::TRUE.or_else(Outcomes::FALSE),
            },
            _ => self.comparison(expr),
        }
    }

    fn comparison(&self, expr: &Expr) -> Outcomes {
        if let Some((roles, negated)) = roles_compared(expr) {
            return Outcomes::of(roles.contains(&self.role) != negated);
        }
        match &expr.kind {
            // an operator on NULL is NULL
            ExprKind::Binary { op, left, right } if is_comparison(op) => match (self.is_null(left), self.is_null(right)) {
                (Some(true), _) | (_, Some(true)) => Outcomes::NULL,
                (Some(false), Some(false)) if op == "=" && is_uid(left) && is_uid(right) => Outcomes::TRUE,
                _ => Outcomes::ANY,
            },
            ExprKind::InList { expr, .. } if self.is_null(expr) == Some(true) => Outcomes::NULL,
            // no row of the subquery makes it false
            ExprKind::InQuery { expr, negated: false, .. } | ExprKind::Quantified { left: expr, all: false, .. }
                if self.is_null(expr) == Some(true) =>
            {
                Outcomes::NULL.or_else(Outcomes::FALSE)
            }
            _ => Outcomes::ANY,
        }
    }

    fn is_bool(&self, expr: &Expr, value: Option<bool>, negated: bool) -> Outcomes {
        let wanted = match value {
            Some(true) => Outcomes::TRUE,
            Some(false) => Outcomes::FALSE,
            None => Outcomes::NULL,
        };
        self.of(expr).each().map(|one| Outcomes::of((one == wanted) != negated)).fold(Outcomes(0), Outcomes::or_else)
    }

    fn coalesce(&self, args: &[Arg]) -> Outcomes {
        let mut out = Outcomes::NULL;
        for arg in args {
            if !out.may_be(Outcomes::NULL) {
                break;
            }
            out = Outcomes(out.0 & !Outcomes::NULL.0).or_else(self.of(&arg.value));
        }
        out
    }

    /// Returns whether a value is NULL for the role, or `None` if that is unknown.
    fn is_null(&self, expr: &Expr) -> Option<bool> {
        let value = unwrapped(expr).unwrap_or(expr).uncast();
        match &value.kind {
            _ if is_uid(value) => Some(self.role == "anon"),
            _ if is_role(value) => Some(false),
            // the key of anon is a JWT too
            ExprKind::Call(call) if call.name.is("auth", "jwt") => Some(false),
            ExprKind::String(_) | ExprKind::Number(_) | ExprKind::Bool(_) => Some(false),
            ExprKind::Null => Some(true),
            _ => None,
        }
    }
}

fn is_comparison(op: &str) -> bool {
    matches!(op, "=" | "<>" | "!=" | "<" | "<=" | ">" | ">=")
}

/// Returns the roles that `auth.role() = 'x'` and similar expressions compare with the role of the caller, and whether the comparison is
/// negated.
pub fn roles_compared(expr: &Expr) -> Option<(Vec<&str>, bool)> {
    match &expr.kind {
        ExprKind::InList { expr, list, negated } if is_role(expr) => {
            Some((list.iter().map(Expr::as_str).collect::<Option<_>>()?, *negated))
        }
        ExprKind::Quantified { left, op, all: false, right } if op == "=" && is_role(left) => match &right.uncast().kind {
            ExprKind::Array(list) => Some((list.iter().map(Expr::as_str).collect::<Option<_>>()?, false)),
            _ => None,
        },
        ExprKind::Binary { op, left, right } if matches!(op.as_str(), "=" | "<>" | "!=") => {
            let text = match (is_role(left), is_role(right)) {
                (true, false) => right.as_str()?,
                (false, true) => left.as_str()?,
                _ => return None,
            };
            Some((vec![text], op != "="))
        }
        _ => None,
    }
}

/// Returns whether an expression is the role of the caller: `auth.role()`, `auth.jwt() ->> 'role'`, `current_user`, or a setting with it.
pub fn is_role(expr: &Expr) -> bool {
    let expr = unwrapped(expr).unwrap_or(expr).uncast();
    match &expr.kind {
        ExprKind::Binary { op, left, right } if op == "->>" => {
            let source = unwrapped(left).unwrap_or(left).uncast();
            right.as_str() == Some("role") && source.as_call().is_some_and(is_auth_call)
        }
        ExprKind::Call(call) if call.name.last() == "current_setting" => {
            call.args.first().and_then(|arg| arg.value.as_str()).is_some_and(|name| matches!(name, "request.jwt.claim.role" | "role"))
        }
        ExprKind::Call(call) => {
            call.name.is("auth", "role")
                || call.name.parts.len() == 1 && matches!(call.name.last(), "current_user" | "current_role" | "user")
        }
        _ => false,
    }
}

/// Returns the expression that `(select x)` selects.
pub fn unwrapped(expr: &Expr) -> Option<&Expr> {
    let ExprKind::Subquery(query) = &expr.uncast().kind else { return None };
    let select = query.select().filter(|select| select.from.is_empty() && select.filter.is_none())?;
    match select.targets.as_slice() {
        [target] => Some(&target.expr),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::syntax::cursor::Cursor;
    use crate::syntax::{lexer, sql};

    #[test]
    fn a_role_decides_what_rests_on_it_alone() {
        for (text, anon, user) in [
            ("true", Outcomes::TRUE, Outcomes::TRUE),
            ("1 = 1 or owner = auth.uid()", Outcomes::TRUE, Outcomes::TRUE),
            ("auth.uid() is not null", Outcomes::FALSE, Outcomes::TRUE),
            ("(select auth.uid()) is null", Outcomes::TRUE, Outcomes::FALSE),
            ("auth.role() = 'authenticated'", Outcomes::FALSE, Outcomes::TRUE),
            ("(select auth.role()) <> 'anon'", Outcomes::FALSE, Outcomes::TRUE),
            ("auth.role() = any (array['anon', 'authenticated'])", Outcomes::TRUE, Outcomes::TRUE),
            ("(auth.jwt() ->> 'role') in ('service_role')", Outcomes::FALSE, Outcomes::FALSE),
            ("owner = auth.uid()", Outcomes::NULL, Outcomes::ANY),
            ("not (owner = auth.uid())", Outcomes::NULL, Outcomes::ANY),
            ("coalesce(owner = auth.uid(), true)", Outcomes::TRUE, Outcomes(3)),
            ("(owner = auth.uid()) is not true", Outcomes::TRUE, Outcomes(3)),
            ("auth.uid() = auth.uid()", Outcomes::NULL, Outcomes::TRUE),
            ("owner is not null", Outcomes(3), Outcomes(3)),
        ] {
            let tokens = lexer::tokens(text);
            let found =
                sql::expression(&mut Cursor::new(text, &tokens), tokens.len()).unwrap_or_else(|error| panic!("{text}: {}", error.message));
            assert_eq!((outcomes(&found, "anon"), outcomes(&found, "authenticated")), (anon, user), "{text}");
        }
    }
}
