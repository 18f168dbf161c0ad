//! Tests of formats for programs, with fixtures and with reports that are difficult to encode.

use super::readers::READ;
use super::*;
use crate::Options;

fn name(format: Format) -> String {
    format!("{format:?}").to_lowercase()
}

/// Returns the text for a snapshot. A SARIF result is one line, and only the first rules are included, without their pages.
fn told(format: Format, text: String) -> String {
    let text = text.replace(&format!("\"{}\"", env!("CARGO_PKG_VERSION")), "\"VERSION\"");
    if format != Format::Sarif {
        return text;
    }
    let mut log: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    let rules = log.pointer_mut("/runs/0/tool/driver/rules").and_then(serde_json::Value::as_array_mut).expect("rules");
    assert_eq!(rules.len(), crate::rules::ALL.len());
    rules.truncate(2);
    rules.iter_mut().for_each(|rule| rule["help"] = "(the page)".into());
    let results = log.pointer_mut("/runs/0/results").map(serde_json::Value::take).expect("results");
    let lines: Vec<String> = results.as_array().expect("a list").iter().map(ToString::to_string).collect();
    format!("{}\n{}", serde_json::to_string_pretty(&log).expect("JSON"), lines.join("\n"))
}

#[test]
fn fixtures_are_told_in_every_format_and_read_back() {
    for fixture in ["conversations", "conversations-optimized", "small-clean", "odd-input"] {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(fixture);
        let checked = crate::check(&Options { paths: vec![path], ..Options::default() }).expect("a project");
        for (format, read) in READ {
            let text = written(format, &checked.report, &RenderOptions::PLAIN);
            read(&checked.report, &text);
            assert!(!text.contains(env!("CARGO_MANIFEST_DIR")));
            // JSON has snapshots of its own, and says nothing else of a fixture
            if format != Format::Json {
                insta::assert_snapshot!(format!("{fixture}_{}", name(format)), told(format, text));
            }
        }
    }
}

const NAMES: [&str; 30] = [
    "a\nb",
    "a\r\n::warning::b",
    "it's \"quoted\"",
    "<script>alert(1)</script>",
    "<b",
    "</details>",
    "</failure>",
    "]]>",
    "-->",
    "<!--",
    "&amp; &",
    "\u{1b}[31mred\u{1b}[0m\u{7}\0",
    "\u{85}\u{2028}\u{9d}",
    "🦀 émoji 僕",
    "x|y\\|z",
    "one ` tick",
    "`two` ``ticks```",
    "``",
    "@everyone #12 GH-1",
    "https://evil.example www.evil.example WWW.x",
    "[x](https://evil.example) ![x](y)",
    "%0A::error::x %25",
    "::error::x",
    "##[error]x ##[add-mask]y",
    "$x$ *y* _z_ ~~w~~",
    "\u{202e}rtl\u{2066}",
    "\u{fffe}\u{ffff}\u{feff}",
    "a,b:c=d",
    "{0} {{1}}",
    "\ttab  \u{b}",
];

/// Creates a report with difficult names in every place.
fn hostile() -> ObjectClass {
    let mut made = ObjectClass::new();
    let text: String = NAMES.iter().map(|name| format!("create policy \"{name}\" on public.notes using (true);\n")).collect();
    let file = made.file("20240101000000_we ird#é%,:?=&'.sql", &text);
    let other = made.file("20240102000000_`|<b>::,line=9.sql", &text.replace('\n', "\r\n"));
    for (nth, name) in NAMES.iter().enumerate() {
        let severity = Severity::ALL[nth % 3];
        let whole = made.at(
            if nth % 2 == 0 { file } else { other },
            &format!("\"{}\"", if nth % 2 == 0 { name.to_string() } else { name.replace('\n', "\r\n") }),
        );
        let edits = vec![Edit { site: whole, text: format!("\"{name} new\"") }];
        let message = format!("policy \"{name}\" on `public.{name}` is as it is");
        let allowed = made.finding("rls/disabled", severity, &message, whole, name).clone();
        let finding = made.finding("rls/bare-auth-call", severity, &message, whole, name);
        finding.subject.name = (*name).into();
        finding.related = vec![label(whole, name), label(Site::new(FileId::PLATFORM, Span::default()), name)];
        finding.help = Some(format!("rename `{name}` or {name}"));
        finding.confidence = if nth % 5 == 4 { Confidence::Unsure } else { Confidence::Certain };
        finding.fix = Some(Fix {
            title: format!("Rename {name}"),
            safety: Safety::Review,
            check: None,
            rewrite: edits,
            steps: vec![Step::batch(Phase::Policy, format!("alter policy \"{name}\" on t rename to y;\n```\n````sql"))],
        });
        finding.advisors = vec![Advisor { name: "auth_rls_initplan", cache_key: format!("auth_rls_init_plan_public_notes_{name}") }];
        made.report.unread.push(Unread { site: whole, head: name.to_string(), reason: format!("expected {name}") });
        made.report.suppressed.push((allowed, format!("because {name}")));
    }
    made.report.bounded.push(made.at(other, "policy"));
    made
}

#[test]
fn no_name_breaks_a_format() {
    let made = hostile();
    for (format, read) in READ {
        let text = written(format, &made.report, &RenderOptions::PLAIN);
        read(&made.report, &text);
        assert_eq!(text, written(format, &made.report, &RenderOptions::PLAIN));
    }
    for format in [Format::Github, Format::Junit, Format::Markdown, Format::Compact] {
        let text = written(format, &made.report, &RenderOptions::PLAIN);
        let shown = |c: char| !c.is_control() || c == '\n' || c == '\t' || format == Format::Github;
        assert!(text.chars().all(shown), "{format:?}");
    }
}

#[test]
fn a_report_without_findings_is_whole_in_every_format() {
    let mut made = ObjectClass::new();
    made.file("20240101000000_a.sql", "select 1;\n");
    for (format, read) in READ {
        read(&made.report, &written(format, &made.report, &RenderOptions::PLAIN));
    }
    assert!(written(Format::Junit, &made.report, &RenderOptions::PLAIN).contains("tests=\"1\" skipped=\"0\" failures=\"0\""));
    assert_eq!(written(Format::Compact, &made.report, &RenderOptions::PLAIN), "");
    assert_eq!(written(Format::Gitlab, &made.report, &RenderOptions::PLAIN), "[]\n");
}

#[test]
fn what_stands_on_the_platform_alone_is_told_without_a_file() {
    let mut made = ObjectClass::new();
    made.finding("rls/disabled", Severity::Warn, "somewhere", Site::new(FileId::PLATFORM, Span::default()), "here");
    for (format, read) in READ {
        read(&made.report, &written(format, &made.report, &RenderOptions::PLAIN));
    }
}

#[test]
fn files_are_named_from_the_repository_for_sites_and_from_the_project_for_people() {
    let mut made = ObjectClass::new();
    let file = made.file("20240102000000_notes.sql", POLICY);
    bare_call(&mut made, file);
    let options = RenderOptions { path_prefix: "apps/my web/".to_string(), ..RenderOptions::PLAIN };
    let has = |format, words: &str| written(format, &made.report, &options).contains(words);
    assert!(has(Format::Github, "file=apps/my web/supabase/migrations/"));
    assert!(has(Format::Sarif, "\"apps/my%20web/supabase/migrations/") && has(Format::Sarif, "\"supalint/apps/my web/\""));
    assert!(has(Format::Gitlab, "\"apps/my web/supabase/migrations/") && has(Format::Junit, "file=\"apps/my web/supabase/"));
    assert!(has(Format::Markdown, "`apps/my web/supabase/migrations/"));
    for format in [Format::Compact, Format::Json, Format::Terminal, Format::Advisors] {
        assert!(!has(format, "apps/my"), "{format:?}");
    }
}

/// Creates a report that exceeds every limit.
fn many(number: usize) -> ObjectClass {
    let mut made = ObjectClass::new();
    let file = made.file("20240101000000_a.sql", "create policy p on public.notes using (auth.uid() = owner);\n");
    let site = made.at(file, "auth.uid()");
    for nth in 0..number {
        let severity = if nth + 40 >= number { Severity::Error } else { Severity::ALL[1 + nth % 2] };
        let message = format!("policy \"p{nth}\" on `public.notes` calls `auth.uid()` once for every row that is read, and there are many");
        let finding = made.finding("rls/bare-auth-call", severity, &message, site, "runs for every row");
        finding.help = Some("wrap the call in a subselect, which PostgreSQL runs once for a statement".to_string());
        finding.fingerprint = format!("{nth:032x}");
    }
    made
}

#[test]
fn the_worst_is_kept_where_a_site_takes_no_more() {
    let made = many(26_000);
    let text = written(Format::Sarif, &made.report, &RenderOptions::PLAIN);
    assert!(text.len() < 10_000_000, "{}", text.len());
    let log: serde_json::Value = serde_json::from_str(&text).unwrap();
    let results = log["runs"][0]["results"].as_array().unwrap();
    assert!((5_000..25_000).contains(&results.len()), "{}", results.len());
    assert!(results[..40].iter().all(|result| result["level"] == "error") && results[40]["level"] == "warning");
    let notification = &log["runs"][0]["invocations"][0]["toolExecutionNotifications"][0];
    assert_eq!(notification["descriptor"]["id"], "cut");
    let words = format!("{} of 26000 results not written", 26_000 - results.len());
    assert!(notification["message"]["text"].as_str().unwrap().starts_with(&words), "{notification}");
}

#[test]
fn annotations_and_comments_hold_the_worst_and_say_what_is_missing() {
    let made = many(400);
    let text = written(Format::Github, &made.report, &RenderOptions::PLAIN);
    let starts = |head: &str| text.lines().filter(|line| line.starts_with(head)).count();
    assert_eq!((starts("::error "), starts("::warning "), starts("::notice ")), (10, 10, 10));
    assert!(text.lines().last().unwrap().contains("; 371 more problems are in the log"), "{}", text.lines().last().unwrap());
    let text = written(Format::Markdown, &made.report, &RenderOptions::PLAIN);
    assert!(text.len() > 50_000 && text.len() <= 65_536);
    let shown = text.lines().filter(|line| line.starts_with("**")).count();
    assert!(text.contains(&format!("({shown} of 400)")) && text.contains(&format!("\n{} problems are not shown because", 400 - shown)));
    assert_eq!(text.lines().filter(|line| line.starts_with("**error**")).count(), 40);
    for (format, read) in READ {
        read(&made.report, &written(format, &made.report, &RenderOptions::PLAIN));
    }
}

#[test]
fn a_fix_is_exact_or_is_not_told_as_edits() {
    let mut made = ObjectClass::new();
    let file = made.file("20240102000000_notes.sql", POLICY);
    bare_call(&mut made, file);
    let [call, name, at, before] = ["auth.uid()", "uid", "for select", "to authenticated"].map(|words| made.at(file, words));
    let before = Site::new(file, Span::new(before.span.start, before.span.start));
    let edit = |site, text: &str| Edit { site, text: text.to_string() };
    let fix = made.report.findings[0].fix.as_mut().expect("it has one");
    fix.rewrite = vec![edit(name, "never"), edit(call, "(select auth.uid())"), edit(before, "as permissive\n  "), edit(at, "")];
    let (_, read) = READ[1];
    let text = written(Format::Sarif, &made.report, &RenderOptions::PLAIN);
    assert_eq!(text.matches("deletedRegion").count(), 3);
    read(&made.report, &text);
    let built = made.report.sources.add_derived(call, "drop table t");
    made.report.findings[0].fix.as_mut().expect("it has one").rewrite.push(edit(Site::new(built, Span::new(0, 4)), "x"));
    let text = written(Format::Sarif, &made.report, &RenderOptions::PLAIN);
    assert!(!text.contains("deletedRegion"));
    read(&made.report, &text);
}

#[test]
fn what_is_not_sure_is_no_error_where_errors_fail() {
    let mut made = ObjectClass::new();
    let file = made.file("20240102000000_notes.sql", POLICY);
    let site = made.at(file, "auth.uid()");
    made.finding("rls/disabled", Severity::Error, "it may be open", site, "here").confidence = Confidence::Unsure;
    let has = |format, words: &str| written(format, &made.report, &RenderOptions::PLAIN).contains(words);
    assert!(
        has(Format::Github, "::warning file=") && has(Format::Gitlab, "\"major\"") && has(Format::Junit, "skipped=\"1\" failures=\"0\"")
    );
    assert!(has(Format::Sarif, "\"level\":\"warning\",\"message\":{\"text\":\"it may be open. Unsure: this depends on SQL"));
    assert!(has(Format::Compact, ": error: it may be open (unsure) [") && has(Format::Markdown, "**error (unsure)**"));
}

#[test]
fn ten_of_a_level_need_no_line_for_the_rest() {
    for (findings, severity, notices) in
        [(10, Severity::Info, 10), (11, Severity::Info, 10), (11, Severity::Warn, 1), (10, Severity::Warn, 0)]
    {
        let mut made = many(findings);
        made.report.findings.iter_mut().for_each(|finding| finding.severity = severity);
        let text = written(Format::Github, &made.report, &RenderOptions::PLAIN);
        assert_eq!(text.lines().filter(|line| line.starts_with("::notice")).count(), notices, "{findings} {severity:?}\n{text}");
        assert_eq!(text.contains("::group::"), findings > 10);
    }
}

#[test]
fn a_lint_is_one_row_however_many_findings_are_about_it() {
    let mut made = ObjectClass::new();
    let file = made.file("20240102000000_notes.sql", POLICY);
    bare_call(&mut made, file);
    bare_call(&mut made, file);
    let text = written(Format::Advisors, &made.report, &RenderOptions::PLAIN);
    assert_eq!(text.matches("cache_key").count(), 1);
    assert!(text.contains("?lint=0003_auth_rls_initplan") && text.contains("\"level\": \"WARN\""));
}
