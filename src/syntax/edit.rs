//! What an edit left of a text.

use super::split::Splitter;
use crate::source::Common;

/// What a text begins and ends with that another does too, in whole statements of the one. None where that is nothing.
pub fn common(was: &str, now: &str) -> Option<Common> {
    let mut splitter = Splitter::new(was);
    let mut next = || splitter.next().map_or(was.len(), |_| splitter.position());
    // the other may go on with a statement that nothing ends
    let is_whole = was.trim_end().ends_with(';');
    let same = shared(was.bytes(), now.bytes());
    let (mut head, mut end) = if same == was.len() && is_whole { (same, same) } else { (0, next()) };
    while head < end && end <= same && (end < was.len() || is_whole) {
        (head, end) = (end, next());
    }
    let left = shared(was[head..].bytes().rev(), now.as_bytes()[head..].iter().rev().copied());
    let mut tail = head;
    while tail < was.len() - left {
        (tail, end) = (end, next());
    }
    let place = |length: usize| u32::try_from(length).ok();
    let common = Common { head: place(head)?, tails: (place(tail)?, place(now.len() - (was.len() - tail))?) };
    (head > 0 || tail < was.len()).then_some(common)
}

/// How many bytes are the same.
fn shared(one: impl Iterator<Item = u8>, other: impl Iterator<Item = u8>) -> usize {
    one.zip(other).take_while(|(one, other)| one == other).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What both begin and end with.
    fn both<'t>(was: &'t str, now: &'t str) -> Option<(&'t str, &'t str)> {
        let Common { head, tails } = common(was, now)?;
        let parts = (&was[..head as usize], &was[tails.0 as usize..]);
        assert_eq!(parts, (&now[..head as usize], &now[tails.1 as usize..]));
        Some(parts)
    }

    #[test]
    fn whole_statements_are_left() {
        let old = "select 1;\nselect 'a';\nselect 3";
        assert_eq!(both(old, "select 0;\nselect 1;\nselect 'a';\nselect 3"), Some(("", old)));
        assert_eq!(both(old, "select 1;\nselect 'b';\nselect 3"), Some(("select 1;", "\nselect 3")));
        assert_eq!(both(old, "select 1;\nselect 'a';\nselect 3, 4"), Some(("select 1;\nselect 'a';", "")));
        assert_eq!(both("select 1; \n", "select 1; \nselect 2"), Some(("select 1; \n", "")));
        assert_eq!(both(old, "select 1;\nselect 3"), Some(("select 1;", "\nselect 3")));
        assert_eq!(both(old, "select 2;\nselect 'a';\nselect 4"), None);
        assert_eq!(both(old, ""), None);
        assert_eq!(both("select 1;select 1;", "select 1;"), Some(("select 1;", "")));
        assert_eq!(both("select 'é';", "select 'è';"), None);
    }

    #[test]
    fn a_quote_that_an_edit_opens_is_no_matter_of_what_was() {
        assert_eq!(both("select 1;\nselect 2;", "select $$;\nselect 2;"), Some(("", "\nselect 2;")));
    }
}
