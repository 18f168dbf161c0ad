//! Views, materialized views, and tables that a query creates.

use super::bind::{Binder, Scopes};
use super::table::autovacuum;
use super::{Context, Meaning};
use crate::catalog::SqlError;
use crate::catalog::effect::Change;
use crate::catalog::mention::Names;
use crate::catalog::name::QName;
use crate::catalog::object::*;
use crate::source::Site;
use crate::syntax::ast::{CreateTableAs, CreateView, ObjectKind};
use crate::syntax::expression::*;
use smol_str::SmolStr;

use std::sync::Arc;

/// Returns whether the value of a boolean option is true.
pub fn is_on(value: &str) -> bool {
    matches!(value, "true" | "on" | "yes" | "1" | "t" | "y")
}

/// Returns an error if two columns have the same name, or if there are more names than columns.
fn check_columns(columns: &[ViewColumn], names: usize) -> Meaning {
    let twice = columns.iter().enumerate().find(|(at, column)| columns[..*at].iter().any(|before| before.name == column.name));
    if let Some((_, column)) = twice {
        return Err(SqlError::new("42701", format!("column \"{}\" specified more than once", column.name)));
    }
    if !columns.is_empty() && names > columns.len() {
        return Err(SqlError::new("42601", "CREATE VIEW specifies more column names than columns"));
    }
    Ok(())
}

impl Context<'_> {
    pub fn create_view(&mut self, create: CreateView) -> Meaning {
        let name = self.place(&create.name, create.temporary)?;
        let invoker = create.options.iter().find(|(option, _)| option == "security_invoker").is_some_and(|(_, value)| is_on(value));
        let Data::Query(query) = create.query else { return Ok(()) };
        let view = self.view(name, *query, &create.columns, self.site(create.name.span()), false, invoker)?;
        self.emit(Change::CreateView { view: Box::new(view), replace: create.or_replace });
        Ok(())
    }

    fn view(
        &mut self,
        name: QName,
        mut query: Query,
        aliases: &[Ident],
        named: Site,
        materialized: bool,
        invoker: bool,
    ) -> Result<View, SqlError> {
        let (columns, reads) = self.query_shape(&mut query, aliases)?;
        check_columns(columns.as_deref().unwrap_or_default(), aliases.len())?;
        Ok(View {
            acl: self.catalog.initial_acl(ObjectKind::Table, &name.schema, self.at, self.certainty),
            name,
            materialized,
            at: self.at,
            named,
            certainty: self.certainty,
            columns_known: columns.is_some(),
            columns: columns.unwrap_or_default(),
            query_site: self.site(query.span),
            names: Names::of_query(&query),
            query: Some(Arc::new(query)),
            security_invoker: Fact { value: invoker, at: named, certainty: self.certainty },
            reads,
            indexes: Vec::new(),
            triggers: Vec::new(),
            owner: self.catalog.current_role(),
            of_extension: self.of_extension,
        })
    }

    /// Binds a query, and returns its columns and the relations that it reads.
    fn query_shape(&mut self, query: &mut Query, aliases: &[Ident]) -> Result<(Option<Vec<ViewColumn>>, Vec<QName>), SqlError> {
        let mut binder = Binder::new(self, Scopes::default());
        binder.query(query)?;
        let reads = std::mem::take(&mut binder.reads);
        let names = binder.output(query);
        let types = self.output_types(query);
        let columns = names.map(|names| {
            let types = if types.len() == names.len() { types } else { vec![None; names.len()] };
            names
                .into_iter()
                .zip(types)
                .enumerate()
                .map(|(at, (name, ty))| ViewColumn { name: aliases.get(at).map_or(name, |alias| alias.name.clone()), ty })
                .collect()
        });
        Ok((columns, reads))
    }

    /// Returns the types of the output columns that are references or casts.
    fn output_types(&self, query: &Query) -> Vec<Option<DataType>> {
        let selects = query.body.selects();
        let Some(select) = selects.first() else { return Vec::new() };
        let mut out = Vec::new();
        for target in &select.targets {
            if let ExprKind::Star { qualifier } = &target.expr.kind {
                for item in select.from.iter().flat_map(FromItem::tables) {
                    if qualifier.last().is_some_and(|wanted| item.reference() != Some(wanted)) {
                        continue;
                    }
                    let FromRelation::Table { bound: Some(bound), .. } = &item.relation else { return Vec::new() };
                    let name = QName::new(bound.0.clone(), bound.1.clone());
                    let Some(columns) = self.catalog.columns(&name) else { return Vec::new() };
                    let visible = columns.iter().filter(|column| !item.using.contains(column));
                    out.extend(visible.map(|column| self.catalog.column_type(&name, column)));
                }
            } else {
                let ty = self.type_of(&target.expr);
                out.push(ty.map(|ty| if ty.is("unknown") { DataType::builtin("text") } else { ty }));
            }
        }
        out
    }

    pub fn create_table_as(&mut self, create: CreateTableAs) -> Meaning {
        let name = self.place(&create.name, create.temporary)?;
        if create.if_not_exists && self.catalog.relation_kind(&name).is_some() {
            return Ok(());
        }
        let named = self.site(create.name.span());
        let query = match create.query {
            Some(Data::Query(query)) => Some(*query),
            _ => None,
        };
        if create.materialized {
            let Some(query) = query else { return Ok(()) };
            let view = self.view(name, query, &create.columns, named, true, false)?;
            self.emit(Change::CreateView { view: Box::new(view), replace: false });
            return Ok(());
        }
        self.table_of_query(name, named, query, &create.columns, autovacuum(&create.options))
    }

    /// Creates the table of `CREATE TABLE … AS` or `SELECT … INTO`.
    pub fn table_of_query(
        &mut self,
        name: QName,
        named: Site,
        query: Option<Query>,
        aliases: &[Ident],
        autovacuum: Option<SmolStr>,
    ) -> Meaning {
        let mut columns = None;
        if let Some(mut query) = query {
            columns = self.query_shape(&mut query, aliases)?.0;
        }
        let fact = |value| Fact { value, at: self.at, certainty: self.certainty };
        let table = Table {
            acl: self.catalog.initial_acl(ObjectKind::Table, &name.schema, self.at, self.certainty),
            name,
            kind: TableKind::Ordinary,
            created: self.at,
            named,
            certainty: self.certainty,
            external: columns.is_none(),
            of_extension: self.of_extension,
            columns: columns
                .unwrap_or_default()
                .into_iter()
                .map(|column| self.plain_column(column.name, column.ty.unwrap_or_else(|| DataType::builtin("unknown"))))
                .collect(),
            constraints: Vec::new(),
            indexes: Vec::new(),
            policies: Vec::new(),
            triggers: Vec::new(),
            rls: fact(false),
            force_rls: fact(false),
            autovacuum: Fact { value: autovacuum, at: self.at, certainty: self.certainty },
            inherits: Vec::new(),
            partition_of: None,
            bound: None,
            partition_key: None,
            owner: self.catalog.current_role(),
        };
        self.emit(Change::CreateTable(Arc::new(table)));
        Ok(())
    }
}
