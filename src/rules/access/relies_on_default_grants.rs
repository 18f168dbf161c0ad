//! Objects that API roles can use only because of default grants that Supabase has discontinued.

use crate::analysis::exposure::can_have_rls;
use crate::analysis::needed_privileges::{self, Held, Need, RequiredObject, list, words};
use crate::analysis::policy_grantees::SERVICE;
use crate::catalog::acl::Acl;
use crate::config::DefaultPrivileges;
use crate::project::Platform;
use crate::rules::prelude::*;
use std::collections::BTreeMap;

rule!("access/relies-on-default-grants", Migration, Warn, Schema(check), fixable);

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Table,
    View,
    Function,
}

enum Relation<'a> {
    Table(&'a Table),
    View(&'a View),
}

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Object {
    kind: Kind,
    /// Name of the object as SQL.
    name: String,
}

/// Privileges that roles lose on one object.
struct Loss {
    about: About,
    at: Site,
    of: Vec<(&'static str, Privileges)>,
}

/// A comparison of the current privileges with those on a database that is created from the migrations today.
struct Survey<'a> {
    now: Held<'a>,
    fresh: Held<'a>,
    lost: BTreeMap<Object, Loss>,
    /// Roles that can read each table through its policies. Computed on demand.
    readers: BTreeMap<&'a QName, Vec<&'static str>>,
}

fn check(cx: &mut Cx) {
    // only with the setting `by-date`, and only in Supabase projects
    if cx.platform() != Platform::Supabase || cx.config().default_privileges != DefaultPrivileges::ByDate {
        return;
    }
    let held = |fresh| Held { catalog: cx.catalog, fresh };
    let mut survey = Survey { now: held(false), fresh: held(true), lost: BTreeMap::new(), readers: BTreeMap::new() };
    // a GRANT fails completely if one of its objects does not exist
    let there = |certainty: Certainty| certainty == Certainty::Certain;
    for table in cx.exposed_tables().filter(|table| !table.external && there(table.certainty)) {
        survey.table(cx, table);
    }
    cx.exposed_views().filter(|view| there(view.certainty)).for_each(|view| survey.view(cx, view));
    cx.api_functions()
        .filter(|function| there(function.certainty) && !is_granted(&function.acl))
        .for_each(|function| survey.function(SERVICE, function));
    for (object, loss) in &survey.lost {
        report(cx, object, loss);
    }
}

impl<'a> Survey<'a> {
    fn lose(&mut self, object: Object, about: About, at: Site, role: &'static str, privileges: Privileges) {
        let loss = self.lost.entry(object).or_insert_with(|| Loss { about, at, of: Vec::new() });
        match loss.of.iter_mut().find(|(known, _)| *known == role) {
            Some((_, known)) => *known |= privileges,
            None => loss.of.push((role, privileges)),
        }
    }

    fn table(&mut self, cx: &Cx<'a>, table: &'a Table) {
        let all = COMMANDS.into_iter().fold(Privileges::NONE, |all, (_, privilege, _)| all | privilege);
        self.relation(Relation::Table(table), SERVICE, all);
        if !table.rls.value || !can_have_rls(table) {
            return;
        }
        let needs = needed_privileges::of(cx, table);
        self.readers.insert(&table.name, readers(&needs));
        for need in needs {
            self.relation(Relation::Table(table), need.role, need.required);
            for (object, _) in &need.objects {
                match object {
                    RequiredObject::Relation(name) => match (cx.catalog.table(name), cx.catalog.views.get(name)) {
                        (Some(table), _) => self.relation(Relation::Table(table), need.role, Privileges::SELECT),
                        (None, Some(view)) => self.relation(Relation::View(view), need.role, Privileges::SELECT),
                        (None, None) => {}
                    },
                    RequiredObject::Function(function) => self.function(need.role, function),
                }
            }
        }
    }

    /// Adds a view. A SECURITY INVOKER view is for the roles that can read all tables of its query.
    fn view(&mut self, cx: &Cx<'a>, view: &'a View) {
        if !is_granted(&view.acl) {
            self.relation(Relation::View(view), SERVICE, Privileges::SELECT);
        }
        let lost = |role: &str| {
            self.now.relation(role, &view.name).contains(Privileges::SELECT)
                && !self.fresh.relation(role, &view.name).contains(Privileges::SELECT)
        };
        let losing: Vec<&'static str> = API_ROLES.into_iter().filter(|role| lost(role)).collect();
        if !view.security_invoker.value || view.materialized {
            return;
        }
        for role in losing {
            if view.reads.iter().all(|name| self.readers(cx, name).contains(&role)) {
                self.relation(Relation::View(view), role, Privileges::SELECT);
            }
        }
    }

    fn readers(&mut self, cx: &Cx<'a>, name: &'a QName) -> &[&'static str] {
        self.readers
            .entry(name)
            .or_insert_with(|| cx.catalog.table(name).map(|table| readers(&needed_privileges::of(cx, table))).unwrap_or_default())
    }

    fn relation(&mut self, relation: Relation, role: &'static str, privileges: Privileges) {
        let (kind, name, about, at) = match relation {
            Relation::Table(table) => (Kind::Table, &table.name, About::table(table), table.named),
            Relation::View(view) => (Kind::View, &view.name, About::view(view), view.named),
        };
        let lost = privileges.meet(self.now.relation(role, name)).without(self.fresh.relation(role, name));
        if !lost.is_empty() {
            self.lose(Object { kind, name: name.quoted() }, about, at, role, lost);
        }
    }

    fn function(&mut self, role: &'static str, function: &Function) {
        if self.now.function(role, function) && !self.fresh.function(role, function) {
            let object = Object { kind: Kind::Function, name: function.quoted() };
            self.lose(object, About::function(function), function.named, role, Privileges::EXECUTE);
        }
    }
}

fn readers(needs: &[Need]) -> Vec<&'static str> {
    needs.iter().filter(|need| need.required.contains(Privileges::SELECT)).map(|need| need.role).collect()
}

/// Returns whether a statement grants privileges on an object. Such an object may be for the named roles only.
fn is_granted(acl: &Acl) -> bool {
    acl.grants.iter().any(|grant| grant.by_default.is_none())
}

fn report(cx: &mut Cx, object: &Object, loss: &Loss) {
    let name = &object.name;
    let mut of = loss.of.clone();
    of.sort_by_key(|(role, _)| *role);
    let roles: Vec<String> = of.iter().map(|(role, privileges)| format!("`{role}` ({})", what(object.kind, *privileges))).collect();
    // the migrations do not show whether server code uses the object
    let severity = if of.iter().any(|(role, _)| *role != SERVICE) { Severity::Warn } else { Severity::Info };
    let message = format!(
        "{} can use `{name}` only because of default grants that Supabase has discontinued: on a new database (`db reset`, a preview branch, \
         a new project), requests fail with 42501 (permission denied)",
        list(&roles, "and")
    );
    let steps = of.iter().map(|(role, privileges)| {
        let noun = if object.kind == Kind::Function { "function" } else { "table" };
        Step::grant(GrantChange { what: what(object.kind, *privileges).to_lowercase(), noun, objects: vec![name.clone()], role })
    });
    let steps: Vec<Step> = steps.collect();
    cx.report(loss.about.clone(), loss.at, message)
        .severity(severity)
        .cause(
            "default-grants",
            "object depends on default grants that Supabase has discontinued",
            "objects depend on default grants that Supabase has discontinued",
        )
        .help("Grant in a migration what policies and server code need. This changes nothing where the old grants exist.")
        .fix(Safety::Review, format!("Grant the former default privileges on `{name}`"), steps)
        .check("Check that each role should have these privileges. Nothing changes where the old grants exist.");
}

/// Returns the names of privileges as GRANT writes them.
fn what(kind: Kind, privileges: Privileges) -> String {
    if kind == Kind::Function { "EXECUTE".to_string() } else { words(privileges).join(", ") }
}
