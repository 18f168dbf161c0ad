//! `supalint check`: runs the pipeline, writes the report, and decides the exit status.
//!
//! Promises: `--output` replaces a file whole or leaves it as it was.

use super::{Manner, Status, print, say, unknown_rule};
use crate::changes::Against;
use crate::config::FailOn;
use crate::error::Error;
use crate::finding::{Confidence, Safety, Severity};
use crate::fix::{Level, Plan, Withheld, emit, inline, show, write};
use crate::output::{Format, Look, count, summary};
use crate::project::repository;
use crate::report::Report;
use crate::{Checked, Fixed, Known, Options, Recorded, Revised, rules};
use clap::{Args, ValueEnum};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;

#[derive(Debug, Args)]
pub struct Arguments {
    /// Project, folder of migrations, or .sql files [default: the project that contains the current folder]
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Format of the report [default: terminal, or github if GITHUB_ACTIONS=true and there is no --output]
    #[arg(long)]
    format: Option<Format>,
    /// Write the report to a file instead of standard output
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Lowest severity that causes exit status 1 [default: fail_on of the settings, or warn]
    #[arg(long, value_name = "SEVERITY")]
    fail_on: Option<FailOn>,
    /// Run only these rules: ids (rls/disabled) or groups (rls)
    #[arg(long, value_name = "RULE", value_delimiter = ',')]
    select: Vec<String>,
    /// Do not run these rules: ids or groups
    #[arg(long, value_name = "RULE", value_delimiter = ',')]
    ignore: Vec<String>,
    /// Write migrations with fixes: safe fixes, with `review` also fixes that need review. `inline` edits the given .sql files instead
    #[arg(long, value_name = "HOW", num_args = 0..=1, require_equals = true, default_missing_value = "safe")]
    fix: Option<How>,
    /// Print the migrations that --fix would write, and write nothing
    #[arg(long, requires = "fix")]
    dry_run: bool,
    /// Print a psql script instead of writing migrations: it verifies the fixes, or undoes them [default of --fix: safe]
    #[arg(long, value_name = "SCRIPT", conflicts_with = "dry_run")]
    emit: Option<Script>,
    /// Report only problems of files that differ from the point where this branch left REV (git), and new problems. All migrations are read
    #[arg(long, value_name = "REV", conflicts_with = "changed")]
    since: Option<String>,
    /// Report only problems of files that differ from the last commit (git), also untracked files, and new problems
    #[arg(long)]
    changed: bool,
    /// Do not report the problems in this file [default: baseline of the settings]
    #[arg(long, value_name = "FILE")]
    baseline: Option<PathBuf>,
    /// Report all problems, also those in the baseline of the settings
    #[arg(long, conflicts_with = "baseline")]
    no_baseline: bool,
    /// Record all problems in a baseline. With --baseline, record only the problems of that file that still exist
    #[arg(long, value_name = "FILE", conflicts_with_all = ["fix", "emit", "since", "changed"])]
    write_baseline: Option<PathBuf>,
    /// Settings file to use instead of supalint.toml of the project
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

/// What `--fix` writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum How {
    /// Fixes that change no access and no rows
    Safe,
    /// Also fixes that need review
    Review,
    /// Edits of the given .sql files instead of migrations. No database may have applied the files
    Inline,
}

/// What `--emit` prints.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Script {
    /// Raises an error if a fix had no effect in the database
    Verify,
    /// Undoes the fixes, the last one first
    Rollback,
}

/// A finding that rests on what could not be decided never fails a run.
fn status(fail_on: FailOn, report: &Report) -> Status {
    let lowest = match fail_on {
        FailOn::Error => Severity::Error,
        FailOn::Warn => Severity::Warn,
        FailOn::Info => Severity::Info,
        FailOn::Never => return Status::Clean,
    };
    let fails = report.findings.iter().any(|finding| finding.severity >= lowest && finding.confidence == Confidence::Certain);
    if fails { Status::Findings } else { Status::Clean }
}

pub fn run(arguments: &Arguments, manner: &Manner) -> Result<Status, Error> {
    let started = Instant::now();
    let options = Options {
        paths: arguments.paths.clone(),
        config: arguments.config.clone(),
        select: known(&arguments.select)?,
        ignore: known(&arguments.ignore)?,
        today: Some(today()?),
        since: match &arguments.since {
            Some(revision) => Some(Against::Revision(revision.clone())),
            None => arguments.changed.then_some(Against::Head),
        },
        baseline: match &arguments.baseline {
            Some(path) => Known::In(path.clone()),
            // a first baseline is written where the settings want it
            None if arguments.no_baseline || arguments.write_baseline.is_some() => Known::None,
            None => Known::AsSet,
        },
    };
    let wanted = arguments.fail_on;
    let ends = |report: &Report, fail_on: Option<FailOn>| status(wanted.or(fail_on).unwrap_or(FailOn::Warn), report);
    let level = match (arguments.fix, arguments.emit) {
        (None, None) => {
            let Checked { report, root, fail_on, gone } = match &arguments.write_baseline {
                Some(path) => {
                    let Recorded { checked, baseline } = crate::record(&options, path)?;
                    save(path, |out| out.write_all(baseline.text().as_bytes()))?;
                    say(manner, &format!("{} written to {}", count(baseline.findings.len(), "problem"), path.display()));
                    checked
                }
                None => crate::check(&options)?,
            };
            if gone > 0 {
                let (exist, them) = if gone == 1 { ("no longer exists", "it") } else { ("no longer exist", "them") };
                say(manner, &format!("{} of the baseline {exist}: --write-baseline removes {them}", count(gone, "problem")));
            }
            tell(arguments, manner, &report, &root, started)?;
            return Ok(ends(&report, fail_on));
        }
        (Some(How::Inline), Some(_)) => return Err(Error::NothingToEmit),
        (Some(How::Inline), None) => {
            let Revised { found, edited, project, fail_on } = crate::revise(&options)?;
            if arguments.dry_run {
                print_or_save(arguments, manner, &show::edits(&edited.files))?;
                return Ok(ends(&found, fail_on));
            }
            inline::save(&project.root, &edited.files, |new| {
                say(manner, &format!("edited {} ({})", new.path, count(new.edits, "place")));
            })?;
            told_withheld(&edited.withheld, manner);
            if edited.files.is_empty() {
                say(manner, "nothing to edit");
            }
            tell(arguments, manner, &edited.report, &project.root, started)?;
            return Ok(ends(&edited.report, fail_on));
        }
        (Some(How::Review), _) => Level::Review,
        (Some(How::Safe) | None, _) => Level::Safe,
    };
    let Fixed { found, plan, fail_on } = crate::plan(&options, level)?;
    let script = match arguments.emit {
        Some(Script::Verify) => Some(emit::verify(&plan)),
        Some(Script::Rollback) => Some(emit::rollback(&plan)),
        None => arguments.dry_run.then(|| show::dry_run(&plan)),
    };
    if let Some(script) = script {
        print_or_save(arguments, manner, &script)?;
        left_out(&plan, level, manner);
        return Ok(ends(&found, fail_on));
    }
    write::write(&plan.project.folder, &plan.files, |planned| {
        say(manner, &format!("wrote {} ({})", planned.path, count(planned.statements.len(), "statement")));
    })?;
    left_out(&plan, level, manner);
    tell(arguments, manner, &plan.report, &plan.project.root, started)?;
    Ok(ends(&plan.report, fail_on))
}

/// The day of the run, which the environment may set so that it gives the same another day.
fn today() -> Result<Date, Error> {
    let now = match std::env::var("SOURCE_DATE_EPOCH") {
        Ok(text) => {
            let seconds = text.trim().parse().ok().and_then(|seconds| Timestamp::from_second(seconds).ok());
            seconds.ok_or(Error::NoDate { text })?
        }
        Err(_) => Timestamp::now(),
    };
    Ok(now.to_zoned(TimeZone::UTC).date())
}

/// What is not written, and why.
fn left_out(plan: &Plan, level: Level, manner: &Manner) {
    if plan.files.is_empty() {
        say(manner, "nothing to write");
    }
    told_withheld(&plan.withheld, manner);
    if plan.unsure > 0 {
        say(
            manner,
            &format!(
                "{} skipped, because {} on uncertain facts",
                count(plan.unsure, "fix"),
                if plan.unsure == 1 { "it depends" } else { "they depend" }
            ),
        );
    }
    let of = |safety| plan.shown.iter().filter(|shown| shown.safety == safety).count();
    let (review, manual) = (of(Safety::Review), of(Safety::Manual));
    if review > 0 && level == Level::Safe {
        say(manner, &format!("{} {}: --fix=review", count(review, "more fix"), if review == 1 { "needs review" } else { "need review" }));
    }
    if manual > 0 {
        say(manner, &format!("{} to complete by hand: --dry-run shows {}", count(manual, "fix"), if manual == 1 { "it" } else { "them" }));
    }
}

/// Cures of one reason are told together.
fn told_withheld(withheld: &[Withheld], manner: &Manner) {
    const MOST: usize = 5;
    let mut reasons: Vec<&str> = Vec::new();
    for Withheld { reason, .. } in withheld {
        if !reasons.contains(&reason.as_str()) {
            reasons.push(reason);
        }
    }
    for reason in reasons {
        let of_reason: Vec<&Withheld> = withheld.iter().filter(|withheld| withheld.reason == reason).collect();
        let shown = if manner.verbose { of_reason.len() } else { MOST };
        for withheld in of_reason.iter().take(shown) {
            say(manner, &format!("skipped {}: {}", withheld.rule, withheld.message));
        }
        if of_reason.len() > shown {
            say(manner, &format!("skipped {}", count(of_reason.len() - shown, "more fix")));
        }
        say(manner, &format!("  because {reason}"));
    }
}

/// Writes the report where it is wanted.
fn tell(arguments: &Arguments, manner: &Manner, report: &Report, root: &Path, started: Instant) -> Result<(), Error> {
    let format = arguments.format.unwrap_or_else(|| usual(arguments.output.is_some()));
    let (_, home) = repository(root);
    match &arguments.output {
        Some(path) => {
            save(path, |out| format.write(report, &Look { home: home.clone(), ..manner.look_in_file() }, out))?;
            say(manner, &format!("{} written to {}", count(report.findings.len(), "problem"), path.display()));
        }
        None => {
            print(|out| format.write(report, &Look { elapsed: Some(started.elapsed()), home, ..manner.look() }, out))?;
            // That format has lines of findings only.
            if format == Format::Compact {
                say(manner, &summary(report));
            }
        }
    }
    Ok(())
}

/// On GitHub's runners a log is read for commands; a file is not.
fn usual(into_file: bool) -> Format {
    let on_github = std::env::var_os("GITHUB_ACTIONS").is_some_and(|value| value == "true");
    if on_github && !into_file { Format::Github } else { Format::Terminal }
}

/// Writes what goes in the report's place.
fn print_or_save(arguments: &Arguments, manner: &Manner, text: &str) -> Result<(), Error> {
    match &arguments.output {
        Some(path) => {
            save(path, |out| out.write_all(text.as_bytes()))?;
            say(manner, &format!("written to {}", path.display()));
            Ok(())
        }
        None => print(|out| out.write_all(text.as_bytes())),
    }
}

/// Names of rules and groups that exist.
fn known(names: &[String]) -> Result<Vec<String>, Error> {
    let names: Vec<String> = names.iter().map(|name| name.trim().trim_end_matches('/').to_string()).collect();
    match names.iter().find(|name| !rules::names::is_known(name)) {
        Some(name) => Err(unknown_rule(name)),
        None => Ok(names),
    }
}

fn save(path: &Path, text: impl Fn(&mut dyn Write) -> io::Result<()>) -> Result<(), Error> {
    let unwritable = |source| Error::Unwritable { path: path.to_path_buf(), source };
    // A device or a pipe is written to, never replaced.
    if std::fs::metadata(path).is_ok_and(|target| !target.is_file() && !target.is_dir()) {
        let mut out = BufWriter::new(std::fs::OpenOptions::new().write(true).open(path).map_err(unwritable)?);
        return text(&mut out).and_then(|()| out.flush()).map_err(unwritable);
    }
    // What a link points to is replaced, not the link.
    let target = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_path_buf());
    let path = target.as_path();
    // Only a file beside the target can take its place in one step.
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut builder = tempfile::Builder::new();
    builder.prefix(".supalint-");
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    // Its own message names the temporary file, which means nothing to anyone.
    let file = builder.tempfile_in(folder).map_err(|error| unwritable(error.kind().into()))?;
    let mut out = BufWriter::new(&file);
    text(&mut out).and_then(|()| out.flush()).map_err(unwritable)?;
    drop(out);
    file.persist(path).map_err(|error| unwritable(error.error))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::{Finding, Label, Subject};
    use crate::source::{FileId, Site, Span};

    #[test]
    fn unknown_rules_are_refused_with_a_near_name() {
        let id = rules::ALL[0].id;
        let group = rules::names::groups()[0];
        assert_eq!(known(&[id.to_string(), group.to_string()]).unwrap(), [id, group]);
        let error = known(&[format!("{id}s")]).unwrap_err();
        assert_eq!(error.to_string(), format!("no rule or group `{id}s`; did you mean `{id}`?"));
    }

    #[test]
    fn only_what_is_certain_and_severe_enough_fails_a_run() {
        let finding = |severity, confidence| Finding {
            rule: "rls/disabled",
            subject: Subject { kind: "table", schema: None, table: None, name: "t".into() },
            severity,
            confidence,
            message: String::new(),
            primary: Label { site: Site::new(FileId::PLATFORM, Span::default()), message: String::new() },
            related: Vec::new(),
            help: None,
            fix: None,
            advisor: None,
            cause: None,
            fingerprint: String::new(),
        };
        let findings = vec![finding(Severity::Warn, Confidence::Certain), finding(Severity::Error, Confidence::Unsure)];
        let report = Report { findings, ..Report::default() };
        let ends = |fail_on: FailOn| status(fail_on, &report);
        assert_eq!(
            [FailOn::Error, FailOn::Warn, FailOn::Info, FailOn::Never].map(ends),
            [Status::Clean, Status::Findings, Status::Findings, Status::Clean]
        );
    }

    #[cfg(unix)]
    #[test]
    fn a_pipe_and_a_link_stay_what_they_are() {
        use std::os::unix::fs::FileTypeExt;
        let folder = tempfile::tempdir().unwrap();
        let [pipe, file, link] = ["pipe", "file", "link"].map(|name| folder.path().join(name));
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        let reader = std::thread::spawn({
            let pipe = pipe.clone();
            move || std::fs::read_to_string(pipe).unwrap()
        });
        save(&pipe, |out| Format::Terminal.write(&Report::default(), &Look::PLAIN, out)).unwrap();
        assert_eq!(reader.join().unwrap(), "No problems in 0 migrations (0 statements)\n");
        assert!(std::fs::metadata(&pipe).unwrap().file_type().is_fifo());
        std::fs::write(&file, "before").unwrap();
        std::os::unix::fs::symlink(&file, &link).unwrap();
        save(&link, |out| Format::Terminal.write(&Report::default(), &Look::PLAIN, out)).unwrap();
        assert!(
            std::fs::symlink_metadata(&link).unwrap().is_symlink() && std::fs::read_to_string(&file).unwrap().starts_with("No problems")
        );
    }

    #[test]
    fn a_report_replaces_a_file_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("report.txt");
        std::fs::write(&path, "something longer than what is going to be written, by far, so that a tail of it would be seen").unwrap();
        save(&path, |out| Format::Terminal.write(&Report::default(), &Look::PLAIN, out)).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "No problems in 0 migrations (0 statements)\n");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
        let nowhere = folder.path().join("missing/report.txt");
        assert!(matches!(save(&nowhere, |out| Format::Json.write(&Report::default(), &Look::PLAIN, out)), Err(Error::Unwritable { .. })));
    }
}
