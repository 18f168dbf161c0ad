//! Keywords of PostgreSQL that cannot be used as names.
//!
//! Source: PostgreSQL's documentation, "SQL Key Words", and `pg_get_keywords()` of PostgreSQL 15. Words that only a later
//! version reserves count as names. A quoted word is always a name.

/// Reserved words. They can be only labels after AS.
#[rustfmt::skip]
const RESERVED: [&str; 77] = [
    "all", "analyse", "analyze", "and", "any", "array", "as", "asc", "asymmetric", "both", "case", "cast", "check", "collate", "column",
    "constraint", "create", "current_catalog", "current_date", "current_role", "current_time", "current_timestamp", "current_user",
    "default", "deferrable", "desc", "distinct", "do", "else", "end", "except", "false", "fetch", "for", "foreign", "from", "grant",
    "group", "having", "in", "initially", "intersect", "into", "lateral", "leading", "limit", "localtime", "localtimestamp", "not",
    "null", "offset", "on", "only", "or", "order", "placing", "primary", "references", "returning", "select", "session_user", "some",
    "symmetric", "table", "then", "to", "trailing", "true", "union", "unique", "user", "using", "variadic", "when", "where", "window",
    "with",
];

/// Reserved words that can be names of functions or types.
#[rustfmt::skip]
const FUNCTION_OR_TYPE: [&str; 23] = [
    "authorization", "binary", "collation", "concurrently", "cross", "current_schema", "freeze", "full", "ilike", "inner", "is", "isnull",
    "join", "left", "like", "natural", "notnull", "outer", "overlaps", "right", "similar", "tablesample", "verbose",
];

/// Words that are not reserved, but cannot be names of functions, types or parameters.
#[rustfmt::skip]
const COLUMN: [&str; 49] = [
    "between", "bigint", "bit", "boolean", "char", "character", "coalesce", "dec", "decimal", "exists", "extract", "float", "greatest",
    "grouping", "inout", "int", "integer", "interval", "least", "national", "nchar", "none", "normalize", "nullif", "numeric", "out",
    "overlay", "position", "precision", "real", "row", "setof", "smallint", "substring", "time", "timestamp", "treat", "trim", "values",
    "varchar", "xmlattributes", "xmlconcat", "xmlelement", "xmlexists", "xmlforest", "xmlnamespaces", "xmlparse", "xmlpi", "xmlroot",
];

fn is_in(words: &[&str], word: &str) -> bool {
    // no keyword is longer than 17 bytes, so most names need no search
    word.len() <= 17 && words.iter().any(|known| known.eq_ignore_ascii_case(word))
}

/// Returns whether a word is reserved.
pub fn is_reserved(word: &str) -> bool {
    is_in(&RESERVED, word)
}

/// Returns whether a word cannot be the name of a relation, column or most other objects.
pub fn is_no_column(word: &str) -> bool {
    is_reserved(word) || is_in(&FUNCTION_OR_TYPE, word)
}

/// Returns whether a word cannot be the name of a parameter, or of a function or type of the project.
pub fn is_no_parameter(word: &str) -> bool {
    is_reserved(word) || is_in(&COLUMN, word)
}
