//! System catalogs of publications.

use super::*;

impl<'a> Build<'a> {
    pub(super) fn pg_publication(&mut self) {
        self.columns = &["oid", "pubname", "puballtables"];
        for publication in self.catalog.publications.values() {
            let oid = Value::object(Object::Other("pg_publication", publication.name.clone()));
            self.row(true, [oid, text(&publication.name), Value::Bool(publication.all_tables)]);
        }
    }

    /// Returns each publication with each of its tables.
    fn published(&self) -> Vec<(SmolStr, QName)> {
        let mut out = Vec::new();
        for publication in self.catalog.publications.values() {
            let listed = publication.tables.iter().map(|(table, _)| table.clone());
            let whole = self.tables().filter(|table| {
                let schema_listed = publication.schemas.contains(&table.name.schema);
                schema_listed || publication.all_tables && table.name.schema != "information_schema"
            });
            out.extend(listed.chain(whole.map(|table| table.name.clone())).map(|table| (publication.name.clone(), table)));
        }
        out
    }

    pub(super) fn pg_publication_tables(&mut self) {
        self.columns = &["pubname", "schemaname", "tablename"];
        for (publication, table) in self.published() {
            self.row(true, [text(&publication), text(&table.schema), text(&table.name)]);
        }
    }

    pub(super) fn pg_publication_rel(&mut self) {
        self.columns = &["prpubid", "prrelid"];
        for (publication, table) in self.published() {
            self.row(true, [Value::object(Object::Other("pg_publication", publication)), Value::relation(&table)]);
        }
    }
}
