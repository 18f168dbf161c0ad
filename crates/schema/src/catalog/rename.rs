//! Renames of objects in the objects that use them. PostgreSQL stores references by number, so bound references follow a rename. Function
//! bodies are text and do not.

use super::Catalog;
use super::mention::Names;
use super::name::{QName, quote_ident};
use super::object::*;
use crate::source::Span;
use crate::syntax::expression::{Binding, Expr, ExprKind, FromItem, FromRelation, Ident, Query, SetExpr};
use smol_str::SmolStr;
use std::sync::Arc;

type Edits = Vec<(Span, SmolStr)>;

/// Object that is renamed.
enum Renamed<'a> {
    Relation {
        from: &'a QName,
        to: &'a QName,
    },
    Column {
        relation: &'a QName,
        from: &'a str,
        to: &'a str,
    },
    /// A function with a number of arguments that no other function of this name accepts.
    Function {
        from: &'a QName,
        to: &'a QName,
        takes: &'a dyn Fn(usize) -> bool,
    },
}

impl Renamed<'_> {
    fn name(&self) -> &str {
        match self {
            Renamed::Relation { from, .. } | Renamed::Function { from, .. } => &from.name,
            Renamed::Column { from, .. } => from,
        }
    }
}

fn is(pair: &Option<Arc<(SmolStr, SmolStr)>>, name: &QName) -> bool {
    pair.as_ref().is_some_and(|pair| pair.0 == name.schema && pair.1 == name.name)
}

fn in_expr(expr: &mut Expr, renamed: &Renamed, own: Option<&QName>, edits: &mut Edits) {
    let span = expr.span;
    if let ExprKind::Column { path, binding: Binding::Column { relation, .. } } = &mut expr.kind {
        match renamed {
            Renamed::Column { relation: table, from, to } if is(relation, table) && path.last().is_some_and(|last| last == from) => {
                if let Some(last) = path.last_mut() {
                    *last = (*to).into();
                }
                edits.push((span, written(path)));
            }
            Renamed::Relation { from, to } if is(relation, from) => {
                *relation = Some(Arc::new((to.schema.clone(), to.name.clone())));
                // only the table of a policy is used without a FROM clause, which could give it an alias
                if own == Some(*from) && path.len() > 1 {
                    let column = path.last().cloned().unwrap_or_default();
                    *path = vec![to.name.clone(), column];
                    edits.push((span, written(path)));
                }
            }
            _ => {}
        }
    }
    if let (ExprKind::Call(call), Renamed::Function { from, to, takes }) = (&mut expr.kind, renamed)
        && call.name.last() == from.name
        && call.name.schema().is_none_or(|schema| schema == from.schema)
        && takes(call.args.len())
    {
        let span = call.name.span();
        call.name.parts = [&to.schema, &to.name].map(|part| Ident { name: part.clone(), span }).to_vec();
        edits.push((span, to.quoted().into()));
    }
    expr.each_child_mut(&mut |child| in_expr(child, renamed, own, edits));
    if let Some(query) = expr.query_mut() {
        in_query(query, renamed, own, edits);
    }
}

fn written(path: &[SmolStr]) -> SmolStr {
    path.iter().map(|part| quote_ident(part)).collect::<Vec<_>>().join(".").into()
}

fn in_from(item: &mut FromItem, renamed: &Renamed, own: Option<&QName>, edits: &mut Edits) {
    let alias = item.alias.is_some();
    match &mut item.relation {
        FromRelation::Table { name, bound } => {
            if let Renamed::Relation { from, to } = renamed
                && is(bound, from)
            {
                *bound = Some(Arc::new((to.schema.clone(), to.name.clone())));
                let as_before = if alias { String::new() } else { format!(" AS {}", quote_ident(name.last())) };
                edits.push((name.span(), format!("{}{as_before}", to.quoted()).into()));
            }
        }
        FromRelation::Query(query) => in_query(query, renamed, own, edits),
        FromRelation::Function { calls, .. } => calls.iter_mut().for_each(|call| in_expr(call, renamed, own, edits)),
        FromRelation::Join(items) => items.iter_mut().for_each(|item| in_from(item, renamed, own, edits)),
    }
    item.on.iter_mut().for_each(|on| in_expr(on, renamed, own, edits));
}

fn in_set(body: &mut SetExpr, renamed: &Renamed, own: Option<&QName>, edits: &mut Edits) {
    match body {
        SetExpr::Select(select) => {
            select.distinct_on.iter_mut().for_each(|expr| in_expr(expr, renamed, own, edits));
            select.targets.iter_mut().for_each(|target| in_expr(&mut target.expr, renamed, own, edits));
            select.from.iter_mut().for_each(|item| in_from(item, renamed, own, edits));
            select.filter.iter_mut().for_each(|expr| in_expr(expr, renamed, own, edits));
            select.group_by.iter_mut().for_each(|expr| in_expr(expr, renamed, own, edits));
            select.having.iter_mut().for_each(|expr| in_expr(expr, renamed, own, edits));
        }
        SetExpr::Values(rows) => rows.iter_mut().flatten().for_each(|expr| in_expr(expr, renamed, own, edits)),
        SetExpr::Set { left, right, .. } => {
            in_set(left, renamed, own, edits);
            in_set(right, renamed, own, edits);
        }
        SetExpr::Query(query) => in_query(query, renamed, own, edits),
        SetExpr::Data(_) => {}
    }
}

fn in_query(query: &mut Query, renamed: &Renamed, own: Option<&QName>, edits: &mut Edits) {
    for cte in &mut query.with {
        if let crate::syntax::expression::Data::Query(query) = &mut cte.body {
            in_query(query, renamed, own, edits);
        }
    }
    in_set(&mut query.body, renamed, own, edits);
    query.order_by.iter_mut().for_each(|key| in_expr(&mut key.expr, renamed, own, edits));
}

fn in_expression(expression: &mut Expression, renamed: &Renamed, own: Option<&QName>) {
    if !expression.names.may_hold(Names::only(renamed.name())) {
        return;
    }
    let mut edits = Vec::new();
    let mut root = (*expression.root).clone();
    in_expr(&mut root, renamed, own, &mut edits);
    if root != *expression.root {
        expression.names = Names::of_expr(&root);
        expression.root = Arc::new(root);
        expression.renamed.retain(|(span, _)| !edits.iter().any(|(edited, _)| edited == span));
        expression.renamed.extend(edits);
    }
}

fn in_table(table: &mut Table, renamed: &Renamed) {
    let own = table.name.clone();
    let own = Some(&own);
    for column in &mut table.columns {
        column.default.iter_mut().for_each(|expr| in_expression(expr, renamed, own));
        column.generated.iter_mut().for_each(|expr| in_expression(expr, renamed, own));
    }
    for constraint in &mut table.constraints {
        constraint.expr.iter_mut().for_each(|expr| in_expression(expr, renamed, own));
    }
    for policy in &mut table.policies {
        policy.using.iter_mut().for_each(|expr| in_expression(expr, renamed, own));
        policy.check.iter_mut().for_each(|expr| in_expression(expr, renamed, own));
    }
    for index in &mut table.indexes {
        index.columns.iter_mut().for_each(|column| in_expression(&mut column.expr, renamed, own));
        index.predicate.iter_mut().for_each(|expr| in_expression(expr, renamed, own));
    }
    for part in table.partition_key.iter_mut().flat_map(|key| &mut key.parts) {
        in_expression(&mut part.expr, renamed, own);
    }
    for trigger in &mut table.triggers {
        trigger.when.iter_mut().for_each(|expr| in_expression(expr, renamed, own));
    }
}

/// Returns the expressions of a table and its parts.
pub(super) fn expressions(table: &Table) -> impl Iterator<Item = &Expression> {
    let columns = table.columns.iter().flat_map(|column| column.default.iter().chain(column.generated.as_deref()));
    let constraints = table.constraints.iter().filter_map(|constraint| constraint.expr.as_ref());
    let policies = table.policies.iter().flat_map(|policy| policy.clauses().map(|(_, expr)| expr));
    let indexes = table.indexes.iter().flat_map(|index| index.columns.iter().map(|column| &column.expr).chain(&index.predicate));
    let keys = table.partition_key.iter().flat_map(|key| key.parts.iter().map(|part| &part.expr));
    let triggers = table.triggers.iter().filter_map(|trigger| trigger.when.as_ref());
    columns.chain(constraints).chain(policies).chain(indexes).chain(keys).chain(triggers)
}

/// Returns whether a table belongs to another table, refers to it, or has a column with its row type or a sequence of this name.
pub(super) fn refers(table: &Table, name: &QName) -> bool {
    table.inherits.contains(name)
        || table.partition_of.as_ref() == Some(name)
        || table.foreign_keys().any(|(_, key)| key.table == *name)
        || table.columns.iter().any(|column| column.ty.user.as_deref() == Some(name) || column.sequence.as_ref() == Some(name))
}

impl Catalog {
    fn rename_everywhere(&mut self, renamed: &Renamed) {
        let name = Names::only(renamed.name());
        self.tables.update(|table| expressions(table).any(|expr| expr.names.may_hold(name)), |table| in_table(table, renamed));
        self.views.update(
            |view| view.names.may_hold(name),
            |view| {
                let mut edits = Vec::new();
                if let Some(query) = &mut view.query {
                    in_query(Arc::make_mut(query), renamed, None, &mut edits);
                    view.names = Names::of_query(query);
                }
            },
        );
    }

    /// Renames calls of a function. Calls are not bound, so calls that can be those of another function with this name are not changed.
    pub(super) fn rename_calls(&mut self, from: &QName, signature: &[SmolStr], to: &QName) {
        let overloads = self.functions.get(from).cloned().unwrap_or_default();
        let takes = |count: usize| overloads.iter().all(|one| (one.signature() == signature) == super::accepts(one, count));
        self.rename_everywhere(&Renamed::Function { from, to, takes: &takes });
    }

    pub(super) fn rename_relation(&mut self, from: &QName, to: &QName) {
        self.rename_everywhere(&Renamed::Relation { from, to });
        let rename = |name: &mut QName| {
            if name == from {
                *name = to.clone();
            }
        };
        self.tables.update(
            |table| refers(table, from),
            |table| {
                table.inherits.iter_mut().for_each(rename);
                table.partition_of.iter_mut().for_each(rename);
                table.constraints.iter_mut().filter_map(|constraint| constraint.references.as_mut()).for_each(|key| rename(&mut key.table));
                table.columns.iter_mut().for_each(|column| {
                    column.ty.user.as_deref_mut().into_iter().for_each(rename);
                    column.sequence.iter_mut().for_each(rename);
                });
            },
        );
        self.views.update(|view| view.reads.contains(from), |view| view.reads.iter_mut().for_each(rename));
        self.sequences.update(
            |sequence| sequence.owned_by.as_ref().is_some_and(|(owner, _)| owner == from),
            |sequence| sequence.owned_by.iter_mut().for_each(|(owner, _)| rename(owner)),
        );
        self.publications.update(
            |publication| publication.tables.iter().any(|(table, _)| table == from),
            |publication| publication.tables.iter_mut().for_each(|(table, _)| rename(table)),
        );
        let homes: Vec<QName> = self.index_homes.keys_of(|home| home == from);
        for index in homes {
            self.index_homes.remove(&index);
            self.index_homes.insert(QName::new(to.schema.clone(), index.name), to.clone());
        }
        if let Some(table) = self.tables.remove(from) {
            let table = Table { name: to.clone(), ..Arc::unwrap_or_clone(table) };
            self.tables.insert(to.clone(), table);
        } else if let Some(view) = self.views.remove(from) {
            let view = View { name: to.clone(), ..Arc::unwrap_or_clone(view) };
            self.views.insert(to.clone(), view);
        } else if let Some(sequence) = self.sequences.remove(from) {
            let sequence = Sequence { name: to.clone(), ..Arc::unwrap_or_clone(sequence) };
            self.sequences.insert(to.clone(), sequence);
        }
        // the sequences of a table move with it to another schema
        if from.schema != to.schema {
            let owned: Vec<QName> = self
                .sequences
                .which(|sequence| sequence.name.schema == from.schema && sequence.owned_by.as_ref().is_some_and(|(owner, _)| owner == to))
                .map(|sequence| sequence.name.clone())
                .collect();
            for sequence in owned {
                self.rename_relation(&sequence, &QName::new(to.schema.clone(), sequence.name.clone()));
            }
        }
    }

    pub(super) fn rename_column(&mut self, relation: &QName, from: &str, to: &str) {
        self.rename_everywhere(&Renamed::Column { relation, from, to });
        let rename = |name: &mut SmolStr| {
            if name == from {
                *name = to.into();
            }
        };
        self.tables.update(
            |table| table.name == *relation || refers(table, relation),
            |table| {
                if table.name == *relation {
                    table.columns.iter_mut().for_each(|column| rename(&mut column.name));
                    table.constraints.iter_mut().flat_map(|constraint| &mut constraint.columns).for_each(rename);
                    for index in &mut table.indexes {
                        index.columns.iter_mut().filter_map(|column| column.column.as_mut()).for_each(rename);
                        index.include.iter_mut().for_each(rename);
                    }
                    let keys = table.partition_key.iter_mut().flat_map(|key| &mut key.parts);
                    keys.filter_map(|part| part.column.as_mut()).for_each(rename);
                }
                let keys = table.constraints.iter_mut().filter_map(|constraint| constraint.references.as_mut());
                keys.filter(|key| key.table == *relation).flat_map(|key| &mut key.columns).for_each(rename);
            },
        );
        if let Some(view) = self.views.get_mut(relation) {
            view.columns.iter_mut().for_each(|column| rename(&mut column.name));
        }
        self.sequences.update(
            |sequence| sequence.owned_by.as_ref().is_some_and(|(owner, _)| owner == relation),
            |sequence| sequence.owned_by.iter_mut().for_each(|(_, column)| rename(column)),
        );
    }

    pub(super) fn rename_type(&mut self, from: &QName, to: &QName) {
        let rename = |ty: &mut DataType| {
            if ty.user.as_deref() == Some(from) {
                ty.user = Some(Box::new(to.clone()));
            }
        };
        self.tables.update(
            |table| table.columns.iter().any(|column| column.ty.user.as_deref() == Some(from)),
            |table| table.columns.iter_mut().for_each(|column| rename(&mut column.ty)),
        );
        let is = |ty: &DataType| ty.user.as_deref() == Some(from);
        self.functions.update(
            |overloads| {
                overloads.iter().any(|function| function.args.iter().any(|arg| is(&arg.ty)) || function.returns.as_ref().is_some_and(is))
            },
            |overloads| {
                for function in overloads {
                    function.args.iter_mut().for_each(|arg| rename(&mut arg.ty));
                    function.returns.iter_mut().for_each(rename);
                }
            },
        );
        self.views.update(
            |view| view.columns.iter().filter_map(|column| column.ty.as_ref()).any(is),
            |view| view.columns.iter_mut().filter_map(|column| column.ty.as_mut()).for_each(rename),
        );
        if let Some(ty) = self.types.remove(from) {
            let ty = Type { name: to.clone(), ..Arc::unwrap_or_clone(ty) };
            self.types.insert(to.clone(), ty);
        }
    }
}
