//! What the advice is worth: how long PostgreSQL takes before and after the cure, for every rule whose reason is speed.
//!
//! `cargo bench --bench advice` prints a table; words behind `--` choose the lines that hold them. It starts a PostgreSQL of its
//! own, as the tests do, and says so where there is none. Every figure is the median of several runs of `EXPLAIN (ANALYZE)` behind
//! one that warms up; the rows are the same each time. Promises nothing about other machines: what counts is the ratio.

mod cases;
#[path = "../../tests/it/support/server.rs"]
#[allow(dead_code, reason = "what tests need of a server besides")]
mod server;

use cases::Case;
use server::{Database, Server};
use std::io::Write;

/// Rows of the table that is asked; as many as a young project has, and as many as Supabase's guide measures with.
const SIZES: [usize; 2] = [2_132, 100_000];
/// Runs behind the first, as far as they fit into `PATIENCE`.
const RUNS: usize = 7;
/// In ms.
const PATIENCE: f64 = 4_000.0;

fn main() {
    let wanted: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with("--")).collect();
    let Some(server) = Server::shared() else { return };
    let cases: Vec<Case> =
        cases::all().into_iter().filter(|case| wanted.is_empty() || wanted.iter().any(|word| case.is_named(word))).collect();
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "| rule | what | rows | before, ms | after, ms | ratio |\n|---|---|--:|--:|--:|--:|");
    for rows in SIZES {
        let mut database = server.database();
        cases::fill(&mut database, rows);
        for case in &cases {
            let mut time = |state: &[&str]| time(&mut database, case, state, rows);
            let (before, after) = (time(case.before), time(case.after));
            let _ = writeln!(
                out,
                "| {} | {} | {rows} | {} | {} | {} |",
                case.rule,
                case.what,
                shown(before),
                shown(after),
                shown(before / after)
            );
            let _ = out.flush();
        }
    }
}

/// Three digits that mean something.
fn shown(value: f64) -> String {
    match value {
        ..10.0 => format!("{value:.2}"),
        10.0..100.0 => format!("{value:.1}"),
        _ => format!("{value:.0}"),
    }
}

/// Median time of a case's statement in one of its two states, in ms. All of it is undone.
fn time(database: &mut Database, case: &Case, state: &[&str], rows: usize) -> f64 {
    database.undone(|database| {
        for sql in case.ground.iter().chain(state) {
            database.run(sql).unwrap_or_else(|refusal| panic!("{}: {refusal}\n{sql}", case.what));
        }
        database.run("analyze; set local statement_timeout = 0").expect("statistics can be gathered");
        if let Some(claims) = case.caller {
            database.run(&format!("set local request.jwt.claims = '{claims}'; set local role authenticated")).expect("a role can be taken");
        }
        let statement = case.statement.replace("ROWS", &rows.to_string());
        let first = once(database, &statement);
        let mut times = Vec::new();
        while times.len() < RUNS && (times.iter().sum::<f64>() + first) < PATIENCE {
            times.push(once(database, &statement));
        }
        if times.is_empty() {
            times.push(first);
        }
        times.sort_by(f64::total_cmp);
        times[times.len() / 2]
    })
}

fn once(database: &mut Database, statement: &str) -> f64 {
    database.rows("savepoint measured");
    let lines = database.rows(&format!("explain (analyze, timing off) {statement}"));
    database.rows("rollback to measured");
    let lines: Vec<String> = lines.into_iter().flatten().flatten().collect();
    if std::env::var_os("ADVICE_PLANS").is_some() {
        eprintln!("{statement}\n{}", lines.join("\n"));
    }
    let time = lines.iter().find_map(|line| line.trim().strip_prefix("Execution Time: ")?.strip_suffix(" ms")?.parse().ok());
    time.expect("EXPLAIN ends with a time")
}
