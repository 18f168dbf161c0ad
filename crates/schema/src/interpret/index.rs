//! Indexes.

use super::bind::{Item, internal_name};
use super::{Context, Meaning};
use crate::catalog::effect::Change;
use crate::catalog::name::QName;
use crate::catalog::object::*;
use crate::catalog::{RelationKind, SqlError};
use crate::syntax::ast::{CreateIndex, IndexElement};
use crate::syntax::expression::{Expr, ExprKind, Ident};
use smol_str::SmolStr;

/// Returns the name of a column in the name of an index. Source: PostgreSQL's `FigureIndexColname`.
pub fn index_part(column: &IndexColumn) -> SmolStr {
    if let Some(name) = &column.column {
        return name.clone();
    }
    /// Returns a name, and whether it has priority over the name of an enclosing cast.
    fn figure(expr: &Expr) -> Option<(SmolStr, bool)> {
        match &expr.kind {
            ExprKind::Call(call) if call.name.last() == "trim" => Some(("btrim".into(), true)),
            ExprKind::Call(call) => Some((call.name.last().into(), true)),
            ExprKind::Cast { expr, to } => figure(expr).filter(|(_, strong)| *strong).or_else(|| {
                let name = to.name.last();
                Some((if to.builtin { internal_name(name) } else { name }.into(), false))
            }),
            ExprKind::Column { path, .. } => path.last().map(|name| (name.clone(), true)),
            ExprKind::Case { otherwise, .. } => {
                otherwise.as_deref().and_then(figure).filter(|(_, strong)| *strong).or(Some(("case".into(), false)))
            }
            ExprKind::Binary { op, .. } if op == "at time zone" => Some(("timezone".into(), true)),
            ExprKind::Array(_) => Some(("array".into(), true)),
            ExprKind::Index { base, .. } => figure(base),
            ExprKind::Field { field, .. } => Some((field.clone(), true)),
            _ => None,
        }
    }
    figure(&column.expr.root).map_or_else(|| "expr".into(), |(name, _)| name)
}

impl Context<'_> {
    pub fn create_index(&mut self, create: CreateIndex) -> Meaning {
        let Some(relation) = self.relation(&create.table)? else { return Ok(()) };
        let explicit = create.name.as_ref().map(|name| QName::new(relation.schema.clone(), name.last()));
        if let Some(RelationKind::View | RelationKind::Sequence | RelationKind::Index | RelationKind::CompositeType) =
            self.catalog.relation_kind(&relation)
        {
            let reason = format!("cannot create index on relation \"{}\"", relation.name);
            return Err(SqlError::new("42809", reason));
        }
        let is_partitioned = self.catalog.table(&relation).is_some_and(|table| table.kind == TableKind::Partitioned);
        if create.concurrently.is_some() && is_partitioned {
            let reason = format!("cannot create index on partitioned table \"{}\" concurrently", relation.name);
            return Err(SqlError::new("0A000", reason));
        }
        let item = Item::of_table(self.catalog, &relation, &relation.name);
        let mut columns = Vec::new();
        for element in create.elements {
            columns.push(self.index_column(element, &item)?);
        }
        for column in columns.iter().filter(|column| column.column.is_none()) {
            self.check_place(&column.expr.root, "index expressions", Some("index expression"))?;
            self.require_immutable(&column.expr.root, "functions in index expression must be marked IMMUTABLE")?;
        }
        let predicate = create.predicate.map(|expr| self.bound(expr, item)).transpose()?;
        if let Some(predicate) = &predicate {
            self.check_place(&predicate.root, "index predicates", Some("index predicate"))?;
            self.check_condition(&predicate.root, "WHERE")?;
            self.require_immutable(&predicate.root, "functions in index predicate must be marked IMMUTABLE")?;
        }
        let plain: Vec<Ident> =
            columns.iter().filter_map(|column| column.column.clone().map(|name| Ident { name, span: column.expr.site.span })).collect();
        self.assume_columns(&relation, &plain);
        for column in &columns {
            self.check_vector(&create.method, column)?;
        }
        // PostgreSQL checks the columns even if IF NOT EXISTS skips the index
        if create.if_not_exists && explicit.as_ref().is_some_and(|name| self.catalog.relation_kind(name).is_some()) {
            return Ok(());
        }
        let name = match &explicit {
            Some(name) => name.name.clone(),
            None => {
                let mut parts: Vec<SmolStr> = columns.iter().map(index_part).collect();
                parts.extend(create.include.iter().map(|column| column.name.clone()).collect::<Vec<_>>());
                self.free_relation_name(&relation.schema, &relation.name, &parts.join("_"), "idx", &[])
            }
        };
        let index = Index {
            name,
            at: self.at,
            named: create.name.as_ref().map_or(self.at, |name| self.site(name.span())),
            certainty: self.certainty,
            columns,
            include: create.include.iter().map(|column| column.name.clone()).collect::<Vec<_>>(),
            unique: create.unique,
            nulls_not_distinct: create.nulls_not_distinct,
            primary: false,
            method: create.method,
            predicate,
            constraint: None,
            part_of: None,
            comment: None,
        };
        if let Some(table) = self.catalog.table(&relation) {
            self.check_unique_of_partitioned(table, &index)?;
        }
        self.emit(Change::CreateIndex { relation: relation.clone(), index: Box::new(index.clone()) });
        if !create.only {
            let mut taken = vec![index.name.clone()];
            for partition in self.partitions(&relation) {
                self.index_partition(&partition, &index, &mut taken)?;
            }
        }
        Ok(())
    }

    /// Returns an error if pgvector cannot index the column. Source: pgvector's documentation, "Indexing" and "Reference".
    fn check_vector(&self, method: &str, column: &IndexColumn) -> Meaning {
        if !matches!(method, "hnsw" | "ivfflat") {
            return Ok(());
        }
        let Some(ty) = self.type_of(&column.expr.root) else { return Ok(()) };
        let Some(user) = ty.user.as_ref().filter(|_| !ty.array) else { return Ok(()) };
        let (what, most) = match user.name.as_str() {
            "vector" => ("column", 2_000),
            "halfvec" => ("column", 4_000),
            _ => return Ok(()),
        };
        if column.opclass.is_none() && method == "hnsw" {
            let reason = format!(
                "data type {} has no default operator class for access method \"hnsw\"",
                self.catalog.shown_type(&DataType { modifiers: Vec::new(), ..ty })
            );
            return Err(SqlError::new("42704", reason));
        }
        match ty.modifiers.first().map(|dimensions| dimensions.parse::<u32>()) {
            None => Err(SqlError::new("22023", format!("{what} does not have dimensions"))),
            Some(Ok(dimensions)) if dimensions > most => {
                let reason = format!("{what} cannot have more than {most} dimensions for {method} index");
                Err(SqlError::new("54000", reason))
            }
            Some(_) => Ok(()),
        }
    }

    pub(super) fn index_column(&mut self, element: IndexElement, item: &Item) -> Result<IndexColumn, SqlError> {
        let column = match &element.expr.kind {
            ExprKind::Column { path, .. } if path.len() == 1 => Some(path[0].clone()),
            _ => None,
        };
        let expr = self.bound(element.expr, item.clone())?;
        Ok(IndexColumn {
            column,
            expr,
            descending: element.descending,
            nulls_first: element.nulls_first.unwrap_or(element.descending),
            opclass: element.opclass.map(|name| name.last().into()),
        })
    }
}
