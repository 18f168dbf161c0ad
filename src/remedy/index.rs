//! Statements that create and drop indexes without blocking writes.
//!
//! Promises: names are unused and short enough for PostgreSQL.
//! Source: PostgreSQL's documentation, "CREATE INDEX", "Building Indexes Concurrently".

use crate::analysis::prelude::*;
use crate::analysis::sorted_query::SortedQuery;
use crate::remedy::restore;

/// An index to create.
pub struct New<'a> {
    pub table: &'a Table,
    /// Columns, each with its suffix: an empty string or ` desc`.
    pub keys: Vec<(SmolStr, &'static str)>,
    pub predicate: Option<String>,
}

impl<'a> New<'a> {
    /// Returns the index that serves a sorted query.
    pub fn serving(sort: &SortedQuery, table: &'a Table) -> New<'a> {
        New {
            table,
            keys: vec![(sort.key.clone(), ""), (sort.column.clone(), sort.order)],
            predicate: sort.null_column.as_ref().map(|column| format!("{} is null", quote_ident(column))),
        }
    }
}

impl New<'_> {
    /// Returns the column list: `(conversation_id, created_at desc)`.
    pub fn list(&self) -> String {
        let predicate = self.predicate.as_ref().map(|text| format!(" where {text}")).unwrap_or_default();
        format!("({}){predicate}", self.keys().join(", "))
    }

    fn keys(&self) -> Vec<String> {
        self.keys.iter().map(|(column, order)| format!("{}{order}", quote_ident(column))).collect()
    }

    pub fn step(&self, cx: &State) -> Step {
        Step::index(IndexChange {
            made: true,
            table: self.table.name.clone(),
            name: self.name(cx),
            unique: false,
            columns: self.keys(),
            definition: self.list(),
            concurrently: self.table.kind != TableKind::Partitioned,
            comment: None,
        })
    }

    /// Returns the safety of the fix. Creating an index in a transaction blocks writes.
    pub fn safety(&self) -> Safety {
        if self.table.kind == TableKind::Partitioned { Safety::Review } else { Safety::Safe }
    }

    fn name(&self, cx: &State) -> SmolStr {
        let columns: Vec<&str> = self.keys.iter().map(|(column, _)| column.as_str()).collect();
        let name = |suffix: &str| derived_name(&self.table.name.name, &columns.join("_"), suffix);
        let free = |name: &SmolStr| cx.catalog.relation_kind(&QName::new(self.table.name.schema.clone(), name.clone())).is_none();
        let mut names = std::iter::once(name("idx")).chain((1..).map(|number: u32| name(&format!("idx{number}"))));
        names.find(free).expect("there are more numbers than names")
    }
}

/// Returns the step that drops an index.
pub fn drop_index(cx: &State, table: &Table, index: &Index) -> Step {
    let part = |part: &IndexColumn| {
        let mut out = match &part.column {
            Some(column) => quote_ident(column),
            None => format!("({})", cx.text(&part.expr)),
        };
        out.extend(part.opclass.iter().flat_map(|class| [" ", class.as_str()]));
        out.push_str(if part.descending { " desc" } else { "" });
        if part.nulls_first != part.descending {
            out.push_str(if part.nulls_first { " nulls first" } else { " nulls last" });
        }
        out
    };
    let columns: Vec<String> = index.columns.iter().map(part).collect();
    let method = if index.method == "btree" { String::new() } else { format!("using {} ", index.method) };
    let mut definition = format!("{method}({})", columns.join(", "));
    if !index.include.is_empty() {
        let include: Vec<String> = index.include.iter().map(|name| quote_ident(name)).collect();
        definition.push_str(&format!(" include ({})", include.join(", ")));
    }
    if index.nulls_not_distinct {
        definition.push_str(" nulls not distinct");
    }
    if let Some(options) = restore::storage(cx, index.at) {
        definition.push_str(&format!(" {options}"));
    }
    if let Some(predicate) = &index.predicate {
        definition.push_str(&format!(" where {}", cx.text(predicate)));
    }
    Step::index(IndexChange {
        made: false,
        table: table.name.clone(),
        name: index.name.clone(),
        unique: index.unique,
        columns,
        definition,
        concurrently: table.kind != TableKind::Partitioned,
        comment: index.comment.clone(),
    })
}
