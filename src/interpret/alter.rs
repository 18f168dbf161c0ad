//! What is done to tables that exist: ALTER TABLE and CREATE INDEX.

use super::bind::Item;
use super::table::{Draft, index_part, item_of, names};
use super::{Context, Meaning};
use crate::catalog::effect::Change;
use crate::catalog::name::QName;
use crate::catalog::object::*;
use crate::catalog::{Contradiction, RelationKind};
use crate::source::Span;
use crate::syntax::ast::{AlterAction, AlterTable, ColumnDef, ConstraintDef, CreateIndex, CreateTable, IndexElement, ObjectKind};
use crate::syntax::expression::{ExprKind, Ident, ObjectName};
use smol_str::SmolStr;

impl Context<'_> {
    pub fn alter_table(&mut self, alter: AlterTable) -> Meaning {
        let found = self.catalog.find_relation(&alter.name);
        if found.is_none() && alter.if_exists {
            return Ok(());
        }
        if alter.kind == ObjectKind::Index {
            return Ok(());
        }
        let Some(name) = self.require_relation(&alter.name)? else { return Ok(()) };
        let mut taken = Vec::new();
        for (span, action) in alter.actions {
            self.alter_action(&name, span, action, &mut taken)?;
        }
        Ok(())
    }

    fn not_for(&self, name: &QName, action: &str) -> Meaning {
        match self.catalog.relation_kind(name) {
            Some(RelationKind::Table) | None => Ok(()),
            Some(_) => {
                let reason = format!("ALTER action {action} cannot be performed on relation \"{}\"", name.name);
                Err(Contradiction::new("42809", reason))
            }
        }
    }

    fn alter_action(&mut self, name: &QName, span: Span, action: AlterAction, taken: &mut Vec<SmolStr>) -> Meaning {
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
            AlterAction::SetType { column, ty, .. } => {
                self.assume_columns(name, std::slice::from_ref(&column));
                self.check_retype(name, &column.name)?;
                let ty = self.data_type(&ty);
                self.emit(Change::SetColumnType { table, column: column.name, ty });
            }
            AlterAction::SetDefault { column, default } => {
                // views have defaults too, which nothing asks for
                if self.catalog.relation_kind(name).is_none_or(|kind| kind == RelationKind::Table) {
                    self.assume_columns(name, std::slice::from_ref(&column));
                    let default = Some(Expression::new(self.file, default));
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
                self.emit(Change::SetIdentity { table, column: column.name, identity: Some(identity) });
            }
            AlterAction::DropIdentity { column, .. } => {
                self.assume_columns(name, std::slice::from_ref(&column));
                self.emit(Change::SetIdentity { table, column: column.name, identity: None });
            }
            AlterAction::DropExpression { column, .. } => {
                self.assume_columns(name, std::slice::from_ref(&column));
                self.emit(Change::DropGenerated { table, column: column.name });
            }
            AlterAction::SetGenerated { column } => {
                self.assume_columns(name, std::slice::from_ref(&column));
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
                if self.catalog.table(name).is_some_and(|table| !table.external || table.constraint(&constraint.name).is_some()) {
                    self.emit(Change::ValidateConstraint { table, name: constraint.name });
                }
            }
            AlterAction::DropConstraint { name: constraint, if_exists, cascade } => {
                let known = self.catalog.table(name);
                let external = known.is_none_or(|table| table.external);
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
                }
            }
            AlterAction::ResetOptions { options } => {
                if options.iter().any(|option| option == "security_invoker") {
                    self.emit(Change::SetSecurityInvoker { view: table, on: false });
                }
            }
            AlterAction::Inherit { parent, inherit } => {
                if let Some(parent) = self.require_relation(&parent)? {
                    self.emit(Change::SetInherit { table, parent, inherit });
                }
            }
            AlterAction::AttachPartition { table: child } => {
                if let Some(child) = self.require_relation(&child)? {
                    self.emit(Change::SetPartition { table: child, parent: Some(table) });
                }
            }
            AlterAction::DetachPartition { table: child, .. } => {
                if let Some(child) = self.require_relation(&child)? {
                    self.emit(Change::SetPartition { table: child, parent: None });
                }
            }
            AlterAction::Owner { role } => {
                let owner = self.role(&role);
                self.emit(Change::SetOwner { kind: ObjectKind::Table, name: table, signature: None, owner });
            }
        }
        let _ = span;
        Ok(())
    }

    /// The type of a column that a view or policy uses can't be changed.
    fn check_retype(&self, table: &QName, column: &str) -> Meaning {
        use crate::catalog::depend::Dependent;
        for dependent in self.catalog.dependents_of_column(table, column) {
            let user = match dependent {
                Dependent::View(_) => "by a view or rule",
                Dependent::Policy { .. } => "in a policy definition",
                Dependent::Column { .. } => "by a generated column",
                _ => continue,
            };
            return Err(Contradiction::new("0A000", format!("cannot alter type of a column used {user}")));
        }
        Ok(())
    }

    fn add_column(&mut self, name: &QName, definition: ColumnDef, if_not_exists: bool, taken: &mut Vec<SmolStr>) -> Meaning {
        let known = self.catalog.table(name);
        let seen = known.and_then(|table| table.column(&definition.name.name)).is_some_and(|column| !column.ty.is("unknown"));
        if if_not_exists && seen {
            return Ok(());
        }
        let constraints = definition.constraints.clone();
        let ident = definition.name.clone();
        let mut column = self.column(name, definition, taken);
        let mut with_it = known.cloned();
        if let Some(table) = &mut with_it {
            table.columns.push(column.clone());
            let item = item_of(table);
            if let Some(generated) = column.generated.take() {
                let generated = self.bound((*generated.root).clone(), item)?;
                self.require_immutable(&generated, "generation expression is not immutable")?;
                column.generated = Some(generated);
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
        let create = CreateTable {
            name: ObjectName::default(),
            if_not_exists: false,
            temporary: false,
            foreign: false,
            elements: Vec::new(),
            inherits: Vec::new(),
            partition_of: None,
            partitioned: false,
            of_type: None,
        };
        let mut table = table.unwrap_or_else(|| Table { external: true, ..self.empty_table(name.clone(), &create) });
        // columns added by an earlier action of the same statement
        for effect in &self.effects {
            if let Change::AddColumn { table: target, column } = &effect.change
                && target == name
                && table.column(&column.name).is_none()
            {
                table.columns.push((**column).clone());
            }
        }
        let mut draft = Draft { table, taken: std::mem::take(taken) };
        let made = self.constraint(&mut draft, definition, column);
        *taken = draft.taken;
        let (constraint, index) = made?;
        if draft.table.external {
            let columns: Vec<Ident> =
                constraint.columns.iter().map(|name| Ident { name: name.clone(), span: constraint.at.span }).collect();
            self.assume_columns(name, &columns);
        }
        self.emit(Change::AddConstraint { table: name.clone(), constraint: Box::new(constraint), index: index.map(Box::new) });
        Ok(())
    }

    pub fn create_index(&mut self, create: CreateIndex) -> Meaning {
        let Some(relation) = self.require_relation(&create.table)? else { return Ok(()) };
        let explicit = create.name.as_ref().map(|name| QName::new(relation.schema.clone(), name.last()));
        if create.if_not_exists && explicit.as_ref().is_some_and(|name| self.catalog.relation_kind(name).is_some()) {
            return Ok(());
        }
        if let Some(kind @ (RelationKind::View | RelationKind::Sequence | RelationKind::Index | RelationKind::CompositeType)) =
            self.catalog.relation_kind(&relation)
        {
            let reason = format!("cannot create index on relation \"{}\"", relation.name);
            debug_assert!(kind != RelationKind::Table);
            return Err(Contradiction::new("42809", reason));
        }
        let item = Item::of_table(self.catalog, &relation, &relation.name);
        let mut columns = Vec::new();
        for element in create.elements {
            columns.push(self.index_column(element, &item)?);
        }
        let predicate = create.predicate.map(|expr| self.bound(expr, item)).transpose()?;
        if let Some(predicate) = &predicate {
            self.require_immutable(predicate, "functions in index predicate must be marked IMMUTABLE")?;
        }
        let plain: Vec<Ident> =
            columns.iter().filter_map(|column| column.column.clone().map(|name| Ident { name, span: column.expr.site.span })).collect();
        self.assume_columns(&relation, &plain);
        let name = match &explicit {
            Some(name) => name.name.clone(),
            None => {
                let mut parts: Vec<SmolStr> = columns.iter().map(index_part).collect();
                parts.extend(names(&create.include));
                self.free_relation_name(&relation.schema, &relation.name, &parts.join("_"), "idx", &[])
            }
        };
        let index = Index {
            name,
            at: self.at,
            named: create.name.as_ref().map_or(self.at, |name| self.site(name.span())),
            certainty: self.certainty,
            columns,
            include: names(&create.include),
            unique: create.unique,
            nulls_not_distinct: create.nulls_not_distinct,
            primary: false,
            method: create.method,
            predicate,
            constraint: None,
        };
        self.emit(Change::CreateIndex { relation, index: Box::new(index) });
        Ok(())
    }

    pub(super) fn index_column(&mut self, element: IndexElement, item: &Item) -> Result<IndexColumn, Contradiction> {
        let column = match &element.expr.kind {
            ExprKind::Column { path, .. } if path.len() == 1 => Some(path[0].clone()),
            _ => None,
        };
        let expr = self.bound(element.expr, item.clone())?;
        if column.is_none() {
            self.require_immutable(&expr, "functions in index expression must be marked IMMUTABLE")?;
        }
        Ok(IndexColumn {
            column,
            expr,
            descending: element.descending,
            nulls_first: element.nulls_first.unwrap_or(element.descending),
            opclass: element.opclass.map(|name| name.last().into()),
        })
    }
}
