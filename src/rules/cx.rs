//! What a rule is given: a state to ask about, and a list to report to.
//!
//! Refuses: severities from settings, order and duplicates, which are the engine's.

use super::Rule;
use super::about::About;
use super::draft::{Draft, Told};
use crate::analysis::state::State;
use crate::source::Site;
use std::ops::Deref;

/// A state, and the findings that a rule has reported about it.
pub struct Cx<'a> {
    state: State<'a>,
    rule: &'static Rule,
    drafts: Vec<Draft>,
}

/// A rule asks the state.
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

    /// Starts a finding, which is certain if its subject is. The message names the object and says what happens to whom.
    pub fn report(&mut self, about: impl Into<About>, primary: Site, message: impl Into<String>) -> &mut Draft {
        self.drafts.push(Draft::new(self.rule, about.into(), primary, message.into()));
        self.drafts.last_mut().expect("a draft was just pushed")
    }

    /// The finding that was started last.
    pub fn last(&mut self) -> &mut Draft {
        self.drafts.last_mut().expect("a finding was reported")
    }

    /// What the rule finds, complete.
    pub fn found(mut self, check: impl FnOnce(&mut Cx<'a>)) -> Vec<Told> {
        check(&mut self);
        self.drafts.into_iter().map(|draft| draft.finish(self.state.sources)).collect()
    }
}
