//! Plans of `--fix` for projects on disk.

use std::path::Path;
use supalint::engine::RuleSelection;
use supalint::error::Error;
use supalint::finding::{Phase, Run};
use supalint::fix::files::PlannedFile;
use supalint::fix::{self, Level, Plan, PlanInput};
use supalint::rules::Rule;
use supalint::{app, disk, history};

/// What `--fix` would write for a project; for one rule, if one is named.
///
/// # Errors
/// If no file could come behind the project's own.
pub fn of(root: &Path, rule: Option<&Rule>, level: Level) -> Result<Plan, Error> {
    let choice = RuleSelection { select: rule.iter().map(|rule| rule.id.to_string()).collect(), ignore: Vec::new() };
    let mut sources = history::sources();
    let mut project = disk::open(&[root.to_path_buf()], None, &mut sources).expect("there are migrations");
    app::open(&mut project, &mut sources).expect("code can be read");
    fix::plan(&PlanInput { sources: &sources, project: &project, choice: &choice, hidden: &Default::default() }, level)
}

/// Does a step drop what nothing brings back? Its title says so.
pub fn is_final(plan: &Plan) -> bool {
    let statements = plan.files.iter().flat_map(|planned| &planned.statements);
    statements.into_iter().any(|planned| planned.statement.undo.is_none() && planned.statement.sql.contains("drop "))
}

/// Is all that changes the text of policies, or rows? A script that verifies can't tell those from what was before.
pub fn is_of_text(plan: &Plan) -> bool {
    let statements = plan.files.iter().flat_map(|planned| &planned.statements);
    statements.into_iter().all(|planned| matches!(planned.statement.phase, Phase::Policy | Phase::Data))
}

/// The messages in which a runner sends a file: one, but for statements that refuse a transaction, which it runs by themselves.
pub fn messages(planned: &PlannedFile) -> Vec<&str> {
    match planned.statements.iter().all(|planned| planned.statement.run == Run::Alone) {
        true => planned.statements.iter().map(|planned| planned.statement.sql.as_str()).collect(),
        false => vec![&planned.text],
    }
}
