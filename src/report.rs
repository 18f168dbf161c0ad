//! What a run found: plain data that every output format is a total function of.

use crate::finding::Finding;
use crate::source::Sources;
pub use crate::syntax::ast::Unread;

/// Everything an output needs.
#[derive(Debug, Default)]
pub struct Report {
    /// In the order they are shown: by file, place, rule and subject.
    pub findings: Vec<Finding>,
    /// Findings that a person has allowed, with the reason given.
    pub suppressed: Vec<(Finding, String)>,
    pub unread: Vec<Unread>,
    /// Statements in all migrations.
    pub statements: usize,
    /// Migration files.
    pub files: usize,
    pub sources: Sources,
}
