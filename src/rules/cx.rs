//! The interface of rules: queries about the state, and diagnostics.
//!
//! Promises: results borrow from the state and not from [`Cx`], so a rule can report while it iterates over them. Limits: severities from
//! settings, order and duplicates are handled by the engine.

use super::Rule;
use super::about::About;
use super::draft::{DiagnosticBuilder, PendingDiagnostic};
use crate::analysis::state::State;
use crate::source::Site;
use std::ops::Deref;

/// A state, and the diagnostics that a rule has reported for it.
pub struct Cx<'a> {
    state: State<'a>,
    rule: &'static Rule,
    drafts: Vec<DiagnosticBuilder>,
}

/// Gives rules direct access to the state.
impl<'a> Deref for Cx<'a> {
    type Target = State<'a>;

    fn deref(&self) -> &State<'a> {
        &self.state
    }
}

impl<'a> Cx<'a> {
    pub fn new(state: State<'a>, rule: &'static Rule) -> Cx<'a> {
        Cx { state, rule, drafts: Vec::new() }
    }

    /// Starts a diagnostic. It is certain if its subject is certain. The message names the object and describes the consequence.
    pub fn report(&mut self, about: impl Into<About>, primary: Site, message: impl Into<String>) -> &mut DiagnosticBuilder {
        self.drafts.push(DiagnosticBuilder::new(self.rule, about.into(), primary, message.into()));
        self.drafts.last_mut().expect("a draft was just pushed")
    }

    /// Returns the diagnostic that was started last.
    pub fn last(&mut self) -> &mut DiagnosticBuilder {
        self.drafts.last_mut().expect("a finding was reported")
    }

    /// Runs a check and returns its finished diagnostics.
    pub fn run(mut self, check: impl FnOnce(&mut Cx<'a>)) -> Vec<PendingDiagnostic> {
        check(&mut self);
        self.drafts.into_iter().map(|draft| draft.finish(self.state.sources)).collect()
    }
}
