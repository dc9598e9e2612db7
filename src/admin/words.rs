//! Cutting a typed line into words, as a shell would: blanks separate, quotes keep together.

/// Why a line could not be cut into words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WordsError {
    /// A quotation mark was opened and not closed.
    #[error("the quotation mark {mark} at column {column} is not closed")]
    OpenQuote {
        /// The mark that was opened: `"` or `'`.
        mark: char,
        /// Where it stands, counted from 1 in characters.
        column: usize,
    },
}

/// Cuts `line` into words. `"…"` and `'…'` keep blanks; there are no escapes.
///
/// # Errors
/// [`WordsError::OpenQuote`] where a quotation mark is not closed.
pub fn words(line: &str) -> Result<Vec<String>, WordsError> {
    let mut found = Vec::new();
    let mut word: Option<String> = None;
    let mut quote: Option<(char, usize)> = None;
    for (index, letter) in line.chars().enumerate() {
        match quote {
            Some((mark, _)) if letter == mark => quote = None,
            Some(_) => word.get_or_insert_default().push(letter),
            None if letter == '"' || letter == '\'' => {
                quote = Some((letter, index + 1));
                word.get_or_insert_default();
            }
            None if letter.is_whitespace() => found.extend(word.take()),
            None => word.get_or_insert_default().push(letter),
        }
    }
    if let Some((mark, column)) = quote {
        return Err(WordsError::OpenQuote { mark, column });
    }
    found.extend(word);
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blanks_separate_and_quotes_keep_together() {
        let line = r#"  show perf query counter "Cisco XCP JSM"  'ActiveJsmSessions' "" "#;
        assert_eq!(
            words(line).unwrap(),
            [
                "show",
                "perf",
                "query",
                "counter",
                "Cisco XCP JSM",
                "ActiveJsmSessions",
                ""
            ]
        );
        assert_eq!(words("   ").unwrap(), Vec::<String>::new());
        assert_eq!(words("a\"b c\"d").unwrap(), ["ab cd"]);
    }

    #[test]
    fn an_open_quote_is_named_with_its_column() {
        assert_eq!(
            words("say \"x").unwrap_err(),
            WordsError::OpenQuote {
                mark: '"',
                column: 5
            }
        );
    }
}
