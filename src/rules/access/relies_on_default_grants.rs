//! Objects that API roles reach only through grants that Supabase no longer makes.

use super::invited::SERVICE;
use super::need::{self, Behind, Held, Need, list, words};
use crate::catalog::acl::Acl;
use crate::config::DefaultPrivileges;
use crate::project::Platform;
use crate::rules::prelude::*;
use crate::rules::rls::disabled::can_have_rls;
use std::collections::BTreeMap;

rule!("access/relies-on-default-grants", Migration, Warn, Schema(check), fixable);

/// A GRANT on more objects has each on a line of its own.
const IN_A_LINE: usize = 2;

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Table,
    View,
    Function,
}

impl Kind {
    fn count(self, objects: &BTreeMap<Object, Loss>) -> Option<String> {
        let noun = match self {
            Kind::Table => "table",
            Kind::View => "view",
            Kind::Function => "function",
        };
        match objects.keys().filter(|object| object.kind == self).count() {
            0 => None,
            1 => Some(format!("1 {noun}")),
            many => Some(format!("{many} {noun}s")),
        }
    }
}

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Object {
    kind: Kind,
    /// As SQL names it.
    name: String,
}

/// What roles could no longer do with an object.
struct Loss {
    at: Site,
    of: Vec<(&'static str, Privileges)>,
}

/// The history as it stands, a database made from it today, and what lies between.
struct Survey<'a> {
    now: Held<'a>,
    fresh: Held<'a>,
    lost: BTreeMap<Object, Loss>,
    /// Whom policies let read a table, as far as it was asked.
    readers: BTreeMap<&'a QName, Vec<&'static str>>,
    /// Views that clients may read now, and that no policy says a word about.
    undecided: usize,
}

fn check(cx: &mut Cx) {
    // who chose the old grants, or none, knows of it; where there is no platform, there never were any
    if cx.platform() != Platform::Supabase || cx.config().default_privileges != DefaultPrivileges::ByDate {
        return;
    }
    let held = |fresh| Held { catalog: cx.catalog, fresh };
    let mut survey = Survey { now: held(false), fresh: held(true), lost: BTreeMap::new(), readers: BTreeMap::new(), undecided: 0 };
    // one object that is not there, and the whole GRANT fails
    let there = |certainty: Certainty| certainty == Certainty::Certain;
    for table in cx.exposed_tables().filter(|table| !table.external && there(table.certainty)) {
        survey.table(cx, table);
    }
    cx.exposed_views().filter(|view| there(view.certainty)).for_each(|view| survey.view(cx, view));
    cx.api_functions()
        .filter(|function| there(function.certainty) && !is_granted(&function.acl))
        .for_each(|function| survey.function(SERVICE, function));
    if let Some(first) = survey.lost.values().map(|loss| loss.at).min()
    {
        report(cx, &survey, first);
    }
}

impl<'a> Survey<'a> {
    fn lose(&mut self, kind: Kind, name: String, at: Site, role: &'static str, privileges: Privileges) {
        let loss = self.lost.entry(Object { kind, name }).or_insert_with(|| Loss { at, of: Vec::new() });
        match loss.of.iter_mut().find(|(known, _)| *known == role) {
            Some((_, known)) => *known |= privileges,
            None => loss.of.push((role, privileges)),
        }
    }

    fn table(&mut self, cx: &Cx<'a>, table: &'a Table) {
        let all = COMMANDS.into_iter().fold(Privileges::NONE, |all, (_, privilege, _)| all | privilege);
        self.relation(Kind::Table, &table.name, table.named, SERVICE, all);
        if !table.rls.value || !can_have_rls(table) {
            return;
        }
        let needs = need::of(cx, table);
        self.readers.insert(&table.name, readers(&needs));
        for need in needs {
            self.relation(Kind::Table, &table.name, table.named, need.role, need.wanted);
            for (behind, _) in &need.behind {
                match behind {
                    Behind::Relation(name) => match (cx.catalog.table(name), cx.catalog.views.get(name)) {
                        (Some(table), _) => self.relation(Kind::Table, name, table.named, need.role, Privileges::SELECT),
                        (None, Some(view)) => self.relation(Kind::View, name, view.named, need.role, Privileges::SELECT),
                        (None, None) => {}
                    },
                    Behind::Function(function) => self.function(need.role, function),
                }
            }
        }
    }

    /// A view that asks for its reader's rights is for whoever can read all that it reads.
    fn view(&mut self, cx: &Cx<'a>, view: &'a View) {
        if !is_granted(&view.acl) {
            self.relation(Kind::View, &view.name, view.named, SERVICE, Privileges::SELECT);
        }
        let lost = |role: &str| {
            self.now.relation(role, &view.name).contains(Privileges::SELECT)
                && !self.fresh.relation(role, &view.name).contains(Privileges::SELECT)
        };
        let losing: Vec<&'static str> = API_ROLES.into_iter().filter(|role| lost(role)).collect();
        if !view.security_invoker.value || view.materialized {
            self.undecided += usize::from(!losing.is_empty());
            return;
        }
        for role in losing {
            if view.reads.iter().all(|name| self.readers(cx, name).contains(&role)) {
                self.relation(Kind::View, &view.name, view.named, role, Privileges::SELECT);
            }
        }
    }

    fn readers(&mut self, cx: &Cx<'a>, name: &'a QName) -> &[&'static str] {
        self.readers.entry(name).or_insert_with(|| cx.catalog.table(name).map(|table| readers(&need::of(cx, table))).unwrap_or_default())
    }

    fn relation(&mut self, kind: Kind, name: &QName, at: Site, role: &'static str, privileges: Privileges) {
        let lost = privileges.meet(self.now.relation(role, name)).without(self.fresh.relation(role, name));
        if !lost.is_empty() {
            self.lose(kind, name.quoted(), at, role, lost);
        }
    }

    fn function(&mut self, role: &'static str, function: &Function) {
        if self.now.function(role, function) && !self.fresh.function(role, function) {
            self.lose(Kind::Function, function.quoted(), function.named, role, Privileges::EXECUTE);
        }
    }
}

fn readers(needs: &[Need]) -> Vec<&'static str> {
    needs.iter().filter(|need| need.wanted.contains(Privileges::SELECT)).map(|need| need.role).collect()
}

/// Was an object granted to somebody by name? Then it may be for them alone.
fn is_granted(acl: &Acl) -> bool {
    acl.grants.iter().any(|grant| grant.by_default.is_none())
}

fn report(cx: &mut Cx, survey: &Survey, first: Site) {
    let lost = &survey.lost;
    let counts: Vec<String> = [Kind::Table, Kind::View, Kind::Function].into_iter().filter_map(|kind| kind.count(lost)).collect();
    let is_client = |role: &str| role != SERVICE;
    let by = |choose: &dyn Fn(&str) -> bool| lost.values().any(|loss| loss.of.iter().any(|(role, _)| choose(role)));
    // whether there is server code that does is not in the files
    let (who, severity) = match (by(&is_client), by(&|role| !is_client(role))) {
        (true, true) => ("clients and the service role reach", Severity::Warn),
        (true, false) => ("clients reach", Severity::Warn),
        _ => ("the service role reaches", Severity::Info),
    };
    let message = format!(
        "{who} {} only through default grants that Supabase has ended: a fresh database (`db reset`, a preview branch, a new project) answers 42501, permission denied",
        list(&counts, "and")
    );
    let mut help =
        String::from("grant in a migration what policies and server code need, which changes nothing where the old grants still stand");
    if survey.undecided > 0 {
        let views = if survey.undecided == 1 { "1 view".into() } else { format!("{} views", survey.undecided) };
        help.push_str(&format!("; decide yourself about {views} that no policy guards"));
    }
    let steps = steps(lost);
    let mut others: Vec<(Site, &Object)> = lost.iter().map(|(object, loss)| (loss.at, object)).collect();
    others.sort();
    let draft = cx.report(About::project(), first, message);
    draft
        .label("the first of them")
        .severity(severity)
        .help(help)
        .fix(Safety::Review, "Grant what was given by default", steps)
        .check("see that every role should have what it is given: where the old grants still stand, nothing changes");
    for (at, object) in others.iter().skip(1).take(2) {
        draft.because(*at, format!("`{}` too", object.name));
    }
}

/// One GRANT for all objects of which a role needs the same.
fn steps(lost: &BTreeMap<Object, Loss>) -> Vec<Step> {
    let mut alike: BTreeMap<(usize, &str, String), Vec<&str>> = BTreeMap::new();
    for (object, loss) in lost {
        for (role, privileges) in &loss.of {
            let (noun, what) = match object.kind {
                Kind::Table | Kind::View => ("table", words(*privileges).join(", ").to_lowercase()),
                Kind::Function => ("function", "execute".to_string()),
            };
            let place = super::invited::ROLES.iter().position(|known| known == role).unwrap_or_default();
            alike.entry((place, noun, what)).or_default().push(&object.name);
        }
    }
    let step = |((place, noun, what), names): ((usize, &str, String), Vec<&str>)| {
        let role = super::invited::ROLES[place];
        let on = if names.len() > IN_A_LINE { format!("\n  {}\n ", names.join(",\n  ")) } else { format!(" {}", names.join(", ")) };
        // no undoing: where the old grants still stand, it would take those too
        Step::batch(Phase::Grant, format!("grant {what} on {noun}{on} to {role};"))
    };
    alike.into_iter().map(step).collect()
}
