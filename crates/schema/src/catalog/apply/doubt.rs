//! Changes that make facts uncertain. Facts of the platform stay certain.

use crate::catalog::Catalog;
use crate::catalog::acl::Acl;
use crate::catalog::effect::Doubted;
use crate::catalog::name::QName;
use crate::catalog::object::{Certainty, Function, Table, View};
use crate::source::Site;

const MAYBE: Certainty = Certainty::Maybe;

impl Catalog {
    pub(super) fn doubt(&mut self, doubted: Doubted) {
        match doubted {
            Doubted::Schemas => self.schemas.update(|schema| !schema.at.is_platform(), |schema| schema.certainty = MAYBE),
            Doubted::Tables
            | Doubted::Columns
            | Doubted::Constraints
            | Doubted::Indexes
            | Doubted::RowSecurity
            | Doubted::StorageParameters
            | Doubted::Policies
            | Doubted::Triggers => {
                self.tables.update(|table| !table.created.is_platform() && has_certain(table, doubted), |table| part(table, doubted));
                self.each_view(|view| match doubted {
                    Doubted::Indexes => view.indexes.iter_mut().for_each(|index| index.certainty = MAYBE),
                    Doubted::Triggers => view.triggers.iter_mut().for_each(|trigger| trigger.certainty = MAYBE),
                    _ => {}
                });
            }
            Doubted::Views | Doubted::ViewOptions => self.each_view(|view| of_view(view, doubted)),
            Doubted::Functions | Doubted::FunctionOptions => self.each_function(|function| of_function(function, doubted)),
            Doubted::Types => self.types.update(|ty| !ty.at.is_platform(), |ty| ty.certainty = MAYBE),
            Doubted::Sequences => self.sequences.update(|sequence| !sequence.at.is_platform(), |sequence| sequence.certainty = MAYBE),
            Doubted::Grants => {
                let is_sure = |at: Site, acl: &Acl| !at.is_platform() && acl.grants.iter().any(|grant| grant.certainty != MAYBE);
                self.tables.update(|table| is_sure(table.created, &table.acl), |table| doubt_grants(&mut table.acl));
                self.views.update(|view| is_sure(view.at, &view.acl), |view| doubt_grants(&mut view.acl));
                let of_function = |function: &Function| is_sure(function.at, &function.acl);
                self.functions.update(
                    |overloads| overloads.iter().any(of_function),
                    |overloads| {
                        let own = overloads.iter_mut().filter(|function| !function.at.is_platform());
                        own.for_each(|function| doubt_grants(&mut function.acl));
                    },
                );
                self.sequences.update(|sequence| is_sure(sequence.at, &sequence.acl), |sequence| doubt_grants(&mut sequence.acl));
                self.schemas.update(|schema| is_sure(schema.at, &schema.acl), |schema| doubt_grants(&mut schema.acl));
            }
        }
    }

    /// Makes facts of one object uncertain, or those of the indexes, policies and other parts of one table.
    pub(super) fn doubt_of(&mut self, name: &QName, doubted: Doubted) {
        match doubted {
            Doubted::Views | Doubted::ViewOptions => {
                if let Some(view) = self.views.get_mut(name) {
                    of_view(view, doubted);
                }
            }
            Doubted::Functions | Doubted::FunctionOptions => {
                self.functions.get_mut(name).into_iter().flatten().for_each(|function| of_function(function, doubted));
            }
            Doubted::Types => {
                if let Some(ty) = self.types.get_mut(name) {
                    ty.certainty = MAYBE;
                }
            }
            Doubted::Sequences => {
                if let Some(sequence) = self.sequences.get_mut(name) {
                    sequence.certainty = MAYBE;
                }
            }
            Doubted::Grants if self.functions.contains(name) => {
                self.functions.get_mut(name).into_iter().flatten().for_each(|function| doubt_grants(&mut function.acl));
            }
            _ => {
                if let Some(table) = self.tables.get_mut(name) {
                    part(table, doubted);
                }
            }
        }
    }

    fn each_view(&mut self, change: impl FnMut(&mut View)) {
        self.views.update(|view| !view.at.is_platform(), change);
    }

    fn each_function(&mut self, mut change: impl FnMut(&mut Function)) {
        let own = |overloads: &Vec<Function>| overloads.iter().any(|function| !function.at.is_platform());
        self.functions.update(own, |overloads| overloads.iter_mut().filter(|function| !function.at.is_platform()).for_each(&mut change));
    }
}

fn doubt_grants(acl: &mut Acl) {
    acl.grants.iter_mut().for_each(|grant| grant.certainty = MAYBE);
}

fn of_view(view: &mut View, doubted: Doubted) {
    view.security_invoker.certainty = MAYBE;
    if doubted == Doubted::Views {
        view.certainty = MAYBE;
    }
}

fn of_function(function: &mut Function, doubted: Doubted) {
    function.security_definer.certainty = MAYBE;
    if doubted == Doubted::Functions {
        function.certainty = MAYBE;
    }
}

/// Returns whether any fact of this kind is certain. Otherwise the table is not copied for a change.
fn has_certain(table: &Table, doubted: Doubted) -> bool {
    let sure = |certainty: Certainty| certainty != MAYBE;
    let not_null = || table.columns.iter().any(|column| sure(column.not_null.certainty));
    match doubted {
        Doubted::Tables => sure(table.certainty),
        Doubted::Columns => not_null() || table.columns.iter().any(|column| sure(column.certainty)),
        Doubted::Constraints => not_null() || table.constraints.iter().any(|constraint| sure(constraint.certainty)),
        Doubted::Indexes => table.indexes.iter().any(|index| sure(index.certainty)),
        Doubted::RowSecurity => sure(table.rls.certainty) || sure(table.force_rls.certainty),
        Doubted::StorageParameters => sure(table.autovacuum.certainty),
        Doubted::Policies => table.policies.iter().any(|policy| sure(policy.certainty)),
        Doubted::Triggers => table.triggers.iter().any(|trigger| sure(trigger.certainty)),
        _ => true,
    }
}

/// Makes facts of this kind uncertain in one table.
fn part(table: &mut Table, doubted: Doubted) {
    match doubted {
        Doubted::Tables => table.certainty = MAYBE,
        Doubted::Columns => table.columns.iter_mut().for_each(|column| {
            column.certainty = MAYBE;
            column.not_null.certainty = MAYBE;
        }),
        Doubted::Constraints => {
            table.constraints.iter_mut().for_each(|constraint| constraint.certainty = MAYBE);
            // dropping a primary key keeps NOT NULL, but code that contains the word can drop NOT NULL too
            table.columns.iter_mut().for_each(|column| column.not_null.certainty = MAYBE);
        }
        Doubted::Indexes => table.indexes.iter_mut().for_each(|index| index.certainty = MAYBE),
        Doubted::RowSecurity => {
            table.rls.certainty = MAYBE;
            table.force_rls.certainty = MAYBE;
        }
        Doubted::StorageParameters => table.autovacuum.certainty = MAYBE,
        Doubted::Policies => table.policies.iter_mut().for_each(|policy| policy.certainty = MAYBE),
        Doubted::Triggers => table.triggers.iter_mut().for_each(|trigger| trigger.certainty = MAYBE),
        Doubted::Grants => doubt_grants(&mut table.acl),
        Doubted::Schemas
        | Doubted::Views
        | Doubted::ViewOptions
        | Doubted::Functions
        | Doubted::FunctionOptions
        | Doubted::Types
        | Doubted::Sequences => {}
    }
}
