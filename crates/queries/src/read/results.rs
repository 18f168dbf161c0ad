//! Variables that contain results of queries.

use super::code::{Binding, Code, Step, argument, as_call, as_index, as_member, callee, plain};
use crate::shape::QueryIndex;
use oxc_ast::ast::{BindingPattern, BindingPatternKind, Expression, IdentifierReference};
use oxc_semantic::SymbolId;
use rustc_hash::{FxHashMap, FxHashSet};
use smol_str::SmolStr;

/// Number of variables that one value is followed through.
const MAX_SEEN: usize = 200;

/// A part of a result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// The object with `data`, `error` and `count`.
    Whole,
    /// Rows, or one row.
    Data,
    Error,
    Count,
    Column(SmolStr),
}

impl Part {
    fn member(&self, name: &str) -> Option<Part> {
        match self {
            Part::Whole => match name {
                "data" => Some(Part::Data),
                "error" => Some(Part::Error),
                "count" => Some(Part::Count),
                _ => None,
            },
            Part::Data if name == "length" || name == "at" => Some(Part::Data),
            Part::Data => Some(Part::Column(SmolStr::new(name))),
            Part::Error | Part::Count => Some(self.clone()),
            // a key of a JSON column
            Part::Column(_) => Some(self.clone()),
        }
    }
}

/// Results of the queries of a file.
#[derive(Default)]
pub struct Results {
    variables: FxHashMap<SymbolId, (QueryIndex, Part)>,
}

impl Results {
    pub fn symbol(&self, symbol: SymbolId) -> Option<(QueryIndex, &Part)> {
        self.variables.get(&symbol).map(|(query, part)| (*query, part))
    }

    /// Adds the variables of a pattern that a part of a result is assigned to.
    pub fn bind(&mut self, pattern: &BindingPattern, query: QueryIndex, part: &Part) {
        match &pattern.kind {
            BindingPatternKind::BindingIdentifier(name) => {
                if let Some(symbol) = name.symbol_id.get() {
                    self.variables.insert(symbol, (query, part.clone()));
                }
            }
            BindingPatternKind::AssignmentPattern(inner) => self.bind(&inner.left, query, part),
            BindingPatternKind::ObjectPattern(object) => {
                for property in &object.properties {
                    if let Some(part) = property.key.static_name().and_then(|name| part.member(&name)) {
                        self.bind(&property.value, query, &part);
                    }
                }
            }
            BindingPatternKind::ArrayPattern(array) => {
                for element in array.elements.iter().flatten() {
                    self.bind(element, query, part);
                }
            }
        }
    }

    pub fn bind_symbol(&mut self, symbol: SymbolId, query: QueryIndex, part: Part) {
        self.variables.insert(symbol, (query, part));
    }

    /// Returns the part of a result that an expression is.
    pub fn of<'a>(&self, code: &Code<'a, '_>, expression: &'a Expression<'a>, steps: usize) -> Option<(QueryIndex, Part)> {
        if self.variables.is_empty() {
            return None;
        }
        let steps = steps.checked_sub(1)?;
        let expression = plain(expression);
        if let Some(member) = as_member(expression) {
            let (query, part) = self.of(code, &member.object, steps)?;
            return Some((query, part.member(member.property.name.as_str())?));
        }
        if let Some((object, _)) = as_index(expression) {
            return self.of(code, object, steps);
        }
        if let Some(call) = as_call(expression) {
            let (name, object) = callee(call)?;
            return match (name, object) {
                ("parse" | "structuredClone" | "Number" | "String" | "parseInt" | "parseFloat", _) => {
                    self.of(code, argument(call, 0)?, steps)
                }
                ("find" | "filter" | "at" | "slice" | "pop" | "shift" | "toString" | "sort", Some(object)) => self.of(code, object, steps),
                ("map" | "flatMap" | "reduce", Some(object)) => self.of(code, object, steps),
                _ => None,
            };
        }
        match expression {
            Expression::Identifier(name) => self.of_name(code, name, steps),
            Expression::LogicalExpression(either) if !either.operator.is_and() => self.of(code, &either.left, steps),
            Expression::AwaitExpression(inner) => self.of(code, &inner.argument, steps),
            Expression::ConditionalExpression(either) => {
                self.of(code, &either.consequent, steps).or_else(|| self.of(code, &either.alternate, steps))
            }
            _ => None,
        }
    }

    fn of_name<'a>(&self, code: &Code<'a, '_>, name: &IdentifierReference<'a>, steps: usize) -> Option<(QueryIndex, Part)> {
        let symbol = code.symbol(name)?;
        if let Some((query, part)) = self.variables.get(&symbol) {
            return Some((*query, part.clone()));
        }
        let (value, path) = match code.binding(symbol) {
            Binding::Value(value, path) | Binding::Element(value, path, _) => (value, path),
            _ => return None,
        };
        let (query, mut part) = self.of(code, value, steps)?;
        for step in &path {
            if let Step::Key(key) = step {
                part = part.member(key)?;
            }
        }
        Some((query, part))
    }

    /// Returns the queries whose results the value of a name is computed from.
    pub fn queries<'a>(
        &self,
        code: &Code<'a, '_>,
        name: &IdentifierReference<'a>,
        seen: &mut FxHashSet<SymbolId>,
        out: &mut Vec<QueryIndex>,
    ) {
        let Some(symbol) = code.symbol(name) else { return };
        if !seen.insert(symbol) || seen.len() > MAX_SEEN {
            return;
        }
        if let Some((query, _)) = self.variables.get(&symbol) {
            out.push(*query);
            return;
        }
        if let Binding::Value(value, _) | Binding::Element(value, ..) = code.binding(symbol) {
            let range = super::code::span(oxc_span::GetSpan::span(value));
            // a function is no value that was computed before
            if matches!(value, Expression::ArrowFunctionExpression(_) | Expression::FunctionExpression(_)) {
                return;
            }
            for inner in code.references_in(range) {
                if code.symbol(inner) != Some(symbol) {
                    self.queries(code, inner, seen, out);
                }
            }
        }
    }
}
