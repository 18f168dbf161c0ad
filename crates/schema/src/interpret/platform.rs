//! Statements that a hosted Supabase project refuses. Migrations run as `postgres`, which is not a superuser and does not own the schemas of
//! the platform or the objects of extensions.
//!
//! Promises: only missing privileges (42501) are reported, with PostgreSQL's message. A refused statement still changes the catalog, because
//! older projects have applied it. Limits: statements of other roles, and objects that the project created in those schemas, are not
//! checked. GRANT and REVOKE on objects of other owners only raise warnings in PostgreSQL.
//! Sources: Supabase changelog 34270; the roles, grants and `supautils` settings of supabase/postgres; PostgreSQL's ownership checks.

use crate::catalog::name::QName;
use crate::catalog::object::{Certainty, Command};
use crate::catalog::{Catalog, MIGRATION_ROLE};
use crate::source::Site;
use crate::syntax::ast::*;
use crate::syntax::expression::{Data, FromRelation, ObjectName};
use smol_str::SmolStr;

/// A statement that the platform refuses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    pub at: Site,
    pub certainty: Certainty,
    /// PostgreSQL's message.
    pub error: String,
    pub cause: Cause,
    /// Time from which the platform refuses the statement, in the form of a migration's version.
    pub since: u64,
}

/// Reason for a refusal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cause {
    /// The statement changes or drops an object of the platform.
    Owner(Owned),
    /// The statement changes a table of an extension.
    Extension {
        table: QName,
    },
    /// The statement creates an object in a schema of the platform.
    Create {
        schema: SmolStr,
    },
    /// The statement writes rows of a table of the platform.
    Write {
        table: QName,
        delete: bool,
    },
    /// The statement changes the owner to a role of which `postgres` is not a member.
    OwnerTo {
        role: SmolStr,
    },
    /// The statement changes the default privileges of a role of which `postgres` is not a member.
    DefaultsOf {
        role: SmolStr,
    },
    /// The statement sets or grants a role of which `postgres` is not a member.
    Role {
        role: SmolStr,
    },
    /// The statement sets a default for a parameter that only a superuser can set.
    Setting {
        name: SmolStr,
        database: bool,
    },
    System,
    Superuser,
    Leakproof,
    Language,
    ServerFile,
}

/// Change of an object of the platform.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Owned {
    RowSecurity { table: QName, on: bool },
    Index { table: QName },
    Policy { table: QName },
    Trigger { table: QName },
    Publish { table: QName },
    Comment,
    Relation { name: QName },
    Routine { name: QName },
    Type { name: QName },
    Schema { name: SmolStr },
}

/// Date on which `postgres` lost privileges in auth, storage and realtime. Source: Supabase changelog 34270.
const SCHEMAS_CLOSED: u64 = 20250421000000;
/// Date from which `postgres` is not a superuser. Source: Supabase discussion 9314.
const NO_SUPERUSER: u64 = 20221101000000;
/// Date from which `postgres` cannot write `cron.job`. Source: supabase/postgres, `revoke_writes_on_cron_job_from_postgres`.
const CRON_CLOSED: u64 = 20231020000000;
/// Date from which `postgres` cannot write `vault.secrets`. Source: supabase_vault 0.3, which is part of Postgres 15.8.1.060.
const VAULT_CLOSED: u64 = 20250401000000;
/// Date from which a trigger refuses DELETE on storage tables. Source: supabase/storage pull request 817.
const STORAGE_KEPT: u64 = 20260101000000;

/// Tables of other owners whose policies `postgres` can manage, and whose triggers it can drop.
/// Source: `supautils.policy_grants` and `supautils.drop_trigger_grants` of supabase/postgres.
const GUARDED: [(&str, &str); 11] = [
    ("auth", "audit_log_entries"),
    ("auth", "identities"),
    ("auth", "refresh_tokens"),
    ("auth", "sessions"),
    ("auth", "users"),
    ("realtime", "messages"),
    ("storage", "buckets"),
    ("storage", "migrations"),
    ("storage", "objects"),
    ("storage", "s3_multipart_uploads"),
    ("storage", "s3_multipart_uploads_parts"),
];

/// Roles of which `postgres` is not a member, with the date from which it is not.
const BARRED: [(&str, u64); 8] = [
    ("supabase_admin", NO_SUPERUSER),
    ("supabase_auth_admin", SCHEMAS_CLOSED),
    ("supabase_storage_admin", SCHEMAS_CLOSED),
    ("supabase_realtime_admin", SCHEMAS_CLOSED),
    ("supabase_replication_admin", NO_SUPERUSER),
    ("supabase_read_only_user", NO_SUPERUSER),
    ("supabase_etl_admin", NO_SUPERUSER),
    ("pgbouncer", NO_SUPERUSER),
];

/// Prefixes of parameters that an extension or the API defines. Other parameters with a dot are placeholders, and only a superuser can set
/// their defaults.
const DEFINED: [&str; 22] = [
    "auto_explain",
    "cron",
    "hnsw",
    "index_advisor",
    "ivfflat",
    "orioledb",
    "pg_net",
    "pg_stat_statements",
    "pg_tle",
    "pg_trgm",
    "pgaudit",
    "pgroonga",
    "pgrst",
    "pgsodium",
    "plan_filter",
    "plpgsql",
    "plpgsql_check",
    "plv8",
    "postgis",
    "safeupdate",
    "supautils",
    "timescaledb",
];

/// Returns why the platform refuses a statement, or `None` if it accepts the statement.
pub fn refusal(catalog: &Catalog, text: &str, at: Site, ast: &Ast, certainty: Certainty) -> Option<Refusal> {
    let postgres = catalog.roles.get(&MIGRATION_ROLE.into())?;
    if postgres.superuser || at.is_platform() || catalog.current_role() != MIGRATION_ROLE {
        return None;
    }
    let (cause, error, since) = RefusalChecker { catalog, text }.statement(ast)?;
    Some(Refusal { at, certainty, error, cause, since })
}

type RefusalReason = Option<(Cause, String, u64)>;

struct RefusalChecker<'a> {
    catalog: &'a Catalog,
    /// Text of the file.
    text: &'a str,
}

/// A relation of the platform or of an extension.
enum Foreign {
    Platform(QName),
    Extension(QName),
}

impl RefusalChecker<'_> {
    fn statement(&self, ast: &Ast) -> RefusalReason {
        match ast {
            Ast::Data(data) => self.data(data),
            Ast::CreateTable(create) if !create.temporary => self.create(&create.name),
            Ast::CreateTableAs(create) if !create.temporary => self.create(&create.name),
            Ast::CreateView(create) if !create.temporary => self.create(&create.name),
            Ast::CreateSequence(create) if !create.temporary => self.create(&create.name),
            Ast::CreateType(create) => self.create(&create.name),
            Ast::CreateDomain(create) => self.create(&create.name),
            Ast::CreateFunction(create) | Ast::CreateAggregate(create) => self.create_function(create),
            Ast::AlterTable(alter) => self.alter_table(alter),
            Ast::CreateIndex(create) => {
                self.owned(&create.table, "table", |table| Owned::Index { table })
            }
            Ast::CreatePolicy(create) => self.policy(&create.table, None),
            Ast::AlterPolicy(alter) => self.policy(&alter.table, None),
            Ast::AlterFunction(alter) => self.function(&alter.object),
            Ast::AlterEnum(alter) => self.named_type(&alter.name),
            Ast::AlterComposite(alter) => self.named_type(&alter.name),
            Ast::AlterDomain(alter) => self.named_type(&alter.name),
            Ast::AlterSequence(alter) => self.relation(&alter.name, "sequence"),
            Ast::CreateSchema(create) => create.owner.as_ref().and_then(|owner| self.owner_to(&owner.name)),
            Ast::AlterPublication(alter) => match &alter.change {
                PublicationChange::Add { tables, .. } | PublicationChange::Set { tables, .. } => {
                    tables.iter().find_map(|table| self.owned(table, "table", |table| Owned::Publish { table }))
                }
                PublicationChange::Drop { .. } | PublicationChange::Options => None,
            },
            Ast::CreateRole(create) => {
                create.superuser.then(|| (Cause::Superuser, "permission denied to create role".into(), NO_SUPERUSER))
            }
            Ast::AlterRole { superuser, database, setting, .. } => self.alter_role(*superuser, *database, setting.as_ref()),
            Ast::Drop(drop) => drop.objects.iter().find_map(|object| self.dropped(drop, object)),
            Ast::Rename(rename) => self.changed(&rename.object),
            Ast::SetSchema { object, schema } => self.changed(object).or_else(|| self.creation_in(&schema.name)),
            Ast::Owner { object, role } => self.changed(object).or_else(|| self.owner_to(&role.name)),
            Ast::Comment { object, .. } => self.commented(object),
            Ast::GrantRole { grant: true, roles, .. } => roles.iter().find_map(|role| {
                let closed = matches!(role.name.as_str(), "pg_read_server_files" | "pg_write_server_files" | "pg_execute_server_program");
                let error = format!("permission denied to grant role \"{}\"", role.name);
                (closed || role.name == "supabase_admin").then(|| (Cause::Role { role: role.name.clone() }, error, NO_SUPERUSER))
            }),
            Ast::DefaultPrivileges(defaults) => defaults.for_roles.iter().find_map(|role| {
                let since = self.barred(&role.name)?;
                Some((Cause::DefaultsOf { role: role.name.clone() }, "permission denied to change default privileges".into(), since))
            }),
            Ast::Set(Set::Role { role: Some(role), .. }) => self.set_role(&role.name, "role"),
            Ast::Set(Set::SessionAuthorization { role: Some(role) }) if role.name != MIGRATION_ROLE => {
                let error = format!("permission denied to set session authorization \"{}\"", role.name);
                Some((Cause::Role { role: role.name.clone() }, error, NO_SUPERUSER))
            }
            Ast::Set(Set::Value { name, value: SettingValue::List(values), .. }) if name == "role" => {
                values.first().and_then(|role| self.set_role(role, "role"))
            }
            Ast::OutsideTransaction { head, .. } if head == "ALTER SYSTEM" => {
                Some((Cause::System, "permission denied to set parameter".into(), NO_SUPERUSER))
            }
            Ast::Copy { server_file: true, from, .. } => {
                let direction = if *from { "from" } else { "to" };
                Some((Cause::ServerFile, format!("permission denied to COPY {direction} a file"), NO_SUPERUSER))
            }
            Ast::CreateTable(_)
            | Ast::CreateTableAs(_)
            | Ast::CreateView(_)
            | Ast::CreateSequence(_)
            // `postgres` has the privilege TRIGGER on these tables
            | Ast::CreateTrigger(_)
            // supautils runs these statements as a superuser
            | Ast::CreateEventTrigger(_)
            | Ast::CreateExtension(_)
            | Ast::CreatePublication(_)
            | Ast::Grant(_)
            | Ast::GrantRole { .. }
            | Ast::Set(_)
            | Ast::Transaction(_)
            | Ast::Do(_)
            | Ast::Call(_)
            | Ast::Truncate { .. }
            | Ast::Copy { .. }
            | Ast::Refresh { .. }
            | Ast::DropOwned { .. }
            | Ast::OutsideTransaction { .. }
            | Ast::CreateOther { .. }
            | Ast::Other { .. }
            | Ast::Meta { .. } => None,
        }
    }

    /// Returns the date from which `postgres` can use a schema of the platform but not change it, or `None` for other schemas.
    fn closed(&self, schema: &str) -> Option<u64> {
        let known = self.catalog.schemas.get(&schema.into()).filter(|known| known.at.is_platform())?;
        match (schema, known.owner.as_str()) {
            (_, MIGRATION_ROLE | "pg_database_owner") => None,
            ("auth" | "storage" | "realtime", _) => Some(SCHEMAS_CLOSED),
            _ => Some(NO_SUPERUSER),
        }
    }

    fn barred(&self, role: &str) -> Option<u64> {
        let joined = |postgres: &crate::catalog::object::Role| postgres.member_of.iter().any(|known| known == role);
        let (_, since) = BARRED.iter().find(|(barred, _)| *barred == role)?;
        (!self.catalog.roles.get(&MIGRATION_ROLE.into()).is_some_and(joined)).then_some(*since)
    }

    fn foreign(&self, written: &ObjectName) -> Option<Foreign> {
        let catalog = self.catalog;
        let found = catalog.find_relation(written);
        // PostGIS may have been enabled in the dashboard
        let spatial = |name: &QName| name.name == "spatial_ref_sys" && catalog.table(name).is_none_or(|table| table.external);
        let Some(name) = found else {
            let place = catalog.place(written).filter(|name| name.name == "spatial_ref_sys" && name.schema == "public")?;
            return spatial(&place).then_some(Foreign::Extension(place));
        };
        if let Some(table) = catalog.table(&name) {
            // `postgres` owns the queues of pgmq
            if (table.of_extension && name.schema != "pgmq") || spatial(&name) {
                return Some(Foreign::Extension(name));
            }
        }
        let at = match (catalog.table(&name), catalog.views.get(&name), catalog.sequences.get(&name)) {
            (Some(table), _, _) => table.created,
            (_, Some(view), _) => view.at,
            (_, _, Some(sequence)) => sequence.at,
            (None, None, None) => {
                let home = catalog.table(catalog.index_home(&name)?)?;
                home.index(&name.name)?.at
            }
        };
        (at.is_platform() && self.closed(&name.schema).is_some()).then_some(Foreign::Platform(name))
    }

    fn owned(&self, written: &ObjectName, noun: &str, owned: impl FnOnce(QName) -> Owned) -> RefusalReason {
        match self.foreign(written)? {
            Foreign::Platform(name) => {
                let (error, since) = (format!("must be owner of {noun} {}", name.name), self.closed(&name.schema)?);
                Some((Cause::Owner(owned(name)), error, since))
            }
            Foreign::Extension(table) => {
                let error = format!("must be owner of {noun} {}", table.name);
                Some((Cause::Extension { table }, error, NO_SUPERUSER))
            }
        }
    }

    fn relation(&self, written: &ObjectName, noun: &str) -> RefusalReason {
        self.owned(written, noun, |name| Owned::Relation { name })
    }

    fn create(&self, name: &ObjectName) -> RefusalReason {
        self.creation_in(&self.catalog.place(name)?.schema)
    }

    fn creation_in(&self, schema: &SmolStr) -> RefusalReason {
        let since = self.closed(schema)?;
        Some((Cause::Create { schema: schema.clone() }, format!("permission denied for schema {schema}"), since))
    }

    fn create_function(&self, create: &CreateFunction) -> RefusalReason {
        if let Some(refused) = self.create(&create.name) {
            return Some(refused);
        }
        if matches!(create.language.as_str(), "c" | "internal") {
            return Some((Cause::Language, format!("permission denied for language {}", create.language), NO_SUPERUSER));
        }
        self.leakproof(&create.options)
    }

    fn leakproof(&self, options: &FunctionOptions) -> RefusalReason {
        let error = "only superuser can define a leakproof function";
        (options.leakproof == Some(true)).then(|| (Cause::Leakproof, error.into(), NO_SUPERUSER))
    }

    fn alter_table(&self, alter: &AlterTable) -> RefusalReason {
        let (_, first) = alter.actions.first()?;
        let noun = match alter.kind {
            ObjectKind::View => "view",
            ObjectKind::MaterializedView => "materialized view",
            ObjectKind::Index => "index",
            ObjectKind::Sequence => "sequence",
            _ => "table",
        };
        let owned = |table: QName| match first {
            AlterAction::EnableRls if self.catalog.table(&table).is_some_and(|known| known.rls.value) => {
                Owned::RowSecurity { table, on: true }
            }
            AlterAction::DisableRls => Owned::RowSecurity { table, on: false },
            AlterAction::EnableTrigger { .. } => Owned::Trigger { table },
            _ => Owned::Relation { name: table },
        };
        self.owned(&alter.name, noun, owned).or_else(|| {
            alter.actions.iter().find_map(|(_, action)| match action {
                AlterAction::Owner { role } => self.owner_to(&role.name),
                _ => None,
            })
        })
    }

    /// Checks the change of a policy. `dropped` is the name of a policy that is dropped, which must exist.
    fn policy(&self, table: &ObjectName, dropped: Option<&str>) -> RefusalReason {
        let refused = self.owned(table, "table", |table| Owned::Policy { table })?;
        if let Cause::Owner(Owned::Policy { table }) = &refused.0 {
            let guarded = GUARDED.iter().any(|(schema, name)| table.is(schema, name));
            let there = |name| self.catalog.table(table).is_some_and(|table| table.policy(name).is_some());
            return (!guarded && dropped.is_none_or(there)).then_some(refused);
        }
        Some(refused)
    }

    fn function(&self, object: &ObjectRef) -> RefusalReason {
        let name = self.catalog.find_functions(&object.name)?;
        let since = self.closed(&name.schema)?;
        let theirs = self.catalog.functions.get(&name)?.iter().all(|function| function.at.is_platform());
        let error = format!("must be owner of function {}", object.name);
        theirs.then_some((Cause::Owner(Owned::Routine { name }), error, since))
    }

    fn named_type(&self, name: &ObjectName) -> RefusalReason {
        let name = self.catalog.find_type(name)?;
        let since = self.closed(&name.schema)?;
        let theirs = self.catalog.types.get(&name)?.at.is_platform();
        let error = format!("must be owner of type {}", name.name);
        theirs.then_some((Cause::Owner(Owned::Type { name }), error, since))
    }

    fn schema(&self, name: &str) -> RefusalReason {
        let since = self.closed(name)?;
        Some((Cause::Owner(Owned::Schema { name: name.into() }), format!("must be owner of schema {name}"), since))
    }

    /// Checks the change or removal of an existing trigger.
    fn trigger(&self, object: &ObjectRef, drop: bool) -> RefusalReason {
        let table = object.on.as_ref()?;
        let refused = self.owned(table, "relation", |table| Owned::Trigger { table })?;
        let Cause::Owner(Owned::Trigger { table }) = &refused.0 else { return Some(refused) };
        let there = self.catalog.table(table)?.triggers.iter().any(|trigger| trigger.name == object.name.last());
        let may_drop = drop && GUARDED.iter().any(|(schema, name)| table.is(schema, name));
        (there && !may_drop).then_some(refused)
    }

    fn dropped(&self, drop: &Drop, object: &ObjectRef) -> RefusalReason {
        match drop.kind {
            ObjectKind::Policy => self.policy(object.on.as_ref()?, Some(object.name.last())),
            ObjectKind::Trigger => self.trigger(object, true),
            _ => self.changed(object),
        }
    }

    /// Checks RENAME, SET SCHEMA, OWNER TO and DROP of an object.
    fn changed(&self, object: &ObjectRef) -> RefusalReason {
        match object.kind {
            ObjectKind::Table | ObjectKind::ForeignTable => self.relation(&object.name, "table"),
            ObjectKind::View => self.relation(&object.name, "view"),
            ObjectKind::MaterializedView => self.relation(&object.name, "materialized view"),
            ObjectKind::Index => self.relation(&object.name, "index"),
            ObjectKind::Sequence => self.relation(&object.name, "sequence"),
            ObjectKind::Column | ObjectKind::Constraint | ObjectKind::Rule => self.relation(object.on.as_ref()?, "table"),
            ObjectKind::Trigger => self.trigger(object, false),
            ObjectKind::Policy => self.policy(object.on.as_ref()?, None),
            ObjectKind::Function | ObjectKind::Procedure | ObjectKind::Routine | ObjectKind::Aggregate => self.function(object),
            ObjectKind::Type | ObjectKind::Domain => self.named_type(&object.name),
            ObjectKind::Schema => self.schema(object.name.last()),
            ObjectKind::Extension
            | ObjectKind::Role
            | ObjectKind::Publication
            | ObjectKind::Subscription
            | ObjectKind::EventTrigger
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
            | ObjectKind::LargeObject
            | ObjectKind::DomainConstraint => None,
        }
    }

    fn commented(&self, object: &ObjectRef) -> RefusalReason {
        // new versions of supautils allow `postgres` to comment on policies that it can manage
        if object.kind == ObjectKind::Policy {
            return None;
        }
        let relation = |written| self.owned(written, "relation", |_| Owned::Comment);
        match (object.kind, &object.on) {
            (ObjectKind::Column | ObjectKind::Constraint | ObjectKind::Trigger, Some(on)) => relation(on),
            _ => self.changed(object).map(|(cause, error, since)| match cause {
                Cause::Owner(_) => (Cause::Owner(Owned::Comment), error, since),
                other => (other, error, since),
            }),
        }
    }

    fn owner_to(&self, role: &SmolStr) -> RefusalReason {
        let since = self.barred(role)?;
        Some((Cause::OwnerTo { role: role.clone() }, format!("must be able to SET ROLE \"{role}\""), since))
    }

    fn set_role(&self, role: &SmolStr, what: &str) -> RefusalReason {
        let since = self.barred(role)?;
        Some((Cause::Role { role: role.clone() }, format!("permission denied to set {what} \"{role}\""), since))
    }

    fn alter_role(&self, superuser: bool, database: bool, setting: Option<&SmolStr>) -> RefusalReason {
        if superuser {
            return Some((Cause::Superuser, "permission denied to alter role".into(), NO_SUPERUSER));
        }
        let name = setting?;
        let (prefix, _) = name.split_once('.')?;
        let error = format!("permission denied to set parameter \"{name}\"");
        (!DEFINED.contains(&prefix)).then(|| (Cause::Setting { name: name.clone(), database }, error, NO_SUPERUSER))
    }

    fn data(&self, data: &Data) -> RefusalReason {
        let (name, command) = match data {
            Data::Insert(insert) => (&insert.table, Command::Insert),
            Data::Update(update) => (target(&update.table.relation)?, Command::Update),
            Data::Delete(delete) => (target(&delete.table.relation)?, Command::Delete),
            Data::Query(_) | Data::Merge { .. } => return None,
        };
        let table = QName::new(name.schema()?, name.last());
        let denied = || format!("permission denied for table {}", table.name);
        let (error, since) = match (table.schema.as_str(), table.name.as_str(), command) {
            ("cron", "job", _) => (denied(), CRON_CLOSED),
            ("vault", "secrets", Command::Insert | Command::Update) => (denied(), VAULT_CLOSED),
            ("storage", "migrations", _) | ("auth" | "realtime", "schema_migrations", _) => (denied(), SCHEMAS_CLOSED),
            // a trigger of the platform refuses DELETE unless this parameter is set
            ("storage", "objects" | "buckets", Command::Delete) if !self.text.contains("allow_delete_query") => {
                ("Direct deletion from storage tables is not allowed. Use the Storage API instead".into(), STORAGE_KEPT)
            }
            _ => return None,
        };
        Some((Cause::Write { table, delete: command == Command::Delete }, error, since))
    }
}

fn target(relation: &FromRelation) -> Option<&ObjectName> {
    match relation {
        FromRelation::Table { name, .. } => Some(name),
        FromRelation::Query(_) | FromRelation::Function { .. } | FromRelation::Join(_) => None,
    }
}
