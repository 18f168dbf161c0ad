//! Steps that fill a tenant column from related rows.
//!
//! Limits: without a foreign key to a table with the tenant, the statement has a placeholder that the user has to replace.

use super::prelude::*;

/// A foreign key to a table from which the tenant of a row can be read.
pub struct Path<'a> {
    pub parent: &'a Table,
    pub key: SmolStr,
    pub parent_key: SmolStr,
    pub parent_column: SmolStr,
}

/// Returns the foreign key to a table with the same tenant column. Columns that are NOT NULL are preferred.
pub fn path<'a>(cx: &State<'a>, table: &Table, column: &str) -> Option<Path<'a>> {
    let mut paths: Vec<Path<'a>> = Vec::new();
    let target = target(table, column);
    for (constraint, key) in table.foreign_keys() {
        let ([from], [to]) = (constraint.columns.as_slice(), key.columns.as_slice()) else { continue };
        let Some(parent) = cx.catalog.table(&key.table).filter(|parent| from != column && parent.name != table.name) else { continue };
        let same = |one: &&Column| one.name == column || (target.is_some() && self::target(parent, &one.name) == target);
        if let Some(found) = parent.columns.iter().find(same)
            && found.name != *to
            && table.column(column).is_some_and(|own| own.ty == found.ty)
        {
            paths.push(Path { parent, key: from.clone(), parent_key: to.clone(), parent_column: found.name.clone() });
        }
    }
    let rank = |path: &Path| {
        let never_null = path.parent.column(&path.parent_column).is_some_and(|column| column.not_null.value);
        let always_there = table.column(&path.key).is_some_and(|column| column.not_null.value);
        (!never_null, !always_there)
    };
    paths.sort_by_key(rank);
    paths.into_iter().next()
}

/// Returns the table that a column refers to.
pub fn target<'t>(table: &'t Table, column: &str) -> Option<&'t QName> {
    table
        .foreign_keys()
        .find(|(constraint, _)| matches!(constraint.columns.as_slice(), [only] if only == column))
        .map(|(_, key)| &key.table)
}
