//! Sockets on loopback, with clients of the real TLS library.

use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use takeover_actors::rt::{RealDriver, WorldSpec};
use takeover_actors::wire::{Arrival, Security};
use takeover_core::id::NodeId;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;
use crate::client::{Dialer, TcpDialer};
use crate::tls::{LabAuthority, client_config, server_config};

#[derive(Default)]
struct Lobby(Mutex<Vec<Arrival>>);

impl Door for Lobby {
    fn arrive(&self, _: NodeId, arrival: Arrival) -> bool {
        self.0.lock().push(arrival);
        true
    }
}

struct Scene {
    driver: RealDriver,
    authority: LabAuthority,
    lobby: Arc<Lobby>,
}

impl Scene {
    fn new() -> Self {
        let driver = RealDriver::new(WorldSpec::new(1, 1), 1.0, 1).unwrap();
        let authority = LabAuthority::generate("example.test").unwrap();
        Self {
            driver,
            authority,
            lobby: Arc::default(),
        }
    }

    fn open(&self, change: impl FnOnce(&mut EndpointSpec)) -> Result<Endpoint, OpenError> {
        let identity = self.authority.issue(["example.test", "127.0.0.1"]).unwrap();
        let mut spec = EndpointSpec {
            node: NodeId(0),
            name: "1A".to_owned(),
            xmpp: 0,
            xmpp_tls: 0,
            tls: server_config(identity).unwrap(),
            allow_plaintext: false,
            handshakes: 10,
        };
        change(&mut spec);
        Endpoint::open(self.driver.world(), spec, self.lobby.clone())
    }

    fn dialer(&self, endpoint: &Endpoint, direct: bool) -> TcpDialer {
        let addresses = endpoint.addresses();
        TcpDialer {
            plain: [("1A".to_owned(), addresses.xmpp)].into(),
            tls: direct
                .then(|| ("1A".to_owned(), addresses.xmpp_tls))
                .into_iter()
                .collect(),
            domain: "example.test".to_owned(),
            trust: Some(client_config(&self.authority).unwrap()),
        }
    }

    fn arrived(&self) -> Arrival {
        assert!(
            self.driver
                .until(|| !self.lobby.0.lock().is_empty(), Duration::from_secs(10))
        );
        self.lobby.0.lock().pop().unwrap()
    }
}

/// XEP-0368: TLS from the first octet; what the client writes is what the node reads.
#[test]
fn direct_tls_arrives_as_a_protected_wire() {
    let scene = Scene::new();
    let endpoint = scene.open(|_| {}).unwrap();
    let dialer = scene.dialer(&endpoint, true);
    let sent = scene.driver.block_on(move || async move {
        let mut dialed = dialer.dial("1A").await.unwrap();
        dialed.wire.write_all(b"hello").await.unwrap();
        dialed.wire.flush().await.unwrap();
        dialed.wire
    });
    assert!(sent.is_some());
    let mut arrival = scene.arrived();
    assert_eq!(arrival.security, Security::Tls);
    let read = scene.driver.block_on(move || async move {
        let mut words = [0; 5];
        arrival.wire.read_exact(&mut words).await.unwrap();
        words
    });
    assert_eq!(read.as_ref(), Some(b"hello"));
}

/// RFC 6120, section 5: a plain connection can be protected on both sides once they agree.
#[test]
fn a_plain_wire_can_be_upgraded() {
    let scene = Scene::new();
    let endpoint = scene.open(|_| {}).unwrap();
    let dialer = scene.dialer(&endpoint, false);
    let dialed = scene
        .driver
        .block_on(move || async move { dialer.dial("1A").await.unwrap() });
    let arrival = scene.arrived();
    assert_eq!(arrival.security, Security::Plain);
    let words = scene.driver.block_on(move || async move {
        let dialed = dialed.unwrap();
        let (near, far) = tokio::join!(
            dialed.upgrade.unwrap()(dialed.wire),
            arrival.upgrade.unwrap()(arrival.wire),
        );
        let (mut near, mut far) = (near.unwrap(), far.unwrap());
        near.write_all(b"secret").await.unwrap();
        near.flush().await.unwrap();
        let mut words = [0; 6];
        far.read_exact(&mut words).await.unwrap();
        words
    });
    assert_eq!(words.as_ref(), Some(b"secret"));
}

#[test]
fn a_port_that_is_taken_is_named() {
    let scene = Scene::new();
    let first = scene.open(|_| {}).unwrap();
    let port = first.addresses().xmpp.port();
    let refused = scene
        .open(|spec| spec.xmpp = port)
        .err()
        .unwrap()
        .to_string();
    assert!(
        refused.contains(&format!("127.0.0.1:{port}")) && refused.contains("1A"),
        "{refused}"
    );
}

/// Handshakes that never end are bounded; a connection without TLS beside them is not disturbed.
#[test]
fn silent_connections_do_not_take_all_handshakes_with_them() {
    let scene = Scene::new();
    let endpoint = scene.open(|spec| spec.handshakes = 3).unwrap();
    let address = endpoint.addresses().xmpp_tls;
    let silent: Vec<_> = (0..8)
        .map(|_| std::net::TcpStream::connect(address).unwrap())
        .collect();
    assert!(
        scene
            .driver
            .until(|| endpoint.turned_away() == 5, Duration::from_secs(10))
    );
    let dialer = scene.dialer(&endpoint, false);
    scene
        .driver
        .block_on(move || async move { dialer.dial("1A").await.unwrap() });
    assert_eq!(scene.arrived().security, Security::Plain);
    drop(silent);
    let served_again = || {
        let dialer = scene.dialer(&endpoint, true);
        scene
            .driver
            .block_on(move || async move { dialer.dial("1A").await.is_ok() })
            == Some(true)
    };
    assert!(scene.driver.until(served_again, Duration::from_secs(10)));
}

/// When the endpoint is gone its ports are free again.
#[test]
fn a_dropped_endpoint_gives_its_ports_back() {
    let scene = Scene::new();
    let endpoint = scene.open(|_| {}).unwrap();
    let port = endpoint.addresses().xmpp.port();
    drop(endpoint);
    assert!(scene.driver.until(
        || scene.open(|spec| spec.xmpp = port).is_ok(),
        Duration::from_secs(10)
    ));
}

/// SES-3: after a failover a node's clients come at once. Three hundred find room while none is accepted; one
/// that found none would try again after a second.
#[test]
fn three_hundred_connections_wait_until_they_are_accepted() {
    let (listener, address) = listener::listen("1A", 0).unwrap();
    let connect = |_| TcpStream::connect_timeout(&address, Duration::from_millis(900));
    let waiting: Result<Vec<TcpStream>, _> = (0..300).map(connect).collect();
    assert_eq!(waiting.unwrap().len(), 300);
    drop(listener);
}
