//! DO blocks: their statements run in order against the world.
//!
//! What stands under a condition is tried: a guard is there to keep a statement from failing, so one that would fail is
//! taken as not run.

use super::run::{Outcome, World};
use crate::catalog::object::Certainty;
use crate::source::{FileId, Sources, Span};
use crate::syntax::ast::Form;
use crate::syntax::parser;
use crate::syntax::plpgsql::{self, Role, Routine};
use crate::syntax::split::RawStatement;

/// Runs the code between `span`.
pub fn block(world: &mut World, sources: &mut Sources, file: FileId, span: Span, certainty: Certainty) -> Outcome {
    let text = sources.text(file);
    let mut outcome = Outcome::default();
    let Ok(routine): Result<Routine, _> = plpgsql::parse(&text, span) else { return outcome };
    for piece in plpgsql::sql_pieces(&routine) {
        if piece.role != Role::Statement {
            continue;
        }
        let raw = RawStatement { tokens: routine.sql_tokens(&piece), ..RawStatement::default() };
        let statement = parser::statement(&text, &raw);
        if let Form::Read(_) = &statement.form {
            let inner = world.run(sources, file, &statement, certainty);
            outcome.effects.extend(inner.effects);
        }
    }
    outcome
}
