//! `supalint rules`: prints all rules as a table or as JSON.

use super::{GlobalArgs, ListFormat, Status, print};
use crate::error::Error;
use crate::finding::{Category, Severity};
use crate::output::{Painter, page, wrap, write_json};
use crate::rules;
use clap::Args;
use serde::Serialize;
use std::io::{self, Write};

#[derive(Debug, Args)]
pub struct Arguments {
    /// Format of the list
    #[arg(long, default_value = "text")]
    format: ListFormat,
}

#[derive(Serialize)]
struct Entry {
    id: &'static str,
    title: &'static str,
    category: Category,
    severity: Severity,
    fixable: bool,
    peers: Vec<String>,
}

pub fn run(arguments: &Arguments, global: &GlobalArgs) -> Result<Status, Error> {
    let (painter, width) = (Painter { colour: global.render_options().colour }, global.folded_width());
    print(|out| match arguments.format {
        ListFormat::Text => table(painter, width, out),
        ListFormat::Json => json(out),
    })?;
    Ok(Status::Clean)
}

/// Writes a row per rule. Titles are wrapped at the width `columns`.
fn table(painter: Painter, columns: usize, out: &mut dyn Write) -> io::Result<()> {
    let width = rules::ALL.iter().map(|rule| rule.id.len()).max().unwrap_or(0).max(4);
    writeln!(out, "{}", painter.dim(&format!("{:width$}  {:11}  {:8}  {:3}  title", "rule", "category", "severity", "fix")))?;
    for rule in rules::ALL {
        let severity = painter.severity(rule.severity, rule.severity.name());
        let head = format!(
            "{}{}  {:11}  {severity}{}  {:3}  ",
            painter.name(rule.id),
            " ".repeat(width - rule.id.len()),
            category(rule.category),
            " ".repeat(8 - rule.severity.name().len()),
            if rule.fixable { "yes" } else { "" },
        );
        writeln!(out, "{}", wrap(page::title(rule.page), columns, &head, &" ".repeat(width + 30)))?;
    }
    Ok(())
}

fn category(category: Category) -> &'static str {
    match category {
        Category::Security => "security",
        Category::Performance => "performance",
        Category::Integrity => "integrity",
        Category::Migration => "migration",
    }
}

fn json(out: &mut dyn Write) -> io::Result<()> {
    let entries: Vec<Entry> = rules::ALL
        .iter()
        .map(|rule| Entry {
            id: rule.id,
            title: page::title(rule.page),
            category: rule.category,
            severity: rule.severity,
            fixable: rule.fixable,
            peers: page::peers(rule.page),
        })
        .collect();
    write_json(out, &entries)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn titles_wrap_between_words() {
        let mut out = Vec::new();
        table(Painter { colour: false }, 80, &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
        let titles = rules::ALL.iter().flat_map(|rule| page::title(rule.page).split_whitespace());
        assert!(titles.clone().all(|word| text.split_whitespace().any(|shown| shown == word)));
    }
}
