//! Rules for the schema: overloads, keys, types, extensions, JSON columns and tenant columns.

pub mod ambiguous_overload;
pub mod auth_unique_key;
pub mod autovacuum_disabled;
pub mod blocks_user_deletion;
pub mod extension_in_public;
pub mod jsonb_unvalidated;
pub mod name_truncated;
pub mod no_primary_key;
pub mod not_validated;
pub mod tenant_nullable;
pub mod tenant_split;
pub mod trigger_disabled;
pub mod unchecked_values;
pub mod unique_across_tenants;
pub mod unsupported_reg_type;
