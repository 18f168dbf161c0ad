//! `check --format advisors`: rows of Supabase's database linter (github.com/supabase/splinter), for the lints that can be decided from
//! files.
//!
//! Promises: name, title, level, facing, categories and remediation are those of the linter. `cache_key` and the names in `metadata` have
//! the same form, so that ignore lists and dashboards work. Descriptions are those of supalint. Each case of a lint is one row, even if
//! several diagnostics concern it. Facts that diagnostics lack (numbers of columns, languages of functions) are omitted from `metadata`.

use super::{page, summary, write_json};
use crate::finding::{Advisor, Category, Finding, Severity};
use crate::report::Report;
use serde::Serialize;
use std::collections::BTreeSet;
use std::io::{self, Write};

#[derive(Serialize)]
struct Document<'a> {
    findings: Vec<Row<'a>>,
}

#[derive(Serialize)]
struct Row<'a> {
    name: &'a str,
    title: &'a str,
    level: &'static str,
    facing: &'static str,
    categories: [&'static str; 1],
    description: String,
    detail: &'a str,
    remediation: String,
    metadata: Metadata<'a>,
    cache_key: &'a str,
}

#[derive(Serialize)]
struct Metadata<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    schema: Option<&'a str>,
    name: &'a str,
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    kind: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fkey_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    arguments: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    security_definer: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    indexes: Option<Vec<&'a str>>,
}

/// A lint as splinter declares it.
struct Lint {
    number: u32,
    name: &'static str,
    title: &'static str,
    level: &'static str,
    category: &'static str,
    /// Value of `metadata.type`, if the lint has one.
    kind: Option<&'static str>,
}

const fn lint(
    number: u32,
    name: &'static str,
    title: &'static str,
    level: &'static str,
    category: &'static str,
    kind: Option<&'static str>,
) -> Lint {
    Lint { number, name, title, level, category, kind }
}

/// Lints that depend only on the schema. Source: `lints/` of supabase/splinter.
#[rustfmt::skip]
const LINTS: &[Lint] = &[
    lint(1, "unindexed_foreign_keys", "Unindexed foreign keys", "INFO", "PERFORMANCE", Some("table")),
    lint(2, "auth_users_exposed", "Exposed Auth Users", "ERROR", "SECURITY", Some("view")),
    lint(3, "auth_rls_initplan", "Auth RLS Initialization Plan", "WARN", "PERFORMANCE", Some("table")),
    lint(4, "no_primary_key", "No Primary Key", "INFO", "PERFORMANCE", Some("table")),
    lint(6, "multiple_permissive_policies", "Multiple Permissive Policies", "WARN", "PERFORMANCE", Some("table")),
    lint(7, "policy_exists_rls_disabled", "Policy Exists RLS Disabled", "ERROR", "SECURITY", Some("table")),
    lint(8, "rls_enabled_no_policy", "RLS Enabled No Policy", "INFO", "SECURITY", Some("table")),
    lint(9, "duplicate_index", "Duplicate Index", "WARN", "PERFORMANCE", Some("table")),
    lint(10, "security_definer_view", "Security Definer View", "ERROR", "SECURITY", Some("view")),
    lint(11, "function_search_path_mutable", "Function Search Path Mutable", "WARN", "SECURITY", Some("function")),
    lint(12, "auth_allow_anonymous_sign_ins", "Anonymous Sign-Ins Enabled", "WARN", "SECURITY", Some("table")),
    lint(13, "rls_disabled_in_public", "RLS Disabled in Public", "ERROR", "SECURITY", Some("table")),
    lint(14, "extension_in_public", "Extension in Public", "WARN", "SECURITY", Some("extension")),
    lint(15, "rls_references_user_metadata", "RLS references user metadata", "ERROR", "SECURITY", Some("table")),
    lint(16, "materialized_view_in_api", "Materialized View in API", "WARN", "SECURITY", Some("materialized view")),
    lint(17, "foreign_table_in_api", "Foreign Table in API", "WARN", "SECURITY", Some("foreign table")),
    lint(18, "unsupported_reg_types", "Unsupported reg types", "WARN", "SECURITY", Some("table")),
    lint(19, "insecure_queue_exposed_in_api", "Insecure Queue Exposed in API", "ERROR", "SECURITY", Some("table")),
    lint(21, "fkey_to_auth_unique", "Foreign Key to Auth Unique Constraint", "ERROR", "SECURITY", None),
    lint(23, "sensitive_columns_exposed", "Sensitive Columns Exposed", "ERROR", "SECURITY", Some("table")),
    lint(24, "rls_policy_always_true", "RLS Policy Always True", "WARN", "SECURITY", Some("table")),
    lint(25, "public_bucket_allows_listing", "Public Bucket Allows Listing", "WARN", "SECURITY", Some("bucket")),
    lint(26, "pg_graphql_anon_table_exposed", "Public Can See Object in GraphQL Schema", "WARN", "SECURITY", Some("table")),
    lint(27, "pg_graphql_authenticated_table_exposed", "Signed-In Users Can See Object in GraphQL Schema", "WARN", "SECURITY", Some("table")),
    lint(28, "anon_security_definer_function_executable", "Public Can Execute SECURITY DEFINER Function", "WARN", "SECURITY", None),
    lint(29, "authenticated_security_definer_function_executable", "Signed-In Users Can Execute SECURITY DEFINER Function", "WARN", "SECURITY", None),
    lint(30, "autovacuum_disabled", "Autovacuum Disabled", "INFO", "PERFORMANCE", Some("table")),
];

pub fn write(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let mut told = BTreeSet::new();
    let findings = report
        .findings
        .iter()
        .chain(&report.only_for_advisor)
        .flat_map(|finding| finding.advisors.iter().map(move |advisor| (finding, advisor)))
        .filter(|(_, advisor)| told.insert((advisor.name, advisor.cache_key.as_str())))
        .map(|(finding, advisor)| row(finding, advisor))
        .collect();
    write_json(out, &Document { findings })
}

fn row<'a>(finding: &'a Finding, advisor: &'a Advisor) -> Row<'a> {
    const GUIDE: &str = "https://supabase.com/docs/guides/database/database-linter";
    let rule = summary::rule(finding.rule);
    let lint = LINTS.iter().find(|lint| lint.name == advisor.name);
    Row {
        name: advisor.name,
        title: lint.map_or_else(|| rule.map_or(finding.rule, |rule| page::title(rule.page)), |lint| lint.title),
        level: lint.map_or(level(finding.severity), |lint| lint.level),
        facing: "EXTERNAL",
        categories: [lint.map_or_else(|| rule.map_or("SECURITY", |rule| category(rule.category)), |lint| lint.category)],
        description: rule.map(|rule| page::summary(rule.page)).unwrap_or_default(),
        detail: &finding.message,
        remediation: lint.map_or(GUIDE.to_string(), |lint| format!("{GUIDE}?lint={:04}_{}", lint.number, lint.name)),
        metadata: metadata(finding, advisor, lint.and_then(|lint| lint.kind)),
        cache_key: &advisor.cache_key,
    }
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "ERROR",
        Severity::Warn => "WARN",
        Severity::Info => "INFO",
    }
}

fn category(category: Category) -> &'static str {
    match category {
        Category::Security | Category::Integrity => "SECURITY",
        Category::Performance | Category::Migration => "PERFORMANCE",
    }
}

fn metadata<'a>(finding: &'a Finding, advisor: &'a Advisor, kind: Option<&'static str>) -> Metadata<'a> {
    let subject = &finding.subject;
    let name = match (&subject.table, subject.name.split_once('(')) {
        (Some(table), _) => table.as_str(),
        // the name of a function includes its arguments
        (None, Some((name, _))) if subject.kind == "function" => name,
        (None, _) => subject.name.as_str(),
    };
    let definer = advisor.name.ends_with("_security_definer_function_executable");
    let schema = subject.schema.as_deref();
    let tail = tail(advisor, schema.unwrap_or_default(), name);
    let list = |tail: &'a str| Some(tail.strip_prefix('{')?.strip_suffix('}')?.split(',').collect());
    Metadata {
        schema,
        name,
        kind,
        fkey_name: (subject.kind == "constraint").then_some(subject.name.as_str()),
        arguments: tail.filter(|_| definer),
        security_definer: definer.then_some(true),
        indexes: tail.filter(|_| advisor.name == "duplicate_index").and_then(list),
    }
}

/// Returns the part of the key after the name of the object.
fn tail<'a>(advisor: &'a Advisor, schema: &str, name: &str) -> Option<&'a str> {
    advisor.cache_key.strip_prefix(&format!("{}_{schema}_{name}_", advisor.name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lints_are_named_once_and_in_order() {
        assert!(LINTS.windows(2).all(|pair| pair[0].number < pair[1].number));
        let names: BTreeSet<&str> = LINTS.iter().map(|lint| lint.name).collect();
        assert_eq!(names.len(), LINTS.len());
    }

    /// All lints that rules use are declared here.
    #[test]
    fn what_rules_name_is_known() {
        fn walk(folder: &std::path::Path, names: &mut BTreeSet<String>) {
            for entry in std::fs::read_dir(folder).unwrap().flatten() {
                if entry.path().is_dir() {
                    walk(&entry.path(), names);
                } else {
                    let text = std::fs::read_to_string(entry.path()).unwrap();
                    names.extend(text.split("advisor(").skip(1).filter_map(|rest| {
                        let name = rest.trim_start().strip_prefix('"')?.split_once('"')?.0;
                        Some(name.to_string())
                    }));
                }
            }
        }
        let mut names = BTreeSet::new();
        walk(&std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/rules"), &mut names);
        assert!(names.len() > 5, "{names:?}");
        names.retain(|name| !LINTS.iter().any(|lint| lint.name == name));
        assert_eq!(names, BTreeSet::new());
    }
}
