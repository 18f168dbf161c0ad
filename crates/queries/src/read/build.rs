//! Method calls of a chain to a query.

use super::chain::{Chain, schema_call};
use super::code::{Code, Constant, Link, MAX_STEPS, argument, callee, plain, property, span};
use super::results::Results;
use super::value::{self, Values, inner_span, named};
use crate::postgrest::{self, ConditionsResult};
use crate::shape::{
    Client, Column, Command, Condition, ConditionKind, Count, Filter, Flow, Limit, Named, Operator, Order, Payload, PayloadRows, Query,
    RowCount, Selection, Target, Value, ValueKind,
};
use crate::shape::{Part as PendingPart, Pending};
use oxc_ast::ast::{Expression, ObjectExpression};
use oxc_span::GetSpan;
use smol_str::SmolStr;
use supalint_syntax::source::Span;

/// Builds the query of a chain. Parts that depend on imports are added to `pending`.
pub fn query<'a>(code: &Code<'a, '_>, results: &Results, chain: &Chain<'a>, nth: usize, pending: &mut Vec<Pending>) -> Query {
    let name = named(code, chain.target);
    let mut receiver = chain.receiver;
    if let Some(schema) = schema_call(receiver)
        && let Some((_, Some(object))) = callee(schema)
    {
        receiver = object;
        if let Some(argument) = argument(schema, 0) {
            add_pending(code, argument, nth, PendingPart::Schema, pending);
        }
    }
    if name.is_none() {
        add_pending(code, chain.target, nth, PendingPart::Target, pending);
    }
    if let Some((import, path)) = &chain.client.import {
        pending.push(Pending {
            query: nth,
            part: PendingPart::Client,
            span: span(receiver.span()),
            import: import.clone(),
            path: path.clone(),
        });
    }
    let end = span(chain.call.span).end;
    let client = Client {
        kind: chain.client.kind,
        receiver: SmolStr::new(code.slice(span(plain(receiver).span())).chars().take(60).collect::<String>()),
        span: span(receiver.span()),
    };
    let query = Query {
        span: chain.span,
        source: Span::new(chain.name_span.start, end),
        argument: inner_span(chain.target),
        target: if chain.is_rpc { Target::Function(name) } else { Target::Relation(name) },
        schema: chain.schema(),
        client,
        command: if chain.is_rpc { Command::Call } else { Command::Select },
        in_test: false,
        select: if chain.is_rpc { Selection::All } else { Selection::Nothing },
        filters: Vec::new(),
        orders: Vec::new(),
        limit: None,
        offset: None,
        rows: RowCount::Any,
        count: None,
        head: false,
        csv: false,
        payload: None,
        on_conflict: None,
        ignore_duplicates: false,
        complete: chain.complete,
        flow: Flow::default(),
    };
    let values = Values { code, results, node: chain.node };
    let mut build = Build { code, values, query, nth, pending, has_command: false };
    if chain.is_rpc {
        build.arguments(chain);
    }
    for (link, certain) in &chain.links {
        build.apply(link, *certain);
    }
    build.query
}

/// Adds what an import must complete.
fn add_pending<'a>(code: &Code<'a, '_>, expression: &'a Expression<'a>, query: usize, part: PendingPart, pending: &mut Vec<Pending>) {
    if let Constant::Import(import, path) = code.constant(expression, MAX_STEPS) {
        pending.push(Pending { query, part, span: inner_span(expression), import, path });
    }
}

struct Build<'c, 'a, 's> {
    code: &'c Code<'a, 's>,
    values: Values<'c, 'a, 's>,
    query: Query,
    nth: usize,
    pending: &'c mut Vec<Pending>,
    has_command: bool,
}

impl<'a> Build<'_, 'a, '_> {
    fn arguments(&mut self, chain: &Chain<'a>) {
        let payload = match argument(chain.call, 1) {
            Some(Expression::Identifier(name)) if name.name == "undefined" => None,
            Some(arguments) => Some(self.values.payload(arguments, MAX_STEPS)),
            None if chain.call.arguments.len() > 1 => {
                Some(Payload { entries: Vec::new(), complete: false, rows: PayloadRows::Unknown, span: span(chain.call.span) })
            }
            None => None,
        };
        let none = Payload { entries: Vec::new(), complete: true, rows: PayloadRows::One, span: span(chain.call.span) };
        self.query.payload = Some(payload.unwrap_or(none));
        if let Some(options) = self.options(chain.call.arguments.get(2).and_then(|options| options.as_expression())) {
            self.counted(options);
        }
    }

    /// Returns an object of options.
    fn options(&self, expression: Option<&'a Expression<'a>>) -> Option<&'a ObjectExpression<'a>> {
        match self.code.constant(expression?, MAX_STEPS) {
            Constant::Value(Expression::ObjectExpression(options)) => Some(options),
            _ => None,
        }
    }

    fn flag(&self, options: &'a ObjectExpression<'a>, name: &str) -> Option<bool> {
        match self.code.constant(property(options, name)?, MAX_STEPS) {
            Constant::Value(Expression::BooleanLiteral(literal)) => Some(literal.value),
            _ => None,
        }
    }

    fn counted(&mut self, options: &'a ObjectExpression<'a>) {
        if let Some(count) = property(options, "count") {
            let at = inner_span(count);
            self.query.count = Some(match named(self.code, count).as_ref().map(|count| count.text.as_str()) {
                Some("exact") => Count::Exact(at),
                Some("planned") => Count::Planned(at),
                Some("estimated") => Count::Estimated(at),
                _ => Count::Unknown(at),
            });
        }
        self.query.head |= self.flag(options, "head") == Some(true);
    }

    fn apply(&mut self, link: &Link<'a>, certain: bool) {
        let at = link_span(link);
        let first = argument(link.call, 0);
        let second = argument(link.call, 1);
        if link.call.arguments.iter().any(|argument| argument.is_spread()) {
            self.query.complete = false;
            return;
        }
        match link.name {
            "select" => self.select(link),
            "insert" => self.write(Command::Insert, link),
            "upsert" => self.write(Command::Upsert, link),
            "update" => self.write(Command::Update, link),
            "delete" => {
                self.command(Command::Delete);
                if let Some(options) = self.options(first) {
                    self.counted(options);
                }
            }
            "eq" => self.compare(Operator::Eq, link, certain),
            "neq" => self.compare(Operator::Neq, link, certain),
            "gt" => self.compare(Operator::Gt, link, certain),
            "gte" => self.compare(Operator::Gte, link, certain),
            "lt" => self.compare(Operator::Lt, link, certain),
            "lte" => self.compare(Operator::Lte, link, certain),
            "like" | "likeAllOf" | "likeAnyOf" => self.compare(Operator::Like, link, certain),
            "ilike" | "ilikeAllOf" | "ilikeAnyOf" => self.compare(Operator::ILike, link, certain),
            "regexMatch" => self.compare(Operator::Match, link, certain),
            "regexIMatch" => self.compare(Operator::IMatch, link, certain),
            "is" => self.compare(Operator::Is, link, certain),
            "isDistinct" => self.compare(Operator::IsDistinct, link, certain),
            "in" => self.compare(Operator::In, link, certain),
            "notIn" => {
                self.compare(Operator::In, link, certain);
                self.query.filters.iter_mut().last().into_iter().for_each(|filter| filter.negated = true);
            }
            "contains" => self.compare(Operator::Contains, link, certain),
            "containedBy" => self.compare(Operator::ContainedBy, link, certain),
            "overlaps" => self.compare(Operator::Overlaps, link, certain),
            "rangeGt" => self.compare(Operator::RangeGt, link, certain),
            "rangeGte" => self.compare(Operator::RangeGte, link, certain),
            "rangeLt" => self.compare(Operator::RangeLt, link, certain),
            "rangeLte" => self.compare(Operator::RangeLte, link, certain),
            "rangeAdjacent" => self.compare(Operator::RangeAdjacent, link, certain),
            "textSearch" => {
                let kind = self.options(argument(link.call, 2)).and_then(|options| property(options, "type"));
                let kind = kind.map(|kind| named(self.code, kind).map(|kind| kind.text));
                let operator = match kind.as_ref().map(|kind| kind.as_deref()) {
                    None => Operator::TextSearch,
                    Some(Some("plain")) => Operator::PlainTextSearch,
                    Some(Some("phrase")) => Operator::PhraseTextSearch,
                    Some(Some("websearch")) => Operator::WebTextSearch,
                    _ => Operator::Unknown,
                };
                self.compare(operator, link, certain);
            }
            "not" | "filter" => {
                let name = second.and_then(|operator| named(self.code, operator));
                let (operator, inner) = name.map_or((Operator::Unknown, false), |name| postgrest::operator(&name.text));
                self.compare_with(operator, first, argument(link.call, 2), at, certain, inner ^ (link.name == "not"));
            }
            "match" => self.matched(first, at, certain),
            "or" => self.or(link, certain),
            "order" => self.order(link, certain),
            "limit" => {
                if !self.is_embedded(second) {
                    self.query.limit = Some(self.limit(first, at, certain));
                }
            }
            "range" => {
                if !self.is_embedded(argument(link.call, 2)) {
                    let from = self.limit(first, at, certain);
                    let to = self.limit(second, at, certain);
                    let value = match (from.value, to.value) {
                        (Some(from), Some(to)) => (to + 1).checked_sub(from),
                        _ => None,
                    };
                    self.query.limit = Some(Limit { value, certain, span: at });
                    self.query.offset = Some(from);
                }
            }
            "single" if certain => self.query.rows = RowCount::One(at),
            "maybeSingle" if certain => self.query.rows = RowCount::AtMostOne(at),
            "csv" => self.query.csv = true,
            "single" | "maybeSingle" | "returns" | "overrideTypes" | "throwOnError" | "abortSignal" | "setHeader" | "explain"
            | "geojson" | "rollback" | "maxAffected" | "retry" | "then" | "catch" | "finally" | "setSchema" | "stripNulls" => {}
            _ => self.query.complete = false,
        }
    }

    fn command(&mut self, command: Command) {
        if !self.has_command {
            self.query.command = command;
            self.has_command = true;
        }
    }

    fn select(&mut self, link: &Link<'a>) {
        self.command(self.query.command);
        self.query.select = match argument(link.call, 0) {
            None => Selection::All,
            Some(Expression::Identifier(name)) if name.name == "undefined" => Selection::All,
            Some(columns) => match value::text(self.code, columns, MAX_STEPS) {
                Some(text) => postgrest::selection(&text),
                None => {
                    add_pending(self.code, columns, self.nth, PendingPart::Select, self.pending);
                    Selection::Unknown
                }
            },
        };
        if let Some(options) = self.options(argument(link.call, 1)) {
            self.counted(options);
        }
    }

    fn write(&mut self, command: Command, link: &Link<'a>) {
        self.command(command);
        self.query.payload = argument(link.call, 0).map(|rows| self.values.payload(rows, MAX_STEPS));
        let Some(argument) = argument(link.call, 1) else { return };
        let Some(options) = self.options(Some(argument)) else {
            self.query.complete = false;
            return;
        };
        self.counted(options);
        self.query.ignore_duplicates = self.flag(options, "ignoreDuplicates") == Some(true);
        if let Some(columns) = property(options, "onConflict") {
            match value::text(self.code, columns, MAX_STEPS).filter(|text| !text.has_holes()) {
                Some(text) => self.query.on_conflict = Some(split(&text)),
                None => self.query.complete = false,
            }
        }
    }

    fn compare(&mut self, operator: Operator, link: &Link<'a>, certain: bool) {
        self.compare_with(operator, argument(link.call, 0), argument(link.call, 1), link_span(link), certain, false);
    }

    fn compare_with(
        &mut self,
        operator: Operator,
        column: Option<&'a Expression<'a>>,
        value: Option<&'a Expression<'a>>,
        at: Span,
        certain: bool,
        negated: bool,
    ) {
        let column = column.and_then(|column| value::text(self.code, column, MAX_STEPS)).and_then(|text| postgrest::column(&text));
        let value = match value {
            Some(value) => self.values.value(value, MAX_STEPS),
            None => Value { kind: ValueKind::Undefined, span: at },
        };
        let kind = ConditionKind::Compare(Filter { column, operator, value });
        self.query.filters.push(Condition { kind, negated, certain, span: at });
    }

    fn matched(&mut self, filters: Option<&'a Expression<'a>>, at: Span, certain: bool) {
        let Some(filters) = filters else { return };
        let payload = self.values.payload(filters, MAX_STEPS);
        for entry in payload.entries {
            let column = Column { embeds: Vec::new(), span: entry.key.span, name: entry.key, json: Vec::new() };
            let filter = Filter { column: Some(column), operator: Operator::Eq, value: entry.value };
            let kind = ConditionKind::Compare(filter);
            self.query.filters.push(Condition { kind, negated: false, certain: certain && entry.certain, span: at });
        }
        if !payload.complete {
            self.query.filters.push(Condition { kind: ConditionKind::Unknown, negated: false, certain, span: at });
        }
    }

    fn or(&mut self, link: &Link<'a>, certain: bool) {
        let at = link_span(link);
        let embeds: Vec<Named> = match self.referenced(argument(link.call, 1)) {
            Some(Some(table)) => vec![table],
            Some(None) => {
                self.query.filters.push(Condition { kind: ConditionKind::Unknown, negated: false, certain, span: at });
                return;
            }
            None => Vec::new(),
        };
        let text = argument(link.call, 0).and_then(|filters| value::text(self.code, filters, MAX_STEPS));
        let origin = |range: Span| self.values.origin_at(range);
        let kind = match text.map(|text| postgrest::conditions(&text, certain, &origin)) {
            Some(ConditionsResult::Members(members)) => ConditionKind::Any { embeds, members },
            Some(ConditionsResult::Invalid) => ConditionKind::Invalid,
            Some(ConditionsResult::Unknown) | None => ConditionKind::Unknown,
        };
        self.query.filters.push(Condition { kind, negated: false, certain, span: at });
    }

    /// Returns the embedded resource of an options object. The inner `None` means that its name is dynamic.
    fn referenced(&self, options: Option<&'a Expression<'a>>) -> Option<Option<Named>> {
        let options = self.options(options)?;
        let table = property(options, "referencedTable").or_else(|| property(options, "foreignTable"))?;
        Some(named(self.code, table))
    }

    fn is_embedded(&self, options: Option<&'a Expression<'a>>) -> bool {
        self.referenced(options).is_some()
    }

    fn order(&mut self, link: &Link<'a>, certain: bool) {
        let at = link_span(link);
        let expression = argument(link.call, 0);
        let text = expression.and_then(|column| value::text(self.code, column, MAX_STEPS));
        let options = argument(link.call, 1);
        let referenced = self.referenced(options);
        let (ascending, nulls_first) = match options {
            None => (Some(true), None),
            Some(options) => match self.options(Some(options)) {
                Some(options) => {
                    let ascending = if property(options, "ascending").is_some() { self.flag(options, "ascending") } else { Some(true) };
                    (ascending, self.flag(options, "nullsFirst"))
                }
                None => (None, None),
            },
        };
        let column = text.and_then(|text| postgrest::order_column(&text)).filter(|_| referenced != Some(None));
        let referenced_table = referenced.flatten();
        self.query.orders.push(Order { column, ascending, nulls_first, referenced_table, certain, span: at });
    }

    fn limit(&self, number: Option<&'a Expression<'a>>, at: Span, certain: bool) -> Limit {
        let value = number.map(|number| self.values.value(number, MAX_STEPS).kind);
        let value = match value {
            Some(ValueKind::Number(number)) => number.replace('_', "").parse().ok(),
            _ => None,
        };
        Limit { value, certain, span: at }
    }
}

/// Returns the span of a call, without the chain before it.
fn link_span(link: &Link) -> Span {
    Span::new(link.name_span.start, span(link.call.span).end)
}

/// Splits a list of columns at its commas.
fn split(text: &crate::text::Text) -> Vec<Named> {
    let mut out = Vec::new();
    let mut at = 0;
    for part in text.value.split(',') {
        let name = part.trim();
        let start = at + (part.len() - part.trim_start().len());
        if !name.is_empty() {
            let range = text.span(start, start + name.len());
            out.push(Named { text: SmolStr::new(name.trim_matches('"')), span: range });
        }
        at += part.len() + 1;
    }
    out
}
