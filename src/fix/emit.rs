//! Scripts for psql: one verifies the fixes of a plan in a database, and one undoes them.
//!
//! Promises: both stop at the first error. The assertions compare the catalogs before and after the plan, so they cover only what the plan
//! changed.

use super::Plan;
use crate::catalog::acl::Privileges;
use crate::catalog::name::{QName, quote_literal};
use crate::catalog::object::{Function, Policy, ReferentialAction, Table};
use crate::finding::Work;
use crate::source::Site;
use std::fmt::Write;

/// Roles whose privileges are verified.
const ROLES: [&str; 3] = ["anon", "authenticated", "service_role"];

const TABLE_PRIVILEGES: [(Privileges, &str); 4] =
    [(Privileges::SELECT, "SELECT"), (Privileges::INSERT, "INSERT"), (Privileges::UPDATE, "UPDATE"), (Privileges::DELETE, "DELETE")];

/// Returns a script that undoes the plan, the last statement first.
pub fn rollback(plan: &Plan) -> String {
    let mut out = String::from("-- Undoes the changes of the migrations that supalint wrote. Run it with psql.\n\\set ON_ERROR_STOP on\n");
    for planned in plan.files.iter().rev() {
        let undone: Vec<&str> = planned.statements.iter().rev().filter_map(|planned| planned.statement.undo.as_deref()).collect();
        let _ = writeln!(out, "\n-- {}", in_comment(&planned.path));
        if undone.is_empty() {
            out.push_str("-- nothing to undo\n");
        }
        for sql in undone {
            let _ = writeln!(out, "{};", sql.trim_end().trim_end_matches(';'));
        }
    }
    if plan.project.platform == crate::project::Platform::Supabase && !plan.files.is_empty() {
        let versions: Vec<&str> = plan.files.iter().map(|planned| planned.version.as_str()).collect();
        let _ = writeln!(
            out,
            "\n-- Afterwards, outside this script, delete the files and update the migration history:\n\
             -- supabase migration repair --status reverted {}",
            versions.join(" ")
        );
    }
    out
}

/// Returns a text that cannot end a comment.
fn in_comment(text: &str) -> String {
    text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect()
}

/// Returns a script that asserts the changes of the plan.
pub fn verify(plan: &Plan) -> String {
    let mut script = Script {
        out: String::from(
            "-- Raises an error if a migration that supalint wrote had no effect. Run it with psql.\n\\set ON_ERROR_STOP on\n",
        ),
    };
    let own: Vec<_> = plan.project.migrations[plan.from..].iter().map(|migration| migration.file).collect();
    let is_new = |site: Site| own.contains(&plan.report.sources.resolve(site).file);
    for table in plan.after.tables.values() {
        script.table(table, plan.before.table(&table.name), &is_new, plan);
    }
    for view in plan.after.views.values() {
        let Some(before) = plan.before.views.get(&view.name) else { continue };
        let name = regclass(&view.name);
        if view.security_invoker.value != before.security_invoker.value {
            let found = format!(
                "select from pg_class where oid = {name} and coalesce(reloptions, '{{}}') && array['security_invoker=true', 'security_invoker=on', 'security_invoker=1']"
            );
            let holds = if view.security_invoker.value { exists(&found) } else { not(&found) };
            script.assert(&holds, &format!("{} does not read with the required privileges", view.name));
        }
        for role in ROLES {
            for (privilege, word) in TABLE_PRIVILEGES {
                let kind = crate::syntax::ast::ObjectKind::View;
                let had = plan.before.privileges(role, &before.acl, &before.owner, kind).contains(privilege);
                let has = plan.after.privileges(role, &view.acl, &view.owner, kind).contains(privilege);
                if had != has {
                    script.privilege(
                        &format!("has_table_privilege({}, {name}, '{word}')", quote_literal(role)),
                        has,
                        role,
                        word,
                        &view.name.to_string(),
                    );
                }
            }
        }
    }
    for function in plan.after.functions.values().flatten() {
        let same = |other: &&Function| other.signature() == function.signature();
        let before = plan.before.functions.get(&function.name).and_then(|all| all.iter().find(same));
        script.function(function, before, plan);
    }
    script.dropped_objects(plan);
    let statements = plan.files.iter().flat_map(|planned| &planned.statements).map(|planned| &planned.statement);
    for assertion in statements.filter(|statement| statement.work == Work::Assertion) {
        let _ = writeln!(script.out, "{};", assertion.sql.trim_end().trim_end_matches(';'));
    }
    script.out.push_str("\n\\echo 'all checks passed'\n");
    script.out
}

struct Script {
    out: String,
}

fn exists(query: &str) -> String {
    format!("exists ({query})")
}

fn not(query: &str) -> String {
    format!("not exists ({query})")
}

fn regclass(name: &QName) -> String {
    format!("to_regclass({})", quote_literal(&name.quoted()))
}

impl Script {
    fn assert(&mut self, holds: &str, otherwise: &str) {
        let body = format!("begin assert {holds}, {}; end", quote_literal(otherwise));
        let mut tag = "$verify$".to_string();
        while body.contains(&tag) {
            tag.insert(1, '_');
        }
        let _ = writeln!(self.out, "do {tag} {body} {tag};");
    }

    fn privilege(&mut self, asked: &str, has: bool, role: &str, word: &str, of: &str) {
        match has {
            true => self.assert(asked, &format!("{role} cannot {word} {of}")),
            false => self.assert(&format!("not {asked}"), &format!("{role} can still {word} {of}")),
        }
    }

    fn table(&mut self, table: &Table, before: Option<&Table>, is_new: &impl Fn(Site) -> bool, plan: &Plan) {
        let (name, class) = (&table.name, regclass(&table.name));
        if is_new(table.rls.at) {
            let on = if table.rls.value { "relrowsecurity" } else { "not relrowsecurity" };
            self.assert(
                &exists(&format!("select from pg_class where oid = {class} and {on}")),
                &format!("row level security of {name} is not {}", if table.rls.value { "on" } else { "off" }),
            );
        }
        for policy in table.policies.iter().filter(|policy| is_new(policy.at)) {
            self.policy(table, policy);
        }
        for column in table.columns.iter().filter(|column| is_new(column.not_null.at) && column.not_null.value) {
            let column_name = quote_literal(&column.name);
            self.assert(
                &exists(&format!("select from pg_attribute where attrelid = {class} and attname = {column_name} and attnotnull")),
                &format!("{name}.{} can be NULL", column.name),
            );
        }
        for constraint in table.constraints.iter().filter(|constraint| is_new(constraint.at) || is_new(constraint.validated.at)) {
            let own = quote_literal(&constraint.name);
            let validated = if constraint.validated.value { " and convalidated" } else { "" };
            let deletes = match constraint.references.as_ref().map(|key| key.on_delete) {
                Some(ReferentialAction::Cascade) => " and confdeltype = 'c'",
                Some(ReferentialAction::SetNull) => " and confdeltype = 'n'",
                _ => "",
            };
            self.assert(
                &exists(&format!("select from pg_constraint where conrelid = {class} and conname = {own}{validated}{deletes}")),
                &format!(
                    "constraint {} of {name} is missing{}",
                    constraint.name,
                    if validated.is_empty() { "" } else { " or not validated" }
                ),
            );
        }
        for index in table.indexes.iter().filter(|index| is_new(index.at)) {
            let index_class = regclass(&QName::new(name.schema.clone(), index.name.clone()));
            self.assert(
                &exists(&format!("select from pg_index where indexrelid = {index_class} and indrelid = {class} and indisvalid")),
                &format!("index {} of {name} is missing or invalid: drop it and create it again", index.name),
            );
        }
        let Some(before) = before else { return };
        for role in ROLES {
            for (privilege, word) in TABLE_PRIVILEGES {
                let had = plan.before.table_privileges(role, before).contains(privilege);
                let has = plan.after.table_privileges(role, table).contains(privilege);
                if had != has {
                    self.privilege(
                        &format!("has_table_privilege({}, {class}, '{word}')", quote_literal(role)),
                        has,
                        role,
                        word,
                        &name.to_string(),
                    );
                }
            }
        }
    }

    fn policy(&mut self, table: &Table, policy: &Policy) {
        let command = policy.command.word();
        let mut roles: Vec<String> = policy.roles.iter().map(|role| quote_literal(role)).collect();
        if policy.roles.iter().any(|role| role == "public") {
            roles = vec!["'public'".to_string()];
        }
        roles.sort();
        let kind = if policy.permissive { "PERMISSIVE" } else { "RESTRICTIVE" };
        let of = |present: bool| if present { "is not null" } else { "is null" };
        self.assert(
            &exists(&format!(
                "select from pg_policies where schemaname = {} and tablename = {} and policyname = {} and cmd = '{command}' and permissive = '{kind}' \
                 and roles = array[{}]::name[] and qual {} and with_check {}",
                quote_literal(&table.name.schema),
                quote_literal(&table.name.name),
                quote_literal(&policy.name),
                roles.join(", "),
                of(policy.using.is_some()),
                of(policy.check.is_some()),
            )),
            &format!("policy \"{}\" on {} is missing, or has another command or other roles", policy.name, table.name),
        );
    }

    fn function(&mut self, function: &Function, before: Option<&Function>, plan: &Plan) {
        let procedure = format!("to_regprocedure({})", quote_literal(&function.quoted()));
        let Some(before) = before else {
            return self.assert(&format!("{procedure} is not null"), &format!("function {} is missing", function.display()));
        };
        if function.settings != before.settings {
            for (setting, value) in function.settings.iter().filter(|setting| !before.settings.contains(setting)) {
                let wanted = quote_literal(&format!("{setting}={value}"));
                self.assert(
                    &exists(&format!("select from pg_proc where oid = {procedure} and {wanted} = any (proconfig)")),
                    &format!("{} does not run with {setting} = {value}", function.display()),
                );
            }
        }
        if function.security_definer.value != before.security_definer.value {
            let wanted = if function.security_definer.value { "prosecdef" } else { "not prosecdef" };
            self.assert(
                &exists(&format!("select from pg_proc where oid = {procedure} and {wanted}")),
                &format!("{} does not run with the required privileges", function.display()),
            );
        }
        for role in ROLES {
            let (had, has) = (plan.before.may_execute(role, before), plan.after.may_execute(role, function));
            if had != has {
                self.privilege(
                    &format!("has_function_privilege({}, {procedure}, 'EXECUTE')", quote_literal(role)),
                    has,
                    role,
                    "EXECUTE",
                    &function.display(),
                );
            }
        }
    }

    /// Asserts that dropped objects no longer exist.
    fn dropped_objects(&mut self, plan: &Plan) {
        for before in plan.before.tables.values() {
            let (name, class) = (&before.name, regclass(&before.name));
            let after = plan.after.table(name);
            for index in before.indexes.iter().filter(|index| after.is_some_and(|after| after.index(&index.name).is_none())) {
                let index_class = regclass(&QName::new(name.schema.clone(), index.name.clone()));
                self.assert(&format!("{index_class} is null"), &format!("index {} of {name} is still there", index.name));
            }
            for policy in before.policies.iter().filter(|policy| after.is_some_and(|after| after.policy(&policy.name).is_none())) {
                self.assert(
                    &not(&format!("select from pg_policy where polrelid = {class} and polname = {}", quote_literal(&policy.name))),
                    &format!("policy \"{}\" on {name} is still there", policy.name),
                );
            }
            let left =
                before.constraints.iter().filter(|constraint| after.is_some_and(|after| after.constraint(&constraint.name).is_none()));
            for constraint in left {
                self.assert(
                    &not(&format!("select from pg_constraint where conrelid = {class} and conname = {}", quote_literal(&constraint.name))),
                    &format!("constraint {} of {name} is still there", constraint.name),
                );
            }
        }
        for before in plan.before.functions.values().flatten() {
            let same = |other: &Function| other.signature() == before.signature();
            if !plan.after.functions.get(&before.name).is_some_and(|all| all.iter().any(same)) {
                let procedure = format!("to_regprocedure({})", quote_literal(&before.quoted()));
                self.assert(&format!("{procedure} is null"), &format!("function {} is still there", before.display()));
            }
        }
    }
}
