//! Privileges on objects, and default privileges for new objects.
//! Source: PostgreSQL's documentation, "Privileges" and "ALTER DEFAULT PRIVILEGES".

use super::PUBLIC;
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

    /// Returns the privileges of ALL for a kind of object.
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

    /// Returns a privilege by its lower-case name, or `None` if it is not modelled.
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

    /// Returns the default privileges of the platform that new objects still get.
    /// Source: the CLI and the dashboard revoke SELECT, INSERT, UPDATE and DELETE on tables, USAGE and SELECT on sequences, and EXECUTE on
    /// functions.
    pub fn kept_by_default(self, kind: ObjectKind) -> Privileges {
        let kept = match kind {
            ObjectKind::Table => Privileges::TRUNCATE | Privileges::REFERENCES | Privileges::TRIGGER,
            ObjectKind::Sequence => Privileges::UPDATE,
            _ => Privileges::NONE,
        };
        self.meet(kept)
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

    /// Returns the intersection of two sets.
    pub fn meet(self, other: Privileges) -> Privileges {
        Privileges(self.0 & other.0)
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

/// Privileges of one grantee from one statement.
#[derive(Clone, Debug, PartialEq)]
pub struct Grant {
    /// A role, or `public` for all roles.
    pub grantee: SmolStr,
    pub privileges: Privileges,
    /// Column to which the grant is limited.
    pub column: Option<SmolStr>,
    pub at: Site,
    pub certainty: Certainty,
    /// The ALTER DEFAULT PRIVILEGES statement that granted the privileges when the object was created, or the platform.
    pub by_default: Option<Site>,
}

/// Privileges that a REVOKE removed from one grantee on the whole object and that were not granted again.
#[derive(Clone, Debug, PartialEq)]
pub struct Revoke {
    pub grantee: SmolStr,
    pub privileges: Privileges,
    pub at: Site,
}

/// The privileges on one object, without those of the owner.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Acl {
    pub grants: Vec<Grant>,
    /// One entry per grantee.
    pub revokes: Vec<Revoke>,
}

impl Acl {
    pub fn grant(&mut self, grant: Grant) {
        if grant.privileges.is_empty() {
            return;
        }
        if grant.column.is_none() {
            self.revokes.iter_mut().filter(|revoke| revoke.grantee == grant.grantee).for_each(|revoke| {
                revoke.privileges = revoke.privileges.without(grant.privileges);
            });
        }
        // replaces earlier grants, so that repeated GRANT statements do not grow the list
        let again = |known: &Grant| {
            let same = (&known.grantee, &known.column) == (&grant.grantee, &grant.column);
            let sure = known.certainty == grant.certainty || grant.certainty == Certainty::Certain;
            same && known.by_default == grant.by_default && sure && grant.privileges.contains(known.privileges)
        };
        self.grants.retain(|known| !again(known));
        self.grants.push(grant);
    }

    /// Returns the locations of the statements that define the privileges.
    pub fn places(&self) -> impl Iterator<Item = Site> {
        let given = self.grants.iter().flat_map(|grant| std::iter::once(grant.at).chain(grant.by_default));
        given.chain(self.revokes.iter().map(|revoke| revoke.at))
    }

    /// Revokes privileges. Revoking a table privilege also revokes it on each column.
    pub fn revoke(&mut self, grantee: &str, privileges: Privileges, column: Option<&str>, at: Site) {
        if column.is_none() {
            match self.revokes.iter_mut().find(|revoke| revoke.grantee == grantee) {
                Some(revoke) => *revoke = Revoke { privileges: revoke.privileges | privileges, at, ..revoke.clone() },
                None => self.revokes.push(Revoke { grantee: grantee.into(), privileges, at }),
            }
        }
        for grant in &mut self.grants {
            if grant.grantee == grantee && (column.is_none() || grant.column.as_deref() == column) {
                grant.privileges = grant.privileges.without(privileges);
            }
        }
        self.grants.retain(|grant| !grant.privileges.is_empty());
    }

    /// Returns the privileges of the grantee itself on the whole object.
    pub fn direct(&self, grantee: &str) -> Privileges {
        let mut out = Privileges::NONE;
        for grant in self.grants.iter().filter(|grant| grant.grantee == grantee && grant.column.is_none()) {
            out |= grant.privileges;
        }
        out
    }

    /// Returns the privileges without the discontinued default grants of the platform.
    pub fn without_ended_defaults(&self, kind: ObjectKind) -> Acl {
        let mut out = self.clone();
        let ended = |grant: &&mut Grant| grant.grantee != PUBLIC && grant.by_default.is_some_and(|at| at.is_platform());
        for grant in out.grants.iter_mut().filter(ended) {
            grant.privileges = grant.privileges.kept_by_default(kind);
        }
        out
    }

    /// Returns the statement that last revoked one of these privileges from a grantee.
    pub fn revoked(&self, grantee: &str, privileges: Privileges) -> Option<Site> {
        self.revokes.iter().find(|revoke| revoke.grantee == grantee && revoke.privileges.intersects(privileges)).map(|revoke| revoke.at)
    }

    /// Returns the statement that last granted one of these privileges to a grantee.
    pub fn site(&self, grantee: &str, privileges: Privileges) -> Option<Site> {
        self.grants.iter().rev().find(|grant| grant.grantee == grantee && grant.privileges.intersects(privileges)).map(|grant| grant.at)
    }
}

/// An entry of ALTER DEFAULT PRIVILEGES.
#[derive(Clone, Debug, PartialEq)]
pub struct DefaultPrivilege {
    /// Role that creates the objects.
    pub role: SmolStr,
    /// Schema of the objects, or `None` for all schemas.
    pub schema: Option<SmolStr>,
    pub on: ObjectKind,
    pub grantee: SmolStr,
    pub privileges: Privileges,
    pub at: Site,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::{FileId, Span};

    fn grant(grantee: &str, privileges: Privileges, by_default: Option<Site>) -> Grant {
        let at = Site::new(FileId::PLATFORM, Span::default());
        Grant { grantee: grantee.into(), privileges, column: None, at, certainty: Certainty::Certain, by_default }
    }

    #[test]
    fn what_the_platform_gave_ends_and_what_a_migration_or_postgresql_gave_stays() {
        let platform = Site::new(FileId::PLATFORM, Span::default());
        let all = |kind| Privileges::all(kind);
        let mut table = Acl::default();
        table.grant(grant("anon", all(ObjectKind::Table), Some(platform)));
        table.grant(grant("anon", Privileges::SELECT, None));
        let fresh = table.without_ended_defaults(ObjectKind::Table).direct("anon");
        assert!(fresh.contains(Privileges::SELECT | Privileges::TRUNCATE) && !fresh.intersects(Privileges::INSERT | Privileges::UPDATE));
        let mut sequence = Acl::default();
        sequence.grant(grant("anon", all(ObjectKind::Sequence), Some(platform)));
        assert_eq!(sequence.without_ended_defaults(ObjectKind::Sequence).direct("anon"), Privileges::UPDATE);
        let mut function = Acl::default();
        function.grant(grant(PUBLIC, Privileges::EXECUTE, Some(platform)));
        assert_eq!(function.without_ended_defaults(ObjectKind::Function), function);
    }

    #[test]
    fn a_revoke_is_remembered_until_it_is_taken_back() {
        let at = Site::new(FileId::PLATFORM, Span::new(3, 4));
        let mut acl = Acl::default();
        acl.revoke("anon", Privileges::SELECT | Privileges::INSERT, None, at);
        acl.revoke("anon", Privileges::DELETE, Some("a"), at);
        acl.grant(grant("anon", Privileges::SELECT, None));
        assert_eq!(acl.revoked("anon", Privileges::INSERT), Some(at));
        assert!(
            acl.revoked("anon", Privileges::SELECT | Privileges::DELETE).is_none()
                && acl.revoked("authenticated", Privileges::INSERT).is_none()
        );
    }
}
