//! What every [`NodeStore`] must do, whatever the engine. Each function starts with an empty store.

use takeover_storage::{HA_RECORD, NodeStore, StoreError, get_value, put_value};

use super::{Part, good, wait};

/// All parts of the suite, by name.
pub const SUITE: &[Part<dyn NodeStore>] = &[("values are kept", values_are_kept)];

/// HA-12: what is put is got, the last one.
fn values_are_kept(node: &dyn NodeStore) {
    assert_eq!(good(node.get(HA_RECORD)), None);
    assert_eq!(good(get_value::<(String, u64)>(node, HA_RECORD)), None);
    let record = ("Running in Backup Mode".to_owned(), 7_u64);
    good(put_value(node, HA_RECORD, &record));
    assert_eq!(good(get_value(node, HA_RECORD)), Some(record));
    assert!(matches!(
        wait(get_value::<(String, u32)>(node, HA_RECORD)),
        Err(StoreError::Damaged(_))
    ));
    good(node.put("b", Some(vec![1])));
    good(node.put("b", Some(Vec::new())));
    assert_eq!(
        good(node.all()).into_keys().collect::<Vec<_>>(),
        ["b", HA_RECORD]
    );
    good(node.put(HA_RECORD, None));
    assert_eq!(good(node.get(HA_RECORD)), None);
    assert_eq!(good(node.get("b")), Some(Vec::new()));
}
