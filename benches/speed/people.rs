//! The data path as clients see it: messages, presence, rooms, logins.

use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use takeover::config::parse;
use takeover::{Control, Lab};
use takeover_protocols::sasl::{Password, ScramHash, ScramKeys};

use super::measure::{Bench, Cost};
use super::octets::Wire;
use super::relay::{Pipes, Shape, Sockets, through};

/// Pairs that talk.
const PAIRS: usize = 50;
/// Those who see somebody's presence.
const CONTACTS: usize = 100;
/// The first user's number: all names are of one length, and with them all that is heard.
const FIRST: usize = 1000;
/// Occupants of a room, without the one who speaks.
const OCCUPANTS: [usize; 2] = [100, 1000];

pub fn measure(bench: &mut Bench) {
    in_memory(bench);
    on_loopback(bench);
    log_in(bench);
}

/// How clients reach the node.
#[derive(Clone, Copy)]
enum Way {
    Pipe,
    Socket,
}

fn lab(way: Way, users: usize) -> Lab {
    let text = format!(
        "domain = \"bench.test\"\n\
         [[clusters]]\nname = \"c\"\n\
         [[clusters.groups]]\nname = \"g\"\nhigh_availability = false\n\
         nodes = [{{ name = \"1A\", xmpp = 0, xmpp_tls = 0 }}]\n\
         [users]\nlist = []\npattern = \"user{{n}}\"\npassword = \"pw\"\nfirst = {FIRST}\ncount = {users}\n\
         [endpoints]\nallow_plaintext = true\n"
    );
    let config = parse(&text, Path::new("bench.toml")).expect("a configuration");
    let builder = match way {
        Way::Pipe => Lab::virtual_time(1),
        Way::Socket => Lab::real_time(1.0),
    };
    builder.config(config).start().expect("a lab")
}

/// A user with a session that is available.
fn online(lab: &mut Lab, way: Way, number: usize) -> Wire {
    let mut wire = match way {
        Way::Pipe => Wire::pipe(lab, "1A"),
        Way::Socket => Wire::socket(lab, "1A"),
    };
    wire.ask(lab, HEADER, "</stream:features>");
    wire.ask(lab, &plain(number), "<success");
    wire.ask(lab, HEADER, "</stream:features>");
    wire.ask(lab, BIND, "</iq>");
    wire.ask(lab, "<presence/>", "<presence");
    wire
}

const HEADER: &str = "<?xml version='1.0'?><stream:stream to='bench.test' version='1.0' \
    xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>";
const BIND: &str = "<iq type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'>\
    <resource>r</resource></bind></iq>";

fn plain(number: usize) -> String {
    let secret = STANDARD.encode(format!("\0user{}\0pw", FIRST + number));
    format!("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>{secret}</auth>")
}

/// Words of the length that people write.
const WORDS: &str = "the quick brown fox jumps over the lazy dog, and over the others.";

/// What is said, who says it, and how long what each of the others then hears is.
struct Talk {
    lab: Lab,
    wires: Vec<Wire>,
    shape: Shape,
    said: Vec<String>,
    heard: usize,
    /// The speaker hears itself as well.
    echo: usize,
}

impl Talk {
    /// Says it once and measures what is heard.
    fn new(lab: Lab, wires: Vec<Wire>, shape: Shape, said: Vec<String>, end: &str) -> Self {
        let (heard, echo) = (0, 0);
        let mut talk = Self {
            lab,
            wires,
            shape,
            said,
            heard,
            echo,
        };
        settled(&mut talk.lab, &mut talk.wires);
        talk.wires[0].say(talk.said[0].as_bytes());
        let heard = talk.wires[1].hear(&mut talk.lab, end);
        talk.heard = heard.len();
        if matches!(talk.shape, Shape::Fan) {
            talk.echo = talk.wires[0].hear(&mut talk.lab, end).len();
        }
        settled(&mut talk.lab, &mut talk.wires);
        talk
    }

    fn speakers(&self) -> usize {
        match self.shape {
            Shape::Pairs => self.wires.len() / 2,
            Shape::Fan => 1,
        }
    }

    fn hearers(&self) -> u64 {
        match self.shape {
            Shape::Pairs => self.wires.len() as u64 / 2,
            Shape::Fan => self.wires.len() as u64 - 1,
        }
    }

    fn say(&mut self) {
        for speaker in 0..self.speakers() {
            let said = &self.said[speaker % self.said.len()];
            self.wires[speaker * 2].say(said.as_bytes());
        }
    }

    /// One round, in which every hearer hears one stanza.
    fn round(&mut self) {
        self.say();
        self.lab.settle();
        hear(&mut self.wires, self.shape, self.heard);
        self.wires[0].take(self.echo);
    }

    /// The same through nothing but tokio, in memory.
    fn floor_in_memory(&self, bench: &mut Bench, name: &str) -> Option<Cost> {
        let mut pipes = Pipes::new(self.wires.len(), self.shape);
        let (speakers, octets, shape) = (self.speakers(), vec![b'x'; self.heard], self.shape);
        bench.cost(name, self.hearers(), || {
            for speaker in 0..speakers {
                pipes.wires[speaker * 2].say(&octets);
            }
            pipes.settle();
            hear(&mut pipes.wires, shape, octets.len());
        })
    }

    /// The same through nothing but tokio, over sockets.
    fn floor_on_loopback(&self, bench: &mut Bench, name: &str) -> Option<Cost> {
        let mut sockets = Sockets::new(self.wires.len(), self.shape);
        let (speakers, octets, shape) = (self.speakers(), vec![b'x'; self.heard], self.shape);
        bench.cost(name, self.hearers(), || {
            for speaker in 0..speakers {
                sockets.wires[speaker * 2].say(&octets);
            }
            hear(&mut sockets.wires, shape, octets.len());
        })
    }
}

fn hear(wires: &mut [Wire], shape: Shape, octets: usize) {
    match shape {
        Shape::Pairs => wires.iter_mut().skip(1).step_by(2),
        Shape::Fan => wires.iter_mut().skip(1).step_by(1),
    }
    .for_each(|wire| wire.take(octets));
}

/// Pairs of users, one of each says something to the other.
fn one_to_one(way: Way) -> Talk {
    let mut lab = lab(way, PAIRS * 2);
    let wires = (0..PAIRS * 2).map(|number| online(&mut lab, way, number));
    let wires = wires.collect();
    let to = |pair: usize| {
        let number = FIRST + pair * 2 + 1;
        format!(
            "<message to='user{number}@bench.test' type='chat' id='m'><body>{WORDS}</body></message>"
        )
    };
    let said = (0..PAIRS).map(to).collect();
    Talk::new(lab, wires, Shape::Pairs, said, "</message>")
}

/// A user whose presence a hundred contacts see.
fn presence(way: Way) -> Talk {
    let mut lab = lab(way, CONTACTS + 1);
    let wires = (0..=CONTACTS).map(|number| online(&mut lab, way, number));
    let mut wires: Vec<Wire> = wires.collect();
    for number in 1..=CONTACTS {
        let ask = format!("<presence to='user{FIRST}@bench.test' type='subscribe'/>");
        wires[number].say(ask.as_bytes());
        let contact = FIRST + number;
        let grant = format!("<presence to='user{contact}@bench.test' type='subscribed'/>");
        wires[0].hear(&mut lab, "subscribe");
        wires[0].say(grant.as_bytes());
        wires[number].hear(&mut lab, "subscribed");
    }
    settled(&mut lab, &mut wires);
    let said = "<presence><show>away</show><status>in the house</status></presence>".to_owned();
    Talk::new(lab, wires, Shape::Fan, vec![said], "</presence>")
}

/// A room; one occupant speaks, all hear it.
fn room(way: Way, occupants: usize) -> Talk {
    let mut lab = lab(way, occupants + 1);
    let wires = (0..=occupants).map(|number| online(&mut lab, way, number));
    let mut wires: Vec<Wire> = wires.collect();
    let alias = alias(&lab);
    for (number, wire) in wires.iter_mut().enumerate() {
        let nick = FIRST + number;
        let enter = format!(
            "<presence to='r@{alias}/n{nick}'><x xmlns='http://jabber.org/protocol/muc'/></presence>"
        );
        wire.ask(&mut lab, &enter, "code='110'");
        if number == 0 {
            let open = format!(
                "<iq to='r@{alias}' type='set' id='o'>\
                 <query xmlns='http://jabber.org/protocol/muc#owner'>\
                 <x xmlns='jabber:x:data' type='submit'/></query></iq>"
            );
            wire.ask(&mut lab, &open, "id='o'");
        }
    }
    settled(&mut lab, &mut wires);
    let said = format!("<message to='r@{alias}' type='groupchat'><body>{WORDS}</body></message>");
    Talk::new(lab, wires, Shape::Fan, vec![said], "</message>")
}

fn alias(lab: &Control) -> String {
    let node = lab.node_id("1A").expect("a node of the lab");
    let alias = lab.plane().alias_of(node).expect("its alias");
    alias.domain().to_owned()
}

/// Lets everything come that is on its way, and forgets it.
fn settled(lab: &mut Lab, wires: &mut [Wire]) {
    loop {
        lab.pass(std::time::Duration::from_millis(200));
        let came = wires.iter_mut().map(Wire::forget);
        if came.filter(|came| *came).count() == 0 {
            return;
        }
    }
}

fn in_memory(bench: &mut Bench) {
    let floor = "tokio, pipe to pipe";
    let compare = |bench: &mut Bench, name: &str, make: &dyn Fn() -> Talk| {
        if !bench.wants(name) {
            return;
        }
        let mut talk = make();
        let cost = bench.cost(name, talk.hearers(), || talk.round());
        let least = talk.floor_in_memory(bench, &format!("{name}/floor"));
        bench.beside(name, floor, (cost, least));
    };
    compare(bench, "one-to-one, in memory", &|| one_to_one(Way::Pipe));
    compare(bench, "presence, in memory", &|| presence(Way::Pipe));
    for occupants in OCCUPANTS {
        let name = format!("room of {occupants}, in memory");
        compare(bench, &name, &|| room(Way::Pipe, occupants));
    }
}

fn on_loopback(bench: &mut Bench) {
    let floor = "tokio, socket to socket";
    let compare = |bench: &mut Bench, name: &str, make: &dyn Fn() -> Talk| {
        if !bench.wants(name) {
            return;
        }
        let mut talk = make();
        let cost = bench.cost(name, talk.hearers(), || talk.round());
        let least = talk.floor_on_loopback(bench, &format!("{name}/floor"));
        bench.beside_elsewhere(name, floor, (cost, least));
    };
    compare(bench, "one-to-one, on loopback", &|| {
        one_to_one(Way::Socket)
    });
    compare(bench, "presence, on loopback", &|| presence(Way::Socket));
    for occupants in OCCUPANTS {
        let name = format!("room of {occupants}, on loopback");
        compare(bench, &name, &|| room(Way::Socket, occupants));
    }
}

/// From the first octet to the echo of the presence, by PLAIN; what SCRAM adds stands apart.
fn log_in(bench: &mut Bench) {
    let name = "login by PLAIN, in memory";
    if bench.wants(name) {
        let mut lab = lab(Way::Pipe, 1);
        let cost = bench.cost(name, 1, || drop(online(&mut lab, Way::Pipe, 0)));
        let (mut near, mut far) = tokio::io::duplex(1 << 20);
        let least = bench.cost(&format!("{name}/floor"), 1, || {
            for _ in 0..5 {
                through(&mut near, &mut far, &[b'x'; 200]);
                through(&mut far, &mut near, &[b'x'; 300]);
            }
        });
        bench.beside(name, "as many octets through a pipe", (cost, least));
    }
    let name = "keys of SCRAM-SHA-256, 4096 rounds";
    if bench.wants(name) {
        let (password, salt) = (Password::new("pw".to_owned()), [7; 16]);
        let derive = |rounds| {
            ScramKeys::derive(ScramHash::Sha256, &password, &salt, rounds).expect("a good password")
        };
        let cost = bench.cost(name, 1, || drop(derive(4096)));
        let least = bench.cost(&format!("{name}/floor"), 1, || drop(derive(1)));
        bench.beside(name, "one round of it", (cost, least));
    }
}
