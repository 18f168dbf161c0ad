//! What code that was not followed to its end may still have changed.
//!
//! Promise: told by the words of the code and of the project's functions that it names, texts that it would run included:
//! a command that is put together names in some literal what it drops or alters.

use super::{FileId, Machine};
use crate::catalog::effect::{Change, Doubted, Effect};
use crate::catalog::name::QName;
use crate::source::{Site, Sources};
use crate::syntax::ast::Body;
use crate::syntax::plpgsql::Piece;
use std::collections::HashSet;

/// Kinds of object with the words that speak of them.
const NOUNS: [(Doubted, &[&str]); 12] = [
    (Doubted::Schemas, &["schema", "owned"]),
    (Doubted::Tables, &["table"]),
    (Doubted::Columns, &["column"]),
    (Doubted::Constraints, &["constraint", "null", "key"]),
    (Doubted::Indexes, &["index", "constraint"]),
    (Doubted::RowSecurity, &["security"]),
    (Doubted::Policies, &["policy"]),
    (Doubted::Triggers, &["trigger"]),
    (Doubted::Views, &["view"]),
    (Doubted::Functions, &["function", "procedure", "routine"]),
    (Doubted::Types, &["type", "domain"]),
    (Doubted::Sequences, &["sequence"]),
];

impl Machine<'_> {
    /// Takes the certainty from what the statement that is being run may still have changed.
    pub(super) fn doubt(&mut self) {
        let origin = self.sources.resolve(self.origin);
        let words = self.reachable_words(origin);
        let has = |word: &str| words.contains(word);
        // `alter table … drop …` leaves the table where it is, but for the kinds that are named beside it
        let verb = ["drop", "alter", "rename", "replace", "enable", "disable", "cascade"].into_iter().any(has);
        let grants = ["grant", "revoke", "privileges"].into_iter().any(has);
        let unclear = has("execute") && !verb && !grants && !has("create") && !has("insert");
        let kinds = NOUNS.into_iter().filter(|(_, nouns)| unclear || verb && nouns.iter().any(|noun| has(noun))).map(|(kind, _)| kind);
        let tables = |kind: &Doubted| *kind != Doubted::Tables || unclear || has("drop") || has("rename");
        let kinds = kinds.filter(tables).chain((unclear || grants).then_some(Doubted::Grants));
        let effects = kinds.map(|kind| Effect { at: self.origin, certainty: self.certainty, change: Change::Doubt(kind) }).collect();
        self.world.apply(effects);
        self.world.catalog.secretive |= has("execute") && (unclear || has("create"));
        if unclear || has("insert") || has("copy") {
            let tables: Vec<QName> = self.world.catalog.tables.keys().cloned().collect();
            tables.into_iter().for_each(|table| self.world.inserted.insert(table, ()));
        }
    }

    /// Takes the certainty from what a command may drop whose text is not known, but for words in it: of the tables that it names, or else of all.
    pub(super) fn doubt_dropped(&mut self, command: Piece) {
        const PARTS: [(Doubted, &str); 5] = [
            (Doubted::Constraints, "constraint"),
            (Doubted::Policies, "policy"),
            (Doubted::Triggers, "trigger"),
            (Doubted::Indexes, "index"),
            (Doubted::Columns, "column"),
        ];
        let Some(program) = self.program_now() else { return };
        let mut words = HashSet::new();
        add_words(command.span.of(&program.text), &mut words);
        if !words.contains("drop") {
            return;
        }
        let named: Vec<QName> = self.world.catalog.tables.keys().filter(|name| words.contains(name.name.as_str())).cloned().collect();
        let kinds = PARTS.into_iter().filter(|(_, noun)| words.contains(*noun)).map(|(kind, _)| kind);
        let changes = kinds.flat_map(|kind| match named.as_slice() {
            [] => vec![Change::Doubt(kind)],
            tables => tables.iter().map(|table| Change::DoubtOf { table: table.clone(), doubted: kind }).collect(),
        });
        let effects = changes.map(|change| Effect { at: self.origin, certainty: self.certainty, change }).collect();
        self.world.apply(effects);
    }

    /// Takes the certainty from parts of tables like those that were dropped where it was not sure that the statement runs.
    pub(super) fn doubt_parts(&mut self, tried: &[Effect]) {
        let doubt = |effect: &Effect| {
            let (table, doubted) = match &effect.change {
                Change::DropConstraint { table, .. } => (table, Doubted::Constraints),
                Change::DropPolicy { table, .. } => (table, Doubted::Policies),
                Change::DropTrigger { relation, .. } => (relation, Doubted::Triggers),
                Change::DropColumn { table, .. } => (table, Doubted::Columns),
                _ => return None,
            };
            let change = Change::DoubtOf { table: table.clone(), doubted };
            Some(Effect { at: effect.at, certainty: effect.certainty, change })
        };
        // one of what the loop itself made is no part of anything any more
        for effect in tried.iter().filter_map(doubt) {
            self.world.apply(vec![effect]);
        }
    }

    /// Words of the statement, and of functions that they name.
    fn reachable_words(&self, origin: Site) -> HashSet<String> {
        let mut words = HashSet::new();
        add_words(self.sources.slice(origin), &mut words);
        if !self.created.is_empty() {
            words.extend(self.world.catalog.event_triggers.values().map(|trigger| trigger.function.name.to_lowercase()));
        }
        let mut waiting: Vec<_> = self.world.catalog.functions.iter().collect();
        loop {
            let before = waiting.len();
            waiting.retain(|(name, overloads)| {
                let called = words.contains(name.name.to_lowercase().as_str());
                if called {
                    overloads.iter().filter_map(|function| body_text(self.sources, function.at.file, &function.body)).for_each(|text| {
                        add_words(text, &mut words);
                    });
                }
                !called
            });
            if waiting.len() == before {
                return words;
            }
        }
    }
}

fn body_text<'s>(sources: &'s Sources, file: FileId, body: &Body) -> Option<&'s str> {
    match body {
        Body::Code(code) if file != FileId::PLATFORM => Some(code.inner.of(sources.get(file).text())),
        Body::Code(_) | Body::Sql { .. } | Body::None => None,
    }
}

fn add_words(text: &str, words: &mut HashSet<String>) {
    let all = text.split(|c: char| !(c.is_alphanumeric() || c == '_')).filter(|word| !word.is_empty());
    words.extend(all.map(str::to_lowercase));
}
