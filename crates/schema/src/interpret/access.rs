//! Policies, privileges, roles, schemas and the session.

use super::bind::Item;
use super::{Context, Meaning, builtin};
use crate::catalog::acl::Privileges;
use crate::catalog::effect::{Change, Grantable};
use crate::catalog::name::QName;
use crate::catalog::object::*;
use crate::catalog::{ObjectKey, PUBLIC, RelationKind, SqlError};
use crate::source::Site;
use crate::syntax::ast::{
    AlterPolicy, CreatePolicy, CreateRole, CreateSchema, DefaultPrivileges, Form, Grant, GrantTarget, ObjectKind, ObjectRef, Set,
    SettingValue,
};
use crate::syntax::expression::{Expr, Ident, ObjectName};
use smol_str::SmolStr;

impl Context<'_> {
    /// Returns the table of a policy, or an error if the relation is not a table.
    fn policy_table(&mut self, name: &ObjectName) -> Result<Option<QName>, SqlError> {
        let Some(table) = self.relation(name)? else { return Ok(None) };
        match self.catalog.relation_kind(&table) {
            Some(RelationKind::Table) | None => Ok(Some(table)),
            Some(_) => Err(SqlError::new("42809", format!("\"{}\" is not a table", table.name))),
        }
    }

    fn policy_roles(&self, roles: &[Ident]) -> Vec<SmolStr> {
        if roles.is_empty() { vec![PUBLIC.into()] } else { roles.iter().map(|role| self.role(role)).collect() }
    }

    fn policy_condition(&mut self, expr: Expr, item: Item) -> Result<Expression, SqlError> {
        let bound = self.bound(expr, item)?;
        self.check_place(&bound.root, "policy expressions", None)?;
        self.check_condition(&bound.root, "POLICY")?;
        Ok(bound)
    }

    pub fn create_policy(&mut self, create: CreatePolicy) -> Meaning {
        let Some(table) = self.policy_table(&create.table)? else { return Ok(()) };
        if create.command == Command::Insert && create.using.is_some() {
            return Err(SqlError::new("42601", "only WITH CHECK expression allowed for INSERT"));
        }
        if matches!(create.command, Command::Select | Command::Delete) && create.check.is_some() {
            return Err(SqlError::new("42601", "WITH CHECK cannot be applied to SELECT or DELETE"));
        }
        self.require_roles(&create.roles)?;
        let item = Item::of_table(self.catalog, &table, &table.name);
        let using = create.using.map(|expr| self.policy_condition(expr, item.clone())).transpose()?;
        let check = create.check.map(|expr| self.policy_condition(expr, item)).transpose()?;
        let policy = Policy {
            name: create.name.name.clone(),
            at: self.at,
            named: self.site(create.name.span),
            certainty: self.certainty,
            permissive: create.permissive,
            command: create.command,
            roles: self.policy_roles(&create.roles),
            using,
            check,
        };
        self.emit(Change::CreatePolicy { table, policy: Box::new(policy) });
        Ok(())
    }

    pub fn alter_policy(&mut self, alter: AlterPolicy) -> Meaning {
        let Some(table) = self.policy_table(&alter.table)? else { return Ok(()) };
        let known = self.catalog.table(&table);
        let policy = known.and_then(|table| table.policy(&alter.name.name));
        // a table that no migration creates may have the policy
        if policy.is_none() && (alter.if_exists || known.is_none_or(|table| table.external)) {
            return Ok(());
        }
        if let Some(to) = alter.rename {
            self.emit(Change::RenamePolicy { table, from: alter.name.name, to: to.name });
            return Ok(());
        }
        if let Some(policy) = policy {
            if policy.command == Command::Insert && alter.using.is_some() {
                return Err(SqlError::new("42601", "only WITH CHECK expression allowed for INSERT"));
            }
            if matches!(policy.command, Command::Select | Command::Delete) && alter.check.is_some() {
                return Err(SqlError::new("42601", "only USING expression allowed for SELECT, DELETE"));
            }
        }
        self.require_roles(alter.roles.iter().flatten())?;
        let item = Item::of_table(self.catalog, &table, &table.name);
        let roles = alter.roles.map(|roles| self.policy_roles(&roles));
        let using = alter.using.map(|expr| self.policy_condition(expr, item.clone())).transpose()?;
        let check = alter.check.map(|expr| self.policy_condition(expr, item)).transpose()?;
        self.emit(Change::AlterPolicy { table, name: alter.name.name, roles, using, check });
        Ok(())
    }

    pub fn grant(&mut self, grant: Grant) -> Meaning {
        let targets = self.grant_targets(&grant.target)?;
        self.require_roles(&grant.roles)?;
        for (kind, on) in targets {
            if grant.privileges.is_empty() {
                self.change_grants(&grant, on, Privileges::all(kind), Vec::new());
                continue;
            }
            let mut whole = Privileges::NONE;
            for (name, columns) in &grant.privileges {
                let Some(privilege) = Privileges::named(name) else {
                    return Err(SqlError::new("42601", format!("unrecognized privilege type \"{name}\"")));
                };
                self.check_privilege(name, privilege, kind, &on, columns)?;
                if columns.is_empty() {
                    whole |= privilege;
                } else {
                    let columns = columns.iter().map(|column| column.name.clone()).collect();
                    self.change_grants(&grant, on.clone(), privilege, columns);
                }
            }
            self.change_grants(&grant, on, whole, Vec::new());
        }
        Ok(())
    }

    /// Returns an error if the privilege does not apply to this kind of object or to columns, or if a column does not exist.
    fn check_privilege(&self, name: &str, privilege: Privileges, kind: ObjectKind, on: &Grantable, columns: &[Ident]) -> Meaning {
        let noun = match kind {
            ObjectKind::Table => "relation",
            ObjectKind::Sequence => "sequence",
            ObjectKind::Schema => "schema",
            _ => "function",
        };
        if !Privileges::all(kind).contains(privilege) && !matches!((kind, privilege), (ObjectKind::Table, Privileges::USAGE)) {
            let reason = format!("invalid privilege type {} for {noun}", name.to_uppercase());
            return Err(SqlError::new("0LP01", reason));
        }
        let Grantable::Relation(relation) = on else { return Ok(()) };
        let Some(known) = self.catalog.columns(relation) else { return Ok(()) };
        match columns.iter().find(|column| !known.contains(&column.name)) {
            Some(missing) => {
                let reason = format!("column \"{}\" of relation \"{}\" does not exist", missing.name, relation.name);
                Err(SqlError::new("42703", reason).missing(ObjectKey::of_table("column", missing.name.clone(), relation.name.clone())))
            }
            None => Ok(()),
        }
    }

    fn change_grants(&mut self, grant: &Grant, on: Grantable, privileges: Privileges, columns: Vec<SmolStr>) {
        if privileges.is_empty() {
            return;
        }
        for role in &grant.roles {
            let (on, grantee, columns) = (on.clone(), self.role(role), columns.clone());
            if grant.grant {
                self.emit(Change::Grant { on, grantee, privileges, columns });
            } else if !grant.grant_option && !self.catalog.is_granted_by_platform(&on) {
                self.emit(Change::Revoke { on, grantee, privileges, columns });
            }
        }
    }

    fn grant_targets(&mut self, target: &GrantTarget) -> Result<Vec<(ObjectKind, Grantable)>, SqlError> {
        let mut out = Vec::new();
        match target {
            GrantTarget::Objects(objects) => {
                for object in objects {
                    if let Some(found) = self.grantable(object)? {
                        out.push(found);
                    }
                }
            }
            GrantTarget::AllInSchema { kind, schemas } => {
                for schema in schemas {
                    if !self.catalog.has_schema(&schema.name) {
                        return Err(SqlError::new("3F000", format!("schema \"{}\" does not exist", schema.name)));
                    }
                    self.all_in_schema(*kind, &schema.name, &mut out);
                }
            }
        }
        Ok(out)
    }

    fn all_in_schema(&self, kind: ObjectKind, schema: &SmolStr, out: &mut Vec<(ObjectKind, Grantable)>) {
        let catalog = self.catalog;
        match kind {
            ObjectKind::Table => {
                let relations = catalog.tables.keys().chain(catalog.views.keys()).filter(|name| name.schema == *schema);
                out.extend(relations.map(|name| (ObjectKind::Table, Grantable::Relation(name.clone()))));
            }
            ObjectKind::Sequence => {
                let sequences = catalog.sequences.keys().filter(|name| name.schema == *schema);
                out.extend(sequences.map(|name| (ObjectKind::Sequence, Grantable::Sequence(name.clone()))));
            }
            _ => {
                let functions = catalog.functions.values().flatten().filter(|function| {
                    let wanted = match kind {
                        ObjectKind::Function => function.kind != RoutineKind::Procedure,
                        ObjectKind::Procedure => function.kind == RoutineKind::Procedure,
                        _ => true,
                    };
                    function.name.schema == *schema && wanted
                });
                out.extend(
                    functions.map(|function| (ObjectKind::Function, Grantable::Function(function.name.clone(), function.signature()))),
                );
            }
        }
    }

    fn grantable(&mut self, object: &ObjectRef) -> Result<Option<(ObjectKind, Grantable)>, SqlError> {
        Ok(match object.kind {
            ObjectKind::Table => {
                let Some(name) = self.relation(&object.name)? else { return Ok(None) };
                let kind = if self.catalog.sequences.contains(&name) { ObjectKind::Sequence } else { ObjectKind::Table };
                Some((kind, Grantable::Relation(name)))
            }
            ObjectKind::Sequence => self.catalog.find_relation(&object.name).map(|name| (ObjectKind::Sequence, Grantable::Sequence(name))),
            ObjectKind::Function | ObjectKind::Procedure | ObjectKind::Routine | ObjectKind::Aggregate => {
                self.function(object)?.map(|(name, signature)| (ObjectKind::Function, Grantable::Function(name, signature)))
            }
            ObjectKind::Schema => {
                let name = SmolStr::from(object.name.last());
                if !self.catalog.has_schema(&name) {
                    return Err(SqlError::new("3F000", format!("schema \"{name}\" does not exist")));
                }
                Some((ObjectKind::Schema, Grantable::Schema(name)))
            }
            _ => None,
        })
    }

    pub fn grant_role(&mut self, grant: bool, roles: &[Ident], to: &[Ident]) -> Meaning {
        self.require_roles(roles.iter().chain(to))?;
        for role in roles {
            for member in to {
                let (role, member) = (self.role(role), self.role(member));
                self.emit(Change::JoinRole { role, member, joined: grant });
            }
        }
        Ok(())
    }

    pub fn default_privileges(&mut self, defaults: DefaultPrivileges) -> Meaning {
        let roles = if defaults.for_roles.is_empty() {
            vec![self.catalog.current_role()]
        } else {
            defaults.for_roles.iter().map(|role| self.role(role)).collect()
        };
        let schemas: Vec<Option<SmolStr>> = if defaults.schemas.is_empty() {
            vec![None]
        } else {
            defaults.schemas.iter().map(|schema| Some(schema.name.clone())).collect()
        };
        if let Some(missing) = schemas.iter().flatten().find(|schema| !self.catalog.has_schema(schema)) {
            return Err(SqlError::new("3F000", format!("schema \"{missing}\" does not exist")));
        }
        self.require_roles(defaults.for_roles.iter().chain(&defaults.roles))?;
        let privileges = if defaults.privileges.is_empty() {
            Privileges::all(defaults.on)
        } else {
            defaults.privileges.iter().filter_map(|name| Privileges::named(name)).fold(Privileges::NONE, |all, one| all | one)
        };
        for role in &roles {
            for schema in &schemas {
                for grantee in &defaults.roles {
                    let grantee = self.role(grantee);
                    let (role, schema) = (role.clone(), schema.clone());
                    self.emit(Change::DefaultPrivileges { role, schema, on: defaults.on, grantee, privileges, grant: defaults.grant });
                }
            }
        }
        Ok(())
    }

    pub fn create_role(&mut self, create: CreateRole) -> Meaning {
        self.emit(Change::CreateRole(Role {
            name: create.name.name,
            at: self.at,
            bypass_rls: create.bypass_rls,
            superuser: create.superuser,
            member_of: create.in_roles.into_iter().map(|role| role.name).collect(),
        }));
        Ok(())
    }

    pub fn create_schema(&mut self, create: CreateSchema) -> Meaning {
        if create.if_not_exists && self.catalog.schemas.contains(&create.name.name) {
            return Ok(());
        }
        let owner = create.owner.as_ref().map_or_else(|| self.catalog.current_role(), |role| self.role(role));
        let acl = self.catalog.initial_acl(ObjectKind::Schema, "", self.at, self.certainty);
        self.emit(Change::CreateSchema(Schema { name: create.name.name.clone(), at: self.at, certainty: self.certainty, owner, acl }));
        // an element can use the schema that this statement creates
        for element in create.elements {
            if let Form::Read(ast) = element.form {
                let mut world = self.catalog.clone();
                for effect in &self.effects {
                    world.apply(effect.clone())?;
                }
                world.session.search_path = Some(vec![create.name.name.clone(), PUBLIC.into()]);
                let mut inner = Context::new(&world, Site::new(self.file, element.span), self.certainty);
                inner.interpret(*ast)?;
                let effects = inner.effects;
                self.effects.extend(effects);
            }
        }
        Ok(())
    }

    pub fn set(&mut self, set: Set) -> Meaning {
        match set {
            Set::Value { name, .. } if builtin::setting_since(&name) > self.catalog.postgres_version => {
                return Err(SqlError::new("42704", format!("unrecognized configuration parameter \"{name}\"")));
            }
            Set::Value { name, value, .. } if name == "search_path" => {
                let path = match value {
                    SettingValue::List(path) => Some(path.into_iter().filter(|schema| !schema.is_empty()).collect()),
                    SettingValue::Default | SettingValue::FromCurrent => None,
                };
                self.emit(Change::SetSearchPath { path });
            }
            Set::Value { name, value: SettingValue::List(values), .. } if name == "role" => {
                let role = values.first().filter(|role| *role != "none").cloned();
                self.emit(Change::SetRole { role });
            }
            Set::Value { name, value, .. } if name == "check_function_bodies" => {
                let off = matches!(&value, SettingValue::List(values) if values.first().is_some_and(|value| !super::view::is_on(value)));
                self.emit(Change::CheckBodies { on: !off });
            }
            Set::Role { role, .. } | Set::SessionAuthorization { role } => {
                self.require_roles(&role)?;
                let role = role.map(|role| self.role(&role));
                self.emit(Change::SetRole { role });
            }
            Set::Reset { name } if name == "search_path" => self.emit(Change::SetSearchPath { path: None }),
            Set::Reset { name } if name == "role" => self.emit(Change::SetRole { role: None }),
            Set::Reset { name } if name == "check_function_bodies" => self.emit(Change::CheckBodies { on: true }),
            Set::ResetAll => {
                self.emit(Change::SetSearchPath { path: None });
                self.emit(Change::CheckBodies { on: true });
            }
            Set::Value { .. } | Set::Reset { .. } | Set::Other => {}
        }
        Ok(())
    }
}
