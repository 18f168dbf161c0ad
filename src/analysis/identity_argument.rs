//! Arguments of a function that identify the caller or a tenant.

use crate::analysis::prelude::*;

/// Prefixes and suffixes that distinguish parameters from columns.
const BEFORE: [&str; 12] = ["p_", "_", "in_", "v_", "arg_", "param_", "input_", "target_", "check_", "the_", "given_", "current_"];
const BEHIND: [&str; 6] = ["_param", "_input", "_arg", "_in", "_val", "_"];
const PEOPLE: [&str; 12] = [
    "user_id",
    "userid",
    "uid",
    "user_uuid",
    "user_uid",
    "auth_user_id",
    "auth_uid",
    "profile_id",
    "owner_id",
    "member_id",
    "user",
    "owner",
];
/// Words in the names of secrets. A caller who knows the secret may act on it, so the function checks it.
const SECRETS: [&str; 9] = ["token", "secret", "password", "passcode", "signature", "hash", "code", "api_key", "pin"];

fn bare(name: &str) -> &str {
    let name = BEFORE.iter().find_map(|before| name.strip_prefix(before)).unwrap_or(name);
    BEHIND.iter().find_map(|behind| name.strip_suffix(behind)).unwrap_or(name)
}

pub fn takes_secret(function: &Function) -> bool {
    let names = function.inputs().filter_map(|argument| argument.name.as_deref());
    names.map(bare).any(|name| SECRETS.iter().any(|secret| name == *secret || name.ends_with(&format!("_{secret}"))))
}

/// Returns whether an argument identifies the caller or a tenant, by its name or by the column that the body compares with it.
pub fn is_identity(cx: &State, function: &Function, argument: &Argument, tenants: &[SmolStr]) -> bool {
    let type_fits = ["uuid", "text", "character varying", "bigint", "integer"].iter().any(|ty| argument.ty.is(ty));
    let names = |name: &str| PEOPLE.contains(&name) || tenants.iter().any(|tenant| tenant == name);
    let Some(name) = argument.name.as_deref().filter(|_| type_fits) else { return false };
    let place = function.inputs().position(|one| one.name.as_deref() == Some(name)).map(|at| format!("${}", at + 1));
    let is_argument = |expr: &Expr| match &expr.uncast().kind {
        ExprKind::Column { path, .. } => match path.as_slice() {
            [only] => only == name,
            [of, only] => only == name && *of == function.name.name,
            _ => false,
        },
        ExprKind::Param(number) => Some(number.as_str()) == place.as_deref(),
        _ => false,
    };
    let (mut used, mut compared) = (false, false);
    for (_, code) in cx.code_of(function) {
        if let Code::Data(Data::Insert(_) | Data::Update(_)) = code {
            code.walk(&mut |node| {
                used |= matches!(node, Node::Expr(expr) if is_argument(expr));
                Walk::Into
            });
        }
        code.walk(&mut |node| {
            if let Node::Expr(expr) = node
                && let Some(pair) = expr.equality()
            {
                for (one, other) in [pair, (pair.1, pair.0)] {
                    let column = other.uncast().column().filter(|_| is_argument(one) && !is_argument(other));
                    used |= column.is_some();
                    compared |= column.is_some_and(names);
                }
            }
            Walk::Into
        });
    }
    used && (compared || names(bare(name)) || names(name))
}
