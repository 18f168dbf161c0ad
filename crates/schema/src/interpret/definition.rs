//! Errors in definitions of tables: combinations of columns and constraints that PostgreSQL rejects.
//!
//! Source: `transformCreateStmt` and `transformColumnDefinition` of PostgreSQL's parse_utilcmd.c, and ALTER TABLE in tablecmds.c.

use super::bind::{Binder, Item, Scopes};
use super::{Context, Meaning};
use crate::catalog::SqlError;
use crate::catalog::name::QName;
use crate::catalog::object::*;
use crate::syntax::ast::{ColumnDef, ConstraintKind as Kind};
use crate::syntax::expression::{Expr, ExprKind};
use smol_str::SmolStr;

fn is_integer(ty: &DataType) -> bool {
    ty.is("smallint") || ty.is("integer") || ty.is("bigint")
}

impl Context<'_> {
    /// Returns an error if the clauses of a column contradict each other.
    pub fn check_column(&self, table: &QName, definition: &ColumnDef, column: &Column) -> Meaning {
        let syntax = |what: String| Err(SqlError::new("42601", format!("{what} column \"{}\" of table \"{}\"", column.name, table.name)));
        let serial = column.sequence.is_some() && column.identity.is_none();
        let primary = definition.constraints.iter().any(|constraint| matches!(constraint.kind, Kind::PrimaryKey { .. }));
        if definition.null.is_some() && (definition.not_null.is_some() || serial || column.identity.is_some() || primary) {
            return syntax("conflicting NULL/NOT NULL declarations for".into());
        }
        if serial && definition.default.is_some() {
            return syntax("multiple default values specified for".into());
        }
        if column.identity.is_some() {
            if serial || definition.default.is_some() {
                return syntax("both default and identity specified for".into());
            }
            if definition.generated.is_some() {
                return syntax("both identity and generation expression specified for".into());
            }
            if column.ty.user.is_none() && !column.ty.is("unknown") && !is_integer(&column.ty) {
                return Err(SqlError::new("22023", "identity column type must be smallint, integer, or bigint"));
            }
        }
        if definition.default.is_some() && definition.generated.is_some() {
            return syntax("both default and generation expression specified for".into());
        }
        Ok(())
    }

    /// Binds a default, which cannot use columns. PostgreSQL drops `DEFAULT NULL`, except for types with a length.
    pub fn default(&mut self, column: &str, ty: &DataType, mut expr: Expr) -> Result<Option<Expression>, SqlError> {
        if expr.all().iter().any(|part| matches!(part.kind, ExprKind::Column { .. })) && expr.queries().is_empty() {
            return Err(SqlError::new("0A000", "cannot use column reference in DEFAULT expression"));
        }
        self.check_place(&expr, "DEFAULT expressions", Some("DEFAULT expression"))?;
        Binder::new(self, Scopes::default()).expr(&mut expr)?;
        self.check_value(column, ty, &expr, "default expression")?;
        let kept = !matches!(expr.uncast().kind, ExprKind::Null) || !ty.modifiers.is_empty();
        Ok(kept.then(|| Expression::new(self.file, expr)))
    }

    /// Binds the expression of a generated column.
    pub fn generated(&mut self, table: &Table, written: &Expression, item: Item) -> Result<Expression, SqlError> {
        let place = "column generation expression";
        self.check_place(&written.root, "column generation expressions", Some(place))?;
        let generated = self.rebound(written, item)?;
        let of_generated = |part: &&Expr| {
            let column = part.column().filter(|_| matches!(part.kind, ExprKind::Column { .. })).and_then(|name| table.column(name));
            column.is_some_and(|column| column.generated.is_some())
        };
        if let Some(part) = generated.root.all().into_iter().find(of_generated) {
            let name = part.column().unwrap_or_default();
            return Err(SqlError::new("42P17", format!("cannot use generated column \"{name}\" in {place}")));
        }
        self.require_immutable(&generated.root, "generation expression is not immutable")?;
        Ok(generated)
    }

    /// Binds the condition of a check constraint.
    pub fn check(&mut self, expr: Expr, item: Item) -> Result<Expression, SqlError> {
        self.check_place(&expr, "check constraints", Some("check constraint"))?;
        let bound = self.bound(expr, item)?;
        self.check_condition(&bound.root, "CHECK")?;
        Ok(bound)
    }

    /// Returns an error if the table already has a constraint of this name, or another primary key.
    pub fn check_beside(&self, table: &Table, constraint: &Constraint) -> Meaning {
        if constraint.kind == ConstraintKind::PrimaryKey && table.primary_key().is_some() {
            let reason = format!("multiple primary keys for table \"{}\" are not allowed", table.name.name);
            return Err(SqlError::new("42P16", reason));
        }
        if let Some(twin) = table.constraint(&constraint.name) {
            if (constraint.kind, twin.kind) == (ConstraintKind::Check, ConstraintKind::Check) {
                return Err(SqlError::new("42710", format!("check constraint \"{}\" already exists", constraint.name)));
            }
            let reason = format!("constraint \"{}\" for relation \"{}\" already exists", constraint.name, table.name.name);
            return Err(SqlError::new("42710", reason));
        }
        let what = match constraint.kind {
            ConstraintKind::PrimaryKey => "primary key",
            ConstraintKind::Unique => "unique",
            ConstraintKind::Check | ConstraintKind::ForeignKey | ConstraintKind::Exclude => return Ok(()),
        };
        let twice = constraint.columns.iter().enumerate().find(|(at, column)| constraint.columns[..*at].contains(column));
        match twice {
            Some((_, column)) => Err(SqlError::new("42701", format!("column \"{column}\" appears twice in {what} constraint"))),
            None => Ok(()),
        }
    }

    /// Returns an error if the columns of a foreign key cannot be compared with the referenced columns.
    pub fn check_reference(&self, table: &Table, constraint: &Constraint) -> Meaning {
        let Some(key) = &constraint.references else { return Ok(()) };
        let target = if key.table == table.name { Some(table) } else { self.catalog.table(&key.table) };
        let Some(target) = target.filter(|target| !target.external) else { return Ok(()) };
        if key.columns.is_empty() {
            let reason = format!("there is no primary key for referenced table \"{}\"", target.name.name);
            return Err(SqlError::new("42704", reason));
        }
        if key.columns.len() != constraint.columns.len() {
            return Err(SqlError::new("42830", "number of referencing and referenced columns for foreign key disagree"));
        }
        if target.name.schema == "pg_temp" && table.name.schema != "pg_temp" {
            return Err(SqlError::new("42P16", "constraints on permanent tables may reference only permanent tables"));
        }
        let ty = |table: &Table, name: &SmolStr| table.column(name).map(|column| column.ty.clone());
        for (own, other) in constraint.columns.iter().zip(&key.columns) {
            if let (Some(own), Some(other)) = (ty(table, own), ty(target, other))
                && !self.are_comparable(&own, &other)
            {
                let reason = format!("foreign key constraint \"{}\" cannot be implemented", constraint.name);
                return Err(SqlError::new("42804", reason));
            }
        }
        Ok(())
    }

    /// Returns an error if a foreign key of the column, or one that references it, cannot compare the new type with the type of the other
    /// column.
    pub fn check_keys_of(&self, name: &QName, column: &SmolStr, ty: &DataType) -> Meaning {
        let Some(own) = self.catalog.table(name).filter(|table| !table.external) else { return Ok(()) };
        let refuse = |key: &Constraint| SqlError::new("42804", format!("foreign key constraint \"{}\" cannot be implemented", key.name));
        let type_at = |table: &QName, at: &SmolStr| {
            // both columns of a self-referencing key can be the changed column
            if (table, at) == (name, column) { Some(ty.clone()) } else { self.catalog.column_type(table, at) }
        };
        let fits = |table: &QName, key: &Constraint, reference: &ForeignKey| {
            let pairs = key.columns.iter().zip(&reference.columns);
            pairs.into_iter().all(|(own, other)| match (type_at(table, own), type_at(&reference.table, other)) {
                (Some(own), Some(other)) => self.are_comparable(&own, &other),
                _ => true,
            })
        };
        for (key, reference) in own.foreign_keys().filter(|(key, _)| key.columns.contains(column)) {
            if !fits(name, key, reference) {
                return Err(refuse(key));
            }
        }
        let refers = |table: &Table| table.foreign_keys().any(|(_, key)| key.table == *name && key.columns.contains(column));
        for table in self.catalog.tables.which(refers) {
            for (key, reference) in table.foreign_keys().filter(|(_, key)| key.table == *name && key.columns.contains(column)) {
                if !fits(&table.name, key, reference) {
                    return Err(refuse(key));
                }
            }
        }
        Ok(())
    }

    pub fn require_identity(&self, table: &QName, name: &str, if_exists: bool) -> Meaning {
        let known = self.catalog.table(table).filter(|table| !table.external).and_then(|table| table.column(name));
        if if_exists || known.is_none_or(|column| column.identity.is_some() || column.certainty == Certainty::Maybe) {
            return Ok(());
        }
        let reason = format!("column \"{name}\" of relation \"{}\" is not an identity column", table.name);
        Err(SqlError::new("55000", reason))
    }

    /// Checks `ALTER COLUMN … ADD GENERATED … AS IDENTITY`.
    pub fn check_identity(&self, table: &QName, name: &str) -> Meaning {
        let Some(column) = self.catalog.table(table).filter(|table| !table.external).and_then(|table| table.column(name)) else {
            return Ok(());
        };
        let state = |what: &str| Err(SqlError::new("55000", format!("column \"{name}\" of relation \"{}\" {what}", table.name)));
        if column.identity.is_some() {
            return state("is already an identity column");
        }
        if !column.not_null.value {
            return state("must be declared NOT NULL before identity can be added");
        }
        if column.default.is_some() { state("already has a default value") } else { Ok(()) }
    }
}
