//! Unique keys of tenants' rows that do not contain the tenant.

use crate::analysis::tenant::Tenants;
use crate::rules::prelude::*;

rule!("schema/unique-across-tenants", Integrity, Warn, Schema(check));

/// Words in names that are often unique in the whole world: addresses, secrets and names in URLs.
const GLOBAL: [&str; 20] = [
    "email",
    "slug",
    "domain",
    "subdomain",
    "token",
    "hash",
    "key",
    "handle",
    "username",
    "url",
    "uri",
    "path",
    "phone",
    "secret",
    "id",
    "uuid",
    "guid",
    "code",
    "host",
    "fingerprint",
];

fn check(cx: &mut Cx) {
    let tenants = Tenants::of(cx);
    for table in cx.user_tables().filter(|table| !table.external) {
        let [tenant] = tenants.of_table(table) else { continue };
        if tenants.is_tenant_table(&table.name) || tenant.column == "id" {
            continue;
        }
        for index in table.indexes.iter().filter(|index| index.unique && !index.primary) {
            let Some(columns) = index.plain_columns() else { continue };
            let is_key = |column: &&str| {
                let refers = table.foreign_keys().any(|(constraint, _)| constraint.columns.iter().any(|name| name == column));
                refers || *column == tenant.column || table.column(column).is_none_or(|column| column.ty.is("uuid"))
            };
            if columns.is_empty()
                || columns.iter().any(is_key)
                || table.primary_key().is_some_and(|key| key.columns.iter().any(|name| columns.contains(&name.as_str())))
            {
                continue;
            }
            report(cx, table, index, &columns, &tenant.column, tenant.at);
        }
    }
}

fn report(cx: &mut Cx, table: &Table, index: &Index, columns: &[&str], tenant: &str, separated: Site) {
    let name = &table.name;
    let list = columns.join(", ");
    let is_global = columns.iter().any(|column| column.split('_').any(|word| GLOBAL.contains(&word)));
    let message = format!(
        "`{list}` of `{name}` is unique across all tenants, which `{tenant}` separates: a tenant cannot use a value of another tenant, and the error shows that it exists"
    );
    cx.report((table, index), index.named, message)
        .severity(if is_global { Severity::Info } else { Severity::Warn })
        .because(separated, "policies separate the tenants by this column")
        .help(format!("Make ({tenant}, {list}) unique instead, unless the value is unique for everyone."));
}
