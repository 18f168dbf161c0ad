//! Who may do what: privileges of objects and the defaults for objects to come.
//! Source: PostgreSQL's documentation, "Privileges" and "ALTER DEFAULT PRIVILEGES".

use super::object::Certainty;
use crate::source::Site;
use crate::syntax::ast::ObjectKind;
use smol_str::SmolStr;

/// A set of privileges.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Privileges(u16);

impl Privileges {
    pub const NONE: Privileges = Privileges(0);
    pub const SELECT: Privileges = Privileges(1);
    pub const INSERT: Privileges = Privileges(1 << 1);
    pub const UPDATE: Privileges = Privileges(1 << 2);
    pub const DELETE: Privileges = Privileges(1 << 3);
    pub const TRUNCATE: Privileges = Privileges(1 << 4);
    pub const REFERENCES: Privileges = Privileges(1 << 5);
    pub const TRIGGER: Privileges = Privileges(1 << 6);
    pub const USAGE: Privileges = Privileges(1 << 7);
    pub const CREATE: Privileges = Privileges(1 << 8);
    pub const EXECUTE: Privileges = Privileges(1 << 9);
    pub const MAINTAIN: Privileges = Privileges(1 << 10);

    /// What ALL means for a kind of object.
    pub fn all(kind: ObjectKind) -> Privileges {
        match kind {
            ObjectKind::Table | ObjectKind::View | ObjectKind::MaterializedView | ObjectKind::ForeignTable => {
                Privileges(0b111_1111 | (1 << 10))
            }
            ObjectKind::Sequence => Privileges::SELECT | Privileges::UPDATE | Privileges::USAGE,
            ObjectKind::Function | ObjectKind::Procedure | ObjectKind::Routine | ObjectKind::Aggregate => Privileges::EXECUTE,
            ObjectKind::Schema => Privileges::USAGE | Privileges::CREATE,
            ObjectKind::Type | ObjectKind::Domain => Privileges::USAGE,
            _ => Privileges::NONE,
        }
    }

    /// A privilege by its name in lower case; none for one that is not modelled.
    pub fn named(name: &str) -> Option<Privileges> {
        Some(match name {
            "select" => Privileges::SELECT,
            "insert" => Privileges::INSERT,
            "update" => Privileges::UPDATE,
            "delete" => Privileges::DELETE,
            "truncate" => Privileges::TRUNCATE,
            "references" => Privileges::REFERENCES,
            "trigger" => Privileges::TRIGGER,
            "usage" => Privileges::USAGE,
            "create" => Privileges::CREATE,
            "execute" => Privileges::EXECUTE,
            "maintain" => Privileges::MAINTAIN,
            _ => return None,
        })
    }

    pub fn contains(self, other: Privileges) -> bool {
        self.0 & other.0 == other.0
    }

    pub fn intersects(self, other: Privileges) -> bool {
        self.0 & other.0 != 0
    }

    pub fn without(self, other: Privileges) -> Privileges {
        Privileges(self.0 & !other.0)
    }

    pub fn is_empty(self) -> bool {
        self.0 == 0
    }
}

impl std::ops::BitOr for Privileges {
    type Output = Privileges;

    fn bitor(self, other: Privileges) -> Privileges {
        Privileges(self.0 | other.0)
    }
}

impl std::ops::BitOrAssign for Privileges {
    fn bitor_assign(&mut self, other: Privileges) {
        self.0 |= other.0;
    }
}

/// What one grantee was given, by which statement.
#[derive(Clone, Debug, PartialEq)]
pub struct Grant {
    /// A role, or `public` for everybody.
    pub grantee: SmolStr,
    pub privileges: Privileges,
    /// Limited to one column.
    pub column: Option<SmolStr>,
    pub at: Site,
    pub certainty: Certainty,
}

/// The privileges on one object, without the owner's own.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Acl {
    pub grants: Vec<Grant>,
}

impl Acl {
    pub fn grant(&mut self, grant: Grant) {
        if grant.privileges.is_empty() {
            return;
        }
        self.grants.push(grant);
    }

    /// Revoking a table privilege revokes it for each column too.
    pub fn revoke(&mut self, grantee: &str, privileges: Privileges, column: Option<&str>) {
        for grant in &mut self.grants {
            if grant.grantee == grantee && (column.is_none() || grant.column.as_deref() == column) {
                grant.privileges = grant.privileges.without(privileges);
            }
        }
        self.grants.retain(|grant| !grant.privileges.is_empty());
    }

    /// What a grantee itself holds on the whole object.
    pub fn direct(&self, grantee: &str) -> Privileges {
        let mut out = Privileges::NONE;
        for grant in self.grants.iter().filter(|grant| grant.grantee == grantee && grant.column.is_none()) {
            out |= grant.privileges;
        }
        out
    }

    /// The statement that last gave a grantee one of these privileges.
    pub fn site(&self, grantee: &str, privileges: Privileges) -> Option<Site> {
        self.grants.iter().rev().find(|grant| grant.grantee == grantee && grant.privileges.intersects(privileges)).map(|grant| grant.at)
    }
}

/// An entry of ALTER DEFAULT PRIVILEGES.
#[derive(Clone, Debug, PartialEq)]
pub struct DefaultPrivilege {
    /// Whose new objects.
    pub role: SmolStr,
    /// None for every schema.
    pub schema: Option<SmolStr>,
    pub on: ObjectKind,
    pub grantee: SmolStr,
    pub privileges: Privileges,
    pub at: Site,
}
