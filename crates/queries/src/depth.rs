//! Bound on the nesting of a file, so that the parser, which is recursive, has enough stack.

/// Deepest syntax tree that is parsed. A level needs up to 3 KB of stack in a release build, and several times as much without
/// optimization.
const MAX_LEVELS: usize = 25_000;
/// Deepest nesting of brackets.
const MAX_BRACKETS: usize = 1_000;

/// Largest number of brackets in strings, comments, templates and regular expressions.
const MAX_HIDDEN: usize = 150_000;

/// Stack of the thread that parses, in bytes. The system provides only the pages that are used.
pub const STACK: usize = 1 << 29;

/// Returns whether the text can be parsed on [`STACK`].
///
/// Each level of a syntax tree has at least one of the counted bytes. Text with few of them needs no further check. Otherwise, brackets and
/// operators are counted outside strings and comments.
pub fn is_bounded(text: &str) -> bool {
    let bytes = text.as_bytes();
    if bytes.len() < MAX_LEVELS || bytes.iter().filter(|byte| is_level(**byte)).count() < MAX_LEVELS {
        return true;
    }
    Scan { bytes, at: 0, open: vec![Open { byte: 0, is_head: false, chain: 0, inside: 0, around: 0 }], last: Last::Prefix, hidden: 0 }.run()
}

/// Returns whether a byte can begin a level of the syntax tree.
fn is_level(byte: u8) -> bool {
    matches!(
        byte,
        b'(' | b'['
            | b'{'
            | b'`'
            | b'<'
            | b'>'
            | b'+'
            | b'-'
            | b'*'
            | b'/'
            | b'%'
            | b'&'
            | b'|'
            | b'^'
            | b'!'
            | b'~'
            | b'?'
            | b':'
            | b'='
            | b'.'
            | b','
            | b'@'
            // keywords that nest: `else`, `await`, `new`, `typeof`, `void`, `in` …
            | b' '
            | b'\n'
    )
}

/// Words that begin or join an expression, a type or a statement, so that another follows.
const PREFIXES: [&[u8]; 22] = [
    b"as",
    b"await",
    b"case",
    b"delete",
    b"do",
    b"else",
    b"extends",
    b"in",
    b"infer",
    b"instanceof",
    b"is",
    b"keyof",
    b"new",
    b"of",
    b"readonly",
    b"return",
    b"satisfies",
    b"throw",
    b"try",
    b"typeof",
    b"void",
    b"yield",
];
/// Words whose parentheses are followed by a statement.
const HEADS: [&[u8]; 6] = [b"catch", b"for", b"if", b"switch", b"while", b"with"];

struct Scan<'t> {
    bytes: &'t [u8],
    at: usize,
    open: Vec<Open>,
    last: Last,
    /// Number of brackets in strings and comments.
    hidden: usize,
}

/// The last token.
#[derive(Clone, Copy, PartialEq)]
enum Last {
    /// A value, or a bracket that ends one. A statement can end after it.
    Value,
    /// An operator or a word that another expression follows, or the parentheses of `if` and the like.
    Prefix,
    /// `if`, `for` and the like.
    Head,
}

/// An open bracket.
struct Open {
    byte: u8,
    /// Whether a statement follows the bracket.
    is_head: bool,
    /// Number of operators since the last end of a statement in the bracket.
    chain: usize,
    /// Deepest closed bracket since then.
    inside: usize,
    /// Levels around the bracket.
    around: usize,
}

impl Scan<'_> {
    fn run(mut self) -> bool {
        while let Some(&byte) = self.bytes.get(self.at) {
            self.at += 1;
            match byte {
                b'"' | b'\'' => self.hidden(|scan| scan.string(byte)),
                b'`' => {
                    self.count();
                    self.hidden(Scan::template);
                }
                b'/' if self.bytes.get(self.at) == Some(&b'/') => self.hidden(|scan| scan.to(b"\n")),
                b'/' if self.bytes.get(self.at) == Some(&b'*') => self.hidden(|scan| scan.to(b"*/")),
                b'/' if self.last != Last::Value => self.hidden(Scan::regex),
                b'(' | b'[' | b'{' => self.open(byte),
                b')' => self.close(b'('),
                b']' => self.close(b'['),
                b'}' if self.open.last().is_some_and(|open| open.byte == b'`') => {
                    self.close(b'`');
                    self.hidden(Scan::template);
                }
                b'}' => {
                    self.close(b'{');
                    // a statement can end with its block
                    if self.is_line_end() && !self.continues() {
                        self.end();
                    }
                }
                b';' | b',' => {
                    self.end();
                    self.last = Last::Prefix;
                }
                b'\n' => {
                    let space = self.bytes[self.at..].iter().position(|byte| !byte.is_ascii_whitespace());
                    self.at = space.map_or(self.bytes.len(), |space| self.at + space);
                    if self.last == Last::Value && !self.continues() {
                        self.end();
                    }
                }
                b'+' | b'-' | b'*' | b'/' | b'%' | b'&' | b'|' | b'^' | b'!' | b'~' | b'?' | b':' | b'=' | b'.' | b'<' | b'>' | b'@' => {
                    self.count();
                    self.last = Last::Prefix;
                }
                byte if byte.is_ascii_whitespace() => {}
                _ => self.word(),
            }
            if self.hidden > MAX_HIDDEN {
                return false;
            }
            if self.open.len() > MAX_BRACKETS || self.open.last().is_some_and(|open| open.around + open.chain + open.inside > MAX_LEVELS) {
                return false;
            }
        }
        true
    }

    /// Reads a string, comment or the like. A character that looks like its start can be something else, so its brackets count too.
    fn hidden(&mut self, read: impl FnOnce(&mut Self)) {
        let from = self.at;
        read(self);
        self.at = self.at.min(self.bytes.len());
        self.hidden += self.bytes[from..self.at].iter().filter(|byte| matches!(byte, b'(' | b'[' | b'{' | b'<' | b'!' | b'=')).count();
    }

    fn count(&mut self) {
        if let Some(open) = self.open.last_mut() {
            open.chain += 1;
        }
    }

    fn end(&mut self) {
        if let Some(open) = self.open.last_mut() {
            (open.chain, open.inside) = (0, 0);
        }
    }

    fn open(&mut self, byte: u8) {
        self.count();
        let around = self.open.last().map_or(0, |open| open.around + open.chain);
        self.open.push(Open { byte, is_head: byte == b'(' && self.last == Last::Head, chain: 0, inside: 0, around });
        self.last = Last::Prefix;
    }

    /// Closes a bracket, if it is the last that was opened.
    fn close(&mut self, byte: u8) {
        self.last = Last::Value;
        if self.open.len() < 2 || self.open.last().is_none_or(|open| open.byte != byte) {
            return;
        }
        let Some(closed) = self.open.pop() else { return };
        if closed.is_head {
            self.last = Last::Prefix;
        }
        if let Some(open) = self.open.last_mut() {
            open.inside = open.inside.max(closed.chain + closed.inside + 1);
        }
    }

    /// Reads a name, number or keyword.
    fn word(&mut self) {
        let start = self.at - 1;
        let rest = &self.bytes[start..];
        let is_word = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$') || !byte.is_ascii();
        let length = rest.iter().position(|byte| !is_word(byte)).unwrap_or(rest.len()).max(1);
        let word = &rest[..length];
        self.at = start + length;
        self.last = if PREFIXES.contains(&word) {
            self.count();
            Last::Prefix
        } else if HEADS.contains(&word) {
            self.count();
            Last::Head
        } else {
            Last::Value
        };
    }

    /// Returns whether the next code continues the expression or statement before it.
    fn continues(&self) -> bool {
        let next = self.bytes[self.at..].trim_ascii_start();
        let words: [&[u8]; 7] = [b"else", b"as", b"satisfies", b"in", b"instanceof", b"extends", b"is"];
        next.first().is_some_and(|byte| b"+-*/%&|^?:=.<>([`".contains(byte)) && !next.starts_with(b"//") && !next.starts_with(b"/*")
            || words.into_iter().any(|word| next.starts_with(word) && !next.get(word.len()).is_some_and(u8::is_ascii_alphanumeric))
    }

    fn is_line_end(&self) -> bool {
        self.bytes[self.at..].iter().find(|byte| !matches!(byte, b' ' | b'\t')).is_none_or(|byte| matches!(byte, b'\n' | b'\r'))
    }

    fn to(&mut self, end: &[u8]) {
        self.at = memchr::memmem::find(&self.bytes[self.at..], end).map_or(self.bytes.len(), |found| self.at + found + end.len() - 1);
        self.at += usize::from(end.len() > 1 && self.at < self.bytes.len());
    }

    fn string(&mut self, quote: u8) {
        self.last = Last::Value;
        while let Some(&byte) = self.bytes.get(self.at) {
            self.at += 1;
            match byte {
                b'\\' => self.at += 1,
                b'\n' => return,
                byte if byte == quote => return,
                _ => {}
            }
        }
    }

    fn regex(&mut self) {
        self.last = Last::Value;
        let mut in_class = false;
        while let Some(&byte) = self.bytes.get(self.at) {
            self.at += 1;
            match byte {
                b'\\' => self.at += 1,
                b'[' => in_class = true,
                b']' => in_class = false,
                b'/' if !in_class => return,
                b'\n' => return,
                _ => {}
            }
        }
    }

    /// Reads a template up to its end or its next substitution.
    fn template(&mut self) {
        self.last = Last::Value;
        while let Some(&byte) = self.bytes.get(self.at) {
            self.at += 1;
            match byte {
                b'\\' => self.at += 1,
                b'`' => return,
                b'$' if self.bytes.get(self.at) == Some(&b'{') => {
                    self.at += 1;
                    self.open(b'`');
                    return;
                }
                _ => {}
            }
        }
    }
}
