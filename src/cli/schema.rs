//! `supalint schema`: the schema that the migrations add up to.

use super::{Manner, Status};
use crate::error::Error;
use clap::Args;
use std::path::PathBuf;

#[derive(Debug, Args)]
pub struct Arguments {
    /// A project, a folder of migrations, or .sql files [default: the project around the current folder]
    #[arg(value_name = "PATH")]
    #[allow(dead_code)]
    paths: Vec<PathBuf>,
}

pub fn run(_arguments: &Arguments, _manner: &Manner) -> Result<Status, Error> {
    Err(Error::NotYet { command: "schema" })
}
