//! Places of queries in the code around them, and the dependencies between queries.

use super::chain::{Chain, Sink, is_together};
use super::code::{Binding, Code, MAX_STEPS, argument, as_call, callee, is_iteration, plain, span};
use super::results::{Part, Results};
use crate::shape::{Flow, Guard, GuardKind, Loop, Named, QueryIndex, Rebuilt, RebuiltKind, RowCount, Waits};
use oxc_ast::AstKind;
use oxc_ast::ast::{
    ArrayExpressionElement, AssignmentTarget, AssignmentTargetProperty, BinaryOperator, BindingPatternKind, Expression, ObjectPropertyKind,
    PropertyKey, Statement,
};
use oxc_semantic::{NodeId, SymbolId};
use oxc_span::GetSpan;
use rustc_hash::FxHashSet;
use smol_str::SmolStr;
use supalint_syntax::source::Span;

/// Number of earlier statements of a block that are searched for conditions.
const MAX_STATEMENTS: usize = 500;

/// Adds the variables that contain the result of a query.
pub fn bind(code: &Code, chain: &Chain, query: QueryIndex, results: &mut Results) {
    if let Some(then) = chain.then {
        let parameters = match argument(then, 0).map(plain) {
            Some(Expression::ArrowFunctionExpression(function)) => Some(&function.params),
            Some(Expression::FunctionExpression(function)) => Some(&function.params),
            _ => None,
        };
        if let Some(parameter) = parameters.and_then(|parameters| parameters.items.first()) {
            results.bind(&parameter.pattern, query, &Part::Whole);
        }
        return;
    }
    for sink in &chain.sinks {
        match sink.waits {
            Waits::Await => bind_value(code, code.up(sink.node), query, Part::Whole, results),
            Waits::Together(_) => bind_member(code, sink, query, results),
            _ => {}
        }
    }
}

/// Binds the variable that the value of a node is assigned to.
fn bind_value(code: &Code, node: NodeId, query: QueryIndex, part: Part, results: &mut Results) {
    let parent = code.up(node);
    match code.nodes.kind(parent) {
        AstKind::VariableDeclarator(declarator) => results.bind(&declarator.id, query, &part),
        AstKind::AssignmentExpression(assignment) => match &assignment.left {
            AssignmentTarget::AssignmentTargetIdentifier(name) => {
                if let Some(symbol) = code.symbol(name) {
                    results.bind_symbol(symbol, query, part);
                }
            }
            AssignmentTarget::ObjectAssignmentTarget(object) if part == Part::Whole => {
                for property in &object.properties {
                    let (name, symbol) = match property {
                        AssignmentTargetProperty::AssignmentTargetPropertyIdentifier(property) => {
                            (property.binding.name.as_str(), code.symbol(&property.binding))
                        }
                        AssignmentTargetProperty::AssignmentTargetPropertyProperty(property) => {
                            let symbol = property.binding.identifier().and_then(|name| code.symbol(name));
                            match &property.name {
                                PropertyKey::StaticIdentifier(name) => (name.name.as_str(), symbol),
                                _ => continue,
                            }
                        }
                    };
                    let part = match name {
                        "data" => Part::Data,
                        "error" => Part::Error,
                        "count" => Part::Count,
                        _ => continue,
                    };
                    if let Some(symbol) = symbol {
                        results.bind_symbol(symbol, query, part);
                    }
                }
            }
            _ => {}
        },
        // `(await query).data`
        AstKind::StaticMemberExpression(member) if part == Part::Whole => match member.property.name.as_str() {
            "data" => bind_value(code, parent, query, Part::Data, results),
            "count" => bind_value(code, parent, query, Part::Count, results),
            "error" => bind_value(code, parent, query, Part::Error, results),
            _ => {}
        },
        AstKind::LogicalExpression(_) => bind_value(code, parent, query, part, results),
        _ => {}
    }
}

/// Binds an element of `const [a, b] = await Promise.all([…])`.
fn bind_member(code: &Code, sink: &Sink, query: QueryIndex, results: &mut Results) {
    let list = code.up(sink.node);
    let AstKind::ArrayExpression(elements) = code.nodes.kind(list) else { return };
    let own = code.node_span(sink.node);
    let Some(nth) = elements.elements.iter().position(|element| span(element.span()).contains(own)) else { return };
    let awaited = code.up(code.up(list));
    let AstKind::VariableDeclarator(declarator) = code.nodes.kind(code.up(awaited)) else { return };
    if let BindingPatternKind::ArrayPattern(pattern) = &declarator.id.kind
        && let Some(Some(element)) = pattern.elements.get(nth)
    {
        results.bind(element, query, &Part::Whole);
    }
}

/// Returns the flow of a query. `rows` are the numbers of rows that the earlier queries return.
pub fn flow(code: &Code, results: &Results, chain: &Chain, query: QueryIndex, rows: &[RowCount]) -> Flow {
    let best = chain.sinks.iter().min_by_key(|sink| match sink.waits {
        Waits::Await => 0,
        Waits::Together(_) => 1,
        Waits::Returned => 2,
        Waits::Unknown => 3,
    });
    let node = best.map_or(chain.node, |sink| sink.node);
    let mut flow = Flow { waits: best.map(|sink| sink.waits).unwrap_or_default(), ..Flow::default() };
    if chain.then.is_some() && flow.waits == Waits::Unknown {
        flow.waits = Waits::Returned;
    }
    let mut guards = Guards { code, results, query, rows, out: Vec::new() };
    let mut current = node;
    loop {
        let parent = code.nodes.parent_id(current);
        if parent == current {
            break;
        }
        let kind = code.nodes.kind(parent);
        let own = code.node_span(current);
        match kind {
            AstKind::BlockStatement(_) | AstKind::FunctionBody(_) | AstKind::Program(_) | AstKind::SwitchCase(_) => {
                guards.before(statements(kind), own);
            }
            AstKind::IfStatement(statement) => {
                if span(statement.consequent.span()).contains(own) {
                    guards.test(&statement.test, true);
                } else if !span(statement.test.span()).contains(own) {
                    guards.test(&statement.test, false);
                }
            }
            AstKind::ConditionalExpression(either) => {
                if span(either.consequent.span()).contains(own) {
                    guards.test(&either.test, true);
                } else if span(either.alternate.span()).contains(own) {
                    guards.test(&either.test, false);
                }
            }
            AstKind::LogicalExpression(either) if span(either.right.span()).contains(own) => {
                if either.operator.is_and() {
                    guards.test(&either.left, true);
                } else if either.operator.is_or() {
                    guards.test(&either.left, false);
                }
            }
            _ => {}
        }
        let is_block = matches!(
            kind,
            AstKind::BlockStatement(_) | AstKind::FunctionBody(_) | AstKind::Program(_) | AstKind::SwitchCase(_) | AstKind::StaticBlock(_)
        );
        if is_block && flow.block.is_none() {
            flow.block = Some(code.node_span(parent));
            flow.statement = own;
            flow.previous = statements(kind).iter().map(|statement| span(statement.span())).take_while(|earlier| *earlier != own).last();
            flow.is_direct = is_direct(code, node, own);
        }
        if flow.in_loop.is_none() {
            flow.in_loop = loop_at(code, chain, parent, own);
        }
        if matches!(kind, AstKind::Function(_) | AstKind::ArrowFunctionExpression(_)) && !runs_at_once(code, parent) {
            flow.function = Some(code.node_span(parent));
            flow.function_name = function_name(code, parent);
            break;
        }
        current = parent;
    }
    flow.guards = guards.out;
    let mut seen = FxHashSet::default();
    for range in arguments(chain) {
        for name in code.references_in(range) {
            results.queries(code, name, &mut seen, &mut flow.uses);
        }
    }
    flow.uses.retain(|earlier| *earlier < query);
    flow.uses.sort_unstable();
    flow.uses.dedup();
    for (link, _) in chain.links.iter().filter(|(link, _)| ["insert", "update", "upsert"].contains(&link.name)) {
        if let Some(payload) = argument(link.call, 0) {
            rebuilt(code, results, payload, query, MAX_STEPS, &mut flow.rebuilt);
        }
    }
    flow
}

/// Returns the statements of a block.
fn statements<'a>(block: AstKind<'a>) -> &'a [Statement<'a>] {
    match block {
        AstKind::BlockStatement(block) => &block.body,
        AstKind::FunctionBody(body) => &body.statements,
        AstKind::Program(program) => &program.body,
        AstKind::SwitchCase(case) => &case.consequent,
        AstKind::StaticBlock(block) => &block.body,
        _ => &[],
    }
}

/// Returns whether a statement only waits for a query and names its result: `const { data } = await query;`.
fn is_direct(code: &Code, query: NodeId, statement: Span) -> bool {
    let awaited = code.up(query);
    if !matches!(code.nodes.kind(awaited), AstKind::AwaitExpression(_)) {
        return false;
    }
    let holder = code.up(awaited);
    match code.nodes.kind(holder) {
        AstKind::ExpressionStatement(_) => code.node_span(holder) == statement,
        AstKind::AssignmentExpression(_) => code.node_span(code.up(holder)) == statement,
        AstKind::VariableDeclarator(_) => match code.nodes.kind(code.up(holder)) {
            AstKind::VariableDeclaration(all) => all.declarations.len() == 1 && span(all.span) == statement,
            _ => false,
        },
        _ => false,
    }
}

/// Returns the spans of the arguments of a chain.
fn arguments(chain: &Chain) -> Vec<Span> {
    let calls = std::iter::once(chain.call).chain(chain.links.iter().map(|(link, _)| link.call));
    calls.flat_map(|call| call.arguments.iter().map(|argument| span(argument.span()))).collect()
}

/// Returns whether a function is called where it stands.
fn runs_at_once(code: &Code, function: NodeId) -> bool {
    let own = code.node_span(function);
    match code.nodes.kind(code.up(function)) {
        AstKind::CallExpression(call) => {
            span(call.callee.span()).contains(own) || matches!(callee(call), Some((name, Some(_))) if is_iteration(name))
        }
        _ => false,
    }
}

fn function_name(code: &Code, function: NodeId) -> Option<SmolStr> {
    if let AstKind::Function(function) = code.nodes.kind(function)
        && let Some(name) = &function.id
    {
        return Some(SmolStr::new(name.name));
    }
    let mut parent = code.up(function);
    // `useCallback(async () => …)`
    if matches!(code.nodes.kind(parent), AstKind::CallExpression(_)) {
        parent = code.up(parent);
    }
    match code.nodes.kind(parent) {
        AstKind::VariableDeclarator(declarator) => declarator.id.get_identifier_name().map(SmolStr::new),
        AstKind::MethodDefinition(method) => method.key.static_name().map(SmolStr::new),
        AstKind::PropertyDefinition(property) => property.key.static_name().map(SmolStr::new),
        AstKind::ObjectProperty(property) => property.key.static_name().map(SmolStr::new),
        _ => None,
    }
}

/// Returns the loop that a node is, if it repeats the part at `inside`.
fn loop_at(code: &Code, chain: &Chain, node: NodeId, inside: Span) -> Option<Loop> {
    let whole = code.node_span(node);
    let at = |is_retry: bool, concurrent: bool| {
        let uses_variable = uses(code, chain, node, whole, false);
        Some(Loop { span: whole, uses_variable, concurrent, is_retry })
    };
    match code.nodes.kind(node) {
        AstKind::ForOfStatement(statement) if span(statement.body.span()).contains(inside) => at(false, false),
        AstKind::ForInStatement(statement) if span(statement.body.span()).contains(inside) => at(false, false),
        AstKind::ForStatement(statement) if span(statement.body.span()).contains(inside) => {
            let is_retry = statement.test.is_none() || !uses(code, chain, node, whole, true);
            at(is_retry, false)
        }
        AstKind::WhileStatement(_) | AstKind::DoWhileStatement(_) => at(true, false),
        AstKind::CallExpression(call) => {
            let (name, _) = callee(call).filter(|(name, object)| is_iteration(name) && object.is_some())?;
            let callback = call.arguments.iter().find(|argument| span(argument.span()).contains(inside))?;
            let is_function = matches!(
                callback.as_expression().map(plain),
                Some(Expression::ArrowFunctionExpression(_) | Expression::FunctionExpression(_))
            );
            if !is_function {
                return None;
            }
            at(false, name == "map" && is_concurrent(code, node))
        }
        _ => None,
    }
}

/// Returns whether `Promise.all` waits for the list that a node is.
fn is_concurrent(code: &Code, node: NodeId) -> bool {
    let parent = code.up(node);
    match code.nodes.kind(parent) {
        AstKind::CallExpression(call) => is_together(call),
        AstKind::SpreadElement(_) => is_concurrent(code, code.up(parent)),
        AstKind::VariableDeclarator(declarator) => {
            let symbol = declarator.id.get_binding_identifier().and_then(|name| name.symbol_id.get());
            symbol.is_some_and(|symbol| {
                code.scoping.get_resolved_references(symbol).any(
                    |reference| matches!(code.nodes.kind(code.up(reference.node_id())), AstKind::CallExpression(call) if is_together(call)),
                )
            })
        }
        _ => false,
    }
}

/// Returns whether an argument of the chain depends on the variable of a loop. `without_range` leaves out `range` and `limit`.
fn uses(code: &Code, chain: &Chain, loop_node: NodeId, whole: Span, without_range: bool) -> bool {
    let calls = std::iter::once(chain.call).chain(
        chain.links.iter().filter(|(link, _)| !without_range || !["range", "limit"].contains(&link.name)).map(|(link, _)| link.call),
    );
    let mut seen = FxHashSet::default();
    for call in calls {
        for argument in &call.arguments {
            let names = code.references_in(span(argument.span()));
            if names.iter().filter_map(|name| code.symbol(name)).any(|symbol| varies(code, symbol, loop_node, whole, &mut seen)) {
                return true;
            }
        }
    }
    false
}

/// Returns whether the value of a variable depends on the variable of a loop.
fn varies(code: &Code, symbol: SymbolId, loop_node: NodeId, whole: Span, seen: &mut FxHashSet<SymbolId>) -> bool {
    let declared = span(code.scoping.symbol_span(symbol));
    if !whole.contains(declared) || !seen.insert(symbol) || seen.len() > 200 {
        return false;
    }
    match code.binding(symbol) {
        Binding::Element(_, _, node) if node == loop_node => true,
        Binding::Value(value, _) | Binding::Element(value, ..) => {
            if let AstKind::ForStatement(statement) = code.nodes.kind(loop_node)
                && statement.init.as_ref().is_some_and(|init| span(init.span()).contains(declared))
            {
                return true;
            }
            let names = code.references_in(span(value.span()));
            names.iter().filter_map(|name| code.symbol(name)).any(|inner| varies(code, inner, loop_node, whole, seen))
        }
        _ => false,
    }
}

struct Guards<'c, 'a, 's> {
    code: &'c Code<'a, 's>,
    results: &'c Results,
    query: QueryIndex,
    rows: &'c [RowCount],
    out: Vec<Guard>,
}

impl<'a> Guards<'_, 'a, '_> {
    /// Adds conditions of earlier statements that leave the block.
    fn before(&mut self, statements: &'a [Statement<'a>], own: Span) {
        let end = statements.partition_point(|statement| statement.span().end <= own.start);
        for statement in &statements[end.saturating_sub(MAX_STATEMENTS)..end] {
            if let Statement::IfStatement(statement) = statement
                && statement.alternate.is_none()
                && leaves(&statement.consequent)
            {
                self.test(&statement.test, false);
            }
        }
    }

    /// Adds what a test tells of earlier results, if it is true or false.
    fn test(&mut self, test: &'a Expression<'a>, holds: bool) {
        if self.code.references_in(span(test.span())).is_empty() {
            return;
        }
        self.part(test, holds, span(test.span()), 12);
    }

    fn part(&mut self, test: &'a Expression<'a>, holds: bool, whole: Span, depth: usize) {
        let Some(depth) = depth.checked_sub(1) else { return };
        let test = plain(test);
        match test {
            Expression::UnaryExpression(unary) if unary.operator.is_not() => self.part(&unary.argument, !holds, whole, depth),
            Expression::LogicalExpression(either) if either.operator.is_and() == holds && !either.operator.is_coalesce() => {
                self.part(&either.left, holds, whole, depth);
                self.part(&either.right, holds, whole, depth);
            }
            Expression::BinaryExpression(comparison) => self.comparison(comparison, holds, whole),
            Expression::CallExpression(call) if matches!(callee(call), Some(("Boolean", None))) => {
                if let Some(inner) = argument(call, 0) {
                    self.part(inner, holds, whole, depth);
                }
            }
            _ => match self.results.of(self.code, test, MAX_STEPS) {
                Some((query, Part::Data | Part::Column(_) | Part::Count)) => {
                    self.add(query, if holds { GuardKind::Found } else { GuardKind::Missing }, whole);
                }
                Some((query, Part::Error)) => {
                    // `single()` fails if there is no row
                    let is_single = matches!(self.rows.get(query), Some(RowCount::One(_)));
                    match (is_single, holds) {
                        (true, true) => self.add(query, GuardKind::Missing, whole),
                        (true, false) => self.add(query, GuardKind::Found, whole),
                        (false, true) => self.add(query, GuardKind::Other, whole),
                        (false, false) => {}
                    }
                }
                Some((_, Part::Whole)) => {}
                None => self.other(test, whole),
            },
        }
    }

    fn other(&mut self, test: &Expression<'a>, whole: Span) {
        let (mut queries, mut seen) = (Vec::new(), FxHashSet::default());
        for name in self.code.references_in(span(test.span())) {
            if let Some(symbol) = self.code.symbol(name)
                && let Some((query, part)) = self.results.symbol(symbol)
                && *part != Part::Error
            {
                queries.push(query);
            } else {
                self.results.queries(self.code, name, &mut seen, &mut queries);
            }
        }
        queries.into_iter().for_each(|query| self.add(query, GuardKind::Other, whole));
    }

    fn comparison(&mut self, comparison: &'a oxc_ast::ast::BinaryExpression<'a>, holds: bool, whole: Span) {
        let Some((query, part)) = self.results.of(self.code, &comparison.left, MAX_STEPS) else {
            self.other(&comparison.left, whole);
            return;
        };
        use BinaryOperator::{Equality, GreaterEqualThan, GreaterThan, Inequality, LessThan, StrictEquality, StrictInequality};
        let right = plain(&comparison.right);
        let is_equal = matches!(comparison.operator, Equality | StrictEquality);
        let is_unequal = matches!(comparison.operator, Inequality | StrictInequality);
        let zero = right.is_number_0();
        let found = match part {
            Part::Error => {
                let is_missing = matches!(right, Expression::StringLiteral(text) if text.value == "PGRST116");
                match (is_missing, is_equal || is_unequal) {
                    (true, true) => Some(is_unequal),
                    _ => return,
                }
            }
            _ if right.is_null_or_undefined() && (is_equal || is_unequal) => Some(is_unequal),
            _ if zero && (is_equal || is_unequal) => Some(is_unequal),
            _ if zero && comparison.operator == GreaterThan => Some(true),
            _ if right.is_number_value(1.0) && comparison.operator == GreaterEqualThan => Some(true),
            _ if right.is_number_value(1.0) && comparison.operator == LessThan => Some(false),
            _ => None,
        };
        let kind = match found.map(|found| found == holds) {
            Some(true) => GuardKind::Found,
            Some(false) => GuardKind::Missing,
            None => GuardKind::Other,
        };
        self.add(query, kind, whole);
    }

    fn add(&mut self, query: QueryIndex, when: GuardKind, at: Span) {
        let guard = Guard { query, when, span: at };
        let is_known = self.out.iter().any(|own| (own.query, own.when) == (query, when));
        if query < self.query && !is_known {
            self.out.push(guard);
        }
    }
}

/// Returns whether a statement always leaves the block around it.
fn leaves(statement: &Statement) -> bool {
    match statement {
        Statement::ReturnStatement(_) | Statement::ThrowStatement(_) | Statement::ContinueStatement(_) | Statement::BreakStatement(_) => {
            true
        }
        Statement::BlockStatement(block) => block.body.last().is_some_and(leaves),
        _ => false,
    }
}

/// Adds the entries of a payload that are built from columns of earlier results.
fn rebuilt<'a>(
    code: &Code<'a, '_>,
    results: &Results,
    payload: &'a Expression<'a>,
    query: QueryIndex,
    steps: usize,
    out: &mut Vec<Rebuilt>,
) {
    let Some(steps) = steps.checked_sub(1) else { return };
    match plain(payload) {
        Expression::ObjectExpression(object) => {
            for property in &object.properties {
                let ObjectPropertyKind::ObjectProperty(property) = property else { continue };
                let Some(name) = property.key.static_name() else { continue };
                if let Some((earlier, column, how)) = built_from(code, results, &property.value, steps)
                    && earlier < query
                {
                    let key = Named { text: SmolStr::new(name), span: span(property.key.span()) };
                    out.push(Rebuilt { key, query: earlier, column, how });
                }
            }
        }
        Expression::Identifier(name) => {
            if let Some(init) = code.symbol(name).and_then(|symbol| code.value_of(symbol)) {
                rebuilt(code, results, init, query, steps, out);
            }
        }
        _ => {}
    }
}

fn built_from<'a>(
    code: &Code<'a, '_>,
    results: &Results,
    value: &'a Expression<'a>,
    steps: usize,
) -> Option<(QueryIndex, SmolStr, RebuiltKind)> {
    let steps = steps.checked_sub(1)?;
    let column = |expression: &'a Expression<'a>| match results.of(code, expression, MAX_STEPS) {
        Some((query, Part::Column(column))) => Some((query, column)),
        _ => None,
    };
    let with = |how: RebuiltKind| move |(query, column): (QueryIndex, SmolStr)| (query, column, how);
    match plain(value) {
        Expression::ObjectExpression(object) => object.properties.iter().find_map(|property| match property {
            ObjectPropertyKind::SpreadProperty(spread) => column(&spread.argument).map(with(RebuiltKind::Merged)),
            ObjectPropertyKind::ObjectProperty(_) => None,
        }),
        Expression::ArrayExpression(list) => list.elements.iter().find_map(|element| match element {
            ArrayExpressionElement::SpreadElement(spread) => column(&spread.argument).map(with(RebuiltKind::List)),
            _ => None,
        }),
        Expression::BinaryExpression(sum) if sum.operator.is_arithmetic() => {
            let side = |expression: &'a Expression<'a>| {
                column(expression).map(with(RebuiltKind::Computed)).or_else(|| built_from(code, results, expression, steps))
            };
            side(&sum.left).or_else(|| side(&sum.right))
        }
        Expression::ConditionalExpression(either) => {
            built_from(code, results, &either.consequent, steps).or_else(|| built_from(code, results, &either.alternate, steps))
        }
        Expression::Identifier(name) => built_from(code, results, code.value_of(code.symbol(name)?)?, steps),
        other => {
            let call = as_call(other)?;
            let (name, object) = callee(call)?;
            match (name, object) {
                ("assign", Some(_)) => {
                    call.arguments.iter().find_map(|argument| column(argument.as_expression()?)).map(with(RebuiltKind::Merged))
                }
                ("concat" | "filter" | "map", Some(object)) => column(object).map(with(RebuiltKind::List)),
                ("max" | "min" | "round" | "floor", Some(_)) => {
                    call.arguments.iter().find_map(|argument| built_from(code, results, argument.as_expression()?, steps))
                }
                ("from", Some(_)) => column(argument(call, 0)?).map(with(RebuiltKind::List)),
                _ => None,
            }
        }
    }
}
