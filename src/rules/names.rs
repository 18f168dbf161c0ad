//! Names of rules and groups in user input.

use super::ALL;

/// Returns the groups of rules, in the order of the list.
pub fn groups() -> Vec<&'static str> {
    let mut groups: Vec<&'static str> = ALL.iter().map(|rule| rule.group()).collect();
    groups.dedup();
    groups
}

/// Returns whether a name is the id of a rule or a group.
pub fn is_known(name: &str) -> bool {
    ALL.iter().any(|rule| rule.is_named(name))
}

/// Returns the rule or group with the most similar name.
pub fn meant(name: &str) -> Option<&'static str> {
    nearest(name, ALL.iter().map(|rule| rule.id).chain(groups()))
}

fn nearest<'a>(name: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    const ALIKE: f64 = 0.8;
    let name = name.to_lowercase().replace('_', "-");
    candidates
        .map(|candidate| {
            let tail = candidate.rsplit('/').next().unwrap_or(candidate);
            let whole = strsim::normalized_damerau_levenshtein(&name, candidate).max(strsim::jaro_winkler(&name, candidate) * 0.95);
            let last = if tail == name { 1.0 } else { strsim::jaro_winkler(&name, tail) * 0.95 };
            // in a short name, one wrong letter changes the ratio a lot
            let slip = if strsim::damerau_levenshtein(&name, candidate) <= 1 { ALIKE } else { 0.0 };
            (candidate, whole.max(last).max(slip))
        })
        .filter(|(_, alike)| *alike >= ALIKE)
        // the first of equally similar names, so that the result is stable
        .fold(None, |best: Option<(&str, f64)>, next| if best.is_some_and(|best| best.1 >= next.1) { best } else { Some(next) })
        .map(|(candidate, _)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_names_are_found_by_typing_error_prefix_and_tail() {
        let ids = ["rls/bare-auth-call", "rls/disabled", "index/foreign-key"];
        for (typed, meant) in [
            ("rls/bare-auth", Some("rls/bare-auth-call")),
            ("rls/dissabled", Some("rls/disabled")),
            ("foreign-key", Some("index/foreign-key")),
            ("rls/bare_auth_call", Some("rls/bare-auth-call")),
            ("idnex/foreign-key", Some("index/foreign-key")),
            ("nonsense", None),
        ] {
            assert_eq!(nearest(typed, ids.into_iter()), meant, "{typed}");
        }
    }
}
