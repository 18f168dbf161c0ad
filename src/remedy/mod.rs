//! Statements that fix problems. Rules call these functions to compose their fixes.
//!
//! Limits: no diagnostics are reported, and no function depends on a rule.

pub mod backfill;
pub mod caller_check;
pub mod definer_helper;
pub mod grant;
pub mod index;
pub mod merged_policy;
pub mod mirrored_policy;
pub mod policy_edit;
pub mod policy_like;
pub mod policy_migration;
pub mod restore;
pub mod rls;
pub mod view;
pub mod wrapped_call;
