//! ALTER TABLE.

use super::table::{TableDraft, item_of, names};
use super::{Context, Meaning};
use crate::catalog::creation_index::ObjectClass;
use crate::catalog::effect::Change;
use crate::catalog::name::QName;
use crate::catalog::object::*;
use crate::catalog::{RelationKind, SqlError};
use crate::syntax::ast::{AlterAction, AlterTable, ColumnDef, ConstraintDef, CreateTable, ObjectKind};
use crate::syntax::expression::Ident;
use smol_str::SmolStr;

impl Context<'_> {
    pub fn alter_table(&mut self, alter: AlterTable) -> Meaning {
        let found = self.catalog.find_relation(&alter.name);
        if found.is_none() && alter.if_exists {
            return Ok(());
        }
        if alter.kind == ObjectKind::Index {
            let reason = || SqlError::new("42P01", format!("relation \"{}\" does not exist", alter.name));
            let Some(found) = found else { return self.absent(ObjectClass::Index, &alter.name, reason) };
            for (_, action) in &alter.actions {
                if let AlterAction::AttachPartition { table: part, .. } = action {
                    self.attach_index(&found, part);
                }
            }
            return Ok(());
        }
        let Some(name) = self.relation(&alter.name)? else { return Ok(()) };
        let mut taken = Vec::new();
        for (_, action) in alter.actions {
            let mark = self.effects.len();
            self.alter_action(&name, action, &mut taken)?;
            match alter.only {
                true => self.checks_only(&name, mark)?,
                false => self.propagate_to_children(&name, mark)?,
            }
        }
        Ok(())
    }

    fn not_for(&self, name: &QName, action: &str) -> Meaning {
        match self.catalog.relation_kind(name) {
            Some(RelationKind::Table) | None => Ok(()),
            Some(_) => {
                let reason = format!("ALTER action {action} cannot be performed on relation \"{}\"", name.name);
                Err(SqlError::new("42809", reason))
            }
        }
    }

    fn alter_action(&mut self, name: &QName, action: AlterAction, taken: &mut Vec<SmolStr>) -> Meaning {
        let table = name.clone();
        match action {
            AlterAction::AddColumn { column, if_not_exists } => {
                self.not_for(name, "ADD COLUMN")?;
                self.add_column(name, column, if_not_exists, taken)?;
            }
            AlterAction::DropColumn { column, if_exists, cascade } => {
                let known = self.catalog.table(name);
                let external = known.is_none_or(|table| table.external);
                if known.is_some_and(|table| table.column(&column.name).is_some()) || !(if_exists || external) {
                    self.emit(Change::DropColumn { table, column: column.name, cascade });
                }
            }
            AlterAction::SetType { column, ty, using } => {
                self.assume_columns(name, std::slice::from_ref(&column));
                self.require_type(&ty)?;
                self.check_retype(name, &column.name)?;
                let ty = self.data_type(&ty);
                if let Some(known) = self.catalog.table(name).and_then(|table| table.column(&column.name)) {
                    if using.is_none() {
                        self.check_conversion(&column.name, &known.ty, &ty, "column")?;
                    }
                    if let Some(default) = &known.default {
                        let from = self.type_of(&default.root).filter(|from| !from.is("unknown")).unwrap_or_else(|| known.ty.clone());
                        self.check_conversion(&column.name, &from, &ty, "default for column")?;
                    }
                }
                self.check_keys_of(name, &column.name, &ty)?;
                self.emit(Change::SetColumnType { table, column: column.name, ty });
            }
            AlterAction::SetDefault { column, default } => {
                // defaults of views are not modelled
                if self.catalog.relation_kind(name).is_none_or(|kind| kind == RelationKind::Table) {
                    self.assume_columns(name, std::slice::from_ref(&column));
                    let known = self.catalog.table(name).and_then(|table| table.column(&column.name));
                    if let Some(what) = known.and_then(|column| match (&column.identity, &column.generated) {
                        (Some(_), _) => Some("an identity column"),
                        (_, Some(_)) => Some("a generated column"),
                        (None, None) => None,
                    }) {
                        let reason = format!("column \"{}\" of relation \"{}\" is {what}", column.name, name.name);
                        return Err(SqlError::new("42601", reason));
                    }
                    let ty = known.map_or_else(|| DataType::builtin("unknown"), |column| column.ty.clone());
                    let default = self.default(&column.name, &ty, default)?;
                    self.emit(Change::SetDefault { table, column: column.name, default });
                }
            }
            AlterAction::DropDefault { column } => {
                self.assume_columns(name, std::slice::from_ref(&column));
                self.emit(Change::SetDefault { table, column: column.name, default: None });
            }
            AlterAction::SetNotNull { column } => {
                self.assume_columns(name, std::slice::from_ref(&column));
                self.emit(Change::SetNotNull { table, column: column.name, not_null: true });
            }
            AlterAction::DropNotNull { column } => {
                self.assume_columns(name, std::slice::from_ref(&column));
                self.emit(Change::SetNotNull { table, column: column.name, not_null: false });
            }
            AlterAction::AddIdentity { column, identity } => {
                self.assume_columns(name, std::slice::from_ref(&column));
                self.check_identity(name, &column.name)?;
                self.emit(Change::SetIdentity { table, column: column.name, identity: Some(identity) });
            }
            AlterAction::DropIdentity { column, if_exists } => {
                self.assume_columns(name, std::slice::from_ref(&column));
                self.require_identity(name, &column.name, if_exists)?;
                self.emit(Change::SetIdentity { table, column: column.name, identity: None });
            }
            AlterAction::DropExpression { column, .. } => {
                self.assume_columns(name, std::slice::from_ref(&column));
                self.emit(Change::DropGenerated { table, column: column.name });
            }
            AlterAction::SetGenerated { column } => {
                self.assume_columns(name, std::slice::from_ref(&column));
                self.require_identity(name, &column.name, false)?;
                self.emit(Change::TouchColumns { table, columns: vec![column.name] });
            }
            AlterAction::Other { columns } => {
                self.assume_columns(name, &columns);
                if !columns.is_empty() && self.catalog.relation_kind(name) == Some(RelationKind::Table) {
                    self.emit(Change::TouchColumns { table, columns: names(&columns) });
                }
            }
            AlterAction::AddConstraint(definition) => {
                self.not_for(name, "ADD CONSTRAINT")?;
                self.add_constraint(name, definition, None, taken)?;
            }
            AlterAction::AlterConstraint { .. } => {}
            AlterAction::ValidateConstraint { name: constraint } => {
                // PostgreSQL 18 and later name NOT NULL constraints; those names are not modelled
                let nameless = |table: &Table| table.external || self.catalog.postgres_version >= 18;
                if self.catalog.table(name).is_some_and(|table| !nameless(table) || table.constraint(&constraint.name).is_some()) {
                    self.emit(Change::ValidateConstraint { table, name: constraint.name });
                }
            }
            AlterAction::DropConstraint { name: constraint, if_exists, cascade } => {
                let known = self.catalog.table(name);
                let external = known.is_none_or(|table| table.external || self.catalog.postgres_version >= 18);
                if known.is_some_and(|table| table.constraint(&constraint.name).is_some()) || !(if_exists || external) {
                    self.emit(Change::DropConstraint { table, name: constraint.name, cascade });
                }
            }
            AlterAction::EnableRls | AlterAction::DisableRls => {
                self.not_for(name, "ENABLE ROW SECURITY")?;
                self.emit(Change::SetRls { table, enabled: matches!(action, AlterAction::EnableRls) });
            }
            AlterAction::ForceRls | AlterAction::NoForceRls => {
                self.not_for(name, "FORCE ROW SECURITY")?;
                self.emit(Change::SetForceRls { table, forced: matches!(action, AlterAction::ForceRls) });
            }
            AlterAction::EnableTrigger { name: trigger, enable } => {
                let external = self.catalog.table(name).is_none_or(|table| table.external);
                if !external {
                    self.emit(Change::EnableTrigger { relation: table, name: trigger.map(|trigger| trigger.name), enabled: enable });
                }
            }
            AlterAction::SetOptions { options } => {
                if let Some((_, value)) = options.iter().find(|(option, _)| option == "security_invoker") {
                    self.emit(Change::SetSecurityInvoker { view: table, on: super::view::is_on(value) });
                } else if let value @ Some(_) = super::table::autovacuum(&options) {
                    self.emit(Change::SetAutovacuum { table, value });
                }
            }
            AlterAction::ResetOptions { options } => {
                if options.iter().any(|option| option == "security_invoker") {
                    self.emit(Change::SetSecurityInvoker { view: table, on: false });
                } else if options.iter().any(|option| option == "autovacuum_enabled") {
                    self.emit(Change::SetAutovacuum { table, value: None });
                }
            }
            AlterAction::Inherit { parent, inherit } => {
                if let Some(parent) = self.relation(&parent)? {
                    self.emit(Change::SetInherit { table, parent, inherit });
                }
            }
            AlterAction::AttachPartition { table: child, bound } => self.attach_partition(&table, &child, bound.as_ref())?,
            AlterAction::DetachPartition { table: child, .. } => {
                if let Some(child) = self.relation(&child)? {
                    self.emit(Change::SetPartition { table: child, parent: None, bound: None });
                }
            }
            AlterAction::Owner { role } => {
                self.require_role(&role)?;
                let owner = self.role(&role);
                self.emit(Change::SetOwner { kind: ObjectKind::Table, name: table, signature: None, owner });
            }
        }
        Ok(())
    }

    /// Returns an error if a view, a policy or a partition key uses the column, because PostgreSQL does not change the type of such a
    /// column.
    fn check_retype(&self, table: &QName, column: &str) -> Meaning {
        use crate::catalog::depend::Dependent;
        if self.catalog.table(table).and_then(|table| table.partition_key.as_ref()).is_some_and(|key| key.has(column)) {
            let reason = format!("cannot alter column \"{column}\" because it is part of the partition key of relation \"{}\"", table.name);
            return Err(SqlError::new("42P16", reason));
        }
        for dependent in self.catalog.dependents_of_column(table, column) {
            let used = match dependent {
                Dependent::View(_) => "by a view or rule",
                Dependent::Policy { .. } => "in a policy definition",
                Dependent::Column { .. } => "by a generated column",
                _ => continue,
            };
            return Err(SqlError::new("0A000", format!("cannot alter type of a column used {used}")));
        }
        Ok(())
    }

    fn add_column(&mut self, name: &QName, definition: ColumnDef, if_not_exists: bool, taken: &mut Vec<SmolStr>) -> Meaning {
        let known = self.catalog.table(name);
        let seen = known.and_then(|table| table.column(&definition.name.name)).is_some_and(|column| !column.ty.is("unknown"));
        if if_not_exists && seen {
            return Ok(());
        }
        definition.ty.iter().try_for_each(|ty| self.require_type(ty))?;
        let constraints = definition.constraints.clone();
        let ident = definition.name.clone();
        let mut column = self.column(name, definition, taken)?;
        let mut with_it = known.cloned();
        if let Some(table) = &mut with_it {
            table.columns.push(column.clone());
            let item = item_of(table);
            self.draft = Some((name.clone(), table.columns.iter().map(|column| (column.name.clone(), column.ty.clone())).collect()));
            if let Some(generated) = column.generated.take() {
                column.generated = Some(Box::new(self.generated(table, &generated, item)?));
            }
        }
        self.emit(Change::AddColumn { table: name.clone(), column: Box::new(column) });
        for constraint in constraints {
            self.add_constraint_to(name, with_it.clone(), constraint, Some(&ident), taken)?;
        }
        Ok(())
    }

    fn add_constraint(&mut self, name: &QName, definition: ConstraintDef, column: Option<&Ident>, taken: &mut Vec<SmolStr>) -> Meaning {
        let table = self.catalog.table(name).cloned();
        self.add_constraint_to(name, table, definition, column, taken)
    }

    fn add_constraint_to(
        &mut self,
        name: &QName,
        table: Option<Table>,
        definition: ConstraintDef,
        column: Option<&Ident>,
        taken: &mut Vec<SmolStr>,
    ) -> Meaning {
        let mut table = table.unwrap_or_else(|| Table { external: true, ..self.empty_table(name.clone(), &CreateTable::default()) });
        // columns added by an earlier action of the same statement
        for effect in &self.effects {
            if let Change::AddColumn { table: target, column } = &effect.change
                && target == name
                && table.column(&column.name).is_none()
            {
                table.columns.push((**column).clone());
            }
        }
        let mut draft = TableDraft { table, taken: std::mem::take(taken) };
        let made = self.constraint(&mut draft, definition, column);
        *taken = draft.taken;
        let (constraint, index) = made?;
        self.check_reference(&draft.table, &constraint)?;
        self.check_key_of_partitioned(&draft.table, &constraint, index.as_ref())?;
        if draft.table.external {
            let columns: Vec<Ident> =
                constraint.columns.iter().map(|name| Ident { name: name.clone(), span: constraint.at.span }).collect();
            self.assume_columns(name, &columns);
        }
        self.emit(Change::AddConstraint { table: name.clone(), constraint: Box::new(constraint), index: index.map(Box::new) });
        Ok(())
    }
}
