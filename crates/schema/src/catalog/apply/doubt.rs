//! Changes that make facts uncertain. Facts of the platform stay certain.

use crate::catalog::Catalog;
use crate::catalog::acl::Acl;
use crate::catalog::effect::Doubted;
use crate::catalog::name::QName;
use crate::catalog::object::{Certainty, Function, Table, View};

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
            | Doubted::Policies
            | Doubted::Triggers => {
                self.each_table(|table| part(table, doubted));
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
                let doubt = |acl: &mut Acl| acl.grants.iter_mut().for_each(|grant| grant.certainty = MAYBE);
                self.each_table(|table| part(table, doubted));
                self.each_view(|view| doubt(&mut view.acl));
                self.each_function(|function| doubt(&mut function.acl));
                self.sequences.update(|sequence| !sequence.at.is_platform(), |sequence| doubt(&mut sequence.acl));
                self.schemas.update(|schema| !schema.at.is_platform(), |schema| doubt(&mut schema.acl));
            }
        }
    }

    /// The same of one object, or of the parts of one table.
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
                let acls = self.functions.get_mut(name).into_iter().flatten().map(|function| &mut function.acl);
                acls.flat_map(|acl| &mut acl.grants).for_each(|grant| grant.certainty = MAYBE);
            }
            _ => {
                if let Some(table) = self.tables.get_mut(name) {
                    part(table, doubted);
                }
            }
        }
    }

    fn each_table(&mut self, change: impl FnMut(&mut Table)) {
        self.tables.update(|table| !table.created.is_platform(), change);
    }

    fn each_view(&mut self, change: impl FnMut(&mut View)) {
        self.views.update(|view| !view.at.is_platform(), change);
    }

    fn each_function(&mut self, mut change: impl FnMut(&mut Function)) {
        let own = |overloads: &Vec<Function>| overloads.iter().any(|function| !function.at.is_platform());
        self.functions.update(own, |overloads| overloads.iter_mut().filter(|function| !function.at.is_platform()).for_each(&mut change));
    }
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

/// The same of what one table has.
fn part(table: &mut Table, doubted: Doubted) {
    match doubted {
        Doubted::Tables => table.certainty = MAYBE,
        Doubted::Columns => table.columns.iter_mut().for_each(|column| {
            column.certainty = MAYBE;
            column.not_null.certainty = MAYBE;
        }),
        Doubted::Constraints => {
            table.constraints.iter_mut().for_each(|constraint| constraint.certainty = MAYBE);
            // a primary key that goes leaves its columns as they are, but NOT NULL is dropped by the same words
            table.columns.iter_mut().for_each(|column| column.not_null.certainty = MAYBE);
        }
        Doubted::Indexes => table.indexes.iter_mut().for_each(|index| index.certainty = MAYBE),
        Doubted::RowSecurity => {
            table.rls.certainty = MAYBE;
            table.force_rls.certainty = MAYBE;
        }
        Doubted::Policies => table.policies.iter_mut().for_each(|policy| policy.certainty = MAYBE),
        Doubted::Triggers => table.triggers.iter_mut().for_each(|trigger| trigger.certainty = MAYBE),
        Doubted::Grants => table.acl.grants.iter_mut().for_each(|grant| grant.certainty = MAYBE),
        Doubted::Schemas
        | Doubted::Views
        | Doubted::ViewOptions
        | Doubted::Functions
        | Doubted::FunctionOptions
        | Doubted::Types
        | Doubted::Sequences => {}
    }
}
