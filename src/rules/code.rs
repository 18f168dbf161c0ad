//! Statements and expressions inside functions and views, for rules that ask what the database itself will run.
//!
//! Promises: each is placed in the file it was written in; a table is found along the function's own search path. Refuses: to be
//! complete. A body, statement or expression that can't be read is left out, and so is what EXECUTE builds.

use super::caller::Callers;
use crate::catalog::name::QName;
use crate::catalog::object::{Function, View};
use crate::catalog::{Catalog, RelationKind};
use crate::source::{FileId, Site, Sources, Span};
use crate::syntax::ast::Body;
use crate::syntax::cursor::Cursor;
use crate::syntax::expression::{Cte, Data, Expr, FromItem, FromRelation, Node, ObjectName, Query, Walk};
use crate::syntax::lexer::{Token, TokenKind, ident_value, tokens};
use crate::syntax::plpgsql::{self, Role, Routine, SqlPiece};
use crate::syntax::split::Splitter;
use crate::syntax::sql;
use smol_str::SmolStr;
use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// What holds a piece of code.
#[derive(Clone, Copy, Debug)]
pub enum Home<'a> {
    Function(&'a Function),
    View(&'a View),
}

/// A piece of code.
#[derive(Clone, Copy, Debug)]
pub enum Code<'a> {
    Data(&'a Data),
    Query(&'a Query),
    Expr(&'a Expr),
}

impl<'a> Code<'a> {
    /// Visits everything in it, in written order.
    pub fn walk(self, visit: &mut dyn FnMut(Node<'a>) -> Walk) {
        match self {
            Code::Data(data) => data.walk(visit),
            Code::Query(query) => query.walk(visit),
            Code::Expr(expr) => expr.walk(visit),
        }
    }

    /// Every statement in it that reads or writes rows, those of WITH entries included.
    pub fn each_data(self, visit: &mut dyn FnMut(&'a Data)) {
        let writes = |cte: &&Cte| !matches!(cte.body, Data::Query(_));
        if let Code::Data(data) = self {
            visit(data);
            let with: &[Cte] = match data {
                Data::Insert(insert) => &insert.with,
                Data::Update(update) => &update.with,
                Data::Delete(delete) => &delete.with,
                Data::Query(_) | Data::Merge { .. } => &[],
            };
            with.iter().filter(writes).for_each(|cte| visit(&cte.body));
        }
        self.walk(&mut |node| {
            if let Node::Query(query) = node {
                query.with.iter().filter(writes).for_each(|cte| visit(&cte.body));
            }
            Walk::Into
        });
    }

    /// Every query in it, at any depth.
    pub fn queries(self) -> Vec<&'a Query> {
        let mut out = Vec::new();
        self.walk(&mut |node| {
            if let Node::Query(query) = node {
                out.push(query);
            }
            Walk::Into
        });
        out
    }
}

/// Where a piece of code stands, and what its names mean there.
#[derive(Clone, Copy)]
pub struct Origin<'a> {
    pub home: Home<'a>,
    catalog: &'a Catalog,
    file: FileId,
    placing: Placing,
    /// None where every name is already bound.
    path: Option<&'a [SmolStr]>,
    ctes: &'a [SmolStr],
}

/// How a place in a body is found in its file.
#[derive(Clone, Copy, Debug)]
enum Placing {
    /// So many bytes further on.
    Shifted(u32),
    /// The body is quoted with escapes: only the whole literal is a place.
    Whole(Span),
}

impl<'a> Origin<'a> {
    pub(super) fn of_view(catalog: &'a Catalog, view: &'a View) -> Option<(Origin<'a>, Code<'a>)> {
        let query = view.query.as_deref()?;
        let file = view.query_site.file;
        let origin = Origin { home: Home::View(view), catalog, file, placing: Placing::Shifted(0), path: None, ctes: &[] };
        Some((origin, Code::Query(query)))
    }

    /// The place of a node.
    pub fn at(&self, span: Span) -> Site {
        match self.placing {
            Placing::Shifted(by) => Site::new(self.file, span.shifted(by)),
            Placing::Whole(literal) => Site::new(self.file, literal),
        }
    }

    pub fn function(&self) -> Option<&'a Function> {
        match self.home {
            Home::Function(function) => Some(function),
            Home::View(_) => None,
        }
    }

    pub fn view(&self) -> Option<&'a View> {
        match self.home {
            Home::View(view) => Some(view),
            Home::Function(_) => None,
        }
    }

    /// Is a name that of a WITH entry?
    pub fn is_cte(&self, name: &ObjectName) -> bool {
        name.parts.len() == 1 && self.ctes.iter().any(|cte| cte == name.last())
    }

    /// The table or view that an item of a FROM clause reads, if it is one that exists.
    pub fn relation(&self, item: &FromItem) -> Option<QName> {
        match &item.relation {
            FromRelation::Table { bound: Some(bound), .. } => Some(QName::new(bound.0.clone(), bound.1.clone())),
            FromRelation::Table { name, .. } => self.named(name),
            FromRelation::Query(_) | FromRelation::Function { .. } | FromRelation::Join(_) => None,
        }
    }

    /// The table that a statement writes.
    pub fn written(&self, data: &Data) -> Option<QName> {
        match data {
            Data::Insert(insert) => self.named(&insert.table),
            Data::Update(update) => self.relation(&update.table),
            Data::Delete(delete) => self.relation(&delete.table),
            Data::Merge { target, .. } => self.relation(target),
            Data::Query(_) => None,
        }
    }

    /// The table or view that a name stands for: the target of an INSERT, or one in a FROM clause.
    pub fn named(&self, name: &ObjectName) -> Option<QName> {
        let exists = |name: &QName| {
            matches!(self.catalog.relation_kind(name), Some(RelationKind::Table | RelationKind::View | RelationKind::MaterializedView))
        };
        if let Some(schema) = name.schema() {
            return Some(QName::new(schema, name.last())).filter(exists);
        }
        if self.is_cte(name) {
            return None;
        }
        self.path?.iter().map(|schema| QName::new(schema.clone(), name.last())).find(exists)
    }
}

/// Bodies of the functions of one catalog, read when they are first asked for.
#[derive(Default)]
pub struct Bodies {
    known: Known,
    read: OnceLock<Vec<Parsed>>,
    pub(super) callers: OnceLock<Callers>,
    pub(super) referring: OnceLock<BTreeMap<QName, usize>>,
    pub(super) tenants: OnceLock<super::schema::tenant::Found>,
    pub(super) sorts: OnceLock<Vec<super::index::sorted::Sorted>>,
    /// Ends of statements that can't be told in full and speak of policies, or of grants; by number of the file.
    pub(super) unclear: OnceLock<[Vec<(usize, u32)>; 2]>,
}

/// What was read for any of several catalogs, which seldom differ in many bodies: a text is read once for all of them.
#[derive(Clone, Default)]
pub struct Known(Arc<Mutex<HashMap<u128, Arc<Slot>>>>);

impl Known {
    /// Where it stands what a text in a language says.
    fn slot(&self, language: &str, text: &str) -> Arc<Slot> {
        let print = xxhash_rust::xxh3::xxh3_128_with_seed(text.as_bytes(), xxhash_rust::xxh3::xxh3_64(language.as_bytes()));
        self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(print).or_default().clone()
    }
}

#[derive(Default)]
struct Slot {
    /// Somebody is about to read it, or has.
    begun: AtomicBool,
    read: OnceLock<Read>,
}

/// What can be read of a body.
#[derive(Clone)]
struct Read {
    parts: Arc<[Part]>,
    /// Is that all of it? Not where something can't be read, or where EXECUTE builds a statement.
    whole: bool,
}

impl Bodies {
    /// What others know is not read again, and they learn what is read.
    pub fn knowing(known: &Known) -> Bodies {
        Bodies { known: known.clone(), ..Bodies::default() }
    }

    /// Those of the functions that share a name.
    pub(super) fn named(&self, catalog: &Catalog, sources: &Sources, name: &QName) -> &[Parsed] {
        let all = self.of(catalog, sources);
        let start = all.partition_point(|body| body.name < *name);
        let rest = &all[start..];
        &rest[..rest.partition_point(|body| body.name == *name)]
    }

    /// Ordered by name.
    pub(super) fn of(&self, catalog: &Catalog, sources: &Sources) -> &[Parsed] {
        self.read.get_or_init(|| {
            let all: Vec<Unread> =
                own(catalog).map(|(name, nth, function)| Unread::of(name, nth, function, sources, &self.known)).collect();
            // what others are at is left to them
            let read = |part: &[Unread]| part.iter().filter(|body| body.begin()).for_each(|body| _ = body.read());
            // whoever else asks has to wait, so that a second thread is free to help
            let (first, second) = all.split_at(all.len() / 2);
            std::thread::scope(|scope| {
                let _helper = sql::roomy_thread(scope, || read(second));
                read(first);
            });
            all.into_iter().map(Unread::parsed).collect()
        })
    }
}

/// Functions of the project's own, each with its name and its number among those of the name.
fn own(catalog: &Catalog) -> impl Iterator<Item = (&QName, usize, &Function)> {
    let all = catalog.functions.iter().flat_map(|(name, list)| list.iter().enumerate().map(move |(nth, one)| (name, nth, one)));
    all.filter(|(_, _, function)| !function.of_extension && !function.at.is_platform())
}

/// The body of one function.
pub(super) struct Parsed {
    name: QName,
    /// Among functions of its name.
    nth: usize,
    placing: Placing,
    path: Vec<SmolStr>,
    read: Read,
}

struct Part {
    code: Owned,
    /// Names that hide tables.
    ctes: Vec<SmolStr>,
}

enum Owned {
    Data(Box<Data>),
    Expr(Expr),
}

/// A function whose body is still to be read.
struct Unread<'a> {
    name: &'a QName,
    nth: usize,
    function: &'a Function,
    placing: Placing,
    text: &'a str,
    slot: Arc<Slot>,
}

impl<'a> Unread<'a> {
    fn of(name: &'a QName, nth: usize, function: &'a Function, sources: &'a Sources, known: &Known) -> Unread<'a> {
        let (placing, text) = match &*function.body {
            Body::Code(code) => match &code.unescaped {
                Some(text) => (Placing::Whole(code.literal), text.as_str()),
                None => (Placing::Shifted(code.inner.start), sources.slice(Site::new(function.at.file, code.inner))),
            },
            // its names are bound, each time to what is there
            Body::Sql { .. } | Body::None => {
                return Unread { name, nth, function, placing: Placing::Shifted(0), text: "", slot: Arc::default() };
            }
        };
        Unread { name, nth, function, placing, text, slot: known.slot(&function.language, text) }
    }

    /// Is it for the one who asks to read?
    fn begin(&self) -> bool {
        !self.slot.begun.swap(true, Ordering::Relaxed)
    }

    fn read(&self) -> &Read {
        self.slot.read.get_or_init(|| {
            let (parts, whole) = match &*self.function.body {
                Body::Code(_) => read(&self.function.language, self.text),
                Body::Sql { statements, result, .. } => {
                    let statements = statements.iter().cloned().map(Owned::data);
                    (statements.chain(result.iter().cloned().map(Owned::Expr)).map(Part::new).collect(), true)
                }
                Body::None => (Vec::new(), false),
            };
            Read { parts: parts.into(), whole }
        })
    }

    fn parsed(self) -> Parsed {
        let read = self.read().clone();
        Parsed { name: self.name.clone(), nth: self.nth, placing: self.placing, path: search_path(self.function), read }
    }
}

impl Parsed {
    /// Is everything in it told?
    pub(super) fn is_whole(&self) -> bool {
        self.read.whole
    }

    fn function<'a>(&self, catalog: &'a Catalog) -> Option<&'a Function> {
        catalog.functions.get(&self.name)?.get(self.nth)
    }

    pub(super) fn is(&self, catalog: &Catalog, function: &Function) -> bool {
        self.function(catalog).is_some_and(|own| own.at == function.at)
    }

    pub(super) fn code<'a>(&'a self, catalog: &'a Catalog) -> impl Iterator<Item = (Origin<'a>, Code<'a>)> + use<'a> {
        self.function(catalog).into_iter().flat_map(move |function| {
            self.read.parts.iter().map(move |part| {
                let origin = Origin {
                    home: Home::Function(function),
                    catalog,
                    file: function.at.file,
                    placing: self.placing,
                    path: Some(&self.path),
                    ctes: &part.ctes,
                };
                (origin, part.code.borrow())
            })
        })
    }
}

impl Owned {
    fn data(data: Data) -> Owned {
        Owned::Data(Box::new(data))
    }

    fn borrow(&self) -> Code<'_> {
        match self {
            Owned::Data(data) => Code::Data(data),
            Owned::Expr(expr) => Code::Expr(expr),
        }
    }
}

impl Part {
    fn new(code: Owned) -> Part {
        let with = match &code {
            Owned::Data(data) => match &**data {
                Data::Insert(insert) => &*insert.with,
                Data::Update(update) => &update.with,
                Data::Delete(delete) => &delete.with,
                Data::Query(_) | Data::Merge { .. } => &[],
            },
            Owned::Expr(_) => &[],
        };
        let mut ctes: Vec<SmolStr> = with.iter().map(|cte| cte.name.name.clone()).collect();
        for query in code.borrow().queries() {
            ctes.extend(query.with.iter().map(|cte| cte.name.name.clone()));
        }
        Part { code, ctes }
    }
}

/// Where the names of a body are looked up; without a setting, in what Supabase gives to every role.
fn search_path(function: &Function) -> Vec<SmolStr> {
    match function.setting("search_path") {
        Some(list) => path_names(list),
        None => vec!["public".into(), "extensions".into()],
    }
}

/// Names of a search path as PostgreSQL keeps it: `"$user", public`.
pub fn path_names(list: &str) -> Vec<SmolStr> {
    let names = tokens(list).into_iter().filter(|token| matches!(token.kind, TokenKind::Word | TokenKind::QuotedIdent));
    names.map(|token| ident_value(token, list)).filter(|name| !name.is_empty()).collect()
}

/// What can be read of a body, and whether that is all of it.
fn read(language: &str, text: &str) -> (Vec<Part>, bool) {
    let mut dynamic = false;
    let parts: Vec<Option<Owned>> = match language {
        "sql" => Splitter::new(text)
            .map(|raw| {
                let mut cursor = Cursor::new(text, &raw.tokens);
                let end = cursor.end;
                sql::data(&mut cursor, end).ok().map(Owned::data)
            })
            .collect(),
        "plpgsql" => match plpgsql::parse(text, Span::new(0, text.len() as u32)) {
            Ok(routine) => {
                let pieces = plpgsql::sql_pieces(&routine);
                dynamic = pieces.iter().any(|found| found.role == Role::Command);
                pieces.iter().map(|found| piece(text, &routine, found)).collect()
            }
            Err(_) => vec![None],
        },
        _ => vec![None],
    };
    let whole = !dynamic && parts.iter().all(Option::is_some);
    (parts.into_iter().flatten().map(Part::new).collect(), whole)
}

fn piece(text: &str, routine: &Routine, found: &SqlPiece) -> Option<Owned> {
    let tokens = routine.sql_tokens(found);
    let mut cursor = Cursor::new(text, &tokens);
    let end = cursor.end;
    match found.role {
        Role::Statement | Role::Query => sql::data(&mut cursor, end).ok().map(Owned::data),
        Role::Expression | Role::Command => match sql::expression(&mut cursor, end) {
            Ok(expr) => Some(Owned::Expr(expr)),
            Err(_) => selected(text, found.piece.span, tokens),
        },
        Role::Perform => selected(text, found.piece.span, tokens),
    }
}

/// Reads what PL/pgSQL puts behind a SELECT of its own: `PERFORM f(x) FROM t`, `n := count(*) FROM t`.
fn selected(text: &str, span: Span, mut tokens: Vec<Token>) -> Option<Owned> {
    const SELECT: &str = "SELECT ";
    let start = span.start.checked_sub(SELECT.len() as u32)?;
    // blanks before it keep every node at its place in the body
    let text = format!("{}{SELECT}{}", " ".repeat(start as usize), span.of(text));
    tokens.insert(0, Token { kind: TokenKind::Word, start, end: span.start - 1 });
    let mut cursor = Cursor::new(&text, &tokens);
    let end = cursor.end;
    sql::data(&mut cursor, end).ok().map(Owned::data)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The text of every piece, and the tables in it.
    fn parts(language: &str, text: &str) -> Vec<String> {
        let shown = |part: &Part| {
            let mut tables = Vec::new();
            part.code.borrow().walk(&mut |node| {
                if let Node::From(FromItem { relation: FromRelation::Table { name, .. }, .. }) = node {
                    tables.push(format!("{name}@{}", name.span().of(text)));
                }
                Walk::Into
            });
            format!(
                "{}{}",
                if matches!(part.code, Owned::Data(_)) { "data" } else { "expr" },
                tables.iter().map(|t| format!(" {t}")).collect::<String>()
            )
        };
        read(language, text).0.iter().map(shown).collect()
    }

    #[test]
    fn statements_of_a_body_are_read_at_their_places() {
        assert_eq!(
            parts("sql", "select 1 from notes; select é; delete from Public.t where false"),
            ["data notes@notes", "data", "data public.t@Public.t"]
        );
        let body = "declare n int := count(*) from a; begin perform 1 from b where x; select 1 into n from c; \
                    if exists (select 1 from d) then return; end if; create table z (); end";
        assert_eq!(parts("plpgsql", body), ["data a@a", "data b@b", "data c@c", "expr d@d"]);
        assert!(parts("plpgsql", "begin if").is_empty() && parts("c", "x").is_empty());
    }

    #[test]
    fn a_body_is_whole_if_all_of_it_is_read_and_nothing_is_built() {
        assert!(read("sql", "select 1").1 && read("plpgsql", "begin perform 1; end").1);
        assert!(!read("sql", "select 1; create table t ()").1 && !read("plpgsql", "begin execute 'select 1'; end").1 && !read("c", "x").1);
    }

    #[test]
    fn one_quoted_name_of_a_path_is_one_schema_whatever_it_holds() {
        assert_eq!(path_names(r#""$user", public, "a, b""#), ["$user", "public", "a, b"]);
        assert!(path_names(r#""""#).is_empty());
    }
}
