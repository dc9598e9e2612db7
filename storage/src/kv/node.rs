//! [`NodeStore`] over ordered keys.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Backend, Facade};
use crate::{NodeStore, StoreFuture, codec::Record};

const TAG_VALUE: u8 = b'V';

#[derive(Serialize, Deserialize)]
struct ValueRow(Vec<u8>);

impl Record for ValueRow {
    const NAME: &'static str = "value of a node";
    const VERSION: u8 = 1;
}

impl<B: Backend> NodeStore for Facade<B> {
    fn put(&self, name: &str, value: Option<Vec<u8>>) -> StoreFuture<()> {
        let key = self.key(TAG_VALUE).text(name);
        self.backend.write(move |tx| match value {
            Some(value) => tx.put(&key, &ValueRow(value)),
            None => {
                tx.remove(&key);
                Ok(())
            }
        })
    }

    fn get(&self, name: &str) -> StoreFuture<Option<Vec<u8>>> {
        let key = self.key(TAG_VALUE).text(name);
        self.backend
            .read(move |view| Ok(view.record(&key)?.map(|ValueRow(value)| value)))
    }

    fn all(&self) -> StoreFuture<BTreeMap<String, Vec<u8>>> {
        let prefix = self.key(TAG_VALUE);
        self.backend.read(move |view| {
            let mut all = BTreeMap::new();
            view.records(&prefix, |key, ValueRow(value)| {
                all.insert(prefix.text_behind(key), value);
                Ok(())
            })?;
            Ok(all)
        })
    }
}
