//! Chapter 6 of the specification: parameters, and what they change.

mod common;

use common::*;
use takeover::ha::State;
use takeover::lab::Lab;
use takeover::service::ServiceKind;

/// CFG-6: a parameter outside its range, of the wrong type or unknown is refused with name, value, range
/// and unit; and all that is wrong is named at once.
#[test]
fn cfg_6_refused_with_name_value_range_and_unit() {
    let why = |name: &str, value: &str| {
        let refused = Lab::virtual_time(1).parameter(name, value).build();
        refused.err().expect("it is not allowed").to_string()
    };
    let delay = why("Critical Service Down Delay", "0");
    for part in ["Critical Service Down Delay", "0", "1", "3600", "s"] {
        assert!(delay.contains(part), "{part}: {delay}");
    }
    let word = why("Keep Alive (Heartbeat) Interval", "often");
    assert!(
        word.contains("often") && word.contains("Keep Alive"),
        "{word}"
    );
    let unknown = why("Critical Service Up Delay", "1");
    assert!(unknown.contains("Critical Service Up Delay"), "{unknown}");
    let order = why("Keep Alive (Heartbeat) Interval", "61");
    assert!(order.contains("61") && order.contains("60"), "{order}");
    let both = Lab::virtual_time(1)
        .parameter("Critical Service Down Delay", 0)
        .parameter("Service Port", 1)
        .build();
    let both = both.err().expect("neither is allowed").to_string();
    assert!(
        both.contains("Critical Service Down Delay") && both.contains("Service Port"),
        "{both}"
    );
}

/// CFG-6, HA-2: the critical-service delay that was set is the one that counts.
#[test]
fn cfg_6_the_delay_is_obeyed() {
    for delay in [1, 30, 200] {
        let mut lab = started(Lab::virtual_time(2).parameter("Critical Service Down Delay", delay));
        lab.node("1A")
            .unwrap()
            .service(ServiceKind::SipProxy)
            .kill()
            .unwrap();
        let died = lab.now();
        await_that(&mut lab, "failover", 5 * MINUTE, |lab| {
            lab.state("1A") != Some(State::Normal)
        });
        assert_eq!(lab.now().saturating_since(died), delay * SECOND);
    }
}

/// CFG-6, HA-1, HA-16: the keep-alive parameters that were set are those that count, and Multiple Device
/// Messaging doubles the time to notice.
#[test]
fn cfg_6_detection_is_obeyed() {
    let noticed = |multiple: bool| {
        let mut lab = started(
            Lab::virtual_time(3)
                .parameter("Keep Alive (Heartbeat) Interval", 2)
                .parameter("Keep Alive (Heartbeat) Timeout", 10)
                .parameter("Enable Multiple Device Messaging", multiple),
        );
        lab.pass(MINUTE);
        lab.node("1A").unwrap().kill().unwrap();
        let cut = lab.now();
        await_that(&mut lab, "take-over", MINUTE, |lab| {
            lab.state("1B") != Some(State::Normal)
        });
        lab.now().saturating_since(cut)
    };
    let (single, double) = (noticed(false), noticed(true));
    assert!((8 * SECOND..=10 * SECOND).contains(&single), "{single:?}");
    assert!((16 * SECOND..=20 * SECOND).contains(&double), "{double:?}");
}

/// CFG-6, chapter 1: the XCP Authentication Service is critical only where it is monitored.
#[test]
fn cfg_6_monitoring_the_authentication_service() {
    for monitored in [false, true] {
        let mut lab = started(
            Lab::virtual_time(4)
                .parameter("Enable XCP Authentication Service Monitoring", monitored),
        );
        lab.node("1A")
            .unwrap()
            .service(ServiceKind::XcpAuthentication)
            .kill()
            .unwrap();
        lab.pass(3 * MINUTE);
        let wanted = if monitored {
            State::FailedOverDown
        } else {
            State::Normal
        };
        assert_eq!(lab.state("1A"), Some(wanted));
    }
}

/// CHAT-7: TC is critical only where persistent chat is enabled.
#[test]
fn chat_7_tc_is_critical_with_persistent_chat() {
    let mut lab = started(Lab::virtual_time(5).parameter("Enable Persistent Chat", false));
    lab.node("1A")
        .unwrap()
        .service(ServiceKind::TextConference)
        .kill()
        .unwrap();
    lab.pass(5 * MINUTE);
    assert_eq!(lab.state("1A"), Some(State::Normal));
}

/// CFG-6, SES-1: the maximum number of logon sessions that was set is the most.
#[test]
fn cfg_6_logon_sessions_are_obeyed() {
    let mut lab =
        started(Lab::virtual_time(6).parameter("Maximum number of logon sessions per user", 1));
    let [andy] = online(&mut lab, ["andy"]);
    let second = lab
        .client_with("bob", |spec| {
            spec.user = andy.user().clone();
            spec.password = "andy-secret".into();
            spec.resource = "phone".into();
            spec.places = vec!["1A".into()];
        })
        .unwrap();
    second.log_in();
    lab.pass(30 * SECOND);
    assert!(!second.is_online(), "{}", second.state());
}
