//! The structure of a JSON column that SQL expects.

use super::prelude::*;
use super::scope::{Reader, visit};
use super::state::{SqlOwner, is_users_table};
use std::collections::BTreeMap;

/// A location that reads a JSON column.
#[derive(Clone, PartialEq)]
pub struct Use {
    pub key: Option<SmolStr>,
    /// Required `jsonb_typeof` of the value of the key, if known.
    pub of_key: Option<&'static str>,
    /// Required `jsonb_typeof` of the column itself, if known.
    pub of_column: Option<&'static str>,
    /// Whether a value that cannot be cast makes the whole statement fail.
    pub casts: bool,
    pub at: Site,
    pub reader: String,
    pub policy: bool,
}

/// Uses of each column, by the names of its table and column.
pub type Uses = BTreeMap<(QName, SmolStr), Vec<Use>>;

/// Returns the column that an expression reads, and the structure that it expects.
pub fn look(expr: &Expr) -> Option<(&Expr, Use)> {
    let seen = |key: Option<&str>, of_key, of_column| Use {
        key: key.map(SmolStr::from),
        of_key,
        of_column,
        casts: false,
        at: Site::new(FileId::PLATFORM, expr.span),
        reader: String::new(),
        policy: false,
    };
    match &expr.kind {
        ExprKind::Cast { expr: inner, to } => {
            let (column, inner) = look(unnested(inner, "->>")?)?;
            let of_key = match to.name.last() {
                "int2" | "int4" | "int8" | "smallint" | "integer" | "bigint" | "numeric" | "real" | "double precision" => "number",
                "boolean" => "boolean",
                "uuid" | "date" => "string",
                name if name.starts_with("timestamp") => "string",
                _ => return None,
            };
            Some((column, Use { of_key: Some(of_key), casts: true, ..inner }))
        }
        ExprKind::Binary { op, left, right } => {
            let whole = column(left);
            match (op.as_str(), whole) {
                ("->" | "->>" | "?", Some(column)) => match &right.uncast().kind {
                    ExprKind::String(key) => Some((column, seen(Some(key), None, Some("object")))),
                    ExprKind::Number(_) => Some((column, seen(None, None, Some("array")))),
                    _ => None,
                },
                ("->" | "->>", None) => {
                    let (column, outer) = look(left).filter(|(_, outer)| outer.key.is_some())?;
                    let of_key = if matches!(right.uncast().kind, ExprKind::Number(_)) { "array" } else { "object" };
                    // only the first level of keys is used
                    (outer.of_key.is_none()).then_some((column, Use { of_key: Some(of_key), ..outer }))
                }
                ("#>" | "#>>", Some(column)) => Some((column, seen(None, None, Some("object")))),
                ("@>", Some(column)) => match right.as_str()?.trim_start().chars().next()? {
                    '{' => Some((column, seen(None, None, Some("object")))),
                    '[' => Some((column, seen(None, None, Some("array")))),
                    _ => None,
                },
                _ => None,
            }
        }
        ExprKind::Call(call) => {
            let first = column(&call.args.first()?.value)?;
            let of_column = match call.name.last() {
                "jsonb_array_elements"
                | "jsonb_array_elements_text"
                | "jsonb_array_length"
                | "json_array_elements"
                | "json_array_elements_text"
                | "json_array_length" => "array",
                "jsonb_each"
                | "jsonb_each_text"
                | "jsonb_object_keys"
                | "json_each"
                | "json_each_text"
                | "json_object_keys"
                | "jsonb_extract_path"
                | "jsonb_extract_path_text"
                | "json_extract_path"
                | "json_extract_path_text" => "object",
                _ => return None,
            };
            let path = call.name.last().contains("extract_path");
            let key = call.args.get(1).filter(|_| path).and_then(|arg| arg.value.as_str());
            let raises = !path;
            Some((first, Use { casts: raises, ..seen(key, None, Some(of_column)) }))
        }
        _ => None,
    }
}

/// Returns the operand of an operator that is applied to the column itself.
fn unnested<'e>(expr: &'e Expr, operator: &str) -> Option<&'e Expr> {
    match &expr.kind {
        ExprKind::Binary { op, left, .. } if op == operator && column(left).is_some() => Some(expr),
        ExprKind::Call(call) if call.name.last() == "nullif" => unnested(&call.args.first()?.value, operator),
        _ => None,
    }
}

/// Returns a column, with or without a cast to its own type.
pub fn column(expr: &Expr) -> Option<&Expr> {
    match &expr.kind {
        ExprKind::Column { .. } => Some(expr),
        ExprKind::Cast { expr, to } if to.is_json() => column(expr),
        _ => None,
    }
}

/// Returns a condition on the column that all uses imply.
pub fn shape(column: &Column, uses: &[Use]) -> Option<String> {
    let kind = if column.ty.is("json") { "json_typeof" } else { "jsonb_typeof" };
    let name = quote_ident(&column.name);
    let agreed = |mut kinds: Vec<&'static str>| {
        kinds.sort_unstable();
        kinds.dedup();
        if let [only] = kinds.as_slice() { Some(*only) } else { None }
    };
    let whole = agreed(uses.iter().filter_map(|place| place.of_column).collect())?;
    let mut parts = vec![format!("{kind}({name}) = '{whole}'")];
    let mut keys: Vec<&SmolStr> = uses.iter().filter_map(|place| place.key.as_ref()).collect();
    keys.sort_unstable();
    keys.dedup();
    for key in keys {
        let kinds = uses.iter().filter(|place| place.key.as_ref() == Some(key)).filter_map(|place| place.of_key).collect();
        if let Some(of_key) = agreed(kinds) {
            parts.push(format!("{kind}({name} -> {}) in ('{of_key}', 'null')", quote_literal(key)));
        }
    }
    Some(parts.join(" and "))
}

/// A column of a table, by their names, and a use of it.
type Used = ((QName, SmolStr), Use);

pub fn uses_of<'a>(cx: &State<'a>, table: &Table, column: &Column) -> &'a [Use] {
    let by_column = || {
        let all: Vec<(Vec<Used>, Vec<Used>)> = cx.sql_owners().map(|owner| uses(cx, owner)).collect();
        let mut uses = Uses::new();
        for (column, place) in all.iter().flat_map(|found| &found.0).chain(all.iter().flat_map(|found| &found.1)) {
            uses.entry(column.clone()).or_default().push(place.clone());
        }
        uses
    };
    let of_column = (table.name.clone(), column.name.clone());
    cx.analyses().json.get_or_init(by_column).get(&of_column).map(Vec::as_slice).unwrap_or_default()
}

/// Returns the uses in code and policies, and the uses in indexes.
fn uses<'a>(cx: &State<'a>, owner: SqlOwner<'a>) -> (Vec<Used>, Vec<Used>) {
    let (mut in_code, mut in_indexes) = (Vec::new(), Vec::new());
    let mut cases: Vec<Site> = Vec::new();
    visit(cx, owner, &mut |reader, node, scope| {
        let Node::Expr(expr) = node else { return };
        let at = reader.at(expr.span);
        if let ExprKind::Case { .. } = expr.kind {
            cases.push(at);
        }
        let Some((column, look)) = look(expr) else { return };
        if let Some(found) = scope.column(column) {
            // a CASE can check the value before the cast
            let casts = look.casts && !cases.iter().any(|case| case.file == at.file && case.span.contains(at.span));
            let place = Use { at, reader: reader.words(), policy: matches!(reader, Reader::Policy(..)), casts, ..look };
            in_code.push(((found.table, found.column), place));
        }
    });
    if let SqlOwner::Table(table) = owner
        && is_users_table(table)
    {
        for index in table.indexes.iter() {
            let exprs = index.columns.iter().filter(|part| part.column.is_none()).map(|part| &part.expr).chain(&index.predicate);
            for expression in exprs {
                for (column, look) in expression.root.all().into_iter().filter_map(look) {
                    let place = Use { at: expression.site, reader: format!("index `{}`", index.name), ..look };
                    in_indexes.push(((table.name.clone(), column.column().unwrap_or_default().into()), place));
                }
            }
        }
    }
    (in_code, in_indexes)
}

/// Returns whether a trigger function mentions the column of the new row.
pub fn is_seen_by_trigger(cx: &State, table: &Table, column: &Column) -> bool {
    let new = format!("new.{}", column.name);
    table.triggers.iter().filter_map(|trigger| cx.catalog.functions.get(&trigger.function)).flatten().any(|function| {
        let text = cx.slice(function.at).to_lowercase();
        text.match_indices(&new).any(|(at, _)| !text[at + new.len()..].starts_with(|c: char| c.is_alphanumeric() || c == '_'))
    })
}
