//! Benchmark of a complete run, compared with the time that `sqlparser` takes to parse the same SQL. Both are CPU times of the same run of
//! the benchmark.
//!
//! A run starts the program on files on disk and ends with the report as JSON. Parsing starts with texts in memory.
//! `cargo bench --bench lint` prints a line for each history. Words after `--` select the histories that contain them. Targets: a ratio of
//! at most 2.5, and 10 MB in at most 11 times the time of 1 MB. `sqlparser` gets the statements of bodies without PL/pgSQL, which it does
//! not parse.

use sqlparser::dialect::PostgreSqlDialect;
use sqlparser::parser::Parser;
use std::fmt::Write as _;
use std::hint::black_box;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

/// The allocator of the program.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Runs are repeated for this number of seconds, and at least twice.
const MAX_MILLISECONDS: f64 = 2.0;

/// Writes the n-th part of a history.
type Piece = fn(&mut Text, usize);

const HISTORIES: [(&str, Piece, usize); 3] = [
    ("schema", |text, n| step(&mut text.sql, n), 10_000),
    // a dump of a table is one file
    ("data", data, 200_000),
    ("blocks", blocks, 10_000),
];

/// Text of a file.
#[derive(Default)]
struct Text {
    sql: String,
    /// Text for `sqlparser`, if it is not `sql`.
    plain: String,
}

/// Returns a history of `size` bytes in files of `file` bytes.
fn history(piece: Piece, size: usize, file: usize) -> Vec<Text> {
    let mut files = Vec::new();
    let (mut total, mut n) = (0, 0);
    while total < size {
        let mut text = Text { sql: "-- A step of the project's history.\n".into(), plain: String::new() };
        while text.sql.len() < file {
            piece(&mut text, n);
            n += 1;
        }
        total += text.sql.len();
        files.push(text);
    }
    files
}

/// Writes tables with keys and checks, indexes, policies, functions, views and ALTER statements, as in real projects.
fn step(text: &mut String, n: usize) {
    let before = n.saturating_sub(1);
    let _ = write!(
        text,
        "
CREATE TABLE IF NOT EXISTS public.items_{n} (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  organization_id uuid NOT NULL,
  parent_id uuid REFERENCES public.items_{before}(id) ON DELETE CASCADE,
  title text NOT NULL CHECK (length(title) > 0),
  status varchar(20) DEFAULT 'active',
  amount numeric(10, 2) DEFAULT 0,
  metadata jsonb DEFAULT '{{}}'::jsonb,
  created_at timestamptz NOT NULL DEFAULT now(),
  deleted_at timestamptz
);

CREATE INDEX idx_items_{n}_organization ON public.items_{n} (organization_id);
CREATE INDEX idx_items_{n}_status ON public.items_{n} (status, created_at DESC) WHERE deleted_at IS NULL;
ALTER TABLE public.items_{n} ENABLE ROW LEVEL SECURITY;

-- members of the organization read
CREATE POLICY \"Members read items {n}\" ON public.items_{n} FOR SELECT TO authenticated
  USING (organization_id IN (SELECT m.organization_id FROM public.items_{before} m WHERE m.id = auth.uid() AND m.status = 'active'));
CREATE POLICY \"Owners change items {n}\" ON public.items_{n} FOR UPDATE TO authenticated
  USING (id = (SELECT auth.uid())) WITH CHECK (id = (SELECT auth.uid()) AND status <> 'locked');

CREATE OR REPLACE FUNCTION public.touch_{n}() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.created_at := now();
  UPDATE public.items_{n} SET amount = amount + 1 WHERE id = NEW.parent_id;
  RETURN NEW;
END;
$$;

CREATE VIEW public.recent_{n} AS
  SELECT i.id, i.title, count(*) AS children, max(i.created_at) AS latest
  FROM public.items_{n} i LEFT JOIN public.items_{before} b ON b.id = i.parent_id
  WHERE i.deleted_at IS NULL GROUP BY i.id, i.title ORDER BY latest DESC;

ALTER TABLE public.items_{n} ADD COLUMN IF NOT EXISTS archived boolean NOT NULL DEFAULT false;
INSERT INTO public.items_{n} (organization_id, title, status) VALUES (gen_random_uuid(), 'first', 'active'), (gen_random_uuid(), 'second', 'done');
"
    );
}

/// Writes a table, INSERT and COPY of rows, and changes of rows.
fn data(text: &mut Text, n: usize) {
    let mut sql = format!(
        "
CREATE TABLE public.places_{n} (id integer PRIMARY KEY, name text NOT NULL, kind text, position point, details jsonb, seen_at timestamptz);
ALTER TABLE public.places_{n} ENABLE ROW LEVEL SECURITY;
"
    );
    let row = |at: usize| {
        format!(
            "({at}, 'Place number {at}', 'cafe', NULL, '{{\"rating\": {}, \"tags\": [\"a\", \"b\"]}}', '2025-01-01 10:00:00+00')",
            at % 5
        )
    };
    let rows = |from: usize| (from..from + 100).map(row).collect::<Vec<_>>().join(",\n  ");
    let insert =
        |from: usize| format!("INSERT INTO public.places_{n} (id, name, kind, position, details, seen_at) VALUES\n  {};\n", rows(from));
    let update =
        |at: usize| format!("UPDATE public.places_{n} SET name = 'It''s place {at}', kind = 'bar' WHERE id = {at} AND kind = 'cafe';\n");
    let single = |at: usize| format!("INSERT INTO public.places_{n} VALUES {};\n", row(at));
    sql.extend([insert(0), insert(100)]);
    sql.extend((200..300).map(single));
    sql.extend((0..100).map(update));
    let block = insert(300);
    text.plain += &format!("{sql}{block}");
    text.sql += &format!("{sql}DO $$\nBEGIN\n{block}END\n$$;\n");
}

/// Writes a table, a block that alters it under a condition, and functions with queries and data statements.
fn blocks(text: &mut Text, n: usize) {
    let table = format!(
        "
CREATE TABLE public.orders_{n} (id bigint PRIMARY KEY, owner_id uuid NOT NULL, state text, total numeric DEFAULT 0, due date);
ALTER TABLE public.orders_{n} ENABLE ROW LEVEL SECURITY;
"
    );
    let [asked, altered, indexed] = [
        "SELECT 1 FROM information_schema.columns WHERE table_schema = 'public' AND column_name = 'note' AND table_name = ".to_string()
            + &format!("'orders_{n}'"),
        format!("ALTER TABLE public.orders_{n} ADD COLUMN note text"),
        format!("CREATE INDEX IF NOT EXISTS orders_{n}_owner ON public.orders_{n} (owner_id)"),
    ];
    let [known, owned, moved, entered] = [
        format!("SELECT count(*) FROM public.orders_{n} o WHERE o.owner_id = p_owner AND o.state IN ('open', 'late')"),
        format!("SELECT o.id, o.total FROM public.orders_{n} o WHERE o.owner_id = p_owner AND o.due < now() ORDER BY o.due LIMIT 10"),
        format!("UPDATE public.orders_{n} SET state = 'late', total = total * 1.1 WHERE owner_id = p_owner AND due < current_date"),
        format!("INSERT INTO public.orders_{n} (id, owner_id, state) VALUES (1, p_owner, 'new') ON CONFLICT (id) DO NOTHING"),
    ];
    text.plain += &format!("{table}{asked};\n{altered};\n{indexed};\n{known};\n{owned};\n{moved};\n{entered};\n");
    text.sql += &format!(
        "{table}
DO $$
BEGIN
  IF NOT EXISTS ({asked}) THEN
    {altered};
    {indexed};
  END IF;
EXCEPTION WHEN duplicate_column THEN
  RAISE NOTICE 'column note of orders_{n} is there already';
END
$$;

CREATE OR REPLACE FUNCTION public.settle_{n}(p_owner uuid) RETURNS integer LANGUAGE plpgsql SECURITY DEFINER SET search_path = '' AS $$
DECLARE
  v_known integer := 0;
  v_order record;
BEGIN
  v_known := ({known});
  IF v_known = 0 THEN
    {entered};
    RETURN 0;
  END IF;
  FOR v_order IN {owned} LOOP
    RAISE NOTICE 'order % of %', v_order.id, v_order.total;
  END LOOP;
  {moved};
  RETURN v_known;
END;
$$;
"
    );
}

/// Returns the CPU time in seconds of this process and of its finished children, or the wall time if the system does not provide CPU times.
fn cpu(start: Instant) -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // fields after the name, which can contain any character; hundredths of a second. Source: proc_pid_stat(5)
    let fields: Vec<f64> = stat.rsplit(") ").next().unwrap_or_default().split(' ').map(|field| field.parse().unwrap_or_default()).collect();
    match fields.get(11..15) {
        Some(parts) => parts.iter().sum::<f64>() / 100.0,
        None => start.elapsed().as_secs_f64(),
    }
}

/// Returns the seconds that `work` takes, including the programs that it starts.
fn time(work: impl Fn()) -> f64 {
    let start = Instant::now();
    let before = cpu(start);
    let mut runs = 0;
    loop {
        work();
        runs += 1;
        let taken = cpu(start) - before;
        if runs > 1 && taken >= MAX_MILLISECONDS {
            return taken / f64::from(runs);
        }
    }
}

fn parse(files: &[Text]) {
    for text in files {
        let sql = if text.plain.is_empty() { &text.sql } else { &text.plain };
        black_box(Parser::parse_sql(&PostgreSqlDialect {}, sql).expect("the history is plain SQL"));
    }
}

fn lint(folder: &Path) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_supalint"));
    command.args(["check", "--quiet", "--fail-on", "never", "--format", "json"]).arg(folder).stdout(Stdio::null());
    assert!(command.status().expect("supalint starts").success());
}

fn main() {
    let wanted: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with("--")).collect();
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "| history | MB | sqlparser, ms | supalint, ms | ratio | of 1 MB |\n|---|--:|--:|--:|--:|--:|");
    for (name, piece, file) in HISTORIES {
        if !wanted.is_empty() && !wanted.iter().any(|word| name.contains(word.as_str())) {
            continue;
        }
        let mut small = None;
        for megabytes in [1, 10] {
            let files = history(piece, megabytes << 20, file);
            let folder = tempfile::tempdir().expect("a folder can be made");
            let migrations = folder.path().join("supabase/migrations");
            std::fs::create_dir_all(&migrations).expect("a folder can be made");
            for (at, text) in files.iter().enumerate() {
                let path = migrations.join(format!("{}_step.sql", 20250101000000u64 + at as u64));
                std::fs::write(path, &text.sql).expect("a file can be written");
            }
            let (parsed, linted) = (time(|| parse(&files)), time(|| lint(folder.path())));
            let of_small = linted / *small.get_or_insert(linted);
            let _ = writeln!(
                out,
                "| {name} | {megabytes} | {:.0} | {:.0} | {:.2} | {of_small:.1} |",
                parsed * 1e3,
                linted * 1e3,
                linted / parsed
            );
        }
    }
}
