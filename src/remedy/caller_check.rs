//! A function that uses `auth.uid()` instead of an argument: the text of the user, in which only the argument is replaced.
//!
//! Promises: nothing else in the function changes, except that a missing search_path is added. Limits: there is no such text if the body
//! cannot be parsed, if the argument is assigned or has the name of a column, if ALTER FUNCTION changed the function, or if a call passes
//! the id of another user.

use crate::analysis::calls::Calls;
use crate::analysis::identity_helpers::is_uid;
use crate::analysis::pinned_path::pinned;
use crate::analysis::prelude::*;
use crate::analysis::search_path_effects::Paths;
use crate::remedy::restore::is_as_written;
use crate::syntax::ast::Body;
use crate::syntax::lexer::{TokenKind, ident_value, tokens};

/// The expression that replaces the argument.
const CALLER: &str = "(select auth.uid())";

pub fn use_auth_uid<'a>(cx: &State<'a>, function: &'a Function, argument: &Argument, calls: &Calls) -> Option<Step> {
    let name = argument.name.as_deref()?;
    let place = function.inputs().position(|one| one.name.as_deref() == Some(name))?;
    let Body::Code(code) = &*function.body else { return None };
    let of_caller = |call: &Call| call.args.get(place).is_some_and(|arg| arg.name.is_none() && is_uid(&arg.value));
    let fits = argument.ty.is("uuid")
        && code.unescaped.is_none()
        && cx.is_read_whole(function)
        && is_as_written(cx, function)
        && cx.catalog.functions.get(&function.name).is_some_and(|overloads| overloads.len() == 1)
        && calls.to(function).all(|(_, call)| of_caller(call));
    if !fits {
        return None;
    }
    let spans = references(cx, function, name, place)?;
    let body = code.text(cx.sources.get(function.at.file).text());
    let named = tokens(body).into_iter().filter(|token| matches!(token.kind, TokenKind::Word | TokenKind::QuotedIdent | TokenKind::Param));
    let number = format!("${}", place + 1);
    let written = named.filter(|token| token.text(body) == number || ident_value(*token, body) == name).count();
    if spans.is_empty() || written != spans.len() {
        return None;
    }
    let old = cx.slice(function.at);
    let old = old.trim_end().trim_end_matches(';');
    let mut new = old.to_string();
    for span in spans.iter().rev() {
        let start = span.start.checked_sub(function.at.span.start)? as usize;
        new.replace_range(start..start + span.len(), CALLER);
    }
    let path = match function.setting("search_path") {
        Some(_) => String::new(),
        None => format!("\nset search_path = {}", pinned(cx, &mut Paths::new(cx), function).0),
    };
    Some(Step::batch(Phase::Function, format!("{}{path};", or_replace(&new)?)).undo(format!("{};", or_replace(old)?)))
}

/// Returns `create or replace function …` for a CREATE FUNCTION statement.
fn or_replace(text: &str) -> Option<String> {
    let rest = text.get("create".len()..).filter(|_| text[.."create".len()].eq_ignore_ascii_case("create"))?;
    let already = rest.split_whitespace().next().is_some_and(|word| word.eq_ignore_ascii_case("or"));
    Some(if already { text.to_string() } else { format!("{} or replace{rest}", &text[.."create".len()]) })
}

/// Returns the locations of the argument in the body, in order, or `None` if a name may be a column of a table that the body reads.
fn references(cx: &State, function: &Function, name: &str, place: usize) -> Option<Vec<Span>> {
    let number = format!("${}", place + 1);
    let (mut out, mut clear) = (Vec::new(), true);
    for (origin, code) in cx.code_of(function) {
        code.each_data(&mut |data| clear &= origin.written(data).is_none());
        code.walk(&mut |node| {
            match node {
                Node::From(item) => {
                    let columns = origin.relation(item).and_then(|relation| cx.catalog.columns(&relation));
                    clear &= columns.is_some_and(|columns| !columns.iter().any(|column| column == name));
                }
                Node::Expr(expr) => match &expr.kind {
                    ExprKind::Column { path, .. } => match path.as_slice() {
                        [only] if only == name => out.push(origin.at(expr.span).span),
                        [of, only] if only == name && *of == function.name.name => out.push(origin.at(expr.span).span),
                        _ => {}
                    },
                    ExprKind::Param(param) if *param == number => out.push(origin.at(expr.span).span),
                    _ => {}
                },
                Node::Query(_) => {}
            }
            Walk::Into
        });
    }
    out.sort();
    clear.then_some(out)
}
