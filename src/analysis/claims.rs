//! Claims of the JSON Web Token that expressions read, and those that a token contains.
//!
//! Sources: Supabase's documentation, "JWT Claims Reference" and "Custom Access Token Hook". Limits: a claim that a variable takes from the
//! token is not followed.

use crate::analysis::prelude::*;

/// Claims that Supabase Auth issues, and those of its API keys and OAuth tokens.
const ISSUED: [&str; 21] = [
    "iss",
    "aud",
    "exp",
    "iat",
    "nbf",
    "jti",
    "sub",
    "role",
    "aal",
    "amr",
    "session_id",
    "email",
    "phone",
    "is_anonymous",
    "app_metadata",
    "user_metadata",
    "ref",
    "client_id",
    "scope",
    "nonce",
    "azp",
];

/// The claims that tokens of the project contain besides those of Supabase.
pub enum TokenClaims<'a> {
    /// An auth hook that is no function of the migrations, or whose body is unknown, can set any claim.
    Unknown,
    /// No auth hook is known.
    WithoutHook,
    /// The functions of the migrations that have the form of an auth hook.
    Hooks(Vec<&'a Function>),
}

impl<'a> TokenClaims<'a> {
    pub fn of(cx: &State<'a>) -> TokenClaims<'a> {
        let hooks: Vec<&Function> = cx.user_functions().filter(|function| is_hook(cx, function)).collect();
        let is_elsewhere = match cx.config().token_hook.as_deref() {
            None => false,
            Some(uri) => {
                let function = uri.strip_prefix("pg-functions://").and_then(|rest| rest.rsplit('/').next());
                function.is_none_or(|name| !hooks.iter().any(|hook| hook.name.name == name))
            }
        };
        match hooks.is_empty() {
            _ if is_elsewhere || cx.config().third_party_auth || hooks.iter().any(|hook| !cx.is_read_whole(hook)) => TokenClaims::Unknown,
            true => TokenClaims::WithoutHook,
            false => TokenClaims::Hooks(hooks),
        }
    }

    /// Returns whether a token certainly or possibly contains a claim.
    pub fn may_contain(&self, cx: &State, claim: &str) -> bool {
        ISSUED.contains(&claim)
            || match self {
                TokenClaims::Unknown => true,
                TokenClaims::WithoutHook => false,
                TokenClaims::Hooks(hooks) => hooks.iter().any(|hook| strings(cx, hook).iter().any(|text| names_claim(text, claim))),
            }
    }
}

/// Returns whether a function has the form of a custom access token hook: it takes and returns an event, and works with its claims.
fn is_hook(cx: &State, function: &Function) -> bool {
    let is_json = |ty: &DataType| ty.canonical() == "jsonb" || ty.canonical() == "json";
    let takes = matches!(function.signature().as_slice(), [only] if only == "jsonb" || only == "json");
    takes
        && function.returns.as_ref().is_some_and(is_json)
        && (!cx.is_read_whole(function) || strings(cx, function).iter().any(|text| text == "claims" || text.starts_with("{claims")))
}

/// Returns the string literals in the body of a function.
fn strings(cx: &State, function: &Function) -> Vec<SmolStr> {
    let mut out = Vec::new();
    for (_, code) in cx.code_of(function) {
        code.walk(&mut |node| {
            if let Node::Expr(Expr { kind: ExprKind::String(text), .. }) = node {
                out.push(SmolStr::from(text.as_str()));
            }
            Walk::Into
        });
    }
    out
}

/// Returns whether a literal is the name of a claim, or a path to it: `{user_role}` or `{claims,user_role}`.
fn names_claim(text: &str, claim: &str) -> bool {
    let Some(path) = text.strip_prefix('{').and_then(|text| text.strip_suffix('}')) else { return text == claim };
    let mut parts = path.split(',').map(|part| part.trim().trim_matches('"')).skip_while(|part| *part == "claims");
    parts.next() == Some(claim)
}

/// Returns the claims at the top of the token that an expression reads, with the expressions. A claim that is only one of several sources
/// of a value, in `coalesce`, is not included.
pub fn read(root: &Expr) -> Vec<(&Expr, SmolStr)> {
    let mut out = Vec::new();
    root.walk(&mut |node| visit(node, &mut out));
    out
}

/// Visits a node of [`read`].
pub fn visit<'e>(node: Node<'e>, out: &mut Vec<(&'e Expr, SmolStr)>) -> Walk {
    let Node::Expr(expr) = node else { return Walk::Into };
    match &expr.kind {
        ExprKind::Call(call) if call.name.last() == "coalesce" && call.args.iter().filter(|arg| !is_literal(&arg.value)).count() > 1 => {
            return Walk::Over;
        }
        ExprKind::Binary { op, left, right } if matches!(op.as_str(), "->" | "->>" | "#>" | "#>>") && is_token(left) => {
            let key = match &right.uncast().kind {
                ExprKind::String(text) => Some(text.trim_matches(['{', '}']).split(',').next().unwrap_or_default().trim().into()),
                ExprKind::Array(keys) => keys.first().and_then(Expr::as_str).map(SmolStr::from),
                _ => None,
            };
            out.extend(key.map(|key| (expr, key)));
        }
        _ => {}
    }
    Walk::Into
}

fn is_literal(expr: &Expr) -> bool {
    matches!(expr.uncast().kind, ExprKind::String(_) | ExprKind::Number(_) | ExprKind::Bool(_) | ExprKind::Null)
}

/// Returns whether an expression is the whole token: `auth.jwt()` or the setting `request.jwt.claims`, also in a subquery.
fn is_token(expr: &Expr) -> bool {
    match &expr.uncast().kind {
        ExprKind::Call(call) if call.name.is("auth", "jwt") => true,
        ExprKind::Call(call) => match call.name.last() {
            "current_setting" => call.args.first().is_some_and(|arg| arg.value.as_str() == Some("request.jwt.claims")),
            "nullif" | "coalesce" => call.args.first().is_some_and(|arg| is_token(&arg.value)),
            _ => false,
        },
        ExprKind::Subquery(query) => query
            .select()
            .is_some_and(|select| select.from.is_empty() && matches!(select.targets.as_slice(), [target] if is_token(&target.expr))),
        _ => false,
    }
}
