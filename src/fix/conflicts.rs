//! Detection of fixes that undo each other.
//!
//! Promises: only the statements are compared, so contradictions between any two rules are found. If one of two names has no schema, the
//! schema of the other name is ignored.

use crate::catalog::acl::Privileges;
use crate::syntax::ast::{AlterAction, Ast, Form, GrantTarget, ObjectKind, ObjectRef};
use crate::syntax::expression::ObjectName;
use crate::syntax::parser;
use crate::syntax::split::Splitter;
use smol_str::SmolStr;
use std::collections::{BTreeMap, BTreeSet};

/// A property that a statement switches on or off.
struct Switch {
    what: &'static str,
    /// Table of the part, or the object itself.
    object: ObjectName,
    /// Part of the object, or role of a privilege.
    part: String,
    privileges: Privileges,
    on: bool,
}

impl Switch {
    fn contradicts(&self, other: &Switch) -> bool {
        let shares = |one: Privileges, other: Privileges| one.is_empty() && other.is_empty() || one.intersects(other);
        let schemas = (self.object.schema(), other.object.schema());
        let may_be_same = !matches!(schemas, (Some(one), Some(other)) if one != other);
        self.on != other.on
            && (self.what, &self.part) == (other.what, &other.part)
            && self.object.last() == other.object.last()
            && may_be_same
            && shares(self.privileges, other.privileges)
    }
}

/// Effects of statements, for comparison with other statements.
#[derive(Default)]
pub struct StatementEffects {
    by_object: BTreeMap<SmolStr, Vec<(usize, Switch)>>,
}

impl StatementEffects {
    /// Reads statements. Each has its number.
    pub fn of<'s>(statements: impl IntoIterator<Item = &'s str>) -> StatementEffects {
        let mut out = StatementEffects::default();
        for (number, sql) in statements.into_iter().enumerate() {
            for switch in switches([sql]) {
                out.by_object.entry(switch.object.last().into()).or_default().push((number, switch));
            }
        }
        out
    }

    /// Returns the numbers of the statements that other statements undo, at least in part. The others run in the given order.
    pub fn undone_by<'s>(&self, by: impl IntoIterator<Item = &'s str>) -> BTreeSet<usize> {
        let mut out = BTreeSet::new();
        for switch in switches(by) {
            let known = self.by_object.get(switch.object.last()).into_iter().flatten();
            out.extend(known.filter(|(_, done)| done.contradicts(&switch)).map(|(number, _)| *number));
        }
        out
    }
}

fn switches<'s>(statements: impl IntoIterator<Item = &'s str>) -> Vec<Switch> {
    let mut out: Vec<Switch> = Vec::new();
    for sql in statements {
        let mut new = Vec::new();
        for raw in Splitter::new(sql) {
            if let Form::Read(ast) = parser::statement(sql, &raw).form {
                of_statement(&ast, &mut new);
            }
        }
        // REVOKE ALL before GRANT SELECT leaves SELECT
        out.retain_mut(|before| {
            for switch in &new {
                if !switch.contradicts(before) {
                    continue;
                }
                before.privileges = before.privileges.without(switch.privileges);
                if before.privileges.is_empty() {
                    return false;
                }
            }
            true
        });
        out.append(&mut new);
    }
    out
}

fn of_statement(ast: &Ast, out: &mut Vec<Switch>) {
    let mut switch = |what: &'static str, object: &ObjectName, part: &str, on: bool| {
        out.push(Switch { what, object: object.clone(), part: part.to_string(), privileges: Privileges::NONE, on });
    };
    match ast {
        Ast::Grant(grant) => {
            let GrantTarget::Objects(objects) = &grant.target else { return };
            for object in objects {
                let mut privileges = Privileges::NONE;
                // an empty list of privileges means ALL
                let named = grant.privileges.iter().map(|(name, _)| Privileges::named(name).unwrap_or(Privileges::NONE));
                named.for_each(|privilege| privileges |= privilege);
                if grant.privileges.is_empty() {
                    privileges = Privileges::all(object.kind);
                }
                for role in &grant.roles {
                    let (object, part) = (with_arguments(object), role.name.to_string());
                    out.push(Switch { what: "privilege", object, part, privileges, on: grant.grant });
                }
            }
        }
        Ast::AlterTable(alter) => {
            for (_, action) in &alter.actions {
                let table = &alter.name;
                match action {
                    AlterAction::EnableRls => switch("row security", table, "", true),
                    AlterAction::DisableRls => switch("row security", table, "", false),
                    AlterAction::ForceRls => switch("forced row security", table, "", true),
                    AlterAction::NoForceRls => switch("forced row security", table, "", false),
                    AlterAction::SetNotNull { column } => switch("not null", table, &column.name, true),
                    AlterAction::DropNotNull { column } => switch("not null", table, &column.name, false),
                    AlterAction::AddColumn { column, .. } => switch("column", table, &column.name.name, true),
                    AlterAction::DropColumn { column, .. } => switch("column", table, &column.name, false),
                    AlterAction::AddConstraint(definition) => {
                        if let Some(name) = &definition.name {
                            switch("constraint", table, &name.name, true);
                        }
                    }
                    AlterAction::DropConstraint { name, .. } => switch("constraint", table, &name.name, false),
                    AlterAction::SetOptions { options } => {
                        for (option, value) in options {
                            switch("option", table, option, matches!(value.as_str(), "true" | "on" | "1" | "yes"));
                        }
                    }
                    AlterAction::ResetOptions { options } => options.iter().for_each(|option| switch("option", table, option, false)),
                    _ => {}
                }
            }
        }
        Ast::CreatePolicy(create) => switch("policy", &create.table, &create.name.name, true),
        Ast::CreateIndex(create) => {
            if let Some(name) = &create.name {
                switch("index", &ObjectName::bare(&name.last().into()), "", true);
            }
        }
        Ast::AlterFunction(alter) => {
            let object = with_arguments(&alter.object);
            if let Some((definer, _)) = alter.options.security_definer {
                switch("security definer", &object, "", definer);
            }
            for (name, value, _) in &alter.options.settings {
                switch("setting", &object, name, value.is_some());
            }
        }
        Ast::Drop(drop) => {
            for object in &drop.objects {
                match (drop.kind, &object.on) {
                    (ObjectKind::Policy, Some(table)) => switch("policy", table, object.name.last(), false),
                    (ObjectKind::Index, _) => switch("index", &ObjectName::bare(&object.name.last().into()), "", false),
                    _ => {}
                }
            }
        }
        _ => {}
    }
}

/// Returns a name that includes the argument types of a function.
fn with_arguments(object: &ObjectRef) -> ObjectName {
    let mut name = object.name.clone();
    if let (Some(args), Some(last)) = (&object.args, name.parts.last_mut()) {
        let types: Vec<String> = args.iter().map(|ty| ty.signature().to_string()).collect();
        last.name = format!("{}({})", last.name, types.join(",")).into();
    }
    name
}

#[cfg(test)]
mod tests {
    use super::StatementEffects;

    fn contradicts(one: &str, other: &str) -> bool {
        !StatementEffects::of([one]).undone_by([other]).is_empty()
    }

    #[test]
    fn statements_contradict_each_other_if_one_takes_back_what_the_other_does() {
        for (one, other) in [
            ("grant select, insert on public.a, b to anon", "revoke select on b from anon"),
            ("revoke all on function f(int) from public", "grant execute on function public.f(integer) to public"),
            ("alter table a enable row level security", "alter table only public.a disable row level security"),
            ("create policy p on a using (true)", "drop policy if exists p on a"),
            ("create index i on a (x)", "drop index concurrently public.i"),
            ("alter view v set (security_invoker = true)", "alter view v reset (security_invoker)"),
            ("alter function f() set search_path = ''", "alter function f() reset search_path"),
        ] {
            assert!(contradicts(one, other) && contradicts(other, one), "{one} / {other}");
        }
        for (one, other) in [
            ("grant select on a to anon", "revoke insert on a from anon"),
            ("grant select on a to anon", "revoke select on a from authenticated"),
            ("grant select on x.a to anon", "revoke select on y.a from anon"),
            ("grant execute on function f(int) to anon", "revoke execute on function f(text) from anon"),
            ("create policy p on a using (true)", "drop policy p on b"),
            ("grant select on a to anon", "grant select on a to anon"),
        ] {
            assert!(!contradicts(one, other), "{one} / {other}");
        }
        let narrowed = ["revoke all on a from anon", "grant select on a to anon"];
        assert!(StatementEffects::of(["grant select on a to anon"]).undone_by(narrowed).is_empty());
        assert!(!StatementEffects::of(["grant select, insert on a to anon"]).undone_by(narrowed).is_empty());
    }
}
