//! Queries of the service role that read or write the rows of all tenants.

use super::{quoted, report};
use crate::analysis::app_query::{AppQuery, all, filters, known_target};
use crate::analysis::owner_columns::owner_columns;
use crate::rules::prelude::*;
use std::collections::BTreeSet;
use supalint_queries::shape::{
    self, ClientKind, Command as AppCommand, Filter, Operator, Origin as ValueOrigin, Target as AppTarget, ValueKind,
};

rule!("query/missing-tenant-filter", Security, Warn, Schema(check));

fn check(cx: &mut Cx) {
    let queries: Vec<AppQuery> = all(cx).collect();
    for query in &queries {
        let reads = matches!(query.query.command, AppCommand::Select | AppCommand::Update | AppCommand::Delete);
        if query.query.client.kind != ClientKind::ServiceRole || !reads || !query.query.complete || serves_all_tenants(cx, *query) {
            continue;
        }
        let relation = known_target(cx, query.query).filter(|relation| relation.is_known());
        let Some(table) = relation.and_then(|relation| relation.table()) else { continue };
        let owners: Vec<SmolStr> = owner_columns(cx, table).into_iter().filter(|owner| !owner.is_key).map(|owner| owner.name).collect();
        if owners.is_empty() || selects_rows(table, query.query) {
            continue;
        }
        let knows_owner = queries.iter().find(|other| is_beside(query, other) && compares_owner(other.query, &owners));
        let Some(other) = knows_owner.copied() else { continue };
        let verb = match query.query.command {
            AppCommand::Update => "changes",
            AppCommand::Delete => "deletes",
            _ => "reads",
        };
        let message = format!(
            "the query {verb} rows of all tenants of `{}`: the service role bypasses policies, and no filter compares {}",
            table.name,
            quoted(&owners, "or")
        );
        let at = other.site(other.query.source);
        report(cx, About::table(table), *query, query.query.source, message)
            .help(format!("Filter by {}, or use the client of the signed-in user.", quoted(&owners, "or")))
            .because(at, "the function filters this query by the user or tenant");
    }
}

/// Returns whether code is meant for all tenants, judging by its path. A file in the root folder is a script.
fn serves_all_tenants(cx: &Cx, query: AppQuery) -> bool {
    const WORDS: [&str; 20] = [
        "daily",
        "hourly",
        "weekly",
        "digest",
        "backfill",
        "platform",
        "admin",
        "cron",
        "job",
        "jobs",
        "webhook",
        "webhooks",
        "scripts",
        "script",
        "internal",
        "seed",
        "migrate",
        "worker",
        "workers",
        "scheduled",
    ];
    let path = cx.path_of(query.file).to_lowercase();
    !path.contains('/') || path.split(|letter: char| !letter.is_alphanumeric()).any(|word| WORDS.contains(&word))
}

/// Returns whether a filter selects certain rows: by an id, a key or a value that only some rows have.
fn selects_rows(table: &Table, query: &shape::Query) -> bool {
    let keys: BTreeSet<&str> = table
        .indexes
        .iter()
        .filter(|index| index.unique)
        .flat_map(|index| &index.columns)
        .filter_map(|column| column.column.as_deref())
        .collect();
    let foreign: BTreeSet<&str> = table.foreign_keys().flat_map(|(constraint, _)| &constraint.columns).map(SmolStr::as_str).collect();
    let is_key = |name: &str| {
        let is_id = name == "id" || name.ends_with("_id") || name.ends_with("Id") || name.ends_with("_ids");
        let is_secret = ["token", "key", "hash", "email", "slug", "code", "domain", "phone", "name"].iter().any(|word| name.contains(word));
        keys.contains(name) || foreign.contains(name) || is_id || is_secret
    };
    filters(&query.filters).into_iter().any(|filter| match filter.and_then(|filter| filter.column.as_ref()) {
        Some(column) => !column.embeds.is_empty() || is_key(&column.name.text),
        // a filter that is unknown
        None => true,
    })
}

/// Returns whether two queries are in one function.
fn is_beside(query: &AppQuery, other: &AppQuery) -> bool {
    query.file == other.file
        && query.query.flow.function.is_some()
        && query.query.flow.function == other.query.flow.function
        && query.query.source != other.query.source
}

/// Returns whether a query compares an owner column with a value of the caller: the signed-in user, the request or a parameter. A query of
/// roles or members is not counted, because it often checks that the caller is an administrator.
fn compares_owner(query: &shape::Query, owners: &[SmolStr]) -> bool {
    const CHECKS: [&str; 6] = ["role", "member", "profile", "admin", "user", "permission"];
    let AppTarget::Relation(Some(target)) = &query.target else { return false };
    let compares = |filter: &Filter| {
        let is_owner = filter.column.as_ref().is_some_and(|column| column.embeds.is_empty() && owners.contains(&column.name.text));
        let is_of_caller =
            matches!(filter.value.kind, ValueKind::Dynamic(ValueOrigin::SignedInUser | ValueOrigin::Request | ValueOrigin::Parameter));
        filter.operator == Operator::Eq && is_owner && is_of_caller
    };
    filters(&query.filters).into_iter().flatten().any(compares) && !CHECKS.iter().any(|word| target.text.contains(word))
}
