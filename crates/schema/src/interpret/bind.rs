//! Binding of names in expressions, as PostgreSQL does when it creates a view, policy or constraint.
//!
//! Promises: every binding is certain. An unknown name is an error only if all columns of all relations in scope are known. Otherwise it
//! stays unbound.

use super::{Context, builtin};
use crate::catalog::creation_index::ObjectClass;
use crate::catalog::name::QName;
use crate::catalog::object::{ArgMode, Certainty, Function};
use crate::catalog::{Catalog, ObjectKey, SqlError, is_extension_schema, is_system_schema};
use crate::syntax::expression::*;
use crate::syntax::types::builtin_name;
use smol_str::SmolStr;
use std::sync::Arc;

/// Columns that every table has.
const SYSTEM_COLUMNS: [&str; 7] = ["ctid", "xmin", "xmax", "cmin", "cmax", "tableoid", "oid"];

/// A relation in scope.
#[derive(Clone, Debug)]
pub struct Item {
    pub reference: Option<SmolStr>,
    /// Schema and name of the relation.
    pub relation: Option<Arc<(SmolStr, SmolStr)>>,
    /// Names of all columns, or `None` if some are unknown.
    pub columns: Option<Vec<SmolStr>>,
}

impl Item {
    pub fn of_table(catalog: &Catalog, name: &QName, reference: &str) -> Item {
        Item { reference: Some(reference.into()), relation: Some(Item::relation(name)), columns: catalog.columns(name) }
    }

    pub fn relation(name: &QName) -> Arc<(SmolStr, SmolStr)> {
        Arc::new((name.schema.clone(), name.name.clone()))
    }
}

/// Relations that are in scope, one level per nested query with the innermost last, and names of variables.
#[derive(Default)]
pub struct Scopes {
    levels: Vec<Vec<Item>>,
    ctes: Vec<(SmolStr, Option<Vec<SmolStr>>)>,
    pub variables: Vec<SmolStr>,
    /// Whether unknown names are accepted, because a function body can use variables that are not modelled.
    pub lenient: bool,
}

type Bound = Result<(), SqlError>;

impl Scopes {
    pub fn over(item: Item) -> Scopes {
        Scopes { levels: vec![vec![item]], ..Scopes::default() }
    }

    /// Adds a relation to the innermost scope.
    pub fn beside(&mut self, item: Item) {
        if let Some(level) = self.levels.last_mut() {
            level.push(item);
        }
    }
}

/// Binds expressions and queries against a catalog.
pub struct Binder<'c, 'x> {
    pub context: &'c mut Context<'x>,
    pub scopes: Scopes,
    /// Relations that the bound expressions read, in order of appearance.
    pub reads: Vec<QName>,
}

impl<'c, 'x> Binder<'c, 'x> {
    pub fn new(context: &'c mut Context<'x>, scopes: Scopes) -> Binder<'c, 'x> {
        Binder { context, scopes, reads: Vec::new() }
    }

    pub fn expr(&mut self, expr: &mut Expr) -> Bound {
        if let ExprKind::Column { path, binding } = &mut expr.kind {
            *binding = self.column(path)?;
            return Ok(());
        }
        self.context.types.enter();
        let bound = self.parts(expr);
        self.context.types.leave();
        bound
    }

    /// Binds the operands of an expression, then checks the types of the expression.
    fn parts(&mut self, expr: &mut Expr) -> Bound {
        expr.try_each_child_mut(&mut |child| self.expr(child))?;
        if let Some(query) = expr.query_mut() {
            self.query(query)?;
        }
        if self.scopes.lenient {
            return Ok(());
        }
        match &expr.kind {
            ExprKind::Call(call) => self.context.check_call(call)?,
            ExprKind::Cast { to, .. } => self.context.require_type(to)?,
            _ => {}
        }
        self.context.check_types(expr)
    }

    fn condition(&mut self, expr: &mut Expr, place: &str) -> Bound {
        self.expr(expr)?;
        if self.scopes.lenient { Ok(()) } else { self.context.check_condition(expr, place) }
    }

    fn column(&self, path: &[SmolStr]) -> Result<Binding, SqlError> {
        let Some(name) = path.last() else { return Ok(Binding::Unknown) };
        let mut all_known = !self.scopes.lenient;
        for (depth, level) in self.scopes.levels.iter().rev().enumerate() {
            let qualified = |item: &&Item| match path {
                [_] => true,
                [qualifier, _] => item.reference.as_ref() == Some(qualifier),
                [.., schema, table, _] => item.relation.as_ref().is_some_and(|relation| relation.0 == *schema && relation.1 == *table),
                [] => false,
            };
            let candidates = || level.iter().filter(qualified);
            let has = |item: &&Item| item.columns.as_ref().is_some_and(|columns| columns.contains(name));
            let whole_row = path.len() == 1 && level.iter().any(|item| item.reference.as_ref() == Some(name));
            let found = candidates().find(has).or_else(|| {
                // if the columns of exactly one relation are unknown, that relation has the column
                let mut unknown = candidates().filter(|item| item.columns.is_none());
                let first = unknown.next().filter(|_| !whole_row)?;
                if unknown.next().is_none() { Some(first) } else { None }
            });
            if let Some(item) = found {
                return Ok(Binding::Column { depth: depth as u16, relation: item.relation.clone() });
            }
            if whole_row || candidates().any(|item| item.columns.is_none()) || SYSTEM_COLUMNS.contains(&name.as_str()) {
                return Ok(Binding::Unknown);
            }
            if path.len() > 1 && candidates().next().is_some() {
                // a field of a composite column has the same syntax as a qualified name
                return if all_known { Err(unknown_column(path)) } else { Ok(Binding::Unknown) };
            }
            all_known &= level.iter().all(|item| item.columns.is_some());
        }
        if self.scopes.variables.contains(&path[0]) {
            return Ok(Binding::Variable);
        }
        if all_known && path.len() == 1 {
            return Err(unknown_column(path));
        }
        if all_known && path.len() == 2 && !self.is_composite_field(path) {
            return Err(SqlError::new("42P01", format!("missing FROM-clause entry for table \"{}\"", path[0])));
        }
        Ok(Binding::Unknown)
    }

    fn is_composite_field(&self, path: &[SmolStr]) -> bool {
        self.scopes.levels.iter().flatten().any(|item| item.columns.as_ref().is_some_and(|columns| columns.contains(&path[0])))
    }

    pub fn query(&mut self, query: &mut Query) -> Bound {
        let ctes = self.scopes.ctes.len();
        self.with(&mut query.with, query.recursive)?;
        self.body(&mut query.body, &mut query.order_by)?;
        for expr in query.limit.iter_mut().chain(&mut query.offset) {
            self.expr(expr)?;
        }
        self.scopes.ctes.truncate(ctes);
        Ok(())
    }

    fn with(&mut self, with: &mut [Cte], recursive: bool) -> Bound {
        for cte in with {
            if recursive {
                let columns = if cte.columns.is_empty() { None } else { Some(cte.columns.clone()) };
                self.scopes.ctes.push((cte.name.name.clone(), columns));
            }
            self.data(&mut cte.body)?;
            let mut columns = match &cte.body {
                Data::Query(query) => self.output(query),
                Data::Insert(insert) => self.returned(&insert.returning),
                Data::Update(update) => self.returned(&update.returning),
                Data::Delete(delete) => self.returned(&delete.returning),
                Data::Merge { .. } => None,
            };
            if let Some(columns) = &mut columns {
                for (column, name) in columns.iter_mut().zip(&cte.columns) {
                    *column = name.clone();
                }
            }
            self.scopes.ctes.push((cte.name.name.clone(), columns));
        }
        Ok(())
    }

    fn body(&mut self, body: &mut SetExpr, order_by: &mut [SortKey]) -> Bound {
        match body {
            SetExpr::Select(select) => self.select(select, order_by),
            SetExpr::Values(rows) => {
                self.scopes.levels.push(Vec::new());
                let bound = rows.iter_mut().flatten().try_for_each(|expr| self.expr(expr));
                self.scopes.levels.pop();
                bound
            }
            SetExpr::Set { left, right, .. } => {
                self.body(left, &mut [])?;
                self.body(right, &mut [])
            }
            SetExpr::Query(query) => self.query(query),
            SetExpr::Data(data) => self.data(data),
        }
    }

    fn select(&mut self, select: &mut Select, order_by: &mut [SortKey]) -> Bound {
        self.scopes.levels.push(Vec::new());
        let bound = self.select_inside(select, order_by);
        self.scopes.levels.pop();
        bound
    }

    fn select_inside(&mut self, select: &mut Select, order_by: &mut [SortKey]) -> Bound {
        self.from(&mut select.from)?;
        select.distinct_on.iter_mut().try_for_each(|expr| self.expr(expr))?;
        if let Some(expr) = &mut select.filter {
            self.condition(expr, "WHERE")?;
            if !self.scopes.lenient {
                self.context.check_place(expr, "WHERE", None)?;
            }
        }
        select.having.iter_mut().try_for_each(|expr| self.condition(expr, "HAVING"))?;
        for target in &mut select.targets {
            self.expr(&mut target.expr)?;
        }
        let outputs: Vec<SmolStr> = select.targets.iter().filter_map(target_name).collect();
        for expr in select.group_by.iter_mut().chain(order_by.iter_mut().map(|key| &mut key.expr)) {
            let is_output = matches!(&expr.kind, ExprKind::Column { path, .. } if path.len() == 1 && outputs.contains(&path[0]));
            match self.expr(expr) {
                Err(_) if is_output => {}
                bound => bound?,
            }
        }
        Ok(())
    }

    /// Adds the relations of a FROM clause to the innermost scope.
    fn from(&mut self, items: &mut [FromItem]) -> Bound {
        for item in items {
            match &mut item.relation {
                FromRelation::Join(inner) => {
                    self.from(inner)?;
                    if let Some(alias) = &item.alias {
                        self.push(Item { reference: Some(alias.clone()), relation: None, columns: None });
                    }
                }
                FromRelation::Query(query) => {
                    // only a LATERAL query can use the other relations of the FROM clause
                    let beside = if item.lateral { None } else { self.scopes.levels.last_mut().map(std::mem::take) };
                    let bound = self.query(query);
                    if let (Some(beside), Some(level)) = (beside, self.scopes.levels.last_mut()) {
                        *level = beside;
                    }
                    bound?;
                    let columns = aliased(self.output(query), &item.column_aliases);
                    self.push(Item { reference: item.alias.clone(), relation: None, columns });
                }
                FromRelation::Function { calls, ordinality } => {
                    for call in calls.iter_mut() {
                        self.expr(call)?;
                    }
                    let columns = self.function_columns(calls, *ordinality, item.alias.as_ref(), &item.column_aliases);
                    self.push(Item { reference: item.reference().map(SmolStr::from), relation: None, columns });
                }
                FromRelation::Table { .. } => self.table(item)?,
            }
            if let Some(alias) = &item.using_alias {
                self.push(Item { reference: Some(alias.clone()), relation: None, columns: Some(item.using.clone()) });
            }
            if let Some(on) = &mut item.on {
                self.condition(on, "JOIN/ON")?;
            }
        }
        Ok(())
    }

    fn push(&mut self, item: Item) {
        if let Some(level) = self.scopes.levels.last_mut() {
            level.push(item);
        }
    }

    /// Binds a table, a view or a common table expression of a FROM clause.
    fn table(&mut self, item: &mut FromItem) -> Bound {
        let reference = item.reference().map(SmolStr::from);
        let FromRelation::Table { name, bound } = &mut item.relation else { return Ok(()) };
        if name.parts.len() == 1
            && let Some((_, columns)) = self.scopes.ctes.iter().rev().find(|(cte, _)| *cte == name.last())
        {
            let columns = aliased(columns.clone(), &item.column_aliases);
            self.push(Item { reference, relation: None, columns });
            return Ok(());
        }
        let found = self.context.relation(name)?;
        let catalog = self.context.catalog;
        // columns of statistics views depend on the version
        let of_postgres = match &found {
            Some(found) => catalog.views.get(found).is_some_and(|view| view.of_extension),
            None => name.schema().is_none_or(|schema| schema == "pg_catalog"),
        };
        let any_version = || builtin::statistics(name.last()).filter(|_| of_postgres).map(<[SmolStr]>::to_vec);
        let columns = any_version().or_else(|| catalog.columns(found.as_ref()?));
        if let Some(found) = &found {
            *bound = Some(Item::relation(found));
            if !self.reads.contains(found) {
                self.reads.push(found.clone());
            }
        }
        self.push(Item { reference, relation: bound.clone(), columns: aliased(columns, &item.column_aliases) });
        Ok(())
    }

    fn function_columns(&self, calls: &[Expr], ordinality: bool, alias: Option<&SmolStr>, aliases: &[SmolStr]) -> Option<Vec<SmolStr>> {
        let [Expr { kind: ExprKind::Call(call), .. }] = calls else { return None };
        let functions = self.context.catalog.callable(&call.name, call.args.len());
        let [function] = functions.as_slice() else { return None };
        let outputs: Vec<SmolStr> = function
            .args
            .iter()
            .filter(|arg| matches!(arg.mode, ArgMode::Out | ArgMode::InOut | ArgMode::Table))
            .map(|arg| arg.name.clone().unwrap_or_default())
            .collect();
        let mut columns = if !outputs.is_empty() {
            outputs
        } else {
            let returns = function.returns.as_ref()?;
            match &returns.user {
                Some(row) => self.context.catalog.columns(row)?,
                None if returns.is("record") => return None,
                None => vec![alias.cloned().unwrap_or_else(|| function.name.name.clone())],
            }
        };
        if ordinality {
            columns.push("ordinality".into());
        }
        aliased(Some(columns), aliases)
    }

    /// Returns the names of the columns that a query returns, or `None` if some are unknown.
    pub fn output(&self, query: &Query) -> Option<Vec<SmolStr>> {
        match &query.body {
            SetExpr::Values(rows) => Some((1..=rows.first()?.len()).map(|at| SmolStr::from(format!("column{at}"))).collect()),
            SetExpr::Query(query) => self.output(query),
            SetExpr::Data(_) => None,
            SetExpr::Select(_) | SetExpr::Set { .. } => {
                let select = *query.body.selects().first()?;
                let mut out = Vec::new();
                for target in &select.targets {
                    match &target.expr.kind {
                        ExprKind::Star { qualifier } => out.extend(self.star(select, qualifier)?),
                        _ => out.push(target_name(target).unwrap_or_else(|| "?column?".into())),
                    }
                }
                Some(out)
            }
        }
    }

    fn returned(&self, targets: &[Target]) -> Option<Vec<SmolStr>> {
        let star = targets.iter().any(|target| matches!(target.expr.kind, ExprKind::Star { .. }));
        (!star).then(|| targets.iter().map(|target| target_name(target).unwrap_or_else(|| "?column?".into())).collect())
    }

    fn star(&self, select: &Select, qualifier: &[SmolStr]) -> Option<Vec<SmolStr>> {
        let items: Vec<&FromItem> = select.from.iter().flat_map(FromItem::tables).collect();
        let mut out: Vec<SmolStr> = Vec::new();
        for item in items {
            if qualifier.last().is_some_and(|wanted| item.reference() != Some(wanted)) {
                continue;
            }
            let columns = match &item.relation {
                FromRelation::Table { bound: Some(bound), .. } => {
                    aliased(self.context.catalog.columns(&QName::new(bound.0.clone(), bound.1.clone())), &item.column_aliases)?
                }
                FromRelation::Table { name, .. } => {
                    let (_, columns) = self.scopes.ctes.iter().rev().find(|(cte, _)| *cte == name.last())?;
                    aliased(columns.clone(), &item.column_aliases)?
                }
                FromRelation::Query(query) => aliased(self.output(query), &item.column_aliases)?,
                FromRelation::Function { calls, ordinality } => {
                    self.function_columns(calls, *ordinality, item.alias.as_ref(), &item.column_aliases)?
                }
                FromRelation::Join(_) => return None,
            };
            if item.natural {
                return None;
            }
            // columns of USING appear once, at the front
            out.extend(columns.into_iter().filter(|column| !item.using.contains(column)));
        }
        Some(out)
    }

    pub fn data(&mut self, data: &mut Data) -> Bound {
        let ctes = self.scopes.ctes.len();
        self.scopes.levels.push(Vec::new());
        let bound = self.data_inside(data);
        self.scopes.levels.pop();
        self.scopes.ctes.truncate(ctes);
        bound
    }

    fn data_inside(&mut self, data: &mut Data) -> Bound {
        match data {
            Data::Query(query) => self.query(query),
            Data::Insert(insert) => {
                self.with(&mut insert.with, false)?;
                if let Some(source) = &mut insert.source {
                    self.query(source)?;
                }
                let target = self.context.relation(&insert.table)?;
                let columns = target.as_ref().and_then(|target| self.context.catalog.columns(target));
                let reference = insert.alias.clone().unwrap_or_else(|| insert.table.last().into());
                let relation = target.as_ref().map(Item::relation);
                self.push(Item { reference: Some(reference), relation: relation.clone(), columns: columns.clone() });
                self.push(Item { reference: Some("excluded".into()), relation: relation.clone(), columns: columns.clone() });
                if let Some(conflict) = &mut insert.on_conflict {
                    for expr in conflict.update.iter_mut().flatten().map(|assignment| &mut assignment.value).chain(&mut conflict.filter) {
                        self.expr(expr)?;
                    }
                }
                self.rows(&insert.row_names, relation, columns);
                insert.returning.iter_mut().try_for_each(|target| self.expr(&mut target.expr))
            }
            Data::Update(update) => {
                self.with(&mut update.with, false)?;
                self.from(std::slice::from_mut(&mut update.table))?;
                self.from(&mut update.from)?;
                update.assignments.iter_mut().try_for_each(|assignment| self.expr(&mut assignment.value))?;
                update.filter.iter_mut().try_for_each(|expr| self.condition(expr, "WHERE"))?;
                self.rows_of(&update.row_names, &update.table);
                update.returning.iter_mut().try_for_each(|target| self.expr(&mut target.expr))
            }
            Data::Delete(delete) => {
                self.with(&mut delete.with, false)?;
                self.from(std::slice::from_mut(&mut delete.table))?;
                self.from(&mut delete.using)?;
                delete.filter.iter_mut().try_for_each(|expr| self.condition(expr, "WHERE"))?;
                self.rows_of(&delete.row_names, &delete.table);
                delete.returning.iter_mut().try_for_each(|target| self.expr(&mut target.expr))
            }
            Data::Merge { target, source, exprs } => {
                self.from(std::slice::from_mut(&mut **target))?;
                self.from(std::slice::from_mut(&mut **source))?;
                exprs.iter_mut().try_for_each(|expr| self.expr(expr))
            }
        }
    }

    /// Adds the old and new row of the changed table to the innermost scope. Source: PostgreSQL's documentation, "Returning Data from
    /// Modified Rows".
    fn rows(&mut self, names: &[SmolStr], relation: Option<Arc<(SmolStr, SmolStr)>>, columns: Option<Vec<SmolStr>>) {
        if self.context.catalog.postgres_version < ROW_VERSIONS {
            return;
        }
        for name in names {
            let taken = self.scopes.levels.last().is_some_and(|level| level.iter().any(|item| item.reference.as_ref() == Some(name)));
            if !taken {
                self.push(Item { reference: Some(name.clone()), relation: relation.clone(), columns: columns.clone() });
            }
        }
    }

    fn rows_of(&mut self, names: &[SmolStr], table: &FromItem) {
        let FromRelation::Table { bound, .. } = &table.relation else { return };
        let columns = bound.as_ref().and_then(|bound| self.context.catalog.columns(&QName::new(bound.0.clone(), bound.1.clone())));
        self.rows(names, bound.clone(), columns);
    }
}

/// First version in which RETURNING can use `old` and `new`.
const ROW_VERSIONS: u32 = 18;

fn unknown_column(path: &[SmolStr]) -> SqlError {
    let name = path.join(".");
    let quoted = if path.len() == 1 { format!("\"{name}\"") } else { name };
    let table = path.len().checked_sub(2).map(|at| path[at].clone());
    let missing = ObjectKey { table, ..ObjectKey::plain("column", path.last().cloned().unwrap_or_default()) };
    SqlError::new("42703", format!("column {quoted} does not exist")).missing(missing)
}

/// Replaces the names of the first columns with the column aliases.
fn aliased(columns: Option<Vec<SmolStr>>, aliases: &[SmolStr]) -> Option<Vec<SmolStr>> {
    if columns.is_none() && !aliases.is_empty() {
        return Some(aliases.to_vec());
    }
    let mut columns = columns?;
    for (at, alias) in aliases.iter().enumerate() {
        match columns.get_mut(at) {
            Some(column) => *column = alias.clone(),
            None => columns.push(alias.clone()),
        }
    }
    Some(columns)
}

/// Returns the name of an output column. Source: PostgreSQL's `FigureColname`.
pub fn target_name(target: &Target) -> Option<SmolStr> {
    if let Some(alias) = &target.alias {
        return Some(alias.clone());
    }
    figure_name(&target.expr)
}

fn figure_name(expr: &Expr) -> Option<SmolStr> {
    match &expr.kind {
        ExprKind::Column { path, .. } => path.last().cloned(),
        ExprKind::Call(call) => Some(call.name.last().into()),
        ExprKind::Cast { expr, to } => figure_name(expr).or_else(|| Some(internal_name(to.name.last()).into())),
        ExprKind::Case { otherwise, .. } => otherwise.as_deref().and_then(figure_name).or_else(|| Some("case".into())),
        ExprKind::Exists { negated: false, .. } => Some("exists".into()),
        ExprKind::Array(_) | ExprKind::ArrayQuery(_) => Some("array".into()),
        ExprKind::Row(_) => Some("row".into()),
        ExprKind::Field { field, .. } => Some(field.clone()),
        ExprKind::Index { base, .. } => figure_name(base),
        ExprKind::Binary { op, .. } if op == "at time zone" => Some("timezone".into()),
        ExprKind::Subquery(query) => {
            let select = query.select()?;
            target_name(select.targets.first()?)
        }
        _ => None,
    }
}

/// Returns the name of a type in `pg_type`, which is the name of a column that a cast computes.
pub fn internal_name(name: &str) -> &str {
    match name {
        "integer" => "int4",
        "bigint" => "int8",
        "smallint" => "int2",
        "boolean" => "bool",
        "real" => "float4",
        "double precision" => "float8",
        "character varying" => "varchar",
        "character" => "bpchar",
        "timestamp with time zone" => "timestamptz",
        "timestamp without time zone" => "timestamp",
        "time with time zone" => "timetz",
        "time without time zone" => "time",
        other => other,
    }
}

impl Context<'_> {
    /// Returns an error if no function fits the name and the number of arguments, or if several do, as `f()` and `f(x int DEFAULT 1)` fit
    /// `f()`.
    fn check_call(&self, call: &Call) -> Bound {
        let (name, args) = (&call.name, call.args.len());
        let catalog = self.catalog;
        let signature = || {
            let types: Option<Vec<SmolStr>> =
                call.args.iter().map(|arg| self.type_of(&arg.value).map(|ty| catalog.shown_type(&ty))).collect();
            // the types of the arguments are not always known
            types.map_or_else(|| format!(" of {args} arguments"), |types| format!("({})", types.join(", ")))
        };
        let missing = || {
            self.no_schema_of(name).unwrap_or_else(|| {
                let reason = format!("function {name}{} does not exist", signature());
                SqlError::new("42883", reason).missing(ObjectKey::new("function", name))
            })
        };
        let Some(schema) = name.schema() else {
            let anywhere = || catalog.schemas.keys().any(|schema| catalog.functions.contains(&QName::new(schema.clone(), name.last())));
            let of_type = || builtin_name(name.last()).is_some() || builtin::is_type(name.last()) || catalog.find_type(name).is_some();
            if anywhere() || of_type() {
                if let Some(found) = catalog.find_functions(name).filter(|_| !builtin::is_function(name.last())) {
                    self.note_path(name, &found, missing);
                }
                return Ok(());
            }
            if builtin::is_function(name.last()) {
                return if builtin::since(name.last(), args) > catalog.postgres_version { Err(missing()) } else { Ok(()) };
            }
            return self.absent(ObjectClass::Function, name, missing);
        };
        // the extension may have been enabled in the dashboard
        if matches!(schema, "cron" | "pgmq") && !catalog.has_schema(schema) {
            self.relies.set(true);
            return if catalog.fresh { Err(missing()) } else { Ok(()) };
        }
        let qualified = QName::new(schema, name.last());
        let Some(overloads) = catalog.functions.get(&qualified) else {
            let of_type = catalog.find_type(name).is_some();
            return if of_type { Ok(()) } else { self.absent(ObjectClass::Function, name, missing) };
        };
        let own = overloads.iter().all(|known| !known.at.is_platform() && !known.of_extension && known.certainty == Certainty::Certain);
        let sure = own && !catalog.creation_index.is_made_in_code(ObjectClass::Function, &qualified);
        match catalog.callable(name, args).len() {
            0 if sure => Err(missing()),
            2.. if sure && self.is_ambiguous(call) => Err(SqlError::new("42725", format!("function {name}{} is not unique", signature()))),
            _ => Ok(()),
        }
    }

    /// Returns whether two functions of this name fit the call equally well: their parameters have the same types, and the omitted ones
    /// have defaults.
    /// Source: PostgreSQL's documentation, "CREATE FUNCTION", under "Notes".
    fn is_ambiguous(&self, call: &Call) -> bool {
        let args = call.args.len();
        let plain = call.args.iter().all(|arg| arg.name.is_none()) && call.over.is_none();
        let overloads = self.catalog.callable(&call.name, args);
        let variadic = |function: &&Function| function.inputs().any(|arg| arg.mode == ArgMode::Variadic);
        if !plain || overloads.iter().any(variadic) {
            return false;
        }
        let given = |function: &Function| function.inputs().take(args).map(|arg| arg.ty.signature()).collect::<Vec<_>>();
        overloads.len() > 1 && overloads.windows(2).all(|pair| given(pair[0]) == given(pair[1]))
    }

    /// Returns the relation of a name, or an error if a later statement creates it. A relation that no migration creates is assumed to
    /// exist.
    pub fn relation(&mut self, name: &ObjectName) -> Result<Option<QName>, SqlError> {
        if let Some(found) = self.catalog.find_relation(name) {
            return Ok(Some(found));
        }
        // relations that this statement assumes or creates
        if let Some(found) =
            self.assumed.iter().find(|known| known.name == name.last() && name.schema().is_none_or(|schema| schema == known.schema))
        {
            return Ok(Some(found.clone()));
        }
        let schema = name.schema();
        if schema.is_some_and(is_system_schema) || (schema.is_none() && (name.last().starts_with("pg_") || name.last().starts_with("_"))) {
            return Ok(None);
        }
        let missing = || SqlError::new("42P01", format!("relation \"{name}\" does not exist")).missing(ObjectKey::new("relation", name));
        if schema.is_some_and(|schema| is_extension_schema(schema) && !self.catalog.has_schema(schema)) {
            return Ok(None);
        }
        if self.catalog.is_missing(ObjectClass::Relation, name) || schema.is_some_and(|schema| !self.catalog.has_schema(schema)) {
            return Err(missing());
        }
        let Some(place) = self.catalog.place(name) else { return Err(missing()) };
        // all objects in the platform's schemas are known, but they depend on its version
        if place.schema != "public" && self.catalog.schemas.get(&place.schema).is_some_and(|schema| schema.at.is_platform()) {
            return self.absent(ObjectClass::Relation, name, missing).map(|()| None);
        }
        Ok(Some(self.assume_table(place, name)))
    }
}
