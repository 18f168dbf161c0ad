//! LIKE, and the regular expressions that are only words, anchors and alternatives.
//!
//! Promises: time is bounded by the product of both lengths. Refuses any other regular expression: no answer is given.

/// `text LIKE pattern`, with a backslash for escapes.
pub fn like(text: &str, pattern: &str, fold: bool) -> bool {
    let chars = |text: &str| -> Vec<char> { if fold { text.to_lowercase().chars().collect() } else { text.chars().collect() } };
    let text = chars(text);
    let parts = parse_like(&chars(pattern));
    // the usual walk with one place to come back to
    let (mut at, mut part) = (0, 0);
    let mut back: Option<(usize, usize)> = None;
    loop {
        match parts.get(part) {
            Some(Part::Any) => {
                back = Some((part, at));
                part += 1;
                continue;
            }
            Some(Part::One) if at < text.len() => {
                (at, part) = (at + 1, part + 1);
                continue;
            }
            Some(Part::Char(c)) if text.get(at) == Some(c) => {
                (at, part) = (at + 1, part + 1);
                continue;
            }
            None if at == text.len() => return true,
            _ => {}
        }
        match &mut back {
            Some((any, from)) if *from < text.len() => {
                *from += 1;
                (at, part) = (*from, *any + 1);
            }
            _ => return false,
        }
    }
}

enum Part {
    Any,
    One,
    Char(char),
}

fn parse_like(pattern: &[char]) -> Vec<Part> {
    let mut out = Vec::new();
    let mut chars = pattern.iter();
    while let Some(c) = chars.next() {
        out.push(match c {
            '%' if matches!(out.last(), Some(Part::Any)) => continue,
            '%' => Part::Any,
            '_' => Part::One,
            '\\' => Part::Char(chars.next().copied().unwrap_or('\\')),
            c => Part::Char(*c),
        });
    }
    out
}

/// The words between the signs of a LIKE pattern, where layout can't split or join them: then a text that PostgreSQL prints
/// in its own layout has them as its source has.
pub fn words_of_like(pattern: &str) -> Option<Vec<String>> {
    let inner = pattern.strip_prefix('%')?.strip_suffix('%')?;
    let words: Vec<&str> = inner.split('%').filter(|word| !word.is_empty()).collect();
    let plain = |word: &&str| word.chars().all(|c| c.is_alphanumeric() || "_.".contains(c));
    (!words.is_empty() && words.iter().all(plain)).then(|| words.into_iter().map(str::to_lowercase).collect())
}

/// The alternatives of `(a|b|c)`, `^a`, `b$`, each a plain text with its anchors.
pub struct Alternatives {
    plain: Vec<(bool, String, bool)>,
}

impl Alternatives {
    pub fn of(pattern: &str) -> Option<Alternatives> {
        let (start, rest) = pattern.strip_prefix('^').map_or((false, pattern), |rest| (true, rest));
        let (end, rest) = match rest.strip_suffix('$') {
            Some(rest) if !rest.ends_with('\\') => (true, rest),
            _ => (false, rest),
        };
        let grouped = rest.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')).filter(|rest| !rest.ends_with('\\'));
        let (within, outer) = match grouped {
            Some(within) => (within.strip_prefix("?:").unwrap_or(within), true),
            None => (rest, false),
        };
        let parts: Vec<&str> = within.split('|').collect();
        let mut plain = Vec::new();
        let last = parts.len() - 1;
        for (at, part) in parts.into_iter().enumerate() {
            // without a group, an anchor belongs to the alternative it stands at
            let (mut from, mut to) = if outer { (start, end) } else { (start && at == 0, end && at == last) };
            let mut part = part;
            if let Some(rest) = part.strip_prefix('^') {
                (from, part) = (true, rest);
            }
            if let Some(rest) = part.strip_suffix('$').filter(|rest| !rest.ends_with('\\')) {
                (to, part) = (true, rest);
            }
            plain.push((from, literal(part)?, to));
        }
        Some(Alternatives { plain })
    }

    pub fn found_in(&self, text: &str, fold: bool) -> bool {
        let text = if fold { text.to_lowercase() } else { text.to_string() };
        self.plain.iter().any(|(from, part, to)| {
            let part = if fold { part.to_lowercase() } else { part.clone() };
            match (from, to) {
                (true, true) => text == part,
                (true, false) => text.starts_with(&part),
                (false, true) => text.ends_with(&part),
                (false, false) => text.contains(&part),
            }
        })
    }

    /// Words that layout can't split or join.
    pub fn are_words(&self) -> bool {
        self.plain
            .iter()
            .all(|(from, part, to)| !from && !to && !part.is_empty() && part.chars().all(|c| c.is_alphanumeric() || "_.".contains(c)))
    }
}

fn literal(part: &str) -> Option<String> {
    let mut out = String::new();
    let mut chars = part.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => out.push(chars.next().filter(|next| !next.is_alphanumeric())?),
            '.' | '*' | '+' | '?' | '[' | ']' | '(' | ')' | '{' | '}' | '^' | '$' | '|' => return None,
            c => out.push(c),
        }
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn like_as_postgres_reads_it() {
        for (text, pattern, matches) in [
            ("abc", "a%", true),
            ("abc", "%b%", true),
            ("abc", "a_c", true),
            ("abc", "b%", false),
            ("a_c", "a\\_c", true),
            ("abc", "a\\_c", false),
            ("", "%", true),
            ("aaab", "%ab", true),
        ] {
            assert_eq!(like(text, pattern, false), matches, "{text} {pattern}");
        }
        assert!(like("ABC", "%b%", true));
        let hostile = "a%".repeat(200) + "b";
        assert!(!like(&"a".repeat(2_000), &hostile, false));
    }

    #[test]
    fn simple_regular_expressions() {
        let found = |pattern: &str, text: &str| Alternatives::of(pattern).map(|all| all.found_in(text, false));
        assert_eq!(found("^(a|b)$", "b"), Some(true));
        assert_eq!(found("^a|b$", "ax"), Some(true));
        assert_eq!(found("a\\.b", "a.b"), Some(true));
        assert_eq!(found("a.b", "a.b"), None);
        assert_eq!(found("\\mword", "word"), None);
    }
}
