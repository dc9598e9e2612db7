//! A table of words and figures, for a terminal and for a page.

use std::fmt;

use super::svg::escape;

/// Rows under a head; figures are set to the right, words to the left.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Table {
    head: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// An empty table with these column names.
    #[must_use]
    pub fn new<S: Into<String>>(head: impl IntoIterator<Item = S>) -> Self {
        Self {
            head: head.into_iter().map(Into::into).collect(),
            rows: Vec::new(),
        }
    }

    /// Adds a row; what is missing is empty, what is too much is dropped.
    pub fn row<S: Into<String>>(&mut self, cells: impl IntoIterator<Item = S>) {
        let mut cells: Vec<String> = cells.into_iter().map(Into::into).collect();
        cells.resize(self.head.len(), String::new());
        self.rows.push(cells);
    }

    fn width(&self, column: usize) -> usize {
        let cells = self.rows.iter().map(|row| row[column].chars().count());
        cells
            .chain([self.head[column].chars().count()])
            .max()
            .unwrap_or(0)
    }

    fn line(&self, cells: &[String], is_head: bool) -> String {
        let mut line = String::new();
        for (column, cell) in cells.iter().enumerate() {
            let pad = self.width(column) - cell.chars().count();
            let right = if is_head {
                self.is_figures(column)
            } else {
                is_figure(cell)
            };
            let (before, after) = if right { (pad, 0) } else { (0, pad) };
            let gap = if column == 0 { 0 } else { 2 };
            line.push_str(&" ".repeat(gap + before));
            line.push_str(cell);
            line.push_str(&" ".repeat(after));
        }
        line.trim_end().to_owned()
    }

    fn is_figures(&self, column: usize) -> bool {
        !self.rows.is_empty() && self.rows.iter().all(|row| is_figure(&row[column]))
    }

    /// The table as an HTML element.
    #[must_use]
    pub fn to_html(&self) -> String {
        let row = |cells: &[String], tag: &str| {
            let cells = cells.iter().map(|cell| {
                let class = if is_figure(cell) {
                    " class=\"figure\""
                } else {
                    ""
                };
                format!("<{tag}{class}>{}</{tag}>", escape(cell))
            });
            format!("<tr>{}</tr>\n", cells.collect::<String>())
        };
        let body: String = self.rows.iter().map(|cells| row(cells, "td")).collect();
        let head = row(&self.head, "th");
        format!("<table>\n<thead>{head}</thead>\n<tbody>{body}</tbody>\n</table>\n")
    }
}

fn is_figure(cell: &str) -> bool {
    let mut letters = cell.chars();
    letters
        .next()
        .is_some_and(|c| c.is_ascii_digit() || c == '-')
        && cell
            .chars()
            .all(|c| !c.is_alphabetic() || c == 's' || c == 'm')
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.line(&self.head, true))?;
        let total = (0..self.head.len())
            .map(|column| self.width(column) + 2)
            .sum::<usize>();
        writeln!(f, "{}", "─".repeat(total.saturating_sub(2)))?;
        for row in &self.rows {
            writeln!(f, "{}", self.line(row, false))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_stand_to_the_right_and_words_to_the_left() {
        let mut table = Table::new(["client", "sent"]);
        table.row(["andy", "7"]);
        table.row(["catherine", "1234"]);
        let expected = "client     sent\n───────────────\nandy          7\ncatherine  1234\n";
        assert_eq!(table.to_string(), expected);
    }

    #[test]
    fn a_cell_cannot_break_out_of_the_page() {
        let mut table = Table::new(["client"]);
        table.row(["<script>"]);
        assert!(table.to_html().contains("&lt;script&gt;"));
    }
}
