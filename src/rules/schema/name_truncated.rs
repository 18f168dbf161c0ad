//! Names that PostgreSQL cuts, because they are longer than 63 bytes.

use crate::analysis::long_names::LongName;
use crate::rules::prelude::*;

rule!("schema/name-truncated", Integrity, Info, Schema(check));

/// An object whose name may be cut.
struct Named<'a> {
    about: About,
    noun: &'static str,
    name: &'a SmolStr,
    /// Location of its name, or of its definition.
    at: Site,
    /// Table in which the name is unique. The names of other objects are unique in their schema.
    within: Option<&'a SmolStr>,
    /// Whether clients use the name.
    is_served: bool,
}

fn check(cx: &mut Cx) {
    let names = cx.long_names();
    if names.is_empty() {
        return;
    }
    for object in objects(cx) {
        let Some(spellings) = names.get(object.name) else { continue };
        let at = cx.sources.resolve(object.at);
        let own = spellings.iter().find(|spelling| spelling.at.file == at.file && at.span.contains(spelling.at.span));
        if let Some(own) = own {
            report(cx, object, own, spellings);
        }
    }
}

fn objects<'a>(cx: &Cx<'a>) -> Vec<Named<'a>> {
    let mut out = Vec::new();
    let mut add = |about, noun, name, at, within, is_served| out.push(Named { about, noun, name, at, within, is_served });
    for table in cx.user_tables().chain(cx.guarded_tables().filter(|table| table.created.is_platform())) {
        let (within, is_served) = (Some(&table.name.name), cx.is_exposed(&table.name.schema));
        if !table.created.is_platform() {
            add(About::table(table), "table", &table.name.name, table.named, None, is_served);
        }
        for column in &table.columns {
            add(About::column(table, column), "column", &column.name, column.named, within, is_served);
        }
        for index in &table.indexes {
            add(About::index(table, index), "index", &index.name, index.named, None, false);
        }
        for constraint in &table.constraints {
            add(About::constraint(table, constraint), "constraint", &constraint.name, constraint.at, within, false);
        }
        for policy in &table.policies {
            add(About::policy(table, policy), "policy", &policy.name, policy.named, within, false);
        }
    }
    for view in cx.user_views() {
        add(About::view(view), "view", &view.name.name, view.named, None, cx.is_exposed(&view.name.schema));
    }
    for function in cx.user_functions() {
        add(About::function(function), "function", &function.name.name, function.named, None, cx.is_exposed(&function.name.schema));
    }
    out
}

fn report(cx: &mut Cx, object: Named, own: &LongName, spellings: &[LongName]) {
    let Named { about, noun, name, within, is_served, .. } = object;
    // the statement does nothing, because the name exists
    let skipped = spellings
        .iter()
        .find(|other| other.text != own.text && other.is_if_not_exists && within.is_none_or(|table| other.beside.contains(table)));
    let mut message = format!("the name of the {noun} has {} bytes, and PostgreSQL cuts it to 63: `{name}`", own.text.len());
    if is_served {
        message.push_str(". Clients have to use the cut name");
    }
    if let Some(other) = skipped {
        message.push_str(&format!(". `{}` is cut to the same name, so that IF NOT EXISTS skips it", other.text));
    }
    let draft = cx.report(about, own.at, message);
    draft.label("cut to 63 bytes").help("Choose a name of at most 63 bytes.").cause(
        "name",
        "name is longer than 63 bytes",
        "names are longer than 63 bytes",
    );
    if let Some(other) = skipped {
        draft.severity(Severity::Warn).because(other.at, "skipped, because the cut name exists");
    }
}
