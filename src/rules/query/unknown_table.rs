//! Queries of tables and views that do not exist.

use super::{because_removed, report};
use crate::analysis::app_query::near::near;
use crate::analysis::app_query::relation::{self, Lookup, names_in};
use crate::analysis::app_query::{all, served_schema, target};
use crate::catalog::creation_index::ObjectClass;
use crate::rules::prelude::*;
use supalint_queries::shape::Target;

rule!("query/unknown-table", Integrity, Error, Schema(check));

fn check(cx: &mut Cx) {
    for query in all(cx) {
        let (Target::Relation(Some(written)), Some(schema)) = (&query.query.target, served_schema(cx, query.query)) else { continue };
        if !matches!(target(cx, query.query), Lookup::Missing) {
            continue;
        }
        let name = QName::new(schema.clone(), written.text.clone());
        let removal = relation::removal(cx, &name, ObjectClass::Relation);
        let help = help(cx, &name);
        let message = format!("table `{name}` does not exist: the query fails with PGRST205");
        let draft = report(cx, About::named("table", &name), query, written.span, message);
        draft.label(if removal.is_some() { "the migrations removed this table" } else { "no migration creates this table" }).help(help);
        because_removed(draft, removal);
    }
}

fn help(cx: &Cx, name: &QName) -> String {
    let is_same = |other: &&QName| other.name == name.name && other.schema != name.schema;
    if let Some(other) = cx.catalog.tables.keys().chain(cx.catalog.views.keys()).find(is_same) {
        return match cx.is_exposed(&other.schema) {
            true => format!("Select the schema of `{other}`: `.schema('{}')`.", other.schema),
            false => format!("Create a view of `{other}` in a schema that the API serves, or use a table of these schemas."),
        };
    }
    if cx.catalog.functions.contains(name) {
        return format!("Call the function with `.rpc('{}')`.", name.name);
    }
    match near(&name.name, names_in(cx, &name.schema)) {
        Some(near) => format!("Use `{near}`, or create the table in a migration."),
        None => "Create the table in a migration, or use an existing table.".to_string(),
    }
}
