//! Migrations must be UTF-8 text without zero bytes, or PostgreSQL refuses them whole.

use crate::project::TextProblemKind;
use crate::rules::prelude::*;

rule!("migration/encoding", Migration, Error, Schema(check));

fn check(cx: &mut Cx) {
    for problem in &cx.project().problems {
        let name = cx.name_of(problem.file);
        let (key, severity, message, help) = match problem.kind {
            TextProblemKind::NotUtf8 => (
                "utf8",
                Severity::Error,
                format!("`{name}` is not UTF-8: PostgreSQL refuses the file, and nothing in it takes effect"),
                "save it as UTF-8 without a byte order mark",
            ),
            TextProblemKind::Nul => (
                "nul",
                Severity::Error,
                format!("`{name}` holds a zero byte: PostgreSQL refuses the file, and nothing in it takes effect"),
                "remove the byte; a file full of them was saved as UTF-16, so save it as UTF-8",
            ),
            TextProblemKind::ByteOrderMark => (
                "bom",
                Severity::Warn,
                format!("`{name}` begins with a byte order mark: a runner that hands it on makes PostgreSQL refuse the first statement"),
                "save it as UTF-8 without a byte order mark",
            ),
        };
        cx.report(About::migration(name), Site::new(problem.file, problem.span), message).discriminate(key).severity(severity).help(help);
    }
}
