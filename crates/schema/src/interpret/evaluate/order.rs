//! Order in which the relations of a FROM clause are joined, and the step at which each condition is evaluated.
//!
//! Promises: the order does not change the result. Relations that a lateral or outer join uses come before it. Relations with few rows after
//! their conditions come first, which keeps intermediate results small.

use super::tables;
use crate::syntax::expression::*;
use smol_str::SmolStr;

/// Functions that can be evaluated before all relations are joined, because they depend only on their arguments.
const PLAIN: [&str; 9] = ["format", "lower", "upper", "quote_ident", "concat", "coalesce", "replace", "btrim", "to_regclass"];

/// A condition, and the number of relations that must be joined before it can be evaluated.
pub struct Condition<'q> {
    pub expr: &'q Expr,
    pub after: usize,
    pub done: bool,
}

/// Positions of the relations in FROM, in the order in which they are joined.
pub struct Order {
    places: Vec<usize>,
}

impl Order {
    pub fn of(select: &Select, sources: &[&FromItem], variables: bool) -> Order {
        // USING and NATURAL take a column from the first relation in FROM
        let fixed = |source: &&FromItem| {
            source.natural
                || !source.using.is_empty()
                || source.reference().is_none()
                || matches!(source.join, Some(JoinKind::Right | JoinKind::Full))
        };
        let nested = select.from.iter().any(|item| matches!(item.relation, FromRelation::Join(_)));
        if sources.len() < 2 || nested || sources.iter().any(fixed) {
            return Order { places: (0..sources.len()).collect() };
        }
        let on = select.from.iter().filter(|item| item.join != Some(JoinKind::Left)).flat_map(|item| &item.on);
        let equalities: Vec<&Expr> = on.chain(&select.filter).flat_map(Expr::conjuncts).filter(|expr| expr.equality().is_some()).collect();
        let mut places: Vec<usize> = Vec::with_capacity(sources.len());
        let mut waiting: Vec<usize> = (0..sources.len()).collect();
        while !waiting.is_empty() {
            let unjoined: Vec<&str> = waiting.iter().filter_map(|at| sources[*at].reference()).collect();
            let rank = |at: usize| {
                let (source, alias) = (sources[at], sources[at].reference());
                let ready = equalities.iter().filter_map(|expr| equality_on(expr, alias, variables));
                let columns: Vec<&str> =
                    ready.filter(|(_, other)| !names_any(other, &unjoined)).map(|(column, _)| column.as_str()).collect();
                rank(source, &columns)
            };
            // the relation can depend on all relations before it
            let dependent =
                |at: usize| sources[at].join == Some(JoinKind::Left) || !matches!(sources[at].relation, FromRelation::Table { .. });
            let free = waiting.iter().enumerate().filter(|(first, at)| *first == 0 || !dependent(**at));
            let next = free.min_by_key(|(_, at)| rank(**at)).map_or(0, |(place, _)| place);
            places.push(waiting.remove(next));
        }
        Order { places }
    }

    pub fn differs(&self) -> bool {
        !self.places.is_sorted()
    }

    pub fn arranged<'q>(&self, sources: Vec<&'q FromItem>) -> Vec<&'q FromItem> {
        self.places.iter().map(|at| sources[*at]).collect()
    }

    /// Returns items in the order of FROM.
    pub fn restored<T>(&self, joined: Vec<T>) -> Vec<T> {
        let mut out: Vec<(usize, T)> = self.places.iter().copied().zip(joined).collect();
        out.sort_by_key(|(at, _)| *at);
        out.into_iter().map(|(_, item)| item).collect()
    }
}

/// Estimates the number of rows of a relation after equality conditions on these columns. A lower rank means fewer rows.
fn rank(source: &FromItem, columns: &[&str]) -> u8 {
    let FromRelation::Table { name, .. } = &source.relation else { return 5 };
    let any = |wanted: &dyn Fn(&str) -> bool| columns.iter().any(|column| wanted(column));
    let schema = any(&|column| column.ends_with("namespace") || column.ends_with("schema") || column == "schemaname");
    let named = any(&|column| column.ends_with("name") && column != "schemaname");
    let identified = any(&|column| column == "oid" || column.ends_with("relid"));
    match (named || identified, identified || named && schema) {
        (true, _) if tables::is_small(name.last()) => 0,
        (_, true) => 1,
        (true, _) => 2,
        _ if tables::is_sparse(name.last()) => 3,
        _ if !columns.is_empty() => 4,
        _ => 5,
    }
}

/// Returns whether an expression uses one of these relations or a column without qualifier.
pub fn names_any(expr: &Expr, aliases: &[&str]) -> bool {
    let mut found = false;
    expr.walk(&mut |node| {
        if let Node::Expr(Expr { kind: ExprKind::Column { path, .. }, .. }) = node {
            found |= match path.as_slice() {
                [.., qualifier, _] => aliases.contains(&qualifier.as_str()) || aliases.contains(&path[0].as_str()),
                _ => true,
            };
        }
        Walk::Into
    });
    found
}

/// Collects the entries of FROM, including those of nested joins.
pub fn flatten<'q>(from: &'q [FromItem], out: &mut Vec<&'q FromItem>) {
    for item in from {
        match &item.relation {
            FromRelation::Join(inner) => flatten(inner, out),
            _ => out.push(item),
        }
    }
}

/// Returns the conditions of WHERE and of inner joins, each with the number of relations that it needs.
pub fn conditions<'q>(select: &'q Select, sources: &[&'q FromItem]) -> Vec<Condition<'q>> {
    let mut out = Vec::new();
    let mut add = |expr: &'q Expr, least: usize| {
        for expr in expr.conjuncts() {
            out.push(Condition { expr, after: needed(expr, sources).max(least), done: false });
        }
    };
    fn joined_on<'q>(from: &'q [FromItem], add: &mut dyn FnMut(&'q Expr)) {
        for item in from {
            if let FromRelation::Join(inner) = &item.relation {
                joined_on(inner, add);
            }
            if item.join != Some(JoinKind::Left) {
                item.on.iter().for_each(&mut *add);
            }
        }
    }
    joined_on(&select.from, &mut |expr| add(expr, 1));
    if let Some(filter) = &select.filter {
        add(filter, 0);
    }
    out
}

/// Returns the number of relations that the names of an expression need: all of them if a name has no qualifier.
fn needed(expr: &Expr, sources: &[&FromItem]) -> usize {
    let mut most = 0;
    expr.walk(&mut |node| {
        match node {
            Node::Expr(Expr { kind: ExprKind::Column { path, .. }, .. }) => {
                let qualifier = path.len().checked_sub(2).map(|at| path[at].as_str());
                let place = qualifier.and_then(|alias| sources.iter().position(|source| source.reference() == Some(alias)));
                most = match (qualifier, place) {
                    (_, Some(at)) => most.max(at + 1),
                    // a variable, or a relation of an outer query
                    (Some(_), None) => most,
                    (None, None) => sources.len(),
                };
            }
            Node::Query(_) => most = sources.len(),
            _ => {}
        }
        Walk::Into
    });
    most
}

/// Returns `column = expression` for a column of this relation, if the expression uses no column of the relation.
pub fn equality_on<'q>(expr: &'q Expr, alias: Option<&str>, variables: bool) -> Option<(&'q SmolStr, &'q Expr)> {
    let (left, right) = expr.equality()?;
    let column = |expr: &'q Expr| match &expr.uncast().kind {
        ExprKind::Column { path, .. } => match path.as_slice() {
            [name] => Some(name),
            [.., qualifier, name] if alias == Some(qualifier) => Some(name),
            _ => None,
        },
        _ => None,
    };
    let plain = |expr: &Expr| {
        let mut plain = true;
        expr.walk(&mut |node| {
            plain &= match node {
                Node::Expr(expr) => match &expr.kind {
                    ExprKind::Column { path, .. } if path.len() == 1 => variables,
                    ExprKind::Column { path, .. } => path.first().map(SmolStr::as_str) != alias,
                    ExprKind::String(_) | ExprKind::Number(_) | ExprKind::Bool(_) | ExprKind::Param(_) | ExprKind::Cast { .. } => true,
                    ExprKind::Binary { op, .. } => op == "||",
                    ExprKind::Call(call) => call.name.parts.len() == 1 && PLAIN.contains(&call.name.last()),
                    _ => false,
                },
                _ => false,
            };
            Walk::Into
        });
        plain
    };
    let qualified = |expr: &Expr| matches!(&expr.uncast().kind, ExprKind::Column { path, .. } if path.len() > 1);
    let right_first = !qualified(left) && qualified(right);
    let sides = if right_first { [(right, left), (left, right)] } else { [(left, right), (right, left)] };
    sides.into_iter().find_map(|(own, other)| column(own).filter(|_| plain(other)).map(|name| (name, other)))
}
