//! Text columns that SQL compares with a fixed set of values, and that nothing limits to it.

use crate::analysis::column_values::compared;
use crate::analysis::json_use::is_seen_by_trigger;
use crate::rules::prelude::*;

rule!("schema/unchecked-values", Integrity, Info, Schema(check));

fn check(cx: &mut Cx) {
    let mut compared = compared(cx);
    for table in cx.user_tables().filter(|table| !table.external && table.kind != TableKind::Foreign) {
        for column in table.columns.iter().filter(|column| column.ty.is("text") || column.ty.is("character varying")) {
            let default = column.default.as_ref().and_then(|default| Some((SmolStr::from(default.root.as_str()?), default.site)));
            let mut values = compared.remove(&(table.name.clone(), column.name.clone())).unwrap_or_default();
            let Some((_, first)) = values.iter().next().map(|(value, at)| (value.clone(), *at)) else { continue };
            values.extend(default);
            if values.len() > 1 && values.keys().all(|value| is_word(value)) && !is_limited(cx, table, column) {
                let list: Vec<String> = values.keys().map(|value| quote_literal(value)).collect();
                report(cx, table, column, &list, first);
            }
        }
    }
}

/// Whether a text is the name of a state or a kind, and not a text that people write.
fn is_word(text: &str) -> bool {
    let is_part = |letter: char| letter.is_alphanumeric() || matches!(letter, '_' | '-' | ' ');
    !text.is_empty() && text.len() <= 30 && text.chars().all(is_part) && text.chars().any(char::is_alphabetic)
}

/// Whether a constraint or a trigger limits the values of a column.
fn is_limited(cx: &Cx, table: &Table, column: &Column) -> bool {
    let mentions = |constraint: &Constraint| {
        constraint.columns.contains(&column.name)
            || constraint.expr.as_ref().is_some_and(|expr| expr.root.all().iter().any(|part| part.column() == Some(&column.name)))
    };
    table.constraints.iter().any(mentions) || column.generated.is_some() || is_seen_by_trigger(cx, table, column)
}

fn report(cx: &mut Cx, table: &Table, column: &Column, values: &[String], first: Site) {
    const SHOWN: usize = 5;
    let name = format!("{}.{}", table.name, column.name);
    let shown = match values.len() > SHOWN {
        true => format!("{} and {} more values", values[..SHOWN].join(", "), values.len() - SHOWN),
        false => values.join(", "),
    };
    let message = format!("`{name}` is compared with {shown}, but any text can be stored: a misspelled value matches none of them");
    let check =
        format!("check ({} in ({}))", quote_ident(&column.name), if values.len() > SHOWN { "…".to_string() } else { values.join(", ") });
    cx.report((table, column), column.named, message)
        .because(first, "compared here")
        .help(format!("Add `{check}` with all values that are used, or use an enum type."))
        .cause(
            "values",
            "text column is compared with fixed values, and nothing limits it to them",
            "text columns are compared with fixed values, and nothing limits them to these",
        );
}
