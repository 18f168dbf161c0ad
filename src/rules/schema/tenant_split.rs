//! Incomplete moves to a new tenant column: the new column exists, but policies and rows still use the old one.

use crate::analysis::column_writes::is_filled;
use crate::analysis::row_parent::{Path, path, target};
use crate::analysis::tenant::Tenants;
use crate::remedy::backfill::{backfill, forbid_null};
use crate::remedy::policy_migration::{self, Example};
use crate::rules::prelude::*;
use std::collections::BTreeMap;

rule!("schema/tenant-split", Integrity, Warn, Schema(check), fixable);

fn check(cx: &mut Cx) {
    let tenants = Tenants::of(cx);
    let settled = tenants.columns();
    let config = cx.config();
    let named = |column: &SmolStr| config.tenant_columns.iter().any(|known| known == column) || settled.contains(column);
    let mut users: BTreeMap<&SmolStr, Vec<&QName>> = BTreeMap::new();
    let all = tenants.all();
    for (table, found) in all {
        found.iter().for_each(|tenant| users.entry(&tenant.column).or_default().push(table));
    }
    for table in cx.user_tables().filter(|table| !table.external) {
        let used = tenants.of_table(table);
        let [old, ..] = used else { continue };
        let new = table.columns.iter().find(|column| {
            let elsewhere = users.get(&column.name).is_some_and(|tables| tables.iter().any(|other| **other != table.name));
            let has_members = target(table, &column.name).is_some_and(|home| tenants.is_tenant_table(home));
            (elsewhere || has_members)
                && named(&column.name)
                && used.iter().all(|tenant| tenant.column != column.name && target(table, &tenant.column) != target(table, &column.name))
                && !column.not_null.value
                && !used.iter().any(|tenant| is_within(cx, table, &column.name, &tenant.column))
                && column.default.is_none()
                && column.generated.is_none()
                && is_later(cx, table, column)
        });
        let Some(new) = new.filter(|new| !is_filled(cx, table, &new.name)) else { continue };
        let others = users.get(&new.name).map_or(&[][..], Vec::as_slice);
        let example = others.iter().find(|other| **other != &table.name);
        let (name, path) = (&table.name, path(cx, table, &new.name));
        let whose = match (example, target(table, &new.name)) {
            (Some(example), _) => format!(", those of `{example}` use the new one,"),
            (None, Some(home)) => format!(", users are members of `{home}`,"),
            (None, None) => String::new(),
        };
        let message = format!(
            "`{name}` is only partly moved from `{}` to `{}`: its policies still use the old column{whose} and no migration fills the new one",
            old.column, new.name
        );
        // the parent column has to be filled first, possibly by hand
        let is_full = |path: &Path| {
            let above = path.parent.column(&path.parent_column);
            above.is_some_and(|above| above.not_null.value)
                || crate::analysis::row_parent::path(cx, path.parent, &path.parent_column).is_some()
                || is_filled(cx, path.parent, &path.parent_column)
        };
        let safety = if path.as_ref().is_some_and(is_full) { Safety::Review } else { Safety::Manual };
        let home = target(table, &new.name).and_then(|home| cx.catalog.table(home));
        let models = [
            example.and_then(|example| cx.catalog.table(example)).map(|table| Example { table, column: &new.name }),
            home.and_then(|table| Some(Example { table, column: table.primary_key()?.columns.first()? })),
        ];
        let policies =
            models.into_iter().flatten().find_map(|example| policy_migration::policies(cx, table, &old.column, &new.name, example));
        let emptied = table.foreign_keys().any(|(constraint, key)| {
            matches!(constraint.columns.as_slice(), [only] if *only == new.name) && key.on_delete == ReferentialAction::SetNull
        });
        let fill = || backfill(table, &new.name, path.as_ref()).to_vec();
        let (title, steps): (String, Vec<Step>) = match policies {
            Some(policies) => {
                let fill = if emptied { fill() } else { forbid_null(cx, table, new) };
                let title = format!("Move `{name}` to `{}` (a rollback keeps the filled values)", new.name);
                let mut steps: Vec<Step> = fill.into_iter().chain(policies).collect();
                steps.sort_by_key(|step| (step.run, step.phase));
                (title, steps)
            }
            None => (format!("Fill `{name}.{}` (a rollback keeps the filled values)", new.name), fill()),
        };
        let found = example.and_then(|example| all.get(*example));
        let site = found.and_then(|found| found.iter().find(|tenant| tenant.column == new.name)).map(|tenant| tenant.at);
        let draft = cx.report((table, new), new.named, message);
        draft
            .label("NULL in all existing rows")
            .because(old.at, "a policy uses the old column")
            .help(format!(
                "Fill `{}` in every row, change the policies of `{name}` to it, and set it NOT NULL. Drop `{}` when no code reads it.",
                new.name, old.column
            ))
            .fix(safety, title, steps);
        if let Some(site) = site {
            draft.because(site, "a policy uses the new column");
        }
    }
}

/// Returns whether the referenced object belongs to a tenant of the other kind. It is then a part of the tenant.
fn is_within(cx: &Cx, table: &Table, column: &str, tenant: &str) -> bool {
    let home = target(table, tenant);
    let Some(parent) = target(table, column).and_then(|name| cx.catalog.table(name)) else { return false };
    parent.column(tenant).is_some() || (home.is_some() && parent.foreign_keys().any(|(_, key)| Some(&key.table) == home))
}

/// Returns whether a column was added by a later file than its table.
fn is_later(cx: &Cx, table: &Table, column: &Column) -> bool {
    let place = |site: Site| cx.moment(site).map(|(file, _)| file);
    place(column.at) > place(table.created)
}
