//! `supalint explain`: prints the page of a rule, or a list of rules with the first sentences of their pages.

use super::{GlobalArgs, Status, print, unknown_rule};
use crate::error::Error;
use crate::output::{Ink, page, wrap};
use crate::rules;
use clap::Args;
use std::io::{self, IsTerminal, Write};

#[derive(Debug, Args)]
pub struct Arguments {
    /// Rule (rls/disabled) or group of rules (rls) [default: all rules, one line each]
    rule: Option<String>,
}

pub fn run(arguments: &Arguments, manner: &GlobalArgs) -> Result<Status, Error> {
    let look = manner.look();
    let ink = Ink { colour: look.colour };
    match &arguments.rule {
        Some(name) => match rules::ALL.iter().find(|rule| rule.id == name) {
            // in a pipe, the page is printed as Markdown
            Some(rule) if io::stdout().is_terminal() || look.colour => {
                let text = page::render(rule.page, ink, look.width.min(100));
                print(|out| write!(out, "{} {}\n\n{text}", ink.dim("rule"), ink.name(rule.id)))?;
            }
            Some(rule) => print(|out| writeln!(out, "{}", rule.page.trim_end()))?,
            None => {
                let prefix = format!("{}/", name.trim_end_matches('/'));
                if !rules::ALL.iter().any(|rule| rule.id.starts_with(&prefix)) {
                    return Err(unknown_rule(name));
                }
                print(|out| list(&prefix, ink, manner.folded_width(), out))?;
            }
        },
        None => print(|out| list("", ink, manner.folded_width(), out))?,
    }
    Ok(Status::Clean)
}

/// Writes the first sentence of each page.
fn list(prefix: &str, ink: Ink, columns: usize, out: &mut dyn Write) -> io::Result<()> {
    let rules = || rules::ALL.iter().filter(|rule| rule.id.starts_with(prefix));
    let width = rules().map(|rule| rule.id.len()).max().unwrap_or(0);
    for rule in rules() {
        let head = format!("{}{}  ", ink.name(rule.id), " ".repeat(width - rule.id.len()));
        writeln!(out, "{}", wrap(&page::summary(rule.page), columns, &head, &" ".repeat(width + 2)))?;
    }
    Ok(())
}
