//! Removal of control characters and log commands from output.
//!
//! Promises: [`guard`] is the last step of everything that is printed or written as a report. No control character reaches a terminal,
//! except the colors of supalint. No text of a user becomes a workflow command of GitHub Actions. In JSON, control characters become
//! escapes, so the meaning does not change.
//! Source: the workflow commands of actions/runner (src/Runner.Common/ActionCommand.cs).

use std::borrow::Cow;
use std::fmt::Write;

/// Reader of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reader {
    /// A person at a terminal, with colors. Text of users was cleaned before it was colored.
    Screen,
    /// A person who reads a log, a file or a script.
    Person,
    /// A program that parses JSON.
    Json,
    /// GitHub Actions, which reads lines that begin with `::` as commands.
    Runner,
}

/// Commands that GitHub Actions reads from lines of a log.
const COMMANDS: [&str; 16] = [
    "error",
    "warning",
    "notice",
    "debug",
    "group",
    "endgroup",
    "echo",
    "add-mask",
    "add-matcher",
    "remove-matcher",
    "add-path",
    "set-env",
    "set-output",
    "save-state",
    "stop-commands",
    "internal-set-repo-path",
];

/// Returns an output without control characters and commands of users.
pub fn guard(text: &str, reader: Reader) -> Cow<'_, str> {
    match reader {
        Reader::Json => json(text),
        Reader::Runner => clean(text),
        Reader::Person => both(clean(text)),
        Reader::Screen => both(controls(text)),
    }
}

fn both(text: Cow<'_, str>) -> Cow<'_, str> {
    match text {
        Cow::Borrowed(text) => commands(text),
        Cow::Owned(text) => Cow::Owned(commands(&text).into_owned()),
    }
}

/// Replaces characters that move the cursor, color the screen or reorder the text. Tabs and line feeds are kept.
pub fn clean(text: &str) -> Cow<'_, str> {
    if text.chars().any(is_treacherous) {
        Cow::Owned(text.chars().map(|c| if is_treacherous(c) { '\u{fffd}' } else { c }).collect())
    } else {
        Cow::Borrowed(text)
    }
}

/// Returns a text in one line, without control characters.
pub fn line(text: &str) -> String {
    clean(text).replace(['\n', '\t'], " ")
}

fn is_treacherous(c: char) -> bool {
    let bidirectional = matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{2028}' | '\u{2029}');
    !matches!(c, ' '..='~' | '\t' | '\n') && (bidirectional || c.is_control())
}

/// Cleans a text like [`clean`], but keeps the escape sequences of colors.
fn controls(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_treacherous) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let colour = colour(rest);
        let length = colour.unwrap_or(c.len_utf8());
        match is_treacherous(c) && colour.is_none() {
            true => out.push('\u{fffd}'),
            false => out.push_str(&rest[..length]),
        }
        rest = &rest[length..];
    }
    Cow::Owned(out)
}

/// Returns the length of the color sequence at the start of a text.
fn colour(text: &str) -> Option<usize> {
    let codes = text.strip_prefix("\u{1b}[")?;
    let end = codes.find(|c: char| !c.is_ascii_digit() && c != ';')?;
    // 8 conceals text
    (codes[end..].starts_with('m') && !codes[..end].split(';').any(|code| code == "8")).then_some("\u{1b}[".len() + end + 1)
}

/// Returns a text without commands of a CI server.
fn commands(text: &str) -> Cow<'_, str> {
    if !text.contains("##[") && !text.lines().any(is_command) {
        return Cow::Borrowed(text);
    }
    let line = |line: &str| {
        let line = line.replace("##[", "## [");
        if is_command(&line) { line.replacen("::", ": :", 1) } else { line }
    };
    Cow::Owned(text.split_inclusive('\n').map(line).collect())
}

fn is_command(line: &str) -> bool {
    let plain = uncoloured(line);
    let Some(rest) = plain.trim_start().strip_prefix("::") else { return false };
    let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '-').unwrap_or(rest.len());
    rest[..end].is_empty() || COMMANDS.iter().any(|command| rest[..end].eq_ignore_ascii_case(command))
}

fn uncoloured(line: &str) -> &str {
    let mut rest = line.trim_start();
    while let Some(length) = colour(rest) {
        rest = rest[length..].trim_start();
    }
    rest
}

/// Returns JSON with control characters as escapes. They occur only in strings.
fn json(text: &str) -> Cow<'_, str> {
    let escaped = |c: char| c != '\r' && is_treacherous(c);
    if !text.contains("##[") && !text.chars().any(escaped) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match escaped(c) {
            // all of them have four digits
            true => _ = write!(out, "\\u{:04x}", u32::from(c)),
            false => out.push(c),
        }
    }
    Cow::Owned(out.replace("##[", "##\\u005b"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn controls_become_visible_and_colours_stay() {
        assert_eq!(guard("a\u{1b}[2Jb\r\u{7f}\u{9b}\tc\n", Reader::Person), "a\u{fffd}[2Jb\u{fffd}\u{fffd}\u{fffd}\tc\n");
        assert_eq!(guard("\u{1b}[1;31mred\u{1b}[0m", Reader::Screen), "\u{1b}[1;31mred\u{1b}[0m");
        assert_eq!(guard("\u{1b}[31mred", Reader::Person), "\u{fffd}[31mred");
        assert_eq!(guard("\u{1b}[8mhidden", Reader::Screen), "\u{fffd}[8mhidden");
        assert!(matches!(guard("plain\n  text", Reader::Person), Cow::Borrowed(_)));
    }

    #[test]
    fn commands_of_a_log_are_broken_and_casts_stay() {
        for command in ["::error::x", "  ::set-output name=a::b", "::add-mask::x", "::stop-commands::x", "\u{1b}[1m::error::x", "::::"] {
            assert!(!is_command(&guard(command, Reader::Screen)), "{command}");
        }
        assert_eq!(guard("a ##[error]b", Reader::Person), "a ## [error]b");
        assert_eq!(guard("  ::text)::uuid", Reader::Person), "  ::text)::uuid");
        assert_eq!(guard("::error ::x", Reader::Runner), "::error ::x");
    }

    #[test]
    fn json_keeps_its_meaning() {
        let text = "\u{9b}\u{202e}##[error]\u{7f}\n";
        let written = serde_json::to_string(text).unwrap();
        let guarded = guard(&written, Reader::Json);
        assert!(guarded.is_ascii() && !guarded.contains("##["), "{guarded}");
        assert_eq!(serde_json::from_str::<String>(&guarded).unwrap(), text);
    }
}
