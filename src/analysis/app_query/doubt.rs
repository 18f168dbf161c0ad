//! Signs that the migrations do not show everything that the database contains.

use crate::analysis::prelude::*;
use std::sync::OnceLock;

/// Statements whose effect is unknown, and objects that no migration creates.
#[derive(Default)]
pub struct Doubts {
    /// Texts of statements that could not be read, or that PostgreSQL would reject, and of files that do not run, in lower case.
    texts: Vec<String>,
    /// Texts of all migrations, in lower case.
    migrations: OnceLock<Vec<String>>,
    /// Whether statements use a relation that no migration creates.
    has_external: bool,
}

impl Doubts {
    pub fn of<'a>(cx: &State<'a>) -> &'a Doubts {
        cx.analyses().doubts.get_or_init(|| {
            let project = cx.project();
            let site = |(file, span): &(usize, Span)| project.migrations.get(*file).map(|migration| Site::new(migration.file, *span));
            let unread = cx.catalog.unread.iter().filter_map(site).map(|site| cx.slice(site));
            let rejected = cx.catalog.rejected.iter().map(|rejected| cx.slice(rejected.site));
            // files that the runner skips are often run by hand
            let skipped = project.skipped.iter().map(|skipped| cx.sources.get(skipped.file).text());
            let mut texts: Vec<String> = unread.chain(rejected).chain(skipped).map(str::to_lowercase).collect();
            texts.sort();
            texts.dedup();
            let has_external = cx.catalog.tables.values().any(|table| table.external && cx.is_users_schema(&table.name.schema));
            Doubts { texts, has_external, migrations: OnceLock::new() }
        })
    }

    /// Returns whether a statement with an unknown effect mentions a name.
    pub fn concern(&self, name: &str) -> bool {
        let name = name.to_lowercase();
        self.texts.iter().any(|text| mentions(text, &name))
    }

    /// Returns whether any migration mentions a name, also in a condition that an object exists.
    pub fn is_mentioned(&self, cx: &State, name: &str) -> bool {
        let texts = self
            .migrations
            .get_or_init(|| cx.project().migrations.iter().map(|migration| cx.sources.get(migration.file).text().to_lowercase()).collect());
        let name = name.to_lowercase();
        texts.iter().any(|text| mentions(text, &name))
    }

    /// Returns whether a statement with an unknown effect may create policies.
    pub fn concern_policies(&self) -> bool {
        self.texts.iter().any(|text| text.contains("policy"))
    }

    /// Returns whether a statement with an unknown effect may grant privileges.
    pub fn concern_grants(&self) -> bool {
        self.texts.iter().any(|text| text.contains("grant"))
    }

    /// Returns whether objects can exist that no migration creates.
    pub fn has_external(&self) -> bool {
        self.has_external
    }
}

/// Returns whether a text contains a name as a whole word.
pub fn mentions(text: &str, name: &str) -> bool {
    let is_part = |letter: Option<char>| letter.is_some_and(|letter| letter.is_alphanumeric() || letter == '_');
    text.match_indices(name)
        .any(|(at, found)| !is_part(text[..at].chars().next_back()) && !is_part(text[at + found.len()..].chars().next()))
}
