//! Dependencies between objects. They prevent DROP, or are dropped by CASCADE.
//! Source: PostgreSQL's documentation, "Dependency Tracking".

use super::Catalog;
use super::mention::Names;
use super::name::QName;
use super::object::*;
use super::rename::{expressions, refers};
use super::walk::reachable;
use crate::source::Site;
use crate::syntax::expression::{Binding, Expr, ExprKind, FromRelation, Node, Query, Walk};
use smol_str::SmolStr;
use std::sync::Arc;

/// An object that depends on another.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Dependent {
    View(QName),
    /// A table that inherits from another, or a partition of it.
    Table(QName),
    /// A sequence that a column owns.
    Sequence(QName),
    Constraint {
        table: QName,
        name: SmolStr,
    },
    Policy {
        table: QName,
        name: SmolStr,
    },
    Trigger {
        relation: QName,
        name: SmolStr,
    },
    Default {
        table: QName,
        column: SmolStr,
    },
    Column {
        table: QName,
        column: SmolStr,
    },
    Index {
        relation: QName,
        name: SmolStr,
    },
    Function {
        name: QName,
        signature: Vec<SmolStr>,
    },
    Type(QName),
    EventTrigger(SmolStr),
}

/// The object whose uses are searched.
enum Wanted<'a> {
    Relation(&'a QName),
    Column(&'a QName, &'a str),
    Function(&'a Function),
    Type(&'a QName),
    Sequence(&'a QName),
}

impl Wanted<'_> {
    fn name(&self) -> &str {
        match self {
            Wanted::Relation(name) | Wanted::Type(name) | Wanted::Sequence(name) => &name.name,
            Wanted::Column(_, column) => column,
            Wanted::Function(function) => &function.name.name,
        }
    }
}

fn same(pair: &Option<Arc<(SmolStr, SmolStr)>>, name: &QName) -> bool {
    pair.as_ref().is_some_and(|pair| pair.0 == name.schema && pair.1 == name.name)
}

fn node_is(node: &Node, wanted: &Wanted) -> bool {
    match (node, wanted) {
        (Node::From(item), Wanted::Relation(name)) => match &item.relation {
            FromRelation::Table { bound, .. } => same(bound, name),
            _ => false,
        },
        (Node::Expr(expr), wanted) => expr_is(expr, wanted),
        _ => false,
    }
}

fn expr_is(expr: &Expr, wanted: &Wanted) -> bool {
    match (&expr.kind, wanted) {
        (ExprKind::Column { path, binding: Binding::Column { relation, .. } }, Wanted::Column(table, column)) => {
            same(relation, table) && path.last().is_some_and(|last| last == column)
        }
        (ExprKind::Call(call), Wanted::Function(function)) => {
            call.name.last() == function.name.name
                && call.name.schema().is_none_or(|schema| schema == function.name.schema)
                && super::accepts(function, call.args.len())
        }
        (ExprKind::Call(call), Wanted::Sequence(sequence)) if call.name.last() == "nextval" => {
            let argument = call.args.first().and_then(|arg| arg.value.as_str());
            argument.is_some_and(|text| {
                let text = text.replace('"', "");
                text == sequence.name || text == sequence.to_string()
            })
        }
        (ExprKind::Cast { to, .. }, Wanted::Type(name)) => {
            !to.builtin && to.name.last() == name.name && to.name.schema().is_none_or(|schema| schema == name.schema)
        }
        _ => false,
    }
}

fn uses(expr: &Expr, wanted: &Wanted) -> bool {
    let mut found = false;
    expr.walk(&mut |node| {
        found |= node_is(&node, wanted);
        if found { Walk::Over } else { Walk::Into }
    });
    found
}

fn query_uses(query: &Query, wanted: &Wanted) -> bool {
    let mut found = false;
    query.walk(&mut |node| {
        found |= node_is(&node, wanted);
        if found { Walk::Over } else { Walk::Into }
    });
    found
}

impl Catalog {
    /// Returns the objects whose expressions use the wanted object. Parts of the table `except` are excluded, because they are dropped with
    /// it.
    fn expressions_using(&self, wanted: &Wanted, except: Option<&QName>) -> Vec<Dependent> {
        let mut out = Vec::new();
        let asked = Names::only(wanted.name());
        let may = |expression: &Expression| expression.names.may_hold(asked);
        let hit = |expression: &Expression| may(expression) && uses(&expression.root, wanted);
        for table in self.tables.which(|table| except != Some(&table.name) && expressions(table).any(hit)) {
            let name = &table.name;
            for column in &table.columns {
                if column.generated.as_deref().is_some_and(hit) {
                    out.push(Dependent::Column { table: name.clone(), column: column.name.clone() });
                } else if column.default.as_ref().is_some_and(hit) {
                    out.push(Dependent::Default { table: name.clone(), column: column.name.clone() });
                }
            }
            for constraint in table.constraints.iter().filter(|constraint| constraint.expr.as_ref().is_some_and(hit)) {
                out.push(Dependent::Constraint { table: name.clone(), name: constraint.name.clone() });
            }
            for policy in table.policies.iter().filter(|policy| policy.clauses().any(|(_, expr)| hit(expr))) {
                out.push(Dependent::Policy { table: name.clone(), name: policy.name.clone() });
            }
            for index in &table.indexes {
                let in_columns = index.columns.iter().any(|column| column.column.is_none() && hit(&column.expr));
                if in_columns || index.predicate.as_ref().is_some_and(hit) {
                    out.push(Dependent::Index { relation: name.clone(), name: index.name.clone() });
                }
            }
            for trigger in table.triggers.iter().filter(|trigger| trigger.when.as_ref().is_some_and(hit)) {
                out.push(Dependent::Trigger { relation: name.clone(), name: trigger.name.clone() });
            }
        }
        let may = |view: &View| view.names.may_hold(asked) && except != Some(&view.name);
        let views = self.views.which(|view| may(view) && view.query.as_ref().is_some_and(|query| query_uses(query, wanted)));
        out.extend(views.map(|view| Dependent::View(view.name.clone())));
        out
    }

    /// Returns the partitions of a table, and the tables that inherit from it.
    pub fn children(&self, table: &QName) -> Vec<QName> {
        if !self.has_families {
            return Vec::new();
        }
        let is_child = |child: &Table| child.partition_of.as_ref() == Some(table) || child.inherits.contains(table);
        self.tables.which(is_child).map(|child| child.name.clone()).collect()
    }

    /// Returns all descendants of a table. Each is listed once, after one of its parents.
    pub fn descendants(&self, table: &QName) -> Vec<QName> {
        reachable([table.clone()], |table| self.children(table)).split_off(1)
    }

    /// Returns the objects that prevent a relation from being dropped.
    pub fn dependents_of_relation(&self, name: &QName) -> Vec<Dependent> {
        let mut out = self.expressions_using(&Wanted::Relation(name), Some(name));
        for table in self.tables.which(|table| table.name != *name && refers(table, name)) {
            for (constraint, key) in table.foreign_keys() {
                if key.table == *name {
                    out.push(Dependent::Constraint { table: table.name.clone(), name: constraint.name.clone() });
                }
            }
            // a partition is dropped with its table
            if table.inherits.contains(name) {
                out.push(Dependent::Table(table.name.clone()));
            }
        }
        if self.sequences.contains(name) {
            let owner = self.sequences.get(name).and_then(|sequence| sequence.owned_by.as_ref());
            out.extend(self.expressions_using(&Wanted::Sequence(name), None).into_iter().filter(
                |dependent| !matches!((dependent, owner), (Dependent::Default { table, column }, Some((of, its))) if table == of && column == its),
            ));
        }
        out.extend(self.functions_using_type(name));
        out
    }

    pub fn dependents_of_column(&self, table: &QName, column: &str) -> Vec<Dependent> {
        // including tables that inherit the column
        let family = self.descendants(table);
        let is_own = |relation: &QName| relation == table || family.contains(relation);
        let mut out: Vec<Dependent> = self
            .expressions_using(&Wanted::Column(table, column), None)
            .into_iter()
            // indexes and checks of the table are dropped with the column
            .filter(|dependent| {
                !matches!(dependent, Dependent::Index { relation, .. } | Dependent::Constraint { table: relation, .. } if is_own(relation))
                    && !matches!(dependent, Dependent::Default { table: of, column: its } if is_own(of) && its == column)
                    && !matches!(dependent, Dependent::Column { table: of, column: its } if is_own(of) && its == column)
            })
            .collect();
        for other in self.tables.which(|other| refers(other, table)) {
            for (constraint, key) in other.foreign_keys() {
                let own = other.name == *table && constraint.columns.iter().any(|name| name == column);
                if key.table == *table && key.columns.iter().any(|name| name == column) && !own {
                    out.push(Dependent::Constraint { table: other.name.clone(), name: constraint.name.clone() });
                }
            }
        }
        out
    }

    pub fn dependents_of_function(&self, function: &Function) -> Vec<Dependent> {
        let mut out = self.expressions_using(&Wanted::Function(function), None);
        // another function with this name may be the used one
        let overloads = self.functions.get(&function.name).map_or(0, Vec::len);
        if overloads > 1 && !out.is_empty() {
            out.clear();
        }
        let triggers = |relation: &QName, triggers: &[Trigger]| {
            triggers
                .iter()
                .filter(|trigger| trigger.function == function.name)
                .map(|trigger| Dependent::Trigger { relation: relation.clone(), name: trigger.name.clone() })
                .collect::<Vec<_>>()
        };
        if function.returns_trigger() {
            let calls = |triggers: &[Trigger]| triggers.iter().any(|trigger| trigger.function == function.name);
            for table in self.tables.which(|table| calls(&table.triggers)) {
                out.extend(triggers(&table.name, &table.triggers));
            }
            for view in self.views.which(|view| calls(&view.triggers)) {
                out.extend(triggers(&view.name, &view.triggers));
            }
            for trigger in self.event_triggers.which(|trigger| trigger.function == function.name) {
                out.push(Dependent::EventTrigger(trigger.name.clone()));
            }
        }
        out
    }

    fn functions_using_type(&self, name: &QName) -> Vec<Dependent> {
        let is = |ty: &DataType| ty.user.as_deref() == Some(name);
        let uses = |function: &Function| function.args.iter().any(|arg| is(&arg.ty)) || function.returns.as_ref().is_some_and(is);
        let mut out = Vec::new();
        for function in self.functions.which(|overloads| overloads.iter().any(uses)).flatten() {
            if uses(function) {
                out.push(Dependent::Function { name: function.name.clone(), signature: function.signature() });
            }
        }
        out
    }

    pub fn dependents_of_type(&self, name: &QName) -> Vec<Dependent> {
        let is = |ty: &DataType| ty.user.as_deref() == Some(name);
        let mut out = self.functions_using_type(name);
        for table in self.tables.which(|table| table.columns.iter().any(|column| is(&column.ty))) {
            for column in table.columns.iter().filter(|column| is(&column.ty)) {
                out.push(Dependent::Column { table: table.name.clone(), column: column.name.clone() });
            }
        }
        let within = |ty: &Type| match &ty.kind {
            TypeKind::Domain { base, .. } => is(base),
            TypeKind::Composite(attributes) => attributes.iter().any(|(_, ty)| is(ty)),
            _ => false,
        };
        out.extend(self.types.which(within).map(|ty| Dependent::Type(ty.name.clone())));
        out.extend(self.expressions_using(&Wanted::Type(name), None));
        out
    }

    /// Returns the description of a dependent object and its location.
    pub fn describe(&self, dependent: &Dependent) -> Option<(String, Site)> {
        let table = |name: &QName| self.tables.get(name);
        let described = match dependent {
            Dependent::View(name) => (format!("view `{name}`"), self.views.get(name)?.named),
            Dependent::Table(name) => (format!("table `{name}`"), table(name)?.named),
            Dependent::Sequence(name) => (format!("sequence `{name}`"), self.sequences.get(name)?.at),
            Dependent::Constraint { table: on, name } => {
                (format!("constraint `{name}` of `{on}`"), table(on)?.constraints.iter().find(|known| known.name == *name)?.at)
            }
            Dependent::Policy { table: on, name } => (format!("policy \"{name}\" on `{on}`"), table(on)?.policy(name)?.named),
            Dependent::Trigger { relation, name } => {
                let triggers = table(relation).map(|table| &table.triggers).or_else(|| Some(&self.views.get(relation)?.triggers))?;
                (format!("trigger `{name}` of `{relation}`"), triggers.iter().find(|known| known.name == *name)?.at)
            }
            Dependent::Default { table: on, column } => (format!("the default of `{on}.{column}`"), table(on)?.column(column)?.at),
            Dependent::Column { table: on, column } => (format!("column `{column}` of `{on}`"), table(on)?.column(column)?.at),
            Dependent::Index { relation, name } => {
                (format!("index `{name}`"), table(relation)?.indexes.iter().find(|known| known.name == *name)?.named)
            }
            Dependent::Function { name, signature } => {
                let known = self.functions.get(name)?.iter().find(|known| known.signature() == *signature)?;
                (format!("function `{name}`"), known.named)
            }
            Dependent::Type(name) => (format!("type `{name}`"), self.types.get(name)?.at),
            Dependent::EventTrigger(name) => (format!("event trigger `{name}`"), self.event_triggers.get(name)?.at),
        };
        Some(described)
    }

    /// Returns whether an object certainly exists.
    pub(super) fn is_certain(&self, object: &Dependent) -> bool {
        let of_table = |table: &QName| self.tables.get(table).filter(|table| table.certainty == Certainty::Certain);
        let certainty = match object {
            Dependent::View(name) => self.views.get(name).map(|view| view.certainty),
            Dependent::Table(name) => self.tables.get(name).map(|table| table.certainty),
            Dependent::Sequence(name) => self.sequences.get(name).map(|sequence| sequence.certainty),
            Dependent::Constraint { table, name } => of_table(table).and_then(|table| table.constraint(name)).map(|found| found.certainty),
            Dependent::Policy { table, name } => of_table(table).and_then(|table| table.policy(name)).map(|found| found.certainty),
            Dependent::Trigger { relation, name } => {
                let views = || self.views.get(relation).map(|view| &view.triggers);
                let mut triggers = self.tables.get(relation).map(|table| &table.triggers).or_else(views).into_iter().flatten();
                triggers.find(|trigger| trigger.name == *name).map(|trigger| trigger.certainty)
            }
            Dependent::Default { table, column } | Dependent::Column { table, column } => {
                of_table(table).and_then(|table| table.column(column)).map(|found| found.certainty)
            }
            Dependent::Index { relation, name } => of_table(relation).and_then(|table| table.index(name)).map(|found| found.certainty),
            Dependent::Function { name, signature } => self.function(name, signature).map(|function| function.certainty),
            Dependent::Type(name) => self.types.get(name).map(|ty| ty.certainty),
            Dependent::EventTrigger(_) => Some(Certainty::Certain),
        };
        certainty == Some(Certainty::Certain)
    }

    /// Removes objects with all their dependents and parts.
    pub(super) fn remove(&mut self, start: impl IntoIterator<Item = Dependent>) {
        let all = reachable(start, |object| self.is_dropped_with(object));
        all.into_iter().rev().for_each(|object| self.remove_single(object));
    }

    /// Returns the objects that are dropped with an object: its dependents, and parts of other objects that belong to it.
    pub(super) fn is_dropped_with(&self, object: &Dependent) -> Vec<Dependent> {
        match object {
            Dependent::View(name) | Dependent::Table(name) | Dependent::Sequence(name) => {
                let mut out = self.dependents_of_relation(name);
                if self.tables.contains(name) {
                    let owned = |sequence: &Sequence| sequence.owned_by.as_ref().is_some_and(|(owner, _)| owner == name);
                    out.extend(self.sequences.which(owned).map(|sequence| Dependent::Sequence(sequence.name.clone())));
                    out.extend(self.children(name).into_iter().map(Dependent::Table));
                }
                out
            }
            Dependent::Constraint { table, name } => {
                let Some(constraint) = self.tables.get(table).and_then(|table| table.constraint(name)) else { return Vec::new() };
                let mut out = self.dependents_of_key(table, constraint);
                for child in self.children(table) {
                    let of_child = self.tables.get(&child).into_iter().flat_map(|found| inherited_constraints(found, constraint));
                    out.extend(of_child.map(|own| Dependent::Constraint { table: child.clone(), name: own.name.clone() }));
                }
                out
            }
            Dependent::Index { relation, name } => {
                let mut out = Vec::new();
                for child in self.children(relation) {
                    let indexes = self.tables.get(&child).into_iter().flat_map(|table| &table.indexes);
                    let parts = indexes.filter(|index| index.part_of.as_ref() == Some(name));
                    out.extend(parts.map(|index| Dependent::Index { relation: child.clone(), name: index.name.clone() }));
                }
                out
            }
            Dependent::Column { table, column } => {
                let mut out = self.dependents_of_column(table, column);
                let Some(found) = self.tables.get(table) else { return out };
                out.extend(constraints_of_column(found, column));
                out.extend(indexes_of_column(found, column));
                out.extend(found.column(column).and_then(|column| column.sequence.clone()).map(Dependent::Sequence));
                out.extend(self.children(table).into_iter().map(|child| Dependent::Column { table: child, column: column.clone() }));
                out
            }
            Dependent::Function { name, signature } => {
                self.function(name, signature).map(|function| self.dependents_of_function(function)).unwrap_or_default()
            }
            Dependent::Type(name) => self.dependents_of_type(name),
            Dependent::Policy { .. } | Dependent::Trigger { .. } | Dependent::Default { .. } | Dependent::EventTrigger(_) => Vec::new(),
        }
    }

    /// Removes one object without its dependents.
    fn remove_single(&mut self, object: Dependent) {
        match object {
            Dependent::View(name) | Dependent::Table(name) | Dependent::Sequence(name) => self.take_out_relation(&name),
            Dependent::Constraint { table, name } => {
                let Some(constraint) = self.tables.get(&table).and_then(|table| table.constraint(&name)) else { return };
                if let Some(index) = &constraint.index {
                    self.index_homes.remove(&QName::new(table.schema.clone(), index.clone()));
                }
                if let Some(table) = self.tables.get_mut(&table) {
                    table.constraints.retain(|constraint| constraint.name != name);
                    table.indexes.retain(|index| index.constraint.as_ref() != Some(&name));
                }
            }
            Dependent::Policy { table, name } => {
                if let Some(table) = self.tables.get_mut(&table) {
                    table.policies.retain(|policy| policy.name != name);
                }
            }
            Dependent::Trigger { relation, name } => {
                if let Some(triggers) = self.triggers_mut(&relation) {
                    triggers.retain(|trigger| trigger.name != name);
                }
            }
            Dependent::Default { table, column } => {
                if let Some(column) = self.column_mut(&table, &column) {
                    column.default = None;
                }
            }
            Dependent::Column { table, column } => {
                if let Some(found) = self.tables.get_mut(&table) {
                    found.columns.retain(|known| known.name != column);
                }
            }
            Dependent::Index { relation, name } => {
                self.index_homes.remove(&QName::new(relation.schema.clone(), name.clone()));
                if let Some(table) = self.tables.get_mut(&relation) {
                    table.indexes.retain(|index| index.name != name);
                } else if let Some(view) = self.views.get_mut(&relation) {
                    view.indexes.retain(|index| index.name != name);
                }
            }
            Dependent::Function { name, signature } => {
                let Some(overloads) = self.functions.get_mut(&name) else { return };
                overloads.retain(|function| function.signature() != signature);
                if overloads.is_empty() {
                    self.functions.remove(&name);
                }
            }
            Dependent::Type(name) => {
                self.types.remove(&name);
            }
            Dependent::EventTrigger(name) => {
                self.event_triggers.remove(&name);
            }
        }
    }

    fn take_out_relation(&mut self, name: &QName) {
        let mut indexes = Vec::new();
        if let Some(table) = self.tables.remove(name) {
            indexes.extend(table.indexes.iter().map(|index| index.name.clone()));
            self.publications.update(
                |publication| publication.tables.iter().any(|(table, _)| table == name),
                |publication| publication.tables.retain(|(table, _)| table != name),
            );
        }
        if let Some(view) = self.views.remove(name) {
            indexes.extend(view.indexes.iter().map(|index| index.name.clone()));
        }
        for index in indexes {
            self.index_homes.remove(&QName::new(name.schema.clone(), index));
        }
        self.sequences.remove(name);
    }

    /// Removes relations with all their parts and dependents.
    pub(super) fn remove_relations(&mut self, names: impl IntoIterator<Item = QName>) {
        self.remove(names.into_iter().map(Dependent::Table));
    }

    pub(super) fn remove_constraint(&mut self, table: &QName, name: &str) {
        self.remove([Dependent::Constraint { table: table.clone(), name: name.into() }]);
    }

    /// Removes an index, and the indexes of partitions that are attached to it.
    pub(super) fn remove_index(&mut self, relation: &QName, name: &str) {
        self.remove([Dependent::Index { relation: relation.clone(), name: name.into() }]);
    }

    pub(super) fn remove_column(&mut self, table: &QName, column: &str) {
        self.remove([Dependent::Column { table: table.clone(), column: column.into() }]);
    }

    pub(super) fn remove_function(&mut self, name: &QName, signature: &[SmolStr]) {
        self.remove([Dependent::Function { name: name.clone(), signature: signature.to_vec() }]);
    }

    pub(super) fn remove_type(&mut self, name: &QName) {
        self.remove([Dependent::Type(name.clone())]);
    }

    /// Returns the foreign keys that depend on a key and have no other matching key.
    pub fn dependents_of_key(&self, table: &QName, key: &Constraint) -> Vec<Dependent> {
        if !matches!(key.kind, ConstraintKind::PrimaryKey | ConstraintKind::Unique) {
            return Vec::new();
        }
        let set = |columns: &[SmolStr]| {
            let mut sorted = columns.to_vec();
            sorted.sort();
            sorted
        };
        let wanted = set(&key.columns);
        let mut out = Vec::new();
        for other in self.tables.which(|other| refers(other, table)) {
            for (constraint, reference) in other.foreign_keys() {
                if reference.table == *table && set(&reference.columns) == wanted {
                    out.push(Dependent::Constraint { table: other.name.clone(), name: constraint.name.clone() });
                }
            }
        }
        out
    }
}

/// Returns the constraints that a child table inherits from a constraint of its parent table.
fn inherited_constraints<'t>(child: &'t Table, of: &'t Constraint) -> impl Iterator<Item = &'t Constraint> {
    let inherited = matches!(of.kind, ConstraintKind::Check | ConstraintKind::ForeignKey);
    child.constraints.iter().filter(move |own| {
        let is_part = |index: &SmolStr| child.index(index).is_some_and(|index| index.part_of.is_some() && index.part_of == of.index);
        inherited && own.kind == of.kind && own.name == of.name || own.index.as_ref().is_some_and(is_part)
    })
}

fn constraints_of_column(table: &Table, column: &str) -> Vec<Dependent> {
    let of_column = table.constraints.iter().filter(|constraint| constraint.columns.iter().any(|name| name == column));
    of_column.map(|constraint| Dependent::Constraint { table: table.name.clone(), name: constraint.name.clone() }).collect()
}

fn indexes_of_column(table: &Table, column: &str) -> Vec<Dependent> {
    let mentions = |expression: &Expression| {
        expression.root.all().iter().any(|expr| match &expr.kind {
            ExprKind::Column { path, .. } => path.last().is_some_and(|last| last == column),
            _ => false,
        })
    };
    let uses = |index: &&Index| {
        index.columns.iter().any(|part| part.column.as_deref() == Some(column) || (part.column.is_none() && mentions(&part.expr)))
            || index.include.iter().any(|name| name == column)
            || index.predicate.as_ref().is_some_and(mentions)
    };
    let of_column = table.indexes.iter().filter(uses);
    of_column.map(|index| Dependent::Index { relation: table.name.clone(), name: index.name.clone() }).collect()
}
