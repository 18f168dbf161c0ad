//! Access of the API roles and users to each row, determined by trying all operations.
//!
//! Promises: an equal seed gives equal rows on every server and day. All operations are rolled back. For `anon`, the service role and
//! several users, the operations are SELECT, UPDATE, DELETE, INSERT, changes of a row's owner, and calls of functions.

use super::server::Database;
use std::collections::BTreeMap;

/// Result of each operation, by role, object and operation.
#[derive(PartialEq)]
pub struct Access(BTreeMap<[String; 3], String>);

impl Access {
    /// Fills every table of the project with rows, for [`Access::of`]. `seed` can be any text.
    pub fn prepare(database: &mut Database, seed: &str, rows: usize) {
        let fill = format!("{}; call probe.fill('{seed}', {rows})", include_str!("access.sql"));
        database.run(&fill).unwrap_or_else(|refusal| panic!("rows can be made: {refusal}"));
    }

    /// Tries all operations.
    pub fn of(database: &mut Database) -> Access {
        database.fresh_session();
        database.run("call probe.look()").unwrap_or_else(|refusal| panic!("whatever is tried is told: {refusal}"));
        let rows = database.rows("select who, relation, act, result from probe.seen");
        database.fresh_session();
        let seen = rows.into_iter().map(|row| match <[Option<String>; 4]>::try_from(row) {
            Ok([Some(who), Some(what), Some(act), result]) => ([who, what, act], result.unwrap_or_default()),
            other => unreachable!("four columns: {other:?}"),
        });
        Access(seen.collect())
    }

    /// Removes the helper objects, but not the rows.
    pub fn finish(database: &mut Database) {
        database
            .run("set client_min_messages = warning; drop schema probe cascade; reset client_min_messages")
            .expect("a schema can be dropped");
    }

    /// Returns the rows to which the numbers in differences refer.
    pub fn rows(database: &mut Database) -> Vec<String> {
        let rows = database.rows("select relation || ' #' || number, row from probe.held order by relation::text, number");
        rows.into_iter().map(|row| row.into_iter().flatten().collect::<Vec<_>>().join(" is ")).collect()
    }

    pub fn tries(&self) -> usize {
        self.0.len()
    }

    /// Returns the number of operations that are not refused, or that find a row.
    pub fn grants(&self) -> usize {
        let refused = |result: &&String| !result.is_empty() && *result != "0 rows" && !result.ends_with(')');
        self.0.values().filter(refused).count()
    }

    /// Returns a line for each operation with another result.
    pub fn differences(&self, after: &Access) -> Vec<String> {
        let mut out = Vec::new();
        for (at @ [who, what, act], before) in &self.0 {
            let after = after.0.get(at);
            if after.is_none_or(|after| after != before && !is_equivalent(before, after)) {
                let after = after.map_or("(gone)", String::as_str);
                out.push(format!("{who}: {act} of {what} was [{before}] and is [{after}]"));
            }
        }
        out.extend(after.0.keys().filter(|at| !self.0.contains_key(*at)).map(|[who, what, act]| format!("{who}: {act} of {what} is new")));
        out
    }
}

/// Returns whether two results are equivalent although they differ. A call that failed by mistake may succeed later with the result of the
/// policy: an invalid value of the caller fails even if no row needs it, and a name may be missing in the search_path of the caller. A
/// refused caller and one that finds no row may also fail because of an invalid value, because PostgreSQL does not define the order of
/// conditions. Success followed by failure is never equivalent.
/// Source: PostgreSQL's documentation, "Expression Evaluation Rules".
fn is_equivalent(before: &str, after: &str) -> bool {
    let code = |result: &str| result.strip_suffix(')').and_then(|result| result.rsplit_once(" (")).map(|(_, code)| code.to_string());
    let unread = |result: &str| code(result).is_some_and(|code| code.starts_with("22"));
    let unfound = |result: &str| code(result).is_some_and(|code| matches!(code.as_str(), "42P01" | "42883"));
    let nothing = matches!(before, "" | "0 rows") || code(before).as_deref() == Some("42501");
    unread(before) || unfound(before) || nothing && unread(after)
}
