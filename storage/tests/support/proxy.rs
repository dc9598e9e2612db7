//! A wire between an engine and its server that can be cut at the moment of a commit.
#![allow(dead_code, reason = "each test binary uses its part")]

use std::{
    io::{Read, Write},
    net::{Shutdown, TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering::SeqCst},
    },
    thread,
};

const PASS: u8 = 0;
const CUT_BEFORE: u8 = 1;
const CUT_AFTER: u8 = 2;
const ANSWERING: u8 = 3;
const SILENT: u8 = 4;

/// Passes octets on, both ways.
pub struct Proxy {
    port: u16,
    mode: Arc<AtomicU8>,
}

impl Proxy {
    /// To a server on this port of the loopback interface.
    pub fn to(server: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let mode = Arc::new(AtomicU8::new(PASS));
        let shared = Arc::clone(&mode);
        let accept = move || {
            for client in listener.incoming().map_while(Result::ok) {
                // Refused where the server is gone: the client sees its connection closed.
                if let Ok(server) = TcpStream::connect(("127.0.0.1", server)) {
                    join(&client, &server, &shared);
                }
            }
        };
        thread::Builder::new().spawn(accept).unwrap();
        Self { port, mode }
    }

    /// Where to connect.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The next commit does not reach the server.
    pub fn cut_before_commit(&self) {
        self.mode.store(CUT_BEFORE, SeqCst);
    }

    /// The next commit reaches the server, its answer gets lost.
    pub fn cut_after_commit(&self) {
        self.mode.store(CUT_AFTER, SeqCst);
    }

    /// From now on no answer comes through, and no connection ends; or they do again.
    pub fn be_silent(&self, silent: bool) {
        self.mode.store(if silent { SILENT } else { PASS }, SeqCst);
    }

    /// Whether the cut that was asked for has happened.
    pub fn has_cut(&self) -> bool {
        self.mode.load(SeqCst) == PASS
    }
}

fn join(client: &TcpStream, server: &TcpStream, mode: &Arc<AtomicU8>) {
    let clones = || (client.try_clone().unwrap(), server.try_clone().unwrap());
    let ((from, to), asking) = (clones(), Arc::clone(mode));
    let ask = move || {
        pump(&from, &to, |octets| {
            let commits = octets.windows(6).any(|window| window == b"COMMIT");
            if commits && asking.load(SeqCst) == CUT_AFTER {
                asking.store(ANSWERING, SeqCst);
            }
            let cut = commits && asking.load(SeqCst) == CUT_BEFORE;
            if cut {
                asking.store(PASS, SeqCst);
                return Way::Cut;
            }
            Way::On
        });
    };
    let ((to, from), answering) = (clones(), Arc::clone(mode));
    let answer = move || {
        pump(&from, &to, |_| match answering.load(SeqCst) {
            ANSWERING => {
                answering.store(PASS, SeqCst);
                Way::Cut
            }
            SILENT => Way::Nowhere,
            _ => Way::On,
        });
    };
    thread::Builder::new().spawn(ask).unwrap();
    thread::Builder::new().spawn(answer).unwrap();
}

/// What becomes of octets.
enum Way {
    On,
    Nowhere,
    Cut,
}

/// Passes octets on as `way` says, until it says otherwise; then closes both.
fn pump(mut from: &TcpStream, mut to: &TcpStream, mut way: impl FnMut(&[u8]) -> Way) {
    let mut octets = [0; 65_536];
    while let Ok(count @ 1..) = from.read(&mut octets) {
        let octets = &octets[..count];
        match way(octets) {
            Way::On if to.write_all(octets).is_ok() => {}
            Way::Nowhere => {}
            Way::On | Way::Cut => break,
        }
    }
    for end in [from, to] {
        // Closed already, if this fails.
        drop(end.shutdown(Shutdown::Both));
    }
}
