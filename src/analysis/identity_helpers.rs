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
pub struct Callers {
    /// Names of callable functions that identify the caller, directly or through another function.
    helpers: BTreeSet<SmolStr>,
    /// Locations of all functions that identify the caller, including trigger functions.
    asking: BTreeSet<Site>,
}

/// Facts about the body of a function that its tokens show.
#[derive(Default)]
struct Mentions {
    asks: bool,
    calls: BTreeSet<SmolStr>,
}

impl Callers {
    pub(super) fn of(cx: &State) -> Callers {
        let mut open: Vec<(&Function, Mentions)> = cx.user_functions().map(|function| (function, mentions(body(cx, function)))).collect();
        let mut out = Callers::default();
        loop {
            let before = open.len();
            open.retain(|(function, found)| {
                let asks = found.asks || found.calls.iter().any(|call| out.helpers.contains(call));
                if asks {
                    out.asking.insert(function.at);
                    // a trigger function cannot be called directly
                    out.helpers.extend((!function.returns_trigger()).then(|| function.name.name.clone()));
                }
                !asks
            });
            if open.len() == before {
                return out;
            }
        }
    }

    /// Returns whether the body of a function identifies the caller.
    pub fn is_asking(&self, function: &Function) -> bool {
        self.asking.contains(&function.at)
    }

    pub fn in_expr(&self, expr: &Expr) -> bool {
        let mut found = false;
        expr.walk(&mut |node| self.look(node, &mut found));
        found
    }

    pub fn in_query(&self, query: &Query) -> bool {
        let mut found = false;
        query.walk(&mut |node| self.look(node, &mut found));
        found
    }

    fn look(&self, node: Node, found: &mut bool) -> Walk {
        if let Node::Expr(Expr { kind: ExprKind::Call(call), .. }) = node {
            *found |= self.asks(call);
        }
        if *found { Walk::Over } else { Walk::Into }
    }

    /// Returns whether a call itself identifies the caller, independent of its arguments.
    pub fn asks(&self, call: &Call) -> bool {
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
    auth || (call.name.last() == "current_setting" && call.args.first().is_some_and(|arg| arg.value.as_str().is_some_and(tells_caller)))
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
fn tells_caller(setting: &str) -> bool {
    const WORDS: [&str; 8] = ["user", "tenant", "org", "account", "workspace", "company", "team", "claim"];
    setting == "role"
        || setting.starts_with("request.")
        || setting.split_once('.').is_some_and(|(_, own)| WORDS.iter().any(|word| own.contains(word)))
}

/// Returns the code of a function. It is empty for a function in C.
pub fn body<'f>(cx: &State<'f>, function: &'f Function) -> &'f str {
    match &*function.body {
        Body::Code(code) => code.text(cx.sources.get(function.at.file).text()),
        Body::Sql { span, .. } => cx.slice(Site::new(function.at.file, *span)),
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
                out.asks |= schema.as_deref() == Some("auth") && AUTH.contains(&name.as_str());
                out.asks |= name == "current_setting" && argument.is_some_and(|argument| tells_caller(&argument));
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
    fn asking_is_seen_in_calls_settings_and_built_statements() {
        for text in [
            "select auth.uid()",
            "begin if AUTH . role() = 'x' then",
            "select current_setting('request.jwt.claims', true)",
            "begin execute 'select 1 from t where o = auth.uid()'; end",
        ] {
            assert!(mentions(text).asks, "{text}");
        }
        for text in ["select 1 -- auth.uid()", "select uid() from auth.users", "select current_setting('search_path')"] {
            assert!(!mentions(text).asks, "{text}");
        }
        assert_eq!(mentions("select public.f(g(1))").calls.into_iter().collect::<Vec<_>>(), ["f", "g"]);
    }
}
