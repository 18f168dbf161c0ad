//! `schema --matrix`: access of each role to each table, and lookups with and without an index.
//!
//! Promises: the output depends only on the matrix and its sources. Text and JSON contain the same cells, in JSON with the locations of the
//! reasons.

use super::json::Place;
use super::place;
use crate::catalog::object::{Certainty, Table};
use crate::finding::Severity;
use crate::matrix::{Access, Answer, Cell, Lookup, Matrix, Need};
use crate::output::{Ink, Look, clean, write_json};
use crate::source::{Site, Sources};
use serde::Serialize;
use std::io::{self, Write};
use unicode_width::UnicodeWidthStr;

const COMMANDS: [&str; 4] = ["SELECT", "INSERT", "UPDATE", "DELETE"];
/// Width of a cell in columns.
const WIDTH: usize = 7;

fn word(answer: Answer) -> &'static str {
    match answer {
        Answer::Open => "open",
        Answer::Policy => "policy",
        Answer::Denied => "denied",
    }
}

fn need(need: Need) -> &'static str {
    match need {
        Need::ForeignKey => "foreign-key",
        Need::Policy => "policy",
        Need::Sort => "sort",
    }
}

/// Writes two tables for a terminal.
///
/// # Errors
/// Only errors of `out`.
pub fn text(matrix: &Matrix<'_>, sources: &Sources, look: &Look, out: &mut dyn Write) -> io::Result<()> {
    let ink = Ink { colour: look.colour };
    let name = |table: &Table| clean(&table.name.to_string()).into_owned();
    let widest = matrix.access.iter().map(|access| name(access.table).width()).max().unwrap_or(0).max("Access".len());
    let roles: Vec<&str> =
        matrix.access.first().map(|access| access.cells.iter().step_by(COMMANDS.len()).map(|cell| cell.role).collect()).unwrap_or_default();
    let group = WIDTH * COMMANDS.len();
    write!(out, "{}{}", ink.bold("Access"), " ".repeat(widest - "Access".len()))?;
    for (at, role) in roles.iter().enumerate() {
        let rest = if at + 1 == roles.len() { 0 } else { group.saturating_sub(role.len()) };
        write!(out, "  {}{}", ink.bold(role), " ".repeat(rest))?;
    }
    write!(out, "\n{}", " ".repeat(widest))?;
    for _ in &roles {
        write!(out, "  ")?;
        COMMANDS.iter().try_for_each(|command| write!(out, "{}", ink.dim(&format!("{command:WIDTH$}"))))?;
    }
    writeln!(out)?;
    for Access { table, cells } in &matrix.access {
        let name = name(table);
        write!(out, "{}{}", ink.name(&name), " ".repeat(widest - name.width()))?;
        for (at, cell) in cells.iter().enumerate() {
            let gap = if at % COMMANDS.len() == 0 { "  " } else { "" };
            let shown = match cell.answer {
                Answer::Open => ink.severity(Severity::Warn, "open"),
                Answer::Policy => word(cell.answer).to_string(),
                Answer::Denied => ink.dim("-"),
            };
            let width = if cell.answer == Answer::Denied { 1 } else { word(cell.answer).len() };
            let rest = if at + 1 == cells.len() { 0 } else { WIDTH - width };
            write!(out, "{gap}{shown}{}", " ".repeat(rest))?;
        }
        writeln!(out, "{}", if table.certainty == Certainty::Maybe || table.external { " maybe" } else { "" })?;
    }
    let missing = matrix.lookups.iter().filter(|lookup| lookup.index.is_none()).count();
    writeln!(out, "\n{}  {} of {} look-ups have an index", ink.bold("Indexes"), matrix.lookups.len() - missing, matrix.lookups.len())?;
    let columns = |lookup: &Lookup| clean(&lookup.columns.join(", ")).into_owned();
    let found = |lookup: &Lookup| lookup.index.map_or("none".to_string(), |index| clean(&index.name).into_owned());
    let longest = |of: &dyn Fn(&Lookup) -> String| matrix.lookups.iter().map(|lookup| of(lookup).width()).max().unwrap_or(0);
    let (widest, longest) = (longest(&columns), longest(&found));
    let mut last = None;
    for lookup in &matrix.lookups {
        if last != Some(&lookup.table.name) {
            writeln!(out, "{}", ink.name(&name(lookup.table)))?;
            last = Some(&lookup.table.name);
        }
        let (columns, of) = (columns(lookup), clean(&lookup.of).into_owned());
        let pad = " ".repeat(widest - columns.width());
        let index = found(lookup);
        let gap = " ".repeat(longest - index.width());
        let index = if lookup.index.is_some() { index } else { ink.severity(Severity::Warn, &index) };
        let (file, line) = place(sources, lookup.at);
        writeln!(out, "  {:11}  {columns}{pad}  {index}{gap}  {}", need(lookup.need), ink.dim(&format!("{of}, {}:{line}", clean(file))))?;
    }
    Ok(())
}

/// Writes both tables as one JSON object.
///
/// # Errors
/// Only errors of `out`.
pub fn json(matrix: &Matrix<'_>, sources: &Sources, out: &mut dyn Write) -> io::Result<()> {
    let at = |site: Site| {
        let (file, line) = place(sources, site);
        Place { file, line }
    };
    let cell = |cell: &Cell| CellEntry {
        role: cell.role,
        command: cell.command,
        access: word(cell.answer),
        because: cell.because.iter().map(|reason| Because { message: reason.words.clone(), at: at(reason.at) }).collect(),
    };
    let access = matrix.access.iter().map(|Access { table, cells }| AccessEntry {
        schema: &table.name.schema,
        table: &table.name.name,
        certainty: if table.certainty == Certainty::Certain && !table.external { "certain" } else { "maybe" },
        at: at(table.named),
        cells: cells.iter().map(cell).collect(),
    });
    let lookup = |lookup: &Lookup| LookupEntry {
        schema: lookup.table.name.schema.to_string(),
        table: lookup.table.name.name.to_string(),
        need: need(lookup.need),
        of: lookup.of.clone(),
        columns: lookup.columns.iter().map(ToString::to_string).collect(),
        index: lookup.index.map(|index| index.name.to_string()),
        at: at(lookup.at),
    };
    let document = Document { version: 1, access: access.collect(), indexes: matrix.lookups.iter().map(lookup).collect() };
    write_json(out, &document)
}

#[derive(Serialize)]
struct Document<'a> {
    version: u32,
    access: Vec<AccessEntry<'a>>,
    indexes: Vec<LookupEntry<'a>>,
}

#[derive(Serialize)]
struct AccessEntry<'a> {
    schema: &'a str,
    table: &'a str,
    certainty: &'static str,
    at: Place<'a>,
    cells: Vec<CellEntry<'a>>,
}

#[derive(Serialize)]
struct CellEntry<'a> {
    role: &'static str,
    command: &'static str,
    access: &'static str,
    because: Vec<Because<'a>>,
}

#[derive(Serialize)]
struct Because<'a> {
    message: String,
    at: Place<'a>,
}

#[derive(Serialize)]
struct LookupEntry<'a> {
    schema: String,
    table: String,
    need: &'static str,
    of: String,
    columns: Vec<String>,
    /// Name of the index, or `None` if no index begins with the columns.
    index: Option<String>,
    at: Place<'a>,
}
