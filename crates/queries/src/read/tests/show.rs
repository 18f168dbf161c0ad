//! Shapes as short text.

use crate::shape::{
    AllowScope, CodeFile, Column, Condition, ConditionKind, Limit, Named, Origin, Payload, Query, RowCount, Schema, SelectItem, Selection,
    SqlPieceKind, SqlText, Target, Value, ValueKind, Waits,
};
use std::fmt::Write;

pub fn file(file: &CodeFile, code: &str) -> String {
    let mut out = String::new();
    if let Some(unread) = &file.unread {
        let _ = writeln!(out, "unread: {unread:?}");
    }
    for (nth, query) in file.queries.iter().enumerate() {
        let _ = writeln!(out, "{nth}: {}", one(query, code));
    }
    for text in &file.sql {
        let _ = writeln!(out, "{}", sql(text, code));
    }
    for key in &file.keys {
        let _ = writeln!(out, "key {} {:?}", key.name.text, key.exposure);
    }
    for allow in &file.allows {
        let rules: Vec<&str> = allow.rules.iter().map(|rule| rule.text.as_str()).collect();
        let scope = match allow.scope {
            AllowScope::File => "the file",
            AllowScope::Span(span) => span.of(code),
        };
        let _ = writeln!(out, "allow {} because {} in: {scope}", rules.join(", "), allow.because);
    }
    for invalid in &file.invalid_allows {
        let _ = writeln!(out, "invalid {:?} {:?}", invalid.span.of(code), invalid.fault);
    }
    out
}

/// Names must be where their spans are.
fn name(named: &Named, code: &str) -> String {
    let there = code.get(named.span.start as usize..named.span.end as usize).unwrap_or("");
    if there == named.text { named.text.to_string() } else { format!("{}@`{there}`", named.text) }
}

pub fn one(query: &Query, code: &str) -> String {
    let mut parts = Vec::new();
    let target = match &query.target {
        Target::Relation(target) | Target::Function(target) => target.as_ref().map_or("?".to_string(), |target| name(target, code)),
    };
    let schema = match &query.schema {
        Schema::Default => String::new(),
        Schema::Named(schema) => format!("{}.", name(schema, code)),
        Schema::Unknown => "?.".to_string(),
    };
    parts.push(format!("{:?} {schema}{target}", query.command).to_lowercase());
    parts.push(format!("client {} {:?}", query.client.receiver, query.client.kind));
    match &query.select {
        Selection::Nothing => {}
        Selection::All => parts.push("returns *".into()),
        Selection::Items(list) => parts.push(format!("returns {}", items(list, code))),
        Selection::Some(list) => parts.push(format!("returns {} …", items(list, code))),
        Selection::Unknown => parts.push("returns ?".into()),
        Selection::Invalid(span) => parts.push(format!("invalid select at {:?}", span.of(code))),
    }
    parts.extend(query.filters.iter().map(|filter| format!("where {}", condition(filter, code))));
    for order in &query.orders {
        let of = order.referenced_table.as_ref().map(|table| format!(" of {}", name(table, code))).unwrap_or_default();
        let direction = match order.ascending {
            Some(true) => "asc",
            Some(false) => "desc",
            None => "?",
        };
        let nulls = match order.nulls_first {
            Some(true) => " nulls first",
            Some(false) => " nulls last",
            None => "",
        };
        let name = order.column.as_ref().map_or("?".into(), |order| column(order, code));
        parts.push(format!("order {name} {direction}{nulls}{of}{}", possible(order.certain)));
    }
    let limit = |word: &str, limit: &Option<Limit>| {
        limit
            .as_ref()
            .map(|limit| format!("{word} {}{}", limit.value.map_or("?".into(), |value| value.to_string()), possible(limit.certain)))
    };
    parts.extend(limit("limit", &query.limit));
    parts.extend(limit("offset", &query.offset));
    match query.rows {
        RowCount::Any => {}
        RowCount::One(_) => parts.push("single".into()),
        RowCount::AtMostOne(_) => parts.push("maybeSingle".into()),
    }
    parts.extend(query.count.map(|count| format!("count {count:?}").split('(').next().unwrap_or("").to_string()));
    parts.extend(query.head.then(|| "head".into()));
    parts.extend(query.csv.then(|| "csv".into()));
    parts.extend(query.payload.as_ref().map(|values| payload(values, code)));
    if let Some(columns) = &query.on_conflict {
        parts.push(format!("on conflict {}", columns.iter().map(|column| name(column, code)).collect::<Vec<_>>().join(", ")));
    }
    parts.extend(query.ignore_duplicates.then(|| "ignore duplicates".into()));
    parts.extend((!query.complete).then(|| "and more".into()));
    let flow = &query.flow;
    match flow.waits {
        Waits::Await => {}
        Waits::Together(_) => parts.push("together".into()),
        Waits::Returned => parts.push("returned".into()),
        Waits::Unknown => parts.push("not awaited".into()),
    }
    if let Some(name) = &flow.function_name {
        parts.push(format!("in {name}"));
    }
    if let Some(found) = &flow.in_loop {
        let mut words = vec!["loop"];
        words.extend(found.uses_variable.then_some("variable"));
        words.extend(found.concurrent.then_some("concurrent"));
        words.extend(found.is_retry.then_some("retry"));
        parts.push(words.join(" "));
    }
    parts.extend((!flow.uses.is_empty()).then(|| format!("uses {:?}", flow.uses)));
    parts.extend(flow.guards.iter().map(|guard| format!("if {} {:?}", guard.query, guard.when)));
    parts.extend(
        flow.rebuilt.iter().map(|rebuilt| format!("{} from {}.{} {:?}", rebuilt.key.text, rebuilt.query, rebuilt.column, rebuilt.how)),
    );
    parts.join("; ")
}

fn possible(certain: bool) -> &'static str {
    if certain { "" } else { "?" }
}

fn column(column: &Column, code: &str) -> String {
    let mut out = String::new();
    for embed in &column.embeds {
        out += &format!("{}.", name(embed, code));
    }
    out += &name(&column.name, code);
    for step in &column.json {
        out += &format!("{}{}", if step.as_text { "->>" } else { "->" }, name(&step.key, code));
    }
    out
}

fn items(items: &[SelectItem], code: &str) -> String {
    let shown: Vec<String> = items.iter().map(|item| self::item(item, code)).collect();
    format!("[{}]", shown.join(", "))
}

fn item(item: &SelectItem, code: &str) -> String {
    let alias = |alias: &Option<Named>| alias.as_ref().map(|alias| format!("{}:", name(alias, code))).unwrap_or_default();
    match item {
        SelectItem::All(_) => "*".into(),
        SelectItem::Count { alias: own, .. } => format!("{}count()", alias(own)),
        SelectItem::Column(item) => {
            let aggregate = item.aggregate.as_ref().map(|aggregate| format!(".{}()", aggregate.text)).unwrap_or_default();
            let cast = item.cast.as_ref().map(|cast| format!("::{}", cast.text)).unwrap_or_default();
            format!("{}{}{aggregate}{cast}", alias(&item.alias), column(&item.column, code))
        }
        SelectItem::Embed(embed) => {
            let spread = if embed.spread { "..." } else { "" };
            let hint = embed.hint.as_ref().map(|hint| format!("!{}", name(hint, code))).unwrap_or_default();
            let join = if embed.join == crate::shape::Join::Inner { "!inner" } else { "" };
            format!("{spread}{}{}{hint}{join}{}", alias(&embed.alias), name(&embed.resource, code), items(&embed.items, code))
        }
    }
}

fn condition(condition: &Condition, code: &str) -> String {
    let not = if condition.negated { "not " } else { "" };
    let members = |word: &str, embeds: &[Named], members: &[Condition]| {
        let embeds: String = embeds.iter().map(|embed| format!("{}.", name(embed, code))).collect();
        let members: Vec<String> = members.iter().map(|member| self::condition(member, code)).collect();
        format!("{embeds}{word}({})", members.join(", "))
    };
    let inner = match &condition.kind {
        ConditionKind::Compare(filter) => {
            let column = filter.column.as_ref().map_or("?".into(), |own| column(own, code));
            format!("{column} {:?} {}", filter.operator, value(&filter.value, code))
        }
        ConditionKind::All { embeds, members: list } => members("and", embeds, list),
        ConditionKind::Any { embeds, members: list } => members("or", embeds, list),
        ConditionKind::Unknown => "?".into(),
        ConditionKind::Invalid => "invalid".into(),
    };
    format!("{not}{inner}{}", possible(condition.certain))
}

fn value(value: &Value, code: &str) -> String {
    match &value.kind {
        ValueKind::Null => "null".into(),
        ValueKind::Undefined => "undefined".into(),
        ValueKind::Bool(value) => value.to_string(),
        ValueKind::Number(number) => number.to_string(),
        ValueKind::Text(text) => format!("'{text}'"),
        ValueKind::TextStart(text) => format!("'{text}…'"),
        ValueKind::List(values) => format!("[{}]", values.iter().map(|own| self::value(own, code)).collect::<Vec<_>>().join(", ")),
        ValueKind::Object(object) => payload(object, code),
        ValueKind::Dynamic(Origin::Result { query, column }) => format!("${query}.{}", column.as_deref().unwrap_or("*")),
        ValueKind::Dynamic(origin) => format!("${origin:?}"),
    }
}

fn payload(payload: &Payload, code: &str) -> String {
    let mut entries: Vec<String> = payload
        .entries
        .iter()
        .map(|entry| format!("{}{}: {}", name(&entry.key, code), possible(entry.certain), value(&entry.value, code)))
        .collect();
    if !payload.complete {
        entries.push("…".into());
    }
    let many = match payload.rows {
        crate::shape::PayloadRows::One => "",
        crate::shape::PayloadRows::Many => "many ",
        crate::shape::PayloadRows::Unknown => "? ",
    };
    format!("{many}{{{}}}", entries.join(", "))
}

fn sql(sql: &SqlText, code: &str) -> String {
    let mut pieces = String::new();
    for piece in &sql.pieces {
        let text = piece.span.of(code);
        let _ = match piece.kind {
            SqlPieceKind::Text => write!(pieces, "[{}]", text.escape_debug()),
            SqlPieceKind::Value => write!(pieces, "<{text}>"),
            SqlPieceKind::Unknown => write!(pieces, "?<{text}>"),
        };
    }
    let fragment = if sql.is_fragment { " fragment" } else { "" };
    let complete = if sql.complete { "" } else { " incomplete" };
    format!("sql {:?}{fragment}{complete}: {:?} from {pieces}", sql.library, sql.text)
}
