//! Queries of schemas that the API does not serve.

use super::{quoted, report};
use crate::analysis::app_query::all;
use crate::analysis::app_query::relation::is_of_platform;
use crate::rules::prelude::*;
use supalint_queries::shape::Schema as AppSchema;

rule!("query/unserved-schema", Integrity, Warn, Schema(check));

fn check(cx: &mut Cx) {
    let served = &cx.config().exposed_schemas;
    // without `[api] schemas`, the dashboard may expose more schemas
    let is_default = served.iter().all(|schema| schema == "public");
    for query in all(cx) {
        let AppSchema::Named(schema) = &query.query.schema else { continue };
        if served.iter().any(|name| *name == schema.text) || is_of_platform(&schema.text) {
            continue;
        }
        let message = format!("schema `{}` is not served by the API: the query fails with PGRST106", schema.text);
        let draft = report(cx, About::named("schema", &QName::new(schema.text.clone(), schema.text.clone())), query, schema.span, message);
        draft.help(format!("Add `{}` to `[api] schemas` in config.toml. The API serves {}.", schema.text, quoted(served, "and")));
        if is_default {
            draft.unsure();
        }
    }
}
