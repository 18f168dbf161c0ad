//! Rules for the schema: overloads, JSON columns and tenant columns.

pub mod ambiguous_overload;
pub mod jsonb_unvalidated;
pub mod tenant_nullable;
pub mod tenant_split;
