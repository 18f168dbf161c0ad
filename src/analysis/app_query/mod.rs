//! The objects that queries of application code use, as PostgREST looks them up.
//!
//! Promises: an object counts as missing only if the migrations show that it is. Otherwise the answer is unknown, and rules report nothing.
//! Limits: settings of the API that are in no file, such as schemas that the dashboard exposes, are unknown.

pub mod column;
pub mod dependency;
pub mod doubt;
pub mod embed;
pub mod function;
pub mod lookup;
pub mod near;
pub mod relation;
pub mod relationship;
pub mod trigger;

use crate::analysis::prelude::*;
use crate::project::AppFile;
use relation::{Lookup, Relation};
use supalint_queries::shape::{self, Condition, ConditionKind, Filter};

/// A query with the file that contains it.
#[derive(Clone, Copy)]
pub struct AppQuery<'a> {
    pub file: FileId,
    pub query: &'a shape::Query,
    /// All queries of the file.
    pub beside: &'a [shape::Query],
}

impl<'a> AppQuery<'a> {
    /// Returns another query of the file.
    pub fn sibling(&self, index: shape::QueryIndex) -> Option<AppQuery<'a>> {
        self.beside.get(index).map(|query| AppQuery { query, ..*self })
    }

    /// Returns whether another query of the file names the same table or function.
    pub fn has_target_of(&self, other: &shape::Query) -> bool {
        let name = |query: &'_ shape::Query| match &query.target {
            shape::Target::Relation(name) | shape::Target::Function(name) => name.as_ref().map(|name| name.text.clone()),
        };
        name(self.query).is_some() && name(self.query) == name(other)
    }

    /// Returns whether another query certainly uses the same schema.
    pub fn has_schema_of(&self, other: &shape::Query) -> bool {
        match (&self.query.schema, &other.schema) {
            (shape::Schema::Default, shape::Schema::Default) => true,
            (shape::Schema::Named(one), shape::Schema::Named(other)) => one.text == other.text,
            _ => false,
        }
    }

    /// Returns the index of the query in its file.
    pub fn index(&self) -> shape::QueryIndex {
        self.beside.iter().position(|query| std::ptr::eq(query, self.query)).unwrap_or(usize::MAX)
    }

    /// Returns the location of a part of the query.
    pub fn site(&self, span: Span) -> Site {
        Site::new(self.file, span)
    }
}

/// Returns the filters of conditions and of their members. `None` stands for a condition that is unknown.
pub fn filters(conditions: &[Condition]) -> Vec<Option<&Filter>> {
    let mut out = Vec::new();
    for condition in conditions {
        match &condition.kind {
            ConditionKind::Compare(filter) => out.push(Some(filter)),
            ConditionKind::All { members, .. } | ConditionKind::Any { members, .. } => out.extend(filters(members)),
            ConditionKind::Unknown | ConditionKind::Invalid => out.push(None),
        }
    }
    out
}

/// Returns the queries whose cost matters: without those of scripts that people run by hand.
pub fn repeated<'a>(cx: &State<'a>) -> impl Iterator<Item = AppQuery<'a>> + use<'a> {
    let sources = cx.sources;
    let is_script = move |query: &AppQuery| sources.get(query.file).path.split('/').any(|folder| folder == "scripts");
    all(cx).filter(move |query| !is_script(query))
}

/// Returns the queries of application code, without those of tests.
pub fn all<'a>(cx: &State<'a>) -> impl Iterator<Item = AppQuery<'a>> + use<'a> {
    let queries = |file: &'a AppFile| {
        let beside = &file.code.queries;
        beside.iter().map(|query| AppQuery { file: file.file, query, beside })
    };
    cx.app_files().iter().flat_map(queries).filter(|query| !query.query.in_test)
}

/// A service role key in application code.
pub struct Key<'a> {
    pub path: &'a str,
    pub site: Site,
    /// Whether the file is part of a browser bundle.
    pub in_browser: bool,
    pub used: &'a shape::KeyUse,
}

/// Returns the service role keys in application code, without those of tests.
pub fn keys<'a>(cx: &State<'a>) -> Vec<Key<'a>> {
    let files = cx.app_files().iter().filter(|app| !app.code.in_test);
    let keys = files.flat_map(|app| app.code.keys.iter().map(move |used| (app, used)));
    let key = |(app, used): (&'a AppFile, &'a shape::KeyUse)| Key {
        path: cx.path_of(app.file),
        site: Site::new(app.file, used.name.span),
        in_browser: app.code.in_browser,
        used,
    };
    keys.map(key).collect()
}

/// Returns the schema of a query if the API serves it.
pub fn served_schema(cx: &State, query: &shape::Query) -> Option<SmolStr> {
    let served = &cx.config().exposed_schemas;
    match &query.schema {
        shape::Schema::Default => served.first().map(SmolStr::from),
        shape::Schema::Named(name) => served.iter().any(|schema| *schema == name.text).then(|| name.text.clone()),
        shape::Schema::Unknown => None,
    }
}

/// Returns the table or view that a query reads or writes.
pub fn target<'a>(cx: &State<'a>, query: &shape::Query) -> Lookup<'a> {
    match (&query.target, served_schema(cx, query)) {
        (shape::Target::Relation(Some(name)), Some(schema)) => relation::find(cx, &QName::new(schema, name.text.clone())),
        _ => Lookup::Unknown,
    }
}

/// Returns the existing table or view that a query reads or writes, if it is certain.
pub fn known_target<'a>(cx: &State<'a>, query: &shape::Query) -> Option<Relation<'a>> {
    match target(cx, query) {
        Lookup::Found(relation) => Some(relation),
        Lookup::Missing | Lookup::Unknown => None,
    }
}
