//! Embedded resources without a relationship, or with several.

use super::{quoted, report};
use crate::analysis::app_query::column::{NotEmbedded, Uses};
use crate::analysis::app_query::embed::{Fault, Tree};
use crate::analysis::app_query::near::near;
use crate::analysis::app_query::relation::{Lookup, Relation, find};
use crate::analysis::app_query::relationship::{Kind, Relationship, Relationships};
use crate::analysis::app_query::{AppQuery, all};
use crate::rules::prelude::*;
use supalint_queries::shape::Embed;

rule!("query/unknown-relationship", Integrity, Error, Schema(check));

fn check(cx: &mut Cx) {
    for query in all(cx) {
        let tree = Tree::of(cx, query.query);
        for part in tree.all() {
            match (&part.fault, part.embed) {
                (Some(Fault::None { from }), Some(embed)) => none(cx, query, *from, embed),
                (Some(Fault::Several { from, relationships }), Some(embed)) => several(cx, query, *from, embed, relationships),
                _ => {}
            }
        }
        for name in Uses::of(query.query, &tree).not_embedded {
            not_embedded(cx, query, &tree, &name);
        }
    }
}

fn none(cx: &mut Cx, query: AppQuery, from: Relation, embed: &Embed) {
    let (origin, target) = (from.name(), &embed.resource.text);
    let relationships = Relationships::of(cx);
    let without_hint = relationships.named(origin, target, None);
    let message = match &embed.hint {
        Some(hint) if !without_hint.is_empty() => {
            format!("`{}` is no relationship from `{origin}` to `{target}`: the query fails with PGRST200", hint.text)
        }
        _ => format!("`{origin}` has no relationship to `{target}`: the query fails with PGRST200"),
    };
    let span = embed.hint.as_ref().filter(|_| !without_hint.is_empty()).map_or(embed.resource.span, |hint| hint.span);
    let help = help(cx, from, embed, &without_hint);
    let certainty = from.certainty(cx);
    report(cx, About::named("table", origin), query, span, message)
        .discriminate(target)
        .given(certainty)
        .help(help)
        .because(from.named(), format!("the {} is created here", from.noun()));
}

fn help(cx: &Cx, from: Relation, embed: &Embed, without_hint: &[&Relationship]) -> String {
    let (origin, target) = (from.name(), &embed.resource.text);
    let relationships = Relationships::of(cx);
    match without_hint {
        [] => {}
        [_] => return format!("Remove the hint: `{target}(…)`."),
        several => return written(target, several),
    }
    // a reference to another schema, such as `auth.users`, is not visible to PostgREST
    if let Some(outside) = relationships.from(origin).iter().find(|one| one.to.schema != origin.schema && one.kind == Kind::ManyToOne) {
        let is_alike = outside.to.name == *target || outside.columns.iter().any(|(own, _)| own == target);
        if is_alike || matches!(target.as_str(), "profiles" | "users" | "user_profiles") {
            return format!(
                "Add a foreign key to a table of `{}`. `{}` refers to `{}`, and the API does not embed rows of other schemas.",
                origin.schema,
                outside.constraints.first().map(SmolStr::as_str).unwrap_or_default(),
                outside.to
            );
        }
    }
    let name = QName::new(origin.schema.clone(), target.clone());
    if matches!(find(cx, &name), Lookup::Found(_)) {
        return format!("Add a foreign key between `{origin}` and `{name}`, or read `{target}` in a second query.");
    }
    let related = relationships.from(origin).iter().filter(|one| one.to.schema == origin.schema).map(|one| one.to.name.as_str());
    match near(target, related) {
        Some(near) => format!("Use `{near}`."),
        None => "Embed a table that a foreign key connects, or read it in a second query.".to_string(),
    }
}

fn several(cx: &mut Cx, query: AppQuery, from: Relation, embed: &Embed, relationships: &[&Relationship]) {
    let (origin, target) = (from.name(), &embed.resource.text);
    let message = format!("`{origin}` has {} relationships to `{target}`: the query fails with PGRST201", relationships.len());
    let help = written(target, relationships);
    let draft = report(cx, About::named("table", origin), query, embed.resource.span, message);
    draft.discriminate(target).help(help);
    for relationship in relationships {
        draft.because(relationship.at, "one relationship is defined here");
    }
}

/// Returns the help to write one of the hints.
fn written(target: &str, relationships: &[&Relationship]) -> String {
    let mut hints: Vec<String> =
        relationships.iter().filter_map(|one| one.hint().map(|hint| format!("{}!{hint}(…)", one.to.name))).collect();
    hints.dedup();
    match hints.is_empty() {
        true => format!("Add a hint that selects one relationship to `{target}`."),
        false => format!("Write the relationship: {}.", quoted(&hints, "or")),
    }
}

fn not_embedded(cx: &mut Cx, query: AppQuery, tree: &Tree, NotEmbedded { name }: &NotEmbedded) {
    let Some(relation) = tree.rows.relation() else { return };
    let message = format!("`{}` is not embedded in the `select` list of `{}`: the query fails with PGRST108", name.text, relation.name());
    report(cx, About::named("table", relation.name()), query, name.span, message)
        .discriminate(&name.text)
        .help(format!("Add `{}(…)` to the `select` list, with `!inner` if the filter must remove rows.", name.text));
}
