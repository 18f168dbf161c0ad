//! Queries of application code that fail, are refused or are slow.

pub mod check_then_insert;
pub mod conflict_target;
pub mod exact_count;
pub mod leading_wildcard;
pub mod lost_update;
pub mod missing_tenant_filter;
pub mod missing_value;
pub mod query_in_loop;
pub mod refused;
pub mod rpc_trusts_request;
pub mod separate_lookup;
pub mod sequential_awaits;
pub mod service_role_key_in_browser;
pub mod single_not_unique;
pub mod sql_would_fail;
pub mod unbounded_list;
pub mod unindexed_filter;
pub mod unknown_column;
pub mod unknown_enum_value;
pub mod unknown_function;
pub mod unknown_relationship;
pub mod unknown_table;
pub mod unserved_schema;

use crate::analysis::app_query::AppQuery;
use crate::catalog::Removal;
use crate::rules::prelude::*;
use supalint_queries::shape::SelectItem;

/// Starts a diagnostic at a part of a query. Its identity is the file and the text, so that it survives changes of other lines.
fn report<'c>(cx: &'c mut Cx, about: About, query: AppQuery, span: Span, message: String) -> &'c mut DiagnosticBuilder {
    let site = query.site(span);
    let path = cx.path_of(query.file);
    cx.report(about, site, message).discriminate(path).of_statement(site)
}

/// Adds the statement that removed a name, and the help if the object has a new name.
fn because_removed(draft: &mut DiagnosticBuilder, removal: Option<&Removal>) {
    let Some(removal) = removal else { return };
    match &removal.renamed_to {
        Some(name) => draft.because(removal.at, format!("renamed to `{name}` here")).help(format!("Use `{name}`, the new name.")),
        None => draft.because(removal.at, "dropped here"),
    };
}

/// Returns names as a list in code quotes: `` `a` and `b` ``.
fn quoted<S: AsRef<str>>(names: &[S], word: &str) -> String {
    let names: Vec<String> = names.iter().map(|name| format!("`{}`", name.as_ref())).collect();
    crate::analysis::needed_privileges::list(&names, word)
}

/// Returns a number with its noun.
fn count(number: usize, one: &str, several: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { several })
}

/// Returns whether an item of a `select` list counts or sums rows.
fn is_aggregate(item: &SelectItem) -> bool {
    match item {
        SelectItem::Count { .. } => true,
        SelectItem::Column(column) => column.aggregate.is_some(),
        SelectItem::All(_) | SelectItem::Embed(_) => false,
    }
}
