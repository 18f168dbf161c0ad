//! Unused allow comments and settings. They would hide the next problem at their location.

use crate::rules::prelude::*;

rule!("allow/unused", Migration, Info, Report(check));

fn check(cx: &mut Cx, allows: &Allows) {
    for comment in &allows.comments {
        for named in comment.names.iter().filter(|named| !named.used && allows.ran(&named.name)) {
            let name = cx.name_of(named.site.file);
            let message = format!("`{}` reports nothing here, so there is nothing to allow", named.name);
            cx.report(About::migration(name), named.site, message).help(HELP).of_text(comment.site).of_text(named.site);
        }
    }
    for setting in &allows.settings {
        let (rule, object) = (&setting.allowance.rule, setting.allowance.object.glob());
        let (message, help) = match setting.allowance.until {
            Some(day) if setting.allowance.expired => {
                (format!("`{rule}` was allowed for `{object}` until {day}, and this date has passed"), "Remove it, or set a later date.")
            }
            Some(_) | None if !setting.used && allows.ran(rule) => {
                (format!("`{rule}` reports nothing for `{object}`, so there is nothing to allow"), HELP)
            }
            Some(_) | None => continue,
        };
        cx.report(About::project(), setting.site, message).help(help).discriminate(rule).discriminate(object);
    }
}

const HELP: &str = "Remove it. It would hide the next problem.";
