//! Result of a run: plain data that every output format renders.

use crate::finding::{Finding, Severity};
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
    /// Number of problems below the requested severity.
    pub less_severe: usize,
}

/// Input of an output format.
#[derive(Debug, Default)]
pub struct Report {
    /// Diagnostics in the order of file, location, rule and subject.
    pub findings: Vec<Finding>,
    /// What Supabase's advisor reports and supalint does not, because it is no problem. Only `--format advisors` shows it.
    pub only_for_advisor: Vec<Finding>,
    /// Allowed diagnostics, each with its reason.
    pub suppressed: Vec<(Finding, String)>,
    pub left_out: LeftOut,
    pub unread: Vec<Unread>,
    /// Locations of code that runs too long to evaluate, so that some of its effects are unknown.
    pub bounded: Vec<Site>,
    /// Statements with code that was skipped because it depends on unknown values, and that may have changed the schema.
    pub undecided: Vec<Site>,
    /// Number of statements in all migrations.
    pub statements: usize,
    /// Number of migration files.
    pub files: usize,
    /// Number of files of application code with queries.
    pub code_files: usize,
    pub sources: Sources,
}

impl Report {
    /// Removes diagnostics below a severity and counts them.
    pub fn leave_out_below(&mut self, least: Severity) {
        let all = self.findings.len();
        self.findings.retain(|finding| finding.severity >= least);
        self.only_for_advisor.retain(|finding| finding.severity >= least);
        self.left_out.less_severe += all - self.findings.len();
    }

    /// Appends the report of another project. `folder` is put before the paths of its files.
    pub fn append(&mut self, mut other: Report, folder: &str) {
        let moved = self.sources.append(other.sources, folder);
        let suppressed = other.suppressed.iter_mut().map(|(finding, _)| finding);
        for finding in other.findings.iter_mut().chain(&mut other.only_for_advisor).chain(suppressed) {
            let labels = std::iter::once(&mut finding.primary).chain(&mut finding.related).map(|label| &mut label.site);
            let edits = finding.fix.iter_mut().flat_map(|fix| &mut fix.rewrite).map(|edit| &mut edit.site);
            labels.chain(edits).for_each(|site| *site = moved(*site));
        }
        other.unread.iter_mut().for_each(|unread| unread.site = moved(unread.site));
        other.bounded.iter_mut().for_each(|site| *site = moved(*site));
        self.findings.append(&mut other.findings);
        self.only_for_advisor.append(&mut other.only_for_advisor);
        self.suppressed.append(&mut other.suppressed);
        self.unread.append(&mut other.unread);
        self.bounded.append(&mut other.bounded);
        self.statements += other.statements;
        self.files += other.files;
        self.code_files += other.code_files;
        self.left_out.ignored += other.left_out.ignored;
        self.left_out.earlier += other.left_out.earlier;
        self.left_out.baseline += other.left_out.baseline;
        self.left_out.less_severe += other.left_out.less_severe;
    }
}
