//! Names for migrations that run after all existing ones.
//!
//! Promises: the runner accepts the name and sorts it last. It follows the names of the project: a timestamp increases by a second, a date
//! by a day, a number by one with the same number of digits. Existing versions are skipped. No clock is used, so the same project gets the
//! same names. Limits: there is no name if the last version cannot be increased, or if no name has a version.

use crate::error::Error;
use crate::project::{Platform, Project};
use std::collections::BTreeSet;

/// Form of the names of migrations, and the versions in use.
#[derive(Clone)]
pub struct Naming {
    before: String,
    version: String,
    between: String,
    behind: String,
    taken: BTreeSet<String>,
    /// Name after which new names have to sort, if names are compared as text.
    last: Option<String>,
}

impl Naming {
    /// Reads the form of the names of a project.
    ///
    /// # Errors
    /// If no migration has a version in its name.
    pub fn of(project: &Project) -> Result<Naming, Error> {
        let last = project.migrations.iter().rev().find(|migration| !migration.version.is_empty());
        let Some(last) = last else {
            let reason = "no migration has a version in its name, so supalint cannot choose a later name".to_string();
            return Err(Error::NoPlan { reason });
        };
        let (first, folder) = match last.named_in.split_once('/') {
            Some((first, rest)) => (first, format!("/{rest}")),
            None => (last.named_in.as_str(), String::new()),
        };
        let at = first.find(|letter: char| letter.is_ascii_digit()).unwrap_or(0);
        let rest = &first[(at + last.version.len()).min(first.len())..];
        let (between, ending) = match rest.find(last.name.as_str()) {
            Some(named) if !last.name.is_empty() => (&rest[..named], &rest[named + last.name.len()..]),
            _ => ("_", if folder.is_empty() { ".sql" } else { "" }),
        };
        let digits = |name: &str| name.chars().take_while(char::is_ascii_digit).collect::<String>();
        let running = project.migrations.iter().map(|migration| migration.version.to_string());
        let skipped = project.skipped.iter().map(|skipped| digits(&skipped.name)).filter(|version| !version.is_empty());
        Ok(Naming {
            before: first[..at].to_string(),
            version: last.version.to_string(),
            between: between.to_string(),
            behind: format!("{ending}{folder}"),
            taken: running.chain(skipped).collect(),
            last: (project.platform == Platform::Supabase).then(|| last.named_in.clone()),
        })
    }

    /// Returns the next version and file name.
    ///
    /// # Errors
    /// If no name sorts after the last.
    pub fn next(&mut self, slug: &str) -> Result<(String, String), Error> {
        let mut version = self.version.clone();
        loop {
            version = after(&version);
            if !self.taken.contains(&version) {
                break;
            }
        }
        let named = format!("{}{version}{}{slug}{}", self.before, self.between, self.behind);
        if let Some(last) = &self.last
            && named.as_bytes() <= last.as_bytes()
        {
            let reason = format!("no version sorts after `{last}`, because names are compared as text: rename that file");
            return Err(Error::NoPlan { reason });
        }
        self.taken.insert(version.clone());
        self.version.clone_from(&version);
        self.last = self.last.as_ref().map(|_| named.clone());
        Ok((version, named))
    }
}

fn after(version: &str) -> String {
    let at = version.rfind(|letter: char| !letter.is_ascii_digit()).map_or(0, |at| at + 1);
    let (head, number) = version.split_at(at);
    let next = if head.is_empty() { moment_after(number) } else { None };
    format!("{head}{}", next.unwrap_or_else(|| number_after(number)))
}

fn number_after(number: &str) -> String {
    let digits = number.trim_end_matches('9');
    let nines = number.len() - digits.len();
    let zeros = "0".repeat(nines);
    match digits.char_indices().next_back() {
        None => format!("1{zeros}"),
        Some((at, last)) => format!("{}{}{zeros}", &digits[..at], char::from(last as u8 + 1)),
    }
}

/// Returns the next day, minute or second of a timestamp.
fn moment_after(number: &str) -> Option<String> {
    if !matches!(number.len(), 8 | 12 | 14) {
        return None;
    }
    let part = |from: usize, to: usize| number.get(from..to).map_or(Some(0), |digits| digits.parse::<u32>().ok());
    let (mut year, mut month, mut day) = (part(0, 4)?, part(4, 6)?, part(6, 8)?);
    let (mut hour, mut minute, mut second) = (part(8, 10)?, part(10, 12)?, part(12, 14)?);
    let days = |year: u32, month: u32| match month {
        4 | 6 | 9 | 11 => 30,
        2 if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) => 29,
        2 => 28,
        _ => 31,
    };
    let valid = (1970..9999).contains(&year) && (1..=12).contains(&month) && (1..=days(year, month)).contains(&day);
    if !valid || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    match number.len() {
        8 => day += 1,
        12 => minute += 1,
        _ => second += 1,
    }
    let carry = |low: &mut u32, high: &mut u32, most: u32, least: u32| {
        if *low > most {
            (*low, *high) = (least, *high + 1);
        }
    };
    carry(&mut second, &mut minute, 59, 0);
    carry(&mut minute, &mut hour, 59, 0);
    carry(&mut hour, &mut day, 23, 0);
    let most = days(year, month);
    carry(&mut day, &mut month, most, 1);
    carry(&mut month, &mut year, 12, 1);
    let all = format!("{year:04}{month:02}{day:02}{hour:02}{minute:02}{second:02}");
    Some(all[..number.len()].to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_next_is_counted_as_the_project_counts() {
        for (version, next) in [
            ("20250101000000", "20250101000001"),
            ("20241231235959", "20250101000000"),
            ("20240228235959", "20240229000000"),
            ("20250228", "20250301"),
            ("202512312359", "202601010000"),
            ("20251399000000", "20251399000001"),
            ("001", "002"),
            ("099", "100"),
            ("9", "10"),
            ("1.9", "1.10"),
            ("1741234567890", "1741234567891"),
        ] {
            assert_eq!(after(version), next);
        }
    }

    fn naming(version: &str, last: &str, taken: &[&str]) -> Naming {
        Naming {
            before: String::new(),
            version: version.into(),
            between: "_".into(),
            behind: ".sql".into(),
            taken: taken.iter().map(|version| version.to_string()).collect(),
            last: Some(last.into()),
        }
    }

    #[test]
    fn a_version_that_exists_is_stepped_over_and_nothing_sorts_before_the_last() {
        let mut names = naming("20250101000000", "20250101000000_a.sql", &["20250101000001"]);
        assert_eq!(names.next("x").unwrap(), ("20250101000002".to_string(), "20250101000002_x.sql".to_string()));
        assert_eq!(names.next("y").unwrap().1, "20250101000003_y.sql");
        assert!(naming("9", "9_a.sql", &[]).next("x").unwrap_err().to_string().contains("sorts after `9_a.sql`"));
    }
}
