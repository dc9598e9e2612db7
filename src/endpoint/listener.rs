//! Listening, accepting, and TLS from the first octet.
//!
//! **For:** one node's two listening sockets. **Accepts:** its own listeners' connections that begin
//! with a TLS handshake. **Mailbox full:** the connection is closed and counted.
//!
//! The sockets stay open whatever panics: a listener is started again after a moment, and so is the
//! endpoint itself; a handshake that panics ends its own connection.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener as StdListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use rustls::ServerConfig;
use socket2::{Domain, Protocol, Type};
use takeover_actors::rt::{Actor, ChildExited, ChildSpec, Ctx, MailboxSpec, Standing, World};
use takeover_actors::wire::{Arrival, Security, Upgrade, Wire};
use takeover_core::id::NodeId;
use thiserror::Error;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

/// Protocol time that a TLS handshake may take.
const HANDSHAKE: Duration = Duration::from_secs(60);
/// Protocol time to wait when the system has no more sockets to give.
const EXHAUSTED: Duration = Duration::from_secs(1);

/// Connections that the system keeps until they are accepted, where it allows as many. After a failover all
/// clients of a node come at once: one that finds this queue full tries again a second later.
const BACKLOG: i32 = 4096;

/// Greetings that may wait for their turn.
const MAILBOX: MailboxSpec = MailboxSpec::reject(4096);

/// Where arrivals go: the Connection Manager of a node.
pub trait Door: Send + Sync {
    /// Hands an arrival over. False, and the connection is closed, where nobody serves.
    fn arrive(&self, node: NodeId, arrival: Arrival) -> bool;
}

/// What a node's endpoint is made of.
#[derive(Clone)]
pub struct EndpointSpec {
    /// The node.
    pub node: NodeId,
    /// Its name, for errors.
    pub name: String,
    /// Port for STARTTLS; 0 lets the system choose.
    pub xmpp: u16,
    /// Port for direct TLS; 0 lets the system choose.
    pub xmpp_tls: u16,
    /// The node's certificate and settings.
    pub tls: Arc<ServerConfig>,
    /// Whether clients may log in without TLS.
    pub allow_plaintext: bool,
    /// TLS handshakes under way at most; further connections are closed at once.
    pub handshakes: usize,
}

/// Where a node listens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Addresses {
    /// STARTTLS.
    pub xmpp: SocketAddr,
    /// Direct TLS.
    pub xmpp_tls: SocketAddr,
}

/// A socket could not be opened.
#[derive(Debug, Error)]
#[error("node {node}: cannot listen on 127.0.0.1:{port}: {source}")]
pub struct OpenError {
    /// The node's name.
    pub node: String,
    /// The port asked for.
    pub port: u16,
    /// What the system said.
    pub source: io::Error,
}

/// A node's open sockets; they close when this is dropped.
pub struct Endpoint {
    addresses: Addresses,
    counters: Arc<Counters>,
    root: Standing<Greeting>,
}

#[derive(Default)]
struct Counters {
    accepted: AtomicUsize,
    turned_away: AtomicUsize,
    handshakes: AtomicUsize,
}

impl Endpoint {
    /// Opens a node's sockets and hands what comes in to `door`.
    ///
    /// # Errors
    /// [`OpenError`] when a port is taken or the system refuses.
    pub fn open(world: &World, spec: EndpointSpec, door: Arc<dyn Door>) -> Result<Self, OpenError> {
        let (plain, tls) = (
            listen(&spec.name, spec.xmpp)?,
            listen(&spec.name, spec.xmpp_tls)?,
        );
        let addresses = Addresses {
            xmpp: plain.1,
            xmpp_tls: tls.1,
        };
        let counters = Arc::<Counters>::default();
        let shared = Arc::new(Shared {
            world: world.clone(),
            spec,
            door,
            counters: counters.clone(),
            sockets: [plain.0, tls.0],
        });
        let node = shared.spec.node;
        let name = format!("endpoint/{}", shared.spec.name);
        let place = ChildSpec::new(name, MAILBOX)
            .on_node(node)
            .on_place(node.index());
        let actor = move || EndpointActor(shared.clone());
        let root = world.standing(actor, place);
        Ok(Self {
            addresses,
            counters,
            root,
        })
    }

    /// Where it listens.
    #[must_use]
    pub fn addresses(&self) -> Addresses {
        self.addresses
    }

    /// Connections accepted so far.
    #[must_use]
    pub fn accepted(&self) -> usize {
        self.counters.accepted.load(Ordering::Relaxed)
    }

    /// Connections closed at once, because nobody served or too many handshakes were under way.
    #[must_use]
    pub fn turned_away(&self) -> usize {
        self.counters.turned_away.load(Ordering::Relaxed)
    }
}

impl Drop for Endpoint {
    fn drop(&mut self) {
        self.root.kill();
    }
}

/// Listens on loopback for a node; 0 lets the system choose the port.
pub(super) fn listen(node: &str, port: u16) -> Result<(StdListener, SocketAddr), OpenError> {
    let open = || {
        let socket = socket2::Socket::new(Domain::IPV4, Type::STREAM, Some(Protocol::TCP))?;
        // Not on Windows: there it lets a second server take the port.
        #[cfg(not(windows))]
        socket.set_reuse_address(true)?;
        socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, port)).into())?;
        socket.listen(BACKLOG)?;
        socket.set_nonblocking(true)?;
        let listener = StdListener::from(socket);
        let address = listener.local_addr()?;
        Ok((listener, address))
    };
    open().map_err(|source| OpenError {
        node: node.to_owned(),
        port,
        source,
    })
}

struct Shared {
    world: World,
    spec: EndpointSpec,
    door: Arc<dyn Door>,
    counters: Arc<Counters>,
    /// As [`Socket`] counts them.
    sockets: [StdListener; 2],
}

/// A node's sockets, by the names of their listeners.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Socket {
    Xmpp,
    XmppTls,
}

impl Socket {
    const fn name(self) -> &'static str {
        match self {
            Self::Xmpp => "xmpp",
            Self::XmppTls => "xmpp-tls",
        }
    }
}

/// The wake-ups of an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum EndpointTimer {
    /// Accept again at a socket whose listener has ended.
    Accept(Socket),
}

struct EndpointActor(Arc<Shared>);

impl EndpointActor {
    fn accept_at(&self, socket: Socket, ctx: &mut Ctx<Self>) {
        let (shared, addr) = (self.0.clone(), ctx.addr());
        let take = move |stream, peer| match socket {
            Socket::Xmpp => shared.plain(stream, peer),
            Socket::XmppTls => addr.send(Greeting(stream, peer)).is_ok(),
        };
        let accepting = accept(self.0.clone(), socket, take);
        ctx.light(LISTENER, socket.name(), accepting);
    }
}

/// The kind of the light children that accept.
const LISTENER: &str = "listener";

/// A connection that begins with a TLS handshake.
struct Greeting(TcpStream, SocketAddr);

impl Actor for EndpointActor {
    type Msg = Greeting;
    type Timer = EndpointTimer;
    const KIND: &'static str = "endpoint";

    fn started(&mut self, ctx: &mut Ctx<Self>) {
        for socket in [Socket::Xmpp, Socket::XmppTls] {
            self.accept_at(socket, ctx);
        }
    }

    fn handle(&mut self, Greeting(socket, peer): Greeting, ctx: &mut Ctx<Self>) {
        let counters = &self.0.counters;
        if counters.handshakes.load(Ordering::Relaxed) >= self.0.spec.handshakes {
            counters.turned_away.fetch_add(1, Ordering::Relaxed);
            return;
        }
        let under_way = UnderWay::begin(counters.clone());
        let greeting = greet(socket, peer, self.0.clone(), under_way);
        ctx.light("handshake", peer.to_string(), greeting);
    }

    fn expired(&mut self, timer: EndpointTimer, ctx: &mut Ctx<Self>) {
        match timer {
            EndpointTimer::Accept(socket) => self.accept_at(socket, ctx),
        }
    }

    fn child_exited(&mut self, exit: ChildExited, ctx: &mut Ctx<Self>) {
        let ended = |socket: &Socket| exit.kind == LISTENER && exit.name == socket.name();
        if let Some(socket) = [Socket::Xmpp, Socket::XmppTls].into_iter().find(ended) {
            ctx.arm(EndpointTimer::Accept(socket), EXHAUSTED);
        }
    }
}

/// A TLS handshake that counts, however it ends.
struct UnderWay(Arc<Counters>);

impl UnderWay {
    fn begin(counters: Arc<Counters>) -> Self {
        counters.handshakes.fetch_add(1, Ordering::Relaxed);
        Self(counters)
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.handshakes.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Accepts for ever; a system without sockets to give is asked again after a while.
async fn accept(shared: Arc<Shared>, socket: Socket, take: impl Fn(TcpStream, SocketAddr) -> bool) {
    // Another hand on the same socket: it stays open when this listener ends.
    let listener = shared.sockets[socket as usize].try_clone();
    let Ok(listener) = listener.and_then(TcpListener::from_std) else {
        return;
    };
    loop {
        match listener.accept().await {
            Ok((socket, peer)) => {
                shared.counters.accepted.fetch_add(1, Ordering::Relaxed);
                // Without it, small stanzas wait for the acknowledgement of those before them.
                let _ = socket.set_nodelay(true);
                if !take(socket, peer) {
                    shared.counters.turned_away.fetch_add(1, Ordering::Relaxed);
                }
            }
            // That client is gone again; the next one may be there already.
            Err(error) if is_of_the_client(&error) => {}
            Err(error) => {
                tracing::warn!(node = %shared.spec.name, %error, "cannot accept a connection");
                shared.world.sleep(EXHAUSTED).await;
            }
        }
    }
}

/// Whether accepting failed for what the client did (accept(2), "Error handling").
fn is_of_the_client(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::Interrupted
    )
}

/// The handshake of direct TLS, then the hand-over.
async fn greet(socket: TcpStream, peer: SocketAddr, shared: Arc<Shared>, under_way: UnderWay) {
    let acceptor = TlsAcceptor::from(shared.spec.tls.clone());
    let shaken = tokio::select! {
        biased;
        shaken = acceptor.accept(socket) => shaken.ok(),
        () = shared.world.sleep(HANDSHAKE) => None,
    };
    drop(under_way);
    let Some(stream) = shaken else { return };
    shared.arrive(Arrival {
        wire: Box::new(stream),
        label: peer.to_string(),
        security: Security::Tls,
        upgrade: None,
    });
}

impl Shared {
    fn plain(&self, socket: TcpStream, peer: SocketAddr) -> bool {
        let acceptor = TlsAcceptor::from(self.spec.tls.clone());
        let upgrade: Upgrade = Box::new(move |wire| {
            Box::pin(async move {
                let stream = acceptor.accept(wire).await?;
                Ok(Box::new(stream) as Box<dyn Wire>)
            })
        });
        let allowed = self.spec.allow_plaintext;
        self.arrive(Arrival {
            wire: Box::new(socket),
            label: peer.to_string(),
            security: if allowed {
                Security::PlainAllowed
            } else {
                Security::Plain
            },
            upgrade: Some(upgrade),
        })
    }

    fn arrive(&self, arrival: Arrival) -> bool {
        self.door.arrive(self.spec.node, arrival)
    }
}
