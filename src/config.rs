//! Stands in for the settings.

use crate::finding::Severity;
use std::collections::BTreeMap;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    Off,
    Info,
    Warn,
    Error,
}

impl Level {
    pub fn severity(self) -> Option<Severity> {
        match self {
            Level::Off => None,
            Level::Info => Some(Severity::Info),
            Level::Warn => Some(Severity::Warn),
            Level::Error => Some(Severity::Error),
        }
    }
}

#[derive(Clone, Debug)]
pub struct Config {
    pub exposed_schemas: Vec<String>,
    pub tenant_columns: Vec<String>,
    pub select: Vec<String>,
    pub ignore: Vec<String>,
    pub severity: BTreeMap<String, Level>,
    pub postgres_version: u32,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            exposed_schemas: vec!["public".to_string()],
            tenant_columns: vec!["tenant_id".to_string()],
            select: Vec::new(),
            ignore: Vec::new(),
            severity: BTreeMap::new(),
            postgres_version: 17,
        }
    }
}
