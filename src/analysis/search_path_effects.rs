//! The schemas of the search path in which a function and everything it runs find their names. A search_path setting of a function also
//! applies to the functions that it calls and to the triggers of the tables that it writes, unless they have their own setting.
//!
//! Promises: a result that is marked known holds in every session with one of the usual paths. Limits: statements that EXECUTE builds,
//! bodies that cannot be parsed, and languages other than SQL and PL/pgSQL are not read.

use crate::analysis::pinned_path::{OPERATOR_EXTENSIONS, is_builtin};
use crate::analysis::prelude::*;
use crate::catalog::MIGRATION_ROLE;
use crate::catalog::name::QName;
use crate::syntax::ast::Body;
use crate::syntax::plpgsql::DeclKind;
use crate::syntax::types::{TypeName, builtin_name};
use std::collections::{BTreeMap, BTreeSet};

/// The schemas in which names are found, if a session has one of the usual paths. A name is known if all usual paths find the same object.
#[derive(Clone, Default)]
pub struct NameResolution {
    pub schemas: BTreeSet<SmolStr>,
    pub unknown: bool,
}

impl NameResolution {
    fn add(&mut self, other: &NameResolution) {
        self.schemas.extend(other.schemas.iter().cloned());
        self.unknown |= other.unknown;
    }
}

/// The names that one body looks up, and the functions that it runs.
#[derive(Clone, Default)]
struct BodyNames {
    resolution: NameResolution,
    calls: BTreeSet<QName>,
    reads: BTreeSet<QName>,
    writes: BTreeSet<QName>,
}

/// Functions of PostgreSQL that take the name of a relation as text.
const BY_NAME: [&str; 8] = [
    "nextval",
    "currval",
    "setval",
    "to_regclass",
    "pg_relation_size",
    "pg_total_relation_size",
    "has_table_privilege",
    "pg_get_serial_sequence",
];
const NAMING_TYPES: [&str; 9] =
    ["regclass", "regproc", "regprocedure", "regtype", "regoper", "regoperator", "regconfig", "regdictionary", "regcollation"];

/// Search paths of functions. Each body is read once.
pub struct Paths<'a> {
    cx: State<'a>,
    /// The usual paths of sessions: the default path, and the path of a request to each schema that the API serves.
    usual: Vec<Vec<SmolStr>>,
    read: BTreeMap<Site, BodyNames>,
}

impl<'a> Paths<'a> {
    pub fn new(cx: &State<'a>) -> Paths<'a> {
        let base = || ["public", "extensions"].map(SmolStr::from).into_iter();
        let served = cx.config().exposed_schemas.iter().filter(|schema| *schema != "public" && *schema != "extensions");
        let served = served.map(|schema| std::iter::once(SmolStr::from(schema)).chain(base()).collect());
        Paths { cx: *cx, usual: std::iter::once(base().collect()).chain(served).collect(), read: BTreeMap::new() }
    }

    /// Returns the schemas for everything that runs when a function runs.
    pub fn of(&mut self, function: &'a Function) -> NameResolution {
        let mut out = NameResolution::default();
        let mut open = vec![function];
        let mut seen: BTreeSet<Site> = BTreeSet::new();
        let (mut written, mut viewed) = (BTreeSet::new(), BTreeSet::new());
        // row level security does not apply to the owner of these functions
        let bypasses = function.security_definer.value && function.owner == MIGRATION_ROLE;
        while let Some(next) = open.pop() {
            if !seen.insert(next.at) {
                continue;
            }
            let read = self.read.get(&next.at).cloned().unwrap_or_else(|| self.body(next));
            out.add(&read.resolution);
            let mut calls = read.calls.clone();
            for table in reachable(read.writes.iter().filter(|name| !written.contains(*name)).cloned(), |name| self.also_written(name)) {
                if written.insert(table.clone()) {
                    self.add_write(&table, &mut calls, &mut open);
                }
            }
            for relation in reachable(read.reads.iter().chain(&read.writes).cloned(), |name| self.read_by_view(name)) {
                if viewed.insert(relation.clone()) {
                    self.add_read(&relation, bypasses, &mut calls);
                }
            }
            self.read.insert(next.at, read);
            for function in calls.iter().filter_map(|name| self.cx.catalog.functions.get(name)).flatten() {
                self.follow(function, &mut open);
            }
        }
        out
    }

    fn follow(&self, function: &'a Function, open: &mut Vec<&'a Function>) {
        let own = !function.at.is_platform() && !function.of_extension;
        if own && function.setting("search_path").is_none() {
            open.push(function);
        }
    }

    /// Returns the tables that a write to a table also changes: child tables, and tables whose foreign keys follow it.
    fn also_written(&self, name: &QName) -> Vec<QName> {
        let follows = |action| !matches!(action, ReferentialAction::NoAction | ReferentialAction::Restrict);
        let has_following_key =
            |table: &&Table| table.foreign_keys().any(|(_, key)| key.table == *name && (follows(key.on_delete) || follows(key.on_update)));
        let referring = self.cx.catalog.tables.values().filter(has_following_key).map(|table| table.name.clone());
        referring.chain(self.cx.catalog.children(name)).collect()
    }

    /// Returns the relations that a view reads.
    fn read_by_view(&self, name: &QName) -> Vec<QName> {
        self.cx.catalog.views.get(name).map(|view| view.reads.clone()).unwrap_or_default()
    }

    /// Adds the functions that a write to a table runs: those of triggers, columns and constraints.
    fn add_write(&self, name: &QName, calls: &mut BTreeSet<QName>, open: &mut Vec<&'a Function>) {
        let Some(table) = self.cx.catalog.tables.get(name) else { return };
        for trigger in &table.triggers {
            self.cx.catalog.functions.get(&trigger.function).into_iter().flatten().for_each(|function| self.follow(function, open));
        }
        let of_columns = table.columns.iter().flat_map(|column| column.default.iter().chain(column.generated.as_deref()));
        let of_constraints = table.constraints.iter().filter_map(|constraint| constraint.expr.as_ref());
        let of_indexes = table.indexes.iter().flat_map(|index| index.columns.iter().map(|part| &part.expr).chain(&index.predicate));
        let of_triggers = table.triggers.iter().filter_map(|trigger| trigger.when.as_ref());
        for expression in of_columns.chain(of_constraints).chain(of_indexes).chain(of_triggers) {
            self.bound_calls(&expression.root, calls);
        }
    }

    /// Adds the functions that reading a relation runs: those of the query of a view, and those of policies that apply.
    fn add_read(&self, name: &QName, bypasses: bool, calls: &mut BTreeSet<QName>) {
        if let Some(query) = self.cx.catalog.views.get(name).and_then(|view| view.query.as_deref()) {
            query.walk(&mut |node| {
                if let Node::Expr(Expr { kind: ExprKind::Call(call), .. }) = node {
                    self.bound_call(call, calls);
                }
                Walk::Into
            });
        }
        if let Some(table) = self.cx.catalog.tables.get(name).filter(|_| !bypasses) {
            table.policies.iter().flat_map(Policy::clauses).for_each(|(_, clause)| self.bound_calls(&clause.root, calls));
        }
    }

    /// Adds the calls that PostgreSQL bound when it created the expression.
    fn bound_calls(&self, expr: &Expr, calls: &mut BTreeSet<QName>) {
        expr.all().into_iter().filter_map(Expr::as_call).for_each(|call| self.bound_call(call, calls));
    }

    fn bound_call(&self, call: &Call, calls: &mut BTreeSet<QName>) {
        calls.extend(self.cx.catalog.callable(&call.name, call.args.len()).into_iter().map(|function| function.name.clone()));
    }

    fn body(&self, function: &Function) -> BodyNames {
        let mut out = BodyNames::default();
        if !matches!(function.language.as_str(), "sql" | "plpgsql") || !self.cx.is_read_whole(function) {
            out.resolution.unknown = true;
        }
        // PostgreSQL binds the names of such a body when it creates the function
        let bound = matches!(&*function.body, crate::syntax::ast::Body::Sql { .. });
        for (origin, code) in self.cx.code_of(function) {
            code.each_data(&mut |data| {
                if let Data::Insert(insert) = data {
                    self.relation(&origin, &insert.table, &mut out);
                }
                out.writes.extend(origin.written(data));
            });
            code.walk(&mut |node| {
                match node {
                    Node::From(FromItem { relation: FromRelation::Table { name, .. }, .. }) if !origin.is_cte(name) => {
                        self.relation(&origin, name, &mut out);
                    }
                    Node::Expr(expr) => self.expr(expr, &mut out),
                    Node::From(_) | Node::Query(_) => {}
                }
                Walk::Into
            });
        }
        self.add_declarations(function, &mut out);
        // operators are looked up in the path too, and are rarely written with a schema
        let extensions = self.cx.catalog.extensions.values().filter(|extension| OPERATOR_EXTENSIONS.contains(&extension.name.as_str()));
        let on_path = extensions.filter(|extension| self.usual.iter().flatten().any(|schema| *schema == extension.schema));
        out.resolution.schemas.extend(on_path.map(|extension| extension.schema.clone()));
        if bound {
            out.resolution = NameResolution::default();
        }
        out
    }

    fn relation(&self, origin: &Origin, name: &ObjectName, out: &mut BodyNames) {
        out.reads.extend(origin.named(name));
        // pg_catalog is searched first
        if name.parts.len() == 1 && !name.last().starts_with("pg_") {
            let schema = self.schema(|schema| self.cx.catalog.relation_kind(&QName::new(schema.clone(), name.last())).is_some());
            self.add_schema(schema, out);
        }
    }

    fn add_schema(&self, schema: Option<SmolStr>, out: &mut BodyNames) {
        match schema {
            Some(schema) => drop(out.resolution.schemas.insert(schema)),
            None => out.resolution.unknown = true,
        }
    }

    /// Returns the schema in which every usual path finds an object.
    fn schema(&self, is_in: impl Fn(&SmolStr) -> bool) -> Option<SmolStr> {
        let mut found = self.usual.iter().map(|path| path.iter().find(|schema| is_in(schema)));
        let first = found.next()??;
        found.all(|other| other == Some(first)).then(|| first.clone())
    }

    fn expr(&self, expr: &Expr, out: &mut BodyNames) {
        match &expr.kind {
            ExprKind::Call(call) => self.call(call, out),
            ExprKind::Cast { to, expr } => {
                self.add_type(to, out);
                if NAMING_TYPES.contains(&to.name.last()) {
                    self.add_name_in_text(expr, out);
                }
            }
            _ => {}
        }
    }

    fn call(&self, call: &Call, out: &mut BodyNames) {
        let name = call.name.last();
        let own = |schema: &SmolStr| self.cx.catalog.functions.contains(&QName::new(schema.clone(), name));
        match call.name.schema() {
            Some(schema) => drop(out.calls.insert(QName::new(schema, name))),
            None if is_builtin(name) => {
                // another function with this name may match the arguments better
                out.resolution.unknown |= self.usual.iter().flatten().any(own);
            }
            None => {
                let schema = self.schema(own);
                out.calls.extend(schema.iter().map(|schema| QName::new(schema.clone(), name)));
                self.add_schema(schema, out);
            }
        }
        if BY_NAME.contains(&name)
            && let Some(first) = call.args.first()
        {
            self.add_name_in_text(&first.value, out);
        }
    }

    /// Adds names that appear as text, such as `'notes'::regclass`.
    fn add_name_in_text(&self, expr: &Expr, out: &mut BodyNames) {
        match expr.as_str() {
            Some(text) if text.contains('.') || text.chars().all(|c| c.is_ascii_digit()) => {}
            Some(text) => {
                let name = text.trim_matches('"');
                let schema = self.schema(|schema| self.cx.catalog.relation_kind(&QName::new(schema.clone(), name)).is_some());
                self.add_schema(schema, out);
            }
            None => out.resolution.unknown = true,
        }
    }

    fn add_type(&self, ty: &TypeName, out: &mut BodyNames) {
        let parts = ty.name.parts.len() - usize::from(ty.of_column).min(ty.name.parts.len());
        if parts != 1 || ty.builtin || (builtin_name(ty.name.last()).is_some() && !ty.of_column && !ty.of_row) {
            return;
        }
        let name = &ty.name.parts[0].name;
        let schema = self.schema(|schema| {
            let name = QName::new(schema.clone(), name.clone());
            self.cx.catalog.types.contains(&name) || self.cx.catalog.relation_kind(&name).is_some()
        });
        self.add_schema(schema, out);
    }

    fn add_declarations(&self, function: &Function, out: &mut BodyNames) {
        if function.language != "plpgsql" {
            return;
        }
        let routine = match &*function.body {
            Body::Code(code) => code.routine(),
            Body::Sql { .. } | Body::None => None,
        };
        let Some(routine) = routine else {
            out.resolution.unknown = true;
            return;
        };
        for declaration in routine.declarations() {
            if let DeclKind::Variable { ty, .. } = &declaration.kind {
                self.add_type(ty, out);
            }
        }
    }
}
