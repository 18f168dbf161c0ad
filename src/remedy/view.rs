//! Statements that prevent a view from bypassing row level security.

use super::restore;
use crate::analysis::prelude::*;
use crate::syntax::lexer::tokens;

/// Returns the value of security_invoker as it is written in the definition of the view. The default is off, so an explicit `off` is
/// intended.
pub fn written_value<'a>(cx: &State<'a>, view: &View) -> Option<&'a str> {
    let place = if view.security_invoker.at != view.named {
        view.security_invoker.at
    } else if view.named.file == view.at.file && view.query_site.file == view.at.file {
        view.at.in_same_file(Span::new(view.named.span.end, view.query_site.span.start.max(view.named.span.end)))
    } else {
        return None;
    };
    let text = cx.slice(place);
    let all = tokens(text);
    let at = all.iter().position(|token| token.text(text).eq_ignore_ascii_case("security_invoker"))?;
    let value = all.get(at + 1).filter(|token| token.text(text) == "=").and_then(|_| all.get(at + 2));
    Some(value.map_or("false", |token| token.text(text)))
}

pub fn by_invoker(cx: &State, view: &View) -> (String, Step) {
    let quoted = view.name.quoted();
    let back = match written_value(cx, view) {
        Some(value) => format!("alter view {quoted} set (security_invoker = {value});"),
        None => format!("alter view {quoted} reset (security_invoker);"),
    };
    let step = Step::batch(Phase::View, format!("alter view {quoted} set (security_invoker = true);")).undo(back);
    (format!("Set `security_invoker` on `{}`", view.name), step)
}

pub fn by_revoke(view: &View) -> (String, Step) {
    let (sql, back) = restore::revoke(&view.name.quoted(), &view.acl, &["public", "anon", "authenticated"], Privileges::SELECT, "select");
    (format!("Revoke SELECT on `{}` from the API roles", view.name), Step::batch(Phase::Grant, sql).undo(back))
}
