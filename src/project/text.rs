//! Decoding of files, and detection of Supabase.
//!
//! Promises: any bytes become text in one pass, and line numbers do not change.

use super::TextProblemKind;
use crate::source::Span;
use std::borrow::Cow;
use std::sync::Arc;

/// Text of a file, and the first location of each kind of problem, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Decoded {
    pub text: Arc<str>,
    pub problems: Vec<(Span, TextProblemKind)>,
}

/// Returns the text of any bytes.
pub fn decode(bytes: &[u8]) -> Decoded {
    let mut problems = Vec::new();
    let mut text = match (utf16(bytes), std::str::from_utf8(bytes)) {
        (Some(text), _) => {
            problems.push((first_char(&text), TextProblemKind::NotUtf8));
            Cow::Owned(text)
        }
        (None, Ok(text)) => Cow::Borrowed(text),
        (None, Err(error)) => {
            // the bytes before are unchanged, so the replacement has the same position
            problems.push((span(error.valid_up_to(), char::REPLACEMENT_CHARACTER.len_utf8()), TextProblemKind::NotUtf8));
            String::from_utf8_lossy(bytes)
        }
    };
    if text.starts_with(MARK) {
        problems.push((first_char(&text), TextProblemKind::ByteOrderMark));
    }
    if let Some(at) = text.find('\0') {
        problems.push((span(at, 1), TextProblemKind::Nul));
        text = Cow::Owned(text.replace('\0', " "));
    }
    problems.sort_unstable();
    Decoded { text: text.into(), problems }
}

const MARK: char = '\u{feff}';

/// Decodes UTF-16, which `>` of PowerShell writes.
fn utf16(bytes: &[u8]) -> Option<String> {
    let unit: fn([u8; 2]) -> u16 = match bytes {
        [0xff, 0xfe, ..] => u16::from_le_bytes,
        [0xfe, 0xff, ..] => u16::from_be_bytes,
        _ => return None,
    };
    let units = bytes[2..].chunks_exact(2).map(|pair| unit([pair[0], pair[1]]));
    Some(char::decode_utf16(units).map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER)).collect())
}

fn first_char(text: &str) -> Span {
    span(0, text.chars().next().map_or(0, char::len_utf8))
}

/// Returns a span. Longer texts are rejected before.
fn span(at: usize, len: usize) -> Span {
    Span { start: at as u32, end: (at + len) as u32 }
}

/// Returns whether SQL uses objects that only Supabase has.
pub fn uses_supabase(text: &str) -> bool {
    let mut code = String::new();
    text.lines().any(|line| {
        // comments are ignored, and quotes are removed because dumps quote every name
        let line = line.split_once("--").map_or(line, |(code, _)| code);
        code.clear();
        code.extend(line.chars().filter(|letter| *letter != '"').map(|letter| letter.to_ascii_lowercase()));
        let words = |word: &'static str| {
            code.match_indices(word)
                .map(move |(at, _)| (at, at + word.len()))
                .filter(|(start, end)| !code[..*start].ends_with(is_in_name) && !code[*end..].starts_with(is_in_name))
        };
        let contains_word = |word| words(word).next().is_some();
        // columns can have this name too, so only positions of roles count
        let names_role = || {
            words("authenticated").any(|(at, _)| {
                let before = code[..at].trim_end();
                before.ends_with(',') || matches!(before.rsplit(|letter| !is_in_name(letter)).next(), Some("to" | "from" | "role"))
            })
        };
        code.contains("auth") && (["auth.uid", "auth.jwt", "auth.role", "auth.users"].into_iter().any(contains_word) || names_role())
            || contains_word("service_role")
            || contains_word("storage.objects")
    })
}

fn is_in_name(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_' || letter == '.'
}

#[cfg(test)]
mod tests {
    use super::*;
    use TextProblemKind::*;

    fn decoded(bytes: &[u8]) -> (String, Vec<(u32, u32, TextProblemKind)>) {
        let Decoded { text, problems } = decode(bytes);
        (text.to_string(), problems.into_iter().map(|(span, kind)| (span.start, span.end, kind)).collect())
    }

    #[test]
    fn good_text_stays_as_it_is() {
        assert_eq!(decoded("select 'é';\r\n".as_bytes()), ("select 'é';\r\n".to_string(), vec![]));
        assert_eq!(decoded(b""), (String::new(), vec![]));
    }

    #[test]
    fn bad_bytes_are_replaced_and_the_first_of_each_kind_is_told() {
        assert_eq!(decoded(b"a\xff\nb\xff"), ("a\u{fffd}\nb\u{fffd}".to_string(), vec![(1, 4, NotUtf8)]));
        assert_eq!(decoded(b"a\0b\0"), ("a b ".to_string(), vec![(1, 2, Nul)]));
        assert_eq!(decoded(b"\xef\xbb\xbfa"), ("\u{feff}a".to_string(), vec![(0, 3, ByteOrderMark)]));
        let (text, problems) = decoded(b"\xef\xbb\xbf\0\xc3(");
        assert_eq!(text, "\u{feff} \u{fffd}(");
        assert_eq!(problems, [(0, 3, ByteOrderMark), (3, 4, Nul), (4, 7, NotUtf8)]);
    }

    #[test]
    fn utf16_is_read_and_told() {
        assert_eq!(decoded(b"\xff\xfea\0\n\0b\0"), ("a\nb".to_string(), vec![(0, 1, NotUtf8)]));
        assert_eq!(decoded(b"\xfe\xff\0a\xd8\0\0"), ("a\u{fffd}".to_string(), vec![(0, 1, NotUtf8)]));
        assert_eq!(decoded(b"\xff\xfe"), (String::new(), vec![(0, 0, NotUtf8)]));
    }

    #[test]
    fn much_text_costs_no_more_than_its_length() {
        let bytes = b"\xff\0 authenticated --\n".repeat(1 << 18);
        let Decoded { text, problems } = decode(&bytes);
        assert_eq!(problems.len(), 2);
        assert!(!uses_supabase(&text));
        assert!(!uses_supabase(&text.replace('\n', " ")));
    }

    #[test]
    fn supabase_is_known_by_what_only_it_has() {
        for text in [
            "using (AUTH.UID() = id)",
            "references \"auth\".\"users\" (\"id\")",
            "grant select on t\nto anon, authenticated;",
            "create policy p on t to authenticated using (true);",
            "REVOKE ALL ON t FROM \"authenticated\"",
            "grant all on t to service_role;",
            "on storage.objects for select",
        ] {
            assert!(uses_supabase(text), "{text}");
        }
        for text in [
            "create table t (\n  authenticated boolean,\n  is_authenticated boolean,\n  authenticated_at date)",
            "-- to authenticated users, see auth.uid()",
            "select my_auth.users, oauth.uid from x.auth.users_seen",
            "grant all on t to my_service_role",
            "",
        ] {
            assert!(!uses_supabase(text), "{text}");
        }
    }
}
