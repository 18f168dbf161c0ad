//! Names of built-in objects of PostgreSQL, which separate missing names from built-in ones.
//!
//! Source: `pg_proc`, `pg_type` and the statistics views of PostgreSQL 15, additional names of versions 14 to 18, and functions that the
//! grammar calls.

use smol_str::SmolStr;
use std::collections::{HashMap, HashSet};
use std::sync::OnceLock;

/// Returns the extensions that have each function or type. Lines of the list have the form `extension: name …`, and indented lines continue
/// them.
fn extension_members() -> &'static HashMap<&'static str, Vec<&'static str>> {
    static BROUGHT: OnceLock<HashMap<&'static str, Vec<&'static str>>> = OnceLock::new();
    BROUGHT.get_or_init(|| {
        let mut extension_members: HashMap<&str, Vec<&str>> = HashMap::new();
        let mut extension = "";
        for line in include_str!("builtin/extensions.txt").lines() {
            let mut names = line.trim_start();
            if let Some((name, rest)) = names.split_once(':').filter(|_| !line.starts_with(' ')) {
                (extension, names) = (name, rest);
                extension_members.entry("").or_default().push(extension);
            }
            names.split_ascii_whitespace().for_each(|name| extension_members.entry(name).or_default().push(extension));
        }
        extension_members
    })
}

/// Returns the extensions that have a function or type of this name.
pub fn extensions_with(name: &str) -> &'static [&'static str] {
    extension_members().get(name).map_or(&[], Vec::as_slice)
}

/// Returns whether all functions and types of an extension are known.
pub fn is_known_extension(name: &str) -> bool {
    name == "plpgsql" || extension_members().get("").is_some_and(|known| known.contains(&name))
}

fn names(list: &'static str, known: &'static OnceLock<HashSet<&'static str>>) -> &'static HashSet<&'static str> {
    known.get_or_init(|| list.split_ascii_whitespace().collect())
}

pub fn is_function(name: &str) -> bool {
    static KNOWN: OnceLock<HashSet<&'static str>> = OnceLock::new();
    names(include_str!("builtin/functions.txt"), &KNOWN).contains(name)
}

/// Returns the first version that has the function with this number of arguments, or 0 if all supported versions have it.
/// Source: the release notes of PostgreSQL 16 to 18.
pub fn since(name: &str, args: usize) -> u32 {
    match (name, args) {
        ("any_value" | "array_sample" | "array_shuffle" | "date_add" | "date_subtract" | "random_normal" | "erf" | "erfc", _) => 16,
        ("random", 2) | ("to_bin" | "to_oct" | "uuid_extract_timestamp" | "uuid_extract_version" | "xmltext" | "unicode_version", _) => 17,
        ("uuidv4" | "uuidv7" | "casefold" | "array_reverse" | "array_sort" | "crc32" | "crc32c" | "gamma" | "lgamma", _) => 18,
        _ => 0,
    }
}

/// Returns the first version that has the setting, or 0 if all supported versions have it or the setting is unknown.
pub fn setting_since(name: &str) -> u32 {
    match name {
        "createrole_self_grant" | "gss_accept_delegation" | "scram_iterations" | "vacuum_buffer_usage_limit" => 16,
        "transaction_timeout" | "event_triggers" | "allow_alter_system" | "sync_replication_slots" | "restrict_nonsystem_relation_kind" => {
            17
        }
        "file_copy_method" | "io_method" | "extension_control_path" | "md5_password_warnings" => 18,
        _ => 0,
    }
}

/// Returns all columns that a statistics view, or `pg_stat_statements`, has in any version, or `None` for another name. Lines of the list
/// have the form `view: name …`, and indented lines continue them.
pub fn statistics(view: &str) -> Option<&'static [SmolStr]> {
    static KNOWN: OnceLock<HashMap<&'static str, Vec<SmolStr>>> = OnceLock::new();
    let known = KNOWN.get_or_init(|| {
        let mut known: HashMap<&str, Vec<SmolStr>> = HashMap::new();
        let mut view = "";
        for word in include_str!("builtin/statistics.txt").split_ascii_whitespace() {
            match word.strip_suffix(':') {
                Some(next) => view = next,
                None => known.entry(view).or_default().push(word.into()),
            }
        }
        known
    });
    known.get(view).map(Vec::as_slice)
}

/// Returns whether the schema belongs to a Supabase service that has no object of this name.
/// Source: the migrations of supabase/auth, supabase/storage and supabase/realtime.
pub fn is_unknown_to_platform(schema: &str, name: &str) -> bool {
    static KNOWN: OnceLock<HashMap<&'static str, HashSet<&'static str>>> = OnceLock::new();
    let known = KNOWN.get_or_init(|| {
        let mut known: HashMap<&str, HashSet<&str>> = HashMap::new();
        let mut schema = "";
        for word in include_str!("builtin/platform.txt").split_ascii_whitespace() {
            match word.strip_suffix(':') {
                Some(next) => schema = next,
                None => _ = known.entry(schema).or_default().insert(word),
            }
        }
        known
    });
    known.get(schema).is_some_and(|names| !names.contains(name))
}

/// Returns whether `pg_catalog` has a type of this name. Row types of its tables begin with `pg_`.
pub fn is_type(name: &str) -> bool {
    static KNOWN: OnceLock<HashSet<&'static str>> = OnceLock::new();
    name.starts_with("pg_") || names(include_str!("builtin/types.txt"), &KNOWN).contains(name.trim_start_matches('_'))
}
