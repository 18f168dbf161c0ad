//! Comments that mean to allow a finding and allow nothing.

use crate::rules::names;
use crate::rules::prelude::*;

rule!("allow/malformed", Migration, Warn, Report(check));

fn check(cx: &mut Cx, allows: &Allows) {
    for fault in &allows.faults {
        let (message, help) = match &fault.why {
            Why::Word(word) if word.is_empty() => ("this comment says nothing to supalint".to_string(), FORM),
            Why::Word(word) => (format!("`{word}` is no word for supalint, so this allows nothing"), FORM),
            Why::Rules => ("this allow names no rules in parentheses, so it allows nothing".to_string(), FORM),
            Why::Reason => {
                ("this allow gives no reason, so it allows nothing".to_string(), "add `because` and the reason behind the parenthesis")
            }
            Why::Late => (
                "this allow is for the whole file and does not stand at its top, so it allows nothing".to_string(),
                "move it above the first statement of the file, or say `allow` above the statement that it is for",
            ),
            Why::Nowhere => {
                ("no statement follows this allow, so it allows nothing".to_string(), "move it above the statement that it is for")
            }
        };
        report(cx, fault.site, fault.site, message).help(help);
    }
    for comment in &allows.comments {
        for named in comment.names.iter().filter(|named| !names::is_known(&named.name)) {
            let help = match names::meant(&named.name) {
                Some(near) => format!("write `{near}`"),
                None => "write the id of a rule or the name of a group; `supalint rules` lists them".to_string(),
            };
            let message = format!("no rule or group is called `{}`, so nothing of it is allowed", named.name);
            report(cx, comment.site, named.site, message).help(help);
        }
    }
}

const FORM: &str = "write `supalint: allow(rule, …) because …`, or `allow-file` for the whole file";

/// Of comments with the same words in one file the first is told.
fn report<'c>(cx: &'c mut Cx, comment: Site, at: Site, message: String) -> &'c mut Draft {
    let name = cx.name_of(at.file);
    cx.report(About::migration(name), at, message).of_text(comment).of_text(at)
}
