//! Statements and expressions inside functions and views.
//!
//! Promises: each piece of code has a location in its file, and tables are found with the search path of the function. Limits: bodies,
//! statements and expressions that cannot be parsed are omitted, and so are statements that EXECUTE builds.

use crate::catalog::name::QName;
use crate::catalog::object::{Function, View};
use crate::catalog::{Catalog, RelationKind};
use crate::source::{FileId, Site, Sources, Span};
use crate::syntax::ast::Body;
use crate::syntax::code::{Part, PartOf, Sql};
use crate::syntax::expression::{Cte, Data, Expr, FromItem, FromRelation, Node, ObjectName, Query, Walk};
use crate::syntax::lexer::{TokenKind, ident_value, tokens};
use crate::syntax::sql;
use smol_str::SmolStr;
use std::sync::{Arc, OnceLock};

/// The function or view that contains a piece of code.
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
    /// Returns a part of a body as code.
    fn of(part: &'a Part) -> Code<'a> {
        match part.get() {
            PartOf::Data(data) => Code::Data(data),
            PartOf::Expr(expr) => Code::Expr(expr),
        }
    }

    /// Visits all nodes, in the order of the text.
    pub fn walk(self, visit: &mut dyn FnMut(Node<'a>) -> Walk) {
        match self {
            Code::Data(data) => data.walk(visit),
            Code::Query(query) => query.walk(visit),
            Code::Expr(expr) => expr.walk(visit),
        }
    }

    /// Visits every statement that reads or writes rows, including WITH entries.
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

    /// Returns every query, at any depth.
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

/// The location of a piece of code, and the meaning of its names.
#[derive(Clone, Copy)]
pub struct Origin<'a> {
    pub home: Home<'a>,
    catalog: &'a Catalog,
    file: FileId,
    placing: Placing,
    /// The search path, or `None` if all names are already bound.
    path: Option<&'a [SmolStr]>,
    ctes: &'a [SmolStr],
}

/// The relation between positions in a body and positions in its file.
#[derive(Clone, Copy, Debug)]
enum Placing {
    /// Positions in the file are larger by this number of bytes.
    Shifted(u32),
    /// The body is a literal with escapes, so that only the whole literal has a location.
    Whole(Span),
}

impl<'a> Origin<'a> {
    pub(super) fn of_view(catalog: &'a Catalog, view: &'a View) -> Option<(Origin<'a>, Code<'a>)> {
        let query = view.query.as_deref()?;
        let file = view.query_site.file;
        let origin = Origin { home: Home::View(view), catalog, file, placing: Placing::Shifted(0), path: None, ctes: &[] };
        Some((origin, Code::Query(query)))
    }

    /// Returns the location of a node.
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

    /// Returns whether a name is that of a WITH entry.
    pub fn is_cte(&self, name: &ObjectName) -> bool {
        name.parts.len() == 1 && self.ctes.iter().any(|cte| cte == name.last())
    }

    /// Returns the existing table or view that an item of a FROM clause reads.
    pub fn relation(&self, item: &FromItem) -> Option<QName> {
        match &item.relation {
            FromRelation::Table { bound: Some(bound), .. } => Some(QName::new(bound.0.clone(), bound.1.clone())),
            FromRelation::Table { name, .. } => self.named(name),
            FromRelation::Query(_) | FromRelation::Function { .. } | FromRelation::Join(_) => None,
        }
    }

    /// Returns the table that a statement writes.
    pub fn written(&self, data: &Data) -> Option<QName> {
        match data {
            Data::Insert(insert) => self.named(&insert.table),
            Data::Update(update) => self.relation(&update.table),
            Data::Delete(delete) => self.relation(&delete.table),
            Data::Merge { target, .. } => self.relation(target),
            Data::Query(_) => None,
        }
    }

    /// Returns the existing table or view with a name, which is the target of an INSERT or is in a FROM clause.
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

/// Parsed bodies of the functions of one catalog. They are parsed on demand.
#[derive(Default)]
pub struct Bodies {
    read: OnceLock<Vec<Parsed>>,
}

impl Bodies {
    /// Returns the bodies of the functions with a name.
    pub(super) fn named(&self, catalog: &Catalog, sources: &Sources, name: &QName) -> &[Parsed] {
        let all = self.of(catalog, sources);
        let start = all.partition_point(|body| body.name < *name);
        let rest = &all[start..];
        &rest[..rest.partition_point(|body| body.name == *name)]
    }

    /// Returns all bodies, ordered by name.
    pub(super) fn of(&self, catalog: &Catalog, sources: &Sources) -> &[Parsed] {
        self.read.get_or_init(|| {
            let all: Vec<_> = own(catalog).collect();
            // bodies that another thread parses are skipped
            let read = |part: &[(&QName, usize, &Function)]| {
                for (_, _, function) in part {
                    if let Body::Code(code) = &*function.body
                        && code.claim_sql()
                    {
                        code.sql(sources.get(function.at.file).text());
                    }
                }
            };
            // two threads parse one half each
            let (first, second) = all.split_at(all.len() / 2);
            std::thread::scope(|scope| {
                let _helper = sql::spawn_with_stack(scope, || read(second));
                read(first);
            });
            all.into_iter().map(|(name, nth, function)| Parsed::of(name, nth, function, sources)).collect()
        })
    }
}

/// Returns the functions of the project, each with its name and its index among the functions with this name.
pub(super) fn own(catalog: &Catalog) -> impl Iterator<Item = (&QName, usize, &Function)> {
    let all = catalog.functions.iter().flat_map(|(name, list)| list.iter().enumerate().map(move |(nth, one)| (name, nth, one)));
    all.filter(|(_, _, function)| !function.of_extension && !function.at.is_platform())
}

/// The body of one function.
pub(super) struct Parsed {
    name: QName,
    /// Index among the functions with this name.
    nth: usize,
    placing: Placing,
    path: Vec<SmolStr>,
    sql: Arc<Sql>,
}

impl Parsed {
    fn of(name: &QName, nth: usize, function: &Function, sources: &Sources) -> Parsed {
        let (placing, sql) = match &*function.body {
            Body::Code(code) => {
                let sql = code.sql(sources.get(function.at.file).text());
                let placing = if code.unescaped.is_some() { Placing::Whole(code.literal) } else { Placing::Shifted(sql.from) };
                (placing, sql)
            }
            // the names in the body are bound
            Body::Sql { statements, result, .. } => (Placing::Shifted(0), Arc::new(Sql::bound(statements, result.as_ref()))),
            Body::None => (Placing::Shifted(0), Arc::default()),
        };
        Parsed { name: name.clone(), nth, placing, path: search_path(function), sql }
    }

    /// Returns whether the whole body was parsed.
    pub(super) fn is_whole(&self) -> bool {
        self.sql.whole
    }

    fn function<'a>(&self, catalog: &'a Catalog) -> Option<&'a Function> {
        catalog.functions.get(&self.name)?.get(self.nth)
    }

    pub(super) fn is(&self, catalog: &Catalog, function: &Function) -> bool {
        self.function(catalog).is_some_and(|own| own.at == function.at)
    }

    pub(super) fn code<'a>(&'a self, catalog: &'a Catalog) -> impl Iterator<Item = (Origin<'a>, Code<'a>)> + use<'a> {
        self.function(catalog).into_iter().flat_map(move |function| {
            self.sql.parts.iter().map(move |part| {
                let origin = Origin {
                    home: Home::Function(function),
                    catalog,
                    file: function.at.file,
                    placing: self.placing,
                    path: Some(&self.path),
                    ctes: &part.ctes,
                };
                (origin, Code::of(part))
            })
        })
    }
}

/// Returns the search path of a body. Without a setting, it is the path that Supabase sets for every role.
fn search_path(function: &Function) -> Vec<SmolStr> {
    match function.setting("search_path") {
        Some(list) => path_names(list),
        None => vec!["public".into(), "extensions".into()],
    }
}

/// Returns the names in a search path as PostgreSQL stores it: `"$user", public`.
pub fn path_names(list: &str) -> Vec<SmolStr> {
    let names = tokens(list).into_iter().filter(|token| matches!(token.kind, TokenKind::Word | TokenKind::QuotedIdent));
    names.map(|token| ident_value(token, list)).filter(|name| !name.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_quoted_name_of_a_path_is_one_schema_whatever_it_holds() {
        assert_eq!(path_names(r#""$user", public, "a, b""#), ["$user", "public", "a, b"]);
        assert!(path_names(r#""""#).is_empty());
    }
}
