//! Rules: what each is, and the list of all.
//!
//! A rule is a page (`rules/<group>/<name>.md`), a file here, its `mod` line and its entry in [`ALL`]. Its id, category and severity
//! stand in its declaration, its title, reasons and examples in its page, its messages and cures in its function.
//!
//! Promises: a rule cannot fail. Refuses: disk, clock, the parser's types, and whatever runs rules; a rule asks the catalog
//! through [`Cx`].

pub mod about;
pub mod access;
pub mod allow;
pub mod cx;
pub mod draft;
pub mod index;
pub mod migration;
pub mod names;
pub mod rls;
pub mod schema;

use crate::allow::Allows;
use crate::finding::{Category, Severity};
use crate::history::{Outcome, Step};
use cx::Cx;

/// What is checked, and how it is told.
#[derive(Debug)]
pub struct Rule {
    /// `group/name`
    pub id: &'static str,
    pub category: Category,
    /// Unless the project's settings say otherwise.
    pub severity: Severity,
    pub check: Check,
    /// `rules/<id>.md`
    pub page: &'static str,
    /// Does any of its findings come with statements or edits that cure it?
    pub fixable: bool,
}

/// The one moment at which a rule looks.
#[derive(Clone, Copy, Debug)]
pub enum Check {
    /// Before each statement.
    Statement(fn(&mut Cx<'_>, &Step<'_>)),
    /// Behind each statement, told what it did.
    Outcome(fn(&mut Cx<'_>, &Outcome<'_>)),
    /// After all files.
    Schema(fn(&mut Cx<'_>)),
    /// After all other rules, told what was allowed of what they found.
    Report(fn(&mut Cx<'_>, &Allows)),
}

impl Rule {
    pub fn group(&self) -> &'static str {
        self.id.split('/').next().unwrap_or(self.id)
    }

    /// Is the rule meant by its id or by its group?
    pub fn is_named(&self, name: &str) -> bool {
        self.id == name || self.group() == name
    }
}

/// Declares the rule of a file: `rule!("rls/disabled", Security, Error, Schema(check), fixable);`
macro_rules! rule {
    ($id:literal, $category:ident, $severity:ident, $moment:ident($check:path)) => {
        rule!(@ $id, $category, $severity, $moment($check), false);
    };
    ($id:literal, $category:ident, $severity:ident, $moment:ident($check:path), fixable) => {
        rule!(@ $id, $category, $severity, $moment($check), true);
    };
    (@ $id:literal, $category:ident, $severity:ident, $moment:ident($check:path), $fixable:literal) => {
        pub static RULE: $crate::rules::Rule = $crate::rules::Rule {
            id: $id,
            category: $crate::finding::Category::$category,
            severity: $crate::finding::Severity::$severity,
            check: $crate::rules::Check::$moment($check),
            page: include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/rules/", $id, ".md")),
            fixable: $fixable,
        };
    };
}
pub(crate) use rule;

/// What a rule's file imports.
pub mod prelude {
    pub use super::about::About;
    pub use super::cx::Cx;
    pub use super::draft::Draft;
    pub(crate) use super::rule;
    pub use crate::allow::{Allows, Why};
    pub use crate::analysis::prelude::*;
    /// A statement; plain `Step` is a step of a fix.
    pub use crate::history::{Outcome, Step as Moment};
    pub use crate::project::Migration;
}

/// Every rule, in the order of ids.
#[rustfmt::skip]
pub static ALL: &[&Rule] = &[
    &access::definer_search_path::RULE,
    &access::definer_trusts_argument::RULE,
    &access::missing_grant::RULE,
    &access::relies_on_default_grants::RULE,
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
    &rls::bare_auth_call::RULE,
    &rls::correlated_subquery::RULE,
    &rls::disabled::RULE,
    &rls::missing_command::RULE,
    &rls::no_policy::RULE,
    &rls::policy_without_rls::RULE,
    &rls::self_comparison::RULE,
    &schema::jsonb_unvalidated::RULE,
    &schema::tenant_nullable::RULE,
    &schema::tenant_split::RULE,
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
