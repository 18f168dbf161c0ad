//! LIKE, and regular expressions that contain only words, anchors and alternatives.
//!
//! Promises: the time is limited by the product of both lengths. Limits: the result of any other regular expression is unknown.

use super::value::Value;

/// Returns `text LIKE pattern`, with the backslash as escape character.
pub fn like(text: &str, pattern: &str, fold: bool) -> bool {
    let chars = |text: &str| -> Vec<char> { if fold { text.to_lowercase().chars().collect() } else { text.chars().collect() } };
    let text = chars(text);
    let parts = parse_like(&chars(pattern));
    // backtracks to the last `%` only
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

/// The source text of an expression that PostgreSQL prints in another form: with its own layout, its own words for operators and types, and
/// qualified names where necessary.
pub struct Printed<'t> {
    pub text: &'t str,
    /// Text that PostgreSQL prints unchanged: the name and body of a function.
    pub verbatim: Option<&'t str>,
    /// Whether a schema is not on the search_path, so that PostgreSQL prints it.
    pub is_written: &'t dyn Fn(&str) -> bool,
}

/// Words that PostgreSQL adds, omits or prints in capitals. Source: `get_rule_expr` of ruleutils.c.
const REWRITTEN: [&str; 54] = [
    "all",
    "and",
    "any",
    "array",
    "as",
    "at",
    "between",
    "bit",
    "boolean",
    "by",
    "bytea",
    "case",
    "cast",
    "character",
    "coalesce",
    "collate",
    "current_date",
    "current_role",
    "current_timestamp",
    "current_user",
    "date",
    "distinct",
    "double",
    "else",
    "end",
    "exists",
    "false",
    "from",
    "having",
    "ilike",
    "in",
    "integer",
    "interval",
    "is",
    "join",
    "jsonb",
    "like",
    "limit",
    "name",
    "not",
    "null",
    "numeric",
    "on",
    "or",
    "precision",
    "regclass",
    "select",
    "text",
    "time",
    "timestamp",
    "true",
    "uuid",
    "varying",
    "where",
];

impl<'t> Printed<'t> {
    /// Returns the printed form of a value, or `None` if PostgreSQL prints the value unchanged.
    pub fn of(value: &'t Value, is_written: &'t dyn Fn(&str) -> bool) -> Option<Printed<'t>> {
        let (text, verbatim) = match value {
            Value::Printed(text) => (text.as_str(), None),
            Value::Definition(definition) => (definition.head.as_str(), Some(definition.verbatim.as_str())),
            _ => return None,
        };
        Some(Printed { text, verbatim, is_written })
    }

    /// Returns whether the printed text contains a part of a pattern, or `None` if unknown. Only single words are decided, because layout
    /// does not change them.
    pub fn contains(&self, part: &str, fold: bool) -> Option<bool> {
        if let Some(verbatim) = self.verbatim {
            return if fold && verbatim.to_lowercase().contains(&part.to_lowercase()) || verbatim.contains(part) {
                Some(true)
            } else {
                self.is_missing_in_head(part).then_some(false)
            };
        }
        if part.is_empty() || !part.chars().all(|c| c.is_alphanumeric() || "_.".contains(c)) {
            return None;
        }
        let (text, lower) = (self.text.to_lowercase(), part.to_lowercase());
        if let Some((qualifier, name)) = lower.rsplit_once('.') {
            // PostgreSQL prints a qualifier only where necessary
            return match !name.is_empty() && !text.contains(name) {
                true => Some(false),
                false => (text.contains(&lower) && (self.is_written)(qualifier) && fold | self.text.contains(part)).then_some(true),
            };
        }
        let rewritten = REWRITTEN.iter().any(|word| word.contains(&lower));
        if !text.contains(&lower) {
            return if rewritten { None } else { Some(false) };
        }
        // only a subquery is printed with the word `select`
        if fold && lower == "select" && words(&text).any(|(_, word)| word == "select") {
            return Some(true);
        }
        let commented = text.contains("--") || text.contains("/*");
        let lasting = words(&text).any(|(end, word)| word.contains(&lower) && !REWRITTEN.contains(&word) && !text[end..].starts_with('.'));
        (lasting && !commented && (fold || self.text.contains(part))).then_some(true)
    }

    /// Returns whether the head of a function's definition cannot contain a part of a pattern.
    fn is_missing_in_head(&self, part: &str) -> bool {
        const ADDED: [&str; 8] = ["create", "or", "replace", "function", "procedure", "returns", "language", "set"];
        let lower = part.to_lowercase();
        let name = lower.rsplit('.').next().unwrap_or_default();
        !name.is_empty()
            && name.chars().all(|c| c.is_alphanumeric() || c == '_')
            && !self.text.to_lowercase().contains(name)
            && !REWRITTEN.iter().chain(&ADDED).any(|word| word.contains(name))
    }

    /// Returns `text LIKE pattern`, or `None` if unknown.
    pub fn like(&self, pattern: &str, fold: bool) -> Option<bool> {
        let inner = pattern.strip_prefix('%')?.strip_suffix('%')?;
        let mut parts = inner.split('%').filter(|part| !part.is_empty());
        let (first, rest) = (parts.next()?, parts);
        let mut found = self.contains(first, fold);
        let mut several = false;
        for part in rest {
            several = true;
            found = match (found, self.contains(part, fold)) {
                (Some(false), _) | (_, Some(false)) => Some(false),
                (Some(true), Some(true)) => Some(true),
                _ => None,
            };
        }
        // PostgreSQL keeps the order of the project's own words
        if several && found == Some(true) && !(self.verbatim.is_none() && like(self.text, pattern, fold)) {
            found = None;
        }
        found
    }

    pub fn matches(&self, alternatives: &Alternatives, fold: bool) -> Option<bool> {
        let mut found = Some(false);
        for (from, part, to) in &alternatives.plain {
            match self.contains(part, fold).filter(|_| !from && !to) {
                Some(true) => return Some(true),
                Some(false) => {}
                None => found = None,
            }
        }
        found
    }
}

/// Returns the words of a text, each with its end in bytes.
fn words(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let all = text.split(|c: char| !(c.is_alphanumeric() || c == '_')).filter(|word| !word.is_empty());
    all.map(move |word| (word.as_ptr() as usize - text.as_ptr() as usize + word.len(), word))
}

/// Alternatives of `(a|b|c)`, `^a` or `b$`: plain texts with anchors.
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
            // without a group, an anchor belongs to its alternative only
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
    fn printed_text_is_told_only_where_it_is_as_written() {
        let text = "auth.uid() = t.owner_id and public.is_admin() and role in ('Admin', 'user')";
        let printed = Printed { text, verbatim: None, is_written: &|schema| schema == "auth" };
        for (pattern, fold, matches) in [
            ("%uid%", false, Some(true)),
            ("%auth.uid%", false, Some(true)),
            ("%auth.jwt%", false, Some(false)),
            // PostgreSQL omits schemas on the search_path, and may add others
            ("%public.is_admin%", false, None),
            ("%app.is_admin%", false, None),
            ("%is_admin%", false, Some(true)),
            ("%is_owner%", false, Some(false)),
            ("%public%", false, None),
            ("%t.owner_id%", false, None),
            // `= ANY (ARRAY['Admin'::text, …])`
            ("%array%", true, None),
            ("%text%", false, None),
            ("%any%", false, None),
            ("%Admin%", false, Some(true)),
            ("%user%", true, Some(true)),
            ("%select%", true, None),
            ("%uid%nothing%", false, Some(false)),
            ("%uid%owner_id%", false, Some(true)),
            ("%owner_id%uid%", false, None),
            ("%uid()%", false, None),
        ] {
            assert_eq!(printed.like(pattern, fold), matches, "{pattern}");
        }
        let found = |pattern: &str| Alternatives::of(pattern).and_then(|all| printed.matches(&all, false));
        assert_eq!((found("auth\\.uid|nothing"), found("nothing|none_such"), found("^auth")), (Some(true), Some(false), None));
    }

    #[test]
    fn the_body_of_a_function_is_as_written() {
        let head = "public.f() returns setof t language sql";
        let verbatim = Some(" -- of notes\n select public.is_admin(), Title from t ");
        let printed = Printed { text: head, verbatim, is_written: &|_| false };
        for (pattern, fold, matches) in [
            ("%public.is_admin%", false, Some(true)),
            ("%select public.is_admin(), Title%", false, Some(true)),
            ("%SELECT%", true, Some(true)),
            ("%notes%", false, Some(true)),
            ("%private.is_admin%", false, Some(false)),
            ("%title%", false, Some(false)),
            // the head contains these words, or PostgreSQL may print them
            ("%public.t%", false, None),
            ("%integer%", false, None),
            ("%(x int)%", false, None),
        ] {
            assert_eq!(printed.like(pattern, fold), matches, "{pattern}");
        }
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
