//! Conversion of expressions of `sqlparser`.
//!
//! Promises: the span of a node is its exact text. It is determined from the tokens around its leaves, because `sqlparser` has locations only
//! for names and literals. Chains of operators are converted without recursion, so the depth is that of parentheses. Syntax that
//! PostgreSQL does not have is rejected, even if `sqlparser` accepts it.

use super::super::cursor::{Result, SyntaxError};
use super::super::expression::{Arg, Call, Expr, ExprKind, Ident, Logic, ObjectName, SortKey};
use super::super::lexer::{TokenKind, ident_value};
use super::super::types::TypeName;
use super::super::words::is_no_column;
use super::Region;
use smol_str::SmolStr;
use sqlparser::ast;
use sqlparser::tokenizer::Span as Place;

/// Functions that are called without parentheses.
pub const BARE: [&str; 11] = [
    "current_catalog",
    "current_date",
    "current_role",
    "current_schema",
    "current_time",
    "current_timestamp",
    "current_user",
    "localtime",
    "localtimestamp",
    "session_user",
    "user",
];

/// First and last token of a node, including parentheses around it.
#[derive(Clone, Copy, Debug)]
pub struct Extent {
    pub first: usize,
    pub last: usize,
}

impl Extent {
    pub fn to(self, other: Extent) -> Extent {
        Extent { first: self.first.min(other.first), last: self.last.max(other.last) }
    }
}

/// A node with its tokens.
pub type Placed<T> = (T, Extent);

pub struct Lower<'r, 'a> {
    pub region: &'r Region<'a>,
}

impl<'r, 'a> Lower<'r, 'a> {
    pub fn new(region: &'r Region<'a>) -> Lower<'r, 'a> {
        Lower { region }
    }

    pub fn value(&self, tree: &ast::Expr) -> Result<Expr> {
        self.expr(tree).map(|(expr, _)| expr)
    }

    pub fn values<'t>(&self, trees: impl IntoIterator<Item = &'t ast::Expr>) -> Result<Vec<Expr>> {
        trees.into_iter().map(|tree| self.value(tree)).collect()
    }

    pub fn optional(&self, tree: Option<&ast::Expr>) -> Result<Option<Expr>> {
        tree.map(|tree| self.value(tree)).transpose()
    }

    /// Returns a syntax error at a token, for trees that PostgreSQL's grammar does not allow.
    pub fn refuse<T>(&self, at: usize) -> Result<T> {
        self.region.unexpected(at)
    }

    pub fn lost<T>(&self) -> Result<T> {
        let span = self.region.span(self.region.cursor.pos, self.region.cursor.end - 1);
        Err(SyntaxError { span, message: "this form of expression is not read".into() })
    }

    pub fn place(&self, place: Place) -> Result<Extent> {
        if place.start.column == 0 || place.end.column <= place.start.column {
            return self.lost();
        }
        Ok(Extent { first: self.region.index(place.start.column as u32 - 1), last: self.region.index(place.end.column as u32 - 2) })
    }

    pub fn make(&self, extent: Extent, kind: ExprKind) -> Placed<Expr> {
        (Expr::new(self.region.span(extent.first, extent.last), kind), extent)
    }

    /// Returns the parentheses directly around some tokens.
    pub fn parens_around(&self, extent: Extent) -> Result<Extent> {
        let Some(first) = extent.first.checked_sub(1) else { return self.lost() };
        match self.region.partner(first) {
            Some(last) if last > extent.last => Ok(Extent { first, last }),
            _ => self.lost(),
        }
    }

    /// Returns the token of the closing parenthesis.
    pub fn closing(&self, open: usize) -> Result<usize> {
        self.region.closing(open).map_or_else(|| self.lost(), Ok)
    }

    pub fn ident(&self, ident: &ast::Ident) -> Result<Placed<Ident>> {
        let extent = self.place(ident.span)?;
        Ok((self.ident_at(extent.first), extent))
    }

    pub fn ident_at(&self, at: usize) -> Ident {
        let token = self.region.token(at);
        Ident { name: ident_value(token, self.region.cursor.text), span: token.span() }
    }

    /// Returns an error if a keyword is used as the name of a column or relation.
    pub fn require_name(&self, at: usize) -> Result<()> {
        let keyword = self.region.is_kind(at, TokenKind::Word) && is_no_column(self.region.text(at));
        if keyword {
            self.region.cursor.refused_keyword(at);
            return self.refuse(at);
        }
        Ok(())
    }

    pub fn name(&self, ident: &ast::Ident) -> Result<SmolStr> {
        self.ident(ident).map(|(ident, _)| ident.name)
    }

    pub fn object_name(&self, name: &ast::ObjectName) -> Result<Placed<ObjectName>> {
        let mut parts = Vec::with_capacity(name.0.len());
        let mut extent: Option<Extent> = None;
        for part in &name.0 {
            let ast::ObjectNamePart::Identifier(ident) = part else { return self.lost() };
            let (ident, here) = self.ident(ident)?;
            parts.push(ident);
            extent = Some(extent.map_or(here, |extent| extent.to(here)));
        }
        match extent {
            Some(extent) => Ok((ObjectName { parts }, extent)),
            None => self.lost(),
        }
    }

    /// Converts an expression. Chains are nested to the left, so they are converted from the leftmost operand upwards.
    pub fn expr(&self, tree: &ast::Expr) -> Result<Placed<Expr>> {
        let mut spine = Vec::new();
        let mut leaf = tree;
        while let Some(left) = leftmost(leaf) {
            spine.push(leaf);
            leaf = left;
        }
        let mut built = self.prefix(leaf)?;
        while let Some(node) = spine.pop() {
            built = self.suffix(node, built)?;
        }
        Ok(built)
    }

    /// Converts a node whose left operand is already converted.
    fn suffix(&self, node: &ast::Expr, left: Placed<Expr>) -> Result<Placed<Expr>> {
        use ast::Expr::*;
        let (inner, extent) = left;
        match node {
            BinaryOp { op, right, .. } => self.binary(op, (inner, extent), right),
            IsDistinctFrom(_, right) => self.word_operator("is distinct from", (inner, extent), right),
            IsNotDistinctFrom(_, right) => self.word_operator("is not distinct from", (inner, extent), right),
            AtTimeZone { time_zone, .. } => self.word_operator("at time zone", (inner, extent), time_zone),
            Like { negated, pattern, escape_char, .. } => {
                self.like(if *negated { "not like" } else { "like" }, (inner, extent), pattern, escape_char.as_deref())
            }
            ILike { negated, pattern, escape_char, .. } => {
                self.like(if *negated { "not ilike" } else { "ilike" }, (inner, extent), pattern, escape_char.as_deref())
            }
            SimilarTo { negated, pattern, escape_char, .. } => {
                self.like(if *negated { "not similar to" } else { "similar to" }, (inner, extent), pattern, escape_char.as_deref())
            }
            AnyOp { right, .. } => self.quantified((inner, extent), right, false),
            AllOp { right, .. } => self.quantified((inner, extent), right, true),
            IsNull(_) => Ok(self.is_null(inner, extent, false)),
            IsNotNull(_) => Ok(self.is_null(inner, extent, true)),
            IsTrue(_) => Ok(self.is_bool(inner, extent, Some(true), false)),
            IsNotTrue(_) => Ok(self.is_bool(inner, extent, Some(true), true)),
            IsFalse(_) => Ok(self.is_bool(inner, extent, Some(false), false)),
            IsNotFalse(_) => Ok(self.is_bool(inner, extent, Some(false), true)),
            IsUnknown(_) => Ok(self.is_bool(inner, extent, None, false)),
            IsNotUnknown(_) => Ok(self.is_bool(inner, extent, None, true)),
            IsJson { .. } | IsNormalized { .. } => {
                const WORDS: [&str; 17] = [
                    "IS",
                    "NOT",
                    "JSON",
                    "VALUE",
                    "SCALAR",
                    "ARRAY",
                    "OBJECT",
                    "WITH",
                    "WITHOUT",
                    "UNIQUE",
                    "KEYS",
                    "NFC",
                    "NFD",
                    "NFKC",
                    "NFKD",
                    "NORMALIZED",
                    "DOCUMENT",
                ];
                let mut last = extent.last;
                while self.region.is_any(last + 1, &WORDS) {
                    last += 1;
                }
                Ok(self.make(Extent { first: extent.first, last }, ExprKind::Other(vec![inner])))
            }
            Between { negated, low, high, .. } => {
                let (low, _) = self.expr(low)?;
                let (high, end) = self.expr(high)?;
                let kind = ExprKind::Between { expr: Box::new(inner), low: Box::new(low), high: Box::new(high), negated: *negated };
                Ok(self.make(extent.to(end), kind))
            }
            InList { list, negated, .. } => {
                let mut exprs = Vec::with_capacity(list.len());
                let mut end = extent;
                for tree in list {
                    let (expr, here) = self.expr(tree)?;
                    exprs.push(expr);
                    end = here;
                }
                let last = self.outer(end)?.last;
                let kind = ExprKind::InList { expr: Box::new(inner), list: exprs, negated: *negated };
                Ok(self.make(Extent { first: extent.first, last }, kind))
            }
            InSubquery { subquery, negated, .. } => {
                let (query, within) = self.query(subquery)?;
                let last = self.parens_around(within)?.last;
                let kind = ExprKind::InQuery { expr: Box::new(inner), query: Box::new(query), negated: *negated };
                Ok(self.make(Extent { first: extent.first, last }, kind))
            }
            Cast { data_type, .. } => {
                let (to, end) = self.type_name(data_type)?;
                Ok(self.make(extent.to(end), ExprKind::Cast { expr: Box::new(inner), to }))
            }
            // collations have no effect on the analysis
            Collate { collation, .. } => {
                let (_, end) = self.object_name(collation)?;
                Ok((inner, extent.to(end)))
            }
            CompoundFieldAccess { access_chain, .. } => self.access((inner, extent), access_chain),
            _ => self.refuse(extent.first),
        }
    }

    /// Returns the innermost parentheses around some tokens, which can be further away.
    pub fn outer(&self, extent: Extent) -> Result<Extent> {
        let Some(first) = self.region.around(extent.first) else { return self.lost() };
        Ok(Extent { first, last: self.closing(first)? })
    }

    fn binary(&self, op: &ast::BinaryOperator, left: Placed<Expr>, right: &ast::Expr) -> Result<Placed<Expr>> {
        let (left, start) = left;
        let (right, end) = self.expr(right)?;
        let (left, right) = (Box::new(left), Box::new(right));
        let kind = match op {
            ast::BinaryOperator::And => ExprKind::Logic { op: Logic::And, left, right },
            ast::BinaryOperator::Or => ExprKind::Logic { op: Logic::Or, left, right },
            _ => ExprKind::Binary { op: self.operator(start.last + 1), left, right },
        };
        Ok(self.make(start.to(end), kind))
    }

    fn word_operator(&self, op: &str, left: Placed<Expr>, right: &ast::Expr) -> Result<Placed<Expr>> {
        let (right, end) = self.expr(right)?;
        let kind = ExprKind::Binary { op: op.into(), left: Box::new(left.0), right: Box::new(right) };
        Ok(self.make(left.1.to(end), kind))
    }

    fn like(&self, op: &str, left: Placed<Expr>, pattern: &ast::Expr, escape: Option<&ast::Expr>) -> Result<Placed<Expr>> {
        let (expr, extent) = self.word_operator(op, left, pattern)?;
        let Some(escape) = escape else { return Ok((expr, extent)) };
        let (_, end) = self.expr(escape)?;
        Ok(self.make(extent.to(end), expr.kind))
    }

    /// Returns the operator that begins at a token. Words are in lower case. `OPERATOR(schema.op)` has its schema.
    fn operator(&self, at: usize) -> SmolStr {
        if self.region.is_word(at, "OPERATOR") && self.region.is_kind(at + 1, TokenKind::LParen) {
            let close = self.region.partner(at + 1).unwrap_or(at + 1);
            let op = self.region.text(close - 1);
            let schema = (close > at + 4).then(|| self.region.text(close - 3)).filter(|schema| *schema != "pg_catalog");
            return schema.map_or(op.into(), |schema| format!("{schema}.{op}").into());
        }
        if self.region.is_word(at, "NOT") {
            return format!("not {}", self.region.text(at + 1).to_ascii_lowercase()).into();
        }
        match self.region.text(at) {
            "!=" => "<>".into(),
            text => text.to_ascii_lowercase().into(),
        }
    }

    fn quantified(&self, left: Placed<Expr>, right: &ast::Expr, all: bool) -> Result<Placed<Expr>> {
        let (left, extent) = left;
        let (right, end) = self.expr(right)?;
        // a subquery includes its own parentheses, and an array is inside those of ANY
        let query = matches!(right.kind, ExprKind::Subquery(_)) && self.region.is_any(end.first.wrapping_sub(1), &["ANY", "ALL", "SOME"]);
        let last = if query { end.last } else { self.parens_around(end)?.last };
        let kind = ExprKind::Quantified { left: Box::new(left), op: self.operator(extent.last + 1), all, right: Box::new(right) };
        Ok(self.make(Extent { first: extent.first, last }, kind))
    }

    fn is_null(&self, inner: Expr, extent: Extent, negated: bool) -> Placed<Expr> {
        let next = extent.last + 1;
        let last = if self.region.is_any(next, &["ISNULL", "NOTNULL"]) { next } else { next + 1 + negated as usize };
        // `x NOT NULL` means `x NOTNULL`
        let last = if self.region.is_word(next, "NOT") { next + 1 } else { last };
        self.make(Extent { first: extent.first, last }, ExprKind::IsNull { expr: Box::new(inner), negated })
    }

    fn is_bool(&self, inner: Expr, extent: Extent, value: Option<bool>, negated: bool) -> Placed<Expr> {
        let last = extent.last + 2 + negated as usize;
        self.make(Extent { first: extent.first, last }, ExprKind::IsBool { expr: Box::new(inner), value, negated })
    }

    /// Returns a type, which [`super::token_adapter`] replaced with a single name.
    fn type_name(&self, data_type: &ast::DataType) -> Result<Placed<TypeName>> {
        let ast::DataType::Custom(name, _) = data_type else { return self.lost() };
        let Some(ast::ObjectNamePart::Identifier(ident)) = name.0.first() else { return self.lost() };
        let extent = self.place(ident.span)?;
        let to = self.region.cursor.part(extent.first, extent.last + 1).type_name()?;
        Ok((to, extent))
    }

    fn access(&self, root: Placed<Expr>, chain: &[ast::AccessExpr]) -> Result<Placed<Expr>> {
        let (mut expr, mut extent) = root;
        for access in chain {
            let next = extent.last + 1;
            match access {
                ast::AccessExpr::Dot(ast::Expr::Identifier(field)) => {
                    let (field, end) = self.ident(field)?;
                    let kind = match expr.kind {
                        // `(composite).*`
                        _ if self.region.is_kind(end.last, TokenKind::Operator) => ExprKind::Other(vec![expr]),
                        // first part of `table.column[1]`
                        ExprKind::Column { mut path, binding } if !self.region.is_kind(extent.last, TokenKind::RParen) => {
                            path.push(field.name);
                            ExprKind::Column { path, binding }
                        }
                        kind => ExprKind::Field { base: Box::new(Expr::new(expr.span, kind)), field: field.name },
                    };
                    (expr, extent) = self.make(extent.to(end), kind);
                }
                ast::AccessExpr::Dot(_) => return self.refuse(next),
                ast::AccessExpr::Subscript(subscript) => {
                    let mut subscripts = self.subscript(subscript)?;
                    let end = Extent { first: next, last: self.closing(next)? };
                    let kind = match expr.kind {
                        // `a[1][2]` is a single node
                        ExprKind::Index { base, mut index } if self.region.is_kind(extent.last, TokenKind::RBracket) => {
                            index.append(&mut subscripts);
                            ExprKind::Index { base, index }
                        }
                        kind => ExprKind::Index { base: Box::new(Expr::new(expr.span, kind)), index: subscripts },
                    };
                    (expr, extent) = self.make(extent.to(end), kind);
                }
            }
        }
        Ok((expr, extent))
    }

    fn subscript(&self, subscript: &ast::Subscript) -> Result<Vec<Expr>> {
        match subscript {
            ast::Subscript::Index { index } => Ok(vec![self.value(index)?]),
            ast::Subscript::Slice { lower_bound, upper_bound, stride } => {
                self.values([lower_bound, upper_bound, stride].into_iter().flatten())
            }
        }
    }

    /// Converts a node without a left operand.
    fn prefix(&self, tree: &ast::Expr) -> Result<Placed<Expr>> {
        use ast::Expr::*;
        match tree {
            Identifier(ident) => self.identifier(ident),
            CompoundIdentifier(idents) => self.path(idents),
            Value(value) => self.literal(value),
            Nested(inner) => {
                let (expr, extent) = self.expr(inner)?;
                Ok((expr, self.parens_around(extent)?))
            }
            UnaryOp { expr, .. } => self.unary(expr),
            Function(function) => self.function(function),
            Cast { expr, data_type, .. } => {
                let (inner, within) = self.expr(expr)?;
                let (to, _) = self.type_name(data_type)?;
                let parens = self.outer(within)?;
                let extent = Extent { first: parens.first.saturating_sub(1), last: parens.last };
                Ok(self.make(extent, ExprKind::Cast { expr: Box::new(inner), to }))
            }
            Exists { subquery, negated } => {
                let (query, within) = self.query(subquery)?;
                let parens = self.parens_around(within)?;
                let first = parens.first.saturating_sub(1 + *negated as usize);
                let kind = ExprKind::Exists { query: Box::new(query), negated: *negated };
                Ok(self.make(Extent { first, last: parens.last }, kind))
            }
            Subquery(query) => {
                let (query, within) = self.query(query)?;
                Ok(self.make(self.parens_around(within)?, ExprKind::Subquery(Box::new(query))))
            }
            Case { case_token, end_token, operand, conditions, else_result } => {
                let extent = self.place(case_token.0.span)?.to(self.place(end_token.0.span)?);
                let mut whens = Vec::with_capacity(conditions.len());
                for when in conditions {
                    whens.push((self.value(&when.condition)?, self.value(&when.result)?));
                }
                let operand = self.optional(operand.as_deref())?.map(Box::new);
                let otherwise = self.optional(else_result.as_deref())?.map(Box::new);
                Ok(self.make(extent, ExprKind::Case { operand, whens, otherwise }))
            }
            Array(array) => {
                let (exprs, extent) = self.list(&array.elem)?;
                let parens = self.parens_around(extent)?;
                let first = parens.first - (array.named && parens.first > 0) as usize;
                Ok(self.make(Extent { first, last: parens.last }, ExprKind::Array(exprs)))
            }
            Tuple(items) => {
                let (exprs, extent) = self.list(items)?;
                Ok(self.make(self.parens_around(extent)?, ExprKind::Row(exprs)))
            }
            Wildcard(token) => {
                let extent = self.place(token.0.span)?;
                Ok(self.make(extent, ExprKind::Star { qualifier: Vec::new() }))
            }
            // bound of a window frame; other intervals are converted to one token
            Interval(interval) => self.expr(&interval.value),
            Named { expr, name } => {
                let (inner, extent) = self.expr(expr)?;
                let end = self.place(name.span)?;
                Ok(self.make(extent.to(end), ExprKind::Other(vec![inner])))
            }
            _ => self.lost(),
        }
    }

    /// Converts expressions between commas. Returns their common extent.
    fn list(&self, trees: &[ast::Expr]) -> Result<Placed<Vec<Expr>>> {
        let mut exprs = Vec::with_capacity(trees.len());
        let mut extent: Option<Extent> = None;
        for tree in trees {
            let (expr, here) = self.expr(tree)?;
            exprs.push(expr);
            extent = Some(extent.map_or(here, |extent| extent.to(here)));
        }
        match extent {
            Some(extent) => Ok((exprs, extent)),
            None => self.lost(),
        }
    }

    fn identifier(&self, ident: &ast::Ident) -> Result<Placed<Expr>> {
        let (ident, extent) = self.ident(ident)?;
        if self.region.is_kind(extent.first, TokenKind::Word) {
            if ident.name == "default" {
                return Ok(self.make(extent, ExprKind::Other(Vec::new())));
            }
            if BARE.contains(&ident.name.as_str()) {
                let name = ObjectName { parts: vec![ident] };
                return Ok(self.make(extent, ExprKind::Call(Box::new(plain_call(name, Vec::new())))));
            }
            self.require_name(extent.first)?;
        }
        let kind = ExprKind::Column { path: vec![ident.name], binding: Default::default() };
        Ok(self.make(extent, kind))
    }

    fn path(&self, idents: &[ast::Ident]) -> Result<Placed<Expr>> {
        let mut path = Vec::with_capacity(idents.len());
        let mut extent: Option<Extent> = None;
        for ident in idents {
            let (ident, here) = self.ident(ident)?;
            path.push(ident.name);
            extent = Some(extent.map_or(here, |extent| extent.to(here)));
        }
        match extent {
            Some(extent) if self.region.is_kind(extent.last, TokenKind::Operator) => {
                path.pop();
                Ok(self.make(extent, ExprKind::Star { qualifier: path }))
            }
            Some(extent) => Ok(self.make(extent, ExprKind::Column { path, binding: Default::default() })),
            None => self.lost(),
        }
    }

    fn literal(&self, value: &ast::ValueWithSpan) -> Result<Placed<Expr>> {
        let extent = self.place(value.span)?;
        let kind = match &value.value {
            ast::Value::Number(text, _) => ExprKind::Number(text.into()),
            ast::Value::Boolean(value) => ExprKind::Bool(*value),
            ast::Value::Null => ExprKind::Null,
            ast::Value::SingleQuotedString(text) | ast::Value::EscapedStringLiteral(text) | ast::Value::HexStringLiteral(text) => {
                ExprKind::String(text.into())
            }
            ast::Value::Placeholder(text) if !text.is_empty() => ExprKind::Param(text.into()),
            ast::Value::Placeholder(_) if self.region.is_kind(extent.last, TokenKind::RBracket) => ExprKind::Array(Vec::new()),
            // `CURRENT OF cursor`
            ast::Value::Placeholder(_) if self.region.is_word(extent.first, "CURRENT") => ExprKind::Other(Vec::new()),
            // `AT LOCAL`
            ast::Value::Placeholder(_) if self.region.is_word(extent.first, "LOCAL") => ExprKind::Other(Vec::new()),
            ast::Value::Placeholder(_) => self.typed_literal(extent)?,
            _ => return self.refuse(extent.first),
        };
        Ok(self.make(extent, kind))
    }

    /// Converts a typed literal such as `interval '1' day` to a cast of the string.
    fn typed_literal(&self, extent: Extent) -> Result<ExprKind> {
        let mut part = self.region.cursor.part(extent.first, extent.last + 1);
        let to = part.type_name()?;
        let first = part.pos;
        let text = part.string()?;
        let span = part.span_from(first);
        Ok(ExprKind::Cast { expr: Box::new(Expr::new(span, ExprKind::String(text.into()))), to })
    }

    fn unary(&self, tree: &ast::Expr) -> Result<Placed<Expr>> {
        let (inner, within) = self.expr(tree)?;
        let Some(first) = within.first.checked_sub(1).filter(|at| self.region.inside(*at)) else { return self.lost() };
        let extent = Extent { first, last: within.last };
        let kind = if self.region.is_word(first, "NOT") {
            ExprKind::Not(Box::new(inner))
        } else {
            ExprKind::Unary { op: self.region.text(first).into(), expr: Box::new(inner) }
        };
        Ok(self.make(extent, kind))
    }

    fn function(&self, function: &ast::Function) -> Result<Placed<Expr>> {
        let (name, mut extent) = self.object_name(&function.name)?;
        let open = extent.last + 1;
        let mut call = plain_call(name, Vec::new());
        match &function.args {
            ast::FunctionArguments::None => {}
            ast::FunctionArguments::Subquery(query) => {
                extent.last = self.closing(open)?;
                let (query, _) = self.query(query)?;
                return Ok(self.make(extent, ExprKind::ArrayQuery(Box::new(query))));
            }
            ast::FunctionArguments::List(list) => {
                extent.last = self.closing(open)?;
                call.distinct = matches!(list.duplicate_treatment, Some(ast::DuplicateTreatment::Distinct));
                call.args.reserve_exact(list.args.len());
                for arg in &list.args {
                    let arg = self.arg(arg, open)?;
                    call.args.push(arg);
                }
                for clause in &list.clauses {
                    match clause {
                        ast::FunctionArgumentClause::OrderBy(keys) => call.order_by = self.sort_keys(keys)?,
                        // syntax of BigQuery
                        ast::FunctionArgumentClause::Limit(expr) | ast::FunctionArgumentClause::Where(expr) => {
                            let (_, within) = self.expr(expr)?;
                            return self.refuse(within.first - 1);
                        }
                        _ => {}
                    }
                }
            }
        }
        self.after_call(function, &mut call, &mut extent)?;
        if self.region.is_word(extent.first, "ROW") && call.name.parts.len() == 1 {
            let items = call.args.into_iter().map(|arg| arg.value).collect();
            return Ok(self.make(extent, ExprKind::Row(items)));
        }
        if call.name.parts.len() == 1 {
            self.special(&mut call, open);
        }
        Ok(self.make(extent, ExprKind::Call(Box::new(call))))
    }

    /// Converts `WITHIN GROUP (…) FILTER (…) OVER (…)`.
    fn after_call(&self, function: &ast::Function, call: &mut Call, extent: &mut Extent) -> Result<()> {
        if !function.within_group.is_empty() {
            call.order_by = self.sort_keys(&function.within_group)?;
            extent.last = self.closing(extent.last + 3)?;
        }
        if let Some(filter) = &function.filter {
            call.filter = Some(self.value(filter)?);
            extent.last = self.closing(extent.last + 2)?;
        }
        match &function.over {
            None => {}
            Some(ast::WindowType::NamedWindow(name)) => {
                call.over = Some(Vec::new());
                *extent = extent.to(self.place(name.span)?);
            }
            Some(ast::WindowType::WindowSpec(window)) => {
                call.over = Some(self.window(window)?);
                extent.last = self.closing(extent.last + 2)?;
            }
        }
        Ok(())
    }

    pub fn window(&self, window: &ast::WindowSpec) -> Result<Vec<Expr>> {
        let mut exprs = self.values(&window.partition_by)?;
        exprs.extend(self.values(window.order_by.iter().map(|key| &key.expr))?);
        if let Some(frame) = &window.window_frame {
            for bound in [Some(&frame.start_bound), frame.end_bound.as_ref()].into_iter().flatten() {
                if let ast::WindowFrameBound::Preceding(Some(expr)) | ast::WindowFrameBound::Following(Some(expr)) = bound {
                    exprs.push(self.value(expr)?);
                }
            }
        }
        Ok(exprs)
    }

    pub fn arg(&self, arg: &ast::FunctionArg, open: usize) -> Result<Arg> {
        match arg {
            ast::FunctionArg::Unnamed(value) => Ok(Arg { name: None, value: self.arg_value(value, open)? }),
            ast::FunctionArg::Named { name, arg, .. } => Ok(Arg { name: Some(self.name(name)?), value: self.arg_value(arg, open)? }),
            ast::FunctionArg::ExprNamed { name: ast::Expr::Identifier(name), arg, operator: ast::FunctionArgOperator::RightArrow } => {
                Ok(Arg { name: Some(self.name(name)?), value: self.arg_value(arg, open)? })
            }
            // `json_object('key': value)`
            ast::FunctionArg::ExprNamed { name, arg, .. } => {
                let (key, value) = (self.value(name)?, self.arg_value(arg, open)?);
                Ok(Arg { name: None, value: Expr::new(key.span.to(value.span), ExprKind::Other(vec![key, value])) })
            }
        }
    }

    fn arg_value(&self, value: &ast::FunctionArgExpr, open: usize) -> Result<Expr> {
        match value {
            ast::FunctionArgExpr::Expr(tree) => self.value(tree),
            ast::FunctionArgExpr::QualifiedWildcard(_) => self.refuse(open),
            ast::FunctionArgExpr::Wildcard | ast::FunctionArgExpr::WildcardWithOptions(_) => {
                let at = open + 1;
                Ok(self.make(Extent { first: at, last: at }, ExprKind::Star { qualifier: Vec::new() }).0)
            }
        }
    }

    /// Adjusts functions whose arguments are separated by keywords.
    fn special(&self, call: &mut Call, open: usize) {
        match call.name.last() {
            "extract" => {
                if let Some(Arg { value, .. }) = call.args.first_mut()
                    && let Some(field) = value.column().map(SmolStr::from)
                {
                    value.kind = ExprKind::String(field);
                }
            }
            "collation" if self.region.is_word(open - 1, "FOR") => {
                if let Some(part) = call.name.parts.first_mut() {
                    part.name = "pg_collation_for".into();
                }
            }
            "trim" => {
                let name = match self.region.text(open + 1).to_ascii_lowercase().as_str() {
                    "leading" => "ltrim",
                    "trailing" => "rtrim",
                    _ => "btrim",
                };
                if let Some(part) = call.name.parts.first_mut() {
                    part.name = name.into();
                }
                // `trim('x' FROM y)` means `btrim(y, 'x')`
                if call.args.len() == 2 && self.divided_by_from(&call.args) {
                    call.args.swap(0, 1);
                }
            }
            _ => {}
        }
    }

    fn divided_by_from(&self, args: &[Arg]) -> bool {
        args.get(1).is_some_and(|arg| {
            let mut at = self.region.index(arg.value.span.start);
            while at > 0 && self.region.is_kind(at - 1, TokenKind::LParen) {
                at -= 1;
            }
            at > 0 && self.region.is_word(at - 1, "FROM")
        })
    }

    pub fn sort_keys(&self, keys: &[ast::OrderByExpr]) -> Result<Vec<SortKey>> {
        keys.iter()
            .map(|key| {
                Ok(SortKey {
                    expr: self.value(&key.expr)?,
                    descending: matches!(key.options.sort, Some(ast::OrderBySort::Desc)),
                    nulls_first: key.options.nulls_first,
                })
            })
            .collect()
    }
}

pub fn plain_call(name: ObjectName, args: Vec<Arg>) -> Call {
    Call { name, args, distinct: false, order_by: Vec::new(), filter: None, over: None }
}

/// Returns the left operand of a node.
fn leftmost(tree: &ast::Expr) -> Option<&ast::Expr> {
    use ast::Expr::*;
    match tree {
        BinaryOp { left, .. } | AnyOp { left, .. } | AllOp { left, .. } | IsDistinctFrom(left, _) | IsNotDistinctFrom(left, _) => {
            Some(left)
        }
        AtTimeZone { timestamp, .. } => Some(timestamp),
        Like { expr, .. }
        | ILike { expr, .. }
        | SimilarTo { expr, .. }
        | IsJson { expr, .. }
        | IsNormalized { expr, .. }
        | Between { expr, .. }
        | InList { expr, .. }
        | InSubquery { expr, .. }
        | Collate { expr, .. } => Some(expr),
        IsNull(expr) | IsNotNull(expr) | IsTrue(expr) | IsNotTrue(expr) | IsFalse(expr) | IsNotFalse(expr) | IsUnknown(expr)
        | IsNotUnknown(expr) => Some(expr),
        Cast { expr, kind: ast::CastKind::DoubleColon, .. } => Some(expr),
        CompoundFieldAccess { root, .. } => Some(root),
        _ => None,
    }
}
