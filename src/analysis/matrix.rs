//! The access of each API role to each table, and the lookups with and without an index, for `schema --matrix`.
//!
//! Promises: there is a cell for each table that the API serves, each command and each of the two roles, with the facts behind it. There is
//! a lookup for each foreign key, each column by which a policy selects rows, each query that sorts without an index, and each form of
//! query in application code. Limits: the
//! conditions of policies are not evaluated, except for `true` and conditions that cannot be true for the role.

use super::Analyses;
use super::prelude::*;
use crate::analysis::exposure::can_have_rls;
use crate::analysis::index_cover::is_found;
use crate::analysis::index_cover::serves;
use crate::analysis::policy_columns::picks;
use crate::analysis::policy_grantees::refuses;
use crate::analysis::query_list::{Found, groups};
use crate::analysis::sorted_query::sorts_of;
use crate::project::Project;

/// Access of a role with one command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Every row.
    Open,
    /// The rows that policies allow.
    Policy,
    Denied,
}

/// A fact that determines an answer, with its location.
pub struct Reason {
    pub words: String,
    pub at: Site,
}

pub struct Cell {
    pub role: &'static str,
    pub command: &'static str,
    pub answer: Answer,
    pub because: Vec<Reason>,
}

/// A table with an answer for each role and command.
pub struct Access<'a> {
    pub table: &'a Table,
    pub cells: Vec<Cell>,
}

/// Reason for a lookup.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Need {
    ForeignKey,
    Policy,
    Sort,
    Query,
}

/// Columns by which rows are looked up, and the index for them, if there is one.
pub struct Lookup<'a> {
    pub table: &'a Table,
    pub need: Need,
    pub columns: Vec<SmolStr>,
    /// Description of the foreign key, the policy or the query.
    pub of: String,
    pub at: Site,
    pub index: Option<&'a Index>,
}

pub struct Matrix<'a> {
    pub access: Vec<Access<'a>>,
    pub lookups: Vec<Lookup<'a>>,
}

/// Computes the matrix of the state after the last migration, and calls `with` with it.
pub fn of<T>(catalog: &Catalog, sources: &Sources, project: &Project, with: impl FnOnce(&Matrix<'_>) -> T) -> T {
    let analyses = Analyses::default();
    let cx = State::new(catalog, project, sources, &analyses);
    let access = cx.exposed_tables().map(|table| Access { table, cells: cells(&cx, table) }).collect();
    with(&Matrix { access, lookups: lookups(&cx) })
}

fn cells(cx: &State, table: &Table) -> Vec<Cell> {
    let all = API_ROLES.into_iter().flat_map(|role| COMMANDS.map(|(command, privilege, word)| (role, command, privilege, word)));
    all.map(|(role, command, privilege, word)| {
        let (answer, because) = answer(cx, table, role, command, privilege);
        Cell { role, command: word, answer, because }
    })
    .collect()
}

fn answer(cx: &State, table: &Table, role: &str, command: Command, privilege: Privileges) -> (Answer, Vec<Reason>) {
    let reason = |words: &str, at: Site| Reason { words: words.to_string(), at };
    if !cx.reachable(role, table, privilege) {
        let why = match table.acl.revoked(role, privilege) {
            Some(at) => reason("revoked", at),
            None => reason("never granted", table.named),
        };
        return (Answer::Denied, vec![why]);
    }
    if !table.rls.value || !can_have_rls(table) {
        return (Answer::Open, vec![reason("no row level security", if table.rls.value { table.named } else { table.rls.at })]);
    }
    let (permissive, restrictive) = cx.applicable(table, role, command);
    let told = |policy: &&Policy| Reason { words: format!("policy {}", quote_ident(&policy.name)), at: policy.named };
    let letting: Vec<&Policy> =
        permissive.iter().copied().filter(|policy| policy.asked(command).all(|clause| !refuses(&clause.root, role))).collect();
    if permissive.is_empty() {
        return (Answer::Denied, vec![reason("no policy", table.rls.at)]);
    }
    if letting.is_empty() {
        return (Answer::Denied, permissive.iter().map(told).collect());
    }
    let open = |policy: &&&Policy| policy.asked(command).all(|clause| clause.root.is_true());
    match letting.iter().find(open) {
        Some(policy) if restrictive.is_empty() => (Answer::Open, vec![told(policy)]),
        _ => (Answer::Policy, letting.iter().chain(&restrictive).map(told).collect()),
    }
}

fn lookups<'a>(cx: &State<'a>) -> Vec<Lookup<'a>> {
    let mut out: Vec<Lookup<'a>> = Vec::new();
    for table in cx.user_tables().filter(|table| !table.external) {
        let index = |columns: &[SmolStr]| table.indexes.iter().find(|index| serves(index, columns));
        for (constraint, key) in table.foreign_keys().filter(|(constraint, _)| !constraint.columns.is_empty()) {
            let columns = constraint.columns.clone();
            let part = || table.indexes.iter().find(|index| columns.iter().any(|column| serves(index, std::slice::from_ref(column))));
            let index = index(&columns).or_else(|| part().filter(|_| is_found(cx, table, constraint, key)));
            out.push(Lookup {
                table,
                need: Need::ForeignKey,
                of: format!("{} to {}", constraint.name, key.table),
                at: constraint.at,
                index,
                columns,
            });
        }
        let first = out.len();
        for policy in table.policies.iter().filter(|policy| !policy.at.is_platform()) {
            for column in policy.using.iter().flat_map(|using| picks(&using.root)) {
                let columns = vec![column];
                if !out[first..].iter().any(|known| known.columns == columns) {
                    let of = format!("policy {}", quote_ident(&policy.name));
                    out.push(Lookup { table, need: Need::Policy, of, at: policy.named, index: index(&columns), columns });
                }
            }
        }
    }
    for sort in cx.catalog.tables.values().flat_map(|table| sorts_of(cx, table)).filter(|sort| !sort.is_guess()) {
        let Some(table) = cx.catalog.table(&sort.table) else { continue };
        let columns = vec![sort.key.clone(), sort.column.clone()];
        if !out.iter().any(|known| known.table.name == sort.table && known.columns == columns) {
            out.push(Lookup { table, need: Need::Sort, of: sort.reader.clone(), at: sort.at, index: None, columns });
        }
    }
    for queried in groups(cx) {
        let Some(table) = queried.table else { continue };
        for group in queried.groups.iter().filter(|group| !group.columns.is_empty()) {
            let number = group.places.len();
            let of = format!("{number} {} in application code", if number == 1 { "query" } else { "queries" });
            let index = match group.found {
                Found::Index(index) => Some(index),
                Found::Scan | Found::Unknown => None,
            };
            let at = group.places.first().map_or(table.named, |(site, _)| *site);
            out.push(Lookup { table, need: Need::Query, of, at, index, columns: group.columns.clone() });
        }
    }
    out.sort_by(|one, other| {
        (&one.table.name, one.need, &one.columns, one.at).cmp(&(&other.table.name, other.need, &other.columns, other.at))
    });
    out
}
