//! Migration files that are not UTF-8 or contain zero bytes. PostgreSQL rejects the whole file.

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
                format!("`{name}` is not UTF-8: PostgreSQL rejects the file, and nothing in it takes effect"),
                "Save the file as UTF-8 without a byte order mark.",
            ),
            TextProblemKind::Nul => (
                "nul",
                Severity::Error,
                format!("`{name}` contains a zero byte: PostgreSQL rejects the file, and nothing in it takes effect"),
                "Remove the byte. If the file is full of zero bytes, it is UTF-16: save it as UTF-8.",
            ),
            TextProblemKind::ByteOrderMark => (
                "bom",
                Severity::Warn,
                format!(
                    "`{name}` begins with a byte order mark: PostgreSQL rejects the first statement unless the runner removes the mark"
                ),
                "Save the file as UTF-8 without a byte order mark.",
            ),
        };
        cx.report(About::migration(name), problem.site(), message).discriminate(key).severity(severity).help(help);
    }
}
