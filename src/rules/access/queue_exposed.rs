//! Queues of pgmq without row level security whose API schema is served.

use crate::remedy::rls::enable;
use crate::rules::prelude::*;

rule!("access/queue-exposed", Security, Error, Schema(check), fixable);

fn check(cx: &mut Cx) {
    if !cx.is_exposed("pgmq_public") {
        return;
    }
    let is_queue = |table: &Table| table.name.schema == "pgmq" && table.name.name.starts_with("q_");
    for table in cx.catalog.tables.which(is_queue) {
        let readers: Vec<&str> = API_ROLES.into_iter().filter(|role| cx.may_select_table(role, table)).collect();
        if table.rls.value || readers.is_empty() {
            continue;
        }
        let name = &table.name;
        let who = if readers.contains(&"anon") { "anyone who has the anon key" } else { "every signed-in user" };
        let message =
            format!("the queue `{name}` has no row level security, and the API serves `pgmq_public`: {who} can read its messages");
        cx.report(table, table.named, message)
            .help("Enable row level security on the table of the queue, and add policies for the roles that use it.")
            .fix(
                Safety::Review,
                format!("Enable row level security on `{name}` (clients have no access until it has policies)"),
                [enable(table)],
            )
            // the advisor has the key of another lint
            .advisor("insecure_queue_exposed_in_api", format!("rls_disabled_in_public_{}_{}", name.schema, name.name));
    }
}
