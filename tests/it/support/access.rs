//! What each of the API's roles and users may do with which row, found out by trying.
//!
//! Promises: the same rows on every server and day for the same words; whatever is tried is undone. Tried are, for anon, the service
//! role and several users: to read, change and delete each table's rows, to hand rows over, to insert rows, and to call functions.

use super::server::Database;
use std::collections::BTreeMap;

/// What came of each act, by who, what and how.
#[derive(PartialEq)]
pub struct Access(BTreeMap<[String; 3], String>);

impl Access {
    /// Fills every table of the project with rows, for `of` to try. `seed` may be any words.
    pub fn prepare(database: &mut Database, seed: &str, rows: usize) {
        let fill = format!("{}; call probe.fill('{seed}', {rows})", include_str!("access.sql"));
        database.run(&fill).unwrap_or_else(|refusal| panic!("rows can be made: {refusal}"));
    }

    /// Tries everything.
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

    /// Leaves the rows, and nothing that helped to try.
    pub fn finish(database: &mut Database) {
        database
            .run("set client_min_messages = warning; drop schema probe cascade; reset client_min_messages")
            .expect("a schema can be dropped");
    }

    /// The rows that numbers in differences stand for.
    pub fn rows(database: &mut Database) -> Vec<String> {
        let rows = database.rows("select relation || ' #' || number, row from probe.held order by relation::text, number");
        rows.into_iter().map(|row| row.into_iter().flatten().collect::<Vec<_>>().join(" is ")).collect()
    }

    pub fn tries(&self) -> usize {
        self.0.len()
    }

    /// Those that are not refused, or that find a row.
    pub fn grants(&self) -> usize {
        let refused = |result: &&String| !result.is_empty() && *result != "0 rows" && !result.ends_with(')');
        self.0.values().filter(refused).count()
    }

    /// A line for whatever comes out otherwise.
    pub fn differences(&self, after: &Access) -> Vec<String> {
        let mut out = Vec::new();
        for (at @ [who, what, act], before) in &self.0 {
            let after = after.0.get(at);
            if after.is_none_or(|after| after != before && !is_alike(before, after)) {
                let after = after.map_or("(gone)", String::as_str);
                out.push(format!("{who}: {act} of {what} was [{before}] and is [{after}]"));
            }
        }
        out.extend(after.0.keys().filter(|at| !self.0.contains_key(*at)).map(|[who, what, act]| format!("{who}: {act} of {what} is new")));
        out
    }
}

/// What failed by mistake, nobody could rely on, and it may do what the policy says once the mistake no longer comes up: a value of the
/// caller's that can't be read fails even where no row needs it, while PostgreSQL plans with what is the same for all rows; a name is
/// not found along the path of a caller who pins another. And a caller gets nothing, whether such a value fails or no row is found: which
/// of the two it is hangs on the order of conditions, which PostgreSQL takes by their cost and promises nobody ("Expression Evaluation
/// Rules"). That something fails which did not is never alike.
fn is_alike(before: &str, after: &str) -> bool {
    let code = |result: &str| result.strip_suffix(')').and_then(|result| result.rsplit_once(" (")).map(|(_, code)| code.to_string());
    let unread = |result: &str| code(result).is_some_and(|code| code.starts_with("22"));
    let unfound = |result: &str| code(result).is_some_and(|code| matches!(code.as_str(), "42P01" | "42883"));
    let nothing = matches!(before, "" | "0 rows") || code(before).as_deref() == Some("42501");
    unread(before) || unfound(before) || nothing && unread(after)
}
