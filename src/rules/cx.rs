//! What a rule may ask and how it reports.
//!
//! Promises: everything a rule is given outlives the rule's call, so that it can ask and report in one loop; questions that
//! several rules have are answered here, the same for all. Refuses: severities from settings, order and duplicates, which are
//! the engine's.

use super::Rule;
use super::about::About;
use super::caller::{Asking, Callers, Mentions};
use super::code::{Bodies, Code, Origin, Parsed, own};
use super::draft::{Draft, Told};
use super::state::{Beside, Open, Piece, State, Whole};
use crate::catalog::acl::Privileges;
use crate::catalog::future::Moment;
use crate::catalog::name::QName;
use crate::catalog::object::*;
use crate::catalog::watch::{has_looked, look, watched};
use crate::catalog::{Catalog, Rejected, is_system_schema};
use crate::config::Config;
use crate::project::{Platform, Project};
use crate::source::{FileId, Site, Sources, Span};
use crate::syntax::expression::Query;
use rustc_hash::{FxHashMap, FxHashSet};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, OnceLock};

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

/// A rule's view of the world, and the findings it has reported.
pub struct Cx<'a> {
    pub catalog: &'a Catalog,
    pub sources: &'a Sources,
    state: &'a State<'a>,
    beside: Option<Beside<'a>>,
    rule: &'static Rule,
    /// Will somebody read what is found?
    read: bool,
    /// Fingerprints of what nobody reads all the same.
    known: Option<&'a BTreeSet<String>>,
    /// What is judged; none: everything.
    asked: Option<&'a Open>,
    drafts: Vec<Draft>,
    judged: Option<Piece<'a>>,
    /// Will words of what is judged point to a file of which all that points there is told?
    points: bool,
    /// Has the rule looked at what differs from the state beside, other than to judge one subject?
    looked: bool,
    /// Had it done so before it judged one?
    hangs_on_all: bool,
    /// Is what it finds about no subject found in the state beside all the same?
    settled: bool,
    /// Subjects of which something else may be found there.
    open: FxHashSet<QName>,
}

/// What a rule has found.
pub struct Findings {
    pub told: Vec<Told>,
    pub open: Open,
}

impl<'a> Cx<'a> {
    pub fn new(state: &'a State<'a>, sources: &'a Sources, rule: &'static Rule) -> Cx<'a> {
        Cx {
            catalog: state.catalog,
            sources,
            state,
            beside: None,
            rule,
            read: true,
            known: None,
            asked: None,
            drafts: Vec::new(),
            judged: None,
            points: false,
            looked: false,
            hangs_on_all: false,
            settled: false,
            open: FxHashSet::default(),
        }
    }

    /// The same where there is another state, and what is found there too is to be known.
    pub fn beside(self, beside: Beside<'a>) -> Cx<'a> {
        Cx { beside: Some(beside), ..self }
    }

    /// Does somebody who asks about a subject look at what differs from the state beside?
    pub fn looks(&self, subject: impl Into<Piece<'a>>, ask: impl FnOnce()) -> bool {
        let ((), looked) = watched(|| {
            subject.into().look(self.catalog);
            ask();
        });
        if looked {
            look();
        }
        looked
    }

    /// What the rule finds about no subject is found in the state beside too, whatever else it looks at.
    pub fn settle(&mut self) {
        self.settled = true;
    }

    /// Another that looks at the same.
    pub fn aside(&self) -> Cx<'a> {
        Cx { beside: self.beside, ..Cx::new(self.state, self.sources, self.rule) }
    }

    /// The same for one who only wants to know which findings there are.
    pub fn unread(self) -> Cx<'a> {
        Cx { read: false, ..self }
    }

    /// The same for one who knows some findings, and reads none of those.
    pub fn known(self, known: &'a BTreeSet<String>) -> Cx<'a> {
        Cx { known: Some(known), ..self }
    }

    /// The same for one who asks for some of the findings, and may be told of others.
    pub fn asked(self, asked: &'a Open) -> Cx<'a> {
        Cx { asked: Some(asked), ..self }
    }

    /// Judges each subject by itself. What comes of one whose judging looks at nothing that differs in the state beside, comes of it there too.
    pub fn each<S, I>(&mut self, all: impl Fn(&Cx<'a>) -> I, judge: impl Fn(&mut Cx<'a>, S))
    where
        S: Copy + Into<Piece<'a>>,
        I: Iterator<Item = S>,
    {
        // which subjects there are is no matter of any of them, but what is served is of all
        let (mut all, _) = watched(|| all(self));
        self.serves_api();
        loop {
            let (next, looked) = watched(|| all.next());
            self.looked |= looked || has_looked();
            let Some(subject) = next else { return };
            let piece: Piece = subject.into();
            if self.asked.is_some_and(|asked| matches!(asked, Open::Of(names) if !names.contains(piece.name()))) {
                continue;
            }
            (self.judged, self.points) = (Some(piece), false);
            let first = self.drafts.len();
            let ((), looked) = watched(|| {
                piece.look(self.catalog);
                judge(self, subject);
            });
            self.judged = None;
            self.hangs_on_all |= self.looked;
            let settled = self.beside.is_some() && !self.looked && !looked;
            self.drafts[first..].iter_mut().for_each(|draft| draft.settled = Some(settled));
            if !settled {
                self.open.insert(piece.name().clone());
            }
        }
    }

    /// Is a finding to be put into words? Where it need only be known that it is there, that is noted, and its rule is done with it. For rules
    /// that look at the schema and whose words or cures cost much; what [`Draft::discriminate`] will be told is told here too.
    pub fn is_read(&mut self, about: impl Into<About>, primary: Site, discriminators: &[&str]) -> bool {
        self.is_noted(self.read, about, primary, discriminators)
    }

    /// The same where the finding's words point to nothing but the subject that is judged and what [`Cx::points_to`] was told of: it need not be
    /// put into words either if it will be left out, as it is found in the state beside too.
    pub fn is_told(&mut self, about: impl Into<About>, primary: Site, discriminators: &[&str]) -> bool {
        self.is_noted(self.read && !self.is_left_out(primary), about, primary, discriminators)
    }

    /// Words of the subject that is judged will point there.
    pub fn points_to(&mut self, places: impl IntoIterator<Item = Site>) {
        if let Some(shown) = self.beside.and_then(|beside| beside.shown) {
            self.points |= places.into_iter().any(|site| self.is_in(shown, site));
        }
    }

    fn is_left_out(&self, primary: Site) -> bool {
        let Some(Beside { shown: Some(shown), shares, .. }) = self.beside else { return false };
        let points = |site| self.is_in(shown, site);
        let is_settled = !self.looked && !has_looked() && !self.points && !points(primary);
        is_settled && self.judged.is_some_and(|piece| !shares || !piece.stands(points))
    }

    fn is_in(&self, files: &BTreeSet<FileId>, site: Site) -> bool {
        files.contains(&self.sources.resolve(site).file)
    }

    /// Notes a finding unless somebody will read it.
    fn is_noted(&mut self, read: bool, about: impl Into<About>, primary: Site, discriminators: &[&str]) -> bool {
        if read && self.known.is_none() {
            return true;
        }
        let draft = self.report(about, primary, "");
        discriminators.iter().for_each(|text| _ = draft.discriminate(text));
        let print = draft.fingerprint();
        let read = read && !self.known.is_some_and(|known| known.contains(&print));
        if read {
            self.drafts.pop();
        }
        read
    }

    /// Is a finding only asked for by what it is about, so that it does not matter where it stands?
    pub fn is_place_moot(&self) -> bool {
        !self.read && self.config().ignored_paths.is_empty()
    }

    /// Starts a finding, which is certain if its subject is. The message names the object and says what happens to whom.
    pub fn report(&mut self, about: impl Into<About>, primary: Site, message: impl Into<String>) -> &mut Draft {
        self.drafts.push(Draft::new(self.rule, about.into(), primary, message.into()));
        self.drafts.last_mut().expect("a draft was just pushed")
    }

    /// What the rule finds, complete.
    pub fn found(mut self, check: impl FnOnce(&mut Cx<'a>)) -> Findings {
        let ((), looked) = watched(|| check(&mut self));
        if looked {
            // it is the statement's look too, where the rule is told of one
            look();
        }
        let Cx { sources, beside, mut drafts, looked: also, settled, hangs_on_all, open, .. } = self;
        let settled = beside.is_some() && (settled || !looked && !also);
        drafts.iter_mut().for_each(|draft| _ = draft.settled.get_or_insert(settled));
        let open = if beside.is_none() || hangs_on_all { Open::All } else { Open::Of(open) };
        Findings { told: drafts.into_iter().map(|draft| draft.finish(sources)).collect(), open }
    }

    pub fn config(&self) -> &'a Config {
        &self.state.project.config
    }

    pub fn platform(&self) -> Platform {
        self.state.project.platform
    }

    /// What is known of the files. In the state beside they are others.
    pub fn project(&self) -> &'a Project {
        self.look_beside();
        self.state.project
    }

    /// Statements that PostgreSQL would reject. In the state beside they are others.
    pub fn rejected(&self) -> &'a [Rejected] {
        self.look_beside();
        &self.catalog.rejected
    }

    fn look_beside(&self) {
        if self.beside.is_some() {
            look();
        }
    }

    /// When what stands in a place comes in the history.
    pub fn moment(&self, at: Site) -> Option<Moment> {
        let own = self.catalog.stood.own(self.sources.resolve(at));
        let number = self.state.project.migrations.iter().position(|migration| migration.file == own.file);
        number.map(|number| (number, own.span.start))
    }

    /// Something that is made of all pieces of the state, once for all rules: `find` is asked of each, and `sum` is told the answers in order.
    /// In the state beside, only those are asked whose answer may be another.
    pub fn once<T: PartialEq, V>(
        &self,
        place: impl for<'b> Fn(&'b Bodies) -> &'b OnceLock<Whole<T>>,
        find: impl Fn(&Cx<'a>, Piece<'a>) -> V,
        sum: impl Fn(&Cx<'a>, Vec<Arc<V>>) -> T,
    ) -> &'a Whole<T> {
        place(&self.state.bodies).get_or_init(|| {
            let mut known: FxHashMap<usize, Arc<V>> = FxHashMap::default();
            let (here, looked) = watched(|| {
                let answer = |piece: Piece<'a>| {
                    let (answer, looked) = watched(|| {
                        piece.look(self.catalog);
                        Arc::new(find(self, piece))
                    });
                    match looked {
                        true => look(),
                        false if self.beside.is_some() => _ = known.insert(piece.address(), answer.clone()),
                        false => {}
                    }
                    answer
                };
                let answers = self.pieces().map(answer).collect();
                Arc::new(sum(self, answers))
            });
            let Some(Beside { state, .. }) = self.beside else { return Whole::of(here) };
            let there = place(&state.bodies).get_or_init(|| {
                let cx = Cx::new(state, self.sources, self.rule);
                let answer = |piece: Piece<'a>| known.get(&piece.address()).cloned().unwrap_or_else(|| Arc::new(find(&cx, piece)));
                Whole::of(match looked {
                    true => Arc::new(sum(&cx, cx.pieces().map(answer).collect())),
                    false => here.clone(),
                })
            });
            Whole::beside(here, there.here.clone())
        })
    }

    /// All that holds SQL of the project's own.
    fn pieces(&self) -> impl Iterator<Item = Piece<'a>> + use<'a> {
        let functions = own(self.catalog).map(|(_, _, function)| Piece::Function(function));
        let tables = self.catalog.tables.values().map(Piece::Table);
        self.catalog.functions.look_over();
        functions.chain(self.user_views().map(Piece::View)).chain(tables)
    }

    /// Is there an API that acts as the role its caller has? Supabase's does, and so does one for which such a role was made.
    pub fn serves_api(&self) -> bool {
        serves_api(self.state.project, self.catalog)
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
        // of what can't be told, both know the same, or nothing is known of what differs
        let unclear = self.state.bodies.unclear.get_or_init(|| {
            ["policy", "grant"].map(|word| {
                let speaks = |(file, span): &&(usize, Span)| {
                    let text = self.state.project.migrations.get(*file).map(|migration| self.slice(Site::new(migration.file, *span)));
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

    /// A file's name without its folder.
    pub fn name_of(&self, file: FileId) -> &'a str {
        let path = &self.sources.get(file).path;
        path.rsplit('/').next().unwrap_or(path)
    }

    /// Statements and expressions in functions and views of the project's own; those that can't be read are left out.
    /// Parsed once for a state of the catalog: a question for rules that look at the schema.
    pub fn code(&self) -> impl Iterator<Item = (Origin<'a>, Code<'a>)> + use<'a> {
        let (catalog, functions) = (self.catalog, self.state.bodies.of(self.catalog, self.sources));
        catalog.functions.look_over();
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
        self.once(|bodies| &bodies.callers, Mentions::of, Asking::of)
    }

    /// How many foreign keys refer to a table.
    pub fn referring(&self, table: &QName) -> usize {
        let keys = |_: &Cx, piece| match piece {
            Piece::Table(table) => table.foreign_keys().map(|(_, key)| key.table.clone()).collect(),
            Piece::Function(_) | Piece::View(_) => Vec::new(),
        };
        let count = |_: &Cx, all: Vec<Arc<Vec<QName>>>| {
            let mut counts: BTreeMap<QName, usize> = BTreeMap::new();
            all.iter().flat_map(|keys| &**keys).for_each(|name| *counts.entry(name.clone()).or_default() += 1);
            counts
        };
        self.once(|bodies| &bodies.referring, keys, count).ask(|counts| counts.get(table).copied().unwrap_or(0))
    }

    /// Is everything in a function's body among [`Cx::code_of`]? Not what EXECUTE builds, nor what can't be read.
    pub fn is_read_whole(&self, function: &Function) -> bool {
        self.body(function).is_some_and(Parsed::is_whole)
    }

    fn body(&self, function: &Function) -> Option<&'a Parsed> {
        let bodies = self.state.bodies.named(self.catalog, self.sources, &function.name);
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
