//! Diagnostics under construction, and finished diagnostics.

use super::Rule;
use super::about::About;
use crate::catalog::Catalog;
use crate::catalog::object::Certainty;
use crate::finding::{Advisor, Cause, Confidence, Edit, Finding, Fix, Label, Safety, Severity, Step};
use crate::source::{Site, Sources};
use crate::syntax::lexer::{Token, TokenKind, tokens};
use smol_str::SmolStr;
use std::sync::Arc;

/// Predicate that states whether a diagnostic holds in the state at the end of the history.
type EndPredicate = Arc<dyn Fn(&Catalog) -> bool + Send + Sync>;

/// A finished diagnostic, which may depend on later statements.
#[derive(Clone)]
pub struct PendingDiagnostic {
    pub finding: Box<Finding>,
    /// Whether each statement or file with this problem has its own diagnostic.
    pub per_place: bool,
    /// Whether only `--format advisors` shows it.
    pub only_for_advisor: bool,
    only_if: Option<EndPredicate>,
}

impl PendingDiagnostic {
    /// Returns whether the diagnostic holds in the given state.
    pub fn holds_at_end(&self, catalog: &Catalog) -> bool {
        self.only_if.as_ref().is_none_or(|predicate| predicate(catalog))
    }
}

/// Returns the tokens of a statement, without white space, comments and the case of keywords.
fn words(text: &str) -> String {
    let word = |token: Token| match token.kind {
        TokenKind::Word => token.text(text).to_ascii_lowercase(),
        TokenKind::DollarString => token.text(text).split_whitespace().collect::<Vec<_>>().join(" "),
        _ => token.text(text).to_string(),
    };
    tokens(text).into_iter().map(word).collect::<Vec<_>>().join(" ")
}

/// Returns the name of a file without its leading digits. A migration that is renamed to run later keeps its identity.
pub(crate) fn without_version(name: &str) -> &str {
    let rest = name.trim_start_matches(|letter: char| letter.is_ascii_digit());
    rest.strip_prefix('_').filter(|rest| !rest.is_empty()).unwrap_or(name)
}

/// Property that separates a diagnostic from others of the rule with the same subject.
enum Discriminator {
    Text(String),
    At(Site),
    Statement(Site),
}

/// A diagnostic under construction.
pub struct DiagnosticBuilder {
    finding: Box<Finding>,
    discriminators: Vec<Discriminator>,
    per_place: bool,
    only_for_advisor: bool,
    only_if: Option<EndPredicate>,
}

impl DiagnosticBuilder {
    pub(super) fn new(rule: &'static Rule, about: About, primary: Site, message: String) -> DiagnosticBuilder {
        DiagnosticBuilder {
            finding: Box::new(Finding {
                rule: rule.id,
                subject: about.subject,
                severity: rule.severity,
                confidence: if about.certain { Confidence::Certain } else { Confidence::Unsure },
                message,
                primary: Label { site: primary, message: String::new() },
                related: Vec::new(),
                help: None,
                fix: None,
                advisors: Vec::new(),
                cause: None,
                fingerprint: String::new(),
            }),
            discriminators: Vec::new(),
            per_place: false,
            only_for_advisor: false,
            only_if: None,
        }
    }

    /// Sets the label of the primary location.
    pub fn label(&mut self, words: impl Into<String>) -> &mut DiagnosticBuilder {
        self.finding.primary.message = words.into();
        self
    }

    /// Adds a related location. Locations in the platform and the primary location are ignored.
    pub fn because(&mut self, site: Site, words: impl Into<String>) -> &mut DiagnosticBuilder {
        if !site.is_platform() && site != self.finding.primary.site {
            self.finding.related.push(Label { site, message: words.into() });
        }
        self
    }

    /// Sets the help, which describes what to do and begins with a verb.
    pub fn help(&mut self, words: impl Into<String>) -> &mut DiagnosticBuilder {
        self.finding.help = Some(words.into());
        self
    }

    /// Sets the fix: statements to run on a database with the problem.
    pub fn fix(&mut self, safety: Safety, title: impl Into<String>, steps: impl IntoIterator<Item = Step>) -> &mut DiagnosticBuilder {
        let fix = self.fix_mut();
        (fix.safety, fix.title, fix.steps) = (safety, title.into(), steps.into_iter().collect());
        self
    }

    /// Sets what to check before applying the fix of [`DiagnosticBuilder::fix`]. The text begins with a verb.
    pub fn check(&mut self, words: impl Into<String>) -> &mut DiagnosticBuilder {
        self.fix_mut().check = Some(words.into());
        self
    }

    /// Adds the fix as edits of the statement. [`DiagnosticBuilder::fix`] sets its title.
    pub fn rewrite(&mut self, edits: impl IntoIterator<Item = Edit>) -> &mut DiagnosticBuilder {
        self.fix_mut().rewrite.extend(edits);
        self
    }

    /// Sets the cause that this diagnostic shares with others of the rule: a key, and the text after the number of diagnostics in a
    /// sentence for all of them, for one (`table has no row level security`) and for several (`tables have no row level security`).
    pub fn cause(&mut self, key: impl Into<String>, one: impl Into<String>, several: impl Into<String>) -> &mut DiagnosticBuilder {
        self.finding.cause = Some(Cause { key: key.into(), words: [one.into(), several.into()], message: String::new() });
        self
    }

    fn fix_mut(&mut self) -> &mut Fix {
        self.finding.fix.get_or_insert_with(|| Fix {
            title: String::new(),
            safety: Safety::Manual,
            check: None,
            rewrite: Vec::new(),
            steps: Vec::new(),
        })
    }

    /// Sets a severity other than the default of the rule.
    pub fn severity(&mut self, severity: Severity) -> &mut DiagnosticBuilder {
        self.finding.severity = severity;
        self
    }

    /// Marks the diagnostic as unsure.
    pub fn unsure(&mut self) -> &mut DiagnosticBuilder {
        self.finding.confidence = Confidence::Unsure;
        self
    }

    /// Marks the diagnostic as unsure if this fact is uncertain.
    pub fn given(&mut self, certainty: Certainty) -> &mut DiagnosticBuilder {
        if certainty == Certainty::Maybe { self.unsure() } else { self }
    }

    /// Reports the diagnostic only if the predicate holds at the end of the history, because a later statement can solve the problem.
    pub fn only_if_at_end(&mut self, predicate: impl Fn(&Catalog) -> bool + Send + Sync + 'static) -> &mut DiagnosticBuilder {
        self.only_if = Some(Arc::new(predicate));
        self
    }

    /// Adds the name and key of a row of Supabase's advisor about the same problem.
    pub fn advisor(&mut self, name: &'static str, cache_key: impl Into<String>) -> &mut DiagnosticBuilder {
        self.finding.advisors.push(Advisor { name, cache_key: cache_key.into() });
        self
    }

    /// Shows the diagnostic only as rows of `--format advisors`, because Supabase's advisor reports an object that is no problem.
    pub fn only_for_advisor(&mut self) -> &mut DiagnosticBuilder {
        self.only_for_advisor = true;
        // if a later change makes it a problem, the problem is new
        self.discriminate("only for advisor")
    }

    /// Adds text to the identity of the diagnostic, such as a column or clause. It must not depend on a location.
    pub fn discriminate(&mut self, text: impl AsRef<str>) -> &mut DiagnosticBuilder {
        self.discriminators.push(Discriminator::Text(text.as_ref().to_string()));
        self
    }

    /// Identifies the diagnostic by the tokens of a statement, independent of its location. Equal statements have separate diagnostics.
    pub fn of_statement(&mut self, site: Site) -> &mut DiagnosticBuilder {
        self.per_place = true;
        self.discriminators.push(Discriminator::Statement(site));
        self
    }

    /// Identifies the diagnostic by the text at a location, independent of the location.
    pub fn of_text(&mut self, site: Site) -> &mut DiagnosticBuilder {
        self.discriminators.push(Discriminator::At(site));
        self
    }

    fn is_of_file(&self) -> bool {
        self.finding.subject.kind == "migration"
    }

    /// Returns the fingerprint of the diagnostic.
    fn fingerprint(&self, sources: &Sources) -> String {
        let subject = &self.finding.subject;
        let part = |name: &'_ Option<SmolStr>| name.clone().unwrap_or_default();
        let name = if self.is_of_file() { without_version(&subject.name) } else { &subject.name };
        let discriminator = |discriminator: &Discriminator| match discriminator {
            Discriminator::Text(text) => format!("\0{text}"),
            Discriminator::At(site) => format!("\0{}", sources.slice(*site)),
            Discriminator::Statement(site) => format!("\0{}", words(sources.slice(*site))),
        };
        let discriminators: String = self.discriminators.iter().map(discriminator).collect();
        let identity = [self.finding.rule, subject.kind, &part(&subject.schema), &part(&subject.table), name, &discriminators].join("\0");
        format!("{:032x}", xxhash_rust::xxh3::xxh3_128(identity.as_bytes()))
    }

    pub(super) fn finish(mut self, sources: &Sources) -> PendingDiagnostic {
        if let Some(fix) = &mut self.finding.fix {
            // text that EXECUTE builds is in no file and cannot be edited
            if fix.rewrite.iter().any(|edit| edit.site.is_platform() || sources.is_derived(edit.site.file)) {
                fix.rewrite.clear();
            }
            // a fix that depends on uncertain facts is not safe
            if self.finding.confidence == Confidence::Unsure && fix.safety == Safety::Safe {
                fix.safety = Safety::Review;
            }
            if fix.rewrite.is_empty() && fix.steps.is_empty() {
                self.finding.fix = None;
            }
        }
        self.finding.fingerprint = self.fingerprint(sources);
        let is_file = self.is_of_file();
        PendingDiagnostic {
            finding: self.finding,
            per_place: self.per_place || is_file,
            only_for_advisor: self.only_for_advisor,
            only_if: self.only_if,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::Analyses;
    use crate::analysis::state::State;
    use crate::history;
    use crate::rules::cx::Cx;
    use crate::source::{FileId, Span};

    fn findings(report: impl FnOnce(&mut Cx<'_>, FileId)) -> Vec<Finding> {
        let mut sources = history::sources();
        let file = sources.add("a.sql", "create table t ();");
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("migrations")).unwrap();
        std::fs::write(folder.path().join("migrations/1_a.sql"), "").unwrap();
        let project = crate::disk::open(&[folder.path().to_path_buf()], None, &mut sources).unwrap();
        let catalog = Catalog::default();
        let analyses = Analyses::default();
        let state = State::new(&catalog, &project, &sources, &analyses);
        let found = Cx::new(state, &crate::rules::rls::disabled::RULE).run(|cx| report(cx, file));
        found.into_iter().filter(|pending| pending.holds_at_end(&catalog)).map(|pending| *pending.finding).collect()
    }

    #[test]
    fn a_fingerprint_is_of_rule_subject_and_discriminator_and_of_no_place() {
        let found = findings(|cx, file| {
            let at = |start| Site::new(file, Span::new(start, start + 1));
            cx.report(About::migration("a"), at(0), "one");
            cx.report(About::migration("a"), at(5), "two");
            cx.report(About::migration("b"), at(0), "one");
            cx.report(About::migration("a"), at(0), "one").discriminate("x");
            cx.report(About::statement("a"), at(0), "one");
        });
        let prints: Vec<&str> = found.iter().map(|finding| finding.fingerprint.as_str()).collect();
        assert_eq!(prints[0], prints[1]);
        assert!(prints[0].len() == 32 && (2..5).all(|at| prints[at] != prints[0] && !prints[..at].contains(&prints[at])));
    }

    #[test]
    fn labels_that_nobody_wrote_and_cures_without_a_step_are_left_out() {
        let found = findings(|cx, file| {
            let site = Site::new(file, Span::new(0, 6));
            let platform = Site::new(FileId::PLATFORM, Span::default());
            cx.report(About::project(), site, "one").because(platform, "there").because(site, "here").fix(Safety::Safe, "Nothing", []);
            let edit = Edit { site: platform, text: String::new() };
            cx.report(About::project(), site, "two").rewrite([edit]).given(Certainty::Maybe).severity(Severity::Info);
        });
        assert!(found.iter().all(|finding| finding.related.is_empty() && finding.fix.is_none()));
        assert_eq!((found[0].confidence, found[1].confidence), (Confidence::Certain, Confidence::Unsure));
        assert_eq!((found[0].severity, found[1].severity), (Severity::Error, Severity::Info));
    }

    #[test]
    fn what_does_not_last_is_not_told() {
        let found = findings(|cx, file| {
            let site = Site::new(file, Span::new(0, 6));
            cx.report(About::project(), site, "one").only_if_at_end(|catalog| !catalog.tables.is_empty());
            cx.report(About::project(), site, "two").only_if_at_end(|catalog| catalog.tables.is_empty());
        });
        assert_eq!(found.iter().map(|finding| finding.message.as_str()).collect::<Vec<_>>(), ["two"]);
    }
}
