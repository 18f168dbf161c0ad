//! Schema of a database from PostgreSQL and from supalint, in the same form, and the differences between them.
//!
//! The comparison includes the output of `supalint schema --format json` and the privileges of the API roles. Expressions are compared by
//! their presence only. Facts that are uncertain in supalint are not compared. Two states of one server are compared by complete
//! definitions.

use super::server::Database;
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};
use supalint::catalog::Catalog;
use supalint::catalog::acl::{Acl, Privileges};
use supalint::output::schema;
use supalint::source::Sources;
use supalint::syntax::ast::ObjectKind;

const ROLES: [&str; 3] = ["anon", "authenticated", "service_role"];
const PRIVILEGES: [(&str, Privileges); 10] = [
    ("SELECT", Privileges::SELECT),
    ("INSERT", Privileges::INSERT),
    ("UPDATE", Privileges::UPDATE),
    ("DELETE", Privileges::DELETE),
    ("TRUNCATE", Privileges::TRUNCATE),
    ("REFERENCES", Privileges::REFERENCES),
    ("TRIGGER", Privileges::TRIGGER),
    ("USAGE", Privileges::USAGE),
    ("CREATE", Privileges::CREATE),
    ("EXECUTE", Privileges::EXECUTE),
];

#[derive(Clone, Debug, Default, PartialEq)]
struct Object {
    /// Relation that contains the object.
    home: Option<String>,
    facts: Map<String, Value>,
}

/// Objects by kind and name.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Objects {
    objects: BTreeMap<String, Object>,
    /// Objects that may exist according to supalint, and tables that are partly known.
    unsure: BTreeSet<String>,
}

impl Objects {
    /// Returns the objects in PostgreSQL's catalogs.
    pub fn of_server(database: &mut Database) -> Objects {
        database.fresh_session();
        // an empty search_path leads to qualified names
        database.run("set search_path = ''").expect("a setting");
        let mut out = Objects::default();
        for row in database.rows(include_str!("catalog.sql")) {
            let [Some(kind), Some(name), home, Some(facts)] = row.as_slice() else { unreachable!("four columns: {row:?}") };
            let Ok(Value::Object(facts)) = serde_json::from_str(facts) else { unreachable!("an object: {facts}") };
            out.objects.insert(format!("{kind} {name}"), Object { home: home.clone(), facts });
        }
        database.fresh_session();
        out
    }

    /// Returns the objects of the project in supalint's catalog.
    pub fn of_fold(catalog: &Catalog, sources: &Sources) -> Objects {
        let mut json = Vec::new();
        schema::json(catalog, sources, &mut json).expect("memory can be written");
        let told: Value = serde_json::from_slice(&json).expect("JSON is written");
        let mut out = Objects::default();
        for table in list(&told, "tables") {
            let name = qualified(table);
            for column in list(table, "columns") {
                out.add(format!("column {name}.{}", text(column, "name")), Some(&name), column);
            }
            if table["external"] == true {
                out.unsure.insert(format!("table {name}"));
            }
            out.add(format!("table {name}"), None, table);
        }
        for view in list(&told, "views") {
            out.add(format!("view {}", qualified(view)), None, view);
        }
        for (kind, plural) in [("index", "indexes"), ("constraint", "constraints"), ("policy", "policies"), ("trigger", "triggers")] {
            for part in list(&told, plural) {
                let home = format!("{}.{}", text(part, "schema"), text(part, "table"));
                let is_part = matches!(kind, "index" | "constraint");
                out.add(format!("{kind} {} on {home}", text(part, "name")), is_part.then_some(&home), part);
            }
        }
        for function in list(&told, "functions") {
            out.add(format!("function {}({})", qualified(function), text(function, "args")), None, function);
        }
        for ty in list(&told, "enums") {
            out.add(format!("enum {}", qualified(ty)), None, ty);
        }
        for extension in list(&told, "extensions").iter().filter(|extension| extension["at"]["file"] != "(Supabase)") {
            out.add(format!("extension {}", text(extension, "name")), None, extension);
        }
        for table in list(&told, "publication_tables") {
            let name = format!("{}.{} in {}", text(table, "schema"), text(table, "table"), text(table, "pubname"));
            out.add(format!("published {name}"), None, table);
        }
        for bucket in list(&told, "buckets") {
            out.add(format!("bucket {}", text(bucket, "id")), None, bucket);
        }
        out.add_privileges(catalog);
        out
    }

    fn add(&mut self, name: String, home: Option<&String>, told: &Value) {
        if told["certainty"] == "maybe" {
            self.unsure.insert(name.clone());
        }
        let mut facts = told.as_object().cloned().unwrap_or_default();
        for expression in ["default", "qual", "with_check", "predicate"] {
            if let Some(value) = facts.get_mut(expression) {
                *value = Value::Bool(!value.is_null());
            }
        }
        for set in ["roles"].into_iter().chain((facts.get("type") == Some(&"c".into())).then_some("columns")) {
            if let Some(Value::Array(items)) = facts.get_mut(set) {
                items.sort_by_key(Value::to_string);
            }
        }
        self.objects.insert(name, Object { home: home.cloned(), facts });
    }

    fn add_privileges(&mut self, catalog: &Catalog) {
        for table in catalog.tables.values() {
            self.add_held(catalog, format!("table {}", table.name), &table.acl, &table.owner, ObjectKind::Table);
        }
        for view in catalog.views.values() {
            self.add_held(catalog, format!("view {}", view.name), &view.acl, &view.owner, ObjectKind::View);
        }
        for function in catalog.functions.values().flatten() {
            let name = format!("function {}({})", function.name, function.identity_arguments());
            self.add_held(catalog, name, &function.acl, &function.owner, ObjectKind::Function);
        }
        for sequence in catalog.sequences.values().filter(|sequence| !sequence.at.is_platform()) {
            let name = format!("sequence {}", sequence.name);
            self.objects.insert(name.clone(), Object::default());
            self.add_held(catalog, name, &sequence.acl, &sequence.owner, ObjectKind::Sequence);
        }
        for schema in catalog.schemas.values().filter(|schema| !schema.at.is_platform()) {
            let name = format!("schema {}", schema.name);
            self.objects.insert(name.clone(), Object::default());
            self.add_held(catalog, name, &schema.acl, &schema.owner, ObjectKind::Schema);
        }
    }

    /// Adds the privileges of the API roles on an object, if the object is compared.
    fn add_held(&mut self, catalog: &Catalog, name: String, acl: &Acl, owner: &str, kind: ObjectKind) {
        let Some(object) = self.objects.get_mut(&name) else { return };
        let mut held = Vec::new();
        for role in ROLES {
            let privileges = catalog.privileges(role, acl, owner, kind);
            held.extend(PRIVILEGES.iter().filter(|(_, one)| privileges.contains(*one)).map(|(name, _)| format!("{role} {name}")));
        }
        held.sort();
        object.facts.insert("privileges".into(), held.into());
    }

    /// Removes objects of `birth` and their parts.
    pub fn since(mut self, birth: &Objects) -> Objects {
        let known = |name: &String| birth.objects.contains_key(&format!("table {name}"));
        self.objects.retain(|name, object| !birth.objects.contains_key(name) && !object.home.as_ref().is_some_and(known));
        self
    }

    /// Returns a line for each difference between the server and supalint.
    pub fn differences(&self, fold: &Objects) -> Vec<String> {
        let judged = |name: &String, object: &Object| {
            let home = object.home.as_ref().map(|home| format!("table {home}"));
            !fold.unsure.contains(name) && !home.is_some_and(|home| fold.unsure.contains(&home))
        };
        let mut out = Vec::new();
        for (name, object) in self.objects.iter().filter(|(name, object)| judged(name, object)) {
            let Some(told) = fold.objects.get(name) else {
                out.push(format!("{name}: PostgreSQL has it, supalint does not"));
                continue;
            };
            for (fact, value) in &object.facts {
                let said = told.facts.get(fact).unwrap_or(&Value::Null);
                if !agrees(value, said) {
                    out.push(format!("{name}: {fact} is {value} in PostgreSQL, {said} in supalint"));
                }
            }
        }
        let made_up = fold.objects.iter().filter(|(name, object)| !self.objects.contains_key(*name) && judged(name, object));
        out.extend(made_up.map(|(name, _)| format!("{name}: supalint has it, PostgreSQL does not")));
        out
    }
}

/// PostgreSQL's definitions of all objects in a database, by name.
pub type Definitions = BTreeMap<String, String>;

pub fn definitions(database: &mut Database) -> Definitions {
    database.fresh_session();
    // an empty search_path leads to qualified names
    database.run("set search_path = ''").expect("a setting");
    let rows = database.rows(include_str!("definitions.sql"));
    database.fresh_session();
    rows.into_iter().map(|mut row| (row.remove(0).unwrap_or_default(), row.remove(0).unwrap_or_default())).collect()
}

/// Returns a line for each difference.
pub fn changes(before: &Definitions, after: &Definitions) -> Vec<String> {
    let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let none = String::from("(none)");
    let held = |map: &Definitions, name: &String| map.get(name).unwrap_or(&none).clone();
    let changed = names.into_iter().filter(|name| before.get(*name) != after.get(*name));
    changed.map(|name| format!("{name}: was [{}] and is [{}]", held(before, name), held(after, name))).collect()
}

/// Returns whether two values agree. An unknown type of a view column agrees with every type.
fn agrees(server: &Value, fold: &Value) -> bool {
    match (server, fold) {
        (Value::Array(server), Value::Array(fold)) => {
            server.len() == fold.len() && server.iter().zip(fold).all(|(server, fold)| agrees(server, fold))
        }
        (Value::Object(server), Value::Object(fold)) => {
            server.iter().all(|(key, value)| fold.get(key).is_some_and(|said| said.is_null() || agrees(value, said)))
        }
        _ => server == fold,
    }
}

fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value[key].as_array().map(Vec::as_slice).unwrap_or_default()
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}

fn qualified(value: &Value) -> String {
    format!("{}.{}", text(value, "schema"), text(value, "name"))
}
