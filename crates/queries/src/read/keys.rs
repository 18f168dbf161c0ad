//! Service role keys in code that a browser receives.

use super::client::{decode, token_role};
use super::code::{Code, span};
use crate::shape::{ClientKind, Exposure, KeyUse, Named};
use oxc_ast::AstKind;
use oxc_ast::ast::Expression;
use smol_str::SmolStr;
use supalint_syntax::source::Span;

/// Prefixes of variables that bundlers copy to the browser.
const PUBLIC: [&str; 10] =
    ["NEXT_PUBLIC_", "VITE_", "EXPO_PUBLIC_", "PUBLIC_", "REACT_APP_", "NUXT_PUBLIC_", "GATSBY_", "VUE_APP_", "NG_APP_", "EXPO_PUBLIC"];

/// Returns the use of a service role key that a node is.
pub fn key(code: &Code, kind: AstKind, in_browser: bool) -> Option<KeyUse> {
    match kind {
        // `process.env.NAME` and `import.meta.env.NAME`
        AstKind::StaticMemberExpression(member) => {
            let object = code.slice(span(oxc_span::GetSpan::span(&member.object)));
            let is_env = object.ends_with("env") || object.ends_with("publicRuntimeConfig");
            let name = member.property.name.as_str();
            is_env.then(|| variable(name, span(member.property.span), in_browser)).flatten()
        }
        AstKind::ComputedMemberExpression(member) => match &member.expression {
            Expression::StringLiteral(name) if code.slice(span(oxc_span::GetSpan::span(&member.object))).ends_with("env") => {
                variable(&name.value, span(name.span), in_browser)
            }
            _ => None,
        },
        // `import { NAME } from '$env/static/public'`
        AstKind::ImportSpecifier(specifier) => {
            let name = specifier.imported.name();
            variable(&name, span(specifier.span), false).filter(|found| found.exposure == Exposure::PublicVariable)
        }
        AstKind::StringLiteral(literal) => {
            let value = literal.value.as_str();
            if token_role(value) == Some(ClientKind::ServiceRole) && !is_demo(value) {
                let name = Named { text: SmolStr::new(value.chars().take(12).collect::<String>()), span: span(literal.span) };
                return Some(KeyUse { name, exposure: Exposure::Literal });
            }
            None
        }
        _ => None,
    }
}

fn variable(name: &str, range: Span, in_browser: bool) -> Option<KeyUse> {
    let upper = name.to_ascii_uppercase();
    let is_service = upper.contains("SERVICE_ROLE")
        || (upper.contains("SUPABASE")
            && (upper.contains("SERVICE_KEY") || upper.contains("SECRET_KEY") || upper.contains("SERVICE_ROLE")));
    if !is_service {
        return None;
    }
    let exposure = if PUBLIC.into_iter().any(|prefix| upper.starts_with(prefix)) {
        Exposure::PublicVariable
    } else if in_browser {
        Exposure::ClientFile
    } else {
        return None;
    };
    Some(KeyUse { name: Named { text: SmolStr::new(name), span: range }, exposure })
}

/// Returns whether a token is the published key of local development.
fn is_demo(token: &str) -> bool {
    let payload = token.split('.').nth(1).and_then(decode).and_then(|payload| String::from_utf8(payload).ok());
    payload.is_some_and(|payload| payload.contains("supabase-demo"))
}
