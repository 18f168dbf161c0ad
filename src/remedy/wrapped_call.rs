//! Calls in policies that run once per row, and the edits that wrap each of them in a subquery, which runs once.

use super::policy_edit::{Edits, text};
use crate::analysis::caller_check::{BodyEffects, is_session_call, own_function};
use crate::analysis::eval_frequency::{self, EvalFrequency};
use crate::analysis::policy_reads::Reads;
use crate::analysis::prelude::*;
use crate::project::Platform;

/// A call that costs less in a subquery.
pub struct Bare {
    pub span: Span,
    /// Range to wrap: the call, or the whole expression if it depends only on settings.
    pub whole: Span,
    pub often: EvalFrequency,
    pub name: String,
    /// Table that a function of the project reads, if any.
    pub reads: Option<QName>,
    pub safe: bool,
    /// Array type to which the subquery has to be cast inside `ANY (…)`.
    pub array: Option<SmolStr>,
}

pub fn bare_calls(cx: &State, clause: &Expression) -> Vec<Bare> {
    let mut out: Vec<Bare> = Vec::new();
    let mut arrays: Vec<Span> = Vec::new();
    let mut made: Vec<Span> = Vec::new();
    eval_frequency::visit(&clause.root, &mut |expr, often| {
        if let ExprKind::Quantified { right, .. } = &expr.kind {
            arrays.push(right.span);
        }
        // PostgreSQL reads `ANY ((select …))` as a subquery with several rows
        if is_made_of_settings(expr) && !arrays.contains(&expr.span) {
            made.push(expr.span);
        }
        let Some(call) = expr.as_call() else { return Some(EvalFrequency::Row) };
        let plain = call.over.is_none() && call.filter.is_none();
        // outer expressions are visited first
        let whole = made.iter().copied().find(|span| span.contains(expr.span)).unwrap_or(expr.span);
        let bare = |name: String| Bare { span: expr.span, whole, often, name, reads: None, safe: true, array: None };
        if is_session_call(call) && plain {
            if often > EvalFrequency::Once && !eval_frequency::depends_on_row(expr) {
                out.push(bare(call.name.to_string()));
            }
            return None;
        }
        let Some(function) = own_function(cx, call) else { return Some(EvalFrequency::Row) };
        if eval_frequency::depends_on_row(expr) {
            return Some(EvalFrequency::CostlyArgument);
        }
        let effects = BodyEffects::of(cx, function);
        if effects.writes || !plain || !(effects.identifies_caller || effects.reads.is_some()) {
            return Some(EvalFrequency::CostlyArgument);
        }
        let returns = function.returns.as_ref().filter(|_| arrays.contains(&expr.span));
        if often > EvalFrequency::Once {
            out.push(Bare {
                reads: effects.reads,
                safe: function.volatility != Volatility::Volatile,
                array: returns.map(DataType::canonical),
                ..bare(function.name.to_string())
            });
        }
        None
    });
    out
}

/// Returns whether an expression consists of settings, casts, JSON access and replacements for NULL. These cost as much as the call.
fn is_made_of_settings(expr: &Expr) -> bool {
    match &expr.kind {
        ExprKind::Call(call) if call.name.last() == "current_setting" => is_session_call(call),
        ExprKind::Call(call) if matches!(call.name.last(), "coalesce" | "nullif") => {
            let (constants, others): (Vec<&Arg>, Vec<&Arg>) = call.args.iter().partition(|arg| is_constant(&arg.value));
            constants.len() < call.args.len() && others.iter().all(|arg| is_made_of_settings(&arg.value))
        }
        ExprKind::Cast { expr, .. } => is_made_of_settings(expr),
        ExprKind::Binary { op, left, right } if matches!(op.as_str(), "->" | "->>" | "#>" | "#>>") => {
            is_made_of_settings(left) && is_constant(right)
        }
        _ => false,
    }
}

fn is_constant(expr: &Expr) -> bool {
    match &expr.kind {
        ExprKind::String(_) | ExprKind::Number(_) | ExprKind::Bool(_) | ExprKind::Null => true,
        ExprKind::Cast { expr, .. } => is_constant(expr),
        ExprKind::Array(items) => items.iter().all(is_constant),
        _ => false,
    }
}

/// Returns replacements that wrap each call in a subquery, and the expressions around a setting in another subquery. Supabase's advisor
/// accepts a call only if `select` is directly before it. On other platforms, there is no inner subquery.
pub fn wraps(cx: &State, clause: &Expression, calls: &[Bare]) -> Edits {
    let each = |call: &Bare| {
        let text = text(cx, clause, call.span, &Edits::new());
        match &call.array {
            Some(array) => format!("(select {text})::{array}"),
            None => format!("(select {text})"),
        }
    };
    let advised = cx.platform() == Platform::Supabase;
    let mut edits = Edits::new();
    for call in calls {
        if call.whole == call.span {
            edits.push((call.span, each(call)));
        } else if edits.iter().all(|(span, _)| *span != call.whole) {
            let within = calls.iter().filter(|other| advised && other.whole == call.whole);
            let inner: Edits = within.map(|call| (call.span, each(call))).collect();
            edits.push((call.whole, format!("(select {})", text(cx, clause, call.whole, &inner))));
        }
    }
    edits
}

/// Returns the replacements for a clause of a policy, or of a new policy for another command with the same roles. There are none if the
/// first subquery in the policy would make PostgreSQL reject queries.
pub fn wrapped_in(cx: &State, table: &Table, policy: &Policy, command: Command, clause: &Expression) -> Edits {
    let edits = wrapped(cx, clause);
    if !edits.is_empty() && Reads::new(cx).closed_by(table, policy, command).is_some() { Edits::new() } else { edits }
}

/// Returns the replacements for a clause of a policy that contains a subquery, or whose table no policy reads.
pub fn wrapped(cx: &State, clause: &Expression) -> Edits {
    wraps(cx, clause, &bare_calls(cx, clause))
}
