//! Allow comments, with the grammar of those in SQL.

use crate::shape::{AllowComment, AllowFault, AllowScope, InvalidAllow, Named};
use smol_str::SmolStr;
use supalint_syntax::source::Span;

/// Start of every allow comment.
pub const MARK: &str = "supalint:";

/// Allow comments of a file.
#[derive(Default)]
pub struct Allows {
    pub allows: Vec<AllowComment>,
    pub invalid: Vec<InvalidAllow>,
}

impl Allows {
    /// Reads a comment. `is_first` tells whether no code is before it, and `scope` is the code that the comment applies to.
    pub fn read(&mut self, text: &str, comment: Span, is_first: bool, scope: impl FnOnce() -> Option<Span>) {
        let whole = comment.of(text);
        let inner = whole.strip_prefix("/*").map_or(whole, |inner| inner.strip_suffix("*/").unwrap_or(inner));
        let start = inner.trim_start_matches(|letter: char| letter.is_whitespace() || matches!(letter, '/' | '*'));
        let Some(rest) = start.strip_prefix(MARK).map(str::trim_end) else { return };
        let at = comment.start + (start.as_ptr() as usize - whole.as_ptr() as usize) as u32;
        let span = Span::new(at, at + (MARK.len() + rest.len()) as u32);
        match directive(text, rest) {
            Err(fault) => self.invalid.push(InvalidAllow { span, fault }),
            Ok((true, ..)) if !is_first => self.invalid.push(InvalidAllow { span, fault: AllowFault::NotAtStart }),
            Ok((true, rules, because)) => self.allows.push(AllowComment { span, rules, because, scope: AllowScope::File }),
            Ok((false, rules, because)) => match scope() {
                Some(scope) => self.allows.push(AllowComment { span, rules, because, scope: AllowScope::Span(scope) }),
                None => self.invalid.push(InvalidAllow { span, fault: AllowFault::NoStatement }),
            },
        }
    }
}

/// Returns whether the whole file is meant, the rules, and the reason.
fn directive(whole: &str, text: &str) -> Result<(bool, Vec<Named>, String), AllowFault> {
    let text = text.trim_start();
    let end = text.find(|letter: char| !letter.is_ascii_alphanumeric() && !matches!(letter, '-' | '_')).unwrap_or(text.len());
    let is_file = match &text[..end] {
        "allow" => false,
        "allow-file" => true,
        other => return Err(AllowFault::UnknownKeyword(other.to_string())),
    };
    let list = text[end..].trim_start().strip_prefix('(').and_then(|rest| rest.split_once(')'));
    let (list, rest) = list.ok_or(AllowFault::NoRules)?;
    let named = |name: &str| {
        let name = name.trim();
        let start = (name.as_ptr() as usize - whole.as_ptr() as usize) as u32;
        Named { text: SmolStr::new(name), span: Span::new(start, start + name.len() as u32) }
    };
    let rules: Vec<Named> = list.split(',').map(named).collect();
    if rules.iter().any(|rule| rule.text.is_empty()) {
        return Err(AllowFault::NoRules);
    }
    // lines of a block begin with a star
    let mut words = rest.split_whitespace().filter(|word| *word != "*");
    let reason: Vec<&str> = if words.next() == Some("because") { words.collect() } else { Vec::new() };
    if reason.is_empty() { Err(AllowFault::NoReason) } else { Ok((is_file, rules, reason.join(" "))) }
}
