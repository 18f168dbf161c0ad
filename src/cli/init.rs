//! `supalint init`: writes the settings, a hook and a CI workflow for a project.
//!
//! Promises: only files that do not exist are written. Additions to existing files are printed. Nothing is written outside the repository.

use super::{GlobalArgs, Status, print_status, print_text};
use crate::Options;
use crate::config;
use crate::disk::{self, write::put};
use crate::error::Error;
use crate::history;
use crate::output::clean;
use clap::Args;
use std::path::{Path, PathBuf};

#[derive(Debug, Args)]
pub struct Arguments {
    /// Project, or its folder of migrations [default: the project that contains the current folder]
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Print the files that would be written, and write nothing
    #[arg(long)]
    dry_run: bool,
}

/// Proposed name of a baseline.
const BASELINE: &str = "supalint-baseline.json";

const SETTINGS: &str = include_str!("init/supalint.toml");
const GITHUB: &str = include_str!("init/github.yml");
const GITLAB: &str = include_str!("init/gitlab.yml");
const PRE_COMMIT: &str = include_str!("init/pre-commit.yaml");
const LEFTHOOK: &str = include_str!("init/lefthook.yml");
const HUSKY: &str = include_str!("init/husky.sh");

/// A text and the file that it belongs in.
struct Part {
    path: PathBuf,
    text: String,
}

/// Files and lines to add to a project.
#[derive(Default)]
struct Proposal {
    new: Vec<Part>,
    /// Additions to existing files.
    add: Vec<Part>,
    already: Vec<PathBuf>,
    /// Commands for the user to run.
    next: Vec<String>,
}

impl Proposal {
    /// Proposes a new file, or an addition if the file exists.
    fn file(&mut self, path: PathBuf, text: String, part: &str) {
        match path.exists() {
            true => self.line(path, text, part),
            false => self.new.push(Part { path, text }),
        }
    }

    /// Proposes an addition to an existing file, unless the file contains `part`.
    fn line(&mut self, path: PathBuf, text: String, part: &str) {
        match disk::text(&path) {
            Ok(Some(known)) if holds(&known, part) => self.already.push(path),
            _ => self.add.push(Part { path, text }),
        }
    }
}

/// Returns whether a text contains a part as whole words. `supalint check apps/web-admin` does not contain `supalint check apps/web`.
fn holds(text: &str, part: &str) -> bool {
    text.match_indices(part).any(|(at, _)| {
        let next = text[at + part.len()..].chars().next();
        next.is_none_or(|next| !next.is_alphanumeric() && !matches!(next, '-' | '_' | '/' | '.'))
    })
}

/// Location of the project in its repository.
struct Site<'a> {
    repository: &'a Path,
    /// Whether there is a git repository.
    known: bool,
    /// Quoted path from the root of the repository to the project. It is empty if both are the same folder.
    folder: String,
}

pub fn run(arguments: &Arguments, global: &GlobalArgs) -> Result<Status, Error> {
    let mut sources = history::sources();
    let project = disk::open(&arguments.paths, None, &mut sources)?;
    let (repository, relative) = disk::repository(&project.root);
    let (known, within) = (repository.is_some(), relative.trim_end_matches('/'));
    let repository = repository.unwrap_or_else(|| project.root.clone());
    let settings = project.config.path.clone().unwrap_or_else(|| project.root.join(config::FILE));
    let mut proposal = Proposal::default();
    match settings.exists() {
        true => proposal.already.push(settings),
        false => proposal.new.push(Part { path: settings, text: SETTINGS.to_string() }),
    }
    let site = Site { repository: &repository, known, folder: if within.is_empty() { String::new() } else { quoted(within)? } };
    // the paths as the user passed them
    let named = arguments.paths.iter().map(|path| Ok(format!(" {}", quoted(&path.display().to_string())?)));
    let named = named.collect::<Result<String, Error>>()?;
    hooks(&mut proposal, &site);
    servers(&mut proposal, &site);
    let shown = |path: &Path| path.strip_prefix(&repository).unwrap_or(path).display().to_string();
    let texts = |verb: &str, parts: &[Part]| -> Vec<String> {
        parts.iter().map(|part| format!("# {verb} {}\n{}", clean::line(&shown(&part.path)), part.text)).collect()
    };
    if arguments.dry_run {
        let text = [texts("write", &proposal.new), texts("add to", &proposal.add)].concat();
        return print_text(&text.join("\n")).map(|()| Status::Clean);
    }
    for part in &proposal.new {
        put(&part.path, part.text.as_bytes(), false)?;
        print_status(global, &format!("wrote {}", shown(&part.path)));
    }
    for path in &proposal.already {
        print_status(global, &format!("{} already exists", shown(path)));
    }
    print_text(&texts("add to", &proposal.add).join("\n"))?;
    if !proposal.new.is_empty() {
        proposal.next.push(format!("supalint check{named}"));
        print_status(global, &format!("next: {}", proposal.next.join(" && ")));
    }
    if project.config.baseline.is_none() {
        hint_at_baseline(arguments, global, &named)?;
    }
    Ok(Status::Clean)
}

/// Recommends a baseline if the project has many problems.
fn hint_at_baseline(arguments: &Arguments, global: &GlobalArgs, named: &str) -> Result<(), Error> {
    /// Number of problems above which a baseline is recommended.
    const MANY: usize = 20;
    let found = match crate::check(&Options { paths: arguments.paths.clone(), ..Options::default() }) {
        Ok(checked) => checked.report.findings.len(),
        // A new project has no migrations yet.
        Err(Error::Empty { .. }) => 0,
        Err(error) => return Err(error),
    };
    if found > MANY {
        print_status(
            global,
            &format!(
                "the project has {found} problems; to report only new problems, run `supalint check{named} --write-baseline {BASELINE}` \
                 and set `baseline = \"{BASELINE}\"` in {}",
                config::FILE
            ),
        );
    }
    Ok(())
}

/// Proposes a hook for the hook manager of the repository, or for pre-commit if there is none.
fn hooks(proposal: &mut Proposal, site: &Site<'_>) {
    let existing = |names: &[&str]| names.iter().map(|name| site.repository.join(name)).find(|path| path.exists());
    let command = |text: &str| command(text, &site.folder);
    let part = command("supalint check");
    if let Some(path) = existing(&["lefthook.yml", "lefthook.yaml", ".lefthook.yml", ".lefthook.yaml"]) {
        proposal.line(path, command(LEFTHOOK), &part);
    } else if existing(&[".husky"]).is_some() {
        proposal.file(site.repository.join(".husky/pre-commit"), command(HUSKY), &part);
    } else {
        match existing(&[".pre-commit-config.yaml", ".pre-commit-config.yml"]) {
            Some(path) => proposal.line(path, command(PRE_COMMIT), &part),
            None => {
                proposal.file(site.repository.join(".pre-commit-config.yaml"), command(PRE_COMMIT), &part);
                proposal.next.push("pre-commit install".to_string());
            }
        }
    }
}

/// Proposes a job for GitLab CI if `.gitlab-ci.yml` exists, otherwise a workflow for GitHub Actions.
fn servers(proposal: &mut Proposal, site: &Site<'_>) {
    let gitlab = site.repository.join(".gitlab-ci.yml");
    if gitlab.exists() {
        proposal.line(gitlab, command(GITLAB, &site.folder), &command("supalint check", &site.folder));
    } else if site.known {
        let path = site.repository.join(".github/workflows/supalint.yml");
        let workflow = GITHUB.replace("[main]", &format!("[{}]", default_branch(site.repository)));
        let input = format!("path: {}", site.folder);
        let (text, part) = match site.folder.as_str() {
            "" => (workflow, "supalint"),
            _ => (format!("{workflow}          {input}\n"), input.as_str()),
        };
        // if the workflow of another project exists, only the step is added
        let step = text.find("      # A pull request").filter(|_| path.exists());
        proposal.file(path, step.map_or(text.clone(), |at| text[at..].to_string()), part);
    }
}

/// Returns the default branch of the remote as git stores it, or `main`.
fn default_branch(repository: &Path) -> String {
    let noted = disk::text(&repository.join(".git/refs/remotes/origin/HEAD")).ok().flatten().unwrap_or_default();
    let name = noted.trim().strip_prefix("ref: refs/remotes/origin/").unwrap_or_default();
    let is_plain = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '/' | '_' | '-' | '.'));
    if is_plain { name.to_string() } else { "main".to_string() }
}

/// Returns a text whose command checks the folder of the project.
fn command(text: &str, folder: &str) -> String {
    match folder {
        "" => text.to_string(),
        folder => text.replace("supalint check", &format!("supalint check {folder}")),
    }
}

/// Quotes a path for YAML and a shell.
///
/// # Errors
/// If a character of the path has a special meaning inside quotes.
fn quoted(folder: &str) -> Result<String, Error> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '_' | '-' | '.');
    if folder.chars().all(is_plain) && !folder.starts_with('-') {
        return Ok(folder.to_string());
    }
    let is_safe = |c: char| is_plain(c) || c.is_alphanumeric() || matches!(c, ' ' | '(' | ')' | '[' | ']' | '@' | '+' | ',' | '=' | '~');
    match folder.chars().all(is_safe) && !folder.starts_with('-') {
        true => Ok(format!("\"{folder}\"")),
        false => Err(Error::OddFolder { path: folder.into() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_a_shell_would_run_is_refused() {
        assert_eq!(quoted("apps/web").unwrap(), "apps/web");
        assert_eq!(quoted("apps/(my) web").unwrap(), "\"apps/(my) web\"");
        for name in ["$(id)", "a`id`", "a\"; id; \"", "a\nb", "a: b", "a #b", "-x", "a\\"] {
            assert!(matches!(quoted(name), Err(Error::OddFolder { .. })), "{name}");
        }
    }
}
