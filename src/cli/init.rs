//! `supalint init`: settings, and what makes hooks and CI run the check, for the project it finds.
//!
//! Promises: writes only files that are not there, each whole; what belongs into a file that is there is printed. Nothing is written
//! outside of the repository.

use super::{Manner, Status, print, say};
use crate::error::Error;
use crate::fix::write::put;
use crate::history;
use crate::project;
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

const SETTINGS: &str = include_str!("init/supalint.toml");
const GITHUB: &str = include_str!("init/github.yml");
const GITLAB: &str = include_str!("init/gitlab.yml");
const PRE_COMMIT: &str = include_str!("init/pre-commit.yaml");
const LEFTHOOK: &str = include_str!("init/lefthook.yml");
const HUSKY: &str = include_str!("init/husky.sh");

/// A text with the file it belongs into.
struct Part {
    path: PathBuf,
    text: String,
}

/// What a project lacks.
#[derive(Default)]
struct Proposal {
    new: Vec<Part>,
    /// For files that are there.
    add: Vec<Part>,
    already: Vec<PathBuf>,
    /// Commands for the user to run.
    next: Vec<String>,
}

impl Proposal {
    fn file(&mut self, path: PathBuf, text: impl Into<String>) {
        match path.exists() {
            true => self.already.push(path),
            false => self.new.push(Part { path, text: text.into() }),
        }
    }

    /// To the file that is there, unless it speaks of supalint.
    fn line(&mut self, path: PathBuf, text: impl Into<String>) {
        match std::fs::read_to_string(&path) {
            Ok(known) if known.contains("supalint") => self.already.push(path),
            _ => self.add.push(Part { path, text: text.into() }),
        }
    }
}

pub fn run(arguments: &Arguments, manner: &Manner) -> Result<Status, Error> {
    let mut sources = history::sources();
    let project = project::open(&arguments.paths, None, &mut sources)?;
    let (repository, way) = project::repository(&project.root);
    let (known, within) = (repository.is_some(), way.trim_end_matches('/'));
    let repository = repository.unwrap_or_else(|| project.root.clone());
    let settings = project.config.path.clone().unwrap_or_else(|| project.root.join("supalint.toml"));
    let mut proposal = Proposal::default();
    proposal.file(settings, SETTINGS);
    hooks(&mut proposal, &repository, within);
    servers(&mut proposal, &repository, within, known);
    let shown = |path: &Path| path.strip_prefix(&repository).unwrap_or(path).display().to_string();
    if arguments.dry_run {
        let parts = proposal.new.iter().map(|part| ("write", part)).chain(proposal.add.iter().map(|part| ("add to", part)));
        let text: Vec<String> = parts.map(|(verb, part)| format!("# {verb} {}\n{}", shown(&part.path), part.text)).collect();
        return print(|out| out.write_all(text.join("\n").as_bytes())).map(|()| Status::Clean);
    }
    for part in &proposal.new {
        put(&part.path, part.text.as_bytes(), false)?;
        say(manner, &format!("wrote {}", shown(&part.path)));
    }
    for path in &proposal.already {
        say(manner, &format!("{} already exists", shown(path)));
    }
    let text: Vec<String> = proposal.add.iter().map(|part| format!("# add to {}\n{}", shown(&part.path), part.text)).collect();
    print(|out| out.write_all(text.join("\n").as_bytes()))?;
    if !proposal.new.is_empty() {
        // as the user has just named it
        let named = arguments.paths.iter().map(|path| format!(" {}", quoted(&path.display().to_string())));
        proposal.next.push(format!("supalint check{}", named.collect::<String>()));
        say(manner, &format!("next: {}", proposal.next.join(" && ")));
    }
    Ok(Status::Clean)
}

/// Whatever runs the repository's hooks; where nothing does, pre-commit.
fn hooks(proposal: &mut Proposal, repository: &Path, within: &str) {
    let there = |names: &[&str]| names.iter().map(|name| repository.join(name)).find(|path| path.exists());
    let command = |text: &str| command(text, within);
    if let Some(path) = there(&["lefthook.yml", "lefthook.yaml", ".lefthook.yml", ".lefthook.yaml"]) {
        proposal.line(path, command(LEFTHOOK));
    } else if there(&[".husky"]).is_some() {
        let hook = repository.join(".husky/pre-commit");
        if hook.exists() { proposal.line(hook, command(HUSKY)) } else { proposal.file(hook, command(HUSKY)) }
    } else {
        match there(&[".pre-commit-config.yaml", ".pre-commit-config.yml"]) {
            Some(path) => proposal.line(path, command(PRE_COMMIT)),
            None => {
                proposal.file(repository.join(".pre-commit-config.yaml"), command(PRE_COMMIT));
                proposal.next.push("pre-commit install".to_string());
            }
        }
    }
}

/// GitLab's where its file is, GitHub's in any other repository.
fn servers(proposal: &mut Proposal, repository: &Path, within: &str, known: bool) {
    let gitlab = repository.join(".gitlab-ci.yml");
    if gitlab.exists() {
        proposal.line(gitlab, command(GITLAB, within));
    } else if known {
        let path = if within.is_empty() { String::new() } else { format!("          path: {}\n", quoted(within)) };
        proposal.file(repository.join(".github/workflows/supalint.yml"), format!("{GITHUB}{path}"));
    }
}

/// A text with the project's folder in the command that it runs.
fn command(text: &str, within: &str) -> String {
    match within {
        "" => text.to_string(),
        folder => text.replace("supalint check", &format!("supalint check {}", quoted(folder))),
    }
}

/// A folder's name as YAML and a shell both take it.
fn quoted(folder: &str) -> String {
    let plain = folder.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '/' | '_' | '-' | '.')) && !folder.starts_with('-');
    if plain { folder.to_string() } else { format!("\"{}\"", folder.replace('\\', "\\\\").replace('"', "\\\"")) }
}
