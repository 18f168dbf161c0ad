//! Constraints that were added NOT VALID and never validated.

use crate::remedy::restore;
use crate::rules::prelude::*;

rule!("schema/not-validated", Integrity, Info, Schema(check), fixable);

fn check(cx: &mut Cx) {
    for table in cx.user_tables().filter(|table| !table.external) {
        for constraint in table.constraints.iter().filter(|constraint| !constraint.validated.value) {
            let name = &table.name;
            let validate = format!("alter table {} validate constraint {};", name.quoted(), quote_ident(&constraint.name));
            let mut step = Step::batch(Phase::Constraint, validate);
            if let Some(add) = restore::constraint(cx, table, constraint) {
                step = step.undo(format!("alter table {} drop constraint {};\n{add}", name.quoted(), quote_ident(&constraint.name)));
            }
            let message = format!(
                "\"{}\" of `{name}` is NOT VALID and no migration validates it: rows that were there before can violate it",
                constraint.name
            );
            cx.report((table, constraint), constraint.at, message)
                .given(constraint.validated.certainty)
                .help("Validate it in a later migration than the one that adds it. Reads and writes continue meanwhile.")
                .cause("not-validated", "constraint is NOT VALID and never validated", "constraints are NOT VALID and never validated")
                .fix(Safety::Review, format!("Validate \"{}\" of `{name}`", constraint.name), [step])
                .check("Rows that violate the constraint make the statement fail. Correct them first.");
        }
    }
}
