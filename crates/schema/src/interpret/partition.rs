//! Partition keys and bounds, and their errors.
//!
//! Source: PostgreSQL's documentation, "Table Partitioning" and "CREATE TABLE"; messages are those of `parse_utilcmd.c`, `partbounds.c` and
//! `indexcmds.c`.

use super::table::item_of;
use super::{Context, Meaning};
use crate::catalog::SqlError;
use crate::catalog::effect::Change;
use crate::catalog::name::QName;
use crate::catalog::object::{Certainty, Constraint, ConstraintKind, Index, Table, TableKind};
use crate::catalog::partition::{Datum, PartitionBound, PartitionKey, PartitionKeyPart, PartitionStrategy, compare, datum};
use crate::syntax::ast;
use crate::syntax::expression::{Expr, ExprKind, ObjectName};
use std::cmp::Ordering;

fn refuse<T>(sqlstate: &'static str, reason: impl Into<String>) -> Result<T, SqlError> {
    Err(SqlError::new(sqlstate, reason))
}

impl Context<'_> {
    pub(super) fn partition_key(&mut self, table: &Table, written: ast::PartitionBy) -> Result<PartitionKey, SqlError> {
        let Some(strategy) = PartitionStrategy::of(&written.strategy) else {
            return refuse("22023", format!("unrecognized partitioning strategy \"{}\"", written.strategy));
        };
        if strategy == PartitionStrategy::List && written.keys.len() > 1 {
            return refuse("42P17", "cannot use \"list\" partition strategy with more than one column");
        }
        let mut parts = Vec::new();
        for key in written.keys {
            let column = match &key.kind {
                ExprKind::Column { path, .. } if path.len() == 1 => Some(path[0].clone()),
                _ => None,
            };
            if let Some(name) = &column {
                if !table.may_have(name) {
                    return refuse("42703", format!("column \"{name}\" named in partition key does not exist"));
                }
                if table.column(name).is_some_and(|column| column.generated.is_some()) {
                    return refuse("42P17", "cannot use generated column in partition key");
                }
            }
            let expr = self.bound(key, item_of(table))?;
            let ty = match &column {
                Some(name) => table.column(name).map(|column| column.ty.clone()),
                None => {
                    self.check_place(&expr.root, "partition key expressions", Some("partition key expression"))?;
                    self.require_immutable(&expr.root, "functions in partition key expression must be marked IMMUTABLE")?;
                    self.type_of(&expr.root)
                }
            };
            parts.push(PartitionKeyPart { column, expr, ty });
        }
        Ok(PartitionKey { strategy, parts })
    }

    /// Runs `ALTER TABLE … ATTACH PARTITION …`.
    pub(super) fn attach_partition(&mut self, table: &QName, written: &ObjectName, bound: Option<&ast::PartitionBound>) -> Meaning {
        let Some(child) = self.relation(written)? else { return Ok(()) };
        let bound = match bound {
            Some(bound) => self.partition_bound(&child, table, bound, true)?,
            None => None,
        };
        self.emit(Change::SetPartition { table: child.clone(), parent: Some(table.clone()), bound });
        let indexes = self.catalog.table(table).map(|table| table.indexes.as_slice()).unwrap_or_default();
        let mut taken = Vec::new();
        for index in indexes.iter().filter(|index| index.constraint.is_none()) {
            self.index_partition(&child, index, &mut taken)?;
        }
        Ok(())
    }

    /// Returns the bound of a partition, or `None` if the partition key of its table is unknown.
    pub(super) fn partition_bound(
        &self,
        partition: &QName,
        parent: &QName,
        written: &ast::PartitionBound,
        attached: bool,
    ) -> Result<Option<PartitionBound>, SqlError> {
        let Some(table) = self.catalog.table(parent).filter(|table| !table.external) else { return Ok(None) };
        let Some(key) = &table.partition_key else {
            let what = if attached { "table " } else { "" };
            return refuse("42P17", format!("{what}\"{}\" is not partitioned", parent.name));
        };
        let bound = self.bound_of(key, &partition.name, written)?;
        if attached && self.catalog.table(partition).is_some_and(|table| table.partition_of.is_some()) {
            return refuse("42809", format!("\"{}\" is already a partition", partition.name));
        }
        for sibling in self.catalog.children(parent) {
            let Some(sibling) = self.catalog.table(&sibling).filter(|table| table.certainty == Certainty::Certain) else { continue };
            let (PartitionBound::Hash(modulus, _), Some(PartitionBound::Hash(other, _))) = (&bound, &sibling.bound) else { continue };
            if modulus.max(other) % modulus.min(other) != 0 {
                return refuse("42P17", "every hash partition modulus must be a factor of the next larger modulus");
            }
        }
        for sibling in self.catalog.children(parent) {
            let Some(sibling) = self.catalog.table(&sibling).filter(|table| table.certainty == Certainty::Certain) else { continue };
            let Some(other) = &sibling.bound else { continue };
            let (name, of) = (&partition.name, &sibling.name.name);
            if bound == PartitionBound::Default && bound == *other {
                return refuse("42P17", format!("partition \"{name}\" conflicts with existing default partition \"{of}\""));
            }
            if bound.overlaps(other) {
                return refuse("42P17", format!("partition \"{name}\" would overlap partition \"{of}\""));
            }
        }
        Ok(Some(bound))
    }

    fn bound_of(&self, key: &PartitionKey, partition: &str, written: &ast::PartitionBound) -> Result<PartitionBound, SqlError> {
        match (key.strategy, written) {
            (PartitionStrategy::Hash, ast::PartitionBound::Default) => {
                refuse("42P16", "a hash-partitioned table may not have a default partition")
            }
            (_, ast::PartitionBound::Default) => Ok(PartitionBound::Default),
            (PartitionStrategy::List, ast::PartitionBound::List(values)) => {
                Ok(PartitionBound::List(values.iter().map(|value| self.datum(value, key.parts.first())).collect()))
            }
            (PartitionStrategy::Range, ast::PartitionBound::Range { from, to }) => {
                let from = self.end_of_range(key, "FROM", from)?;
                let to = self.end_of_range(key, "TO", to)?;
                if matches!(compare(&from, &to), Some(Ordering::Equal | Ordering::Greater)) {
                    return refuse("42P17", format!("empty range bound specified for partition \"{partition}\""));
                }
                Ok(PartitionBound::Range(from, to))
            }
            (PartitionStrategy::Hash, ast::PartitionBound::Hash(modulus, remainder)) => {
                if *modulus < 1 {
                    return refuse("42P16", "modulus for hash partition must be an integer value greater than zero");
                }
                if remainder >= modulus {
                    return refuse("42P16", "remainder for hash partition must be less than modulus");
                }
                Ok(PartitionBound::Hash(*modulus, *remainder))
            }
            (strategy, _) => refuse("42P16", format!("invalid bound specification for a {} partition", strategy.name())),
        }
    }

    fn end_of_range(&self, key: &PartitionKey, end: &str, values: &[Expr]) -> Result<Vec<Datum>, SqlError> {
        if values.len() != key.parts.len() {
            return refuse("42P16", format!("{end} must specify exactly one value per partitioning column"));
        }
        let datum = |(value, part): (&Expr, &PartitionKeyPart)| match value.column() {
            Some("minvalue") => Datum::Min,
            Some("maxvalue") => Datum::Max,
            _ => self.datum(value, Some(part)),
        };
        let data: Vec<Datum> = values.iter().zip(&key.parts).map(datum).collect();
        if data.contains(&Datum::Null) {
            return refuse("42P17", "cannot specify NULL in range bound");
        }
        for (end, name) in [(Datum::Min, "MINVALUE"), (Datum::Max, "MAXVALUE")] {
            if data.iter().skip_while(|value| **value != end).any(|value| *value != end) {
                return refuse("42804", format!("every bound following {name} must also be {name}"));
            }
        }
        Ok(data)
    }

    /// Returns the value of a constant in a bound.
    fn datum(&self, value: &Expr, part: Option<&PartitionKeyPart>) -> Datum {
        let Some(ty) = part.and_then(|part| part.ty.as_ref()) else { return Datum::Unknown };
        match &value.kind {
            ExprKind::Null => Datum::Null,
            ExprKind::String(text) if !ty.array && self.is_enum(ty) => Datum::Text(text.clone()),
            ExprKind::String(text) | ExprKind::Number(text) => datum(text, ty),
            ExprKind::Bool(value) if ty.is("boolean") => Datum::Text(if *value { "true" } else { "false" }.into()),
            ExprKind::Unary { op, expr } if op == "-" => match &expr.kind {
                ExprKind::Number(text) => datum(&format!("-{text}"), ty),
                _ => Datum::Unknown,
            },
            ExprKind::Cast { expr, to } if self.data_type(to) == *ty => self.datum(expr, part),
            _ => Datum::Unknown,
        }
    }

    /// Returns an error if a key does not contain the whole partition key, because a unique index enforces uniqueness only within each
    /// partition.
    pub(super) fn check_key_of_partitioned(&self, table: &Table, constraint: &Constraint, index: Option<&Index>) -> Meaning {
        if table.kind != TableKind::Partitioned {
            return Ok(());
        }
        match constraint.kind {
            ConstraintKind::PrimaryKey | ConstraintKind::Unique if constraint.index.is_some() && index.is_none() => {
                refuse("0A000", "ALTER TABLE / ADD CONSTRAINT USING INDEX is not supported on partitioned tables")
            }
            ConstraintKind::Exclude if self.catalog.postgres_version < 17 => {
                refuse("0A000", "exclusion constraints are not supported on partitioned tables")
            }
            ConstraintKind::PrimaryKey => self.check_covers(table, "PRIMARY KEY", index),
            ConstraintKind::Unique => self.check_covers(table, "UNIQUE", index),
            _ => Ok(()),
        }
    }

    pub(super) fn check_unique_of_partitioned(&self, table: &Table, index: &Index) -> Meaning {
        match index.unique {
            true => self.check_covers(table, if index.primary { "PRIMARY KEY" } else { "UNIQUE" }, Some(index)),
            false => Ok(()),
        }
    }

    fn check_covers(&self, table: &Table, what: &str, index: Option<&Index>) -> Meaning {
        let (Some(key), Some(index)) = (&table.partition_key, index) else { return Ok(()) };
        for part in &key.parts {
            let Some(column) = &part.column else {
                return refuse("0A000", format!("unsupported {what} constraint with partition key definition"));
            };
            if !index.columns.iter().any(|own| own.column.as_ref() == Some(column)) {
                return refuse("0A000", "unique constraint on partitioned table must include all partitioning columns");
            }
        }
        Ok(())
    }
}
