//! Allows that allow nothing: what they were for is gone, or never was, and they would hide what comes to stand there next.

use crate::rules::prelude::*;

rule!("allow/unused", Migration, Info, Report(check));

fn check(cx: &mut Cx, allows: &Allows) {
    for comment in &allows.comments {
        for named in comment.names.iter().filter(|named| !named.used && allows.ran(&named.name)) {
            let (words, part, name) = (cx.slice(comment.site), cx.slice(named.site), cx.name_of(named.site.file));
            let message = format!("nothing of `{}` is found here, so there is nothing to allow", named.name);
            cx.report(About::migration(name), named.site, message).help(HELP).discriminate(words).discriminate(part);
        }
    }
}

const HELP: &str = "remove it, or it hides what comes to stand here next";
