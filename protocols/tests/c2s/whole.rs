//! Both machines against each other, and every split of a whole session.

use std::sync::Arc;

use takeover_protocols::jid::FullJid;
use takeover_protocols::sasl::{Mechanism, Password, SaslCondition};
use takeover_protocols::stanza::Condition;
use takeover_protocols::stream::{
    C2sClient, C2sConfig, C2sServer, ClientCause, ClientConfig, ClientEffect, ClientTls, Earlier,
    Effect, Layer, Management, Ready, Secret, StreamError, Tls,
};

use super::driver::{BIND, Driver, OPEN, PLAIN, config, found};

/// A connection between both machines; octets travel in pieces of `piece`.
struct Pair {
    server: C2sServer,
    client: C2sClient,
    piece: usize,
    ready: Option<Ready>,
    causes: (Option<String>, Option<ClientCause>),
    to_server: Vec<u8>,
    to_client: Vec<u8>,
    /// What the server does after authentication.
    redirect: Option<&'static str>,
    resumable: bool,
    /// Inactive sessions are refused.
    crowded: bool,
    /// The client has an inactive session.
    held: bool,
    tls_started: bool,
}

impl Pair {
    fn run(server: C2sConfig, client: ClientConfig, layer: Layer, piece: usize) -> Self {
        Self::prepared(server, client, layer, piece, |_| {})
    }

    fn prepared(
        server: C2sConfig,
        client: ClientConfig,
        layer: Layer,
        piece: usize,
        prepare: impl FnOnce(&mut Self),
    ) -> Self {
        let (server, effects) = C2sServer::new(Arc::new(server), layer, Secret([3; 32]));
        let client = C2sClient::new(client, layer, Secret([4; 32]));
        let start = client.start();
        let mut pair = Self {
            server,
            client,
            piece,
            ready: None,
            causes: (None, None),
            to_server: Vec::new(),
            to_client: Vec::new(),
            redirect: None,
            resumable: false,
            crowded: false,
            held: false,
            tls_started: false,
        };
        prepare(&mut pair);
        pair.server_does(effects);
        pair.client_does(start);
        pair.settle();
        pair
    }

    fn settle(&mut self) {
        while !(self.to_server.is_empty() && self.to_client.is_empty()) {
            let count = self.piece.min(self.to_server.len());
            let octets: Vec<u8> = self.to_server.drain(..count).collect();
            let effects = self.server.handle(&octets);
            self.server_does(effects);
            let count = self.piece.min(self.to_client.len());
            let octets: Vec<u8> = self.to_client.drain(..count).collect();
            let effects = self.client.handle(&octets);
            self.client_does(effects);
        }
    }

    fn server_does(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            let answer = match effect {
                Effect::Send(octets) => {
                    self.to_client.extend_from_slice(&octets);
                    continue;
                }
                Effect::LookUp { user, mechanism } => {
                    self.server.found(found(&user, mechanism.hash()))
                }
                Effect::Authenticated { .. } => match self.redirect {
                    None => continue,
                    Some(host) => self.server.fail(StreamError::see_other_host(host)),
                },
                Effect::Bind { wanted, .. } => self.server.bound(wanted),
                Effect::Inactive { .. } if self.crowded => {
                    self.server.inactive_refused("there is no room")
                }
                Effect::Inactive { .. } => self.server.inactive_granted(),
                Effect::Enable { .. } => {
                    self.server.sm_enabled(Some("sm-1".into()), Some(60), None)
                }
                Effect::Resume { h, .. } if self.resumable => self
                    .server
                    .resumed("andy@example.org/old".parse().unwrap(), h + 1),
                Effect::Resume { .. } => self.server.resume_failed(Condition::ItemNotFound, None),
                Effect::Close(cause) => {
                    self.causes.0 = Some(format!("{cause:?}"));
                    continue;
                }
                Effect::StartTls
                | Effect::AuthenticationFailed { .. }
                | Effect::Acked { .. }
                | Effect::AckRequested
                | Effect::ClientState(_)
                | Effect::Stanza(_)
                | Effect::RefusedStanza { .. }
                | Effect::Arm(..)
                | Effect::Disarm(_) => continue,
            };
            self.server_does(answer);
        }
    }

    fn client_does(&mut self, effects: Vec<ClientEffect>) {
        for effect in effects {
            match effect {
                ClientEffect::Send(octets) => self.to_server.extend_from_slice(&octets),
                ClientEffect::Inactive => self.held = true,
                ClientEffect::StartTls => {
                    self.tls_started = true;
                    assert!(self.to_client.is_empty() && self.to_server.is_empty());
                    let server = self.server.tls_established();
                    self.server_does(server);
                    let client = self.client.tls_established();
                    self.client_does(client);
                }
                ClientEffect::Ready(ready) => self.ready = Some(ready),
                ClientEffect::Close(cause) => self.causes.1 = Some(cause),
                ClientEffect::Stanza(_)
                | ClientEffect::BadStanza(_)
                | ClientEffect::AckRequested
                | ClientEffect::Acked { .. } => {}
            }
        }
    }
}

fn client(password: &str) -> ClientConfig {
    let user = "andy@example.org".parse().unwrap();
    let config = ClientConfig::new(user, Password::new(password));
    ClientConfig {
        resource: Some("desk".into()),
        ..config
    }
}

fn new_session() -> Ready {
    let management = Management::New {
        id: Some("sm-1".into()),
        max: Some(60),
        location: None,
    };
    Ready {
        jid: FullJid::new("andy@example.org/desk").unwrap(),
        management,
    }
}

#[test]
fn every_mechanism_layer_and_piece() {
    for mechanism in Mechanism::ALL {
        for (layer, tls) in [
            (Layer::Plain, Tls::Required),
            (Layer::Plain, Tls::Optional),
            (Layer::Secure, Tls::Absent),
        ] {
            for piece in [1, 7, 100_000] {
                let config = C2sConfig {
                    tls,
                    mechanisms: vec![mechanism],
                    ..config()
                };
                let pair = Pair::run(config, client("secret"), layer, piece);
                assert_eq!(
                    pair.ready,
                    Some(new_session()),
                    "{mechanism} {layer:?} {tls:?} {piece}"
                );
                assert!(pair.server.is_secure() && pair.client.is_secure());
                assert_eq!(pair.tls_started, layer == Layer::Plain);
            }
        }
    }
}

#[test]
fn plain_text_only_where_both_allow_it() {
    let server = || C2sConfig {
        tls: Tls::Absent,
        allow_plaintext: true,
        ..config()
    };
    let wish = |tls, allow_plaintext| ClientConfig {
        tls,
        allow_plaintext,
        mechanisms: vec![Mechanism::Plain],
        ..client("secret")
    };
    let pair = Pair::run(server(), wish(ClientTls::Never, true), Layer::Plain, 50);
    assert_eq!(pair.ready, Some(new_session()));
    let pair = Pair::run(server(), wish(ClientTls::Never, false), Layer::Plain, 50);
    assert!(matches!(
        pair.causes.1,
        Some(ClientCause::NoMechanism { .. })
    ));
    let pair = Pair::run(server(), wish(ClientTls::Required, true), Layer::Plain, 50);
    assert_eq!(pair.causes.1, Some(ClientCause::NoTls));
}

#[test]
fn a_wrong_password() {
    for mechanism in Mechanism::ALL {
        let config = C2sConfig {
            mechanisms: vec![mechanism],
            ..config()
        };
        let pair = Pair::run(config, client("guess"), Layer::Secure, 1000);
        assert_eq!(pair.ready, None);
        let refused = ClientCause::Refused(SaslCondition::NotAuthorized);
        assert_eq!(pair.causes.1, Some(refused), "{mechanism}");
    }
}

/// SES-2.
#[test]
fn redirected() {
    for piece in [1, 1000] {
        let redirect = |pair: &mut Pair| pair.redirect = Some("node-1b:5222");
        let pair = Pair::prepared(config(), client("secret"), Layer::Plain, piece, redirect);
        let error = StreamError::see_other_host("node-1b:5222");
        assert_eq!(pair.causes.1, Some(ClientCause::Error(error)));
        assert_eq!(pair.ready, None);
    }
}

/// XEP-0198, section 5: resumed, or bound where that fails.
#[test]
fn resumed_or_bound() {
    let earlier = Earlier {
        previd: "old".into(),
        h: 4,
        jid: FullJid::new("andy@example.org/old").unwrap(),
    };
    let config_of = || ClientConfig {
        earlier: Some(earlier.clone()),
        ..client("secret")
    };
    let resumable = |pair: &mut Pair| pair.resumable = true;
    let pair = Pair::prepared(config(), config_of(), Layer::Secure, 9, resumable);
    let management = Management::Resumed { h: 5 };
    assert_eq!(
        pair.ready,
        Some(Ready {
            jid: earlier.jid.clone(),
            management
        })
    );
    let pair = Pair::run(config(), config_of(), Layer::Secure, 9);
    assert_eq!(pair.ready, Some(new_session()));
    let server = C2sConfig {
        stream_management: false,
        ..config()
    };
    let pair = Pair::run(server, config_of(), Layer::Secure, 9);
    assert_eq!(pair.ready.unwrap().management, Management::Off);
}

/// SES-7: an inactive session stays for as long as both like, and is activated by resuming or binding.
#[test]
fn an_inactive_session_is_activated() {
    let offering = || C2sConfig {
        dual: true,
        ..config()
    };
    let waiting = || ClientConfig {
        inactive: true,
        ..client("secret")
    };
    let earlier = Earlier {
        previd: "old".into(),
        h: 4,
        jid: FullJid::new("andy@example.org/old").unwrap(),
    };
    for (resumes, piece) in [(false, 1), (true, 1), (false, 1000), (true, 1000)] {
        let prepare = |pair: &mut Pair| pair.resumable = true;
        let mut pair = Pair::prepared(offering(), waiting(), Layer::Plain, piece, prepare);
        assert!(pair.held && pair.ready.is_none() && pair.causes == (None, None));
        // It may take longer than a login.
        let late = pair
            .server
            .expired(takeover_protocols::stream::Timer::Negotiation);
        assert!(late.is_empty());
        let effects = pair.client.activate(resumes.then(|| earlier.clone()));
        pair.client_does(effects);
        pair.settle();
        let jid = pair.ready.map(|ready| ready.jid.to_string());
        let expected = if resumes {
            "andy@example.org/old"
        } else {
            "andy@example.org/desk"
        };
        assert_eq!(jid.as_deref(), Some(expected));
    }
}

/// SES-7: not offered where that is switched off, nor on a stream without TLS; a refusal is told.
#[test]
fn inactive_sessions_that_are_not_given() {
    let waiting = || ClientConfig {
        inactive: true,
        ..client("secret")
    };
    let why = |pair: Pair| match pair.causes.1 {
        Some(ClientCause::Protocol(why)) => why,
        other => panic!("{other:?}"),
    };
    let pair = Pair::run(config(), waiting(), Layer::Secure, 100);
    assert_eq!(why(pair), "inactive sessions are not offered");
    let bare = C2sConfig {
        dual: true,
        tls: Tls::Absent,
        allow_plaintext: true,
        ..config()
    };
    let open = ClientConfig {
        tls: ClientTls::Never,
        allow_plaintext: true,
        ..waiting()
    };
    let pair = Pair::run(bare, open, Layer::Plain, 100);
    assert_eq!(why(pair), "inactive sessions are not offered");
    let offering = C2sConfig {
        dual: true,
        ..config()
    };
    let crowded = |pair: &mut Pair| pair.crowded = true;
    let pair = Pair::prepared(offering, waiting(), Layer::Secure, 100, crowded);
    assert_eq!(why(pair), "there is no room");
}

#[test]
fn both_ways_of_closing() {
    let mut pair = Pair::run(config(), client("secret"), Layer::Secure, 5);
    let effects = pair.client.close();
    pair.client_does(effects);
    pair.settle();
    assert_eq!(
        pair.causes,
        (Some("Client".into()), Some(ClientCause::Client))
    );
    let mut pair = Pair::run(config(), client("secret"), Layer::Secure, 5);
    let effects = pair.server.close();
    pair.server_does(effects);
    pair.settle();
    assert_eq!(
        pair.causes,
        (Some("Server".into()), Some(ClientCause::Server))
    );
}

/// The effects of a whole session do not depend on how its octets were split.
#[test]
fn every_split_of_a_session() {
    let talk = [
        OPEN,
        PLAIN,
        OPEN,
        BIND,
        "<presence/>\n",
        "<message to='bob@example.org'><body>it&apos;s \u{20ac} &lt;<![CDATA[>]]></body></message>",
        "<iq type='get' id='q'><query xmlns='jabber:iq:roster'/></iq>",
        "<message><bad></message>",
    ]
    .concat();
    let run = |chunks: &[&[u8]]| {
        let mut driver = Driver::new(config(), Layer::Secure);
        chunks.iter().for_each(|chunk| driver.say_octets(chunk));
        (driver.sent, driver.log, format!("{:?}", driver.cause))
    };
    let whole = run(&[talk.as_bytes()]);
    assert_eq!(
        whole
            .1
            .iter()
            .filter(|line| line.starts_with("stanza"))
            .count(),
        3
    );
    for at in 0..talk.len() {
        let (left, right) = talk.as_bytes().split_at(at);
        assert_eq!(run(&[left, right]), whole, "split at {at}");
    }
    assert_eq!(run(&talk.as_bytes().chunks(1).collect::<Vec<_>>()), whole);
}
