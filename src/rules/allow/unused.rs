//! Allows that allow nothing: what they were for is gone, or never was, and they would hide what comes to stand there next.

use crate::rules::prelude::*;

rule!("allow/unused", Migration, Info, Report(check));

fn check(cx: &mut Cx, allows: &Allows) {
    for comment in &allows.comments {
        for named in comment.names.iter().filter(|named| !named.used && allows.ran(&named.name)) {
            let name = cx.name_of(named.site.file);
            let message = format!("nothing of `{}` is found here, so there is nothing to allow", named.name);
            cx.report(About::migration(name), named.site, message).help(HELP).of_text(comment.site).of_text(named.site);
        }
    }
    for setting in &allows.settings {
        let (rule, object) = (&setting.allowance.rule, setting.allowance.object.glob());
        let (message, help) = match setting.allowance.until {
            Some(day) if setting.allowance.expired => {
                (format!("`{rule}` was allowed for `{object}` until {day}, and is not any more"), "remove it, or give it a later day")
            }
            Some(_) | None if !setting.used && allows.ran(rule) => {
                (format!("nothing of `{rule}` is found for `{object}`, so there is nothing to allow"), HELP)
            }
            Some(_) | None => continue,
        };
        cx.report(About::project(), setting.site, message).help(help).discriminate(rule).discriminate(object);
    }
}

const HELP: &str = "remove it, or it hides what comes next";
