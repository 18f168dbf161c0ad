//! What a run found: plain data that every output format is a total function of.

use crate::finding::Finding;
use crate::source::{Site, Sources};
pub use crate::syntax::ast::Unread;

/// How many findings are there and not told, because they were not asked about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LeftOut {
    /// They stand in files that the settings ignore.
    pub ignored: usize,
    /// They were there before what was asked about.
    pub earlier: usize,
    /// They stand in the baseline.
    pub baseline: usize,
}

/// Everything an output needs.
#[derive(Debug, Default)]
pub struct Report {
    /// In the order they are shown: by file, place, rule and subject.
    pub findings: Vec<Finding>,
    /// Findings that a person has allowed, with the reason given.
    pub suppressed: Vec<(Finding, String)>,
    pub left_out: LeftOut,
    pub unread: Vec<Unread>,
    /// Code that runs too long to be followed to its end, so that not all it does is known.
    pub bounded: Vec<Site>,
    /// Statements with code that was passed over because it depends on what is not known, and that may have changed the schema.
    pub undecided: Vec<Site>,
    /// Statements in all migrations.
    pub statements: usize,
    /// Migration files.
    pub files: usize,
    pub sources: Sources,
}
