//! Columns that decide what policies allow, and that users can write in their own row.

use crate::analysis::caller_check::pinned;
use crate::analysis::identity_helpers::body;
use crate::analysis::predicate::outcomes;
use crate::analysis::trusted_columns::{Trusted, trusted_columns};
use crate::rules::prelude::*;

rule!("rls/writable-authority", Security, Error, Schema(check), fixable);

const ROLE: &str = "authenticated";

fn check(cx: &mut Cx) {
    for trusted in trusted_columns(cx) {
        let writes = [(Command::Update, Privileges::UPDATE), (Command::Insert, Privileges::INSERT)];
        let found = writes.into_iter().find_map(|(command, privilege)| Some((command, writable(cx, &trusted, command, privilege)?)));
        if let Some((command, policy)) = found {
            report(cx, &trusted, command, policy);
        }
    }
}

/// Returns the policy that lets users write the column in a row of their own.
fn writable<'a>(cx: &Cx<'a>, trusted: &Trusted<'a>, command: Command, privilege: Privileges) -> Option<&'a Policy> {
    let (table, column) = (trusted.table, &trusted.column.name);
    let guards = |text: &str| text.to_lowercase().contains(column.to_lowercase().as_str());
    let events: &[&str] = if command == Command::Insert { &["INSERT"] } else { &["UPDATE"] };
    let is_guarded = table.triggers.iter().any(|trigger| {
        let fires =
            trigger.enabled.value && trigger.events.iter().any(|event| events.iter().any(|wanted| event.eq_ignore_ascii_case(wanted)));
        let function = cx.catalog.functions.get(&trigger.function).into_iter().flatten().next();
        fires && function.is_none_or(|function| guards(body(cx, function)))
    });
    let once =
        table.indexes.iter().any(|index| index.unique && index.predicate.is_none() && index.plain_columns() == Some(vec![&trusted.person]));
    let reachable = cx.reachable(ROLE, table, privilege) && cx.catalog.may_use_column(ROLE, table, privilege, column);
    // whoever has one row at most has it since signing up
    if !table.rls.value || is_guarded || !reachable || command == Command::Insert && once {
        return None;
    }
    let (permissive, restrictive) = cx.applicable(table, ROLE, command);
    let constrains = |clause: &Expression| {
        clause.root.all().into_iter().any(|part| {
            part.column() == Some(column)
                || part.as_call().is_some_and(|call| call.name.schema() != Some("auth") && cx.catalog.find_functions(&call.name).is_some())
        })
    };
    if restrictive.iter().any(|policy| policy.clauses().any(|(_, clause)| constrains(clause))) {
        return None;
    }
    permissive.into_iter().find(|policy| {
        let check = policy.check.as_ref().or(policy.using.as_ref());
        let rows = if command == Command::Insert { check } else { policy.using.as_ref() };
        rows.is_some_and(|rows| is_own(cx, &rows.root, &trusted.person)) && check.is_some_and(|check| !constrains(check))
    })
}

/// Returns whether a condition allows each user's own row.
fn is_own(cx: &Cx, expr: &Expr, person: &str) -> bool {
    match &expr.kind {
        ExprKind::Logic { op: Logic::And, left, right } => is_own(cx, left, person) && is_own(cx, right, person),
        ExprKind::Logic { op: Logic::Or, left, right } => is_own(cx, left, person) || is_own(cx, right, person),
        _ => outcomes(expr, ROLE).is_always_true() || pinned(cx, expr).is_some_and(|column| column == person),
    }
}

fn report(cx: &mut Cx, trusted: &Trusted, command: Command, policy: &Policy) {
    let (table, column) = (trusted.table, &trusted.column.name);
    let (of, by) = trusted.by;
    let through = trusted.function.map(|function| format!(" through `{}`", function.name)).unwrap_or_default();
    let (what, gain) = match trusted.is_tenant {
        true => ("tenant", "access to any tenant"),
        false => ("role", "any role"),
    };
    let how = match command {
        Command::Insert => format!("lets users insert rows of their own with any `{column}`"),
        _ => format!("lets users change `{column}` in their own row"),
    };
    let message = format!(
        "policy \"{}\" on `{}` {how}, although it is the {what} by which policy \"{}\" on `{}` decides{through}: users give themselves {gain}",
        policy.name, table.name, by.name, of.name
    );
    let fix = (command == Command::Update).then(|| narrowed(cx, table, column)).flatten();
    let draft = cx.report((table, trusted.column), policy.named, message);
    draft.label(format!("allows writes of `{column}`")).because(by.named, "depends on the column").because(trusted.column.named, "column");
    draft.given(policy.certainty).given(by.certainty).given(table.rls.certainty);
    if let Some(function) = trusted.function {
        draft.because(function.named, "looks the column up");
    }
    draft.help(match command {
        Command::Insert => {
            format!("Let only server code or members with the right to invite insert rows, or require a fixed `{column}` in WITH CHECK.")
        }
        _ => format!(
            "Revoke UPDATE on the table and grant it on the other columns, or keep `{column}` unchanged in a BEFORE UPDATE trigger."
        ),
    });
    if let Some((title, steps)) = fix {
        draft
            .fix(Safety::Review, title, steps)
            .check(format!("Check that no client changes `{column}`: signed-in users lose this privilege."));
    }
}

/// Returns the statements that leave signed-in users all other columns.
fn narrowed(cx: &Cx, table: &Table, column: &str) -> Option<(String, [Step; 2])> {
    if !table.acl.direct(ROLE).contains(Privileges::UPDATE) || cx.applicable(table, ROLE, Command::Update).0.len() > 1 {
        return None;
    }
    let is_written = |other: &&Column| other.name != column && other.generated.is_none();
    let columns: Vec<String> = table.columns.iter().filter(is_written).map(|column| quote_ident(&column.name)).collect();
    if columns.is_empty() {
        return None;
    }
    let (name, columns) = (table.name.quoted(), columns.join(", "));
    let steps = [
        Step::batch(Phase::Grant, format!("revoke update on table {name} from {ROLE};"))
            .undo(format!("grant update on table {name} to {ROLE};")),
        Step::batch(Phase::Grant, format!("grant update ({columns}) on table {name} to {ROLE};"))
            .undo(format!("revoke update ({columns}) on table {name} from {ROLE};")),
    ];
    Some((format!("Grant UPDATE on `{}` without `{column}`", table.name), steps))
}
