//! A page as lines of text and fenced blocks. Its text can be restored exactly.

/// A fenced block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fence {
    /// Words after the opening fence, such as `sql bad`.
    pub info: String,
    /// Lines of the block, with the last line ending.
    pub body: String,
}

enum Part {
    Line(String),
    Fence(Fence),
}

pub struct Page {
    parts: Vec<Part>,
}

impl Page {
    pub fn read(text: &str) -> Page {
        let mut parts = Vec::new();
        let mut open: Option<Fence> = None;
        for line in text.lines() {
            match (&mut open, line.strip_prefix("```")) {
                (None, Some(info)) => open = Some(Fence { info: info.trim().into(), body: String::new() }),
                (Some(_), Some(_)) => parts.extend(open.take().map(Part::Fence)),
                (Some(fence), None) => fence.body += &format!("{line}\n"),
                (None, None) => parts.push(Part::Line(line.into())),
            }
        }
        parts.extend(open.map(Part::Fence));
        Page { parts }
    }

    pub fn text(&self) -> String {
        let part = |part: &Part| match part {
            Part::Line(line) => format!("{line}\n"),
            Part::Fence(fence) => fenced(fence),
        };
        self.parts.iter().map(part).collect()
    }

    fn prose(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().filter_map(|part| match part {
            Part::Line(line) => Some(line.as_str()),
            Part::Fence(_) => None,
        })
    }

    /// Returns the first heading, if an empty line and a paragraph follow.
    pub fn title(&self) -> Option<&str> {
        let mut lines = self.prose();
        let title = lines.next()?.strip_prefix("# ")?;
        (lines.next()?.is_empty() && lines.next()?.starts_with(|first: char| !"#-* ".contains(first))).then_some(title)
    }

    pub fn sections(&self) -> Vec<&str> {
        self.prose().filter_map(|line| line.strip_prefix("## ")).collect()
    }

    /// Returns the blocks of a kind in a section.
    pub fn fences(&self, info: &str, section: &str) -> Vec<usize> {
        let mut inside = false;
        let mut out = Vec::new();
        for (at, part) in self.parts.iter().enumerate() {
            match part {
                Part::Line(line) if line.starts_with("## ") => inside = line[3..] == *section,
                Part::Fence(fence) if inside && fence.info == info => out.push(at),
                _ => {}
            }
        }
        out
    }

    /// Returns the bad examples, which contain SQL, or code with the schema above it.
    pub fn bad(&self) -> Vec<usize> {
        let mut out = [self.fences("sql bad", "Example"), self.fences("ts bad", "Example")].concat();
        out.sort_unstable();
        out
    }

    pub fn good(&self) -> Vec<usize> {
        let mut out = [self.fences("sql good", "Good"), self.fences("ts good", "Good")].concat();
        out.sort_unstable();
        out
    }

    /// Returns the files of an example. Code comes after the last `sql schema` block above it.
    pub fn example(&self, at: usize) -> String {
        let Fence { info, body } = self.fence(at);
        if info.starts_with("sql") {
            return body.clone();
        }
        let schema = self.parts[..at].iter().rev().find_map(|part| match part {
            Part::Fence(fence) if fence.info == "sql schema" => Some(fence.body.as_str()),
            _ => None,
        });
        let head = if body.starts_with("// ") { "" } else { "// src/app.ts\n" };
        format!("{}{head}{body}", schema.unwrap_or_default())
    }

    pub fn fence(&self, at: usize) -> &Fence {
        match &self.parts[at] {
            Part::Fence(fence) => fence,
            Part::Line(_) => unreachable!("not the place of a block"),
        }
    }

    /// Returns the line of the page at which a part begins, counted from 1.
    pub fn line(&self, at: usize) -> usize {
        let lines = |part: &Part| match part {
            Part::Line(_) => 1,
            Part::Fence(fence) => fence.body.lines().count() + 2,
        };
        self.parts[..at].iter().map(lines).sum::<usize>() + 1
    }

    /// Returns the end of the report and fix blocks of a bad example, including the text between them.
    fn results_end(&self, at: usize) -> usize {
        let mut end = at + 1;
        for (next, part) in self.parts.iter().enumerate().skip(at + 1) {
            match part {
                Part::Fence(fence) if matches!(fence.info.as_str(), "text report" | "sql fix") => end = next + 1,
                Part::Fence(_) => break,
                Part::Line(line) if line.starts_with("## ") => break,
                Part::Line(_) => {}
            }
        }
        end
    }

    pub fn results(&self, at: usize) -> Vec<Fence> {
        let fence = |part: &Part| match part {
            Part::Fence(fence) => Some(fence.clone()),
            Part::Line(_) => None,
        };
        self.parts[at + 1..self.results_end(at)].iter().filter_map(fence).collect()
    }

    /// Replaces the results of a bad example. Text between blocks that are kept is kept too.
    pub fn replace_results(&mut self, at: usize, wanted: Vec<Fence>) {
        let infos: Vec<String> = self.results(at).into_iter().map(|fence| fence.info).collect();
        let end = self.results_end(at);
        if infos.iter().eq(wanted.iter().map(|fence| &fence.info)) {
            let mut wanted = wanted.into_iter();
            for part in &mut self.parts[at + 1..end] {
                if let Part::Fence(fence) = part {
                    *fence = wanted.next().expect("as many as before");
                }
            }
            return;
        }
        let parts = wanted.into_iter().flat_map(|fence| [Part::Line(String::new()), Part::Fence(fence)]);
        self.parts.splice(at + 1..end, parts);
    }
}

fn fenced(fence: &Fence) -> String {
    format!("```{}\n{}```\n", fence.info, fence.body)
}

pub fn show(fences: &[Fence]) -> String {
    fences.iter().map(fenced).collect()
}
