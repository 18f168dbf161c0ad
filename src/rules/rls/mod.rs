//! Rules for row level security: tables without it, and policies.

pub mod bare_auth_call;
pub mod caller;
pub mod correlated_subquery;
pub mod disabled;
pub mod edit;
pub mod missing_command;
pub mod no_policy;
pub mod often;
pub mod policy_without_rls;
pub mod self_comparison;
mod server_written;
pub mod sibling;
