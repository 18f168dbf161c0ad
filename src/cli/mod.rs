//! The command line: arguments and exit status.
//!
//! Promises: the exit status is 0 if no problem has the severity of `--fail-on` or a higher one, 1 if a problem has, and 2 if supalint could
//! not run. A closed pipe (`supalint check | head`) is not an error.

mod check;
mod explain;
mod init;
mod progress;
mod queries;
mod rules;
mod schema;

use crate::disk;
use crate::error::Error;
use crate::output::clean::{self, Reader, guard};
use crate::output::{Painter, RenderOptions};
use crate::project::Project;
use crate::rules::names;
use crate::source::Sources;
use clap::{Args, CommandFactory, Parser, Subcommand, ValueEnum};
use std::io::{self, BufWriter, ErrorKind, IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;

/// Checks the SQL migrations of a Supabase or PostgreSQL project, without a database.
#[derive(Debug, Parser)]
#[command(name = "supalint", version, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    global: GlobalArgs,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Check migrations and report problems with their locations and fixes
    Check(check::Arguments),
    /// Show the page of a rule: the problem, why it matters, and how to fix it
    Explain(explain::Arguments),
    /// List all rules
    Rules(rules::Arguments),
    /// Show the schema that the migrations create
    Schema(schema::Arguments),
    /// List the queries of application code, with the indexes that serve them
    Queries(queries::Arguments),
    /// Write the settings, the hook and the CI workflow of a project
    Init(init::Arguments),
    /// Print completions for a shell
    Completions(Shell),
}

#[derive(Debug, Args)]
struct Shell {
    /// Shell to print completions for. Save the output where the shell looks for completions
    shell: clap_complete::Shell,
}

/// Options of all commands.
#[derive(Debug, Args)]
struct GlobalArgs {
    /// Color the output
    #[arg(long, global = true, display_order = 100, value_name = "WHEN", default_value = "auto")]
    color: Color,
    /// Print only problems
    #[arg(long, short, global = true, display_order = 100, conflicts_with = "verbose")]
    quiet: bool,
    /// Print every problem in full, and list allowed problems and statements that cannot be parsed
    #[arg(long, short, global = true, display_order = 100)]
    verbose: bool,
}

/// Options of commands that list the content of a project.
#[derive(Debug, Args)]
struct ListArgs {
    /// Project, folder of migrations, or .sql files [default: the project that contains the current folder]
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Format of the list
    #[arg(long, default_value = "text")]
    format: ListFormat,
    /// Settings file to use instead of the project's supalint.toml
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

impl ListArgs {
    fn open(&self, sources: &mut Sources) -> Result<Project, Error> {
        disk::open(&self.paths, self.config.as_deref(), sources)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Color {
    /// Only if standard output is a terminal and NO_COLOR is not set
    Auto,
    Always,
    Never,
}

/// Format of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum ListFormat {
    Text,
    Json,
}

/// Result of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Status {
    Clean,
    Findings,
}

impl GlobalArgs {
    /// Returns the options for standard output.
    fn render_options(&self) -> RenderOptions {
        let terminal = io::stdout().is_terminal();
        let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let colour = match self.color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => terminal && !set("NO_COLOR") && std::env::var_os("TERM").is_none_or(|term| term != "dumb"),
        };
        let width = terminal_size::terminal_size().filter(|_| terminal).map(|(width, _)| usize::from(width.0).clamp(60, 120));
        RenderOptions {
            colour,
            unicode: !terminal || supports_unicode::on(supports_unicode::Stream::Stdout),
            width: width.unwrap_or(RenderOptions::PLAIN.width),
            verbose: self.verbose,
            quiet: self.quiet,
            elapsed: None,
            path_prefix: String::new(),
        }
    }

    /// Returns the width at which lists are wrapped: that of the terminal. In a pipe, each entry is one line.
    fn folded_width(&self) -> usize {
        if io::stdout().is_terminal() { self.render_options().width } else { 10_000 }
    }

    /// Returns the options for a file.
    fn file_render_options(&self) -> RenderOptions {
        RenderOptions { colour: self.color == Color::Always, verbose: self.verbose, quiet: self.quiet, ..RenderOptions::PLAIN }
    }
}

/// Runs the program with the process's arguments.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) if error.use_stderr() => {
            // the message repeats arguments, which can contain control characters
            let _ = write!(io::stderr(), "{}", guard(&error.render().to_string(), Reader::Person));
            return ExitCode::from(2);
        }
        Err(error) => error.exit(),
    };
    let result = match &cli.command {
        Command::Check(arguments) => check::run(arguments, &cli.global),
        Command::Explain(arguments) => explain::run(arguments, &cli.global),
        Command::Rules(arguments) => rules::run(arguments, &cli.global),
        Command::Queries(arguments) => queries::run(arguments, &cli.global),
        Command::Schema(arguments) => schema::run(arguments, &cli.global),
        Command::Init(arguments) => init::run(arguments, &cli.global),
        Command::Completions(Shell { shell }) => completions(*shell),
    };
    match result {
        Ok(Status::Clean) => ExitCode::SUCCESS,
        Ok(Status::Findings) => ExitCode::from(1),
        Err(error) => {
            let colour = cli.global.color == Color::Always || cli.global.color == Color::Auto && io::stderr().is_terminal();
            let colour = colour && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
            let head = Painter { colour }.severity(crate::finding::Severity::Error, "error:");
            // if the message cannot be written, the exit status still shows the error
            let _ = writeln!(io::stderr(), "{head} {}", one_line(&error.to_string()));
            ExitCode::from(2)
        }
    }
}

fn completions(shell: clap_complete::Shell) -> Result<Status, Error> {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "supalint", &mut text);
    print(|out| out.write_all(&text)).map(|()| Status::Clean)
}

/// Prints a message on standard error, except with `--quiet`.
fn print_status(global: &GlobalArgs, line: &str) {
    if !global.quiet {
        // an error of standard error is ignored, because the work is done
        let _ = writeln!(io::stderr(), "{}", one_line(line));
    }
}

/// Returns a text in one line, without control characters.
fn one_line(text: &str) -> String {
    guard(&clean::line(text), Reader::Person).into_owned()
}

/// Writes to standard output. A closed pipe ends the output without an error.
fn print(write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), Error> {
    let mut out = BufWriter::new(io::stdout().lock());
    match write(&mut out).and_then(|()| out.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => {
            // dropping the writer would write the buffer again
            let _ = out.into_parts();
            Ok(())
        }
        other => other.map_err(Error::Output),
    }
}

/// Writes a text that contains names from the project, without control characters.
fn print_text(text: &str) -> Result<(), Error> {
    print(|out| out.write_all(guard(text, Reader::Person).as_bytes()))
}

fn unknown_rule(name: &str) -> Error {
    Error::UnknownRule { name: name.to_string(), near: names::meant(name).map(str::to_string) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
