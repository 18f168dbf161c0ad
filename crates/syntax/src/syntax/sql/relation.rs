//! Conversion of queries, relations and data statements of `sqlparser`.
//!
//! Promises: the span of a query does not include the parentheses around it. Joins are flattened in their written order.

use super::super::cursor::Result;
use super::super::expression::{
    Assignment, Cte, Data, Delete, Expr, ExprKind, FromItem, FromRelation, Ident, Insert, JoinKind, OnConflict, Query, Select, SetExpr,
    Target, Update,
};
use super::super::lexer::TokenKind;
use super::lower::{BARE, Extent, Lower, Placed, plain_call};
use smol_str::SmolStr;
use sqlparser::ast;

/// An alias with its columns and its last token.
#[derive(Default)]
struct Alias {
    name: Option<SmolStr>,
    columns: Vec<SmolStr>,
    last: Option<usize>,
}

impl Lower<'_, '_> {
    /// Converts a statement or query.
    pub fn data(&self, tree: &ast::Query) -> Result<Data> {
        let statement = match &*tree.body {
            ast::SetExpr::Insert(statement)
            | ast::SetExpr::Update(statement)
            | ast::SetExpr::Delete(statement)
            | ast::SetExpr::Merge(statement) => statement,
            _ => return Ok(Data::Query(Box::new(self.query(tree)?.0))),
        };
        let with = self.ctes(tree.with.as_ref())?;
        match statement {
            ast::Statement::Insert(insert) => Ok(Data::Insert(Box::new(self.insert(insert, with)?))),
            ast::Statement::Update(update) => Ok(Data::Update(Box::new(self.update(update, with)?))),
            ast::Statement::Delete(delete) => Ok(Data::Delete(Box::new(self.delete(delete, with)?))),
            ast::Statement::Merge(merge) => self.merge(merge, with),
            _ => self.lost(),
        }
    }

    pub fn query(&self, tree: &ast::Query) -> Result<Placed<Query>> {
        let first = self.query_start(tree)?;
        let last = match self.region.around(first) {
            Some(open) => self.closing(open)? - 1,
            None => self.region.cursor.end - 1,
        };
        let extent = Extent { first, last };
        if let Some(inner) = wrapped(tree) {
            return Ok((self.query(inner)?.0, extent));
        }
        let mut query = Query { span: self.region.span(first, last), ..Query::default() };
        query.with = self.ctes(tree.with.as_ref())?;
        query.recursive = tree.with.as_ref().is_some_and(|with| with.recursive);
        query.body = self.set_expr(&tree.body)?;
        query.locks = !tree.locks.is_empty();
        if let Some(ast::OrderBy { kind: ast::OrderByKind::Expressions(keys), .. }) = &tree.order_by {
            query.order_by = self.sort_keys(keys)?;
        }
        match &tree.limit_clause {
            Some(ast::LimitClause::LimitOffset { limit, offset, .. }) => {
                query.limit = self.optional(limit.as_ref())?;
                query.offset = self.optional(offset.as_ref().map(|offset| &offset.value))?;
            }
            Some(ast::LimitClause::OffsetCommaLimit { .. }) => return self.refuse(first),
            None => {}
        }
        if let Some(fetch) = &tree.fetch {
            query.limit = self.optional(fetch.quantity.as_ref())?;
        }
        Ok((query, extent))
    }

    fn query_start(&self, tree: &ast::Query) -> Result<usize> {
        match &tree.with {
            Some(with) => Ok(self.place(with.with_token.0.span)?.first),
            None => self.set_expr_start(&tree.body),
        }
    }

    fn set_expr_start(&self, tree: &ast::SetExpr) -> Result<usize> {
        let mut leftmost = tree;
        while let ast::SetExpr::SetOperation { left, .. } = leftmost {
            leftmost = left;
        }
        let token = match leftmost {
            ast::SetExpr::Select(select) => &select.select_token,
            ast::SetExpr::Query(query) => return self.query_start(query)?.checked_sub(1).map_or_else(|| self.lost(), Ok),
            ast::SetExpr::Values(values) => match values.rows.first() {
                Some(row) => return self.place(row.opening_token.0.span)?.first.checked_sub(1).map_or_else(|| self.lost(), Ok),
                None => return self.lost(),
            },
            ast::SetExpr::Insert(ast::Statement::Insert(insert)) => &insert.insert_token,
            ast::SetExpr::Update(ast::Statement::Update(update)) => &update.update_token,
            ast::SetExpr::Delete(ast::Statement::Delete(delete)) => &delete.delete_token,
            ast::SetExpr::Merge(ast::Statement::Merge(merge)) => &merge.merge_token,
            _ => return self.lost(),
        };
        Ok(self.place(token.0.span)?.first)
    }

    fn ctes(&self, with: Option<&ast::With>) -> Result<Vec<Cte>> {
        let mut ctes = Vec::new();
        for cte in with.iter().flat_map(|with| &with.cte_tables) {
            let columns = cte.alias.columns.iter().map(|column| self.name(&column.name)).collect::<Result<_>>()?;
            let (name, extent) = self.ident(&cte.alias.name)?;
            self.require_name(extent.first)?;
            ctes.push(Cte { name, columns, body: self.data(&cte.query)? });
        }
        Ok(ctes)
    }

    /// Converts set operations. Chains of UNION are nested to the left, like chains of operators.
    fn set_expr(&self, tree: &ast::SetExpr) -> Result<SetExpr> {
        let mut spine = Vec::new();
        let mut leaf = tree;
        while let ast::SetExpr::SetOperation { op, set_quantifier, left, right } = leaf {
            spine.push((op, set_quantifier, right));
            leaf = left;
        }
        let mut built = self.simple_set(leaf)?;
        while let Some((op, quantifier, right)) = spine.pop() {
            let op = match op {
                ast::SetOperator::Union => "union",
                ast::SetOperator::Intersect => "intersect",
                ast::SetOperator::Except => "except",
                ast::SetOperator::Minus => return self.lost(),
            };
            let right = Box::new(self.set_expr(right)?);
            built = SetExpr::Set { op, all: matches!(quantifier, ast::SetQuantifier::All), left: Box::new(built), right };
        }
        Ok(built)
    }

    fn simple_set(&self, tree: &ast::SetExpr) -> Result<SetExpr> {
        match tree {
            ast::SetExpr::Select(select) => Ok(SetExpr::Select(Box::new(self.select(select)?))),
            ast::SetExpr::Query(query) => Ok(SetExpr::Query(Box::new(self.query(query)?.0))),
            ast::SetExpr::Values(values) => {
                Ok(SetExpr::Values(values.rows.iter().map(|row| self.values(&row.content)).collect::<Result<_>>()?))
            }
            _ => self.lost(),
        }
    }

    fn select(&self, tree: &ast::Select) -> Result<Select> {
        let mut select = Select { targets: self.targets(&tree.projection)?, ..Select::default() };
        match &tree.distinct {
            Some(ast::Distinct::Distinct) => select.distinct = true,
            Some(ast::Distinct::On(keys)) => {
                select.distinct = true;
                select.distinct_on = self.values(keys)?;
            }
            Some(ast::Distinct::All) | None => {}
        }
        select.into = self.into(tree.into.as_ref())?;
        select.from = self.from(&tree.from)?;
        select.filter = self.optional(tree.selection.as_ref())?;
        if let ast::GroupByExpr::Expressions(keys, _) = &tree.group_by {
            for key in keys {
                self.group_key(key, &mut select.group_by)?;
            }
        }
        select.having = self.optional(tree.having.as_ref())?;
        self.named_windows(tree, &mut select)?;
        Ok(select)
    }

    /// Copies the definitions of WINDOW to the calls that use them.
    fn named_windows(&self, tree: &ast::Select, select: &mut Select) -> Result<()> {
        for ast::NamedWindowDefinition(name, window) in &tree.named_window {
            let ast::NamedWindowExpr::WindowSpec(spec) = window else { continue };
            let (exprs, name) = (self.window(spec)?, self.name(name)?);
            for target in &mut select.targets {
                self.fill_window(&mut target.expr, &name, &exprs);
            }
        }
        Ok(())
    }

    fn fill_window(&self, expr: &mut Expr, name: &str, exprs: &[Expr]) {
        let end = expr.span.end;
        if let ExprKind::Call(call) = &mut expr.kind
            && let Some(over) = call.over.as_mut().filter(|over| over.is_empty())
            && self.region.cursor.text[..end as usize].to_ascii_lowercase().ends_with(name)
        {
            over.extend_from_slice(exprs);
            return;
        }
        expr.each_child_mut(&mut |child| self.fill_window(child, name, exprs));
    }

    fn group_key(&self, key: &ast::Expr, out: &mut Vec<Expr>) -> Result<()> {
        match key {
            ast::Expr::GroupingSets(sets) | ast::Expr::Cube(sets) | ast::Expr::Rollup(sets) => {
                for set in sets.iter().flatten() {
                    self.group_key(set, out)?;
                }
            }
            ast::Expr::Tuple(items) if items.is_empty() => {}
            _ => out.push(self.value(key)?),
        }
        Ok(())
    }

    fn into(&self, into: Option<&ast::SelectInto>) -> Result<Option<super::super::expression::ObjectName>> {
        let Some(into) = into else { return Ok(None) };
        let Some(target) = into.targets.first() else { return Ok(None) };
        let idents = match target {
            ast::Expr::Identifier(ident) => std::slice::from_ref(ident),
            ast::Expr::CompoundIdentifier(idents) => idents,
            _ => return self.lost(),
        };
        let mut parts = idents.iter().map(|ident| self.ident(ident).map(|(ident, _)| ident)).collect::<Result<Vec<Ident>>>()?;
        // INTO TEMP creates the table in the schema of temporary tables
        if into.temporary
            && let [only] = parts.as_slice()
        {
            parts.insert(0, Ident { name: "pg_temp".into(), span: only.span });
        }
        Ok(Some(super::super::expression::ObjectName { parts }))
    }

    fn targets(&self, items: &[ast::SelectItem]) -> Result<Vec<Target>> {
        items
            .iter()
            .filter(|item| !self.is_empty_select_list(item))
            .map(|item| match item {
                ast::SelectItem::UnnamedExpr(tree) => Ok(Target { expr: self.value(tree)?, alias: None }),
                ast::SelectItem::ExprWithAlias { expr, alias } => Ok(Target { expr: self.value(expr)?, alias: Some(self.name(alias)?) }),
                ast::SelectItem::Wildcard(options) => {
                    let extent = self.place(options.wildcard_token.0.span)?;
                    Ok(Target { expr: self.make(extent, ExprKind::Star { qualifier: Vec::new() }).0, alias: None })
                }
                ast::SelectItem::QualifiedWildcard(..) | ast::SelectItem::ExprWithAliases { .. } => self.lost(),
            })
            .collect()
    }

    /// Returns whether the item is the placeholder of an empty select list, which is a literal at the location of SELECT.
    fn is_empty_select_list(&self, item: &ast::SelectItem) -> bool {
        match item {
            ast::SelectItem::UnnamedExpr(ast::Expr::Value(value)) => {
                self.place(value.span).is_ok_and(|extent| self.region.is_word(extent.first, "SELECT"))
            }
            _ => false,
        }
    }

    fn from(&self, tables: &[ast::TableWithJoins]) -> Result<Vec<FromItem>> {
        let mut items = Vec::with_capacity(tables.iter().map(|table| 1 + table.joins.len()).sum());
        for table in tables {
            self.joined(table, &mut items)?;
        }
        Ok(items)
    }

    fn joined(&self, tree: &ast::TableWithJoins, items: &mut Vec<FromItem>) -> Result<Extent> {
        let mut extent = self.relation(&tree.relation, items)?;
        for join in &tree.joins {
            let at = items.len();
            extent = extent.to(self.relation(&join.relation, items)?);
            let (kind, constraint) = match &join.join_operator {
                ast::JoinOperator::Join(constraint) | ast::JoinOperator::Inner(constraint) => (JoinKind::Inner, constraint),
                ast::JoinOperator::Left(constraint) | ast::JoinOperator::LeftOuter(constraint) => (JoinKind::Left, constraint),
                ast::JoinOperator::Right(constraint) | ast::JoinOperator::RightOuter(constraint) => (JoinKind::Right, constraint),
                ast::JoinOperator::FullOuter(constraint) => (JoinKind::Full, constraint),
                ast::JoinOperator::CrossJoin(constraint) => (JoinKind::Cross, constraint),
                _ => return self.refuse(extent.last),
            };
            let Some(item) = items.get_mut(at) else { return self.lost() };
            item.join = Some(kind);
            match constraint {
                ast::JoinConstraint::On(tree) => {
                    let (on, end) = self.expr(tree)?;
                    item.on = Some(on);
                    extent = extent.to(end);
                }
                ast::JoinConstraint::Using(columns) => {
                    for column in columns {
                        let (name, end) = self.object_name(column)?;
                        item.using.push(name.last().into());
                        extent = extent.to(Extent { first: end.first, last: end.last + 1 });
                    }
                    // alias of the join columns, which is not part of the tokens of `sqlparser`
                    if self.region.is_word(extent.last + 1, "AS") {
                        item.using_alias = Some(self.ident_at(extent.last + 2).name);
                        extent.last += 2;
                    }
                }
                ast::JoinConstraint::Natural => item.natural = true,
                ast::JoinConstraint::None => {}
            }
        }
        Ok(extent)
    }

    /// Adds a relation. A join without parentheses inside a join adds each of its relations.
    fn relation(&self, tree: &ast::TableFactor, items: &mut Vec<FromItem>) -> Result<Extent> {
        let (relation, mut extent, alias) = match tree {
            ast::TableFactor::Table { name, alias, args: None, .. } => {
                let (name, extent) = self.object_name(name)?;
                let bare = name.parts.len() == 1 && self.region.is_kind(extent.first, TokenKind::Word) && BARE.contains(&name.last());
                if bare {
                    let call = self.make(extent, ExprKind::Call(Box::new(plain_call(name, Vec::new())))).0;
                    (FromRelation::Function { calls: vec![call], ordinality: false }, extent, alias)
                } else {
                    self.require_name(extent.first)?;
                    (FromRelation::Table { name, bound: None }, extent, alias)
                }
            }
            ast::TableFactor::Table { name, alias, args: Some(args), with_ordinality, .. } => {
                let (relation, extent) = self.table_function(name, &args.args, *with_ordinality)?;
                (relation, extent, alias)
            }
            ast::TableFactor::Function { name, args, alias, with_ordinality, .. } => {
                let (relation, extent) = self.table_function(name, args, *with_ordinality)?;
                (relation, extent, alias)
            }
            ast::TableFactor::Derived { subquery, alias, .. } => {
                let (query, within) = self.query(subquery)?;
                (FromRelation::Query(Box::new(query)), self.parens_around(within)?, alias)
            }
            ast::TableFactor::NestedJoin { table_with_joins, alias } => {
                let mut inner = Vec::new();
                let within = self.joined(table_with_joins, &mut inner)?;
                let Some(parens) = self.parens_around(within).ok().filter(|parens| parens.last == within.last + 1) else {
                    items.append(&mut inner);
                    return Ok(within);
                };
                (FromRelation::Join(inner), parens, alias)
            }
            _ => return self.lost(),
        };
        let lateral = extent.first.checked_sub(1).is_some_and(|before| self.region.is_word(before, "LATERAL"));
        extent.first -= lateral as usize;
        let alias = self.alias(alias.as_ref())?;
        extent.last = alias.last.unwrap_or(extent.last);
        items.push(FromItem {
            span: self.region.span(extent.first, extent.last),
            relation,
            alias: alias.name,
            column_aliases: alias.columns,
            lateral,
            join: None,
            on: None,
            using: Vec::new(),
            using_alias: None,
            natural: false,
        });
        Ok(extent)
    }

    fn alias(&self, tree: Option<&ast::TableAlias>) -> Result<Alias> {
        let Some(tree) = tree else { return Ok(Alias::default()) };
        let (name, extent) = self.ident(&tree.name)?;
        let columns = tree.columns.iter().map(|column| self.name(&column.name)).collect::<Result<Vec<_>>>()?;
        // a list of columns can replace the alias
        let bare = self.region.is_kind(extent.first, TokenKind::LParen);
        let open = if bare { extent.first } else { extent.last + 1 };
        let last = if columns.is_empty() { extent.last } else { self.closing(open)? };
        Ok(Alias { name: (!bare).then_some(name.name), columns, last: Some(last) })
    }

    fn table_function(&self, name: &ast::ObjectName, args: &[ast::FunctionArg], ordinality: bool) -> Result<Placed<FromRelation>> {
        let (name, mut extent) = self.object_name(name)?;
        let rows_from = self.region.is_word(extent.last + 1, "FROM");
        let open = extent.last + 1 + rows_from as usize;
        let mut call = plain_call(name, Vec::new());
        for arg in args {
            call.args.push(self.arg(arg, open)?);
        }
        extent.last = self.closing(open)?;
        let calls = if rows_from {
            call.args.into_iter().map(|arg| arg.value).collect()
        } else {
            vec![self.make(extent, ExprKind::Call(Box::new(call))).0]
        };
        extent.last += 2 * ordinality as usize;
        Ok((FromRelation::Function { calls, ordinality }, extent))
    }

    fn insert(&self, tree: &ast::Insert, with: Vec<Cte>) -> Result<Insert> {
        let ast::TableObject::TableName(name) = &tree.table else { return self.lost() };
        let mut source = None;
        if let Some(query) = &tree.source {
            let (mut query, extent) = self.query(query)?;
            let span = self.region.span(extent.first, self.source_end(extent));
            // the end of a query in parentheses is already correct
            if query.span.start == span.start {
                query.span = span;
            }
            source = Some(query);
        }
        let columns = tree.columns.iter().map(|column| self.written_column(column)).collect::<Result<Vec<Ident>>>()?;
        let in_parts = columns.iter().any(|column| self.is_in_parts(column));
        let on_conflict = match &tree.on {
            Some(ast::OnInsert::OnConflict(conflict)) => Some(self.on_conflict(conflict)?),
            Some(_) => return self.lost(),
            None => None,
        };
        let alias = tree.table_alias.as_ref().map(|alias| self.name(&alias.alias)).transpose()?;
        let returning = self.targets(tree.returning.as_deref().unwrap_or_default())?;
        // `sqlparser` does not support the clause, so its tokens are skipped
        let cursor = &self.region.cursor;
        let overriding = (cursor.pos..cursor.end).any(|at| self.region.is_word(at, "OVERRIDING") && self.region.is_word(at + 2, "VALUE"));
        let (table, row_names) = (self.object_name(name)?.0, self.row_names());
        Ok(Insert { with, table, alias, columns, in_parts, overriding, source, on_conflict, returning, row_names })
    }

    /// Returns the last token of an inserted query, before ON CONFLICT or RETURNING.
    fn source_end(&self, extent: Extent) -> usize {
        let mut at = extent.first;
        while at <= extent.last {
            if self.region.is_word(at, "RETURNING") || (self.region.is_word(at, "ON") && self.region.is_word(at + 1, "CONFLICT")) {
                return at - 1;
            }
            at = self.region.partner(at).filter(|close| *close > at).unwrap_or(at) + 1;
        }
        extent.last
    }

    /// Returns the column of a target such as `a` or `a.field`.
    fn written_column(&self, name: &ast::ObjectName) -> Result<Ident> {
        let (name, extent) = self.object_name(name)?;
        self.require_name(extent.first)?;
        match name.parts.into_iter().next() {
            Some(ident) => Ok(ident),
            None => self.lost(),
        }
    }

    /// Returns whether a subscript or field follows a written column.
    fn is_in_parts(&self, column: &Ident) -> bool {
        let behind = self.region.index(column.span.start) + 1;
        self.region.is_kind(behind, TokenKind::LBracket) || self.region.is_kind(behind, TokenKind::Dot)
    }

    fn on_conflict(&self, tree: &ast::OnConflict) -> Result<OnConflict> {
        let mut conflict = OnConflict { columns: Vec::new(), constraint: None, inexact: false, update: None, filter: None };
        match &tree.conflict_target {
            Some(ast::ConflictTarget::Columns(idents)) => {
                let Some(ident) = idents.first() else { return self.lost() };
                let extent = self.place(ident.span)?;
                let close = self.closing(extent.first)?;
                conflict.inexact = close != extent.last;
                for mut part in self.region.cursor.part(extent.first + 1, close).list() {
                    match part.ident() {
                        Ok(column) if part.done() => conflict.columns.push(column),
                        _ => conflict.inexact = true,
                    }
                }
            }
            Some(ast::ConflictTarget::OnConstraint(name)) => conflict.constraint = self.object_name(name)?.0.parts.pop(),
            None => {}
        }
        if let ast::OnConflictAction::DoUpdate(update) = &tree.action {
            conflict.update = Some(self.assignments(&update.assignments)?);
            conflict.filter = self.optional(update.selection.as_ref())?;
        }
        Ok(conflict)
    }

    fn assignments(&self, trees: &[ast::Assignment]) -> Result<Vec<Assignment>> {
        trees
            .iter()
            .map(|tree| {
                let columns: Vec<Ident> = match &tree.target {
                    ast::AssignmentTarget::ColumnName(name) => vec![self.written_column(name)?],
                    ast::AssignmentTarget::Tuple(names) => names.iter().map(|name| self.written_column(name)).collect::<Result<_>>()?,
                };
                let in_parts = columns.iter().any(|column| self.is_in_parts(column));
                Ok(Assignment { columns, in_parts, value: self.value(&tree.value)? })
            })
            .collect()
    }

    fn update(&self, tree: &ast::Update, with: Vec<Cte>) -> Result<Update> {
        if !tree.table.joins.is_empty() {
            let behind = self.relation(&tree.table.relation, &mut Vec::new())?.last + 1;
            return self.refuse(behind);
        }
        let from = match &tree.from {
            Some(ast::UpdateTableFromKind::AfterSet(tables)) => self.from(tables)?,
            Some(ast::UpdateTableFromKind::BeforeSet(_)) => return self.lost(),
            None => Vec::new(),
        };
        Ok(Update {
            with,
            table: self.only(std::slice::from_ref(&tree.table))?,
            assignments: self.assignments(&tree.assignments)?,
            from,
            filter: self.optional(tree.selection.as_ref())?,
            returning: self.targets(tree.returning.as_deref().unwrap_or_default())?,
            row_names: self.row_names(),
        })
    }

    fn delete(&self, tree: &ast::Delete, with: Vec<Cte>) -> Result<Delete> {
        let ast::FromTable::WithFromKeyword(tables) = &tree.from else { return self.lost() };
        Ok(Delete {
            with,
            table: self.only(tables)?,
            using: self.from(tree.using.as_deref().unwrap_or_default())?,
            filter: self.optional(tree.selection.as_ref())?,
            returning: self.targets(tree.returning.as_deref().unwrap_or_default())?,
            row_names: self.row_names(),
        })
    }

    /// Returns the names of the old and new row in `RETURNING WITH (OLD AS o, NEW AS n)`, or their default names.
    fn row_names(&self) -> Vec<SmolStr> {
        let cursor = &self.region.cursor;
        let with = (cursor.pos..cursor.end).find(|at| self.region.is_word(*at, "RETURNING") && self.region.is_word(at + 1, "WITH"));
        let given = with.and_then(|at| Some(at + 3..self.region.closing(at + 2)?));
        let mut names: Vec<SmolStr> = ["old", "new"].map(SmolStr::from).to_vec();
        for part in given.into_iter().flat_map(|range| cursor.part(range.start, range.end).list()) {
            if part.part(part.pos + 1, part.end).is("AS") && part.end == part.pos + 3 {
                let given = self.ident_at(part.pos + 2).name;
                names.retain(|name| !part.is(name));
                names.push(given);
            }
        }
        names
    }

    /// Returns the only relation that a statement writes.
    fn only(&self, tables: &[ast::TableWithJoins]) -> Result<FromItem> {
        let mut items = self.from(tables)?;
        match items.pop() {
            Some(item) if items.is_empty() => Ok(item),
            _ => self.lost(),
        }
    }

    fn merge(&self, tree: &ast::Merge, with: Vec<Cte>) -> Result<Data> {
        let (mut targets, mut sources) = (Vec::new(), Vec::new());
        self.relation(&tree.table, &mut targets)?;
        let within = self.relation(&tree.source, &mut sources)?;
        let mut exprs: Vec<Expr> = with.into_iter().map(subquery).collect();
        exprs.push(self.value(&tree.on)?);
        for clause in &tree.clauses {
            exprs.extend(self.optional(clause.predicate.as_ref())?);
            match &clause.action {
                ast::MergeAction::Insert(ast::MergeInsertExpr { kind: ast::MergeInsertKind::Values(values), .. }) => {
                    exprs.extend(self.values(values.rows.iter().flat_map(|row| &row.content))?);
                }
                ast::MergeAction::Update(ast::MergeUpdateExpr { kind: ast::MergeUpdateKind::Set(assignments), .. }) => {
                    exprs.extend(self.assignments(assignments)?.into_iter().map(|assignment| assignment.value));
                }
                _ => {}
            }
        }
        let (Some(source), Some(target)) = (sources.pop(), targets.pop()) else { return self.lost() };
        let source = if sources.is_empty() {
            source
        } else {
            sources.push(source);
            FromItem {
                span: self.region.span(within.first, within.last),
                relation: FromRelation::Join(sources),
                alias: None,
                column_aliases: Vec::new(),
                lateral: false,
                join: None,
                on: None,
                using: Vec::new(),
                using_alias: None,
                natural: false,
            }
        };
        Ok(Data::Merge { target: Box::new(target), source: Box::new(source), exprs })
    }
}

/// Returns the inner query if a query consists only of a query in parentheses.
fn wrapped(tree: &ast::Query) -> Option<&ast::Query> {
    let bare =
        tree.with.is_none() && tree.order_by.is_none() && tree.limit_clause.is_none() && tree.fetch.is_none() && tree.locks.is_empty();
    match &*tree.body {
        ast::SetExpr::Query(inner) if bare => Some(inner),
        _ => None,
    }
}

/// Converts a WITH entry of `MERGE` to an expression, because `Data::Merge` has no field for it.
fn subquery(cte: Cte) -> Expr {
    let query = match cte.body {
        Data::Query(query) => query,
        data => Box::new(Query { span: cte.name.span, body: SetExpr::Data(Box::new(data)), ..Query::default() }),
    };
    Expr::new(query.span, ExprKind::Subquery(query))
}
