//! A parsed file: names, declarations and the nodes around a node.

use crate::shape::Import;
use oxc_ast::AstKind;
use oxc_ast::ast::{
    Argument, BindingPattern, BindingPatternKind, CallExpression, ChainElement, Expression, FormalParameter, Function, IdentifierReference,
    ObjectExpression, ObjectPropertyKind, StaticMemberExpression, TSEnumDeclaration, TSEnumMemberName,
};
use oxc_semantic::{AstNodes, NodeId, Scoping, SymbolId};
use oxc_span::GetSpan;
use rustc_hash::FxHashMap;
use smol_str::SmolStr;
use std::cell::Cell;
use supalint_syntax::source::Span;

/// Number of declarations that are followed from a name to its value.
pub const MAX_STEPS: usize = 8;

/// Number of values that are followed in one file.
const MAX_VALUES: u32 = 4_000_000;

/// A parsed file.
pub struct Code<'a, 's> {
    pub text: &'a str,
    pub nodes: &'s AstNodes<'a>,
    pub scoping: &'s Scoping,
    /// All references in the order of their positions.
    pub identifiers: Vec<&'a IdentifierReference<'a>>,
    /// Values that the file assigns to `this.name`, or with which it declares a property.
    pub fields: FxHashMap<&'a str, Vec<&'a Expression<'a>>>,
    /// Values that the file assigns to variables after their declaration.
    pub assigned: FxHashMap<SymbolId, Vec<&'a Expression<'a>>>,
    /// Values that each function returns, by the start of the function.
    pub returns: FxHashMap<u32, Vec<&'a Expression<'a>>>,
    /// Number of values that can still be followed.
    budget: Cell<u32>,
}

/// A step from a destructured value to one of its parts.
#[derive(Clone, Debug, PartialEq)]
pub enum Step<'a> {
    Key(&'a str),
    Index(usize),
    Rest,
}

/// Declaration of a variable.
pub enum Binding<'a> {
    /// A part of an expression. The path is empty if the variable is the whole value.
    Value(&'a Expression<'a>, Vec<Step<'a>>),
    /// A part of an element of an expression: the variable of `for (… of …)`, or the parameter of a callback of `map` or the like.
    Element(&'a Expression<'a>, Vec<Step<'a>>, NodeId),
    /// A parameter of a function, or a part of it.
    Parameter(&'a FormalParameter<'a>, Vec<Step<'a>>),
    Import(Import),
    Function(&'a Function<'a>),
    Enum(&'a TSEnumDeclaration<'a>),
    Unknown,
}

/// Value of a constant expression.
#[derive(Clone)]
pub enum Constant<'a> {
    /// The last expression that the names lead to.
    Value(&'a Expression<'a>),
    /// An import, and the members of it.
    Import(Import, Vec<SmolStr>),
    Enum(&'a TSEnumDeclaration<'a>),
}

/// A call of a method in a chain.
#[derive(Clone, Copy)]
pub struct Link<'a> {
    pub name: &'a str,
    pub name_span: Span,
    pub call: &'a CallExpression<'a>,
}

pub fn span(span: oxc_span::Span) -> Span {
    Span::new(span.start, span.end)
}

/// Returns the expression without parentheses and type annotations.
pub fn plain<'a>(mut expression: &'a Expression<'a>) -> &'a Expression<'a> {
    loop {
        expression = match expression {
            Expression::ParenthesizedExpression(inner) => &inner.expression,
            Expression::TSAsExpression(inner) => &inner.expression,
            Expression::TSSatisfiesExpression(inner) => &inner.expression,
            Expression::TSNonNullExpression(inner) => &inner.expression,
            Expression::TSTypeAssertion(inner) => &inner.expression,
            Expression::TSInstantiationExpression(inner) => &inner.expression,
            _ => return expression,
        }
    }
}

/// Returns the expression without parentheses, type annotations and `await`.
pub fn awaited<'a>(expression: &'a Expression<'a>) -> &'a Expression<'a> {
    match plain(expression) {
        Expression::AwaitExpression(inner) => awaited(&inner.argument),
        other => other,
    }
}

pub fn as_call<'a>(expression: &'a Expression<'a>) -> Option<&'a CallExpression<'a>> {
    match plain(expression) {
        Expression::CallExpression(call) => Some(call),
        Expression::ChainExpression(chain) => match &chain.expression {
            ChainElement::CallExpression(call) => Some(call),
            ChainElement::TSNonNullExpression(inner) => as_call(&inner.expression),
            _ => None,
        },
        _ => None,
    }
}

pub fn as_member<'a>(expression: &'a Expression<'a>) -> Option<&'a StaticMemberExpression<'a>> {
    match plain(expression) {
        Expression::StaticMemberExpression(member) => Some(member),
        Expression::ChainExpression(chain) => match &chain.expression {
            ChainElement::StaticMemberExpression(member) => Some(member),
            ChainElement::TSNonNullExpression(inner) => as_member(&inner.expression),
            _ => None,
        },
        _ => None,
    }
}

/// Returns the object and the index of `object[index]`.
pub fn as_index<'a>(expression: &'a Expression<'a>) -> Option<(&'a Expression<'a>, &'a Expression<'a>)> {
    match plain(expression) {
        Expression::ComputedMemberExpression(member) => Some((&member.object, &member.expression)),
        Expression::ChainExpression(chain) => match &chain.expression {
            ChainElement::ComputedMemberExpression(member) => Some((&member.object, &member.expression)),
            _ => None,
        },
        _ => None,
    }
}

/// Returns the name of a called function or method, and the object of a method.
pub fn callee<'a>(call: &'a CallExpression<'a>) -> Option<(&'a str, Option<&'a Expression<'a>>)> {
    match plain(&call.callee) {
        Expression::Identifier(name) => Some((name.name.as_str(), None)),
        other => as_member(other).map(|member| (member.property.name.as_str(), Some(&member.object))),
    }
}

pub fn argument<'a>(call: &'a CallExpression<'a>, nth: usize) -> Option<&'a Expression<'a>> {
    call.arguments.get(nth).and_then(Argument::as_expression)
}

/// Returns the value of a property of an object, if no spread after it can replace it.
pub fn property<'a>(object: &'a ObjectExpression<'a>, name: &str) -> Option<&'a Expression<'a>> {
    object.properties.iter().rev().find_map(|property| match property {
        ObjectPropertyKind::ObjectProperty(property) if property.key.static_name().as_deref() == Some(name) => Some(&property.value),
        _ => None,
    })
}

/// Whether a callback of this method runs once for each element of the list.
pub fn is_iteration(method: &str) -> bool {
    matches!(method, "map" | "forEach" | "flatMap" | "filter" | "reduce" | "some" | "every" | "find" | "findIndex" | "sort")
}

impl<'a, 's> Code<'a, 's> {
    pub fn new(text: &'a str, nodes: &'s AstNodes<'a>, scoping: &'s Scoping) -> Code<'a, 's> {
        let mut code = Code {
            text,
            nodes,
            scoping,
            identifiers: Vec::new(),
            fields: FxHashMap::default(),
            assigned: FxHashMap::default(),
            returns: FxHashMap::default(),
            budget: Cell::new(MAX_VALUES),
        };
        for node in nodes.iter() {
            match node.kind() {
                AstKind::IdentifierReference(identifier) => code.identifiers.push(identifier),
                AstKind::PropertyDefinition(definition) => {
                    if let (Some(value), Some(name)) = (&definition.value, definition.key.name())
                        && let std::borrow::Cow::Borrowed(name) = name
                    {
                        code.fields.entry(name).or_default().push(value);
                    }
                }
                AstKind::AssignmentExpression(assignment) if assignment.operator.is_assign() => match &assignment.left {
                    oxc_ast::ast::AssignmentTarget::StaticMemberExpression(member)
                        if matches!(member.object, Expression::ThisExpression(_)) =>
                    {
                        code.fields.entry(member.property.name.as_str()).or_default().push(&assignment.right);
                    }
                    oxc_ast::ast::AssignmentTarget::AssignmentTargetIdentifier(name) => {
                        if let Some(symbol) = code.symbol(name) {
                            code.assigned.entry(symbol).or_default().push(&assignment.right);
                        }
                    }
                    _ => {}
                },
                AstKind::ReturnStatement(statement) => {
                    let function = nodes.ancestor_kinds(node.id()).find_map(|kind| match kind {
                        AstKind::Function(function) => Some(function.span.start),
                        AstKind::ArrowFunctionExpression(function) => Some(function.span.start),
                        _ => None,
                    });
                    if let (Some(function), Some(value)) = (function, &statement.argument) {
                        code.returns.entry(function).or_default().push(value);
                    }
                }
                AstKind::ArrowFunctionExpression(function) => {
                    if let Some(value) = function.get_expression() {
                        code.returns.entry(function.span.start).or_default().push(value);
                    }
                }
                _ => {}
            }
        }
        code.identifiers.sort_by_key(|identifier| identifier.span.start);
        code
    }

    /// Counts a value that is followed, and returns whether the limit is not reached.
    pub fn spend(&self) -> bool {
        self.budget.set(self.budget.get().saturating_sub(1));
        self.budget.get() > 0
    }

    pub fn symbol(&self, identifier: &IdentifierReference<'a>) -> Option<SymbolId> {
        self.scoping.get_reference(identifier.reference_id.get()?).symbol_id()
    }

    /// Returns the references in a range of the file.
    pub fn references_in(&self, range: Span) -> &[&'a IdentifierReference<'a>] {
        let from = self.identifiers.partition_point(|identifier| identifier.span.start < range.start);
        let to = self.identifiers.partition_point(|identifier| identifier.span.start < range.end);
        &self.identifiers[from..to.max(from)]
    }

    pub fn slice(&self, range: Span) -> &'a str {
        self.text.get(range.start as usize..range.end as usize).unwrap_or("")
    }

    /// Returns the nearest node around a node that is not a parenthesis or type annotation.
    pub fn up(&self, mut node: NodeId) -> NodeId {
        loop {
            node = self.nodes.parent_id(node);
            match self.nodes.kind(node) {
                AstKind::ParenthesizedExpression(_)
                | AstKind::TSAsExpression(_)
                | AstKind::TSSatisfiesExpression(_)
                | AstKind::TSNonNullExpression(_)
                | AstKind::TSTypeAssertion(_)
                | AstKind::TSInstantiationExpression(_)
                | AstKind::ChainExpression(_)
                | AstKind::Argument(_) => {}
                _ => return node,
            }
        }
    }

    pub fn node_span(&self, node: NodeId) -> Span {
        span(self.nodes.kind(node).span())
    }

    /// Returns the methods that are called on a node one after another, the last node, and whether all of them are known.
    pub fn chain(&self, mut node: NodeId) -> (Vec<Link<'a>>, NodeId, bool) {
        let mut links = Vec::new();
        loop {
            let parent = self.up(node);
            match self.nodes.kind(parent) {
                AstKind::StaticMemberExpression(member) => {
                    let above = self.up(parent);
                    match self.nodes.kind(above) {
                        AstKind::CallExpression(call) if call.callee.span().contains_inclusive(member.span) => {
                            let name_span = span(member.property.span);
                            links.push(Link { name: member.property.name.as_str(), name_span, call });
                            node = above;
                        }
                        _ => return (links, node, true),
                    }
                }
                AstKind::ComputedMemberExpression(member) if member.object.span().contains_inclusive(self.nodes.kind(node).span()) => {
                    return (links, node, false);
                }
                _ => return (links, node, true),
            }
        }
    }

    /// Returns the declaration of a variable.
    pub fn binding(&self, symbol: SymbolId) -> Binding<'a> {
        let mut node = self.scoping.symbol_declaration(symbol);
        let mut path = Vec::new();
        loop {
            match self.nodes.kind(node) {
                AstKind::VariableDeclarator(declarator) => {
                    if !find(&declarator.id, symbol, &mut path) {
                        return Binding::Unknown;
                    }
                    path.reverse();
                    if let Some(init) = &declarator.init {
                        return match import_call(awaited(init)) {
                            Some(module) => match path.first() {
                                Some(Step::Key(name)) => Binding::Import(Import { module, name: SmolStr::new(name) }),
                                _ => Binding::Import(Import { module, name: SmolStr::new_static("*") }),
                            },
                            None => Binding::Value(init, path),
                        };
                    }
                    // `for (const … of …)`
                    let loop_node = self.up(self.up(node));
                    return match self.nodes.kind(loop_node) {
                        AstKind::ForOfStatement(statement) => Binding::Element(&statement.right, path, loop_node),
                        AstKind::ForInStatement(statement) => Binding::Element(&statement.right, path, loop_node),
                        _ => Binding::Unknown,
                    };
                }
                AstKind::FormalParameter(parameter) => {
                    if !find(&parameter.pattern, symbol, &mut path) {
                        return Binding::Unknown;
                    }
                    path.reverse();
                    let function = self.up(self.up(node));
                    let call_node = self.up(function);
                    if let AstKind::CallExpression(call) = self.nodes.kind(call_node)
                        && let Some((name, Some(object))) = callee(call)
                        && (is_iteration(name) || name == "then")
                    {
                        return if name == "then" { Binding::Value(object, path) } else { Binding::Element(object, path, call_node) };
                    }
                    return Binding::Parameter(parameter, path);
                }
                AstKind::ImportSpecifier(specifier) => {
                    return self.import(node, &specifier.imported.name());
                }
                AstKind::ImportDefaultSpecifier(_) => return self.import(node, "default"),
                AstKind::ImportNamespaceSpecifier(_) => return self.import(node, "*"),
                AstKind::Function(function) => return Binding::Function(function),
                AstKind::TSEnumDeclaration(declaration) => return Binding::Enum(declaration),
                AstKind::BindingIdentifier(_) | AstKind::BindingRestElement(_) | AstKind::ObjectPattern(_) | AstKind::ArrayPattern(_) => {
                    node = self.nodes.parent_id(node);
                }
                _ => return Binding::Unknown,
            }
        }
    }

    fn import(&self, node: NodeId, name: &str) -> Binding<'a> {
        match self.nodes.parent_kind(node) {
            AstKind::ImportDeclaration(declaration) => {
                Binding::Import(Import { module: SmolStr::new(declaration.source.value), name: SmolStr::new(name) })
            }
            _ => Binding::Unknown,
        }
    }

    /// Returns the value of a variable that is never assigned again.
    pub fn value_of(&self, symbol: SymbolId) -> Option<&'a Expression<'a>> {
        match self.binding(symbol) {
            Binding::Value(init, path) if path.is_empty() && !self.scoping.symbol_is_mutated(symbol) => Some(init),
            _ => None,
        }
    }

    /// Returns whether the code adds elements to a list or removes some.
    pub fn is_grown(&self, symbol: SymbolId) -> bool {
        self.scoping.get_resolved_references(symbol).take_while(|_| self.spend()).any(|reference| {
            let parent = self.up(reference.node_id());
            match self.nodes.kind(parent) {
                AstKind::StaticMemberExpression(member) => {
                    ["push", "unshift", "splice", "pop", "shift", "length"].contains(&member.property.name.as_str())
                }
                AstKind::ComputedMemberExpression(_) => matches!(self.nodes.kind(self.up(parent)), AstKind::AssignmentExpression(_)),
                _ => false,
            }
        })
    }

    /// Follows constants, members of constant objects and enums to a value.
    pub fn constant(&self, expression: &'a Expression<'a>, steps: usize) -> Constant<'a> {
        let expression = plain(expression);
        if steps == 0 || !self.spend() {
            return Constant::Value(expression);
        }
        let steps = steps - 1;
        if let Expression::Identifier(name) = expression {
            let Some(symbol) = self.symbol(name) else { return Constant::Value(expression) };
            return match self.binding(symbol) {
                Binding::Value(init, path) if !self.scoping.symbol_is_mutated(symbol) => {
                    let mut value = self.constant(init, steps);
                    for step in &path {
                        let Step::Key(key) = step else { return Constant::Value(expression) };
                        match self.member(&value, key, steps) {
                            Some(member) => value = member,
                            None => return Constant::Value(expression),
                        }
                    }
                    value
                }
                Binding::Import(import) => Constant::Import(import, Vec::new()),
                Binding::Enum(declaration) => Constant::Enum(declaration),
                _ => Constant::Value(expression),
            };
        }
        if let Some(member) = as_member(expression) {
            let object = self.constant(&member.object, steps);
            return self.member(&object, member.property.name.as_str(), steps).unwrap_or(Constant::Value(expression));
        }
        if let Some((object, index)) = as_index(expression)
            && let Expression::StringLiteral(key) = plain(index)
        {
            let object = self.constant(object, steps);
            return self.member(&object, key.value.as_str(), steps).unwrap_or(Constant::Value(expression));
        }
        if let Some(call) = as_call(expression)
            && let Some(("freeze", Some(_))) = callee(call)
            && let Some(inner) = argument(call, 0)
        {
            return self.constant(inner, steps);
        }
        Constant::Value(expression)
    }

    fn member(&self, object: &Constant<'a>, name: &str, steps: usize) -> Option<Constant<'a>> {
        match object {
            Constant::Value(Expression::ObjectExpression(object)) => property(object, name).map(|value| self.constant(value, steps)),
            Constant::Value(_) => None,
            Constant::Import(import, path) if import.name == "*" && path.is_empty() => {
                Some(Constant::Import(Import { module: import.module.clone(), name: SmolStr::new(name) }, Vec::new()))
            }
            Constant::Import(import, path) => {
                let mut path = path.clone();
                path.push(SmolStr::new(name));
                Some(Constant::Import(import.clone(), path))
            }
            Constant::Enum(declaration) => declaration.body.members.iter().find_map(|member| {
                let is_it = match &member.id {
                    TSEnumMemberName::Identifier(id) => id.name == name,
                    TSEnumMemberName::String(id) => id.value == name,
                    _ => false,
                };
                member.initializer.as_ref().filter(|_| is_it).map(Constant::Value)
            }),
        }
    }

    /// Returns the innermost node around a node for which `is_it` is true.
    pub fn around(&self, node: NodeId, is_it: impl Fn(AstKind<'a>) -> bool) -> Option<NodeId> {
        self.nodes.ancestor_ids(node).find(|id| is_it(self.nodes.kind(*id)))
    }

    /// Returns whether a node runs each time that `outer` runs: no condition, loop or callback is between them.
    pub fn is_unconditional(&self, node: NodeId, outer: NodeId) -> bool {
        let mut below = node;
        for id in self.nodes.ancestor_ids(node) {
            if id == outer {
                return true;
            }
            let inside = self.node_span(below);
            let is_in = |part: oxc_span::Span| span(part).contains(inside);
            let conditional = match self.nodes.kind(id) {
                AstKind::IfStatement(statement) => !is_in(statement.test.span()),
                AstKind::ConditionalExpression(expression) => !is_in(expression.test.span()),
                AstKind::LogicalExpression(expression) => is_in(expression.right.span()),
                AstKind::SwitchCase(_)
                | AstKind::ForStatement(_)
                | AstKind::ForOfStatement(_)
                | AstKind::ForInStatement(_)
                | AstKind::WhileStatement(_)
                | AstKind::CatchClause(_)
                | AstKind::Function(_)
                | AstKind::ArrowFunctionExpression(_) => true,
                _ => false,
            };
            if conditional {
                return false;
            }
            below = id;
        }
        true
    }

    /// Returns the innermost node that contains both nodes, and the children of it that contain them.
    pub fn common(&self, one: NodeId, other: NodeId) -> (NodeId, NodeId, NodeId) {
        let path: Vec<NodeId> = std::iter::once(one).chain(self.nodes.ancestor_ids(one)).collect();
        let mut below = other;
        for id in std::iter::once(other).chain(self.nodes.ancestor_ids(other)) {
            if let Some(at) = path.iter().position(|node| *node == id) {
                return (id, path[at.saturating_sub(1)], below);
            }
            below = id;
        }
        (one, one, other)
    }

    /// Returns whether two nodes are in different branches of one condition.
    pub fn are_exclusive(&self, one: NodeId, other: NodeId) -> bool {
        let (common, one, other) = self.common(one, other);
        one != other
            && match self.nodes.kind(common) {
                AstKind::IfStatement(statement) => {
                    let test = span(statement.test.span());
                    !test.contains(self.node_span(one)) && !test.contains(self.node_span(other))
                }
                AstKind::ConditionalExpression(expression) => {
                    let test = span(expression.test.span());
                    !test.contains(self.node_span(one)) && !test.contains(self.node_span(other))
                }
                AstKind::SwitchStatement(_) => true,
                _ => false,
            }
    }
}

/// Returns the module of `require('…')` or `import('…')`.
fn import_call(expression: &Expression) -> Option<SmolStr> {
    match expression {
        Expression::ImportExpression(import) => match &import.source {
            Expression::StringLiteral(module) => Some(SmolStr::new(module.value)),
            _ => None,
        },
        Expression::CallExpression(call) => match (&call.callee, call.arguments.first()) {
            (Expression::Identifier(name), Some(Argument::StringLiteral(module))) if name.name == "require" => {
                Some(SmolStr::new(module.value))
            }
            _ => None,
        },
        _ => None,
    }
}

/// Finds a variable in a pattern. The path to it is in reverse order.
pub fn find<'a>(pattern: &'a BindingPattern<'a>, symbol: SymbolId, path: &mut Vec<Step<'a>>) -> bool {
    match &pattern.kind {
        BindingPatternKind::BindingIdentifier(name) => name.symbol_id.get() == Some(symbol),
        BindingPatternKind::AssignmentPattern(inner) => find(&inner.left, symbol, path),
        BindingPatternKind::ObjectPattern(object) => {
            for property in &object.properties {
                if find(&property.value, symbol, path) {
                    match property.key.static_name() {
                        Some(std::borrow::Cow::Borrowed(name)) => path.push(Step::Key(name)),
                        _ => path.push(Step::Rest),
                    }
                    return true;
                }
            }
            object.rest.as_ref().is_some_and(|rest| {
                let found = find(&rest.argument, symbol, path);
                if found {
                    path.push(Step::Rest);
                }
                found
            })
        }
        BindingPatternKind::ArrayPattern(array) => {
            for (nth, element) in array.elements.iter().enumerate() {
                if let Some(element) = element
                    && find(element, symbol, path)
                {
                    path.push(Step::Index(nth));
                    return true;
                }
            }
            false
        }
    }
}
