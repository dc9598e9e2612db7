//! Reading TOML tables key by key, remembering where each stood and everything that was wrong.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fmt::Display;
use std::ops::{Range, RangeInclusive};
use std::str::FromStr;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::Problem;

/// A file's text and the findings in it so far.
pub(super) struct Source<'t> {
    text: &'t str,
    problems: RefCell<Vec<Problem>>,
}

impl<'t> Source<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Self {
            text,
            problems: RefCell::default(),
        }
    }

    pub(super) fn line_of(&self, offset: usize) -> usize {
        let before = &self.text.as_bytes()[..offset.min(self.text.len())];
        1 + before.iter().filter(|byte| **byte == b'\n').count()
    }

    pub(super) fn refuse(
        &self,
        at: Range<usize>,
        key: &str,
        value: Option<String>,
        why: impl Display,
    ) {
        let line = self.line_of(at.start);
        let problem = Problem {
            line,
            key: key.to_owned(),
            value,
            why: why.to_string(),
        };
        self.problems.borrow_mut().push(problem);
    }

    /// The findings in the order of their lines.
    pub(super) fn finish(self) -> Vec<Problem> {
        let mut problems = self.problems.into_inner();
        problems.sort_by_key(|problem| problem.line);
        problems
    }
}

/// One table under way: keys that are asked for are known, the rest is refused at the end.
pub(super) struct Section<'s, 't> {
    source: &'s Source<'t>,
    path: String,
    at: Range<usize>,
    table: Option<&'s DeTable<'t>>,
    known: BTreeSet<String>,
}

impl<'s, 't> Section<'s, 't> {
    pub(super) fn root(source: &'s Source<'t>, table: &'s Spanned<DeTable<'t>>) -> Self {
        Self::of(source, String::new(), 0..0, Some(table.get_ref()))
    }

    fn of(
        source: &'s Source<'t>,
        path: String,
        at: Range<usize>,
        table: Option<&'s DeTable<'t>>,
    ) -> Self {
        Self {
            source,
            path,
            at,
            table,
            known: BTreeSet::new(),
        }
    }

    /// The full path of `key` in this table.
    pub(super) fn key(&self, key: &str) -> String {
        if self.path.is_empty() {
            key.to_owned()
        } else {
            format!("{}.{key}", self.path)
        }
    }

    fn get(&mut self, key: &str) -> Option<&'s Spanned<DeValue<'t>>> {
        self.known.insert(key.to_owned());
        self.table.and_then(|table| table.get(key))
    }

    /// Whether the file holds this table at all.
    pub(super) fn present(&self) -> bool {
        self.table.is_some()
    }

    /// Records a finding about `key` (with the value that stands there) or, if it is missing, about
    /// the table.
    pub(super) fn refuse(&mut self, key: &str, why: impl Display) {
        let (at, value) = match self.get(key) {
            Some(found) => (found.span(), Some(self.shown(found))),
            None => (self.at.clone(), None),
        };
        self.source.refuse(at, &self.key(key), value, why);
    }

    fn shown(&self, value: &Spanned<DeValue<'_>>) -> String {
        let text = self.source.text.get(value.span()).unwrap_or_default();
        let short: String = text.chars().take(60).collect();
        if short.len() < text.len() {
            format!("{short}…")
        } else {
            short
        }
    }

    fn wrong_type(&mut self, key: &str, found: &DeValue<'_>, wanted: &str) {
        self.refuse(
            key,
            format_args!("{} stands here; {wanted} is allowed", a(found)),
        );
    }

    /// A text; `fallback` where the key is missing.
    pub(super) fn text(&mut self, key: &str, fallback: &str) -> String {
        self.optional_text(key)
            .unwrap_or_else(|| fallback.to_owned())
    }

    /// A text, or `None` where the key is missing.
    pub(super) fn optional_text(&mut self, key: &str) -> Option<String> {
        let found = self.get(key)?.get_ref();
        let text = found.as_str().map(str::to_owned);
        if text.is_none() {
            self.wrong_type(key, found, "a text in quotes");
        }
        text
    }

    /// A yes or no; `fallback` where the key is missing.
    pub(super) fn flag(&mut self, key: &str, fallback: bool) -> bool {
        let Some(found) = self.get(key) else {
            return fallback;
        };
        found.get_ref().as_bool().unwrap_or_else(|| {
            self.wrong_type(key, found.get_ref(), "true or false");
            fallback
        })
    }

    /// A yes or no, if the key is there.
    pub(super) fn optional_flag(&mut self, key: &str) -> Option<bool> {
        let there = self.get(key)?.get_ref().as_bool();
        Some(self.flag(key, false)).filter(|_| there.is_some())
    }

    /// A whole number of `unit` within `allowed`; `fallback` where the key is missing.
    pub(super) fn number<T>(
        &mut self,
        key: &str,
        fallback: T,
        allowed: RangeInclusive<u64>,
        unit: &str,
    ) -> T
    where
        T: TryFrom<u64>,
    {
        let Some(found) = self.get(key) else {
            return fallback;
        };
        let range = format!("{} to {} {unit}", allowed.start(), allowed.end());
        let Some(number) = found.get_ref().as_integer() else {
            self.wrong_type(key, found.get_ref(), &format!("a whole number, {range},"));
            return fallback;
        };
        let value = u64::from_str_radix(&number.as_str().replace('_', ""), number.radix());
        match value
            .ok()
            .filter(|v| allowed.contains(v))
            .and_then(|v| T::try_from(v).ok())
        {
            Some(value) => value,
            None => {
                self.refuse(
                    key,
                    format_args!("out of range; allowed: {}", range.trim_end()),
                );
                fallback
            }
        }
    }

    /// A number with or without a fraction within `allowed`; `fallback` where the key is missing.
    pub(super) fn decimal(
        &mut self,
        key: &str,
        fallback: f64,
        allowed: RangeInclusive<f64>,
        unit: &str,
    ) -> f64 {
        let Some(found) = self.get(key) else {
            return fallback;
        };
        let range = format!("{} to {} {unit}", allowed.start(), allowed.end());
        let text = match found.get_ref() {
            DeValue::Float(number) => number.as_str(),
            DeValue::Integer(number) => number.as_str(),
            other => {
                self.wrong_type(key, other, &format!("a number, {range},"));
                return fallback;
            }
        };
        match text
            .replace('_', "")
            .parse::<f64>()
            .ok()
            .filter(|v| allowed.contains(v))
        {
            Some(value) => value,
            None => {
                self.refuse(
                    key,
                    format_args!("out of range; allowed: {}", range.trim_end()),
                );
                fallback
            }
        }
    }

    /// A word of a type's own choice, as `FromStr` reads it; its error says what is allowed.
    pub(super) fn word<T>(&mut self, key: &str, fallback: T) -> T
    where
        T: FromStr,
        T::Err: Display,
    {
        let Some(text) = self.optional_text(key) else {
            return fallback;
        };
        match text.parse() {
            Ok(value) => value,
            Err(error) => {
                self.refuse(key, error);
                fallback
            }
        }
    }

    /// A table inside this one; an absent one reads as empty.
    pub(super) fn section(&mut self, key: &str) -> Section<'s, 't> {
        let found = self.get(key);
        let table = found.and_then(|value| value.get_ref().as_table());
        if let (Some(value), None) = (found, table) {
            self.wrong_type(key, value.get_ref(), "a table");
        }
        let at = found.map_or(self.at.clone(), Spanned::span);
        Section::of(self.source, self.key(key), at, table)
    }

    /// The tables of an array (`[[key]]`), or `None` where the key is missing.
    pub(super) fn sections(&mut self, key: &str) -> Option<Vec<Section<'s, 't>>> {
        let found = self.get(key)?;
        let Some(items) = found.get_ref().as_array() else {
            self.wrong_type(key, found.get_ref(), "a list of tables");
            return None;
        };
        let mut sections = Vec::new();
        for (index, item) in items.iter().enumerate() {
            let path = format!("{}[{index}]", self.key(key));
            match item.get_ref().as_table() {
                Some(table) => {
                    sections.push(Section::of(self.source, path, item.span(), Some(table)));
                }
                None => {
                    let why = format!("{} stands here; a table is allowed", a(item.get_ref()));
                    self.source
                        .refuse(item.span(), &path, Some(self.shown(item)), why);
                }
            }
        }
        Some(sections)
    }

    /// Every entry of the table as key and value text, for tables whose keys somebody else knows.
    /// Values other than numbers, texts and flags are refused here.
    pub(super) fn entries(&mut self) -> Vec<(String, String)> {
        let Some(table) = self.table else {
            return Vec::new();
        };
        let mut entries: Vec<_> = table.iter().collect();
        entries.sort_by_key(|(key, _)| key.span().start);
        let mut read = Vec::new();
        for (key, value) in entries {
            let name = key.get_ref().to_string();
            self.known.insert(name.clone());
            match value.get_ref() {
                DeValue::String(text) => read.push((name, text.to_string())),
                DeValue::Integer(number) => read.push((name, number.as_str().replace('_', ""))),
                DeValue::Boolean(flag) => read.push((name, flag.to_string())),
                other @ (DeValue::Float(_)
                | DeValue::Datetime(_)
                | DeValue::Array(_)
                | DeValue::Table(_)) => {
                    self.wrong_type(&name, other, "a whole number, a text or true or false");
                }
            }
        }
        read
    }

    /// Refuses every key that nobody asked for.
    pub(super) fn finish(self) {
        let Some(table) = self.table else { return };
        let known = self
            .known
            .iter()
            .map(String::as_str)
            .collect::<Vec<_>>()
            .join(", ");
        for (key, value) in table.iter() {
            if !self.known.contains(key.get_ref().as_ref()) {
                let why = format!("unknown key; allowed here: {known}");
                // What may be a misspelt password is nobody's to read.
                let secret = key.get_ref().to_lowercase().contains("pas");
                let value = (!secret).then(|| self.shown(value));
                self.source
                    .refuse(key.span(), &self.key(key.get_ref()), value, why);
            }
        }
    }
}

/// The type of a value with its article.
fn a(value: &DeValue<'_>) -> String {
    let name = value.type_str();
    let article = if name.starts_with(['a', 'i']) {
        "an"
    } else {
        "a"
    };
    format!("{article} {name}")
}
