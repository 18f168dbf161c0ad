//! The shape of tables: keys, types and the columns that tell tenants apart.

mod tenant;
pub mod tenant_nullable;
pub mod tenant_split;

use super::cx::Cx;
use smol_str::SmolStr;

/// Names of columns that hold a tenant: those of the settings, and those that policies isolate by.
pub fn tenant_columns(cx: &Cx) -> Vec<SmolStr> {
    let inferred = tenant::Tenants::of(cx).of.into_values().flatten().map(|tenant| tenant.column);
    let mut out: Vec<SmolStr> = cx.config().tenant_columns.iter().map(SmolStr::from).chain(inferred).filter(|name| name != "id").collect();
    out.sort();
    out.dedup();
    out
}
