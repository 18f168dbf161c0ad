//! `schema --format text`: an outline of each object with its parts and locations.

use super::{Listing, is_own, search_path};
use crate::catalog::acl::Privileges;
use crate::catalog::name::{QName, quote_ident};
use crate::catalog::object::*;
use crate::output::clean::{clean, line};
use crate::output::{Painter, RenderOptions, count};
use crate::source::Site;
use smol_str::SmolStr;
use std::io::{self, Write};
use unicode_width::UnicodeWidthStr;

struct Outline<'a> {
    listing: Listing<'a>,
    painter: Painter,
    width: usize,
    /// File of the current object. Parts in the same file are listed with their line only.
    file: String,
}

/// A line of cells, followed by free text.
struct Row {
    cells: Vec<String>,
    at: Site,
    maybe: bool,
}

pub fn write(listing: &Listing<'_>, options: &RenderOptions, out: &mut dyn Write) -> io::Result<()> {
    let mut outline = Outline { listing: *listing, painter: Painter { colour: options.colour }, width: options.width, file: String::new() };
    for table in listing.tables() {
        outline.table(table, out)?;
    }
    for view in listing.views() {
        outline.view(view, out)?;
    }
    outline.elsewhere(out)?;
    outline.functions(out)?;
    outline.types(out)?;
    outline.others(out)
}

/// Returns a text in one line.
fn flat(text: &str) -> String {
    clean(text).split_whitespace().collect::<Vec<_>>().join(" ")
}

fn list<'a>(names: impl IntoIterator<Item = &'a SmolStr>) -> String {
    names.into_iter().map(|name| quote_ident(name)).collect::<Vec<_>>().join(", ")
}

fn action(action: ReferentialAction) -> &'static str {
    match action {
        ReferentialAction::NoAction => "",
        ReferentialAction::Restrict => " on delete restrict",
        ReferentialAction::Cascade => " on delete cascade",
        ReferentialAction::SetNull => " on delete set null",
        ReferentialAction::SetDefault => " on delete set default",
    }
}

impl Outline<'_> {
    fn place(&self, at: Site) -> String {
        let (file, number) = self.listing.place(at);
        if file == self.file { format!(":{number}") } else { format!("{}:{number}", line(file)) }
    }

    /// Writes the heading of an object. Parts in the same file are listed with their line only.
    fn head(&mut self, what: &str, name: &QName, notes: &[&str], at: Site, sure: Certainty, out: &mut dyn Write) -> io::Result<()> {
        let (file, number) = self.listing.place(at);
        self.file = file.to_string();
        let mut notes: Vec<&str> = notes.to_vec();
        if sure == Certainty::Maybe {
            notes.push("maybe");
        }
        let notes = if notes.is_empty() { String::new() } else { format!("  {}", notes.join(", ")) };
        let name = self.painter.bold(&line(&name.quoted()));
        writeln!(out, "{} {name}{notes}  {}", self.painter.name(what), self.painter.dim(&format!("{}:{number}", line(file))))
    }

    /// Writes rows in aligned columns, each with its location.
    fn rows(&self, rows: &[Row], out: &mut dyn Write) -> io::Result<()> {
        let most = (self.width / 2).max(24);
        let columns = rows.iter().map(|row| row.cells.len()).max().unwrap_or(0);
        let widths: Vec<usize> = (0..columns)
            .map(|at| rows.iter().filter_map(|row| row.cells.get(at)).map(|cell| cell.width()).filter(|width| *width <= most).max())
            .map(Option::unwrap_or_default)
            .collect();
        for row in rows {
            let mut text = String::from(" ");
            for (at, (cell, width)) in row.cells.iter().zip(&widths).enumerate() {
                if rows.iter().all(|row| row.cells.get(at).is_none_or(String::is_empty)) {
                    continue;
                }
                text.push(' ');
                text.push_str(cell);
                text.push_str(&" ".repeat(width.saturating_sub(cell.width())));
            }
            let maybe = if row.maybe { " maybe" } else { "" };
            writeln!(out, "{}{maybe}  {}", text.trim_end(), self.painter.dim(&self.place(row.at)))?;
        }
        Ok(())
    }

    fn row(&self, cells: Vec<String>, at: Site, sure: Certainty) -> Row {
        Row { cells: cells.into_iter().map(|cell| flat(&cell)).collect(), at, maybe: sure == Certainty::Maybe }
    }

    fn table(&mut self, table: &Table, out: &mut dyn Write) -> io::Result<()> {
        let rls = match (table.rls.value, table.force_rls.value) {
            (true, true) => "RLS forced",
            (true, false) => "RLS on",
            (false, _) => "RLS off",
        };
        let mut notes = vec![rls];
        match table.kind {
            TableKind::Ordinary => {}
            TableKind::Partitioned => notes.push("partitioned"),
            TableKind::Foreign => notes.push("foreign"),
        }
        let of = table.partition_of.as_ref().map(|parent| format!("partition of {}", line(&parent.quoted())));
        notes.extend(of.as_deref());
        if table.external {
            notes.push("not created by these migrations");
        }
        self.head("table", &table.name, &notes, table.created, table.certainty, out)?;
        let mut rows = Vec::new();
        for column in &table.columns {
            let default = self.listing.default(column).map(|default| match column.generated {
                Some(_) => format!("generated as ({default})"),
                None => format!("default {default}"),
            });
            let identity = column.identity.map(|identity| match identity {
                Identity::Always => "identity always".to_string(),
                Identity::ByDefault => "identity by default".to_string(),
            });
            let cells = vec![
                quote_ident(&column.name),
                column.ty.canonical().to_string(),
                if column.not_null.value { "not null".into() } else { String::new() },
                default.or(identity).unwrap_or_default(),
            ];
            rows.push(self.row(cells, column.at, column.certainty));
        }
        self.rows(&rows, out)?;
        self.constraints(table, out)?;
        self.indexes(&table.indexes, out)?;
        self.policies(table, out)?;
        self.triggers(&table.triggers, out)?;
        self.grants("select, insert, update, delete", |role| self.listing.catalog.table_privileges(role, table), out)?;
        writeln!(out)
    }

    fn constraints(&self, table: &Table, out: &mut dyn Write) -> io::Result<()> {
        let mut rows = Vec::new();
        for constraint in &table.constraints {
            let columns = format!("({})", list(&constraint.columns));
            let mut text = match (constraint.kind, &constraint.references) {
                (ConstraintKind::PrimaryKey, _) => format!("primary key {columns}"),
                (ConstraintKind::Unique, _) => format!("unique {columns}"),
                (ConstraintKind::Exclude, _) => format!("exclude {columns}"),
                (ConstraintKind::ForeignKey, Some(key)) => {
                    format!("foreign key {columns} → {} ({}){}", key.table.quoted(), list(&key.columns), action(key.on_delete))
                }
                (ConstraintKind::ForeignKey, None) => format!("foreign key {columns}"),
                (ConstraintKind::Check, _) => {
                    let text = constraint.expr.as_ref().map(|expr| expr.text(self.listing.sources));
                    format!("check ({})", text.unwrap_or_default())
                }
            };
            if !constraint.validated.value {
                text.push_str(" not valid");
            }
            rows.push(self.row(vec!["constraint".into(), quote_ident(&constraint.name), text], constraint.at, constraint.certainty));
        }
        self.rows(&rows, out)
    }

    /// Writes indexes, except those of constraints.
    fn indexes(&self, indexes: &[Index], out: &mut dyn Write) -> io::Result<()> {
        let mut rows = Vec::new();
        for index in indexes.iter().filter(|index| index.constraint.is_none()) {
            let columns: Vec<String> = index
                .columns
                .iter()
                .map(|column| match &column.column {
                    Some(name) => format!("{}{}", quote_ident(name), if column.descending { " desc" } else { "" }),
                    None => column.expr.text(self.listing.sources),
                })
                .collect();
            let mut text = format!("{}{} ({})", if index.unique { "unique " } else { "" }, index.method, columns.join(", "));
            if !index.include.is_empty() {
                text.push_str(&format!(" include ({})", list(&index.include)));
            }
            if let Some(predicate) = &index.predicate {
                text.push_str(&format!(" where {}", predicate.text(self.listing.sources)));
            }
            rows.push(self.row(vec!["index".into(), quote_ident(&index.name), text], index.at, index.certainty));
        }
        self.rows(&rows, out)
    }

    fn policies(&self, table: &Table, out: &mut dyn Write) -> io::Result<()> {
        for policy in table.policies.iter().filter(|policy| is_own(policy.at, table.of_extension)) {
            let kind = if policy.permissive { "" } else { "restrictive " };
            let roles = list(&policy.roles);
            let text = format!("{kind}{} to {roles}", policy.command.word().to_lowercase());
            self.rows(&[self.row(vec!["policy".into(), quote_ident(&policy.name), text], policy.at, policy.certainty)], out)?;
            for (clause, expression) in policy.clauses() {
                writeln!(out, "    {} ({})", clause.to_lowercase(), flat(&expression.text(self.listing.sources)))?;
            }
        }
        Ok(())
    }

    fn triggers(&self, triggers: &[Trigger], out: &mut dyn Write) -> io::Result<()> {
        let mut rows = Vec::new();
        for trigger in triggers.iter().filter(|trigger| !trigger.at.is_platform()) {
            let time = match trigger.time {
                TriggerTime::Before => "before",
                TriggerTime::After => "after",
                TriggerTime::InsteadOf => "instead of",
            };
            let each = if trigger.for_each_row { "row" } else { "statement" };
            let off = if trigger.enabled.value { "" } else { " (disabled)" };
            let text = format!("{time} {} for each {each} → {}(){off}", trigger.events.join(" or "), trigger.function.quoted());
            rows.push(self.row(vec!["trigger".into(), quote_ident(&trigger.name), text], trigger.at, trigger.certainty));
        }
        self.rows(&rows, out)
    }

    /// Writes the privileges of the two API roles.
    fn grants(&self, all: &str, held: impl Fn(&str) -> Privileges, out: &mut dyn Write) -> io::Result<()> {
        let mut parts = Vec::new();
        for role in ["anon", "authenticated"] {
            let held = held(role);
            let names: Vec<&str> = all.split(", ").filter(|name| Privileges::named(name).is_some_and(|one| held.contains(one))).collect();
            parts.push(format!("{role} {}", if names.is_empty() { "nothing".into() } else { names.join(", ") }));
        }
        writeln!(out, "  granted  {}", parts.join("; "))
    }

    fn view(&mut self, view: &View, out: &mut dyn Write) -> io::Result<()> {
        let what = if view.materialized { "materialized view" } else { "view" };
        let mut notes = Vec::new();
        if !view.materialized {
            notes.push(if view.security_invoker.value { "with the caller's privileges" } else { "with its owner's privileges" });
        }
        self.head(what, &view.name, &notes, view.at, view.certainty, out)?;
        if !view.columns.is_empty() {
            writeln!(out, "  columns  {}", flat(&list(view.columns.iter().map(|column| &column.name))))?;
        }
        if !view.reads.is_empty() {
            writeln!(out, "  reads  {}", flat(&view.reads.iter().map(QName::quoted).collect::<Vec<_>>().join(", ")))?;
        }
        self.indexes(&view.indexes, out)?;
        self.triggers(&view.triggers, out)?;
        let kind = crate::syntax::ast::ObjectKind::View;
        self.grants("select", |role| self.listing.catalog.privileges(role, &view.acl, &view.owner, kind), out)?;
        writeln!(out)
    }

    /// Writes policies and triggers of the project on tables of the platform.
    fn elsewhere(&mut self, out: &mut dyn Write) -> io::Result<()> {
        for table in self.listing.catalog.tables.values().filter(|table| table.created.is_platform()) {
            let own = table.policies.iter().any(|policy| !policy.at.is_platform());
            if own || table.triggers.iter().any(|trigger| !trigger.at.is_platform()) {
                self.file.clear();
                let name = self.painter.bold(&line(&table.name.quoted()));
                writeln!(out, "{} {name}  {}", self.painter.name("table"), self.painter.dim("(Supabase)"))?;
                self.policies(table, out)?;
                self.triggers(&table.triggers, out)?;
                writeln!(out)?;
            }
        }
        Ok(())
    }

    fn functions(&mut self, out: &mut dyn Write) -> io::Result<()> {
        self.file.clear();
        let mut rows = Vec::new();
        for function in self.listing.functions() {
            let what = match function.kind {
                RoutineKind::Function => "function",
                RoutineKind::Procedure => "procedure",
                RoutineKind::Aggregate => "aggregate",
            };
            let mut text = format!("{}({})", function.name.quoted(), function.identity_arguments());
            if let Some(result) = function.result() {
                text.push_str(&format!(" → {result}"));
            }
            if function.security_definer.value {
                text.push_str(", security definer");
            }
            if let Some(path) = search_path(function) {
                text.push_str(&format!(", {path}"));
            }
            let may: Vec<&str> =
                ["anon", "authenticated"].into_iter().filter(|role| self.listing.catalog.may_execute(role, function)).collect();
            if !may.is_empty() && !function.returns_trigger() {
                text.push_str(&format!(", for {}", may.join(", ")));
            }
            rows.push(self.row(vec![what.into(), text], function.at, function.certainty));
        }
        self.section("functions", &rows, out)
    }

    fn section(&self, title: &str, rows: &[Row], out: &mut dyn Write) -> io::Result<()> {
        if rows.is_empty() {
            return Ok(());
        }
        writeln!(out, "{}", self.painter.name(&line(title)))?;
        self.rows(rows, out)?;
        writeln!(out)
    }

    fn types(&mut self, out: &mut dyn Write) -> io::Result<()> {
        let mut rows = Vec::new();
        for ty in self.listing.types() {
            let text = match &ty.kind {
                TypeKind::Enum(labels) => {
                    format!("enum ({})", labels.iter().map(|label| label.text.as_str()).collect::<Vec<_>>().join(", "))
                }
                TypeKind::Composite(attributes) => {
                    let attributes = attributes.iter().map(|(name, ty)| format!("{} {}", quote_ident(name), ty.canonical()));
                    format!("composite ({})", attributes.collect::<Vec<_>>().join(", "))
                }
                TypeKind::Domain { base, not_null, checks } => {
                    let null = if *not_null { " not null" } else { "" };
                    let checks: Vec<String> =
                        checks.iter().map(|(_, check)| format!(" check ({})", check.text(self.listing.sources))).collect();
                    format!("domain over {}{null}{}", base.canonical(), checks.concat())
                }
                TypeKind::Range => "range".into(),
                TypeKind::Base => "base type".into(),
                TypeKind::Shell => "shell type".into(),
            };
            rows.push(self.row(vec![ty.name.quoted(), text], ty.at, ty.certainty));
        }
        self.section("types", &rows, out)
    }

    fn others(&mut self, out: &mut dyn Write) -> io::Result<()> {
        let catalog = self.listing.catalog;
        let buckets: Vec<Row> = catalog
            .buckets
            .values()
            .map(|bucket| {
                let public = match bucket.public {
                    Some(true) => "public",
                    Some(false) => "private",
                    None => "public or private: unknown",
                };
                self.row(vec![bucket.id.to_string(), public.into()], bucket.at, bucket.certainty)
            })
            .collect();
        self.section("storage buckets", &buckets, out)?;
        let extensions: Vec<Row> = catalog
            .extensions
            .values()
            .filter(|extension| !extension.at.is_platform())
            .map(|extension| {
                self.row(vec![quote_ident(&extension.name), quote_ident(&extension.schema)], extension.at, extension.certainty)
            })
            .collect();
        self.section("extensions", &extensions, out)?;
        for publication in catalog.publications.values() {
            let tables = catalog.published(publication);
            if !tables.is_empty() {
                let rows: Vec<Row> = tables.iter().map(|(name, at)| self.row(vec![name.quoted()], *at, Certainty::Certain)).collect();
                let title = format!("publication {} with {}", quote_ident(&publication.name), count(rows.len(), "table"));
                self.section(&title, &rows, out)?;
            }
        }
        Ok(())
    }
}
