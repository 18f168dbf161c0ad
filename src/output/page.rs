//! Pages of rules: Markdown that is the documentation, the text of `explain`, and the source of titles.
//!
//! Promises: headings, paragraphs, lists and fences are formatted. Other text is shown unchanged.

use super::style::Painter;
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
        Some((at, _)) => links(&paragraph[..=at], |label, _| label.to_string()),
        None => links(&paragraph, |label, _| label.to_string()),
    }
}

/// Tools with rules in "See also" sections.
const PEERS: [&str; 10] =
    ["Supabase advisor", "pgrls", "pgspot", "rlsautotest", "squawk", "pgls", "pgrubic", "safe-migrate", "Atlas", "ESLint"];

/// Returns the names of the rule in other tools, from the "See also" section: `pgrls: PERF001`.
pub fn peers(page: &str) -> Vec<String> {
    let section = page.lines().skip_while(|line| !is_heading(line, "see also")).skip(1).take_while(|line| !line.starts_with('#'));
    let mut items: Vec<String> = Vec::new();
    for line in section {
        match (line.strip_prefix("- ").or_else(|| line.strip_prefix("* ")), items.last_mut()) {
            (Some(item), _) => items.push(item.trim().to_string()),
            (None, Some(item)) if line.starts_with(' ') => {
                item.push(' ');
                item.push_str(line.trim());
            }
            (None, _) => {}
        }
    }
    let items: Vec<String> = items.iter().map(|item| links(item, |label, _| label.to_string())).collect();
    let parts = items.iter().flat_map(|item| item.split(';')).map(str::trim);
    let of_peer = |part: &'_ str| PEERS.iter().find_map(|peer| Some((*peer, part.strip_prefix(peer)?.strip_prefix(':')?.to_string())));
    parts
        .filter_map(of_peer)
        .flat_map(|(peer, names)| rule_names(&names).map(|name| format!("{peer}: {name}")).collect::<Vec<_>>())
        .collect()
}

/// Returns the names of rules in a text: code between backticks, codes such as `SEC001`, and words with hyphens.
fn rule_names(text: &str) -> impl Iterator<Item = &str> {
    let is_code = |word: &str| {
        let digits = word.trim_start_matches(|c: char| c.is_ascii_uppercase());
        digits.len() < word.len() && !digits.is_empty() && digits.chars().all(|c| c.is_ascii_digit())
    };
    let is_hyphenated = |word: &str| word.contains('-') && word.chars().all(|c| c.is_ascii_lowercase() || c == '-');
    text.split('`').enumerate().flat_map(move |(index, part)| {
        let words = part.split_whitespace().map(|word| word.trim_matches(|c: char| !c.is_alphanumeric()));
        let quoted = (index % 2 == 1).then_some(part);
        quoted.into_iter().chain(words.filter(move |word| index % 2 == 0 && (is_code(word) || is_hyphenated(word))))
    })
}

fn is_heading(line: &str, name: &str) -> bool {
    line.strip_prefix("##").is_some_and(|rest| rest.trim_start_matches('#').trim().eq_ignore_ascii_case(name))
}

/// Returns a text without the markup of code and links.
fn plain(text: &str) -> String {
    links(text, |label, _| label.to_string()).replace('`', "")
}

/// Returns a text in which `form` rewrites each link from its label and target.
fn links(text: &str, form: impl Fn(&str, &str) -> String) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, label, target, tail)) = next_link(rest) {
        out.push_str(before);
        out.push_str(&form(label, target));
        rest = tail;
    }
    out + rest
}

fn next_link(text: &str) -> Option<(&str, &str, &str, &str)> {
    let (head, tail) = text.split_once("](")?;
    let open = head.rfind('[')?;
    let (target, tail) = tail.split_once(')')?;
    Some((&head[..open], &head[open + 1..], target, tail))
}

/// Returns a link for a terminal, without the target if it is a file of the repository.
fn shown_link(label: &str, target: &str) -> String {
    if target.contains("://") { format!("{label} ({target})") } else { label.to_string() }
}

/// Returns the page formatted for a terminal.
pub fn render(page: &str, painter: Painter, width: usize) -> String {
    let mut out = String::new();
    let mut fenced = false;
    let mut paragraph: Vec<&str> = Vec::new();
    for line in page.lines() {
        if let Some(info) = line.trim_start().strip_prefix("```") {
            flush(&mut paragraph, &mut out, painter, width);
            fenced = !fenced;
            if let Some(role) = info.split_whitespace().nth(1).filter(|_| fenced) {
                out.push_str(&format!("{}\n", painter.dim(&format!("    -- {role} --"))));
            }
        } else if fenced {
            out.push_str(format!("    {line}").trim_end());
            out.push('\n');
        } else if line.trim().is_empty() {
            flush(&mut paragraph, &mut out, painter, width);
            out.push('\n');
        } else if line.starts_with('#') {
            flush(&mut paragraph, &mut out, painter, width);
            out.push_str(&painter.bold(&plain(line.trim_start_matches('#').trim())));
            out.push('\n');
        } else {
            if is_own_line(line) {
                flush(&mut paragraph, &mut out, painter, width);
            }
            paragraph.push(line);
        }
    }
    flush(&mut paragraph, &mut out, painter, width);
    out
}

fn is_own_line(line: &str) -> bool {
    let text = line.trim_start();
    text.starts_with("- ") || text.starts_with("* ") || text.starts_with('|') || text.starts_with("> ")
}

fn flush(paragraph: &mut Vec<&str>, out: &mut String, painter: Painter, width: usize) {
    let Some(first) = paragraph.first() else { return };
    if first.trim_start().starts_with('|') {
        out.push_str(first);
    } else {
        let indent = first.len() - first.trim_start().len();
        let hang = " ".repeat(indent + if is_own_line(first) { 2 } else { 0 });
        // links and code can span lines
        let text = paragraph.iter().map(|line| line.trim()).collect::<Vec<_>>().join(" ");
        let text = links(&text, shown_link);
        let options = Options::new(width)
            .initial_indent(&hang[..indent])
            .subsequent_indent(&hang)
            .break_words(false)
            .word_separator(WordSeparator::AsciiSpace)
            .word_splitter(WordSplitter::NoHyphenation);
        out.push_str(&textwrap::fill(&code(&text, painter), options));
    }
    out.push('\n');
    paragraph.clear();
}

/// Returns a text in which code between backticks is colored, or the unchanged text without color.
fn code(text: &str, painter: Painter) -> Cow<'_, str> {
    if !painter.colour || text.matches('`').count() % 2 == 1 {
        return Cow::Borrowed(text);
    }
    // each word is colored separately, so that wrapping does not split a color sequence
    let paint = |part: &str| part.split(' ').map(|word| painter.name(word)).collect::<Vec<_>>().join(" ");
    Cow::Owned(text.split('`').enumerate().map(|(index, part)| if index % 2 == 1 { paint(part) } else { part.to_string() }).collect())
}
