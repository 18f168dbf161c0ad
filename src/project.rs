//! Stands in for the reader of a project.

use crate::config::Config;
use crate::source::{FileId, Sources};

#[derive(Clone, Debug)]
pub struct Migration {
    pub file: FileId,
    pub version: String,
    pub name: String,
}

#[derive(Clone, Debug, Default)]
pub struct Project {
    pub migrations: Vec<Migration>,
    pub config: Config,
}

impl Project {
    pub fn from_texts(_files: &[(&str, &str)], _sources: &mut Sources) -> Project {
        Project::default()
    }
}
