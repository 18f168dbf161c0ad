//! Integrations that run the check: git hooks, the GitHub action, and the output of `init`.

use crate::support::command::put as write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use yaml_rust2::{Yaml, YamlLoader};

const BAD: &str = "create table public.notes (id bigint primary key, body text);\ngrant select on public.notes to anon;\n";
const GOOD: &str = "create schema internal;\n";

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Returns a program with the tested supalint on its PATH, without settings of the user.
fn program(name: &str, folder: &Path, home: &Path) -> Command {
    let bin = Path::new(env!("CARGO_BIN_EXE_supalint")).parent().expect("a program has a folder");
    let path = std::env::join_paths(
        std::iter::once(bin.to_path_buf()).chain(std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default())),
    );
    let mut command = Command::new(name);
    command.current_dir(folder).env("PATH", path.expect("a path")).env("HOME", home).env("PRE_COMMIT_HOME", home.join("cache"));
    command.env("GIT_CONFIG_NOSYSTEM", "1").env_remove("GITHUB_ACTIONS").env_remove("GIT_DIR").env_remove("GIT_INDEX_FILE");
    for who in ["AUTHOR", "COMMITTER"] {
        command.env(format!("GIT_{who}_NAME"), "somebody").env(format!("GIT_{who}_EMAIL"), "somebody@example.org");
    }
    command
}

fn run(command: &mut Command) -> Output {
    command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"))
}

fn done(command: &mut Command) {
    let output = run(command);
    assert!(output.status.success(), "{command:?}: {}", text(&output));
}

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// Creates a repository with one migration that has no problems.
fn repository(home: &Path, name: &str) -> PathBuf {
    let folder = home.join(name);
    write(&folder, "supabase/migrations/20250101000000_good.sql", GOOD);
    done(program("git", &folder, home).args(["init", "-q", "-b", "main"]));
    commit(home, &folder);
    folder
}

fn commit(home: &Path, folder: &Path) {
    done(program("git", folder, home).args(["add", "-A"]));
    done(program("git", folder, home).args(["commit", "-q", "-m", "work"]));
}

fn yaml(path: &Path) -> Yaml {
    let text = std::fs::read_to_string(path).expect("a file can be read");
    YamlLoader::load_from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display())).remove(0)
}

#[test]
fn pre_commit_runs_the_hook() {
    let home = tempfile::tempdir().expect("a folder can be made");
    let home = home.path();
    let known = Command::new("pre-commit").arg("--version").output().is_ok();
    if !known {
        assert!(std::env::var("CI").is_err(), "pre-commit is missing");
        return;
    }
    let tool = home.join("tool");
    let hooks = std::fs::read_to_string(root().join(".pre-commit-hooks.yaml")).expect("hooks are defined");
    write(&tool, ".pre-commit-hooks.yaml", &hooks);
    done(program("git", &tool, home).args(["init", "-q", "-b", "main"]));
    commit(home, &tool);
    done(program("git", &tool, home).args(["tag", "v1"]));
    let project = repository(home, "project");
    let config = format!("repos:\n  - repo: {}\n    rev: v1\n    hooks:\n      - id: supalint-system\n", tool.display());
    write(&project, ".pre-commit-config.yaml", &config);
    hook_holds(home, &project, &project);
    // the output of `init` works without changes, even if the path contains a space
    let init = |project: &Path, top: &Path| {
        done(program("supalint", project, home).arg("init"));
        hook_holds(home, project, top);
    };
    let project = repository(home, "own");
    init(&project, &project);
    let top = repository(home, "many");
    let project = top.join("apps/my web");
    write(&project, "supabase/migrations/20250101000000_good.sql", GOOD);
    init(&project, &top);
}

/// Checks that an installed hook rejects a commit with problems and accepts others.
fn hook_holds(home: &Path, project: &Path, top: &Path) {
    commit(home, top);
    done(program("pre-commit", top, home).arg("install"));
    let commit = || {
        done(program("git", top, home).args(["add", "-A"]));
        run(program("git", top, home).args(["commit", "-m", "more"]))
    };
    write(project, "supabase/migrations/20250102000000_bad.sql", BAD);
    let refused = commit();
    assert!(!refused.status.success() && text(&refused).contains("rls/disabled"), "{}", text(&refused));
    write(project, "supabase/migrations/20250102000000_bad.sql", "create schema other;\n");
    let taken = commit();
    assert!(taken.status.success() && text(&taken).contains("Passed"), "{}", text(&taken));
    write(project, "README.md", "nothing to do with SQL");
    assert!(text(&commit()).contains("Skipped"));
}

#[test]
fn both_hooks_run_the_same() {
    let hooks = yaml(&root().join(".pre-commit-hooks.yaml"));
    let [built, installed] = [&hooks[0], &hooks[1]];
    assert_eq!([built["language"].as_str(), installed["language"].as_str()], [Some("rust"), Some("system")]);
    for key in ["entry", "args", "files", "pass_filenames", "require_serial"] {
        assert!(!built[key].is_badvalue() && built[key] == installed[key], "{key}");
    }
}

#[test]
fn the_action_reports_annotates_and_fails() {
    let home = tempfile::tempdir().expect("a folder can be made");
    let home = home.path();
    let action = yaml(&root().join("action.yml"));
    let steps = action["runs"]["steps"].as_vec().expect("steps");
    let step = steps.iter().find(|step| step["id"].as_str() == Some("check")).expect("a step that checks");
    let script = step["run"].as_str().expect("a script");
    let inputs: Vec<&str> = step["env"].as_hash().expect("variables").keys().filter_map(Yaml::as_str).collect();
    assert_eq!(inputs, ["INPUT_PATH", "INPUT_SINCE", "INPUT_FAIL_ON", "INPUT_ARGS"]);
    let project = repository(home, "project");
    let check = |set: &[(&str, &str)]| {
        let mut command = program("bash", &project, home);
        for input in &inputs {
            command.env(input, if *input == "INPUT_PATH" { "." } else { "" });
        }
        for (name, value) in set {
            command.env(name, value);
        }
        for (name, file) in [("GITHUB_OUTPUT", "output"), ("GITHUB_STEP_SUMMARY", "summary")] {
            command.env(name, home.join(file));
        }
        run(command.env("RUNNER_TEMP", home).args(["-e", "-o", "pipefail", "-c", script]))
    };
    let clean = check(&[]);
    assert!(clean.status.success(), "{}", text(&clean));
    write(&project, "supabase/migrations/20250102000000_bad.sql", BAD);
    let found = check(&[]);
    assert_eq!(found.status.code(), Some(1), "{}", text(&found));
    assert!(text(&found).contains("::error file=supabase/migrations/20250102000000_bad.sql,line=1"), "{}", text(&found));
    let sarif = std::fs::read(home.join("supalint.sarif")).expect("a report");
    let sarif: serde_json::Value = serde_json::from_slice(&sarif).expect("JSON");
    assert!(sarif["runs"][0]["results"].as_array().is_some_and(|results| !results.is_empty()));
    assert!(std::fs::read_to_string(home.join("summary")).expect("a summary").contains("rls/disabled"));
    assert!(std::fs::read_to_string(home.join("output")).expect("outputs").contains("supalint.sarif"));
    let allowed = format!("-- supalint: allow(rls, access) because it is a test\n{BAD}");
    write(
        &project,
        "supabase/migrations/20250102000000_bad.sql",
        allowed.replace("\ngrant", "\n-- supalint: allow(access) because it is a test\ngrant"),
    );
    assert!(check(&[]).status.success());
    let sarif = std::fs::read_to_string(home.join("supalint.sarif")).expect("a report");
    let sarif: serde_json::Value = serde_json::from_str(&sarif).expect("JSON");
    let errors = sarif["runs"][0]["results"].as_array().expect("a list").iter().filter(|result| result["level"] == "error").count();
    assert_eq!(errors, 0, "what is allowed is not uploaded as open");
    write(&project, "supabase/migrations/20250102000000_bad.sql", BAD);
    assert!(check(&[("INPUT_FAIL_ON", "never")]).status.success());
    assert!(check(&[("INPUT_ARGS", "--ignore rls,access")]).status.success());
    assert!(check(&[("INPUT_SINCE", "HEAD")]).status.code() == Some(1));
    commit(home, &project);
    assert!(check(&[("INPUT_SINCE", "HEAD")]).status.success(), "what was there before is not told again");
    assert_eq!(check(&[("INPUT_PATH", "no/such/folder")]).status.code(), Some(2));
}

#[test]
fn init_writes_what_is_not_there_and_prints_the_rest() {
    let home = tempfile::tempdir().expect("a folder can be made");
    let home = home.path();
    let project = repository(home, "project");
    let supalint = |arguments: &[&str]| run(program("supalint", &project, home).args(arguments));
    let planned = supalint(&["init", "--dry-run"]);
    assert!(planned.status.success() && !project.join("supalint.toml").exists(), "{}", text(&planned));
    insta::assert_snapshot!("init", String::from_utf8_lossy(&planned.stdout));
    assert!(supalint(&["init"]).status.success());
    for name in [".pre-commit-config.yaml", ".github/workflows/supalint.yml"] {
        assert!(!yaml(&project.join(name)).is_badvalue(), "{name}");
    }
    assert!(supalint(&["check"]).status.success(), "the settings are usable");
    let again = supalint(&["init"]);
    assert!(again.status.success() && again.stdout.is_empty(), "{}", text(&again));
    insta::assert_snapshot!("init_again", String::from_utf8_lossy(&again.stderr));
    // each setting in a comment is valid, and has its default value
    let settings = std::fs::read_to_string(project.join("supalint.toml")).expect("settings");
    let is_setting =
        |line: &str| line.strip_prefix("# ").is_some_and(|rest| rest.starts_with('[') || rest.contains(" = ") && !rest.contains(": "));
    let plain: Vec<&str> = settings.lines().map(|line| if is_setting(line) { &line[2..] } else { line }).collect();
    assert!(plain.iter().filter(|line| !line.starts_with('#') && !line.is_empty()).count() > 8, "{plain:?}");
    assert!(supalint(&["check", "--write-baseline", "supalint-baseline.json"]).status.success());
    write(&project, "supalint.toml", plain.join("\n"));
    let with = supalint(&["check"]);
    assert!(with.status.success(), "{}", text(&with));
}

#[test]
fn init_speaks_the_language_of_the_hooks_and_servers_that_are_there() {
    let home = tempfile::tempdir().expect("a folder can be made");
    let home = home.path();
    for (name, file) in [("lefthook", "lefthook.yml"), ("gitlab", ".gitlab-ci.yml"), ("pre-commit", ".pre-commit-config.yaml")] {
        let project = repository(home, name);
        write(&project, file, "# of the project\n");
        let output = run(program("supalint", &project, home).arg("init"));
        let printed = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(printed.starts_with(&format!("# add to {file}\n")), "{name}: {printed}");
        YamlLoader::load_from_str(&printed).unwrap_or_else(|error| panic!("{name}: {error}\n{printed}"));
        assert_eq!(std::fs::read_to_string(project.join(file)).expect("a file"), "# of the project\n");
    }
    let project = repository(home, "husky");
    write(&project, ".husky/_/h", "");
    assert!(run(program("supalint", &project, home).arg("init")).status.success());
    assert_eq!(std::fs::read_to_string(project.join(".husky/pre-commit")).expect("a hook"), "supalint check --changed\n");
    // a project in a subfolder of a repository
    let top = repository(home, "many");
    write(&top, "apps/my web/supabase/migrations/20250101000000_a.sql", GOOD);
    let output = run(program("supalint", &top, home).args(["init", "apps/my web"]));
    assert!(output.status.success(), "{}", text(&output));
    assert!(top.join("apps/my web/supalint.toml").exists());
    let workflow = yaml(&top.join(".github/workflows/supalint.yml"));
    assert_eq!(workflow["jobs"]["supalint"]["steps"][1]["with"]["path"].as_str(), Some("apps/my web"));
    let hooks = yaml(&top.join(".pre-commit-config.yaml"));
    assert_eq!(hooks["repos"][0]["hooks"][0]["entry"].as_str(), Some("supalint check \"apps/my web\" --changed"));
}

#[test]
fn shells_complete_the_command_line() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let output = Command::new(env!("CARGO_BIN_EXE_supalint")).args(["completions", shell]).output().expect("supalint starts");
        assert!(output.status.success() && String::from_utf8_lossy(&output.stdout).contains("fail-on"), "{shell}");
    }
}

#[test]
fn init_tells_what_a_second_project_of_a_repository_adds() {
    let home = tempfile::tempdir().expect("a folder can be made");
    let home = home.path();
    let top = repository(home, "two");
    let init = |path: &str| run(program("supalint", &top, home).args(["init", path]));
    for project in ["apps/web", "apps/web-admin"] {
        write(&top, format!("{project}/supabase/migrations/20250101000000_a.sql"), GOOD);
    }
    assert!(init("apps/web").status.success());
    let second = init("apps/web-admin");
    assert!(top.join("apps/web-admin/supalint.toml").exists());
    insta::assert_snapshot!("init_second", String::from_utf8_lossy(&second.stdout));
    // nothing is added if both projects are configured
    for file in [".pre-commit-config.yaml", ".github/workflows/supalint.yml"] {
        let known = std::fs::read_to_string(top.join(file)).expect("text");
        write(&top, file, format!("{known}{}", known.replace("apps/web", "apps/web-admin")));
    }
    let again = init("apps/web-admin");
    assert!(again.stdout.is_empty(), "{}", text(&again));
}

#[test]
fn init_hints_at_a_baseline_where_much_is_found() {
    let home = tempfile::tempdir().expect("a folder can be made");
    let home = home.path();
    let project = repository(home, "old");
    let tables: String = (0..30).map(|n| format!("create tabel t{n} (id int);\n")).collect();
    write(&project, "supabase/migrations/20250102000000_many.sql", tables);
    let first = run(program("supalint", &project, home).arg("init"));
    let hint = "to report only new problems, run `supalint check --write-baseline supalint-baseline.json`";
    assert!(first.status.success() && text(&first).contains(hint), "{}", text(&first));
    let settings = std::fs::read_to_string(project.join("supalint.toml")).expect("text");
    assert!(settings.starts_with("#:schema https://"), "{settings}");
    done(program("supalint", &project, home).args(["check", "--write-baseline", "supalint-baseline.json", "--fail-on", "never"]));
    write(&project, "supalint.toml", "baseline = \"supalint-baseline.json\"\n");
    let again = run(program("supalint", &project, home).arg("init"));
    assert!(!text(&again).contains(hint), "{}", text(&again));
    // a new project has no problems to record
    let empty = home.join("empty");
    write(&empty, "supabase/migrations/.keep", "");
    assert!(run(program("supalint", &empty, home).arg("init")).status.success());
}

#[test]
fn the_workflow_reports_all_only_on_the_default_branch_and_never_fails_there() {
    let home = tempfile::tempdir().expect("a folder can be made");
    let home = home.path();
    let project = repository(home, "trunk");
    write(&project, ".git/refs/remotes/origin/HEAD", "ref: refs/remotes/origin/trunk\n");
    assert!(run(program("supalint", &project, home).arg("init")).status.success());
    let workflow = yaml(&project.join(".github/workflows/supalint.yml"));
    assert_eq!(workflow["on"]["push"]["branches"][0].as_str(), Some("trunk"));
    let with = &workflow["jobs"]["supalint"]["steps"][1]["with"];
    assert!(with["since"].as_str().is_some_and(|since| since.contains("pull_request.base.sha")));
    assert_eq!(with["fail-on"].as_str(), Some("${{ github.event_name == 'push' && 'never' || '' }}"));
}
