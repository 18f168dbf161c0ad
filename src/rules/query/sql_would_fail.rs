//! SQL in application code that PostgreSQL rejects.

use crate::analysis::app_query::relation::removal;
use crate::catalog::creation_index::ObjectClass;
use crate::catalog::{Detail, ObjectKey, RejectedInCode};
use crate::rules::prelude::*;

rule!("query/sql-would-fail", Integrity, Error, Schema(check));

fn check(cx: &mut Cx) {
    for rejected in &cx.catalog.rejected_in_code {
        let missing = match rejected.reason.detail.as_deref() {
            Some(Detail::Missing(key)) => Some(key),
            _ => None,
        };
        match rejected.reason.sqlstate {
            "42703" => report(cx, rejected, None),
            // the code can use another database, unless this one had the table
            "42P01" => {
                if let Some(removed) = missing.and_then(|key| removed_at(cx, key)) {
                    report(cx, rejected, Some(removed));
                }
            }
            _ => {}
        }
    }
}

/// Returns the statement that removed the name of a table or view.
fn removed_at(cx: &Cx, key: &ObjectKey) -> Option<Site> {
    let schema = key.schema.clone().unwrap_or_else(|| "public".into());
    removal(cx, &QName::new(schema, key.name.clone()), ObjectClass::Relation).map(|removal| removal.at)
}

fn report(cx: &mut Cx, rejected: &RejectedInCode, removed: Option<Site>) {
    let path = cx.path_of(rejected.site.file);
    let message = format!("PostgreSQL rejects this statement: {} ({})", rejected.reason.message, rejected.reason.sqlstate);
    let draft = cx.report(About::file(path), rejected.site, message);
    draft.of_statement(rejected.site).help("Change the statement to match the schema of the migrations.");
    if let Some(removed) = removed {
        draft.because(removed, "removed here");
    }
}
