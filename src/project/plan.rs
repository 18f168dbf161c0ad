//! The plan of sqitch: the order in which its changes are deployed.
//!
//! Promises: the files of `deploy/` are in the order of the plan. If a change was reworked, its earlier script is the copy with the name of
//! the tag before the rework. Source: the manual pages sqitchtutorial and sqitch-rework.

use std::path::PathBuf;

/// Name of the file with the plan.
pub const FILE: &str = "sqitch.plan";

/// Returns the paths of scripts in the order of a plan, relative to the folder of scripts.
pub fn scripts(plan: &str) -> Vec<PathBuf> {
    // each change with the number of tags before it
    let (mut changes, mut tags): (Vec<(&str, usize)>, Vec<&str>) = (Vec::new(), Vec::new());
    for line in plan.lines().map(str::trim) {
        let word = line.split([' ', '\t']).next().unwrap_or_default();
        match word.chars().next() {
            None | Some('%' | '#') => {}
            Some('@') => tags.push(&word[1..]),
            // a revert within the plan
            Some('-') => {
                let name = line[1..].split_whitespace().next().unwrap_or_default();
                if let Some(at) = changes.iter().rposition(|(change, _)| *change == name) {
                    changes.remove(at);
                }
            }
            Some('+') => changes.extend(line[1..].split_whitespace().next().map(|name| (name, tags.len()))),
            Some(_) => changes.push((word, tags.len())),
        }
    }
    let script = |(at, (name, _)): (usize, &(&str, usize))| {
        let rework = changes[at + 1..].iter().find(|(later, _)| later == name);
        let tag = rework.and_then(|(_, tags_before)| tags.get(tags_before.checked_sub(1)?));
        PathBuf::from(tag.map_or_else(|| format!("{name}.sql"), |tag| format!("{name}@{tag}.sql")))
    };
    changes.iter().enumerate().map(script).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_come_in_the_order_of_the_plan() {
        let plan = "%syntax-version=1.0.0\n%project=flipr\n\nusers 2013-12-30T23:49:00Z A <a@b> # the users\n\
            flips [users] 2013-12-30T23:50:00Z A <a@b> # [not a dependency]\n@v1.0.0-dev1 2013-12-31T00:01:00Z A <a@b> # tag\n\
            @v1.0.0 2013-12-31T00:01:00Z A <a@b> # tag\nusers [users@v1.0.0] 2013-12-31T00:02:00Z A <a@b> # reworked\n\
            # a comment\napp/lists 2013-12-31T00:03:00Z A <a@b>\n";
        let expected = ["users@v1.0.0.sql", "flips.sql", "users.sql", "app/lists.sql"];
        assert_eq!(scripts(plan), expected.map(PathBuf::from));
    }
}
