//! A state of a project, and what rules, remedies and other analyses ask about it.
//!
//! Promises: everything it gives outlives the question, so that a rule can ask and report in one loop; questions that several rules have
//! are answered here, the same for all.

use super::Analyses;
use super::code::{Code, Origin, Parsed, own};
use super::identity_helpers::Callers;
use super::secrets::{self, Secret};
use crate::catalog::acl::Privileges;
use crate::catalog::creation_index::Moment;
use crate::catalog::name::QName;
use crate::catalog::object::*;
use crate::catalog::{Catalog, Rejected, is_system_schema};
use crate::config::Config;
use crate::project::{Migration, Platform, Project};
use crate::source::{FileId, Site, Sources, Span};
use crate::syntax::ast::ObjectKind;
use crate::syntax::expression::Query;
use std::collections::BTreeMap;

/// The roles that a request to the API may act as.
pub const API_ROLES: [&str; 2] = ["anon", "authenticated"];

/// What a client may ask of a table: the command, the privilege it takes, and its name.
pub const COMMANDS: [(Command, Privileges, &str); 4] = [
    (Command::Select, Privileges::SELECT, "SELECT"),
    (Command::Insert, Privileges::INSERT, "INSERT"),
    (Command::Update, Privileges::UPDATE, "UPDATE"),
    (Command::Delete, Privileges::DELETE, "DELETE"),
];

/// Schemas whose tables the platform or an extension looks after, as Supabase's advisor lists them.
/// Source: splinter.sql, `n.nspname not in (…)`.
const LOOKED_AFTER: [&str; 24] = [
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

/// An object whose definition holds SQL.
#[derive(Clone, Copy)]
pub enum SqlOwner<'a> {
    Function(&'a Function),
    View(&'a View),
    /// With its policies, indexes and constraints.
    Table(&'a Table),
}

impl<'a> State<'a> {
    pub fn new(catalog: &'a Catalog, project: &'a Project, sources: &'a Sources, analyses: &'a Analyses) -> State<'a> {
        State { catalog, sources, project, analyses }
    }

    /// What is computed from the state once for all rules.
    pub fn analyses(&self) -> &'a Analyses {
        self.analyses
    }

    /// Functions, views and tables with the SQL that they hold.
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

    /// Statements that PostgreSQL would reject.
    pub fn rejected(&self) -> &'a [Rejected] {
        &self.catalog.rejected
    }

    /// When what stands in a place comes in the history.
    pub fn moment(&self, at: Site) -> Option<Moment> {
        let site = self.sources.resolve(at);
        let number = self.project.migrations.iter().position(|migration| migration.file == site.file);
        number.map(|number| (number, site.span.start))
    }

    /// Is there an API that acts as the role its caller has? Supabase's does, and so does one for which such a role was made.
    pub fn serves_api(&self) -> bool {
        serves_api(self.project, self.catalog)
    }

    /// Does the API serve what is in a schema?
    pub fn is_exposed(&self, schema: &str) -> bool {
        self.serves_api() && is_exposed(self.config(), schema)
    }

    /// Tables of the project's own, in any schema.
    pub fn user_tables(&self) -> impl Iterator<Item = &'a Table> + use<'a> {
        self.catalog.tables.which(is_users_table)
    }

    /// Tables of the project's own that the API serves, whether or not a role may use them.
    pub fn exposed_tables(&self) -> impl Iterator<Item = &'a Table> + use<'a> {
        let (config, served) = (self.config(), self.serves_api());
        self.catalog.tables.which(move |table| served && is_exposed(config, &table.name.schema) && is_users_table(table))
    }

    /// Tables that may have policies of the project's own: its tables, and the platform's that it is allowed to guard.
    pub fn guarded_tables(&self) -> impl Iterator<Item = &'a Table> + use<'a> {
        self.catalog.tables.which(|table| policies_of(table).next().is_some())
    }

    /// Policies of the project's own, each with its table.
    pub fn policies(&self) -> impl Iterator<Item = (&'a Table, &'a Policy)> + use<'a> {
        self.guarded_tables().flat_map(|table| policies_of(table).map(move |policy| (table, policy)))
    }

    /// Views and materialized views of the project's own, in any schema.
    pub fn user_views(&self) -> impl Iterator<Item = &'a View> + use<'a> {
        self.catalog.views.which(is_users_view)
    }

    /// The same that the API serves.
    pub fn exposed_views(&self) -> impl Iterator<Item = &'a View> + use<'a> {
        let (config, served) = (self.config(), self.serves_api());
        self.catalog.views.which(move |view| served && is_exposed(config, &view.name.schema) && is_users_view(view))
    }

    /// Functions and procedures of the project's own, in any schema.
    pub fn user_functions(&self) -> impl Iterator<Item = &'a Function> + use<'a> {
        self.catalog.functions.values().flatten().filter(|function| is_users_function(function))
    }

    /// Functions that the API serves as `/rpc/…`. Those that return a trigger can't be called.
    pub fn api_functions(&self) -> impl Iterator<Item = &'a Function> + use<'a> {
        let (config, served) = (self.config(), self.serves_api());
        self.user_functions().filter(move |function| {
            served && is_exposed(config, &function.name.schema) && function.kind != RoutineKind::Aggregate && !function.returns_trigger()
        })
    }

    /// May a role use at least one of these privileges, on the whole table or a column of it?
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

    /// The API roles that may use at least one of these privileges.
    pub fn reaching(&self, table: &Table, privileges: Privileges) -> Vec<&'static str> {
        API_ROLES.into_iter().filter(|role| self.reachable(role, table, privileges)).collect()
    }

    /// The API roles that may call a function.
    pub fn callers(&self, function: &Function) -> Vec<&'static str> {
        API_ROLES
            .into_iter()
            .filter(|role| self.catalog.may_use_schema(role, &function.name.schema) && self.catalog.may_execute(role, function))
            .collect()
    }

    /// Policies that PostgreSQL looks at when a role runs a command: permissive ones, and restrictive ones.
    pub fn applicable<'t>(&self, table: &'t Table, role: &str, command: Command) -> (Vec<&'t Policy>, Vec<&'t Policy>) {
        let concerned = |policy: &&Policy| policy.applies_to(command) && self.concerns(policy, role);
        table.policies.iter().filter(concerned).partition(|policy| policy.permissive)
    }

    /// Is a policy for a role, or for one that it inherits from?
    pub fn concerns(&self, policy: &Policy, role: &str) -> bool {
        let mut seen: Vec<&str> = vec![role];
        let mut at = 0;
        while at < seen.len() {
            if policy.applies_to_role(seen[at]) {
                return true;
            }
            for parent in self.catalog.roles.get(&seen[at].into()).into_iter().flat_map(|role| &role.member_of) {
                if !seen.contains(&parent.as_str()) {
                    seen.push(parent);
                }
            }
            at += 1;
        }
        false
    }

    /// An expression as the user wrote it, with names as they are now.
    pub fn text(&self, expression: &Expression) -> String {
        expression.text(self.sources)
    }

    /// Does a later statement that can't be told in full speak of policies? Then one that is known may have been changed by it.
    pub fn may_have_changed(&self, policy: &Policy) -> bool {
        self.is_unclear_behind(0, policy.at)
    }

    /// Does a later statement that can't be told in full speak of grants?
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

    /// The text at a place.
    pub fn slice(&self, site: Site) -> &'a str {
        self.sources.slice(site)
    }

    /// The first two words of a statement, in capitals.
    pub fn statement_head(&self, site: Site) -> String {
        self.slice(site).split_whitespace().take(2).collect::<Vec<_>>().join(" ").to_uppercase()
    }

    /// `supabase/migrations/1_a.sql:12`
    pub fn place(&self, site: Site) -> String {
        let (start, _) = self.sources.range(site);
        format!("{}:{}", self.sources.get(self.sources.resolve(site).file).path, start.line)
    }

    /// A file's name without its folder.
    pub fn name_of(&self, file: FileId) -> &'a str {
        let path = &self.sources.get(file).path;
        path.rsplit('/').next().unwrap_or(path)
    }

    /// Statements and expressions in functions and views of the project's own; those that can't be read are left out.
    /// Parsed once for a state of the catalog: a question for rules that look at the schema.
    pub fn code(&self) -> impl Iterator<Item = (Origin<'a>, Code<'a>)> + use<'a> {
        let (catalog, functions) = (self.catalog, self.analyses.bodies.of(self.catalog, self.sources));
        let in_functions = functions.iter().flat_map(move |body| body.code(catalog));
        let in_views = self.user_views().filter_map(move |view| Origin::of_view(catalog, view));
        in_functions.chain(in_views)
    }

    /// The same of one function.
    pub fn code_of(&self, function: &Function) -> impl Iterator<Item = (Origin<'a>, Code<'a>)> + use<'a> {
        let catalog = self.catalog;
        self.body(function).into_iter().flat_map(move |body| body.code(catalog))
    }

    /// How the project asks who is calling.
    pub fn who(&self) -> &'a Callers {
        self.analyses.callers.get_or_init(|| Callers::of(self))
    }

    /// Keys and passwords in the migrations.
    pub fn secrets(&self) -> &'a [Secret] {
        let find = || {
            let of = |migration: &Migration| secrets::find(migration.file, self.sources.get(migration.file).text(), migration.site().span);
            self.project.migrations.iter().flat_map(of).collect()
        };
        self.analyses.secrets.get_or_init(find)
    }

    /// How many foreign keys refer to a table.
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

    /// Whether [`State::code_of`] has everything in a function's body. It lacks what EXECUTE builds and what cannot be parsed.
    pub fn is_read_whole(&self, function: &Function) -> bool {
        self.body(function).is_some_and(Parsed::is_whole)
    }

    fn body(&self, function: &Function) -> Option<&'a Parsed> {
        let bodies = self.analyses.bodies.named(self.catalog, self.sources, &function.name);
        bodies.iter().find(|body| body.is(self.catalog, function))
    }

    /// Queries in functions and views, those inside other queries and expressions included.
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

/// Is a schema the project's to care for?
fn is_users(schema: &str) -> bool {
    schema != "pg_temp" && !is_system_schema(schema) && !LOOKED_AFTER.contains(&schema)
}

/// Is a table the project's to care for?
pub fn is_users_table(table: &Table) -> bool {
    !table.of_extension && !table.created.is_platform() && is_users(&table.name.schema)
}

fn is_users_view(view: &View) -> bool {
    !view.of_extension && !view.at.is_platform() && is_users(&view.name.schema)
}

/// Policies of the project's own.
pub fn policies_of(table: &Table) -> impl Iterator<Item = &Policy> {
    let guards = !table.of_extension && table.name.schema != "pg_temp";
    table.policies.iter().filter(move |policy| guards && !policy.at.is_platform())
}

/// Is a function the project's to care for?
pub fn is_users_function(function: &Function) -> bool {
    !function.of_extension && !function.at.is_platform() && is_users(&function.name.schema)
}
