//! Names of data types, as they are written and as PostgreSQL prints them.
//!
//! Promises: for a built-in type, [`TypeName::canonical`] returns the output of `format_type`. The name of another type is returned as it
//! was written, because only the catalog knows its schema.
//! Source: PostgreSQL's documentation, "Data Types", and `format_type` in "System Information Functions".

use super::expression::ObjectName;
use crate::source::Span;
use smol_str::{SmolStr, format_smolstr};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TypeName {
    pub span: Span,
    /// Name of the type. For a built-in type, it is one part in the form of PostgreSQL: `character varying`, `timestamp with time zone`.
    pub name: ObjectName,
    /// Whether it is a keyword or alias of the grammar (`int`, `varchar`), which is not looked up in schemas.
    pub builtin: bool,
    /// `(10, 2)`
    pub modifiers: Vec<SmolStr>,
    pub dimensions: u8,
    pub setof: bool,
    /// Whether the type is that of a column: `table.column%TYPE`.
    pub of_column: bool,
    /// Whether the type is the row type of a table: `table%ROWTYPE`.
    pub of_row: bool,
}

impl TypeName {
    /// Returns the type as PostgreSQL prints it: `timestamp(3) without time zone`, `numeric(10,2)[]`, `public.mood`.
    pub fn canonical(&self) -> SmolStr {
        self.with_base(&self.name.to_string())
    }

    /// Returns the canonical form with another name.
    pub fn with_base(&self, base: &str) -> SmolStr {
        let mut out = String::from(base);
        if !self.modifiers.is_empty() {
            let list = format!("({})", self.modifiers.join(","));
            match base.split_once(' ') {
                Some((head @ ("timestamp" | "time"), tail)) => out = format!("{head}{list} {tail}"),
                _ => out.push_str(&list),
            }
        }
        if self.dimensions > 0 {
            out.push_str("[]");
        }
        out.into()
    }

    /// Returns the name without modifiers, as in the signature of a function.
    pub fn signature(&self) -> SmolStr {
        if self.dimensions > 0 { format_smolstr!("{}[]", self.name) } else { self.name.to_string().into() }
    }

    pub fn is(&self, name: &str) -> bool {
        self.dimensions == 0 && self.name.parts.len() == 1 && self.name.last() == name
    }

    pub fn is_json(&self) -> bool {
        self.dimensions == 0 && matches!(self.name.last(), "json" | "jsonb")
    }
}

/// Returns the name that PostgreSQL prints for a built-in type, or `None` for other types.
pub fn builtin_name(name: &str) -> Option<&'static str> {
    Some(match name {
        "int" | "integer" | "int4" => "integer",
        "bigint" | "int8" => "bigint",
        "smallint" | "int2" => "smallint",
        "serial" | "serial4" => "serial",
        "bigserial" | "serial8" => "bigserial",
        "smallserial" | "serial2" => "smallserial",
        "decimal" | "dec" | "numeric" => "numeric",
        "real" | "float4" => "real",
        "float8" => "double precision",
        "bool" | "boolean" => "boolean",
        "varchar" => "character varying",
        "char" | "character" | "bpchar" | "nchar" => "character",
        "varbit" => "bit varying",
        "timestamptz" => "timestamp with time zone",
        "timetz" => "time with time zone",
        "timestamp" => "timestamp without time zone",
        "time" => "time without time zone",
        "text" => "text",
        "name" => "name",
        "uuid" => "uuid",
        "json" => "json",
        "jsonb" => "jsonb",
        "jsonpath" => "jsonpath",
        "bytea" => "bytea",
        "date" => "date",
        "interval" => "interval",
        "bit" => "bit",
        "inet" => "inet",
        "cidr" => "cidr",
        "macaddr" => "macaddr",
        "macaddr8" => "macaddr8",
        "money" => "money",
        "xml" => "xml",
        "oid" => "oid",
        "regclass" => "regclass",
        "regproc" => "regproc",
        "regprocedure" => "regprocedure",
        "regtype" => "regtype",
        "regrole" => "regrole",
        "regnamespace" => "regnamespace",
        "regconfig" => "regconfig",
        "regdictionary" => "regdictionary",
        "regoper" => "regoper",
        "regoperator" => "regoperator",
        "regcollation" => "regcollation",
        "tsvector" => "tsvector",
        "tsquery" => "tsquery",
        "point" => "point",
        "line" => "line",
        "lseg" => "lseg",
        "box" => "box",
        "path" => "path",
        "polygon" => "polygon",
        "circle" => "circle",
        "int4range" => "int4range",
        "int8range" => "int8range",
        "numrange" => "numrange",
        "tsrange" => "tsrange",
        "tstzrange" => "tstzrange",
        "daterange" => "daterange",
        "int4multirange" => "int4multirange",
        "int8multirange" => "int8multirange",
        "nummultirange" => "nummultirange",
        "tsmultirange" => "tsmultirange",
        "tstzmultirange" => "tstzmultirange",
        "datemultirange" => "datemultirange",
        "trigger" => "trigger",
        "event_trigger" => "event_trigger",
        "void" => "void",
        "record" => "record",
        "anyelement" => "anyelement",
        "anyarray" => "anyarray",
        "anynonarray" => "anynonarray",
        "anyenum" => "anyenum",
        "anyrange" => "anyrange",
        "anycompatible" => "anycompatible",
        "anycompatiblearray" => "anycompatiblearray",
        "internal" => "internal",
        "cstring" => "cstring",
        "unknown" => "unknown",
        "language_handler" => "language_handler",
        "fdw_handler" => "fdw_handler",
        "refcursor" => "refcursor",
        "xid" => "xid",
        "xid8" => "xid8",
        "cid" => "cid",
        "tid" => "tid",
        "txid_snapshot" => "txid_snapshot",
        "pg_snapshot" => "pg_snapshot",
        "pg_lsn" => "pg_lsn",
        "aclitem" => "aclitem",
        "any" => "\"any\"",
        "oidvector" => "oidvector",
        "int2vector" => "int2vector",
        "pg_node_tree" => "pg_node_tree",
        _ => return None,
    })
}
