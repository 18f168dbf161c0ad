//! Service role keys in code that a browser receives.

use crate::analysis::app_query::{Key, keys};
use crate::rules::prelude::*;
use supalint_queries::shape::Exposure;

rule!("query/service-role-key-in-browser", Security, Error, Schema(check));

fn check(cx: &mut Cx) {
    keys(cx).iter().for_each(|key| report(cx, key));
}

fn report(cx: &mut Cx, key: &Key) {
    let name = &key.used.name.text;
    let (message, severity, help) = match key.used.exposure {
        Exposure::PublicVariable => (
            match key.in_browser {
                true => format!("`{name}` is copied to the browser: everyone who opens the page can read and change all rows"),
                false => format!(
                    "the prefix of `{name}` lets bundlers copy the service role key to the browser, with which everyone can read and change all rows"
                ),
            },
            if key.in_browser { Severity::Error } else { Severity::Warn },
            "Rename the variable without the public prefix, read it only in server code, and replace the key.",
        ),
        Exposure::ClientFile => (
            format!("code of the browser reads `{name}`: the variable is undefined there, or the key is public"),
            Severity::Warn,
            "Move the query to server code, such as a route handler or an Edge Function.",
        ),
        Exposure::Literal => (
            "a service role key stands in the code: everyone who receives the code can read and change all rows".to_string(),
            Severity::Error,
            "Replace the key in the dashboard, and read the new key from a variable of the server.",
        ),
    };
    let (cause, what) = match key.used.exposure {
        Exposure::Literal => ("literal".to_string(), "a service role key".to_string()),
        Exposure::PublicVariable | Exposure::ClientFile => (name.to_string(), format!("`{name}`")),
    };
    let draft = cx.report(About::file(key.path), key.site, message);
    draft.of_statement(key.site).severity(severity).help(help).cause(
        format!("{cause} {severity:?}"),
        format!("place in the code uses {what}"),
        format!("places in the code use {what}"),
    );
}
