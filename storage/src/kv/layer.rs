//! Writes laid over what is below: what will be read once they are in.

use std::borrow::Borrow;
use std::ops::Bound::{Excluded, Included};

use super::{Entry, Step, View, Writes};
use crate::StoreError;

/// A view through writes, its own or another's, that are not in the view below yet.
pub(crate) struct Layer<'a, W> {
    pub(super) above: W,
    below: &'a dyn View,
}

impl<'a, W: Borrow<Writes>> Layer<'a, W> {
    pub(crate) fn new(above: W, below: &'a dyn View) -> Self {
        Self { above, below }
    }

    /// The writes between `from` and `to` that a scan for so many entries can meet: those behind
    /// its last entry are not looked at, for there may be many.
    fn met(&self, from: &[u8], to: &[u8], step: Step, limit: usize) -> Writes {
        let range = self
            .above
            .borrow()
            .range::<[u8], _>((Included(from), Excluded(to)))
            .map(|(key, value)| (key.clone(), value.clone()));
        let mut left = limit;
        let is_met = |(_, value): &(Vec<u8>, Option<Vec<u8>>)| {
            let met = left > 0;
            left -= usize::from(met && value.is_some());
            met
        };
        match step {
            Step::Forwards => range.take_while(is_met).collect(),
            Step::Backwards => range.rev().take_while(is_met).collect(),
        }
    }
}

impl<W: Borrow<Writes>> View for Layer<'_, W> {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        match self.above.borrow().get(key) {
            Some(value) => Ok(value.clone()),
            None => self.below.get(key),
        }
    }

    fn scan(
        &self,
        from: &[u8],
        to: &[u8],
        step: Step,
        limit: usize,
    ) -> Result<Vec<Entry>, StoreError> {
        if from >= to {
            return Ok(Vec::new());
        }
        let above = self.met(from, to, step, limit);
        // Every write can hide at most one entry below.
        let more = limit.saturating_add(above.len());
        let mut merged: Writes = self
            .below
            .scan(from, to, step, more)?
            .into_iter()
            .map(|(key, value)| (key, Some(value)))
            .collect();
        merged.extend(above);
        let there = |(key, value): (Vec<u8>, Option<Vec<u8>>)| value.map(|value| (key, value));
        let merged = merged.into_iter();
        Ok(match step {
            Step::Forwards => merged.filter_map(there).take(limit).collect(),
            Step::Backwards => merged.rev().filter_map(there).take(limit).collect(),
        })
    }
}
