//! Facts about a state that several rules use.
//!
//! Promises: a state is not changed. Expensive results are computed when they are first used, and kept in [`Analyses`]. Limits: no
//! diagnostics are reported, and no analysis depends on a rule.

pub mod app_query;
pub mod bucket_policies;
pub mod caller_check;
pub mod calls;
pub mod claims;
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
pub mod long_names;
pub mod matrix;
pub mod needed_privileges;
pub mod open_policies;
pub mod owner_columns;
pub mod pinned_path;
pub mod policy_columns;
pub mod policy_grantees;
pub mod policy_reads;
pub mod predicate;
pub mod query_list;
pub mod row_columns;
pub mod row_parent;
pub mod scope;
pub mod search_path_effects;
pub mod secrets;
pub mod server_written;
pub mod single_row;
pub mod sorted_query;
pub mod state;
pub mod tenant;
pub mod trusted_columns;
pub mod view_exposure;

use crate::catalog::name::QName;
use app_query::doubt::Doubts;
use app_query::relationship::Relationships;
use code::Bodies;
use column_writes::ColumnWrites;
use identity_helpers::IdentityHelpers;
use json_use::Uses;
use long_names::LongNames;
use secrets::Secret;
use sorted_query::SortedQuery;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;
use tenant::Tenant;

/// Results of analyses of one state, computed on demand.
#[derive(Default)]
pub struct Analyses {
    bodies: Bodies,
    doubts: OnceLock<Doubts>,
    relationships: OnceLock<Relationships>,
    identity_helpers: OnceLock<IdentityHelpers>,
    /// Number of foreign keys that refer to each table.
    referring: OnceLock<BTreeMap<QName, usize>>,
    /// Tables whose rows have members, such as organizations.
    tenant_tables: OnceLock<BTreeSet<QName>>,
    tenants: OnceLock<BTreeMap<QName, Vec<Tenant>>>,
    json: OnceLock<Uses>,
    secrets: OnceLock<Vec<Secret>>,
    long_names: OnceLock<LongNames>,
    writes: OnceLock<ColumnWrites>,
    sorts: OnceLock<BTreeMap<QName, Vec<SortedQuery>>>,
    /// Statements with unknown effects that mention policies, and those that mention grants: the number of the file and the end of the
    /// statement.
    unclear: OnceLock<[Vec<(usize, u32)>; 2]>,
}

/// Imports of analyses and remedies.
pub mod prelude {
    pub use super::code::{Code, Home, Origin};
    pub use super::identity_helpers::{self, IdentityHelpers};
    pub use super::state::{API_ROLES, COMMANDS, State};
    pub use crate::catalog::acl::Privileges;
    pub use crate::catalog::name::{QName, derived_name, quote_ident, quote_literal};
    pub use crate::catalog::object::*;
    pub use crate::catalog::walk::reachable;
    pub use crate::catalog::{Catalog, SqlError};
    pub use crate::finding::{ClauseChange, Edit, GrantChange, IndexChange, Phase, PolicyChange, Run, Safety, Severity, Step};
    pub use crate::source::{FileId, Site, Sources, Span};
    pub use crate::syntax::ast::{Ast, Form};
    pub use crate::syntax::expression::*;
    pub use smol_str::SmolStr;
}
