//! Statements that PostgreSQL cannot read, and commands and data that only psql knows.

use crate::rules::prelude::*;

rule!("migration/syntax", Migration, Error, Statement(check));

fn check(cx: &mut Cx, step: &Moment) {
    let draft = match &step.statement.form {
        // a function whose body is not looked at
        Form::Opaque(_) if step.statement.ast(step.catalog.session.bodies_unchecked).is_some() => return,
        Form::Opaque(opaque) => {
            let subject = About::statement(if opaque.head.is_empty() { "statement" } else { &opaque.head });
            let help = match &opaque.hint {
                Some(hint) => hint.clone(),
                None => "correct it: the server refuses the statement, and with it everything else in the file".to_string(),
            };
            let label = if opaque.head.is_empty() { String::new() } else { format!("in this `{}`", opaque.head) };
            cx.report(subject, Site::new(step.site.file, opaque.at), opaque.reason.clone()).label(label).help(help)
        }
        Form::Read(ast) => match &**ast {
            Ast::Meta { command } => cx
                .report(
                    About::statement(command),
                    Site::new(step.site.file, step.statement.span),
                    format!("`{command}` is a command of psql, not SQL: the migration runner sends it to the server, which refuses it"),
                )
                .severity(Severity::Warn)
                .help("remove it; a migration may hold nothing but SQL"),
            Ast::Copy { from: true, server_file: false, .. } => cx
                .report(
                    About::statement("COPY"),
                    Site::new(step.site.file, step.statement.span),
                    "only psql reads the rows behind `COPY … FROM stdin`: the migration runner sends them to the server as SQL, which refuses them"
                        .to_string(),
                )
                .severity(Severity::Warn)
                .help("write the rows as INSERT statements, or load them with psql"),
            _ => return,
        },
    };
    draft.of_statement(Site::new(step.site.file, step.statement.span));
}
