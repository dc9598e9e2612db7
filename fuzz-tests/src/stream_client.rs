//! A client's stream as the client has it: what a server may send.

use takeover_protocols::jid::BareJid;
use takeover_protocols::sasl::{Mechanism, Password};
use takeover_protocols::stream::{
    C2sClient, ClientCause, ClientConfig, ClientEffect, ClientTls, Earlier, Layer, Secret,
};
use takeover_protocols::xml::{Bounds, Limits};

use crate::input::{Input, check_written, chunks};

const LIMITS: Limits = Limits {
    octets: 2000,
    bounds: Bounds {
        depth: 8,
        attributes: 12,
        declarations: 16,
    },
};

/// Name and password, as PLAIN says them.
const PLAIN: &[u8] = b"AGFuZHkAc2VjcmV0";

/// What is done depends on the octets alone, never on how they came; nothing follows the end; the
/// password is shown to nobody who has not TLS.
pub(crate) fn body(octets: &[u8]) {
    let Ok(user) = BareJid::new("andy@example.org") else {
        return;
    };
    let mut input = Input::new(octets);
    let layer = *input.pick(&[Layer::Secure, Layer::Plain]);
    let mode = input.octet();
    let seed = input.octet();
    let mut config = ClientConfig {
        resource: Some("desk".to_owned()),
        tls: *input.pick(&[ClientTls::Required, ClientTls::IfOffered, ClientTls::Never]),
        inactive: mode & 1 == 1,
        limits: LIMITS,
        ..ClientConfig::new(user.clone(), Password::new("secret"))
    };
    if mode & 2 == 2 {
        config.mechanisms = vec![Mechanism::Plain];
    }
    config.earlier = (mode & 4 == 4)
        .then(|| user.with_resource_str("desk").ok())
        .flatten()
        .map(|jid| Earlier {
            previd: "known".to_owned(),
            h: 3,
            jid,
        });
    let stream = input.rest();
    let said = |chunks: &[&[u8]]| Conversation::new(config.clone(), layer).hear(chunks);
    let whole = said(&[stream]);
    let cut = said(&chunks(stream, seed));
    // What came in clear text before TLS is thrown away, and an inactive session is activated when it
    // is: there it matters how much has come.
    let secure = layer == Layer::Secure || config.tls == ClientTls::Never;
    if secure && !config.inactive {
        assert_eq!(cut, whole);
    }
}

/// What came out of a client.
#[derive(Debug, Default, PartialEq)]
struct Said {
    /// Octets for the server.
    sent: Vec<u8>,
    /// Everything else, in words.
    told: Vec<String>,
    /// Why it ended.
    cause: Option<ClientCause>,
}

struct Conversation {
    client: C2sClient,
    said: Said,
}

impl Conversation {
    fn new(config: ClientConfig, layer: Layer) -> Self {
        let client = C2sClient::new(config, layer, Secret([3; 32]));
        let start = client.start();
        let mut conversation = Self {
            client,
            said: Said::default(),
        };
        conversation.perform(start);
        conversation
    }

    fn hear(mut self, chunks: &[&[u8]]) -> Said {
        for chunk in chunks {
            let effects = self.client.handle(chunk);
            self.perform(effects);
        }
        let effects = self.client.input_ended();
        self.perform(effects);
        assert!(self.said.cause.is_some() && self.client.is_closed());
        self.said
    }

    /// Does it all in order; what comes of it comes after all of it, as in life.
    fn perform(&mut self, mut effects: Vec<ClientEffect>) {
        while !effects.is_empty() {
            let mut answers = Vec::new();
            for effect in effects {
                assert!(self.said.cause.is_none(), "{effect:?} after the end");
                answers.extend(self.one(effect));
            }
            effects = answers;
        }
    }

    /// Does what is asked; answers what came of it.
    fn one(&mut self, effect: ClientEffect) -> Vec<ClientEffect> {
        match effect {
            ClientEffect::Send(octets) => {
                let shown = octets.windows(PLAIN.len()).any(|part| part == PLAIN);
                assert!(
                    !shown || self.client.is_secure(),
                    "the password in clear text"
                );
                self.said.sent.extend_from_slice(&octets);
            }
            ClientEffect::StartTls => return self.client.tls_established(),
            ClientEffect::Inactive => return self.client.activate(None),
            ClientEffect::Stanza(stanza) => {
                check_written(&stanza);
                self.said.told.push(stanza.to_string());
            }
            ClientEffect::Close(cause) => self.said.cause = Some(cause),
            told @ (ClientEffect::Ready(_)
            | ClientEffect::BadStanza(_)
            | ClientEffect::AckRequested
            | ClientEffect::Acked { .. }) => self.said.told.push(format!("{told:?}")),
        }
        Vec::new()
    }
}
