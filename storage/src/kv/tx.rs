//! A transaction: what it read from, and what it wants written.

use std::collections::BTreeMap;

use crate::{
    StoreError,
    codec::{self, Record},
    kv::{Key, Layer},
};

/// A key and its value.
pub(crate) type Entry = (Vec<u8>, Vec<u8>);

/// What a transaction wants written: values by key, `None` removes.
pub(crate) type Writes = BTreeMap<Vec<u8>, Option<Vec<u8>>>;

/// Direction of a scan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Forwards,
    Backwards,
}

/// Ordered keys that can be read.
pub(crate) trait View {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError>;

    /// At most `limit` entries with `from <= key < to`, from the end that `step` starts at.
    fn scan(
        &self,
        from: &[u8],
        to: &[u8],
        step: Step,
        limit: usize,
    ) -> Result<Vec<Entry>, StoreError>;
}

/// Entries read at a time when a scan goes through many.
const PAGE: usize = 256;

impl dyn View + '_ {
    /// Reads a record.
    pub(crate) fn record<R: Record>(&self, key: &Key) -> Result<Option<R>, StoreError> {
        let Some(bytes) = self.get(key.bytes())? else {
            return Ok(None);
        };
        Ok(Some(codec::decode(key.bytes(), &bytes)?))
    }

    /// Visits entries with `from <= key < to` until the visitor answers `false`.
    pub(crate) fn visit(
        &self,
        from: &[u8],
        to: &[u8],
        step: Step,
        mut visitor: impl FnMut(Vec<u8>, Vec<u8>) -> Result<bool, StoreError>,
    ) -> Result<(), StoreError> {
        let (mut from, mut to) = (from.to_vec(), to.to_vec());
        loop {
            let page = self.scan(&from, &to, step, PAGE)?;
            let full = page.len() == PAGE;
            for (key, value) in page {
                match step {
                    Step::Forwards => from = [&key[..], &[0]].concat(),
                    Step::Backwards => to.clone_from(&key),
                }
                if !visitor(key, value)? {
                    return Ok(());
                }
            }
            if !full {
                return Ok(());
            }
        }
    }

    /// Visits all records whose key begins with `prefix`, in order.
    pub(crate) fn records<R: Record>(
        &self,
        prefix: &Key,
        mut visitor: impl FnMut(&[u8], R) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        self.visit(
            prefix.bytes(),
            &prefix.end(),
            Step::Forwards,
            |key, value| {
                visitor(&key, codec::decode(&key, &value)?)?;
                Ok(true)
            },
        )
    }
}

/// A transaction over a view. Sees its own writes.
pub(crate) struct Tx<'a>(Layer<'a, Writes>);

impl<'a> Tx<'a> {
    pub(crate) fn new(below: &'a dyn View) -> Self {
        Self(Layer::new(Writes::new(), below))
    }

    pub(crate) fn view(&self) -> &dyn View {
        &self.0
    }

    pub(crate) fn into_writes(self) -> Writes {
        self.0.above
    }

    /// Takes over what a transaction on top of this one wants written.
    pub(crate) fn absorb(&mut self, writes: Writes) {
        self.0.above.extend(writes);
    }

    pub(crate) fn put<R: Record>(&mut self, key: &Key, record: &R) -> Result<(), StoreError> {
        let bytes = codec::encode(key.bytes(), record)?;
        self.0.above.insert(key.bytes().to_vec(), Some(bytes));
        Ok(())
    }

    pub(crate) fn remove(&mut self, key: &Key) {
        self.0.above.insert(key.bytes().to_vec(), None);
    }

    /// Removes all keys that begin with `prefix`.
    pub(crate) fn remove_all(&mut self, prefix: &Key) -> Result<(), StoreError> {
        let mut keys = Vec::new();
        self.view()
            .visit(prefix.bytes(), &prefix.end(), Step::Forwards, |key, _| {
                keys.push(key);
                Ok(true)
            })?;
        self.0.above.extend(keys.into_iter().map(|key| (key, None)));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    struct Plain(BTreeMap<Vec<u8>, Vec<u8>>);

    impl View for Plain {
        fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
            Ok(self.0.get(key).cloned())
        }

        fn scan(
            &self,
            from: &[u8],
            to: &[u8],
            step: Step,
            limit: usize,
        ) -> Result<Vec<Entry>, StoreError> {
            let all = self
                .0
                .iter()
                .filter(|(key, _)| from <= &key[..] && &key[..] < to);
            let all = all.map(|(key, value)| (key.clone(), value.clone()));
            Ok(match step {
                Step::Forwards => all.take(limit).collect(),
                Step::Backwards => all.rev().take(limit).collect(),
            })
        }
    }

    proptest! {
        /// A scan through a transaction gives what a scan after its commit would give.
        #[test]
        fn a_transaction_reads_its_own_writes(
            base in prop::collection::btree_map(prop::collection::vec(0u8..4, 1..3), Just(vec![1]), 0..12),
            writes in prop::collection::btree_map(
                prop::collection::vec(0u8..4, 1..3), prop::option::of(Just(vec![2])), 0..12),
            from in prop::collection::vec(0u8..4, 0..3),
            to in prop::collection::vec(0u8..5, 0..3),
            limit in 0usize..8,
            backwards: bool,
        ) {
            let step = if backwards { Step::Backwards } else { Step::Forwards };
            let mut after = base.clone();
            for (key, value) in &writes {
                match value {
                    Some(value) => after.insert(key.clone(), value.clone()),
                    None => after.remove(key),
                };
            }
            let base = Plain(base);
            let mut tx = Tx::new(&base);
            tx.absorb(writes);
            prop_assert_eq!(
                tx.view().scan(&from, &to, step, limit).unwrap(),
                Plain(after).scan(&from, &to, step, limit).unwrap()
            );
        }
    }
}
