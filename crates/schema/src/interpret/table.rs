//! Tables, columns, constraints and indexes.

use super::bind::Item;
use super::index::index_part;
use super::{Context, Meaning};
use crate::catalog::apply::MAX_COLUMNS;
use crate::catalog::effect::Change;
use crate::catalog::name::{QName, derived_name};
use crate::catalog::object::*;
use crate::catalog::{RelationKind, SqlError};
use crate::source::{Site, Span};
use crate::syntax::ast::{self, ColumnDef, ConstraintDef, CreateTable, ObjectKind, TableElement};
use crate::syntax::expression::{Call, Expr, ExprKind, Ident, ObjectName};
use crate::syntax::types::TypeName;
use smol_str::SmolStr;
use std::sync::Arc;

pub(super) fn names(idents: &[Ident]) -> Vec<SmolStr> {
    idents.iter().map(|ident| ident.name.clone()).collect()
}

/// Returns the integer type of a serial type.
fn serial(ty: &TypeName) -> Option<&'static str> {
    match ty.name.last() {
        "serial" if ty.builtin => Some("integer"),
        "bigserial" if ty.builtin => Some("bigint"),
        "smallserial" if ty.builtin => Some("smallint"),
        _ => None,
    }
}

/// Returns the columns that an expression uses, each once.
fn columns_of(expr: &Expr, table: &Table) -> Vec<SmolStr> {
    let mut out: Vec<SmolStr> = Vec::new();
    for part in expr.all() {
        if let Some(name) = part.column()
            && table.may_have(name)
            && !out.iter().any(|known| known == name)
        {
            out.push(name.into());
        }
    }
    out
}

/// Returns the position of a constraint in the order of CREATE TABLE: check constraints, the primary key, other keys, foreign keys. Foreign
/// keys are last because they can reference the table itself.
/// Source: `transformCreateStmt` of PostgreSQL's parse_utilcmd.c.
fn rank(kind: &ast::ConstraintKind) -> u8 {
    match kind {
        ast::ConstraintKind::Check { .. } => 0,
        ast::ConstraintKind::PrimaryKey { .. } => 1,
        ast::ConstraintKind::Unique { .. } | ast::ConstraintKind::Exclude { .. } => 2,
        ast::ConstraintKind::ForeignKey { .. } => 3,
    }
}

/// Returns whether the table already has a key with the same columns, as in `id uuid UNIQUE PRIMARY KEY`, where PostgreSQL creates one key.
fn is_redundant(table: &Table, constraint: &Constraint) -> bool {
    let is_key = |kind| matches!(kind, ConstraintKind::PrimaryKey | ConstraintKind::Unique);
    let same = |known: &Constraint| is_key(known.kind) && known.columns == constraint.columns && known.deferrable == constraint.deferrable;
    let second = constraint.kind == ConstraintKind::PrimaryKey && table.primary_key().is_some();
    is_key(constraint.kind) && constraint.index.is_some() && !second && table.constraints.iter().any(same)
}

/// Adds a constraint to a table that is being created.
pub(super) fn put_constraint(table: &mut Table, constraint: Constraint, index: Option<Index>) {
    if constraint.kind == ConstraintKind::PrimaryKey {
        for column in table.columns.iter_mut().filter(|column| constraint.columns.contains(&column.name) && !column.not_null.value) {
            column.not_null = Fact { value: true, at: constraint.at, certainty: constraint.certainty };
        }
    }
    table.indexes.extend(index);
    table.constraints.push(constraint);
}

/// Returns the index for a constraint that was copied from another table, under the constraint's new name.
pub(super) fn index_of_copy(source: &Table, copy: &mut Constraint) -> Option<Index> {
    let index = source.index(copy.index.as_deref()?)?;
    copy.index = Some(copy.name.clone());
    Some(Index { name: copy.name.clone(), constraint: Some(copy.name.clone()), at: copy.at, named: copy.at, ..index.clone() })
}

/// A table that is being created, with the names that its indexes, constraints and sequences already use.
pub(super) struct TableDraft {
    pub table: Table,
    pub taken: Vec<SmolStr>,
}

impl Context<'_> {
    pub(super) fn empty_table(&self, name: QName, create: &CreateTable) -> Table {
        Table {
            acl: self.catalog.initial_acl(ObjectKind::Table, &name.schema, self.at, self.certainty),
            kind: match (create.foreign, create.partition_by.is_some()) {
                (true, _) => TableKind::Foreign,
                (_, true) => TableKind::Partitioned,
                _ => TableKind::Ordinary,
            },
            created: self.at,
            named: self.site(create.name.span()),
            certainty: self.certainty,
            external: false,
            of_extension: self.of_extension,
            columns: Vec::new(),
            constraints: Vec::new(),
            indexes: Vec::new(),
            policies: Vec::new(),
            triggers: Vec::new(),
            rls: Fact { value: false, at: self.at, certainty: self.certainty },
            force_rls: Fact { value: false, at: self.at, certainty: self.certainty },
            autovacuum: Fact { value: autovacuum(&create.options), at: self.at, certainty: self.certainty },
            inherits: Vec::new(),
            partition_of: None,
            bound: None,
            partition_key: None,
            owner: self.catalog.current_role(),
            name,
        }
    }

    pub fn create_table(&mut self, create: CreateTable) -> Meaning {
        let name = self.place(&create.name, create.temporary)?;
        if create.if_not_exists && self.catalog.relation_kind(&name).is_some() {
            return Ok(());
        }
        if create.elements.len() > MAX_COLUMNS {
            return Err(SqlError::new("54011", format!("tables can have at most {MAX_COLUMNS} columns")));
        }
        let mut draft = TableDraft { table: self.empty_table(name, &create), taken: Vec::new() };
        for parent in create.inherits.iter().chain(&create.partition_of).chain(&create.of_type) {
            let parent_name = self.relation(parent)?;
            let Some(parent_name) = parent_name else { continue };
            if create.partition_of.is_some() {
                draft.table.partition_of = Some(parent_name.clone());
            } else {
                draft.table.inherits.push(parent_name.clone());
            }
            self.copy_columns(&mut draft.table, &parent_name);
        }
        if let (Some(parent), Some(bound)) = (&draft.table.partition_of, &create.bound) {
            draft.table.bound = self.partition_bound(&draft.table.name, parent, bound, false)?;
        }
        let mut constraints = Vec::new();
        draft.table.columns.reserve_exact(create.elements.len());
        for element in create.elements {
            match element {
                TableElement::Column(mut column) => {
                    for constraint in std::mem::take(&mut column.constraints) {
                        constraints.push((Some(column.name.clone()), constraint));
                    }
                    self.define_column(&mut draft, column)?;
                }
                TableElement::Constraint(constraint) => constraints.push((None, constraint)),
                TableElement::Like { table, including, excluding, .. } => self.like(&mut draft, &table, &including, &excluding)?,
            }
        }
        let columns = draft.table.columns.iter().map(|column| (column.name.clone(), column.ty.clone())).collect();
        self.draft = Some((draft.table.name.clone(), columns));
        self.bind_columns(&mut draft.table)?;
        if let Some(key) = create.partition_by {
            draft.table.partition_key = Some(self.partition_key(&draft.table, key)?);
        }
        constraints.sort_by_key(|(_, constraint)| rank(&constraint.kind));
        for (column, constraint) in constraints {
            let (constraint, index) = self.constraint(&mut draft, constraint, column.as_ref())?;
            if !is_redundant(&draft.table, &constraint) {
                self.check_beside(&draft.table, &constraint)?;
                self.check_key_of_partitioned(&draft.table, &constraint, index.as_ref())?;
                self.check_reference(&draft.table, &constraint)?;
                self.check_index_name(&draft.table.name.schema, index.as_ref())?;
                put_constraint(&mut draft.table, constraint, index);
            }
        }
        if let Some(parent) = draft.table.partition_of.clone() {
            self.partition_parts(&mut draft, &parent)?;
        }
        draft.table.columns.shrink_to_fit();
        draft.table.constraints.shrink_to_fit();
        draft.table.indexes.shrink_to_fit();
        self.emit(Change::CreateTable(Arc::new(draft.table)));
        Ok(())
    }

    fn copy_columns(&self, table: &mut Table, parent: &QName) {
        let Some(parent) = self.catalog.table(parent) else {
            if let Some(TypeKind::Composite(attributes)) = self.catalog.types.get(parent).map(|ty| &ty.kind) {
                table.columns.extend(attributes.iter().map(|(name, ty)| self.plain_column(name.clone(), ty.clone())));
            }
            return;
        };
        table.external |= parent.external;
        for column in &parent.columns {
            if table.column(&column.name).is_none() {
                table.columns.push(Column { sequence: None, identity: None, ..column.clone() });
            }
        }
        let checks = parent.constraints.iter().filter(|constraint| constraint.kind == ConstraintKind::Check);
        table.constraints.extend(checks.cloned());
    }

    /// Returns a column with a name and a type, without other properties.
    pub(super) fn plain_column(&self, name: SmolStr, ty: DataType) -> Column {
        Column {
            name,
            ty,
            at: self.at,
            named: self.at,
            certainty: self.certainty,
            not_null: Fact { value: false, at: self.at, certainty: self.certainty },
            default: None,
            generated: None,
            identity: None,
            sequence: None,
        }
    }

    fn like(&mut self, draft: &mut TableDraft, source: &ObjectName, including: &[SmolStr], excluding: &[SmolStr]) -> Meaning {
        let Some(source) = self.relation(source)? else { return Ok(()) };
        let with = |what: &str| including.iter().any(|name| name == what || name == "all") && !excluding.iter().any(|name| name == what);
        if let Some(view) = self.catalog.views.get(&source) {
            for column in &view.columns {
                let ty = column.ty.clone().unwrap_or_else(|| DataType::builtin("unknown"));
                draft.table.columns.push(self.plain_column(column.name.clone(), ty));
            }
        }
        let Some(source) = self.catalog.table(&source) else { return Ok(()) };
        draft.table.external |= source.external;
        for column in &source.columns {
            let mut copy = Column { at: self.at, named: self.at, sequence: None, ..column.clone() };
            if !with("defaults") {
                copy.default = None;
            }
            if !with("generated") {
                copy.generated = None;
            }
            if !with("identity") {
                copy.identity = None;
            } else if copy.identity.is_some() {
                copy.sequence = Some(self.sequence_name(&draft.table.name, &copy.name, &mut draft.taken));
            }
            draft.table.columns.push(copy);
        }
        for constraint in &source.constraints {
            let check = constraint.kind == ConstraintKind::Check;
            let key = matches!(constraint.kind, ConstraintKind::PrimaryKey | ConstraintKind::Unique | ConstraintKind::Exclude);
            if (check && with("constraints")) || (key && with("indexes")) {
                let mut copy = Constraint { at: self.at, ..constraint.clone() };
                if key {
                    let suffix = match constraint.kind {
                        ConstraintKind::PrimaryKey => "pkey",
                        ConstraintKind::Unique => "key",
                        _ => "excl",
                    };
                    let parts = if suffix == "pkey" { String::new() } else { constraint.columns.join("_") };
                    copy.name = self.free_relation_name(&draft.table.name.schema, &draft.table.name.name, &parts, suffix, &draft.taken);
                }
                let index = index_of_copy(source, &mut copy);
                put_constraint(&mut draft.table, copy, index);
            }
        }
        if with("indexes") {
            for index in source.indexes.iter().filter(|index| index.constraint.is_none()) {
                let parts: Vec<SmolStr> = index.columns.iter().map(index_part).collect();
                let name = self.free_relation_name(&draft.table.name.schema, &draft.table.name.name, &parts.join("_"), "idx", &draft.taken);
                draft.taken.push(name.clone());
                draft.table.indexes.push(Index { name, at: self.at, named: self.at, part_of: None, ..index.clone() });
            }
        }
        Ok(())
    }

    fn define_column(&mut self, draft: &mut TableDraft, definition: ColumnDef) -> Meaning {
        // the column is inherited, or belongs to a partition that sets its options
        if let Some(at) = draft.table.columns.iter().position(|known| known.name == definition.name.name)
            && (definition.ty.is_none() || !draft.table.inherits.is_empty())
        {
            let known = &mut draft.table.columns[at];
            if let Some(span) = definition.not_null {
                known.not_null = Fact { value: true, at: Site::new(self.file, span), certainty: self.certainty };
            }
            if let Some(default) = definition.default {
                known.default = self.default(&known.name, &known.ty, default)?;
            }
            return Ok(());
        }
        definition.ty.iter().try_for_each(|ty| self.require_type(ty))?;
        let table = draft.table.name.clone();
        let column = self.column(&table, definition, &mut draft.taken)?;
        draft.table.columns.push(column);
        Ok(())
    }

    /// Returns the column of a definition. Its expressions are not bound yet.
    pub(super) fn column(&mut self, table: &QName, definition: ColumnDef, taken: &mut Vec<SmolStr>) -> Result<Column, SqlError> {
        let name = definition.name.name.clone();
        let at = self.site(definition.span);
        let named = self.site(definition.name.span);
        let serial = definition.ty.as_ref().and_then(serial);
        let primary = definition.constraints.iter().find(|constraint| matches!(constraint.kind, ast::ConstraintKind::PrimaryKey { .. }));
        let not_null = match (definition.not_null, primary) {
            (Some(span), _) => Some(span),
            (None, Some(constraint)) => Some(constraint.span),
            (None, None) if serial.is_some() || definition.identity.is_some() => Some(definition.span),
            (None, None) => None,
        };
        let ty = match (&serial, &definition.ty) {
            (Some(base), Some(written)) => DataType { array: written.dimensions > 0, ..DataType::builtin(base) },
            (None, Some(written)) => self.data_type(written),
            _ => DataType::builtin("unknown"),
        };
        let sequence = (serial.is_some() || definition.identity.is_some()).then(|| self.sequence_name(table, &name, taken));
        let mut column = Column {
            name,
            at,
            named,
            certainty: self.certainty,
            not_null: Fact { value: not_null.is_some(), at: not_null.map_or(at, |span| self.site(span)), certainty: self.certainty },
            default: None,
            ty,
            generated: definition.generated.clone().map(|expr| Box::new(Expression::new(self.file, expr))),
            identity: definition.identity,
            sequence,
        };
        self.check_column(table, &definition, &column)?;
        column.default = match (&column.sequence, serial, definition.default) {
            (Some(sequence), Some(_), _) => Some(Expression::new(self.file, next_value(sequence, definition.span))),
            (_, _, Some(default)) => self.default(&column.name, &column.ty, default)?,
            (_, _, None) => None,
        };
        Ok(column)
    }

    fn sequence_name(&self, table: &QName, column: &str, taken: &mut Vec<SmolStr>) -> QName {
        let name = self.free_relation_name(&table.schema, &table.name, column, "seq", taken);
        taken.push(name.clone());
        QName::new(table.schema.clone(), name)
    }

    /// Binds the generated columns of a new table.
    fn bind_columns(&mut self, table: &mut Table) -> Meaning {
        for at in 0..table.columns.len() {
            if let Some(generated) = table.columns[at].generated.clone() {
                table.columns[at].generated = Some(Box::new(self.generated(table, &generated, item_of(table))?));
            }
        }
        Ok(())
    }

    /// Returns an error if a relation already has the name of the key's index.
    fn check_index_name(&self, schema: &SmolStr, index: Option<&Index>) -> Meaning {
        match index.filter(|index| self.catalog.relation_kind(&QName::new(schema.clone(), index.name.clone())).is_some()) {
            Some(index) => Err(SqlError::new("42P07", format!("relation \"{}\" already exists", index.name))),
            None => Ok(()),
        }
    }

    /// Returns a name that no relation of the schema has. PostgreSQL appends 1, 2, … to the suffix until the name is free.
    pub(super) fn free_relation_name(&self, schema: &SmolStr, table: &str, columns: &str, suffix: &str, taken: &[SmolStr]) -> SmolStr {
        let free =
            |name: &SmolStr| !taken.contains(name) && self.catalog.relation_kind(&QName::new(schema.clone(), name.clone())).is_none();
        let first = derived_name(table, columns, suffix);
        if free(&first) {
            return first;
        }
        (1..).map(|number: u32| derived_name(table, columns, &format!("{suffix}{number}"))).find(free).unwrap_or(first)
    }

    fn free_constraint_name(&self, table: &Table, columns: &str, suffix: &str, taken: &[SmolStr]) -> SmolStr {
        let free = |name: &SmolStr| !taken.contains(name) && table.constraint(name).is_none();
        let first = derived_name(&table.name.name, columns, suffix);
        if free(&first) {
            return first;
        }
        (1..).map(|number: u32| derived_name(&table.name.name, columns, &format!("{suffix}{number}"))).find(free).unwrap_or(first)
    }

    /// Returns a constraint and the index that enforces it. `column` is the column of a column constraint. A constraint without a name gets
    /// the name that PostgreSQL chooses.
    pub(super) fn constraint(
        &mut self,
        draft: &mut TableDraft,
        definition: ConstraintDef,
        column: Option<&Ident>,
    ) -> Result<(Constraint, Option<Index>), SqlError> {
        let TableDraft { table, taken } = draft;
        let at = self.site(definition.span);
        let own = |columns: &[Ident]| {
            if columns.is_empty() { column.map(|column| column.name.clone()).into_iter().collect() } else { names(columns) }
        };
        let mut constraint = Constraint {
            name: definition.name.as_ref().map(|name| name.name.clone()).unwrap_or_default(),
            kind: ConstraintKind::Check,
            columns: Vec::new(),
            at,
            certainty: self.certainty,
            validated: Fact { value: !definition.not_valid, at, certainty: self.certainty },
            expr: None,
            references: None,
            index: None,
            deferrable: definition.deferrable,
        };
        let unnamed = definition.name.is_none();
        let mut index = None;
        match definition.kind {
            ast::ConstraintKind::PrimaryKey { columns, include, using_index } => {
                constraint.kind = ConstraintKind::PrimaryKey;
                index = self.key(&mut constraint, table, own(&columns), &include, using_index, taken);
            }
            ast::ConstraintKind::Unique { columns, include, using_index, nulls_not_distinct } => {
                constraint.kind = ConstraintKind::Unique;
                index = self.key(&mut constraint, table, own(&columns), &include, using_index, taken);
                index = index.map(|index| Index { nulls_not_distinct, ..index });
            }
            ast::ConstraintKind::Check { expr, .. } => {
                let expr = self.check(expr, item_of(table))?;
                constraint.columns = columns_of(&expr.root, table);
                if unnamed {
                    let part = if let [only] = constraint.columns.as_slice() { only.clone() } else { SmolStr::default() };
                    constraint.name = self.free_constraint_name(table, &part, "check", taken);
                }
                constraint.expr = Some(expr);
            }
            ast::ConstraintKind::ForeignKey { columns, table: target, referenced, on_delete, on_update } => {
                constraint.kind = ConstraintKind::ForeignKey;
                constraint.columns = own(&columns);
                let itself = target.last() == table.name.name && target.schema().is_none_or(|schema| schema == table.name.schema);
                let target = if itself { Some(table.name.clone()) } else { self.relation(&target)? };
                if let Some(target) = target {
                    self.check_target(&target)?;
                    self.assume_columns(&target, &referenced);
                    let columns = if referenced.is_empty() { self.primary_key_of(&target, table) } else { names(&referenced) };
                    constraint.references = Some(ForeignKey { table: target, columns, on_delete, on_update });
                }
                if unnamed {
                    constraint.name = self.free_constraint_name(table, &constraint.columns.join("_"), "fkey", taken);
                }
            }
            ast::ConstraintKind::Exclude { method, elements, include, predicate } => {
                constraint.kind = ConstraintKind::Exclude;
                let item = item_of(table);
                let mut columns = Vec::new();
                for (element, _) in elements {
                    columns.push(self.index_column(element, &item)?);
                }
                let predicate = predicate.map(|expr| self.bound(expr, item)).transpose()?;
                constraint.columns = columns.iter().filter_map(|column| column.column.clone()).collect();
                if unnamed {
                    let parts: Vec<SmolStr> = columns.iter().map(index_part).chain(names(&include)).collect();
                    constraint.name = self.free_relation_name(&table.name.schema, &table.name.name, &parts.join("_"), "excl", taken);
                }
                constraint.index = Some(constraint.name.clone());
                let enforcing = Index::of_constraint(&constraint, constraint.name.clone());
                index = Some(Index { method, columns, include: names(&include), predicate, ..enforcing });
            }
        }
        taken.push(constraint.name.clone());
        Ok((constraint, index))
    }

    fn check_target(&self, target: &QName) -> Meaning {
        match self.catalog.relation_kind(target) {
            Some(RelationKind::Table) | None => Ok(()),
            Some(_) => Err(SqlError::new("42809", format!("referenced relation \"{}\" is not a table", target.name))),
        }
    }

    fn primary_key_of(&self, target: &QName, own: &Table) -> Vec<SmolStr> {
        let table = if *target == own.name { Some(own) } else { self.catalog.table(target) };
        match table.and_then(Table::primary_key) {
            Some(key) => key.columns.clone(),
            // the usual primary key of such a table
            None if table.is_none_or(|table| table.external) => vec!["id".into()],
            None => Vec::new(),
        }
    }

    fn key(
        &self,
        constraint: &mut Constraint,
        table: &Table,
        columns: Vec<SmolStr>,
        include: &[Ident],
        using_index: Option<Ident>,
        taken: &[SmolStr],
    ) -> Option<Index> {
        constraint.columns = columns;
        if let Some(index) = using_index {
            if let Some(found) = table.index(&index.name) {
                constraint.columns = found.columns.iter().filter_map(|column| column.column.clone()).collect();
            }
            if constraint.name.is_empty() {
                constraint.name = index.name.clone();
            }
            constraint.index = Some(index.name);
            return None;
        }
        if constraint.name.is_empty() {
            let mut parts = constraint.columns.clone();
            parts.extend(names(include));
            let primary = constraint.kind == ConstraintKind::PrimaryKey;
            let (parts, suffix) = if primary { (String::new(), "pkey") } else { (parts.join("_"), "key") };
            constraint.name = self.free_relation_name(&table.name.schema, &table.name.name, &parts, suffix, taken);
        }
        constraint.index = Some(constraint.name.clone());
        Some(Index { include: names(include), ..Index::of_constraint(constraint, constraint.name.clone()) })
    }
}

pub fn item_of(table: &Table) -> Item {
    Item {
        reference: Some(table.name.name.clone()),
        relation: Some(Item::relation(&table.name)),
        columns: (!table.external).then(|| table.columns.iter().map(|column| column.name.clone()).collect()),
    }
}

/// Returns `nextval('schema.sequence'::regclass)`, the default of a serial column.
fn next_value(sequence: &QName, span: Span) -> Expr {
    let part = |name: &str| Ident { name: name.into(), span };
    let text = Expr::new(span, ExprKind::String(sequence.to_string().into()));
    let call = Call {
        name: ObjectName { parts: vec![part("nextval")] },
        args: vec![crate::syntax::expression::Arg { name: None, value: text }],
        distinct: false,
        order_by: Vec::new(),
        filter: None,
        over: None,
    };
    Expr::new(span, ExprKind::Call(Box::new(call)))
}

/// Returns the value of the storage parameter `autovacuum_enabled`, if it is set.
pub(super) fn autovacuum(options: &[(SmolStr, SmolStr)]) -> Option<SmolStr> {
    options.iter().find(|(name, _)| name == "autovacuum_enabled").map(|(_, value)| value.clone())
}
