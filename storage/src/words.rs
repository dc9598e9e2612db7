//! What the text search of rooms takes for a word, the same in every engine.

/// Words of a text: runs of letters and digits, in lower case, in order of their first appearance,
/// each once. A message is found when it holds every word of the question.
///
/// ```
/// assert_eq!(takeover_storage::words("Lunch at 12, lunch?"), ["lunch", "at", "12"]);
/// ```
#[must_use]
pub fn words(text: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let runs = text
        .split(|c: char| !c.is_alphanumeric())
        .filter(|run| !run.is_empty());
    for word in runs.map(str::to_lowercase) {
        if !found.contains(&word) {
            found.push(word);
        }
    }
    found
}

/// Whether `text` holds all of `wanted`, which are [`words`]. Nothing wanted, everything fits.
#[must_use]
pub fn holds(text: Option<&str>, wanted: &[String]) -> bool {
    if wanted.is_empty() {
        return true;
    }
    let there = words(text.unwrap_or_default());
    wanted.iter().all(|word| there.contains(word))
}
