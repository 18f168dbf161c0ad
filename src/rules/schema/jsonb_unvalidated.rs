//! JSON columns whose structure policies, views, functions or indexes depend on, but that no constraint validates. CHECK constraints that
//! raise a cast error instead of a check violation are reported too, and columns that clients write and no SQL reads.

use crate::analysis::json_use::{Use, column, is_seen_by_trigger, look, shape, uses_of};
use crate::analysis::open_policies::may_write;
use crate::rules::prelude::*;

rule!("schema/jsonb-unvalidated", Integrity, Info, Schema(check), fixable);

fn check(cx: &mut Cx) {
    for table in cx.user_tables() {
        of_table(cx, table);
    }
}

fn of_table(cx: &mut Cx, table: &Table) {
    for column in table.columns.iter().filter(|column| column.ty.is_json() && column.generated.is_none()) {
        let uses = uses_of(cx, table, column);
        if is_held(cx, table, column) {
            continue;
        }
        match uses.is_empty() {
            false => report(cx, table, column, uses),
            true => unread(cx, table, column),
        }
    }
    for constraint in table.constraints.iter().filter(|constraint| constraint.kind == ConstraintKind::Check) {
        raising(cx, table, constraint);
    }
}

/// Returns whether a CHECK constraint or a trigger validates the column.
fn is_held(cx: &Cx, table: &Table, column: &Column) -> bool {
    let checked = table.constraints.iter().any(|constraint| {
        constraint.kind == ConstraintKind::Check
            && constraint.expr.as_ref().is_some_and(|expr| expr.root.all().iter().any(|part| part.column() == Some(&column.name)))
    });
    checked || is_seen_by_trigger(cx, table, column)
}

fn report(cx: &mut Cx, table: &Table, column: &Column, uses: &[Use]) {
    // policies come first, then uses that can fail
    let Some(main) = uses.iter().min_by_key(|place| (!place.policy, !place.casts)) else { return };
    let name = format!("{}.{}", table.name, column.name);
    let what = main.key.as_ref().map_or_else(|| format!("`{name}`"), |key| format!("`{key}` in `{name}`"));
    let danger = match (main.policy, main.casts) {
        (_, true) => "one row with another kind of value makes the whole statement fail",
        (true, false) => "a row with a missing or different value is treated as if the value were NULL",
        (false, false) => "a row with a missing or different value is treated as a row without a value",
    };
    let message = format!("{} reads {what}, but no constraint validates the value: {danger}", main.reader);
    let shape = shape(column, uses);
    let steps = shape.as_ref().map(|shape| add_check(table, column, shape));
    let draft = cx.report((table, column), column.named, message);
    draft.because(main.at, "read here");
    let json = if column.ty.is("json") { " Consider jsonb, which does not parse the text at each read." } else { "" };
    match steps {
        Some(steps) => draft.help(format!("Add a CHECK constraint for what SQL relies on. NULL and missing keys pass it.{json}")).fix(
            Safety::Review,
            format!("Add a CHECK constraint for the structure of `{name}`"),
            steps,
        ),
        None => draft.help(format!("Add a CHECK constraint or a trigger for what SQL relies on.{json}")),
    };
    if main.policy {
        draft.severity(Severity::Warn);
    }
}

/// Reports a column that clients can write and that no SQL reads.
fn unread(cx: &mut Cx, table: &Table, column: &Column) {
    let name = format!("{}.{}", table.name, column.name);
    if !cx.is_exposed(&table.name.schema) || !may_write(cx, table) {
        return;
    }
    let default = column.default.as_ref().and_then(|default| default.root.as_str());
    let shape = match default.and_then(|default| default.trim_start().chars().next()) {
        Some('{') => "object",
        Some('[') => "array",
        _ => "…",
    };
    let kind = if column.ty.is("json") { "json_typeof" } else { "jsonb_typeof" };
    let check = format!("check ({kind}({}) = '{shape}')", quote_ident(&column.name));
    cx.report((table, column), column.named, format!("nothing validates `{name}`: clients can store any JSON, of any size"))
        .discriminate("unread")
        .severity(Severity::Info)
        .help(format!("Add a CHECK constraint for what clients rely on, such as `{check}`."))
        .cause(
            "unread",
            "JSON column that clients can write is validated by nothing",
            "JSON columns that clients can write are validated by nothing",
        );
}

fn add_check(table: &Table, column: &Column, shape: &str) -> [Step; 2] {
    let on = table.name.quoted();
    let free = |name: &SmolStr| table.constraint(name).is_none();
    let named =
        |number: u32| derived_name(&table.name.name, &column.name, &if number == 0 { "check".into() } else { format!("check{number}") });
    let name = quote_ident(&(0..).map(named).find(free).expect("there are more numbers than names"));
    let (add, drop) =
        (format!("alter table {on} add constraint {name} check ({shape}) not valid;"), format!("alter table {on} drop constraint {name};"));
    let unproven = format!("{drop}\n{add}");
    [
        Step::batch(Phase::Constraint, add).undo(drop),
        Step::next_file(Phase::Constraint, format!("alter table {on} validate constraint {name};")).undo(unproven),
    ]
}

/// Reports a CHECK constraint that casts the value of a key.
fn raising(cx: &mut Cx, table: &Table, constraint: &Constraint) {
    let Some(expression) = &constraint.expr else { return };
    let json = |name: Option<&str>| name.and_then(|name| table.column(name)).filter(|column| column.ty.is_json());
    let all = expression.root.all();
    let cast = all.iter().find_map(|expr| {
        let (of, place) = look(expr).filter(|_| matches!(expr.kind, ExprKind::Cast { .. }))?;
        Some((json(of.column())?, place.key?, *expr))
    });
    let asks = |call: &Call| {
        matches!(call.name.last(), "jsonb_typeof" | "json_typeof") && call.args.iter().any(|arg| column(&arg.value).is_none())
    };
    let guarded = all.iter().any(|expr| matches!(expr.kind, ExprKind::Case { .. }) || expr.as_call().is_some_and(asks));
    let Some((column, key, expr)) = cast.filter(|_| !guarded) else { return };
    let kind = if column.ty.is("json") { "json_typeof" } else { "jsonb_typeof" };
    let message = format!(
        "`{}` casts `{key}` of `{}.{}`: a value that is not {} raises a cast error (22P02) instead of a check violation (23514)",
        constraint.name,
        table.name,
        column.name,
        match &expr.kind {
            ExprKind::Cast { to, .. } => to.canonical(),
            _ => SmolStr::default(),
        }
    );
    cx.report((table, constraint), expression.at(expr), message).help(format!(
        "Check `{kind}({} -> {})` in a CASE before the cast. The cast error names neither the table nor the constraint.",
        quote_ident(&column.name),
        quote_literal(&key)
    ));
}
