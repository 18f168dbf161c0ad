//! Examples as projects on disk, their diagnostics, and checks of their fixes.

use crate::support::plan;
use std::collections::{BTreeSet, HashSet};
use std::fmt::Write;
use std::path::Path;
use supalint::engine::{self, RuleSelection, Scope, Since};
use supalint::finding::{Edit, Finding, Safety, Severity};
use supalint::fix::files::PlannedFile;
use supalint::fix::{Level, Plan, ShownFix};
use supalint::report::Report;
use supalint::rules::Rule;
use supalint::source::Site;
use supalint::{app, disk, history};

/// Name of the migration in an example without names.
const ONLY: &str = "20250101000000_example.sql";
const FOLDER: &str = "supabase/migrations";
/// Name of the code file in an example without names.
pub const ONLY_CODE: &str = "src/app.ts";

/// Returns the name in a line such as `// src/page.tsx`.
pub fn code_name(line: &str) -> Option<&str> {
    let name = line.trim_end().strip_prefix("// ").filter(|name| !name.contains(' '))?;
    supalint_queries::is_code(Path::new(name)).then_some(name)
}

/// Files with names, in the order in which they are written.
#[derive(Clone)]
pub struct Example {
    files: Vec<(String, String)>,
}

impl Example {
    pub fn new(text: &str) -> Example {
        let mut files: Vec<(String, String)> = Vec::new();
        for line in text.split_inclusive('\n') {
            let name = line.trim().strip_prefix("-- ").filter(|name| !name.contains(' '));
            if let Some(name) = code_name(line) {
                // the line is part of the file if the block contains it
                files.push((name.into(), if name == ONLY_CODE { String::new() } else { line.into() }));
                continue;
            }
            match name.filter(|name| name.ends_with(".sql") || name.ends_with(".toml")) {
                // `--` is not a comment in TOML
                Some(name) if name.ends_with(".toml") => files.push((name.into(), String::new())),
                Some(name) => files.push((name.into(), line.into())),
                None if files.is_empty() => files.push((ONLY.into(), line.into())),
                None => files.last_mut().expect("not empty").1.push_str(line),
            }
        }
        Example { files }
    }

    /// Returns the example with more files at its end.
    pub fn and(&self, files: &[PlannedFile]) -> Example {
        let mut out = self.clone();
        out.files.extend(files.iter().map(|planned| (planned.name.clone(), planned.text.clone())));
        out
    }

    /// Writes the example to a folder as a project.
    pub fn write(&self, root: &Path) {
        std::fs::create_dir_all(root.join(FOLDER)).expect("a folder can be made");
        for (name, text) in &self.files {
            let folder = match name.as_str() {
                "supalint.toml" => "",
                "config.toml" => "supabase",
                name if name.ends_with(".sql") => FOLDER,
                _ => "",
            };
            let path = root.join(folder).join(name);
            std::fs::create_dir_all(path.parent().expect("a file is in a folder")).expect("a folder can be made");
            std::fs::write(path, text).expect("a file can be written");
        }
    }

    fn report(&self) -> Report {
        let root = tempfile::tempdir().expect("a folder can be made");
        self.write(root.path());
        report(root.path(), false)
    }

    /// Returns the diagnostics that are new compared with an equal earlier state of the example.
    pub fn news(&self) -> Report {
        let root = tempfile::tempdir().expect("a folder can be made");
        self.write(root.path());
        report(root.path(), true)
    }
}

/// Returns the report of a project. If `known`, it contains only diagnostics that an equal earlier state does not have.
pub fn report(root: &Path, known: bool) -> Report {
    let mut sources = history::sources();
    let mut project = disk::open(&[root.to_path_buf()], None, &mut sources).expect("it is a project");
    app::open(&mut project, &mut sources).expect("code can be read");
    let since = known.then(|| Since { new: BTreeSet::new(), before: Some(project.clone()) });
    let scope = Scope { since: since.into_iter().collect(), ..Scope::default() };
    engine::run_within(sources, &project, &RuleSelection::default(), &scope).0
}

/// An example with its report.
pub struct Outcome {
    pub example: Example,
    pub report: Report,
}

/// A fix as the page shows it.
pub struct Cure {
    pub text: String,
    /// Written files, or `None` if a person has to complete the fix or if it consists of edits only.
    pub plan: Option<Plan>,
}

impl Outcome {
    pub fn of(example: &Example) -> Outcome {
        Outcome { example: example.clone(), report: example.report() }
    }

    pub fn of_rule(&self, rule: &Rule) -> Vec<&Finding> {
        self.report.findings.iter().filter(|finding| finding.rule == rule.id).collect()
    }

    /// Returns a line for each diagnostic of the rule and for its help.
    pub fn report(&self, rule: &Rule) -> String {
        self.of_rule(rule).into_iter().map(|finding| self.line(finding)).collect()
    }

    pub fn all(&self) -> String {
        self.report.findings.iter().map(|finding| self.line(finding)).collect()
    }

    /// Returns the rows of Supabase's advisor, by name and key.
    pub fn rows(&self) -> String {
        let findings = self.report.findings.iter().chain(&self.report.only_for_advisor);
        findings.flat_map(|finding| &finding.advisors).map(|row| format!("{} {}\n", row.name, row.cache_key)).collect()
    }

    /// Returns severity, rule and object of all diagnostics.
    pub fn heads(&self) -> String {
        let head = |finding: &Finding| format!("{}[{}] {}\n", finding.severity.name(), finding.rule, finding.subject.names()[1]);
        self.report.findings.iter().map(head).collect()
    }

    /// Returns errors of other rules.
    pub fn errors_beside(&self, rule: &Rule) -> String {
        let findings = self.report.findings.iter().filter(|finding| finding.rule != rule.id && finding.severity == Severity::Error);
        findings.map(|finding| self.line(finding)).collect()
    }

    /// Returns statements that could not be parsed and have no diagnostic of the rule.
    pub fn unread_beside(&self, rule: &Rule) -> Vec<String> {
        let told = |site: Site| {
            self.of_rule(rule).iter().any(|finding| finding.primary.site.file == site.file && site.span.contains(finding.primary.site.span))
        };
        let unread = self.report.unread.iter().filter(|unread| !told(unread.site));
        unread.map(|unread| format!("{}: {} ({})", self.place(unread.site), unread.reason, unread.head)).collect()
    }

    fn place(&self, site: Site) -> String {
        let (start, _) = self.report.sources.range(site);
        let path = &self.report.sources.get(self.report.sources.resolve(site).file).path;
        format!("{}:{}:{}", path.rsplit('/').next().unwrap_or(path), start.line, start.column)
    }

    fn line(&self, finding: &Finding) -> String {
        let unsure = if finding.confidence == supalint::finding::Confidence::Unsure { " (unsure)" } else { "" };
        let mut out =
            format!("{}: {}[{}]{unsure} {}\n", self.place(finding.primary.site), finding.severity.name(), finding.rule, finding.message);
        if let Some(help) = &finding.help {
            let _ = writeln!(out, "  help: {help}");
        }
        out
    }

    /// Returns the fix of all diagnostics of the rule: the written files without comments, and instructions for a person.
    pub fn fix(&self, rule: &Rule) -> Option<Cure> {
        if !self.of_rule(rule).iter().any(|finding| has_cure(finding, false)) {
            let text = self.edited(rule)?.files.into_iter().map(|(_, text)| text).collect();
            return Some(Cure { text, plan: None });
        }
        let root = tempfile::tempdir().expect("a folder can be made");
        self.example.write(root.path());
        let plan = plan::of(root.path(), Some(rule), Level::Review).expect("an example has room for more");
        let bare = |planned: &PlannedFile| -> String {
            planned.statements.iter().map(|statement| format!("{}\n", statement.span.of(&planned.text))).collect()
        };
        let written: Vec<String> = plan.files.iter().map(bare).collect();
        let mut text = written.join("-- in a later file:\n");
        let manual: String = plan.shown.iter().map(ShownFix::sql).collect();
        if !text.is_empty() && !manual.is_empty() {
            text.push_str("-- to be completed by hand:\n");
        }
        text.push_str(&manual);
        Some(Cure { text, plan: Some(plan) })
    }

    /// Returns the example with the migrations of the fix at its end, if there are any.
    pub fn cured(&self, rule: &Rule) -> Option<Example> {
        let plan = self.fix(rule)?.plan?;
        (!plan.files.is_empty()).then(|| self.example.and(&plan.files))
    }

    /// Returns the example with the edits of the rule's diagnostics, if there are any.
    pub fn edited(&self, rule: &Rule) -> Option<Example> {
        let mut edits: Vec<&Edit> =
            self.of_rule(rule).into_iter().filter_map(|finding| finding.fix.as_ref()).flat_map(|fix| &fix.rewrite).collect();
        if edits.is_empty() {
            return None;
        }
        edits.sort_by_key(|edit| std::cmp::Reverse(edit.site));
        edits.dedup();
        let mut example = self.example.clone();
        for edit in edits {
            let path = &self.report.sources.get(edit.site.file).path;
            let file = example.files.iter_mut().find(|(name, _)| path.ends_with(name.as_str())).expect("edits are of the example's files");
            file.1.replace_range(edit.site.span.start as usize..edit.site.span.end as usize, &edit.text);
        }
        Some(example)
    }

    /// Returns a complaint if the edited example still has diagnostics of the rule.
    pub fn prove_rewrites(&self, rule: &Rule) -> Option<String> {
        if self.of_rule(rule).into_iter().any(is_manual) {
            return None;
        }
        let edited = self.edited(rule)?;
        let complaints = self.compare(&Outcome::of(&edited), rule, true);
        (!complaints.is_empty()).then(|| format!("with its edits in place, the example still has faults:\n{complaints}"))
    }

    /// Returns diagnostics that another state of the example must not have: those of the rule, and new ones of other rules. Diagnostics of
    /// severity `info` are allowed, because enabling row level security leads to a table without policies.
    fn compare(&self, after: &Outcome, rule: &Rule, edited: bool) -> String {
        // a diagnostic without a fix can remain
        let written = |finding: &&&Finding| has_cure(finding, edited) && !is_manual(finding);
        let curable: HashSet<&str> = self.of_rule(rule).iter().filter(written).map(|finding| finding.fingerprint.as_str()).collect();
        let before: HashSet<&str> = self.report.findings.iter().map(|finding| finding.fingerprint.as_str()).collect();
        let fault = |finding: &&Finding| {
            let new = !before.contains(finding.fingerprint.as_str());
            if finding.rule == rule.id {
                new || curable.contains(finding.fingerprint.as_str())
            } else {
                new && finding.severity > Severity::Info
            }
        };
        let mut out: String = after.report.findings.iter().filter(fault).map(|finding| after.line(finding)).collect();
        for unread in after.unread_beside(rule) {
            let _ = writeln!(out, "unreadable: {unread}");
        }
        out
    }
}

fn is_manual(finding: &Finding) -> bool {
    finding.fix.as_ref().is_some_and(|fix| fix.safety == Safety::Manual)
}

fn has_cure(finding: &Finding, edited: bool) -> bool {
    finding.fix.as_ref().is_some_and(|fix| if edited { !fix.rewrite.is_empty() } else { !fix.steps.is_empty() })
}

impl Cure {
    /// Returns a complaint if the example still has diagnostics of the rule after the fix.
    pub fn prove(&self, outcome: &Outcome, rule: &Rule) -> Option<String> {
        if let Some(skipped) = self.plan.as_ref().and_then(|plan| plan.skipped.first()) {
            return Some(format!("the cure is not written: {}: {}", skipped.message, skipped.reason));
        }
        let complaints = outcome.compare(&Outcome::of(&outcome.cured(rule)?), rule, false);
        (!complaints.is_empty()).then(|| format!("with the fix behind it, the example still has faults:\n{complaints}fix:\n{}", self.text))
    }
}
