//! Application code of a project: texts to queries.
//!
//! Promises: files are parsed in several threads, and the result does not depend on their number. Files without queries are dropped.

use crate::disk;
use crate::error::Error;
use crate::project::{AppFile, Project, Text};
use crate::source::{FileId, Sources};
use std::collections::HashMap;
use std::sync::Arc;
use supalint_queries::shape::CodeFile;

/// Reads the application code of a project, and returns the texts of all files with code.
///
/// # Errors
/// If a path of the settings does not exist.
pub fn open(project: &mut Project, sources: &mut Sources) -> Result<Vec<Text>, Error> {
    let texts = disk::code(&project.root, &project.config.queries)?;
    project.app = read(&texts, |text| sources.add(&*text.path, text.text.clone()));
    Ok(texts)
}

/// Parses the files of another revision. A file with an equal text has the same number in `sources`.
pub fn read_revision(texts: &[Text], current: &[AppFile], sources: &mut Sources) -> Arc<[AppFile]> {
    let known: HashMap<&str, FileId> = current.iter().map(|app| (app.code.path.as_str(), app.file)).collect();
    read(texts, |text| {
        let same = known.get(&*text.path).copied().filter(|file| sources.text(*file) == text.text);
        same.unwrap_or_else(|| sources.add_revision(&*text.path, text.text.clone()))
    })
}

/// Parses files, and stores the texts of those with queries.
fn read(texts: &[Text], mut store: impl FnMut(&Text) -> FileId) -> Arc<[AppFile]> {
    let kept = texts.iter().zip(parse(texts)).filter(|(_, code)| has_content(code));
    kept.map(|(text, code)| AppFile { file: store(text), code }).collect()
}

fn has_content(code: &CodeFile) -> bool {
    let CodeFile { queries, sql, keys, allows, invalid_allows, .. } = code;
    !(queries.is_empty() && sql.is_empty() && keys.is_empty() && allows.is_empty() && invalid_allows.is_empty())
}

fn parse(texts: &[Text]) -> Vec<CodeFile> {
    let all: Vec<&Text> = texts.iter().collect();
    let mut files = in_threads(&all, supalint_queries::read);
    // files without queries are parsed only if a query uses what they export
    for _ in 0..supalint_queries::ROUNDS {
        let wanted = supalint_queries::wanted(&files);
        let modules: Vec<&Text> = wanted.iter().map(|nth| &texts[*nth]).collect();
        for (nth, file) in wanted.iter().zip(in_threads(&modules, supalint_queries::read_module)) {
            files[*nth] = file;
        }
    }
    supalint_queries::link(&mut files);
    files
}

/// Calls a function for each file, in several threads.
fn in_threads(texts: &[&Text], read: fn(&str, &str) -> CodeFile) -> Vec<CodeFile> {
    let threads = std::thread::available_parallelism().map_or(1, |threads| threads.get());
    let share = texts.len().div_ceil(threads).max(1);
    let work = |part: &[&Text]| part.iter().map(|text| read(&text.path, &text.text)).collect::<Vec<_>>();
    std::thread::scope(|scope| {
        // if no thread has room, each file gets its own
        let roomy = |part| move || supalint_queries::with_stack(|| work(part)).unwrap_or_else(|_| work(part));
        let parts: Vec<_> = texts.chunks(share).map(|part| scope.spawn(roomy(part))).collect();
        parts.into_iter().flat_map(|part| part.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))).collect()
    })
}
