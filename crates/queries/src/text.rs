//! Strings of the code with the locations of their characters.
//!
//! A string can be composed of literals, constants and unknown parts. [`HOLE`] stands for each unknown part.

use supalint_syntax::source::Span;

/// Character that stands for an unknown part of a text.
pub const HOLE: char = '\u{FFFC}';

/// A text with its locations.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Text {
    pub value: String,
    pieces: Vec<Piece>,
}

/// A part of a text.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Piece {
    at: u32,
    span: Span,
    /// Whether the text is equal to the bytes of the span, so that each character has its own location.
    exact: bool,
}

impl Text {
    /// Creates a text from the source of a literal without its quotes. `value` is the text without escapes.
    pub fn literal(value: &str, source: &str, span: Span) -> Text {
        Text { value: value.to_string(), pieces: vec![Piece { at: 0, span, exact: value == source }] }
    }

    /// Creates a text whose characters all have one location.
    pub fn at(value: &str, span: Span) -> Text {
        Text { value: value.to_string(), pieces: vec![Piece { at: 0, span, exact: false }] }
    }

    pub fn hole(span: Span) -> Text {
        Text::at(HOLE.encode_utf8(&mut [0; 4]), span)
    }

    pub fn push(&mut self, other: Text) {
        let by = self.value.len() as u32;
        self.value.push_str(&other.value);
        self.pieces.extend(other.pieces.into_iter().map(|piece| Piece { at: piece.at + by, ..piece }));
    }

    pub fn has_holes(&self) -> bool {
        self.value.contains(HOLE)
    }

    /// Returns the location of a range of bytes.
    pub fn span(&self, start: usize, end: usize) -> Span {
        let first = self.place(start as u32, false);
        let last = self.place(end as u32, true);
        if first.start <= last.end { Span::new(first.start, last.end) } else { first }
    }

    /// Returns the location of a byte, or the whole piece that contains it.
    fn place(&self, at: u32, ends: bool) -> Span {
        let nth = self.pieces.partition_point(|piece| if ends { piece.at < at } else { piece.at <= at });
        let Some(piece) = self.pieces.get(nth.saturating_sub(1)) else { return Span::default() };
        if piece.exact {
            let at = (piece.span.start + (at - piece.at.min(at))).min(piece.span.end);
            Span::new(at, at)
        } else {
            piece.span
        }
    }
}
