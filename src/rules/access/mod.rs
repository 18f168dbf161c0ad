//! Rules for access: functions and views that run with the privileges of their owner and bypass row level security, and privileges that do
//! not match the policies.

mod along;
mod argument;
mod asking;
mod calls;
pub mod definer_search_path;
pub mod definer_trusts_argument;
pub mod invited;
pub mod missing_grant;
mod need;
mod path;
pub mod relies_on_default_grants;
mod shown;
pub mod unneeded_grant;
pub mod view_bypasses_rls;
