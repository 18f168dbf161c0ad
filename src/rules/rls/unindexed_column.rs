//! Columns of owners and tenants by which policies filter, and which no index begins with.

use crate::analysis::index_cover::is_indexed;
use crate::analysis::owner_columns::owner_columns;
use crate::analysis::policy_columns::picks;
use crate::remedy::index::New;
use crate::rules::prelude::*;

rule!("rls/unindexed-column", Performance, Warn, Schema(check), fixable);

fn check(cx: &mut Cx) {
    for table in cx.user_tables().filter(|table| table.rls.value && !table.external) {
        for owner in owner_columns(cx, table) {
            let columns = [owner.name.clone()];
            // index/foreign-key reports a foreign key without an index
            let is_key = table.foreign_keys().any(|(constraint, _)| constraint.columns == columns);
            if is_key || is_indexed(table, &columns) {
                continue;
            }
            let filters = |policy: &&Policy| {
                let reads = policy.command != Command::Insert && API_ROLES.iter().any(|role| cx.concerns(policy, role));
                reads && policy.using.as_ref().is_some_and(|using| picks(&using.root).contains(&owner.name))
            };
            let policies: Vec<&Policy> = table.policies.iter().filter(filters).collect();
            if let (Some(column), false) = (table.column(&owner.name), policies.is_empty()) {
                report(cx, table, column, &policies);
            }
        }
    }
}

fn report(cx: &mut Cx, table: &Table, column: &Column, policies: &[&Policy]) {
    let (name, rows) = (&column.name, &table.name);
    let index = New { table, keys: vec![(name.clone(), "")], predicate: None };
    let part = table.indexes.iter().find(|index| index.columns.iter().any(|key| key.column.as_ref() == Some(name)));
    let message = format!(
        "no index begins with `{name}` of `{rows}`, by which policies filter: each query without its own filter scans the whole table"
    );
    let step = index.step(cx);
    let draft = cx.report((table, column), column.named, message);
    draft.given(table.rls.certainty);
    for policy in policies.iter().take(2) {
        draft.because(policy.named, "policy that filters by the column");
    }
    if let Some(part) = part {
        draft.because(part.named, "contains the column, but another column comes first");
    }
    draft.help(format!("Create an index on {}.", index.list()));
    draft.fix(index.safety(), format!("Create an index on `{name}` of `{rows}`"), [step]);
}
