//! What is worked out of a state: questions that several rules have, answered once.
//!
//! Promises: reads a state and changes nothing; what costs much is computed when it is first asked for, and kept in [`Analyses`]. Refuses: to
//! report, and to know any rule.

pub mod caller_check;
pub mod calls;
pub mod code;
pub mod column_values;
pub mod column_writes;
pub mod definer;
pub mod eval_frequency;
pub mod exposure;
pub mod identity_argument;
pub mod identity_helpers;
pub mod index_cover;
pub mod json_use;
pub mod likely_sort;
pub mod matrix;
pub mod needed_privileges;
pub mod pinned_path;
pub mod policy_grantees;
pub mod row_columns;
pub mod row_parent;
pub mod scope;
pub mod search_path_effects;
pub mod secrets;
pub mod server_written;
pub mod sorted_query;
pub mod state;
pub mod tenant;
pub mod view_exposure;

use crate::catalog::name::QName;
use code::Bodies;
use column_writes::ColumnWrites;
use identity_helpers::Callers;
use json_use::Uses;
use secrets::Secret;
use sorted_query::Sorted;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;
use tenant::Tenant;

/// What is computed from one state once for all who ask.
#[derive(Default)]
pub struct Analyses {
    bodies: Bodies,
    callers: OnceLock<Callers>,
    /// How many foreign keys refer to each table.
    referring: OnceLock<BTreeMap<QName, usize>>,
    /// Tables that people are members of.
    homes: OnceLock<BTreeSet<QName>>,
    tenants: OnceLock<BTreeMap<QName, Vec<Tenant>>>,
    json: OnceLock<Uses>,
    secrets: OnceLock<Vec<Secret>>,
    writes: OnceLock<ColumnWrites>,
    sorts: OnceLock<BTreeMap<QName, Vec<Sorted>>>,
    /// Ends of statements that could not be read or followed and mention policies, or grants; by number of the file.
    unclear: OnceLock<[Vec<(usize, u32)>; 2]>,
}

/// What analyses and remedies import.
pub mod prelude {
    pub use super::code::{Code, Home, Origin};
    pub use super::identity_helpers::{self, Callers};
    pub use super::state::{API_ROLES, COMMANDS, State};
    pub use crate::catalog::acl::Privileges;
    pub use crate::catalog::name::{QName, derived_name, quote_ident, quote_literal};
    pub use crate::catalog::object::*;
    pub use crate::catalog::{Catalog, SqlError};
    pub use crate::finding::{ClauseChange, Edit, GrantChange, IndexChange, Phase, PolicyChange, Run, Safety, Severity, Step};
    pub use crate::source::{FileId, Site, Sources, Span};
    pub use crate::syntax::ast::{Ast, Form};
    pub use crate::syntax::expression::*;
    pub use smol_str::SmolStr;
}
