//! Whether one index can replace another.

use crate::analysis::prelude::*;

/// The reason why an index can replace another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cover {
    /// Only the names differ.
    Same,
    /// The replacing index is unique or has the opposite order, and finds the same rows.
    Equal,
    /// The replacing index has more columns.
    Longer,
}

/// Returns whether indexes can be compared. The catalog stores no collations and no parameters of operator classes.
pub fn comparable(cx: &State, index: &Index) -> bool {
    index.method != "gist" && !cx.slice(index.at).to_ascii_lowercase().contains("collate")
}

/// Returns the reason why another index serves every query of this index, or `None` if it does not.
pub fn covers(cx: &State, other: &Index, index: &Index) -> Option<Cover> {
    let plain = |text: &Option<Expression>| text.as_ref().map(|expr| normal(&cx.text(expr)));
    let alike = |a: &IndexColumn, b: &IndexColumn| {
        let same = if a.column.is_some() || b.column.is_some() {
            a.column == b.column
        } else {
            normal(&cx.text(&a.expr)) == normal(&cx.text(&b.expr))
        };
        same && a.opclass == b.opclass
    };
    let count = index.columns.len();
    let pairs = || other.columns.iter().zip(&index.columns);
    if other.method != index.method
        || other.columns.len() < count
        || !pairs().all(|(a, b)| alike(a, b))
        || plain(&other.predicate) != plain(&index.predicate)
    {
        return None;
    }
    let straight = pairs().all(|(a, b)| a.descending == b.descending && a.nulls_first == b.nulls_first);
    let reversed = pairs().all(|(a, b)| a.descending != b.descending && a.nulls_first != b.nulls_first);
    let whole = other.columns.len() == count;
    let unique = index.unique == other.unique && index.nulls_not_distinct == other.nulls_not_distinct;
    let options = index.method == "btree" || options(cx, index) == options(cx, other);
    let carried = index
        .include
        .iter()
        .all(|name| other.include.contains(name) || other.columns.iter().any(|column| column.column.as_ref() == Some(name)));
    match () {
        () if whole && straight && unique && options && index.include == other.include => Some(Cover::Same),
        // an index that enforces a constraint is not replaced
        () if index.constraint.is_some() || index.unique && !(whole && unique) => None,
        () if index.method != "btree" || !(straight || reversed) || !carried => None,
        () if whole => Some(Cover::Equal),
        () => Some(Cover::Longer),
    }
}

/// Returns storage parameters such as `with (lists = 100)`. In methods other than btree, they can change the result of a search.
fn options(cx: &State, index: &Index) -> Option<String> {
    let text = normal(cx.slice(index.at));
    let start = text.find("with(")?;
    text[start..].split(')').next().map(str::to_string)
}

/// Returns the text of an expression without parts that have no meaning for PostgreSQL.
fn normal(text: &str) -> String {
    let mut out = String::new();
    let mut quote = None;
    for c in text.chars() {
        match quote {
            None if c.is_whitespace() => continue,
            None if c == '\'' || c == '"' => quote = Some(c),
            Some(open) if c == open => quote = None,
            _ => {}
        }
        if quote.is_none() { out.extend(c.to_lowercase()) } else { out.push(c) }
    }
    while out.starts_with('(') && closes_at_end(&out) {
        out = out[1..out.len() - 1].to_string();
    }
    out
}

/// Returns whether the first and last characters of a text are a matching pair of parentheses.
fn closes_at_end(text: &str) -> bool {
    let mut depth = 0i32;
    text.char_indices()
        .find(|(_, c)| {
            depth += i32::from(*c == '(') - i32::from(*c == ')');
            depth == 0
        })
        .is_some_and(|(at, _)| at + 1 == text.len())
}

/// Returns whether the index contains every row that a search for values of these columns can find.
pub fn is_complete_for(index: &Index, columns: &[SmolStr]) -> bool {
    let Some(predicate) = &index.predicate else { return true };
    // `x = $1` finds no row whose x is null
    predicate.root.conjuncts().iter().all(|part| match &part.kind {
        ExprKind::IsNull { expr, negated: true } => expr.column().is_some_and(|name| columns.iter().any(|column| column == name)),
        _ => false,
    })
}

/// Returns whether PostgreSQL can use the index to search for values of these columns.
pub fn serves(index: &Index, columns: &[SmolStr]) -> bool {
    let method = index.method == "btree" || index.method == "hash" && columns.len() == 1;
    method && index.leads_with(columns) && is_complete_for(index, columns)
}

/// Returns whether a partition inherits a constraint or index from its parent table. Such an object can be changed only there.
pub fn of_parent(cx: &State, table: &Table, has: impl Fn(&Table) -> bool) -> bool {
    table.partition_of.as_ref().and_then(|parent| cx.catalog.table(parent)).is_some_and(has)
}

/// Returns whether an index begins with these columns.
pub fn is_indexed(table: &Table, columns: &[SmolStr]) -> bool {
    table.indexes.iter().any(|index| serves(index, columns))
}

/// Returns whether an index can find the rows of one parent.
pub fn is_found(cx: &State, table: &Table, constraint: &Constraint, key: &ForeignKey) -> bool {
    let pairs = || constraint.columns.iter().zip(&key.columns);
    // a part of the key can be unique in the parent table: `customer_id` of `(customer_id, tenant_id)`
    let enough = |index: &Index| {
        let named = |column: &SmolStr| index.columns.iter().any(|part| part.column.as_ref() == Some(column));
        let own: Vec<SmolStr> = pairs().filter(|(_, to)| named(to)).map(|(own, _)| own.clone()).collect();
        index.identifies(&key.columns) && is_indexed(table, &own)
    };
    is_indexed(table, &constraint.columns)
        || table.indexes.iter().any(|index| index.identifies(&constraint.columns))
        || cx.catalog.table(&key.table).is_some_and(|parent| parent.indexes.iter().any(enough))
}
