//! A connection that speaks octets, right or wrong.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, StreamOwned};
use socket2::{Domain, SockRef, Socket, Type};

/// A stream header for the lab's domain.
pub const HEADER: &str = "<?xml version='1.0'?><stream:stream to='example.test' version='1.0' \
    xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>";

/// How long a server may take for anything, in real time: only a hung test waits so long.
const PATIENCE: Duration = Duration::from_secs(120);

trait Octets: Read + Write {}
impl<T: Read + Write> Octets for T {}

/// One connection.
pub struct Raw {
    wire: Box<dyn Octets>,
    /// The same socket, for its settings.
    socket: TcpStream,
    /// Heard and not looked at yet.
    heard: Vec<u8>,
}

impl Raw {
    /// Connects.
    pub fn connect(to: SocketAddr) -> Self {
        Self::connect_from(Ipv4Addr::LOCALHOST, to)
    }

    /// Connects from an address of its own.
    pub fn connect_from(from: Ipv4Addr, to: SocketAddr) -> Self {
        Self::with(open(from, to, None))
    }

    /// Connects with little room for what it does not read.
    pub fn connect_narrow(to: SocketAddr) -> Self {
        Self::with(open(Ipv4Addr::LOCALHOST, to, Some(4096)))
    }

    fn with(socket: TcpStream) -> Self {
        Self {
            wire: Box::new(socket.try_clone().expect("a second handle")),
            socket,
            heard: Vec::new(),
        }
    }

    /// Connects with TLS from the first octet.
    pub fn connect_tls(to: SocketAddr, trust: &Arc<ClientConfig>) -> Self {
        let mut raw = Self::connect(to);
        raw.protect(trust);
        raw
    }

    /// Asks for STARTTLS and shakes hands.
    pub fn start_tls(&mut self, trust: &Arc<ClientConfig>) {
        self.ask_for_tls();
        self.protect(trust);
    }

    /// Asks for STARTTLS and leaves it at that.
    pub fn ask_for_tls(&mut self) {
        self.say(HEADER);
        self.hear("</stream:features>");
        self.say("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>");
        self.hear("<proceed");
        self.hear("/>");
    }

    fn protect(&mut self, trust: &Arc<ClientConfig>) {
        let name = ServerName::try_from("example.test").expect("a name");
        let tls = ClientConnection::new(trust.clone(), name).expect("settings of TLS");
        let socket = self.socket.try_clone().expect("a second handle");
        self.wire = Box::new(StreamOwned::new(tls, socket));
        self.wire.flush().expect("a handshake");
        self.heard.clear();
    }

    /// Says something. False if the server has closed already.
    pub fn say(&mut self, words: impl AsRef<[u8]>) -> bool {
        self.wire
            .write_all(words.as_ref())
            .and_then(|()| self.wire.flush())
            .is_ok()
    }

    /// Listens until these words have come; answers what came up to them.
    pub fn hear(&mut self, words: &str) -> String {
        loop {
            if let Some(at) = find(&self.heard, words.as_bytes()) {
                let rest = self.heard.split_off(at + words.len());
                return text(std::mem::replace(&mut self.heard, rest));
            }
            let more = self.listen();
            let so_far = || String::from_utf8_lossy(&self.heard).into_owned();
            assert!(more, "closed while waiting for {words:?}: {}", so_far());
        }
    }

    /// Listens until the server closes; answers all that came.
    pub fn hear_out(&mut self) -> String {
        while self.listen() {}
        text(std::mem::take(&mut self.heard))
    }

    /// Listens for a moment; whether the connection is open still.
    pub fn is_open_after(&mut self, moment: Duration) -> bool {
        self.socket.set_read_timeout(Some(moment)).expect("a time");
        let open = match self.take() {
            Ok(count) => count > 0,
            Err(error) => matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut),
        };
        self.socket
            .set_read_timeout(Some(PATIENCE))
            .expect("a time");
        open
    }

    /// Whether more has come; false at the end.
    fn listen(&mut self) -> bool {
        match self.take() {
            Ok(count) => count > 0,
            Err(error) => {
                let slow = matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut);
                let heard = String::from_utf8_lossy(&self.heard);
                assert!(!slow, "nothing for {PATIENCE:?} after {heard:?}");
                false
            }
        }
    }

    fn take(&mut self) -> io::Result<usize> {
        let mut octets = [0; 8192];
        let count = self.wire.read(&mut octets)?;
        self.heard.extend_from_slice(&octets[..count]);
        Ok(count)
    }

    /// Logs in, with a header before, and binds `resource`.
    pub fn log_in(&mut self, user: &str, resource: &str) {
        self.authenticate(user);
        self.say(HEADER);
        self.hear("</stream:features>");
        self.say(format!(
            "<iq type='set' id='bind'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'>\
             <resource>{resource}</resource></bind></iq><presence/>"
        ));
        self.hear("</iq>");
    }

    /// Logs in, with a header before, and no further.
    pub fn authenticate(&mut self, user: &str) {
        self.say(HEADER);
        self.hear("</stream:features>");
        self.say(plain(user, &format!("{user}-secret")));
        self.hear("<success");
        self.hear(">");
    }

    /// Breaks the connection off, so that the server sees a reset and no end.
    pub fn reset(self) {
        SockRef::from(&self.socket)
            .set_linger(Some(Duration::ZERO))
            .expect("a setting of every socket");
    }
}

fn open(from: Ipv4Addr, to: SocketAddr, room: Option<usize>) -> TcpStream {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
    let prepare = || {
        if let Some(room) = room {
            socket.set_recv_buffer_size(room)?;
        }
        if from != Ipv4Addr::LOCALHOST {
            socket.bind(&SocketAddr::from((from, 0)).into())?;
        }
        socket.set_read_timeout(Some(PATIENCE))?;
        socket.set_write_timeout(Some(PATIENCE))?;
        socket.set_tcp_nodelay(true)?;
        socket.connect(&to.into())
    };
    prepare().expect("a connection");
    socket.into()
}

/// `<auth/>` with PLAIN.
pub fn plain(user: &str, password: &str) -> String {
    auth("PLAIN", format!("\0{user}\0{password}").as_bytes())
}

/// `<auth/>`.
pub fn auth(mechanism: &str, initial: &[u8]) -> String {
    let initial = STANDARD.encode(initial);
    format!(
        "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='{mechanism}'>{initial}</auth>"
    )
}

fn find(octets: &[u8], words: &[u8]) -> Option<usize> {
    octets.windows(words.len()).position(|part| part == words)
}

fn text(octets: Vec<u8>) -> String {
    String::from_utf8(octets).expect("the server speaks UTF-8")
}

impl Raw {
    /// Listens until the server closes, and hears a TLS alert (RFC 8446, section 6) or nothing.
    pub fn closes_with_an_alert_at_most(&mut self) {
        while self.listen() {}
        let alert = [21, 3, 3, 0, 2, 2];
        let heard = std::mem::take(&mut self.heard);
        let is_alert = heard.starts_with(&alert) && heard.len() == 7;
        assert!(heard.is_empty() || is_alert, "{heard:?}");
    }
}
