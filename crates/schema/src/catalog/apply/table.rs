//! Changes of tables, columns, constraints and indexes.

use super::{MAX_COLUMNS, duplicate, is_replaceable, missing, on_relation, push};
use crate::catalog::name::QName;
use crate::catalog::object::*;
use crate::catalog::{Applied, Catalog, MIGRATION_ROLE, SqlError, is_system_schema};
use crate::source::Site;
use crate::syntax::ast::ObjectKind;
use smol_str::SmolStr;
use std::sync::Arc;

impl Catalog {
    pub(super) fn assume_table(&mut self, name: QName, at: Site, named: Site) {
        let unknown = |value| Fact { value, at, certainty: Certainty::Maybe };
        let table = Table {
            name: name.clone(),
            kind: TableKind::Ordinary,
            created: at,
            named,
            certainty: Certainty::Maybe,
            external: true,
            of_extension: is_system_schema(&name.schema),
            columns: Vec::new(),
            constraints: Vec::new(),
            indexes: Vec::new(),
            policies: Vec::new(),
            triggers: Vec::new(),
            rls: unknown(false),
            force_rls: unknown(false),
            autovacuum: Fact { value: None, at, certainty: Certainty::Maybe },
            inherits: Vec::new(),
            partition_of: None,
            bound: None,
            partition_key: None,
            owner: MIGRATION_ROLE.into(),
            acl: self.initial_acl(ObjectKind::Table, &name.schema, at, Certainty::Maybe),
        };
        self.tables.insert(name, table);
    }

    pub(super) fn create_table(&mut self, table: Arc<Table>) -> Applied {
        if table.columns.len() > MAX_COLUMNS {
            return Err(SqlError::new("54011", format!("tables can have at most {MAX_COLUMNS} columns")));
        }
        if self.relation_kind(&table.name).is_some() {
            return Err(duplicate("42P07", "relation", &table.name.name));
        }
        if self.types.contains(&table.name) {
            return Err(duplicate("42710", "type", &table.name.name));
        }
        for (at, column) in table.columns.iter().enumerate() {
            if table.columns[..at].iter().any(|before| before.name == column.name) {
                return Err(SqlError::new("42701", format!("column \"{}\" specified more than once", column.name)));
            }
        }
        for constraint in &table.constraints {
            self.check_constraint(&table, constraint)?;
        }
        for column in &table.columns {
            if let Some(sequence) = &column.sequence {
                self.own_sequence(sequence.clone(), column.at, &table.name, &column.name, table.certainty);
            }
        }
        for index in &table.indexes {
            self.index_homes.insert(QName::new(table.name.schema.clone(), index.name.clone()), table.name.clone());
        }
        self.has_families |= table.partition_of.is_some() || !table.inherits.is_empty();
        self.tables.share(table.name.clone(), table);
        Ok(())
    }

    pub(super) fn own_sequence(&mut self, name: QName, at: Site, table: &QName, column: &str, certainty: Certainty) {
        let acl = self.initial_acl(ObjectKind::Sequence, &name.schema, at, certainty);
        let owner = self.current_role();
        let owned_by = Some((table.clone(), column.into()));
        self.sequences.insert(name.clone(), Sequence { name, at, certainty, owned_by, owner, acl });
    }

    /// Checks that the columns of a constraint and its referenced objects exist.
    pub(super) fn check_constraint(&self, table: &Table, constraint: &Constraint) -> Applied {
        for column in &constraint.columns {
            if !table.may_have(column) {
                let reason = match constraint.kind {
                    ConstraintKind::ForeignKey => format!("column \"{column}\" referenced in foreign key constraint does not exist"),
                    ConstraintKind::Check => format!("column \"{column}\" does not exist"),
                    _ => format!("column \"{column}\" named in key does not exist"),
                };
                return Err(SqlError::new("42703", reason));
            }
        }
        let Some(key) = &constraint.references else { return Ok(()) };
        let target = if key.table == table.name { Some(table) } else { self.tables.get(&key.table) };
        let Some(target) = target else { return Ok(()) };
        for column in &key.columns {
            if !target.may_have(column) {
                return Err(SqlError::new("42703", format!("column \"{column}\" referenced in foreign key constraint does not exist")));
            }
        }
        let is_key = |columns: &[SmolStr]| columns.len() == key.columns.len() && columns.iter().all(|column| key.columns.contains(column));
        let unique_constraint = target
            .constraints
            .iter()
            .any(|known| matches!(known.kind, ConstraintKind::PrimaryKey | ConstraintKind::Unique) && is_key(&known.columns));
        let unique_index = target.indexes.iter().any(|index| {
            let columns: Option<Vec<SmolStr>> = index.columns.iter().map(|column| column.column.clone()).collect();
            index.unique && index.predicate.is_none() && columns.is_some_and(|columns| is_key(&columns))
        });
        if !target.external && !unique_constraint && !unique_index {
            let reason = format!("there is no unique constraint matching given keys for referenced table \"{}\"", target.name.name);
            return Err(SqlError::new("42830", reason));
        }
        Ok(())
    }

    pub(super) fn drop_relation(&mut self, name: &QName, cascade: bool) -> Applied {
        let Some(kind) = self.relation_kind(name) else { return Err(missing("42P01", "relation", &name.name)) };
        if !cascade {
            self.refuse_dependents(&format!("{} {}", kind.noun(), self.shown(name)), &self.dependents_of_relation(name))?;
        }
        self.remove_relations([name.clone()]);
        Ok(())
    }

    pub(super) fn add_column(&mut self, table: &QName, column: Column) -> Applied {
        let found = self.table_mut(table)?;
        if let Some(known) = found.columns.iter_mut().find(|known| known.name == column.name) {
            // replaces a column that earlier statements assumed to exist
            if found.external && known.ty.is("unknown") {
                *known = column;
                return Ok(());
            }
            return Err(on_relation("already exists", "42701", "column", &column.name, table));
        }
        let (name, at, sequence, certainty) = (column.name.clone(), column.at, column.sequence.clone(), column.certainty);
        push(&mut found.columns, column.clone());
        if let Some(sequence) = sequence {
            self.own_sequence(sequence, at, table, &name, certainty);
        }
        for child in self.descendants(table) {
            let Some(found) = self.tables.get_mut(&child) else { continue };
            if found.column(&name).is_none() {
                push(&mut found.columns, Column { sequence: None, ..column.clone() });
            }
        }
        Ok(())
    }

    pub(super) fn drop_column(&mut self, table: &QName, column: &str, cascade: bool) -> Applied {
        self.require_column(table, column)?;
        for name in std::iter::once(table.clone()).chain(self.descendants(table)) {
            let key = self.tables.get(&name).and_then(|table| table.partition_key.as_ref());
            if key.is_some_and(|key| key.has(column)) {
                let name = &name.name;
                let reason = format!("cannot drop column \"{column}\" because it is part of the partition key of relation \"{name}\"");
                return Err(SqlError::new("42P16", reason));
            }
        }
        if !cascade {
            let what = format!("column {column} of table {}", self.shown(table));
            self.refuse_dependents(&what, &self.dependents_of_column(table, column))?;
        }
        self.remove_column(table, column);
        Ok(())
    }

    pub(super) fn add_constraint(&mut self, name: &QName, constraint: Constraint, index: Option<Index>) -> Applied {
        self.remove_uncertain_duplicate(name, &constraint);
        let Some(table) = self.tables.get(name) else { return Err(missing("42P01", "relation", &name.name)) };
        if constraint.kind == ConstraintKind::PrimaryKey && table.primary_key().is_some() {
            return Err(SqlError::new("42P16", format!("multiple primary keys for table \"{}\" are not allowed", name.name)));
        }
        let index_name = index.as_ref().map(|index| QName::new(name.schema.clone(), index.name.clone()));
        if let Some(index) = index_name.as_ref().filter(|index| self.relation_kind(index).is_some()) {
            return Err(duplicate("42P07", "relation", &index.name));
        }
        if table.constraint(&constraint.name).is_some() {
            return Err(on_relation("already exists", "42710", "constraint", &constraint.name, name).with_for_relation());
        }
        self.check_constraint(table, &constraint)?;
        let adopted = constraint.index.clone().filter(|_| index.is_none());
        if let Some(missing) = adopted.as_ref().filter(|index| !table.external && table.index(index).is_none()) {
            return Err(SqlError::new("42704", format!("index \"{missing}\" does not exist")));
        }
        if let Some(index_name) = index_name {
            self.index_homes.insert(index_name, name.clone());
        }
        let nulls = constraint.kind == ConstraintKind::PrimaryKey;
        let Ok(table) = self.table_mut(name) else { return Ok(()) };
        if nulls {
            for column in table.columns.iter_mut().filter(|column| constraint.columns.contains(&column.name) && !column.not_null.value) {
                column.not_null = Fact { value: true, at: constraint.at, certainty: constraint.certainty };
            }
        }
        table.indexes.extend(index);
        let to = constraint.name.clone();
        if let Some(known) = table.indexes.iter_mut().find(|known| adopted.as_ref() == Some(&known.name)) {
            known.constraint = Some(to.clone());
            known.primary = nulls;
        }
        push(&mut table.constraints, constraint);
        // USING INDEX gives the index the name of the constraint
        if let Some(adopted) = adopted.filter(|adopted| *adopted != to) {
            self.rename_index(name, &adopted, &to);
        }
        Ok(())
    }

    /// Removes an uncertain constraint with the same name, or an uncertain primary key that `new` replaces, with its index. Dependent
    /// objects are kept.
    fn remove_uncertain_duplicate(&mut self, table: &QName, new: &Constraint) {
        let is_one = |old: &Constraint| {
            let same = old.name == new.name || [old.kind, new.kind] == [ConstraintKind::PrimaryKey; 2];
            same && is_replaceable(old.certainty, new.certainty)
        };
        let Some(old) = self.tables.get(table).and_then(|table| table.constraints.iter().find(|old| is_one(old))).cloned() else { return };
        if let Some(index) = &old.index {
            self.remove_index(table, index);
        }
        if let Some(table) = self.tables.get_mut(table) {
            table.constraints.retain(|constraint| constraint.name != old.name);
        }
    }

    pub(super) fn drop_constraint(&mut self, table: &QName, name: &str, cascade: bool) -> Applied {
        let constraint = self.require_constraint(table, name)?.clone();
        if !cascade {
            let what = format!("constraint {name} on table {}", self.shown(table));
            self.refuse_dependents(&what, &self.dependents_of_key(table, &constraint))?;
        }
        self.remove_constraint(table, name);
        Ok(())
    }

    pub(super) fn rename_constraint(&mut self, table: &QName, from: &str, to: SmolStr) -> Applied {
        if self.table_mut(table)?.constraint(&to).is_some() {
            return Err(on_relation("already exists", "42710", "constraint", &to, table).with_for_relation());
        }
        let Ok(constraint) = self.require_constraint(table, from) else {
            let reason = format!("constraint \"{from}\" for table \"{}\" does not exist", table.name);
            return Err(SqlError::new("42704", reason));
        };
        let index = constraint.index.clone();
        self.require_constraint(table, from)?.name = to.clone();
        if let Some(index) = index {
            self.rename_index(table, &index, &to);
        }
        Ok(())
    }

    pub(super) fn create_index(&mut self, relation: &QName, index: Index) -> Applied {
        let name = QName::new(relation.schema.clone(), index.name.clone());
        if let Some(home) = self.index_home(&name).cloned()
            && self
                .tables
                .get(&home)
                .and_then(|table| table.index(&index.name))
                .is_some_and(|old| is_replaceable(old.certainty, index.certainty))
        {
            self.remove_index(&home, &index.name);
        }
        if self.relation_kind(&name).is_some() {
            return Err(duplicate("42P07", "relation", &index.name));
        }
        if let Some(columns) = self.columns(relation) {
            let keys = index.columns.iter().filter_map(|column| column.column.as_ref());
            for column in keys.chain(&index.include) {
                if !columns.contains(column) {
                    return Err(SqlError::new("42703", format!("column \"{column}\" does not exist")));
                }
            }
        }
        self.index_homes.insert(name, relation.clone());
        if let Some(table) = self.tables.get_mut(relation) {
            push(&mut table.indexes, index);
        } else if let Some(view) = self.views.get_mut(relation) {
            view.indexes.push(index);
        }
        Ok(())
    }

    /// Renames an index and its constraint, which have the same name.
    pub(super) fn rename_index(&mut self, home: &QName, from: &str, to: &SmolStr) {
        self.index_homes.remove(&QName::new(home.schema.clone(), from));
        self.index_homes.insert(QName::new(home.schema.clone(), to.clone()), home.clone());
        let rename =
            |indexes: &mut Vec<Index>| indexes.iter_mut().filter(|index| index.name == from).for_each(|index| index.name = to.clone());
        for child in self.children(home) {
            let Some(table) = self.tables.get_mut(&child) else { continue };
            table
                .indexes
                .iter_mut()
                .filter(|index| index.part_of.as_deref() == Some(from))
                .for_each(|part| part.part_of = Some(to.clone()));
        }
        if let Some(table) = self.tables.get_mut(home) {
            rename(&mut table.indexes);
            for constraint in table.constraints.iter_mut().filter(|constraint| constraint.index.as_deref() == Some(from)) {
                constraint.index = Some(to.clone());
                constraint.name = to.clone();
            }
            for index in table.indexes.iter_mut().filter(|index| index.name == *to && index.constraint.is_some()) {
                index.constraint = Some(to.clone());
            }
        } else if let Some(view) = self.views.get_mut(home) {
            rename(&mut view.indexes);
        }
    }
}

impl Index {
    /// Returns the index that enforces a key.
    pub fn of_constraint(constraint: &Constraint, name: SmolStr) -> Index {
        use crate::syntax::expression::{Expr, ExprKind};
        let column = |name: &SmolStr| IndexColumn {
            column: Some(name.clone()),
            expr: Expression::new(
                constraint.at.file,
                Expr::new(constraint.at.span, ExprKind::Column { path: vec![name.clone()], binding: Default::default() }),
            ),
            descending: false,
            nulls_first: false,
            opclass: None,
        };
        Index {
            name,
            at: constraint.at,
            named: constraint.at,
            certainty: constraint.certainty,
            columns: constraint.columns.iter().map(column).collect(),
            include: Vec::new(),
            unique: matches!(constraint.kind, ConstraintKind::PrimaryKey | ConstraintKind::Unique),
            nulls_not_distinct: false,
            primary: constraint.kind == ConstraintKind::PrimaryKey,
            method: if constraint.kind == ConstraintKind::Exclude { "gist".into() } else { "btree".into() },
            predicate: None,
            constraint: Some(constraint.name.clone()),
            part_of: None,
            comment: None,
        }
    }
}
