//! Access control lists in the form of PostgreSQL's catalogs: arrays of `grantee=privileges/grantor`.
//! Source: PostgreSQL's documentation, "Privileges", and `acldefault` and `aclexplode` in "System Information Functions".

use super::tables::{Cells, Presence, Rows};
use super::value::Value;
use crate::catalog::acl::{Acl, Privileges};
use crate::catalog::object::Certainty;
use crate::catalog::{Catalog, PUBLIC};
use crate::source::{FileId, Site, Span};
use crate::syntax::ast::ObjectKind;
use smol_str::{SmolStr, format_smolstr};
use std::sync::Arc;

/// Privileges in the order in which PostgreSQL writes their letters.
const LETTERS: [(Privileges, char, &str); 11] = [
    (Privileges::INSERT, 'a', "INSERT"),
    (Privileges::SELECT, 'r', "SELECT"),
    (Privileges::UPDATE, 'w', "UPDATE"),
    (Privileges::DELETE, 'd', "DELETE"),
    (Privileges::TRUNCATE, 'D', "TRUNCATE"),
    (Privileges::REFERENCES, 'x', "REFERENCES"),
    (Privileges::TRIGGER, 't', "TRIGGER"),
    (Privileges::EXECUTE, 'X', "EXECUTE"),
    (Privileges::USAGE, 'U', "USAGE"),
    (Privileges::CREATE, 'C', "CREATE"),
    (Privileges::MAINTAIN, 'm', "MAINTAIN"),
];

/// Returns all privileges on a kind of object, in the project's version of PostgreSQL.
fn all(catalog: &Catalog, kind: ObjectKind) -> Privileges {
    let all = Privileges::all(kind);
    if (1..17).contains(&catalog.postgres_version) { all.without(Privileges::MAINTAIN) } else { all }
}

fn item(grantee: &str, privileges: Privileges, owner: &str) -> Value {
    let grantee = if grantee == PUBLIC { "" } else { grantee };
    let letters: String = LETTERS.iter().filter(|(bit, ..)| privileges.contains(*bit)).map(|(_, letter, _)| *letter).collect();
    Value::Text(format_smolstr!("{grantee}={letters}/{owner}"))
}

/// Returns the value of an access control list. It is NULL if no statement and no default privileges have changed the built-in privileges.
pub fn list(catalog: &Catalog, acl: &Acl, owner: &str, kind: ObjectKind) -> Value {
    let built_in = Site::new(FileId::PLATFORM, Span::default());
    if acl.revokes.is_empty() && acl.grants.iter().all(|grant| grant.by_default == Some(built_in)) {
        return Value::Null;
    }
    stored(catalog, acl, owner, kind)
}

/// Returns the value of a list that is stored even if only the owner has privileges.
pub fn stored(catalog: &Catalog, acl: &Acl, owner: &str, kind: ObjectKind) -> Value {
    if acl.grants.iter().any(|grant| grant.certainty == Certainty::Maybe) {
        return Value::Something;
    }
    let all = all(catalog, kind);
    let mut grantees: Vec<(&SmolStr, Privileges)> = Vec::new();
    for grant in acl.grants.iter().filter(|grant| grant.column.is_none() && grant.grantee != owner) {
        match grantees.iter_mut().find(|(known, _)| **known == grant.grantee) {
            Some((_, privileges)) => *privileges |= grant.privileges,
            None => grantees.push((&grant.grantee, grant.privileges)),
        }
    }
    let of_owner = std::iter::once(item(owner, all, owner));
    Value::array(of_owner.chain(grantees.into_iter().map(|(grantee, privileges)| item(grantee, privileges.meet(all), owner))).collect())
}

/// Returns `acldefault(type, owner)`.
pub fn default(catalog: &Catalog, kind: &str, owner: &str) -> Value {
    let of = |kind| item(owner, all(catalog, kind), owner);
    match kind {
        "r" => Value::array(vec![of(ObjectKind::Table)]),
        "s" => Value::array(vec![of(ObjectKind::Sequence)]),
        "n" => Value::array(vec![of(ObjectKind::Schema)]),
        "f" => Value::array(vec![item(PUBLIC, Privileges::EXECUTE, owner), of(ObjectKind::Function)]),
        "T" => Value::array(vec![item(PUBLIC, Privileges::USAGE, owner), of(ObjectKind::Type)]),
        _ => Value::Something,
    }
}

/// Returns the letter of `pg_default_acl.defaclobjtype`.
pub fn letter(kind: ObjectKind) -> &'static str {
    match kind {
        ObjectKind::Sequence => "S",
        ObjectKind::Function => "f",
        ObjectKind::Type => "T",
        ObjectKind::Schema => "n",
        _ => "r",
    }
}

/// Returns `aclexplode(list)`: one row for each privilege.
pub fn exploded(list: &Value) -> Rows {
    let columns: Vec<SmolStr> = ["grantor", "grantee", "privilege_type", "is_grantable"].into_iter().map(SmolStr::from).collect();
    let rows = match list {
        Value::Null => Some(Vec::new()),
        Value::Array(items) => items.iter().map(privileges).collect::<Option<Vec<_>>>().map(|rows| rows.concat()),
        _ => None,
    };
    Rows { columns, complete: rows.is_some(), rows: rows.unwrap_or_default(), open: false }
}

fn privileges(item: &Value) -> Option<Vec<(Cells, Presence)>> {
    let Value::Text(item) = item else { return None };
    let (grantee, rest) = item.split_once('=')?;
    let (letters, grantor) = rest.split_once('/')?;
    let role = |name: &str| Value::role(&name.trim_matches('"').into());
    // PUBLIC has no row in pg_roles
    let grantee = if grantee.is_empty() { Value::Int(0) } else { role(grantee) };
    let mut out: Vec<(Cells, Presence)> = Vec::new();
    let mut letters = letters.chars().peekable();
    while let Some(letter) = letters.next() {
        let (_, _, name) = LETTERS.iter().find(|(_, known, _)| *known == letter)?;
        let grantable = letters.next_if_eq(&'*').is_some();
        out.push((Arc::new([role(grantor), grantee.clone(), Value::text(name), Value::Bool(grantable)]), Presence::Certain));
    }
    Some(out)
}
