//! The JSON schema of `supalint.toml`, generated from the types that parse the settings.
//!
//! `UPDATE_DOCS=1 cargo test` rewrites it.

#![cfg(test)]

use super::*;
use crate::rules;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Value, json};
use std::borrow::Cow;

/// Schema of the id of a rule or a group.
pub struct Rule;

impl JsonSchema for Rule {
    fn schema_name() -> Cow<'static, str> {
        "Rule".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let names: Vec<&str> = rules::names::groups().into_iter().chain(rules::ALL.iter().map(|rule| rule.id)).collect();
        json_schema!({ "type": "string", "enum": names, "description": "A rule or a group of rules." })
    }
}

pub fn severities(generator: &mut SchemaGenerator) -> Schema {
    let level = generator.subschema_for::<Level>();
    json_schema!({ "type": "object", "propertyNames": generator.subschema_for::<Rule>(), "additionalProperties": level })
}

pub fn version(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "anyOf": [{ "type": "string", "pattern": "^[0-9]+$" }, { "type": "integer", "minimum": 0 }] })
}

pub fn day(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "format": "date" })
}

fn path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("supalint.schema.json")
}

/// Removes `null` from the schema, because settings are left out instead.
fn without_null(value: &mut Value) {
    match value {
        Value::Object(map) => {
            if let Some(Value::Array(types)) = map.get_mut("type") {
                types.retain(|one| one != "null");
                if let [only] = types.as_slice() {
                    let only = only.clone();
                    map.insert("type".to_string(), only);
                }
            }
            if let Some(Value::Array(any)) = map.get_mut("anyOf") {
                any.retain(|one| *one != json!({ "type": "null" }));
                if let [Value::Object(only)] = any.as_slice() {
                    let only = only.clone();
                    map.remove("anyOf");
                    map.extend(only);
                }
            }
            map.values_mut().for_each(without_null);
        }
        Value::Array(values) => values.iter_mut().for_each(without_null),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn made() -> Value {
    let mut schema = schemars::schema_for!(Settings).to_value();
    schema["$id"] = json!(concat!(env!("CARGO_PKG_REPOSITORY"), "/raw/main/supalint.schema.json"));
    without_null(&mut schema);
    schema
}

#[test]
fn the_schema_that_is_shipped_is_of_these_settings() {
    let text = format!("{}\n", serde_json::to_string_pretty(&made()).unwrap());
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(path(), &text).unwrap();
    }
    assert_eq!(std::fs::read_to_string(path()).unwrap(), text, "`UPDATE_DOCS=1 cargo test` rewrites it");
}

/// The schema and the parser accept the same settings.
#[test]
fn schema_and_code_take_the_same() {
    let schema = made();
    let mut known: Vec<&str> = schema["properties"].as_object().unwrap().keys().map(String::as_str).collect();
    let mut settings = SETTINGS.to_vec();
    known.sort_unstable();
    settings.sort_unstable();
    assert_eq!(known, settings);
    let allow = &schema["$defs"]["Allow"];
    let mut keys: Vec<&str> = allow["properties"].as_object().unwrap().keys().map(String::as_str).collect();
    keys.sort_unstable();
    assert_eq!(keys, ["because", "object", "rule", "until"]);
    assert_eq!(allow["required"], json!(["rule", "object", "because"]));
    // the parser accepts each word of each enum
    for (setting, words) in
        [("platform", "Platform"), ("default_privileges", "DefaultPrivileges"), ("fail_on", "FailOn"), ("index_concurrently", "IndexForm")]
    {
        let words = words_of(&schema["$defs"][words]);
        assert!(words.len() > 1, "{setting}");
        for word in words {
            assert!(toml::from_str::<Settings>(&format!("{setting} = '{word}'")).is_ok(), "{setting} = {word}");
        }
        assert!(toml::from_str::<Settings>(&format!("{setting} = 'no-such-word'")).is_err(), "{setting}");
    }
    assert_eq!(words_of(&schema["$defs"]["Level"]), ["off", "info", "warn", "error"]);
    assert_eq!((&schema["additionalProperties"], schema.get("required")), (&json!(false), None));
    assert_eq!(allow["additionalProperties"], false);
}

/// Returns the words of an enum, which are listed with or without descriptions.
fn words_of(schema: &Value) -> Vec<String> {
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let of = |value: &Value| {
        let mut words = list(&value["enum"]);
        words.extend(value.get("const").cloned());
        words
    };
    let words = std::iter::once(schema.clone()).chain(list(&schema["oneOf"])).flat_map(|one| of(&one));
    words.filter_map(|word| word.as_str().map(str::to_string)).collect()
}
