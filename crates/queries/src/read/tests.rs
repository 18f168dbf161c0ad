//! Each test reads small files and compares their shapes with a snapshot.

mod clients;
mod filters;
mod flows;
mod hostile;
mod receivers;
mod selects;
mod show;
mod statements;

use crate::shape::CodeFile;
use crate::{ROUNDS, link, read, read_module, wanted};

/// Reads one file and shows it.
fn shown(code: &str) -> String {
    show::file(&read("src/a.ts", code), code)
}

/// Reads files, links them and shows the first.
fn linked(texts: &[(&str, &str)]) -> String {
    let mut files: Vec<CodeFile> = texts.iter().map(|(path, text)| read(path, text)).collect();
    for _ in 0..ROUNDS {
        for nth in wanted(&files) {
            files[nth] = read_module(texts[nth].0, texts[nth].1);
        }
    }
    link(&mut files);
    show::file(&files[0], texts[0].1)
}
