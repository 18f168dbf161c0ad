//! `pg_depend`, with dependencies on extensions only.

use super::super::value::{Object, Value};
use super::*;
use crate::source::Site;

impl Build<'_> {
    /// Adds the members of extensions. Dependencies of other kinds may exist too.
    pub(super) fn pg_depend(&mut self) {
        self.columns = &["classid", "objid", "objsubid", "refclassid", "refobjid", "refobjsubid", "deptype"];
        let class = |name: &str| Value::relation(&QName::new("pg_catalog", name));
        let catalog = self.catalog;
        for extension in catalog.extensions.values() {
            let Some(script) = extension.script else { continue };
            let of_script = |at: Site| at.file == script;
            let functions = catalog.functions.values().flatten().filter(|function| of_script(function.at));
            let function = |function: &Function| ("pg_proc", Object::Function(function.name.clone(), function.signature()));
            let relations = catalog.tables.values().filter(|table| of_script(table.created)).map(|table| &table.name);
            let relations = relations.chain(catalog.views.values().filter(|view| of_script(view.at)).map(|view| &view.name));
            let relations = relations.map(|name| ("pg_class", Object::Relation(name.clone())));
            let types = catalog.types.values().filter(|ty| of_script(ty.at)).map(|ty| ("pg_type", Object::Type(ty.name.clone())));
            let members: Vec<_> = functions.map(function).chain(relations).chain(types).collect();
            let owner = Value::object(Object::Other("pg_extension", extension.name.clone()));
            for (kind, member) in members {
                let cells = [
                    class(kind),
                    Value::object(member),
                    Value::Int(0),
                    class("pg_extension"),
                    owner.clone(),
                    Value::Int(0),
                    Value::text("e"),
                ];
                self.row(sure(extension.certainty), cells);
            }
        }
        for kind in ["n", "a", "i", "P", "S", "x"] {
            use Value::Something;
            self.row(false, [Something, Something, Something, Something, Something, Something, Value::text(kind)]);
        }
    }
}
