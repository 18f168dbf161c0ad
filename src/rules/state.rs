//! A state of a project, and results that are computed once per state for all rules.

use super::code::Bodies;
use crate::catalog::Catalog;
use crate::catalog::object::{Function, Table, View};
use crate::project::Project;

/// A state of a project.
pub struct State<'a> {
    pub catalog: &'a Catalog,
    pub project: &'a Project,
    /// Results that are computed once for all rules.
    pub bodies: Bodies,
}

impl<'a> State<'a> {
    pub fn new(catalog: &'a Catalog, project: &'a Project) -> State<'a> {
        State { catalog, project, bodies: Bodies::default() }
    }
}

/// An object whose definition contains SQL.
#[derive(Clone, Copy)]
pub enum SqlOwner<'a> {
    Function(&'a Function),
    View(&'a View),
    /// A table with its policies, indexes and constraints.
    Table(&'a Table),
}
