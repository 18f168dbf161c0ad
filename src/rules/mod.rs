//! Rules: their type, and the list of all rules.
//!
//! A rule consists of a page (`rules/<group>/<name>.md`), a file here, its `mod` line and its entry in [`ALL`]. Its declaration contains
//! the id, category and severity. Its page contains the title, reasons and examples. Its function contains the messages and fixes.
//!
//! Promises: a rule cannot fail. Limits: a rule uses no disk, no clock, no types of the parser and no engine. It reads the catalog through
//! [`Cx`].

pub mod about;
pub mod access;
pub mod allow;
pub mod cx;
pub mod draft;
pub mod index;
pub mod migration;
pub mod names;
pub mod query;
pub mod rls;
pub mod schema;

use crate::allow::Allows;
use crate::finding::{Category, Severity};
use crate::history::{Outcome, Step};
use cx::Cx;

/// A rule: its metadata and its check.
#[derive(Debug)]
pub struct Rule {
    /// Id of the rule: `group/name`.
    pub id: &'static str,
    pub category: Category,
    /// Default severity. Settings can change it.
    pub severity: Severity,
    pub check: Check,
    /// Text of the page `rules/<id>.md`.
    pub page: &'static str,
    /// Whether at least one diagnostic of the rule has a fix.
    pub fixable: bool,
}

/// The moment at which a rule runs.
#[derive(Clone, Copy, Debug)]
pub enum Check {
    /// Runs before each statement.
    Statement(fn(&mut Cx<'_>, &Step<'_>)),
    /// Runs after each statement, with its outcome.
    Outcome(fn(&mut Cx<'_>, &Outcome<'_>)),
    /// Runs after all files.
    Schema(fn(&mut Cx<'_>)),
    /// Runs after all other rules, with the allow comments and settings.
    Report(fn(&mut Cx<'_>, &Allows)),
}

impl Rule {
    pub fn group(&self) -> &'static str {
        self.id.split('/').next().unwrap_or(self.id)
    }

    /// Returns whether a name is the id or the group of the rule.
    pub fn is_named(&self, name: &str) -> bool {
        self.id == name || self.group() == name
    }
}

/// Declares the rule of a file: `rule!("rls/disabled", Security, Error, Schema(check), fixable);`
macro_rules! rule {
    ($id:literal, $category:ident, $severity:ident, $stage:ident($check:path)) => {
        rule!(@ $id, $category, $severity, $stage($check), false);
    };
    ($id:literal, $category:ident, $severity:ident, $stage:ident($check:path), fixable) => {
        rule!(@ $id, $category, $severity, $stage($check), true);
    };
    (@ $id:literal, $category:ident, $severity:ident, $stage:ident($check:path), $fixable:literal) => {
        pub static RULE: $crate::rules::Rule = $crate::rules::Rule {
            id: $id,
            category: $crate::finding::Category::$category,
            severity: $crate::finding::Severity::$severity,
            check: $crate::rules::Check::$stage($check),
            page: include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/rules/", $id, ".md")),
            fixable: $fixable,
        };
    };
}
pub(crate) use rule;

/// Imports of the file of a rule.
pub mod prelude {
    pub use super::about::About;
    pub use super::cx::Cx;
    pub use super::draft::DiagnosticBuilder;
    pub(crate) use super::rule;
    pub use crate::allow::{Allows, FaultKind};
    pub use crate::analysis::prelude::*;
    /// `StatementStep` is a statement of the history. `Step` is a step of a fix.
    pub use crate::history::{Outcome, Step as StatementStep};
    pub use crate::project::Migration;
}

/// All rules, in the order of their ids.
#[rustfmt::skip]
pub static ALL: &[&Rule] = &[
    &access::definer_callable::RULE,
    &access::definer_search_path::RULE,
    &access::definer_trusts_argument::RULE,
    &access::foreign_table_exposed::RULE,
    &access::graphql_exposed::RULE,
    &access::missing_grant::RULE,
    &access::queue_exposed::RULE,
    &access::relies_on_default_grants::RULE,
    &access::secret_in_migration::RULE,
    &access::sign_up_trigger::RULE,
    &access::unneeded_grant::RULE,
    &access::view_bypasses_rls::RULE,
    &allow::malformed::RULE,
    &allow::unused::RULE,
    &index::foreign_key::RULE,
    &index::foreign_key_sort::RULE,
    &index::redundant::RULE,
    &migration::encoding::RULE,
    &migration::no_effect::RULE,
    &migration::order::RULE,
    &migration::platform_refuses::RULE,
    &migration::syntax::RULE,
    &migration::would_fail::RULE,
    &query::check_then_insert::RULE,
    &query::conflict_target::RULE,
    &query::exact_count::RULE,
    &query::leading_wildcard::RULE,
    &query::lost_update::RULE,
    &query::missing_tenant_filter::RULE,
    &query::missing_value::RULE,
    &query::query_in_loop::RULE,
    &query::refused::RULE,
    &query::rpc_trusts_request::RULE,
    &query::separate_lookup::RULE,
    &query::sequential_awaits::RULE,
    &query::service_role_key_in_browser::RULE,
    &query::single_not_unique::RULE,
    &query::sql_would_fail::RULE,
    &query::unbounded_list::RULE,
    &query::unindexed_filter::RULE,
    &query::unknown_column::RULE,
    &query::unknown_enum_value::RULE,
    &query::unknown_function::RULE,
    &query::unknown_relationship::RULE,
    &query::unknown_table::RULE,
    &query::unserved_schema::RULE,
    &rls::always_true::RULE,
    &rls::anonymous_sign_in::RULE,
    &rls::bare_auth_call::RULE,
    &rls::bucket_listing::RULE,
    &rls::bucket_only::RULE,
    &rls::correlated_subquery::RULE,
    &rls::disabled::RULE,
    &rls::duplicate_policy::RULE,
    &rls::missing_command::RULE,
    &rls::missing_condition::RULE,
    &rls::missing_to::RULE,
    &rls::multiple_permissive::RULE,
    &rls::no_policy::RULE,
    &rls::open_read::RULE,
    &rls::policy_without_rls::RULE,
    &rls::reads_without_rls::RULE,
    &rls::recursion::RULE,
    &rls::role_check::RULE,
    &rls::scalar_subquery::RULE,
    &rls::self_comparison::RULE,
    &rls::service_role_only::RULE,
    &rls::unindexed_column::RULE,
    &rls::unknown_claim::RULE,
    &rls::user_metadata::RULE,
    &rls::volatile_function::RULE,
    &rls::weaker_check::RULE,
    &rls::writable_authority::RULE,
    &schema::ambiguous_overload::RULE,
    &schema::auth_unique_key::RULE,
    &schema::autovacuum_disabled::RULE,
    &schema::blocks_user_deletion::RULE,
    &schema::extension_in_public::RULE,
    &schema::jsonb_unvalidated::RULE,
    &schema::name_truncated::RULE,
    &schema::no_primary_key::RULE,
    &schema::not_validated::RULE,
    &schema::tenant_nullable::RULE,
    &schema::tenant_split::RULE,
    &schema::trigger_disabled::RULE,
    &schema::unchecked_values::RULE,
    &schema::unique_across_tenants::RULE,
    &schema::unsupported_reg_type::RULE,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_in_order_and_each_id_is_a_group_and_a_name() {
        assert!(ALL.windows(2).all(|pair| pair[0].id < pair[1].id));
        assert!(ALL.iter().all(|rule| rule.id.split('/').count() == 2));
    }

    #[test]
    fn a_rule_goes_by_its_id_and_its_group_and_no_part_of_either() {
        let rule = &rls::disabled::RULE;
        assert!(rule.is_named("rls/disabled") && rule.is_named("rls"));
        assert!(!rule.is_named("rl") && !rule.is_named("rls/dis") && !rule.is_named(""));
    }
}
