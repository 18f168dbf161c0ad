//! Relations of a FROM clause: catalogs, tables of the project, and functions that return rows.
//!
//! Promises: a table of the project is empty unless an earlier statement inserted rows. The rows of a temporary table are known if their
//! values are known. A table that no migration creates can contain any rows.

use super::query::Env;
use super::tables::{self, Cells, Hints, Presence, Rows};
use super::value::Value;
use super::{Machine, Ran, Stop};
use crate::catalog::SqlError;
use crate::catalog::creation_index::ObjectClass;
use crate::catalog::name::QName;
use crate::catalog::object::DataType;
use crate::interpret::run::Database;
use crate::source::{Site, Sources};
use crate::syntax::ast::Ast;
use crate::syntax::expression::*;
use smol_str::SmolStr;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Maximum number of rows of a temporary table. The content of a larger table is unknown.
const MAX_ROWS: usize = 1_000;

/// Rows of temporary tables, in the order of their columns.
#[derive(Clone, Default)]
pub struct Temporary {
    rows: BTreeMap<QName, Vec<Cells>>,
    /// Number of changes so far.
    changes: usize,
}

/// Stores the rows that a statement inserts into a temporary table. Returns whether the content of the table is known afterwards.
pub fn temporary(world: &mut Database, sources: &mut Sources, origin: Site, ast: &Ast) -> bool {
    let (name, columns, source) = match ast {
        Ast::Data(Data::Insert(insert)) => (&insert.table, Some(&insert.columns), insert.source.as_ref()),
        Ast::CreateTableAs(create) if create.temporary => match &create.query {
            Some(Data::Query(query)) => (&create.name, None, Some(&**query)),
            _ => return false,
        },
        Ast::Data(Data::Update(update)) => return forget(world, table_name(&update.table)),
        Ast::Data(Data::Delete(delete)) => return forget(world, table_name(&delete.table)),
        Ast::Truncate { tables, .. } => return forget(world, tables),
        Ast::Drop(_) => {
            let Database { catalog, temporary, .. } = world;
            temporary.rows.retain(|name, _| catalog.tables.contains(name));
            return false;
        }
        _ => return false,
    };
    let Some(found) = world.catalog.find_relation(name).filter(|name| name.schema == "pg_temp") else { return false };
    let (Some(source), Some(table)) = (source, world.catalog.table(&found)) else { return false };
    let all: Vec<(SmolStr, DataType)> = table.columns.iter().map(|column| (column.name.clone(), column.ty.clone())).collect();
    let targets: Vec<usize> = match columns {
        Some(columns) if !columns.is_empty() => {
            columns.iter().filter_map(|column| all.iter().position(|(name, _)| *name == column.name)).collect()
        }
        _ => (0..all.len()).collect(),
    };
    let mut machine = Machine::new(world, sources, origin, crate::catalog::object::Certainty::Certain);
    let Ok(result) = machine.query(source, &Env::EMPTY) else { return false };
    if !result.is_exact() {
        return false;
    }
    let mut rows = Vec::new();
    for (cells, _) in &result.rows {
        let mut row = vec![Value::Unknown; all.len()];
        for (at, cell) in targets.iter().zip(cells.iter()) {
            row[*at] = machine.coerced(cell.clone(), &all[*at].1);
        }
        rows.push(row.into());
    }
    let known = world.temporary.rows.entry(found).or_default();
    known.extend(rows);
    world.temporary.changes += 1;
    known.len() <= MAX_ROWS
}

/// Makes the content of temporary tables unknown, and returns false.
fn forget<'n>(world: &mut Database, names: impl IntoIterator<Item = &'n ObjectName>) -> bool {
    for name in names {
        if let Some(found) = world.catalog.find_relation(name).filter(|name| name.schema == "pg_temp") {
            world.inserted.insert(found, ());
        }
    }
    false
}

fn table_name(item: &FromItem) -> Option<&ObjectName> {
    match &item.relation {
        FromRelation::Table { name, .. } => Some(name),
        FromRelation::Query(_) | FromRelation::Function { .. } | FromRelation::Join(_) => None,
    }
}

impl Temporary {
    pub fn changes(&self) -> usize {
        self.changes
    }

    pub fn names(&self) -> impl Iterator<Item = &QName> {
        self.rows.keys()
    }
}

impl Machine<'_> {
    /// Converts a literal to the type of a column or parameter.
    pub fn coerced(&self, value: Value, ty: &DataType) -> Value {
        match &value {
            Value::Text(text) if ty.array => super::value::parse_array(text).map_or(Value::Something, Value::array),
            Value::Text(text) if ty.is("regclass") => self.regclass(text).unwrap_or(Value::Something),
            _ => value,
        }
    }

    /// Returns the rows of one entry of FROM.
    pub(super) fn relation(&mut self, source: &FromItem, hints: &Hints, env: &Env) -> Ran<Rows> {
        let mut rows = match &source.relation {
            FromRelation::Table { name, .. } => self.named_relation(name, hints)?,
            FromRelation::Query(query) => {
                let table = self.query(query, env)?;
                Rows { open: table.columns.is_empty(), columns: table.columns, rows: table.rows, complete: table.complete }
            }
            FromRelation::Function { calls, ordinality } => self.function_rows(source, calls, *ordinality, env)?,
            FromRelation::Join(_) => Rows::unknown(),
        };
        if rows.columns.len() < source.column_aliases.len() && rows.columns.is_empty() {
            rows.columns = source.column_aliases.clone();
            let width = rows.columns.len();
            rows.rows.iter_mut().for_each(|(cells, _)| *cells = vec![Value::Unknown; width].into());
        }
        for (column, alias) in rows.columns.iter_mut().zip(&source.column_aliases) {
            *column = alias.clone();
        }
        self.work(rows.rows.len())?;
        Ok(rows)
    }

    fn named_relation(&mut self, name: &ObjectName, hints: &Hints) -> Ran<Rows> {
        if name.parts.len() == 1
            && let Some((_, table)) = self.ctes.iter().rev().find(|(cte, _)| cte == name.last())
        {
            let rows = table.rows.clone();
            return Ok(Rows { columns: table.columns.clone(), rows, complete: table.complete, open: table.columns.is_empty() });
        }
        if let Some(rows) = tables::rows(&self.world.catalog, self.sources, name.schema(), name.last(), hints) {
            return Ok(rows);
        }
        let Some(found) = self.world.catalog.find_relation(name) else {
            if self.world.catalog.is_missing(ObjectClass::Relation, name) {
                return Err(Stop::Failed(SqlError::new("42P01", format!("relation \"{name}\" does not exist"))));
            }
            return Ok(Rows::unknown());
        };
        if found.is("storage", "buckets") {
            return Ok(self.buckets());
        }
        Ok(self.user_table(&found))
    }

    fn user_table(&self, name: &QName) -> Rows {
        let Some(table) = self.world.catalog.table(name) else { return Rows::unknown() };
        let columns = table.columns.iter().map(|column| column.name.clone()).collect();
        let filled = table.external || table.of_extension || name.name.ends_with("migrations") || self.world.inserted.contains(name);
        let known = self.world.temporary.rows.get(name).into_iter().flatten().filter(|_| !filled);
        let width = table.columns.len();
        let rows = known.filter(|cells| cells.len() == width).map(|cells| (cells.clone(), Presence::Certain)).collect();
        Rows { columns, rows, complete: !filled, open: table.external }
    }

    fn buckets(&self) -> Rows {
        let columns = ["id", "name", "public"].into_iter().map(SmolStr::from).collect();
        let rows = self.world.catalog.buckets.values().map(|bucket| {
            let public = bucket.public.map_or(Value::Something, Value::Bool);
            let cells: Cells = Arc::new([Value::text(&bucket.id), Value::text(&bucket.name), public]);
            let certain = bucket.certainty == crate::catalog::object::Certainty::Certain;
            (cells, if certain { Presence::Certain } else { Presence::Maybe })
        });
        Rows { columns, rows: rows.collect(), complete: true, open: true }
    }

    fn function_rows(&mut self, source: &FromItem, calls: &[Expr], ordinality: bool, env: &Env) -> Ran<Rows> {
        let [expr] = calls else { return Ok(Rows::unknown()) };
        let ExprKind::Call(call) = &expr.kind else { return Ok(Rows::unknown()) };
        let column: SmolStr = source.alias.clone().unwrap_or_else(|| call.name.last().into());
        let mut rows = match self.series(call, env)? {
            Some(values) => {
                let rows = values.map(|values| values.into_iter().map(|value| (Arc::new([value]) as Cells, Presence::Certain)).collect());
                Rows { columns: vec![column], complete: rows.is_some(), rows: rows.unwrap_or_default(), open: false }
            }
            None => self.call_rows(call, column, env)?,
        };
        if ordinality {
            rows.columns.push("ordinality".into());
            for (at, (cells, _)) in rows.rows.iter_mut().enumerate() {
                *cells = cells.iter().cloned().chain([Value::Int(at as i64 + 1)]).collect();
            }
        }
        Ok(rows)
    }

    /// Returns the values of a function that returns a set of scalar values. Returns `None` for another function, and `Some(None)` if the
    /// values are unknown.
    pub fn series(&mut self, call: &Call, env: &Env) -> Ran<Option<Option<Vec<Value>>>> {
        let name = call.name.last();
        if call.name.schema().is_some_and(|schema| schema != "pg_catalog") {
            return Ok(None);
        }
        if !matches!(name, "unnest" | "generate_series" | "string_to_table" | "regexp_split_to_table" | "generate_subscripts") {
            return Ok(None);
        }
        let args: Ran<Vec<Value>> = call.args.iter().map(|arg| self.eval(&arg.value, env)).collect();
        let args = args?;
        Ok(Some(match (name, args.as_slice()) {
            ("unnest", [Value::Array(items)]) => Some(items.to_vec()),
            ("unnest", [Value::Null]) => Some(Vec::new()),
            ("unnest", [Value::Text(text)]) => super::value::parse_array(text),
            ("generate_subscripts", [Value::Array(items), _]) => Some((1..=items.len() as i64).map(Value::Int).collect()),
            ("string_to_table", [Value::Text(text), Value::Text(by)]) if !by.is_empty() => {
                Some(text.split(by.as_str()).map(Value::text).collect())
            }
            ("generate_series", [low, high, rest @ ..]) => match (low.as_int(), high.as_int(), rest.first().map_or(Some(1), Value::as_int))
            {
                (Some(low), Some(high), Some(step)) if step != 0 => {
                    let mut out = Vec::new();
                    let mut at = low;
                    while if step > 0 { at <= high } else { at >= high } {
                        self.step(1)?;
                        out.push(Value::Int(at));
                        match at.checked_add(step) {
                            Some(next) => at = next,
                            None => break,
                        }
                    }
                    Some(out)
                }
                _ => None,
            },
            _ => None,
        }))
    }
}
