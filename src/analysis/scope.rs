//! Resolution of column names in the queries of functions, views and policies.
//!
//! Promises: a column is resolved to the innermost query that has it, as PostgreSQL does. Limits: a name that two relations of a query may
//! have is not resolved.

use crate::analysis::code::{Code, Origin};
use crate::analysis::state::SqlOwner;
use crate::analysis::state::{State, policies_of};
use crate::catalog::Catalog;
use crate::catalog::name::QName;
use crate::catalog::object::{Policy, Table, View};
use crate::source::{Site, Span};
use crate::syntax::expression::*;
use smol_str::SmolStr;

/// The object that contains a piece of code.
#[derive(Clone, Copy)]
pub enum Reader<'a> {
    /// A function or a view.
    Code(Origin<'a>),
    Policy(&'a Table, &'a Policy),
}

impl<'a> Reader<'a> {
    pub fn at(&self, span: Span) -> Site {
        match self {
            Reader::Code(origin) => origin.at(span),
            Reader::Policy(_, policy) => policy.at.in_same_file(span),
        }
    }

    /// Returns a description of the object, such as ``function `public.f` ``.
    pub fn words(&self) -> String {
        match self {
            Reader::Policy(_, policy) => format!("policy \"{}\"", policy.name),
            Reader::Code(origin) => match (origin.function(), origin.view()) {
                (Some(function), _) => format!("function `{}`", function.name),
                (None, Some(View { name, materialized: true, .. })) => format!("materialized view `{name}`"),
                (None, view) => format!("view `{}`", view.map(|view| view.name.to_string()).unwrap_or_default()),
            },
        }
    }

    fn relation(&self, item: &FromItem) -> Option<QName> {
        match (self, &item.relation) {
            (Reader::Code(origin), _) => origin.relation(item),
            (Reader::Policy(..), FromRelation::Table { bound: Some(bound), .. }) => Some(QName::new(bound.0.clone(), bound.1.clone())),
            (Reader::Policy(..), _) => None,
        }
    }
}

/// A relation by its name or alias in the query. The relation is `None` for a subquery, a CTE or a function.
type Item = (SmolStr, Option<QName>);

/// The relations of each surrounding query, innermost last.
pub struct Scope<'a> {
    catalog: &'a Catalog,
    levels: Vec<Vec<Item>>,
}

/// The table and column of a reference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Number of queries between the reference and its relation. 0 is the query of the reference.
    pub depth: usize,
    pub table: QName,
    pub column: SmolStr,
}

impl<'a> Scope<'a> {
    /// Returns the table and column of a reference.
    pub fn column(&self, expr: &Expr) -> Option<Found> {
        let ExprKind::Column { path, binding } = &expr.kind else { return None };
        let column = path.last()?.clone();
        if let Binding::Column { depth, relation: Some(relation) } = binding {
            return Some(Found { depth: usize::from(*depth), table: QName::new(relation.0.clone(), relation.1.clone()), column });
        }
        for (depth, level) in self.levels.iter().rev().enumerate() {
            let named = |item: &&Item| path.len() < 2 || item.0 == path[path.len() - 2];
            let mut tables: Vec<&QName> = level.iter().filter(named).filter_map(|(_, table)| table.as_ref()).collect();
            tables.retain(|table| self.catalog.table(table).is_some_and(|table| table.column(&column).is_some()));
            tables.dedup();
            match tables.as_slice() {
                [] if path.len() >= 2 && level.iter().any(|item| named(&item)) => return None,
                [] => continue,
                [table] => return Some(Found { depth, table: (*table).clone(), column }),
                _ => return None,
            }
        }
        None
    }

    /// Returns the tables that the innermost query contains exactly once.
    pub fn tables(&self) -> Vec<&'a Table> {
        let level = self.levels.last().map(Vec::as_slice).unwrap_or_default();
        let once = |table: &&QName| level.iter().filter(|(_, other)| other.as_ref() == Some(*table)).count() == 1;
        level.iter().filter_map(|(_, table)| table.as_ref()).filter(once).filter_map(|table| self.catalog.table(table)).collect()
    }

    /// Returns whether an expression has one value for all rows of the innermost query.
    pub fn is_constant(&self, expr: &Expr) -> bool {
        let level = self.levels.last().map(Vec::as_slice).unwrap_or_default();
        let mut constant = true;
        expr.walk(&mut |node| match node {
            Node::Expr(inner) => {
                if let ExprKind::Column { path, .. } = &inner.kind {
                    constant &= match self.column(inner) {
                        Some(found) => found.depth > 0,
                        None if path.len() > 1 => !level.iter().any(|(name, _)| *name == path[path.len() - 2]),
                        None => level.iter().all(|(_, table)| table.is_some()),
                    };
                }
                Walk::Into
            }
            // outer references of subqueries are ignored, because they are rare
            Node::Query(_) => Walk::Over,
            Node::From(_) => Walk::Into,
        });
        constant
    }
}

/// Visits every query and expression of a function, a view or the policies of a table. Each query is visited inside its own scope.
pub fn visit<'a>(cx: &State<'a>, owner: SqlOwner<'a>, seen: &mut dyn FnMut(Reader<'a>, Node<'_>, &Scope<'a>)) {
    let code = |(origin, code)| Walker::new(cx.catalog, Reader::Code(origin), Vec::new(), seen).code(code);
    match owner {
        SqlOwner::Function(function) => cx.code_of(function).for_each(code),
        SqlOwner::View(view) => Origin::of_view(cx.catalog, view).into_iter().for_each(code),
        SqlOwner::Table(table) => {
            for policy in policies_of(table) {
                for (_, expression) in policy.clauses() {
                    let own = vec![vec![(table.name.name.clone(), Some(table.name.clone()))]];
                    Walker::new(cx.catalog, Reader::Policy(table, policy), own, seen).code(Code::Expr(&expression.root));
                }
            }
        }
    }
}

struct Walker<'a, 'v> {
    reader: Reader<'a>,
    scope: Scope<'a>,
    seen: &'v mut dyn FnMut(Reader<'a>, Node<'_>, &Scope<'a>),
}

impl<'a, 'v> Walker<'a, 'v> {
    fn new(
        catalog: &'a Catalog,
        reader: Reader<'a>,
        levels: Vec<Vec<Item>>,
        seen: &'v mut dyn FnMut(Reader<'a>, Node<'_>, &Scope<'a>),
    ) -> Walker<'a, 'v> {
        Walker { reader, scope: Scope { catalog, levels }, seen }
    }

    fn level<'i>(&self, items: impl Iterator<Item = &'i FromItem>) -> Vec<Item> {
        let named = |item: &FromItem| Some((item.reference()?.into(), self.reader.relation(item)));
        items.flat_map(FromItem::tables).filter_map(named).collect()
    }

    fn code(&mut self, code: Code<'_>) {
        let own = match code {
            Code::Data(Data::Update(update)) => self.level([&update.table].into_iter().chain(&update.from)),
            Code::Data(Data::Delete(delete)) => self.level([&delete.table].into_iter().chain(&delete.using)),
            Code::Data(Data::Query(query)) => return self.query(query),
            Code::Query(query) => return self.query(query),
            Code::Data(_) | Code::Expr(_) => Vec::new(),
        };
        if !own.is_empty() {
            self.scope.levels.push(own);
        }
        code.walk(&mut |node| self.node(node));
    }

    fn node(&mut self, node: Node<'_>) -> Walk {
        match node {
            Node::Query(query) => {
                self.query(query);
                Walk::Over
            }
            other => {
                (self.seen)(self.reader, other, &self.scope);
                Walk::Into
            }
        }
    }

    fn query(&mut self, query: &Query) {
        let level = self.level(query.body.selects().into_iter().flat_map(|select| &select.from));
        self.scope.levels.push(level);
        (self.seen)(self.reader, Node::Query(query), &self.scope);
        query.walk(&mut |node| match node {
            Node::Query(inner) if std::ptr::eq(inner, query) => Walk::Into,
            other => self.node(other),
        });
        self.scope.levels.pop();
    }
}
