//! Data statements that change the catalog: storage buckets, tables of SELECT INTO, and settings of set_config.

use super::bind::{Binder, Scopes};
use super::{Context, Meaning};
use crate::catalog::creation_index::ObjectClass;
use crate::catalog::effect::Change;
use crate::catalog::name::QName;
use crate::catalog::object::{Bucket, Certainty, Index};
use crate::catalog::{ObjectKey, SqlError};
use crate::syntax::expression::*;
use smol_str::SmolStr;

/// Returns the text of a constant.
fn constant(expr: &Expr) -> Option<SmolStr> {
    match &expr.uncast().kind {
        ExprKind::String(text) => Some(text.clone()),
        ExprKind::Bool(value) => Some(if *value { "true" } else { "false" }.into()),
        ExprKind::Number(text) => Some(text.clone()),
        _ => None,
    }
}

fn boolean(expr: &Expr) -> Option<bool> {
    match constant(expr)?.to_ascii_lowercase().as_str() {
        "true" | "t" | "on" | "yes" | "1" => Some(true),
        "false" | "f" | "off" | "no" | "0" => Some(false),
        _ => None,
    }
}

/// Returns the rows of VALUES, or of each SELECT without FROM.
fn rows(query: &Query) -> Vec<Vec<&Expr>> {
    match &query.body {
        SetExpr::Values(rows) => rows.iter().map(|row| row.iter().collect()).collect(),
        SetExpr::Select(select) if select.from.is_empty() => vec![select.targets.iter().map(|target| &target.expr).collect()],
        SetExpr::Query(query) => rows(query),
        SetExpr::Set { .. } => {
            let constant_rows = query.body.selects().into_iter().filter(|select| select.from.is_empty());
            constant_rows.map(|select| select.targets.iter().map(|target| &target.expr).collect()).collect()
        }
        SetExpr::Select(_) | SetExpr::Data(_) => Vec::new(),
    }
}

/// Returns the ids of buckets that a filter selects, or `None` if they are unknown.
fn named_ids(filter: Option<&Expr>) -> Option<Vec<SmolStr>> {
    let filter = filter?;
    let is_key = |expr: &Expr| matches!(expr.column(), Some("id" | "name"));
    match &filter.kind {
        ExprKind::InList { expr, list, negated: false } if is_key(expr) => list.iter().map(constant).collect(),
        ExprKind::Logic { op: Logic::And, .. } => filter.conjuncts().into_iter().find_map(|part| named_ids(Some(part))),
        _ => {
            let (left, right) = filter.equality()?;
            let (key, value) = if is_key(left) { (left, right) } else { (right, left) };
            if is_key(key) { constant(value).map(|id| vec![id]) } else { None }
        }
    }
}

impl Context<'_> {
    pub fn data(&mut self, mut data: Data) -> Meaning {
        let mut scopes = Scopes::default();
        scopes.lenient = !self.is_top_level();
        Binder::new(self, scopes).data(&mut data)?;
        match data {
            Data::Query(query) => self.top_level_query(*query),
            Data::Insert(insert) => {
                if insert.table.is("storage", "buckets") {
                    self.insert_buckets(&insert);
                    return Ok(());
                }
                let Some(table) = self.relation(&insert.table)? else { return Ok(()) };
                self.known_columns(&table, &insert.columns)?;
                if let Some(known) = self.catalog.table(&table) {
                    self.check_insert(&insert, known)?;
                }
                match &insert.on_conflict {
                    Some(conflict) => self.conflict_target(&table, conflict),
                    None => Ok(()),
                }
            }
            Data::Update(update) => {
                if is_buckets(&update.table) {
                    self.update_buckets(&update);
                    return Ok(());
                }
                self.target(&update.table)?;
                let name = match &update.table.relation {
                    FromRelation::Table { bound: Some(bound), .. } => QName::new(bound.0.clone(), bound.1.clone()),
                    _ => return Ok(()),
                };
                if let Some(table) = self.catalog.table(&name) {
                    self.check_assignments(table, &update.assignments)?;
                }
                let columns = update.assignments.iter().flat_map(|assignment| &assignment.columns).map(|column| column.name.clone());
                self.emit(Change::UpdateColumns { table: name, columns: columns.collect() });
                Ok(())
            }
            Data::Delete(delete) => {
                if is_buckets(&delete.table) {
                    for id in named_ids(delete.filter.as_ref()).unwrap_or_default() {
                        self.emit(Change::RemoveBucket { id });
                    }
                    return Ok(());
                }
                self.target(&delete.table)
            }
            Data::Merge { target, .. } => self.target(&target),
        }
    }

    /// Returns an error if a column in the list does not exist.
    fn known_columns(&self, table: &QName, columns: &[Ident]) -> Meaning {
        let Some(known) = self.catalog.columns(table) else { return Ok(()) };
        match columns.iter().find(|column| !known.contains(&column.name)) {
            Some(missing) => {
                let reason = format!("column \"{}\" of relation \"{}\" does not exist", missing.name, table.name);
                Err(SqlError::new("42703", reason).missing(ObjectKey::of_table("column", missing.name.clone(), table.name.clone())))
            }
            None => Ok(()),
        }
    }

    /// Returns an error if no unique index fits the target of ON CONFLICT. The index must have exactly these columns in any order, and no
    /// predicate.
    /// Source: PostgreSQL's documentation, "INSERT", "ON CONFLICT Clause".
    fn conflict_target(&self, table: &QName, conflict: &OnConflict) -> Meaning {
        let Some(table) = self.catalog.table(table).filter(|table| !table.external && table.certainty == Certainty::Certain) else {
            return Ok(());
        };
        self.check_assignments(table, conflict.update.as_deref().unwrap_or_default())?;
        if let Some(constraint) = &conflict.constraint
            && table.constraint(&constraint.name).is_none_or(|known| known.index.is_none())
        {
            let reason = format!("constraint \"{}\" for table \"{}\" does not exist", constraint.name, table.name.name);
            return Err(SqlError::new("42704", reason));
        }
        if conflict.inexact || conflict.constraint.is_some() {
            return Ok(());
        }
        if conflict.columns.is_empty() {
            let reason = "ON CONFLICT DO UPDATE requires inference specification or constraint name";
            return if conflict.update.is_some() { Err(SqlError::new("42601", reason)) } else { Ok(()) };
        }
        if let Some(missing) = conflict.columns.iter().find(|column| !table.may_have(&column.name)) {
            return Err(SqlError::new("42703", format!("column \"{}\" does not exist", missing.name)));
        }
        let wanted = |columns: &[&str]| {
            conflict.columns.iter().all(|column| columns.contains(&column.name.as_str()))
                && columns.iter().all(|name| conflict.columns.iter().any(|column| column.name == *name))
        };
        let fits =
            |index: &Index| index.unique && index.predicate.is_none() && index.plain_columns().is_some_and(|columns| wanted(&columns));
        if table.indexes.iter().any(fits) {
            return Ok(());
        }
        Err(SqlError::new("42P10", "there is no unique or exclusion constraint matching the ON CONFLICT specification"))
    }

    fn target(&mut self, item: &FromItem) -> Meaning {
        match &item.relation {
            FromRelation::Table { name, .. } => self.relation(name).map(|_| ()),
            _ => Ok(()),
        }
    }

    fn top_level_query(&mut self, mut query: Query) -> Meaning {
        let SetExpr::Select(select) = &mut query.body else { return Ok(()) };
        if let Some(into) = select.into.take() {
            let temporary = into.schema() == Some("pg_temp");
            let name = self.place(&into, temporary)?;
            let named = self.site(into.span());
            return self.table_of_query(name, named, Some(query), &[], None);
        }
        if self.is_top_level() && select.from.is_empty() && select.filter.is_none() {
            select.targets.iter().try_for_each(|target| self.check_unschedule(&target.expr))?;
        }
        for target in &select.targets {
            if let ExprKind::Call(call) = &target.expr.kind
                && call.name.last() == "set_config"
                && let Some(setting) = call.args.first().and_then(|arg| arg.value.as_str())
                && let Some(value) = call.args.get(1).and_then(|arg| arg.value.as_str())
            {
                match setting {
                    "search_path" => {
                        let path = value.split(',').map(|schema| schema.trim().trim_matches('"')).filter(|schema| !schema.is_empty());
                        let path = Some(path.map(SmolStr::from).collect());
                        self.emit(Change::SetSearchPath { path });
                    }
                    "check_function_bodies" => self.emit(Change::CheckBodies { on: super::view::is_on(&value.to_ascii_lowercase()) }),
                    _ => {}
                }
            }
        }
        Ok(())
    }

    /// Checks `cron.unschedule('job')` for a job that no earlier statement schedules. The job may have been scheduled in the dashboard.
    fn check_unschedule(&self, expr: &Expr) -> Meaning {
        let ExprKind::Call(call) = &expr.kind else { return Ok(()) };
        let [argument] = call.args.as_slice() else { return Ok(()) };
        let ExprKind::String(job) = &argument.value.kind else { return Ok(()) };
        let (index, now) = (&self.catalog.creation_index, self.catalog.now);
        let is_made = |name: &str| index.may_be_created_before(ObjectClass::CronJob, name, now);
        if !call.name.is("cron", "unschedule") || is_made(job) || is_made("") {
            return Ok(());
        }
        self.relies.set(true);
        if self.catalog.fresh && !self.catalog.ran_unknown_command {
            return Err(SqlError::new("XX000", format!("could not find valid entry for job '{job}'")));
        }
        Ok(())
    }

    fn insert_buckets(&mut self, insert: &Insert) {
        let Some(source) = &insert.source else { return };
        let columns: Vec<SmolStr> = if insert.columns.is_empty() {
            ["id", "name", "owner", "created_at", "updated_at", "public"].into_iter().map(SmolStr::from).collect()
        } else {
            insert.columns.iter().map(|column| column.name.clone()).collect()
        };
        for row in rows(source) {
            let value = |name: &str| columns.iter().position(|column| column == name).and_then(|at| row.get(at).copied());
            let Some(id) = value("id").and_then(constant) else { continue };
            let public = match value("public") {
                Some(expr) => boolean(expr),
                None => Some(false),
            };
            match (self.catalog.buckets.get(&id), &insert.on_conflict) {
                (Some(_), Some(conflict)) => {
                    let sets_public =
                        conflict.update.iter().flatten().find(|assignment| assignment.columns.iter().any(|column| column.name == "public"));
                    if let Some(assignment) = sets_public {
                        let excluded = matches!(&assignment.value.kind, ExprKind::Column { path, .. } if path[0] == "excluded");
                        let public = if excluded { public } else { boolean(&assignment.value) };
                        self.emit(Change::SetBucketPublic { id, public });
                    }
                }
                (Some(_), None) => {}
                (None, _) => {
                    let name = value("name").and_then(constant).unwrap_or_else(|| id.clone());
                    let (at, certainty) = (self.at, self.certainty);
                    self.emit(Change::PutBucket(Bucket { id, name, public, at, certainty }));
                }
            }
        }
    }

    fn update_buckets(&mut self, update: &Update) {
        let public = update.assignments.iter().find(|assignment| assignment.columns.iter().any(|column| column.name == "public"));
        let Some(public) = public.map(|assignment| boolean(&assignment.value)) else { return };
        let ids = match (&update.filter, named_ids(update.filter.as_ref())) {
            (_, Some(ids)) => ids,
            (None, _) => self.catalog.buckets.keys().cloned().collect(),
            (Some(_), None) => return,
        };
        for id in ids.into_iter().filter(|id| self.catalog.buckets.contains(id)) {
            self.emit(Change::SetBucketPublic { id, public });
        }
    }
}

fn is_buckets(item: &FromItem) -> bool {
    matches!(&item.relation, FromRelation::Table { name, .. } if name.is("storage", "buckets"))
}
