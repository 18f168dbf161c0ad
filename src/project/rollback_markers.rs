//! Migration files that also contain their rollback, below a marker of the runner.
//!
//! Source: the documentation of goose, sql-migrate, dbmate, node-pg-migrate and tern. The Supabase runner has no such marker.

/// Markers of a runner.
#[derive(Debug, PartialEq, Eq)]
pub struct RollbackMarkers {
    /// Marker above the part that runs.
    pub up: &'static str,
    /// Marker above statements that cannot run in a transaction.
    pub apart: &'static str,
    /// Words of the comment above the rollback, in lower case.
    down: &'static str,
}

const ALL: [RollbackMarkers; 5] = [
    RollbackMarkers { up: "-- +goose Up\n", apart: "-- +goose NO TRANSACTION\n-- +goose Up\n", down: "+goose down" },
    RollbackMarkers { up: "-- +migrate Up\n", apart: "-- +migrate Up notransaction\n", down: "+migrate down" },
    RollbackMarkers { up: "-- migrate:up\n", apart: "-- migrate:up transaction:false\n", down: "migrate:down" },
    RollbackMarkers { up: "-- Up Migration\n", apart: "-- Up Migration\n", down: "down migration" },
    RollbackMarkers { up: "", apart: "", down: "create above / drop below" },
];

/// Returns the markers of the runner, and the byte at which the rollback begins.
pub fn of(text: &str) -> Option<(&'static RollbackMarkers, u32)> {
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        if let Some(markers) = line.trim_start().starts_with("--").then(|| below(line)).flatten() {
            return Some((markers, at));
        }
        at += line.len() as u32;
    }
    None
}

fn below(comment: &str) -> Option<&'static RollbackMarkers> {
    let words = comment.trim().trim_matches('-').split_whitespace().collect::<Vec<_>>().join(" ").to_ascii_lowercase();
    let is_down =
        |markers: &&RollbackMarkers| words.strip_prefix(markers.down).is_some_and(|rest| rest.is_empty() || rest.starts_with(' '));
    ALL.iter().find(is_down)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_takes_a_file_back_begins_at_the_runners_own_line() {
        fn down(text: &str) -> Option<(&str, &str)> {
            of(text).map(|(markers, at)| (markers.down, &text[at as usize..]))
        }
        assert_eq!(
            down("-- +goose Up\ncreate table t ();\n\n-- +goose Down\ndrop table t;"),
            Some(("+goose down", "-- +goose Down\ndrop table t;"))
        );
        assert_eq!(
            down("select 1;\r\n  --migrate:down transaction:false\r\nx"),
            Some(("migrate:down", "  --migrate:down transaction:false\r\nx"))
        );
        assert_eq!(
            down("a;\n---- create above / drop below ----\nb;"),
            Some(("create above / drop below", "---- create above / drop below ----\nb;"))
        );
        assert_eq!(down("a;\n-- Down Migration\nb;").map(|(words, _)| words), Some("down migration"));
        assert!(down("-- +goose Up\n-- down here, migrate:downwards\nselect '-- +goose Down';").is_none());
    }
}
