//! The name that was probably meant.

use std::collections::BTreeSet;

/// Returns the most similar of some names, or `None` if none is similar.
pub fn near<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    const ALIKE: f64 = 0.8;
    let score = |candidate: &str| {
        if plain(name) == plain(candidate) {
            return 1.0;
        }
        let (short, long) = if name.len() < candidate.len() { (name, candidate) } else { (candidate, name) };
        // `name` and `full_name`
        let has_words = short.len() >= 4 && words(short).is_subset(&words(long));
        let letters = strsim::normalized_damerau_levenshtein(name, candidate);
        if has_words { letters.max(ALIKE) } else { letters }
    };
    let scored = candidates.into_iter().map(|candidate| (score(candidate), candidate)).filter(|(score, _)| *score >= ALIKE - 0.05);
    // the first of equally similar names
    scored
        .fold(None, |best: Option<(f64, &str)>, next| if best.is_some_and(|best| best.0 >= next.0) { best } else { Some(next) })
        .map(|best| best.1)
}

/// Returns a name without what spellings differ in: `userIds` and `user_id` are equal.
fn plain(name: &str) -> String {
    let letters: String = name.chars().filter(|letter| letter.is_alphanumeric()).collect::<String>().to_lowercase();
    letters.strip_suffix('s').map(str::to_string).unwrap_or(letters)
}

fn words(name: &str) -> BTreeSet<&str> {
    name.split('_').filter(|word| !word.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spelling_typing_errors_and_words_are_near_and_other_names_are_not() {
        let columns = ["id", "title", "author_id", "created_at", "full_name"];
        for (written, meant) in [
            ("titel", Some("title")),
            ("authorId", Some("author_id")),
            ("name", Some("full_name")),
            ("created", Some("created_at")),
            ("status", None),
            ("at", None),
        ] {
            assert_eq!(near(written, columns), meant, "{written}");
        }
    }
}
