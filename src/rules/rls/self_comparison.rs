//! Policies that compare a column with itself. PostgreSQL resolves an unqualified name to the innermost query that has the column, and to
//! the row of the policy if the table of the subquery lacks it. The intended condition is then always true.

use crate::analysis::eval_frequency;
use crate::remedy::policy_edit::{Edits, alter, in_place, rests_on_text};
use crate::rules::prelude::*;

rule!("rls/self-comparison", Security, Error, Schema(check), fixable);

/// A relation of a column: its scope, where 0 is the row of the policy, and its index in the scope.
type Place = (usize, usize);

/// An incorrect condition.
struct Fault<'a> {
    kind: Kind<'a>,
    /// The column that resolves to another relation than intended.
    column: &'a Expr,
    /// The intended relation, or the relation in which the name was expected.
    inner: Option<&'a FromItem>,
}

enum Kind<'a> {
    /// A subquery returns the column that it is compared with.
    Returned { path: &'a [SmolStr] },
    /// A subquery returns a column of the outer row instead of its own.
    Borrowed,
    /// Both sides are the same column of the subquery's table.
    Inside { tied: bool },
    /// Both sides are columns of the subquery's table, and one of them was meant to be a column of the row.
    Beside { other: &'a Expr },
    /// Both sides are the same column of the row.
    Row,
    /// A function for paths of files gets a column of the subquery's table.
    Path { function: &'a str },
}

fn check(cx: &mut Cx) {
    for (table, policy) in cx.policies() {
        let clauses: Vec<&Expression> = policy.clauses().map(|(_, clause)| clause).collect();
        for (at, clause) in clauses.iter().enumerate() {
            let mut search = Search { cx, table, levels: vec![Vec::new()], found: Vec::new() };
            search.expr(&clause.root);
            for fault in search.found {
                report(cx, table, policy, (at, clause), &fault);
            }
        }
    }
}

struct Search<'s, 'a> {
    cx: &'s Cx<'a>,
    table: &'a Table,
    /// The relations of each surrounding query. The first level is the row of the policy.
    levels: Vec<Vec<&'a FromItem>>,
    found: Vec<Fault<'a>>,
}

impl<'a> Search<'_, 'a> {
    fn expr(&mut self, expr: &'a Expr) {
        self.judge(expr);
        expr.each_child(&mut |child| self.expr(child));
        if let Some(query) = expr.query() {
            self.query(query, self.ties(expr));
        }
    }

    /// Searches a query. `ties` is the number of references to outer rows in the query and in the value that it is compared with.
    fn query(&mut self, query: &'a Query, ties: Option<usize>) {
        // the binder counts a WITH entry as a scope
        if query.with.is_empty() {
            self.body(&query.body, ties);
        }
    }

    fn body(&mut self, body: &'a SetExpr, ties: Option<usize>) {
        match body {
            SetExpr::Select(select) => {
                self.levels.push(select.from.iter().flat_map(FromItem::tables).collect());
                for item in self.levels.last().cloned().unwrap_or_default() {
                    if let FromRelation::Query(inner) = &item.relation {
                        self.query(inner, None);
                    }
                    item.on.iter().for_each(|on| self.conditions(on, ties));
                }
                select.filter.iter().chain(&select.having).for_each(|filter| self.conditions(filter, ties));
                select.targets.iter().for_each(|target| self.expr(&target.expr));
                self.levels.pop();
            }
            SetExpr::Set { left, right, .. } => {
                self.body(left, ties);
                self.body(right, ties);
            }
            SetExpr::Query(query) => self.query(query, ties),
            SetExpr::Values(_) | SetExpr::Data(_) => {}
        }
    }

    /// Searches conditions that filter rows of the innermost query.
    fn conditions(&mut self, filter: &'a Expr, ties: Option<usize>) {
        for conjunct in filter.conjuncts() {
            if let Some((left, right)) = conjunct.equality() {
                self.inside(left.uncast(), right.uncast(), ties);
            }
        }
        self.expr(filter);
    }

    fn level(&self) -> usize {
        self.levels.len() - 1
    }

    /// Returns the number of references to rows of surrounding scopes, or `None` if a name is unknown.
    fn ties(&self, expr: &'a Expr) -> Option<usize> {
        let (level, mut count, mut known) = (self.level(), 0, true);
        eval_frequency::columns(expr, level, &mut |_, scope| match scope {
            Some(scope) => count += usize::from(scope <= level),
            None => known = false,
        });
        known.then_some(count)
    }

    /// Returns the relation of a column, or `None` if it is ambiguous.
    fn place(&self, column: &Expr) -> Option<Place> {
        let ExprKind::Column { path, binding: Binding::Column { depth, relation } } = &column.kind else { return None };
        let level = self.level().checked_sub(usize::from(*depth))?;
        if level == 0 {
            return Some((0, 0));
        }
        let items = &self.levels[level];
        let merged = |item: &&FromItem| item.natural || path.last().is_some_and(|name| item.using.contains(name));
        let is_meant = |item: &FromItem| {
            let bound = match &item.relation {
                FromRelation::Table { bound, .. } => bound.as_ref(),
                _ => None,
            };
            bound == relation.as_ref() && (path.len() < 2 || item.reference() == Some(&path[path.len() - 2]))
        };
        let mut found = items.iter().enumerate().filter(|(_, item)| is_meant(item));
        let (at, _) = found.next()?;
        (found.next().is_none() && !items.iter().any(merged)).then_some((level, at))
    }

    fn item(&self, place: Place) -> Option<&'a FromItem> {
        self.levels[place.0].get(place.1).copied()
    }

    fn judge(&mut self, expr: &'a Expr) {
        match &expr.kind {
            ExprKind::Call(call) if call.name.schema() == Some("storage") && self.table.name.is("storage", "objects") => self.path(call),
            ExprKind::InQuery { expr: left, query, negated: false } => self.returned(expr, left, query),
            ExprKind::Quantified { left, op, all: false, right } if op == "=" => {
                if let ExprKind::Subquery(query) | ExprKind::ArrayQuery(query) = &right.uncast().kind {
                    self.returned(expr, left, query);
                }
            }
            ExprKind::Binary { op, left, right } if op == "=" => match (&left.uncast().kind, &right.uncast().kind) {
                (ExprKind::Subquery(query), _) => self.returned(expr, right, query),
                (_, ExprKind::Subquery(query)) => self.returned(expr, left, query),
                _ if self.level() == 0 && same_column(left.uncast(), right.uncast()) => {
                    self.found.push(Fault { kind: Kind::Row, column: left.uncast(), inner: None });
                }
                _ => {}
            },
            _ => {}
        }
    }

    /// Searches `storage.foldername(name)` where `name` is not that of the file.
    fn path(&mut self, call: &'a Call) {
        let [Arg { value, .. }] = call.args.as_slice() else { return };
        let column = value.uncast();
        if column.column() == Some("name")
            && is_bare(column)
            && let Some(place) = self.place(column).filter(|place| place.0 > 0)
        {
            let kind = Kind::Path { function: call.name.last() };
            self.found.push(Fault { kind, column, inner: self.item(place) });
        }
    }

    /// Searches `left = any (query)` for a subquery that returns a column of the outer row.
    fn returned(&mut self, whole: &'a Expr, left: &'a Expr, query: &'a Query) {
        let Some(select) = query.select().filter(|select| query.with.is_empty() && !select.from.is_empty()) else { return };
        let [Target { expr: target, .. }] = select.targets.as_slice() else { return };
        let target = target.uncast();
        self.levels.push(select.from.iter().flat_map(FromItem::tables).collect());
        let place = self.place(target).filter(|place| place.0 < self.level());
        self.levels.pop();
        let (Some(place), ExprKind::Column { path, .. }) = (place, &target.kind) else { return };
        let left = left.uncast();
        let same = self.place(left) == Some(place) && left.column() == target.column();
        // if another condition compares the subquery with the row, the subquery has the effect of an EXISTS
        let own = usize::from(self.place(left).is_some());
        let tied = self.ties(whole) != Some(own + 1);
        let inner = select.from.first().and_then(|item| item.tables().first().copied());
        let kind = match (same, tied) {
            (true, false) => Kind::Returned { path },
            (false, false) if path.len() == 1 => Kind::Borrowed,
            _ => return,
        };
        self.found.push(Fault { kind, column: target, inner });
    }

    /// Searches an equality `left = right` in the conditions of a subquery.
    fn inside(&mut self, left: &'a Expr, right: &'a Expr, ties: Option<usize>) {
        let (Some(place), Some(other)) = (self.place(left), self.place(right)) else { return };
        if place != other || place.0 != self.level() {
            return;
        }
        let inner = self.item(place);
        // the column without a table name is the one that resolves to the wrong table
        let (column, other) = if is_bare(left) && !is_bare(right) { (left, right) } else { (right, left) };
        if left.column() == right.column() {
            self.found.push(Fault { kind: Kind::Inside { tied: ties != Some(0) }, column, inner });
        } else if is_bare(column) && ties == Some(0) && self.refers_to_row(other, column) {
            self.found.push(Fault { kind: Kind::Beside { other }, column, inner });
        }
    }

    /// Returns whether a foreign key from the first column refers to a column of the policy's table with the name of the second column.
    fn refers_to_row(&self, from: &Expr, to: &Expr) -> bool {
        let ExprKind::Column { binding: Binding::Column { relation: Some(relation), .. }, .. } = &from.kind else { return false };
        let (Some(from), Some(to)) = (from.column(), to.column()) else { return false };
        let table = self.cx.catalog.table(&QName::new(relation.0.clone(), relation.1.clone()));
        table.filter(|table| table.name != self.table.name).is_some_and(|table| {
            let leads = |key: &ForeignKey| key.table == self.table.name && key.columns.iter().any(|column| column == to);
            table.foreign_keys().any(|(constraint, key)| constraint.columns.iter().any(|column| column == from) && leads(key))
        })
    }
}

fn is_bare(column: &Expr) -> bool {
    matches!(&column.kind, ExprKind::Column { path, .. } if path.len() == 1)
}

/// Returns whether both expressions are the same column of the policy's row.
fn same_column(left: &Expr, right: &Expr) -> bool {
    let of_row = |expr: &Expr| matches!(expr.kind, ExprKind::Column { binding: Binding::Column { depth: 0, .. }, .. });
    of_row(left) && of_row(right) && left.column() == right.column()
}

fn report(cx: &mut Cx, table: &Table, policy: &Policy, (at, clause): (usize, &Expression), fault: &Fault) {
    let column = fault.column.column().unwrap_or_default();
    let rows = &table.name.name;
    let inner = fault.inner.and_then(FromItem::reference).unwrap_or("the subquery");
    let head = format!("policy \"{}\" on `{}`", policy.name, table.name);
    let meant = fault.inner.and_then(|item| column_meant(cx, table, item, column));
    let (message, label, help, edit) = match &fault.kind {
        Kind::Returned { path } => {
            let why = match path.len() {
                1 => format!("`{inner}` has no column `{column}`, so the subquery returns the column of the policy's row"),
                _ => format!("the subquery on `{inner}` returns the column of the policy's row"),
            };
            (
                format!(
                    "{head} compares `{column}` with itself: {why}, and the condition is true for every row if the subquery finds a row of `{inner}`"
                ),
                "column of the policy's row",
                format!("Select the intended column of `{inner}` and qualify it, so that a missing column is an error."),
                meant.map(|name| format!("{}.{}", quote_ident(inner), quote_ident(&name))),
            )
        }
        Kind::Borrowed => (
            format!("{head} uses `{column}` of the policy's row: `{inner}` has no such column, so no column of `{inner}` is compared"),
            "column of the policy's row",
            format!("Select the intended column of `{inner}` and qualify it, so that a missing column is an error."),
            meant.map(|name| format!("{}.{}", quote_ident(inner), quote_ident(&name))),
        ),
        Kind::Inside { .. } => (
            format!(
                "{head} compares `{inner}.{column}` with itself: in the subquery, `{column}` is the column of `{inner}`, so the condition is true for every row of `{rows}`"
            ),
            "always true",
            match table.may_have(column) {
                true => format!("Qualify the column: `{rows}.{column}`."),
                false => format!("Compare it with the intended column of `{rows}`, and qualify that column."),
            },
            row_column(table, column),
        ),
        Kind::Beside { other } => (
            format!(
                "{head} compares `{inner}.{}` with `{inner}.{column}`: in the subquery, `{column}` is the column of `{inner}`, so the result is the same for every row of `{rows}`",
                other.column().unwrap_or_default()
            ),
            "not a column of the policy's row",
            format!("Qualify the column: `{rows}.{column}`."),
            row_column(table, column),
        ),
        Kind::Path { function } => (
            format!(
                "{head} calls storage.{function}() with `{inner}.name`: in the subquery, `name` is the column of `{inner}`, so the path of the file is not checked"
            ),
            "not the name of the file",
            "Qualify the column: `objects.name`.".into(),
            row_column(table, column),
        ),
        Kind::Row => (
            format!("{head} compares `{column}` with itself, which is true for every row where it is not NULL"),
            "always true",
            match (&policy.check, policy.command) {
                (Some(check), Command::Update | Command::All) if check.site == clause.site => {
                    format!("Prevent changes of `{column}` with a trigger, or revoke UPDATE on it. WITH CHECK applies only to the new row.")
                }
                _ => "Compare it with the intended column or value, and qualify the column.".into(),
            },
            None,
        ),
    };
    // a relation with the same name inside the subquery would be found instead
    let hidden = |edit: &String| {
        matches!(fault.kind, Kind::Inside { .. } | Kind::Beside { .. } | Kind::Path { .. }) && inner == rows && !edit.is_empty()
    };
    let edits: Option<Edits> = edit.filter(|edit| !hidden(edit)).map(|edit| vec![(fault.column.span, edit)]);
    let cure = edits.map(|edits| {
        let mut all = vec![Edits::new(); policy.clauses().count()];
        all[at] = edits.clone();
        (alter(cx, table, policy, &all), in_place(clause, &edits))
    });
    let (safety, known) = rests_on_text(cx, policy, Safety::Review);
    let draft = cx.report((table, policy), clause.at(fault.column), message);
    draft.label(label).help(help).given(table.rls.certainty).given(known).discriminate(column).discriminate(inner);
    if matches!(fault.kind, Kind::Borrowed | Kind::Inside { tied: true } | Kind::Row) {
        draft.severity(Severity::Warn);
    }
    if let Some((step, rewrite)) = cure {
        draft.fix(safety, format!("Qualify the column in policy \"{}\"", policy.name), [step]).rewrite(rewrite);
    }
}

/// Returns the qualified column, such as `notes.team_id`, if the policy's table has it.
fn row_column(table: &Table, column: &str) -> Option<String> {
    table.column(column).map(|column| format!("{}.{}", quote_ident(&table.name.name), quote_ident(&column.name)))
}

/// Returns the only column of the subquery's table that refers to the same key as the column of the row.
fn column_meant(cx: &Cx, table: &Table, item: &FromItem, column: &str) -> Option<SmolStr> {
    let FromRelation::Table { bound: Some(bound), .. } = &item.relation else { return None };
    let inner = cx.catalog.table(&QName::new(bound.0.clone(), bound.1.clone()))?;
    let target = |table: &Table, name: &str| -> Option<(QName, Vec<SmolStr>)> {
        let mut keys = table.foreign_keys().filter(|(constraint, _)| constraint.columns.len() == 1 && constraint.columns[0] == name);
        keys.next().map(|(_, key)| (key.table.clone(), key.columns.clone()))
    };
    let wanted = target(table, column)?;
    let mut fitting = inner.columns.iter().filter(|known| target(inner, &known.name).is_some_and(|found| found == wanted));
    let found = fitting.next()?;
    fitting.next().is_none().then(|| found.name.clone())
}
