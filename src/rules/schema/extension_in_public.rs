//! Extensions in the schema `public`.

use crate::rules::prelude::*;

rule!("schema/extension-in-public", Security, Info, Schema(check));

/// Extensions with functions that send requests or open connections.
const OUTBOUND: [&str; 2] = ["dblink", "http"];

fn check(cx: &mut Cx) {
    let served = cx.is_exposed("public");
    for extension in cx.catalog.extensions.values() {
        if extension.schema != "public" || extension.at.is_platform() {
            continue;
        }
        let name = &extension.name;
        let outbound = served && OUTBOUND.contains(&name.as_str());
        let message = match (outbound, served) {
            (true, _) => format!(
                "the extension `{name}` is in `public`: API roles can call its functions and send requests from the database server"
            ),
            (false, true) => format!(
                "the extension `{name}` is in `public`: the API serves its functions, and its names collide with those of the project"
            ),
            (false, false) => format!("the extension `{name}` is in `public`: its names collide with those of the project"),
        };
        cx.report(About::extension(extension), extension.at, message)
            .severity(if outbound { Severity::Warn } else { Severity::Info })
            .help(format!(
                "Install it in another schema: `create extension {} with schema extensions`. An existing extension can be moved with `alter extension … set schema` if it is relocatable.",
                quote_ident(name)
            ))
            .cause("public", "extension is in the schema `public`", "extensions are in the schema `public`")
            .advisor("extension_in_public", format!("extension_in_public_{name}"));
    }
}
