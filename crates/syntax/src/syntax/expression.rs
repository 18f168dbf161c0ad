//! Syntax trees of expressions and queries, with exact spans and without types of a parser.
//!
//! Promises: every node has its span, so a rewrite is the text of the user with edits. References to columns and tables contain their
//! [`Binding`] at the time when the statement ran, because PostgreSQL binds views and policies when they are created.

use super::types::TypeName;
use crate::source::Span;
use smol_str::SmolStr;
use std::convert::Infallible;
use std::sync::Arc;

/// A name, in lower case unless it was quoted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ident {
    pub name: SmolStr,
    pub span: Span,
}

/// A name with its qualifiers.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct ObjectName {
    pub parts: Vec<Ident>,
}

impl ObjectName {
    /// Creates a name without a location and without a schema.
    pub fn bare(name: &SmolStr) -> ObjectName {
        ObjectName { parts: vec![Ident { name: name.clone(), span: Span::default() }] }
    }

    pub fn span(&self) -> Span {
        match (self.parts.first(), self.parts.last()) {
            (Some(first), Some(last)) => first.span.to(last.span),
            _ => Span::default(),
        }
    }

    pub fn last(&self) -> &str {
        self.parts.last().map_or("", |part| part.name.as_str())
    }

    pub fn schema(&self) -> Option<&str> {
        self.parts.len().checked_sub(2).map(|at| self.parts[at].name.as_str())
    }

    /// Returns whether this is `schema.name`, with the schema.
    pub fn is(&self, schema: &str, name: &str) -> bool {
        self.schema() == Some(schema) && self.last() == name
    }
}

impl std::fmt::Display for ObjectName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (at, part) in self.parts.iter().enumerate() {
            if at > 0 {
                f.write_str(".")?;
            }
            f.write_str(&part.name)?;
        }
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct Expr {
    pub span: Span,
    pub kind: ExprKind,
}

/// Meaning of a column reference, as the binder determines it.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub enum Binding {
    #[default]
    Unknown,
    /// A column of a relation in scope. `depth` 0 is the query of the reference, 1 the enclosing query, and so on. All references to the
    /// relation share its schema and name.
    Column { depth: u16, relation: Option<Arc<(SmolStr, SmolStr)>> },
    /// A variable or parameter of a function.
    Variable,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    pub name: ObjectName,
    pub args: Vec<Arg>,
    pub distinct: bool,
    pub order_by: Vec<SortKey>,
    pub filter: Option<Expr>,
    /// `OVER (…)`: the expressions of the window.
    pub over: Option<Vec<Expr>>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Arg {
    pub name: Option<SmolStr>,
    pub value: Expr,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Logic {
    And,
    Or,
}

#[derive(Clone, Debug, PartialEq)]
pub enum ExprKind {
    /// `column`, `table.column`, `schema.table.column`
    Column {
        path: Vec<SmolStr>,
        binding: Binding,
    },
    /// `*` or `table.*`
    Star {
        qualifier: Vec<SmolStr>,
    },
    String(SmolStr),
    Number(SmolStr),
    Bool(bool),
    Null,
    /// `$1`
    Param(SmolStr),
    Call(Box<Call>),
    Cast {
        expr: Box<Expr>,
        to: TypeName,
    },
    Not(Box<Expr>),
    Unary {
        op: SmolStr,
        expr: Box<Expr>,
    },
    Logic {
        op: Logic,
        left: Box<Expr>,
        right: Box<Expr>,
    },
    /// An operator with two operands, including `like`, `is distinct from` and `at time zone`. Words are in lower case.
    Binary {
        op: SmolStr,
        left: Box<Expr>,
        right: Box<Expr>,
    },
    IsNull {
        expr: Box<Expr>,
        negated: bool,
    },
    /// `IS [NOT] TRUE | FALSE | UNKNOWN`
    IsBool {
        expr: Box<Expr>,
        value: Option<bool>,
        negated: bool,
    },
    Between {
        expr: Box<Expr>,
        low: Box<Expr>,
        high: Box<Expr>,
        negated: bool,
    },
    InList {
        expr: Box<Expr>,
        list: Vec<Expr>,
        negated: bool,
    },
    InQuery {
        expr: Box<Expr>,
        query: Box<Query>,
        negated: bool,
    },
    /// `x = ANY (…)`. The right side is an array or a [`ExprKind::Subquery`].
    Quantified {
        left: Box<Expr>,
        op: SmolStr,
        all: bool,
        right: Box<Expr>,
    },
    Exists {
        query: Box<Query>,
        negated: bool,
    },
    /// A scalar subquery.
    Subquery(Box<Query>),
    /// `ARRAY(SELECT …)`
    ArrayQuery(Box<Query>),
    Case {
        operand: Option<Box<Expr>>,
        whens: Vec<(Expr, Expr)>,
        otherwise: Option<Box<Expr>>,
    },
    Array(Vec<Expr>),
    Row(Vec<Expr>),
    /// `base[index]`
    Index {
        base: Box<Expr>,
        index: Vec<Expr>,
    },
    /// `(base).field`
    Field {
        base: Box<Expr>,
        field: SmolStr,
    },
    /// Another expression, of which only the operands are kept.
    Other(Vec<Expr>),
}

/// A `WITH` entry.
#[derive(Clone, Debug, PartialEq)]
pub struct Cte {
    pub name: Ident,
    pub columns: Vec<SmolStr>,
    pub body: Data,
}

#[derive(Clone, Debug, PartialEq, Default)]
pub struct Query {
    pub span: Span,
    pub with: Vec<Cte>,
    pub recursive: bool,
    pub body: SetExpr,
    pub order_by: Vec<SortKey>,
    pub limit: Option<Expr>,
    pub offset: Option<Expr>,
    /// Whether the query has a locking clause such as `FOR UPDATE`.
    pub locks: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub enum SetExpr {
    Select(Box<Select>),
    Values(Vec<Vec<Expr>>),
    /// `UNION`, `INTERSECT`, `EXCEPT`
    Set {
        op: &'static str,
        all: bool,
        left: Box<SetExpr>,
        right: Box<SetExpr>,
    },
    Query(Box<Query>),
    Data(Box<Data>),
}

impl Default for SetExpr {
    fn default() -> Self {
        SetExpr::Values(Vec::new())
    }
}

#[derive(Clone, Debug, PartialEq, Default)]
pub struct Select {
    pub distinct: bool,
    pub distinct_on: Vec<Expr>,
    pub targets: Vec<Target>,
    pub into: Option<ObjectName>,
    pub from: Vec<FromItem>,
    pub filter: Option<Expr>,
    pub group_by: Vec<Expr>,
    pub having: Option<Expr>,
}

/// An entry of a select list or of `RETURNING`.
#[derive(Clone, Debug, PartialEq)]
pub struct Target {
    pub expr: Expr,
    pub alias: Option<SmolStr>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JoinKind {
    Inner,
    Left,
    Right,
    Full,
    Cross,
}

/// A relation of a FROM clause. Joins are flattened in their written order.
#[derive(Clone, Debug, PartialEq)]
pub struct FromItem {
    pub span: Span,
    pub relation: FromRelation,
    pub alias: Option<SmolStr>,
    pub column_aliases: Vec<SmolStr>,
    pub lateral: bool,
    /// Join with the items before, or `None` for the first item of a comma-separated entry.
    pub join: Option<JoinKind>,
    pub on: Option<Expr>,
    pub using: Vec<SmolStr>,
    /// `USING (…) AS name`: qualifies the columns of the list.
    pub using_alias: Option<SmolStr>,
    pub natural: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub enum FromRelation {
    /// `bound` is the schema and name of the relation, once it was looked up.
    Table {
        name: ObjectName,
        bound: Option<Arc<(SmolStr, SmolStr)>>,
    },
    Query(Box<Query>),
    Function {
        calls: Vec<Expr>,
        ordinality: bool,
    },
    /// A join in parentheses.
    Join(Vec<FromItem>),
}

impl FromItem {
    /// Returns the name with which columns of this item can be qualified.
    pub fn reference(&self) -> Option<&str> {
        match (&self.alias, &self.relation) {
            (Some(alias), _) => Some(alias),
            (None, FromRelation::Table { name, .. }) => Some(name.last()),
            (None, FromRelation::Function { calls, .. }) => match calls.first().map(|call| &call.kind) {
                Some(ExprKind::Call(call)) => Some(call.name.last()),
                _ => None,
            },
            _ => None,
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct SortKey {
    pub expr: Expr,
    pub descending: bool,
    /// Whether NULLs sort first, or `None` without NULLS FIRST or NULLS LAST.
    pub nulls_first: Option<bool>,
}

/// A statement that reads or writes rows.
#[derive(Clone, Debug, PartialEq)]
pub enum Data {
    Query(Box<Query>),
    Insert(Box<Insert>),
    Update(Box<Update>),
    Delete(Box<Delete>),
    /// `MERGE`, with its target, source and expressions.
    Merge {
        target: Box<FromItem>,
        source: Box<FromItem>,
        exprs: Vec<Expr>,
    },
}

#[derive(Clone, Debug, PartialEq)]
pub struct Insert {
    pub with: Vec<Cte>,
    pub table: ObjectName,
    pub alias: Option<SmolStr>,
    pub columns: Vec<Ident>,
    /// Whether the list contains parts of columns: `(a[1], b.c)`.
    pub in_parts: bool,
    /// Whether the statement contains `OVERRIDING SYSTEM | USER VALUE`.
    pub overriding: bool,
    /// Query, or `None` for `DEFAULT VALUES`.
    pub source: Option<Query>,
    pub on_conflict: Option<OnConflict>,
    pub returning: Vec<Target>,
    /// Names of the old and new row in RETURNING, since PostgreSQL 18.
    pub row_names: Vec<SmolStr>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct OnConflict {
    pub columns: Vec<Ident>,
    pub constraint: Option<Ident>,
    /// Whether the target is not a plain list of columns: `ON CONFLICT (expression)` or `… WHERE …`.
    pub inexact: bool,
    pub update: Option<Vec<Assignment>>,
    pub filter: Option<Expr>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Assignment {
    pub columns: Vec<Ident>,
    /// Whether a part of a column is assigned: `a[1] = …`, `a.b = …`.
    pub in_parts: bool,
    pub value: Expr,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Update {
    pub with: Vec<Cte>,
    pub table: FromItem,
    pub assignments: Vec<Assignment>,
    pub from: Vec<FromItem>,
    pub filter: Option<Expr>,
    pub returning: Vec<Target>,
    /// Names of the old and new row in RETURNING, since PostgreSQL 18.
    pub row_names: Vec<SmolStr>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Delete {
    pub with: Vec<Cte>,
    pub table: FromItem,
    pub using: Vec<FromItem>,
    pub filter: Option<Expr>,
    pub returning: Vec<Target>,
    /// Names of the old and new row in RETURNING, since PostgreSQL 18.
    pub row_names: Vec<SmolStr>,
}

/// A node of a traversal of an expression and its queries.
pub enum Node<'a> {
    Expr(&'a Expr),
    Query(&'a Query),
    From(&'a FromItem),
}

/// How a traversal continues below a node.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Walk {
    Into,
    Over,
}

impl Expr {
    pub fn new(span: Span, kind: ExprKind) -> Expr {
        Expr { span, kind }
    }

    /// Visits the direct subexpressions, without those in queries.
    pub fn each_child<'a>(&'a self, visit: &mut dyn FnMut(&'a Expr)) {
        match &self.kind {
            ExprKind::Column { .. }
            | ExprKind::Star { .. }
            | ExprKind::String(_)
            | ExprKind::Number(_)
            | ExprKind::Bool(_)
            | ExprKind::Null
            | ExprKind::Param(_)
            | ExprKind::Exists { .. }
            | ExprKind::Subquery(_)
            | ExprKind::ArrayQuery(_) => {}
            ExprKind::Call(call) => {
                call.args.iter().for_each(|arg| visit(&arg.value));
                call.order_by.iter().for_each(|key| visit(&key.expr));
                call.filter.iter().chain(call.over.iter().flatten()).for_each(visit);
            }
            ExprKind::Cast { expr, .. }
            | ExprKind::Not(expr)
            | ExprKind::Unary { expr, .. }
            | ExprKind::IsNull { expr, .. }
            | ExprKind::IsBool { expr, .. }
            | ExprKind::InQuery { expr, .. }
            | ExprKind::Field { base: expr, .. } => visit(expr),
            ExprKind::Logic { left, right, .. } | ExprKind::Binary { left, right, .. } | ExprKind::Quantified { left, right, .. } => {
                visit(left);
                visit(right);
            }
            ExprKind::Between { expr, low, high, .. } => [expr, low, high].into_iter().for_each(|side| visit(side)),
            ExprKind::InList { expr, list, .. } => {
                visit(expr);
                list.iter().for_each(visit);
            }
            ExprKind::Case { operand, whens, otherwise } => {
                operand.iter().for_each(|operand| visit(operand));
                whens.iter().flat_map(|(when, then)| [when, then]).for_each(&mut *visit);
                otherwise.iter().for_each(|otherwise| visit(otherwise));
            }
            ExprKind::Array(list) | ExprKind::Row(list) | ExprKind::Other(list) => list.iter().for_each(visit),
            ExprKind::Index { base, index } => {
                visit(base);
                index.iter().for_each(visit);
            }
        }
    }

    /// Visits the direct subexpressions mutably, until the first error.
    pub fn try_each_child_mut<E>(&mut self, visit: &mut dyn FnMut(&mut Expr) -> Result<(), E>) -> Result<(), E> {
        match &mut self.kind {
            ExprKind::Column { .. }
            | ExprKind::Star { .. }
            | ExprKind::String(_)
            | ExprKind::Number(_)
            | ExprKind::Bool(_)
            | ExprKind::Null
            | ExprKind::Param(_)
            | ExprKind::Exists { .. }
            | ExprKind::Subquery(_)
            | ExprKind::ArrayQuery(_) => Ok(()),
            ExprKind::Call(call) => {
                call.args.iter_mut().try_for_each(|arg| visit(&mut arg.value))?;
                call.order_by.iter_mut().try_for_each(|key| visit(&mut key.expr))?;
                call.filter.iter_mut().chain(call.over.iter_mut().flatten()).try_for_each(visit)
            }
            ExprKind::Cast { expr, .. }
            | ExprKind::Not(expr)
            | ExprKind::Unary { expr, .. }
            | ExprKind::IsNull { expr, .. }
            | ExprKind::IsBool { expr, .. }
            | ExprKind::InQuery { expr, .. }
            | ExprKind::Field { base: expr, .. } => visit(expr),
            ExprKind::Logic { left, right, .. } | ExprKind::Binary { left, right, .. } | ExprKind::Quantified { left, right, .. } => {
                visit(left)?;
                visit(right)
            }
            ExprKind::Between { expr, low, high, .. } => [expr, low, high].into_iter().try_for_each(|side| visit(side)),
            ExprKind::InList { expr, list, .. } => {
                visit(expr)?;
                list.iter_mut().try_for_each(visit)
            }
            ExprKind::Case { operand, whens, otherwise } => {
                operand.iter_mut().try_for_each(|operand| visit(operand))?;
                whens.iter_mut().flat_map(|(when, then)| [when, then]).try_for_each(&mut *visit)?;
                otherwise.iter_mut().try_for_each(|otherwise| visit(otherwise))
            }
            ExprKind::Array(list) | ExprKind::Row(list) | ExprKind::Other(list) => list.iter_mut().try_for_each(visit),
            ExprKind::Index { base, index } => {
                visit(base)?;
                index.iter_mut().try_for_each(visit)
            }
        }
    }

    /// Visits the direct subexpressions mutably.
    pub fn each_child_mut(&mut self, visit: &mut dyn FnMut(&mut Expr)) {
        let Ok(()) = self.try_each_child_mut(&mut |child| {
            visit(child);
            Ok::<(), Infallible>(())
        });
    }

    /// Returns the query directly in this node.
    pub fn query(&self) -> Option<&Query> {
        match &self.kind {
            ExprKind::InQuery { query, .. } | ExprKind::Exists { query, .. } | ExprKind::Subquery(query) | ExprKind::ArrayQuery(query) => {
                Some(query)
            }
            _ => None,
        }
    }

    pub fn query_mut(&mut self) -> Option<&mut Query> {
        match &mut self.kind {
            ExprKind::InQuery { query, .. } | ExprKind::Exists { query, .. } | ExprKind::Subquery(query) | ExprKind::ArrayQuery(query) => {
                Some(query)
            }
            _ => None,
        }
    }

    /// Visits this node and all nodes below it, in written order.
    pub fn walk<'a>(&'a self, visit: &mut dyn FnMut(Node<'a>) -> Walk) {
        if visit(Node::Expr(self)) == Walk::Over {
            return;
        }
        self.each_child(&mut |child| child.walk(visit));
        if let Some(query) = self.query() {
            query.walk(visit);
        }
    }

    /// Returns this expression and all expressions below it, including those in queries.
    pub fn all(&self) -> Vec<&Expr> {
        let mut out = Vec::new();
        self.walk(&mut |node| {
            if let Node::Expr(expr) = node {
                out.push(expr);
            }
            Walk::Into
        });
        out
    }

    /// Returns all queries below this expression.
    pub fn queries(&self) -> Vec<&Query> {
        let mut out = Vec::new();
        self.walk(&mut |node| {
            if let Node::Query(query) = node {
                out.push(query);
            }
            Walk::Into
        });
        out
    }

    pub fn as_call(&self) -> Option<&Call> {
        match &self.kind {
            ExprKind::Call(call) => Some(call),
            _ => None,
        }
    }

    /// Returns the last part of a column reference.
    pub fn column(&self) -> Option<&str> {
        match &self.kind {
            ExprKind::Column { path, .. } => path.last().map(SmolStr::as_str),
            _ => None,
        }
    }

    /// Returns the expression without the casts around it.
    pub fn uncast(&self) -> &Expr {
        match &self.kind {
            ExprKind::Cast { expr, .. } => expr.uncast(),
            _ => self,
        }
    }

    pub fn as_str(&self) -> Option<&str> {
        match &self.uncast().kind {
            ExprKind::String(text) => Some(text),
            _ => None,
        }
    }

    /// Returns the operands of a chain of AND, from left to right.
    pub fn conjuncts(&self) -> Vec<&Expr> {
        match &self.kind {
            ExprKind::Logic { op: Logic::And, left, right } => {
                let mut out = left.conjuncts();
                out.extend(right.conjuncts());
                out
            }
            _ => vec![self],
        }
    }

    /// Returns both operands of `a = b`.
    pub fn equality(&self) -> Option<(&Expr, &Expr)> {
        match &self.kind {
            ExprKind::Binary { op, left, right } if op == "=" => Some((left, right)),
            _ => None,
        }
    }

    /// Returns whether this is the constant `true` in any form.
    pub fn is_true(&self) -> bool {
        match &self.kind {
            ExprKind::Bool(value) => *value,
            ExprKind::Binary { op, left, right } if op == "=" => {
                matches!((&left.kind, &right.kind), (ExprKind::Number(a), ExprKind::Number(b)) if a == b)
            }
            ExprKind::Cast { expr, .. } => {
                expr.is_true() || matches!(&expr.kind, ExprKind::String(text) if matches!(text.as_str(), "t" | "true"))
            }
            _ => false,
        }
    }

    /// Returns whether this is the constant `false` in any form.
    pub fn is_false(&self) -> bool {
        matches!(&self.kind, ExprKind::Bool(false))
    }
}

impl SetExpr {
    /// Returns the selects of this set expression, from left to right.
    pub fn selects(&self) -> Vec<&Select> {
        match self {
            SetExpr::Select(select) => vec![select],
            SetExpr::Set { left, right, .. } => {
                let mut out = left.selects();
                out.extend(right.selects());
                out
            }
            SetExpr::Query(query) => query.body.selects(),
            SetExpr::Values(_) | SetExpr::Data(_) => Vec::new(),
        }
    }

    fn walk<'a>(&'a self, visit: &mut dyn FnMut(Node<'a>) -> Walk) {
        match self {
            SetExpr::Select(select) => select.walk(visit),
            SetExpr::Values(rows) => rows.iter().flatten().for_each(|expr| expr.walk(visit)),
            SetExpr::Set { left, right, .. } => {
                left.walk(visit);
                right.walk(visit);
            }
            SetExpr::Query(query) => query.walk(visit),
            SetExpr::Data(data) => data.walk(visit),
        }
    }
}

impl Select {
    fn walk<'a>(&'a self, visit: &mut dyn FnMut(Node<'a>) -> Walk) {
        self.distinct_on.iter().for_each(|expr| expr.walk(visit));
        self.targets.iter().for_each(|target| target.expr.walk(visit));
        self.from.iter().for_each(|item| item.walk(visit));
        self.filter.iter().for_each(|expr| expr.walk(visit));
        self.group_by.iter().for_each(|expr| expr.walk(visit));
        self.having.iter().for_each(|expr| expr.walk(visit));
    }
}

impl FromItem {
    fn walk<'a>(&'a self, visit: &mut dyn FnMut(Node<'a>) -> Walk) {
        if visit(Node::From(self)) == Walk::Over {
            return;
        }
        match &self.relation {
            FromRelation::Table { .. } => {}
            FromRelation::Query(query) => query.walk(visit),
            FromRelation::Function { calls, .. } => calls.iter().for_each(|call| call.walk(visit)),
            FromRelation::Join(items) => items.iter().for_each(|item| item.walk(visit)),
        }
        self.on.iter().for_each(|expr| expr.walk(visit));
    }

    /// Returns the tables of this item, including those in parenthesized joins.
    pub fn tables(&self) -> Vec<&FromItem> {
        match &self.relation {
            FromRelation::Join(items) => items.iter().flat_map(FromItem::tables).collect(),
            _ => vec![self],
        }
    }
}

impl Query {
    pub fn walk<'a>(&'a self, visit: &mut dyn FnMut(Node<'a>) -> Walk) {
        if visit(Node::Query(self)) == Walk::Over {
            return;
        }
        self.with.iter().for_each(|cte| cte.body.walk(visit));
        self.body.walk(visit);
        self.order_by.iter().for_each(|key| key.expr.walk(visit));
        self.limit.iter().for_each(|expr| expr.walk(visit));
        self.offset.iter().for_each(|expr| expr.walk(visit));
    }

    /// Returns the select of a query without set operations.
    pub fn select(&self) -> Option<&Select> {
        match &self.body {
            SetExpr::Select(select) => Some(select),
            SetExpr::Query(query) => query.select(),
            _ => None,
        }
    }
}

impl Data {
    pub fn walk<'a>(&'a self, visit: &mut dyn FnMut(Node<'a>) -> Walk) {
        match self {
            Data::Query(query) => query.walk(visit),
            Data::Insert(insert) => {
                insert.with.iter().for_each(|cte| cte.body.walk(visit));
                insert.source.iter().for_each(|query| query.walk(visit));
                if let Some(conflict) = &insert.on_conflict {
                    conflict.update.iter().flatten().for_each(|assignment| assignment.value.walk(visit));
                    conflict.filter.iter().for_each(|expr| expr.walk(visit));
                }
                insert.returning.iter().for_each(|target| target.expr.walk(visit));
            }
            Data::Update(update) => {
                update.with.iter().for_each(|cte| cte.body.walk(visit));
                update.table.walk(visit);
                update.assignments.iter().for_each(|assignment| assignment.value.walk(visit));
                update.from.iter().for_each(|item| item.walk(visit));
                update.filter.iter().for_each(|expr| expr.walk(visit));
                update.returning.iter().for_each(|target| target.expr.walk(visit));
            }
            Data::Delete(delete) => {
                delete.with.iter().for_each(|cte| cte.body.walk(visit));
                delete.table.walk(visit);
                delete.using.iter().for_each(|item| item.walk(visit));
                delete.filter.iter().for_each(|expr| expr.walk(visit));
                delete.returning.iter().for_each(|target| target.expr.walk(visit));
            }
            Data::Merge { target, source, exprs } => {
                target.walk(visit);
                source.walk(visit);
                exprs.iter().for_each(|expr| expr.walk(visit));
            }
        }
    }
}
