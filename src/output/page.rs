//! Pages of rules: Markdown that is the documentation, the text of `explain`, and the source of titles.
//!
//! Promises: headings, paragraphs, lists and fences are formatted. Other text is shown unchanged.

use super::ink::Ink;
use std::borrow::Cow;
use textwrap::{Options, WordSeparator, WordSplitter};

/// Returns the text of the first heading.
pub fn title(page: &str) -> &str {
    page.lines().find_map(|line| line.strip_prefix("# ")).unwrap_or("").trim()
}

/// Returns the first sentence of the first paragraph.
pub fn summary(page: &str) -> String {
    let paragraph: Vec<&str> = page
        .lines()
        .map(str::trim)
        .skip_while(|line| line.is_empty() || line.starts_with('#'))
        .take_while(|line| !line.is_empty() && !line.starts_with('#') && !line.starts_with("```"))
        .collect();
    let paragraph = paragraph.join(" ");
    let end = paragraph.match_indices(". ").find(|(at, _)| !paragraph[..*at].ends_with("e.g") && !paragraph[..*at].ends_with("i.e"));
    match end {
        Some((at, _)) => paragraph[..=at].to_string(),
        None => paragraph,
    }
}

/// Returns the items of the section "See also": names of the problem in other tools.
pub fn peers(page: &str) -> Vec<String> {
    let section = page.lines().skip_while(|line| !is_heading(line, "see also")).skip(1).take_while(|line| !line.starts_with('#'));
    let mut items: Vec<String> = Vec::new();
    for line in section {
        match line.strip_prefix("- ").or_else(|| line.strip_prefix("* ")) {
            Some(item) => items.push(plain(item.trim())),
            None if line.starts_with(' ') && !line.trim().is_empty() => {
                if let Some(item) = items.last_mut() {
                    item.push(' ');
                    item.push_str(&plain(line.trim()));
                }
            }
            None => {}
        }
    }
    items
}

fn is_heading(line: &str, name: &str) -> bool {
    line.strip_prefix("##").is_some_and(|rest| rest.trim_start_matches('#').trim().eq_ignore_ascii_case(name))
}

/// Returns a text without the markup of code and links.
fn plain(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(open) = rest.find('[') {
        let Some((label, after)) = rest[open + 1..].split_once("](") else { break };
        let Some((_, tail)) = after.split_once(')') else { break };
        out.push_str(&rest[..open]);
        out.push_str(label);
        rest = tail;
    }
    out.push_str(rest);
    out.replace('`', "")
}

/// Returns the page formatted for a terminal.
pub fn render(page: &str, ink: Ink, width: usize) -> String {
    let mut out = String::new();
    let mut fenced = false;
    let mut paragraph: Vec<&str> = Vec::new();
    for line in page.lines() {
        if let Some(info) = line.trim_start().strip_prefix("```") {
            flush(&mut paragraph, &mut out, ink, width);
            fenced = !fenced;
            if let Some(role) = info.split_whitespace().nth(1).filter(|_| fenced) {
                out.push_str(&format!("{}\n", ink.dim(&format!("    -- {role} --"))));
            }
        } else if fenced {
            out.push_str(format!("    {line}").trim_end());
            out.push('\n');
        } else if line.trim().is_empty() {
            flush(&mut paragraph, &mut out, ink, width);
            out.push('\n');
        } else if line.starts_with('#') {
            flush(&mut paragraph, &mut out, ink, width);
            out.push_str(&ink.bold(&plain(line.trim_start_matches('#').trim())));
            out.push('\n');
        } else {
            if is_own_line(line) {
                flush(&mut paragraph, &mut out, ink, width);
            }
            paragraph.push(line);
        }
    }
    flush(&mut paragraph, &mut out, ink, width);
    out
}

fn is_own_line(line: &str) -> bool {
    let text = line.trim_start();
    text.starts_with("- ") || text.starts_with("* ") || text.starts_with('|') || text.starts_with("> ")
}

fn flush(paragraph: &mut Vec<&str>, out: &mut String, ink: Ink, width: usize) {
    let Some(first) = paragraph.first() else { return };
    if first.trim_start().starts_with('|') {
        out.push_str(first);
    } else {
        let indent = first.len() - first.trim_start().len();
        let hang = " ".repeat(indent + if is_own_line(first) { 2 } else { 0 });
        let text: Vec<Cow<str>> = paragraph.iter().map(|line| code(line.trim(), ink)).collect();
        let options = Options::new(width)
            .initial_indent(&hang[..indent])
            .subsequent_indent(&hang)
            .break_words(false)
            .word_separator(WordSeparator::AsciiSpace)
            .word_splitter(WordSplitter::NoHyphenation);
        out.push_str(&textwrap::fill(&text.join(" "), options));
    }
    out.push('\n');
    paragraph.clear();
}

/// Returns a text in which code between backticks is colored, or the unchanged text without color.
fn code(text: &str, ink: Ink) -> Cow<'_, str> {
    if !ink.colour || text.matches('`').count() % 2 == 1 {
        return Cow::Borrowed(text);
    }
    // Word by word, so that no wrapped line ends in the middle of a colour.
    let paint = |part: &str| part.split(' ').map(|word| ink.name(word)).collect::<Vec<_>>().join(" ");
    Cow::Owned(text.split('`').enumerate().map(|(index, part)| if index % 2 == 1 { paint(part) } else { part.to_string() }).collect())
}
