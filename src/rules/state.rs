//! A state of a project, and what is computed from it once for all rules.

use super::code::Bodies;
use crate::catalog::Catalog;
use crate::catalog::object::{Function, Table, View};
use crate::project::Project;

/// A state of a project.
pub struct State<'a> {
    pub catalog: &'a Catalog,
    pub project: &'a Project,
    /// What is computed from it once for all rules.
    pub bodies: Bodies,
}

impl<'a> State<'a> {
    pub fn new(catalog: &'a Catalog, project: &'a Project) -> State<'a> {
        State { catalog, project, bodies: Bodies::default() }
    }
}

/// An object whose definition holds SQL.
#[derive(Clone, Copy)]
pub enum SqlOwner<'a> {
    Function(&'a Function),
    View(&'a View),
    /// With its policies, indexes and constraints.
    Table(&'a Table),
}
