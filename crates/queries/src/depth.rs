//! Bound on the nesting of a file, so that the parser, which is recursive, has enough stack.

/// Number of levels that [`STACK`] suffices for, whatever they consist of.
const MAX_LEVELS: usize = 40_000;
/// Deepest nesting of brackets.
const MAX_BRACKETS: usize = 1_000;
/// Longest run of operators without a bracket or semicolon around it.
const MAX_CHAIN: usize = 5_000;

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
    Scan { bytes, at: 0, open: vec![(0, 0)] }.run()
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

struct Scan<'t> {
    bytes: &'t [u8],
    at: usize,
    /// For each open bracket its byte, and the number of operators since the last semicolon or comma in it.
    open: Vec<(u8, usize)>,
}

impl Scan<'_> {
    fn run(mut self) -> bool {
        let mut before = b';';
        while let Some(&byte) = self.bytes.get(self.at) {
            self.at += 1;
            match byte {
                b'"' | b'\'' => self.string(byte),
                b'`' => self.template(),
                b'/' if self.bytes.get(self.at) == Some(&b'/') => self.to(b"\n"),
                b'/' if self.bytes.get(self.at) == Some(&b'*') => self.to(b"*/"),
                // a regular expression, unless a value is before it
                b'/' if !(before.is_ascii_alphanumeric() || matches!(before, b')' | b']' | b'}' | b'_' | b'$' | b'<')) => self.regex(),
                b'(' | b'[' | b'{' => {
                    self.count(1);
                    self.open.push((byte, 0));
                }
                b')' | b']' | b'}' => {
                    let partner = match byte {
                        b')' => b'(',
                        b']' => b'[',
                        _ => b'{',
                    };
                    match self.open.last() {
                        Some((b'`', _)) if byte == b'}' => {
                            self.open.pop();
                            self.template();
                        }
                        Some((open, _)) if *open == partner => {
                            self.open.pop();
                        }
                        _ => {}
                    }
                    // a statement ends with its block
                    if byte == b'}' && self.is_line_end() {
                        self.end();
                    }
                }
                b';' | b',' => self.end(),
                b'+' | b'-' | b'*' | b'%' | b'&' | b'|' | b'^' | b'!' | b'~' | b'?' | b'=' | b'.' | b'<' => self.count(1),
                b'e' if self.bytes[self.at - 1..].starts_with(b"else") => self.count(1),
                b' ' if before.is_ascii_lowercase() => self.words(),
                b'\n' if !self.continues() => self.end(),
                _ => {}
            }
            if self.open.len() > MAX_BRACKETS || self.open.last().is_some_and(|(_, chain)| *chain > MAX_CHAIN) {
                return false;
            }
            if !byte.is_ascii_whitespace() {
                before = byte;
            }
        }
        true
    }

    fn count(&mut self, by: usize) {
        if let Some((_, chain)) = self.open.last_mut() {
            *chain += by;
        }
    }

    fn end(&mut self) {
        if let Some((_, chain)) = self.open.last_mut() {
            *chain = 0;
        }
    }

    /// Counts a prefix operator that is a word.
    fn words(&mut self) {
        let word = |word: &[u8]| self.bytes[..self.at - 1].ends_with(word);
        if [&b"typeof"[..], b"void", b"await", b"new", b"delete", b"yield", b"in", b"extends", b"keyof"].into_iter().any(word) {
            self.count(1);
        }
    }

    /// Returns whether the next line continues the expression: it begins or the line ends with an operator.
    fn continues(&self) -> bool {
        let next = self.bytes[self.at..].iter().find(|byte| !byte.is_ascii_whitespace());
        let last = self.bytes[..self.at - 1].iter().rev().find(|byte| !byte.is_ascii_whitespace());
        let operator = |byte: Option<&u8>| byte.is_some_and(|byte| b"+-*/%&|^!~?:=.<>".contains(byte));
        operator(next) || operator(last) || self.bytes[self.at..].trim_ascii_start().starts_with(b"else")
    }

    fn is_line_end(&self) -> bool {
        self.bytes[self.at..].iter().find(|byte| **byte != b' ').is_none_or(|byte| matches!(byte, b'\n' | b'\r'))
            && !self.bytes[self.at..].trim_ascii_start().starts_with(b"else")
            && !self.bytes[self.at..].trim_ascii_start().starts_with(b".")
    }

    fn to(&mut self, end: &[u8]) {
        self.at = memchr::memmem::find(&self.bytes[self.at..], end).map_or(self.bytes.len(), |found| self.at + found + end.len() - 1);
        self.at += usize::from(end.len() > 1 && self.at < self.bytes.len());
    }

    fn string(&mut self, quote: u8) {
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
        while let Some(&byte) = self.bytes.get(self.at) {
            self.at += 1;
            match byte {
                b'\\' => self.at += 1,
                b'`' => return,
                b'$' if self.bytes.get(self.at) == Some(&b'{') => {
                    self.at += 1;
                    self.open.push((b'`', 0));
                    return;
                }
                _ => {}
            }
        }
    }
}
