//! A message of a room on its way into a database, beside the bare engine.

use std::fs::File;
use std::io::Write;
use std::sync::Arc;

use takeover_protocols::datetime::Timestamp;
use takeover_protocols::jid::{BareJid, FullJid};
use takeover_protocols::muc::{HistoryEntry, RoomConfig, RoomRecord, RoomWrite};
use takeover_storage::{ChatStore, Claim, Embedded, Fence, NodeId};
use tokio::runtime::{Builder, Runtime};

use super::measure::{Bench, Cost};

#[path = "../../storage/tests/support/postgres.rs"]
mod postgres;

const ALIAS: &str = "conference-1.example.com";

pub fn measure(bench: &mut Bench) {
    embedded(bench);
    postgresql(bench);
}

/// A room with its lease, and the number of the next message.
struct Room {
    store: Arc<dyn ChatStore>,
    fence: Fence,
    room: BareJid,
    next: u64,
}

impl Room {
    fn new(runtime: &Runtime, store: Arc<dyn ChatStore>) -> Self {
        let room = BareJid::new(&format!("lunch@{ALIAS}")).expect("an address");
        let owner = BareJid::new("andy@example.com").expect("an address");
        let record = RoomRecord::new(
            room.clone(),
            owner,
            RoomConfig::default(),
            Timestamp::default(),
        );
        let create = RoomWrite::Create {
            record: Box::new(record),
            history: Vec::new(),
        };
        let fence = runtime.block_on(async {
            let lease = store.acquire(ALIAS, NodeId(1), Claim::Force).await;
            let fence = lease.expect("a lease").fence;
            let written = store.write(&fence, &room, vec![Arc::new(create)]).await;
            written.expect("a room");
            fence
        });
        Self {
            store,
            fence,
            room,
            next: 1,
        }
    }

    fn write(&mut self, runtime: &Runtime) {
        let message = HistoryEntry {
            seq: self.next,
            at: Timestamp::default(),
            nick: "Andy".to_owned(),
            from: FullJid::new("andy@example.com/desk").expect("an address"),
            id: None,
            stanza: STANZA.into(),
        };
        self.next += 1;
        let writes = vec![Arc::new(RoomWrite::Message(message))];
        let written = self.store.write(&self.fence, &self.room, writes);
        runtime.block_on(written).expect("a message that is stored");
    }
}

const STANZA: &str = "<message xmlns='jabber:client' type='groupchat'>\
    <body>the quick brown fox jumps over the lazy dog, and over the others.</body></message>";

fn runtime() -> Runtime {
    let runtime = Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime")
}

fn embedded(bench: &mut Bench) {
    let name = "room message, embedded database";
    if !bench.wants(name) {
        return;
    }
    let runtime = runtime();
    let folder = tempfile::tempdir().expect("a folder");
    let store = Embedded::open(folder.path()).expect("a store");
    let mut room = Room::new(&runtime, store.chat("pair"));
    let cost = bench.time(name, 1, || room.write(&runtime));
    let least = synced_file(bench, &format!("{name}/floor"));
    bench.beside_elsewhere(name, "as many octets to a synced file", (cost, least));
}

fn synced_file(bench: &mut Bench, name: &str) -> Option<Cost> {
    let mut file: File = tempfile::tempfile().expect("a file");
    bench.time(name, 1, || {
        file.write_all(STANZA.as_bytes()).expect("a write");
        file.sync_data().expect("a synced file");
    })
}

fn postgresql(bench: &mut Bench) {
    let name = "room message, PostgreSQL";
    if !bench.wants(name) {
        return;
    }
    let Some(server) = postgres::server(name) else {
        return;
    };
    let runtime = runtime();
    let mut room = Room::new(&runtime, Arc::new(server.open("speed")));
    let cost = bench.time(name, 1, || room.write(&runtime));
    let least = bare_insert(bench, &runtime, &server.url(), &format!("{name}/floor"));
    bench.beside_elsewhere(name, "one INSERT of as many octets", (cost, least));
}

fn bare_insert(bench: &mut Bench, runtime: &Runtime, url: &str, name: &str) -> Option<Cost> {
    let connect = tokio_postgres::connect(url, tokio_postgres::NoTls);
    let (client, connection) = runtime.block_on(connect).expect("a server that runs");
    let talking = runtime.spawn(connection);
    let table = "CREATE TABLE bare (seq BIGSERIAL PRIMARY KEY, stanza TEXT NOT NULL)";
    let insert = "INSERT INTO bare (stanza) VALUES ($1)";
    let insert = runtime.block_on(async {
        client.batch_execute(table).await.expect("a table");
        client.prepare(insert).await.expect("a statement")
    });
    let least = bench.time(name, 1, || {
        let written = runtime.block_on(client.execute(&insert, &[&STANZA]));
        assert_eq!(written.expect("a row"), 1);
    });
    talking.abort();
    least
}
