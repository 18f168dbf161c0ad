//! Queries that wait for each other without need.

use super::report;
use crate::analysis::app_query::dependency::is_next;
use crate::analysis::app_query::relation::Relation;
use crate::analysis::app_query::{AppQuery, function, known_target, repeated};
use crate::rules::prelude::*;
use crate::syntax::ast::Volatility;
use supalint_queries::shape::{Command as AppCommand, Waits};

rule!("query/sequential-awaits", Performance, Info, Schema(check));

fn check(cx: &mut Cx) {
    let mut run: Vec<AppQuery> = Vec::new();
    for query in repeated(cx) {
        let continues = run.last().is_some_and(|last| is_next(*last, query)) && run.iter().all(|earlier| !depends(query, *earlier));
        if !continues || !only_reads(cx, query) {
            describe(cx, &run);
            run.clear();
        }
        if only_reads(cx, query) {
            run.push(query);
        }
    }
    describe(cx, &run);
}

/// Returns whether a query changes nothing, so that its order does not matter.
fn only_reads(cx: &State, query: AppQuery) -> bool {
    let is_stable = || function::called(cx, query.query).is_some_and(|function| function.volatility != Volatility::Volatile);
    query.query.flow.waits == Waits::Await
        && match query.query.command {
            AppCommand::Select => true,
            AppCommand::Call => is_stable(),
            AppCommand::Insert | AppCommand::Upsert | AppCommand::Update | AppCommand::Delete => false,
        }
}

/// Returns whether a query uses the result of an earlier one, or runs only for some results of it.
fn depends(query: AppQuery, earlier: AppQuery) -> bool {
    let index = earlier.index();
    query.query.flow.uses.contains(&index) || query.query.flow.guards.iter().any(|guard| guard.query == index)
}

fn describe(cx: &mut Cx, run: &[AppQuery]) {
    const SHOWN: usize = 3;
    let [first, second, others @ ..] = run else { return };
    let Some((about, name)) = object(cx, *second) else { return };
    let message = match others.len() {
        0 => format!("this query of `{name}` waits for the query before it, but does not use its result"),
        more => format!("this query of `{name}` and {more} more wait for the query before them, but do not use its result"),
    };
    let draft = report(cx, about, *second, second.query.source, message);
    draft.because(first.site(first.query.source), "the first query");
    for other in others.iter().take(SHOWN) {
        draft.because(other.site(other.query.source), "also waits");
    }
    draft.help("Send the queries at the same time: `await Promise.all([…])`.");
}

/// Returns the object that a query reads, and its name.
fn object<'a>(cx: &State<'a>, query: AppQuery<'a>) -> Option<(About, &'a QName)> {
    match known_target(cx, query.query) {
        Some(Relation::Table(table)) => Some((About::table(table), &table.name)),
        Some(Relation::View(view)) => Some((About::view(view), &view.name)),
        None => function::called(cx, query.query).map(|function| (About::function(function), &function.name)),
    }
}
