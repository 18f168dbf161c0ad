//! Color, and text that is safe to print in a terminal.
//!
//! Promises: without color, the output contains no escape sequences, independent of the SQL.

use crate::finding::Severity;
use owo_colors::{OwoColorize, Style};
use textwrap::{Options, WordSeparator, WordSplitter};
use unicode_width::UnicodeWidthChar;

/// Writer of text with or without color.
#[derive(Clone, Copy, Debug)]
pub struct Painter {
    pub colour: bool,
}

impl Painter {
    pub fn severity(self, severity: Severity, text: &str) -> String {
        self.paint(Painter::severity_style(severity), text)
    }

    pub fn bold(self, text: &str) -> String {
        self.paint(Style::new().bold(), text)
    }

    pub fn dim(self, text: &str) -> String {
        self.paint(Style::new().dimmed(), text)
    }

    pub fn name(self, text: &str) -> String {
        self.paint(Style::new().cyan(), text)
    }

    pub fn added(self, text: &str) -> String {
        self.paint(Style::new().green(), text)
    }

    pub fn removed(self, text: &str) -> String {
        self.paint(Style::new().red(), text)
    }

    pub(super) fn severity_style(severity: Severity) -> Style {
        match severity {
            Severity::Error => Style::new().red().bold(),
            Severity::Warn => Style::new().yellow().bold(),
            Severity::Info => Style::new().blue().bold(),
        }
    }

    fn paint(self, style: Style, text: &str) -> String {
        if self.colour && !text.is_empty() { text.style(style).to_string() } else { text.to_string() }
    }
}

pub(super) const TAB: usize = 4;

/// Returns the width of a text in columns, if it starts at column `from`.
pub(super) fn columns(text: &str, from: usize) -> usize {
    text.chars().fold(from, |at, c| at + if c == '\t' { TAB - at % TAB } else { c.width().unwrap_or(0) }) - from
}

/// Returns a text with spaces instead of tabs, if it starts at column `from`.
pub(super) fn untab(text: &str, from: usize) -> String {
    let mut out = String::with_capacity(text.len());
    for (index, piece) in text.split('\t').enumerate() {
        if index > 0 {
            let at = from + columns(&out, from);
            out.push_str(&" ".repeat(TAB - at % TAB));
        }
        out.push_str(piece);
    }
    out
}

/// Wraps a text to lines of at most `width` columns, with an indent for the first line and one for the others. Words are not split.
pub fn wrap(text: &str, width: usize, first: &str, rest: &str) -> String {
    let options = Options::new(width)
        .initial_indent(first)
        .subsequent_indent(rest)
        .break_words(false)
        .word_separator(WordSeparator::AsciiSpace)
        .word_splitter(WordSplitter::NoHyphenation);
    textwrap::fill(text, options)
}
