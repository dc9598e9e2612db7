//! Any order of calls, also those that make no sense: no panic, nothing after the end, timers in
//! order, and no stanza of somebody who is not logged in.

use proptest::prelude::*;
use takeover_protocols::sasl::{Found, SaslCondition, ScramHash};
use takeover_protocols::stanza::{Condition, StanzaError};
use takeover_protocols::stream::{
    C2sConfig, C2sLimits, Effect, Layer, StreamCondition, StreamError, Timer, Tls,
};

use super::driver::{BIND, Driver, OPEN, PLAIN, config, keys};

/// One call.
#[derive(Clone, Debug)]
enum Call {
    Say(&'static str),
    Garbage(Vec<u8>),
    Found(bool),
    FoundRefused,
    Bound,
    BindRefused,
    Resumed,
    ResumeFailed,
    Enabled,
    EnableRefused,
    Tls,
    Expired(Timer),
    Fail,
    Close,
    InputEnded,
}

fn call() -> impl Strategy<Value = Call> {
    let said = proptest::sample::select(vec![
        OPEN,
        OPEN,
        OPEN,
        OPEN,
        PLAIN,
        PLAIN,
        PLAIN,
        BIND,
        BIND,
        "<message to='b@x'/>",
        "<presence/>",
        " ",
        "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>",
        "</stream:stream>",
        "<iq",
        "<r xmlns='urn:xmpp:sm:3'/>",
        "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='SCRAM-SHA-1'>biwsbj1hbmR5LHI9Yw==</auth>",
        "<response xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>Yz1iaXdzLHI9YyxwPUFBQUE=</response>",
        "<abort xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>",
        "<enable xmlns='urn:xmpp:sm:3'/>",
        "<resume xmlns='urn:xmpp:sm:3' previd='p' h='1'/>",
        "<message to='@'/>",
        "<stream:error><reset xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error>",
    ]);
    prop_oneof![
        12 => said.prop_map(Call::Say),
        1 => proptest::collection::vec(any::<u8>(), 1..20).prop_map(Call::Garbage),
        8 => any::<bool>().prop_map(Call::Found),
        6 => Just(Call::Bound),
        4 => Just(Call::Tls),
        2 => Just(Call::Enabled),
        2 => Just(Call::Resumed),
        1 => proptest::sample::select(vec![
            Call::FoundRefused, Call::BindRefused, Call::ResumeFailed, Call::EnableRefused, Call::Fail,
            Call::Close, Call::InputEnded, Call::Expired(Timer::Negotiation),
            Call::Expired(Timer::Element), Call::Expired(Timer::Closing),
        ]),
    ]
}

fn make(driver: &mut Driver, call: Call) -> Vec<Effect> {
    let server = &mut driver.server;
    let full = || "andy@example.org/desk".parse().unwrap();
    match call {
        Call::Say(text) => server.handle(text.as_bytes()),
        Call::Garbage(octets) => server.handle(&octets),
        Call::Found(true) => server.found(Found::Keys(keys(ScramHash::Sha256))),
        Call::Found(false) => server.found(Found::Nobody),
        Call::FoundRefused => server.found(Found::Refused(SaslCondition::AccountDisabled)),
        Call::Bound => server.bound(full()),
        Call::BindRefused => server.bind_refused(&StanzaError::new(Condition::Conflict)),
        Call::Resumed => server.resumed(full(), 3),
        Call::ResumeFailed => server.resume_failed(Condition::ItemNotFound, None),
        Call::Enabled => server.sm_enabled(None, None, None),
        Call::EnableRefused => server.sm_refused(Condition::InternalServerError),
        Call::Tls => server.tls_established(),
        Call::Fail => server.fail(StreamError::new(StreamCondition::Reset)),
        Call::Close => server.close(),
        Call::InputEnded => server.input_ended(),
        Call::Expired(timer) => {
            // Also one that does not run: an expiry may come late.
            driver.timers.retain(|armed| *armed != timer);
            server.expired(timer)
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn any_order_of_calls(
        calls in proptest::collection::vec(call(), 1..40),
        tls in proptest::sample::select(vec![Tls::Required, Tls::Optional, Tls::Absent]),
        layer in proptest::sample::select(vec![Layer::Plain, Layer::Secure]),
    ) {
        let limits = C2sLimits { octets_before_login: 400, octets: 900, ..C2sLimits::default() };
        let mut driver = Driver::new(C2sConfig { tls, limits, ..config() }, layer);
        driver.automatic = false;
        let mut bound = false;
        for call in calls {
            let blocked = !driver.server.wants_input();
            let effects = make(&mut driver, call);
            // The driver panics if an effect follows the end, or a timer is stopped that does not run.
            driver.perform(effects);
            bound |= driver.server.full_jid().is_some();
            prop_assert!(bound || driver.stanzas.is_empty());
            prop_assert_eq!(driver.cause.is_some(), driver.server.is_closed());
            prop_assert!(!(driver.server.is_closed() && driver.server.may_write()));
            prop_assert!(blocked || driver.server.is_closed() || driver.server.user().is_some()
                || driver.stanzas.is_empty());
        }
        let end = driver.server.input_ended();
        driver.perform(end);
        prop_assert!(driver.cause.is_some());
    }
}
