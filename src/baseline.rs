//! Baseline: a file of known problems, so that only new problems are reported.
//!
//! Promises: the same problems give the same bytes, and a change of one problem changes few lines. Only the fingerprint identifies a
//! problem. The other fields are for readers. Limits: a file with another form is an error.

use crate::error::Error;
use crate::finding::Finding;
use crate::source::Sources;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::path::Path;

/// Content of a baseline file.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Baseline {
    version: u32,
    pub findings: Vec<BaselineEntry>,
}

/// A known problem, without line numbers, which change too often.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BaselineEntry {
    pub rule: String,
    pub file: String,
    pub message: String,
    pub fingerprint: String,
}

const VERSION: u32 = 1;

impl Baseline {
    /// Parses the text of a baseline file.
    ///
    /// # Errors
    /// If the text has an unknown form.
    pub fn read(path: &Path, text: &str) -> Result<Baseline, Error> {
        let invalid = |reason: String| Error::Baseline { path: path.to_path_buf(), reason };
        let baseline: Baseline = serde_json::from_str(text).map_err(|error| invalid(error.to_string()))?;
        match baseline.version {
            VERSION => Ok(baseline),
            other => Err(invalid(format!("it has version {other}, but this supalint reads version {VERSION}"))),
        }
    }

    pub fn of(known: impl IntoIterator<Item = BaselineEntry>) -> Baseline {
        let known: BTreeSet<BaselineEntry> = known.into_iter().collect();
        Baseline { version: VERSION, findings: known.into_iter().collect() }
    }

    pub fn text(&self) -> String {
        // the data contains only text and numbers
        serde_json::to_string_pretty(self).unwrap_or_default() + "\n"
    }

    pub fn fingerprints(&self) -> BTreeSet<String> {
        self.findings.iter().map(|known| known.fingerprint.clone()).collect()
    }
}

impl BaselineEntry {
    pub fn of(finding: &Finding, sources: &Sources) -> BaselineEntry {
        let file = sources.get(sources.resolve(finding.primary.site).file).path.to_string();
        BaselineEntry { rule: finding.rule.to_string(), file, message: finding.message.clone(), fingerprint: finding.fingerprint.clone() }
    }
}
