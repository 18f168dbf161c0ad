//! Output of a [`Catalog`]: the schema that the migrations create.
//!
//! Promises: the output depends only on the catalog and its sources. Objects and columns are in the order of their names. Objects of the
//! platform and of extensions are omitted.

mod json;
pub mod matrix;
mod text;

use super::clean::Reader;
use super::{RenderOptions, guarded};
use crate::catalog::Catalog;
use crate::catalog::object::{Certainty, Column, Function, Table, Type, View};
use crate::source::{Site, Sources};
use smol_str::SmolStr;
use std::io::{self, Write};

/// Writes the schema as one JSON object.
///
/// # Errors
/// Only errors of `out`.
pub fn json(catalog: &Catalog, sources: &Sources, out: &mut dyn Write) -> io::Result<()> {
    guarded(out, Reader::Json, |out| json::write(&Listing { catalog, sources }, out))
}

/// Writes the schema as an outline for a terminal.
///
/// # Errors
/// Only errors of `out`.
pub fn text(catalog: &Catalog, sources: &Sources, options: &RenderOptions, out: &mut dyn Write) -> io::Result<()> {
    guarded(out, Reader::Screen, |out| text::write(&Listing { catalog, sources }, options, out))
}

/// The objects of the project.
#[derive(Clone, Copy)]
struct Listing<'a> {
    catalog: &'a Catalog,
    sources: &'a Sources,
}

impl<'a> Listing<'a> {
    fn tables(self) -> impl Iterator<Item = &'a Table> {
        self.catalog.tables.values().filter(|table| is_own(table.created, table.of_extension) && !is_temporary(&table.name.schema))
    }

    fn views(self) -> impl Iterator<Item = &'a View> {
        self.catalog.views.values().filter(|view| is_own(view.at, view.of_extension) && !is_temporary(&view.name.schema))
    }

    fn functions(self) -> impl Iterator<Item = &'a Function> {
        let functions = self.catalog.functions.values().flatten();
        functions.filter(|function| is_own(function.at, function.of_extension) && !is_temporary(&function.name.schema))
    }

    fn types(self) -> impl Iterator<Item = &'a Type> {
        self.catalog.types.values().filter(|ty| is_own(ty.at, ty.of_extension) && !is_temporary(&ty.name.schema))
    }

    fn place(self, site: Site) -> (&'a str, u32) {
        place(self.sources, site)
    }

    /// Returns the default as SQL. The default of a serial column is not in the source.
    fn default(self, column: &Column) -> Option<String> {
        let default = column.default.as_ref().or(column.generated.as_deref())?;
        match &column.sequence {
            Some(sequence) if default.site == column.at => Some(format!("nextval('{}'::regclass)", sequence.quoted())),
            _ => Some(default.text(self.sources)),
        }
    }

    /// Returns the write commands that an API role can run on a table.
    fn writes(self, role: &str, table: &Table) -> Vec<&'static str> {
        use crate::catalog::acl::Privileges;
        let held = self.catalog.table_privileges(role, table);
        [("DELETE", Privileges::DELETE), ("INSERT", Privileges::INSERT), ("UPDATE", Privileges::UPDATE)]
            .into_iter()
            .filter_map(|(name, privilege)| held.contains(privilege).then_some(name))
            .collect()
    }
}

/// Returns the file and line of a location.
fn place(sources: &Sources, site: Site) -> (&str, u32) {
    let (start, _) = sources.range(site);
    (&sources.get(sources.resolve(site).file).path, start.line)
}

fn is_own(at: Site, of_extension: bool) -> bool {
    !at.is_platform() && !of_extension
}

fn is_temporary(schema: &str) -> bool {
    schema == "pg_temp"
}

fn certainty(certainty: Certainty) -> &'static str {
    match certainty {
        Certainty::Maybe => "maybe",
        Certainty::Certain => "certain",
    }
}

/// Returns a setting as pg_proc.proconfig stores it.
fn search_path(function: &Function) -> Option<SmolStr> {
    function.setting("search_path").map(|value| smol_str::format_smolstr!("search_path={value}"))
}
