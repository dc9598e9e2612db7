//! What is in the target afterwards: MRG-2, MRG-3.

use std::sync::Arc;

use takeover_protocols::muc::Affiliation;
use takeover_storage::{
    ChatStore,
    merge::{MergeError, Phase, Report},
};

use crate::stage::{
    bodies, dump, end, furnish, history, merge_of, said, sources, stable_id, talk, three,
};
use crate::support::{
    self, ALIAS, at,
    disguise::{Disguise, Fuse},
    good, jid, record,
};

/// MRG-2: every room, affiliation, configuration and message of both sources is in the target once; a
/// room of both has its histories joined in time order and its messages numbered anew; one of a
/// single source is as it was; the sources stay as they were.
#[test]
fn mrg_2_everything_is_in_the_target_once() {
    let all = three();
    let (lunch, tea) = sources(&all);
    let before = [dump(&all[0]), dump(&all[1])];
    let leases = || [0, 1].map(|n| good(all[n].lease(ALIAS)));
    let held = leases();
    let merge = merge_of(&all);
    let report = end(merge.run()).unwrap();
    let wanted = Report {
        rooms: 2,
        joined: 1,
        messages: 9,
        ..Report::default()
    };
    assert_eq!(report, wanted);
    assert_eq!([dump(&all[0]), dump(&all[1])], before);
    assert_eq!(leases(), held);
    let target = &*all[2];
    let lines = [
        "one",
        "two",
        "three",
        "four",
        "five",
        "subject of the first",
        "subject of the second",
    ];
    assert_eq!(bodies(target, &lunch), lines);
    for (entry, number) in history(target, &lunch).iter().zip(1..) {
        assert_eq!(entry.seq, number);
        assert_eq!(stable_id(entry), Some(number.to_string()));
    }
    let joined = good(target.room(&lunch)).unwrap();
    assert_eq!((joined.last_seq, joined.messages), (7, 7));
    let record = joined.record;
    assert_eq!(
        record.config.name, "Lunch, as it is",
        "the life in which was spoken last"
    );
    assert_eq!(record.created, at(3));
    assert_eq!(record.subject, history(target, &lunch).last().cloned());
    let of = |user: &str| record.affiliation(&jid(user));
    assert_eq!(of("bob@example.com"), Affiliation::Member);
    assert_eq!(of("eve@example.com"), Affiliation::Outcast);
    assert_eq!(of("owner@example.com"), Affiliation::Owner);
    assert_eq!(good(target.room(&tea)), good(all[1].room(&tea)));
    assert_eq!(history(target, &tea), history(&*all[1], &tea));
    let status = merge.watch().status();
    assert_eq!(
        (status.phase.clone(), status.percent()),
        (Phase::Done, 100.0)
    );
    assert_eq!(
        (status.rooms_done, status.messages_done),
        (status.rooms, status.messages)
    );
    assert_eq!(good(target.lease(ALIAS)).held_by, None, "free for its host");
}

/// MRG-2: a source that was restored from a copy of the other brings no doubles, and a subject that
/// is in no history stays one.
#[test]
fn mrg_2_no_doubles() {
    let all = three();
    let room = support::room("lunch");
    let lines = [
        (1, 10, "one"),
        (2, 10, "two"),
        (3, 10, "two"),
        (4, 9, "late clock"),
    ];
    let mut with_subject = record(&room);
    with_subject.subject = Some(said(&room, 90, 5, "andy", "before all"));
    furnish(&*all[0], with_subject.clone(), talk(&room, &lines));
    let more = [&lines[..], &[(6, 11, "after the copy")]].concat();
    furnish(&*all[1], with_subject, talk(&room, &more));
    let report = end(merge_of(&all).run()).unwrap();
    assert_eq!((report.messages, report.doubles), (5, 4));
    let lines = ["one", "two", "two", "late clock", "after the copy"];
    assert_eq!(bodies(&*all[2], &room), lines);
    let subject = good(all[2].room(&room)).unwrap().record.subject.unwrap();
    assert_eq!((subject.seq, stable_id(&subject)), (0, None));
    assert_eq!(takeover_storage::text_of(&subject).unwrap(), "before all");
}

/// MRG-3: interrupted at any request to any of the databases, carried out or not, and run again, the
/// job ends in the same target.
#[test]
fn mrg_3_interrupted_anywhere_it_ends_in_the_same_target() {
    let whole = three();
    sources(&whole);
    let fuse = Fuse::default();
    let watched = whole
        .each_ref()
        .map(|chat| -> Arc<dyn ChatStore> { Arc::new(Disguise::with(chat.clone(), fuse.clone())) });
    let report = end(merge_of(&watched).run()).unwrap();
    let requests = fuse.asked();
    assert!(requests > 40, "{requests}");
    let wanted = dump(&whole[2]);
    for blows_at in 0..requests {
        for carried_out in [false, true] {
            let all = three();
            sources(&all);
            let fuse = Fuse::at(blows_at, carried_out);
            let fused = all.each_ref().map(|chat| -> Arc<dyn ChatStore> {
                Arc::new(Disguise::with(chat.clone(), fuse.clone()))
            });
            let interrupted = merge_of(&fused);
            let error = end(interrupted.run()).unwrap_err();
            assert!(matches!(error, MergeError::Store { .. }), "{error}");
            let failed = Phase::Failed(error.to_string());
            assert_eq!(interrupted.watch().status().phase, failed);
            let again = end(merge_of(&all).run()).unwrap();
            assert_eq!(dump(&all[2]), wanted, "request {blows_at}");
            let whole = Report { found: 0, ..again };
            assert_eq!(whole, report, "request {blows_at}");
        }
    }
}

/// MRG-3: run again after its end, it finds all there and changes nothing.
#[test]
fn mrg_3_run_twice_it_changes_nothing() {
    let all = three();
    sources(&all);
    let first = end(merge_of(&all).run()).unwrap();
    let target = dump(&all[2]);
    let again = end(merge_of(&all).run()).unwrap();
    assert_eq!((first.found, again.found), (0, first.messages));
    assert_eq!(dump(&all[2]), target);
}
