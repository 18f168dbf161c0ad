//! Values that are no labels of the enum type of their column.

use super::report;
use crate::analysis::app_query::column::{Place, Uses};
use crate::analysis::app_query::doubt::Doubts;
use crate::analysis::app_query::embed::{Rows, Tree};
use crate::analysis::app_query::function::called;
use crate::analysis::app_query::near::near;
use crate::analysis::app_query::{AppQuery, all};
use crate::rules::prelude::*;
use supalint_queries::shape::{Filter, Operator, Value, ValueKind};

rule!("query/unknown-enum-value", Integrity, Error, Schema(check));

fn check(cx: &mut Cx) {
    for query in all(cx) {
        let tree = Tree::of(cx, query.query);
        for column in Uses::of(query.query, &tree).columns {
            let Rows::Relation(relation) = column.rows else { continue };
            let Some(ty) = relation.column_type(&column.name.text) else { continue };
            let value = match column.place {
                Place::Filter(filter) if compares(filter) => &filter.value,
                Place::Payload(entry) => &entry.value,
                Place::Select | Place::Filter(_) | Place::Order | Place::OnConflict => continue,
            };
            let is_list = matches!(column.place, Place::Filter(Filter { operator: Operator::In, .. }));
            let what = format!("column `{}` of `{}`", column.name.text, relation.name());
            compare(cx, query, &what, ty, value, is_list);
        }
        if let Some(function) = called(cx, query.query) {
            for entry in query.query.payload.iter().flat_map(|payload| &payload.entries) {
                let argument = function.inputs().find(|argument| argument.name.as_ref() == Some(&entry.key.text));
                if let Some(argument) = argument {
                    let what = format!("argument `{}` of `{}`", entry.key.text, function.name);
                    compare(cx, query, &what, &argument.ty, &entry.value, false);
                }
            }
        }
    }
}

/// Returns whether a filter compares the whole column with values of its type.
fn compares(filter: &Filter) -> bool {
    let is_whole = filter.column.as_ref().is_some_and(|column| column.json.is_empty());
    let operator = matches!(
        filter.operator,
        Operator::Eq | Operator::Neq | Operator::Gt | Operator::Gte | Operator::Lt | Operator::Lte | Operator::In | Operator::IsDistinct
    );
    is_whole && operator
}

/// Compares a value with the labels of a type. The members of a list are compared with the type of an array, or with `in`.
fn compare(cx: &mut Cx, query: AppQuery, what: &str, ty: &DataType, value: &Value, is_list: bool) {
    let Some(enumeration) = ty.user.as_deref().and_then(|name| cx.catalog.types.get(name)) else { return };
    let TypeKind::Enum(labels) = &enumeration.kind else { return };
    if enumeration.certainty == Certainty::Maybe || enumeration.of_extension || Doubts::of(cx).concern(&enumeration.name.name) {
        return;
    }
    let values: Vec<&Value> = match &value.kind {
        ValueKind::List(values) if is_list || ty.array => values.iter().collect(),
        _ if is_list || ty.array => return,
        _ => vec![value],
    };
    for value in values {
        let ValueKind::Text(text) = &value.kind else { continue };
        if labels.iter().any(|label| label.text == *text) || Doubts::of(cx).concern(text) && !text.is_empty() {
            continue;
        }
        let message = format!("value `{text}` does not exist in enum `{}` of {what}: the query fails with 22P02", enumeration.name);
        let names: Vec<&str> = labels.iter().map(|label| label.text.as_str()).collect();
        let help = match near(text, names.iter().copied()) {
            Some(near) => {
                format!("Use `{near}`, or add the value: `alter type {} add value {}`.", enumeration.name.quoted(), quote_literal(text))
            }
            None => format!("Use one of the values {}, or add the value to the enum.", super::quoted(&names, "or")),
        };
        report(cx, About::named("type", &enumeration.name), query, value.span, message)
            .discriminate(text)
            .help(help)
            .because(enumeration.at, "the enum is created here");
    }
}
