//! A policy's clauses with parts of their text replaced.

use crate::rules::prelude::*;

/// Parts of a clause and what shall stand in their place.
pub type Edits = Vec<(Span, String)>;

/// A part of a clause as it reads now, with further replacements.
pub fn text(cx: &Cx, clause: &Expression, span: Span, edits: &Edits) -> String {
    let mut part = clause.clone();
    part.site.span = span;
    part.renamed.retain(|(at, _)| span.contains(*at));
    let edits: Edits = edits.iter().filter(|(at, _)| span.contains(*at)).cloned().collect();
    part.text_with(cx.sources, &edits)
}

/// The replacements as edits of the file, unless the names in it have changed since.
pub fn in_place(clause: &Expression, edits: &Edits) -> Vec<Edit> {
    let edits = edits.iter().filter(|_| clause.renamed.is_empty());
    edits.map(|(span, text)| Edit { site: Site::new(clause.site.file, *span), text: text.clone() }).collect()
}

/// Gives a policy's clauses, in their order, new texts; those without a change are left as they are.
pub fn alter(cx: &Cx, table: &Table, policy: &Policy, edits: &[Edits]) -> Step {
    let clauses = policy.clauses().zip(edits).filter(|(_, edits)| !edits.is_empty());
    let change = |((word, clause), edits): ((&str, &Expression), &Edits)| ClauseChange {
        word: word.to_lowercase(),
        site: clause.site,
        renamed: clause.renamed.clone(),
        edits: edits.clone(),
    };
    let change = PolicyChange { table: table.name.clone(), policy: policy.name.clone(), clauses: clauses.map(change).collect() };
    Step::policy(change, cx.sources)
}
