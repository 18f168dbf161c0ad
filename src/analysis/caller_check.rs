//! Calls that identify the caller, also inside functions of the project.

use crate::analysis::eval_frequency::depends_on_row;
use crate::analysis::prelude::*;

/// Maximum depth of nested function calls that are followed.
const DEPTH: usize = 4;

/// Returns whether a call identifies the caller and has the same result for the whole statement.
pub fn is_session_call(call: &Call) -> bool {
    let name = &call.name;
    let auth = name.schema() == Some("auth") && matches!(name.last(), "uid" | "jwt" | "role" | "email");
    auth && call.args.is_empty() || name.last() == "current_setting" && name.schema().is_none_or(|schema| schema == "pg_catalog")
}

/// Returns the function of the project that a call runs, if it is unambiguous. PostgreSQL evaluates IMMUTABLE functions in advance.
pub fn own_function<'a>(cx: &State<'a>, call: &Call) -> Option<&'a Function> {
    match cx.catalog.callable(&call.name, call.args.len()).as_slice() {
        [function] => Some(*function).filter(|function| {
            !function.at.is_platform()
                && !function.of_extension
                && function.volatility != Volatility::Immutable
                && function.returns.as_ref().is_none_or(|returns| !returns.setof)
        }),
        _ => None,
    }
}

/// Returns whether an expression depends on the caller, directly or through a function of the project.
pub fn depends_on_caller(cx: &State, root: &Expr) -> bool {
    let of_caller = |function: &Function| BodyEffects::of(cx, function).identifies_caller;
    root.all().into_iter().filter_map(Expr::as_call).any(|call| is_session_call(call) || own_function(cx, call).is_some_and(of_caller))
}

/// The effects of the body of a function and of the functions that it calls.
#[derive(Default)]
pub struct BodyEffects {
    pub identifies_caller: bool,
    pub reads: Option<QName>,
    pub writes: bool,
}

impl BodyEffects {
    pub fn of(cx: &State, function: &Function) -> BodyEffects {
        BodyEffects::to_depth(cx, function, DEPTH)
    }

    fn to_depth(cx: &State, function: &Function, depth: usize) -> BodyEffects {
        let mut out = BodyEffects::default();
        for (origin, code) in cx.code_of(function) {
            out.writes |= matches!(code, Code::Data(data) if !matches!(data, Data::Query(_)));
            code.walk(&mut |node| {
                match node {
                    Node::From(item) => out.reads = out.reads.take().or_else(|| origin.relation(item)),
                    Node::Expr(Expr { kind: ExprKind::Call(call), .. }) if is_session_call(call) => out.identifies_caller = true,
                    Node::Expr(Expr { kind: ExprKind::Call(call), .. }) if depth > 0 => {
                        let inner =
                            own_function(cx, call).map(|function| BodyEffects::to_depth(cx, function, depth - 1)).unwrap_or_default();
                        out.identifies_caller |= inner.identifies_caller;
                        out.writes |= inner.writes;
                        out.reads = out.reads.take().or(inner.reads);
                    }
                    Node::Expr(_) | Node::Query(_) => {}
                }
                Walk::Into
            });
        }
        out
    }
}

/// Returns the column of the policy's table that an equality compares with the caller.
pub fn pinned(cx: &State, conjunct: &Expr) -> Option<SmolStr> {
    let (left, right) = conjunct.equality()?;
    let column = |expr: &Expr| match (&expr.kind, expr.column()) {
        (ExprKind::Column { binding: Binding::Column { depth: 0, .. }, .. }, Some(name)) => Some(SmolStr::from(name)),
        _ => None,
    };
    match (column(left), column(right)) {
        (Some(name), None) if !depends_on_row(right) && depends_on_caller(cx, right) => Some(name),
        (None, Some(name)) if !depends_on_row(left) && depends_on_caller(cx, left) => Some(name),
        _ => None,
    }
}
