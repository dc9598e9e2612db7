//! `Directory`: one value per key, and a removal that means one value.

use super::common::*;

model! {
    /// SES-4: two that make a key at once get one and the same value.
    a_key_is_made_once, Exhaustive;
    Bug::DirectoryInsertsUnchecked => "two values under one key";
    {
        let directory = Arc::new(Directory::with_shards(1));
        let made = |n| move |d: &Directory<u32>| d.get_or_insert_with("andy", || Arc::new(n));
        let other = beside(&directory, made(1));
        let mine = made(2)(&directory);
        assert!(Arc::ptr_eq(&mine, &join(other)), "two values under one key");
    }
}

model! {
    /// CHAT-9: who takes its closed room out does not take out the successor.
    a_removal_spares_the_successor, Exhaustive;
    Bug::DirectoryRemovesSuccessor => "the successor is gone";
    {
        let directory = Arc::new(Directory::with_shards(1));
        let old = directory.get_or_insert_with("room", || Arc::new(1));
        let successor = beside(&directory, |directory| {
            directory.insert("room", Arc::new(2)).is_some()
        });
        directory.remove_exact("room", &old);
        join(successor);
        let found = directory.get("room").map(|room| *room);
        assert_eq!(found, Some(2), "the successor is gone");
    }
}

model! {
    /// SES-4: a reader beside an insert finds nothing or the whole; once found, it stays.
    a_reader_sees_it_whole, Exhaustive;
    Bug::DirectoryInsertsUnchecked => "a value changed under its readers";
    {
        let directory = Arc::new(Directory::with_shards(1));
        let other = beside(&directory, |directory| {
            *directory.get_or_insert_with("andy", || Arc::new(1))
        });
        let mine = *directory.get_or_insert_with("andy", || Arc::new(2));
        let again = directory.get("andy").map(|value| *value);
        let theirs = join(other);
        let last = directory.get("andy").map(|value| *value);
        assert_eq!((again, theirs, last), (Some(mine), mine, Some(mine)),
            "a value changed under its readers");
    }
}
