//! Statements read on a second thread while those before them are folded: reading is most of the work, and needs no catalog.
//!
//! Promises: statements come in order; no more than some thousand are held at a time.

use crate::syntax::ast::Statement;
use crate::syntax::parser;
use crate::syntax::split::Splitter;
use crate::syntax::sql;
use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::thread::Scope;

/// Statements handed over at a time.
const BATCH: usize = 128;
/// Batches that may wait.
const AHEAD: usize = 16;

/// Some statements of one file, in order.
pub struct Batch {
    pub statements: Vec<Statement>,
    /// Nothing of the file follows.
    pub ends_file: bool,
}

/// Begins to read the texts, each a file, one after the other. Where no thread is to be had they are read as they are asked for.
pub fn read<'scope>(scope: &'scope Scope<'scope, '_>, texts: Vec<Arc<str>>) -> Box<dyn Iterator<Item = Batch> + 'scope> {
    let (sender, receiver) = sync_channel(AHEAD);
    let ahead = Batches { texts: texts.clone(), file: 0, at: 0 };
    let thread = sql::roomy_thread(scope, move || {
        for batch in ahead {
            if sender.send(batch).is_err() {
                return;
            }
        }
    });
    match thread {
        Ok(_) => Box::new(receiver.into_iter()),
        Err(_) => Box::new(Batches { texts, file: 0, at: 0 }),
    }
}

struct Batches {
    texts: Vec<Arc<str>>,
    file: usize,
    at: usize,
}

impl Iterator for Batches {
    type Item = Batch;

    fn next(&mut self) -> Option<Batch> {
        let text = self.texts.get(self.file)?;
        let mut splitter = Splitter::starting_at(text, self.at);
        let statements: Vec<Statement> = splitter.by_ref().take(BATCH).map(|raw| parser::statement(text, &raw)).collect();
        let ends_file = statements.len() < BATCH;
        self.at = splitter.position();
        if ends_file {
            self.file += 1;
            self.at = 0;
        }
        Some(Batch { statements, ends_file })
    }
}
