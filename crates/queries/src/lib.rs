//! Queries in application code: source files to query shapes.
//!
//! [`read()`] parses one file of JavaScript or TypeScript, also in Vue and Svelte components, and returns its [`shape::CodeFile`]. [`link()`]
//! completes the shapes with constants and clients that other files export. Both take and return plain data: nothing here reads a folder
//! or a file, and no syntax tree leaves the crate.
//!
//! ```text
//! let mut files: Vec<CodeFile> = texts.map(|(path, text)| read(path, text)).collect();
//! // files without queries are not parsed; those whose exports a query needs are read now
//! for _ in 0..ROUNDS {
//!     for nth in wanted(&files) { files[nth] = read_module(&files[nth].path, text_of(nth)); }
//! }
//! link(&mut files);
//! ```
//!
//! Data passes from top to bottom: `text` and `postgrest` read strings, `script` and `depth` prepare a file, `read` finds queries in
//! its syntax tree, and `link` connects files.

mod comments;
mod depth;
mod link;
mod postgrest;
mod read;
mod script;
pub mod shape;
mod text;

pub use link::{link, wanted};

use shape::{CodeFile, Unread};
use std::cell::Cell;
use std::path::Path;

/// Returns whether a path has the extension of a file with code.
pub fn is_code(path: &Path) -> bool {
    path.to_str().is_some_and(read::is_code)
}

/// Largest file that is read, in bytes.
pub const MAX_BYTES: usize = 8 << 20;

/// Number of times that [`wanted`] can name new files.
pub const ROUNDS: usize = 3;

thread_local! {
    /// Whether the current thread has the stack that the parser needs.
    static HAS_ROOM: Cell<bool> = const { Cell::new(false) };
}

/// Reads the queries of a file. The path is relative to the root of the project, with forward slashes. A file that contains nothing to read
/// is not parsed.
///
/// The parser needs a large stack. Many files are read fastest in one call of [`with_stack`].
pub fn read(path: &str, text: &str) -> CodeFile {
    read_if(path, text, read::has_marks(text))
}

/// Reads a file that [`wanted`] names.
pub fn read_module(path: &str, text: &str) -> CodeFile {
    read_if(path, text, true)
}

fn read_if(path: &str, text: &str, has_marks: bool) -> CodeFile {
    let mut file = CodeFile { path: path.to_string(), in_test: read::is_test(path), ..CodeFile::default() };
    if !has_marks || !read::is_code(path) {
        return file;
    }
    if text.len() > MAX_BYTES {
        file.unread = Some(Unread::TooLarge);
        return file;
    }
    if HAS_ROOM.get() {
        read::parse(path, text, &mut file);
    } else if with_stack(|| read::parse(path, text, &mut file)).is_err() {
        file.unread = Some(Unread::TooDeep);
    }
    file
}

/// Calls a function on a thread whose stack suffices for [`read()`].
///
/// # Errors
/// If the system cannot create a thread.
pub fn with_stack<T: Send>(work: impl FnOnce() -> T + Send) -> std::io::Result<T> {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(depth::STACK).spawn_scoped(scope, || {
            HAS_ROOM.set(true);
            work()
        })?;
        Ok(thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
    })
}
