//! The shape of tables: keys, types and the columns that tell tenants apart.

pub mod jsonb_unvalidated;
pub mod tenant_nullable;
pub mod tenant_split;
