//! From text to a configuration.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use takeover_core::id::NodeId;
use takeover_core::params::{Param, ParamErrors, Params, Scope, Setting, Value};
use toml::de::DeTable;

use super::databases::databases;
use super::reader::{Section, Source};
use super::{
    ClusterConfig, ConfigError, EndpointsConfig, GroupConfig, LabConfig, LimitsConfig,
    LoggingConfig, NodeConfig, StorageConfig, UserConfig, UserPattern, UsersConfig,
};

/// Reads a configuration file.
///
/// # Errors
/// [`ConfigError::File`] when it cannot be read, else as [`parse`].
pub fn load(path: &Path) -> Result<LabConfig, ConfigError> {
    let text = std::fs::read_to_string(path).map_err(|source| ConfigError::File {
        path: path.to_owned(),
        source,
    })?;
    parse(&text, path)
}

/// Reads a configuration from `text`; `path` is what errors call it.
///
/// # Errors
/// [`ConfigError::Syntax`] when the text is not TOML, [`ConfigError::Refused`] with every finding
/// when keys or values are not allowed.
pub fn parse(text: &str, path: &Path) -> Result<LabConfig, ConfigError> {
    let source = Source::new(text);
    let table = DeTable::parse(text).map_err(|error| ConfigError::Syntax {
        path: path.to_owned(),
        line: source.line_of(error.span().map_or(0, |span| span.start)),
        why: error.message().to_owned(),
    })?;
    let config = lab(Section::root(&source, &table));
    let problems = source.finish();
    if problems.is_empty() {
        Ok(config)
    } else {
        Err(ConfigError::Refused {
            path: path.to_owned(),
            problems,
        })
    }
}

fn lab(mut root: Section<'_, '_>) -> LabConfig {
    let default = LabConfig::default();
    let domain = domain(&mut root, &default);
    let seed = root.number("seed", default.seed, 0..=u64::MAX, "");
    let speed = root.decimal(
        "speed",
        default.speed,
        0.01..=1000.0,
        "protocol seconds a second",
    );
    let threads = root.number("threads", default.threads, 1..=64, "threads");
    let clusters = clusters(&mut root).unwrap_or(default.clusters);
    let nodes: Vec<&str> = node_names(&clusters).collect();
    let users = users(&mut root, &nodes);
    let databases = databases(&mut root);
    let parameters = parameters(root.section("parameters"));
    let storage = storage(root.section("storage"));
    let logging = logging(root.section("logging"));
    let limits = limits(root.section("limits"));
    let endpoints = endpoints(root.section("endpoints"));
    root.finish();
    LabConfig {
        domain,
        seed,
        speed,
        threads,
        users,
        clusters,
        parameters,
        databases,
        storage,
        logging,
        limits,
        endpoints,
    }
}

fn node_names(clusters: &[ClusterConfig]) -> impl Iterator<Item = &str> {
    let groups = clusters.iter().flat_map(|cluster| &cluster.groups);
    groups
        .flat_map(|group| &group.nodes)
        .map(|node| node.name.as_str())
}

fn domain(root: &mut Section<'_, '_>, default: &LabConfig) -> String {
    let domain = root.text("domain", &default.domain);
    let label = |part: &str| {
        !part.is_empty()
            && part.len() <= 63
            && part
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !part.starts_with('-')
            && !part.ends_with('-')
    };
    if domain.len() > 253 || !domain.split('.').all(label) {
        root.refuse(
            "domain",
            "no domain name; allowed: letters, digits and - in labels with dots",
        );
    }
    domain
}

fn clusters(root: &mut Section<'_, '_>) -> Option<Vec<ClusterConfig>> {
    let sections = root.sections("clusters")?;
    if !(1..=30).contains(&sections.len()) {
        root.refuse(
            "clusters",
            format_args!("{} clusters; allowed: 1 to 30", sections.len()),
        );
    }
    let mut seen = Seen::default();
    Some(
        sections
            .into_iter()
            .map(|section| cluster(section, &mut seen))
            .collect(),
    )
}

/// Names used so far, each of which may be used once in a deployment.
#[derive(Default)]
struct Seen {
    clusters: BTreeSet<String>,
    groups: BTreeSet<String>,
    nodes: BTreeSet<String>,
    ports: BTreeSet<u16>,
}

pub(super) fn unique(section: &mut Section<'_, '_>, seen: &mut BTreeSet<String>) -> String {
    let name = section.text("name", "");
    if name.is_empty() {
        section.refuse("name", "missing or empty; a name is needed");
    } else if !seen.insert(name.to_lowercase()) {
        section.refuse("name", "used twice; each name is allowed once");
    }
    name
}

fn cluster(mut section: Section<'_, '_>, seen: &mut Seen) -> ClusterConfig {
    let name = unique(&mut section, &mut seen.clusters);
    let ova = ova(&mut section);
    let groups = match section.sections("groups") {
        Some(groups) if !groups.is_empty() => groups
            .into_iter()
            .map(|group_section| group(group_section, seen))
            .collect(),
        _ => {
            section.refuse("groups", "missing or empty; a cluster needs 1 to 6 groups");
            Vec::new()
        }
    };
    let nodes: usize = groups
        .iter()
        .map(|group: &GroupConfig| group.nodes.len())
        .sum();
    if nodes > 6 {
        section.refuse(
            "groups",
            format_args!("{nodes} nodes in one cluster; allowed: 1 to 6"),
        );
    }
    section.finish();
    ClusterConfig { name, ova, groups }
}

fn ova(section: &mut Section<'_, '_>) -> u32 {
    const SIZES: [u32; 6] = [500, 1000, 2000, 5000, 15_000, 25_000];
    let ova = section.number("ova", 0, 1..=25_000, "users");
    if ova != 0 && !SIZES.contains(&ova) {
        section.refuse(
            "ova",
            format_args!("no such size; allowed: {SIZES:?} users"),
        );
    }
    ova
}

fn group(mut section: Section<'_, '_>, seen: &mut Seen) -> GroupConfig {
    let name = unique(&mut section, &mut seen.groups);
    let allowed = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    if name.len() > 128 || !name.chars().all(allowed) {
        section.refuse(
            "name",
            "no group name; allowed: 1 to 128 letters, digits, _ and -",
        );
    }
    let nodes: Vec<NodeConfig> = match section.sections("nodes") {
        Some(nodes) => nodes.into_iter().map(|item| node(item, seen)).collect(),
        None => Vec::new(),
    };
    if !(1..=2).contains(&nodes.len()) {
        section.refuse(
            "nodes",
            format_args!("{} nodes; a group has 1 or 2", nodes.len()),
        );
    }
    let high_availability = section.flag("high_availability", nodes.len() == 2);
    if high_availability && nodes.len() == 1 {
        section.refuse(
            "high_availability",
            "needs two nodes in the group; this one has 1",
        );
    }
    let persistent_chat_ha = section.optional_flag("persistent_chat_ha");
    section.finish();
    GroupConfig {
        name,
        high_availability,
        persistent_chat_ha,
        nodes,
    }
}

fn node(mut section: Section<'_, '_>, seen: &mut Seen) -> NodeConfig {
    let name = unique(&mut section, &mut seen.nodes);
    let allowed = |c: char| c.is_ascii_alphanumeric() || c == '.' || c == '-' || c == ':';
    if !name.chars().all(allowed) {
        section.refuse(
            "name",
            "no node name; allowed: an IP address, a host name or an FQDN",
        );
    }
    let version = section.text("version", "");
    let xmpp = port(&mut section, "xmpp", &mut seen.ports);
    let xmpp_tls = port(&mut section, "xmpp_tls", &mut seen.ports);
    let chat_database = section
        .optional_text("chat_database")
        .filter(|database| !database.is_empty());
    section.finish();
    NodeConfig {
        name,
        version,
        xmpp,
        xmpp_tls,
        chat_database,
    }
}

/// A port that nobody else has, or 0.
fn port(section: &mut Section<'_, '_>, key: &str, seen: &mut BTreeSet<u16>) -> u16 {
    let port = section.number(key, 0, 0..=65_535, "(0: the system chooses)");
    if port != 0 && !seen.insert(port) {
        section.refuse(key, "used twice; each port is allowed once");
    }
    port
}

fn users(root: &mut Section<'_, '_>, nodes: &[&str]) -> UsersConfig {
    let mut section = root.section("users");
    // Without a word about users, and with the built-in nodes, the built-in users are there.
    let default = UsersConfig::default();
    let fits = default
        .list
        .iter()
        .all(|user| user.home.as_deref().is_none_or(|h| nodes.contains(&h)));
    if !section.present() {
        return if fits {
            default
        } else {
            UsersConfig {
                list: Vec::new(),
                pattern: None,
            }
        };
    }
    let mut seen = BTreeSet::new();
    let list = section.sections("list").unwrap_or_default();
    let list = list
        .into_iter()
        .map(|item| user(item, nodes, &mut seen))
        .collect();
    let pattern = pattern(&mut section);
    section.finish();
    UsersConfig { list, pattern }
}

fn user(mut section: Section<'_, '_>, nodes: &[&str], seen: &mut BTreeSet<String>) -> UserConfig {
    let name = unique(&mut section, seen);
    check_local_part(&mut section, "name", &name);
    let password = section.optional_text("password").unwrap_or_default();
    if password.is_empty() {
        section.refuse("password", "missing or empty; a password is needed");
    }
    let home = section.optional_text("home");
    if let Some(home) = home.as_deref().filter(|home| !nodes.contains(home)) {
        let names = nodes.join(", ");
        section.refuse(
            "home",
            format_args!("no node is called {home:?}; allowed: {names}"),
        );
    }
    section.finish();
    UserConfig {
        name,
        password,
        home,
    }
}

fn check_local_part(section: &mut Section<'_, '_>, key: &str, name: &str) {
    let forbidden = |c: char| c.is_whitespace() || c.is_control() || "\"&'/:<>@".contains(c);
    if name.len() > 1023 || name.contains(forbidden) {
        let why = "no local part of a JID; allowed: up to 1023 bytes without spaces and \"&'/:<>@";
        section.refuse(key, why);
    }
}

fn pattern(section: &mut Section<'_, '_>) -> Option<UserPattern> {
    let name = section.optional_text("pattern");
    let password = section.text("password", "password{n}");
    let first = section.number("first", 1, 0..=1_000_000_000, "");
    let count = section.number("count", 1, 1..=10_000_000, "users");
    let name = name?;
    check_local_part(section, "pattern", &name);
    if count > 1 && !name.contains("{n}") {
        section.refuse(
            "pattern",
            "gives every user the same name; {n} stands for the number",
        );
    }
    Some(UserPattern {
        name,
        password,
        first,
        count,
    })
}

/// CFG-6: each parameter by its name, with a value in its range; together they must make sense.
fn parameters(mut section: Section<'_, '_>) -> BTreeMap<Param, Value> {
    let mut values = LabConfig::default().parameters;
    let mut last = String::new();
    for (name, text) in section.entries() {
        let param = Param::named(&name);
        match param.and_then(|param| Some((param, param.spec().kind.read(&text)?))) {
            Some((param, value)) => drop(values.insert(param, value)),
            None => {
                let setting = Setting {
                    name: &name,
                    node: None,
                    value: &text,
                };
                let why = Params::new().set_all(&[setting]).err();
                section.refuse(&name, why.map_or_else(String::new, |why| why.to_string()));
            }
        }
        last = name;
    }
    if let Err(errors) = together(&values) {
        section.refuse(&last, errors);
    }
    section.finish();
    values.retain(|param, value| *value != param.spec().default);
    values
}

/// Whether parameters go together, whatever their order in the file.
fn together(values: &BTreeMap<Param, Value>) -> Result<(), ParamErrors> {
    let texts: Vec<(Param, String)> = values.iter().map(|(p, v)| (*p, v.to_string())).collect();
    let setting = |(param, text): &'_ (Param, String)| {
        let spec = param.spec();
        (
            spec.name,
            (spec.scope == Scope::Node).then_some(NodeId(0)),
            text.clone(),
        )
    };
    let owned: Vec<_> = texts.iter().map(setting).collect();
    let settings: Vec<Setting<'_>> = owned
        .iter()
        .map(|(name, node, value)| Setting {
            name,
            node: *node,
            value,
        })
        .collect();
    Params::new().set_all(&settings).map(drop)
}

fn storage(mut section: Section<'_, '_>) -> StorageConfig {
    let default = LabConfig::default().storage;
    let engine = section.word("engine", default.engine);
    let folder = section
        .optional_text("folder")
        .filter(|folder| !folder.is_empty());
    section.finish();
    StorageConfig {
        engine,
        folder: folder.map(Into::into),
    }
}

fn logging(mut section: Section<'_, '_>) -> LoggingConfig {
    let default = LabConfig::default().logging;
    let filter = section.text("filter", &default.filter);
    if let Err(error) = filter.parse::<tracing_subscriber::EnvFilter>() {
        section.refuse(
            "filter",
            format_args!("{error}; allowed: as in \"info,takeover=debug\""),
        );
    }
    let format = section.word("format", default.format);
    section.finish();
    LoggingConfig { filter, format }
}

fn limits(mut section: Section<'_, '_>) -> LimitsConfig {
    let default = LimitsConfig::default();
    let s = &mut section;
    let limits = LimitsConfig {
        stanza_bytes: s.number(
            "stanza_bytes",
            default.stanza_bytes,
            10_000..=67_108_864,
            "bytes",
        ),
        stanza_depth: s.number("stanza_depth", default.stanza_depth, 8..=1024, "levels"),
        stanzas_per_second: s.number(
            "stanzas_per_second",
            default.stanzas_per_second,
            0..=1_000_000,
            "stanzas a second (0: no limit)",
        ),
        unauthenticated: s.number(
            "unauthenticated",
            default.unauthenticated,
            1..=1_000_000,
            "connections",
        ),
        login_seconds: s.number("login_seconds", default.login_seconds, 1..=3600, "seconds"),
        sessions_per_user: s.number(
            "sessions_per_user",
            default.sessions_per_user,
            1..=1000,
            "sessions",
        ),
        logins_per_minute: s.number(
            "logins_per_minute",
            default.logins_per_minute,
            0..=6_000_000,
            "logins",
        ),
    };
    section.finish();
    limits
}

fn endpoints(mut section: Section<'_, '_>) -> EndpointsConfig {
    let default = LabConfig::default().endpoints;
    let allow_plaintext = section.flag("allow_plaintext", default.allow_plaintext);
    section.finish();
    EndpointsConfig { allow_plaintext }
}
