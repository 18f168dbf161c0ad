//! Queries that name columns which do not exist.

use super::{because_removed, report};
use crate::analysis::app_query::column::{Place, Use, Uses};
use crate::analysis::app_query::embed::{Rows, Tree};
use crate::analysis::app_query::near::near;
use crate::analysis::app_query::relation::{Relation, column_removal};
use crate::analysis::app_query::{AppQuery, all};
use crate::rules::prelude::*;
use supalint_queries::shape::{Named, SelectItem};

rule!("query/unknown-column", Integrity, Error, Schema(check));

fn check(cx: &mut Cx) {
    for query in all(cx) {
        let tree = Tree::of(cx, query.query);
        for column in Uses::of(query.query, &tree).columns {
            match column.rows {
                Rows::Relation(relation) if is_absent(cx, *relation, &column) => {
                    let (name, noun, named) = (relation.name(), relation.noun(), relation.named());
                    let removal = column_removal(cx, name, &column.name.text);
                    let certainty = match column.place {
                        // the code may leave out the key
                        Place::Payload(entry) if !entry.certain => Certainty::Maybe,
                        _ if removal.is_some() => Certainty::Certain,
                        _ => relation.certainty(cx),
                    };
                    let message = format!("column `{}` does not exist in `{name}`: {}", column.name.text, fails(column.place));
                    let help = help(&column.name.text, column.place, &tree, &relation.columns());
                    let draft = report(cx, About::named_column(name, &column.name.text), query, column.name.span, message);
                    draft.help(help).given(certainty);
                    because_removed(draft, removal);
                    if removal.is_none() {
                        draft.because(named, format!("the {noun} is created here"));
                    }
                }
                Rows::Columns(function, columns) if is_missing(columns, column.name, column.place) => {
                    of_function(cx, query, function, columns, column.name);
                }
                Rows::Relation(_) | Rows::Columns(..) | Rows::Unknown => {}
            }
        }
    }
}

fn is_absent(cx: &Cx, relation: Relation, column: &Use) -> bool {
    match column.place {
        Place::Payload(_) | Place::OnConflict => relation.lacks_stored(cx, &column.name.text),
        Place::Select | Place::Filter(_) | Place::Order => relation.lacks(cx, &column.name.text),
    }
}

fn is_missing(columns: &[SmolStr], name: &Named, place: Place) -> bool {
    !matches!(place, Place::Payload(_) | Place::OnConflict) && !columns.contains(&name.text) && name.text != "count"
}

fn of_function(cx: &mut Cx, query: AppQuery, function: &Function, columns: &[SmolStr], name: &Named) {
    let display = function.display();
    let message = format!("column `{}` does not exist in the result of `{display}`: the query fails with 42703", name.text);
    let draft = report(cx, About::named_column(&function.name, &name.text), query, name.span, message);
    draft.given(function.certainty).because(function.named, "the function is defined here");
    match near(&name.text, columns.iter().map(SmolStr::as_str)) {
        Some(near) => draft.help(format!("Use `{near}`.")),
        None => draft.help("Use a column that the function returns, or add the column to its result."),
    };
}

fn fails(place: Place) -> &'static str {
    match place {
        Place::Payload(_) => "the query fails with PGRST204",
        Place::Select | Place::Filter(_) | Place::Order | Place::OnConflict => "the query fails with 42703",
    }
}

fn help(name: &str, place: Place, tree: &Tree, columns: &[&str]) -> String {
    if matches!(place, Place::Order | Place::Filter(_))
        && let Some(column) = aliased(tree, name)
    {
        let verb = if matches!(place, Place::Order) { "Sort" } else { "Filter" };
        return format!("{verb} by `{column}`. `{name}` is an alias, which only names the column of the result.");
    }
    if matches!(place, Place::OnConflict) {
        return "List the columns of a unique key in `onConflict`.".to_string();
    }
    match near(name, columns.iter().copied()) {
        Some(near) => format!("Use `{near}`, or add the column in a migration."),
        None => "Add the column in a migration, or remove it from the query.".to_string(),
    }
}

/// Returns the column that an alias of the `select` list stands for.
fn aliased<'t>(tree: &'t Tree, alias: &str) -> Option<&'t SmolStr> {
    tree.items.iter().find_map(|item| match item {
        SelectItem::Column(column) if column.alias.as_ref().is_some_and(|name| name.text == alias) => Some(&column.column.name.text),
        _ => None,
    })
}
