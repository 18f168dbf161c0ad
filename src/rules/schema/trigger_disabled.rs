//! Triggers that a migration disabled and that no migration enables again.

use crate::rules::prelude::*;

rule!("schema/trigger-disabled", Integrity, Warn, Schema(check), fixable);

fn check(cx: &mut Cx) {
    for table in cx.user_tables() {
        for trigger in table.triggers.iter().filter(|trigger| !trigger.enabled.value) {
            let name = &table.name;
            let change = |verb: &str| format!("alter table {} {verb} trigger {};", name.quoted(), quote_ident(&trigger.name));
            let step = Step::batch(Phase::Function, change("enable")).undo(change("disable"));
            let message = format!(
                "the trigger \"{}\" of `{name}` is disabled and no migration enables it again: `{}` does not run",
                trigger.name, trigger.function
            );
            let certainty = table.certainty.min(trigger.certainty);
            cx.report(About::table(table).given(certainty), trigger.enabled.at, message)
                .discriminate(&trigger.name)
                .given(trigger.enabled.certainty)
                .label("disabled here")
                .because(trigger.at, "created here")
                .help("Enable it at the end of the same migration, or drop it if it is not needed.")
                .fix(Safety::Review, format!("Enable the trigger \"{}\" of `{name}`", trigger.name), [step])
                .check("Rows that were written meanwhile are not corrected.");
        }
    }
}
