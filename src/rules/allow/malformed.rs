//! Invalid allow comments.

use crate::rules::names;
use crate::rules::prelude::*;

rule!("allow/malformed", Migration, Warn, Report(check));

fn check(cx: &mut Cx, allows: &Allows) {
    for invalid in &allows.invalid_comments {
        let (message, help) = match &invalid.kind {
            FaultKind::UnknownKeyword(word) if word.is_empty() => ("this `supalint:` comment is empty".to_string(), FORM),
            FaultKind::UnknownKeyword(word) => (format!("unknown keyword `{word}`, so this comment allows nothing"), FORM),
            FaultKind::NoRules => ("this comment names no rules in parentheses, so it allows nothing".to_string(), FORM),
            FaultKind::NoReason => {
                ("this comment gives no reason, so it allows nothing".to_string(), "Add `because` and a reason after the parenthesis.")
            }
            FaultKind::NotAtStart => (
                "`allow-file` is not at the top of the file, so it allows nothing".to_string(),
                "Move it above the first statement of the file, or write `allow` above one statement.",
            ),
            FaultKind::NoStatement => {
                ("no statement follows this comment, so it allows nothing".to_string(), "Move it above the statement that it applies to.")
            }
        };
        report(cx, invalid.site, invalid.site, message).help(help);
    }
    for comment in &allows.comments {
        for named in comment.names.iter().filter(|named| !names::is_known(&named.name)) {
            let help = match names::meant(&named.name) {
                Some(near) => format!("Write `{near}`."),
                None => "Write the id of a rule or the name of a group. `supalint rules` lists them.".to_string(),
            };
            let message = format!("there is no rule or group `{}`, so this name allows nothing", named.name);
            report(cx, comment.site, named.site, message).help(help);
        }
    }
}

const FORM: &str = "Write `supalint: allow(rule, …) because …`, or `allow-file` for the whole file.";

/// Starts a diagnostic for a comment. Comments with the same text in one file share a fingerprint.
fn report<'c>(cx: &'c mut Cx, comment: Site, at: Site, message: String) -> &'c mut DiagnosticBuilder {
    let name = cx.name_of(at.file);
    cx.report(About::migration(name), at, message).of_text(comment).of_text(at)
}
