//! The silences between the nodes of a pair that are the network's doing (HA-1), from its own ledger.
//!
//! A silence is a time in which a node hears nothing of its peer for as long as chapter 2 says, although
//! something was sent: a peer without power, or whose SRM is down, sends nothing, and is no matter of
//! the network. For an SRM that starts while nothing gets through it begins anew.

use std::time::Duration;

use takeover_actors::rt::{DRIFT_LIMIT, Datagrams, Network};
use takeover_core::ha::Detection;
use takeover_core::id::NodeId;
use takeover_core::time::Moment;

/// How many silences between these nodes have lasted long enough by `until`, and not yet by `since`. `starts` says
/// when the SRM of a node has started.
pub(super) fn silences<'a>(
    network: &Network,
    [a, b]: [NodeId; 2],
    detection: Detection,
    starts: impl Fn(NodeId) -> &'a [Moment],
    since: Moment,
    until: Moment,
) -> u64 {
    let one_way = |me: NodeId, peer: NodeId| {
        let asked = network.ledger(me, peer, Datagrams::clone);
        let heard = network.ledger(peer, me, Datagrams::clone);
        let (Some(asked), Some(heard)) = (asked, heard) else {
            return 0;
        };
        let ripe = |gap: Gap| match detection {
            Detection::KeepAlive { timeout, .. } => unheard(&heard, gap, soonest(timeout)),
            Detection::ConnectTimeout {
                connect_timeout, ..
            } => unanswered(&asked, &heard, gap, soonest(connect_timeout)),
        };
        let gaps = gaps(&heard, starts(me), until);
        let gaps = gaps.into_iter().filter_map(ripe);
        gaps.filter(|ripe| *ripe > since).count() as u64
    };
    one_way(a, b) + one_way(b, a)
}

/// A time in which nothing arrived.
#[derive(Clone, Copy)]
struct Gap {
    from: Moment,
    to: Moment,
}

/// The times between arrivals, and between these and the starts of the one who listens; the last of them until now.
fn gaps(heard: &Datagrams, starts: &[Moment], until: Moment) -> Vec<Gap> {
    let arrived = heard.arrived.iter().map(|receipt| receipt.at);
    let bounds = [heard.since].into_iter().chain(arrived);
    let bounds = bounds.chain(starts.iter().copied());
    let here = |at: &Moment| (heard.since..until).contains(at);
    let mut bounds: Vec<Moment> = bounds.filter(here).collect();
    bounds.sort_unstable();
    bounds.push(until);
    let gap = |ends: &[Moment; 2]| Gap {
        from: ends[0],
        to: ends[1],
    };
    bounds.array_windows().map(gap).collect()
}

/// A clock may be as fast as clocks can be.
fn soonest(timeout: Duration) -> Duration {
    timeout.mul_f64(1.0 - f64::from(DRIFT_LIMIT) / 1e6)
}

fn within(moments: &[Moment], after: Moment, until: Moment) -> &[Moment] {
    let from = moments.partition_point(|at| *at <= after);
    let to = moments.partition_point(|at| *at <= until);
    &moments[from..to.max(from)]
}

/// When a gap has lasted for the timeout while the peer was sending. A peer that had no power begins with its
/// first word.
fn unheard(heard: &Datagrams, gap: Gap, timeout: Duration) -> Option<Moment> {
    let first = *within(&heard.sent, gap.from, gap.to).first()?;
    let since = if first <= gap.from + timeout {
        gap.from
    } else {
        first
    };
    let ripe = since + timeout;
    (ripe <= gap.to).then_some(ripe)
}

/// When a request in a gap has waited for the timeout, because it or its answer did not get through.
fn unanswered(asked: &Datagrams, heard: &Datagrams, gap: Gap, timeout: Duration) -> Option<Moment> {
    let requests = within(&asked.sent, gap.from, gap.to);
    let before = asked.sent.partition_point(|at| *at <= gap.from);
    (before + 1..).zip(requests).find_map(|(number, request)| {
        let ripe = *request + timeout;
        let lost = arrival(asked, number).is_none_or(|at| at > ripe);
        let unheard = !within(&heard.sent, gap.from, ripe).is_empty();
        (ripe <= gap.to && (lost || unheard)).then_some(ripe)
    })
}

/// When the datagram of this number was there, or a newer one.
fn arrival(datagrams: &Datagrams, number: usize) -> Option<Moment> {
    let arrived = &datagrams.arrived;
    let first = arrived.partition_point(|receipt| receipt.number < number);
    arrived.get(first).map(|receipt| receipt.at)
}

#[cfg(test)]
mod tests {
    use takeover_actors::rt::Receipt;

    use super::*;

    fn at(seconds: &[u64]) -> Vec<Moment> {
        seconds.iter().copied().map(Moment::from_secs).collect()
    }

    /// Datagrams that set out in these seconds, of which some arrive: at once those of the same second.
    fn datagrams(sent: &[u64], arrived: &[u64]) -> Datagrams {
        let receipt = |second: &u64| Receipt {
            at: Moment::from_secs(*second),
            number: sent.partition_point(|sent| sent <= second),
        };
        Datagrams {
            sent: at(sent),
            arrived: arrived.iter().map(receipt).collect(),
            ..Datagrams::default()
        }
    }

    fn ripe(heard: &Datagrams, until: u64) -> Vec<u64> {
        let gaps = gaps(heard, &[], Moment::from_secs(until));
        let ripe = gaps
            .into_iter()
            .filter_map(|gap| unheard(heard, gap, Duration::from_secs(60)));
        ripe.map(|at| at.as_secs_f64() as u64).collect()
    }

    /// HA-1: three separate times without a keep-alive for 60 s are three silences, a shorter one is none.
    #[test]
    fn each_time_of_the_timeout_without_a_word_is_a_silence() {
        let sent: Vec<u64> = (0..40).map(|number| number * 15).collect();
        let heard = datagrams(&sent, &[0, 60, 75, 150, 165, 210, 285]);
        assert_eq!(ripe(&heard, 300), [60, 135, 270]);
        assert_eq!(ripe(&heard, 344), [60, 135, 270], "it is not over yet");
        assert_eq!(ripe(&heard, 345), [60, 135, 270, 345], "now it is");
    }

    /// HA-1: for an SRM that starts while nothing gets through, the silence begins anew.
    #[test]
    fn a_silence_begins_anew_with_the_one_who_listens() {
        let heard = datagrams(&[15], &[15]);
        let ends = |starts: &[u64]| -> Vec<u64> {
            let gaps = gaps(&heard, &at(starts), Moment::from_secs(300));
            let ends = gaps.into_iter().map(|gap| gap.to.as_secs_f64() as u64);
            ends.collect()
        };
        assert_eq!(ends(&[]), [15, 300]);
        assert_eq!(ends(&[100, 300]), [15, 100, 300]);
    }

    /// HA-1: a peer that sends nothing is no matter of the network.
    #[test]
    fn a_peer_that_does_not_send_is_not_silenced_by_the_network() {
        let heard = datagrams(&[0, 15], &[0, 15]);
        assert_eq!(ripe(&heard, 1000), [0; 0]);
    }

    /// HA-1: what a peer says when it has power again, and what does not arrive, is a silence from there on.
    #[test]
    fn a_peer_that_begins_to_send_is_silenced_from_then_on() {
        let heard = datagrams(&[0, 15, 200, 215, 230, 245], &[0, 15]);
        assert_eq!(ripe(&heard, 259), [0; 0], "it is not over yet");
        assert_eq!(ripe(&heard, 260), [260], "now it is");
    }

    /// HA-1, the older release: a request whose answer is lost is one silence, one that is answered none.
    #[test]
    fn a_request_without_an_answer_is_a_silence() {
        let ripe = |asked: &Datagrams, heard: &Datagrams| {
            let all = gaps(heard, &[], Moment::from_secs(200));
            let timeout = Duration::from_secs(30);
            all.into_iter()
                .filter_map(|gap| unanswered(asked, heard, gap, timeout))
                .count()
        };
        let both = |seconds: &[u64]| datagrams(seconds, seconds);
        let asked = both(&[0, 60, 120, 180]);
        let answers = [0, 37, 60, 97, 120, 157, 180];
        assert_eq!(ripe(&asked, &both(&answers)), 0);
        let lost = datagrams(&answers, &[0, 37, 60, 157, 180]);
        assert_eq!(ripe(&asked, &lost), 1);
        let unasked = datagrams(&[0, 60, 120, 180], &[0, 60, 180]);
        let silent = both(&[0, 37, 60, 180]);
        assert_eq!(ripe(&unasked, &silent), 1);
    }

    /// HA-1, the older release: a request that is late is not asked by an older word that arrives meanwhile.
    #[test]
    fn an_older_word_is_no_request() {
        let mut asked = datagrams(&[0, 58, 60], &[0]);
        asked.arrived.push(Receipt {
            at: Moment::from_secs(70),
            number: 2,
        });
        let heard = datagrams(&[0, 58], &[0, 58]);
        let all = gaps(&heard, &[], Moment::from_secs(200));
        let late = all.into_iter();
        let late = late.filter_map(|gap| unanswered(&asked, &heard, gap, Duration::from_secs(30)));
        assert_eq!(late.collect::<Vec<_>>(), [Moment::from_secs(90)]);
    }
}
