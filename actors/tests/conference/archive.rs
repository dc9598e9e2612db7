//! The archive of a room (XEP-0313).

use takeover_protocols::stanza::{Condition, Stanza};

use super::scene::{ALIAS, HOME, PEER, Scene};

/// Questions to the archive.
impl Scene {
    /// What a question to the archive is answered with: ids of the messages, and the answer.
    fn recall(&mut self, user: &str, inside: &str) -> (Vec<String>, Stanza) {
        let mine = format!("{user}@example.test/d");
        self.ends.got.lock().remove(&mine);
        self.send(&format!(
            "<iq from='{mine}' to='cave@{ALIAS}' id='q' type='set'>\
             <query xmlns='urn:xmpp:mam:2' queryid='f1'>{inside}</query></iq>"
        ));
        let mut got = self.ends.got.lock().remove(&mine).unwrap_or_default();
        let answer = got.pop().expect("an answer");
        let result = |stanza: Stanza| {
            let result = stanza.child("result", "urn:xmpp:mam:2").expect("a result");
            assert_eq!(result.attr("queryid"), Some("f1"));
            result.attr("id").unwrap_or_default().to_owned()
        };
        (got.into_iter().map(result).collect(), answer)
    }

    /// As [`Scene::recall`], with what the end of the page says: complete, first, last, count.
    fn page(&mut self, user: &str, inside: &str) -> (String, String) {
        let (ids, answer) = self.recall(user, inside);
        let fin = answer.child("fin", "urn:xmpp:mam:2").expect("an end");
        let set = fin
            .child("set", "http://jabber.org/protocol/rsm")
            .expect("a set");
        let mut end = fin
            .attr("complete")
            .map_or("more".to_owned(), |_| "complete".to_owned());
        for child in set.children() {
            end += &format!(" {}={}", child.name(), child.text());
        }
        (ids.join(" "), end)
    }
}

/// A form with these fields.
fn filter(fields: &[(&str, &str)]) -> String {
    let field = |(var, values): &(&str, &str)| {
        let values: String = values
            .split(' ')
            .map(|v| format!("<value>{v}</value>"))
            .collect();
        format!("<field var='{var}'>{values}</field>")
    };
    let fields: String = fields.iter().map(field).collect();
    format!(
        "<x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE'>\
         <value>urn:xmpp:mam:2</value></field>{fields}</x>"
    )
}

fn paged(inside: &str) -> String {
    format!("<set xmlns='http://jabber.org/protocol/rsm'>{inside}</set>")
}

/// XEP-0313, XEP-0059: the archive is paged both ways, filtered and counted.
#[test]
fn the_archive_is_paged_and_filtered() {
    let mut scene = Scene::new(true);
    let _home = scene.conference(HOME);
    scene.create();
    scene.join("bob");
    for n in 1..=5 {
        scene.say(if n % 2 == 1 { "andy" } else { "bob" }, &format!("word{n}"));
    }
    let ends = |page: (&str, &str)| (page.0.to_owned(), page.1.to_owned());
    let mut page = |inside: &str| scene.page("bob", inside);
    assert_eq!(
        page(""),
        ends(("1 2 3 4 5", "complete first=1 last=5 count=5"))
    );
    let two = |more: &str| paged(&format!("<max>2</max>{more}"));
    assert_eq!(page(&two("")), ends(("1 2", "more first=1 last=2 count=5")));
    assert_eq!(
        page(&two("<after>2</after>")),
        ends(("3 4", "more first=3 last=4 count=5"))
    );
    assert_eq!(
        page(&two("<after>4</after>")),
        ends(("5", "complete first=5 last=5 count=5"))
    );
    assert_eq!(
        page(&two("<before/>")),
        ends(("4 5", "more first=4 last=5 count=5"))
    );
    assert_eq!(
        page(&two("<before>3</before>")),
        ends(("1 2", "complete first=1 last=2 count=5"))
    );
    let flipped = format!("{}<flip-page/>", two("<before/>"));
    assert_eq!(page(&flipped), ends(("5 4", "more first=4 last=5 count=5")));
    assert_eq!(page(&paged("<max>0</max>")).1, "more count=5");
    let room = format!("cave@{ALIAS}");
    let by_bob = filter(&[("with", &format!("{room}/bob"))]);
    assert_eq!(page(&by_bob), ends(("2 4", "complete first=2 last=4")));
    let counted = format!("{by_bob}{}", paged("<max>0</max>"));
    assert_eq!(page(&counted).1, "more count=2");
    let between = filter(&[("after-id", "1"), ("before-id", "5")]);
    assert_eq!(page(&between).0, "2 3 4");
    assert_eq!(page(&format!("{between}{}", two("<before/>"))).0, "3 4");
    assert_eq!(
        page(&filter(&[("ids", "4 2 5"), ("before-id", "5")])).0,
        "2 4"
    );
    assert_eq!(
        page(&filter(&[("{urn:xmpp:fulltext:0}fulltext", "WORD3")])).0,
        "3"
    );
    assert_eq!(page(&filter(&[("start", "1970-01-01T00:00:02Z")])).0, "");
    assert_eq!(
        page(&filter(&[("end", "1970-01-01T00:00:02Z")])).0,
        "1 2 3 4 5"
    );
    let stranger = filter(&[("with", "andy@example.test")]);
    assert_eq!(
        page(&stranger),
        ends(("", "complete count=0")),
        "Bob may not know who is who"
    );
    assert_eq!(scene.page("andy", &stranger).0, "1 3 5");
    for missing in [
        filter(&[("ids", "9")]),
        filter(&[("after-id", "9")]),
        paged("<after>9</after>"),
    ] {
        let (_, answer) = scene.recall("bob", &missing);
        assert_eq!(
            answer.error().unwrap().condition,
            Condition::ItemNotFound,
            "{missing}"
        );
    }
}

/// XEP-0313, CHAT-8, CHAT-12: the archive is the database's: it is there at the next host, to people
/// outside the room too, and its failure is an error.
#[test]
fn the_archive_is_there_at_the_next_host() {
    let mut scene = Scene::new(true);
    let home = scene.conference(HOME);
    scene.create();
    scene.say("andy", "one");
    scene.say("andy", "two");
    home.kill();
    scene.driver.settle();
    scene.alias.claim(PEER).expect("it was at home");
    let _peer = scene.conference(PEER);
    assert_eq!(scene.page("eve", "").0, "1 2");
    let eve = "eve@example.test/d";
    scene.send(&format!(
        "<iq from='{eve}' to='cave@{ALIAS}' id='m' type='get'><metadata xmlns='urn:xmpp:mam:2'/></iq>"
    ));
    let metadata = scene.ends.got.lock().remove(eve).unwrap().pop().unwrap();
    let metadata = metadata.first_child().unwrap();
    let end = |name| {
        metadata
            .child(name, "urn:xmpp:mam:2")
            .unwrap()
            .attr("id")
            .unwrap()
            .to_owned()
    };
    assert_eq!((end("start"), end("end")), ("1".to_owned(), "2".to_owned()));
    scene.store.faults().set_down(true);
    let (_, answer) = scene.recall("eve", "");
    assert_eq!(
        answer.error().unwrap().condition,
        Condition::RecipientUnavailable
    );
}
