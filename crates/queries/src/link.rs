//! Imports and exports, and the values that they carry from file to file.
//!
//! Modules are found by their path alone: relative paths, and aliases such as `@/lib/db`, which are tried below each folder around the
//! importing file. Files that contain no queries are read only if an import leads to them.

use crate::postgrest;
use crate::shape::{ClientKind, CodeFile, Export, Import, Named, Part, Query, Schema, Selection, Target};
use crate::text::Text;
use rustc_hash::FxHashMap;
use smol_str::SmolStr;
use std::cell::RefCell;
use supalint_syntax::source::Span;

/// Number of re-exports that are followed.
const MAX_STEPS: usize = 6;

/// Files by their paths without extensions.
struct Paths<'f> {
    by_stem: FxHashMap<&'f str, usize>,
    /// Files of packages that were looked up.
    packages: RefCell<FxHashMap<String, Option<usize>>>,
}

/// Returns the files that are not read and that an import of a query leads to.
pub fn wanted(files: &[CodeFile]) -> Vec<usize> {
    let paths = Paths::of(files);
    let mut out = Vec::new();
    for file in files {
        for pending in &file.module.pending {
            let _ = paths.value(files, &file.path, &pending.import, &pending.path, MAX_STEPS, &mut out);
        }
    }
    out.sort_unstable();
    out.dedup();
    out
}

/// Completes queries with the values of imports.
pub fn link(files: &mut [CodeFile]) {
    let paths = Paths::of(files);
    let mut found = Vec::new();
    for (nth, file) in files.iter().enumerate() {
        for pending in &file.module.pending {
            if let Some(value) = paths.value(files, &file.path, &pending.import, &pending.path, MAX_STEPS, &mut Vec::new()) {
                found.push((nth, pending.query, pending.part, pending.span, value));
            }
        }
    }
    for (nth, query, part, span, value) in found {
        if let Some(query) = files[nth].queries.get_mut(query) {
            complete(query, part, span, &value);
        }
    }
    for file in files {
        file.module.pending.clear();
        // a browser has no service role key, unless it is exposed
        for query in file.queries.iter_mut().filter(|_| file.in_browser) {
            if query.client.kind == ClientKind::Unknown {
                query.client.kind = ClientKind::SignedIn;
            }
        }
    }
}

/// Adds the value of an import to a query. `span` is its place in the query.
fn complete(query: &mut Query, part: Part, span: Span, value: &Export) {
    match (part, value) {
        (Part::Target, Export::Text(text)) => {
            let named = Some(Named { text: text.clone(), span });
            query.target = match query.target {
                Target::Relation(_) => Target::Relation(named),
                Target::Function(_) => Target::Function(named),
            };
        }
        (Part::Schema, Export::Text(text)) => query.schema = Schema::Named(Named { text: text.clone(), span }),
        (Part::Select, Export::Text(text)) if query.select == Selection::Unknown => {
            query.select = postgrest::selection(&Text::at(text, span));
        }
        (Part::Client, Export::Client { kind, schema }) => {
            // a key that is a parameter tells less than a name
            if *kind != ClientKind::Unknown {
                query.client.kind = *kind;
            }
            if query.schema == Schema::Default {
                query.schema = match schema {
                    // the name is in another file
                    Schema::Named(schema) => Schema::Named(Named { text: schema.text.clone(), span }),
                    schema => schema.clone(),
                };
            }
        }
        _ => {}
    }
}

impl<'f> Paths<'f> {
    fn of(files: &'f [CodeFile]) -> Paths<'f> {
        let mut by_stem = FxHashMap::default();
        for (nth, file) in files.iter().enumerate() {
            by_stem.entry(stem(&file.path)).or_insert(nth);
        }
        Paths { by_stem, packages: RefCell::default() }
    }

    /// Returns a member of an import's value, and adds files to `wanted` that must be read to know it.
    fn value(
        &self,
        files: &[CodeFile],
        from: &str,
        import: &Import,
        path: &[SmolStr],
        steps: usize,
        wanted: &mut Vec<usize>,
    ) -> Option<Export> {
        let steps = steps.checked_sub(1)?;
        let nth = self.file(from, &import.module)?;
        let file = &files[nth];
        if !file.module.is_read {
            if file.unread.is_none() {
                wanted.push(nth);
            }
            return None;
        }
        if let Some((_, value)) = file.module.exports.iter().find(|(name, _)| *name == import.name) {
            let (mut value, mut path) = (value, path);
            while let (Export::Object(members), Some((first, rest))) = (value, path.split_first()) {
                value = members.iter().find(|(name, _)| name == first).map(|(_, value)| value)?;
                path = rest;
            }
            return match value {
                Export::Forward(next) => self.value(files, &file.path, next, path, steps, wanted),
                value => path.is_empty().then(|| value.clone()),
            };
        }
        file.module.stars.iter().find_map(|module| {
            let next = Import { module: module.clone(), name: import.name.clone() };
            self.value(files, &file.path, &next, path, steps, wanted)
        })
    }

    /// Returns the file of a module.
    fn file(&self, from: &str, module: &str) -> Option<usize> {
        let folder = from.rsplit_once('/').map_or("", |(folder, _)| folder);
        let at = |path: &str| {
            let path = normal(path)?;
            let find = |path: &str| self.by_stem.get(path).copied();
            find(&path).or_else(|| find(stem(&path))).or_else(|| find(&format!("{path}/index")))
        };
        if module.starts_with('.') {
            return at(&format!("{folder}/{module}"));
        }
        // an alias of the project's root or of its source folder
        let rest = ["@/", "~/", "~~/", "#/", "$lib/", "src/", "$", "#"].iter().find_map(|prefix| module.strip_prefix(prefix));
        let is_lib = module.starts_with("$lib/");
        let rest = match rest {
            Some(rest) => rest,
            None if module.contains(':') || module.starts_with("@supabase/") => return None,
            None if module.starts_with('@') => return self.package(module),
            None => module.strip_prefix('/').unwrap_or(module),
        };
        let mut base = folder;
        loop {
            for inside in if is_lib { &["src/lib/"][..] } else { &["", "src/", "app/", "lib/"][..] } {
                let path = if base.is_empty() { format!("{inside}{rest}") } else { format!("{base}/{inside}{rest}") };
                if let Some(found) = at(&path) {
                    return Some(found);
                }
            }
            if base.is_empty() {
                return None;
            }
            base = base.rsplit_once('/').map_or("", |(base, _)| base);
        }
    }

    /// Returns the file of `@scope/name/path`, a package of the same repository in a folder of that name.
    fn package(&self, module: &str) -> Option<usize> {
        let (_, rest) = module.split_once('/')?;
        let (name, inner) = rest.split_once('/').unwrap_or((rest, "index"));
        if let Some(known) = self.packages.borrow().get(module) {
            return *known;
        }
        let ends = [format!("/{name}/src/{inner}"), format!("/{name}/{inner}"), format!("/{name}/src/{inner}/index")];
        let mut found: Vec<usize> =
            self.by_stem.iter().filter(|(stem, _)| ends.iter().any(|end| stem.ends_with(end.as_str()))).map(|(_, nth)| *nth).collect();
        found.sort_unstable();
        let found = if let [only] = found[..] { Some(only) } else { None };
        self.packages.borrow_mut().insert(module.to_string(), found);
        found
    }
}

/// Returns a path without its extension.
fn stem(path: &str) -> &str {
    const EXTENSIONS: [&str; 10] = ["ts", "tsx", "mts", "cts", "js", "jsx", "mjs", "cjs", "vue", "svelte"];
    match path.rsplit_once('.') {
        Some((stem, extension)) if EXTENSIONS.contains(&extension) => stem,
        _ => path,
    }
}

/// Returns a path without `.` and `..`, or `None` if it leaves the root.
fn normal(path: &str) -> Option<String> {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}
