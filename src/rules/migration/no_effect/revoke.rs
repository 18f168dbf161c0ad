//! REVOKE statements that have no effect, because the role holds the privilege in another way.

use crate::catalog::acl::{Acl, Privileges};
use crate::catalog::effect::Grantable;
use crate::catalog::{Catalog, PUBLIC};
use crate::rules::about::About;
use crate::rules::prelude::*;
use crate::syntax::ast::{self, GrantTarget, ObjectKind, ObjectRef};

const HELD_BY_ALL: &str = "Revoke it from PUBLIC, then grant it to the roles that need it.";

/// An object with its privileges.
struct Held<'a> {
    on: Grantable,
    about: About,
    name: String,
    acl: &'a Acl,
    kind: ObjectKind,
    /// Whether another role granted the privileges, so the role of the migrations cannot revoke them.
    foreign: bool,
    /// Whether the object is a trigger function, which cannot be called directly.
    by_trigger: bool,
}

/// `REVOKE … ON … FROM …`
pub fn check(cx: &mut Cx, step: &StatementStep, revoke: &ast::Grant) {
    let objects = objects(cx, &revoke.target);
    for role in &revoke.roles {
        let role = SmolStr::from(role.name.as_str());
        // each statement has at most one diagnostic
        if objects.iter().any(|held| on_object(cx, step, revoke, held, &role)) {
            return;
        }
    }
}

fn on_object(cx: &mut Cx, step: &StatementStep, revoke: &ast::Grant, held: &Held, role: &SmolStr) -> bool {
    let certain = held.acl.grants.iter().all(|grant| grant.certainty == Certainty::Certain);
    if !certain || !held.about.certain || revoke.grant_option {
        return false;
    }
    let (mut whole, mut of_columns) = (Privileges::NONE, Privileges::NONE);
    for (name, columns) in &revoke.privileges {
        let Some(privilege) = Privileges::named(name) else { return false };
        if columns.is_empty() { whole |= privilege } else { of_columns |= privilege }
    }
    if revoke.privileges.is_empty() {
        whole = Privileges::all(held.kind);
    }
    let direct = held.acl.direct(role);
    let by_table = direct.meet(of_columns);
    let by_all = held.acl.direct(PUBLIC).meet(whole);
    let name = &held.name;
    let public = SmolStr::from(PUBLIC);
    if !by_table.is_empty() {
        let message = format!("`{role}` holds the privilege on the whole table `{name}`, so a REVOKE on columns has no effect");
        report(cx, step, held, role, (role, by_table), message)
            .help("Revoke the privilege on the table, then grant it on the columns that the role may use.");
        return true;
    }
    let held_of = direct.meet(whole) | by_all;
    if held.foreign && !held_of.is_empty() {
        let message = format!(
            "`{role}` keeps its privileges on `{name}`: another role granted them, and REVOKE removes only grants of the current role"
        );
        let through = if direct.intersects(whole) { role } else { &public };
        report(cx, step, held, role, (through, held_of), message)
            .help("Do not rely on this statement. Check the privilege with `has_schema_privilege` or `has_function_privilege`.");
        return true;
    }
    if role != PUBLIC && !by_all.is_empty() && !held.foreign && !held.by_trigger {
        let message = format!("`{role}` keeps its privilege on `{name}`: every role has it through PUBLIC");
        report(cx, step, held, role, (&public, by_all), message).help(HELD_BY_ALL);
        return true;
    }
    false
}

/// Reports a REVOKE from `role`, which keeps privileges through a grantee (`kept`). The diagnostic is dropped if the grantee does not hold
/// them after all migrations.
fn report<'c>(
    cx: &'c mut Cx,
    step: &StatementStep,
    held: &Held,
    role: &SmolStr,
    kept: (&SmolStr, Privileges),
    message: String,
) -> &'c mut DiagnosticBuilder {
    let (on, grantee) = (held.on.clone(), role.clone());
    let (through, lost) = (kept.0.clone(), kept.1);
    cx.report(held.about.clone(), step.site, message)
        .label("has no effect")
        .discriminate(grantee)
        .only_if_at_end(move |catalog| acl_of(catalog, &on).is_some_and(|acl| acl.direct(&through).intersects(lost)))
}

fn acl_of<'a>(catalog: &'a Catalog, on: &Grantable) -> Option<&'a Acl> {
    match on {
        Grantable::Relation(name) => catalog.table(name).map(|table| &table.acl).or_else(|| catalog.views.get(name).map(|view| &view.acl)),
        Grantable::Sequence(name) => catalog.sequences.get(name).map(|sequence| &sequence.acl),
        Grantable::Function(name, signature) => catalog.function(name, signature).map(|function| &function.acl),
        Grantable::Schema(name) => catalog.schemas.get(name).map(|schema| &schema.acl),
    }
}

fn objects<'a>(cx: &Cx<'a>, target: &GrantTarget) -> Vec<Held<'a>> {
    match target {
        GrantTarget::Objects(objects) => objects.iter().filter_map(|object| named(cx, object)).collect(),
        GrantTarget::AllInSchema { kind: ObjectKind::Table | ObjectKind::Sequence, .. } => Vec::new(),
        GrantTarget::AllInSchema { schemas, .. } => {
            let is_in = |function: &&Function| schemas.iter().any(|schema| schema.name == function.name.schema);
            cx.catalog.functions.values().flatten().filter(is_in).map(|function| of_function(cx.catalog, function)).collect()
        }
    }
}

fn of_function<'a>(catalog: &Catalog, function: &'a Function) -> Held<'a> {
    let on = Grantable::Function(function.name.clone(), function.signature());
    Held {
        foreign: catalog.is_granted_by_platform(&on),
        on,
        about: function.into(),
        name: function.display(),
        acl: &function.acl,
        kind: ObjectKind::Function,
        by_trigger: function.returns_trigger(),
    }
}

fn named<'a>(cx: &Cx<'a>, object: &ObjectRef) -> Option<Held<'a>> {
    let catalog = cx.catalog;
    match object.kind {
        ObjectKind::Table => {
            let table =
                catalog.table(&catalog.find_relation(&object.name)?).filter(|table| !table.external && !table.created.is_platform())?;
            let (on, name) = (Grantable::Relation(table.name.clone()), table.name.to_string());
            Some(Held { on, about: table.into(), name, acl: &table.acl, kind: ObjectKind::Table, foreign: false, by_trigger: false })
        }
        ObjectKind::Function | ObjectKind::Procedure | ObjectKind::Routine => {
            let overloads = catalog.functions.get(&catalog.find_functions(&object.name)?)?;
            let function = match &object.args {
                None => overloads.first().filter(|_| overloads.len() == 1)?,
                Some(args) => overloads.iter().find(|function| super::takes(function, args))?,
            };
            (!function.at.is_platform()).then(|| of_function(catalog, function))
        }
        ObjectKind::Schema => {
            let schema = catalog.schemas.get(&SmolStr::from(object.name.last()))?;
            let foreign = catalog.is_granted_by_platform(&Grantable::Schema(schema.name.clone()));
            let about = About::statement(&format!("revoke on schema {}", schema.name));
            foreign.then(|| Held {
                on: Grantable::Schema(schema.name.clone()),
                about,
                name: schema.name.to_string(),
                acl: &schema.acl,
                kind: ObjectKind::Schema,
                foreign,
                by_trigger: false,
            })
        }
        _ => None,
    }
}

/// Checks `ALTER DEFAULT PRIVILEGES IN SCHEMA … REVOKE … FROM …`. The default privileges of one schema only add to those for all
/// schemas.
/// Source: PostgreSQL's documentation, "ALTER DEFAULT PRIVILEGES".
pub fn defaults(cx: &mut Cx, step: &StatementStep, revoke: &ast::DefaultPrivileges) {
    let current = cx.catalog.current_role();
    let roles: Vec<SmolStr> = match revoke.for_roles.as_slice() {
        [] => vec![current],
        roles => roles.iter().map(|role| role.name.clone()).collect(),
    };
    let entries = || cx.catalog.default_privileges.get(&()).into_iter().flatten();
    let of_public = revoke.roles.iter().any(|role| role.name == PUBLIC) && revoke.on == ObjectKind::Function;
    let adds = |role: &SmolStr, schema: &SmolStr| {
        entries().any(|entry| {
            (&entry.role, entry.on) == (role, ObjectKind::Function)
                && entry.grantee == PUBLIC
                && entry.schema.as_ref() == Some(schema)
                && !entry.privileges.is_empty()
        })
    };
    let given = |role: &SmolStr| {
        !entries().any(|entry| {
            (&entry.role, entry.on) == (role, ObjectKind::Function)
                && entry.schema.is_none()
                && entry.grantee == PUBLIC
                && entry.privileges.is_empty()
        })
    };
    let without = |role: &SmolStr| given(role) && !revoke.schemas.iter().any(|schema| adds(role, &schema.name));
    if !of_public || revoke.schemas.is_empty() || !roles.iter().any(without) {
        return;
    }
    let schema = &revoke.schemas[0].name;
    let message = format!(
        "this has no effect: PUBLIC gets EXECUTE on new functions in every schema, and the default privileges of `{schema}` only add to that"
    );
    cx.report(About::statement("alter default privileges in schema revoke"), step.site, message)
        .label("has no effect")
        .help("Write `alter default privileges revoke execute on functions from public`, without IN SCHEMA.")
        .discriminate(schema);
}
