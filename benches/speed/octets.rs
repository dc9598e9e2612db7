//! A client's octets: over a pipe in memory, or over a socket on loopback.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use futures_util::FutureExt;
use takeover::Lab;
use takeover_actors::wire::Arrival;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

/// Octets that a pipe holds.
const PIPE: usize = 1 << 20;

/// One end of a connection.
pub enum Wire {
    /// In memory: nothing moves while the lab does not.
    Pipe(DuplexStream),
    /// On loopback.
    Socket(TcpStream),
}

impl Wire {
    /// A pipe to a node of a lab in virtual time.
    pub fn pipe(lab: &Lab, node: &str) -> Self {
        let (near, far) = tokio::io::duplex(PIPE);
        let node = lab.node_id(node).expect("a node of the lab");
        let arrival = Arrival::in_memory(far, "memory");
        lab.plane()
            .node(node)
            .arrive(arrival)
            .expect("an open door");
        Self::Pipe(near)
    }

    /// A socket to a node of a lab in real time.
    pub fn socket(lab: &Lab, node: &str) -> Self {
        let at = lab.addresses(node).expect("a node of the lab").xmpp;
        let socket = TcpStream::connect(at).expect("a node that listens");
        socket.set_nodelay(true).expect("a socket");
        let patience = Some(Duration::from_secs(30));
        socket.set_read_timeout(patience).expect("a socket");
        Self::Socket(socket)
    }

    /// Writes all of it.
    pub fn say(&mut self, octets: &[u8]) {
        match self {
            Self::Pipe(pipe) => {
                let written = pipe.write_all(octets).now_or_never();
                written.expect("room in the pipe").expect("an open pipe");
            }
            Self::Socket(socket) => socket.write_all(octets).expect("an open socket"),
        }
    }

    /// What has come: nothing, if nothing has (a socket is waited for).
    fn some(&mut self, into: &mut [u8]) -> usize {
        match self {
            Self::Pipe(pipe) => match pipe.read(into).now_or_never() {
                Some(read) => read.expect("an open pipe"),
                None => 0,
            },
            Self::Socket(socket) => socket.read(into).expect("an answer"),
        }
    }

    /// Reads until so many octets have come.
    pub fn take(&mut self, octets: usize) {
        let mut buffer = [0; 16 * 1024];
        let mut left = octets;
        while left > 0 {
            let room = left.min(buffer.len());
            let more = self.some(&mut buffer[..room]);
            assert!(more > 0, "{left} octets of {octets} have not come");
            left -= more;
        }
    }

    /// Says something, and hears until it has heard `answer`; what it has heard.
    pub fn ask(&mut self, lab: &mut Lab, said: &str, answer: &str) -> String {
        self.say(said.as_bytes());
        self.hear(lab, answer)
    }

    /// Hears until it has heard `answer`.
    pub fn hear(&mut self, lab: &mut Lab, answer: &str) -> String {
        let mut heard = String::new();
        let mut buffer = [0; 16 * 1024];
        for _ in 0..10_000 {
            if matches!(self, Self::Pipe(_)) {
                lab.pass(Duration::from_millis(1));
            }
            let more = self.some(&mut buffer);
            heard.push_str(std::str::from_utf8(&buffer[..more]).expect("UTF-8"));
            if heard.contains(answer) {
                return heard;
            }
        }
        panic!("{answer:?} never came; what came was {heard}");
    }

    /// What has come by now is of no interest; whether something had.
    pub fn forget(&mut self) -> bool {
        let mut buffer = [0; 16 * 1024];
        let mut some = false;
        match self {
            Self::Pipe(_) => {
                while self.some(&mut buffer) > 0 {
                    some = true;
                }
            }
            Self::Socket(socket) => {
                socket.set_nonblocking(true).expect("a socket");
                while socket.read(&mut buffer).is_ok_and(|more| more > 0) {
                    some = true;
                }
                socket.set_nonblocking(false).expect("a socket");
            }
        }
        some
    }
}
