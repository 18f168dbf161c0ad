//! Findings that are known: a file that a project keeps, so that only what is new is told.
//!
//! Promises: the same findings give the same bytes, in an order that keeps a change of one finding a change of few lines; nothing but the
//! fingerprint decides, all else is for whoever reads it. Refuses: a file of another form, rather than taking nothing to be known.

use crate::finding::Finding;
use crate::source::Sources;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// The file.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Baseline {
    version: u32,
    pub findings: Vec<Known>,
}

/// A finding that is known. Lines change too often to be told.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Known {
    pub rule: String,
    pub file: String,
    pub message: String,
    pub fingerprint: String,
}

const VERSION: u32 = 1;

impl Baseline {
    /// # Errors
    /// If it is of no form that we know.
    pub fn read(text: &str) -> Result<Baseline, String> {
        let baseline: Baseline = serde_json::from_str(text).map_err(|error| error.to_string())?;
        match baseline.version {
            VERSION => Ok(baseline),
            other => Err(format!("it is of version {other}, and this supalint knows version {VERSION}")),
        }
    }

    pub fn of(known: impl IntoIterator<Item = Known>) -> Baseline {
        let known: BTreeSet<Known> = known.into_iter().collect();
        Baseline { version: VERSION, findings: known.into_iter().collect() }
    }

    pub fn text(&self) -> String {
        // plain data of text and numbers
        serde_json::to_string_pretty(self).unwrap_or_default() + "\n"
    }

    pub fn prints(&self) -> BTreeSet<String> {
        self.findings.iter().map(|known| known.fingerprint.clone()).collect()
    }
}

impl Known {
    pub fn of(finding: &Finding, sources: &Sources) -> Known {
        let file = sources.get(sources.resolve(finding.primary.site).file).path.to_string();
        Known { rule: finding.rule.to_string(), file, message: finding.message.clone(), fingerprint: finding.fingerprint.clone() }
    }
}
