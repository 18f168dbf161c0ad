//! Benchmark of the advice: execution time in PostgreSQL before and after the fix, for each rule about performance.
//!
//! `cargo bench --bench advice` prints a table. Words after `--` select the lines that contain them. The benchmark starts its own
//! PostgreSQL server, as the tests do, and prints a message if there is none. Each figure is the median of several runs of
//! `EXPLAIN (ANALYZE)` after a warm-up run, with the same rows each time. Times depend on the machine, so compare only the ratios.

mod cases;
#[path = "../../tests/it/support/server.rs"]
#[allow(dead_code, reason = "what tests need of a server besides")]
mod server;

use cases::Case;
use server::{Database, Server};
use std::io::Write;

/// Numbers of rows of the measured table: that of a young project, and that of the benchmarks in Supabase's guide.
const SIZES: [usize; 2] = [2_132, 100_000];
/// Maximum number of runs after the warm-up, within `MAX_MILLISECONDS`.
const RUNS: usize = 7;
/// Maximum time of all runs in milliseconds.
const MAX_MILLISECONDS: f64 = 4_000.0;

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

/// Formats a value with three significant digits.
fn shown(value: f64) -> String {
    match value {
        ..10.0 => format!("{value:.2}"),
        10.0..100.0 => format!("{value:.1}"),
        _ => format!("{value:.0}"),
    }
}

/// Returns the median time of a case's statement in one of its schemas, in milliseconds. All changes are rolled back.
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
        while times.len() < RUNS && (times.iter().sum::<f64>() + first) < MAX_MILLISECONDS {
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
