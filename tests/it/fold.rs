//! Small histories and the schema that results from them. Each line of `expect` is an object in the output of `schema --format json`. Each
//! line of `fails` is a statement that PostgreSQL rejects. `tests/it/postgres.rs` runs the same histories on a server.

pub mod cases;

use crate::support::replay;
use cases::CASES;
use serde_json::Value;
use supalint::output::schema;

/// Returns the catalog as JSON, and the failures as `line: SQLSTATE`.
fn fold(text: &str) -> (Value, Vec<String>) {
    let (sources, replay) = replay::replay(text);
    let mut out = Vec::new();
    schema::json(&replay.catalog, &sources, &mut out).unwrap();
    let told = replay.catalog.rejected.iter().map(|rejected| replay::told(rejected, &sources));
    let failed = told.map(|(line, code)| format!("{line}: {code}")).collect();
    (serde_json::from_slice(&out).unwrap(), failed)
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(list) => list.iter().map(text).collect::<Vec<_>>().join(","),
        Value::Null => "-".into(),
        other => other.to_string(),
    }
}

/// Returns a line for each object of the catalog.
fn describe(catalog: &Value) -> Vec<String> {
    let mut out = Vec::new();
    let each = |key: &str| catalog[key].as_array().unwrap().clone();
    for table in each("tables") {
        let name = text(&table["name"]);
        out.push(format!("table: {name} rls={} anon={} writes={}", table["rls_enabled"], table["anon_select"], text(&table["anon_write"])));
        for column in table["columns"].as_array().unwrap() {
            let null = if column["not_null"] == true { " not null" } else { "" };
            out.push(format!(
                "column: {name}.{} {}{null} default {}",
                text(&column["name"]),
                text(&column["type"]),
                text(&column["default"])
            ));
        }
    }
    for (key, fields) in [
        ("views", &["name", "kind", "security_invoker"][..]),
        ("policies", &["table", "name", "permissive", "cmd", "roles", "qual", "with_check"]),
        ("indexes", &["name", "columns", "is_unique", "is_primary"]),
        ("constraints", &["name", "type", "columns", "ref_table", "ref_columns", "on_delete", "validated"]),
        ("functions", &["name", "args", "security_definer", "volatility", "search_path", "anon_execute"]),
        ("triggers", &["table", "name"]),
        ("enums", &["name", "labels"]),
        ("buckets", &["id", "public"]),
        ("publication_tables", &["pubname", "table"]),
    ] {
        for object in each(key) {
            let shown: Vec<String> = fields.iter().map(|field| text(&object[*field])).collect();
            out.push(format!("{}: {}", key, shown.join(" ")));
        }
    }
    out
}

#[test]
fn histories_fold_to_what_postgresql_would_hold() {
    let mut wrong = Vec::new();
    for case in CASES {
        let (catalog, failed) = fold(case.history);
        let described = describe(&catalog);
        for expected in case.expect.iter().filter(|line| !described.iter().any(|known| known == *line)) {
            wrong.push(format!("{}: no `{expected}` among\n    {}", case.name, described.join("\n    ")));
        }
        if failed != case.fails {
            wrong.push(format!("{}: failed {failed:?}, not {:?}", case.name, case.fails));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn every_object_tells_where_it_comes_from() {
    let (catalog, _) = fold("create table t (\n  id int\n);\ncreate policy p on outside for select using (true);");
    assert_eq!(catalog["tables"][1]["columns"][0]["at"]["line"], 2);
    assert_eq!(catalog["tables"][1]["at"]["file"], "supabase/migrations/20250101000000_a.sql");
    assert_eq!(catalog["tables"][0]["external"], true);
    assert_eq!(catalog["tables"][0]["certainty"], "maybe");
    assert_eq!(catalog["policies"][0]["certainty"], "certain");
}
