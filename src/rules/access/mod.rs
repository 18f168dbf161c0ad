//! Who gets at what: functions and views that run with their owner's rights and so past row level security, and privileges that
//! do not agree with the policies.

pub mod definer_search_path;
pub mod definer_trusts_argument;
pub mod missing_grant;
pub mod relies_on_default_grants;
pub mod unneeded_grant;
pub mod view_bypasses_rls;
