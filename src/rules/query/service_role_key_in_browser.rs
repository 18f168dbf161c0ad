//! Service role keys in code that a browser receives.

use crate::rules::prelude::*;
use supalint_queries::shape::{Exposure, KeyUse};

rule!("query/service-role-key-in-browser", Security, Error, Schema(check));

fn check(cx: &mut Cx) {
    for app in cx.app_files().iter().filter(|app| !app.code.in_test) {
        for key in &app.code.keys {
            report(cx, app.file, app.code.in_browser, key);
        }
    }
}

fn report(cx: &mut Cx, file: FileId, in_browser: bool, key: &KeyUse) {
    let path = cx.sources.get(file).path.clone();
    let name = &key.name.text;
    let (message, severity, help) = match key.exposure {
        Exposure::PublicVariable => (
            match in_browser {
                true => format!("`{name}` is copied to the browser: everyone who opens the page can read and change all rows"),
                false => format!(
                    "the prefix of `{name}` lets bundlers copy the service role key to the browser, with which everyone can read and change all rows"
                ),
            },
            if in_browser { Severity::Error } else { Severity::Warn },
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
    let site = Site::new(file, key.name.span);
    let (key, what) = match key.exposure {
        Exposure::Literal => ("literal".to_string(), "a service role key".to_string()),
        Exposure::PublicVariable | Exposure::ClientFile => (name.to_string(), format!("`{name}`")),
    };
    let draft = cx.report(About::file(&path), site, message);
    draft.of_statement(site).severity(severity).help(help).cause(
        format!("{key} {severity:?}"),
        format!("place in the code uses {what}"),
        format!("places in the code use {what}"),
    );
}
