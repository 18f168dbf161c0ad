//! Examples as projects on disk, what is found in them, and whether cures cure.

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

/// The file of an example that names none.
const ONLY: &str = "20250101000000_example.sql";
const FOLDER: &str = "supabase/migrations";
/// The file of code that names none.
pub const ONLY_CODE: &str = "src/app.ts";

/// `// src/page.tsx`
pub fn code_name(line: &str) -> Option<&str> {
    let name = line.trim_end().strip_prefix("// ").filter(|name| !name.contains(' '))?;
    supalint_queries::is_code(Path::new(name)).then_some(name)
}

/// Files by name, in the order they are written.
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
                // its first line, if it stands in the block
                files.push((name.into(), if name == ONLY_CODE { String::new() } else { line.into() }));
                continue;
            }
            match name.filter(|name| name.ends_with(".sql") || name.ends_with(".toml")) {
                // a settings file knows no such comment
                Some(name) if name.ends_with(".toml") => files.push((name.into(), String::new())),
                Some(name) => files.push((name.into(), line.into())),
                None if files.is_empty() => files.push((ONLY.into(), line.into())),
                None => files.last_mut().expect("not empty").1.push_str(line),
            }
        }
        Example { files }
    }

    /// With further files behind its own.
    pub fn and(&self, files: &[PlannedFile]) -> Example {
        let mut out = self.clone();
        out.files.extend(files.iter().map(|planned| (planned.name.clone(), planned.text.clone())));
        out
    }

    /// Makes a project of it in a folder.
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

    /// What is told of it by one who knows it as it is.
    pub fn news(&self) -> Report {
        let root = tempfile::tempdir().expect("a folder can be made");
        self.write(root.path());
        report(root.path(), true)
    }
}

/// What is found in a project, or only what was not there when it was as it is.
pub fn report(root: &Path, known: bool) -> Report {
    let mut sources = history::sources();
    let mut project = disk::open(&[root.to_path_buf()], None, &mut sources).expect("it is a project");
    app::open(&mut project, &mut sources).expect("code can be read");
    let since = known.then(|| Since { new: BTreeSet::new(), before: Some(project.clone()) });
    let scope = Scope { since: since.into_iter().collect(), ..Scope::default() };
    engine::run_within(sources, &project, &RuleSelection::default(), &scope).0
}

/// What is found in an example.
pub struct Outcome {
    pub example: Example,
    pub report: Report,
}

/// A cure as the page shows it.
pub struct Cure {
    pub text: String,
    /// What is written; nothing where a person has to fill something in first, or where there are only edits.
    pub plan: Option<Plan>,
}

impl Outcome {
    pub fn of(example: &Example) -> Outcome {
        Outcome { example: example.clone(), report: example.report() }
    }

    pub fn of_rule(&self, rule: &Rule) -> Vec<&Finding> {
        self.report.findings.iter().filter(|finding| finding.rule == rule.id).collect()
    }

    /// A line for each finding of the rule and one for its help.
    pub fn report(&self, rule: &Rule) -> String {
        self.of_rule(rule).into_iter().map(|finding| self.line(finding)).collect()
    }

    pub fn all(&self) -> String {
        self.report.findings.iter().map(|finding| self.line(finding)).collect()
    }

    /// The rows of Supabase's advisor, by name and key.
    pub fn rows(&self) -> String {
        let findings = self.report.findings.iter().chain(&self.report.only_for_advisor);
        findings.flat_map(|finding| &finding.advisors).map(|row| format!("{} {}\n", row.name, row.cache_key)).collect()
    }

    /// Severity, rule and object of all findings.
    pub fn heads(&self) -> String {
        let head = |finding: &Finding| format!("{}[{}] {}\n", finding.severity.name(), finding.rule, finding.subject.names()[1]);
        self.report.findings.iter().map(head).collect()
    }

    /// Errors that other rules find.
    pub fn errors_beside(&self, rule: &Rule) -> String {
        let findings = self.report.findings.iter().filter(|finding| finding.rule != rule.id && finding.severity == Severity::Error);
        findings.map(|finding| self.line(finding)).collect()
    }

    /// Statements that nobody could read and the rule does not speak of.
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

    /// The cure of all the rule's findings together: the files that are written, without their comments, and what a person has to fill in.
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

    /// The example with the cure's migrations behind it, if it has any that can run.
    pub fn cured(&self, rule: &Rule) -> Option<Example> {
        let plan = self.fix(rule)?.plan?;
        (!plan.files.is_empty()).then(|| self.example.and(&plan.files))
    }

    /// The example with the edits of the rule's findings in place, if there are any.
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

    /// The example as its edits leave it is clean of the rule.
    pub fn prove_rewrites(&self, rule: &Rule) -> Option<String> {
        if self.of_rule(rule).into_iter().any(is_manual) {
            return None;
        }
        let edited = self.edited(rule)?;
        let complaints = self.compare(&Outcome::of(&edited), rule, true);
        (!complaints.is_empty()).then(|| format!("with its edits in place, the example still has faults:\n{complaints}"))
    }

    /// What another state of the example has that it should not have: findings of the rule, and new ones of others.
    /// Those worth knowing are let pass: enabling row level security makes a table one without policies.
    fn compare(&self, after: &Outcome, rule: &Rule, edited: bool) -> String {
        // a finding that has no cure of its own may stay
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
    /// The example and behind it the cure are clean of the rule.
    pub fn prove(&self, outcome: &Outcome, rule: &Rule) -> Option<String> {
        if let Some(skipped) = self.plan.as_ref().and_then(|plan| plan.skipped.first()) {
            return Some(format!("the cure is not written: {}: {}", skipped.message, skipped.reason));
        }
        let complaints = outcome.compare(&Outcome::of(&outcome.cured(rule)?), rule, false);
        (!complaints.is_empty()).then(|| format!("with the fix behind it, the example still has faults:\n{complaints}fix:\n{}", self.text))
    }
}
