//! The columns that a query names, each with the rows in which PostgREST looks it up.

use super::embed::{Rows, Tree};
use supalint_queries::shape::{self, Column, Command as AppCommand, Condition, ConditionKind, Entry, Filter, Named, Operator, SelectItem};

/// A column in a query.
pub struct Use<'t, 'a> {
    pub rows: &'t Rows<'a>,
    pub name: &'a Named,
    pub place: Place<'a>,
}

/// Part of the query that names a column.
#[derive(Clone, Copy)]
pub enum Place<'a> {
    Select,
    Filter(&'a Filter),
    Order,
    Payload(&'a Entry),
    OnConflict,
}

/// An embedded resource that a filter or order names, but the `select` list does not contain (PGRST108).
pub struct NotEmbedded<'a> {
    pub name: &'a Named,
}

/// Columns of a query.
#[derive(Default)]
pub struct Uses<'t, 'a> {
    pub columns: Vec<Use<'t, 'a>>,
    pub not_embedded: Vec<NotEmbedded<'a>>,
}

impl<'t, 'a> Uses<'t, 'a> {
    pub fn of(query: &'a shape::Query, tree: &'t Tree<'a>) -> Uses<'t, 'a> {
        let mut uses = Uses::default();
        for part in tree.all() {
            for item in part.items {
                if let SelectItem::Column(column) = item {
                    uses.columns.push(Use { rows: &part.rows, name: &column.column.name, place: Place::Select });
                }
            }
        }
        // an insert has no conditions of its own, so only those on embedded resources apply
        let of_rows = !matches!(query.command, AppCommand::Insert | AppCommand::Upsert);
        for condition in &query.filters {
            uses.condition(tree, condition, &[], of_rows);
        }
        for order in &query.orders {
            if let Some(column) = &order.column {
                uses.order(tree, order.referenced_table.as_ref(), column);
            }
        }
        if matches!(query.command, AppCommand::Insert | AppCommand::Upsert | AppCommand::Update) {
            let entries = query.payload.iter().flat_map(|payload| &payload.entries);
            for entry in entries.filter(|entry| entry.value.kind != shape::ValueKind::Undefined) {
                uses.columns.push(Use { rows: &tree.rows, name: &entry.key, place: Place::Payload(entry) });
            }
            for name in query.on_conflict.iter().flatten() {
                uses.columns.push(Use { rows: &tree.rows, name, place: Place::OnConflict });
            }
        }
        uses
    }

    /// Adds the column of a sort key. The path of an embedded resource in another one has dots: `chapters.lessons`.
    fn order(&mut self, tree: &'t Tree<'a>, referenced_table: Option<&'a Named>, column: &'a Column) {
        let Some(named) = referenced_table else { return self.column(tree, &[], column, Place::Order) };
        let mut at = tree;
        for name in named.text.split('.') {
            match at.child(name) {
                Some(child) => at = child,
                None => {
                    if tree.is_whole && !matches!(at.rows, Rows::Unknown) {
                        self.not_embedded.push(NotEmbedded { name: named });
                    }
                    return;
                }
            }
        }
        self.column(at, &[], column, Place::Order);
    }

    fn condition(&mut self, tree: &'t Tree<'a>, condition: &'a Condition, outer: &[&'a Named], of_rows: bool) {
        match &condition.kind {
            ConditionKind::Compare(filter) => {
                if let Some(column) = filter.column.as_ref().filter(|column| of_rows || !column.embeds.is_empty() || !outer.is_empty()) {
                    self.column(tree, outer, column, Place::Filter(filter));
                }
            }
            ConditionKind::All { embeds, members } | ConditionKind::Any { embeds, members } => {
                let path: Vec<&'a Named> = outer.iter().copied().chain(embeds).collect();
                members.iter().for_each(|member| self.condition(tree, member, &path, of_rows));
            }
            ConditionKind::Unknown | ConditionKind::Invalid => {}
        }
    }

    fn column(&mut self, tree: &'t Tree<'a>, outer: &[&'a Named], column: &'a Column, place: Place<'a>) {
        let mut at = tree;
        for name in outer.iter().copied().chain(&column.embeds) {
            match at.child(&name.text) {
                Some(child) => at = child,
                None => {
                    if tree.is_whole && !is_parsed_as_column(at, name) {
                        self.not_embedded.push(NotEmbedded { name });
                    }
                    return;
                }
            }
        }
        // `posts.is.null` is a condition on the embedded resource
        let is_embed = at.child(&column.name.text).is_some();
        let on_embed = matches!(place, Place::Filter(Filter { operator: Operator::Is, .. })) || is_embed;
        if !(is_embed && on_embed) {
            self.columns.push(Use { rows: &at.rows, name: &column.name, place });
        }
    }
}

/// Returns whether the rows have a column with the name of an embedded resource, whose fields the query may name.
fn is_parsed_as_column(tree: &Tree, name: &Named) -> bool {
    match &tree.rows {
        Rows::Relation(relation) => relation.has(&name.text),
        Rows::Columns(_, columns) => columns.contains(&name.text),
        Rows::Unknown => true,
    }
}
