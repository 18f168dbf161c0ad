//! Plans of `--fix` for projects on disk.

use std::path::Path;
use supalint::engine::RuleSelection;
use supalint::error::Error;
use supalint::finding::{Phase, Run};
use supalint::fix::files::PlannedFile;
use supalint::fix::{self, Level, Plan, PlanInput};
use supalint::rules::Rule;
use supalint::{app, disk, history};

/// Returns the plan of `--fix` for a project, for all rules or for one rule.
///
/// # Errors
/// Returns an error if no file name sorts after the existing migrations.
pub fn of(root: &Path, rule: Option<&Rule>, level: Level) -> Result<Plan, Error> {
    let choice = RuleSelection { select: rule.iter().map(|rule| rule.id.to_string()).collect(), ignore: Vec::new() };
    let mut sources = history::sources();
    let mut project = disk::open(&[root.to_path_buf()], None, &mut sources).expect("there are migrations");
    app::open(&mut project, &mut sources).expect("code can be read");
    fix::plan(&PlanInput { sources: &sources, project: &project, choice: &choice, hidden: &Default::default() }, level)
}

/// Returns whether a statement drops data that no rollback restores, as its title says.
pub fn loses_data(plan: &Plan) -> bool {
    let statements = plan.files.iter().flat_map(|planned| &planned.statements);
    statements.into_iter().any(|planned| planned.statement.undo.is_none() && planned.statement.sql.contains("drop "))
}

/// Returns whether the plan changes only policies and rows. A verification script cannot distinguish their old and new state.
pub fn changes_only_policies_and_rows(plan: &Plan) -> bool {
    let statements = plan.files.iter().flat_map(|planned| &planned.statements);
    statements.into_iter().all(|planned| matches!(planned.statement.phase, Phase::Policy | Phase::Data))
}

/// Returns the messages in which a runner sends a file. Statements that cannot run in a transaction are separate messages, and other files
/// are one message.
pub fn messages(planned: &PlannedFile) -> Vec<&str> {
    match planned.statements.iter().all(|planned| planned.statement.run == Run::Alone) {
        true => planned.statements.iter().map(|planned| planned.statement.sql.as_str()).collect(),
        false => vec![&planned.text],
    }
}
