//! The rows that a table's rows belong to, along foreign keys.

use super::prelude::*;

/// Where a row's tenant can be read: along a foreign key, in a table that knows it.
pub struct Path<'a> {
    pub parent: &'a Table,
    pub key: SmolStr,
    pub parent_key: SmolStr,
    pub parent_column: SmolStr,
}

/// The foreign key that leads from a table to one that has the same tenant column; one that is never NULL there is best.
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

/// What a column refers to.
pub fn target<'t>(table: &'t Table, column: &str) -> Option<&'t QName> {
    table
        .foreign_keys()
        .find(|(constraint, _)| matches!(constraint.columns.as_slice(), [only] if only == column))
        .map(|(_, key)| &key.table)
}
