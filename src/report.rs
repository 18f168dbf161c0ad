//! Result of a run: plain data that every output format renders.

use crate::finding::Finding;
use crate::source::{Site, Sources};
pub use crate::syntax::ast::Unread;

/// Numbers of problems that are not reported.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LeftOut {
    /// Number of problems in files that the settings ignore.
    pub ignored: usize,
    /// Number of problems that existed before the change.
    pub earlier: usize,
    /// Number of problems in the baseline.
    pub baseline: usize,
}

/// Input of an output format.
#[derive(Debug, Default)]
pub struct Report {
    /// Diagnostics in the order of file, location, rule and subject.
    pub findings: Vec<Finding>,
    /// Allowed diagnostics, each with its reason.
    pub suppressed: Vec<(Finding, String)>,
    pub left_out: LeftOut,
    pub unread: Vec<Unread>,
    /// Locations of code that runs too long to evaluate, so that some of its effects are unknown.
    pub bounded: Vec<Site>,
    /// Number of statements in all migrations.
    pub statements: usize,
    /// Number of migration files.
    pub files: usize,
    pub sources: Sources,
}
