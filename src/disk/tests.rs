//! Projects in temporary folders, laid out as their tools lay them out.

use super::*;
use crate::project::TextProblemKind;
use std::fs;
use tempfile::TempDir;

/// A folder with these files: `(path, text)`; a path that ends with `/` is an empty folder.
fn files(files: &[(&str, &str)]) -> TempDir {
    let root = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let whole = root.path().join(path);
        if path.ends_with('/') {
            fs::create_dir_all(whole).unwrap();
        } else {
            fs::create_dir_all(whole.parent().unwrap()).unwrap();
            fs::write(whole, text).unwrap();
        }
    }
    root
}

fn empty_files(folder: &str, names: &[&str]) -> TempDir {
    let paths: Vec<String> = names.iter().map(|name| format!("{folder}{name}")).collect();
    files(&paths.iter().map(|path| (path.as_str(), "")).collect::<Vec<_>>())
}

struct Opened {
    project: Project,
    sources: Sources,
}

fn try_open(root: &TempDir, paths: &[&str]) -> Result<Opened, Error> {
    let mut sources = Sources::default();
    sources.add("platform", "");
    let paths: Vec<PathBuf> = paths.iter().map(|path| root.path().join(path)).collect();
    open(&paths, None, &mut sources).map(|project| Opened { project, sources })
}

fn opened(root: &TempDir, paths: &[&str]) -> Opened {
    try_open(root, paths).unwrap()
}

impl Opened {
    fn path(&self, file: FileId) -> String {
        self.sources.get(file).path.to_string()
    }

    fn file_name(&self, file: FileId) -> String {
        self.path(file).rsplit('/').next().unwrap().to_string()
    }

    fn paths(&self) -> Vec<String> {
        self.project.migrations.iter().map(|migration| self.path(migration.file)).collect()
    }

    fn names(&self) -> Vec<&str> {
        self.project.migrations.iter().map(|migration| migration.named_in.as_str()).collect()
    }

    fn parts(&self) -> Vec<(&str, &str)> {
        self.project.migrations.iter().map(|migration| (migration.version.as_str(), migration.name.as_str())).collect()
    }

    fn skipped(&self) -> Vec<(&str, SkipReason)> {
        self.project.skipped.iter().map(|skipped| (skipped.name.as_str(), skipped.reason)).collect()
    }
}

#[test]
fn a_project_is_found_from_any_of_its_folders() {
    let root = files(&[("app/supabase/migrations/1_a.sql", ""), ("app/supabase/functions/", "")]);
    for path in
        ["app", "app/supabase", "app/supabase/migrations", "app/supabase/functions/../migrations", "app/supabase/migrations/1_a.sql"]
    {
        let opened = opened(&root, &[path]);
        assert_eq!(opened.paths(), ["supabase/migrations/1_a.sql"], "{path}");
        assert_eq!(opened.project.root.file_name().unwrap(), "app", "{path}");
        assert_eq!(opened.project.passed_files.len(), usize::from(path.ends_with(".sql")), "{path}");
    }
    for here in ["app", "app/supabase/functions", "app/supabase/migrations"] {
        let place = locate::around(&root.path().join(here)).unwrap();
        assert_eq!(place.folder, root.path().join("app/supabase/migrations"), "{here}");
    }
    assert!(matches!(try_open(&root, &["app/supabase/functions"]), Err(Error::NoMigrations { .. })));
    // from above, the only one is meant
    assert_eq!(locate::around(root.path()).unwrap().folder, root.path().join("app/supabase/migrations"));
}

#[test]
fn plain_projects_have_their_migrations_at_the_top_or_where_named() {
    let root = files(&[("one/migrations/1_a.sql", ""), ("two/sql/1_a.sql", ""), ("supabase/migrations/", ""), ("migrations/1_b.sql", "")]);
    assert_eq!(opened(&root, &["one"]).paths(), ["migrations/1_a.sql"]);
    assert_eq!(opened(&root, &["one/migrations"]).paths(), ["migrations/1_a.sql"]);
    assert_eq!(opened(&root, &["two/sql"]).paths(), ["1_a.sql"]);
    // Where both are, Supabase's is meant.
    assert_eq!(opened(&root, &[""]).paths(), [] as [&str; 0]);
}

#[test]
fn a_folder_of_programs_is_not_a_folder_of_migrations() {
    let root = files(&[("supabase/migrations/1_a.sql", ""), ("app/migrations/0001_initial.py", ""), ("other/migrations/.keep", "")]);
    let found = locate::around(&root.path().join("app/migrations")).unwrap().folder;
    assert_eq!(found, root.path().join("supabase/migrations"));
    for path in ["app", "app/migrations"] {
        assert!(matches!(try_open(&root, &[path]), Err(Error::NoMigrations { .. })), "{path}");
    }
    assert_eq!(opened(&root, &["other"]).project.migrations, []);
}

#[test]
fn an_empty_folder_holds_no_migrations_and_that_is_fine() {
    let root = files(&[("supabase/migrations/README.md", "")]);
    let opened = opened(&root, &["supabase/migrations"]);
    assert_eq!((opened.project.migrations.len(), opened.project.skipped.len(), opened.project.lenient), (0, 0, false));
    assert_eq!(opened.project.platform, Platform::Supabase);
}

#[test]
fn wrong_paths_are_refused() {
    let root = files(&[("a/1_a.sql", ""), ("b/1_b.sql", ""), ("a/notes.md", ""), ("c/", "")]);
    let message = |paths: &[&str]| {
        let message = try_open(&root, paths).err().unwrap().to_string();
        message.replace(&format!("{}/", root.path().display()), "")
    };
    let what_to_give = "give a project folder, a folder of migrations, or .sql files";
    assert_eq!(message(&["missing"]), format!("`missing` does not exist: {what_to_give}"));
    assert_eq!(message(&["a/1_a.sql", "missing.sql"]), format!("`missing.sql` does not exist: {what_to_give}"));
    assert_eq!(message(&["a/notes.md"]), format!("`a/notes.md` is not an .sql file: {what_to_give}"));
    assert_eq!(opened(&root, &["a/1_a.sql", "a/1_a.sql"]).project.passed_files.len(), 1);
    assert_eq!(opened(&root, &["a", "a/../a"]).project.passed_files.len(), 0);
    let apart = "are not .sql files of the same folder: check them one by one";
    assert_eq!(message(&["a/1_a.sql", "b/1_b.sql"]), format!("`a/1_a.sql` and `b/1_b.sql` {apart}"));
    assert_eq!(message(&["a", "b"]), format!("`b` and `a` {apart}"));
    assert_eq!(message(&["a/1_a.sql", "a"]), format!("`a/1_a.sql` and `a` {apart}"));
    assert!(message(&["c"]).starts_with("no migrations found in `c`"));
}

#[test]
fn files_that_are_named_are_remembered_and_all_of_the_folder_is_read() {
    let root = empty_files("supabase/migrations/", &["1_a.sql", "2_b.sql", "3_c.sql", "later.sql", "rest.sql"]);
    let at = |name: &str| format!("supabase/migrations/{name}");
    let opened = opened(&root, &[&at("3_c.sql"), &at("1_a.sql"), &at("later.sql"), "supabase/../supabase/migrations/1_a.sql"]);
    // `later.sql` does not run, but was asked about.
    assert_eq!(opened.names(), ["1_a.sql", "2_b.sql", "3_c.sql", "later.sql"]);
    let named: Vec<String> = opened.project.passed_files.iter().map(|file| opened.file_name(*file)).collect();
    assert_eq!(named, ["1_a.sql", "3_c.sql", "later.sql"]);
    assert_eq!(opened.skipped(), [("later.sql", SkipReason::Name), ("rest.sql", SkipReason::Name)]);
    assert_eq!(opened.project.skipped[0].file, opened.project.migrations[3].file);
}

#[test]
fn the_runner_takes_what_its_rule_takes_in_byte_order() {
    let names = [
        "10_b.sql",
        "20250101000000_x_y.sql",
        "9_a.sql",
        "20250102-dashed.sql",
        "5_.sql",
        "7_UPPER.SQL",
        "_x.sql",
        "fix.sql",
        ".1_hidden.sql",
        "3_x.sql.bak",
        "3_notes.txt",
        "8_z.down.sql",
        "20250103_folder.sql/up.sql",
        "old/1_x.sql",
    ];
    let root = empty_files("supabase/migrations/", &names);
    let opened = opened(&root, &[""]);
    let taken = [("10", "b"), ("20250101000000", "x_y"), ("5", ""), ("8", "z.down"), ("9", "a")];
    assert_eq!(opened.parts(), taken);
    assert_eq!(opened.names(), ["10_b.sql", "20250101000000_x_y.sql", "5_.sql", "8_z.down.sql", "9_a.sql"]);
    let skipped = [
        (".1_hidden.sql", SkipReason::Name),
        ("20250102-dashed.sql", SkipReason::Name),
        ("20250103_folder.sql", SkipReason::Directory),
        ("7_UPPER.SQL", SkipReason::Name),
        ("_x.sql", SkipReason::Name),
        ("fix.sql", SkipReason::Name),
    ];
    assert_eq!(opened.skipped(), skipped);
    assert_eq!(opened.path(opened.project.skipped[2].file), "supabase/migrations/20250103_folder.sql");
    assert!(!opened.project.lenient);
}

#[test]
fn versions_that_repeat_are_told() {
    let root = empty_files("supabase/migrations/", &["1_a.sql", "1_b.sql", "01_c.sql", "2_d.sql"]);
    let opened = opened(&root, &[""]);
    let [duplicate] = &opened.project.duplicates[..] else { panic!("{:?}", opened.project.duplicates) };
    assert_eq!(duplicate.version, "1");
    let files: Vec<String> = duplicate.files.iter().map(|file| opened.file_name(*file)).collect();
    assert_eq!(files, ["1_a.sql", "1_b.sql"]);
}

#[test]
fn numbers_that_run_out_of_order_are_told() {
    let misplaced = |names: &[&str]| -> Vec<(String, String)> {
        let root = empty_files("supabase/migrations/", names);
        let opened = opened(&root, &[""]);
        let misplaced = opened.project.misplaced.iter();
        misplaced.map(|misplaced| (opened.file_name(misplaced.file), opened.file_name(misplaced.after))).collect()
    };
    let pair = |file: &str, after: &str| (file.to_string(), after.to_string());
    assert_eq!(misplaced(&["8_a.sql", "9_b.sql", "10_c.sql"]), [pair("8_a.sql", "10_c.sql"), pair("9_b.sql", "10_c.sql")]);
    assert_eq!(misplaced(&["20250101000000_a.sql", "9_b.sql"]), [pair("9_b.sql", "20250101000000_a.sql")]);
    let huge = "9".repeat(60);
    let huge = format!("1{huge}_a.sql");
    assert_eq!(misplaced(&[&huge, "2_b.sql"]), [pair("2_b.sql", &huge)]);
    for in_order in [
        ["001_a.sql", "002_b.sql", "010_c.sql"],
        ["20250101000000_a.sql", "20250101_b.sql", "202502010930_c.sql"],
        ["000_a.sql", "00_b.sql", "20240101_c.sql"],
        ["00000010_a.sql", "11_b.sql", "20240101_c.sql"],
        // Meant to be the last for ever.
        ["20241026_a.sql", "20251128000000_b.sql", "99999999999999_c.sql"],
    ] {
        assert_eq!(misplaced(&in_order), [], "{in_order:?}");
    }
}

#[test]
fn the_first_runners_own_file_is_skipped() {
    let skipped = |names: &[&str]| opened(&empty_files("supabase/migrations/", names), &[""]).project.skipped.len();
    assert_eq!(skipped(&["20211208235959_init.sql", "20220101000000_a.sql"]), 1);
    assert_eq!(skipped(&["20211209000000_init.sql"]), 0);
    assert_eq!(skipped(&["20200101000000_a.sql", "20211208235959_init.sql"]), 0);
    assert_eq!(skipped(&["1_init.sql"]), 0);
    // Whatever is first is first, to the runner.
    assert_eq!(skipped(&["20200101000000.md", "20211208235959_init.sql"]), 0);
    let root = empty_files("migrations/", &["20211208235959_init.sql"]);
    assert_eq!(opened(&root, &[""]).names(), ["20211208235959_init.sql"]);
}

#[test]
fn names_the_runner_does_not_know_are_taken_if_there_are_no_others() {
    let names = ["20250102030405-a1b2.sql", "20250101030405-c3d4.sql", "20250103030405.sql", "schema.sql", ".20250101.sql"];
    let root = empty_files("supabase/migrations/", &names);
    let lenient = opened(&root, &[""]);
    assert!(lenient.project.lenient);
    assert_eq!(lenient.parts(), [("20250101030405", "c3d4"), ("20250102030405", "a1b2"), ("20250103030405", "")]);
    assert_eq!(lenient.skipped(), [(".20250101.sql", SkipReason::Name), ("schema.sql", SkipReason::Name)]);
    fs::write(root.path().join("supabase/migrations/20250104_x.sql"), "").unwrap();
    let strict = opened(&root, &[""]);
    assert_eq!((strict.names(), strict.project.lenient), (vec!["20250104_x.sql"], false));
}

#[test]
fn what_is_not_numbered_at_all_is_taken_by_name() {
    let root = empty_files("sql/", &["b.sql", "a.sql", ".hidden.sql", "a.down.sql", "Z.SQL"]);
    let opened = opened(&root, &["sql"]);
    assert_eq!(opened.parts(), [("", "Z"), ("", "a"), ("", "b")]);
    assert_eq!(opened.skipped(), [(".hidden.sql", SkipReason::Name), ("a.down.sql", SkipReason::Undo)]);
    assert!(opened.project.lenient && opened.project.duplicates.is_empty() && opened.project.misplaced.is_empty());
}

#[test]
fn flyway_versions_are_compared_as_numbers() {
    let names = ["V10__j.sql", "V2__b.sql", "V1_1__b.sql", "V1__a.sql", "V1.10__c.sql", "U2__b.sql", "R__views.sql", "V2_2.sql"];
    let root = empty_files("migrations/", &names);
    let opened = opened(&root, &[""]);
    let order = [("1", "a"), ("1.1", "b"), ("1.10", "c"), ("2", "b"), ("2.2", ""), ("10", "j"), ("", "R__views")];
    assert_eq!(opened.parts(), order);
    assert_eq!(opened.skipped(), [("U2__b.sql", SkipReason::Undo)]);
}

#[test]
fn plain_projects_compare_numbers_and_never_run_what_undoes() {
    let names = ["10_j.up.sql", "10_j.down.sql", "9_i.up.sql", "9_i.down.sql", "1_a.sql"];
    let root = empty_files("migrations/", &names);
    let plain = opened(&root, &[""]);
    assert_eq!(plain.names(), ["1_a.sql", "9_i.up.sql", "10_j.up.sql"]);
    assert_eq!(plain.skipped(), [("10_j.down.sql", SkipReason::Undo), ("9_i.down.sql", SkipReason::Undo)]);
    assert!(!plain.project.lenient && plain.project.misplaced.is_empty() && plain.project.duplicates.is_empty());
    fs::write(root.path().join("supalint.toml"), "platform = 'supabase'").unwrap();
    assert_eq!(opened(&root, &[""]).names(), ["10_j.down.sql", "10_j.up.sql", "1_a.sql", "9_i.down.sql", "9_i.up.sql"]);
}

#[test]
fn each_migration_may_have_a_folder() {
    let root = files(&[
        ("prisma/migrations/20250102000000_b/migration.sql", ""),
        ("prisma/migrations/20250101000000_a/migration.sql", ""),
        ("prisma/migrations/migration_lock.toml", ""),
        ("diesel/migrations/2025-01-01-000000_users/up.sql", ""),
        ("diesel/migrations/2025-01-01-000000_users/down.sql", ""),
        ("diesel/migrations/empty/", ""),
    ]);
    let prisma = opened(&root, &["prisma"]);
    assert_eq!(prisma.parts(), [("20250101000000", "a"), ("20250102000000", "b")]);
    assert_eq!(prisma.paths()[0], "migrations/20250101000000_a/migration.sql");
    assert_eq!(prisma.names()[0], "20250101000000_a/migration.sql");
    assert!(prisma.project.lenient);
    assert_eq!(opened(&root, &["diesel/migrations"]).parts(), [("2025-01-01-000000", "users")]);
    let named = opened(&root, &["prisma/migrations/20250102000000_b/migration.sql"]);
    assert_eq!(named.paths().len(), 2);
    assert_eq!(named.project.passed_files, [named.project.migrations[1].file]);
}

#[cfg(unix)]
#[test]
fn what_cannot_be_read_is_refused_only_if_it_would_run() {
    use std::os::unix::fs::symlink;
    let root = empty_files("supabase/migrations/", &["1_a.sql"]);
    let folder = root.path().join("supabase/migrations");
    let link = |to: &str, name: &str| symlink(to, folder.join(name)).unwrap();
    link("1_a.sql", "2_link.sql");
    link("loop.sql", "loop.sql");
    link("nowhere", "gone.sql");
    link(".", "again");
    let _socket = std::os::unix::net::UnixListener::bind(folder.join("3_socket.sql")).unwrap();
    let fine = opened(&root, &[""]);
    assert_eq!(fine.names(), ["1_a.sql", "2_link.sql"]);
    let skipped = [("3_socket.sql", SkipReason::NotAFile), ("gone.sql", SkipReason::Name), ("loop.sql", SkipReason::Name)];
    assert_eq!(fine.skipped(), skipped);
    for (name, to) in [("4_loop.sql", "4_loop.sql"), ("5_gone.sql", "nowhere")] {
        link(to, name);
        let error = try_open(&root, &[""]).err().unwrap();
        assert!(matches!(&error, Error::Unreadable { path, .. } if path.ends_with(name)), "{error}");
        fs::remove_file(folder.join(name)).unwrap();
    }
    assert!(matches!(try_open(&root, &["supabase/migrations/loop.sql"]), Err(Error::Unreadable { .. })));
}

#[cfg(unix)]
#[test]
fn a_linked_folder_of_migrations_keeps_its_name() {
    let root = files(&[("elsewhere/1_a.sql", ""), ("app/supabase/", "")]);
    std::os::unix::fs::symlink(root.path().join("elsewhere"), root.path().join("app/supabase/migrations")).unwrap();
    assert_eq!(opened(&root, &["app"]).paths(), ["supabase/migrations/1_a.sql"]);
    assert_eq!(opened(&root, &["app/supabase/migrations/1_a.sql"]).paths(), ["supabase/migrations/1_a.sql"]);
}

#[test]
fn bytes_that_are_no_text_are_told_where_they_stand() {
    let root = empty_files("supabase/migrations/", &["1_a.sql", "skipped.sql"]);
    for name in ["1_a.sql", "skipped.sql"] {
        fs::write(root.path().join("supabase/migrations").join(name), b"\xef\xbb\xbfselect 1;\n\0select '\xe9';\n\xe9").unwrap();
    }
    let opened = opened(&root, &[""]);
    let file = opened.project.migrations[0].file;
    assert_eq!(opened.sources.get(file).text(), "\u{feff}select 1;\n select '\u{fffd}';\n\u{fffd}");
    let expected = [(TextProblemKind::ByteOrderMark, 0, 1), (TextProblemKind::Nul, 13, 2), (TextProblemKind::NotUtf8, 22, 2)];
    let problems = opened.project.problems.iter().map(|problem| {
        assert_eq!(problem.file, file);
        (problem.kind, problem.span.start, opened.sources.get(file).position(problem.span.start).line)
    });
    assert_eq!(problems.collect::<Vec<_>>(), expected);
}

#[test]
fn the_platform_is_told_by_folder_text_or_setting() {
    let platform = |paths: &[(&str, &str)]| opened(&files(paths), &[""]).project.platform;
    assert_eq!(platform(&[("supabase/migrations/1_a.sql", "")]), Platform::Supabase);
    assert_eq!(platform(&[("supabase/seed.sql", ""), ("migrations/1_a.sql", "")]), Platform::Supabase);
    assert_eq!(platform(&[("config.toml", "project_id = 'x'"), ("migrations/1_a.sql", "")]), Platform::Supabase);
    assert_eq!(platform(&[("config.toml", "title = 'x'"), ("migrations/1_a.sql", "")]), Platform::Postgres);
    assert_eq!(platform(&[("migrations/1_a.sql", "select 1"), ("migrations/2_b.sql", "select Auth.Uid()")]), Platform::Supabase);
    let set = ("supalint.toml", "platform = 'postgres'");
    assert_eq!(platform(&[("supabase/migrations/1_a.sql", "select auth.uid()"), set]), Platform::Postgres);
}

#[test]
fn settings_are_read_from_the_root_or_as_named() {
    let root = files(&[
        ("supabase/migrations/1_a.sql", ""),
        ("supabase/config.toml", "[api]\nschemas = ['public', 'app']\n[db]\nmajor_version = 15"),
        ("supalint.toml", "postgres_version = 16"),
        ("other.toml", "exposed_schemas = ['api']"),
        ("broken.toml", "\nselct = []"),
    ]);
    let config = opened(&root, &["supabase/migrations/1_a.sql"]).project.config;
    assert_eq!((config.postgres_version, &config.exposed_schemas[..]), (16, &["public".to_string(), "app".to_string()][..]));
    let with = |name: &str| open(&[root.path().to_path_buf()], Some(&root.path().join(name)), &mut Sources::default());
    let config = with("other.toml").unwrap().config;
    assert_eq!((config.postgres_version, &config.exposed_schemas[..]), (15, &["api".to_string()][..]));
    let error = with("broken.toml").unwrap_err().to_string();
    assert!(error.ends_with("broken.toml` are not usable: line 2: unknown setting `selct`; did you mean `select`?"), "{error}");
}

#[test]
fn many_files_and_large_ones_are_read_in_one_pass() {
    let names: Vec<String> = (0..3000).rev().map(|number| format!("{number}_x.sql")).collect();
    let root = empty_files("supabase/migrations/", &names.iter().map(String::as_str).collect::<Vec<_>>());
    let large = "insert into t values ('authenticated');\n".repeat(1 << 19);
    fs::write(root.path().join("supabase/migrations/9999_large.sql"), &large).unwrap();
    let opened = opened(&root, &[""]);
    assert_eq!(opened.project.migrations.len(), 3001);
    assert_eq!(opened.project.misplaced.len(), 999);
}
