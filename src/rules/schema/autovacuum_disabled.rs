//! Tables for which a storage parameter disables autovacuum.

use crate::rules::prelude::*;

rule!("schema/autovacuum-disabled", Performance, Info, Schema(check), fixable);

fn check(cx: &mut Cx) {
    for table in cx.user_tables().filter(|table| table.kind == TableKind::Ordinary) {
        let Some(value) = table.autovacuum.value.as_ref().filter(|value| is_off(value)) else { continue };
        let name = &table.name;
        let message =
            format!("autovacuum is disabled for `{name}`: space of deleted rows is not reused, and its statistics become outdated");
        let change = |action: &str| format!("alter table {} {action};", name.quoted());
        let step = Step::batch(Phase::Column, change("reset (autovacuum_enabled)"))
            .undo(change(&format!("set (autovacuum_enabled = {})", quote_literal(value))));
        let draft = cx.report(table, table.autovacuum.at, message);
        draft
            .label("disabled here")
            .given(table.autovacuum.certainty)
            .help("Reset the parameter, and lower `autovacuum_vacuum_scale_factor` if the table changes often.")
            .fix(Safety::Review, format!("Enable autovacuum for `{name}`"), [step])
            .check("Check that no job relies on it, such as a bulk load that runs VACUUM and ANALYZE itself.");
        // the linter compares the text of the parameter
        if value == "false" {
            draft.advisor("autovacuum_disabled", format!("autovacuum_disabled_{}_{}", name.schema, name.name));
        }
    }
}

/// Returns whether the value of a boolean parameter is false. PostgreSQL accepts unambiguous beginnings of the words.
fn is_off(value: &str) -> bool {
    let value = value.to_ascii_lowercase();
    value == "0" || value == "of" || !value.is_empty() && ["false", "no", "off"].iter().any(|word| word.starts_with(&value) && value != "o")
}
