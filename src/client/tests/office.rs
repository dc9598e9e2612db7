//! A small server for tests of clients: logs in, resumes, passes one-to-one messages on, and does
//! what it is told to its connections.

use std::collections::{BTreeMap, VecDeque};
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;

use parking_lot::Mutex;
use takeover_actors::rt::{Actor, Addr, ChildSpec, Ctx, MailboxSpec, NoTimer, Root, World};
use takeover_protocols::jid::{BareJid, FullJid};
use takeover_protocols::sasl::{Found, Password, ScramKeys};
use takeover_protocols::sm::Nonza;
use takeover_protocols::stanza::{Condition, Stanza};
use takeover_protocols::stream::{
    C2sConfig, C2sServer, Effect, Layer, Secret, StreamCondition, StreamError,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::mpsc;

use crate::client::{BoxedWire, Dialed, Dialer};

/// What a connection is told.
#[derive(Clone)]
pub enum Order {
    Flush,
    Redirect(String),
    Shutdown,
    Die,
    /// Stops reading stanzas' effects: acknowledges nothing any more.
    Deafen,
}

#[derive(Default)]
struct Kept {
    jid: Option<FullJid>,
    handled: u32,
    queue: VecDeque<Stanza>,
    next: usize,
}

#[derive(Default)]
struct Books {
    doors: BTreeMap<String, Addr<BoxedWire>>,
    kept: BTreeMap<String, Kept>,
    lines: BTreeMap<String, mpsc::UnboundedSender<Order>>,
    logins: usize,
}

/// The server; its nodes share all they know.
#[derive(Clone, Default)]
pub struct Office(Arc<Mutex<Books>>);

impl Office {
    /// Opens a node. It closes when the result is dropped and killed.
    pub fn open(&self, world: &World, node: &str) -> Root<BoxedWire> {
        let door = Door {
            office: self.clone(),
            node: node.to_owned(),
        };
        let root = world.root(
            door,
            ChildSpec::new(node.to_owned(), MailboxSpec::reject(100)),
        );
        self.0
            .lock()
            .doors
            .insert(node.to_owned(), root.addr().clone());
        root
    }

    /// Nobody listens at the node any more.
    pub fn close(&self, node: &str) {
        self.0.lock().doors.remove(node);
    }

    /// Tells the connection of a user.
    pub fn tell(&self, user: &str, order: Order) {
        if let Some(line) = self.0.lock().lines.get(user) {
            let _ = line.send(order);
        }
    }

    /// Forgets every session that could be resumed.
    pub fn forget(&self) {
        self.0.lock().kept.clear();
    }

    pub fn logins(&self) -> usize {
        self.0.lock().logins
    }

    fn route(&self, stanza: Stanza) {
        let Some(to) = stanza.to.clone() else { return };
        let mut books = self.0.lock();
        let user = to.to_bare().to_string();
        let mut kept = books.kept.values_mut();
        let mine = |kept: &&mut Kept| {
            kept.jid
                .as_ref()
                .is_some_and(|jid| jid.to_bare().to_string() == user)
        };
        if let Some(kept) = kept.find(mine) {
            kept.queue.push_back(stanza);
        }
        if let Some(line) = books.lines.get(&user) {
            let _ = line.send(Order::Flush);
        }
    }
}

impl Dialer for Office {
    fn dial(&self, place: &str) -> Pin<Box<dyn Future<Output = io::Result<Dialed>> + Send + '_>> {
        let door = self.0.lock().doors.get(place).cloned();
        Box::pin(async move {
            let refused = || io::Error::from(io::ErrorKind::ConnectionRefused);
            let (near, far) = tokio::io::duplex(4096);
            door.ok_or_else(refused)?
                .send(Box::new(far))
                .map_err(|_| refused())?;
            Ok(Dialed {
                wire: Box::new(near),
                layer: Layer::Secure,
                upgrade: None,
            })
        })
    }
}

struct Door {
    office: Office,
    node: String,
}

impl Actor for Door {
    type Msg = BoxedWire;
    type Timer = NoTimer;
    const KIND: &'static str = "door";

    fn handle(&mut self, wire: BoxedWire, ctx: &mut Ctx<Self>) {
        let line = Line::new(self.office.clone(), self.node.clone());
        ctx.light("line", "line", line.serve(wire));
    }
}

struct Line {
    office: Office,
    node: String,
    previd: Option<String>,
    deaf: bool,
}

impl Line {
    fn new(office: Office, node: String) -> Self {
        Self {
            office,
            node,
            previd: None,
            deaf: false,
        }
    }

    async fn serve(mut self, mut wire: BoxedWire) {
        let config = Arc::new(C2sConfig::new("example.test", Secret([7; 32])));
        let (mut server, effects) = C2sServer::new(config, Layer::Secure, Secret([9; 32]));
        let (line, mut orders) = mpsc::unbounded_channel();
        let mut effects = VecDeque::from(effects);
        let mut buffer = [0; 1000];
        loop {
            while let Some(effect) = effects.pop_front() {
                let mut out = Vec::new();
                let close = matches!(effect, Effect::Close(_));
                let more = self.perform(effect, &mut server, &line, &mut out);
                effects.extend(more);
                if wire.write_all(&out).await.is_err() || close {
                    let _ = wire.shutdown().await;
                    return;
                }
            }
            tokio::select! {
                biased;
                read = wire.read(&mut buffer) => match read {
                    Ok(0) | Err(_) => return,
                    Ok(count) => effects.extend(server.handle(&buffer[..count])),
                },
                order = orders.recv() => match order {
                    None | Some(Order::Die) => return,
                    Some(Order::Deafen) => self.deaf = true,
                    Some(Order::Flush) => {
                        let mut out = Vec::new();
                        self.flush(&server, &mut out);
                        let _ = wire.write_all(&out).await;
                    }
                    Some(Order::Redirect(to)) => {
                        effects.extend(server.fail(StreamError::see_other_host(&to)));
                    }
                    Some(Order::Shutdown) => {
                        let error = StreamError::new(StreamCondition::SystemShutdown);
                        effects.extend(server.fail(error));
                    }
                },
            }
        }
    }

    fn perform(
        &mut self,
        effect: Effect,
        server: &mut C2sServer,
        line: &mpsc::UnboundedSender<Order>,
        out: &mut Vec<u8>,
    ) -> Vec<Effect> {
        let mut books = self.office.0.lock();
        match effect {
            Effect::Send(octets) => out.extend_from_slice(&octets),
            Effect::LookUp { user, mechanism } => {
                let password = Password::new(format!("{}-secret", user.node().unwrap()));
                let keys = ScramKeys::derive(mechanism.hash(), &password, &[1; 16], 4096).unwrap();
                return server.found(Found::Keys(keys));
            }
            Effect::Bind { wanted, .. } => {
                books.logins += 1;
                let user = wanted.to_bare().to_string();
                books.lines.insert(user, line.clone());
                return server.bound(wanted);
            }
            Effect::Enable { .. } => {
                let previd = format!("{}-{}", self.node, books.kept.len());
                let jid = server.full_jid().cloned();
                books.kept.insert(
                    previd.clone(),
                    Kept {
                        jid,
                        ..Kept::default()
                    },
                );
                self.previd = Some(previd.clone());
                return server.sm_enabled(Some(previd), None, None);
            }
            Effect::Resume { previd, h, .. } => {
                let Some(kept) = books.kept.get_mut(&previd) else {
                    return server.resume_failed(Condition::ItemNotFound, None);
                };
                kept.queue.drain(..h as usize);
                kept.next = 0;
                let (jid, handled) = (kept.jid.clone().unwrap(), kept.handled);
                books.lines.insert(jid.to_bare().to_string(), line.clone());
                self.previd = Some(previd);
                let effects = server.resumed(jid, handled);
                let _ = line.send(Order::Flush);
                return effects;
            }
            Effect::Stanza(stanza) if !self.deaf => {
                if let Some(kept) = self.previd.as_ref().and_then(|id| books.kept.get_mut(id)) {
                    kept.handled += 1;
                }
                drop(books);
                self.office.route(*stanza);
            }
            Effect::AckRequested if !self.deaf => {
                let kept = self.previd.as_ref().and_then(|id| books.kept.get(id));
                let h = kept.map_or(0, |kept| kept.handled);
                server.write_nonza(&Nonza::Ack { h }, out);
            }
            _ => {}
        }
        Vec::new()
    }

    fn flush(&self, server: &C2sServer, out: &mut Vec<u8>) {
        let mut books = self.office.0.lock();
        let kept = self.previd.as_ref().and_then(|id| books.kept.get_mut(id));
        let Some(kept) = kept else { return };
        for stanza in kept.queue.iter().skip(kept.next) {
            server.write(stanza, out);
        }
        kept.next = kept.queue.len();
    }
}

/// A user's address.
pub fn user(name: &str) -> BareJid {
    BareJid::new(&format!("{name}@example.test")).unwrap()
}
