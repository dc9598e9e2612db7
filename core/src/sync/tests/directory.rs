use super::*;
use crate::sync::shim::Arc;
use std::collections::BTreeMap;

/// SES-4: what was put under a key is found there, by everyone the same one.
#[test]
fn what_is_put_is_found() {
    let directory = Directory::new();
    let slot = Arc::new(1);
    assert!(
        directory
            .insert("andy@example.com", Arc::clone(&slot))
            .is_none()
    );
    let found = directory.get("andy@example.com").expect("just inserted");
    assert!(Arc::ptr_eq(&slot, &found));
    assert!(directory.get("andy@example.co").is_none());
    let replaced = directory
        .insert("andy@example.com", Arc::new(2))
        .expect("was there");
    assert!(Arc::ptr_eq(&slot, &replaced));
}

/// SES-4: who asks for a missing key makes it, who asks for a present one gets it.
#[test]
fn a_key_is_made_once() {
    let directory = Directory::with_shards(1);
    let made = directory.get_or_insert_with("room", || Arc::new(1));
    let found = directory.get_or_insert_with("room", || unreachable!("it is there"));
    assert!(Arc::ptr_eq(&made, &found));
}

/// CHAT-9: who closes a room takes out that room, never its successor under the same name.
#[test]
fn a_removal_by_value_spares_the_successor() {
    let directory = Directory::new();
    let old = Arc::new(1);
    directory.insert("room", Arc::clone(&old));
    let new = Arc::new(1);
    directory.insert("room", Arc::clone(&new));
    assert!(!directory.remove_exact("room", &old));
    assert!(directory.remove_exact("room", &new));
    assert!(directory.is_empty());
}

/// DET-1: a snapshot is in the order of the keys, whatever the hash.
#[test]
fn a_snapshot_is_sorted() {
    let directory = Directory::new();
    let keys: Vec<String> = (0..1000)
        .map(|n| format!("user{n:04}@example.com"))
        .collect();
    for key in keys.iter().rev() {
        directory.insert(key.as_str(), Arc::new(()));
    }
    assert_eq!(directory.len(), 1000);
    let found: Vec<String> = directory
        .snapshot()
        .iter()
        .map(|(key, _)| key.to_string())
        .collect();
    assert_eq!(found, keys);
}

/// USR-1: the keys of a large deployment spread over the shards: none has more than half again
/// its share.
#[test]
fn keys_spread_over_the_shards() {
    let directory = Directory::new();
    for n in 0..50_000 {
        directory.insert(format!("user{n}@example.com"), Arc::new(()));
    }
    let share = 50_000 / Directory::<()>::SHARDS;
    let fullest = directory.fullest_shard();
    assert!(
        fullest < share * 3 / 2,
        "{fullest} keys in one shard, {share} on average"
    );
}

proptest! {
    /// SES-4: over any steps it holds what an ordered map would hold.
    #[test]
    fn it_follows_an_ordered_map(
        shards in 0..5usize,
        steps in prop::collection::vec((0..4u8, "[a-c]{0,9}"), 0..80),
    ) {
        let directory = Directory::with_shards(shards);
        let mut model: BTreeMap<String, Arc<u32>> = BTreeMap::new();
        for (n, (what, key)) in (0..).zip(steps) {
            match what {
                0 => {
                    let value = Arc::new(n);
                    let old = directory.insert(key.as_str(), Arc::clone(&value));
                    prop_assert_eq!(old, model.insert(key, value));
                }
                1 => prop_assert_eq!(directory.remove(&key), model.remove(&key)),
                2 => {
                    let made = directory.get_or_insert_with(key.as_str(), || Arc::new(n));
                    prop_assert_eq!(&made, model.entry(key).or_insert_with(|| Arc::new(n)));
                }
                _ => prop_assert_eq!(directory.get(&key), model.get(&key).cloned()),
            }
        }
        let held: Vec<(String, Arc<u32>)> =
            directory.snapshot().into_iter().map(|(key, value)| (key.to_string(), value)).collect();
        prop_assert_eq!(held, model.into_iter().collect::<Vec<_>>());
    }
}
