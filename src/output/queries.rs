//! `supalint queries`: the queries of application code by object, with the index that finds their rows.
//!
//! Promises: the output depends only on the queries and their sources. JSON contains the location of every query.

use super::clean::{Reader, line};
use super::{Painter, RenderOptions, count, guarded, write_json};
use crate::analysis::query_list::{Found, Group, Queried};
use crate::finding::Severity;
use crate::source::{Site, Sources};
use serde::Serialize;
use std::collections::BTreeSet;
use std::io::{self, Write};
use supalint_queries::shape::ClientKind;
use unicode_width::UnicodeWidthStr;

/// Writes an outline for a terminal. With `verbose`, it contains the locations of all queries, otherwise three of each form.
///
/// # Errors
/// Only errors of `out`.
pub fn text(all: &[Queried], sources: &Sources, verbose: bool, options: &RenderOptions, out: &mut dyn Write) -> io::Result<()> {
    const SHOWN: usize = 3;
    let painter = Painter { colour: options.colour };
    guarded(out, Reader::Screen, |out| {
        for queried in all {
            let places = || queried.groups.iter().flat_map(|group| &group.places);
            let files: BTreeSet<&str> = places().map(|(site, _)| path(sources, *site)).collect();
            let total = format!("{} in {}", count(places().count(), "query"), count(files.len(), "file"));
            writeln!(out, "{}  {}", painter.name(&line(&queried.name)), painter.dim(&total))?;
            for group in &queried.groups {
                let head = format!("  {:>3}  {}", group.places.len(), line(&group.form));
                let index = match group.found {
                    Found::Index(index) => format!("index {}", line(&index.name)),
                    Found::Scan => painter.severity(Severity::Warn, "no index"),
                    Found::Unknown => String::new(),
                };
                let gap = 60usize.saturating_sub(head.width()).max(2);
                writeln!(out, "{}", format!("{head}{}{index}", " ".repeat(gap)).trim_end())?;
                let shown = if verbose { group.places.len() } else { SHOWN };
                for (site, _) in group.places.iter().take(shown) {
                    let (start, _) = sources.range(*site);
                    writeln!(out, "       {}", painter.dim(&format!("{}:{}", line(path(sources, *site)), start.line)))?;
                }
                if group.places.len() > shown {
                    writeln!(out, "       {}", painter.dim(&format!("and {} more (--verbose lists them)", group.places.len() - shown)))?;
                }
            }
            for index in &queried.unused {
                writeln!(out, "    -  index {}: no query, policy or key uses it", line(&index.name))?;
            }
        }
        Ok(())
    })
}

fn path(sources: &Sources, site: Site) -> &str {
    &sources.get(site.file).path
}

/// Writes all queries as one JSON object.
///
/// # Errors
/// Only errors of `out`.
pub fn json(all: &[Queried], sources: &Sources, out: &mut dyn Write) -> io::Result<()> {
    let place = |(site, client): &(Site, ClientKind)| {
        let (start, _) = sources.range(*site);
        PlaceEntry { file: path(sources, *site), line: start.line, column: start.column, client: client_name(*client) }
    };
    let group = |group: &Group| {
        let (index, is_indexed) = match group.found {
            Found::Index(index) => (Some(index.name.to_string()), Some(true)),
            Found::Scan => (None, Some(false)),
            Found::Unknown => (None, None),
        };
        let columns = group.columns.iter().map(ToString::to_string).collect();
        GroupEntry { form: group.form.clone(), columns, index, is_indexed, places: group.places.iter().map(place).collect() }
    };
    let entry = |queried: &Queried| QueriedEntry {
        name: queried.name.clone(),
        queries: queried.groups.iter().map(group).collect(),
        unused_indexes: queried.unused.iter().map(|index| index.name.to_string()).collect(),
    };
    let document = Document { version: 1, objects: all.iter().map(entry).collect() };
    guarded(out, Reader::Json, |out| write_json(out, &document))
}

fn client_name(client: ClientKind) -> &'static str {
    match client {
        ClientKind::Anon => "anon",
        ClientKind::SignedIn => "signed-in",
        ClientKind::ServiceRole => "service-role",
        ClientKind::Unknown => "unknown",
    }
}

#[derive(Serialize)]
struct Document<'a> {
    version: u32,
    objects: Vec<QueriedEntry<'a>>,
}

#[derive(Serialize)]
struct QueriedEntry<'a> {
    name: String,
    queries: Vec<GroupEntry<'a>>,
    /// Indexes that no query of the code, policy, key or constraint uses. Empty if SQL of the migrations also reads the table.
    unused_indexes: Vec<String>,
}

#[derive(Serialize)]
struct GroupEntry<'a> {
    /// Command and conditions without values.
    form: String,
    /// Columns that are compared with one value.
    columns: Vec<String>,
    index: Option<String>,
    /// Whether an index finds the rows, or `null` if that is unknown.
    is_indexed: Option<bool>,
    places: Vec<PlaceEntry<'a>>,
}

#[derive(Serialize)]
struct PlaceEntry<'a> {
    file: &'a str,
    line: u32,
    column: u32,
    client: &'static str,
}
