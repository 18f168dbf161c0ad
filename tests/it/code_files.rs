//! Files of application code: which are read, when their problems are reported, and what the commands print about them.

use crate::changed::Repository;
use crate::support::command::{json, project, put, shown, supalint, told};
use std::path::Path;

const SCHEMA: &str = "create table public.posts (id bigint primary key, title text, author_id uuid);
alter table public.posts enable row level security;
create policy p on public.posts to authenticated using ((select auth.uid()) is not null);
grant select on public.posts to authenticated;
";
const CLIENT: &str = "import { createClient } from '@supabase/supabase-js';
const supabase = createClient(process.env.SUPABASE_URL!, process.env.SUPABASE_ANON_KEY!);
";

fn query(column: &str) -> String {
    format!("{CLIENT}export const list = () => supabase.from('posts').select('id, {column}').eq('id', 1);\n")
}

/// Returns rule and place of each reported diagnostic of the group `query`.
fn found(folder: &Path, arguments: &[&str]) -> Vec<String> {
    let report = json(folder, &[&["check", "--select", "query,allow"], arguments].concat());
    let findings = report["findings"].as_array().expect("a list").iter();
    let text = |value: &serde_json::Value| value.as_str().expect("a text").to_string();
    let line = |finding: &serde_json::Value| {
        let place = &finding["location"];
        format!("{} {}:{}", text(&finding["rule"]), text(&place["file"]), place["line"])
    };
    findings.map(line).collect()
}

#[test]
fn code_of_the_repository_is_read_unless_it_is_ignored() {
    let wrong = query("titel");
    let bundled = "node_modules/x/index.js";
    let folder = project(&[
        ("app/database/supabase/migrations/20250101000000_a.sql", SCHEMA),
        ("app/web/page.tsx", &wrong),
        ("app/web/widget.vue", &format!("<template><p/></template>\n<script setup lang=\"ts\">\n{wrong}</script>\n")),
        ("app/web/generated.ts", &wrong),
        ("app/web/page.test.ts", &wrong),
        (bundled, &wrong),
        ("app/.gitignore", "generated.ts\n"),
        (".git/HEAD", "ref: refs/heads/main\n"),
    ]);
    let project = folder.path().join("app/database");
    let of_page = "query/unknown-column ../web/page.tsx:3";
    assert_eq!(found(&project, &[]), [of_page, "query/unknown-column ../web/widget.vue:5"]);
    assert_eq!(found(&project, &["--no-queries"]), [""; 0]);
    // websites know files by their paths in the repository
    let annotations = shown(&supalint(&project, &["check", "--select", "query", "--format", "github"]));
    assert!(annotations.contains("file=app/web/page.tsx,line=3"), "{annotations}");
    put(&project, "supalint.toml", "[queries]\npaths = [\"../web\"]\nignore = [\"*.vue\"]\n");
    assert_eq!(found(&project, &[]), [of_page]);
    put(&project, "supalint.toml", "[queries]\npaths = [\"../missing\"]\n");
    let output = supalint(&project, &["check"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(told(&output).contains("missing` does not exist"), "{}", told(&output));
    put(&project, "supalint.toml", "[queries]\npath = []\n");
    assert!(told(&supalint(&project, &["check"])).contains("did you mean `paths`?"));
}

#[test]
fn passed_files_of_code_are_checked_alone() {
    let folder = project(&[
        ("supabase/migrations/20250101000000_a.sql", SCHEMA.to_string()),
        ("src/one.ts", query("titel")),
        ("src/two.ts", query("body")),
        ("src/empty.ts", "export {};\n".to_string()),
    ]);
    assert_eq!(found(folder.path(), &["src/two.ts"]), ["query/unknown-column src/two.ts:3"]);
    assert_eq!(found(&folder.path().join("src"), &["one.ts", "../src/empty.ts"]), ["query/unknown-column src/one.ts:3"]);
    assert_eq!(found(folder.path(), &["src/empty.ts"]), [""; 0]);
    assert_eq!(supalint(folder.path(), &["check", "src/missing.ts"]).status.code(), Some(2));
}

#[test]
fn a_change_of_code_or_of_the_schema_brings_its_problems() {
    let repository = Repository::new();
    let root = repository.path();
    put(root, "supabase/migrations/20250101000000_a.sql", SCHEMA);
    put(root, "src/old.ts", query("titel"));
    put(root, "src/other.ts", query("title"));
    repository.commit();
    assert_eq!(found(root, &["--changed"]), [""; 0]);
    put(root, "src/new.ts", query("body"));
    assert_eq!(found(root, &["--changed"]), ["query/unknown-column src/new.ts:3"]);
    repository.commit();
    assert_eq!(found(root, &["--changed"]), [""; 0]);
    assert_eq!(found(root, &["--since", "HEAD~1"]), ["query/unknown-column src/new.ts:3"]);
    // lines before a problem do not make it new
    put(root, "src/old.ts", format!("// a comment\n{}", query("titel")));
    assert_eq!(found(root, &["--changed"]), [""; 0]);
    // code that was correct fails because of a migration, which is where the problem is shown
    put(root, "supabase/migrations/20250102000000_b.sql", "alter table public.posts rename title to headline;\n");
    assert_eq!(found(root, &["--changed"]), ["query/unknown-column supabase/migrations/20250102000000_b.sql:1"]);
}

#[test]
fn problems_in_code_are_allowed_by_comments() {
    let line = "export const list = () => supabase.from('posts').select('titel');\n";
    let allowed = format!("{CLIENT}// supalint: allow(query/unknown-column) because the view comes later\n{line}");
    let useless = format!(
        "{CLIENT}// supalint: allow(query/unknown-table) because of old habits\nexport const n = supabase.from('posts').select('id').eq('id', 1);\n"
    );
    let folder = project(&[
        ("supabase/migrations/20250101000000_a.sql", SCHEMA.to_string()),
        ("src/allowed.ts", allowed),
        ("src/invalid.ts", format!("{CLIENT}// supalint: allow(query)\n{}", line.replace("titel", "id"))),
        ("src/useless.ts", useless),
    ]);
    let found = found(folder.path(), &["--ignore", "query/unbounded-list"]);
    assert_eq!(found, ["allow/malformed src/invalid.ts:3", "allow/unused src/useless.ts:3"]);
}

#[test]
fn keys_in_code_appear_in_no_output() {
    // {"alg":"HS256","typ":"JWT"} and {"role":"service_role","iss":"supabase","ref":"abcdefghijklmnopqrst"}
    let head = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9";
    let body = "eyJyb2xlIjoic2VydmljZV9yb2xlIiwiaXNzIjoic3VwYWJhc2UiLCJyZWYiOiJhYmNkZWZnaGlqa2xtbm9wcXJzdCJ9";
    let key = format!("{head}.{body}.c2lnbmF0dXJlLW9mLXRoZS1rZXktMTIzNDU2Nzg5MA");
    let folder = project(&[
        ("supabase/migrations/20250101000000_a.sql", SCHEMA.to_string()),
        (
            "src/admin.ts",
            format!(
                "import {{ createClient }} from '@supabase/supabase-js';\nexport const admin = createClient('https://x.supabase.co', '{key}');\n"
            ),
        ),
    ]);
    assert_eq!(found(folder.path(), &[]), ["query/service-role-key-in-browser src/admin.ts:2"]);
    for format in ["terminal", "json", "sarif", "github", "gitlab", "junit", "markdown", "compact"] {
        let text = shown(&supalint(folder.path(), &["check", "--verbose", "--format", format]));
        assert!(!text.contains(&body[8..]), "{format}: {text}");
    }
}

#[test]
fn queries_are_listed_with_their_indexes() {
    let code = format!(
        "{CLIENT}export const one = (id: number) => supabase.from('posts').select().eq('id', id).single();
export const by = (author: string) => supabase.from('posts').select('id').eq('author_id', author).order('id', {{ ascending: false }}).limit(9);
export const again = (author: string) => supabase.from('posts').select('title').eq('author_id', author).order('id', {{ ascending: false }}).limit(1);
export const all = (name: string) => supabase.from(name).select();
"
    );
    let schema = format!("{SCHEMA}create index posts_title_idx on public.posts (title);\n");
    let folder = project(&[("supabase/migrations/20250101000000_a.sql", schema), ("src/posts.ts", code)]);
    insta::assert_snapshot!(shown(&supalint(folder.path(), &["queries"])));
    let listed = json(folder.path(), &["queries"]);
    let posts = listed["objects"].as_array().expect("a list").iter().find(|object| object["name"] == "public.posts").expect("the table");
    assert_eq!(posts["queries"][0]["places"].as_array().map(Vec::len), Some(2));
    assert_eq!(posts["unused_indexes"], serde_json::json!(["posts_title_idx"]));
    assert_eq!((&posts["queries"][0]["is_indexed"], &posts["queries"][1]["index"]), (&false.into(), &"posts_pkey".into()));
}
