//! Tables (CREATE and ALTER), indexes and views.

use super::super::ast::*;
use super::super::cursor::{Cursor, Result};
use super::super::expression::{Expr, ExprKind, Ident, ObjectName};
use super::super::lexer::TokenKind;
use super::super::sql;
use super::{Kept, access, condition, object};
use smol_str::SmolStr;

/// Keywords that begin the next clause after a column's default.
const AFTER_DEFAULT: [&str; 14] = [
    "CONSTRAINT",
    "NOT",
    "NULL",
    "PRIMARY",
    "UNIQUE",
    "CHECK",
    "REFERENCES",
    "GENERATED",
    "COLLATE",
    "DEFERRABLE",
    "INITIALLY",
    "STORAGE",
    "COMPRESSION",
    "OPTIONS",
];

pub fn create_table(cursor: &mut Cursor, kept: Kept) -> Result<Ast> {
    let temporary = kept == Kept::Temporary;
    let foreign = cursor.eat("FOREIGN");
    cursor.expect("TABLE")?;
    let if_not_exists = cursor.eat("IF NOT EXISTS");
    let name = cursor.object_name()?;
    let mut table = CreateTable { name, if_not_exists, temporary, foreign, ..CreateTable::default() };
    if cursor.eat("PARTITION OF") {
        table.partition_of = Some(cursor.object_name()?);
        if cursor.is_kind(TokenKind::LParen) {
            table.elements = elements(cursor.parens()?, false)?;
        }
        table.bound = Some(bound(cursor)?);
    } else if cursor.eat("OF") {
        table.of_type = Some(cursor.object_name()?);
        if cursor.is_kind(TokenKind::LParen) {
            table.elements = elements(cursor.parens()?, false)?;
        }
    } else if cursor.is_kind(TokenKind::LParen) && !is_column_list_of_as(cursor) {
        table.elements = elements(cursor.parens()?, true)?;
    } else {
        return table_as(cursor, table);
    }
    if cursor.eat("INHERITS") {
        table.inherits = cursor.parens()?.list().into_iter().map(|mut part| part.object_name()).collect::<Result<_>>()?;
    }
    if cursor.eat("PARTITION BY") {
        let strategy = cursor.ident()?.name;
        let keys = cursor.parens()?.list().into_iter().map(partition_key).collect::<Result<_>>()?;
        table.partition_by = Some(PartitionBy { strategy, keys });
    }
    if foreign {
        cursor.expect("SERVER")?;
        cursor.ident()?;
        object::generic_options(cursor)?;
    }
    table.options = storage_clauses(cursor)?;
    Ok(Ast::CreateTable(table))
}

/// Reads `DEFAULT` or `FOR VALUES …`.
fn bound(cursor: &mut Cursor) -> Result<PartitionBound> {
    if cursor.eat("DEFAULT") {
        return Ok(PartitionBound::Default);
    }
    cursor.expect("FOR VALUES")?;
    if cursor.eat("WITH") {
        let (mut modulus, mut remainder) = (0, 0);
        for mut part in cursor.parens()?.list() {
            let which = if part.eat("MODULUS") {
                &mut modulus
            } else {
                part.expect("REMAINDER")?;
                &mut remainder
            };
            *which = part.number()?.parse().unwrap_or_default();
            part.finish()?;
        }
        return Ok(PartitionBound::Hash(modulus, remainder));
    }
    if cursor.eat("IN") {
        return Ok(PartitionBound::List(values(cursor)?));
    }
    cursor.expect("FROM")?;
    let from = values(cursor)?;
    cursor.expect("TO")?;
    Ok(PartitionBound::Range { from, to: values(cursor)? })
}

/// Reads `(value, …)`.
fn values(cursor: &mut Cursor) -> Result<Vec<Expr>> {
    let value = |mut part: Cursor| {
        let end = part.end;
        sql::expression(&mut part, end)
    };
    cursor.parens()?.list().into_iter().map(value).collect()
}

/// Reads a column or expression of a partition key, its collation and its operator class.
fn partition_key(mut part: Cursor) -> Result<Expr> {
    let expr = key_expression(&mut part)?;
    if part.eat("COLLATE") {
        part.object_name()?;
    }
    if part.is_ident() {
        part.object_name()?;
    }
    part.finish()?;
    Ok(expr)
}

fn with_options(cursor: &Cursor) -> bool {
    cursor.is("WITH") && cursor.ahead(1).is_some_and(|token| token.kind == TokenKind::LParen)
}

/// Returns the storage parameters.
fn storage_clauses(cursor: &mut Cursor) -> Result<Vec<(SmolStr, SmolStr)>> {
    let mut parameters = Vec::new();
    loop {
        if cursor.eat("USING") || cursor.eat("TABLESPACE") {
            cursor.ident()?;
        } else if with_options(cursor) {
            cursor.pos += 1;
            parameters.extend(options(cursor)?);
        } else if cursor.eat("WITHOUT OIDS") {
        } else if cursor.eat("ON COMMIT") {
            if !(cursor.eat("DROP") || cursor.eat("PRESERVE ROWS")) {
                cursor.expect("DELETE ROWS")?;
            }
        } else {
            return Ok(parameters);
        }
    }
}

/// Returns whether the parentheses contain the column names of `CREATE TABLE t (a, b) AS …`.
fn is_column_list_of_as(cursor: &Cursor) -> bool {
    let close = cursor.matching(cursor.pos);
    let mut after = cursor.part((close + 1).min(cursor.end), cursor.end);
    let _ = storage_clauses(&mut after);
    after.is("AS")
}

fn table_as(cursor: &mut Cursor, table: CreateTable) -> Result<Ast> {
    let columns = if cursor.is_kind(TokenKind::LParen) { cursor.ident_list()? } else { Vec::new() };
    let options = storage_clauses(cursor)?;
    cursor.expect("AS")?;
    let (query, no_data) = as_query(cursor)?;
    Ok(Ast::CreateTableAs(CreateTableAs {
        name: table.name,
        if_not_exists: table.if_not_exists,
        temporary: table.temporary,
        columns,
        query,
        materialized: false,
        no_data,
        options,
    }))
}

/// Reads the query after AS, and whether `WITH NO DATA` ends it. The query of `EXECUTE prepared` is unknown.
fn as_query(cursor: &mut Cursor) -> Result<(Option<super::super::expression::Data>, bool)> {
    let end = cursor.end;
    let tail = |words: &str, count: usize| end >= count + cursor.pos && cursor.part(end - count, end).is_words(words);
    let no_data = tail("WITH NO DATA", 3);
    let until = if no_data {
        end - 3
    } else if tail("WITH DATA", 2) {
        end - 2
    } else {
        end
    };
    if cursor.is("EXECUTE") {
        cursor.pos = end;
        return Ok((None, no_data));
    }
    let query = sql::data(cursor, until)?;
    cursor.pos = end;
    Ok((Some(query), no_data))
}

fn elements(inner: Cursor, typed: bool) -> Result<Vec<TableElement>> {
    let mut elements = Vec::new();
    let mut not_null = Vec::new();
    for mut part in inner.list() {
        let start = part.pos;
        match not_null_constraint(&mut part)? {
            Some(column) => {
                part.finish()?;
                not_null.push((column.name, part.span_from(start)));
            }
            None => elements.push(element(part, typed)?),
        }
    }
    for (name, span) in not_null {
        for element in &mut elements {
            if let TableElement::Column(column) = element
                && column.name.name == name
            {
                column.not_null.get_or_insert(span);
            }
        }
    }
    Ok(elements)
}

/// Reads `[CONSTRAINT name] NOT NULL column` among the constraints of a table. Returns `None` for another constraint.
fn not_null_constraint(cursor: &mut Cursor) -> Result<Option<Ident>> {
    let mut probe = cursor.clone();
    if probe.eat("CONSTRAINT") {
        probe.ident()?;
    }
    if !probe.is_words("NOT NULL") {
        return Ok(None);
    }
    probe.newer(18);
    probe.pos += 2;
    let column = probe.ident()?;
    while probe.eat("NO INHERIT") || probe.eat("NOT VALID") {}
    cursor.pos = probe.pos;
    Ok(Some(column))
}

fn element(mut part: Cursor, typed: bool) -> Result<TableElement> {
    let start = part.pos;
    if part.eat("LIKE") {
        let table = part.object_name()?;
        let (mut including, mut excluding) = (Vec::new(), Vec::new());
        while !part.done() {
            if part.eat("INCLUDING") {
                including.push(part.label()?.name);
            } else {
                part.expect("EXCLUDING")?;
                excluding.push(part.label()?.name);
            }
        }
        return Ok(TableElement::Like { span: part.span_from(start), table, including, excluding });
    }
    let element = if is_table_constraint(&part) {
        TableElement::Constraint(table_constraint(&mut part)?)
    } else {
        TableElement::Column(column(&mut part, typed)?)
    };
    part.finish()?;
    Ok(element)
}

fn is_table_constraint(cursor: &Cursor) -> bool {
    if cursor.is("CONSTRAINT") || cursor.is_words("PRIMARY KEY") || cursor.is_words("FOREIGN KEY") {
        return true;
    }
    let parens_next = cursor.ahead(1).is_some_and(|token| token.kind == TokenKind::LParen);
    (cursor.is_any(&["UNIQUE", "CHECK"]) && parens_next)
        || cursor.is_words("UNIQUE NULLS")
        || (cursor.is("EXCLUDE") && (parens_next || cursor.is_words("EXCLUDE USING")))
        || cursor.is_words("UNIQUE USING INDEX")
}

/// Reads the definition of a column in CREATE TABLE or ADD COLUMN.
pub fn column(cursor: &mut Cursor, typed: bool) -> Result<ColumnDef> {
    let start = cursor.pos;
    let name = cursor.ident()?;
    let ty = if typed {
        Some(cursor.type_name()?)
    } else {
        cursor.eat("WITH OPTIONS");
        None
    };
    let mut column = ColumnDef {
        span: Default::default(),
        name,
        ty,
        not_null: None,
        null: None,
        default: None,
        generated: None,
        identity: None,
        collation: None,
        constraints: Vec::new(),
    };
    while !cursor.done() {
        column_option(cursor, &mut column)?;
    }
    column.span = cursor.span_from(start);
    Ok(column)
}

fn column_option(cursor: &mut Cursor, column: &mut ColumnDef) -> Result<()> {
    let start = cursor.pos;
    let name = if cursor.eat("CONSTRAINT") { Some(cursor.ident()?) } else { None };
    if cursor.eat("NOT NULL") {
        column.not_null = Some(cursor.span_from(start));
        // PostgreSQL 18 allows names and options for NOT NULL constraints
        let _ = cursor.eat("NO INHERIT");
    } else if cursor.eat("NULL") {
        column.null = Some(cursor.span_from(start));
    } else if cursor.eat("DEFAULT") {
        column.default = Some(default(cursor)?);
    } else if cursor.eat("COLLATE") {
        column.collation = Some(cursor.object_name()?);
    } else if cursor.is_words("GENERATED") {
        generated(cursor, column)?;
    } else if cursor.eat("STORAGE") || cursor.eat("COMPRESSION") {
        cursor.label()?;
    } else if cursor.is("OPTIONS") {
        object::generic_options(cursor)?;
    } else if cursor.eat("NOT DEFERRABLE") || cursor.eat("INITIALLY IMMEDIATE") || enforced(cursor) {
    } else if cursor.eat("DEFERRABLE") || cursor.eat("INITIALLY DEFERRED") {
        if let Some(last) = column.constraints.last_mut() {
            last.deferrable = true;
        }
    } else {
        let kind = constraint_kind(cursor, false)?;
        column.constraints.push(ConstraintDef { span: cursor.span_from(start), name, kind, not_valid: false, deferrable: false });
    }
    Ok(())
}

/// Reads the expression of a default. It ends at the next keyword, because it cannot contain unquoted keywords.
fn default(cursor: &mut Cursor) -> Result<Expr> {
    let first = cursor.pos;
    let end = cursor.find(|probe| probe.pos > first && (probe.is_any(&AFTER_DEFAULT) || probe.is_kind(TokenKind::Comma)));
    sql::expression(cursor, end)
}

fn generated(cursor: &mut Cursor, column: &mut ColumnDef) -> Result<()> {
    cursor.expect("GENERATED")?;
    let identity = if cursor.eat("BY DEFAULT") {
        Identity::ByDefault
    } else {
        cursor.expect("ALWAYS")?;
        Identity::Always
    };
    cursor.expect("AS")?;
    if cursor.eat("IDENTITY") {
        column.identity = Some(identity);
        if cursor.is_kind(TokenKind::LParen) {
            cursor.parens()?;
        }
        return Ok(());
    }
    column.generated = Some(condition(cursor)?);
    if !cursor.eat("STORED") {
        // VIRTUAL is the default
        cursor.newer(18);
        cursor.eat("VIRTUAL");
    }
    Ok(())
}

fn enforced(cursor: &mut Cursor) -> bool {
    let stands = cursor.is("ENFORCED") || cursor.is_words("NOT ENFORCED");
    if stands {
        cursor.newer(18);
    }
    cursor.eat("NOT ENFORCED") || cursor.eat("ENFORCED")
}

/// Reads a table constraint in CREATE TABLE or after ADD.
pub fn table_constraint(cursor: &mut Cursor) -> Result<ConstraintDef> {
    let start = cursor.pos;
    let name = if cursor.eat("CONSTRAINT") { Some(cursor.ident()?) } else { None };
    let kind = constraint_kind(cursor, true)?;
    let mut constraint = ConstraintDef { span: Default::default(), name, kind, not_valid: false, deferrable: false };
    loop {
        if cursor.eat("NOT VALID") {
            constraint.not_valid = true;
        } else if cursor.eat("DEFERRABLE") || cursor.eat("INITIALLY DEFERRED") {
            constraint.deferrable = true;
        } else if cursor.eat("NOT DEFERRABLE") || cursor.eat("INITIALLY IMMEDIATE") || enforced(cursor) {
        } else if cursor.eat("NO INHERIT") {
            if let ConstraintKind::Check { no_inherit, .. } = &mut constraint.kind {
                *no_inherit = true;
            }
        } else {
            break;
        }
    }
    constraint.span = cursor.span_from(start);
    Ok(constraint)
}

fn constraint_kind(cursor: &mut Cursor, of_table: bool) -> Result<ConstraintKind> {
    if cursor.eat("PRIMARY KEY") {
        let (columns, include, using_index) = key(cursor, of_table)?;
        return Ok(ConstraintKind::PrimaryKey { columns, include, using_index });
    }
    if cursor.eat("UNIQUE") {
        let nulls_not_distinct = cursor.eat("NULLS NOT DISTINCT");
        cursor.eat("NULLS DISTINCT");
        let (columns, include, using_index) = key(cursor, of_table)?;
        return Ok(ConstraintKind::Unique { columns, include, nulls_not_distinct, using_index });
    }
    if cursor.eat("CHECK") {
        let expr = condition(cursor)?;
        let no_inherit = cursor.eat("NO INHERIT");
        return Ok(ConstraintKind::Check { expr, no_inherit });
    }
    if cursor.eat("EXCLUDE") {
        return exclude(cursor);
    }
    let columns = if of_table {
        cursor.expect("FOREIGN KEY")?;
        key_columns(cursor, "PERIOD", "")?
    } else {
        Vec::new()
    };
    cursor.expect("REFERENCES")?;
    let table = cursor.object_name()?;
    let referenced = if cursor.is_kind(TokenKind::LParen) { key_columns(cursor, "PERIOD", "")? } else { Vec::new() };
    let (mut on_delete, mut on_update) = Default::default();
    loop {
        if cursor.eat("ON DELETE") {
            on_delete = action(cursor)?;
        } else if cursor.eat("ON UPDATE") {
            on_update = action(cursor)?;
        } else if cursor.eat("MATCH") {
            cursor.label()?;
        } else {
            break;
        }
    }
    Ok(ConstraintKind::ForeignKey { columns, table, referenced, on_delete, on_update })
}

/// Reads the columns of a key. The last of several columns can be a range: `PERIOD a` in a foreign key, `a WITHOUT OVERLAPS` in another
/// key.
fn key_columns(cursor: &mut Cursor, before: &str, behind: &str) -> Result<Vec<Ident>> {
    let mut columns = Vec::new();
    for mut part in cursor.parens()?.list() {
        let more = !columns.is_empty();
        if more && !before.is_empty() && part.is(before) && part.pos + 2 == part.end {
            part.newer(18);
            part.pos += 1;
        }
        columns.push(part.ident()?);
        if more && !behind.is_empty() && part.is_words(behind) {
            part.newer(18);
            part.eat(behind);
        }
        part.finish()?;
    }
    if columns.is_empty() { cursor.unexpected() } else { Ok(columns) }
}

type Key = (Vec<Ident>, Vec<Ident>, Option<Ident>);

fn key(cursor: &mut Cursor, of_table: bool) -> Result<Key> {
    let mut columns = Vec::new();
    let mut include = Vec::new();
    if of_table {
        if cursor.eat("USING INDEX") {
            return Ok((columns, include, Some(cursor.ident()?)));
        }
        columns = key_columns(cursor, "", "WITHOUT OVERLAPS")?;
    }
    if cursor.eat("INCLUDE") {
        include = cursor.ident_list()?;
    }
    if with_options(cursor) {
        cursor.pos += 1;
        cursor.parens()?;
    }
    if cursor.eat("USING INDEX TABLESPACE") {
        cursor.ident()?;
    }
    Ok((columns, include, None))
}

fn exclude(cursor: &mut Cursor) -> Result<ConstraintKind> {
    let method = if cursor.eat("USING") { cursor.ident()?.name } else { "btree".into() };
    let mut elements = Vec::new();
    for mut part in cursor.parens()?.list() {
        let with = part.find(|probe| probe.is("WITH"));
        let mut head = part.part(part.pos, with);
        let element = index_element(&mut head)?;
        part.pos = with;
        part.expect("WITH")?;
        let op = part.text[part.here().start as usize..part.tokens[part.end - 1].end as usize].into();
        elements.push((element, op));
    }
    let include = if cursor.eat("INCLUDE") { cursor.ident_list()? } else { Vec::new() };
    if with_options(cursor) {
        cursor.pos += 1;
        cursor.parens()?;
    }
    if cursor.eat("USING INDEX TABLESPACE") {
        cursor.ident()?;
    }
    let predicate = if cursor.eat("WHERE") { Some(condition(cursor)?) } else { None };
    Ok(ConstraintKind::Exclude { method, elements, include, predicate })
}

fn action(cursor: &mut Cursor) -> Result<ReferentialAction> {
    let found = [
        ("NO ACTION", ReferentialAction::NoAction),
        ("RESTRICT", ReferentialAction::Restrict),
        ("CASCADE", ReferentialAction::Cascade),
        ("SET NULL", ReferentialAction::SetNull),
        ("SET DEFAULT", ReferentialAction::SetDefault),
    ]
    .into_iter()
    .find(|(words, _)| cursor.eat(words));
    let Some((_, action)) = found else { return cursor.unexpected() };
    // columns of SET NULL (a, b)
    if matches!(action, ReferentialAction::SetNull | ReferentialAction::SetDefault) && cursor.is_kind(TokenKind::LParen) {
        cursor.ident_list()?;
    }
    Ok(action)
}

pub fn create_index(cursor: &mut Cursor) -> Result<Ast> {
    let unique = cursor.eat("UNIQUE");
    cursor.expect("INDEX")?;
    let start = cursor.pos;
    let concurrently = if cursor.eat("CONCURRENTLY") { Some(cursor.span_from(start)) } else { None };
    let if_not_exists = cursor.eat("IF NOT EXISTS");
    let name = if cursor.is("ON") && !if_not_exists { None } else { Some(cursor.object_name()?) };
    cursor.expect("ON")?;
    let only = cursor.eat("ONLY");
    let table = cursor.object_name()?;
    let method = if cursor.eat("USING") { cursor.ident()?.name } else { "btree".into() };
    let elements = cursor.parens()?.list().into_iter().map(|mut part| index_element(&mut part)).collect::<Result<Vec<_>>>()?;
    if elements.is_empty() {
        return cursor.unexpected();
    }
    let include = if cursor.eat("INCLUDE") { cursor.ident_list()? } else { Vec::new() };
    let nulls_not_distinct = cursor.eat("NULLS NOT DISTINCT");
    cursor.eat("NULLS DISTINCT");
    if with_options(cursor) {
        cursor.pos += 1;
        cursor.parens()?;
    }
    if cursor.eat("TABLESPACE") {
        cursor.ident()?;
    }
    let predicate = if cursor.eat("WHERE") { Some(sql::expression(cursor, cursor.end)?) } else { None };
    Ok(Ast::CreateIndex(CreateIndex {
        name,
        table,
        unique,
        concurrently,
        if_not_exists,
        only,
        method,
        elements,
        include,
        nulls_not_distinct,
        predicate,
    }))
}

/// Reads `column`, `function(…)` or `(expression)` with collation, operator class and order.
fn index_element(part: &mut Cursor) -> Result<IndexElement> {
    let expr = key_expression(part)?;
    if part.eat("COLLATE") {
        part.object_name()?;
    }
    let mut element = IndexElement { expr, opclass: None, descending: false, nulls_first: None };
    if part.is_ident() && !part.is_any(&["ASC", "DESC", "NULLS"]) {
        element.opclass = Some(part.object_name()?);
        if part.is_kind(TokenKind::LParen) {
            part.parens()?;
        }
    }
    element.descending = part.eat("DESC");
    part.eat("ASC");
    if part.eat("NULLS FIRST") {
        element.nulls_first = Some(true);
    } else if part.eat("NULLS LAST") {
        element.nulls_first = Some(false);
    }
    part.finish()?;
    Ok(element)
}

/// Reads `column`, `function(…)` or `(expression)`.
fn key_expression(part: &mut Cursor) -> Result<Expr> {
    let start = part.pos;
    if part.is_kind(TokenKind::LParen) {
        return condition(part);
    }
    let name = part.function_name()?;
    if part.is_kind(TokenKind::LParen) {
        let close = part.matching(part.pos);
        part.pos = start;
        return sql::expression(part, (close + 1).min(part.end));
    }
    if name.parts.len() > 1 {
        part.pos = start + 1;
        return part.unexpected();
    }
    part.pos = start;
    part.ident()?;
    Ok(Expr::new(name.span(), ExprKind::Column { path: vec![name.last().into()], binding: Default::default() }))
}

pub fn create_view(cursor: &mut Cursor, or_replace: bool, temporary: bool) -> Result<Ast> {
    let recursive = cursor.eat("RECURSIVE");
    cursor.expect("VIEW")?;
    let name = cursor.object_name()?;
    let columns = if cursor.is_kind(TokenKind::LParen) { cursor.ident_list()? } else { Vec::new() };
    let options = if cursor.eat("WITH") { options(cursor)? } else { Vec::new() };
    cursor.expect("AS")?;
    let end = ["WITH CASCADED CHECK OPTION", "WITH LOCAL CHECK OPTION", "WITH CHECK OPTION"]
        .iter()
        .map(|words| (words, words.split(' ').count()))
        .find(|(words, count)| cursor.end >= count + cursor.pos && cursor.part(cursor.end - count, cursor.end).is_words(words))
        .map_or(cursor.end, |(_, count)| cursor.end - count);
    let query = sql::data(cursor, end)?;
    cursor.pos = cursor.end;
    Ok(Ast::CreateView(CreateView { name, or_replace, temporary, recursive, columns, options, query }))
}

pub fn create_materialized_view(cursor: &mut Cursor) -> Result<Ast> {
    cursor.expect("MATERIALIZED VIEW")?;
    let if_not_exists = cursor.eat("IF NOT EXISTS");
    let name = cursor.object_name()?;
    let columns = if cursor.is_kind(TokenKind::LParen) { cursor.ident_list()? } else { Vec::new() };
    let options = storage_clauses(cursor)?;
    cursor.expect("AS")?;
    let (query, no_data) = as_query(cursor)?;
    Ok(Ast::CreateTableAs(CreateTableAs { name, if_not_exists, temporary: false, columns, query, materialized: true, no_data, options }))
}

/// Reads `(name = value, name)`. The value of a name alone is true.
fn options(cursor: &mut Cursor) -> Result<Vec<(SmolStr, SmolStr)>> {
    let mut out = Vec::new();
    for mut part in cursor.parens()?.list() {
        let name = part.label_name()?;
        let value = if part.eat_op("=") {
            if part.is_string() {
                part.string()?.to_ascii_lowercase().into()
            } else if part.is_ident() {
                part.label()?.name
            } else {
                part.number().unwrap_or_default()
            }
        } else {
            "true".into()
        };
        out.push((option_name(&name), value));
    }
    Ok(out)
}

/// Returns the name of an option. Those of a TOAST table contain its namespace: `toast.autovacuum_enabled`.
fn option_name(name: &ObjectName) -> SmolStr {
    name.parts.iter().map(|part| part.name.as_str()).collect::<Vec<_>>().join(".").into()
}

pub fn alter_relation(cursor: &mut Cursor) -> Result<Ast> {
    let kind = if cursor.eat("TABLE") {
        ObjectKind::Table
    } else if cursor.eat("VIEW") {
        ObjectKind::View
    } else if cursor.eat("INDEX") {
        ObjectKind::Index
    } else if cursor.eat("SEQUENCE") {
        ObjectKind::Sequence
    } else if cursor.eat("MATERIALIZED VIEW") {
        ObjectKind::MaterializedView
    } else {
        cursor.expect("FOREIGN TABLE")?;
        ObjectKind::ForeignTable
    };
    if cursor.eat("ALL IN TABLESPACE") {
        cursor.pos = cursor.end;
        return Ok(Ast::Other { head: "ALTER ALL IN TABLESPACE".into(), tables: Vec::new() });
    }
    let if_exists = cursor.eat("IF EXISTS");
    let only = cursor.eat("ONLY");
    let start = cursor.pos;
    let name = cursor.object_name()?;
    cursor.eat_op("*");
    let object = |kind, span| ObjectRef { kind, name: name.clone(), args: None, on: None, span };
    let span = cursor.span_from(start);
    if cursor.eat("RENAME") {
        return rename(cursor, object(kind, span), if_exists);
    }
    if cursor.eat("SET SCHEMA") {
        return Ok(Ast::SetSchema { object: object(kind, span), schema: cursor.ident()? });
    }
    if kind == ObjectKind::Sequence && !cursor.is_any(&["OWNER"]) {
        let owned_by = sequence_options(cursor)?;
        return Ok(Ast::AlterSequence(AlterSequence { name, if_exists, owned_by }));
    }
    let mut actions = Vec::new();
    for mut part in cursor.part(cursor.pos, cursor.end).list() {
        let start = part.pos;
        let action = action_of_table(&mut part)?;
        part.finish()?;
        actions.push((part.span_from(start), action));
    }
    if actions.is_empty() {
        return cursor.part(cursor.end, cursor.end).unexpected();
    }
    cursor.pos = cursor.end;
    Ok(Ast::AlterTable(AlterTable { name, if_exists, only, kind, actions }))
}

/// Reads the options of a sequence, and returns the column of OWNED BY. The name is empty for `NONE`.
pub fn sequence_options(cursor: &mut Cursor) -> Result<Option<ObjectName>> {
    let mut owned_by = None;
    while let Some(token) = cursor.peek() {
        if cursor.eat("OWNED BY") {
            owned_by = Some(if cursor.eat("NONE") { ObjectName::default() } else { cursor.object_name()? });
        } else if cursor.eat("AS") {
            cursor.type_name()?;
        } else if cursor.eat("SEQUENCE NAME") {
            cursor.object_name()?;
        } else if token.kind == TokenKind::Number || token.kind == TokenKind::Operator {
            cursor.number()?;
        } else if [
            "NO",
            "MINVALUE",
            "MAXVALUE",
            "CYCLE",
            "START",
            "WITH",
            "INCREMENT",
            "BY",
            "CACHE",
            "RESTART",
            "SET",
            "LOGGED",
            "UNLOGGED",
        ]
        .iter()
        .any(|word| cursor.eat(word))
        {
        } else {
            return cursor.unexpected();
        }
    }
    Ok(owned_by)
}

fn rename(cursor: &mut Cursor, object: ObjectRef, if_exists: bool) -> Result<Ast> {
    if cursor.eat("TO") {
        return Ok(Ast::Rename(Rename { object, if_exists, to: cursor.ident()? }));
    }
    let start = cursor.pos;
    let kind = if cursor.eat("CONSTRAINT") {
        ObjectKind::Constraint
    } else {
        cursor.eat("COLUMN");
        ObjectKind::Column
    };
    let old = cursor.ident()?;
    let span = cursor.span_from(start);
    cursor.expect("TO")?;
    let to = cursor.ident()?;
    Ok(Ast::Rename(Rename {
        object: ObjectRef { kind, name: ObjectName { parts: vec![old] }, args: None, on: Some(object.name), span },
        if_exists,
        to,
    }))
}

fn cascade(part: &mut Cursor) -> bool {
    let cascade = part.eat("CASCADE");
    part.eat("RESTRICT");
    cascade
}

fn action_of_table(part: &mut Cursor) -> Result<AlterAction> {
    if part.eat("ADD") {
        // NOT NULL applies to new rows at once, even if it is NOT VALID
        if let Some(column) = not_null_constraint(part)? {
            return Ok(AlterAction::SetNotNull { column });
        }
        if is_table_constraint(part) {
            return Ok(AlterAction::AddConstraint(table_constraint(part)?));
        }
        part.eat("COLUMN");
        let if_not_exists = part.eat("IF NOT EXISTS");
        return Ok(AlterAction::AddColumn { column: column(part, true)?, if_not_exists });
    }
    if part.eat("DROP CONSTRAINT") {
        let if_exists = part.eat("IF EXISTS");
        let name = part.ident()?;
        return Ok(AlterAction::DropConstraint { name, if_exists, cascade: cascade(part) });
    }
    if part.eat("DROP") {
        part.eat("COLUMN");
        let if_exists = part.eat("IF EXISTS");
        let column = part.ident()?;
        return Ok(AlterAction::DropColumn { column, if_exists, cascade: cascade(part) });
    }
    if part.eat("ALTER CONSTRAINT") {
        let name = part.ident()?;
        part.pos = part.end;
        return Ok(AlterAction::AlterConstraint { name });
    }
    if part.eat("ALTER") {
        part.eat("COLUMN");
        return alter_column(part);
    }
    if part.eat("VALIDATE CONSTRAINT") {
        return Ok(AlterAction::ValidateConstraint { name: part.ident()? });
    }
    for (words, action) in [
        ("ENABLE ROW LEVEL SECURITY", AlterAction::EnableRls),
        ("DISABLE ROW LEVEL SECURITY", AlterAction::DisableRls),
        ("FORCE ROW LEVEL SECURITY", AlterAction::ForceRls),
        ("NO FORCE ROW LEVEL SECURITY", AlterAction::NoForceRls),
    ] {
        if part.eat(words) {
            return Ok(action);
        }
    }
    if part.is_any(&["ENABLE", "DISABLE"]) {
        return enable(part);
    }
    if part.eat("OWNER TO") {
        return Ok(AlterAction::Owner { role: access::role(part)? });
    }
    if part.eat("SET TABLESPACE") || part.eat("SET ACCESS METHOD") || part.eat("CLUSTER ON") {
        part.label()?;
        return Ok(AlterAction::Other { columns: Vec::new() });
    }
    if part.is("SET") && part.ahead(1).is_some_and(|token| token.kind == TokenKind::LParen) {
        part.pos += 1;
        return Ok(AlterAction::SetOptions { options: options(part)? });
    }
    if part.is("RESET") && part.ahead(1).is_some_and(|token| token.kind == TokenKind::LParen) {
        part.pos += 1;
        let options =
            part.parens()?.list().into_iter().map(|mut item| item.label_name().map(|name| option_name(&name))).collect::<Result<_>>()?;
        return Ok(AlterAction::ResetOptions { options });
    }
    if part.eat("NO DEPENDS ON EXTENSION") {
        part.ident()?;
        return Ok(AlterAction::Other { columns: Vec::new() });
    }
    if part.is_any(&["INHERIT", "NO"]) {
        let inherit = !part.eat("NO");
        part.expect("INHERIT")?;
        return Ok(AlterAction::Inherit { parent: part.object_name()?, inherit });
    }
    if part.eat("ATTACH PARTITION") {
        let table = part.object_name()?;
        let bound = if part.done() { None } else { Some(bound(part)?) };
        return Ok(AlterAction::AttachPartition { table, bound });
    }
    if part.eat("DETACH PARTITION") {
        let table = part.object_name()?;
        let concurrently = part.eat("CONCURRENTLY");
        part.eat("FINALIZE");
        return Ok(AlterAction::DetachPartition { table, concurrently });
    }
    if part.is_any(&["REPLICA", "OPTIONS", "OF", "DEPENDS"])
        || part.is_words("SET WITHOUT")
        || part.is_words("SET LOGGED")
        || part.is_words("SET UNLOGGED")
        || part.is_words("NOT OF")
    {
        part.pos = part.end;
        return Ok(AlterAction::Other { columns: Vec::new() });
    }
    part.unexpected()
}

fn enable(part: &mut Cursor) -> Result<AlterAction> {
    let enable = part.eat("ENABLE");
    if !enable {
        part.expect("DISABLE")?;
    }
    let _ = part.eat("REPLICA") || part.eat("ALWAYS");
    if part.eat("RULE") {
        part.ident()?;
        return Ok(AlterAction::Other { columns: Vec::new() });
    }
    part.expect("TRIGGER")?;
    let name = if part.eat("ALL") || part.eat("USER") { None } else { Some(part.ident()?) };
    Ok(AlterAction::EnableTrigger { name, enable })
}

fn alter_column(part: &mut Cursor) -> Result<AlterAction> {
    // columns of an index that are expressions have only a number
    if part.is_kind(TokenKind::Number) {
        part.number()?;
        part.expect("SET STATISTICS")?;
        part.pos = part.end;
        return Ok(AlterAction::Other { columns: Vec::new() });
    }
    let column = part.ident()?;
    if part.eat("SET NOT NULL") {
        return Ok(AlterAction::SetNotNull { column });
    }
    if part.eat("DROP NOT NULL") {
        return Ok(AlterAction::DropNotNull { column });
    }
    if part.eat("SET DEFAULT") {
        let default = sql::expression(part, part.end)?;
        return Ok(AlterAction::SetDefault { column, default });
    }
    if part.eat("DROP DEFAULT") {
        return Ok(AlterAction::DropDefault { column });
    }
    if part.eat("SET DATA TYPE") || part.eat("TYPE") {
        let ty = part.type_name()?;
        if part.eat("COLLATE") {
            part.object_name()?;
        }
        let using = if part.eat("USING") { Some(sql::expression(part, part.end)?) } else { None };
        return Ok(AlterAction::SetType { column, ty, using });
    }
    if part.eat("ADD GENERATED") {
        let identity = if part.eat("BY DEFAULT") {
            Identity::ByDefault
        } else {
            part.expect("ALWAYS")?;
            Identity::Always
        };
        part.expect("AS IDENTITY")?;
        if part.is_kind(TokenKind::LParen) {
            part.parens()?;
        }
        return Ok(AlterAction::AddIdentity { column, identity });
    }
    if part.eat("DROP IDENTITY") {
        return Ok(AlterAction::DropIdentity { column, if_exists: part.eat("IF EXISTS") });
    }
    if part.eat("DROP EXPRESSION") {
        return Ok(AlterAction::DropExpression { column, if_exists: part.eat("IF EXISTS") });
    }
    if part.is_words("SET GENERATED") || part.is("RESTART") || part.is_words("SET START") || part.is_words("SET INCREMENT") {
        part.pos = part.end;
        return Ok(AlterAction::SetGenerated { column });
    }
    if part.is_words("SET EXPRESSION") {
        part.newer_at(17, part.pos + 1);
    }
    if part.is_words("SET STATISTICS")
        || part.is_words("SET STORAGE")
        || part.is_words("SET COMPRESSION")
        || part.is_any(&["OPTIONS", "RESET", "SET"])
    {
        part.pos = part.end;
        return Ok(AlterAction::Other { columns: vec![column] });
    }
    part.unexpected()
}
