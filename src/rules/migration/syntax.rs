//! Statements that PostgreSQL cannot parse, and commands of psql.

use crate::rules::prelude::*;

rule!("migration/syntax", Migration, Error, Statement(check));

fn check(cx: &mut Cx, step: &StatementStep) {
    let draft = match &step.statement.form {
        // a function with a body that is not checked
        Form::Opaque(_) if step.statement.ast(step.catalog.session.bodies_unchecked).is_some() => return,
        Form::Opaque(opaque) => {
            let subject = About::statement(if opaque.head.is_empty() { "statement" } else { &opaque.head });
            let help = match &opaque.hint {
                Some(hint) => hint.clone(),
                None => "Correct the statement. The server rejects it together with the rest of the file.".to_string(),
            };
            let label = if opaque.head.is_empty() { String::new() } else { format!("in this `{}`", opaque.head) };
            cx.report(subject, step.site.in_same_file(opaque.at), opaque.reason.clone()).label(label).help(help)
        }
        Form::Read(ast) => match &**ast {
            Ast::Meta { command } => cx
                .report(
                    About::statement(command),
                    step.site.in_same_file(step.statement.span),
                    format!("`{command}` is a command of psql, not SQL: the migration runner sends it to the server, which rejects it"),
                )
                .severity(Severity::Warn)
                .help("Remove it. A migration can contain only SQL."),
            Ast::Copy { from: true, server_file: false, .. } => cx
                .report(
                    About::statement("COPY"),
                    step.site.in_same_file(step.statement.span),
                    "only psql reads the rows after `COPY … FROM stdin`: the migration runner sends them to the server as SQL, which rejects them"
                        .to_string(),
                )
                .severity(Severity::Warn)
                .help("Write the rows as INSERT statements, or load them with psql."),
            _ => return,
        },
    };
    draft.of_statement(step.site.in_same_file(step.statement.span));
}
