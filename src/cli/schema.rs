//! `supalint schema`: prints the schema that the migrations create.

use super::{GlobalArgs, ListArgs, ListFormat, Status, print, print_status};
use crate::analysis::matrix;
use crate::catalog::When;
use crate::error::Error;
use crate::output::{RenderOptions, count, schema};
use crate::{app, history};
use clap::Args;

#[derive(Debug, Args)]
pub struct Arguments {
    #[command(flatten)]
    list: ListArgs,
    /// Show instead the access of each API role to each table, and which lookups have an index
    #[arg(long)]
    matrix: bool,
}

pub fn run(arguments: &Arguments, global: &GlobalArgs) -> Result<Status, Error> {
    // the main thread has too little stack for deeply nested expressions
    crate::with_stack(|| write(arguments, global))
}

fn write(arguments: &Arguments, global: &GlobalArgs) -> Result<Status, Error> {
    let mut sources = history::sources();
    let mut project = arguments.list.open(&mut sources)?;
    if arguments.matrix {
        app::open(&mut project, &mut sources)?;
    }
    let replay = history::replay(&mut sources, &project, &mut ());
    let options = RenderOptions {
        width: if arguments.matrix { global.folded_width() } else { global.render_options().width },
        ..global.render_options()
    };
    print(|out| match arguments.list.format {
        format if arguments.matrix => matrix::of(&replay.catalog, &sources, &project, |matrix| match format {
            ListFormat::Text => schema::matrix::text(matrix, &sources, &options, out),
            ListFormat::Json => schema::matrix::json(matrix, &sources, out),
        }),
        ListFormat::Text => schema::text(&replay.catalog, &sources, &options, out),
        ListFormat::Json => schema::json(&replay.catalog, &sources, out),
    })?;
    let rejected = replay.catalog.rejected.iter().filter(|rejected| rejected.when == When::Always).count();
    let left_out = [(rejected, "that PostgreSQL would reject"), (replay.unread.len(), "that cannot be parsed")];
    for (number, which) in left_out.into_iter().filter(|(number, _)| *number > 0) {
        print_status(global, &format!("not included: {} {which}. `supalint check` lists them", count(number, "statement")));
    }
    Ok(Status::Clean)
}
