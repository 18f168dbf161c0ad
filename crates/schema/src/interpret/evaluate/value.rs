//! Values that can be unknown, and operations on them.
//!
//! Promises: an unknown value is [`Value::Unknown`]. A result that depends on it is unknown too, unless the other operand determines it.

use crate::catalog::name::{QName, quote_ident};
use smol_str::{SmolStr, ToSmolStr};
use std::cmp::Ordering;
use std::sync::Arc;

/// Maximum size of a text in bytes. A longer text is unknown.
pub const MAX_TEXT: usize = 1 << 18;
/// Maximum number of elements of an array. A longer array is unknown.
pub const MAX_ARRAY: usize = 10_000;

/// An object, in place of its oid. Objects have no numbers here.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Object {
    Schema(SmolStr),
    Relation(QName),
    /// A function with the types of its arguments.
    Function(QName, Vec<SmolStr>),
    Type(QName),
    Role(SmolStr),
    Constraint(QName, SmolStr),
    Trigger(QName, SmolStr),
    Policy(QName, SmolStr),
    /// An object of another kind, with its catalog.
    Other(&'static str, SmolStr),
}

/// A row with names and values.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    pub fields: Vec<(SmolStr, Value)>,
}

#[derive(Debug, PartialEq)]
pub struct Definition {
    pub head: String,
    /// Name and body, separated by a character that no text contains.
    pub verbatim: String,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Any value or NULL.
    Unknown,
    /// Any value except NULL.
    Something,
    Null,
    Bool(bool),
    Int(i64),
    Text(SmolStr),
    /// Source text of an expression that PostgreSQL prints in its own layout.
    Printed(SmolStr),
    /// Definition of a function as PostgreSQL prints it: a head in PostgreSQL's layout, and an unchanged name and body.
    Definition(Arc<Definition>),
    Array(Arc<Vec<Value>>),
    Record(Arc<Record>),
    /// An oid. `named`: its type prints it as a name (`regclass`).
    Object {
        object: Arc<Object>,
        named: bool,
    },
}

impl Value {
    pub fn text(text: impl AsRef<str>) -> Value {
        let text = text.as_ref();
        if text.len() > MAX_TEXT { Value::Something } else { Value::Text(text.into()) }
    }

    pub fn optional(text: Option<impl AsRef<str>>) -> Value {
        text.map_or(Value::Null, Value::text)
    }

    pub fn object(object: Object) -> Value {
        Value::Object { object: Arc::new(object), named: false }
    }

    pub fn relation(name: &QName) -> Value {
        Value::object(Object::Relation(name.clone()))
    }

    pub fn schema(name: &SmolStr) -> Value {
        Value::object(Object::Schema(name.clone()))
    }

    pub fn role(name: &SmolStr) -> Value {
        Value::object(Object::Role(name.clone()))
    }

    pub fn array(items: Vec<Value>) -> Value {
        if items.len() > MAX_ARRAY { Value::Something } else { Value::Array(Arc::new(items)) }
    }

    pub fn texts<T: AsRef<str>>(items: impl IntoIterator<Item = T>) -> Value {
        Value::array(items.into_iter().map(Value::text).collect())
    }

    pub fn known(truth: Option<bool>) -> Value {
        truth.map_or(Value::Unknown, Value::Bool)
    }

    pub fn is_unknown(&self) -> bool {
        matches!(self, Value::Unknown | Value::Something)
    }

    pub fn is_null(&self) -> Option<bool> {
        match self {
            Value::Unknown => None,
            Value::Null => Some(true),
            _ => Some(false),
        }
    }

    /// Returns whether a condition with this value is true, or `None` if unknown. NULL is not true.
    pub fn holds(&self) -> Option<bool> {
        match self {
            Value::Bool(value) => Some(*value),
            Value::Null => Some(false),
            Value::Text(text) => Some(matches!(text.as_str(), "t" | "true" | "yes" | "on" | "1")),
            _ => None,
        }
    }

    pub fn as_int(&self) -> Option<i64> {
        match self {
            Value::Int(value) => Some(*value),
            Value::Text(text) => text.trim().parse().ok(),
            _ => None,
        }
    }

    pub fn as_text(&self) -> Option<&SmolStr> {
        match self {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Returns the key that two equal values share, or `None` if the value has no key.
    pub fn key(&self) -> Option<Key> {
        match self {
            Value::Text(text) => Some(Key::Text(text.clone())),
            Value::Int(value) => Some(Key::Text(value.to_smolstr())),
            Value::Bool(value) => Some(Key::Bool(*value)),
            Value::Object { object, .. } => Some(Key::Object(object.clone())),
            _ => None,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Key {
    Text(SmolStr),
    Bool(bool),
    Object(Arc<Object>),
}

/// Returns `a AND b`.
pub fn and(a: &Value, b: &Value) -> Value {
    match (truth(a), truth(b)) {
        (Truth::False, _) | (_, Truth::False) => Value::Bool(false),
        (Truth::True, Truth::True) => Value::Bool(true),
        (Truth::Unknown, _) | (_, Truth::Unknown) => Value::Unknown,
        _ => Value::Null,
    }
}

/// Returns `a OR b`.
pub fn or(a: &Value, b: &Value) -> Value {
    not(&and(&not(a), &not(b)))
}

pub fn not(a: &Value) -> Value {
    match truth(a) {
        Truth::True => Value::Bool(false),
        Truth::False => Value::Bool(true),
        Truth::Null => Value::Null,
        Truth::Unknown => Value::Unknown,
    }
}

#[derive(PartialEq)]
enum Truth {
    True,
    False,
    Null,
    Unknown,
}

fn truth(value: &Value) -> Truth {
    match (value, value.holds()) {
        (Value::Null, _) => Truth::Null,
        (_, Some(true)) => Truth::True,
        (_, Some(false)) => Truth::False,
        (_, None) => Truth::Unknown,
    }
}

/// Returns `a = b`.
pub fn equal(a: &Value, b: &Value) -> Value {
    match (a, b) {
        (Value::Null, _) | (_, Value::Null) => Value::Null,
        (Value::Record(a), Value::Record(b)) if a.fields.len() == b.fields.len() => {
            let pairs = a.fields.iter().zip(&b.fields);
            pairs.fold(Value::Bool(true), |so_far, ((_, a), (_, b))| and(&so_far, &equal(a, b)))
        }
        (Value::Array(a), Value::Array(b)) => {
            if a.len() != b.len() {
                return Value::Bool(false);
            }
            a.iter().zip(&**b).fold(Value::Bool(true), |so_far, (a, b)| and(&so_far, &same(a, b)))
        }
        _ => Value::known(compare(a, b).map(Ordering::is_eq)),
    }
}

/// Returns `a IS NOT DISTINCT FROM b`.
pub fn same(a: &Value, b: &Value) -> Value {
    match (a.is_null(), b.is_null()) {
        (Some(true), Some(b)) => Value::Bool(b),
        (Some(a), Some(true)) => Value::Bool(a),
        (None, _) | (_, None) => Value::Unknown,
        _ => equal(a, b),
    }
}

/// Returns the order of two values that are not NULL.
pub fn compare(a: &Value, b: &Value) -> Option<Ordering> {
    match (a, b) {
        (Value::Int(a), Value::Int(b)) => Some(a.cmp(b)),
        (Value::Int(a), Value::Text(_)) => Some(a.cmp(&b.as_int()?)),
        (Value::Text(_), Value::Int(b)) => Some(a.as_int()?.cmp(b)),
        (Value::Text(a), Value::Text(b)) => Some(a.cmp(b)),
        (Value::Bool(a), Value::Bool(b)) => Some(a.cmp(b)),
        (Value::Bool(a), Value::Text(_)) => Some(a.cmp(&b.holds()?)),
        (Value::Text(_), Value::Bool(b)) => Some(a.holds()?.cmp(b)),
        (Value::Object { object: a, .. }, Value::Object { object: b, .. }) => Some(a.cmp(b)),
        // no object has the oid 0
        (Value::Int(0), Value::Object { .. }) => Some(Ordering::Less),
        (Value::Object { .. }, Value::Int(0)) => Some(Ordering::Greater),
        _ => None,
    }
}

/// Returns the text of a value that is not NULL, or `None` if it is unknown.
pub fn render(value: &Value, visible: &dyn Fn(&Object) -> bool) -> Option<SmolStr> {
    Some(match value {
        Value::Text(text) => text.clone(),
        Value::Int(value) => value.to_smolstr(),
        Value::Bool(value) => if *value { "t" } else { "f" }.into(),
        Value::Object { object, named: true } => object_text(object, visible(object)).into(),
        Value::Record(record) => {
            let fields: Option<Vec<String>> = record.fields.iter().map(|(_, value)| field_text(value, visible, ROW_SPECIAL)).collect();
            format!("({})", fields?.join(",")).into()
        }
        Value::Array(items) => {
            let items: Option<Vec<String>> = items.iter().map(|value| element_text(value, visible)).collect();
            format!("{{{}}}", items?.join(",")).into()
        }
        Value::Unknown | Value::Something | Value::Null | Value::Printed(_) | Value::Definition(_) | Value::Object { named: false, .. } => {
            return None;
        }
    })
}

const ROW_SPECIAL: &[char] = &['(', ')', ',', '"', '\\'];
const ARRAY_SPECIAL: &[char] = &['{', '}', ',', '"', '\\'];

fn field_text(value: &Value, visible: &dyn Fn(&Object) -> bool, special: &[char]) -> Option<String> {
    if *value == Value::Null {
        return Some(String::new());
    }
    let text = render(value, visible)?;
    let quoted = text.is_empty() || text.chars().any(|c| special.contains(&c) || c.is_whitespace());
    Some(if quoted { format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\"\"")) } else { text.into() })
}

fn element_text(value: &Value, visible: &dyn Fn(&Object) -> bool) -> Option<String> {
    if *value == Value::Null {
        return Some("NULL".into());
    }
    let text = render(value, visible)?;
    let quoted =
        text.is_empty() || text.eq_ignore_ascii_case("null") || text.chars().any(|c| ARRAY_SPECIAL.contains(&c) || c.is_whitespace());
    Some(if quoted { format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"")) } else { text.into() })
}

/// Returns the elements of `{a,"b c",NULL}`, or `None` for an array with several dimensions.
pub fn parse_array(text: &str) -> Option<Vec<Value>> {
    let inner = text.trim().strip_prefix('{')?.strip_suffix('}')?;
    let mut out = Vec::new();
    let mut item = String::new();
    let (mut quoted, mut was_quoted) = (false, false);
    let mut chars = inner.chars();
    let mut finish = |item: &mut String, was_quoted: &mut bool| {
        let plain = item.trim();
        out.push(match plain {
            _ if *was_quoted => Value::text(&item),
            _ if plain.eq_ignore_ascii_case("null") => Value::Null,
            _ => Value::text(plain),
        });
        item.clear();
        *was_quoted = false;
    };
    while let Some(c) = chars.next() {
        match c {
            '\\' => item.extend(chars.next()),
            '"' => {
                quoted = !quoted;
                was_quoted = true;
            }
            '{' | '}' if !quoted => return None,
            ',' if !quoted => finish(&mut item, &mut was_quoted),
            _ => item.push(c),
        }
    }
    if !inner.trim().is_empty() {
        finish(&mut item, &mut was_quoted);
    }
    Some(out)
}

/// Returns the text of an object as `regclass`, `regprocedure` and similar types print it.
pub fn object_text(object: &Object, visible: bool) -> String {
    let name = |name: &QName| if visible { quote_ident(&name.name) } else { name.quoted() };
    match object {
        Object::Schema(schema) | Object::Role(schema) => quote_ident(schema),
        Object::Relation(relation) => name(relation),
        Object::Type(ty) if ty.schema == "pg_catalog" => ty.name.to_string(),
        Object::Type(ty) => name(ty),
        Object::Function(function, args) => format!("{}({})", name(function), args.join(",")),
        Object::Constraint(_, name) | Object::Trigger(_, name) | Object::Policy(_, name) | Object::Other(_, name) => quote_ident(name),
    }
}
