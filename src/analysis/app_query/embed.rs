//! The tree of a query: its table or function, and the embedded resources with their relationships.

use super::function::{self, Returned};
use super::relation::{Lookup, Relation};
use super::relationship::{Relationship, Relationships};
use super::{doubt::Doubts, known_target, relation, served_schema};
use crate::analysis::prelude::*;
use supalint_queries::shape::{self, Embed, Named, SelectItem, Selection, Target};

/// Rows that a part of a query reads.
#[derive(Clone)]
pub enum Rows<'a> {
    Relation(Relation<'a>),
    /// Result of a function that is not a table: the names of its columns.
    Columns(&'a Function, Vec<SmolStr>),
    Unknown,
}

impl<'a> Rows<'a> {
    pub fn relation(&self) -> Option<Relation<'a>> {
        match self {
            Rows::Relation(relation) => Some(*relation),
            Rows::Columns(..) | Rows::Unknown => None,
        }
    }
}

/// The rows of a query or of an embedded resource, with the resources in it.
pub struct Tree<'a> {
    pub rows: Rows<'a>,
    /// The embedded resource, or `None` for the query itself.
    pub embed: Option<&'a Embed>,
    pub items: &'a [SelectItem],
    /// Relationship to the outer rows, if it is known.
    pub relationship: Option<&'a Relationship>,
    pub fault: Option<Fault<'a>>,
    pub children: Vec<Tree<'a>>,
    /// Whether all embedded resources are known.
    pub is_whole: bool,
}

/// Why PostgREST rejects an embedded resource.
pub enum Fault<'a> {
    /// There is no relationship (PGRST200).
    None { from: Relation<'a> },
    /// There are several relationships (PGRST201).
    Several { from: Relation<'a>, relationships: Vec<&'a Relationship> },
}

impl<'a> Tree<'a> {
    pub fn of(cx: &State<'a>, query: &'a shape::Query) -> Tree<'a> {
        let rows = match &query.target {
            Target::Relation(_) => known_target(cx, query).map_or(Rows::Unknown, Rows::Relation),
            Target::Function(_) => match function::called(cx, query).map(|function| (function, function::returned(cx, function))) {
                Some((_, Returned::Relation(relation))) => Rows::Relation(relation),
                Some((function, Returned::Columns(columns))) => Rows::Columns(function, columns),
                Some((_, Returned::Other)) | None => Rows::Unknown,
            },
        };
        let (items, is_whole): (&[SelectItem], bool) = match &query.select {
            Selection::Items(items) => (items, true),
            Selection::Some(items) => (items, false),
            Selection::All | Selection::Nothing => (&[], true),
            Selection::Unknown | Selection::Invalid(_) => (&[], false),
        };
        let schema = served_schema(cx, query);
        let children = children(cx, &rows, items, schema.as_ref());
        Tree { rows, embed: None, items, relationship: None, fault: None, children, is_whole }
    }

    /// Returns the tree and all trees in it.
    pub fn all(&self) -> Vec<&Tree<'a>> {
        std::iter::once(self).chain(self.children.iter().flat_map(Tree::all)).collect()
    }

    /// Returns the embedded resource with a name or alias. PostgREST accepts both in filters.
    pub fn child(&self, name: &str) -> Option<&Tree<'a>> {
        let named = |embed: &Embed| embed.alias.as_ref().is_some_and(|alias| alias.text == name);
        let find = |is: &dyn Fn(&Embed) -> bool| self.children.iter().find(|child| child.embed.is_some_and(is));
        find(&named).or_else(|| find(&|embed| embed.resource.text == name))
    }

    /// Returns the resource at a path of names, or the name that is not embedded.
    pub fn at<'n>(&self, path: &'n [Named]) -> Result<&Tree<'a>, &'n Named> {
        path.iter().try_fold(self, |tree, name| tree.child(&name.text).ok_or(name))
    }

    /// Returns whether all resources on a path are known, so that a missing name is certain.
    pub fn is_whole_at(&self, path: &[Named]) -> bool {
        self.is_whole && path.iter().all(|name| !name.text.is_empty())
    }
}

fn children<'a>(cx: &State<'a>, rows: &Rows<'a>, items: &'a [SelectItem], schema: Option<&SmolStr>) -> Vec<Tree<'a>> {
    let embeds = items.iter().filter_map(|item| match item {
        SelectItem::Embed(embed) => Some(embed),
        _ => None,
    });
    embeds.map(|embed| child(cx, rows, embed, schema)).collect()
}

fn child<'a>(cx: &State<'a>, rows: &Rows<'a>, embed: &'a Embed, schema: Option<&SmolStr>) -> Tree<'a> {
    let mut tree = Tree {
        rows: Rows::Unknown,
        embed: Some(embed),
        items: &embed.items,
        relationship: None,
        fault: None,
        children: Vec::new(),
        is_whole: true,
    };
    if let (Some(from), Some(_)) = (rows.relation(), schema) {
        let relationships = Relationships::of(cx);
        let hint = embed.hint.as_ref().map(|hint| hint.text.as_str());
        let found = relationships.named(from.name(), &embed.resource.text, hint);
        match found.as_slice() {
            [] if is_certain(cx, from, embed) => tree.fault = Some(Fault::None { from }),
            [] => {}
            [one] => {
                tree.relationship = Some(one);
                if let Lookup::Found(relation) = relation::find(cx, &one.to) {
                    tree.rows = Rows::Relation(relation);
                }
            }
            several => {
                let certain = several.iter().filter(|one| one.certain).count();
                if certain > 1 && from.is_known() {
                    tree.fault = Some(Fault::Several { from, relationships: several.to_vec() });
                }
                // all relationships may lead to the same table
                if let Lookup::Found(relation) = relation::find(cx, &several[0].to)
                    && several.iter().all(|one| one.to == several[0].to)
                {
                    tree.rows = Rows::Relation(relation);
                }
            }
        }
    }
    tree.children = children(cx, &tree.rows, &embed.items, schema);
    tree
}

/// Returns whether the migrations show that there is no relationship.
fn is_certain(cx: &State, from: Relation, embed: &Embed) -> bool {
    let target = &embed.resource.text;
    let relationships = Relationships::of(cx);
    let doubts = Doubts::of(cx);
    let name = QName::new(from.name().schema.clone(), target.clone());
    let is_known = match relation::find(cx, &name) {
        Lookup::Found(relation) => relation.is_known() && !relationships.is_partly_known(relation.name()),
        // a foreign key column, a constraint or a computed relationship
        Lookup::Missing => true,
        Lookup::Unknown => from.has(target) && !doubts.concern(target),
    };
    let by_hint = embed.hint.as_ref().is_none_or(|hint| !doubts.concern(&hint.text));
    is_known && from.is_known() && !relationships.is_partly_known(from.name()) && !doubts.concern(&from.name().name) && by_hint
}
