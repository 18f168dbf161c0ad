//! Row level security: whether tables have it, and what policies let through.

pub mod disabled;
pub mod no_policy;
pub mod policy_without_rls;
