//! Tables whose rows clients are likely to list by parent and time, although no SQL of the project does.

use super::index_cover::is_indexed;
use crate::analysis::prelude::*;
use crate::analysis::sorted_query::{ColumnUse, SortedQuery, TIMES, is_served, nearest_parent};

/// Last words of the names of such tables. Logs and events are excluded, because clients rarely read them.
const LISTED: [&str; 3] = ["messages", "comments", "notifications"];

/// Returns the index that such a table may need, at most one per table.
pub fn likely(cx: &State, table: &Table) -> Option<SortedQuery> {
    let complete = |index: &&Index| index.method == "btree" && index.predicate.is_none();
    let single =
        |name: &str| table.indexes.iter().filter(complete).find(|index| index.plain_columns().is_some_and(|columns| columns == [name]));
    let time = table.columns.iter().find(|column| TIMES.contains(&column.name.as_str()) && column.ty.is_timestamp())?;
    // rows that are deleted with their parent
    let owned: Vec<SmolStr> = table
        .foreign_keys()
        .filter(|(constraint, key)| key.on_delete == ReferentialAction::Cascade && constraint.columns.len() == 1)
        .filter_map(|(constraint, _)| constraint.columns.first().cloned())
        .collect();
    let key = nearest_parent(cx, table, &owned)?;
    let (column_use, at, reader) = match single(&time.name) {
        Some(index) if single(&key).is_some() || !is_indexed(table, std::slice::from_ref(&key)) => {
            (ColumnUse::SeparateIndexes, index.named, "contains only the time")
        }
        _ if LISTED.iter().any(|word| table.name.name.split('_').next_back() == Some(*word)) => {
            (ColumnUse::GuessedFromName, time.named, "time column")
        }
        _ => return None,
    };
    // a partial index counts too, because it is intended
    let both = |index: &Index| {
        index.columns.len() > 1 && index.leads_with(&[key.clone(), time.name.clone()]) && index.columns[0].column.as_ref() == Some(&key)
    };
    let served = table.indexes.iter().any(both) || is_served(table, std::slice::from_ref(&key), &time.name, &[]);
    let (column, reader) = (time.name.clone(), reader.to_string());
    (!served && !table.external).then(|| SortedQuery {
        table: table.name.clone(),
        key,
        column,
        at,
        reader,
        order: " desc",
        null_column: None,
        column_use,
    })
}
