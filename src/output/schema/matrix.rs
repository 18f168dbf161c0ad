//! `schema --matrix`: access of each role to each table, and lookups with and without an index.
//!
//! Promises: the output depends only on the matrix and its sources. Text and JSON contain the same cells, in JSON with the locations of the
//! reasons.

use super::json::Place;
use super::place;
use crate::analysis::matrix::{Access, Answer, Cell, Lookup, Matrix, Need};
use crate::catalog::object::{Certainty, Table};
use crate::finding::Severity;
use crate::output::clean::{Reader, line};
use crate::output::{Painter, RenderOptions, guarded, wrap, write_json};
use crate::source::{Site, Sources};
use serde::Serialize;
use std::io::{self, Write};
use textwrap::core::display_width;
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
        Need::Query => "query",
    }
}

/// Writes two tables for a terminal.
///
/// # Errors
/// Only errors of `out`.
pub fn text(matrix: &Matrix<'_>, sources: &Sources, options: &RenderOptions, out: &mut dyn Write) -> io::Result<()> {
    guarded(out, Reader::Screen, |out| {
        access(matrix, options, out)?;
        indexes(matrix, sources, options, out)
    })
}

fn name(table: &Table) -> String {
    line(&table.name.to_string())
}

/// Writes a row per table with the cells of all roles, or a row per table and role if that is too wide.
fn access(matrix: &Matrix<'_>, options: &RenderOptions, out: &mut dyn Write) -> io::Result<()> {
    let painter = Painter { colour: options.colour };
    let roles: Vec<&str> =
        matrix.access.first().map(|access| access.cells.iter().step_by(COMMANDS.len()).map(|cell| cell.role).collect()).unwrap_or_default();
    let group = WIDTH * COMMANDS.len();
    let widest = matrix.access.iter().map(|access| name(access.table).width()).max().unwrap_or(0).max("Access".len());
    let fits = widest + roles.len() * (group + 2) + " maybe".len() <= options.width;
    let commands: String = COMMANDS.iter().map(|command| format!("{command:WIDTH$}")).collect();
    let maybe = |table: &Table| if table.certainty == Certainty::Maybe || table.external { " maybe" } else { "" };
    if !fits {
        let widest = roles.iter().map(|role| role.len()).max().unwrap_or(0);
        writeln!(
            out,
            "{}{}  {}",
            painter.bold("Access"),
            " ".repeat((widest + 2).saturating_sub("Access".len())),
            painter.dim(commands.trim_end())
        )?;
        for Access { table, cells } in &matrix.access {
            writeln!(out, "{}{}", painter.name(&name(table)), maybe(table))?;
            for (role, cells) in roles.iter().zip(cells.chunks(COMMANDS.len())) {
                writeln!(out, "  {role:widest$}  {}", row(cells, painter).trim_end())?;
            }
        }
        return Ok(());
    }
    write!(out, "{}{}", painter.bold("Access"), " ".repeat(widest - "Access".len()))?;
    for (at, role) in roles.iter().enumerate() {
        let rest = if at + 1 == roles.len() { 0 } else { group.saturating_sub(role.len()) };
        write!(out, "  {}{}", painter.bold(role), " ".repeat(rest))?;
    }
    writeln!(out, "\n{}{}", " ".repeat(widest), painter.dim(&format!("  {commands}").repeat(roles.len())))?;
    for Access { table, cells } in &matrix.access {
        let name = name(table);
        write!(out, "{}{}", painter.name(&name), " ".repeat(widest - name.width()))?;
        let rows: String = cells.chunks(COMMANDS.len()).map(|cells| format!("  {}", row(cells, painter))).collect();
        writeln!(out, "{}{}", rows.trim_end(), maybe(table))?;
    }
    Ok(())
}

/// The cells of one role.
fn row(cells: &[Cell], painter: Painter) -> String {
    let cell = |cell: &Cell| {
        let (text, shown) = match cell.answer {
            Answer::Open => ("open", painter.severity(Severity::Warn, "open")),
            Answer::Policy => ("policy", "policy".to_string()),
            Answer::Denied => ("-", painter.dim("-")),
        };
        shown + &" ".repeat(WIDTH - text.len())
    };
    cells.iter().map(cell).collect()
}

fn indexes(matrix: &Matrix<'_>, sources: &Sources, options: &RenderOptions, out: &mut dyn Write) -> io::Result<()> {
    let painter = Painter { colour: options.colour };
    let missing = matrix.lookups.iter().filter(|lookup| lookup.index.is_none()).count();
    writeln!(out, "\n{}  {} of {} lookups have an index", painter.bold("Indexes"), matrix.lookups.len() - missing, matrix.lookups.len())?;
    let columns = |lookup: &Lookup| line(&lookup.columns.join(", "));
    let found = |lookup: &Lookup| lookup.index.map_or("none".to_string(), |index| line(&index.name));
    let longest = |of: &dyn Fn(&Lookup) -> String| matrix.lookups.iter().map(|lookup| of(lookup).width()).max().unwrap_or(0);
    let (widest, longest) = (longest(&columns), longest(&found));
    let mut last = None;
    for lookup in &matrix.lookups {
        if last != Some(&lookup.table.name) {
            writeln!(out, "{}", painter.name(&name(lookup.table)))?;
            last = Some(&lookup.table.name);
        }
        let (columns, of) = (columns(lookup), line(&lookup.of));
        let pad = " ".repeat(widest - columns.width());
        let index = found(lookup);
        let gap = " ".repeat(longest - index.width());
        let index = if lookup.index.is_some() { index } else { painter.severity(Severity::Warn, &index) };
        let (file, number) = place(sources, lookup.at);
        let head = format!("  {:11}  {columns}{pad}  {index}{gap}", need(lookup.need));
        let tail = format!("{of}, {}:{number}", line(file));
        if display_width(&head) + 2 + tail.width() <= options.width {
            writeln!(out, "{head}  {}", painter.dim(&tail))?;
        } else {
            writeln!(out, "{}\n{}", head.trim_end(), wrap(&painter.dim(&tail), options.width, "      ", "      "))?;
        }
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
    guarded(out, Reader::Json, |out| write_json(out, &document))
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
