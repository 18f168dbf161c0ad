//! Inheritance: columns, constraints and indexes that partitions and child tables get from their parent table, at creation and later.
//!
//! Promises: inherited objects have the names that PostgreSQL gives them. Source: PostgreSQL's documentation, "Declarative Partitioning"
//! and "Inheritance".

use super::index::index_part;
use super::table::{TableDraft, index_of_copy, put_constraint};
use super::{Context, Meaning};
use crate::catalog::SqlError;
use crate::catalog::effect::{Change, Effect};
use crate::catalog::name::{QName, derived_name};
use crate::catalog::object::{Constraint, ConstraintKind, Index, TableKind};
use crate::catalog::walk::reachable;
use crate::syntax::expression::ObjectName;
use smol_str::SmolStr;
use std::collections::{BTreeMap, BTreeSet};

impl Context<'_> {
    pub(super) fn partitions(&self, relation: &QName) -> Vec<QName> {
        let is_partitioned = self.catalog.table(relation).is_some_and(|table| table.kind == TableKind::Partitioned);
        if is_partitioned { self.catalog.children(relation) } else { Vec::new() }
    }

    /// Gives each direct and indirect partition its part of an index of the partitioned table. An equal index of the partition is attached.
    /// Otherwise a new index is created.
    pub(super) fn index_partition(&mut self, partition: &QName, index: &Index, taken: &mut Vec<SmolStr>) -> Meaning {
        let mut parts = vec![(partition.clone(), index.clone())];
        let all = reachable([partition.clone()], |table| self.partitions(table));
        for partition in all {
            let Some(at) = parts.iter().position(|(table, _)| *table == partition) else { continue };
            let (_, index) = parts.swap_remove(at);
            if let Some(table) = self.catalog.table(&partition) {
                self.check_unique_of_partitioned(table, &index)?;
            }
            let Some(part) = self.index_part_of(&partition, &index, taken) else { continue };
            parts.extend(self.partitions(&partition).into_iter().map(|below| (below, part.clone())));
        }
        Ok(())
    }

    /// Returns a new index for one partition, or `None` if the partition already has an equal index, which is attached.
    fn index_part_of(&mut self, partition: &QName, index: &Index, taken: &mut Vec<SmolStr>) -> Option<Index> {
        let whole = index.name.clone();
        let own = self.catalog.table(partition).into_iter().flat_map(|table| &table.indexes);
        if let Some(own) = own.into_iter().find(|own| own.part_of.is_none() && own.is_like(index)) {
            let name = own.name.clone();
            self.emit(Change::AttachIndex { partition: partition.clone(), name, whole });
            return None;
        }
        let mut parts: Vec<SmolStr> = index.columns.iter().map(index_part).collect();
        parts.extend(index.include.iter().cloned());
        let name = self.free_relation_name(&partition.schema, &partition.name, &parts.join("_"), "idx", taken);
        taken.push(name.clone());
        let part = Index { name, at: self.at, named: self.at, part_of: Some(whole), ..index.clone() };
        self.emit(Change::CreateIndex { relation: partition.clone(), index: Box::new(part.clone()) });
        Some(part)
    }

    /// Runs `ALTER INDEX whole ATTACH PARTITION part`.
    pub(super) fn attach_index(&mut self, whole: &QName, part: &ObjectName) {
        let part = self.catalog.find_relation(part);
        if let Some((part, home)) = part.and_then(|part| self.catalog.index_home(&part).cloned().map(|home| (part, home))) {
            self.emit(Change::AttachIndex { partition: home, name: part.name, whole: whole.name.clone() });
        }
    }

    /// Adds the keys, foreign keys, indexes and row triggers that a partition gets from its parent.
    pub(super) fn partition_parts(&self, draft: &mut TableDraft, parent: &QName) -> Meaning {
        let Some(parent) = self.catalog.table(parent) else { return Ok(()) };
        let table_name = draft.table.name.name.clone();
        for constraint in parent.constraints.iter().filter(|constraint| constraint.kind != ConstraintKind::Check) {
            let mut constraint = constraint.clone();
            constraint.name = name_in_partition(&constraint, &table_name);
            let part_of = constraint.index.clone();
            let index = index_of_copy(parent, &mut constraint).map(|index| Index { part_of, ..index });
            self.check_key_of_partitioned(&draft.table, &constraint, index.as_ref())?;
            put_constraint(&mut draft.table, constraint, index);
        }
        for index in parent.indexes.iter().filter(|index| index.constraint.is_none()) {
            let parts: Vec<SmolStr> = index.columns.iter().map(index_part).collect();
            let name = self.free_relation_name(&draft.table.name.schema, &table_name, &parts.join("_"), "idx", &draft.taken);
            draft.taken.push(name.clone());
            let part_of = Some(index.name.clone());
            self.check_unique_of_partitioned(&draft.table, index)?;
            draft.table.indexes.push(Index { name, at: self.at, named: self.at, part_of, ..index.clone() });
        }
        draft.table.triggers.extend(parent.triggers.iter().filter(|trigger| trigger.for_each_row).cloned());
        Ok(())
    }

    /// Returns an error if ALTER TABLE ONLY adds a check constraint or NOT NULL to a table with partitions, because the partitions need
    /// them too.
    pub(super) fn checks_only(&self, name: &QName, mark: usize) -> Meaning {
        let refuses_rows = |effect: &Effect| match &effect.change {
            Change::SetNotNull { table, not_null, .. } => *not_null && table == name,
            Change::AddConstraint { constraint, .. } => constraint.kind == ConstraintKind::Check,
            _ => false,
        };
        let is_partitioned = self.catalog.table(name).is_some_and(|table| table.kind == TableKind::Partitioned);
        if is_partitioned && self.effects[mark..].iter().any(refuses_rows) && !self.catalog.children(name).is_empty() {
            return Err(SqlError::new("42P16", "constraint must be added to child tables too"));
        }
        Ok(())
    }

    /// Repeats the changes of a table since `mark` for its children. Partitions get all constraints. Other child tables get check
    /// constraints and NOT NULL.
    /// Source: PostgreSQL's documentation, "ALTER TABLE", and "Declarative Partitioning".
    pub(super) fn propagate_to_children(&mut self, name: &QName, mark: usize) -> Meaning {
        if self.catalog.children(name).is_empty() {
            return Ok(());
        }
        let own: Vec<Change> = self.effects[mark..].iter().map(|effect| effect.change.clone()).collect();
        if !own.iter().any(|change| matches!(change, Change::SetNotNull { .. } | Change::AddConstraint { .. })) {
            return Ok(());
        }
        let mut done = BTreeMap::from([(name.clone(), own)]);
        let mut reached = BTreeSet::from([name.clone()]);
        for parent in reachable([name.clone()], |table| self.catalog.children(table)) {
            let Some(changes) = done.remove(&parent) else { continue };
            for child in self.catalog.children(&parent) {
                // a child of several of these tables gets the constraint once
                if !reached.insert(child.clone()) {
                    continue;
                }
                let mark = self.effects.len();
                changes.iter().try_for_each(|change| self.hand_to(&child, &parent, change))?;
                done.insert(child, self.effects[mark..].iter().map(|effect| effect.change.clone()).collect());
            }
        }
        Ok(())
    }

    fn hand_to(&mut self, child: &QName, parent: &QName, change: &Change) -> Meaning {
        let Some(table) = self.catalog.table(child) else { return Ok(()) };
        match change {
            Change::SetNotNull { table, column, not_null } if table == parent => {
                self.emit(Change::SetNotNull { table: child.clone(), column: column.clone(), not_null: *not_null });
            }
            Change::AddConstraint { table: target, constraint, index } if target == parent => {
                let of_partition = table.partition_of.as_ref() == Some(parent);
                if !of_partition && constraint.kind != ConstraintKind::Check {
                    return Ok(());
                }
                let mut own = (**constraint).clone();
                own.name = name_in_partition(&own, &child.name);
                let is_key = matches!(own.kind, ConstraintKind::PrimaryKey | ConstraintKind::Unique);
                let same = |known: &Constraint| known.name == own.name || is_key && known.kind == own.kind && known.columns == own.columns;
                if table.constraints.iter().any(same) {
                    return Ok(());
                }
                let index = index.as_ref().map(|whole| {
                    let (name, part_of) = (own.name.clone(), Some(whole.name.clone()));
                    Box::new(Index { constraint: Some(name.clone()), name, part_of, ..(**whole).clone() })
                });
                own.index = index.as_ref().map(|index| index.name.clone());
                self.check_key_of_partitioned(table, &own, index.as_deref())?;
                self.emit(Change::AddConstraint { table: child.clone(), constraint: Box::new(own), index });
            }
            _ => {}
        }
        Ok(())
    }
}

/// Returns the name that a constraint of a partitioned table has in a partition.
fn name_in_partition(constraint: &Constraint, partition: &str) -> SmolStr {
    let parts = constraint.columns.join("_");
    match constraint.kind {
        ConstraintKind::PrimaryKey => derived_name(partition, "", "pkey"),
        ConstraintKind::Unique => derived_name(partition, &parts, "key"),
        ConstraintKind::Exclude => derived_name(partition, &parts, "excl"),
        ConstraintKind::ForeignKey | ConstraintKind::Check => constraint.name.clone(),
    }
}
