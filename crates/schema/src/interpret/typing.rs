//! Types of expressions, and type errors: missing operators, values that cannot be assigned, and invalid literals.
//!
//! Promises: a reported error is certain. Only obvious types are determined. Types with other conversions (of extensions, or with casts and
//! operators of the project) are not compared.
//! Source: PostgreSQL's documentation, "Type Conversion", and `pg_cast` and `pg_operator`.

use super::{Context, Meaning};
use crate::catalog::name::QName;
use crate::catalog::object::{Certainty, DataType, TypeKind};
use crate::catalog::{Catalog, SqlError};
use crate::source::Site;
use crate::syntax::expression::*;

/// Types that PostgreSQL compares and assigns without an explicit cast.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Family {
    Number,
    Text,
    Bool,
    Uuid,
    /// Dates and time stamps.
    Time,
    Json,
    Jsonb,
    Enum(QName),
    Array(Box<Family>),
}

/// Numeric types, from narrow to wide.
const NUMBERS: [&str; 6] = ["smallint", "integer", "bigint", "numeric", "real", "double precision"];
const TIMES: [&str; 3] = ["date", "timestamp without time zone", "timestamp with time zone"];
const COMPARISONS: [&str; 7] = ["=", "<>", "!=", "<", ">", "<=", ">="];

fn unknown() -> DataType {
    DataType::builtin("unknown")
}

fn array_of(ty: DataType) -> Option<DataType> {
    (!ty.array).then_some(DataType { array: true, setof: false, ..ty })
}

/// Returns the operator of a keyword.
fn operator(word: &str) -> &str {
    match word {
        "like" => "~~",
        "not like" => "!~~",
        "ilike" => "~~*",
        "not ilike" => "!~~*",
        "!=" => "<>",
        "is distinct from" | "is not distinct from" => "=",
        other => other,
    }
}

impl Context<'_> {
    /// Returns the type of a bound expression if it is obvious. The type of a quoted literal and of NULL is `unknown`.
    pub fn type_of(&self, expr: &Expr) -> Option<DataType> {
        let boolean = || Some(DataType::builtin("boolean"));
        match &expr.kind {
            ExprKind::Cast { to, .. } => Some(DataType { setof: false, ..self.data_type(to) }),
            ExprKind::Column { path, binding: Binding::Column { relation: Some(relation), .. } } => {
                let relation = QName::new(relation.0.clone(), relation.1.clone());
                let name = path.last()?;
                let drafted = self.draft.as_ref().filter(|draft| draft.0 == relation);
                let found = match drafted {
                    Some((_, columns)) => columns.iter().find(|(column, _)| column == name).map(|(_, ty)| ty.clone()),
                    None => self.catalog.column_type(&relation, name),
                };
                found.filter(|ty| !ty.is("unknown"))
            }
            ExprKind::IsNull { .. }
            | ExprKind::IsBool { .. }
            | ExprKind::Not(_)
            | ExprKind::Exists { .. }
            | ExprKind::Logic { .. }
            | ExprKind::Between { .. }
            | ExprKind::InList { .. }
            | ExprKind::InQuery { .. }
            | ExprKind::Quantified { .. }
            | ExprKind::Bool(_) => boolean(),
            ExprKind::String(_) | ExprKind::Null => Some(unknown()),
            ExprKind::Number(text) => Some(DataType::builtin(if text.parse::<i32>().is_ok() {
                "integer"
            } else if text.parse::<i64>().is_ok() {
                "bigint"
            } else {
                "numeric"
            })),
            ExprKind::Unary { op, expr } if op == "-" || op == "+" => {
                self.type_of(expr).filter(|ty| self.family(ty) == Some(Family::Number))
            }
            ExprKind::Binary { op, left, right } => self.types.recall(expr, || self.type_of_binary(op, left, right)),
            ExprKind::Call(call) => self.type_of_call(call),
            ExprKind::Case { whens, otherwise, .. } => {
                let results = whens.iter().map(|(_, result)| result).chain(otherwise.as_deref());
                self.common(&results.collect::<Vec<_>>())
            }
            ExprKind::Subquery(query) => self.type_of_query(query),
            ExprKind::ArrayQuery(query) => array_of(self.type_of_query(query)?),
            ExprKind::Array(items) if !items.is_empty() => array_of(self.common(&items.iter().collect::<Vec<_>>())?),
            ExprKind::Index { base, index } => {
                let base = self.type_of(base)?;
                (base.array && index.len() == 1).then_some(DataType { array: false, ..base })
            }
            ExprKind::Unary { .. }
            | ExprKind::Array(_)
            | ExprKind::Column { .. }
            | ExprKind::Star { .. }
            | ExprKind::Param(_)
            | ExprKind::Row(_)
            | ExprKind::Field { .. }
            | ExprKind::Other(_) => None,
        }
    }

    /// Returns the type of a query with one column.
    fn type_of_query(&self, query: &Query) -> Option<DataType> {
        let [target] = query.select()?.targets.as_slice() else { return None };
        let ty = self.type_of(&target.expr)?;
        Some(if ty.is("unknown") { DataType::builtin("text") } else { ty })
    }

    /// Returns the common type of several values, as in CASE and COALESCE.
    fn common(&self, exprs: &[&Expr]) -> Option<DataType> {
        let mut found: Option<DataType> = None;
        for expr in exprs {
            let ty = self.type_of(expr)?;
            if ty.is("unknown") {
                continue;
            }
            found = Some(match found {
                None => ty,
                Some(known) if known.signature() == ty.signature() => DataType { modifiers: Vec::new(), ..known },
                Some(known) => wider(&known, &ty)?,
            });
        }
        Some(found.unwrap_or_else(|| DataType::builtin("text")))
    }

    fn type_of_binary(&self, op: &str, left: &Expr, right: &Expr) -> Option<DataType> {
        let builtin = |name| Some(DataType::builtin(name));
        match op {
            "="
            | "<>"
            | "!="
            | "<"
            | ">"
            | "<="
            | ">="
            | "like"
            | "not like"
            | "ilike"
            | "not ilike"
            | "is distinct from"
            | "is not distinct from"
            | "~"
            | "~*"
            | "!~"
            | "!~*"
            | "@>"
            | "<@"
            | "?"
            | "?|"
            | "?&"
            | "&&"
            | "@@" => builtin("boolean"),
            "->>" | "#>>" => builtin("text"),
            "->" | "#>" => self.type_of(left).filter(DataType::is_json),
            "at time zone" => match self.type_of(left)?.base.as_str() {
                "timestamp with time zone" => builtin("timestamp without time zone"),
                "timestamp without time zone" => builtin("timestamp with time zone"),
                _ => None,
            },
            "||" => {
                let (left, right) = (self.type_of(left)?, self.type_of(right)?);
                match (self.family(&left), self.family(&right)) {
                    _ if left.is("unknown") && right.is("unknown") => builtin("text"),
                    (Some(Family::Text), Some(Family::Text | Family::Number | Family::Bool | Family::Uuid | Family::Time)) => {
                        builtin("text")
                    }
                    (Some(Family::Number | Family::Bool | Family::Uuid | Family::Time), Some(Family::Text)) => builtin("text"),
                    (Some(Family::Text), None) if right.is("unknown") => builtin("text"),
                    (None, Some(Family::Text)) if left.is("unknown") => builtin("text"),
                    (Some(Family::Jsonb), Some(Family::Jsonb)) => builtin("jsonb"),
                    _ => None,
                }
            }
            "+" | "-" | "*" | "/" | "%" => {
                let (left, right) = (self.type_of(left)?, self.type_of(right)?);
                match (self.family(&left), self.family(&right)) {
                    (Some(Family::Number), Some(Family::Number)) => wider(&left, &right).or(Some(left)).map(plain),
                    (Some(Family::Number), None) if right.is("unknown") => Some(plain(left)),
                    (None, Some(Family::Number)) if left.is("unknown") => Some(plain(right)),
                    (Some(Family::Time), Some(Family::Time)) if op == "-" => {
                        builtin(if left.is("date") && right.is("date") { "integer" } else { "interval" })
                    }
                    (Some(Family::Time), Some(Family::Number)) if left.is("date") => Some(left),
                    (Some(Family::Time), None) if right.is("interval") => {
                        if left.is("date") {
                            builtin("timestamp without time zone")
                        } else {
                            Some(plain(left))
                        }
                    }
                    _ => None,
                }
            }
            _ => None,
        }
    }

    fn type_of_call(&self, call: &Call) -> Option<DataType> {
        match self.catalog.callable(&call.name, call.args.len()).as_slice() {
            [] => {}
            [function] => return function.returns.clone().filter(|ty| !ty.setof && function.outputs().count() == 0),
            _ => return None,
        }
        if call.name.schema().is_some_and(|schema| schema != "pg_catalog") {
            return None;
        }
        let arg = |at: usize| call.args.get(at).map(|arg| &arg.value);
        let builtin = |name: &str| Some(DataType::builtin(name));
        match call.name.last() {
            "lower" | "upper" | "trim" | "btrim" | "ltrim" | "rtrim" => {
                // these functions have another meaning for ranges
                self.type_of(arg(0)?).filter(|ty| ty.is("unknown") || self.family(ty) == Some(Family::Text))?;
                builtin("text")
            }
            "concat" | "concat_ws" | "replace" | "left" | "right" | "initcap" | "md5" | "repeat" | "format" | "to_char" | "split_part"
            | "regexp_replace" | "translate" | "lpad" | "rpad" | "encode" | "chr" | "current_setting" | "quote_ident" | "quote_literal"
            | "array_to_string" => builtin("text"),
            "length" | "char_length" | "character_length" | "octet_length" | "strpos" | "position" | "ascii" | "array_length"
            | "cardinality" | "jsonb_array_length" | "json_array_length" => builtin("integer"),
            "count" | "row_number" | "rank" | "dense_rank" => builtin("bigint"),
            "bool_and" | "bool_or" | "every" | "starts_with" => builtin("boolean"),
            "now" | "current_timestamp" | "clock_timestamp" | "statement_timestamp" | "transaction_timestamp" => {
                builtin("timestamp with time zone")
            }
            "current_date" | "to_date" | "make_date" => builtin("date"),
            "user" | "current_user" | "session_user" | "current_role" | "current_schema" if call.args.is_empty() => builtin("name"),
            "gen_random_uuid" | "uuid_generate_v4" => builtin("uuid"),
            "to_jsonb" | "jsonb_build_object" | "jsonb_build_array" | "jsonb_agg" | "jsonb_object_agg" | "jsonb_set" => builtin("jsonb"),
            "to_json" | "row_to_json" | "json_build_object" | "json_build_array" | "json_agg" | "json_object_agg" => builtin("json"),
            "extract" => builtin("numeric"),
            "date_part" | "random" => builtin("double precision"),
            "coalesce" | "greatest" | "least" => self.common(&call.args.iter().map(|arg| &arg.value).collect::<Vec<_>>()),
            "max" | "min" => self.type_of(arg(0)?).map(plain).filter(|ty| self.family(ty).is_some_and(|family| family != Family::Text)),
            "sum" => match self.type_of(arg(0)?)?.base.as_str() {
                "smallint" | "integer" => builtin("bigint"),
                "bigint" | "numeric" => builtin("numeric"),
                "real" => builtin("real"),
                "double precision" => builtin("double precision"),
                _ => None,
            },
            "avg" => match self.type_of(arg(0)?)?.base.as_str() {
                "smallint" | "integer" | "bigint" | "numeric" => builtin("numeric"),
                "real" | "double precision" => builtin("double precision"),
                _ => None,
            },
            "round" | "trunc" if call.args.len() == 2 => builtin("numeric"),
            "round" | "trunc" | "ceil" | "ceiling" | "floor" => match self.type_of(arg(0)?)?.base.as_str() {
                "numeric" => builtin("numeric"),
                "smallint" | "integer" | "bigint" | "real" | "double precision" => builtin("double precision"),
                _ => None,
            },
            "date_trunc" if call.args.len() == 2 => match self.type_of(arg(1)?)?.base.as_str() {
                "date" | "timestamp with time zone" => builtin("timestamp with time zone"),
                "timestamp without time zone" => builtin("timestamp without time zone"),
                _ => None,
            },
            "array_agg" => array_of(self.type_of(arg(0)?).filter(|ty| !ty.is("unknown")).map(plain)?),
            _ => None,
        }
    }

    /// Returns the family of a type, or `None` if the conversions of the type are unknown.
    fn family(&self, ty: &DataType) -> Option<Family> {
        if ty.array {
            let element = DataType { array: false, ..ty.clone() };
            return self.family(&element).map(|family| Family::Array(Box::new(family)));
        }
        if let Some(name) = &ty.user {
            let known = self.catalog.types.get(name)?;
            return match &known.kind {
                TypeKind::Enum(_) if known.certainty == Certainty::Certain => Some(Family::Enum((**name).clone())),
                TypeKind::Domain { base, .. } => self.family(base),
                TypeKind::Enum(_) | TypeKind::Composite(_) | TypeKind::Range | TypeKind::Base | TypeKind::Shell => None,
            };
        }
        match ty.base.as_str() {
            "text" | "character varying" | "character" | "name" => Some(Family::Text),
            "boolean" => Some(Family::Bool),
            "uuid" => Some(Family::Uuid),
            "json" => Some(Family::Json),
            "jsonb" => Some(Family::Jsonb),
            base if NUMBERS.contains(&base) => Some(Family::Number),
            base if TIMES.contains(&base) => Some(Family::Time),
            _ => None,
        }
    }

    /// Returns an error if the operands of an expression have unsuitable types. The operands must be bound and checked.
    pub fn check_types(&self, expr: &Expr) -> Meaning {
        if self.catalog.own_operators {
            return Ok(());
        }
        match &expr.kind {
            ExprKind::Binary { op, left, right } => self.check_operator(op, left, right),
            ExprKind::InList { expr, list, .. } => list.iter().try_for_each(|item| self.check_operator("=", expr, item)),
            ExprKind::Between { expr, low, high, .. } => {
                self.check_operator(">=", expr, low)?;
                self.check_operator("<=", expr, high)
            }
            ExprKind::InQuery { expr, query, .. } => match (self.type_of(expr), self.type_of_query(query)) {
                (Some(left), Some(right)) if !left.is("unknown") => self.compare("=", &left, &right),
                _ => Ok(()),
            },
            ExprKind::Quantified { left, op, right, .. } if COMPARISONS.contains(&op.as_str()) => {
                let (Some(left), Some(of_right)) = (self.type_of(left), self.type_of(right)) else { return Ok(()) };
                match right.kind {
                    _ if left.is("unknown") => Ok(()),
                    // `ANY ((SELECT …))` compares with each row, not with the elements of an array
                    ExprKind::Subquery(_) => self.compare(op, &left, &of_right),
                    _ if of_right.array => self.compare(op, &left, &DataType { array: false, ..of_right }),
                    _ => Ok(()),
                }
            }
            ExprKind::Cast { expr, to } => match &expr.kind {
                ExprKind::String(text) if to.modifiers.is_empty() => self.check_literal(text, &self.data_type(to)),
                _ => Ok(()),
            },
            ExprKind::Call(call) if matches!(call.name.last(), "sum" | "avg") && call.name.schema().is_none() => {
                let Some(ty) = call.args.first().and_then(|arg| self.type_of(&arg.value)) else { return Ok(()) };
                let own = !self.catalog.callable(&call.name, call.args.len()).is_empty();
                match self.family(&ty) {
                    None | Some(Family::Number) => Ok(()),
                    Some(_) if own => Ok(()),
                    Some(_) => {
                        Err(SqlError::new("42883", format!("function {}({}) does not exist", call.name, self.catalog.shown_type(&ty))))
                    }
                }
            }
            _ => Ok(()),
        }
    }

    fn check_operator(&self, op: &str, left: &Expr, right: &Expr) -> Meaning {
        let op = operator(op);
        if matches!(op, "<->" | "<=>" | "<#>" | "<+>") {
            return self.check_distance(op, left, right);
        }
        let pattern = matches!(op, "~~" | "!~~" | "~~*" | "!~~*" | "~" | "~*" | "!~" | "!~*");
        if !(pattern || COMPARISONS.contains(&op) || matches!(op, "+" | "-" | "*" | "/" | "%")) {
            return Ok(());
        }
        let (Some(one), Some(other)) = (self.type_of(left), self.type_of(right)) else { return Ok(()) };
        match (&left.kind, &right.kind) {
            (_, ExprKind::String(text)) if COMPARISONS.contains(&op) && !one.is("unknown") => return self.check_literal(text, &one),
            (ExprKind::String(text), _) if COMPARISONS.contains(&op) && !other.is("unknown") => return self.check_literal(text, &other),
            _ => {}
        }
        if pattern {
            let wrong = matches!(
                self.family(&one),
                Some(Family::Number | Family::Bool | Family::Uuid | Family::Time | Family::Json | Family::Jsonb | Family::Enum(_))
            );
            return if wrong { Err(no_operator(self.catalog, op, &one, &other)) } else { Ok(()) };
        }
        if one.is("unknown") || other.is("unknown") {
            return Ok(());
        }
        self.compare(op, &one, &other)
    }

    /// Returns an error if an operator of pgvector is not on the search_path.
    /// Source: PostgreSQL's documentation, "The Schema Search Path".
    fn check_distance(&self, op: &str, left: &Expr, right: &Expr) -> Meaning {
        let (one, other) = (self.type_of(left), self.type_of(right));
        let is_vector = |name: &QName| {
            matches!(name.name.as_str(), "vector" | "halfvec" | "sparsevec")
                && self.catalog.types.get(name).is_some_and(|ty| ty.of_extension && ty.certainty == Certainty::Certain)
        };
        let name = [&one, &other].into_iter().flatten().filter_map(|ty| ty.user.as_deref()).find(|name| is_vector(name));
        match name.filter(|name| !self.catalog.search_path().contains(&name.schema)) {
            Some(name) => {
                let vector = DataType { base: name.name.clone(), user: Some(Box::new(name.clone())), ..DataType::builtin("") };
                Err(no_operator(self.catalog, op, one.as_ref().unwrap_or(&vector), other.as_ref().unwrap_or(&vector)))
            }
            None => Ok(()),
        }
    }

    fn compare(&self, op: &str, left: &DataType, right: &DataType) -> Meaning {
        let (Some(one), Some(other)) = (self.family(left), self.family(right)) else { return Ok(()) };
        // arithmetic is checked only for families without operators on other types
        let summed = |family: &Family| matches!(family, Family::Number | Family::Text | Family::Bool | Family::Uuid);
        let fits = match COMPARISONS.contains(&op) {
            true => one == other,
            false => one == Family::Number && other == Family::Number || !(summed(&one) && summed(&other)),
        };
        if fits { Ok(()) } else { Err(no_operator(self.catalog, op, left, right)) }
    }

    /// Returns whether an assignment converts `from` to `to`, or `None` if that is unknown.
    fn assignable(&self, from: &DataType, to: &DataType) -> Option<bool> {
        if self.catalog.own_operators || from.is("unknown") {
            return None;
        }
        let (from, to) = (self.family(from)?, self.family(to)?);
        Some(converts(&from, &to))
    }

    /// Returns an error if a value cannot be assigned to a column. `what` is the noun for the value in PostgreSQL's message.
    pub fn check_value(&self, column: &str, ty: &DataType, value: &Expr, what: &str) -> Meaning {
        if let ExprKind::String(text) = &value.kind {
            return self.check_literal(text, ty);
        }
        let Some(from) = self.type_of(value) else { return Ok(()) };
        match self.assignable(&from, ty) {
            Some(false) => {
                let (ty, from) = (self.catalog.shown_type(ty), self.catalog.shown_type(&from));
                Err(SqlError::new("42804", format!("column \"{column}\" is of type {ty} but {what} is of type {from}")))
            }
            _ => Ok(()),
        }
    }

    /// Returns an error if ALTER COLUMN … TYPE without USING cannot convert the column or its default by assignment.
    pub fn check_conversion(&self, column: &str, from: &DataType, to: &DataType, subject: &str) -> Meaning {
        match self.assignable(from, to) {
            Some(false) => {
                let reason = format!("{subject} \"{column}\" cannot be cast automatically to type {}", self.catalog.shown_type(to));
                Err(SqlError::new("42804", reason))
            }
            _ => Ok(()),
        }
    }

    /// Returns whether a foreign key can compare the two types.
    pub fn are_comparable(&self, one: &DataType, other: &DataType) -> bool {
        match (self.family(one), self.family(other)) {
            (Some(one), Some(other)) => one == other || self.catalog.own_operators,
            _ => true,
        }
    }

    /// Returns an error if a condition is not boolean. `place` is PostgreSQL's name for the clause: `WHERE`, `CHECK`, `POLICY`.
    pub fn check_condition(&self, expr: &Expr, place: &str) -> Meaning {
        let Some(ty) = self.type_of(expr) else { return Ok(()) };
        match self.family(&ty) {
            None | Some(Family::Bool) => Ok(()),
            Some(_) => {
                let reason = format!("argument of {place} must be type boolean, not type {}", self.catalog.shown_type(&ty));
                Err(SqlError::new("42804", reason))
            }
        }
    }

    /// Returns an error if a literal is invalid for its type.
    fn check_literal(&self, text: &str, ty: &DataType) -> Meaning {
        let invalid = |of: &str| Err(SqlError::new("22P02", format!("invalid input syntax for type {of}: \"{text}\"")));
        let trimmed = text.trim();
        if ty.array {
            let known = self.family(ty).is_some();
            return if known && !trimmed.starts_with(['{', '[']) {
                Err(SqlError::new("22P02", format!("malformed array literal: \"{text}\"")))
            } else {
                Ok(())
            };
        }
        let lower = trimmed.to_ascii_lowercase();
        match self.family(ty) {
            Some(Family::Enum(name)) => self.check_label(&name, text),
            Some(Family::Uuid) => {
                let digits = trimmed.chars().filter(|c| c.is_ascii_hexdigit()).count();
                let others = trimmed.chars().all(|c| c.is_ascii_hexdigit() || matches!(c, '-' | '{' | '}'));
                if digits == 32 && others { Ok(()) } else { invalid("uuid") }
            }
            Some(Family::Bool) => {
                let begins = |word: &str, least: usize| lower.len() >= least && word.starts_with(&lower);
                let fits = ["true", "false", "yes", "no"].iter().any(|word| begins(word, 1)) || begins("on", 2) || begins("off", 2);
                if fits || lower == "0" || lower == "1" { Ok(()) } else { invalid("boolean") }
            }
            Some(Family::Number) => {
                let special = ["nan", "inf", "infinity"].contains(&lower.trim_start_matches(['+', '-']));
                let whole = matches!(ty.base.as_str(), "smallint" | "integer" | "bigint");
                let digits = trimmed.bytes().any(|byte| byte.is_ascii_digit());
                let number = if whole { digits && !trimmed.contains(['.', ' ', ',']) } else { digits || special };
                if number { Ok(()) } else { invalid(&ty.canonical()) }
            }
            Some(Family::Time) => {
                let words = ["now", "today", "tomorrow", "yesterday", "epoch", "infinity", "-infinity", "+infinity"];
                if words.contains(&lower.as_str()) || trimmed.bytes().any(|byte| byte.is_ascii_digit()) {
                    return Ok(());
                }
                let reason = format!("invalid input syntax for type {}: \"{text}\"", ty.canonical());
                Err(SqlError::new("22007", reason))
            }
            Some(Family::Json | Family::Jsonb) => {
                // PostgreSQL and serde_json differ in which escapes they accept
                let read = text.contains("\\u") || serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok();
                if read { Ok(()) } else { Err(SqlError::new("22P02", "invalid input syntax for type json")) }
            }
            Some(Family::Text | Family::Array(_)) | None => Ok(()),
        }
    }

    /// Returns an error if an enum does not have the label, or if the same transaction added it.
    fn check_label(&self, name: &QName, text: &str) -> Meaning {
        let Some(ty) = self.catalog.types.get(name) else { return Ok(()) };
        let TypeKind::Enum(labels) = &ty.kind else { return Ok(()) };
        let Some(label) = labels.iter().find(|label| label.text == text) else {
            let reason = format!("invalid input value for enum {}: \"{text}\"", name.name);
            return Err(SqlError::new("22P02", reason));
        };
        let session = &self.catalog.session;
        let recent = |site: &Site| site.file == self.at.file && site.span.start >= session.began;
        // the labels of a type that the same transaction creates can be used
        if !recent(&label.at) || recent(&ty.at) || label.at.span == ty.at.span {
            return Ok(());
        }
        let reason = SqlError::new("55P04", format!("unsafe use of new value \"{text}\" of enum type {}", name.name));
        if session.in_transaction {
            return Err(reason);
        }
        self.in_batch.replace(Some(reason));
        Ok(())
    }
}

fn plain(ty: DataType) -> DataType {
    DataType { modifiers: Vec::new(), ..ty }
}

fn no_operator(catalog: &Catalog, op: &str, left: &DataType, right: &DataType) -> SqlError {
    let (left, right) = (catalog.shown_type(left), catalog.shown_type(right));
    SqlError::new("42883", format!("operator does not exist: {left} {op} {right}"))
}

/// Returns the wider of two numeric types or two date types.
fn wider(one: &DataType, other: &DataType) -> Option<DataType> {
    if one.array || other.array || one.user.is_some() || other.user.is_some() {
        return None;
    }
    for list in [&NUMBERS[..], &TIMES[..]] {
        let rank = |ty: &DataType| list.iter().position(|name| *name == ty.base);
        if let (Some(one), Some(other)) = (rank(one), rank(other)) {
            return Some(DataType::builtin(list[one.max(other)]));
        }
    }
    None
}

fn converts(from: &Family, to: &Family) -> bool {
    match (from, to) {
        // assignment converts every type to text
        (_, Family::Text) => true,
        (Family::Json, Family::Jsonb) | (Family::Jsonb, Family::Json) => true,
        (Family::Array(from), Family::Array(to)) => converts(from, to),
        (from, to) => from == to,
    }
}

/// Aggregate functions of PostgreSQL.
const AGGREGATES: [&str; 18] = [
    "array_agg",
    "avg",
    "bit_and",
    "bit_or",
    "bool_and",
    "bool_or",
    "count",
    "every",
    "json_agg",
    "json_object_agg",
    "jsonb_agg",
    "jsonb_object_agg",
    "max",
    "min",
    "string_agg",
    "stddev",
    "sum",
    "variance",
];

impl Context<'_> {
    /// Returns an error if an expression of a definition contains an aggregate, or a subquery although these are not allowed. `aggregates`
    /// and `subqueries` are the nouns for the clause in PostgreSQL's messages.
    pub fn check_place(&self, expr: &Expr, aggregates: &str, subqueries: Option<&str>) -> Meaning {
        let own = |call: &Call| !self.catalog.callable(&call.name, call.args.len()).is_empty();
        match &expr.kind {
            ExprKind::Call(call)
                if call.over.is_none()
                    && call.name.schema().is_none_or(|schema| schema == "pg_catalog")
                    && AGGREGATES.contains(&call.name.last())
                    && !own(call) =>
            {
                return Err(SqlError::new("42803", format!("aggregate functions are not allowed in {aggregates}")));
            }
            ExprKind::Call(call) if call.over.is_some() => {
                return Err(SqlError::new("42P20", format!("window functions are not allowed in {aggregates}")));
            }
            ExprKind::Exists { .. } | ExprKind::Subquery(_) | ExprKind::ArrayQuery(_) | ExprKind::InQuery { .. } => {
                if let Some(place) = subqueries {
                    return Err(SqlError::new("0A000", format!("cannot use subquery in {place}")));
                }
            }
            _ => {}
        }
        let mut checked = Ok(());
        expr.each_child(&mut |child| {
            if checked.is_ok() {
                checked = self.check_place(child, aggregates, subqueries);
            }
        });
        checked
    }
}
