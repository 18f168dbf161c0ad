//! Rules for the schema: JSON columns and tenant columns.

mod backfill;
pub mod json_use;
pub mod jsonb_unvalidated;
mod moved;
mod row;
pub mod tenant;
pub mod tenant_nullable;
pub mod tenant_split;

use super::cx::Cx;
use smol_str::SmolStr;

/// Returns the names of tenant columns: those of the settings, and those that policies of several tables use.
pub fn tenant_columns(cx: &Cx) -> Vec<SmolStr> {
    let mut out: Vec<SmolStr> = cx.config().tenant_columns.iter().map(SmolStr::from).collect();
    out.extend(tenant::Tenants::of(cx).columns());
    out.sort();
    out.dedup();
    out
}
