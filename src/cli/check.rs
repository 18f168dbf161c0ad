//! `supalint check`: runs the pipeline, writes the report, and decides the exit status.
//!
//! Promises: `--output` replaces the whole file or does not change it.

use super::{GlobalArgs, Status, print, print_status, print_text, progress, unknown_rule};
use crate::changes::Against;
use crate::config::FailOn;
use crate::disk::{self, repository, write};
use crate::error::Error;
use crate::finding::{Confidence, Safety, Severity};
use crate::fix::{Level, Plan, SkippedFix, emit, show};
use crate::output::clean::{Reader, guard};
use crate::output::{Format, RenderOptions, count, statistics, summary};
use crate::report::Report;
use crate::{BaselineSource, Checked, Fixed, Options, Recorded, Revised, rules};
use clap::{Args, ValueEnum};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use std::io::Write;
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
    /// Report problems of this severity or higher, and only count the others [default: info]
    #[arg(long, value_name = "SEVERITY", value_parser = severity)]
    severity: Option<Severity>,
    /// Exit with 0 even if there are problems. If supalint cannot run, it still exits with 2
    #[arg(long)]
    exit_zero: bool,
    /// Print the number of problems of each rule instead of the problems (formats terminal and json)
    #[arg(long, conflicts_with_all = ["dry_run", "emit"])]
    statistics: bool,
    /// Run only these rules: ids (rls/disabled) or groups (rls)
    #[arg(long, value_name = "RULE", value_delimiter = ',')]
    select: Vec<String>,
    /// Do not run these rules: ids or groups
    #[arg(long, value_name = "RULE", value_delimiter = ',')]
    ignore: Vec<String>,
    /// Write migrations with fixes: only safe fixes by default, with `review` also fixes that need review. `inline` edits the passed or changed files instead
    #[arg(long, value_name = "HOW", num_args = 0..=1, require_equals = true, default_missing_value = "safe")]
    fix: Option<FixMode>,
    /// Print the migrations that --fix would write, and write nothing
    #[arg(long, requires = "fix")]
    dry_run: bool,
    /// Print a psql script for the fixes instead of writing migrations [default of --fix: safe]
    #[arg(long, value_name = "SCRIPT", conflicts_with = "dry_run")]
    emit: Option<Script>,
    /// Report only problems of files that changed since this branch left REV (git), and problems that the change causes. All migrations are read
    #[arg(long, value_name = "REV", conflicts_with = "changed")]
    since: Option<String>,
    /// Report only problems of files that changed since the last commit (git), also untracked and ignored files, and problems that the change causes
    #[arg(long)]
    changed: bool,
    /// Do not report the problems in this file [default: baseline of the settings]
    #[arg(long, value_name = "FILE")]
    baseline: Option<PathBuf>,
    /// Report all problems, including those in the baseline of the settings
    #[arg(long, conflicts_with = "baseline")]
    no_baseline: bool,
    /// Write a baseline with all problems. With --baseline, write only the problems of that file that still exist
    #[arg(long, value_name = "FILE", conflicts_with_all = ["fix", "emit", "since", "changed"])]
    write_baseline: Option<PathBuf>,
    /// Do not read application code
    #[arg(long)]
    no_queries: bool,
    /// Settings file to use instead of the project's supalint.toml
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

fn severity(name: &str) -> Result<Severity, String> {
    Severity::ALL.into_iter().find(|severity| severity.name() == name).ok_or_else(|| "choose error, warn or info".to_string())
}

/// What `--fix` writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum FixMode {
    /// Fixes that change no access and no rows
    Safe,
    /// Also fixes that need review
    Review,
    /// Edits of the passed or changed .sql files instead of migrations. Use it only for files that no database has applied
    Inline,
}

/// What `--emit` prints.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Script {
    /// Script that raises an error if a fix had no effect in the database
    Verify,
    /// Script that undoes the fixes, the last one first
    Rollback,
}

/// Returns the exit status. An unsure diagnostic never fails a run.
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

pub fn run(arguments: &Arguments, global: &GlobalArgs) -> Result<Status, Error> {
    let started = Instant::now();
    let word = arguments.paths.iter().find(|path| arguments.fix.is_some() && !path.exists() && fix_mode(path).is_some());
    if let Some(word) = word {
        return Err(Error::FixWord { word: word.display().to_string() });
    }
    if let Some(format) = arguments.format.filter(|_| arguments.statistics)
        && !matches!(format, Format::Terminal | Format::Json)
    {
        return Err(Error::NoStatistics {
            format: format.to_possible_value().map(|value| value.get_name().to_string()).unwrap_or_default(),
        });
    }
    let projects = disk::each(&arguments.paths)?;
    let status = match projects.as_slice() {
        [] | [_] => check(arguments, projects.first().cloned().unwrap_or_default(), global, started)?,
        _ => check_several(arguments, projects, global, started)?,
    };
    Ok(if arguments.exit_zero { Status::Clean } else { status })
}

/// Returns the value of `--fix` that a path names, such as `review` in `--fix review`.
fn fix_mode(path: &Path) -> Option<FixMode> {
    FixMode::from_str(path.to_str()?, false).ok()
}

fn options(arguments: &Arguments, paths: Vec<PathBuf>) -> Result<Options, Error> {
    Ok(Options {
        paths,
        config: arguments.config.clone(),
        select: checked_names(&arguments.select)?,
        ignore: checked_names(&arguments.ignore)?,
        today: Some(today()?),
        since: match &arguments.since {
            Some(revision) => Some(Against::Revision(revision.clone())),
            None => arguments.changed.then_some(Against::Head),
        },
        baseline: match &arguments.baseline {
            Some(path) => BaselineSource::File(path.clone()),
            // the first baseline is written to the file of the settings, which does not exist yet
            None if arguments.no_baseline || arguments.write_baseline.is_some() => BaselineSource::None,
            None => BaselineSource::FromSettings,
        },
        severity: arguments.severity,
        no_queries: arguments.no_queries,
    })
}

/// Checks several projects, each with its own settings, and writes one report.
fn check_several(arguments: &Arguments, projects: Vec<Vec<PathBuf>>, global: &GlobalArgs, started: Instant) -> Result<Status, Error> {
    let options_of_one = [
        (arguments.fix.is_some(), "--fix"),
        (arguments.emit.is_some(), "--emit"),
        (arguments.write_baseline.is_some(), "--write-baseline"),
        (arguments.baseline.is_some(), "--baseline"),
    ];
    if let Some((_, option)) = options_of_one.into_iter().find(|(is_given, _)| *is_given) {
        let command = |paths: &Vec<PathBuf>| {
            let paths: Vec<String> = paths.iter().map(|path| path.display().to_string()).collect();
            format!("supalint check {} {option}…", paths.join(" "))
        };
        return Err(Error::OneProject { option, commands: projects.iter().map(command).collect() });
    }
    let current_dir = std::env::current_dir().map_err(|source| Error::Unreadable { path: ".".into(), source })?;
    let (mut all, mut worst, mut resolved) = (Report::default(), Status::Clean, 0);
    for paths in projects {
        let options = options(arguments, paths)?;
        let checked = progress::during(shows_progress(arguments, global), || crate::check(&options))?;
        if exit_status(arguments, &checked.report, checked.fail_on) == Status::Findings {
            worst = Status::Findings;
        }
        resolved += checked.resolved;
        all.append(checked.report, &disk::relative_path(&current_dir, &checked.root));
    }
    report_resolved(resolved, global);
    write_report(arguments, global, &all, &current_dir, started)?;
    Ok(worst)
}

fn shows_progress(arguments: &Arguments, global: &GlobalArgs) -> bool {
    !global.quiet && matches!(arguments.format, None | Some(Format::Terminal))
}

/// Returns the exit status of a report, with `--fail-on` or the `fail_on` of the settings.
fn exit_status(arguments: &Arguments, report: &Report, fail_on: Option<FailOn>) -> Status {
    status(arguments.fail_on.or(fail_on).unwrap_or(FailOn::Warn), report)
}

fn report_resolved(resolved: usize, global: &GlobalArgs) {
    if resolved > 0 {
        let (exist, them) = if resolved == 1 { ("no longer exists", "it") } else { ("no longer exist", "them") };
        print_status(global, &format!("{} of the baseline {exist}: --write-baseline removes {them}", count(resolved, "problem")));
    }
}

/// Prints which project is checked, if no path was passed and the project is below the current folder.
fn report_nested_project(arguments: &Arguments, global: &GlobalArgs, root: &Path) {
    let current_dir = std::env::current_dir().unwrap_or_default();
    if arguments.paths.is_empty()
        && let Ok(relative) = root.strip_prefix(&current_dir)
        && !relative.as_os_str().is_empty()
    {
        print_status(global, &format!("checking the project in {}", relative.display()));
    }
}

fn check(arguments: &Arguments, paths: Vec<PathBuf>, global: &GlobalArgs, started: Instant) -> Result<Status, Error> {
    let options = options(arguments, paths)?;
    let shows_progress = shows_progress(arguments, global);
    let level = match (arguments.fix, arguments.emit) {
        (None, None) => {
            let Checked { report, root, fail_on, resolved } = match &arguments.write_baseline {
                Some(path) => {
                    let Recorded { checked, baseline } = progress::during(shows_progress, || crate::record(&options, path))?;
                    save(path, baseline.text().as_bytes())?;
                    print_status(global, &format!("{} written to {}", count(baseline.findings.len(), "problem"), path.display()));
                    checked
                }
                None => progress::during(shows_progress, || crate::check(&options))?,
            };
            report_nested_project(arguments, global, &root);
            report_resolved(resolved, global);
            write_report(arguments, global, &report, &root, started)?;
            return Ok(exit_status(arguments, &report, fail_on));
        }
        (Some(FixMode::Inline), Some(_)) => return Err(Error::NothingToEmit),
        (Some(FixMode::Inline), None) => {
            let Revised { found, mut edited, project, fail_on } = progress::during(shows_progress, || crate::revise(&options))?;
            if arguments.dry_run {
                print_or_save(arguments, global, &show::edits(&edited.files))?;
                return Ok(exit_status(arguments, &found, fail_on));
            }
            for new in &edited.files {
                write::replace(&project.root.join(&new.path), &new.old, &new.text)?;
                print_status(global, &format!("edited {} ({})", new.path, count(new.edits, "place")));
            }
            report_skipped(&edited.skipped, global);
            if edited.files.is_empty() {
                print_status(global, "nothing to edit");
            }
            arguments.severity.iter().for_each(|least| edited.report.leave_out_below(*least));
            write_report(arguments, global, &edited.report, &project.root, started)?;
            return Ok(exit_status(arguments, &edited.report, fail_on));
        }
        (Some(FixMode::Review), _) => Level::Review,
        (Some(FixMode::Safe) | None, _) => Level::Safe,
    };
    let Fixed { found, mut plan, fail_on } = progress::during(shows_progress, || crate::plan(&options, level))?;
    let script = match arguments.emit {
        Some(Script::Verify) => Some(emit::verify(&plan)),
        Some(Script::Rollback) => Some(emit::rollback(&plan)),
        None => arguments.dry_run.then(|| show::dry_run(&plan)),
    };
    if let Some(script) = script {
        print_or_save(arguments, global, &script)?;
        report_left_out(&plan, level, global);
        // the output is the script, so problems do not fail the run
        return Ok(if arguments.emit.is_some() { Status::Clean } else { exit_status(arguments, &found, fail_on) });
    }
    // if a file cannot be written, the following ones are not written, because they may depend on it
    for planned in &plan.files {
        write::put(&plan.project.folder.join(&planned.name), planned.text.as_bytes(), false)?;
        print_status(global, &format!("wrote {} ({})", planned.path, count(planned.statements.len(), "statement")));
    }
    report_left_out(&plan, level, global);
    arguments.severity.iter().for_each(|least| plan.report.leave_out_below(*least));
    write_report(arguments, global, &plan.report, &plan.project.root, started)?;
    Ok(exit_status(arguments, &plan.report, fail_on))
}

/// Returns the current day, or the day of SOURCE_DATE_EPOCH, which makes runs reproducible.
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

/// Prints which fixes are not written, and why.
fn report_left_out(plan: &Plan, level: Level, global: &GlobalArgs) {
    if plan.files.is_empty() {
        print_status(global, "nothing to write");
    }
    report_skipped(&plan.skipped, global);
    if plan.unsure > 0 {
        print_status(
            global,
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
        print_status(
            global,
            &format!("{} {}: --fix=review", count(review, "more fix"), if review == 1 { "needs review" } else { "need review" }),
        );
    }
    if manual > 0 {
        print_status(
            global,
            &format!("{} to complete by hand: --dry-run shows {}", count(manual, "fix"), if manual == 1 { "it" } else { "them" }),
        );
    }
}

/// Prints skipped fixes, grouped by reason.
fn report_skipped(skipped: &[SkippedFix], global: &GlobalArgs) {
    const MOST: usize = 5;
    let mut reasons: Vec<&str> = Vec::new();
    for SkippedFix { reason, .. } in skipped {
        if !reasons.contains(&reason.as_str()) {
            reasons.push(reason);
        }
    }
    for reason in reasons {
        let of_reason: Vec<&SkippedFix> = skipped.iter().filter(|skipped| skipped.reason == reason).collect();
        let shown = if global.verbose { of_reason.len() } else { MOST };
        for skipped in of_reason.iter().take(shown) {
            print_status(global, &format!("skipped {}: {}", skipped.rule, skipped.message));
        }
        if of_reason.len() > shown {
            print_status(global, &format!("skipped {}", count(of_reason.len() - shown, "more fix")));
        }
        print_status(global, &format!("  because {reason}"));
    }
}

/// Writes the report to standard output or to the file of `--output`.
fn write_report(arguments: &Arguments, global: &GlobalArgs, report: &Report, root: &Path, started: Instant) -> Result<(), Error> {
    let file = output_file(arguments);
    let format = arguments.format.unwrap_or_else(|| default_format(file.is_some()));
    let (_, path_prefix) = repository(root);
    let write = |options: &RenderOptions, out: &mut dyn Write| match (arguments.statistics, format) {
        (true, Format::Json) => statistics::json(report, out),
        (true, _) => statistics::text(report, options, out),
        (false, _) => format.write(report, options, out),
    };
    match file {
        Some(path) => {
            let mut text = Vec::new();
            write(&RenderOptions { path_prefix: path_prefix.clone(), ..global.file_render_options() }, &mut text).map_err(Error::Output)?;
            save(path, &text)?;
            print_status(global, &format!("{} written to {}", count(report.findings.len(), "problem"), path.display()));
        }
        None => {
            print(|out| write(&RenderOptions { elapsed: Some(started.elapsed()), path_prefix, ..global.render_options() }, out))?;
            // the compact format contains only diagnostics
            if format == Format::Compact && !arguments.statistics {
                print_status(global, &summary(report));
            }
        }
    }
    Ok(())
}

/// Returns the output file. `None` and `-` mean standard output.
fn output_file(arguments: &Arguments) -> Option<&Path> {
    arguments.output.as_deref().filter(|path| *path != Path::new("-"))
}

/// Returns the default format. GitHub Actions reads workflow commands from the log, but not from a file.
fn default_format(into_file: bool) -> Format {
    let on_github = std::env::var_os("GITHUB_ACTIONS").is_some_and(|value| value == "true");
    if on_github && !into_file { Format::Github } else { Format::Terminal }
}

/// Writes a text that replaces the report, such as a script.
fn print_or_save(arguments: &Arguments, global: &GlobalArgs, text: &str) -> Result<(), Error> {
    match output_file(arguments) {
        Some(path) => {
            save(path, guard(text, Reader::Person).as_bytes())?;
            print_status(global, &format!("written to {}", path.display()));
            Ok(())
        }
        None => print_text(text),
    }
}

/// Returns the names without `/` at the end, or an error for an unknown rule or group.
fn checked_names(names: &[String]) -> Result<Vec<String>, Error> {
    let names: Vec<String> = names.iter().map(|name| name.trim().trim_end_matches('/').to_string()).collect();
    match names.iter().find(|name| !rules::names::is_known(name)) {
        Some(name) => Err(unknown_rule(name)),
        None => Ok(names),
    }
}

/// Replaces a file in one step. A device or a pipe is refused.
fn save(path: &Path, text: &[u8]) -> Result<(), Error> {
    disk::ordinary(path)?;
    write::write_whole(path, text, true).map_err(|source| Error::Unwritable { path: path.to_path_buf(), source })
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
        assert_eq!(checked_names(&[id.to_string(), group.to_string()]).unwrap(), [id, group]);
        let error = checked_names(&[format!("{id}s")]).unwrap_err();
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
            advisors: Vec::new(),
            cause: None,
            fingerprint: String::new(),
        };
        let findings = vec![finding(Severity::Warn, Confidence::Certain), finding(Severity::Error, Confidence::Unsure)];
        let report = Report { findings, ..Report::default() };
        let exit_status = |fail_on: FailOn| status(fail_on, &report);
        assert_eq!(
            [FailOn::Error, FailOn::Warn, FailOn::Info, FailOn::Never].map(exit_status),
            [Status::Clean, Status::Findings, Status::Findings, Status::Clean]
        );
    }

    #[cfg(unix)]
    #[test]
    fn pipes_and_devices_are_refused_and_links_stay() {
        let folder = tempfile::tempdir().unwrap();
        let [pipe, file, link, to_device] = ["pipe", "file", "link", "null"].map(|name| folder.path().join(name));
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        std::os::unix::fs::symlink("/dev/null", &to_device).unwrap();
        for path in [&pipe, &to_device, Path::new("/dev/null")] {
            assert!(matches!(save(path, b"text"), Err(Error::NotAFile { .. })), "{}", path.display());
        }
        std::fs::write(&file, "before").unwrap();
        std::os::unix::fs::symlink(&file, &link).unwrap();
        save(&link, b"after").unwrap();
        assert!(std::fs::symlink_metadata(&link).unwrap().is_symlink() && std::fs::read_to_string(&file).unwrap() == "after");
    }

    #[test]
    fn a_report_replaces_a_file_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("report.txt");
        std::fs::write(&path, "something longer than what is going to be written, so that a tail of it would be seen").unwrap();
        save(&path, b"short").unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "short");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
        assert!(matches!(save(&folder.path().join("missing/report.txt"), b""), Err(Error::Unwritable { .. })));
    }
}
