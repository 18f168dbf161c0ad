//! Objects that the history creates, with their moments. An object that is created later, or was created earlier and dropped, is missing.
//! An object that no statement creates is assumed to exist outside the migrations.

use super::name::QName;
use crate::source::Span;
use crate::syntax::lexer::{Token, TokenKind, dollar_tag, ident_value, tokens, tokens_in};
use rustc_hash::FxHashMap;
use smol_str::SmolStr;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

/// A moment in the history: the index of a file and a byte offset in it.
pub type Moment = (usize, u32);

/// Kinds of objects whose creation is searched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ObjectClass {
    /// Tables, views and other objects that share their names.
    Relation,
    Function,
    /// Types, including the row types of tables.
    Type,
    Role,
    Index,
    /// Jobs of pg_cron. A job whose name is not a constant has an empty name.
    CronJob,
}

/// A statement that creates an object.
#[derive(Clone, Debug)]
struct Creation {
    schema: Option<SmolStr>,
    /// Byte offset in the file.
    at: u32,
    code: Code,
}

/// Kind and name of a created object.
type Key = (ObjectClass, SmolStr);

/// A query, and whether it was limited to a schema.
type QueryKey = (Question, ObjectClass, Option<SmolStr>, SmolStr);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Question {
    /// Whether the object is created later.
    Later,
    /// Whether the object is created in quoted code.
    InCode,
}

impl Question {
    fn is_about(self, creation: &Creation) -> bool {
        match self {
            Question::Later => true,
            Question::InCode => creation.code != Code::Plain,
        }
    }
}

/// Kind of the code around a creation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Code {
    /// Plain statement, which runs.
    Plain,
    /// Code of a `DO` block, which runs at its location as far as it can be evaluated.
    Block(Span),
    /// Other quoted code, which may run later or never.
    Quoted,
}

/// Texts of all migrations. They are searched on the first query.
#[derive(Debug, Default)]
pub struct CreationIndex {
    texts: Vec<Arc<Text>>,
    /// Creations, each with the index of its file.
    made: OnceLock<FxHashMap<Key, Vec<(usize, Creation)>>>,
    /// Queries whose answer depends on later texts, with the last moment of each.
    asked: Mutex<FxHashMap<QueryKey, Moment>>,
}

/// The text of a migration, and its creations.
#[derive(Debug)]
struct Text {
    text: Arc<str>,
    made: OnceLock<Vec<(Key, Creation)>>,
}

impl Text {
    fn of(text: Arc<str>) -> Arc<Text> {
        Arc::new(Text { text, made: OnceLock::new() })
    }

    fn made(&self) -> &[(Key, Creation)] {
        self.made.get_or_init(|| {
            let mut all = Vec::new();
            scan(&self.text, &tokens(&self.text), Code::Plain, &mut |made, schema, name, at, code| {
                all.push(((made, name), Creation { schema, at, code }));
            });
            all
        })
    }
}

impl CreationIndex {
    pub fn new(texts: Vec<Arc<str>>) -> CreationIndex {
        CreationIndex { texts: texts.into_iter().map(Text::of).collect(), ..CreationIndex::default() }
    }

    /// Returns the index of other texts. Creations in equal texts are shared.
    pub fn with(&self, texts: Vec<Arc<str>>) -> CreationIndex {
        let known: FxHashMap<*const u8, &Arc<Text>> = self.texts.iter().map(|text| (text.text.as_ptr(), text)).collect();
        let text = |text: Arc<str>| match known.get(&text.as_ptr()) {
            Some(known) if Arc::ptr_eq(&known.text, &text) => Arc::clone(known),
            Some(_) | None => Text::of(text),
        };
        CreationIndex { texts: texts.into_iter().map(text).collect(), ..CreationIndex::default() }
    }

    /// Returns whether all queries so far have the same answer in another history. Both histories have the same first texts, and no query
    /// was made after them.
    pub fn answers_as(&self, other: &CreationIndex, first: usize) -> bool {
        self.asked().iter().all(|((question, made, schema, name), last)| {
            let creations = |creation_index| {
                CreationIndex::creations(creation_index, *made, schema.as_deref(), name).filter(|(_, creation)| question.is_about(creation))
            };
            let later = |creation_index| creations(creation_index).any(|(file, _)| *file >= first);
            // a creation in the shared texts gives the same answer in both histories
            let known = || creations(self).any(|(file, creation)| *file < first && (*file, creation.at) > *last);
            later(self) == later(other) || known()
        })
    }

    fn asked(&self) -> MutexGuard<'_, FxHashMap<QueryKey, Moment>> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn made(&self) -> &FxHashMap<Key, Vec<(usize, Creation)>> {
        self.made.get_or_init(|| {
            let mut all: FxHashMap<Key, Vec<(usize, Creation)>> = FxHashMap::default();
            for (file, text) in self.texts.iter().enumerate() {
                for (key, creation) in text.made() {
                    all.entry(key.clone()).or_default().push((file, creation.clone()));
                }
            }
            all
        })
    }

    /// Returns the statements that create an object with a name. Without a schema, all schemas match.
    fn creations(&self, made: ObjectClass, schema: Option<&str>, name: &str) -> impl Iterator<Item = &(usize, Creation)> {
        let fits = move |(_, creation): &&(usize, Creation)| match (schema, &creation.schema) {
            (Some(wanted), Some(schema)) => wanted == schema,
            (None, _) | (_, None) => true,
        };
        keys(made, name).filter_map(|key| self.made().get(&key)).flatten().filter(fits)
    }

    /// Returns whether an object that does not exist is known to be missing, because it is created later or was dropped. `unread` contains
    /// statements that could not be parsed, which may have created it. `sure` states that no other code can have created it.
    pub fn is_missing(
        &self,
        made: ObjectClass,
        schema: Option<&str>,
        name: &str,
        now: Moment,
        unread: &[(usize, Span)],
        sure: bool,
    ) -> bool {
        let hidden = |file: usize, within: Span| {
            unread.iter().any(|(other, span)| *other == file && span.start < within.end && within.start < span.end)
        };
        let (mut certain, mut doubtful, mut later) = (sure, false, false);
        for &(file, Creation { at, code, .. }) in self.creations(made, schema, name) {
            let ran = match code {
                Code::Plain => !hidden(file, Span::new(at, at + 1)),
                Code::Block(block) => !hidden(file, block),
                Code::Quoted => false,
            };
            match () {
                () if (file, at) > now => later = true,
                () if ran => certain = true,
                () => doubtful = true,
            }
        }
        if !certain && !doubtful {
            self.asked().insert((Question::Later, made, schema.map(SmolStr::from), name.into()), now);
        }
        (certain || later) && !doubtful
    }

    /// Returns the first creation of an object after a moment, as the index of its file and a byte offset.
    pub fn creation_after(&self, made: ObjectClass, schema: Option<&str>, name: &str, now: Moment) -> Option<Moment> {
        self.creations(made, schema, name).map(|(file, creation)| (*file, creation.at)).filter(|at| *at > now).min()
    }

    /// Returns whether a statement before a moment may have created an object with this name.
    pub fn may_be_created_before(&self, made: ObjectClass, name: &str, now: Moment) -> bool {
        self.creations(made, None, name).any(|(file, creation)| (*file, creation.at) < now)
    }

    /// Returns the number of statements that create an object with this name.
    pub fn count(&self, made: ObjectClass, name: &QName) -> usize {
        self.creations(made, Some(&name.schema), &name.name).filter(|(_, creation)| creation.code != Code::Quoted).count()
    }

    /// Returns whether quoted code creates an object with this name, which makes it uncertain.
    pub fn is_made_in_code(&self, made: ObjectClass, name: &QName) -> bool {
        self.asked().entry((Question::InCode, made, Some(name.schema.clone()), name.name.clone())).or_default();
        self.creations(made, Some(&name.schema), &name.name).any(|(_, creation)| Question::InCode.is_about(creation))
    }
}

/// Returns the kinds of objects that a name can refer to. A table is also a type.
fn keys(made: ObjectClass, name: &str) -> impl Iterator<Item = Key> {
    let rows = (made == ObjectClass::Type).then_some(ObjectClass::Relation);
    let name = SmolStr::from(name);
    [Some(made), rows].into_iter().flatten().map(move |made| (made, name.clone()))
}

/// Callback for each creation: kind, schema, name, byte offset, and the kind of code around it.
type OnCreation<'a> = dyn FnMut(ObjectClass, Option<SmolStr>, SmolStr, u32, Code) + 'a;

/// Words after `create`, and the kind of the created object.
const KINDS: [(&str, ObjectClass); 12] = [
    ("TABLE", ObjectClass::Relation),
    ("VIEW", ObjectClass::Relation),
    ("SEQUENCE", ObjectClass::Relation),
    ("FUNCTION", ObjectClass::Function),
    ("PROCEDURE", ObjectClass::Function),
    ("AGGREGATE", ObjectClass::Function),
    ("TYPE", ObjectClass::Type),
    ("DOMAIN", ObjectClass::Type),
    ("ROLE", ObjectClass::Role),
    ("USER", ObjectClass::Role),
    ("GROUP", ObjectClass::Role),
    ("INDEX", ObjectClass::Index),
];

fn scan(text: &str, tokens: &[Token], code: Code, tell: &mut OnCreation) {
    let word = |at: usize, wanted: &str| {
        tokens.get(at).is_some_and(|token| token.kind == TokenKind::Word && token.text(text).eq_ignore_ascii_case(wanted))
    };
    // other words can come first, as in `create or replace temporary view`
    let mut created = 0..0;
    for (at, token) in tokens.iter().enumerate() {
        match token.kind {
            TokenKind::DollarString | TokenKind::String => {
                let tag = if token.kind == TokenKind::String { 1 } else { dollar_tag(token.text(text)).len() as u32 };
                let inner = Span::new(token.start + tag, token.end.saturating_sub(tag).max(token.start + tag));
                if !inner.is_empty() && may_create(inner.of(text)) {
                    let runs = |before: usize| at.checked_sub(before).is_some_and(|at| word(at, "DO"));
                    let within = match code {
                        Code::Plain if runs(1) || runs(3) => Code::Block(token.span()),
                        // code that a block executes runs with it, but the body of a function does not
                        Code::Block(_) if !at.checked_sub(1).is_some_and(|at| word(at, "AS")) => code,
                        Code::Plain | Code::Block(_) | Code::Quoted => Code::Quoted,
                    };
                    scan(text, &tokens_in(text, inner), within, tell);
                }
            }
            TokenKind::Word if word(at, "CREATE") => created = at + 1..at + 5,
            TokenKind::Word if word(at, "RENAME") && word(at + 1, "TO") => {
                for made in [ObjectClass::Relation, ObjectClass::Function, ObjectClass::Type, ObjectClass::Role, ObjectClass::Index] {
                    if let Some((_, name, place)) = dotted(text, tokens, at + 2) {
                        tell(made, None, name, place, code);
                    }
                }
            }
            TokenKind::Word if (word(at, "schedule") || word(at, "schedule_in_database")) && is_of_cron(text, tokens, at) => {
                tell(ObjectClass::CronJob, None, job_name(text, tokens, at + 1), token.start, code);
            }
            TokenKind::Word if created.contains(&at) => {
                let written = token.text(text);
                let Some((_, made)) = KINDS.iter().find(|(kind, _)| written.eq_ignore_ascii_case(kind)) else { continue };
                let mut name = at + 1;
                if word(name, "CONCURRENTLY") {
                    name += 1;
                }
                if word(name, "IF") {
                    name += if word(name + 1, "NOT") { 3 } else { 2 };
                }
                if let Some((schema, name, place)) = dotted(text, tokens, name) {
                    tell(*made, schema, name, place, code);
                }
            }
            _ => {}
        }
    }
}

fn may_create(code: &str) -> bool {
    let bytes = code.as_bytes();
    let is_create = |at: usize| bytes.get(at..at + 6).is_some_and(|word| word.eq_ignore_ascii_case(b"create"));
    memchr::memchr2_iter(b'c', b'C', bytes).any(is_create) || memchr::memmem::find(bytes, b"schedule").is_some()
}

/// Returns whether a name is qualified with the schema of pg_cron.
fn is_of_cron(text: &str, tokens: &[Token], at: usize) -> bool {
    at >= 2 && tokens[at - 1].kind == TokenKind::Dot && ident_value(tokens[at - 2], text) == "cron"
}

/// Returns the first argument of `cron.schedule(…)` if it is a constant, or an empty name.
fn job_name(text: &str, tokens: &[Token], open: usize) -> SmolStr {
    let named = tokens.get(open + 2).is_some_and(|token| matches!(token.text(text), ":=" | "=>"));
    let at = open + if named { 3 } else { 1 };
    let ends = tokens.get(at + 1).is_some_and(|token| token.kind == TokenKind::Comma);
    match tokens.get(at) {
        Some(token) if ends && token.kind == TokenKind::String => token.text(text).trim_matches('\'').into(),
        _ => SmolStr::default(),
    }
}

/// Returns the name at a token, with its written schema.
fn dotted(text: &str, tokens: &[Token], mut at: usize) -> Option<(Option<SmolStr>, SmolStr, u32)> {
    let ident = |at: usize| {
        let token = tokens.get(at)?;
        matches!(token.kind, TokenKind::Word | TokenKind::QuotedIdent | TokenKind::UnicodeIdent).then(|| ident_value(*token, text))
    };
    let mut schema = None;
    while tokens.get(at + 1).is_some_and(|next| next.kind == TokenKind::Dot) {
        schema = ident(at);
        at += 2;
    }
    Some((schema, ident(at)?, tokens.get(at)?.start))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn missing(creation_index: &CreationIndex, made: ObjectClass, name: &str, now: u32) -> bool {
        let (schema, name) = name.split_once('.').map_or((None, name), |(schema, name)| (Some(schema), name));
        creation_index.is_missing(made, schema, name, (0, now), &[], false)
    }

    #[test]
    fn what_is_created_later_is_found_in_code_between_quotes_too() {
        let text = "alter table a add x int; do $$ begin create table if not exists public.a (id int); end $$; create table c ();";
        let creation_index = CreationIndex::new(vec![text.into()]);
        assert!(missing(&creation_index, ObjectClass::Relation, "a", 0));
        assert!(missing(&creation_index, ObjectClass::Relation, "a", 95), "the block ran, so it failed or the table was dropped");
        assert!(
            !creation_index.is_missing(ObjectClass::Relation, None, "a", (0, 95), &[(0, Span::new(40, 50))], false),
            "part of the block is not known"
        );
        assert!(missing(&creation_index, ObjectClass::Relation, "public.c", 0));
        assert!(missing(&creation_index, ObjectClass::Relation, "c", 200), "it was made, so it must have been dropped");
        assert!(!missing(&creation_index, ObjectClass::Relation, "never", 0));
    }

    #[test]
    fn code_that_need_not_run_may_have_made_it() {
        let function = "create function f() returns void language plpgsql as $$ begin create table a (); end $$;";
        let within =
            "do $$ begin execute 'create table b ()'; create function g() returns int as 'create table c ()' language sql; end $$;";
        let creation_index = CreationIndex::new(vec![format!("{function}{within}").into()]);
        let end = (function.len() + within.len()) as u32;
        assert!(!missing(&creation_index, ObjectClass::Relation, "a", end) && !missing(&creation_index, ObjectClass::Relation, "c", end));
        assert!(missing(&creation_index, ObjectClass::Relation, "b", end));
    }

    #[test]
    fn a_schema_and_a_kind_tell_names_apart() {
        let text = "create table app.t (); create or replace function public.f() returns int language sql as 'select 1';";
        let creation_index = CreationIndex::new(vec![text.into()]);
        assert!(missing(&creation_index, ObjectClass::Relation, "app.t", 0));
        assert!(!missing(&creation_index, ObjectClass::Relation, "public.t", 0));
        assert!(missing(&creation_index, ObjectClass::Function, "public.f", 0));
        assert!(!missing(&creation_index, ObjectClass::Relation, "f", 0));
    }

    #[test]
    fn what_nobody_could_read_may_have_made_it() {
        let creation_index = CreationIndex::new(vec!["create table t (oops oops oops); alter table t add x int".into()]);
        assert!(!creation_index.is_missing(ObjectClass::Relation, None, "t", (0, 60), &[(0, Span::new(0, 31))], false));
    }
}
