//! Snapshots of reports that are constructed by hand.

mod formats;
mod readers;

use super::*;
use crate::finding::{Advisor, Confidence, Edit, Finding, Fix, Label, Phase, Safety, Severity, Step, Subject};
use crate::report::Unread;
use crate::source::{FileId, Site, Span};

/// Builder of a report.
struct ObjectClass {
    report: Report,
}

impl ObjectClass {
    fn new() -> ObjectClass {
        let mut report = Report { statements: 12, ..Report::default() };
        report.sources.add("<platform>", "");
        ObjectClass { report }
    }

    fn file(&mut self, name: &str, text: &str) -> FileId {
        self.report.files += 1;
        self.report.sources.add(format!("supabase/migrations/{name}"), text)
    }

    /// Returns the first location of a text.
    fn at(&self, file: FileId, words: &str) -> Site {
        let start = self.report.sources.get(file).text().find(words).expect("the words stand in the file") as u32;
        Site::new(file, Span::new(start, start + words.len() as u32))
    }

    fn finding(&mut self, rule: &'static str, severity: Severity, message: &str, site: Site, label: &str) -> &mut Finding {
        self.report.findings.push(Finding {
            rule,
            subject: Subject { kind: "policy", schema: Some("public".into()), table: Some("notes".into()), name: "Own notes".into() },
            severity,
            confidence: Confidence::Certain,
            message: message.to_string(),
            primary: Label { site, message: label.to_string() },
            related: Vec::new(),
            help: None,
            fix: None,
            advisors: Vec::new(),
            cause: None,
            fingerprint: "1d2c".to_string(),
        });
        self.report.findings.last_mut().expect("just pushed")
    }

    fn show(&self) -> String {
        self.show_with(&RenderOptions::PLAIN)
    }

    fn show_with(&self, options: &RenderOptions) -> String {
        written(Format::Terminal, &self.report, options)
    }
}

fn written(format: Format, report: &Report, options: &RenderOptions) -> String {
    let mut out = Vec::new();
    format.write(report, options, &mut out).expect("a vector takes everything");
    String::from_utf8(out).expect("reports are UTF-8")
}

fn label(site: Site, message: &str) -> Label {
    Label { site, message: message.to_string() }
}

const POLICY: &str = "\
alter table public.notes enable row level security;

create policy \"Own notes\"
  on public.notes
  for select
  to authenticated
  using (auth.uid() = user_id);

create index on public.notes (user_id);
";

fn bare_call(made: &mut ObjectClass, file: FileId) {
    let site = made.at(file, "auth.uid()");
    let edit = Edit { site, text: "(select auth.uid())".to_string() };
    let finding = made.finding(
        "rls/bare-auth-call",
        Severity::Warn,
        "policy \"Own notes\" on `public.notes` calls `auth.uid()` once for every row",
        site,
        "runs for every row that is read",
    );
    finding.help = Some(
        "wrap the call in a subselect, so that PostgreSQL runs it once per statement; measured on 100,000 rows: 179 ms before, 9 ms after"
            .to_string(),
    );
    finding.fix = Some(Fix {
        title: "Wrap `auth.uid()` in a subselect".to_string(),
        safety: Safety::Safe,
        check: None,
        rewrite: vec![edit],
        steps: vec![Step::batch(Phase::Policy, "alter policy \"Own notes\" on public.notes using ((select auth.uid()) = user_id)")],
    });
    finding.advisors = vec![Advisor { name: "auth_rls_initplan", cache_key: "auth_rls_init_plan_public_notes_Own notes".to_string() }];
}

fn disabled(made: &mut ObjectClass) {
    let tables =
        made.file("20240101000000_tables.sql", "create table public.notes (\n  id bigint primary key,\n  user_id uuid not null\n);\n");
    let grants = made.file("20240301000000_grants.sql", "-- everybody\ngrant select on public.notes to anon;\n");
    let site = made.at(tables, "public.notes");
    let grant = made.at(grants, "grant select on public.notes to anon");
    let finding = made.finding(
        "rls/disabled",
        Severity::Error,
        "`public.notes` is reachable through the API without row level security",
        site,
        "created here, and row level security is never enabled",
    );
    finding.related =
        vec![label(grant, "opened to `anon` here"), label(Site::new(FileId::PLATFORM, Span::default()), "`public` is exposed")];
    finding.help = Some("enable row level security, then add a policy for each kind of reader".to_string());
    finding.fix = Some(Fix {
        title: "Enable row level security".to_string(),
        safety: Safety::Review,
        check: None,
        rewrite: Vec::new(),
        steps: vec![
            Step::batch(Phase::Rls, "alter table public.notes enable row level security"),
            Step::alone(Phase::Index, "create index concurrently notes_user_id_idx\n  on public.notes (user_id);"),
        ],
    });
}

#[test]
fn a_fix_that_edits_shows_the_line_as_it_should_stand() {
    let mut made = ObjectClass::new();
    let file = made.file("20240102000000_notes.sql", POLICY);
    bare_call(&mut made, file);
    insta::assert_snapshot!(made.show());
}

#[test]
fn a_fix_of_steps_and_labels_in_other_files() {
    let mut made = ObjectClass::new();
    disabled(&mut made);
    insta::assert_snapshot!(made.show());
}

#[test]
fn colours_follow_severity() {
    let mut made = ObjectClass::new();
    disabled(&mut made);
    let options = RenderOptions { colour: true, elapsed: Some(Duration::from_millis(84)), ..RenderOptions::PLAIN };
    insta::assert_snapshot!(made.show_with(&options).replace('\u{1b}', "^"));
}

#[test]
fn without_unicode_all_is_ascii() {
    let mut made = ObjectClass::new();
    disabled(&mut made);
    let shown = made.show_with(&RenderOptions { unicode: false, ..RenderOptions::PLAIN });
    assert!(shown.is_ascii(), "{shown}");
    insta::assert_snapshot!(shown);
}

#[test]
fn many_findings_of_several_rules() {
    let mut made = ObjectClass::new();
    let text: String = (1..=6).map(|n| format!("create policy p{n} on public.t{n} using (auth.uid() = owner{n});\n")).collect();
    let file = made.file("20240103000000_many.sql", &text);
    for n in 1..=6 {
        let owner = made.at(file, &format!("auth.uid() = owner{n}"));
        let site = Site::new(file, Span::new(owner.span.start, owner.span.start + 10));
        let message = format!("policy \"p{n}\" on `public.t{n}` calls `auth.uid()` once for every row");
        let finding = made.finding("rls/bare-auth-call", Severity::Warn, &message, site, "runs for every row");
        finding.help = Some("wrap the call in a subselect".to_string());
        finding.confidence = if n == 5 { Confidence::Unsure } else { Confidence::Certain };
    }
    disabled(&mut made);
    let allowed = made.report.findings[1].clone();
    made.report.suppressed.push((allowed, "a table of ten rows".to_string()));
    for n in 0..7 {
        let site = made.at(file, &format!("p{}", n.min(5) + 1));
        made.report.unread.push(Unread { site, head: "CREATE POLICY".to_string(), reason: "expected `ON`".to_string() });
    }
    made.report.bounded.push(made.at(file, "p3"));
    insta::assert_snapshot!("many", made.show());
    insta::assert_snapshot!("many_verbose", made.show_with(&RenderOptions { verbose: true, ..RenderOptions::PLAIN }));
    insta::assert_snapshot!(
        "many_json",
        written(Format::Json, &made.report, &RenderOptions::PLAIN).replace(env!("CARGO_PKG_VERSION"), "VERSION")
    );
    assert!(!made.show_with(&RenderOptions { quiet: true, ..RenderOptions::PLAIN }).contains("could not be parsed"));
}

#[test]
fn a_statement_of_many_lines_is_shown_by_its_first() {
    let mut made = ObjectClass::new();
    let body: String = (1..=40).map(|n| format!("  column_{n} text,\n")).collect();
    let text = format!("-- the widest table\ncreate table public.wide (\n{body}  last text\n);\n\nselect 1;\n");
    let file = made.file("20240104000000_wide.sql", &text);
    let all = made.at(file, text.split("\n\n").next().unwrap());
    let site = Site::new(file, Span::new(made.at(file, "create table").span.start, all.span.end));
    let last = made.at(file, "last text");
    let finding = made.finding("schema/no-primary-key", Severity::Info, "`public.wide` has no primary key", site, "created without one");
    finding.related = vec![label(last, "the last column")];
    insta::assert_snapshot!(made.show());
}

#[test]
fn a_label_of_few_lines_is_shown_whole() {
    let mut made = ObjectClass::new();
    let file = made.file("20240102000000_notes.sql", POLICY);
    let site = made.at(file, "to authenticated\n  using (auth.uid() = user_id)");
    let index = made.at(file, "create index on public.notes (user_id)");
    let finding = made.finding("rls/some", Severity::Warn, "a label of two lines", site, "from here to there");
    finding.related = vec![label(index, "index created here")];
    insta::assert_snapshot!(made.show());
}

#[test]
fn carriage_returns_tabs_and_wide_letters_keep_labels_in_place() {
    let mut made = ObjectClass::new();
    let text = "-- Größe\r\ncreate policy \"僕のメモ\"\r\n\ton public.notes\r\n\tusing (\t'é' = name and auth.uid() = user_id);\r\n";
    let file = made.file("20240105000000_crlf.sql", text);
    bare_call(&mut made, file);
    let name = made.at(file, "\"僕のメモ\"");
    made.report.findings[0].related = vec![label(name, "this policy")];
    insta::assert_snapshot!(made.show());
}

#[test]
fn long_lines_are_cut_around_what_matters() {
    let mut made = ObjectClass::new();
    let columns: String = (1..=60).map(|n| format!("column_{n} text, ")).collect();
    let text = format!("create table public.wide ({columns} created timestamp, {columns} last text);\n");
    let file = made.file("20240106000000_long.sql", &text);
    let site = made.at(file, "timestamp");
    let table = made.at(file, "public.wide");
    let edit = Edit { site, text: "timestamptz".to_string() };
    let finding = made.finding(
        "schema/timestamp",
        Severity::Warn,
        "column `created` of `public.wide` forgets its time zone, and this message is long enough to be wrapped onto a second line of the report",
        site,
        "a wall clock without a zone: what it means depends on the session that reads it, and on the one that wrote it",
    );
    finding.related = vec![label(table, "in this table")];
    finding.fix =
        Some(Fix { title: "Use `timestamptz`".to_string(), safety: Safety::Review, check: None, rewrite: vec![edit], steps: Vec::new() });
    insta::assert_snapshot!(made.show());
}

#[test]
fn a_label_around_another_gives_way() {
    let mut made = ObjectClass::new();
    let file = made.file("20240102000000_notes.sql", POLICY);
    bare_call(&mut made, file);
    let using = made.at(file, "to authenticated\n  using (auth.uid() = user_id)");
    let call = made.at(file, "uid()");
    let user = made.at(file, "user_id");
    made.report.findings[0].related = vec![label(using, "this clause"), label(call, "hidden below"), label(user, "compared with this")];
    insta::assert_snapshot!(made.show());
}

#[test]
fn edits_that_replace_or_add_lines_are_shown_as_a_difference() {
    let mut made = ObjectClass::new();
    let text = "create table public.notes (\n  id serial primary key,\n  body text,\n  at timestamp\n);\n";
    let file = made.file("20240107000000_edit.sql", text);
    let site = made.at(file, "serial");
    let body = made.at(file, "body text");
    let after = made.at(file, "  at timestamp").span.start;
    let finding = made.finding("schema/serial", Severity::Info, "column `id` of `public.notes` is a serial", site, "");
    finding.fix = Some(Fix {
        title: "Use an identity column".to_string(),
        safety: Safety::Manual,
        check: None,
        rewrite: vec![
            Edit { site, text: "bigint generated always as identity".to_string() },
            Edit { site: Site::new(file, Span::new(body.span.end, body.span.end)), text: " not null".to_string() },
            Edit { site: Site::new(file, Span::new(after, after)), text: "  owner uuid,\n".to_string() },
        ],
        steps: Vec::new(),
    });
    insta::assert_snapshot!(made.show());
}

#[test]
fn what_execute_builds_is_told() {
    let mut made = ObjectClass::new();
    let text = "do $$\nbegin\n  execute format('alter table public.%I disable row level security', 'notes');\nend $$;\n";
    let file = made.file("20240108000000_do.sql", text);
    let origin = made.at(file, "'alter table public.%I disable row level security'");
    let built = made.report.sources.add_derived(origin, "alter table public.notes\n  disable row level security");
    let site = Site::new(built, Span::new(12, 24));
    made.finding("rls/disabled", Severity::Error, "`public.notes` loses row level security", site, "disabled here").confidence =
        Confidence::Unsure;
    insta::assert_snapshot!(made.show());
}

#[test]
fn any_report_is_shown() {
    let mut made = ObjectClass::new();
    let file = made.file("20240109000000_odd.sql", "select '\u{1b}[31mé\u{202e}';");
    let empty = made.file("20240110000000_empty.sql", "");
    for (site, other) in [
        (Site::new(file, Span::new(0, 900)), Site::new(file, Span::new(2, 4))),
        (Site::new(file, Span::new(14, 15)), Site::new(file, Span::new(14, 15))),
        (Site::new(empty, Span::new(0, 0)), Site::new(file, Span::new(22, 22))),
        (Site::new(FileId::PLATFORM, Span::new(0, 0)), Site::new(empty, Span::new(7, 9))),
    ] {
        made.finding("migration/odd", Severity::Info, "odd\u{1b}[2J", site, "here").related = vec![label(other, "and here")];
    }
    let shown = made.show_with(&RenderOptions { verbose: true, ..RenderOptions::PLAIN });
    assert!(!shown.contains('\u{1b}') && !shown.contains("Failed to read"), "{shown}");
    insta::assert_snapshot!(shown);
}

#[test]
fn no_site_or_edit_is_too_odd_to_be_shown() {
    let mut state = 7u64;
    let mut next = |below: usize| {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (state >> 33) as u32 % below as u32
    };
    let pieces =
        ["create ", "é", "\t", "\r\n", "\n", "僕", ";", "--", "\u{1b}", "\u{200b}", "\r", "a_name_that_is_rather_long ", " ", "\0"];
    for run in 0..400 {
        let mut made = ObjectClass::new();
        let texts: Vec<String> = (0..3).map(|_| (0..next(60)).map(|_| pieces[next(pieces.len()) as usize]).collect::<String>()).collect();
        let mut files: Vec<FileId> = texts.iter().map(|text| made.file("a.sql", text)).collect();
        let origin = Site::new(files[0], Span::new(0, next(20)));
        files.push(made.report.sources.add_derived(origin, texts[1].clone()));
        files.push(FileId::PLATFORM);
        let mut site = || {
            let start = next(200);
            Site::new(files[next(files.len()) as usize], Span::new(start, start + next(90)))
        };
        let (primary, related) = (site(), vec![label(site(), "one\ntwo"), label(site(), ""), label(site(), "three")]);
        let edit = |site, text: &str| Edit { site, text: text.to_string() };
        let rewrite = vec![edit(site(), "x"), edit(site(), "one\r\ntwo\tthree\n"), edit(site(), "")];
        let finding = made.finding("a/b", Severity::Warn, "message", primary, "here");
        finding.related = related;
        finding.fix =
            Some(Fix { title: "title".to_string(), safety: Safety::Safe, check: None, rewrite, steps: vec![Step::batch(Phase::Data, "")] });
        for width in [0, 47, 100] {
            let shown = made.show_with(&RenderOptions { width, verbose: width > 0, ..RenderOptions::PLAIN });
            assert!(!shown.contains("Failed to read") && !shown.contains('\u{1b}'), "{shown}");
        }
        // SARIF brings every rule's page along
        for (format, _) in readers::READ.iter().filter(|(format, _)| *format != Format::Sarif || run % 10 == 0) {
            written(*format, &made.report, &RenderOptions::PLAIN);
        }
    }
}

#[test]
fn nothing_found_is_said_in_a_line() {
    insta::assert_snapshot!(ObjectClass::new().show(), @"No problems in 0 migrations (12 statements)");
}

#[test]
fn pages_are_read_and_shown() {
    let text = "# Auth call runs for every row\n\nA policy calls `auth.uid()` bare, e.g. in a\n`USING` clause. Slow.\n\n## Example\n\n```sql bad\ncreate policy p;\n```\n\n- a list item that is long enough\n  to be continued\n\n## See also\n\n- [Supabase advisor](https://x.y): `auth_rls_initplan`\n- pgrls:\n  PERF001\n";
    assert_eq!(page::title(text), "Auth call runs for every row");
    assert_eq!(page::summary(text), "A policy calls `auth.uid()` bare, e.g. in a `USING` clause.");
    assert_eq!(page::peers(text), ["Supabase advisor: auth_rls_initplan", "pgrls: PERF001"]);
    insta::assert_snapshot!(page::render(text, Painter { colour: true }, 40).replace('\u{1b}', "^"));
}
