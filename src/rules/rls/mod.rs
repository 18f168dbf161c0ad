//! Rules for row level security: tables without it, and policies.

pub mod always_true;
pub mod anonymous_sign_in;
pub mod bare_auth_call;
pub mod bucket_listing;
pub mod bucket_only;
pub mod correlated_subquery;
pub mod disabled;
pub mod duplicate_policy;
pub mod missing_command;
pub mod missing_to;
pub mod multiple_permissive;
pub mod no_policy;
pub mod open_read;
pub mod policy_without_rls;
pub mod reads_without_rls;
pub mod recursion;
pub mod role_check;
pub mod scalar_subquery;
pub mod self_comparison;
pub mod service_role_only;
pub mod unindexed_column;
pub mod unknown_claim;
pub mod user_metadata;
pub mod volatile_function;
pub mod weaker_check;
pub mod writable_authority;
