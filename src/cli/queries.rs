//! `supalint queries`: lists the queries of application code.

use super::{GlobalArgs, ListArgs, ListFormat, Status, print, print_status};
use crate::analysis::query_list;
use crate::error::Error;
use crate::output::queries;
use crate::{app, history};
use clap::Args;

#[derive(Debug, Args)]
pub struct Arguments {
    #[command(flatten)]
    list: ListArgs,
}

pub fn run(arguments: &Arguments, global: &GlobalArgs) -> Result<Status, Error> {
    crate::with_stack(|| {
        let mut sources = history::sources();
        let mut project = arguments.list.open(&mut sources)?;
        app::open(&mut project, &mut sources)?;
        let replay = history::replay(&mut sources, &project, &mut ());
        let options = global.render_options();
        let write = |all: &[query_list::Queried]| {
            print(|out| match arguments.list.format {
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
