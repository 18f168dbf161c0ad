//! Facts that code may have changed although it was not evaluated completely.
//!
//! Promises: the words in the code, in functions of the project that it uses, and in literals determine these facts. A command that code
//! builds has the names of the changed objects in a literal.

use super::query::Env;
use super::routine::{Parsed, Program};
use super::tables::is_elsewhere;
use super::{FileId, Machine};
use crate::catalog::RelationKind;
use crate::catalog::effect::{Change, Doubted, Effect, Grantable};
use crate::catalog::name::QName;
use crate::source::{Sources, Span};
use crate::syntax::ast::Body;
use crate::syntax::expression::{Expr, ExprKind};
use crate::syntax::plpgsql::Piece;
use std::collections::HashSet;

/// Kinds of objects, each with words of the commands that change them.
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

/// Kinds of objects that belong to a table, each with its word in commands.
const PARTS: [(Doubted, &str); 5] = [
    (Doubted::Constraints, "constraint"),
    (Doubted::Policies, "policy"),
    (Doubted::Triggers, "trigger"),
    (Doubted::Indexes, "index"),
    (Doubted::Columns, "column"),
];

impl Machine<'_> {
    /// Makes all facts uncertain that the running statement may still have changed.
    pub(super) fn doubt(&mut self) {
        let origin = self.sources.resolve(self.origin);
        let mut words = HashSet::new();
        add_words(self.sources.slice(origin), &mut words);
        if !self.created.is_empty() {
            words.extend(self.world.catalog.event_triggers.values().map(|trigger| format!("{}(", trigger.function.name.to_lowercase())));
        }
        let words = self.reachable_words(words);
        self.doubt_words(&words, words.contains("execute"), &[]);
    }

    /// Skips a part of the running body, and makes the facts uncertain that it could have changed.
    pub(super) fn skip_code(&mut self, part: Span) {
        self.blind = true;
        let Some(program) = self.program_now() else { return };
        let mut words = HashSet::new();
        add_words(part.of(&program.text), &mut words);
        let words = self.reachable_words(words);
        self.undecided |= self.doubt_words(&words, words.contains("execute"), &[]);
    }

    /// Skips a command whose text is only partly known. It may change the tables whose names it contains, or any table if it contains no
    /// name.
    pub(super) fn pass_over_command(&mut self, command: Piece) {
        self.blind = true;
        let Some(program) = self.program_now() else {
            self.world.catalog.ran_unknown_command = true;
            return;
        };
        // objects that no migration creates are not in the catalog
        if self.names_elsewhere(&program, command) {
            return;
        }
        let text = command.span.of(&program.text);
        let mut words = HashSet::new();
        add_words(text, &mut words);
        // if the command was built before, the body contains its words
        let bare = !text.contains(['\'', '$']);
        if bare {
            add_words(program.span.of(&program.text), &mut words);
            add_words(self.sources.slice(self.sources.resolve(self.origin)), &mut words);
        }
        let tables = self.world.catalog.tables.keys().filter(|name| !bare && words.contains(name.name.as_str()));
        let named: Vec<QName> = tables.cloned().collect();
        self.world.catalog.ran_unknown_command |= bare || words.contains("create");
        self.undecided |= self.doubt_words(&words, bare, &named);
    }

    /// Returns whether a command contains the name of an object that no migration creates.
    fn names_elsewhere(&mut self, program: &Program, command: Piece) -> bool {
        let parsed = program.expression(command);
        let Parsed::Expr(expr) = &*parsed else { return false };
        let names: Vec<Expr> = expr.all().into_iter().filter(|part| matches!(part.kind, ExprKind::Column { .. })).cloned().collect();
        names.iter().any(|name| self.eval(name, &Env::EMPTY).is_ok_and(|value| is_elsewhere(&value)))
    }

    /// Makes facts uncertain that code with these words may change. `unknown`: the code runs commands that can contain other words. If
    /// `named` contains tables, objects that belong to tables become uncertain only for these tables.
    /// Returns whether the code can change the schema.
    fn doubt_words(&mut self, words: &HashSet<String>, unknown: bool, named: &[QName]) -> bool {
        let has = |word: &str| words.contains(word);
        // `alter table … drop …` keeps the table, and drops only the kinds of objects that it names
        let verb = has("drop") || has("alter") || has("create") && has("replace");
        let grants = ["grant", "revoke", "privileges"].into_iter().any(has);
        let unclear = unknown && !verb && !grants && !has("create") && !has("insert");
        let kinds = NOUNS.into_iter().filter(|(_, nouns)| unclear || verb && nouns.iter().any(|noun| has(noun))).map(|(kind, _)| kind);
        // without these words, code changes objects but does not drop them
        let removes = unclear || has("drop") || has("rename") || has("cascade");
        let switches = has("enable") || has("disable");
        let kinds = kinds.filter_map(|kind| match kind {
            Doubted::RowSecurity | Doubted::Policies => Some(kind),
            Doubted::Triggers if switches => Some(kind),
            Doubted::Views if !removes => Some(Doubted::ViewOptions),
            Doubted::Functions if !removes => Some(Doubted::FunctionOptions),
            kind => removes.then_some(kind),
        });
        let kinds = kinds.chain((unclear || grants).then_some(Doubted::Grants));
        let mut changes = Vec::new();
        for kind in kinds {
            match named {
                tables if !tables.is_empty() && PARTS.iter().any(|(part, _)| *part == kind) => {
                    changes.extend(tables.iter().map(|table| Change::DoubtOf { table: table.clone(), doubted: kind }));
                }
                _ => changes.push(Change::Doubt(kind)),
            }
        }
        let creates = has("create");
        let changes_schema = !changes.is_empty() || creates || unclear;
        for change in changes {
            self.apply_doubt(Effect { at: self.origin, certainty: self.certainty, change });
        }
        self.world.catalog.ran_unknown_command |= has("execute") && (unclear || creates);
        if unclear || has("insert") || has("copy") {
            let tables: Vec<QName> = self.world.catalog.tables.keys().cloned().collect();
            tables.into_iter().for_each(|table| self.world.inserted.insert(table, ()));
        }
        changes_schema
    }

    fn apply_doubt(&mut self, effect: Effect) {
        self.world.apply(vec![effect.clone()]);
        self.doubts.push(effect);
    }

    /// Repeats the doubts since `mark`, which were undone with the surrounding code.
    pub(super) fn doubt_again(&mut self, mark: usize) {
        for effect in self.doubts.get(mark..).unwrap_or_default().to_vec() {
            self.world.apply(vec![effect]);
        }
    }

    /// Makes facts uncertain that code under an unknown condition changed. Objects that it created do not exist, and objects that it
    /// changed or dropped may be unchanged.
    pub(super) fn doubt_effects_of(&mut self, tried: &[Effect]) {
        for effect in tried {
            if let Some(change) = self.doubt_of(&effect.change) {
                self.undecided = true;
                // the doubt has no effect on objects that only the code created
                self.apply_doubt(Effect { at: effect.at, certainty: effect.certainty, change });
            }
        }
    }

    fn doubt_of(&self, change: &Change) -> Option<Change> {
        let of = |table: &QName, doubted| Some(Change::DoubtOf { table: table.clone(), doubted });
        match change {
            Change::DropConstraint { table, .. }
            | Change::ValidateConstraint { table, .. }
            | Change::RenameConstraint { table, .. }
            | Change::SetNotNull { table, .. } => of(table, Doubted::Constraints),
            Change::DropPolicy { table, .. } | Change::AlterPolicy { table, .. } | Change::RenamePolicy { table, .. } => {
                of(table, Doubted::Policies)
            }
            Change::DropTrigger { relation, .. } | Change::RenameTrigger { relation, .. } | Change::EnableTrigger { relation, .. } => {
                of(relation, Doubted::Triggers)
            }
            Change::DropColumn { table, .. }
            | Change::RenameColumn { relation: table, .. }
            | Change::SetColumnType { table, .. }
            | Change::SetDefault { table, .. }
            | Change::SetIdentity { table, .. }
            | Change::DropGenerated { table, .. } => of(table, Doubted::Columns),
            Change::SetRls { table, .. } | Change::SetForceRls { table, .. } => of(table, Doubted::RowSecurity),
            Change::SetAutovacuum { table, .. } => of(table, Doubted::StorageParameters),
            Change::Grant { on: Grantable::Relation(name), .. } | Change::Revoke { on: Grantable::Relation(name), .. }
                if self.world.catalog.tables.contains(name) =>
            {
                of(name, Doubted::Grants)
            }
            Change::Grant { on: Grantable::Function(name, _), .. } | Change::Revoke { on: Grantable::Function(name, _), .. } => {
                of(name, Doubted::Grants)
            }
            Change::Grant { .. } | Change::Revoke { .. } => Some(Change::Doubt(Doubted::Grants)),
            Change::DropRelation { name, .. } | Change::RenameRelation { name, .. } => match self.world.catalog.relation_kind(name) {
                Some(RelationKind::View | RelationKind::MaterializedView) => of(name, Doubted::Views),
                Some(RelationKind::Sequence) => of(name, Doubted::Sequences),
                _ => of(name, Doubted::Tables),
            },
            Change::SetPartition { table, .. } | Change::SetInherit { table, .. } => of(table, Doubted::Tables),
            Change::DropIndex { .. } | Change::RenameIndex { .. } => Some(Change::Doubt(Doubted::Indexes)),
            Change::SetSecurityInvoker { view, .. } => of(view, Doubted::ViewOptions),
            Change::CreateView { view, replace: true } => of(&view.name, Doubted::ViewOptions),
            Change::DropFunction { name, .. } | Change::RenameFunction { name, .. } => of(name, Doubted::Functions),
            Change::AlterFunction { name, .. } => of(name, Doubted::FunctionOptions),
            Change::CreateFunction { function, replace: true } => of(&function.name, Doubted::FunctionOptions),
            Change::DropType { name, .. }
            | Change::RenameType { name, .. }
            | Change::AddLabel { name, .. }
            | Change::RenameLabel { name, .. } => of(name, Doubted::Types),
            Change::DropSchema { .. } | Change::RenameSchema { .. } => Some(Change::Doubt(Doubted::Schemas)),
            Change::OwnSequence { name, .. } => of(name, Doubted::Sequences),
            // created objects are removed, and nothing depends on them
            Change::CreateSchema(_)
            | Change::CreateTable(_)
            | Change::AddColumn { .. }
            | Change::AddConstraint { .. }
            | Change::CreateIndex { .. }
            | Change::AttachIndex { .. }
            | Change::CommentIndex { .. }
            | Change::CreatePolicy { .. }
            | Change::CreateTrigger { .. }
            | Change::CreateView { .. }
            | Change::CreateFunction { .. }
            | Change::CreateType(_)
            | Change::CreateSequence(_)
            | Change::CreateExtension(_)
            | Change::SetExtensionScript { .. }
            | Change::CreateRole(_)
            | Change::CreatePublication(_)
            | Change::CreateEventTrigger(_)
            | Change::AssumeTable { .. }
            | Change::AssumeColumn { .. }
            | Change::UpdateColumns { .. }
            | Change::TouchColumns { .. }
            | Change::Obscure { .. }
            | Change::Doubt(_)
            | Change::DoubtOf { .. } => None,
            // these kinds have no certainty
            Change::MoveExtension { .. }
            | Change::DropExtension { .. }
            | Change::DropRole { .. }
            | Change::JoinRole { .. }
            | Change::DropPublication { .. }
            | Change::SetPublication { .. }
            | Change::PutBucket(_)
            | Change::SetBucketPublic { .. }
            | Change::RemoveBucket { .. }
            | Change::DropEventTrigger { .. }
            | Change::DefaultPrivileges { .. }
            | Change::EndPlatformDefaults
            | Change::SetOwner { .. }
            | Change::SetSearchPath { .. }
            | Change::CheckBodies { .. }
            | Change::SetRole { .. } => None,
        }
    }

    /// Adds the words of all functions that code with these words can call.
    fn reachable_words(&self, mut words: HashSet<String>) -> HashSet<String> {
        let mut waiting: Vec<_> = self.world.catalog.functions.iter().collect();
        loop {
            let before = waiting.len();
            waiting.retain(|(name, overloads)| {
                let name = name.name.to_lowercase();
                let called = words.contains(&format!("{name}(")) || words.contains(ANY_CALL) && words.contains(&name);
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

/// Marks text that can build a call from a name.
const ANY_CALL: &str = "(";

/// Adds the words of a text in lower case. A word before a parenthesis is also added with the parenthesis.
fn add_words(text: &str, words: &mut HashSet<String>) {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let mut rest = text;
    while let Some(start) = rest.find(is_word) {
        let tail = &rest[start..];
        let (word, after) = tail.split_at(tail.find(|c| !is_word(c)).unwrap_or(tail.len()));
        let word = word.to_lowercase();
        if after.trim_start_matches('"').trim_start().starts_with('(') {
            words.insert(format!("{word}("));
        }
        words.insert(word);
        rest = after;
    }
    if ["%I(", "%s(", "'("].iter().any(|form| text.contains(form)) {
        words.insert(ANY_CALL.into());
    }
}
