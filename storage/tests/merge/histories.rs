//! Any two histories: MRG-2.

use std::collections::BTreeMap;

use proptest::prelude::*;
use takeover_protocols::datetime::Timestamp;
use takeover_storage::merge::Options;

use crate::stage::{Line, SMALL, dump, end, history, merge_of, stable_id, three, write_lines};
use crate::support::{self, at};

fn lines() -> impl Strategy<Value = Vec<Line>> {
    prop::collection::vec((0i64..6, 0u8..3, 0u8..3), 0..20)
}

fn in_order(mut lines: Vec<Line>) -> Vec<Line> {
    lines.sort_by_key(|line| line.0);
    lines
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// MRG-2: whatever two histories in time order hold, the joined one is in time order, holds of
    /// every line as many as the one that has more of it, and is numbered without gaps.
    #[test]
    fn mrg_2_any_two_histories(a in lines().prop_map(in_order), b in lines().prop_map(in_order)) {
        let all = three();
        write_lines(&*all[0], "cave", &a);
        write_lines(&*all[1], "cave", &b);
        end(merge_of(&all).run()).unwrap();
        let merged = history(&*all[2], &support::room("cave"));
        let times: Vec<Timestamp> = merged.iter().map(|entry| entry.at).collect();
        prop_assert!(times.is_sorted());
        let numbers: Vec<u64> = merged.iter().map(|entry| entry.seq).collect();
        prop_assert_eq!(numbers, (1..=merged.len() as u64).collect::<Vec<_>>());
        let count = |lines: &[Line]| {
            let mut counts: BTreeMap<String, usize> = BTreeMap::new();
            for (second, who, what) in lines {
                *counts.entry(format!("{} u{who}-t{what}", at(*second))).or_default() += 1;
            }
            counts
        };
        let mut wanted = count(&a);
        for (line, times) in count(&b) {
            let more = wanted.entry(line).or_default();
            *more = times.max(*more);
        }
        let mut found: BTreeMap<String, usize> = BTreeMap::new();
        for entry in &merged {
            let id = entry.id.clone().unwrap();
            *found.entry(format!("{} {id}", entry.at)).or_default() += 1;
            prop_assert_eq!(stable_id(entry), Some(entry.seq.to_string()));
        }
        prop_assert_eq!(found, wanted);
    }
}

/// MRG-2: a history of many pages is whole in the target, whatever the size of a page.
#[test]
fn mrg_2_pages_do_not_matter() {
    let lines: Vec<Line> = (0..50)
        .map(|n| (n / 7, (n % 3) as u8, (n % 2) as u8))
        .collect();
    let merged = |page| {
        let all = three();
        write_lines(&*all[0], "long", &lines);
        write_lines(&*all[1], "long", &lines[..20]);
        write_lines(&*all[1], "other", &lines);
        let options = Options { page, ..SMALL };
        end(merge_of(&all).with_options(options).run()).unwrap();
        dump(&all[2])
    };
    let one = merged(1);
    assert!(one.len() > 100);
    for page in [2, 7, 1000] {
        assert_eq!(merged(page), one, "pages of {page}");
    }
}
