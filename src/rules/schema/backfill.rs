//! Steps that fill a tenant column from related rows.
//!
//! Limits: without a foreign key to a table with the tenant, the statement has a placeholder that the user has to replace.

use crate::rules::prelude::*;

/// A foreign key to a table from which the tenant of a row can be read.
pub struct Path<'a> {
    pub parent: &'a Table,
    pub key: SmolStr,
    pub parent_key: SmolStr,
    pub parent_column: SmolStr,
}

/// Returns the foreign key to a table with the same tenant column. Columns that are NOT NULL are preferred.
pub fn path<'a>(cx: &Cx<'a>, table: &Table, column: &str) -> Option<Path<'a>> {
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

/// Returns the steps that fill a column where it is NULL, and that raise an error if rows with NULL remain.
pub fn backfill(table: &Table, column: &str, path: Option<&Path>) -> [Step; 2] {
    let (name, column_sql) = (table.name.quoted(), quote_ident(column));
    let fill = match path {
        Some(Path { parent, key, parent_key, parent_column }) => format!(
            "update {name} as child set {column_sql} = parent.{}\n  from {} as parent\n  where parent.{} = child.{} and child.{column_sql} is null;",
            quote_ident(parent_column),
            parent.name.quoted(),
            quote_ident(parent_key),
            quote_ident(key),
        ),
        None => format!("update {name} set {column_sql} = <tenant of these rows> where {column_sql} is null;"),
    };
    let words = quote_literal(&format!("{} still has rows without {column}", table.name).replace('%', "%%"));
    let body = format!(
        "\nbegin\n  if exists (select 1 from {name} where {column_sql} is null) then\n    raise exception {words};\n  end if;\nend;\n"
    );
    let quote = if body.contains("$$") { "$verify$" } else { "$$" };
    let verify = format!("do {quote}{body}{quote};");
    [Step::batch(Phase::Data, fill), Step::assertion(Phase::Data, verify)]
}
