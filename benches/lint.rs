//! How long a whole run takes, beside what `sqlparser` alone takes to parse the same bytes in the same run.
//!
//! The run is the program as users start it, from the files on the disk to the report as JSON; parsing begins with texts in memory.
//! `cargo bench` prints both; the ratio is what counts (at most 2 is the aim), and that it stays the same from 1 to 10 MB.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use sqlparser::dialect::PostgreSqlDialect;
use sqlparser::parser::Parser;
use std::fmt::Write;
use std::hint::black_box;
use std::process::{Command, Stdio};

/// As in the binary.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// A history of `size` bytes in files of about 10 KB, shaped like those of real projects: tables with keys and checks, indexes,
/// policies, functions, views and alterations of what came before.
fn history(size: usize) -> Vec<(String, String)> {
    let mut files = Vec::new();
    let mut total = 0;
    let mut table = 0;
    while total < size {
        let mut text = String::from("-- A step of the project's history.\n");
        while text.len() < 10_000 {
            step(&mut text, table);
            table += 1;
        }
        total += text.len();
        files.push((format!("{}_step.sql", 20250101000000u64 + files.len() as u64), text));
    }
    files
}

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

fn lint(criterion: &mut Criterion) {
    for megabytes in [1, 10] {
        let files = history(megabytes << 20);
        let bytes: usize = files.iter().map(|(_, text)| text.len()).sum();
        let mut group = criterion.benchmark_group(format!("{megabytes}MB"));
        group.throughput(Throughput::Bytes(bytes as u64)).sample_size(10);
        group.bench_with_input(BenchmarkId::from_parameter("sqlparser"), &files, |bencher, files| {
            bencher.iter(|| {
                for (_, text) in files {
                    black_box(Parser::parse_sql(&PostgreSqlDialect {}, text).expect("the history is plain SQL"));
                }
            });
        });
        let folder = tempfile::tempdir().expect("a folder can be made");
        let migrations = folder.path().join("supabase/migrations");
        std::fs::create_dir_all(&migrations).expect("a folder can be made");
        for (name, text) in &files {
            std::fs::write(migrations.join(name), text).expect("a file can be written");
        }
        group.bench_function("supalint", |bencher| {
            bencher.iter(|| {
                let mut command = Command::new(env!("CARGO_BIN_EXE_supalint"));
                command.args(["check", "--quiet", "--fail-on", "never", "--format", "json"]).arg(folder.path()).stdout(Stdio::null());
                assert!(command.status().expect("supalint starts").success());
            });
        });
        group.finish();
    }
}

criterion_group!(benches, lint);
criterion_main!(benches);
