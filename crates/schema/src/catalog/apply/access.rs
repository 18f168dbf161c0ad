//! Changes of privileges and owners.

use crate::catalog::acl::{Acl, DefaultPrivilege, Privileges};
use crate::catalog::effect::Grantable;
use crate::catalog::name::QName;
use crate::catalog::{Catalog, PUBLIC};
use crate::syntax::ast::ObjectKind;
use smol_str::SmolStr;

impl Catalog {
    pub(super) fn change_acl(&mut self, on: &Grantable, change: impl FnOnce(&mut Acl)) {
        let acl = match on {
            Grantable::Relation(name) if self.tables.contains(name) => self.tables.get_mut(name).map(|table| &mut table.acl),
            Grantable::Relation(name) if self.views.contains(name) => self.views.get_mut(name).map(|view| &mut view.acl),
            Grantable::Relation(name) | Grantable::Sequence(name) => self.sequences.get_mut(name).map(|sequence| &mut sequence.acl),
            Grantable::Function(name, signature) => self.function_mut(name, signature).map(|function| &mut function.acl),
            Grantable::Schema(name) => self.schemas.get_mut(name).map(|schema| &mut schema.acl),
        };
        if let Some(acl) = acl {
            change(acl);
        }
    }

    pub(super) fn set_owner(&mut self, kind: ObjectKind, name: &QName, signature: Option<&[SmolStr]>, owner: SmolStr) {
        match kind {
            ObjectKind::Function | ObjectKind::Procedure | ObjectKind::Routine | ObjectKind::Aggregate => {
                if let Some(function) = signature.and_then(|signature| self.function_mut(name, signature)) {
                    function.owner = owner;
                }
            }
            ObjectKind::Schema => {
                if let Some(schema) = self.schemas.get_mut(&name.name) {
                    schema.owner = owner;
                }
            }
            ObjectKind::Type | ObjectKind::Domain => {
                if let Some(ty) = self.types.get_mut(name) {
                    ty.owner = owner;
                }
            }
            _ => {
                if let Some(table) = self.tables.get_mut(name) {
                    table.owner = owner;
                } else if let Some(view) = self.views.get_mut(name) {
                    view.owner = owner;
                } else if let Some(sequence) = self.sequences.get_mut(name) {
                    sequence.owner = owner;
                }
            }
        }
    }
}

pub(super) fn change_defaults(entries: &mut Vec<DefaultPrivilege>, entry: DefaultPrivilege, grant: bool) {
    let same = |known: &DefaultPrivilege| {
        known.role == entry.role && known.schema == entry.schema && known.on == entry.on && known.grantee == entry.grantee
    };
    // default privileges of the platform are separate, because the platform ends them later
    let alike = |known: &DefaultPrivilege| same(known) && known.at.is_platform() == entry.at.is_platform();
    if grant {
        match entries.iter_mut().find(|known| alike(known)) {
            Some(known) => {
                known.privileges |= entry.privileges;
                known.at = entry.at;
            }
            None => entries.push(entry),
        }
        return;
    }
    let mut known = entries.iter_mut().filter(|known| same(known)).peekable();
    // revoking built-in privileges leaves an entry without privileges
    if known.peek().is_none() && entry.schema.is_none() && entry.grantee == PUBLIC {
        return entries.push(DefaultPrivilege { privileges: Privileges::NONE, ..entry });
    }
    known.for_each(|known| known.privileges = known.privileges.without(entry.privileges));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::{FileId, Site, Span};

    fn entry(at: Site, privileges: Privileges) -> DefaultPrivilege {
        DefaultPrivilege {
            role: "postgres".into(),
            schema: Some("public".into()),
            on: ObjectKind::Table,
            grantee: "anon".into(),
            privileges,
            at,
        }
    }

    #[test]
    fn what_a_migration_gives_stands_beside_what_the_platform_gives_and_a_revoke_takes_both() {
        let platform = Site::new(FileId::PLATFORM, Span::default());
        let mut sources = crate::source::Sources::default();
        sources.add("(platform)", "");
        let own = Site::new(sources.add("a.sql", ""), Span::default());
        let mut entries = vec![entry(platform, Privileges::SELECT | Privileges::INSERT)];
        change_defaults(&mut entries, entry(own, Privileges::SELECT), true);
        assert_eq!(
            entries.iter().map(|entry| entry.privileges).collect::<Vec<_>>(),
            [Privileges::SELECT | Privileges::INSERT, Privileges::SELECT]
        );
        change_defaults(&mut entries, entry(own, Privileges::SELECT), false);
        assert_eq!(entries.iter().map(|entry| entry.privileges).collect::<Vec<_>>(), [Privileges::INSERT, Privileges::NONE]);
    }
}
