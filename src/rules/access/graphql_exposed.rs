//! Tables and views that pg_graphql shows to API roles.

use crate::rules::prelude::*;

rule!("access/graphql-exposed", Security, Info, Schema(check));

fn check(cx: &mut Cx) {
    let Some(graphql) = cx.catalog.extensions.get(&"pg_graphql".into()) else { return };
    for table in cx.catalog.tables.values() {
        // pg_graphql shows partitions, and not the partitioned table
        if table.kind == TableKind::Partitioned || table.external || !cx.is_users_schema(&table.name.schema) {
            continue;
        }
        let roles: Vec<&str> = API_ROLES.into_iter().filter(|role| cx.may_select_table(role, table)).collect();
        let kind = if table.kind == TableKind::Foreign { "foreign table" } else { "table" };
        report(cx, table.into(), table.named, &table.name, kind, &roles, graphql);
    }
    for view in cx.catalog.views.values() {
        if !cx.is_users_schema(&view.name.schema) {
            continue;
        }
        let roles: Vec<&str> = API_ROLES.into_iter().filter(|role| cx.may_select_view(role, view)).collect();
        report(cx, view.into(), view.named, &view.name, if view.materialized { "materialized view" } else { "view" }, &roles, graphql);
    }
}

fn report(cx: &mut Cx, about: About, at: Site, name: &QName, kind: &str, roles: &[&str], graphql: &Extension) {
    let who = match roles {
        [] => return,
        ["authenticated"] => "every signed-in user",
        _ => "anyone who has the anon key",
    };
    let draft = cx.report(about, at, format!("pg_graphql shows the {kind} `{name}` and its columns to {who}"));
    draft
        .because(graphql.at, "pg_graphql is installed here")
        .help("Drop the extension pg_graphql if no client uses GraphQL. Otherwise revoke SELECT from roles that do not need the object.")
        .cause(
            "pg_graphql",
            "table or view is shown in the GraphQL schema: pg_graphql shows each object that an API role can select",
            "tables and views are shown in the GraphQL schema: pg_graphql shows each object that an API role can select",
        );
    for role in roles {
        let lint = if *role == "anon" { "pg_graphql_anon_table_exposed" } else { "pg_graphql_authenticated_table_exposed" };
        draft.advisor(lint, format!("{lint}_{}_{}", name.schema, name.name));
    }
    // whether the project uses GraphQL is unknown if the platform alone installed it
    if graphql.at.is_platform() {
        draft.only_for_advisor();
    }
}
