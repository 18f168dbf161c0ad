//! Holds a SARIF log against the schema that OASIS publishes.
//!
//! Refuses, by a panic, words of JSON Schema that this schema does not use, and patterns: what they speak of is not written today.

use super::readers::{list, number, string};
use serde_json::Value;
use std::sync::LazyLock;

static SCHEMA: LazyLock<Value> = LazyLock::new(|| serde_json::from_str(include_str!("sarif-schema-2.1.0.json")).expect("it is JSON"));

/// What is wrong with a log, each fault with its place.
pub fn faults(log: &Value) -> Vec<String> {
    compare(&SCHEMA, log, "")
}

fn compare(schema: &Value, value: &Value, at: &str) -> Vec<String> {
    let (empty, none) = (serde_json::Map::new(), Vec::new());
    let (members, items) = (value.as_object().unwrap_or(&empty), value.as_array().unwrap_or(&none));
    let described = schema.get("properties").and_then(Value::as_object).unwrap_or(&empty);
    let holds = |schema: &Value| compare(schema, value, at).is_empty();
    let mut out = Vec::new();
    for (word, wanted) in schema.as_object().expect("a schema is an object") {
        let fits = match word.as_str() {
            "$schema" | "$id" | "title" | "description" | "default" | "definitions" => true,
            "$ref" => {
                let part = wanted.as_str().and_then(|name| name.strip_prefix('#')).and_then(|name| SCHEMA.pointer(name));
                out.extend(compare(part.expect("it is a part of the schema"), value, at));
                true
            }
            "properties" => {
                out.extend(described.iter().filter_map(|(key, of)| Some(compare(of, members.get(key)?, &format!("{at}/{key}")))).flatten());
                true
            }
            "items" => {
                out.extend(items.iter().enumerate().flat_map(|(index, item)| compare(wanted, item, &format!("{at}/{index}"))));
                true
            }
            "additionalProperties" => {
                let mut others = members.iter().filter(|(key, _)| !described.contains_key(*key));
                match wanted.as_bool() {
                    Some(any) => any || others.next().is_none(),
                    None => others.all(|(_, other)| compare(wanted, other, at).is_empty()),
                }
            }
            "anyOf" => list(wanted, "").iter().any(holds),
            "oneOf" => list(wanted, "").iter().filter(|schema| holds(schema)).count() == 1,
            "type" => match wanted.as_str().expect("one type") {
                "object" => value.is_object(),
                "array" => value.is_array(),
                "string" => value.is_string(),
                "boolean" => value.is_boolean(),
                "integer" => value.is_i64(),
                "number" => value.is_number(),
                other => panic!("a type {other}"),
            },
            "enum" => list(wanted, "").contains(value),
            "required" => list(wanted, "").iter().all(|key| members.contains_key(key.as_str().expect("a key"))),
            "minItems" => items.len() >= number(wanted, ""),
            "uniqueItems" => items.iter().enumerate().all(|(index, item)| !items[..index].contains(item)),
            "minimum" => value.as_f64() >= wanted.as_f64(),
            "maximum" => value.as_f64() <= wanted.as_f64(),
            "format" => match wanted.as_str().expect("a format has a name") {
                "uri" => string(value, "").split_once(':').is_some_and(|(scheme, rest)| scheme == "https" && is_of_uri(rest)),
                "uri-reference" => is_of_uri(string(value, "")),
                other => panic!("{at} is written, and nobody reads the format {other}"),
            },
            "pattern" => panic!("{at} is written, and nobody compares it with {wanted}"),
            other => panic!("{other} has no meaning"),
        };
        if !fits {
            out.push(format!("{at}: {word} {wanted}"));
        }
    }
    out
}

/// Source: RFC 3986, appendix A.
fn is_of_uri(text: &str) -> bool {
    let escapes = |part: &str| part.len() >= 2 && part.bytes().take(2).all(|byte| byte.is_ascii_hexdigit());
    text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~:/?#[]@!$&'()*+,;=%".contains(&byte))
        && text.split('%').skip(1).all(escapes)
}
