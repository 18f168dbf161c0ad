//! Code that identifies the caller: `auth.uid()` and similar functions, settings of the request, and functions of the project that use
//! them.
//!
//! Promises: a function is included if its text, also a dynamic statement, identifies the caller or calls such a function. Limits: the use
//! of the result is not analysed.

use crate::analysis::state::State;
use crate::catalog::object::Function;
use crate::source::Site;
use crate::syntax::ast::Body;
use crate::syntax::expression::{Call, Expr, ExprKind, Node, Query, Walk};
use crate::syntax::lexer::{Token, TokenKind, ident_value, string_value, tokens};
use smol_str::SmolStr;
use std::collections::BTreeSet;

const AUTH: [&str; 4] = ["uid", "jwt", "role", "email"];

/// Functions of the project that identify the caller.
#[derive(Default)]
pub struct IdentityHelpers {
    /// Names of callable functions that identify the caller, directly or through another function.
    helpers: BTreeSet<SmolStr>,
    /// Locations of all functions that identify the caller, including trigger functions.
    identifying: BTreeSet<Site>,
}

/// Facts about the body of a function that its tokens show.
#[derive(Default)]
struct Mentions {
    identifies_caller: bool,
    calls: BTreeSet<SmolStr>,
}

impl IdentityHelpers {
    pub(super) fn of(cx: &State) -> IdentityHelpers {
        let mut unresolved: Vec<(&Function, Mentions)> =
            cx.user_functions().map(|function| (function, mentions(body(cx, function)))).collect();
        let mut out = IdentityHelpers::default();
        loop {
            let before = unresolved.len();
            unresolved.retain(|(function, found)| {
                let identifies_caller = found.identifies_caller || found.calls.iter().any(|call| out.helpers.contains(call));
                if identifies_caller {
                    out.identifying.insert(function.at);
                    // a trigger function cannot be called directly
                    out.helpers.extend((!function.returns_trigger()).then(|| function.name.name.clone()));
                }
                !identifies_caller
            });
            if unresolved.len() == before {
                return out;
            }
        }
    }

    /// Returns whether the body of a function identifies the caller.
    pub fn identifies_caller(&self, function: &Function) -> bool {
        self.identifying.contains(&function.at)
    }

    pub fn in_expr(&self, expr: &Expr) -> bool {
        let mut found = false;
        expr.walk(&mut |node| self.visit(node, &mut found));
        found
    }

    pub fn in_query(&self, query: &Query) -> bool {
        let mut found = false;
        query.walk(&mut |node| self.visit(node, &mut found));
        found
    }

    fn visit(&self, node: Node, found: &mut bool) -> Walk {
        if let Node::Expr(Expr { kind: ExprKind::Call(call), .. }) = node {
            *found |= self.call_identifies_caller(call);
        }
        if *found { Walk::Over } else { Walk::Into }
    }

    /// Returns whether a call itself identifies the caller, independent of its arguments.
    pub fn call_identifies_caller(&self, call: &Call) -> bool {
        is_auth_call(call) || self.is_helper(call)
    }

    /// Returns whether a call is a function of the project that identifies the caller.
    pub fn is_helper(&self, call: &Call) -> bool {
        call.name.schema() != Some("auth") && self.helpers.contains(call.name.last())
    }
}

/// Returns whether a call is `auth.uid()` or a similar function of the platform, or reads a setting of the request.
pub fn is_auth_call(call: &Call) -> bool {
    let auth = call.name.schema() == Some("auth") && AUTH.contains(&call.name.last());
    auth || (call.name.last() == "current_setting"
        && call.args.first().is_some_and(|arg| arg.value.as_str().is_some_and(is_caller_setting)))
}

/// Returns whether an expression is `auth.uid()`.
pub fn is_uid(expr: &Expr) -> bool {
    match &expr.uncast().kind {
        ExprKind::Call(call) => call.name.is("auth", "uid"),
        ExprKind::Subquery(query) => query
            .select()
            .is_some_and(|select| select.from.is_empty() && matches!(select.targets.as_slice(), [target] if is_uid(&target.expr))),
        _ => false,
    }
}

/// Returns whether the API or an application sets this setting for each request.
fn is_caller_setting(setting: &str) -> bool {
    const WORDS: [&str; 8] = ["user", "tenant", "org", "account", "workspace", "company", "team", "claim"];
    setting == "role"
        || setting.starts_with("request.")
        || setting.split_once('.').is_some_and(|(_, own)| WORDS.iter().any(|word| own.contains(word)))
}

/// Returns the code of a function. It is empty for a function in C.
pub fn body<'f>(cx: &State<'f>, function: &'f Function) -> &'f str {
    match &*function.body {
        Body::Code(code) => code.text(cx.sources.get(function.at.file).text()),
        Body::Sql { span, .. } => cx.slice(function.at.in_same_file(*span)),
        Body::None => "",
    }
}

/// Returns whether the code of a function catches every error.
pub fn catches_errors(cx: &State, function: &Function) -> bool {
    body(cx, function).to_ascii_lowercase().contains("when others")
}

/// Returns the MD5 digest of the code of a function, which Supabase's advisor uses to separate functions with the same name.
pub fn body_digest(cx: &State, function: &Function) -> String {
    format!("{:x}", md5::compute(body(cx, function)))
}

fn mentions(text: &str) -> Mentions {
    let mut out = Mentions::default();
    read(text, &mut out);
    out
}

fn read(text: &str, out: &mut Mentions) {
    let tokens = tokens(text);
    let kind = |at: usize| tokens.get(at).map(|token: &Token| token.kind);
    for (at, token) in tokens.iter().enumerate() {
        match token.kind {
            TokenKind::Word | TokenKind::QuotedIdent if kind(at + 1) == Some(TokenKind::LParen) => {
                let name = ident_value(*token, text);
                let schema = (at >= 2 && tokens[at - 1].kind == TokenKind::Dot).then(|| ident_value(tokens[at - 2], text));
                let argument = tokens.get(at + 2).filter(|next| next.kind == TokenKind::String).map(|next| string_value(*next, text));
                out.identifies_caller |= schema.as_deref() == Some("auth") && AUTH.contains(&name.as_str());
                out.identifies_caller |= name == "current_setting" && argument.is_some_and(|argument| is_caller_setting(&argument));
                out.calls.insert(name);
            }
            // text from which a statement may be built
            TokenKind::String | TokenKind::EscapeString | TokenKind::DollarString if token.text(text).contains('(') => {
                read(&string_value(*token, text), out);
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identification_is_seen_in_calls_settings_and_built_statements() {
        for text in [
            "select auth.uid()",
            "begin if AUTH . role() = 'x' then",
            "select current_setting('request.jwt.claims', true)",
            "begin execute 'select 1 from t where o = auth.uid()'; end",
        ] {
            assert!(mentions(text).identifies_caller, "{text}");
        }
        for text in ["select 1 -- auth.uid()", "select uid() from auth.users", "select current_setting('search_path')"] {
            assert!(!mentions(text).identifies_caller, "{text}");
        }
        assert_eq!(mentions("select public.f(g(1))").calls.into_iter().collect::<Vec<_>>(), ["f", "g"]);
    }
}
