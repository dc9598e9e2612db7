//! What the fault search has found, in small: each plan of `tests/plans` holds now. What it shows, and by which
//! rule, stands in it.

use std::collections::BTreeSet;
use std::fs;

use takeover::verify::{self, Plan};

fn holds(name: &str) {
    let name = format!("tests/plans/{name}.plan");
    let text = fs::read_to_string(&name).expect("a plan");
    let plan = Plan::parse(&name, &text).expect("a plan");
    let outcome = verify::run(&plan).expect("a world").outcome;
    assert_eq!(outcome.found, None);
    assert!(outcome.tally.is_clean() && outcome.on_their_way == 0);
}

macro_rules! plans {
    ($($name:ident)*) => {
        $(
            #[test]
            fn $name() {
                holds(stringify!($name));
            }
        )*

        /// No plan lies there that nobody carries out.
        #[test]
        fn every_plan_is_carried_out() {
            let known = [$(stringify!($name)),*].map(|name| format!("{name}.plan"));
            let files = fs::read_dir("tests/plans").expect("the plans");
            let names = files.map(|file| file.expect("a file").file_name());
            let there: BTreeSet<String> = names.filter_map(|name| name.into_string().ok()).collect();
            assert_eq!(there, BTreeSet::from(known));
        }
    };
}

plans! {
    alias_let_go_before_its_lease
    answer_that_nobody_heard
    doubts_of_two_sessions
    entering_at_a_former_host
    entering_while_much_is_written
    first_request_without_an_answer
    history_without_its_database
    history_longer_than_is_shown
    host_that_nobody_heard
    host_without_its_database
    hosts_of_one_moment
    last_count_before_leaving
    left_out
    left_out_while_nobody_could_be_told
    letters_before_a_closed_router
    letters_to_a_former_host
    link_that_loses_at_random
    login_while_leaving
    login_without_a_presence_engine
    make_sure_against_news
    message_being_written
    message_of_two_hosts
    node_back_unheard
    occupant_who_left_unheard
    old_word_from_a_held_link
    operator_who_insists
    order_of_a_dead_node
    peer_that_starts_later
    presence_sent_to_a_former_life
    presence_that_moves_with_its_user
    request_overtaken_by_an_older_word
    room_that_was_empty
    router_that_is_down
    service_started_on_one_that_stops
    service_stopped_while_the_node_starts
    service_that_starts_too_late
    service_that_starts_while_its_node_reboots
    session_given_up_without_the_door
    sessions_of_one_sender
    split_at_random
    srm_that_starts_in_silence
    stay_of_an_earlier_session
    word_left_behind_on_a_held_link
    words_kept_from_a_dead_host
    words_kept_from_a_former_host
    words_kept_twice
    words_of_two_hosts
    words_that_are_overtaken
}
