//! A policy should ask who is calling once per statement, not once per row. A sub-select of its own makes it so.

use super::correlated_subquery;
use super::often::{self, Often};
use crate::rules::prelude::*;

rule!("rls/bare-auth-call", Performance, Error, Schema(check), fixable);

/// Functions that see through functions go no deeper than this.
const DEPTH: usize = 4;

/// A call that a sub-select of its own would make cheaper.
struct Bare {
    span: Span,
    often: Often,
    name: String,
    /// What the function reads, where it is one of the project's own.
    reads: Option<QName>,
    safe: bool,
    /// The array type that `ANY (…)` needs to be told, once a sub-select stands in it.
    array: Option<SmolStr>,
}

fn check(cx: &mut Cx) {
    for (table, policy) in cx.policies() {
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
    let rows = &table.name.name;
    let when = match worst {
        (true, Often::Row) => format!("once per row of `{rows}`"),
        (false, Often::Row) => format!("once per row written to `{rows}`"),
        (_, Often::Beside) => format!("once per row of `{rows}`, for a function that costs more than the call"),
        (_, Often::Inner | Often::Once) => "once per row that a subquery of it reads".to_string(),
    };
    let index = index_of(table, policy);
    let severity = match worst {
        (true, Often::Row) if index.is_some() => Severity::Warn,
        (true, Often::Row) => Severity::Error,
        _ => Severity::Info,
    };
    let message = format!("policy \"{}\" on `{}` calls {} {when}", policy.name, table.name, named(&concerned));
    let mut edits: Vec<Vec<(Span, String)>> = found.iter().map(|(clause, calls)| wraps(cx, clause, calls)).collect();
    let example = edits.iter().flatten().map(|(_, text)| text.as_str()).find(|text| text.contains(&first.name)).unwrap_or_default();
    let example = one_line(example);
    let mut safety = if all().all(|(_, call)| call.safe) { Safety::Safe } else { Safety::Review };
    // two cures of one clause have to be the same, or the later one would undo the other
    if let Some((_, _, whole)) = correlated_subquery::rewrite(cx, table, policy) {
        edits[0] = whole;
        safety = Safety::Review;
    }
    let step = alter(cx, table, policy, &edits);
    let rewrite: Vec<Edit> = found.iter().zip(&edits).flat_map(|((clause, _), edits)| in_place(clause, edits)).collect();
    let help = match first.safe {
        true => format!("wrap the call in a sub-select, which runs once: `{example}`"),
        false => format!("declare the function STABLE if it only reads, and wrap the call in a sub-select: `{example}`"),
    };
    let advisor = is_advised(table, policy);
    let draft = cx.report((table, policy), Site::new(clause.site.file, first.span), message);
    draft.label(when).severity(severity).help(help).given(table.rls.certainty);
    draft.fix(safety, format!("Call it once per statement in \"{}\"", policy.name), [step]).rewrite(rewrite);
    for (clause, call) in concerned.iter().skip(1).take(2) {
        draft.because(Site::new(clause.site.file, call.span), "and here");
    }
    if let Some(index) = index {
        draft.because(index.named, "queries that PostgreSQL answers from this index ask once; those it answers otherwise ask per row");
    }
    if advisor {
        draft.advisor("auth_rls_initplan", format!("auth_rls_init_plan_{}_{}_{}", table.name.schema, table.name.name, policy.name));
    }
}

/// What is called, and how many times where that is more than once.
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

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn bare_calls(cx: &Cx, clause: &Expression) -> Vec<Bare> {
    let mut out: Vec<Bare> = Vec::new();
    let mut arrays: Vec<Span> = Vec::new();
    often::visit(&clause.root, &mut |expr, often| {
        if let ExprKind::Quantified { right, .. } = &expr.kind {
            arrays.push(right.span);
        }
        let Some(call) = expr.as_call() else { return Some(Often::Row) };
        let plain = call.over.is_none() && call.filter.is_none();
        let bare = |name: String| Bare { span: expr.span, often, name, reads: None, safe: true, array: None };
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
        let Some(hidden) = Hidden::of(cx, function, DEPTH).filter(|_| often > Often::Once && plain) else { return None };
        let returns = function.returns.as_ref().filter(|_| arrays.contains(&expr.span));
        if !hidden.writes && (hidden.asks || hidden.reads.is_some()) {
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

/// Does a call tell who is asking, the same for the whole statement?
fn is_session_call(call: &Call) -> bool {
    let name = &call.name;
    let auth = name.schema() == Some("auth") && matches!(name.last(), "uid" | "jwt" | "role" | "email");
    auth && call.args.is_empty() || name.last() == "current_setting" && name.schema().is_none_or(|schema| schema == "pg_catalog")
}

/// The project's own function that is called, if it must be this one. PostgreSQL itself works out an IMMUTABLE one beforehand.
fn own_function<'a>(cx: &Cx<'a>, call: &Call) -> Option<&'a Function> {
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

/// What the body of a function does, and of those that it calls.
#[derive(Default)]
struct Hidden {
    asks: bool,
    reads: Option<QName>,
    writes: bool,
}

impl Hidden {
    fn of(cx: &Cx, function: &Function, depth: usize) -> Option<Hidden> {
        let mut out = Hidden::default();
        for (origin, code) in cx.code_of(function) {
            out.writes |= matches!(code, Code::Data(data) if !matches!(data, Data::Query(_)));
            code.walk(&mut |node| {
                match node {
                    Node::From(item) => out.reads = out.reads.take().or_else(|| origin.relation(item)),
                    Node::Expr(Expr { kind: ExprKind::Call(call), .. }) if is_session_call(call) => out.asks = true,
                    Node::Expr(Expr { kind: ExprKind::Call(call), .. }) if depth > 0 => {
                        let inner = own_function(cx, call).and_then(|function| Hidden::of(cx, function, depth - 1)).unwrap_or_default();
                        out.asks |= inner.asks;
                        out.writes |= inner.writes;
                        out.reads = out.reads.take().or(inner.reads);
                    }
                    Node::Expr(_) | Node::Query(_) => {}
                }
                Walk::Into
            });
        }
        Some(out)
    }
}

/// Replacements that put each call into a sub-select of its own.
fn wraps(cx: &Cx, clause: &Expression, calls: &[Bare]) -> Vec<(Span, String)> {
    let wrapped = |call: &Bare| {
        let text = often::text(cx, clause, call.span, &[]);
        match &call.array {
            Some(array) => format!("(select {text})::{array}"),
            None => format!("(select {text})"),
        }
    };
    calls.iter().map(|call| (call.span, wrapped(call))).collect()
}

/// The same for a clause of any policy.
pub fn wrapped(cx: &Cx, clause: &Expression) -> Vec<(Span, String)> {
    wraps(cx, clause, &bare_calls(cx, clause))
}

/// The replacements as edits of the file, unless the names in it have changed since.
pub fn in_place(clause: &Expression, edits: &[(Span, String)]) -> Vec<Edit> {
    let edits = edits.iter().filter(|_| clause.renamed.is_empty());
    edits.map(|(span, text)| Edit { site: Site::new(clause.site.file, *span), text: text.clone() }).collect()
}

/// Gives a policy's clauses, in their order, new texts; those without a change are left as they are.
pub fn alter(cx: &Cx, table: &Table, policy: &Policy, edits: &[Vec<(Span, String)>]) -> Step {
    let head = format!("alter policy {} on {}", quote_ident(&policy.name), table.name.quoted());
    let clauses = || policy.clauses().zip(edits).filter(|(_, edits)| !edits.is_empty());
    let write = |part: &dyn Fn(&Expression, &[(Span, String)]) -> String| {
        let texts = clauses().map(|((word, clause), edits)| format!("\n  {} ({})", word.to_lowercase(), part(clause, edits)));
        format!("{head}{};", texts.collect::<String>())
    };
    Step::batch(Phase::Policy, write(&|clause, edits| clause.text_with(cx.sources, edits)))
        .undo(write(&|clause, _| clause.text(cx.sources)))
}

/// An index by which PostgreSQL finds the rows that a policy lets through, so that it seldom has to ask of others.
fn index_of<'a>(table: &'a Table, policy: &Policy) -> Option<&'a Index> {
    let of = |policy: &Policy| {
        let columns: Vec<SmolStr> = policy.using.iter().flat_map(|using| using.root.conjuncts()).filter_map(pinned).collect();
        let serves = |index: &&Index| {
            index.predicate.is_none() && index.columns.first().is_some_and(|first| first.column.as_ref().is_some_and(|c| columns.contains(c)))
        };
        table.indexes.iter().find(serves)
    };
    let beside = |other: &&Policy| {
        other.permissive && (other.command == Command::All || policy.command == Command::All || other.command == policy.command)
    };
    // an OR with what no index finds is found by none
    table.policies.iter().filter(beside).all(|other| of(other).is_some()).then(|| of(policy))?
}

/// The column of the policy's table that an equality gives one value for the whole statement.
fn pinned(conjunct: &Expr) -> Option<SmolStr> {
    let (left, right) = conjunct.equality()?;
    let column = |expr: &Expr| match (&expr.kind, expr.column()) {
        (ExprKind::Column { binding: Binding::Column { depth: 0, .. }, .. }, Some(name)) => Some(SmolStr::from(name)),
        _ => None,
    };
    match (column(left), column(right)) {
        (Some(name), None) if !often::depends_on_row(right) => Some(name),
        (None, Some(name)) if !often::depends_on_row(left) => Some(name),
        _ => None,
    }
}

/// Does Supabase's advisor report the policy too? It looks for `auth.uid()` without `select auth.uid()` in the text.
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
