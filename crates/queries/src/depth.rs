//! Bound on the nesting of a file, so that the parser, which is recursive, has enough stack.

/// Deepest syntax tree that is parsed. A level needs up to 3 KB of stack in a release build, and several times as much without
/// optimization.
const MAX_LEVELS: usize = 25_000;
/// Deepest nesting of brackets.
const MAX_BRACKETS: usize = 1_000;

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
    Scan { bytes, at: 0, open: vec![Open::default()] }.run()
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
    open: Vec<Open>,
}

/// An open bracket.
#[derive(Default)]
struct Open {
    byte: u8,
    /// Number of operators since the last semicolon or comma in the bracket.
    chain: usize,
    /// Deepest closed bracket since then.
    inside: usize,
    /// Levels around the bracket.
    around: usize,
}

impl Open {
    fn depth(&self) -> usize {
        self.around + self.chain + self.inside
    }
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
                    self.open(byte);
                }
                b')' | b']' | b'}' => {
                    let partner = match byte {
                        b')' => b'(',
                        b']' => b'[',
                        _ => b'{',
                    };
                    match self.open.last() {
                        Some(open) if open.byte == b'`' && byte == b'}' => {
                            self.close();
                            self.template();
                        }
                        Some(open) if open.byte == partner => self.close(),
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
                b' ' | b'\n' if before.is_ascii_lowercase() => self.words(),
                _ => {}
            }
            if self.open.len() > MAX_BRACKETS || self.open.last().is_some_and(|open| open.depth() > MAX_LEVELS) {
                return false;
            }
            if !byte.is_ascii_whitespace() {
                before = byte;
            }
        }
        true
    }

    fn count(&mut self, by: usize) {
        if let Some(open) = self.open.last_mut() {
            open.chain += by;
        }
    }

    fn end(&mut self) {
        if let Some(open) = self.open.last_mut() {
            (open.chain, open.inside) = (0, 0);
        }
    }

    fn open(&mut self, byte: u8) {
        self.count(1);
        let around = self.open.last().map_or(0, |open| open.around + open.chain);
        self.open.push(Open { byte, around, ..Open::default() });
    }

    fn close(&mut self) {
        let Some(closed) = self.open.pop() else { return };
        if let Some(open) = self.open.last_mut() {
            open.inside = open.inside.max(closed.chain + closed.inside + 1);
        }
    }

    /// Counts an operator or the head of a statement that is a word.
    fn words(&mut self) {
        let word = |word: &[u8]| self.bytes[..self.at - 1].ends_with(word);
        if [&b"typeof"[..], b"void", b"await", b"new", b"delete", b"yield", b"in", b"extends", b"keyof", b"do", b"try"]
            .into_iter()
            .any(word)
        {
            self.count(1);
        }
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
                    self.open(b'`');
                    return;
                }
                _ => {}
            }
        }
    }
}
