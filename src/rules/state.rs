//! A state of a project, another one beside it, and what is worked out of both once for all rules.
//!
//! Promises: who asks for what differs in the other has looked at it, as [`watch`] tells.

use super::code::Bodies;
use crate::catalog::name::QName;
use crate::catalog::object::{Function, Policy, Table, View};
use crate::catalog::{Catalog, watch};
use crate::project::Project;
use crate::source::{FileId, Site};
use rustc_hash::FxHashSet;
use std::collections::BTreeSet;
use std::sync::Arc;

/// A state of a project.
pub struct State<'a> {
    pub catalog: &'a Catalog,
    pub project: &'a Project,
    /// What is worked out of it once for all rules.
    pub bodies: Bodies,
}

impl<'a> State<'a> {
    pub fn new(catalog: &'a Catalog, project: &'a Project) -> State<'a> {
        State { catalog, project, bodies: Bodies::default() }
    }
}

/// A state beside the one that rules look at, whose findings somebody leaves out.
#[derive(Clone, Copy)]
pub struct Beside<'a> {
    pub state: &'a State<'a>,
    /// Files of which what points there is told all the same; none where everything is.
    pub shown: Option<&'a BTreeSet<FileId>>,
    /// Has the other state such a file too, so that what did not change may point there?
    pub shares: bool,
}

/// Which of a rule's findings may be others in the state beside.
#[derive(Debug, PartialEq, Eq)]
pub enum Open {
    /// All of them.
    All,
    /// Those of these subjects, and what is about none.
    Of(FxHashSet<QName>),
}

/// What holds SQL, and is judged by itself.
#[derive(Clone, Copy)]
pub enum Piece<'a> {
    Function(&'a Function),
    View(&'a View),
    /// With its policies, indexes and constraints.
    Table(&'a Table),
}

impl<'a> From<&'a Table> for Piece<'a> {
    fn from(table: &'a Table) -> Piece<'a> {
        Piece::Table(table)
    }
}

impl<'a> From<(&'a Table, &'a Policy)> for Piece<'a> {
    fn from((table, _): (&'a Table, &'a Policy)) -> Piece<'a> {
        Piece::Table(table)
    }
}

impl<'a> From<&'a View> for Piece<'a> {
    fn from(view: &'a View) -> Piece<'a> {
        Piece::View(view)
    }
}

impl<'a> From<&'a Function> for Piece<'a> {
    fn from(function: &'a Function) -> Piece<'a> {
        Piece::Function(function)
    }
}

impl<'a> Piece<'a> {
    pub(super) fn name(self) -> &'a QName {
        match self {
            Piece::Function(function) => &function.name,
            Piece::View(view) => &view.name,
            Piece::Table(table) => &table.name,
        }
    }

    /// Where it is kept: in one place for both of two states in which it is the same.
    pub(super) fn address(self) -> usize {
        match self {
            Piece::Function(function) => std::ptr::from_ref(function).addr(),
            Piece::View(view) => std::ptr::from_ref(view).addr(),
            Piece::Table(table) => std::ptr::from_ref(table).addr(),
        }
    }

    /// Notes that it is looked at.
    pub(super) fn look(self, catalog: &Catalog) {
        match self {
            Piece::Function(function) => catalog.functions.look_at(&function.name),
            Piece::View(view) => catalog.views.look_at(&view.name),
            Piece::Table(table) => catalog.tables.look_at(&table.name),
        }
    }

    /// Is one of its places such as is asked for?
    pub(super) fn stands(self, is_there: impl Fn(Site) -> bool) -> bool {
        match self {
            Piece::Function(function) => function.places().any(is_there),
            Piece::View(view) => view.places().any(is_there),
            Piece::Table(table) => table.places().any(is_there),
        }
    }
}

/// Something of a state, and the same of the one beside it.
pub struct Whole<T> {
    pub(super) here: Arc<T>,
    /// None where it is equal.
    there: Option<Arc<T>>,
}

impl<T: PartialEq> Whole<T> {
    pub fn of(here: Arc<T>) -> Whole<T> {
        Whole { here, there: None }
    }

    pub fn beside(here: Arc<T>, there: Arc<T>) -> Whole<T> {
        let differs = !Arc::ptr_eq(&here, &there) && here != there;
        Whole { here, there: differs.then_some(there) }
    }
}

impl<T> Whole<T> {
    /// Asks it something. Who would be answered otherwise by the other has looked at what differs.
    pub fn ask<'w, A: PartialEq>(&'w self, ask: impl Fn(&'w T) -> A) -> A {
        let answer = ask(&self.here);
        if self.there.as_ref().is_some_and(|there| ask(there) != answer) {
            watch::look();
        }
        answer
    }
}
