//! Rules for access: functions and views that run with the privileges of their owner and bypass row level security, and privileges that do
//! not match the policies.

pub mod definer_callable;
pub mod definer_search_path;
pub mod definer_trusts_argument;
pub mod foreign_table_exposed;
pub mod graphql_exposed;
pub mod missing_grant;
pub mod queue_exposed;
pub mod relies_on_default_grants;
pub mod secret_in_migration;
pub mod sign_up_trigger;
pub mod unneeded_grant;
pub mod view_bypasses_rls;
