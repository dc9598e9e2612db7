//! The page of what was measured: sections that commands write, each with its commit and its date, and
//! tables that grow by a row with every run.

use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;

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
    let body = format!(
        "Measured at commit `{}` on {}.\n\n{}",
        commit(),
        today(),
        section.text
    );
    change(page, section.name, |_| body)
}

/// Sees that a page has this section, before something is measured for it, and which commit that is.
pub(super) fn check(page: &Path, name: &str) -> Result<(), String> {
    commit();
    composed(page, name, str::to_owned).map(drop)
}

/// Adds a row to the table that a section of the page is: these cells, then the commit and the date.
pub(super) fn add(page: &Path, name: &str, cells: &[String]) -> Result<(), String> {
    let row = format!("| {} | `{}` | {} |", cells.join(" | "), commit(), today());
    change(page, name, |table| format!("{}\n{row}", table.trim_end()))
}

fn change(page: &Path, name: &str, change: impl FnOnce(&str) -> String) -> Result<(), String> {
    let after = composed(page, name, change)?;
    std::fs::write(page, after).map_err(|error| format!("{}: {error}", page.display()))
}

/// The page with its section changed.
fn composed(
    page: &Path,
    name: &str,
    change: impl FnOnce(&str) -> String,
) -> Result<String, String> {
    let before = std::fs::read_to_string(page);
    let before = before.map_err(|error| format!("{}: {error}", page.display()))?;
    changed(&before, name, change)
        .ok_or_else(|| format!("{}: it has no section {name}", page.display()))
}

fn changed(page: &str, name: &str, change: impl FnOnce(&str) -> String) -> Option<String> {
    let (begin, end) = (
        format!("<!-- {name} -->\n"),
        format!("<!-- end of {name} -->"),
    );
    let from = page.find(&begin)? + begin.len();
    let to = from + page[from..].find(&end)?;
    Some(format!(
        "{}{}\n{}",
        &page[..from],
        change(&page[from..to]).trim_end(),
        &page[to..]
    ))
}

/// The commit that the measured code is of, as far as git knows. It is asked once: what a command writes on the
/// page is no change of the code.
fn commit() -> &'static str {
    static COMMIT: OnceLock<String> = OnceLock::new();
    COMMIT.get_or_init(described)
}

fn described() -> String {
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
        let put = |page: &str, name, body: &str| changed(page, name, |_| body.to_owned());
        let once = put(page, "a", "new").unwrap();
        assert_eq!(
            once,
            "# Page\n<!-- a -->\nnew\n<!-- end of a -->\nbetween\n<!-- b -->\n<!-- end of b -->\n"
        );
        assert_eq!(put(&once, "a", "new"), Some(once.clone()));
        assert_eq!(put(&once, "c", "new"), None);
    }

    #[test]
    fn a_row_goes_behind_those_that_are_there() {
        let folder = tempfile::tempdir().unwrap();
        let page = folder.path().join("page.md");
        let table = "<!-- t -->\n| n | commit | on |\n| --- | --- | --- |\n<!-- end of t -->\n";
        std::fs::write(&page, table).unwrap();
        for number in 1..=2 {
            add(&page, "t", &[number.to_string()]).unwrap();
        }
        let written = std::fs::read_to_string(&page).unwrap();
        let rows: Vec<&str> = written.lines().skip(3).collect();
        assert!(rows[0].starts_with("| 1 | `") && rows[1].starts_with("| 2 | `"));
        assert_eq!(rows[2..], ["<!-- end of t -->"]);
        let refused = add(&page, "u", &[]).unwrap_err();
        assert!(refused.ends_with("it has no section u"), "{refused}");
    }
}
