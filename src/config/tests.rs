//! What is read, and what is refused with which words.

use std::path::Path;

use super::*;
use takeover_storage::{PostgresSettings, PostgresTls};

fn read(text: &str) -> Result<LabConfig, ConfigError> {
    parse(text, Path::new("lab.toml"))
}

fn refusal(text: &str) -> String {
    read(text).expect_err("this should be refused").to_string()
}

/// The printed default is complete: read back, it is the built-in default.
#[test]
fn the_printed_default_reads_back_as_the_built_in_one() {
    assert_eq!(read(&default_file()).unwrap(), LabConfig::default());
    assert_eq!(read("").unwrap(), LabConfig::default());
}

/// Every key of the printed default is a key that the reader asks for, comments included: taking
/// the comment signs off the examples gives a file that is accepted as well.
#[test]
fn the_commented_examples_are_accepted_too() {
    let example = |line: &str| {
        let bare = line.trim_start_matches("# ");
        let users = ["pattern = ", "password = ", "first = ", "count = "];
        let server = ["[[databases]]", "name = ", "type = ", "host = ", "port = "];
        let database = ["database = ", "schema = ", "user = ", "tls_ca = "];
        let mut keys = users.iter().chain(&server).chain(&database);
        keys.any(|key| bare.starts_with(key))
    };
    let text: String = default_file()
        .lines()
        .map(|line| {
            if example(line) {
                line.trim_start_matches("# ")
            } else {
                line
            }
        })
        .fold(String::new(), |text, line| text + line + "\n");
    let LabConfig {
        users, databases, ..
    } = read(&text).unwrap();
    let server = PostgresSettings::new("127.0.0.1", "takeover", "takeover");
    assert_eq!(databases[0].place, DatabasePlace::PostgreSql(server));
    assert_eq!(users.all().count(), 1004);
    assert_eq!(users.all().last().unwrap().name, "user1000");
    assert_eq!(users.all().last().unwrap().password, "password1000");
}

#[test]
fn an_unknown_key_is_refused_with_file_line_key_and_what_is_allowed() {
    let text = "domain = \"example.test\"\n\n[limits]\nstanza_byte = 5\n";
    let refusal = refusal(text);
    assert!(
        refusal.starts_with("lab.toml:4: limits.stanza_byte = 5: unknown key"),
        "{refusal}"
    );
    let secret = self::refusal("[users]\npasword = \"hush\"\n");
    assert!(!secret.contains("hush"), "{secret}");
    assert!(refusal.contains("stanza_bytes"), "{refusal}");
}

#[test]
fn a_bad_value_is_refused_with_file_line_key_value_and_range() {
    let refusal = refusal("speed = 5.0\n[limits]\n# small\nstanza_bytes = 5\n");
    assert_eq!(
        refusal,
        "lab.toml:4: limits.stanza_bytes = 5: out of range; allowed: 10000 to 67108864 bytes"
    );
}

#[test]
fn all_findings_come_at_once_and_in_order() {
    let error =
        read("speed = \"fast\"\nthreads = 0\n[storage]\nengine = \"oracle\"\n").unwrap_err();
    let keys: Vec<_> = error
        .problems()
        .iter()
        .map(|p| (p.line, p.key.as_str()))
        .collect();
    assert_eq!(keys, [(1, "speed"), (2, "threads"), (4, "storage.engine")]);
    assert!(error.to_string().contains("\"embedded\""), "{error}");
}

#[test]
fn text_that_is_not_toml_is_refused_with_its_line() {
    let refusal = refusal("domain = \"example.test\"\nspeed =\n");
    assert!(refusal.starts_with("lab.toml:2: not TOML"), "{refusal}");
}

/// TOP-2, TOP-3, TOP-5, TOP-6, TOP-8: a topology outside the limits never gets past the reader.
#[test]
fn a_topology_outside_the_limits_is_refused() {
    let group = |name: &str, nodes: &str, more: &str| {
        format!(
            "[[clusters]]\nname='c'\n[[clusters.groups]]\nname='{name}'\n{more}\nnodes=[{nodes}]\n"
        )
    };
    let cases = [
        (group("p", "", ""), "0 nodes; a group has 1 or 2"),
        (
            group("p", "{name='a'},{name='b'},{name='c'}", ""),
            "3 nodes; a group has 1 or 2",
        ),
        (group("p q", "{name='a'}", ""), "no group name"),
        (
            group("p", "{name='a'}", "high_availability=true"),
            "needs two nodes",
        ),
        (group("p", "{name='a'},{name='A'}", ""), "used twice"),
        (group("p", "{name='a b'}", ""), "no node name"),
        (
            group("p", "{name='a',xmpp=5222},{name='b',xmpp_tls=5222}", ""),
            "nodes[1].xmpp_tls = 5222: used twice; each port",
        ),
        (
            group("p", "{name='a',xmpp='x'}", ""),
            "a string stands here",
        ),
        (group("p", "{name=5}", ""), "an integer stands here"),
        (
            "[[clusters]]\nname='c'\nova=7\n".to_owned(),
            "[500, 1000, 2000, 5000, 15000, 25000]",
        ),
        ("clusters=[]\n".to_owned(), "0 clusters; allowed: 1 to 30"),
    ];
    for (text, part) in cases {
        let refusal = refusal(&text);
        assert!(refusal.contains(part), "{text}\n{refusal}");
    }
}

#[test]
fn users_are_checked_one_by_one() {
    let cases = [
        ("[[users.list]]\nname='a'\n", "password"),
        (
            "[[users.list]]\nname='a@b'\npassword='x'\n",
            "no local part",
        ),
        (
            "[[users.list]]\nname='a'\npassword='x'\nhome='9Z'\n",
            "no node is called \"9Z\"",
        ),
        (
            "[users]\npattern='user'\ncount=2\n",
            "{n} stands for the number",
        ),
    ];
    for (text, part) in cases {
        let refusal = refusal(text);
        assert!(refusal.contains(part), "{text}\n{refusal}");
    }
}

/// The built-in users live on the built-in nodes; other nodes come without users of their own.
#[test]
fn other_nodes_have_no_built_in_users() {
    let text = "[[clusters]]\nname='c'\n[[clusters.groups]]\nname='p'\nnodes=[{name='x'}]\n";
    let config = read(text).unwrap();
    assert_eq!(config.users.all().count(), 0);
    assert!(!config.clusters[0].groups[0].high_availability);
}

/// CFG-6: a parameter that is unknown, out of range or at odds with another is refused.
#[test]
fn parameters_are_checked_by_name_range_and_together() {
    let cases = [
        (
            "[parameters]\n\"Critical Service Delay\" = 90\n",
            "lab.toml:2: parameters.Critical",
        ),
        (
            "[parameters]\n\"Critical Service Down Delay\" = 0\n",
            "lab.toml:2: ",
        ),
        (
            "[parameters]\n\"Client Re-Login Lower Limit\" = 900\n",
            "must not exceed",
        ),
        (
            "[parameters]\n\"Enable Automatic Fallback\" = 7\n",
            "true or false",
        ),
    ];
    for (text, part) in cases {
        let refusal = refusal(text);
        assert!(refusal.contains(part), "{text}\n{refusal}");
    }
}

#[test]
fn parameters_are_kept_where_they_differ_from_the_default() {
    use takeover_core::params::{Param, Value};
    let text = "[parameters]\n\"Critical Service Down Delay\" = 30\nservice-port = 22001\n";
    let parameters = read(text).unwrap().parameters;
    assert_eq!(
        parameters.get(&Param::CriticalServiceDownDelay),
        Some(&Value::Int(30))
    );
    assert_eq!(parameters.get(&Param::ServicePort), None);
    assert_eq!(
        parameters.get(&Param::EnablePersistentChat),
        Some(&Value::Bool(true))
    );
}

#[test]
fn a_missing_file_is_named() {
    let error = load(Path::new("/nowhere/lab.toml"))
        .unwrap_err()
        .to_string();
    assert!(error.starts_with("/nowhere/lab.toml: "), "{error}");
}

/// CHAT-3: PostgreSQL is a type that is built in; several databases may be on one server.
#[test]
fn databases_are_described() {
    let text = "[[databases]]\nname = 'pair-1'\ntype = 'postgresql'\nschema = 'one'\nport = 5433\n\
        [[databases]]\nname = 'pair-2'\ntype = 'postgresql'\nschema = 'two'\ntls_ca = 'ca.pem'\n\
        [[databases]]\nname = 'pair-3'\n";
    let config = read(text).unwrap();
    let given = PostgresSettings::new("127.0.0.1", "takeover", "takeover");
    let places: Vec<_> = config.databases.into_iter().map(|one| one.place).collect();
    let one = PostgresSettings {
        schema: "one".into(),
        port: 5433,
        ..given.clone()
    };
    let two = PostgresSettings {
        schema: "two".into(),
        tls: PostgresTls::Verified {
            ca: "ca.pem".into(),
        },
        ..given
    };
    let expected = [
        DatabasePlace::PostgreSql(one),
        DatabasePlace::PostgreSql(two),
        DatabasePlace::Embedded,
    ];
    assert_eq!(places, expected);
}

/// CHAT-3: a type whose driver is not built in is refused by an error that names those that are.
#[test]
fn databases_that_cannot_be_are_refused() {
    let cases = [
        (
            "type = 'oracle'\nhost = 'x'",
            "no driver for oracle is built in; choose one of",
        ),
        ("type = 'mssql'", "postgresql"),
        (
            "type = 'dbase'",
            "known types: memory, embedded, postgresql, oracle, mssql",
        ),
        ("type = 'memory'", "allowed: embedded, postgresql"),
        (
            "type = 'postgresql'\nschema = 'a b'",
            "lab.toml:4: databases[0].schema = 'a b'",
        ),
        ("type = 'postgresql'\nport = 0", "databases[0].port = 0"),
        ("type = 'embedded'\nhost = 'x'", "databases[0].host"),
        ("[[databases]]\nname = 'rooms'", "used twice"),
    ];
    for (text, part) in cases {
        let refusal = refusal(&format!("[[databases]]\nname = 'rooms'\n{text}\n"));
        assert!(refusal.contains(part), "{text}\n{refusal}");
    }
}
