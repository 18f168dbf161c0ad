//! A state of a project, and queries on it for rules, remedies and other analyses.
//!
//! Promises: results borrow from the catalog and not from [`State`], so a rule can report while it iterates over them.

use super::Analyses;
use super::code::{Code, Origin, Parsed, own};
use super::identity_helpers::IdentityHelpers;
use super::long_names::{self, LongNames};
use super::secrets::{self, Secret};
use crate::catalog::acl::Privileges;
use crate::catalog::creation_index::Moment;
use crate::catalog::name::QName;
use crate::catalog::object::*;
use crate::catalog::walk::reachable;
use crate::catalog::{Catalog, Rejected, is_system_schema};
use crate::config::Config;
use crate::project::{AppFile, Migration, Platform, Project};
use crate::source::{FileId, Site, Sources, Span};
use crate::syntax::ast::ObjectKind;
use crate::syntax::expression::Query;
use smol_str::SmolStr;
use std::collections::BTreeMap;
use supalint_queries::shape::Exposure;

/// The roles of API requests without the service role key.
pub const API_ROLES: [&str; 2] = ["anon", "authenticated"];

/// Commands of clients on a table: the command, the required privilege, and the name.
pub const COMMANDS: [(Command, Privileges, &str); 4] = [
    (Command::Select, Privileges::SELECT, "SELECT"),
    (Command::Insert, Privileges::INSERT, "INSERT"),
    (Command::Update, Privileges::UPDATE, "UPDATE"),
    (Command::Delete, Privileges::DELETE, "DELETE"),
];

/// Schemas of the platform and of extensions. Their tables are not checked.
/// Source: splinter.sql of Supabase's advisor, `n.nspname not in (…)`.
const PLATFORM_SCHEMAS: [&str; 24] = [
    "_timescaledb_cache",
    "_timescaledb_catalog",
    "_timescaledb_config",
    "_timescaledb_internal",
    "auth",
    "cron",
    "extensions",
    "graphql",
    "graphql_public",
    "net",
    "pgbouncer",
    "pgmq",
    "pgroonga",
    "pgsodium",
    "pgsodium_masks",
    "pgtle",
    "realtime",
    "repack",
    "storage",
    "supabase_functions",
    "supabase_migrations",
    "tiger",
    "topology",
    "vault",
];

/// A state of a project.
#[derive(Clone, Copy)]
pub struct State<'a> {
    pub catalog: &'a Catalog,
    pub sources: &'a Sources,
    project: &'a Project,
    analyses: &'a Analyses,
}

/// An object whose definition contains SQL.
#[derive(Clone, Copy)]
pub enum SqlOwner<'a> {
    Function(&'a Function),
    View(&'a View),
    /// A table with its policies, indexes and constraints.
    Table(&'a Table),
}

impl<'a> State<'a> {
    pub fn new(catalog: &'a Catalog, project: &'a Project, sources: &'a Sources, analyses: &'a Analyses) -> State<'a> {
        State { catalog, sources, project, analyses }
    }

    /// Returns the results of analyses, which all rules share.
    pub fn analyses(&self) -> &'a Analyses {
        self.analyses
    }

    /// Returns functions, views and tables.
    pub fn sql_owners(&self) -> impl Iterator<Item = SqlOwner<'a>> + use<'a> {
        let functions = own(self.catalog).map(|(_, _, function)| SqlOwner::Function(function));
        functions.chain(self.user_views().map(SqlOwner::View)).chain(self.catalog.tables.values().map(SqlOwner::Table))
    }

    pub fn config(&self) -> &'a Config {
        &self.project.config
    }

    pub fn platform(&self) -> Platform {
        self.project.platform
    }

    pub fn project(&self) -> &'a Project {
        self.project
    }

    /// Returns the files of application code with queries.
    pub fn app_files(&self) -> &'a [AppFile] {
        &self.project.app
    }

    /// Returns the statements that PostgreSQL would reject.
    pub fn rejected(&self) -> &'a [Rejected] {
        &self.catalog.rejected
    }

    /// Returns the position of a location in the order of the migrations.
    pub fn moment(&self, at: Site) -> Option<Moment> {
        let site = self.sources.resolve(at);
        let number = self.project.migrations.iter().position(|migration| migration.file == site.file);
        number.map(|number| (number, site.span.start))
    }

    /// Returns whether the project has an API: it uses Supabase, or creates a role `anon` or `authenticated`.
    pub fn serves_api(&self) -> bool {
        serves_api(self.project, self.catalog)
    }

    /// Returns whether the API serves a schema.
    pub fn is_exposed(&self, schema: &str) -> bool {
        self.serves_api() && is_exposed(self.config(), schema)
    }

    /// Returns the tables of the project, in any schema.
    pub fn user_tables(&self) -> impl Iterator<Item = &'a Table> + use<'a> {
        self.catalog.tables.which(is_users_table)
    }

    /// Returns the tables of the project in schemas that the API serves, whatever the privileges.
    pub fn exposed_tables(&self) -> impl Iterator<Item = &'a Table> + use<'a> {
        let (config, served) = (self.config(), self.serves_api());
        self.catalog.tables.which(move |table| served && is_exposed(config, &table.name.schema) && is_users_table(table))
    }

    /// Returns the tables with policies of the project, including tables of the platform.
    pub fn guarded_tables(&self) -> impl Iterator<Item = &'a Table> + use<'a> {
        self.catalog.tables.which(|table| policies_of(table).next().is_some())
    }

    /// Returns the policies of the project, each with its table.
    pub fn policies(&self) -> impl Iterator<Item = (&'a Table, &'a Policy)> + use<'a> {
        self.guarded_tables().flat_map(|table| policies_of(table).map(move |policy| (table, policy)))
    }

    /// Returns the views and materialized views of the project, in any schema.
    pub fn user_views(&self) -> impl Iterator<Item = &'a View> + use<'a> {
        self.catalog.views.which(is_users_view)
    }

    /// Returns the views and materialized views of the project in schemas that the API serves.
    pub fn exposed_views(&self) -> impl Iterator<Item = &'a View> + use<'a> {
        let (config, served) = (self.config(), self.serves_api());
        self.catalog.views.which(move |view| served && is_exposed(config, &view.name.schema) && is_users_view(view))
    }

    /// Returns the functions and procedures of the project, in any schema.
    pub fn user_functions(&self) -> impl Iterator<Item = &'a Function> + use<'a> {
        self.catalog.functions.values().flatten().filter(|function| is_users_function(function))
    }

    /// Returns the functions that the API serves as `/rpc/…`. Trigger functions cannot be called.
    pub fn api_functions(&self) -> impl Iterator<Item = &'a Function> + use<'a> {
        let (config, served) = (self.config(), self.serves_api());
        self.user_functions().filter(move |function| {
            served && is_exposed(config, &function.name.schema) && function.kind != RoutineKind::Aggregate && !function.returns_trigger()
        })
    }

    /// Returns whether a role has at least one of these privileges, on the table or on one of its columns.
    pub fn reachable(&self, role: &str, table: &Table, privileges: Privileges) -> bool {
        let columns = [Privileges::SELECT, Privileges::INSERT, Privileges::UPDATE]
            .into_iter()
            .any(|one| privileges.contains(one) && self.catalog.column_privilege(role, &table.acl, one));
        self.catalog.may_use_schema(role, &table.name.schema)
            && (columns || self.catalog.table_privileges(role, table).intersects(privileges))
    }

    /// Whether a role has SELECT on a table or one of its columns.
    pub fn may_select_table(&self, role: &str, table: &Table) -> bool {
        let whole = self.catalog.table_privileges(role, table).contains(Privileges::SELECT);
        whole || self.catalog.column_privilege(role, &table.acl, Privileges::SELECT)
    }

    /// Whether a role has SELECT on a view or one of its columns.
    pub fn may_select_view(&self, role: &str, view: &View) -> bool {
        let whole = self.catalog.privileges(role, &view.acl, &view.owner, ObjectKind::View).contains(Privileges::SELECT);
        whole || self.catalog.column_privilege(role, &view.acl, Privileges::SELECT)
    }

    /// Whether the project owns a schema, and not the platform or an extension.
    pub fn is_users_schema(&self, schema: &str) -> bool {
        is_users(schema)
    }

    /// Returns the API roles that have at least one of these privileges.
    pub fn reaching(&self, table: &Table, privileges: Privileges) -> Vec<&'static str> {
        API_ROLES.into_iter().filter(|role| self.reachable(role, table, privileges)).collect()
    }

    /// Returns the API roles that can call a function.
    pub fn callers(&self, function: &Function) -> Vec<&'static str> {
        API_ROLES
            .into_iter()
            .filter(|role| self.catalog.may_use_schema(role, &function.name.schema) && self.catalog.may_execute(role, function))
            .collect()
    }

    /// Returns the permissive and the restrictive policies that apply when a role runs a command.
    pub fn applicable<'t>(&self, table: &'t Table, role: &str, command: Command) -> (Vec<&'t Policy>, Vec<&'t Policy>) {
        let concerned = |policy: &&Policy| policy.applies_to(command) && self.concerns(policy, role);
        table.policies.iter().filter(concerned).partition(|policy| policy.permissive)
    }

    /// Returns whether a policy is for a role, or for a role that it is a member of.
    pub fn concerns(&self, policy: &Policy, role: &str) -> bool {
        if policy.applies_to_role(role) {
            return true;
        }
        let groups = |role: &SmolStr| self.catalog.roles.get(role).map(|role| role.member_of.clone()).unwrap_or_default();
        reachable([SmolStr::from(role)], groups).iter().any(|role| policy.applies_to_role(role))
    }

    /// Returns the text of an expression as the user wrote it, with current names.
    pub fn text(&self, expression: &Expression) -> String {
        expression.text(self.sources)
    }

    /// Returns whether a later statement with unknown effects mentions policies, so that it may have changed the policy.
    pub fn may_have_changed(&self, policy: &Policy) -> bool {
        self.is_unclear_behind(0, policy.at)
    }

    /// Returns whether a later statement with unknown effects mentions grants.
    pub fn may_have_been_granted(&self, table: &Table) -> bool {
        self.is_unclear_behind(1, table.created)
    }

    fn is_unclear_behind(&self, subject: usize, at: Site) -> bool {
        let unclear = self.analyses.unclear.get_or_init(|| {
            ["policy", "grant"].map(|word| {
                let speaks = |(file, span): &&(usize, Span)| {
                    let text = self.project.migrations.get(*file).map(|migration| self.slice(Site::new(migration.file, *span)));
                    text.is_some_and(|text| text.to_ascii_lowercase().contains(word))
                };
                self.catalog.unread.iter().filter(speaks).map(|(file, span)| (*file, span.end)).collect()
            })
        });
        let unclear = &unclear[subject];
        !unclear.is_empty() && self.moment(at).is_none_or(|moment| unclear.iter().any(|unclear| moment < *unclear))
    }

    /// Returns the text at a location.
    pub fn slice(&self, site: Site) -> &'a str {
        self.sources.slice(site)
    }

    /// Returns the first two words of a statement in upper case.
    pub fn statement_head(&self, site: Site) -> String {
        self.slice(site).split_whitespace().take(2).collect::<Vec<_>>().join(" ").to_uppercase()
    }

    /// Returns the path and line of a location: `supabase/migrations/1_a.sql:12`.
    pub fn place(&self, site: Site) -> String {
        let (start, _) = self.sources.range(site);
        format!("{}:{}", self.sources.get(self.sources.resolve(site).file).path, start.line)
    }

    /// Returns the path of a file, as it is shown.
    pub fn path_of(&self, file: FileId) -> &'a str {
        &self.sources.get(file).path
    }

    /// Returns the name of a file without its folder.
    pub fn name_of(&self, file: FileId) -> &'a str {
        let path = &self.sources.get(file).path;
        path.rsplit('/').next().unwrap_or(path)
    }

    /// Returns the statements and expressions in functions and views of the project, without those that cannot be parsed.
    /// The bodies are parsed once per state, so only rules of the final schema should call this.
    pub fn code(&self) -> impl Iterator<Item = (Origin<'a>, Code<'a>)> + use<'a> {
        let (catalog, functions) = (self.catalog, self.analyses.bodies.of(self.catalog, self.sources));
        let in_functions = functions.iter().flat_map(move |body| body.code(catalog));
        let in_views = self.user_views().filter_map(move |view| Origin::of_view(catalog, view));
        in_functions.chain(in_views)
    }

    /// Returns the statements and expressions in one function.
    pub fn code_of(&self, function: &Function) -> impl Iterator<Item = (Origin<'a>, Code<'a>)> + use<'a> {
        let catalog = self.catalog;
        self.body(function).into_iter().flat_map(move |body| body.code(catalog))
    }

    /// Returns the functions that identify the caller.
    pub fn identity_helpers(&self) -> &'a IdentityHelpers {
        self.analyses.identity_helpers.get_or_init(|| IdentityHelpers::of(self))
    }

    /// Keys and passwords in the migrations.
    pub fn secrets(&self) -> &'a [Secret] {
        let find = || {
            let of = |migration: &Migration| secrets::find(migration.file, self.sources.get(migration.file).text(), migration.site().span);
            self.project.migrations.iter().flat_map(of).collect()
        };
        self.analyses.secrets.get_or_init(find)
    }

    /// Returns the texts of all keys and passwords, also in application code. No output shows them.
    pub fn hidden_texts(&self) -> Vec<String> {
        let in_code = self.app_files().iter().flat_map(|app| {
            let literals = app.code.keys.iter().filter(|key| key.exposure == Exposure::Literal);
            literals.map(|key| self.slice(Site::new(app.file, key.name.span)).trim_matches(['"', '\'', '`']).to_string())
        });
        self.secrets().iter().map(|secret| secret.text.clone()).chain(in_code).collect()
    }

    /// Returns the names in the migrations that PostgreSQL cuts.
    pub fn long_names(&self) -> &'a LongNames {
        self.analyses.long_names.get_or_init(|| {
            let mut names = LongNames::new();
            for migration in &self.project.migrations {
                long_names::find(migration.file, self.sources.get(migration.file).text(), migration.site().span, &mut names);
            }
            names
        })
    }

    /// Returns the number of foreign keys that refer to a table.
    pub fn referring(&self, table: &QName) -> usize {
        let count = || {
            let mut counts: BTreeMap<QName, usize> = BTreeMap::new();
            for (_, key) in self.catalog.tables.values().flat_map(Table::foreign_keys) {
                *counts.entry(key.table.clone()).or_default() += 1;
            }
            counts
        };
        self.analyses.referring.get_or_init(count).get(table).copied().unwrap_or(0)
    }

    /// Returns whether the whole body of a function is known. Statements that EXECUTE builds, or that cannot be parsed, are unknown.
    pub fn is_read_whole(&self, function: &Function) -> bool {
        self.body(function).is_some_and(Parsed::is_whole)
    }

    fn body(&self, function: &Function) -> Option<&'a Parsed> {
        let bodies = self.analyses.bodies.named(self.catalog, self.sources, &function.name);
        bodies.iter().find(|body| body.is(self.catalog, function))
    }

    /// Returns the queries in functions and views, including nested queries.
    pub fn queries(&self) -> impl Iterator<Item = (Origin<'a>, &'a Query)> + use<'a> {
        self.code().flat_map(|(origin, code)| code.queries().into_iter().map(move |query| (origin, query)))
    }
}

fn serves_api(project: &Project, catalog: &Catalog) -> bool {
    project.platform == Platform::Supabase || API_ROLES.into_iter().any(|role| catalog.roles.contains(&role.into()))
}

fn is_exposed(config: &Config, schema: &str) -> bool {
    config.exposed_schemas.iter().any(|exposed| exposed == schema)
}

/// Returns whether a schema belongs to the project, and not to the platform or an extension.
fn is_users(schema: &str) -> bool {
    schema != "pg_temp" && !is_system_schema(schema) && !PLATFORM_SCHEMAS.contains(&schema)
}

/// Returns whether a table belongs to the project.
pub fn is_users_table(table: &Table) -> bool {
    !table.of_extension && !table.created.is_platform() && is_users(&table.name.schema)
}

fn is_users_view(view: &View) -> bool {
    !view.of_extension && !view.at.is_platform() && is_users(&view.name.schema)
}

/// Returns the policies of a table that the project created.
pub fn policies_of(table: &Table) -> impl Iterator<Item = &Policy> {
    let guards = !table.of_extension && table.name.schema != "pg_temp";
    table.policies.iter().filter(move |policy| guards && !policy.at.is_platform())
}

/// Returns whether a function belongs to the project.
pub fn is_users_function(function: &Function) -> bool {
    !function.of_extension && !function.at.is_platform() && is_users(&function.name.schema)
}
