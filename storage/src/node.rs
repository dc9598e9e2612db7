//! What a single node keeps for its next life (HA-12): the SRM's record and small settings.

use std::collections::BTreeMap;

use serde::{Serialize, de::DeserializeOwned};

use crate::{Store, StoreError, StoreFuture, codec::CodecError};

/// Name under which the SRM keeps its record (HA-12).
pub const HA_RECORD: &str = "ha";

/// Values by name, each at most [`crate::codec::MAX_RECORD`] bytes.
///
/// # Errors
/// All methods: the transport errors of [`crate::StoreError`].
pub trait NodeStore: Store {
    /// Keeps a value, durable when answered; `None` removes it.
    ///
    /// # Errors
    /// Transport errors only.
    fn put(&self, name: &str, value: Option<Vec<u8>>) -> StoreFuture<()>;

    /// A value, if there is one.
    ///
    /// # Errors
    /// Transport errors only.
    fn get(&self, name: &str) -> StoreFuture<Option<Vec<u8>>>;

    /// All values by name.
    ///
    /// # Errors
    /// Transport errors only.
    fn all(&self) -> StoreFuture<BTreeMap<String, Vec<u8>>>;
}

/// Keeps a serde value (the HA record, a setting) under a name.
///
/// # Errors
/// [`CodecError::TooLarge`] as [`StoreError::Damaged`], and those of [`NodeStore::put`].
pub fn put_value<T: Serialize>(store: &dyn NodeStore, name: &str, value: &T) -> StoreFuture<()> {
    match crate::codec::body(value) {
        Ok(bytes) => store.put(name, Some(bytes)),
        Err(error) => crate::ready(Err(error.into())),
    }
}

/// Reads a value that [`put_value`] kept.
///
/// # Errors
/// [`CodecError::Body`] as [`StoreError::Damaged`] if it is not such a value, and those of
/// [`NodeStore::get`].
pub fn get_value<T>(store: &dyn NodeStore, name: &str) -> StoreFuture<Option<T>>
where
    T: DeserializeOwned + Send + 'static,
{
    let bytes = store.get(name);
    Box::pin(async move {
        let Some(bytes) = bytes.await? else {
            return Ok(None);
        };
        let value: Result<T, CodecError> = crate::codec::value(&bytes);
        Ok(Some(value.map_err(StoreError::from)?))
    })
}
