//! `supalint queries`: lists the queries of application code.

use super::{GlobalArgs, ListFormat, Status, print, print_status};
use crate::analysis::query_list;
use crate::error::Error;
use crate::output::queries;
use crate::{app, disk, history};
use clap::Args;
use std::path::PathBuf;

#[derive(Debug, Args)]
pub struct Arguments {
    /// Project or folder of migrations [default: the project that contains the current folder]
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Format of the list
    #[arg(long, default_value = "text")]
    format: ListFormat,
    /// Settings file to use instead of the project's supalint.toml
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

pub fn run(arguments: &Arguments, global: &GlobalArgs) -> Result<Status, Error> {
    crate::with_stack(|| {
        let mut sources = history::sources();
        let mut project = disk::open(&arguments.paths, arguments.config.as_deref(), &mut sources)?;
        app::open(&mut project, &mut sources)?;
        let replay = history::replay(&mut sources, &project, &mut ());
        let options = global.render_options();
        let write = |all: &[query_list::Queried]| {
            print(|out| match arguments.format {
                ListFormat::Text => queries::text(all, &sources, global.verbose, &options, out),
                ListFormat::Json => queries::json(all, &sources, out),
            })
        };
        query_list::of(&replay.catalog, &sources, &project, write)?;
        if project.app.is_empty() {
            print_status(global, "no queries found: [queries] paths in supalint.toml names folders with code");
        }
        Ok(Status::Clean)
    })
}
