//! Parsing of statements in other threads while earlier statements are applied. Parsing is most of the work and needs no catalog.
//!
//! Promises: statements are in order. The number of statements in memory is limited to some thousand. The applying thread parses too
//! instead of waiting.

use crate::source::Span;
use crate::syntax::ast::Statement;
use crate::syntax::parser;
use crate::syntax::split::{RawStatement, Session, Splitter};
use crate::syntax::sql;
use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::Scope;

/// Number of statements of a large text that are parsed as one unit of work.
const BATCH: usize = 128;
/// Size in bytes of small texts that are parsed together as one unit of work.
const SMALL_TEXT: usize = 4 << 10;
/// Maximum number of units of work that are in progress or waiting.
const MAX_QUEUED: usize = 16;
/// Maximum number of additional threads. More would wait for the applying thread.
const MAX_THREADS: usize = 3;

/// Consecutive statements of one text.
struct Batch {
    statements: Vec<Statement>,
    /// Whether the batch is the last of its text.
    ends_text: bool,
}

/// A text, and the part of it to parse.
pub type Text = (Arc<str>, Span);

/// The statements of several texts, in order.
pub struct Prefetch {
    queue: Arc<WorkQueue>,
    /// Parsed batches that come next.
    ready: VecDeque<Batch>,
}

/// Starts to parse. Without threads, texts are parsed when their statements are requested.
pub fn start<'scope>(scope: &'scope Scope<'scope, '_>, texts: Vec<Text>) -> Prefetch {
    let state = State {
        texts,
        next_text: 0,
        at: None,
        taken: 0,
        returned: 0,
        parsed: VecDeque::new(),
        idle: 0,
        is_waiting: false,
        closed: false,
        panicked: false,
    };
    let queue = Arc::new(WorkQueue { state: Mutex::new(state), room: Condvar::new(), ready: Condvar::new() });
    let readers = std::thread::available_parallelism().map_or(1, |threads| threads.get() - 1).clamp(1, MAX_THREADS);
    for _ in 0..readers {
        let queue = queue.clone();
        if sql::spawn_with_stack(scope, move || queue.parse_all()).is_err() {
            break;
        }
    }
    Prefetch { queue, ready: VecDeque::new() }
}

impl Prefetch {
    /// Returns the remaining statements of the next text.
    pub fn next_text(&mut self) -> impl Iterator<Item = Statement> {
        let mut ends = false;
        let batches = std::iter::from_fn(move || {
            let batch = if ends { None } else { self.batch() };
            ends = batch.as_ref().is_none_or(|batch| batch.ends_text);
            batch
        });
        batches.flat_map(|batch| batch.statements)
    }

    fn batch(&mut self) -> Option<Batch> {
        if self.ready.is_empty() {
            self.ready = self.queue.next()?;
        }
        self.ready.pop_front()
    }
}

impl Drop for Prefetch {
    fn drop(&mut self) {
        self.queue.lock().closed = true;
        self.queue.room.notify_all();
    }
}

/// Shared state of the parsing threads.
struct WorkQueue {
    state: Mutex<State>,
    /// Signals that there is room for more work.
    room: Condvar,
    /// Signals that a batch is ready.
    ready: Condvar,
}

struct State {
    texts: Vec<Text>,
    next_text: usize,
    /// Position in the text, and the session there. `None` if the text is not started.
    at: Option<(u32, Session)>,
    /// Number of units of work that were taken.
    taken: usize,
    /// Number of returned units of work.
    returned: usize,
    /// Units of work between these numbers. `Some` if parsed.
    parsed: VecDeque<Option<VecDeque<Batch>>>,
    /// Number of threads that wait for room.
    idle: usize,
    /// Whether the applying thread waits for a batch.
    is_waiting: bool,
    /// Whether no more statements are requested.
    closed: bool,
    /// Whether a thread panicked, so that its batch is lost.
    panicked: bool,
}

/// A unit of work, which is never empty.
struct Work {
    number: usize,
    chunks: Vec<ParseChunk>,
}

/// Statements of one text.
struct ParseChunk {
    text: Text,
    /// Split statements, or `None` for a whole text that is not split yet.
    raw: Option<Vec<RawStatement>>,
    ends_text: bool,
}

impl Work {
    fn parse(self) -> VecDeque<Batch> {
        self.chunks.into_iter().map(ParseChunk::parse).collect()
    }
}

impl ParseChunk {
    fn parse(self) -> Batch {
        let (text, span) = &self.text;
        let text = &text[..span.end as usize];
        let parse = |raw: &RawStatement| parser::statement(text, raw);
        let statements = match &self.raw {
            Some(raw) => raw.iter().map(parse).collect(),
            None => Splitter::starting_at(text, span.start as usize).map(|raw| parse(&raw)).collect(),
        };
        Batch { statements, ends_text: self.ends_text }
    }
}

impl State {
    /// Takes several small texts, or a part of a large one.
    fn take(&mut self) -> Option<Work> {
        if self.parsed.len() >= MAX_QUEUED {
            return None;
        }
        let mut chunks = Vec::new();
        let mut bytes = 0;
        while let Some(source @ (_, span)) = self.texts.get(self.next_text) {
            bytes += span.len();
            if self.at.is_some() || span.len() > SMALL_TEXT {
                if chunks.is_empty() {
                    chunks.push(self.part_of(source.clone()));
                }
                break;
            }
            if bytes > SMALL_TEXT && !chunks.is_empty() {
                break;
            }
            chunks.push(ParseChunk { text: source.clone(), raw: None, ends_text: true });
            self.next_text += 1;
        }
        if chunks.is_empty() {
            return None;
        }
        let number = self.taken;
        self.taken += 1;
        self.parsed.push_back(None);
        Some(Work { number, chunks })
    }

    fn part_of(&mut self, source: Text) -> ParseChunk {
        let (text, span) = &source;
        let (at, session) = self.at.unwrap_or((span.start, Session::default()));
        let mut splitter = Splitter::resumed(&text[..span.end as usize], at as usize, session);
        let raw: Vec<RawStatement> = splitter.by_ref().take(BATCH).collect();
        let ends_text = raw.len() < BATCH;
        (self.next_text, self.at) =
            if ends_text { (self.next_text + 1, None) } else { (self.next_text, Some((splitter.position() as u32, splitter.session()))) };
        ParseChunk { text: source, raw: Some(raw), ends_text }
    }
}

impl WorkQueue {
    /// Locks the state. A panic in another thread is reported by that thread.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the statements of the next unit of work.
    fn next(&self) -> Option<VecDeque<Batch>> {
        let mut state = self.lock();
        loop {
            if let Some(parsed) = state.parsed.front_mut().and_then(Option::take) {
                state.parsed.pop_front();
                state.returned += 1;
                // waking a thread costs more than a unit of work, so it waits for room for several
                if state.idle > 0 && state.parsed.len() <= MAX_QUEUED / 2 {
                    self.room.notify_all();
                }
                return Some(parsed);
            }
            if let Some(work) = state.take() {
                drop(state);
                state = self.store(work.number, work.parse());
            } else if state.parsed.is_empty() || state.panicked {
                return None;
            } else {
                state.is_waiting = true;
                state = wait(&self.ready, state);
                state.is_waiting = false;
            }
        }
    }

    fn store(&self, number: usize, parsed: VecDeque<Batch>) -> MutexGuard<'_, State> {
        let mut state = self.lock();
        let place = number - state.returned;
        state.parsed[place] = Some(parsed);
        if state.is_waiting {
            self.ready.notify_one();
        }
        state
    }

    /// Parses until no work is left.
    fn parse_all(&self) {
        let _guard = PanicGuard(self);
        let mut state = self.lock();
        while !state.closed && state.next_text < state.texts.len() {
            state = match state.take() {
                Some(work) => {
                    drop(state);
                    self.store(work.number, work.parse())
                }
                None => {
                    state.idle += 1;
                    state = wait(&self.room, state);
                    state.idle -= 1;
                    state
                }
            };
        }
    }
}

fn wait<'a>(condition: &Condvar, state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
    condition.wait(state).unwrap_or_else(PoisonError::into_inner)
}

/// Wakes waiting threads if a parsing thread panics.
struct PanicGuard<'a>(&'a WorkQueue);

impl Drop for PanicGuard<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.lock().panicked = true;
            self.0.ready.notify_all();
        }
    }
}
