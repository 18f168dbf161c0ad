//! CREATE … IF NOT EXISTS statements that have no effect because a different object with the same name exists.

use crate::rules::prelude::*;
use crate::syntax::ast::{self, ColumnDef, CreateIndex, CreateTable, TableElement};
use crate::syntax::types::TypeName;

/// Reports a table that lacks columns of the ignored definition.
pub fn table(cx: &mut Cx, step: &StatementStep, create: &CreateTable) {
    let whole = create.inherits.is_empty() && create.partition_of.is_none() && create.of_type.is_none();
    let Some(table) = cx.catalog.place(&create.name).and_then(|name| cx.catalog.table(&name)) else { return };
    if !whole || table.external || table.certainty != Certainty::Certain {
        return;
    }
    let columns = create.elements.iter().filter_map(|element| match element {
        TableElement::Column(column) => Some(column),
        TableElement::Constraint(_) | TableElement::Like { .. } => None,
    });
    let missing: Vec<SmolStr> =
        columns.filter(|column| table.column(&column.name.name).is_none()).map(|column| column.name.name.clone()).collect();
    let mut distinct = missing.clone();
    distinct.sort();
    distinct.dedup();
    // `INDEX name (column)` of another database reads as a column called `index`
    if missing.is_empty() || distinct.len() < missing.len() {
        return;
    }
    let message = format!(
        "`{}` already exists, so this statement changes nothing: it {} {}",
        table.name,
        if missing.len() == 1 { "does not add the column" } else { "does not add the columns" },
        listed(&missing)
    );
    let (name, lacking) = (table.name.clone(), missing.clone());
    cx.report(table, step.site, message)
        .label("has no effect")
        .because(table.created, "created here without them")
        .help("Add the columns with `alter table … add column`, or remove the statement if they are not needed.")
        .discriminate(missing.join(","))
        .only_if_at_end(move |catalog| {
            catalog.table(&name).is_some_and(|table| !table.external && lacking.iter().all(|column| table.column(column).is_none()))
        });
}

/// Reports an index with the same name on other columns.
pub fn index(cx: &mut Cx, step: &StatementStep, create: &CreateIndex) {
    let Some(name) = &create.name else { return };
    let Some(target) = cx.catalog.find_relation(&create.table) else { return };
    // an index is made in the schema of its table
    let full = QName::new(target.schema.clone(), name.last());
    let Some(home) = cx.catalog.index_home(&full).and_then(|home| cx.catalog.table(home)) else { return };
    let Some(known) = home.index(&full.name).filter(|known| known.certainty == Certainty::Certain) else { return };
    let wanted: Option<Vec<&str>> = create.elements.iter().map(|element| element.expr.column()).collect();
    let (Some(wanted), Some(columns)) = (wanted, known.plain_columns()) else { return };
    let differs = home.name != target || columns != wanted || (create.unique && !known.unique);
    if !differs {
        return;
    }
    let what = |unique: bool, table: &QName, columns: &[&str]| {
        format!("{}`{table}` ({})", if unique { "unique on " } else { "on " }, columns.join(", "))
    };
    let message = format!(
        "index `{}` already exists {}, so this statement creates none {}",
        full.name,
        what(known.unique, &home.name, &columns),
        what(create.unique, &target, &wanted)
    );
    let (at, unique, wanted): (Site, bool, Vec<SmolStr>) = (known.at, create.unique, wanted.into_iter().map(SmolStr::from).collect());
    let name = full.name.clone();
    cx.report((home, known), step.site, message)
        .label("has no effect")
        .because(known.at, "existing index with this name")
        .help("Give the new index another name.")
        .discriminate(target.to_string())
        .discriminate(wanted.join(","))
        .only_if_at_end(move |catalog| {
            let stays = catalog.index_home(&full).and_then(|home| catalog.table(home)?.index(&name)).is_some_and(|known| known.at == at);
            let serves = |index: &Index| {
                let leads = index
                    .plain_columns()
                    .is_some_and(|columns| columns.len() >= wanted.len() && columns.iter().zip(&wanted).all(|(a, b)| a == b));
                leads && (!unique || (index.unique && index.columns.len() == wanted.len()))
            };
            stays && catalog.table(&target).is_some_and(|table| !table.indexes.iter().any(serves))
        });
}

/// Reports a column with the same name that differs from the ignored definition.
pub fn column(cx: &mut Cx, table: &Table, definition: &ColumnDef, at: Site) {
    let name = &definition.name.name;
    let Some(known) = table.column(name).filter(|known| known.certainty == Certainty::Certain) else { return };
    let Some(ty) = &definition.ty else { return };
    let differs = !is_type(&known.ty, ty);
    let is_text = |name: &str| matches!(name, "text" | "character varying" | "character");
    let as_good = differs && is_text(&known.ty.base) && is_text(ty.name.last()) && !known.ty.array && ty.dimensions == 0;
    let refers = |table: &Table, name: &SmolStr| table.foreign_keys().any(|(constraint, _)| constraint.columns.contains(name));
    let checked = |table: &Table, name: &SmolStr| {
        table.constraints.iter().any(|constraint| constraint.kind == ConstraintKind::Check && constraint.columns.contains(name))
    };
    let wants = |kind: fn(&ast::ConstraintKind) -> bool| definition.constraints.iter().any(|constraint| kind(&constraint.kind));
    let no_key = wants(|kind| matches!(kind, ast::ConstraintKind::ForeignKey { .. })) && !refers(table, name);
    let no_check = wants(|kind| matches!(kind, ast::ConstraintKind::Check { .. })) && !checked(table, name);
    let nullable = definition.not_null.is_some() && !known.not_null.value;
    let mut kept: Vec<String> = Vec::new();
    if differs {
        kept.push(format!("keeps the type `{}`", known.ty.canonical()));
    }
    for (lacks, what) in [(no_key, "gets no foreign key"), (no_check, "gets no CHECK constraint"), (nullable, "still allows NULL")] {
        if lacks {
            kept.push(what.into());
        }
    }
    if kept.is_empty() {
        return;
    }
    let message =
        format!("`{}` already has a column `{name}`, so this statement changes nothing: the column {}", table.name, kept.join(" and "));
    let help = match (differs, no_key || no_check, nullable) {
        (true, _, _) => format!("Change the type with `alter column {} type …`, or give the new column another name.", quote_ident(name)),
        (false, true, _) => "Add the constraint in a separate statement: `alter table … add constraint …`.".to_string(),
        (false, false, _) => format!("Run `alter column {} set not null` when no row has NULL.", quote_ident(name)),
    };
    let (on, column, ty) = (table.name.clone(), name.clone(), known.ty.clone());
    let severity = if as_good && kept.len() == 1 { Severity::Info } else { Severity::Warn };
    cx.report((table, known), at, message)
        .severity(severity)
        .label("has no effect")
        .because(known.at, "created here")
        .help(help)
        .discriminate(kept.join(","))
        .only_if_at_end(move |catalog| {
            let Some(table) = catalog.table(&on) else { return false };
            let Some(known) = table.column(&column) else { return false };
            (differs && known.ty == ty)
                || (no_key && !refers(table, &column))
                || (no_check && !checked(table, &column))
                || (nullable && !known.not_null.value)
        });
}

/// Returns whether a type is the written one.
fn is_type(known: &DataType, written: &TypeName) -> bool {
    let base = match written.name.last() {
        "serial" => "integer",
        "bigserial" => "bigint",
        "smallserial" => "smallint",
        other => other,
    };
    let name = known.user.as_ref().map_or(known.base.as_str(), |user| user.name.as_str());
    name == base && known.array == (written.dimensions > 0) && known.modifiers == written.modifiers
}

fn listed(names: &[SmolStr]) -> String {
    const MOST: usize = 5;
    let shown: Vec<String> = names.iter().take(MOST).map(|name| format!("`{name}`")).collect();
    match names.len().saturating_sub(MOST) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}
