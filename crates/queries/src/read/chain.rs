//! Query chains: where they begin, which calls belong to them, and where their results are awaited.

use super::client::{Evidence, Known, known};
use super::code::{Code, Link, MAX_STEPS, argument, as_call, callee, plain, span};
use super::value;
use crate::shape::{Schema, Waits};
use oxc_ast::AstKind;
use oxc_ast::ast::{AssignmentTarget, BindingPatternKind, CallExpression, Expression};
use oxc_semantic::{NodeId, SymbolId};
use oxc_span::GetSpan;
use rustc_hash::FxHashSet;
use supalint_syntax::source::Span;

/// A chain from `from` or `rpc` to its last call, also through variables.
pub struct Chain<'a> {
    /// Node of the call of `from` or `rpc`.
    pub node: NodeId,
    pub call: &'a CallExpression<'a>,
    /// Argument that names the table or function.
    pub target: &'a Expression<'a>,
    pub name_span: Span,
    pub is_rpc: bool,
    pub receiver: &'a Expression<'a>,
    pub client: Known,
    /// Calls after `from` or `rpc`, and whether each path applies them.
    pub links: Vec<(Link<'a>, bool)>,
    /// Call of `then`, whose callback has the result.
    pub then: Option<&'a CallExpression<'a>>,
    /// Places where the result is used, in the order of their positions.
    pub sinks: Vec<Sink>,
    /// Whether no other calls are possible.
    pub complete: bool,
    /// Span of the first chain.
    pub span: Span,
}

/// A place where a query is awaited, returned or passed on.
#[derive(Clone, Copy, Debug)]
pub struct Sink {
    /// Last node of the chain.
    pub node: NodeId,
    pub waits: Waits,
}

const COMMANDS: [&str; 5] = ["select", "insert", "upsert", "update", "delete"];

/// Methods of query builders and buckets of other libraries.
const FOREIGN: [&str; 34] = [
    "where",
    "andWhere",
    "orWhere",
    "whereIn",
    "join",
    "innerJoin",
    "leftJoin",
    "orderBy",
    "groupBy",
    "having",
    "execute",
    "executeTakeFirst",
    "toArray",
    "upload",
    "download",
    "getPublicUrl",
    "remove",
    "list",
    "createSignedUrl",
    "createSignedUrls",
    "createSignedUploadUrl",
    "values",
    "$dynamic",
    "pipe",
    "subscribe",
    "move",
    "copy",
    "uploadToSignedUrl",
    "first",
    "returning",
    "as",
    "offset",
    "toSQL",
    "info",
];

/// Methods that end a builder, so that no filter can follow.
const TERMINAL: [&str; 5] = ["single", "maybeSingle", "csv", "geojson", "explain"];

/// Finds all query chains of a file.
pub fn chains<'a>(code: &Code<'a, '_>) -> Vec<Chain<'a>> {
    let mut out = Vec::new();
    let mut doubtful = Vec::new();
    for node in code.nodes.iter() {
        let AstKind::CallExpression(call) = node.kind() else { continue };
        let Some(member) = super::code::as_member(&call.callee) else { continue };
        let is_rpc = match member.property.name.as_str() {
            "from" => false,
            "rpc" => true,
            _ => continue,
        };
        let Some(first) = argument(call, 0) else { continue };
        if (!is_rpc && call.arguments.len() != 1) || call.arguments.len() > 3 {
            continue;
        }
        if matches!(plain(first), Expression::ArrayExpression(_) | Expression::NewExpression(_) | Expression::ObjectExpression(_)) {
            continue;
        }
        let client = known(code, &member.object, MAX_STEPS);
        if client.evidence == Evidence::No {
            continue;
        }
        let mut chain = Chain {
            node: node.id(),
            call,
            target: first,
            name_span: span(member.property.span),
            is_rpc,
            receiver: &member.object,
            client,
            links: Vec::new(),
            then: None,
            sinks: Vec::new(),
            complete: true,
            span: span(call.span),
        };
        Follow { code, chain: &mut chain, seen: FxHashSet::default() }.start();
        chain.links.sort_by_key(|(link, _)| link.name_span.start);
        chain.sinks.sort_by_key(|sink| code.node_span(sink.node).end);
        let is_query = |name: &str| COMMANDS.contains(&name);
        let is_foreign = chain.links.iter().any(|(link, _)| FOREIGN.contains(&link.name));
        let has_command = is_rpc || chain.links.iter().any(|(link, _)| is_query(link.name));
        if is_foreign || !has_command {
            continue;
        }
        // a doubtful receiver needs the methods of PostgREST
        if chain.client.evidence == Evidence::None {
            let text = value::named(code, first);
            let is_name = text.is_some_and(|text| text.text.chars().all(|letter| letter.is_alphanumeric() || letter == '_'));
            if is_rpc {
                // functions of PostgreSQL take named arguments
                let has_names = match argument(call, 1) {
                    Some(arguments) => matches!(plain(arguments), Expression::ObjectExpression(_)),
                    None => call.arguments.len() == 1,
                };
                let is_snake = value::named(code, first).is_some_and(|text| text.text.contains('_'));
                if is_name && is_snake && has_names {
                    out.push(chain);
                } else if is_name {
                    doubtful.push(chain);
                }
                continue;
            }
            if !chain.links.first().is_some_and(|(link, _)| is_query(link.name)) {
                continue;
            }
        }
        out.push(chain);
    }
    // `rpc` of a receiver that is a client elsewhere in the file
    let receivers: FxHashSet<&str> = out.iter().map(|chain| code.slice(span(chain.receiver.span()))).collect();
    let is_known = |chain: &Chain| receivers.contains(code.slice(span(chain.receiver.span())));
    let known: Vec<Chain> = doubtful.into_iter().filter(|chain| is_known(chain)).collect();
    out.extend(known);
    out.sort_by_key(|chain| (chain.span.start, chain.name_span.start));
    out
}

impl Chain<'_> {
    pub fn schema(&self) -> Schema {
        self.client.schema.clone()
    }
}

struct Follow<'c, 'a, 's> {
    code: &'c Code<'a, 's>,
    chain: &'c mut Chain<'a>,
    seen: FxHashSet<SymbolId>,
}

impl<'a> Follow<'_, 'a, '_> {
    fn start(&mut self) {
        let (links, last, complete) = self.code.chain(self.chain.node);
        self.chain.complete &= complete;
        let last = self.add(links, last, true);
        self.chain.span = self.code.node_span(last);
        self.passed(last);
    }

    /// Adds calls up to `then`, and returns the last node.
    fn add(&mut self, links: Vec<Link<'a>>, last: NodeId, certain: bool) -> NodeId {
        for link in links {
            if ["then", "catch", "finally"].contains(&link.name) {
                self.chain.then = Some(link.call);
                break;
            }
            self.chain.links.push((link, certain));
        }
        last
    }

    /// Follows the value of a node, which is the unfinished query, to where it goes.
    fn passed(&mut self, node: NodeId) {
        let code = self.code;
        let own = code.node_span(node);
        let parent = code.up(node);
        match code.nodes.kind(parent) {
            AstKind::AwaitExpression(_) => self.sink(node, Waits::Await),
            AstKind::VariableDeclarator(declarator) => match &declarator.id.kind {
                BindingPatternKind::BindingIdentifier(name) => match name.symbol_id.get() {
                    Some(symbol) => self.variable(symbol, parent),
                    None => self.sink(node, Waits::Unknown),
                },
                _ => self.sink(node, Waits::Unknown),
            },
            AstKind::AssignmentExpression(assignment) => match &assignment.left {
                AssignmentTarget::AssignmentTargetIdentifier(name) => match code.symbol(name) {
                    Some(symbol) => self.variable(symbol, parent),
                    None => self.open(node),
                },
                _ => self.open(node),
            },
            AstKind::ConditionalExpression(either) if span(either.test.span()) != own => self.passed(parent),
            AstKind::LogicalExpression(_) => self.passed(parent),
            AstKind::ReturnStatement(_) | AstKind::ArrowFunctionExpression(_) => self.returned(node),
            // the body of an arrow function without braces
            AstKind::ExpressionStatement(_) => {
                let body = code.up(parent);
                let arrow = code.up(body);
                match (code.nodes.kind(body), code.nodes.kind(arrow)) {
                    (AstKind::FunctionBody(_), AstKind::ArrowFunctionExpression(function)) if function.expression => self.returned(node),
                    _ => self.sink(node, Waits::Unknown),
                }
            }
            AstKind::ArrayExpression(_) => {
                let waits = match code.nodes.kind(code.up(parent)) {
                    AstKind::CallExpression(call) => together(call),
                    _ => None,
                };
                self.sink(node, waits.unwrap_or_default());
            }
            AstKind::CallExpression(call) if span(call.callee.span()) != own => {
                self.sink(node, Waits::Unknown);
                let is_kept = matches!(callee(call), Some(("push" | "resolve" | "withTimeout" | "race", _)));
                self.chain.complete &= is_kept || self.is_ended();
            }
            AstKind::ObjectProperty(_) | AstKind::StaticMemberExpression(_) | AstKind::ComputedMemberExpression(_) => self.open(node),
            _ => self.sink(node, Waits::Unknown),
        }
    }

    fn sink(&mut self, node: NodeId, waits: Waits) {
        self.chain.sinks.push(Sink { node, waits });
    }

    /// The unfinished query goes where it cannot be followed.
    fn open(&mut self, node: NodeId) {
        self.sink(node, Waits::Unknown);
        self.chain.complete &= self.is_ended();
    }

    fn is_ended(&self) -> bool {
        self.chain.then.is_some() || self.chain.links.iter().any(|(link, _)| TERMINAL.contains(&link.name))
    }

    /// The query is returned. A caller can continue it if the function is not asynchronous.
    fn returned(&mut self, node: NodeId) {
        let code = self.code;
        self.sink(node, Waits::Returned);
        if self.is_ended() {
            return;
        }
        let is_function = |kind| matches!(kind, AstKind::Function(_) | AstKind::ArrowFunctionExpression(_));
        let Some(function) = code.around(node, is_function) else { return };
        let (is_async, own_name) = match code.nodes.kind(function) {
            AstKind::Function(function) => (function.r#async, function.id.as_ref()),
            AstKind::ArrowFunctionExpression(function) => (function.r#async, None),
            _ => return,
        };
        if is_async {
            return;
        }
        let parent = code.up(function);
        let name = own_name.and_then(|name| name.symbol_id.get()).or_else(|| match code.nodes.kind(parent) {
            AstKind::VariableDeclarator(declarator) => declarator.id.get_binding_identifier().and_then(|name| name.symbol_id.get()),
            _ => None,
        });
        let Some(name) = name else {
            // a method: other files can continue it
            if matches!(code.nodes.kind(parent), AstKind::MethodDefinition(_) | AstKind::PropertyDefinition(_)) {
                self.chain.complete = false;
            }
            return;
        };
        let around = if own_name.is_some() { parent } else { code.up(code.up(parent)) };
        if matches!(code.nodes.kind(around), AstKind::ExportNamedDeclaration(_)) {
            self.chain.complete = false;
        }
        for reference in code.scoping.get_resolved_references(name) {
            let call = code.up(reference.node_id());
            let is_awaited = matches!(code.nodes.kind(code.up(call)), AstKind::AwaitExpression(_));
            self.chain.complete &= is_awaited;
        }
    }

    /// Follows a variable that contains the unfinished query.
    fn variable(&mut self, symbol: SymbolId, start: NodeId) {
        if !self.seen.insert(symbol) {
            return;
        }
        let code = self.code;
        let from = self.chain.span.start;
        let mut references: Vec<(NodeId, bool)> =
            code.scoping.get_resolved_references(symbol).map(|reference| (reference.node_id(), reference.is_read())).collect();
        references.sort_by_key(|(node, _)| code.node_span(*node).start);
        let declaration = code.scoping.symbol_declaration(symbol);
        let outer = code.nodes.parent_id(code.nodes.parent_id(declaration));
        for (node, is_read) in references {
            if !code.spend() {
                self.chain.complete = false;
                return;
            }
            let at = code.node_span(node);
            if at.start < from || (code.node_span(start).contains(at) && !is_read) {
                continue;
            }
            if code.are_exclusive(node, self.chain.node) {
                continue;
            }
            let (links, last, complete) = code.chain(node);
            if !is_read {
                // another query replaces this one
                let assignment = code.up(node);
                if code.node_span(assignment).start > from && self.replaces(assignment, symbol) && code.is_unconditional(assignment, outer)
                {
                    return;
                }
                continue;
            }
            let (common, ..) = code.common(node, start);
            let is_after_sink = self.chain.sinks.iter().any(|sink| code.node_span(sink.node).end <= at.start);
            let certain = code.is_unconditional(node, common) && !is_after_sink;
            self.chain.complete &= complete;
            let last = self.add(links, last, certain);
            // `q = q.eq(…)`
            let parent = code.up(last);
            let is_own = match code.nodes.kind(parent) {
                AstKind::AssignmentExpression(assignment) => match &assignment.left {
                    AssignmentTarget::AssignmentTargetIdentifier(name) => code.symbol(name) == Some(symbol),
                    _ => false,
                },
                AstKind::ExpressionStatement(_) => true,
                _ => false,
            };
            // `q = condition ? q.eq(…) : q`
            if !is_own {
                self.passed(last);
            }
        }
    }

    /// Returns whether an assignment gives the variable a value that is not built from itself.
    fn replaces(&self, assignment: NodeId, symbol: SymbolId) -> bool {
        match self.code.nodes.kind(assignment) {
            AstKind::AssignmentExpression(assignment) => {
                let range = span(assignment.right.span());
                !self.code.references_in(range).iter().any(|name| self.code.symbol(name) == Some(symbol))
            }
            _ => false,
        }
    }
}

/// Returns how `Promise.all` and the like wait for their members.
fn together(call: &CallExpression) -> Option<Waits> {
    let (name, object) = callee_name(call)?;
    let is_promise = object == "Promise" && ["all", "allSettled", "race", "any"].contains(&name);
    is_promise.then(|| Waits::Together(span(call.span)))
}

fn callee_name<'c>(call: &'c CallExpression) -> Option<(&'c str, &'c str)> {
    match plain_callee(&call.callee) {
        Expression::StaticMemberExpression(member) => match &member.object {
            Expression::Identifier(object) => Some((member.property.name.as_str(), object.name.as_str())),
            _ => None,
        },
        _ => None,
    }
}

fn plain_callee<'c, 'a>(expression: &'c Expression<'a>) -> &'c Expression<'a> {
    expression.get_inner_expression()
}

/// Returns whether a call is `Promise.all` or the like.
pub fn is_together(call: &CallExpression) -> bool {
    together(call).is_some()
}

/// Returns the call of `schema` that a receiver is.
pub fn schema_call<'a>(receiver: &'a Expression<'a>) -> Option<&'a CallExpression<'a>> {
    as_call(receiver).filter(|call| matches!(callee(call), Some(("schema", Some(_)))))
}
