//! Settings as they are written and read.

use super::*;

/// Settings of these two files.
fn read(own: &str, supabase: &str) -> Result<Config, String> {
    let own = SettingsFile { path: Path::new(FILE), text: own };
    let supabase = SettingsFile { path: Path::new("config.toml"), text: supabase };
    Config::read(Some(&own), Some(&supabase)).map_err(|error| {
        let message = error.to_string();
        message.split_once("usable: ").map_or(message.clone(), |(_, reason)| reason.to_string())
    })
}

fn refused(own: &str) -> String {
    read(own, "").unwrap_err()
}

#[test]
fn nothing_said_means_the_defaults() {
    let config = read("", "").unwrap();
    assert_eq!(config, Config { path: config.path.clone(), ..Config::default() });
    assert_eq!(config.exposed_schemas, ["public"]);
    assert_eq!(config.postgres_version, 17);
    assert_eq!(Config::read(None, None).unwrap(), Config::default());
}

#[test]
fn every_setting_is_read() {
    let own = r#"
        platform = "postgres"
        exposed_schemas = ["api"]
        default_privileges = "by-date"
        tenant_columns = ["shop_id"]
        select = ["rls"]
        ignore = ["index/foreign-key"]
        fail_on = "never"
        postgres_version = 15
        index_concurrently = "each"
        ignored_paths = ["supabase/migrations/2024*", "*_seed.sql", "./old/"]
        since_version = 20250101000000
        baseline = "supabase/baseline.json"
        [severity]
        "rls/disabled" = "off"
        index = "info"
        [[allow]]
        rule = "rls"
        object = 'public.notes."read own"'
        because = """  they are
            public """
        until = 2026-12-31
        [queries]
        paths = ["../web"]
        ignore = ["*.gen.ts"]
    "#;
    let config = read(own, "").unwrap();
    let severity = [("rls/disabled".to_string(), Level::Off), ("index".to_string(), Level::Info)].into();
    let expected = Config {
        path: config.path.clone(),
        platform: Some(Platform::Postgres),
        exposed_schemas: vec!["api".to_string()],
        default_privileges: DefaultPrivileges::ByDate,
        tenant_columns: vec!["shop_id".to_string()],
        select: vec!["rls".to_string()],
        ignore: vec!["index/foreign-key".to_string()],
        severity,
        fail_on: Some(FailOn::Never),
        postgres_version: 15,
        anonymous_sign_ins: false,
        token_hook: None,
        third_party_auth: false,
        index_concurrently: IndexForm::Each,
        text: own.to_string(),
        ignored_paths: config.ignored_paths.clone(),
        since_version: Some("20250101000000".to_string()),
        baseline: config.path.as_ref().map(|path| path.with_file_name("supabase/baseline.json")),
        allow: config.allow.clone(),
        max_rows: MAX_ROWS,
        queries: Queries { paths: Some(vec!["../web".into()]), ignore: config.queries.ignore.clone() },
    };
    assert_eq!(config, expected);
    let [allow] = config.allow.as_slice() else { panic!("one allow") };
    assert_eq!((allow.rule.as_str(), allow.because.as_str(), allow.span.of(own)), ("rls", "they are public", "\"rls\""));
    assert_eq!((allow.object.glob(), allow.until), (r#"public.notes."read own""#, Some(jiff::civil::date(2026, 12, 31))));
    let ignored = paths(&config.ignored_paths);
    for (path, is) in [
        ("supabase/migrations/20240101000000_a.sql", true),
        ("supabase/migrations/20250101000000_a.sql", false),
        ("supabase/migrations/2024/migration.sql", false),
        ("supabase/migrations/20250101000000_seed.sql", true),
        ("old/x/1_a.sql", true),
        ("supabase/old/1_a.sql", false),
    ] {
        assert_eq!(ignored.is_match(path), is, "{path}");
    }
    assert!(paths(&config.queries.ignore).is_match("../web/src/types.gen.ts"));
    assert_eq!([Level::Off, Level::Warn].map(Level::severity), [None, Some(Severity::Warn)]);
}

#[test]
fn the_list_of_settings_is_whole() {
    let error = toml::from_str::<Settings>("no_such_thing = 1").unwrap_err();
    let known: Vec<&str> = error.message().split('`').skip(3).step_by(2).collect();
    assert_eq!(known, SETTINGS);
}

#[test]
fn what_is_not_known_is_refused_with_its_line_and_a_near_name() {
    for (written, reason) in [
        ("\nexposed_schema = []", "line 2: unknown setting `exposed_schema`; did you mean `exposed_schemas`?"),
        ("fail-on = 'warn'", "line 1: unknown setting `fail-on`; did you mean `fail_on`?"),
        ("zebra = 1\napple = 2", &format!("line 1: unknown setting `zebra`; known are {}", SETTINGS.join(", "))),
        ("# c\n[serverity]\nx = 'off'", "line 2: unknown setting `serverity`; did you mean `severity`?"),
        ("[[allow]]\nrule = 'rls'\nbecuase = 'x'", "line 3: unknown key of [[allow]] `becuase`; did you mean `because`?"),
        ("[[allow]]\nline = 3", "line 2: unknown key of [[allow]] `line`; known are rule, object, because, until"),
    ] {
        assert_eq!(refused(written), reason);
    }
}

#[test]
fn what_is_not_usable_is_refused_with_its_line() {
    for (written, reason) in [
        ("platform = 'oracle'", "line 1: unknown variant `oracle`, expected `supabase` or `postgres`"),
        ("\n\nselect = 'rls'", "line 3: invalid type: string \"rls\", expected a sequence"),
        ("[severity]\n'rls/disabled' = 'low'", "line 2: unknown variant `low`, expected one of `off`, `info`, `warn`, `error`"),
        ("\nignored_paths = ['a', '[z']", "line 2: `**/[z` is not a valid pattern: unclosed character class; missing ']'"),
        ("since_version = 'v3'", "line 1: `since_version` must be the digits of a migration's name, such as \"20250101000000\""),
        ("[[allow]]\nrule = 'rls'\nobject = '*'", "line 1: missing field `because`"),
        ("[[allow]]\nrule = 'rls'\nobject = '*'\nbecause = ' '", "line 2: `because` is empty: give a reason"),
        (
            "[[allow]]\nrule = 'rls'\nobject = '{a'\nbecause = 'x'",
            "line 2: `{a` is not a valid pattern: unclosed alternate group; missing '}' (maybe escape '{' with '[{]'?)",
        ),
        (
            "[[allow]]\nrule = 'rls'\nobject = '*'\nbecause = 'x'\nuntil = '31.12.2026'",
            "line 2: `until` must be a day, such as \"2026-12-31\"",
        ),
        ("postgres_version = 150004", "`postgres_version` is the major version, such as 17, not 150004"),
    ] {
        assert_eq!(refused(written), reason);
    }
    assert!(refused("platform = 'postgres'\nselect = [").starts_with("line 2: "), "{}", refused("select = ["));
    assert!(refused("ignore = []\nignore = []").starts_with("line 2: duplicate key"), "{}", refused("ignore = []\nignore = []"));
}

#[test]
fn the_supabase_file_tells_what_settings_do_not() {
    let supabase = r#"
        project_id = "x"
        [api]
        schemas = ["public", "graphql_public", "app", "env(MORE)"]
        auto_expose_new_tables = false
        max_rows = 500
        [db]
        major_version = 15
        [auth.external.apple]
        secret = "env(SECRET)"
        [a.section.nobody.knows]
        at_all = true
    "#;
    let config = read("", supabase).unwrap();
    assert_eq!(config.exposed_schemas, ["public", "graphql_public", "app"]);
    assert_eq!(config.default_privileges, DefaultPrivileges::None);
    assert_eq!((config.postgres_version, config.max_rows), (15, 500));
    let config = read("exposed_schemas = []\ndefault_privileges = 'granted'\npostgres_version = 16", supabase).unwrap();
    assert!(config.exposed_schemas.is_empty());
    assert_eq!((config.default_privileges, config.postgres_version), (DefaultPrivileges::Granted, 16));
    let exposing = read("", "[api]\nauto_expose_new_tables = true").unwrap();
    assert_eq!(exposing.default_privileges, DefaultPrivileges::Granted);
}

#[test]
fn odd_values_in_the_supabase_file_leave_the_defaults() {
    let odd = "api = 3\n[db]\nmajor_version = 'env(VERSION)'";
    assert_eq!(Config { path: None, ..read("", odd).unwrap() }, Config::default());
    let odd = "[api]\nschemas = []\nauto_expose_new_tables = 'env(X)'\n[db]\nmajor_version = -3";
    assert_eq!(Config { path: None, ..read("", odd).unwrap() }, Config::default());
    assert!(read("", "[api]\nschemas = [\n[db]\n").unwrap_err().starts_with("line "));
}

#[test]
fn a_file_of_that_name_may_be_another_tools() {
    for (text, is) in [("project_id = 'x'", true), ("[api]\n[db]", true), ("[db]\nurl = 'x'", false), ("title = [", false)] {
        assert_eq!(is_supabase(text), is, "{text}");
    }
}
