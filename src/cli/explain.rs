//! `supalint explain`: prints the page of a rule, or a list of rules with the first sentences of their pages.

use super::{GlobalArgs, Status, print, unknown_rule};
use crate::error::Error;
use crate::output::{Painter, page, wrap};
use crate::rules;
use clap::Args;
use std::io::{self, IsTerminal, Write};

#[derive(Debug, Args)]
pub struct Arguments {
    /// Rule (rls/disabled) or group of rules (rls) [default: all rules, one line each]
    rule: Option<String>,
}

pub fn run(arguments: &Arguments, global: &GlobalArgs) -> Result<Status, Error> {
    let options = global.render_options();
    let painter = Painter { colour: options.colour };
    match &arguments.rule {
        Some(name) => match rules::ALL.iter().find(|rule| rule.id == name) {
            // in a pipe, the page is printed as Markdown
            Some(rule) if io::stdout().is_terminal() || options.colour => {
                let text = page::render(rule.page, painter, options.width.min(100));
                print(|out| write!(out, "{} {}\n\n{text}", painter.dim("rule"), painter.name(rule.id)))?;
            }
            Some(rule) => print(|out| writeln!(out, "{}", rule.page.trim_end()))?,
            None => {
                let prefix = format!("{}/", name.trim_end_matches('/'));
                if !rules::ALL.iter().any(|rule| rule.id.starts_with(&prefix)) {
                    return Err(unknown_rule(name));
                }
                print(|out| list(&prefix, painter, global.folded_width(), out))?;
            }
        },
        None => print(|out| list("", painter, global.folded_width(), out))?,
    }
    Ok(Status::Clean)
}

/// Writes the first sentence of each page.
fn list(prefix: &str, painter: Painter, columns: usize, out: &mut dyn Write) -> io::Result<()> {
    let rules = || rules::ALL.iter().filter(|rule| rule.id.starts_with(prefix));
    let width = rules().map(|rule| rule.id.len()).max().unwrap_or(0);
    for rule in rules() {
        let head = format!("{}{}  ", painter.name(rule.id), " ".repeat(width - rule.id.len()));
        writeln!(out, "{}", wrap(&page::summary(rule.page), columns, &head, &" ".repeat(width + 2)))?;
    }
    Ok(())
}
