//! Rows looked up by a foreign key and wanted in the order of another column, where the index knows only the key. A key without
//! any index is `index/foreign-key`'s.

use super::build::{New, is_complete_for, serves};
use super::foreign_key::is_indexed;
use crate::rules::prelude::*;
use crate::rules::scope::{Reader, Scope, visit};

rule!("index/foreign-key-sort", Performance, Warn, Schema(check), fixable);

/// Names of columns that hold when a row came to be.
const TIMES: [&str; 10] = [
    "created_at",
    "started_at",
    "inserted_at",
    "sent_at",
    "occurred_at",
    "received_at",
    "logged_at",
    "recorded_at",
    "happened_at",
    "timestamp",
];

/// What a query wants of the rows of one key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Want {
    /// The first few, by the second column.
    Few,
    /// The least or greatest.
    Extreme,
    /// Those of a stretch of time.
    Stretch,
    /// All, in order.
    Order,
    /// No query is seen; both columns have an index each.
    Apart,
    /// No query is seen; the table's name tells of rows that are listed by time.
    Listed,
}

/// What tables are called whose rows come in time and are read by it.
const LISTED: [&str; 9] = ["messages", "comments", "events", "logs", "log", "history", "notifications", "activities", "activity"];

/// A query that looks rows up by a key and wants them by a second column.
pub struct Sorted<'a> {
    pub table: &'a Table,
    pub key: SmolStr,
    pub column: SmolStr,
    pub at: Site,
    /// ``function `public.f` ``
    pub reader: String,
    order: &'static str,
    /// The column of `deleted_at is null`, where the query asks for it.
    alive: Option<SmolStr>,
    want: Want,
}

impl<'a> Sorted<'a> {
    pub fn index(&self) -> New<'a> {
        New {
            table: self.table,
            keys: vec![(self.key.clone(), ""), (self.column.clone(), self.order)],
            predicate: self.alive.as_ref().map(|column| format!("{} is null", quote_ident(column))),
        }
    }

    /// Does an index save more than the sort?
    pub fn is_strong(&self) -> bool {
        !matches!(self.want, Want::Order | Want::Apart | Want::Listed)
    }

    fn message(&self) -> String {
        let Sorted { table, key, column, reader, .. } = self;
        let name = &table.name;
        match self.want {
            Want::Few => format!(
                "{reader} takes the first rows of one `{key}` of `{name}` by `{column}`, and no index holds both: every row of the key is read and sorted"
            ),
            Want::Extreme => format!(
                "{reader} looks for one `{column}` among the rows of one `{key}` of `{name}`, and no index holds both: every row of the key is read"
            ),
            Want::Stretch => format!(
                "{reader} wants the rows of one `{key}` of `{name}` from a stretch of `{column}`, and no index holds both: every row of the key is read"
            ),
            Want::Apart => format!(
                "`{name}` has an index on `{key}` and one on `{column}`, and none on both: the latest rows of one `{key}` are found by sorting all its rows, or by passing over everybody's"
            ),
            Want::Listed => format!(
                "`{name}` is indexed by `{key}` alone: the latest rows of one `{key}` are found by reading and sorting all its rows"
            ),
            Want::Order => {
                format!("{reader} sorts the rows of one `{key}` of `{name}` by `{column}`: an index on both would hold them in order")
            }
        }
    }
}

fn check(cx: &mut Cx) {
    let mut sorts = sorted(cx);
    let unasked: Vec<Sorted> = cx
        .user_tables()
        .filter(|table| !sorts.iter().any(|sort| sort.table.name == table.name))
        .filter_map(|table| likely(cx, table))
        .collect();
    sorts.extend(unasked);
    sorts.retain(|sort| is_indexed(sort.table, std::slice::from_ref(&sort.key)));
    // the strongest reason speaks for all queries that one index would serve
    sorts.sort_by_key(|sort| !sort.is_strong());
    for (at, sort) in sorts.iter().enumerate() {
        let same = |other: &&Sorted| other.table.name == sort.table.name && other.key == sort.key && other.column == sort.column;
        if !sorts[..at].iter().any(|other| same(&other)) {
            report(cx, sort, sorts[at + 1..].iter().filter(same).count());
        }
    }
}

fn report(cx: &mut Cx, sort: &Sorted, more: usize) {
    let index = sort.index();
    let table = sort.table;
    let single = table.indexes.iter().find(|known| known.columns.len() == 1 && serves(known, std::slice::from_ref(&sort.key)));
    let mut help = format!("create an index on {}", index.list());
    if let Some(single) = single.filter(|single| !single.unique && index.predicate.is_none()) {
        help.push_str(&format!("; `{}` is then covered by it and can go", single.name));
    }
    let seen = !matches!(sort.want, Want::Apart | Want::Listed);
    if !seen {
        help = help.replacen("create", "let clients that list the latest rows of one parent have", 1);
    }
    let step = index.step(cx);
    let draft = cx.report(table, single.map_or(table.named, |single| single.named), sort.message());
    draft
        .severity(if sort.is_strong() && is_time(table, &sort.column) { Severity::Warn } else { Severity::Info })
        .discriminate(&sort.key)
        .discriminate(&sort.column)
        .because(
            sort.at,
            match more {
                _ if !seen => sort.reader.clone(),
                0 => "the query".into(),
                _ => format!("the query, and {more} more like it"),
            },
        )
        .help(help)
        .fix(
            if seen { index.safety() } else { Safety::Review },
            format!("Index `{}` and `{}` of `{}`", sort.key, sort.column, table.name),
            [step],
        );
    if single.is_some() {
        draft.label("knows only the key");
    }
}

/// Queries of functions, views and policies that an index on a foreign key and a second column would serve, and none does.
pub fn sorted<'a>(cx: &Cx<'a>) -> Vec<Sorted<'a>> {
    let mut out: Vec<Sorted<'a>> = Vec::new();
    visit(cx, &mut |reader, node, scope| {
        if let Node::Query(query) = node {
            let of_user = |table: &&Table| !table.external && !table.of_extension && !table.created.is_platform();
            out.extend(scope.tables().into_iter().filter(of_user).filter_map(|table| judge(cx, reader, query, scope, table)));
        }
    });
    out
}

/// A child table that looks as if its rows were listed by time, where no SQL shows it.
fn likely<'a>(cx: &Cx<'a>, table: &'a Table) -> Option<Sorted<'a>> {
    let complete = |index: &&Index| index.method == "btree" && index.predicate.is_none();
    let single =
        |name: &str| table.indexes.iter().filter(complete).find(|index| index.plain_columns().is_some_and(|columns| columns == [name]));
    let time = table.columns.iter().find(|column| TIMES.contains(&column.name.as_str()) && column.ty.is_timestamp())?;
    // rows that go with their parent belong to it
    let owned: Vec<SmolStr> = table
        .foreign_keys()
        .filter(|(constraint, key)| key.on_delete == ReferentialAction::Cascade && is_indexed(table, &constraint.columns))
        .flat_map(|(constraint, _)| constraint.columns.first().filter(|_| constraint.columns.len() == 1).cloned())
        .collect();
    let key = nearest_parent(cx, table, &owned)?;
    let (want, at, reader) = match single(&time.name) {
        Some(index) if single(&key).is_some() => (Want::Apart, index.named, "knows only the time"),
        _ if LISTED.iter().any(|word| table.name.name.split('_').next_back() == Some(*word)) => (Want::Listed, time.named, "the time"),
        _ => return None,
    };
    // one of a part of the rows was somebody's choice
    let both = |index: &Index| {
        index.columns.len() > 1 && index.leads_with(&[key.clone(), time.name.clone()]) && index.columns[0].column.as_ref() == Some(&key)
    };
    let served = table.indexes.iter().any(both) || is_served(table, std::slice::from_ref(&key), &time.name, &[]);
    let (column, reader) = (time.name.clone(), reader.to_string());
    (!served && !table.external).then_some(Sorted { table, key, column, at, reader, order: " desc", alive: None, want })
}

fn judge<'a, 'q>(cx: &Cx<'a>, reader: Reader<'_>, query: &'q Query, scope: &Scope<'_>, table: &'a Table) -> Option<Sorted<'a>> {
    let select = query.select()?;
    let inner = select.from.iter().filter(|item| item.join == Some(JoinKind::Inner)).filter_map(|item| item.on.as_ref());
    let conjuncts: Vec<&Expr> = select.filter.iter().chain(inner).flat_map(Expr::conjuncts).collect();
    let own = |expr: &Expr| scope.column(expr).filter(|found| found.depth == 0 && found.table == table.name).map(|found| found.column);
    // `column = constant`, either way round
    let fixed = |left: &Expr, right: &Expr| own(left).filter(|_| scope.is_constant(right));
    let sides = |expr: &'q Expr| {
        let (left, right) = expr.equality()?;
        fixed(left, right).map(|column| (column, right)).or_else(|| fixed(right, left).map(|column| (column, left)))
    };
    let equal: Vec<(SmolStr, &Expr)> = conjuncts.iter().filter_map(|expr| sides(expr)).collect();
    let bound: Vec<SmolStr> = equal.iter().map(|(column, _)| column.clone()).collect();
    let key = nearest_parent(cx, table, &bound)?;
    // a further value that the caller gives may leave a row or two, which any index would find
    let is_key = |column: &SmolStr| table.foreign_keys().any(|(constraint, _)| constraint.columns.contains(column));
    let is_literal =
        |expr: &Expr| matches!(expr.uncast().kind, ExprKind::String(_) | ExprKind::Number(_) | ExprKind::Bool(_) | ExprKind::Null);
    if equal.iter().any(|(column, value)| !is_key(column) && !is_literal(value)) {
        return None;
    }
    let (column, order, want, span) = ordered(query, select, table, &bound, &own).or_else(|| {
        conjuncts
            .iter()
            .find_map(|expr| Some((stretch(expr, scope, &own).filter(|name| is_time(table, name))?, "", Want::Stretch, expr.span)))
    })?;
    let asked: Vec<SmolStr> = conjuncts.iter().flat_map(|expr| expr.all()).filter_map(own).collect();
    // each update of a row would have to move it in the index
    let moves = ["updated_at", "modified_at"].contains(&column.as_str());
    if moves || bound.contains(&column) || is_served(table, &bound, &column, &asked) {
        return None;
    }
    let alive = conjuncts.iter().find_map(|expr| match &expr.kind {
        ExprKind::IsNull { expr, negated: false } => {
            own(expr).filter(|name| table.column(name).is_some_and(|column| column.ty.is_timestamp()))
        }
        _ => None,
    });
    Some(Sorted { table, key, column, at: reader.at(span), reader: reader.words(), order, alive, want })
}

/// Of the foreign keys that a query fixes, the one to the table that the fewest refer to: a conversation rather than a tenant.
fn nearest_parent(cx: &Cx, table: &Table, bound: &[SmolStr]) -> Option<SmolStr> {
    let single = |key: &Constraint| if let [only] = key.columns.as_slice() { Some(only.clone()) } else { None };
    let keys = table.foreign_keys().filter_map(|(key, to)| Some((single(key).filter(|only| bound.contains(only))?, &to.table)));
    let referring = |parent: &QName| cx.catalog.tables.values().flat_map(Table::foreign_keys).filter(|(_, to)| to.table == *parent).count();
    keys.min_by_key(|(_, parent)| referring(parent)).map(|(column, _)| column)
}

/// What the query sorts by, and how.
fn ordered(
    query: &Query,
    select: &Select,
    table: &Table,
    bound: &[SmolStr],
    own: &dyn Fn(&Expr) -> Option<SmolStr>,
) -> Option<(SmolStr, &'static str, Want, Span)> {
    if !select.group_by.is_empty() || select.distinct {
        return None;
    }
    let extreme = select.targets.iter().find_map(|target| {
        let call = target.expr.as_call().filter(|call| matches!(call.name.last(), "max" | "min") && call.over.is_none())?;
        let column = own(&call.args.first()?.value).filter(|name| table.column(name).is_some_and(|column| column.ty.is_timestamp()))?;
        Some((column, target.expr.span))
    });
    if let Some((column, span)) = extreme {
        return Some((column, "", Want::Extreme, span));
    }
    let mut keys = query.order_by.iter().filter(|key| own(&key.expr).is_none_or(|column| !bound.contains(&column)));
    let first = keys.next()?;
    let column = own(&first.expr)?;
    let known = table.column(&column)?;
    let primary = |name: SmolStr| table.primary_key().is_some_and(|key| key.columns.contains(&name));
    // few values in front leave much to sort behind them; who sorts by a random id wants any row, always the same
    let counts = ["smallint", "integer", "bigint", "numeric"].iter().any(|number| known.ty.is(number));
    if !known.ty.is_timestamp() && !(counts && keys.all(|key| own(&key.expr).is_some_and(primary))) {
        return None;
    }
    // a name in ORDER BY is first one of the select list
    let computed = |target: &Target| target.alias.as_ref() == Some(&column) && target.expr.column() != Some(&column);
    if select.targets.iter().any(computed) {
        return None;
    }
    let nulls = first.nulls_first.filter(|nulls| *nulls != first.descending && !known.not_null.value);
    let order = match (first.descending, nulls) {
        (false, None) => "",
        (true, None) => " desc",
        (true, Some(_)) => " desc nulls last",
        (false, Some(_)) => " nulls first",
    };
    let want = if query.limit.is_some() { Want::Few } else { Want::Order };
    Some((column, order, want, first.expr.span))
}

/// The column of `column > constant` and its kin. What lies before a moment is nearly everything.
fn stretch(expr: &Expr, scope: &Scope<'_>, own: &dyn Fn(&Expr) -> Option<SmolStr>) -> Option<SmolStr> {
    match &expr.kind {
        ExprKind::Binary { op, left, right } => match op.as_str() {
            ">" | ">=" => own(left).filter(|_| scope.is_constant(right)),
            "<" | "<=" => own(right).filter(|_| scope.is_constant(left)),
            _ => None,
        },
        ExprKind::Between { expr, low, high, negated: false } => own(expr).filter(|_| scope.is_constant(low) && scope.is_constant(high)),
        _ => None,
    }
}

/// Does a column hold when its row came to be?
fn is_time(table: &Table, name: &str) -> bool {
    let now = |expr: &Expr| match &expr.uncast().kind {
        ExprKind::Call(call) => matches!(
            call.name.last(),
            "now" | "current_timestamp" | "clock_timestamp" | "timezone" | "statement_timestamp" | "transaction_timestamp"
        ),
        _ => expr.column() == Some("current_timestamp"),
    };
    table.column(name).is_some_and(|column| {
        column.ty.is_timestamp() && (TIMES.contains(&name) || column.default.as_ref().is_some_and(|default| now(&default.root)))
    })
}

/// Does an index hold the rows of these constants in that order, or are there few such rows at most?
fn is_served(table: &Table, bound: &[SmolStr], column: &SmolStr, asked: &[SmolStr]) -> bool {
    let fixed = |part: &IndexColumn| part.column.as_ref().is_some_and(|name| bound.contains(name));
    table.indexes.iter().any(|index| {
        let before = index.columns.iter().take_while(|part| fixed(part)).count();
        let next = index.columns.get(before).is_some_and(|part| part.column.as_ref() == Some(column));
        let of_query =
            |expr: &Expression| expr.root.all().into_iter().filter_map(Expr::column).all(|name| asked.iter().any(|other| other == name));
        let holds = is_complete_for(index, bound) || index.predicate.as_ref().is_some_and(of_query);
        index.unique && before == index.columns.len() && before > 0
            || index.method == "btree" && holds && (before > 1 || before == 1 && next)
    })
}
