//! Types, sequences, extensions and publications. Also DROP, RENAME, SET SCHEMA, OWNER and COMMENT of all objects.

use super::bind::Item;
use super::{Context, Meaning};
use crate::catalog::creation_index::ObjectClass;
use crate::catalog::effect::Change;
use crate::catalog::name::QName;
use crate::catalog::object::*;
use crate::catalog::{ObjectKey, RelationKind, SqlError};
use crate::syntax::ast::{
    self, AlterComposite, AlterDomain, AlterEnum, AlterPublication, AlterSequence, CreateDomain, CreateExtension, CreatePublication,
    CreateSequence, CreateType, DomainChange, Drop, EnumChange, ObjectKind, ObjectRef, PublicationChange, Rename,
};
use crate::syntax::expression::{Ident, ObjectName};
use smol_str::SmolStr;

fn missing(sqlstate: &'static str, what: &'static str, name: &ObjectName) -> SqlError {
    let class = match what {
        "type" | "index" | "role" | "schema" => what,
        _ => "relation",
    };
    SqlError::new(sqlstate, format!("{what} \"{name}\" does not exist")).missing(ObjectKey::new(class, name))
}

fn missing_schema(name: &str) -> SqlError {
    missing_plain("3F000", "schema", name)
}

fn missing_plain(sqlstate: &'static str, class: &'static str, name: &str) -> SqlError {
    SqlError::new(sqlstate, format!("{class} \"{name}\" does not exist")).missing(ObjectKey::plain(class, name))
}

/// Returns whether DROP, ALTER and COMMENT accept the relation under this kind of object.
fn fits(kind: ObjectKind, relation: RelationKind) -> bool {
    match kind {
        ObjectKind::Table | ObjectKind::ForeignTable => relation == RelationKind::Table,
        ObjectKind::View => relation == RelationKind::View,
        ObjectKind::MaterializedView => relation == RelationKind::MaterializedView,
        ObjectKind::Sequence => relation == RelationKind::Sequence,
        ObjectKind::Index => relation == RelationKind::Index,
        _ => true,
    }
}

fn noun(kind: ObjectKind) -> &'static str {
    match kind {
        ObjectKind::Table => "table",
        ObjectKind::ForeignTable => "foreign table",
        ObjectKind::View => "view",
        ObjectKind::MaterializedView => "materialized view",
        ObjectKind::Sequence => "sequence",
        ObjectKind::Index => "index",
        _ => "relation",
    }
}

impl Context<'_> {
    pub fn create_type(&mut self, create: CreateType) -> Meaning {
        let name = self.place(&create.name, false)?;
        let kind = match create.kind {
            ast::TypeKind::Enum(labels) => {
                TypeKind::Enum(labels.into_iter().map(|(text, span)| Label { text, at: self.site(span) }).collect())
            }
            ast::TypeKind::Composite(attributes) => {
                attributes.iter().try_for_each(|(_, ty)| self.require_type(ty))?;
                TypeKind::Composite(attributes.into_iter().map(|(name, ty)| (name.name, self.data_type(&ty))).collect())
            }
            ast::TypeKind::Range => TypeKind::Range,
            ast::TypeKind::Base => TypeKind::Base,
            ast::TypeKind::Shell => TypeKind::Shell,
        };
        // the second CREATE TYPE replaces a shell type
        if self.catalog.types.get(&name).is_some_and(|known| matches!(known.kind, TypeKind::Shell)) {
            self.emit(Change::DropType { name: name.clone(), cascade: true });
        }
        self.put_type(name, kind);
        Ok(())
    }

    fn put_type(&mut self, name: QName, kind: TypeKind) {
        let owner = self.catalog.current_role();
        let (at, certainty, of_extension) = (self.at, self.certainty, self.of_extension);
        self.emit(Change::CreateType(Box::new(Type { name, kind, at, certainty, owner, of_extension })));
    }

    /// Returns the name of a type in the catalog.
    fn known_type(&self, name: &ObjectName) -> Option<QName> {
        self.catalog.find_type(name)
    }

    pub fn alter_enum(&mut self, alter: AlterEnum) -> Meaning {
        let Some(name) = self.known_type(&alter.name) else {
            return self.absent(ObjectClass::Type, &alter.name, || missing("42704", "type", &alter.name));
        };
        match alter.change {
            EnumChange::Add { value, if_not_exists, before, after } => {
                let known = match self.catalog.types.get(&name).map(|ty| &ty.kind) {
                    Some(TypeKind::Enum(labels)) => labels.iter().any(|label| label.text == value),
                    _ => return Err(SqlError::new("42809", format!("{} is not an enum", name.name))),
                };
                if !(known && if_not_exists) {
                    self.emit(Change::AddLabel { name, label: value, before, after });
                }
            }
            EnumChange::Rename { from, to } => self.emit(Change::RenameLabel { name, from, to }),
        }
        Ok(())
    }

    /// Checks that a composite type exists. Its attributes are not modelled.
    pub fn alter_composite(&mut self, alter: &AlterComposite) -> Meaning {
        match self.known_type(&alter.name) {
            None => self.absent(ObjectClass::Relation, &alter.name, || missing("42P01", "relation", &alter.name)),
            Some(_) => Ok(()),
        }
    }

    pub fn create_domain(&mut self, create: CreateDomain) -> Meaning {
        let name = self.place(&create.name, false)?;
        self.require_type(&create.ty)?;
        let base = self.data_type(&create.ty);
        let mut checks = Vec::new();
        for (constraint, expr) in create.checks {
            let name = constraint.map_or_else(|| SmolStr::from(format!("{}_check", name.name)), |name| name.name);
            let item = Item { reference: None, relation: None, columns: None };
            checks.push((name, self.bound(expr, item)?));
        }
        self.put_type(name, TypeKind::Domain { base, not_null: create.not_null, checks });
        Ok(())
    }

    pub fn alter_domain(&mut self, alter: &AlterDomain) -> Meaning {
        if self.known_type(&alter.name).is_none() {
            self.absent(ObjectClass::Type, &alter.name, || missing("42704", "type", &alter.name))?;
        }
        match &alter.change {
            DomainChange::AddCheck { .. } | DomainChange::DropConstraint { .. } | DomainChange::NotNull(_) | DomainChange::Other => Ok(()),
        }
    }

    pub fn create_sequence(&mut self, create: CreateSequence) -> Meaning {
        let name = self.place(&create.name, create.temporary)?;
        if create.if_not_exists && self.catalog.relation_kind(&name).is_some() {
            return Ok(());
        }
        let acl = self.catalog.initial_acl(ObjectKind::Sequence, &name.schema, self.at, self.certainty);
        let owned_by = create.owned_by.as_ref().and_then(|column| self.owning_column(column));
        let owner = self.catalog.current_role();
        let (at, certainty) = (self.at, self.certainty);
        self.emit(Change::CreateSequence(Box::new(Sequence { name, at, certainty, owned_by, owner, acl })));
        Ok(())
    }

    fn owning_column(&self, column: &ObjectName) -> Option<(QName, SmolStr)> {
        let (column, table) = column.parts.split_last()?;
        let table = self.catalog.find_relation(&ObjectName { parts: table.to_vec() })?;
        Some((table, column.name.clone()))
    }

    pub fn alter_sequence(&mut self, alter: AlterSequence) -> Meaning {
        let Some(name) = self.catalog.find_relation(&alter.name) else {
            let reason = || missing("42P01", "relation", &alter.name);
            return if alter.if_exists { Ok(()) } else { self.absent(ObjectClass::Relation, &alter.name, reason) };
        };
        if let Some(column) = &alter.owned_by {
            let owner = self.owning_column(column);
            self.emit(Change::OwnSequence { name, owner });
        }
        Ok(())
    }

    pub fn create_extension(&mut self, create: CreateExtension) -> Meaning {
        let installed = self.catalog.extensions.get(&create.name.name);
        if create.if_not_exists && installed.is_some_and(|installed| installed.certainty == Certainty::Certain) {
            return Ok(());
        }
        if let Some(schema) = create.schema.as_ref().filter(|schema| !self.catalog.has_schema(&schema.name)) {
            return Err(missing_schema(&schema.name));
        }
        let fixed = super::run::extension_script(&create.name.name).and_then(|(schema, _)| schema).map(SmolStr::from);
        let written = create.schema.map(|schema| schema.name);
        if let (Some(fixed), Some(written)) = (&fixed, &written)
            && fixed != written
        {
            let reason = format!("extension \"{}\" must be installed in schema \"{fixed}\"", create.name.name);
            return Err(SqlError::new("0A000", reason));
        }
        let schema = fixed.or(written).or_else(|| self.catalog.creation_schema()).unwrap_or_else(|| "public".into());
        let (at, certainty) = (self.at, self.certainty);
        self.emit(Change::CreateExtension(Extension {
            known: super::builtin::is_known_extension(&create.name.name),
            script: None,
            name: create.name.name,
            schema,
            at,
            certainty,
        }));
        Ok(())
    }

    pub fn create_publication(&mut self, create: CreatePublication) -> Meaning {
        let mut tables = Vec::new();
        for table in &create.tables {
            if let Some(name) = self.relation(table)? {
                tables.push((name, self.at));
            }
        }
        let at = self.at;
        let schemas = create.schemas.into_iter().map(|schema| schema.name).collect();
        self.emit(Change::CreatePublication(Publication { name: create.name.name, at, all_tables: create.all_tables, tables, schemas }));
        Ok(())
    }

    pub fn alter_publication(&mut self, alter: AlterPublication) -> Meaning {
        let name = alter.name.name;
        if !self.catalog.publications.contains(&name) {
            return Ok(());
        }
        let (tables, schemas, replace, remove) = match alter.change {
            PublicationChange::Add { tables, schemas } => (tables, schemas, false, false),
            PublicationChange::Set { tables, schemas } => (tables, schemas, true, false),
            PublicationChange::Drop { tables, schemas } => (tables, schemas, false, true),
            PublicationChange::Options => return Ok(()),
        };
        let mut found = Vec::new();
        for table in &tables {
            found.extend(self.relation(table)?);
        }
        let schemas = schemas.into_iter().map(|schema| schema.name).collect();
        let (add, remove) = if remove { (Vec::new(), found) } else { (found, Vec::new()) };
        self.emit(Change::SetPublication { name, add, remove, schemas, replace });
        Ok(())
    }

    pub fn drop(&mut self, drop: Drop) -> Meaning {
        for object in &drop.objects {
            self.drop_one(&drop, object)?;
        }
        Ok(())
    }

    fn drop_one(&mut self, drop: &Drop, object: &ObjectRef) -> Meaning {
        let if_exists = drop.if_exists;
        let cascade = drop.cascade;
        let name = SmolStr::from(object.name.last());
        match object.kind {
            ObjectKind::Table | ObjectKind::ForeignTable | ObjectKind::View | ObjectKind::MaterializedView | ObjectKind::Sequence => {
                match self.catalog.find_relation(&object.name) {
                    Some(found) => {
                        if self.catalog.relation_kind(&found).is_some_and(|kind| !fits(object.kind, kind)) && !self.is_external(&found) {
                            return Err(SqlError::new("42809", format!("\"{}\" is not a {}", found.name, noun(object.kind))));
                        }
                        self.emit(Change::DropRelation { name: found, cascade });
                    }
                    None if !if_exists => {
                        return self.absent(ObjectClass::Relation, &object.name, || missing("42P01", noun(object.kind), &object.name));
                    }
                    None => {}
                }
            }
            ObjectKind::Index => match self.catalog.find_relation(&object.name) {
                Some(found) => self.emit(Change::DropIndex { name: found }),
                None if !if_exists => {
                    return self.absent(ObjectClass::Index, &object.name, || missing_plain("42704", "index", object.name.last()));
                }
                None => {}
            },
            ObjectKind::Policy | ObjectKind::Trigger => {
                let Some(on) = &object.on else { return Ok(()) };
                let Some(relation) = self.catalog.find_relation(on) else {
                    return if if_exists { Ok(()) } else { self.absent(ObjectClass::Relation, on, || missing("42P01", "relation", on)) };
                };
                let known = self.has_part(&relation, object.kind, &name);
                if known || !(if_exists || self.is_external(&relation)) {
                    self.emit(match object.kind {
                        ObjectKind::Policy => Change::DropPolicy { table: relation, name },
                        _ => Change::DropTrigger { relation, name },
                    });
                }
            }
            ObjectKind::Function | ObjectKind::Procedure | ObjectKind::Routine | ObjectKind::Aggregate => {
                let relied = self.relies.get();
                match self.function(object) {
                    Ok(Some((name, signature))) => self.emit(Change::DropFunction { name, signature, cascade }),
                    Ok(None) => {}
                    Err(reason) if if_exists && reason.sqlstate == "42883" => {}
                    Err(reason) => return Err(reason),
                }
                if if_exists {
                    self.relies.set(relied);
                }
            }
            ObjectKind::Type | ObjectKind::Domain => match self.known_type(&object.name).filter(|name| self.catalog.types.contains(name)) {
                Some(found) => self.emit(Change::DropType { name: found, cascade }),
                None if !if_exists => {
                    return self.absent(ObjectClass::Type, &object.name, || missing("42704", "type", &object.name));
                }
                None => {}
            },
            ObjectKind::Schema => {
                if self.catalog.schemas.contains(&name) || !if_exists {
                    self.emit(Change::DropSchema { name, cascade });
                }
            }
            ObjectKind::Extension => {
                if self.catalog.extensions.contains(&name) {
                    self.emit(Change::DropExtension { name, cascade });
                }
            }
            ObjectKind::Role => {
                if self.catalog.roles.contains(&name) {
                    self.emit(Change::DropRole { name });
                } else if !if_exists {
                    return self.absent(ObjectClass::Role, &object.name, || missing_plain("42704", "role", &name));
                }
            }
            ObjectKind::Publication => {
                if self.catalog.publications.contains(&name) {
                    self.emit(Change::DropPublication { name });
                }
            }
            ObjectKind::EventTrigger => {
                if self.catalog.event_triggers.contains(&name) {
                    self.emit(Change::DropEventTrigger { name });
                }
            }
            ObjectKind::Column
            | ObjectKind::Constraint
            | ObjectKind::DomainConstraint
            | ObjectKind::Rule
            | ObjectKind::Subscription
            | ObjectKind::Database
            | ObjectKind::Language
            | ObjectKind::Collation
            | ObjectKind::Conversion
            | ObjectKind::Cast
            | ObjectKind::Operator
            | ObjectKind::OperatorClass
            | ObjectKind::OperatorFamily
            | ObjectKind::Server
            | ObjectKind::ForeignDataWrapper
            | ObjectKind::UserMapping
            | ObjectKind::AccessMethod
            | ObjectKind::TextSearch
            | ObjectKind::Statistics
            | ObjectKind::Transform
            | ObjectKind::Tablespace
            | ObjectKind::LargeObject => {}
        }
        Ok(())
    }

    fn is_external(&self, relation: &QName) -> bool {
        self.catalog.table(relation).is_some_and(|table| table.external)
    }

    fn has_part(&self, relation: &QName, kind: ObjectKind, name: &str) -> bool {
        let triggers = |triggers: &[Trigger]| triggers.iter().any(|trigger| trigger.name == name);
        match (self.catalog.table(relation), self.catalog.views.get(relation)) {
            (Some(table), _) if kind == ObjectKind::Policy => table.policy(name).is_some(),
            (Some(table), _) => triggers(&table.triggers),
            (None, Some(view)) => triggers(&view.triggers),
            (None, None) => false,
        }
    }

    pub fn rename(&mut self, rename: Rename) -> Meaning {
        let Rename { object, if_exists, to } = rename;
        let to = to.name;
        match object.kind {
            ObjectKind::Column | ObjectKind::Constraint => {
                let Some(on) = &object.on else { return Ok(()) };
                if if_exists && self.catalog.find_relation(on).is_none() {
                    return Ok(());
                }
                let Some(relation) = self.relation(on)? else { return Ok(()) };
                let from = SmolStr::from(object.name.last());
                if object.kind == ObjectKind::Column {
                    self.assume_columns(&relation, std::slice::from_ref(&object.name.parts[0]));
                    self.emit(Change::RenameColumn { relation, from, to });
                } else if !self.is_external(&relation) {
                    self.emit(Change::RenameConstraint { table: relation, from, to });
                }
            }
            ObjectKind::Trigger | ObjectKind::Policy => {
                let Some(on) = &object.on else { return Ok(()) };
                let Some(relation) = self.relation(on)? else { return Ok(()) };
                let from = SmolStr::from(object.name.last());
                if !self.is_external(&relation) {
                    self.emit(match object.kind {
                        ObjectKind::Policy => Change::RenamePolicy { table: relation, from, to },
                        _ => Change::RenameTrigger { relation, from, to },
                    });
                }
            }
            ObjectKind::Function | ObjectKind::Procedure | ObjectKind::Routine | ObjectKind::Aggregate => {
                if let Some((name, signature)) = self.function(&object)? {
                    let to = QName::new(name.schema.clone(), to);
                    self.emit(Change::RenameFunction { name, signature, to });
                }
            }
            ObjectKind::Type | ObjectKind::Domain => {
                if let Some(name) = self.known_type(&object.name) {
                    let to = QName::new(name.schema.clone(), to);
                    self.emit(Change::RenameType { name, to });
                }
            }
            ObjectKind::Schema => self.emit(Change::RenameSchema { name: object.name.last().into(), to }),
            _ => {
                let found = self.catalog.find_relation(&object.name);
                if found.is_none() && if_exists {
                    return Ok(());
                }
                if found.is_none() && object.kind == ObjectKind::Index {
                    return self.absent(ObjectClass::Index, &object.name, || missing("42P01", "relation", &object.name));
                }
                let relation = match found {
                    Some(found) => found,
                    None => match self.relation(&object.name)? {
                        Some(found) => found,
                        None => return Ok(()),
                    },
                };
                if self.catalog.relation_kind(&relation) == Some(RelationKind::Index) {
                    self.emit(Change::RenameIndex { name: relation, to });
                } else {
                    let to = QName::new(relation.schema.clone(), to);
                    self.emit(Change::RenameRelation { name: relation, to });
                }
            }
        }
        Ok(())
    }

    pub fn set_schema(&mut self, object: ObjectRef, schema: &Ident) -> Meaning {
        if !self.catalog.has_schema(&schema.name) {
            return Err(missing_schema(&schema.name));
        }
        let moved = |name: &QName| QName::new(schema.name.clone(), name.name.clone());
        match object.kind {
            ObjectKind::Function | ObjectKind::Procedure | ObjectKind::Routine | ObjectKind::Aggregate => {
                if let Some((name, signature)) = self.function(&object)? {
                    self.emit(Change::RenameFunction { to: moved(&name), name, signature });
                }
            }
            ObjectKind::Type | ObjectKind::Domain => {
                if let Some(name) = self.known_type(&object.name) {
                    self.emit(Change::RenameType { to: moved(&name), name });
                }
            }
            ObjectKind::Table | ObjectKind::ForeignTable | ObjectKind::View | ObjectKind::MaterializedView | ObjectKind::Sequence => {
                if let Some(name) = self.relation(&object.name)? {
                    self.emit(Change::RenameRelation { to: moved(&name), name });
                }
            }
            ObjectKind::Extension => self.move_extension(object.name.last(), &schema.name),
            _ => {}
        }
        Ok(())
    }

    /// Moves an extension with its functions and types to another schema.
    fn move_extension(&mut self, extension: &str, schema: &SmolStr) {
        let Some(old) = self.catalog.extensions.get(&extension.into()).cloned() else { return };
        let catalog = self.catalog;
        let is_part = |of_extension: bool, name: &QName| {
            of_extension && name.schema == old.schema && super::builtin::extensions_with(&name.name).contains(&extension)
        };
        let moved = |name: &QName| QName::new(schema.clone(), name.name.clone());
        for function in catalog.functions.values().flatten().filter(|function| is_part(function.of_extension, &function.name)) {
            let (name, signature) = (function.name.clone(), function.signature());
            self.emit(Change::RenameFunction { to: moved(&name), name, signature });
        }
        for ty in catalog.types.values().filter(|ty| is_part(ty.of_extension, &ty.name)) {
            self.emit(Change::RenameType { to: moved(&ty.name), name: ty.name.clone() });
        }
        self.emit(Change::MoveExtension { name: old.name, schema: schema.clone() });
    }

    pub fn owner(&mut self, object: ObjectRef, role: &Ident) -> Meaning {
        self.require_role(role)?;
        let owner = self.role(role);
        match object.kind {
            ObjectKind::Function | ObjectKind::Procedure | ObjectKind::Routine | ObjectKind::Aggregate => {
                if let Some((name, signature)) = self.function(&object)? {
                    self.emit(Change::SetOwner { kind: object.kind, name, signature: Some(signature), owner });
                }
            }
            ObjectKind::Schema => {
                let name = QName::new("", object.name.last());
                self.emit(Change::SetOwner { kind: object.kind, name, signature: None, owner });
            }
            ObjectKind::Type | ObjectKind::Domain => {
                if let Some(name) = self.known_type(&object.name) {
                    self.emit(Change::SetOwner { kind: object.kind, name, signature: None, owner });
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Checks that the object of a comment exists. Only comments of indexes are stored, because fixes recreate indexes.
    pub fn comment(&mut self, object: ObjectRef, text: Option<String>) -> Meaning {
        match object.kind {
            ObjectKind::Table | ObjectKind::View | ObjectKind::MaterializedView | ObjectKind::Sequence | ObjectKind::ForeignTable => {
                self.relation(&object.name)?;
            }
            ObjectKind::Column => {
                let Some(on) = &object.on else { return Ok(()) };
                let Some(relation) = self.relation(on)? else { return Ok(()) };
                let column = object.name.last();
                if self.catalog.columns(&relation).is_some_and(|columns| !columns.iter().any(|known| known == column)) {
                    let reason = format!("column \"{column}\" of relation \"{}\" does not exist", relation.name);
                    return Err(SqlError::new("42703", reason));
                }
                self.assume_columns(&relation, &object.name.parts);
            }
            ObjectKind::Policy | ObjectKind::Trigger => {
                let Some(on) = &object.on else { return Ok(()) };
                let Some(relation) = self.relation(on)? else { return Ok(()) };
                if !self.is_external(&relation)
                    && !self.assumed.contains(&relation)
                    && !self.has_part(&relation, object.kind, object.name.last())
                {
                    let what = if object.kind == ObjectKind::Policy { "policy" } else { "trigger" };
                    let reason = format!("{what} \"{}\" for table \"{}\" does not exist", object.name.last(), relation.name);
                    return Err(SqlError::new("42704", reason));
                }
            }
            ObjectKind::Function | ObjectKind::Procedure | ObjectKind::Aggregate => {
                self.function(&object)?;
            }
            ObjectKind::Constraint => {
                let Some(on) = &object.on else { return Ok(()) };
                let Some(relation) = self.relation(on)? else { return Ok(()) };
                let name = object.name.last();
                if let Some(table) = self.catalog.table(&relation).filter(|table| !table.external && table.constraint(name).is_none()) {
                    let reason = format!("constraint \"{name}\" for table \"{}\" does not exist", table.name.name);
                    return Err(SqlError::new("42704", reason));
                }
            }
            ObjectKind::Type | ObjectKind::Domain if self.known_type(&object.name).is_none() => {
                self.absent(ObjectClass::Type, &object.name, || missing("42704", "type", &object.name))?;
            }
            ObjectKind::Index => match self.catalog.find_relation(&object.name) {
                Some(name) => self.emit(Change::CommentIndex { name, text: text.map(SmolStr::from) }),
                None => self.absent(ObjectClass::Index, &object.name, || missing("42P01", "relation", &object.name))?,
            },
            ObjectKind::Schema if !self.catalog.has_schema(object.name.last()) => {
                return Err(missing_schema(object.name.last()));
            }
            _ => {}
        }
        Ok(())
    }
}
