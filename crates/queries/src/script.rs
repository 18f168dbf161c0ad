//! The scripts of Vue and Svelte files.

use std::borrow::Cow;

/// Returns the scripts of a component. All other bytes are spaces, so that each byte of a script keeps its offset.
pub fn scripts(text: &str) -> Cow<'_, str> {
    let lower = text.to_ascii_lowercase();
    let mut out = vec![b' '; text.len()];
    for (at, byte) in text.bytes().enumerate() {
        if matches!(byte, b'\n' | b'\r') {
            out[at] = byte;
        }
    }
    let mut from = 0;
    while let Some(found) = lower[from..].find("<script") {
        let tag = from + found + "<script".len();
        let Some(start) = tag_end(&lower, tag) else { break };
        from = start;
        // `<scripted>` and `<script src="…" />`
        let is_tag = lower[tag..].starts_with(|letter: char| letter.is_ascii_whitespace() || letter == '>');
        if !is_tag || lower[..start].ends_with("/>") {
            continue;
        }
        let end = lower[start..].find("</script").map_or(text.len(), |end| start + end);
        out[start..end].copy_from_slice(&text.as_bytes()[start..end]);
        if end < text.len() {
            // two scripts are two lists of statements
            out[end] = b';';
        }
        from = end;
    }
    String::from_utf8(out).map_or(Cow::Borrowed(""), Cow::Owned)
}

/// Returns the offset after the `>` that ends a tag.
fn tag_end(text: &str, from: usize) -> Option<usize> {
    let mut quote = None;
    for (at, byte) in text.bytes().enumerate().skip(from) {
        match (quote, byte) {
            (Some(open), byte) if open == byte => quote = None,
            (None, b'"' | b'\'') => quote = Some(byte),
            (None, b'>') => return Some(at + 1),
            _ => {}
        }
    }
    None
}
