//! Clauses of a policy with replaced parts.

use crate::analysis::prelude::*;

/// Parts of a clause and their replacements.
pub type Edits = Vec<(Span, String)>;

/// Returns a part of a clause with current names and the given replacements.
pub fn text(cx: &State, clause: &Expression, span: Span, edits: &Edits) -> String {
    let mut part = clause.clone();
    part.site.span = span;
    part.renamed.retain(|(at, _)| span.contains(*at));
    let edits: Edits = edits.iter().filter(|(at, _)| span.contains(*at)).cloned().collect();
    part.text_with(cx.sources, &edits)
}

/// Returns the full names of tables that are written without a schema and are not found through the usual path of a migration. The
/// statement runs in another file than the policy, which may have set its own path.
fn placed(cx: &State, clause: &Expression) -> Vec<(Span, SmolStr)> {
    let mut out = Vec::new();
    clause.root.walk(&mut |node| {
        if let Node::From(FromItem { relation: FromRelation::Table { name, bound: Some(bound) }, .. }) = node {
            let usual = || {
                ["public", "extensions"].into_iter().find(|schema| cx.catalog.relation_kind(&QName::new(*schema, name.last())).is_some())
            };
            if name.parts.len() == 1 && bound.1 == name.last() && usual() != Some(bound.0.as_str()) {
                out.push((name.span(), QName::new(bound.0.clone(), bound.1.clone()).quoted().into()));
            }
        }
        Walk::Into
    });
    out
}

/// Returns the whole clause as it has to be written in another file, with the given replacements.
pub fn whole(cx: &State, clause: &Expression, edits: &Edits) -> String {
    let mut clause = clause.clone();
    let named = placed(cx, &clause);
    clause.renamed.extend(named);
    clause.text_with(cx.sources, edits)
}

/// Returns the replacements as edits of the file, or none if names in the clause have changed since.
pub fn in_place(clause: &Expression, edits: &Edits) -> Vec<Edit> {
    let edits = edits.iter().filter(|_| clause.renamed.is_empty());
    edits.map(|(span, text)| Edit { site: clause.site.in_same_file(*span), text: text.clone() }).collect()
}

/// Returns the step that changes clauses of a policy. Edits are in the order of the clauses, and clauses without edits are kept.
pub fn alter(cx: &State, table: &Table, policy: &Policy, edits: &[Edits]) -> Step {
    let clauses = policy.clauses().zip(edits).filter(|(_, edits)| !edits.is_empty());
    let change = |((word, clause), edits): ((&str, &Expression), &Edits)| ClauseChange {
        word: word.to_lowercase(),
        site: clause.site,
        renamed: clause.renamed.iter().cloned().chain(placed(cx, clause)).collect(),
        edits: edits.clone(),
    };
    let change = PolicyChange { table: table.name.clone(), policy: policy.name.clone(), clauses: clauses.map(change).collect() };
    Step::policy(change, cx.sources)
}

/// Returns the safety and certainty of a fix that depends on the text of a policy. If an unknown statement may have changed the policy, the
/// fix is only shown and the diagnostic is unsure, because a text that is based on the old one could undo that change.
pub fn rests_on_text(cx: &State, policy: &Policy, safety: Safety) -> (Safety, Certainty) {
    if cx.may_have_changed(policy) { (Safety::Manual, Certainty::Maybe) } else { (safety, Certainty::Certain) }
}

/// Returns an edit that inserts text after a location.
pub fn append(cx: &State, site: Site, text: &str) -> Edit {
    Edit { site, text: format!("{} {text}", cx.slice(site)) }
}

/// Returns the range to remove so that a condition no longer contains one of its AND operands.
pub fn without(cx: &State, using: &Expression, on: &Expr, conjunct: &Expr) -> Option<Span> {
    let ExprKind::Logic { op: Logic::And, left, right } = &on.kind else { return None };
    let between = cx.slice(using.site.in_same_file(Span::new(left.span.end, right.span.start)));
    let and =
        between.to_ascii_lowercase().find("and").filter(|_| between.trim_matches([' ', '\n', '\r', '\t', '(', ')']).len() == 3)? as u32;
    if std::ptr::eq(&**right, conjunct) {
        Some(Span::new(left.span.end + and - trailing_blanks(&between[..and as usize]), on.span.end))
    } else if std::ptr::eq(&**left, conjunct) {
        Some(Span::new(on.span.start, right.span.start - (between.len() as u32 - and - 3) + leading_blanks(&between[and as usize + 3..])))
    } else {
        without(cx, using, left, conjunct)
    }
}

fn trailing_blanks(text: &str) -> u32 {
    (text.len() - text.trim_end().len()) as u32
}

fn leading_blanks(text: &str) -> u32 {
    (text.len() - text.trim_start().len()) as u32
}
