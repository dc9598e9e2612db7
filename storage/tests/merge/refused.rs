//! What is refused, and leaves the target as it was: MRG-1, MRG-3.

use std::sync::Arc;

use takeover_protocols::muc::RoomWrite;
use takeover_storage::{
    ChatStore, Claim, EngineKind, Memory, StoreError,
    merge::{Leases, MergeError, Options, Part},
};

use crate::stage::{SMALL, dump, end, furnish, history, merge_of, said, sources, talk, three};
use crate::support::{A, ALIAS, disguise::Disguise, good, record};

/// What a merge of these three is refused with, nothing written.
#[track_caller]
fn refused(all: [Arc<dyn ChatStore>; 3]) -> MergeError {
    let before = dump(&all[2]);
    let merge = merge_of(&all);
    let error = end(merge.run()).unwrap_err();
    assert_eq!(dump(&all[2]), before, "{error}");
    assert_eq!(
        end(merge.verify()),
        Err(error.clone()),
        "verifying alone says it, too"
    );
    error
}

/// The three with one of them in disguise.
fn disguised(part: usize, change: impl FnOnce(&mut Disguise)) -> [Arc<dyn ChatStore>; 3] {
    let mut all = three();
    sources(&all);
    let mut disguise = Disguise::of(all[part].clone());
    change(&mut disguise);
    all[part] = Arc::new(disguise);
    all
}

/// MRG-1: sources and target of different types, types that cannot be merged, one database twice.
#[test]
fn mrg_1_types() {
    let different = refused(disguised(1, |second| {
        second.info.kind = EngineKind::Embedded
    }));
    let (part, kind, target) = (Part::Second, EngineKind::Embedded, EngineKind::Memory);
    assert_eq!(different, MergeError::DifferentTypes { part, kind, target });
    let mssql = refused(disguised(0, |first| first.info.kind = EngineKind::MsSql));
    let (part, kind) = (Part::First, EngineKind::MsSql);
    assert_eq!(mssql, MergeError::TypeNotMergeable { part, kind });
    let [a, _, target] = three();
    let twice = refused([a.clone(), a.clone(), target.clone()]);
    assert!(
        matches!(
            twice,
            MergeError::SameDatabase {
                a: Part::First,
                b: Part::Second,
                ..
            }
        ),
        "{twice}"
    );
    let into_itself = refused([target.clone(), a, target]);
    assert!(
        matches!(
            into_itself,
            MergeError::SameDatabase {
                b: Part::Target,
                ..
            }
        ),
        "{into_itself}"
    );
}

/// MRG-1: a target without enough room, before it begins and on the way, and without privileges.
#[test]
fn mrg_1_room_and_privileges() {
    let narrow = refused(disguised(2, |target| target.free = Some(100)));
    assert!(
        matches!(
            narrow,
            MergeError::NoRoom {
                free: 100,
                needed: 1000..,
                ..
            }
        ),
        "{narrow}"
    );
    let wide = disguised(2, |target| target.free = Some(1_000_000));
    end(merge_of(&wide).run()).unwrap();
    let poor = refused(disguised(2, |target| target.may_create = false));
    assert!(matches!(poor, MergeError::MayNotCreate { .. }), "{poor}");
    let memory = Memory::new();
    let full = Memory::new();
    let all = [memory.chat("1A"), memory.chat("1B"), full.chat("pair-1")];
    sources(&all);
    full.faults().set_disk_full(true);
    let on_the_way = end(merge_of(&all).run()).unwrap_err();
    assert!(
        matches!(on_the_way, MergeError::Full { .. }),
        "{on_the_way}"
    );
    full.faults().heal();
    end(merge_of(&all).run()).unwrap();
}

/// MRG-1: a schema that does not verify, in each of the three.
#[test]
fn mrg_1_schemas() {
    for (place, part) in [Part::First, Part::Second, Part::Target]
        .into_iter()
        .enumerate()
    {
        let bad = StoreError::Schema {
            found: 9,
            expected: 1,
        };
        let error = refused(disguised(place, |chat| chat.schema = Some(bad.clone())));
        let MergeError::Schema {
            part: found, error, ..
        } = error
        else {
            panic!("{error}");
        };
        assert_eq!((found, error), (part, bad));
    }
}

/// MRG-1: a Text Conference Manager that holds the rooms of a source, or of the target, stops the
/// merge, unless it is known to be dead.
#[test]
fn mrg_1_leases() {
    for part in 0..3 {
        let all = three();
        sources(&all);
        good(all[part].acquire(ALIAS, A, Claim::Force));
        let error = refused(all.clone());
        assert!(matches!(error, MergeError::Leased { .. }), "{error}");
        assert!(error.to_string().contains(ALIAS), "{error}");
        let left_behind = Options {
            leases: Leases::LeftBehind,
            ..SMALL
        };
        end(merge_of(&all).with_options(left_behind).run()).unwrap();
    }
}

/// MRG-3: what is in the target and is not an earlier run's is not touched.
#[test]
fn mrg_3_a_foreign_room_is_not_touched() {
    for foreign in [
        "another configuration",
        "another history",
        "a longer history",
    ] {
        let all = three();
        let (lunch, _) = sources(&all);
        let mut theirs = record(&lunch);
        match foreign {
            "another configuration" => furnish(&*all[2], theirs, talk(&lunch, &[(1, 1, "hello")])),
            "another history" => {
                end(merge_of(&all).run()).unwrap();
                theirs = good(all[2].room(&lunch)).unwrap().record;
                theirs.subject = None;
                let fence = good(all[2].acquire(ALIAS, A, Claim::Force)).fence;
                good(all[2].write(&fence, &lunch, vec![Arc::new(RoomWrite::Delete)]));
                good(all[2].release(&fence));
                furnish(&*all[2], theirs, talk(&lunch, &[(1, 1, "hello")]));
            }
            _ => {
                end(merge_of(&all).run()).unwrap();
                let fence = good(all[2].acquire(ALIAS, A, Claim::Force)).fence;
                let more = RoomWrite::Message(said(&lunch, 8, 99, "andy", "new life"));
                good(all[2].write(&fence, &lunch, vec![Arc::new(more)]));
                good(all[2].release(&fence));
            }
        }
        let before = history(&*all[2], &lunch);
        let error = end(merge_of(&all).run()).unwrap_err();
        let MergeError::OtherRoom { room, .. } = &error else {
            panic!("{foreign}: {error}");
        };
        assert_eq!(room, &lunch);
        assert_eq!(history(&*all[2], &lunch), before, "{foreign}");
    }
}
