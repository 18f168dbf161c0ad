//! The only place that changes the state. A change that PostgreSQL would reject returns PostgreSQL's message and changes nothing.
//! Source of codes: PostgreSQL's documentation, "PostgreSQL Error Codes".

mod access;
mod doubt;
mod routine;
mod table;

pub use routine::alter_function;

use super::acl::{DefaultPrivilege, Grant};
use super::depend::Dependent;
use super::effect::{Change, Effect};
use super::name::QName;
use super::object::*;
use super::{Applied, Catalog, Detail, FormerName, ObjectKey, Removal, SqlError};
use smol_str::SmolStr;
use std::sync::Arc;

/// Maximum number of columns of a table. Source: PostgreSQL's documentation, "PostgreSQL Limits".
pub const MAX_COLUMNS: usize = 1600;

/// Appends an item with exact capacity. Each statement copies the changed table, and most tables stay small.
fn push<T>(list: &mut Vec<T>, item: T) {
    list.reserve_exact(1);
    list.push(item);
}

fn missing(sqlstate: &'static str, what: &'static str, name: &str) -> SqlError {
    SqlError::new(sqlstate, format!("{what} \"{name}\" does not exist")).missing(ObjectKey::plain(what, name))
}

fn duplicate(sqlstate: &'static str, what: &str, name: impl std::fmt::Display) -> SqlError {
    SqlError::new(sqlstate, format!("{what} \"{name}\" already exists"))
}

/// Returns whether an existing object is replaced by a new one. If the uncertain object had existed, the statement would have failed.
fn is_replaceable(old: Certainty, new: Certainty) -> bool {
    old == Certainty::Maybe && new == Certainty::Certain
}

fn on_relation(verb: &'static str, sqlstate: &'static str, what: &'static str, name: &str, relation: &QName) -> SqlError {
    let word = if what == "policy" || what == "trigger" { "for" } else { "of" };
    let table = if what == "column" || what == "constraint" { "relation" } else { "table" };
    let reason = SqlError::new(sqlstate, format!("{what} \"{name}\" {word} {table} \"{}\" {verb}", relation.name));
    if verb == "does not exist" { reason.missing(ObjectKey::of_table(what, name, relation.name.clone())) } else { reason }
}

/// Returns the name that a change removes, with the statement.
fn removal(Effect { at, change, .. }: &Effect) -> Option<(FormerName, Removal)> {
    let (name, renamed_to) = match change {
        Change::DropRelation { name, .. } => (FormerName::Relation(name.clone()), None),
        Change::RenameRelation { name, to } => (FormerName::Relation(name.clone()), Some(to.name.clone())),
        Change::DropColumn { table, column, .. } => (FormerName::Column(table.clone(), column.clone()), None),
        Change::RenameColumn { relation, from, to } => (FormerName::Column(relation.clone(), from.clone()), Some(to.clone())),
        Change::DropFunction { name, .. } => (FormerName::Function(name.clone()), None),
        Change::RenameFunction { name, to, .. } => (FormerName::Function(name.clone()), Some(to.name.clone())),
        _ => return None,
    };
    Some((name, Removal { at: *at, renamed_to }))
}

impl Catalog {
    /// Applies one change, or returns the error of PostgreSQL.
    pub fn apply(&mut self, effect: Effect) -> Applied {
        let removal = removal(&effect);
        self.change(effect)?;
        if let Some((name, removal)) = removal {
            self.former_names.insert(name, removal);
        }
        Ok(())
    }

    fn change(&mut self, effect: Effect) -> Applied {
        let Effect { at, certainty, change } = effect;
        match change {
            Change::Obscure { span } => {
                // a loop can reach the statement several times
                let place = (self.now.0, span);
                if self.unread.last() != Some(&place) {
                    self.unread.push(place);
                }
            }

            Change::Doubt(doubted) => self.doubt(doubted),
            Change::DoubtOf { table, doubted } => self.doubt_of(&table, doubted),

            Change::CreateSchema(schema) => {
                if self.schemas.contains(&schema.name) {
                    return Err(duplicate("42P06", "schema", &schema.name));
                }
                self.schemas.insert(schema.name.clone(), schema);
            }
            Change::DropSchema { name, cascade } => return self.drop_schema(&name, cascade),
            Change::RenameSchema { name, to } => return self.rename_schema(&name, &to),

            Change::AssumeTable { name, named } => self.assume_table(name, at, named),
            Change::AssumeColumn { table, column, named } => {
                if let Some(table) = self.tables.get_mut(&table).filter(|table| table.external && table.column(&column).is_none()) {
                    let not_null = Fact { value: false, at, certainty: Certainty::Maybe };
                    table.columns.push(Column {
                        name: column,
                        ty: DataType::builtin("unknown"),
                        at: named,
                        named,
                        certainty: Certainty::Maybe,
                        not_null,
                        default: None,
                        generated: None,
                        identity: None,
                        sequence: None,
                    });
                }
            }
            Change::CreateTable(table) => return self.create_table(table),
            Change::DropRelation { name, cascade } => return self.drop_relation(&name, cascade),
            Change::RenameRelation { name, to } => {
                if self.relation_kind(&to).is_some() {
                    return Err(duplicate("42P07", "relation", &to.name));
                }
                self.rename_relation(&name, &to);
            }
            Change::SetPartition { table, parent, bound } => {
                if let Some(parent) = &parent {
                    self.check_family(&table, parent)?;
                }
                self.has_families = true;
                let table = self.table_mut(&table)?;
                table.indexes.iter_mut().for_each(|index| index.part_of = None);
                table.partition_of = parent;
                table.bound = bound;
            }
            Change::SetInherit { table, parent, inherit } => {
                if inherit {
                    self.check_family(&table, &parent)?;
                }
                self.has_families = true;
                let table = self.table_mut(&table)?;
                table.inherits.retain(|name| *name != parent);
                if inherit {
                    table.inherits.push(parent);
                }
            }

            Change::AddColumn { table, column } => return self.add_column(&table, *column),
            Change::DropColumn { table, column, cascade } => return self.drop_column(&table, &column, cascade),
            Change::RenameColumn { relation, from, to } => {
                if self.columns(&relation).is_some_and(|columns| !columns.contains(&from)) {
                    return Err(missing("42703", "column", &from));
                }
                // partitions and child tables have a column of the same name
                let family: Vec<QName> = std::iter::once(relation.clone()).chain(self.descendants(&relation)).collect();
                if let Some(taken) = family.iter().find(|name| self.columns(name).is_some_and(|columns| columns.contains(&to))) {
                    return Err(on_relation("already exists", "42701", "column", &to, taken));
                }
                family.iter().for_each(|name| self.rename_column(name, &from, &to));
            }
            Change::SetColumnType { table, column, ty } => self.require_column(&table, &column)?.ty = ty,
            Change::SetDefault { table, column, default } => self.require_column(&table, &column)?.default = default,
            Change::SetNotNull { table, column, not_null } => {
                let in_key = self.tables.get(&table).and_then(Table::primary_key).is_some_and(|key| key.columns.contains(&column));
                if !not_null && in_key {
                    return Err(SqlError::new("42P16", format!("column \"{column}\" is in a primary key")));
                }
                self.require_column(&table, &column)?.not_null = Fact { value: not_null, at, certainty };
            }
            Change::SetIdentity { table, column, identity } => {
                let sequence = identity.map(|_| QName::new(table.schema.clone(), super::name::derived_name(&table.name, &column, "seq")));
                let found = self.require_column(&table, &column)?;
                found.identity = identity;
                let old = std::mem::replace(&mut found.sequence, sequence.clone());
                if identity.is_some() {
                    found.not_null = Fact { value: true, at, certainty };
                }
                match (sequence, old) {
                    (Some(sequence), _) => self.own_sequence(sequence, at, &table, &column, certainty),
                    (None, Some(old)) => {
                        self.sequences.remove(&old);
                    }
                    (None, None) => {}
                }
            }
            Change::DropGenerated { table, column } => self.require_column(&table, &column)?.generated = None,
            Change::UpdateColumns { table, columns } => {
                for column in columns {
                    let key = (table.clone(), column);
                    if !self.updated.contains(&key) {
                        self.updated.insert(key, ());
                    }
                }
            }
            Change::TouchColumns { table, columns } => {
                for column in &columns {
                    self.require_column(&table, column)?;
                }
            }

            Change::AddConstraint { table, constraint, index } => {
                return self.add_constraint(&table, *constraint, index.map(|index| *index));
            }
            Change::DropConstraint { table, name, cascade } => return self.drop_constraint(&table, &name, cascade),
            Change::ValidateConstraint { table, name } => {
                self.require_constraint(&table, &name)?.validated = Fact { value: true, at, certainty }
            }
            Change::RenameConstraint { table, from, to } => return self.rename_constraint(&table, &from, to),

            Change::CreateIndex { relation, index } => return self.create_index(&relation, *index),
            Change::DropIndex { name } => {
                let Some(home) = self.index_home(&name).cloned() else { return Err(missing("42704", "index", &name.name)) };
                let index = self.tables.get(&home).and_then(|table| table.index(&name.name));
                let constraint =
                    index.and_then(|index| index.constraint.as_ref()).map(|of| format!("constraint {of} on table {}", home.name));
                let whole = index.and_then(|index| index.part_of.as_ref()).map(|of| format!("index {of}"));
                if let Some(user) = constraint.or(whole) {
                    let reason = format!("cannot drop index {} because {user} requires it", name.name);
                    return Err(SqlError::new("2BP01", reason));
                }
                self.remove_index(&home, &name.name);
            }
            Change::AttachIndex { partition, name, whole } => {
                let indexes = &mut self.table_mut(&partition)?.indexes;
                indexes.iter_mut().filter(|index| index.name == name).for_each(|index| index.part_of = Some(whole.clone()));
            }
            Change::CommentIndex { name, text } => {
                let home = self.index_home(&name).cloned();
                if let Some(index) =
                    home.and_then(|home| self.tables.get_mut(&home)?.indexes.iter_mut().find(|index| index.name == name.name))
                {
                    index.comment = text;
                }
            }
            Change::RenameIndex { name, to } => {
                let Some(home) = self.index_home(&name).cloned() else { return Err(missing("42P01", "relation", &name.name)) };
                let target = QName::new(name.schema.clone(), to.clone());
                if self.relation_kind(&target).is_some() {
                    return Err(duplicate("42P07", "relation", &to));
                }
                self.rename_index(&home, &name.name, &to);
            }

            Change::SetRls { table, enabled } => self.table_mut(&table)?.rls = Fact { value: enabled, at, certainty },
            Change::SetAutovacuum { table, value } => self.table_mut(&table)?.autovacuum = Fact { value, at, certainty },
            Change::SetForceRls { table, forced } => self.table_mut(&table)?.force_rls = Fact { value: forced, at, certainty },
            Change::CreatePolicy { table, policy } => {
                let found = self.table_mut(&table)?;
                if let Some(old) = found.policy(&policy.name) {
                    if !is_replaceable(old.certainty, certainty) {
                        return Err(on_relation("already exists", "42710", "policy", &policy.name, &table));
                    }
                    found.policies.retain(|old| old.name != policy.name);
                }
                push(&mut found.policies, *policy);
            }
            Change::AlterPolicy { table, name, roles, using, check } => {
                let policy = self.require_policy(&table, &name)?;
                policy.at = at;
                if let Some(roles) = roles {
                    policy.roles = roles;
                }
                if using.is_some() {
                    policy.using = using;
                }
                if check.is_some() {
                    policy.check = check;
                }
            }
            Change::DropPolicy { table, name } => {
                self.require_policy(&table, &name)?;
                self.table_mut(&table)?.policies.retain(|policy| policy.name != name);
            }
            Change::RenamePolicy { table, from, to } => {
                if self.table_mut(&table)?.policy(&to).is_some() {
                    return Err(on_relation("already exists", "42710", "policy", &to, &table));
                }
                self.require_policy(&table, &from)?.name = to;
            }

            Change::CreateTrigger { relation, trigger, replace } => {
                let triggers = self.require_triggers(&relation)?;
                match triggers.iter_mut().find(|known| known.name == trigger.name) {
                    Some(known) if replace || is_replaceable(known.certainty, certainty) => *known = *trigger,
                    Some(_) => {
                        return Err(SqlError::new(
                            "42710",
                            format!("trigger \"{}\" for relation \"{}\" already exists", trigger.name, relation.name),
                        ));
                    }
                    None => triggers.push(*trigger),
                }
            }
            Change::DropTrigger { relation, name } => {
                self.require_trigger(&relation, &name)?;
                self.require_triggers(&relation)?.retain(|trigger| trigger.name != name);
            }
            Change::RenameTrigger { relation, from, to } => self.require_trigger(&relation, &from)?.name = to,
            Change::EnableTrigger { relation, name, enabled } => match name {
                Some(name) => self.require_trigger(&relation, &name)?.enabled = Fact { value: enabled, at, certainty },
                None => {
                    let fact = Fact { value: enabled, at, certainty };
                    self.require_triggers(&relation)?.iter_mut().for_each(|trigger| trigger.enabled = fact.clone());
                }
            },

            Change::CreateView { view, replace } => return self.create_view(*view, replace),
            Change::SetSecurityInvoker { view, on } => {
                if let Some(view) = self.views.get_mut(&view) {
                    view.security_invoker = Fact { value: on, at, certainty };
                }
            }

            Change::CreateFunction { function, replace } => return self.create_function(*function, replace),
            Change::AlterFunction { name, signature, options } => {
                let Some(function) = self.function_mut(&name, &signature) else {
                    return Err(SqlError::new("42883", format!("function {name}({}) does not exist", signature.join(", "))));
                };
                alter_function(function, &options, at, certainty);
            }
            Change::DropFunction { name, signature, cascade } => {
                let Some(function) = self.function(&name, &signature).cloned() else {
                    return Err(SqlError::new("42883", format!("function {name}({}) does not exist", signature.join(", "))));
                };
                if !cascade {
                    let args: Vec<SmolStr> = function.inputs().map(|arg| self.shown_type(&arg.ty)).collect();
                    let what = format!("function {}({})", self.shown(&name), args.join(","));
                    self.refuse_dependents(&what, &self.dependents_of_function(&function))?;
                }
                self.remove_function(&name, &signature);
            }
            Change::RenameFunction { name, signature, to } => self.rename_function(&name, &signature, &to),

            Change::CreateType(ty) => {
                if self.types.contains(&ty.name) || self.relation_kind(&ty.name).is_some() {
                    return Err(duplicate("42710", "type", &ty.name.name));
                }
                self.types.insert(ty.name.clone(), *ty);
            }
            Change::DropType { name, cascade } => {
                if !cascade {
                    self.refuse_dependents(&format!("type {}", self.shown(&name)), &self.dependents_of_type(&name))?;
                }
                self.remove_type(&name);
            }
            Change::RenameType { name, to } => {
                if self.types.contains(&to) {
                    return Err(duplicate("42710", "type", &to.name));
                }
                self.rename_type(&name, &to);
            }
            Change::AddLabel { name, label, before, after } => return self.add_label(&name, label, before, after, at),
            Change::RenameLabel { name, from, to } => {
                if let Some(labels) = self.labels_mut(&name) {
                    if labels.iter().any(|label| label.text == to) {
                        return Err(duplicate("42710", "enum label", &to));
                    }
                    match labels.iter_mut().find(|label| label.text == from) {
                        Some(label) => label.text = to,
                        None => return Err(SqlError::new("22023", format!("\"{from}\" is not an existing enum label"))),
                    }
                }
            }

            Change::CreateSequence(sequence) => {
                if self.relation_kind(&sequence.name).is_some() {
                    return Err(duplicate("42P07", "relation", &sequence.name.name));
                }
                self.sequences.insert(sequence.name.clone(), *sequence);
            }
            Change::OwnSequence { name, owner } => {
                if let Some(sequence) = self.sequences.get_mut(&name) {
                    sequence.owned_by = owner;
                }
            }

            Change::CreateExtension(extension) => {
                // replaces an extension that the platform may have installed
                if self.extensions.get(&extension.name).is_some_and(|installed| installed.certainty == Certainty::Certain) {
                    return Err(duplicate("42710", "extension", &extension.name));
                }
                self.extensions.insert(extension.name.clone(), extension);
            }
            Change::SetExtensionScript { name, script } => {
                if let Some(extension) = self.extensions.get_mut(&name) {
                    extension.script = Some(script);
                }
            }
            Change::MoveExtension { name, schema } => {
                if let Some(extension) = self.extensions.get_mut(&name) {
                    extension.schema = schema;
                }
            }
            Change::DropExtension { name, cascade } => return self.drop_extension(&name, cascade),
            Change::CreateRole(role) => {
                if self.roles.contains(&role.name) {
                    return Err(duplicate("42710", "role", &role.name));
                }
                self.roles.insert(role.name.clone(), role);
            }
            Change::DropRole { name } => {
                if self.roles.remove(&name).is_none() {
                    return Err(missing("42704", "role", &name));
                }
            }
            Change::JoinRole { role, member, joined } => {
                if let Some(member) = self.roles.get_mut(&member) {
                    member.member_of.retain(|known| *known != role);
                    if joined {
                        member.member_of.push(role);
                    }
                }
            }

            Change::Grant { on, grantee, privileges, columns } => self.change_acl(&on, |acl| {
                let grant =
                    |column: Option<SmolStr>| Grant { grantee: grantee.clone(), privileges, column, at, certainty, by_default: None };
                if columns.is_empty() {
                    acl.grant(grant(None));
                }
                columns.iter().for_each(|column| acl.grant(grant(Some(column.clone()))));
            }),
            Change::Revoke { on, grantee, privileges, columns } => self.change_acl(&on, |acl| {
                if columns.is_empty() {
                    acl.revoke(&grantee, privileges, None, at);
                }
                columns.iter().for_each(|column| acl.revoke(&grantee, privileges, Some(column), at));
            }),
            Change::DefaultPrivileges { role, schema, on, grantee, privileges, grant } => {
                let mut entries = self.default_privileges.get(&()).cloned().unwrap_or_default();
                access::change_defaults(&mut entries, DefaultPrivilege { role, schema, on, grantee, privileges, at }, grant);
                self.default_privileges.insert((), entries);
            }
            Change::EndPlatformDefaults => {
                let mut entries = self.default_privileges.get(&()).cloned().unwrap_or_default();
                for entry in entries.iter_mut().filter(|entry| entry.at.is_platform() && entry.role == super::MIGRATION_ROLE) {
                    entry.privileges = entry.privileges.kept_by_default(entry.on);
                }
                self.default_privileges.insert((), entries);
            }
            Change::SetOwner { kind, name, signature, owner } => self.set_owner(kind, &name, signature.as_deref(), owner),

            Change::CreatePublication(publication) => {
                if self.publications.contains(&publication.name) {
                    return Err(duplicate("42710", "publication", &publication.name));
                }
                self.publications.insert(publication.name.clone(), publication);
            }
            Change::DropPublication { name } => {
                if self.publications.remove(&name).is_none() {
                    return Err(missing("42704", "publication", &name));
                }
            }
            Change::SetPublication { name, add, remove, schemas, replace } => {
                let Some(publication) = self.publications.get_mut(&name) else { return Err(missing("42704", "publication", &name)) };
                if replace {
                    publication.tables.clear();
                    publication.schemas.clear();
                }
                for table in add {
                    if publication.tables.iter().any(|(known, _)| *known == table) {
                        let reason = format!("relation \"{}\" is already member of publication \"{name}\"", table.name);
                        return Err(SqlError::new("42710", reason));
                    }
                    publication.tables.push((table, at));
                }
                for table in remove {
                    if !publication.tables.iter().any(|(known, _)| *known == table) {
                        return Err(SqlError::new("42704", format!("relation \"{}\" is not part of the publication", table.name)));
                    }
                    publication.tables.retain(|(known, _)| *known != table);
                }
                publication.schemas.extend(schemas);
            }

            Change::PutBucket(bucket) => self.buckets.insert(bucket.id.clone(), bucket),
            Change::SetBucketPublic { id, public } => {
                if let Some(bucket) = self.buckets.get_mut(&id) {
                    bucket.public = public;
                    bucket.at = at;
                }
            }
            Change::RemoveBucket { id } => {
                self.buckets.remove(&id);
            }

            Change::CreateEventTrigger(trigger) => {
                if self.event_triggers.contains(&trigger.name) {
                    return Err(duplicate("42710", "event trigger", &trigger.name));
                }
                self.event_triggers.insert(trigger.name.clone(), trigger);
            }
            Change::DropEventTrigger { name } => {
                if self.event_triggers.remove(&name).is_none() {
                    return Err(missing("42704", "event trigger", &name));
                }
            }

            Change::SetSearchPath { path } => self.session.search_path = path,
            Change::CheckBodies { on } => self.session.bodies_unchecked = !on,
            Change::SetRole { role } => self.session.role = role,
        }
        Ok(())
    }

    pub(super) fn table_mut(&mut self, name: &QName) -> Result<&mut Table, SqlError> {
        self.tables.get_mut(name).ok_or_else(|| missing("42P01", "relation", &name.name))
    }

    pub(super) fn column_mut(&mut self, table: &QName, column: &str) -> Option<&mut Column> {
        self.tables.get_mut(table)?.columns.iter_mut().find(|known| known.name == column)
    }

    fn require_column(&mut self, table: &QName, column: &str) -> Result<&mut Column, SqlError> {
        let found = self.table_mut(table)?;
        found
            .columns
            .iter_mut()
            .find(|known| known.name == column)
            .ok_or_else(|| on_relation("does not exist", "42703", "column", column, table))
    }

    fn require_constraint(&mut self, table: &QName, name: &str) -> Result<&mut Constraint, SqlError> {
        let found = self.table_mut(table)?;
        found
            .constraints
            .iter_mut()
            .find(|known| known.name == name)
            .ok_or_else(|| on_relation("does not exist", "42704", "constraint", name, table))
    }

    fn require_policy(&mut self, table: &QName, name: &str) -> Result<&mut Policy, SqlError> {
        let found = self.table_mut(table)?;
        found
            .policies
            .iter_mut()
            .find(|known| known.name == name)
            .ok_or_else(|| on_relation("does not exist", "42704", "policy", name, table))
    }

    pub(super) fn triggers_mut(&mut self, relation: &QName) -> Option<&mut Vec<Trigger>> {
        if self.tables.contains(relation) {
            return self.tables.get_mut(relation).map(|table| &mut table.triggers);
        }
        self.views.get_mut(relation).map(|view| &mut view.triggers)
    }

    fn require_triggers(&mut self, relation: &QName) -> Result<&mut Vec<Trigger>, SqlError> {
        self.triggers_mut(relation).ok_or_else(|| missing("42P01", "relation", &relation.name))
    }

    fn require_trigger(&mut self, relation: &QName, name: &str) -> Result<&mut Trigger, SqlError> {
        let triggers = self.require_triggers(relation)?;
        triggers
            .iter_mut()
            .find(|known| known.name == name)
            .ok_or_else(|| on_relation("does not exist", "42704", "trigger", name, relation))
    }

    pub fn function(&self, name: &QName, signature: &[SmolStr]) -> Option<&Function> {
        self.functions.get(name)?.iter().find(|function| function.signature() == signature)
    }

    fn function_mut(&mut self, name: &QName, signature: &[SmolStr]) -> Option<&mut Function> {
        self.functions.get_mut(name)?.iter_mut().find(|function| function.signature() == signature)
    }

    fn labels_mut(&mut self, name: &QName) -> Option<&mut Vec<Label>> {
        match self.types.get_mut(name).map(|ty| &mut ty.kind) {
            Some(TypeKind::Enum(labels)) => Some(labels),
            _ => None,
        }
    }

    /// Returns an error if the parent is the table itself or one of its descendants.
    fn check_family(&self, table: &QName, parent: &QName) -> Applied {
        if table != parent && !self.descendants(table).contains(parent) {
            return Ok(());
        }
        Err(SqlError::new("42P07", "circular inheritance not allowed"))
    }

    /// Drops an extension and its objects. Without CASCADE, functions that other objects may use are kept, because an unqualified call can
    /// be one of PostgreSQL's own functions.
    fn drop_extension(&mut self, name: &SmolStr, cascade: bool) -> Applied {
        let Some(extension) = self.extensions.get(name) else { return Err(missing("42704", "extension", name)) };
        if let Some(script) = extension.script {
            let is_used = |function: &&Function| !cascade && !self.dependents_of_function(function).is_empty();
            let functions = self.functions.values().flatten().filter(|function| function.at.file == script);
            let function = |function: &Function| Dependent::Function { name: function.name.clone(), signature: function.signature() };
            let functions: Vec<Dependent> = functions.filter(|function| !is_used(function)).map(function).collect();
            let tables = self.tables.which(|table| table.created.file == script).map(|table| Dependent::Table(table.name.clone()));
            let views = self.views.which(|view| view.at.file == script).map(|view| Dependent::View(view.name.clone()));
            let sequences = self.sequences.which(|sequence| sequence.at.file == script);
            let sequences = sequences.map(|sequence| Dependent::Sequence(sequence.name.clone()));
            let types = self.types.which(|ty| ty.at.file == script).map(|ty| Dependent::Type(ty.name.clone()));
            let members: Vec<Dependent> = tables.chain(views).chain(sequences).chain(types).collect();
            if !cascade {
                let is_own = |dependent: &Dependent| self.describe(dependent).is_some_and(|(_, site)| site.file == script);
                let mut dependents: Vec<Dependent> = members.iter().flat_map(|member| self.is_dropped_with(member)).collect();
                dependents.retain(|dependent| !is_own(dependent));
                self.refuse_dependents(&format!("extension {name}"), &dependents)?;
            }
            let schemas: Vec<SmolStr> = self.schemas.which(|schema| schema.at.file == script).map(|schema| schema.name.clone()).collect();
            self.remove(functions.into_iter().chain(members));
            for schema in schemas {
                // a schema with other objects is kept
                let _ = self.drop_schema(&schema, false);
            }
        }
        self.extensions.remove(name);
        Ok(())
    }

    fn drop_schema(&mut self, name: &SmolStr, cascade: bool) -> Applied {
        if !self.schemas.contains(name) {
            return Err(missing("3F000", "schema", name));
        }
        let inside = |qname: &QName| qname.schema == *name;
        let relations: Vec<QName> =
            self.tables.keys().chain(self.views.keys()).chain(self.sequences.keys()).filter(|key| inside(key)).cloned().collect();
        let functions: Vec<(QName, Vec<SmolStr>)> = self
            .functions
            .values()
            .flatten()
            .filter(|function| inside(&function.name))
            .map(|function| (function.name.clone(), function.signature()))
            .collect();
        let types: Vec<QName> = self.types.keys().filter(|key| inside(key)).cloned().collect();
        let is_empty = relations.is_empty() && functions.is_empty() && types.is_empty();
        if !(cascade || is_empty) {
            return Err(depends(&format!("schema {name}")));
        }
        self.remove_relations(relations);
        functions.iter().for_each(|(function, signature)| self.remove_function(function, signature));
        types.iter().for_each(|ty| self.remove_type(ty));
        self.schemas.remove(name);
        Ok(())
    }

    fn rename_schema(&mut self, name: &SmolStr, to: &SmolStr) -> Applied {
        if self.schemas.contains(to) {
            return Err(duplicate("42P06", "schema", to));
        }
        let Some(schema) = self.schemas.remove(name) else { return Err(missing("3F000", "schema", name)) };
        self.schemas.insert(to.clone(), Schema { name: to.clone(), ..Arc::unwrap_or_clone(schema) });
        let inside = |qname: &&QName| qname.schema == *name;
        let moved = |qname: &QName| QName::new(to.clone(), qname.name.clone());
        let relations: Vec<QName> =
            self.tables.keys().chain(self.views.keys()).chain(self.sequences.keys()).filter(inside).cloned().collect();
        let types: Vec<QName> = self.types.keys().filter(inside).cloned().collect();
        let functions: Vec<(QName, Vec<SmolStr>)> = self
            .functions
            .values()
            .flatten()
            .filter(|function| function.name.schema == *name)
            .map(|function| (function.name.clone(), function.signature()))
            .collect();
        relations.iter().for_each(|relation| self.rename_relation(relation, &moved(relation)));
        types.iter().for_each(|ty| self.rename_type(ty, &moved(ty)));
        functions.iter().for_each(|(function, signature)| self.rename_function(function, signature, &moved(function)));
        Ok(())
    }
}

fn depends(what: &str) -> SqlError {
    SqlError::new("2BP01", format!("cannot drop {what} because other objects depend on it"))
}

impl Catalog {
    /// Returns an error with the dependent objects, if there are any.
    fn refuse_dependents(&self, what: &str, dependents: &[Dependent]) -> Applied {
        // uncertain objects do not prevent the statement
        if !dependents.iter().any(|dependent| self.is_certain(dependent)) {
            return Ok(());
        }
        let described = dependents.iter().filter_map(|dependent| self.describe(dependent)).collect();
        Err(SqlError { detail: Some(Box::new(Detail::Dependents(described))), ..depends(what) })
    }
}

impl SqlError {
    /// Uses the form "constraint … for relation …", which PostgreSQL uses if the constraint already exists.
    fn with_for_relation(mut self) -> SqlError {
        self.message = self.message.replace("\" of relation", "\" for relation");
        self
    }
}
