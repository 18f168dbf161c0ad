//! SQL in the code: tagged templates, and strings that are passed to a client of PostgreSQL.

use super::code::{Binding, Code, Constant, MAX_STEPS, argument, as_call, as_member, callee, plain, property, span};
use crate::shape::{SqlLibrary, SqlPiece, SqlPieceKind, SqlText};
use oxc_ast::AstKind;
use oxc_ast::ast::{Expression, TemplateLiteral};
use oxc_span::GetSpan;
use supalint_syntax::source::Span;

/// Statements of PostgreSQL that code runs.
const STATEMENTS: [&str; 30] = [
    "select",
    "insert",
    "update",
    "delete",
    "with",
    "create",
    "alter",
    "drop",
    "call",
    "begin",
    "commit",
    "rollback",
    "set",
    "truncate",
    "explain",
    "refresh",
    "lock",
    "merge",
    "values",
    "do",
    "grant",
    "revoke",
    "notify",
    "listen",
    "copy",
    "vacuum",
    "analyze",
    "show",
    "savepoint",
    "reindex",
];

/// Returns the SQL of a node.
pub fn sql<'a>(code: &Code<'a, '_>, kind: AstKind<'a>) -> Option<SqlText> {
    match kind {
        AstKind::TaggedTemplateExpression(tagged) => {
            let (name, object) = match plain(&tagged.tag) {
                Expression::Identifier(name) => (name.name.as_str(), None),
                other => {
                    let member = as_member(other)?;
                    (member.property.name.as_str(), Some(&member.object))
                }
            };
            let library = match name {
                "sql" | "tx" => SqlLibrary::Tagged,
                "$queryRaw" | "$executeRaw" => SqlLibrary::Prisma,
                _ => return None,
            };
            // the transaction of postgres.js is a tag too
            if name == "tx" && object.is_some() {
                return None;
            }
            let mut reader = Reader::new(code, span(tagged.quasi.span), library);
            reader.columns_are_objects = is_drizzle(code, plain(&tagged.tag));
            reader.template(&tagged.quasi, true);
            Some(reader.finish()).filter(|sql| name != "tx" || !sql.is_fragment)
        }
        AstKind::CallExpression(call) => {
            let (name, object) = callee(call)?;
            object?;
            let library = match name {
                "unsafe" => SqlLibrary::Postgres,
                "query" | "queryArray" | "queryObject" => SqlLibrary::Pg,
                "$queryRawUnsafe" | "$executeRawUnsafe" => SqlLibrary::Prisma,
                _ => return None,
            };
            let mut text = argument(call, 0)?;
            if let Constant::Value(Expression::ObjectExpression(options)) = code.constant(text, MAX_STEPS) {
                text = property(options, "text")?;
            }
            let Constant::Value(value) = code.constant(text, MAX_STEPS) else { return None };
            let mut reader = Reader::new(code, span(value.span()), library);
            reader.expression(value, MAX_STEPS);
            Some(reader.finish()).filter(|sql| !sql.is_fragment && sql.pieces.iter().any(|piece| piece.kind == SqlPieceKind::Text))
        }
        _ => None,
    }
}

/// Returns whether a tag is that of Drizzle, whose templates contain tables and columns as objects.
fn is_drizzle<'a>(code: &Code<'a, '_>, tag: &'a Expression<'a>) -> bool {
    let Expression::Identifier(name) = tag else { return false };
    match code.symbol(name).map(|symbol| code.binding(symbol)) {
        Some(Binding::Import(import)) => import.module.contains("drizzle"),
        _ => false,
    }
}

struct Reader<'c, 'a, 's> {
    code: &'c Code<'a, 's>,
    out: SqlText,
    values: usize,
    columns_are_objects: bool,
}

impl<'c, 'a, 's> Reader<'c, 'a, 's> {
    fn new(code: &'c Code<'a, 's>, range: Span, library: SqlLibrary) -> Reader<'c, 'a, 's> {
        let out =
            SqlText { span: range, library, text: String::new(), pieces: Vec::new(), complete: true, is_fragment: false, in_test: false };
        Reader { code, out, values: 0, columns_are_objects: false }
    }

    fn finish(mut self) -> SqlText {
        let text = self.out.text.trim_start();
        let text = text.trim_start_matches(['(', ';']).trim_start();
        let text = without_comments(text);
        let end = text.find(|letter: char| !letter.is_ascii_alphabetic()).unwrap_or(text.len());
        let word = text[..end].to_ascii_lowercase();
        self.out.is_fragment = !STATEMENTS.contains(&word.as_str());
        self.out
    }

    fn piece(&mut self, kind: SqlPieceKind, range: Span, text: &str) {
        self.out.pieces.push(SqlPiece { at: self.out.text.len() as u32, kind, span: range });
        self.out.text.push_str(text);
    }

    fn unknown(&mut self, range: Span) {
        self.piece(SqlPieceKind::Unknown, range, "");
        self.out.complete = false;
    }

    /// Reads a template. The substitutions of a tagged template are values.
    fn template(&mut self, template: &'a TemplateLiteral<'a>, is_tagged: bool) {
        for (nth, part) in template.quasis.iter().enumerate() {
            let range = span(part.span);
            let raw = part.value.raw.as_str();
            let cooked = part.value.cooked.as_ref().map_or(raw, |cooked| cooked.as_str());
            self.piece(SqlPieceKind::Text, range, cooked);
            let Some(inner) = template.expressions.get(nth) else { continue };
            if is_tagged {
                self.substitution(inner);
            } else {
                self.expression(inner, MAX_STEPS);
            }
        }
    }

    fn substitution(&mut self, inner: &'a Expression<'a>) {
        let range = span(inner.span());
        let is_sql = match plain(inner) {
            Expression::TaggedTemplateExpression(_) | Expression::ConditionalExpression(_) | Expression::ArrowFunctionExpression(_) => true,
            Expression::LogicalExpression(either) => either.operator.is_and(),
            Expression::Identifier(name) => {
                // a fragment in a variable, or a table of Drizzle
                self.columns_are_objects && self.is_imported(inner)
                    || self.code.symbol(name).and_then(|symbol| self.code.value_of(symbol)).is_some_and(is_sql_value)
            }
            other => {
                if let Some(call) = as_call(other) {
                    is_sql_call(call)
                } else {
                    self.columns_are_objects && as_member(other).is_some_and(|_| self.is_imported(other))
                }
            }
        };
        if is_sql {
            self.unknown(range);
        } else {
            self.values += 1;
            let text = format!("${}", self.values);
            self.piece(SqlPieceKind::Value, range, &text);
        }
    }

    /// Returns whether the first name of an expression is an import, or a value that is built from a table.
    fn is_imported(&self, expression: &'a Expression<'a>) -> bool {
        let mut expression = plain(expression);
        while let Some(member) = as_member(expression) {
            expression = plain(&member.object);
        }
        let Expression::Identifier(name) = expression else { return false };
        match self.code.symbol(name).map(|symbol| self.code.binding(symbol)) {
            Some(Binding::Import(_)) => true,
            // `alias(users, 'u')`, or a table that the file declares
            Some(Binding::Value(value, _)) => as_call(value).is_some_and(
                |call| matches!(callee(call), Some((name, _)) if name.ends_with("Table") || name.starts_with("alias") || name == "as"),
            ),
            _ => false,
        }
    }

    /// Reads an expression that is SQL itself.
    fn expression(&mut self, expression: &'a Expression<'a>, steps: usize) {
        let range = span(expression.span());
        let Some(steps) = steps.checked_sub(1) else {
            self.unknown(range);
            return;
        };
        let value = match self.code.constant(expression, MAX_STEPS) {
            Constant::Value(value) => value,
            _ => {
                self.unknown(range);
                return;
            }
        };
        match value {
            Expression::StringLiteral(literal) => {
                let inside = Span::new(literal.span.start + 1, literal.span.end.saturating_sub(1).max(literal.span.start + 1));
                self.piece(SqlPieceKind::Text, inside, literal.value.as_str());
            }
            Expression::TemplateLiteral(template) => self.template(template, false),
            Expression::BinaryExpression(sum) if sum.operator == oxc_ast::ast::BinaryOperator::Addition => {
                self.expression(&sum.left, steps + 1);
                self.expression(&sum.right, steps);
            }
            _ => self.unknown(range),
        }
    }
}

/// Returns whether a value is a part of a statement.
fn is_sql_value(value: &Expression) -> bool {
    match value.get_inner_expression() {
        Expression::TaggedTemplateExpression(_) | Expression::ConditionalExpression(_) => true,
        Expression::CallExpression(call) => match call.callee.get_inner_expression() {
            Expression::Identifier(name) => is_sql_function(name.name.as_str(), None),
            Expression::StaticMemberExpression(member) => is_sql_function(member.property.name.as_str(), Some(())),
            _ => false,
        },
        _ => false,
    }
}

fn is_sql_call<'a>(call: &'a oxc_ast::ast::CallExpression<'a>) -> bool {
    callee(call).is_some_and(|(name, object)| is_sql_function(name, object.map(|_| ())))
}

/// Returns whether a function returns an identifier or a fragment: `sql(…)`, `sql.raw(…)`, and the operators of Drizzle.
fn is_sql_function(name: &str, object: Option<()>) -> bool {
    match object {
        None => {
            [
                "sql",
                "eq",
                "ne",
                "and",
                "or",
                "not",
                "inArray",
                "notInArray",
                "gt",
                "gte",
                "lt",
                "lte",
                "isNull",
                "isNotNull",
                "ilike",
                "like",
            ]
            .contains(&name)
                || ["asc", "desc", "exists", "count", "sum", "raw", "Identifier", "join"].contains(&name)
        }
        Some(()) => ["raw", "identifier", "join", "ref", "table", "id", "lit", "unsafe", "fragment", "column", "empty"].contains(&name),
    }
}

/// Returns SQL without the comments at its start.
fn without_comments(mut text: &str) -> &str {
    loop {
        text = text.trim_start();
        if text.starts_with("--") {
            text = text.split_once('\n').map_or("", |(_, rest)| rest);
        } else if text.starts_with("/*") {
            text = text.split_once("*/").map_or("", |(_, rest)| rest);
        } else {
            return text;
        }
    }
}
