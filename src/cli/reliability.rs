//! The page of what was measured: sections that commands write, each with its commit and its date.

use std::path::Path;
use std::process::Command;

use takeover_protocols::datetime::Timestamp;

/// What a command has measured.
pub(super) struct Section {
    /// The name between the marks of the page.
    pub(super) name: &'static str,
    /// The measurement, in Markdown.
    pub(super) text: String,
}

/// Puts a section in its place on the page, whatever was there.
pub(super) fn put(page: &Path, section: &Section) -> Result<(), String> {
    let said = |error: std::io::Error| format!("{}: {error}", page.display());
    let before = std::fs::read_to_string(page).map_err(said)?;
    let body = format!(
        "Measured at commit `{}` on {}.\n\n{}",
        commit(),
        today(),
        section.text
    );
    let after = replaced(&before, section.name, &body)
        .ok_or_else(|| format!("{}: it has no section {}", page.display(), section.name))?;
    std::fs::write(page, after).map_err(said)
}

fn replaced(page: &str, name: &str, body: &str) -> Option<String> {
    let (begin, end) = (
        format!("<!-- {name} -->\n"),
        format!("<!-- end of {name} -->"),
    );
    let from = page.find(&begin)? + begin.len();
    let to = from + page[from..].find(&end)?;
    Some(format!(
        "{}{}\n{}",
        &page[..from],
        body.trim_end(),
        &page[to..]
    ))
}

/// The commit that the measured code is of, as far as git knows.
fn commit() -> String {
    let asked = Command::new("git")
        .args(["describe", "--always", "--dirty"])
        .output();
    let told = asked.ok().filter(|told| told.status.success());
    let told = told.and_then(|told| String::from_utf8(told.stdout).ok());
    told.map_or_else(|| "unknown".to_owned(), |commit| commit.trim().to_owned())
}

fn today() -> String {
    #[expect(clippy::disallowed_methods, reason = "a date for people")]
    let now = std::time::SystemTime::now();
    let since = now
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap_or_default();
    let stamp = Timestamp::default().saturating_add(since).to_string();
    stamp.split('T').next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_section_takes_the_place_of_the_one_before_and_leaves_the_rest() {
        let page =
            "# Page\n<!-- a -->\nold\n<!-- end of a -->\nbetween\n<!-- b -->\n<!-- end of b -->\n";
        let once = replaced(page, "a", "new").unwrap();
        assert_eq!(
            once,
            "# Page\n<!-- a -->\nnew\n<!-- end of a -->\nbetween\n<!-- b -->\n<!-- end of b -->\n"
        );
        assert_eq!(replaced(&once, "a", "new"), Some(once.clone()));
        assert_eq!(replaced(&once, "c", "new"), None);
    }
}
