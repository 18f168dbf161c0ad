//! Functions of PostgreSQL whose result depends only on their arguments.
//!
//! Promises: a result is that of PostgreSQL. The result of another function, or with unknown arguments, is unknown.

use super::pattern::Printed;
use super::value::{MAX_TEXT, Object, Value, render};
use crate::catalog::SqlError;
use crate::catalog::name::{quote_ident, quote_literal};
use smol_str::SmolStr;

type Evaluated = Result<Value, SqlError>;

/// Returns the value of a call, or `None` if the function is not included here.
pub fn call(name: &str, args: &[Value], visible: &dyn Fn(&Object) -> bool) -> Option<Evaluated> {
    // these functions accept NULL
    match name {
        "coalesce" => return Some(Ok(coalesce(args))),
        "concat" => return Some(Ok(concat(args, visible))),
        "concat_ws" => return Some(Ok(concat_ws(args, visible))),
        "format" => return Some(format(args, visible)),
        "quote_nullable" if args == [Value::Null] => return Some(Ok(Value::text("NULL"))),
        "num_nulls" | "num_nonnulls" => return Some(Ok(Value::Unknown)),
        "array_append" | "array_prepend" | "array_cat" => return Some(Ok(join_arrays(name, args))),
        "nullif" => {
            let [a, b] = args else { return None };
            return Some(Ok(match super::value::equal(a, b).holds() {
                Some(true) => Value::Null,
                Some(false) => a.clone(),
                None => Value::Unknown,
            }));
        }
        "greatest" | "least" => return Some(Ok(extreme(name == "greatest", args))),
        _ => {}
    }
    strict(name, args, visible).map(Ok)
}

/// Evaluates functions that return NULL if an argument is NULL.
fn strict(name: &str, args: &[Value], visible: &dyn Fn(&Object) -> bool) -> Option<Value> {
    let text = |at: usize| args.get(at).and_then(|value| render(value, visible));
    let int = |at: usize| args.get(at).and_then(Value::as_int);
    let known = |value: Option<String>| value.map_or(Value::Unknown, Value::text);
    let result = match name {
        "lower" => known(text(0).map(|text| text.to_lowercase())),
        "upper" => known(text(0).map(|text| text.to_uppercase())),
        "initcap" | "md5" | "regexp_replace" | "regexp_match" | "to_char" | "encode" => Value::Unknown,
        "btrim" | "ltrim" | "rtrim" | "trim" => known(trim(name, text(0), if args.len() > 1 { text(1) } else { Some(" ".into()) })),
        "replace" => known(zip3(text(0), text(1), text(2)).and_then(|(text, from, to)| {
            if from.is_empty() {
                return Some(text.to_string());
            }
            let grows = text.matches(from.as_str()).count().saturating_mul(to.len());
            (grows <= MAX_TEXT).then(|| text.replace(from.as_str(), &to))
        })),
        "left" | "right" => known(text(0).zip(int(1)).map(|(text, count)| part(&text, count, name == "right"))),
        "substring" | "substr" => known(substring(text(0), args.get(1).and_then(plain_int), args.get(2).map(plain_int))),
        "split_part" => known(zip3(text(0), text(1), int(2)).and_then(|(text, by, at)| {
            let at = usize::try_from(at).ok().filter(|at| *at > 0)?;
            Some(if by.is_empty() { text.to_string() } else { text.split(by.as_str()).nth(at - 1).unwrap_or("").to_string() })
        })),
        "length" | "char_length" | "character_length" => text(0).map_or(Value::Unknown, |text| Value::Int(text.chars().count() as i64)),
        "octet_length" => text(0).map_or(Value::Unknown, |text| Value::Int(text.len() as i64)),
        "reverse" => known(text(0).map(|text| text.chars().rev().collect())),
        "repeat" => known(text(0).zip(int(1)).and_then(|(text, count)| {
            let count = usize::try_from(count.max(0)).ok()?;
            (text.len().saturating_mul(count) <= MAX_TEXT).then(|| text.repeat(count))
        })),
        "chr" => known(int(0).and_then(|code| char::from_u32(u32::try_from(code).ok()?)).map(String::from)),
        "lpad" | "rpad" => known(pad(name, text(0), int(1), if args.len() > 2 { text(2) } else { Some(" ".into()) })),
        "starts_with" => Value::known(text(0).zip(text(1)).map(|(text, start)| text.starts_with(start.as_str()))),
        "strpos" | "position" => match text(0).zip(text(1)) {
            Some((text, part)) => Value::Int(text.find(part.as_str()).map_or(0, |at| text[..at].chars().count() as i64 + 1)),
            None => printed_position(args),
        },
        "quote_ident" => known(text(0).map(|text| quote_ident(&text))),
        "quote_literal" | "quote_nullable" => known(text(0).map(|text| quote_literal(&text))),
        "array_length" | "cardinality" => match args.first() {
            Some(Value::Array(items)) if items.is_empty() && name == "array_length" => Value::Null,
            Some(Value::Array(items)) if name == "cardinality" || int(1) == Some(1) => Value::Int(items.len() as i64),
            _ => Value::Unknown,
        },
        "array_to_string" => array_to_string(args, visible),
        "string_to_array" => match text(0).zip(text(1)) {
            Some((text, _)) if text.is_empty() => Value::array(Vec::new()),
            Some((text, by)) if !by.is_empty() && args.len() == 2 => Value::texts(text.split(by.as_str())),
            _ => Value::Unknown,
        },
        "array_position" => match args {
            [Value::Array(items), wanted] => position(items, wanted),
            _ => Value::Unknown,
        },
        "array_remove" => match args {
            [Value::Array(items), wanted] => {
                let kept: Option<Vec<Value>> = items.iter().try_fold(Vec::new(), |mut kept, item| {
                    if !super::value::same(item, wanted).holds()? {
                        kept.push(item.clone());
                    }
                    Some(kept)
                });
                kept.map_or(Value::Unknown, Value::array)
            }
            _ => Value::Unknown,
        },
        "array_upper" => match args {
            [Value::Array(items), _] if !items.is_empty() => Value::Int(items.len() as i64),
            _ => Value::Unknown,
        },
        "abs" => int(0).map_or(Value::Unknown, |value| value.checked_abs().map_or(Value::Unknown, Value::Int)),
        "mod" => match int(0).zip(int(1)) {
            Some((a, b)) if b != 0 => Value::Int(a.wrapping_rem(b)),
            _ => Value::Unknown,
        },
        "now"
        | "clock_timestamp"
        | "statement_timestamp"
        | "transaction_timestamp"
        | "current_timestamp"
        | "current_date"
        | "localtimestamp"
        | "localtime"
        | "current_time"
        | "gen_random_uuid"
        | "uuid_generate_v4"
        | "random"
        | "version"
        | "timeofday"
        | "txid_current"
        | "pg_backend_pid"
        | "jsonb_build_object"
        | "json_build_object"
        | "jsonb_build_array"
        | "json_build_array" => {
            return Some(Value::Something);
        }
        _ => return None,
    };
    Some(if args.contains(&Value::Null) { Value::Null } else { result })
}

fn plain_int(value: &Value) -> Option<i64> {
    // in `substring(text, pattern)` this argument is a text
    match value {
        Value::Int(value) => Some(*value),
        _ => None,
    }
}

fn zip3<A, B, C>(a: Option<A>, b: Option<B>, c: Option<C>) -> Option<(A, B, C)> {
    Some((a?, b?, c?))
}

fn coalesce(args: &[Value]) -> Value {
    for value in args {
        match value.is_null() {
            Some(true) => {}
            Some(false) => return value.clone(),
            None => {
                let sure = args.iter().any(|value| value.is_null() == Some(false));
                return if sure { Value::Something } else { Value::Unknown };
            }
        }
    }
    Value::Null
}

fn concat(args: &[Value], visible: &dyn Fn(&Object) -> bool) -> Value {
    let mut out = String::new();
    for value in args.iter().filter(|value| **value != Value::Null) {
        match render(value, visible) {
            Some(text) => out.push_str(&text),
            None => return Value::Something,
        }
    }
    Value::text(out)
}

fn concat_ws(args: &[Value], visible: &dyn Fn(&Object) -> bool) -> Value {
    let Some((by, rest)) = args.split_first() else { return Value::Unknown };
    let parts: Option<Vec<SmolStr>> = rest.iter().filter(|value| **value != Value::Null).map(|value| render(value, visible)).collect();
    match (render(by, visible), parts) {
        (Some(by), Some(parts)) => Value::text(parts.join(by.as_str())),
        _ => Value::Unknown,
    }
}

fn extreme(greatest: bool, args: &[Value]) -> Value {
    let mut best: Option<&Value> = None;
    for value in args.iter().filter(|value| **value != Value::Null) {
        match best.map(|best| super::value::compare(value, best)) {
            Some(None) => return Value::Unknown,
            Some(Some(order)) if order.is_gt() != greatest => {}
            _ if value.is_unknown() => return Value::Unknown,
            _ => best = Some(value),
        }
    }
    best.cloned().unwrap_or(Value::Null)
}

fn trim(name: &str, text: Option<SmolStr>, chars: Option<SmolStr>) -> Option<String> {
    let (text, chars) = (text?, chars?);
    let cut = |c: char| chars.contains(c);
    Some(
        match name {
            "ltrim" => text.trim_start_matches(cut),
            "rtrim" => text.trim_end_matches(cut),
            _ => text.trim_matches(cut),
        }
        .to_string(),
    )
}

/// Returns the first or last `count` characters. A negative count omits that number of characters at the other end.
fn part(text: &str, count: i64, right: bool) -> String {
    let chars: Vec<char> = text.chars().collect();
    let keep = if count >= 0 { (count as usize).min(chars.len()) } else { chars.len().saturating_sub(count.unsigned_abs() as usize) };
    if right { chars[chars.len() - keep..].iter().collect() } else { chars[..keep].iter().collect() }
}

fn substring(text: Option<SmolStr>, from: Option<i64>, count: Option<Option<i64>>) -> Option<String> {
    let (text, from) = (text?, from?);
    let end = match count {
        Some(count) => from.checked_add(count?)?,
        None => i64::MAX,
    };
    Some(text.chars().enumerate().filter(|(at, _)| (from..end).contains(&(*at as i64 + 1))).map(|(_, c)| c).collect())
}

fn pad(name: &str, text: Option<SmolStr>, size: Option<i64>, fill: Option<SmolStr>) -> Option<String> {
    let (text, fill) = (text?, fill?);
    let size = usize::try_from(size?.max(0)).ok().filter(|size| *size <= MAX_TEXT / 4)?;
    let has = text.chars().count();
    if has >= size || fill.is_empty() {
        return Some(text.chars().take(size).collect());
    }
    let filling: String = fill.chars().cycle().take(size - has).collect();
    Some(if name == "lpad" { format!("{filling}{text}") } else { format!("{text}{filling}") })
}

fn printed_position(args: &[Value]) -> Value {
    let [text, Value::Text(part)] = args else { return Value::Unknown };
    match Printed::of(text, &|_| false) {
        Some(printed) if printed.contains(part, false) == Some(false) => Value::Int(0),
        Some(_) => Value::Something,
        None => Value::Unknown,
    }
}

fn position(items: &[Value], wanted: &Value) -> Value {
    for (at, item) in items.iter().enumerate() {
        match super::value::same(item, wanted).holds() {
            Some(true) => return Value::Int(at as i64 + 1),
            Some(false) => {}
            None => return Value::Unknown,
        }
    }
    Value::Null
}

fn array_to_string(args: &[Value], visible: &dyn Fn(&Object) -> bool) -> Value {
    let (Some(Value::Array(items)), Some(by)) = (args.first(), args.get(1).and_then(|by| render(by, visible))) else {
        return Value::Unknown;
    };
    let parts: Option<Vec<SmolStr>> = items.iter().filter(|value| **value != Value::Null).map(|value| render(value, visible)).collect();
    parts.map_or(Value::Unknown, |parts| Value::text(parts.join(by.as_str())))
}

fn join_arrays(name: &str, args: &[Value]) -> Value {
    let items = |value: &Value| match value {
        Value::Array(items) => Some(items.to_vec()),
        Value::Null => Some(Vec::new()),
        _ => None,
    };
    let [a, b] = args else { return Value::Unknown };
    let joined = match name {
        "array_append" => items(a).map(|mut items| {
            items.push(b.clone());
            items
        }),
        "array_prepend" => items(b).map(|items| [vec![a.clone()], items].concat()),
        _ => items(a).zip(items(b)).map(|(a, b)| [a, b].concat()),
    };
    joined.map_or(Value::Unknown, Value::array)
}

/// Evaluates `format('…', …)` with `%s`, `%I`, `%L`, `%%`, positions and widths.
fn format(args: &[Value], visible: &dyn Fn(&Object) -> bool) -> Evaluated {
    let Some((template, values)) = args.split_first() else { return Ok(Value::Unknown) };
    if *template == Value::Null {
        return Ok(Value::Null);
    }
    let Some(template) = render(template, visible) else { return Ok(Value::Unknown) };
    let mut out = String::new();
    let mut chars = template.chars().peekable();
    let mut next = 0;
    let wrong = |message: &str| Err(SqlError::new("22023", message));
    while let Some(c) = chars.next() {
        if c != '%' {
            out.push(c);
            continue;
        }
        let mut digits = String::new();
        let mut left = false;
        let mut position = None;
        let kind = loop {
            match chars.next() {
                None => return wrong("unterminated format() type specifier"),
                Some('-') => left = true,
                Some('*') => return Ok(Value::Something),
                Some(c) if c.is_ascii_digit() => digits.push(c),
                Some('$') => position = std::mem::take(&mut digits).parse::<usize>().ok(),
                Some(c) => break c,
            }
        };
        if kind == '%' {
            out.push('%');
            continue;
        }
        if position == Some(0) {
            return wrong("format specifies argument 0, but arguments are numbered from 1");
        }
        let at = position.map_or(next, |position| position - 1);
        next = at + 1;
        let Some(value) = values.get(at) else { return wrong("too few arguments for format()") };
        let piece = match (kind, value) {
            ('s', Value::Null) => String::new(),
            ('L', Value::Null) => "NULL".into(),
            ('I', Value::Null) => return Err(SqlError::new("22004", "null values cannot be formatted as an SQL identifier")),
            ('s' | 'I' | 'L', value) => match render(value, visible) {
                None => return Ok(Value::Something),
                Some(text) if kind == 's' => text.into(),
                // like PostgreSQL, quotes a regclass again, although its text is already quoted
                Some(text) if kind == 'I' => quote_ident(&text),
                Some(text) => quote_literal(&text),
            },
            (other, _) => return wrong(&format!("unrecognized format() type specifier \"{other}\"")),
        };
        let width = digits.parse::<usize>().unwrap_or(0).min(MAX_TEXT);
        let fill = " ".repeat(width.saturating_sub(piece.chars().count()));
        if left {
            out.push_str(&piece);
            out.push_str(&fill);
        } else {
            out.push_str(&fill);
            out.push_str(&piece);
        }
        if out.len() > MAX_TEXT {
            return Ok(Value::Something);
        }
    }
    Ok(Value::text(out))
}
