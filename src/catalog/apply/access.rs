//! Privileges and owners.

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
    match entries.iter_mut().find(|known| same(known)) {
        Some(known) if grant => {
            known.privileges |= entry.privileges;
            known.at = entry.at;
        }
        Some(known) => known.privileges = known.privileges.without(entry.privileges),
        None if grant => entries.push(entry),
        // revoking what PostgreSQL itself gives by default leaves an entry that says so
        None if entry.schema.is_none() && entry.grantee == PUBLIC => {
            entries.push(DefaultPrivilege { privileges: Privileges::NONE, ..entry })
        }
        None => {}
    }
}
