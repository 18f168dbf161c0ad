//! Policies that read a claim that no token contains.

use crate::analysis::claims::{self, TokenClaims};
use crate::project::Platform;
use crate::rules::prelude::*;

rule!("rls/unknown-claim", Integrity, Warn, Schema(check));

/// A claim that a policy reads, directly or through a function.
struct Unknown<'a> {
    at: Site,
    claim: SmolStr,
    function: Option<(&'a Function, Site)>,
}

fn check(cx: &mut Cx) {
    if cx.platform() != Platform::Supabase {
        return;
    }
    let known = TokenClaims::of(cx);
    if matches!(known, TokenClaims::Unknown) {
        return;
    }
    for (table, policy) in cx.policies() {
        let direct = policy.clauses().flat_map(|(_, clause)| {
            claims::read(&clause.root).into_iter().map(|(expr, claim)| Unknown { at: clause.at(expr), claim, function: None })
        });
        let called = policy.clauses().flat_map(|(_, clause)| {
            let calls = clause.root.all().into_iter().filter_map(|expr| Some((clause.at(expr), expr.as_call()?)));
            calls.flat_map(|(at, call)| through(cx, at, call)).collect::<Vec<_>>()
        });
        let unknown: Vec<Unknown> = direct.chain(called).filter(|found| !known.may_contain(cx, &found.claim)).collect();
        if !unknown.is_empty() {
            report(cx, table, policy, &unknown, &known);
        }
    }
}

/// Returns the claims that a function of the project reads.
fn through<'a>(cx: &Cx<'a>, at: Site, call: &Call) -> Vec<Unknown<'a>> {
    let callable = cx.catalog.callable(&call.name, call.args.len());
    let [function] = callable.as_slice() else { return Vec::new() };
    let function: &'a Function = function;
    if function.at.is_platform() || function.of_extension {
        return Vec::new();
    }
    let mut out = Vec::new();
    for (origin, code) in cx.code_of(function) {
        let mut found = Vec::new();
        code.walk(&mut |node| claims::visit(node, &mut found));
        out.extend(found.into_iter().map(|(expr, claim)| Unknown { at, claim, function: Some((function, origin.at(expr.span))) }));
    }
    out
}

fn report(cx: &mut Cx, table: &Table, policy: &Policy, unknown: &[Unknown], known: &TokenClaims) {
    let Some(first) = unknown.first() else { return };
    let claim = &first.claim;
    let through = first.function.map(|(function, _)| format!(" through `{}`", function.name)).unwrap_or_default();
    let source = match known {
        TokenClaims::Hooks(hooks) => format!("`{}` does not set it", hooks.first().map(|hook| hook.name.to_string()).unwrap_or_default()),
        _ => "no auth hook of the migrations sets it".to_string(),
    };
    let message = format!(
        "policy \"{}\" on `{}` reads the claim `{claim}` of the token{through}: Supabase does not issue it, and {source}, so the claim is NULL",
        policy.name, table.name
    );
    let draft = cx.report((table, policy), first.at, message);
    draft
        .label("NULL in each token")
        .given(table.rls.certainty)
        .given(policy.certainty)
        .help(format!(
            "Read it from app_metadata, `(select auth.jwt()) -> 'app_metadata' ->> '{claim}'`, or set it in a custom access token hook."
        ))
        .cause(
            claim.as_str(),
            format!("policy reads the claim `{claim}`, which no token contains"),
            format!("policies read the claim `{claim}`, which no token contains"),
        );
    if let Some((_, inside)) = first.function {
        draft.because(inside, "reads the claim");
    }
    for other in unknown.iter().skip(1).take(2).filter(|other| other.claim != first.claim) {
        draft.because(other.at, format!("reads `{}`, which no token contains either", other.claim));
    }
    // a hook that runs elsewhere can set the claim
    if !matches!(known, TokenClaims::Hooks(_)) {
        draft.severity(Severity::Info).unsure();
    }
}
