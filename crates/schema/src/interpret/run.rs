//! Execution of statements: interpretation, and application to the catalog. If PostgreSQL would reject a statement, it is undone completely.

use super::evaluate::{self, Budget, Temporary};
use super::platform::{self, Refusal};
use super::transaction::Savepoint;
use super::{Context, body};
use crate::catalog::effect::{Change, Effect};
use crate::catalog::name::QName;
use crate::catalog::object::{Certainty, Extension, Role, Schema};
use crate::catalog::store::Store;
use crate::catalog::{Catalog, MIGRATION_ROLE, SqlError};
use crate::platform::EXTENSIONS;
use crate::source::{FileId, Site, Sources};
use crate::syntax::ast::{
    AlterAction, AlterTable, Ast, Body, Code, ConstraintKind, CreateFunction, Form, ObjectKind, Set, Statement, Unread,
};
use crate::syntax::expression::{Data, ExprKind, FromRelation, Query};
use crate::syntax::parser;
use crate::syntax::split::Splitter;
use smol_str::SmolStr;

/// Result of a statement.
#[derive(Debug, Default)]
pub struct Outcome {
    pub effects: Vec<Effect>,
    /// Error with which PostgreSQL would reject the statement.
    pub failed: Option<SqlError>,
    /// Error because the runner runs a file in one transaction.
    pub in_batch: Option<SqlError>,
    /// Why the statement fails for a role whose search_path does not contain the schema `extensions`.
    pub by_path: Option<SqlError>,
}

/// A catalog in which statements can run.
#[derive(Clone, Default)]
pub struct Database {
    pub catalog: Catalog,
    /// Tables into which earlier statements inserted rows.
    pub inserted: Store<QName, ()>,
    /// Statements whose code was stopped because it runs too long.
    pub bounded: Vec<Site>,
    /// Statements with code that was skipped because it depends on unknown values, and that may have changed the schema.
    pub undecided: Vec<Site>,
    /// Statements inside code that could not be parsed.
    pub unread: Vec<Unread>,
    /// Refusals of the platform since the caller last took them.
    pub refused: Vec<Refusal>,
    pub(super) temporary: Temporary,
    /// Whether a custom setting may have a value.
    pub settings_changed: bool,
    pub(super) budget: Budget,
    /// Open transactions and savepoints of the file.
    pub(super) savepoints: Vec<Savepoint>,
    pub(super) relies: bool,
    bare: Option<Box<Catalog>>,
}

impl Database {
    /// Runs one statement. If it fails, nothing changes.
    pub fn run(&mut self, sources: &mut Sources, file: FileId, statement: Statement, certainty: Certainty) -> Outcome {
        let at = Site::new(file, statement.span);
        let ast = match statement.into_ast(self.catalog.session.bodies_unchecked) {
            Ok(ast) => ast,
            // PostgreSQL rejects known mistakes too, so the statement creates nothing
            Err(opaque) if opaque.certain || opaque.hint.is_some() => return Outcome::default(),
            Err(_) => {
                let change = Change::Obscure { span: sources.resolve(at).span };
                return self.apply(vec![Effect { at, certainty, change }]);
            }
        };
        self.refused.extend(platform::refusal(&self.catalog, sources.get(file).text(), at, &ast, certainty));
        let mut outcome = match &*ast {
            Ast::Set(Set::Value { name, .. }) if name.contains('.') => {
                self.settings_changed = true;
                Outcome::default()
            }
            // COMMIT in PL/pgSQL does not end a transaction of the file
            Ast::Transaction(change) if !self.budget.is_running() => return self.transaction(change, at),
            Ast::CreateOther { kind: ObjectKind::Cast | ObjectKind::Operator | ObjectKind::OperatorClass, .. } => {
                self.catalog.own_operators = true;
                Outcome::default()
            }
            Ast::Do(code) => return self.run_code(sources, at, code, certainty),
            Ast::Call(expr) => return evaluate::call(self, sources, at, expr, certainty),
            Ast::Data(Data::Query(query)) if evaluate::calls_project_code(self, query) => {
                evaluate::select(self, sources, at, query, certainty)
            }
            _ => Outcome::default(),
        };
        if outcome.failed.is_some() {
            return outcome;
        }
        // copied because the statement is needed after it has run
        let rows =
            matches!(*ast, Ast::Data(_) | Ast::Copy { .. } | Ast::CreateTableAs(_) | Ast::CreateExtension(_)).then(|| (*ast).clone());
        let own = self.interpret(sources, at, *ast, certainty);
        outcome.effects.extend(own.effects);
        outcome.failed = own.failed;
        outcome.in_batch = own.in_batch;
        outcome.by_path = own.by_path;
        if outcome.failed.is_some() {
            return outcome;
        }
        if let Some(ast) = &rows {
            self.note_rows(sources, at, ast);
        }
        outcome = self.fire(sources, at, outcome, certainty);
        match rows {
            Some(Ast::CreateExtension(create)) if !outcome.effects.is_empty() => self.run_extension(sources, &create.name.name, at),
            Some(Ast::Data(Data::Query(query))) => outcome.effects.extend(self.run_extension_calls(sources, &query, at)),
            _ => {}
        }
        outcome
    }

    /// Records which tables have rows.
    fn note_rows(&mut self, sources: &mut Sources, at: Site, ast: &Ast) {
        if evaluate::temporary(self, sources, at, ast) {
            return;
        }
        let table = match ast {
            Ast::Data(Data::Insert(insert)) => evaluate::inserts(self, sources, at, insert).then_some(&insert.table),
            Ast::Data(Data::Merge { target, .. }) => match &target.relation {
                FromRelation::Table { name, .. } => Some(name),
                _ => None,
            },
            Ast::Copy { table, from: true, .. } => table.as_ref(),
            Ast::CreateTableAs(create) => Some(&create.name),
            _ => None,
        };
        let ctes = match ast {
            Ast::Data(Data::Query(query)) => query.with.as_slice(),
            Ast::Data(Data::Insert(insert)) => insert.with.as_slice(),
            Ast::Data(Data::Update(update)) => update.with.as_slice(),
            Ast::Data(Data::Delete(delete)) => delete.with.as_slice(),
            _ => &[],
        };
        let inserts = ctes.iter().filter_map(|cte| match &cte.body {
            Data::Insert(insert) => Some(&insert.table),
            _ => None,
        });
        for name in table.into_iter().chain(inserts) {
            if let Some(found) = self.catalog.find_relation(name) {
                self.inserted.insert(found, ());
            }
        }
    }

    /// Runs event triggers for new tables.
    fn fire(&mut self, sources: &mut Sources, at: Site, mut outcome: Outcome, certainty: Certainty) -> Outcome {
        if self.catalog.event_triggers.is_empty() {
            return outcome;
        }
        let created: Vec<QName> = outcome
            .effects
            .iter()
            .filter_map(|effect| match &effect.change {
                Change::CreateTable(table) => Some(table.name.clone()),
                _ => None,
            })
            .collect();
        if !created.is_empty() {
            outcome.effects.extend(evaluate::created(self, sources, at, created, certainty).effects);
        }
        outcome
    }

    fn interpret(&mut self, sources: &Sources, at: Site, ast: Ast, certainty: Certainty) -> Outcome {
        match ast {
            Ast::AlterTable(alter) if alter.actions.len() > 1 => self.alter_table(at, alter, certainty),
            Ast::CreateFunction(create) => self.create_function(sources, at, create, certainty),
            ast => self.interpret_one(at, ast, certainty),
        }
    }

    fn interpret_one(&mut self, at: Site, ast: Ast, certainty: Certainty) -> Outcome {
        let mut context = Context::new(&self.catalog, at, certainty);
        match context.interpret(ast) {
            Ok(()) => {
                let (relies, effects) = (context.relies.get(), context.effects);
                let (in_batch, by_path) = (context.in_batch.take(), context.by_path.take());
                if relies {
                    self.rely();
                }
                Outcome { in_batch, by_path, ..self.apply(effects) }
            }
            Err(reason) => Outcome { failed: Some(reason), ..Outcome::default() },
        }
    }

    fn create_function(&mut self, sources: &Sources, at: Site, create: CreateFunction, certainty: Certainty) -> Outcome {
        // bodies in standard SQL are always checked
        let unread = self.catalog.session.bodies_unchecked && !matches!(create.body, Body::Sql { .. });
        let text = sources.get(at.file).text();
        let names = match &create.body {
            Body::Code(code) if create.language == "plpgsql" => body::may_declare_rows(text, code),
            _ => create.language == "sql",
        };
        if unread || !names {
            return self.interpret_one(at, Ast::CreateFunction(create), certainty);
        }
        self.catalog.begin();
        let outcome = self.interpret_one(at, Ast::CreateFunction(create.clone()), certainty);
        if outcome.failed.is_some() {
            self.catalog.rollback();
            return outcome;
        }
        let before = self.catalog.session.search_path.clone();
        if let Some(path) = body::own_search_path(&create) {
            self.catalog.session.search_path = Some(path);
        }
        let checked = body::check(&self.catalog, &create);
        self.catalog.session.search_path = before;
        match checked {
            Ok(relies) => {
                if relies {
                    self.rely();
                }
                self.catalog.commit();
                outcome
            }
            Err(reason) => {
                self.catalog.rollback();
                Outcome { failed: Some(reason), ..Outcome::default() }
            }
        }
    }

    /// Runs the actions of ALTER TABLE in the order of PostgreSQL. Each action uses the results of the earlier ones.
    fn alter_table(&mut self, at: Site, mut alter: AlterTable, certainty: Certainty) -> Outcome {
        let mut actions = std::mem::take(&mut alter.actions);
        actions.sort_by_key(|(_, action)| pass(action));
        let mut whole = Outcome::default();
        self.catalog.begin();
        for action in actions {
            let one = AlterTable { actions: vec![action], name: alter.name.clone(), ..alter };
            let outcome = self.interpret_one(at, Ast::AlterTable(one), certainty);
            if outcome.failed.is_some() {
                self.catalog.rollback();
                return outcome;
            }
            whole.effects.extend(outcome.effects);
            whole.in_batch = whole.in_batch.or(outcome.in_batch);
            whole.by_path = whole.by_path.or(outcome.by_path);
        }
        self.catalog.commit();
        whole
    }

    /// Returns the database without objects that no migration creates, or `None` as long as no statement depends on such an object. Can be
    /// called once.
    pub fn without_external_objects(&mut self) -> Option<Database> {
        let mut catalog = *self.bare.take()?;
        catalog.fresh = true;
        Some(Database {
            catalog,
            inserted: self.inserted.clone(),
            temporary: self.temporary.clone(),
            settings_changed: self.settings_changed,
            budget: self.budget.clone(),
            savepoints: self.savepoints.clone(),
            ..Database::default()
        })
    }

    /// Stores the catalog before the first statement that depends on an object outside the migrations.
    fn rely(&mut self) {
        if self.relies || self.catalog.fresh {
            return;
        }
        self.relies = true;
        let mut before = self.catalog.clone();
        while before.depth() > self.savepoints.len() {
            before.rollback();
        }
        self.bare = Some(Box::new(before));
    }

    /// Applies all effects or none.
    pub fn apply(&mut self, effects: Vec<Effect>) -> Outcome {
        let guarded = effects.len() > 1;
        if guarded {
            self.catalog.begin();
        }
        for effect in &effects {
            if let Err(reason) = self.catalog.apply(effect.clone()) {
                if guarded {
                    self.catalog.rollback();
                }
                return Outcome { failed: Some(reason), ..Outcome::default() };
            }
        }
        if guarded {
            self.catalog.commit();
        }
        Outcome { effects, ..Outcome::default() }
    }

    fn run_code(&mut self, sources: &mut Sources, at: Site, code: &Code, certainty: Certainty) -> Outcome {
        if code.language != "plpgsql" {
            return Outcome::default();
        }
        let file = match &code.unescaped {
            None => at.file,
            Some(text) => sources.add_derived(at.in_same_file(code.literal), text.as_str()),
        };
        evaluate::block(self, sources, at, file, code, certainty)
    }

    /// Creates the known objects of an extension.
    fn run_extension(&mut self, sources: &mut Sources, name: &str, at: Site) {
        let Some((schema, script)) = extension_script(name) else { return };
        // PostgreSQL creates the schema of the control file if it does not exist
        if let Some(fixed) = schema.filter(|fixed| !self.catalog.has_schema(fixed)) {
            let (owner, certainty) = (self.catalog.current_role(), Certainty::Certain);
            let made = Schema { name: fixed.into(), at, certainty, owner, acl: Default::default() };
            self.apply(vec![Effect { at, certainty, change: Change::CreateSchema(made) }]);
        }
        let schema =
            schema.map(SmolStr::from).or_else(|| self.catalog.extensions.get(&name.into()).map(|extension| extension.schema.clone()));
        let before = self.catalog.session.search_path.take();
        self.catalog.session.search_path = schema.map(|schema| vec![schema]);
        let (script, _) = self.run_script(sources, script, at, true);
        let change = Change::SetExtensionScript { name: name.into(), script };
        self.apply(vec![Effect { at, certainty: Certainty::Certain, change }]);
        self.catalog.session.search_path = before;
    }

    /// Returns the effects of functions of extensions that a query calls with literals, such as the tables of a queue.
    fn run_extension_calls(&mut self, sources: &mut Sources, query: &Query, at: Site) -> Vec<Effect> {
        let mut effects = Vec::new();
        for target in query.select().map(|select| select.targets.as_slice()).unwrap_or_default() {
            if let ExprKind::Call(call) = &target.expr.kind
                && self.catalog.find_functions(&call.name).is_some()
                && let Some((_, script)) = extension_script(&format!("{}(queue)", call.name))
                && let Some(queue) = call.args.first().and_then(|arg| arg.value.as_str())
            {
                // the extension converts names of queues to lower case
                let script = script.replace("{queue}", &queue.to_lowercase().replace('"', ""));
                effects.extend(self.run_script(sources, &script, at, false).1);
            }
        }
        effects
    }

    fn run_script(&mut self, sources: &mut Sources, script: &str, at: Site, of_extension: bool) -> (FileId, Vec<Effect>) {
        let file = sources.add_derived(at, script);
        let mut effects = Vec::new();
        for raw in Splitter::new(script) {
            let statement = parser::statement(script, &raw);
            let Form::Read(ast) = statement.form else { continue };
            let mut context = Context::new(&self.catalog, Site::new(file, statement.span), Certainty::Certain);
            context.of_extension = of_extension;
            if context.interpret(*ast).is_ok() {
                let made = context.effects;
                effects.extend(self.apply(made).effects);
            }
        }
        (file, effects)
    }

    /// Creates the objects that exist before the first migration.
    pub fn bootstrap(&mut self, sources: &mut Sources, supabase: bool) {
        let text = sources.text(FileId::PLATFORM);
        let here = |span| Site::new(FileId::PLATFORM, span);
        self.apply(vec![Effect {
            at: here(Default::default()),
            certainty: Certainty::Certain,
            change: Change::CreateSchema(Schema {
                name: "public".into(),
                at: here(Default::default()),
                certainty: Certainty::Certain,
                owner: "pg_database_owner".into(),
                acl: Default::default(),
            }),
        }]);
        // the bootstrap role, which no script creates
        let postgres = Role {
            name: MIGRATION_ROLE.into(),
            at: here(Default::default()),
            bypass_rls: true,
            superuser: !supabase,
            member_of: Vec::new(),
        };
        let (at, certainty) = (here(Default::default()), Certainty::Certain);
        self.apply(vec![Effect { at, certainty, change: Change::CreateRole(postgres) }]);
        let statements = Splitter::new(&text).filter(|_| supabase);
        for raw in statements {
            let statement = parser::statement(&text, &raw);
            let span = statement.span;
            let outcome = self.run(sources, FileId::PLATFORM, statement, Certainty::Certain);
            debug_assert!(outcome.failed.is_none(), "{:?} {}", outcome.failed, span.of(&text));
        }
        self.catalog.session = Default::default();
        if supabase {
            let certainty = Certainty::Maybe;
            let graphql = Extension { name: GRAPHQL.into(), schema: "graphql".into(), known: true, script: None, at, certainty };
            self.apply(vec![Effect { at, certainty, change: Change::CreateExtension(graphql) }]);
        }
    }

    /// Removes pg_graphql if the platform alone may have installed it: projects since 2026-05-18 begin without it.
    /// Source: Supabase's changelog, "pg_graphql will not be enabled by default".
    pub fn end_platform_graphql(&mut self) {
        let by_platform = |graphql: &Extension| graphql.at.is_platform();
        if self.catalog.extensions.get(&GRAPHQL.into()).is_some_and(by_platform) {
            let at = Site::new(FileId::PLATFORM, Default::default());
            self.apply(vec![Effect {
                at,
                certainty: Certainty::Certain,
                change: Change::DropExtension { name: GRAPHQL.into(), cascade: false },
            }]);
        }
    }

    /// Ends the old default privileges of the platform.
    pub fn end_platform_defaults(&mut self) {
        let at = Site::new(FileId::PLATFORM, Default::default());
        self.apply(vec![Effect { at, certainty: Certainty::Certain, change: Change::EndPlatformDefaults }]);
    }

    /// Drops temporary relations at the end of a file, because each file has its own session.
    pub fn drop_temporary(&mut self) {
        self.temporary = Temporary::default();
        let inserted: Vec<QName> = self.inserted.names_in("pg_temp").cloned().collect();
        inserted.iter().for_each(|name| _ = self.inserted.remove(name));
        let (tables, views) = (self.catalog.tables.names_in("pg_temp"), self.catalog.views.names_in("pg_temp"));
        let temporary: Vec<QName> = tables.chain(views).cloned().collect();
        for name in temporary {
            let at = Site::new(FileId::PLATFORM, Default::default());
            self.apply(vec![Effect { at, certainty: Certainty::Certain, change: Change::DropRelation { name, cascade: true } }]);
        }
    }
}

/// Extension that Supabase installed in each project before 2026-05-18.
const GRAPHQL: &str = "pg_graphql";

/// Returns the pass in which ALTER TABLE runs an action. Source: the passes (`AT_PASS_…`) of PostgreSQL's tablecmds.c.
fn pass(action: &AlterAction) -> u8 {
    match action {
        AlterAction::DropColumn { .. }
        | AlterAction::DropConstraint { .. }
        | AlterAction::DropNotNull { .. }
        | AlterAction::DropExpression { .. }
        | AlterAction::DropIdentity { .. } => 0,
        AlterAction::DropDefault { .. } => 0,
        AlterAction::SetType { .. } => 1,
        AlterAction::AddColumn { .. } => 2,
        AlterAction::SetDefault { .. }
        | AlterAction::SetNotNull { .. }
        | AlterAction::AddIdentity { .. }
        | AlterAction::SetGenerated { .. } => 3,
        AlterAction::AddConstraint(definition) => match definition.kind {
            ConstraintKind::PrimaryKey { .. } | ConstraintKind::Unique { .. } | ConstraintKind::Exclude { .. } => 4,
            ConstraintKind::Check { .. } | ConstraintKind::ForeignKey { .. } => 5,
        },
        AlterAction::AlterConstraint { .. }
        | AlterAction::ValidateConstraint { .. }
        | AlterAction::EnableRls
        | AlterAction::DisableRls
        | AlterAction::ForceRls
        | AlterAction::NoForceRls
        | AlterAction::EnableTrigger { .. }
        | AlterAction::SetOptions { .. }
        | AlterAction::ResetOptions { .. }
        | AlterAction::Inherit { .. }
        | AlterAction::AttachPartition { .. }
        | AlterAction::DetachPartition { .. }
        | AlterAction::Owner { .. }
        | AlterAction::Other { .. } => 6,
    }
}

/// Returns the fixed schema and the statements of an extension.
pub(super) fn extension_script(name: &str) -> Option<(Option<&'static str>, &'static str)> {
    for block in EXTENSIONS.split("-- extension: ").skip(1) {
        let (head, script) = block.split_once('\n')?;
        let (block_name, schema) = match head.split_once(" schema: ") {
            Some((block_name, schema)) => (block_name, Some(schema.trim())),
            None => (head, None),
        };
        if block_name.trim() == name {
            return Some((schema, script));
        }
    }
    None
}
