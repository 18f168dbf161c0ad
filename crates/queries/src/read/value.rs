//! Values of expressions: texts, literals, payloads, and where a value comes from.

use super::client::function_start;
use super::code::{Binding, Code, Constant, MAX_STEPS, Step, argument, as_call, as_index, as_member, awaited, callee, plain, span};
use super::results::{Part, Results};
use crate::shape::{Entry, Named, Origin, Payload, PayloadRows, Value, ValueKind};
use crate::text::{HOLE, Text};
use oxc_ast::AstKind;
use oxc_ast::ast::{
    ArrayExpressionElement, AssignmentTarget, Expression, ObjectExpression, ObjectPropertyKind, PropertyKey, TemplateLiteral,
};
use oxc_semantic::{NodeId, SymbolId};
use oxc_span::GetSpan;
use smol_str::SmolStr;
use supalint_syntax::source::Span;

/// Returns the text of an expression, with a hole for each part that is unknown. Returns `None` if nothing of it is known.
pub fn text<'a>(code: &Code<'a, '_>, expression: &'a Expression<'a>, steps: usize) -> Option<Text> {
    let steps = steps.checked_sub(1)?;
    let Constant::Value(expression) = code.constant(expression, MAX_STEPS) else { return None };
    match expression {
        Expression::StringLiteral(literal) => {
            let inside = inside_quotes(span(literal.span));
            Some(Text::literal(literal.value.as_str(), code.slice(inside), inside))
        }
        Expression::TemplateLiteral(template) => Some(template_text(code, template, steps)),
        Expression::BinaryExpression(sum) if sum.operator == oxc_ast::ast::BinaryOperator::Addition => {
            let (left, right) = (text(code, &sum.left, steps + 1), text(code, &sum.right, steps));
            if left.is_none() && right.is_none() {
                return None;
            }
            let mut out = left.unwrap_or_else(|| Text::hole(span(sum.left.span())));
            out.push(right.unwrap_or_else(|| Text::hole(span(sum.right.span()))));
            Some(out)
        }
        other => {
            let call = as_call(other)?;
            let (name, object) = callee(call)?;
            match (name, object?) {
                ("join", list) => {
                    let is_grown =
                        matches!(plain(list), Expression::Identifier(name) if code.symbol(name).is_none_or(|symbol| code.is_grown(symbol)));
                    let Constant::Value(Expression::ArrayExpression(list)) = code.constant(list, MAX_STEPS) else { return None };
                    if is_grown {
                        return None;
                    }
                    let separator = match argument(call, 0) {
                        Some(separator) => text(code, separator, steps)?,
                        None => Text::at(",", span(call.span)),
                    };
                    let mut out = Text::default();
                    for (nth, element) in list.elements.iter().enumerate() {
                        if nth > 0 {
                            out.push(separator.clone());
                        }
                        let element_text = element.as_expression().and_then(|element| text(code, element, steps));
                        out.push(element_text.unwrap_or_else(|| Text::hole(span(element.span()))));
                    }
                    Some(out)
                }
                ("trim" | "toString", object) => text(code, object, steps),
                ("replace" | "replaceAll", object) => {
                    // only the removal of spaces
                    let pattern = argument(call, 0).map(|pattern| code.slice(span(pattern.span())));
                    let is_spaces = pattern.is_some_and(|pattern| ["/\\s+/g", "/\\s/g", "/\\n/g", "/\\s+/gm"].contains(&pattern));
                    text(code, object, steps).filter(|_| is_spaces)
                }
                _ => None,
            }
        }
    }
}

fn template_text<'a>(code: &Code<'a, '_>, template: &'a TemplateLiteral<'a>, steps: usize) -> Text {
    let mut out = Text::default();
    for (nth, part) in template.quasis.iter().enumerate() {
        let range = span(part.span);
        let raw = part.value.raw.as_str();
        out.push(Text::literal(part.value.cooked.as_ref().map_or(raw, |cooked| cooked.as_str()), code.slice(range), range));
        if let Some(inner) = template.expressions.get(nth) {
            out.push(text(code, inner, steps).unwrap_or_else(|| Text::hole(span(inner.span()))));
        }
    }
    out
}

fn inside_quotes(range: Span) -> Span {
    if range.len() >= 2 { Span::new(range.start + 1, range.end - 1) } else { range }
}

/// Returns the span of an expression, without the quotes of a literal.
pub fn inner_span(expression: &Expression) -> Span {
    let expression = plain(expression);
    match expression {
        Expression::StringLiteral(_) | Expression::TemplateLiteral(_) => inside_quotes(span(expression.span())),
        _ => span(expression.span()),
    }
}

/// Returns the known text of an expression with the location of the expression.
pub fn named<'a>(code: &Code<'a, '_>, expression: &'a Expression<'a>) -> Option<Named> {
    let text = text(code, expression, MAX_STEPS).filter(|text| !text.has_holes())?;
    Some(Named { text: SmolStr::new(&text.value), span: inner_span(expression) })
}

/// Reader of the values of one query.
pub struct Values<'c, 'a, 's> {
    pub code: &'c Code<'a, 's>,
    pub results: &'c Results,
    /// Node of the query.
    pub node: NodeId,
}

impl<'a> Values<'_, 'a, '_> {
    pub fn value(&self, expression: &'a Expression<'a>, steps: usize) -> Value {
        let at = inner_span(expression);
        Value { kind: self.kind(expression, steps), span: at }
    }

    fn kind(&self, expression: &'a Expression<'a>, steps: usize) -> ValueKind {
        let Some(steps) = steps.checked_sub(1).filter(|_| self.code.spend()) else { return ValueKind::Dynamic(Origin::Unknown) };
        let code = self.code;
        let constant = match code.constant(expression, MAX_STEPS) {
            Constant::Value(value) => value,
            _ => return ValueKind::Dynamic(Origin::Unknown),
        };
        match constant {
            Expression::NullLiteral(_) => ValueKind::Null,
            Expression::BooleanLiteral(literal) => ValueKind::Bool(literal.value),
            Expression::NumericLiteral(literal) => ValueKind::Number(SmolStr::new(literal.raw_str())),
            Expression::UnaryExpression(unary) if unary.operator == oxc_ast::ast::UnaryOperator::UnaryNegation => match &unary.argument {
                Expression::NumericLiteral(literal) => ValueKind::Number(SmolStr::new(format!("-{}", literal.raw_str()))),
                _ => ValueKind::Dynamic(self.origin(expression, steps)),
            },
            Expression::Identifier(name) if name.name == "undefined" => ValueKind::Undefined,
            // a list that the code fills
            Expression::ArrayExpression(_) if matches!(plain(expression), Expression::Identifier(name) if code.symbol(name).is_none_or(|symbol| code.is_grown(symbol))) => {
                ValueKind::Dynamic(self.origin(expression, steps))
            }
            Expression::ArrayExpression(list) => {
                let values = list.elements.iter().map(|element| element.as_expression().map(|element| self.value(element, steps)));
                match values.collect::<Option<Vec<Value>>>() {
                    Some(values) => ValueKind::List(values),
                    None => ValueKind::Dynamic(self.origin(expression, steps)),
                }
            }
            Expression::ObjectExpression(_) => ValueKind::Object(self.payload(constant, steps)),
            Expression::StringLiteral(_) | Expression::TemplateLiteral(_) | Expression::BinaryExpression(_) => {
                match text(code, constant, MAX_STEPS) {
                    Some(text) => match text.value.find(HOLE) {
                        None => ValueKind::Text(SmolStr::new(&text.value)),
                        Some(0) => ValueKind::Dynamic(self.origin(expression, steps)),
                        Some(at) => ValueKind::TextStart(SmolStr::new(&text.value[..at])),
                    },
                    None => ValueKind::Dynamic(self.origin(expression, steps)),
                }
            }
            other => {
                if let Some(call) = as_call(other)
                    && let Some(("stringify", Some(_))) = callee(call)
                    && let Some(inner) = argument(call, 0)
                {
                    return self.kind(inner, steps);
                }
                ValueKind::Dynamic(self.origin(expression, steps))
            }
        }
    }

    /// Returns where a value comes from.
    pub fn origin(&self, expression: &'a Expression<'a>, steps: usize) -> Origin {
        if let Some((query, part)) = self.results.of(self.code, expression, MAX_STEPS) {
            let column = match part {
                Part::Column(column) => Some(column),
                _ => None,
            };
            return Origin::Result { query, column };
        }
        self.source(expression, steps).unwrap_or(Origin::Unknown)
    }

    /// Returns the origin of a text's unknown part, which has this location.
    pub fn origin_at(&self, range: Span) -> Origin {
        // the outermost name in the part is the variable that it reads
        match self.code.references_in(range) {
            [name] => self.of_name(name, MAX_STEPS).unwrap_or(Origin::Unknown),
            _ => Origin::Unknown,
        }
    }

    fn of_name(&self, name: &'a oxc_ast::ast::IdentifierReference<'a>, steps: usize) -> Option<Origin> {
        let symbol = self.code.symbol(name)?;
        if let Some((query, part)) = self.results.symbol(symbol) {
            let column = match part {
                Part::Column(column) => Some(column.clone()),
                _ => None,
            };
            return Some(Origin::Result { query, column });
        }
        self.of_symbol(symbol, name.name.as_str(), steps)
    }

    fn source(&self, expression: &'a Expression<'a>, steps: usize) -> Option<Origin> {
        let steps = steps.checked_sub(1)?;
        let expression = awaited(expression);
        if let Some(member) = as_member(expression) {
            return self.source(&member.object, steps);
        }
        if let Some((object, _)) = as_index(expression) {
            return self.source(object, steps);
        }
        if let Some(call) = as_call(expression) {
            return self.of_call(call, steps);
        }
        match expression {
            Expression::Identifier(name) => self.of_name(name, steps),
            Expression::LogicalExpression(either) => self.source(&either.left, steps).or_else(|| self.source(&either.right, steps)),
            Expression::TemplateLiteral(template) => template.expressions.iter().find_map(|inner| self.source(inner, steps)),
            Expression::BinaryExpression(either) => self.source(&either.left, steps).or_else(|| self.source(&either.right, steps)),
            _ => None,
        }
    }

    fn of_call(&self, call: &'a oxc_ast::ast::CallExpression<'a>, steps: usize) -> Option<Origin> {
        let (name, object) = callee(call)?;
        let lower = name.to_ascii_lowercase();
        let is_user = ["getuser", "getsession", "getclaims"].contains(&lower.as_str())
            || (["get", "require", "use", "current", "fetch", "ensure", "validate", "verify", "check", "authenticate"]
                .iter()
                .any(|start| lower.starts_with(start))
                && ["user", "session", "auth"].iter().any(|end| lower.ends_with(end) || lower.ends_with(&format!("{end}id"))));
        if is_user {
            return Some(Origin::SignedInUser);
        }
        if name == "auth" && object.is_none() {
            return Some(Origin::SignedInUser);
        }
        match object {
            Some(object) => self.source(object, steps).or_else(|| {
                ["parse", "from", "stringify"]
                    .contains(&name)
                    .then(|| argument(call, 0))
                    .flatten()
                    .and_then(|inner| self.source(inner, steps))
            }),
            None if ["String", "Number", "parseInt", "parseFloat", "decodeURIComponent"].contains(&name) => {
                self.source(argument(call, 0)?, steps)
            }
            None => ["useParams", "useSearchParams", "readBody", "getQuery", "getRouterParam", "useLocalSearchParams"]
                .contains(&name)
                .then_some(Origin::Request),
        }
    }

    fn of_symbol(&self, symbol: SymbolId, name: &str, steps: usize) -> Option<Origin> {
        let steps = steps.checked_sub(1)?;
        match self.code.binding(symbol) {
            Binding::Value(init, _) => {
                // `const { supabase, user } = …`
                self.source(init, steps)
            }
            Binding::Element(list, _, loop_node) => {
                if self.code.nodes.ancestor_ids(self.node).any(|id| id == loop_node) {
                    Some(Origin::LoopVariable)
                } else {
                    self.source(list, steps)
                }
            }
            Binding::Parameter(_, path) => {
                let is_request = |name: &str| {
                    ["req", "request", "params", "searchParams", "event", "formData", "ctx", "c"].contains(&name)
                        || name.ends_with("Request")
                };
                let is_request = is_request(name) || path.iter().any(|step| matches!(step, Step::Key(key) if is_request(key)));
                Some(if is_request { Origin::Request } else { Origin::Parameter })
            }
            _ => None,
        }
    }

    /// Returns the keys and values of an object or a list of objects.
    pub fn payload(&self, expression: &'a Expression<'a>, steps: usize) -> Payload {
        let range = span(plain(expression).span());
        let unknown = || Payload { entries: Vec::new(), complete: false, rows: PayloadRows::Unknown, span: range };
        let Some(steps) = steps.checked_sub(1).filter(|_| self.code.spend()) else { return unknown() };
        let found = match plain(expression) {
            Expression::ObjectExpression(object) => Some(self.object(object, steps)),
            Expression::ArrayExpression(list) => Some(self.list(list.elements.iter(), range, steps)),
            Expression::ConditionalExpression(either) => {
                let payloads = [self.payload(&either.consequent, steps), self.payload(&either.alternate, steps)];
                let rows = if payloads[0].rows == payloads[1].rows { payloads[0].rows } else { PayloadRows::Unknown };
                Some(merged(payloads.into_iter(), rows, range))
            }
            Expression::Identifier(name) => self.code.symbol(name).and_then(|symbol| self.variable(symbol, range, steps)),
            other => as_call(other).and_then(|call| self.of_function(call, range, steps)).or_else(|| {
                match self.code.constant(expression, MAX_STEPS) {
                    Constant::Value(value @ Expression::ObjectExpression(_)) => Some(self.payload(value, steps)),
                    _ => None,
                }
            }),
        };
        found.map_or_else(unknown, |payload| Payload { span: range, ..payload })
    }

    fn of_function(&self, call: &'a oxc_ast::ast::CallExpression<'a>, range: Span, steps: usize) -> Option<Payload> {
        let (name, object) = callee(call)?;
        match object {
            Some(_) if name == "map" => {
                let start = function_start(self.code, argument(call, 0)?, MAX_STEPS)?;
                let payloads = self.code.returns.get(&start)?.iter().map(|value| self.payload(value, steps));
                Some(merged(payloads, PayloadRows::Many, range))
            }
            Some(object) if ["filter", "slice", "flat", "concat"].contains(&name) => {
                let payload = self.payload(object, steps);
                Some(Payload { complete: payload.complete && name != "concat" && name != "flat", rows: PayloadRows::Many, ..payload })
            }
            Some(_) => None,
            None => {
                let start = function_start(self.code, &call.callee, MAX_STEPS)?;
                let payloads: Vec<Payload> =
                    self.code.returns.get(&start)?.iter().map(|value| self.payload(awaited(value), steps)).collect();
                let rows = payloads.first()?.rows;
                let rows = if payloads.iter().all(|payload| payload.rows == rows) { rows } else { PayloadRows::Unknown };
                Some(merged(payloads.into_iter(), rows, range))
            }
        }
    }

    fn list(&self, elements: impl Iterator<Item = &'a ArrayExpressionElement<'a>>, range: Span, steps: usize) -> Payload {
        let payloads = elements.filter_map(|element| match element {
            ArrayExpressionElement::SpreadElement(spread) => Some(self.payload(&spread.argument, steps)),
            element => element.as_expression().map(|element| self.payload(element, steps)),
        });
        merged(payloads, PayloadRows::Many, range)
    }

    fn object(&self, object: &'a ObjectExpression<'a>, steps: usize) -> Payload {
        let mut out = Payload { entries: Vec::new(), complete: true, rows: PayloadRows::One, span: span(object.span) };
        for property in &object.properties {
            match property {
                ObjectPropertyKind::ObjectProperty(property) => match self.key(&property.key, property.computed) {
                    Some(key) => {
                        let value = self.value(&property.value, steps);
                        put(&mut out, Entry { key, value, certain: true });
                    }
                    None => out.complete = false,
                },
                ObjectPropertyKind::SpreadProperty(spread) => self.spread(&mut out, &spread.argument, true, steps),
            }
        }
        out
    }

    /// Adds the keys of `...expression`.
    fn spread(&self, out: &mut Payload, expression: &'a Expression<'a>, certain: bool, steps: usize) {
        let Some(steps) = steps.checked_sub(1) else {
            out.complete = false;
            return;
        };
        match plain(expression) {
            // `...(condition && { … })`
            Expression::LogicalExpression(either) => {
                if either.operator.is_and() {
                    self.spread(out, &either.right, false, steps);
                } else {
                    self.spread(out, &either.left, false, steps);
                    self.spread(out, &either.right, false, steps);
                }
            }
            Expression::NullLiteral(_) => {}
            Expression::Identifier(name) if name.name == "undefined" => {}
            other => self.add(out, self.payload(other, steps), certain),
        }
    }

    fn add(&self, out: &mut Payload, payload: Payload, certain: bool) {
        out.complete &= payload.complete;
        for entry in payload.entries {
            put(out, Entry { certain: entry.certain && certain, ..entry });
        }
    }

    fn key(&self, key: &'a PropertyKey<'a>, computed: bool) -> Option<Named> {
        if computed {
            return named(self.code, key.as_expression()?);
        }
        let range = span(key.span());
        let range = if matches!(key, PropertyKey::StringLiteral(_)) { inside_quotes(range) } else { range };
        key.static_name().map(|name| Named { text: SmolStr::new(name), span: range })
    }

    /// Returns the payload of a variable: its value, and what is assigned to its properties before the query.
    fn variable(&self, symbol: SymbolId, range: Span, steps: usize) -> Option<Payload> {
        let code = self.code;
        let Binding::Value(init, path) = code.binding(symbol) else { return None };
        if !path.is_empty() || code.scoping.symbol_is_mutated(symbol) {
            return None;
        }
        let is_list = matches!(plain(init), Expression::ArrayExpression(list) if list.elements.is_empty());
        let mut out = if is_list {
            Payload { entries: Vec::new(), complete: true, rows: PayloadRows::Many, span: range }
        } else {
            self.payload(init, steps)
        };
        let declaration = code.scoping.symbol_declaration(symbol);
        let outer = code.nodes.parent_id(code.nodes.parent_id(declaration));
        let mut pushed = Vec::new();
        for reference in code.scoping.get_resolved_references(symbol) {
            let node = reference.node_id();
            if !code.spend() {
                out.complete = false;
                break;
            }
            if code.node_span(node).start >= range.start {
                continue;
            }
            let parent = code.up(node);
            let above = code.up(parent);
            match (code.nodes.kind(parent), code.nodes.kind(above)) {
                (AstKind::StaticMemberExpression(member), AstKind::AssignmentExpression(assignment))
                    if is_target(&assignment.left, member.span) =>
                {
                    let key = Named { text: SmolStr::new(member.property.name), span: span(member.property.span) };
                    let value = self.value(&assignment.right, steps);
                    put(&mut out, Entry { key, value, certain: code.is_unconditional(above, outer) });
                }
                (AstKind::ComputedMemberExpression(member), AstKind::AssignmentExpression(assignment))
                    if is_target(&assignment.left, member.span) =>
                {
                    match named(code, &member.expression) {
                        Some(key) => {
                            let value = self.value(&assignment.right, steps);
                            put(&mut out, Entry { key, value, certain: code.is_unconditional(above, outer) });
                        }
                        None => out.complete = false,
                    }
                }
                (AstKind::StaticMemberExpression(member), AstKind::UnaryExpression(unary))
                    if unary.operator == oxc_ast::ast::UnaryOperator::Delete =>
                {
                    for entry in out.entries.iter_mut().filter(|entry| entry.key.text == member.property.name.as_str()) {
                        entry.certain = false;
                    }
                }
                (AstKind::ComputedMemberExpression(_), AstKind::UnaryExpression(unary))
                    if unary.operator == oxc_ast::ast::UnaryOperator::Delete =>
                {
                    out.entries.iter_mut().for_each(|entry| entry.certain = false);
                }
                (AstKind::StaticMemberExpression(member), AstKind::CallExpression(call)) if member.property.name == "push" => {
                    for element in &call.arguments {
                        match element.as_expression() {
                            Some(element) => pushed.push(self.payload(element, steps)),
                            None => out.complete = false,
                        }
                    }
                }
                (AstKind::CallExpression(call), _) => {
                    // `Object.assign(row, …)`
                    if let Some(("assign", Some(_))) = callee(call)
                        && argument(call, 0).is_some_and(|first| span(first.span()) == code.node_span(node))
                    {
                        for other in call.arguments.iter().skip(1) {
                            match other.as_expression() {
                                Some(other) => self.spread(&mut out, other, code.is_unconditional(parent, outer), steps),
                                None => out.complete = false,
                            }
                        }
                    }
                }
                _ => {}
            }
        }
        if !pushed.is_empty() {
            let complete = out.complete;
            if !out.entries.is_empty() {
                pushed.push(out);
            }
            let all = merged(pushed.into_iter(), PayloadRows::Many, range);
            return Some(Payload { complete: all.complete && complete, ..all });
        }
        // an empty list that nothing is added to in this way
        if is_list {
            out.complete = false;
        }
        Some(out)
    }
}

fn is_target(target: &AssignmentTarget, member: oxc_span::Span) -> bool {
    target.span() == member
}

/// Adds an entry, and replaces an earlier one of the same key if the new one is certain.
fn put(out: &mut Payload, mut entry: Entry) {
    if let Some(earlier) = out.entries.iter_mut().find(|earlier| earlier.key.text == entry.key.text) {
        entry.certain |= earlier.certain;
        *earlier = entry;
    } else {
        out.entries.push(entry);
    }
}

/// Returns the keys of several rows. A key is certain if all rows have it.
fn merged(payloads: impl Iterator<Item = Payload>, rows: PayloadRows, range: Span) -> Payload {
    let mut out = Payload { entries: Vec::new(), complete: true, rows, span: range };
    let mut count = 0;
    for payload in payloads {
        out.complete &= payload.complete;
        for entry in &mut out.entries {
            entry.certain &= payload.entries.iter().any(|own| own.certain && own.key.text == entry.key.text);
        }
        for entry in payload.entries {
            if !out.entries.iter().any(|own| own.key.text == entry.key.text) {
                out.entries.push(Entry { certain: entry.certain && count == 0, ..entry });
            }
        }
        count += 1;
    }
    out.complete &= count > 0;
    out
}
