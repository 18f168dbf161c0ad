//! Policies that call an auth function once per row instead of once per statement. A subquery makes the call run once.

use super::caller::{Hidden, is_session_call, own_function, pinned};
use super::edit::{Edits, alter, in_place, rests_on_text, text};
use super::often::{self, Often};
use crate::project::Platform;
use crate::rules::prelude::*;

rule!("rls/bare-auth-call", Performance, Error, Schema(check), fixable);

/// A call that is cheaper in a subquery.
struct Bare {
    span: Span,
    /// Range to wrap: the call, or the whole expression that depends only on a setting.
    whole: Span,
    often: Often,
    name: String,
    /// Table that the function reads, if it is a function of the project.
    reads: Option<QName>,
    safe: bool,
    /// Array type of the cast that `ANY (…)` needs around a subquery.
    array: Option<SmolStr>,
}

fn check(cx: &mut Cx) {
    for (table, policy) in cx.policies() {
        if is_bypassed(cx, policy) {
            continue;
        }
        let found: Vec<(&Expression, Vec<Bare>)> = policy.clauses().map(|(_, clause)| (clause, bare_calls(cx, clause))).collect();
        if found.iter().any(|(_, calls)| !calls.is_empty()) {
            report(cx, table, policy, &found);
        }
    }
}

fn report(cx: &mut Cx, table: &Table, policy: &Policy, found: &[(&Expression, Vec<Bare>)]) {
    let using = |clause: &Expression| policy.using.as_ref().is_some_and(|using| using.site == clause.site);
    // what writes are checked against is asked of the rows written, few as they are
    let weight = |clause: &Expression, call: &Bare| (using(clause), call.often);
    let all = || found.iter().flat_map(|(clause, calls)| calls.iter().map(move |call| (*clause, call)));
    let Some(worst) = all().map(|(clause, call)| weight(clause, call)).max() else { return };
    let concerned: Vec<(&Expression, &Bare)> = all().filter(|(clause, call)| weight(clause, call) == worst).collect();
    let Some(&(clause, first)) = concerned.first() else { return };
    let place = Site::new(clause.site.file, first.span);
    let rows = &table.name.name;
    let once = if concerned.len() == 1 { "once per row" } else { "per row" };
    let when = match worst {
        (_, Often::Inner | Often::Once) => format!("{once} that a subquery reads"),
        (false, _) => format!("{once} written to `{rows}`"),
        (true, Often::Row) => format!("{once} of `{rows}`"),
        (true, Often::Beside) => format!("{once} of `{rows}`, as an argument of a function that costs more"),
    };
    let index = index_of(cx, table, policy);
    // the Storage API looks objects up by bucket and name
    let looked_up = index.is_some() || table.created.is_platform();
    let severity = match worst {
        (true, Often::Row) if !table.rls.value => Severity::Info,
        (true, Often::Row) if looked_up => Severity::Warn,
        (true, Often::Row) => Severity::Error,
        _ => Severity::Info,
    };
    let message = format!("policy \"{}\" on `{}` calls {} {when}", policy.name, table.name, named(&concerned));
    let edits: Vec<Edits> = found.iter().map(|(clause, calls)| wraps(cx, clause, calls)).collect();
    let example = edits.iter().flatten().find(|(span, _)| *span == first.whole).map(|(_, text)| one_line(text)).unwrap_or_default();
    let safety = if all().all(|(_, call)| call.safe) { Safety::Safe } else { Safety::Review };
    let (safety, known) = rests_on_text(cx, policy, safety);
    let step = alter(cx, table, policy, &edits);
    let rewrite: Vec<Edit> = found.iter().zip(&edits).flat_map(|((clause, _), edits)| in_place(clause, edits)).collect();
    let help = match first.safe {
        true if first.whole != first.span => format!("Wrap the whole expression in a subquery, which runs once: `{example}`."),
        true => format!("Wrap the call in a subquery, which runs once: `{example}`."),
        false => format!("Declare the function STABLE if it only reads, and wrap the call in a subquery: `{example}`."),
    };
    let advisor = is_advised(table, policy);
    let draft = cx.report((table, policy), place, message);
    draft.label(when).severity(severity).help(help).given(table.rls.certainty).given(known);
    draft.fix(safety, format!("Wrap the calls in policy \"{}\" in subqueries", policy.name), [step]).rewrite(rewrite);
    for (clause, call) in concerned.iter().skip(1).take(2) {
        draft.because(Site::new(clause.site.file, call.span), "also called here");
    }
    if let Some(index) = index {
        draft.because(index.named, "queries that use this index evaluate the call once, and other queries once per row");
    }
    if advisor {
        draft.advisor("auth_rls_initplan", format!("auth_rls_init_plan_{}_{}_{}", table.name.schema, table.name.name, policy.name));
    }
}

/// Returns the names of the calls, with their numbers if there is more than one.
fn named(calls: &[(&Expression, &Bare)]) -> String {
    let mut names: Vec<&str> = Vec::new();
    for (_, call) in calls {
        if !names.contains(&call.name.as_str()) {
            names.push(&call.name);
        }
    }
    let reads = calls.iter().find_map(|(_, call)| call.reads.as_ref().map(|read| (call, read)));
    match (names.as_slice(), reads) {
        ([name], Some((_, read))) if calls.len() == 1 => format!("{name}(), which reads `{read}`,"),
        ([name], _) if calls.len() == 1 => format!("{name}()"),
        ([name], _) => format!("{name}() {} times", calls.len()),
        (names, _) => {
            let (last, rest) = names.split_last().expect("a call has a name");
            format!("{}() and {last}()", rest.join("(), "))
        }
    }
}

/// Returns whether all roles of a policy bypass row level security.
fn is_bypassed(cx: &Cx, policy: &Policy) -> bool {
    policy.roles.iter().all(|role| cx.catalog.roles.get(role).is_some_and(|role| role.bypass_rls))
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn bare_calls(cx: &Cx, clause: &Expression) -> Vec<Bare> {
    let mut out: Vec<Bare> = Vec::new();
    let mut arrays: Vec<Span> = Vec::new();
    let mut made: Vec<Span> = Vec::new();
    often::visit(&clause.root, &mut |expr, often| {
        if let ExprKind::Quantified { right, .. } = &expr.kind {
            arrays.push(right.span);
        }
        // `ANY ((select …))` would take the sub-select for a set
        if is_made_of_settings(expr) && !arrays.contains(&expr.span) {
            made.push(expr.span);
        }
        let Some(call) = expr.as_call() else { return Some(Often::Row) };
        let plain = call.over.is_none() && call.filter.is_none();
        // what stands outside is visited first
        let whole = made.iter().copied().find(|span| span.contains(expr.span)).unwrap_or(expr.span);
        let bare = |name: String| Bare { span: expr.span, whole, often, name, reads: None, safe: true, array: None };
        if is_session_call(call) && plain {
            if often > Often::Once && !often::depends_on_row(expr) {
                out.push(bare(call.name.to_string()));
            }
            return None;
        }
        let Some(function) = own_function(cx, call) else { return Some(Often::Row) };
        if often::depends_on_row(expr) {
            return Some(Often::Beside);
        }
        let hidden = Hidden::of(cx, function);
        if hidden.writes || !plain || !(hidden.asks || hidden.reads.is_some()) {
            return Some(Often::Beside);
        }
        let returns = function.returns.as_ref().filter(|_| arrays.contains(&expr.span));
        if often > Often::Once {
            out.push(Bare {
                reads: hidden.reads,
                safe: function.volatility != Volatility::Volatile,
                array: returns.map(DataType::canonical),
                ..bare(function.name.to_string())
            });
        }
        None
    });
    out
}

/// Returns whether an expression only casts, reads JSON from or replaces NULL of a setting. It then costs as much as the call.
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

/// Returns replacements that wrap each call, and each expression on a setting, in a subquery. Supabase's advisor recognizes a wrapped call
/// by the `select` right before it, so calls in such expressions are wrapped twice. Projects on other platforms get one subquery.
fn wraps(cx: &Cx, clause: &Expression, calls: &[Bare]) -> Edits {
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

/// Returns the replacements that wrap all calls of a clause.
pub fn wrapped(cx: &Cx, clause: &Expression) -> Edits {
    wraps(cx, clause, &bare_calls(cx, clause))
}

/// Returns an index with which PostgreSQL finds the rows that a policy allows, so that it rarely evaluates the policy for other rows.
fn index_of<'a>(cx: &Cx, table: &'a Table, policy: &Policy) -> Option<&'a Index> {
    let of = |policy: &Policy| {
        let columns: Vec<SmolStr> =
            policy.using.iter().flat_map(|using| using.root.conjuncts()).filter_map(|conjunct| pinned(cx, conjunct)).collect();
        let serves = |index: &&Index| {
            index.predicate.is_none()
                && index.columns.first().is_some_and(|first| first.column.as_ref().is_some_and(|c| columns.contains(c)))
        };
        table.indexes.iter().find(serves)
    };
    let beside = |other: &&Policy| {
        other.permissive && (other.command == Command::All || policy.command == Command::All || other.command == policy.command)
    };
    // an OR with what no index finds is found by none
    table.policies.iter().filter(beside).all(|other| of(other).is_some()).then(|| of(policy))?
}

/// Returns whether Supabase's advisor reports the policy too. It searches for `auth.uid()` without `select auth.uid()` in the text.
fn is_advised(table: &Table, policy: &Policy) -> bool {
    let called = |clause: &Expression, wanted: &str| {
        let is = |expr: &Expr| expr.as_call().is_some_and(|call| is_session_call(call) && call.name.last() == wanted);
        let selected = |query: &&Query| query.body.selects().iter().any(|select| select.targets.first().is_some_and(|t| is(&t.expr)));
        clause.root.all().into_iter().any(is) && !clause.root.queries().iter().any(selected)
    };
    let passed_over = matches!(table.name.schema.as_str(), "auth" | "storage" | "cron" | "extensions" | "net" | "vault");
    let functions = ["uid", "jwt", "role", "email", "current_setting"];
    table.rls.value && !passed_over && policy.clauses().any(|(_, clause)| functions.iter().any(|name| called(clause, name)))
}
