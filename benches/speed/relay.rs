//! The floor of routing: the same octets from wire to wire, with nothing between them but tokio.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread::JoinHandle;

use futures_util::FutureExt;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream};
use tokio::runtime::{Builder, Runtime};
use tokio::task::LocalSet;

use super::octets::Wire;

/// Who hears whom.
#[derive(Clone, Copy, Debug)]
pub enum Shape {
    /// The second of each two hears the first.
    Pairs,
    /// All others hear the first.
    Fan,
}

/// A relay between pipes in memory, driven by whoever asks.
pub struct Pipes {
    runtime: Runtime,
    local: LocalSet,
    pub wires: Vec<Wire>,
}

impl Pipes {
    pub fn new(count: usize, shape: Shape) -> Self {
        let runtime = Builder::new_current_thread().build().expect("a runtime");
        let local = LocalSet::new();
        let (near, far): (Vec<_>, Vec<_>) = (0..count).map(|_| tokio::io::duplex(1 << 20)).unzip();
        start(&local, far, shape);
        let wires = near.into_iter().map(Wire::Pipe).collect();
        Self {
            runtime,
            local,
            wires,
        }
    }

    /// Runs what is runnable.
    pub fn settle(&mut self) {
        let wires = self.wires.len();
        let turn = self.local.run_until(async move {
            // Once for those that read, once for those that are woken by them; and tokio gives nobody
            // more than 128 writes at a time.
            for _ in 0..4 + wires / 64 {
                tokio::task::yield_now().await;
            }
        });
        self.runtime.block_on(turn);
    }
}

/// A relay between sockets on loopback, on a thread of its own.
pub struct Sockets {
    pub wires: Vec<Wire>,
    relay: Option<JoinHandle<()>>,
}

impl Sockets {
    pub fn new(count: usize, shape: Shape) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
        let at: SocketAddr = listener.local_addr().expect("an address");
        #[expect(clippy::disallowed_methods, reason = "nothing of a lab runs here")]
        let relay = std::thread::spawn(move || serve(&listener, count, shape));
        let connect = |_| {
            let socket = TcpStream::connect(at).expect("a relay that listens");
            socket.set_nodelay(true).expect("a socket");
            Wire::Socket(socket)
        };
        Self {
            wires: (0..count).map(connect).collect(),
            relay: Some(relay),
        }
    }
}

impl Drop for Sockets {
    fn drop(&mut self) {
        // The relay ends with its last connection.
        self.wires.clear();
        if let Some(relay) = self.relay.take() {
            relay.join().expect("a relay that ends");
        }
    }
}

fn serve(listener: &TcpListener, count: usize, shape: Shape) {
    let runtime = Builder::new_current_thread().enable_io().build();
    let runtime = runtime.expect("a runtime");
    let local = LocalSet::new();
    let _inside = runtime.enter();
    let accept = |_| {
        let (socket, _) = listener.accept().expect("a connection");
        socket.set_nonblocking(true).expect("a socket");
        socket.set_nodelay(true).expect("a socket");
        tokio::net::TcpStream::from_std(socket).expect("a socket")
    };
    let sockets = (0..count).map(accept).collect();
    start(&local, sockets, shape);
    runtime.block_on(local);
}

fn start<W: AsyncRead + AsyncWrite + Unpin + 'static>(
    local: &LocalSet,
    mut wires: Vec<W>,
    shape: Shape,
) {
    match shape {
        Shape::Fan => {
            let first = wires.remove(0);
            local.spawn_local(pass_on(first, wires));
        }
        Shape::Pairs => {
            let mut wires = wires.into_iter();
            while let (Some(one), Some(other)) = (wires.next(), wires.next()) {
                local.spawn_local(pass_on(one, vec![other]));
            }
        }
    }
}

async fn pass_on<W: AsyncRead + AsyncWrite + Unpin>(mut from: W, mut to: Vec<W>) {
    let mut buffer = vec![0; 16 * 1024];
    while let Ok(more @ 1..) = from.read(&mut buffer).await {
        for wire in &mut to {
            if wire.write_all(&buffer[..more]).await.is_err() {
                return;
            }
        }
    }
}

/// The floor of a login: as many octets from one end of a pipe to the other.
pub fn through(from: &mut DuplexStream, to: &mut DuplexStream, octets: &[u8]) {
    let mut buffer = [0; 16 * 1024];
    let written = from.write_all(octets).now_or_never();
    written.expect("room in the pipe").expect("an open pipe");
    let mut left = octets.len();
    while left > 0 {
        let read = to.read(&mut buffer).now_or_never();
        left -= read.expect("octets").expect("an open pipe");
    }
}
