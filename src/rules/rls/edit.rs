//! Clauses of a policy with replaced parts.

use crate::rules::prelude::*;

/// Parts of a clause and their replacements.
pub type Edits = Vec<(Span, String)>;

/// Returns a part of a clause with current names and the given replacements.
pub fn text(cx: &Cx, clause: &Expression, span: Span, edits: &Edits) -> String {
    let mut part = clause.clone();
    part.site.span = span;
    part.renamed.retain(|(at, _)| span.contains(*at));
    let edits: Edits = edits.iter().filter(|(at, _)| span.contains(*at)).cloned().collect();
    part.text_with(cx.sources, &edits)
}

/// Returns the full names of tables that are written without a schema and are not found through the usual path of a migration. The
/// statement runs in another file than the policy, which may have set its own path.
fn placed(cx: &Cx, clause: &Expression) -> Vec<(Span, SmolStr)> {
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
pub fn whole(cx: &Cx, clause: &Expression, edits: &Edits) -> String {
    let mut clause = clause.clone();
    let named = placed(cx, &clause);
    clause.renamed.extend(named);
    clause.text_with(cx.sources, edits)
}

/// Returns the replacements as edits of the file, or none if names in the clause have changed since.
pub fn in_place(clause: &Expression, edits: &Edits) -> Vec<Edit> {
    let edits = edits.iter().filter(|_| clause.renamed.is_empty());
    edits.map(|(span, text)| Edit { site: Site::new(clause.site.file, *span), text: text.clone() }).collect()
}

/// Returns the step that changes clauses of a policy. Edits are in the order of the clauses, and clauses without edits are kept.
pub fn alter(cx: &Cx, table: &Table, policy: &Policy, edits: &[Edits]) -> Step {
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
pub fn rests_on_text(cx: &Cx, policy: &Policy, safety: Safety) -> (Safety, Certainty) {
    if cx.may_have_changed(policy) { (Safety::Manual, Certainty::Maybe) } else { (safety, Certainty::Certain) }
}
