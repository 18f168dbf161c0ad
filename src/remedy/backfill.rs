//! Statements that fill a tenant column from parent rows.
//!
//! Limits: without a foreign key to a table with the tenant, the statement contains a placeholder that the user has to replace.

use crate::analysis::prelude::*;
use crate::analysis::row_parent::{Path, path};

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

/// Returns the steps that fill a column, check that no row with NULL remains, and set the column NOT NULL.
pub fn forbid_null(cx: &State, table: &Table, column: &Column) -> Vec<Step> {
    let mut out = Vec::new();
    let way = path(cx, table, &column.name);
    // the parent column may have to be filled first
    if let Some(first) = &way
        && let Some(above) = first.parent.column(&first.parent_column)
        && !above.not_null.value
        && let Some(second) = path(cx, first.parent, &above.name)
        && second.parent.name != table.name
    {
        let [fill, _] = backfill(first.parent, &above.name, Some(&second));
        out.push(fill);
    }
    out.extend(backfill(table, &column.name, way.as_ref()));
    let (name, own) = (table.name.quoted(), quote_ident(&column.name));
    let free = |name: &SmolStr| table.constraint(name).is_none();
    let named = |number: u32| {
        let suffix = if number == 0 { "not_null".to_string() } else { format!("not_null{number}") };
        derived_name(&table.name.name, &column.name, &suffix)
    };
    let check = quote_ident(&(0..).map(named).find(free).expect("there are more numbers than names"));
    let add = format!("alter table {name} add constraint {check} check ({own} is not null) not valid;");
    let drop = format!("alter table {name} drop constraint {check};");
    // SET NOT NULL reads no rows if a valid CHECK constraint proves that there is no NULL
    let forbid = format!("alter table {name} validate constraint {check};\nalter table {name} alter column {own} set not null;\n{drop}");
    let allow = format!("alter table {name} alter column {own} drop not null;\n{add}");
    out.push(Step::batch(Phase::Constraint, add).undo(drop));
    out.push(Step::next_file(Phase::Constraint, forbid).undo(allow));
    out
}
