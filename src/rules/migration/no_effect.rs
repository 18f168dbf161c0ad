//! Statements that have no effect: IF EXISTS with a slightly different name, IF NOT EXISTS with the name of a different object, and REVOKE
//! of a privilege that the role holds in another way.

mod revoke;
mod shadowed_creation;

use crate::analysis::state::is_users_table;
use crate::remedy::restore;
use crate::rules::prelude::*;
use crate::syntax::ast::{AlterAction, AlterTable, Drop, ObjectKind, ObjectRef};
use crate::syntax::types::TypeName;

rule!("migration/no-effect", Migration, Warn, Statement(check), fixable);

/// Help for an object that was not dropped.
const BY_NAME: &str = "Drop it by its exact name in a new migration, without IF EXISTS. A wrong name is then an error.";

fn check(cx: &mut Cx, step: &StatementStep) {
    let Form::Read(ast) = &step.statement.form else { return };
    match &**ast {
        Ast::Drop(drop) if drop.if_exists => drop.objects.iter().for_each(|object| dropped(cx, step, drop, object)),
        Ast::AlterTable(alter) if alter.kind == ObjectKind::Table => alter_table(cx, step, alter),
        Ast::CreateTable(create) if create.if_not_exists && !create.temporary => shadowed_creation::table(cx, step, create),
        Ast::CreateIndex(create) if create.if_not_exists => shadowed_creation::index(cx, step, create),
        Ast::Grant(grant) if !grant.grant => revoke::check(cx, step, grant),
        Ast::DefaultPrivileges(defaults) if !defaults.grant => revoke::defaults(cx, step, defaults),
        _ => {}
    }
}

fn dropped(cx: &mut Cx, step: &StatementStep, drop: &Drop, object: &ObjectRef) {
    match drop.kind {
        ObjectKind::Policy => policy(cx, step, object),
        ObjectKind::Trigger => trigger(cx, step, object),
        ObjectKind::Function | ObjectKind::Procedure | ObjectKind::Routine => function(cx, step, object),
        ObjectKind::Index => index(cx, step, object),
        ObjectKind::Table | ObjectKind::View | ObjectKind::MaterializedView => relation(cx, step, object),
        _ => {}
    }
}

/// Adds the undo statement to a step, or a note to the title if there is none.
fn undone(title: String, step: Step, undo: Option<String>) -> (String, Step) {
    match undo {
        Some(undo) => (title, step.undo(undo)),
        None => (format!("{title} (a rollback does not restore it)"), step),
    }
}

/// Returns the table of a policy or trigger, if its definition is completely known.
fn table_of<'a>(cx: &Cx<'a>, object: &ObjectRef) -> Option<&'a Table> {
    let name = cx.catalog.find_relation(object.on.as_ref()?)?;
    cx.catalog.table(&name).filter(|table| !table.external && table.certainty == Certainty::Certain)
}

fn policy(cx: &mut Cx, step: &StatementStep, object: &ObjectRef) {
    let Some(table) = table_of(cx, object) else { return };
    let name = SmolStr::from(object.name.last());
    if table.policy(&name).is_some() {
        return;
    }
    let certain = |policy: &&Policy| policy.certainty == Certainty::Certain && !policy.at.is_platform();
    let near = table.policies.iter().filter(certain).find(|policy| is_reworded(&policy.name, &name));
    let Some(near) = near else { return };
    let lets = if near.permissive { "still allows its rows" } else { "still restricts rows" };
    let message = format!("`{}` has no policy \"{name}\", so this drops nothing: the similar policy \"{}\" {lets}", table.name, near.name);
    let (at, old, on, dropped) = (near.at, near.name.clone(), table.name.clone(), step.site);
    let cure = Step::batch(Phase::Policy, format!("drop policy {} on {};", quote_ident(&near.name), table.name.quoted()))
        .undo(restore::policy(cx, table, near));
    cx.report((table, near), step.site, message)
        .label(format!("\"{name}\" does not exist"))
        .because(near.at, format!("\"{}\" is created here", near.name))
        .help(BY_NAME)
        .fix(Safety::Review, format!("Drop policy \"{}\"", near.name), [cure])
        .discriminate(&name)
        .only_if_at_end(move |catalog| {
            let Some(table) = catalog.table(&on) else { return false };
            let Some(near) = table.policy(&old).filter(|policy| policy.at == at) else { return false };
            // without a replacement, the DROP may be a precaution, and the object with the similar name may be intended
            let replaces = |new: &&Policy| {
                let everybody = |policy: &Policy| policy.applies_to_role("public");
                let same_roles = everybody(new) || everybody(near) || new.roles.iter().any(|role| near.roles.contains(role));
                is_behind(new.at, dropped) && new.permissive == near.permissive && share(new.command, near.command) && same_roles
            };
            table.policies.iter().filter(|policy| policy.name != old).any(|new| replaces(&new))
        });
}

/// Returns the spans of two locations if both are in the same file.
fn in_one_file(one: Site, other: Site) -> Option<(Span, Span)> {
    (one.file == other.file).then_some((one.span, other.span))
}

/// Returns whether an object was created later in the same file.
fn is_behind(at: Site, dropped: Site) -> bool {
    in_one_file(at, dropped).is_some_and(|(at, dropped)| at.start >= dropped.end)
}

/// Returns whether two policies have a command in common.
fn share(one: Command, other: Command) -> bool {
    one == other || one == Command::All || other == Command::All
}

fn trigger(cx: &mut Cx, step: &StatementStep, object: &ObjectRef) {
    let Some(table) = table_of(cx, object) else { return };
    let name = SmolStr::from(object.name.last());
    if table.triggers.iter().any(|trigger| trigger.name == name) {
        return;
    }
    let certain = |trigger: &&Trigger| trigger.certainty == Certainty::Certain && !trigger.at.is_platform();
    let Some(near) = table.triggers.iter().filter(certain).find(|trigger| is_reworded(&trigger.name, &name)) else { return };
    let message = format!(
        "`{}` has no trigger `{name}`, so this drops nothing: the similar trigger `{}` still runs `{}`",
        table.name, near.name, near.function
    );
    let (at, old, on, dropped) = (near.at, near.name.clone(), table.name.clone(), step.site);
    let drop = format!("drop trigger {} on {};", quote_ident(&near.name), table.name.quoted());
    let (title, cure) =
        undone(format!("Drop trigger `{}`", near.name), Step::batch(Phase::Function, drop), restore::trigger(cx, table, near));
    cx.report(table, step.site, message)
        .label(format!("`{name}` does not exist"))
        .because(near.at, format!("`{}` is created here", near.name))
        .help(BY_NAME)
        .fix(Safety::Review, title, [cure])
        .discriminate(&name)
        .only_if_at_end(move |catalog| {
            let Some(table) = catalog.table(&on) else { return false };
            let Some(near) = table.triggers.iter().find(|trigger| trigger.name == old && trigger.at == at) else { return false };
            table.triggers.iter().any(|new| new.name != old && is_behind(new.at, dropped) && new.function == near.function)
        });
}

/// Reports a function that stays because its arguments differ from those in the DROP, next to the function that replaces it.
fn function(cx: &mut Cx, step: &StatementStep, object: &ObjectRef) {
    let Some(args) = &object.args else { return };
    let Some(name) = cx.catalog.find_functions(&object.name) else { return };
    let overloads = cx.catalog.functions.get(&name).map(Vec::as_slice).unwrap_or_default();
    let [old] = overloads else { return };
    let certain = old.certainty == Certainty::Certain && !old.of_extension && !old.at.is_platform();
    if !certain || takes(old, args) || in_one_file(old.at, step.site).is_some() {
        return;
    }
    let named: Vec<String> = args.iter().map(|arg| arg.signature().to_string()).collect();
    let message = format!(
        "function `{name}({})` does not exist, so this drops nothing: `{}` stays, and calls of `{}` may still run it",
        named.join(", "),
        old.display(),
        name.name
    );
    let (at, dropped, signature, args) = (old.at, step.site, old.signature(), args.clone());
    let arguments = old.signature().len();
    // PostgreSQL refuses to drop an object that others depend on (2BP01)
    let cure = cx.catalog.dependents_of_function(old).is_empty().then(|| {
        let kind = if old.kind == RoutineKind::Procedure { "procedure" } else { "function" };
        let drop = Step::batch(Phase::Function, format!("drop {kind} {};", old.quoted()));
        undone(format!("Drop {kind} `{}`", old.display()), drop, restore::function(cx, old))
    });
    let draft = cx.report(old, step.site, message);
    if let Some((title, cure)) = cure {
        draft.fix(Safety::Review, title, [cure]);
    }
    draft
        .label("no function has these arguments")
        .because(old.at, "this function has other arguments")
        .help(BY_NAME)
        .discriminate(named.join(","))
        .only_if_at_end(move |catalog| {
            let overloads = catalog.functions.get(&name).map(Vec::as_slice).unwrap_or_default();
            let stays = overloads.iter().any(|function| function.at == at && function.signature() == signature);
            // a function with other arguments in the same file; calls with the old number of arguments still run the old function
            let replaces = |function: &Function| {
                let required = function.inputs().filter(|arg| arg.default.is_none()).count();
                in_one_file(function.at, dropped).is_some()
                    && function.signature() != signature
                    && !takes(function, &args)
                    && required <= arguments
            };
            stays && overloads.iter().any(replaces)
        });
}

/// Returns whether a function has arguments of these types.
fn takes(function: &Function, args: &[TypeName]) -> bool {
    let signature = function.signature();
    let last = |name: &str| name.rsplit('.').next().unwrap_or(name).trim_matches('"').to_string();
    signature.len() == args.len() && signature.iter().zip(args).all(|(known, written)| last(known) == last(&written.signature()))
}

fn index(cx: &mut Cx, step: &StatementStep, object: &ObjectRef) {
    if cx.catalog.find_relation(&object.name).is_some() {
        return;
    }
    let name = SmolStr::from(object.name.last());
    let certain = |index: &Index| index.certainty == Certainty::Certain && index.constraint.is_none();
    let near = |index: &&Index| certain(index) && (index.name == name || letters(&index.name) == letters(&name));
    let mut tables =
        cx.catalog.tables.which(|table| is_users_table(table) && !table.external && table.indexes.iter().any(|index| near(&index)));
    let Some((table, near)) = tables.next().and_then(|table| Some((table, table.indexes.iter().find(near)?))) else { return };
    let full = QName::new(table.name.schema.clone(), near.name.clone());
    let message = format!("index `{}` does not exist, so this drops nothing: `{full}` stays", object.name);
    let (at, old, on, wanted) = (near.at, near.name.clone(), table.name.clone(), name.clone());
    cx.report((table, near), step.site, message)
        .label("no index has this name")
        .because(near.at, "index with a similar name")
        .help(BY_NAME)
        .discriminate(&name)
        .only_if_at_end(move |catalog| {
            let Some(table) = catalog.table(&on) else { return false };
            table.index(&old).is_some_and(|near| near.at == at) && (old == wanted || table.index(&wanted).is_none())
        });
}

/// Reports a table or view whose name differs only in case and underscores. PostgreSQL folds unquoted names to lower case.
fn relation(cx: &mut Cx, step: &StatementStep, object: &ObjectRef) {
    let catalog = cx.catalog;
    if catalog.find_relation(&object.name).is_some() {
        return;
    }
    let Some(place) = catalog.place(&object.name) else { return };
    let is_near = |table: &Table| {
        table.name.schema == place.schema
            && !table.external
            && table.certainty == Certainty::Certain
            && letters(&table.name.name) == letters(&place.name)
    };
    let near = catalog.tables.which(|table| is_users_table(table) && is_near(table)).next();
    let Some(near) = near else { return };
    let message = format!("table `{place}` does not exist, so this drops nothing: `{}` stays with all of its rows", near.name);
    let (old, at) = (near.name.clone(), near.created);
    cx.report(near, step.site, message)
        .label("no table has this name")
        .because(near.created, "table with a similar name")
        .help(BY_NAME)
        .discriminate(place.to_string())
        .only_if_at_end(move |catalog| catalog.table(&old).is_some_and(|near| near.created == at) && catalog.table(&place).is_none());
}

fn alter_table(cx: &mut Cx, step: &StatementStep, alter: &AlterTable) {
    let Some(name) = cx.catalog.find_relation(&alter.name) else { return };
    let Some(table) = cx.catalog.table(&name).filter(|table| !table.external && table.certainty == Certainty::Certain) else { return };
    for (span, action) in &alter.actions {
        let at = step.site.in_same_file(*span);
        match action {
            AlterAction::DropColumn { column, if_exists: true, .. } => drop_column(cx, table, &column.name, at),
            AlterAction::DropConstraint { name, if_exists: true, .. } => drop_constraint(cx, table, &name.name, at),
            AlterAction::AddColumn { column, if_not_exists: true } => shadowed_creation::column(cx, table, column, at),
            _ => {}
        }
    }
}

fn drop_column(cx: &mut Cx, table: &Table, name: &SmolStr, at: Site) {
    if table.column(name).is_some() {
        return;
    }
    let Some(near) = table.columns.iter().find(|column| letters(&column.name) == letters(name)) else { return };
    let message = format!("`{}` has no column `{name}`, so this drops nothing: `{}` stays", table.name, near.name);
    let (on, old, made, wanted) = (table.name.clone(), near.name.clone(), near.at, name.clone());
    cx.report((table, near), at, message)
        .label("no column has this name")
        .because(near.at, "column with a similar name")
        .help(BY_NAME)
        .discriminate(name)
        .only_if_at_end(move |catalog| {
            let stays = |table: &Table| table.column(&old).is_some_and(|near| near.at == made) && table.column(&wanted).is_none();
            catalog.table(&on).is_some_and(stays)
        });
}

/// Reports a constraint that stays because it has another name, and rejects values that its replacement allows.
fn drop_constraint(cx: &mut Cx, table: &Table, name: &SmolStr, at: Site) {
    if table.constraint(name).is_some() {
        return;
    }
    let old = |constraint: &&Constraint| {
        let before = in_one_file(constraint.at, at).is_none_or(|(old, at)| old.end <= at.start);
        constraint.name != *name && constraint.certainty == Certainty::Certain && before
    };
    for near in table.constraints.iter().filter(old) {
        let (on, made, old, wanted, after) = (table.name.clone(), near.at, near.name.clone(), name.clone(), at);
        let Some(harm) = harm_of(near) else { continue };
        let message = format!(
            "`{}` has no constraint `{name}`, so this drops nothing: `{}` stays next to the new one and {harm}",
            table.name, near.name
        );
        let drop = format!("alter table {} drop constraint {};", table.name.quoted(), quote_ident(&near.name));
        let (title, cure) =
            undone(format!("Drop constraint `{}`", near.name), Step::batch(Phase::Constraint, drop), restore::constraint(cx, table, near));
        cx.report((table, near), at, message)
            .label("no constraint has this name")
            .because(near.at, format!("`{}` is created here", near.name))
            .help(BY_NAME)
            .fix(Safety::Review, title, [cure])
            .discriminate(name)
            .only_if_at_end(move |catalog| {
                let Some(table) = catalog.table(&on) else { return false };
                let Some(old) = table.constraint(&old).filter(|old| old.at == made) else { return false };
                let new = table.constraint(&wanted).filter(|new| loosens(old, new));
                new.and_then(|new| in_one_file(new.at, after)).is_some_and(|(new, after)| new.start >= after.start)
            });
    }
}

fn harm_of(old: &Constraint) -> Option<String> {
    match old.kind {
        ConstraintKind::Check => one_of(old).map(|(column, _)| format!("still rejects values of `{column}` that the new one allows")),
        ConstraintKind::ForeignKey => Some("still applies when a referenced row is deleted".into()),
        ConstraintKind::PrimaryKey | ConstraintKind::Unique | ConstraintKind::Exclude => None,
    }
}

/// Returns whether a new constraint allows values that an old one on the same columns rejects.
fn loosens(old: &Constraint, new: &Constraint) -> bool {
    if old.kind != new.kind {
        return false;
    }
    match (&old.references, &new.references) {
        (Some(before), Some(after)) => {
            old.columns == new.columns
                && before.table == after.table
                && (before.on_delete, before.on_update) != (after.on_delete, after.on_update)
        }
        _ => match (one_of(old), one_of(new)) {
            (Some((column, before)), Some((other, after))) => column == other && after.iter().any(|value| !before.contains(value)),
            _ => false,
        },
    }
}

/// Returns the column and the values of `CHECK (column IN ('a', 'b'))` in any of its forms.
fn one_of(check: &Constraint) -> Option<(SmolStr, Vec<SmolStr>)> {
    let root = &check.expr.as_ref()?.root;
    let (column, list): (&Expr, &[Expr]) = match &root.kind {
        ExprKind::InList { expr, list, negated: false } => (expr, list),
        ExprKind::Quantified { left, op, all: false, right } if op == "=" => match &right.uncast().kind {
            ExprKind::Array(list) => (left, list),
            _ => return None,
        },
        _ => return None,
    };
    let column = column.uncast().column()?;
    let values = list.iter().map(|value| value.as_str().map(SmolStr::from)).collect::<Option<Vec<SmolStr>>>()?;
    Some((column.into(), values))
}

/// Returns a name in lower case without quotes, blanks and punctuation.
fn letters(name: &str) -> String {
    name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// Words that are ignored when names of policies are compared.
const FILLERS: [&str; 14] = ["a", "an", "be", "can", "for", "in", "is", "may", "of", "on", "policy", "the", "their", "to"];

/// Returns the significant words of a name, in the singular.
fn words(name: &str) -> Vec<String> {
    let lower = name.to_lowercase();
    let words = lower.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty() && !FILLERS.contains(word));
    words.map(|word| if word.len() > 3 { word.strip_suffix('s').unwrap_or(word) } else { word }.to_string()).collect()
}

/// Returns whether two different names have nearly the same words.
fn is_reworded(one: &str, other: &str) -> bool {
    one != other && (letters(one) == letters(other) || words(one) == words(other))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_near_if_they_say_the_same() {
        for (one, other) in [
            ("Users can view own profile", "Users can view their own profile"),
            ("Users can view own profile.", "users can view own profile"),
            ("notes_select", "Notes Select"),
            ("Owner can read notes", "Owners can read notes"),
        ] {
            assert!(is_reworded(one, other), "{one} / {other}");
        }
        for (one, other) in [
            ("Users can view own profile", "Users can update own profile"),
            ("Users can view own profile", "Users can view profile"),
            ("policy_1", "policy_2"),
            ("Admins can read notes", "Users can read notes"),
            ("same", "same"),
        ] {
            assert!(!is_reworded(one, other), "{one} / {other}");
        }
    }
}
