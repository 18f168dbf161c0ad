//! Rules for the schema: JSON columns and tenant columns.

pub mod jsonb_unvalidated;
pub mod tenant_nullable;
pub mod tenant_split;
