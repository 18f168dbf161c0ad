//! Names of objects: resolution, comparison and quoting as in PostgreSQL.

use serde::Serialize;
use smol_str::SmolStr;
use std::fmt;

/// A name with its schema.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct QName {
    pub schema: SmolStr,
    pub name: SmolStr,
}

impl QName {
    pub fn new(schema: impl Into<SmolStr>, name: impl Into<SmolStr>) -> QName {
        QName { schema: schema.into(), name: name.into() }
    }

    pub fn is(&self, schema: &str, name: &str) -> bool {
        self.schema == schema && self.name == name
    }

    /// Returns the name as SQL, with quotes where necessary.
    pub fn quoted(&self) -> String {
        format!("{}.{}", quote_ident(&self.schema), quote_ident(&self.name))
    }
}

impl fmt::Display for QName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.schema, self.name)
    }
}

/// Words that have to be quoted as names (reserved, and those that cannot name a column or function), in order.
/// Source: PostgreSQL's documentation, "SQL Key Words".
const RESERVED: [&str; 103] = [
    "all",
    "analyse",
    "analyze",
    "and",
    "any",
    "array",
    "as",
    "asc",
    "asymmetric",
    "authorization",
    "between",
    "binary",
    "both",
    "case",
    "cast",
    "check",
    "collate",
    "collation",
    "column",
    "concurrently",
    "constraint",
    "create",
    "cross",
    "current_catalog",
    "current_date",
    "current_role",
    "current_schema",
    "current_time",
    "current_timestamp",
    "current_user",
    "default",
    "deferrable",
    "desc",
    "distinct",
    "do",
    "else",
    "end",
    "except",
    "exists",
    "false",
    "fetch",
    "for",
    "foreign",
    "freeze",
    "from",
    "full",
    "grant",
    "group",
    "having",
    "ilike",
    "in",
    "initially",
    "inner",
    "intersect",
    "interval",
    "into",
    "is",
    "isnull",
    "join",
    "lateral",
    "leading",
    "left",
    "like",
    "limit",
    "localtime",
    "localtimestamp",
    "natural",
    "not",
    "notnull",
    "null",
    "offset",
    "on",
    "only",
    "or",
    "order",
    "outer",
    "overlaps",
    "placing",
    "primary",
    "references",
    "returning",
    "right",
    "select",
    "session_user",
    "similar",
    "some",
    "symmetric",
    "table",
    "tablesample",
    "then",
    "to",
    "trailing",
    "true",
    "union",
    "unique",
    "user",
    "using",
    "variadic",
    "verbose",
    "when",
    "where",
    "window",
    "with",
];

/// Returns an identifier as SQL.
pub fn quote_ident(name: &str) -> String {
    let plain = name.starts_with(|c: char| c.is_ascii_lowercase() || c == '_')
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
        && RESERVED.binary_search(&name).is_err();
    if plain { name.to_string() } else { format!("\"{}\"", name.replace('"', "\"\"")) }
}

/// Returns a string literal as SQL.
pub fn quote_literal(text: &str) -> String {
    let quoted = text.replace('\'', "''");
    if text.contains('\\') { format!("E'{}'", quoted.replace('\\', "\\\\")) } else { format!("'{quoted}'") }
}

/// Returns the default name of an index, constraint or sequence in PostgreSQL: `table_columns_suffix`, cut to 63 bytes.
/// Source: `makeObjectName` shortens the longer of both parts first.
pub fn derived_name(table: &str, columns: &str, suffix: &str) -> SmolStr {
    let over = suffix.len() + 1 + if columns.is_empty() { 0 } else { 1 };
    let most = 63usize.saturating_sub(over);
    let (mut first, mut second) = (table.len(), columns.len());
    while first + second > most {
        if first > second { first -= 1 } else { second -= 1 }
    }
    let cut = |text: &str, mut at: usize| {
        while !text.is_char_boundary(at) {
            at -= 1;
        }
        text[..at].to_string()
    };
    let table = cut(table, first);
    if columns.is_empty() { format!("{table}_{suffix}").into() } else { format!("{table}_{}_{suffix}", cut(columns, second)).into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_quoted_where_sql_needs_it() {
        assert!(RESERVED.is_sorted());
        assert_eq!(quote_ident("plain_1"), "plain_1");
        assert_eq!(quote_ident("Read own"), "\"Read own\"");
        assert_eq!(quote_ident("user"), "\"user\"");
        assert_eq!(quote_literal("it's"), "'it''s'");
    }

    #[test]
    fn derived_names_fit_into_63_bytes() {
        assert_eq!(derived_name("messages", "conversation_id", "fkey"), "messages_conversation_id_fkey");
        let long = derived_name(&"t".repeat(60), &"c".repeat(20), "fkey");
        assert_eq!(long.len(), 63);
    }
}
