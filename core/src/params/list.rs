//! Every parameter there is.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::value::{Kind, Value};

/// A parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Param {
    /// The port of SRM to its peer (chapter 2).
    ServicePort,
    /// The port of SRM's administration (chapter 2).
    AdminRpcPort,
    /// How long a critical service may be down (HA-2).
    CriticalServiceDownDelay,
    /// Whether users go back by themselves (HA-6).
    EnableAutomaticFallback,
    /// Silence that counts as death while a node initializes (HA-1).
    InitializationKeepAliveTimeout,
    /// Silence that counts as death (HA-1).
    KeepAliveTimeout,
    /// Time between two keep-alives (HA-1).
    KeepAliveInterval,
    /// Which way of detecting a dead peer: the newer or the older release's.
    PeerDetection,
    /// The older release's time between two heartbeats.
    HeartBeatInterval,
    /// The older release's time for the answer to a heartbeat.
    ConnectTimeout,
    /// Whether the XCP Authentication Service is critical.
    EnableXcpAuthMonitoring,
    /// Whether Multiple Device Messaging is on (HA-16).
    EnableMultipleDeviceMessaging,
    /// Whether persistent chat is on: then TC is critical (CHAT-7).
    EnablePersistentChat,
    /// How many clients of one user may be logged in (SES-1).
    MaximumLogonSessions,
    /// Whether XMPP clients use TLS (SES-7).
    EnableClientTls,
    /// How users are assigned (USR-1).
    UserAssignmentMode,
    /// Time between two periodic syncs of peer clusters (ICP-6).
    PeerSyncInterval,
    /// Whether ICSA restarts by itself when a periodic sync hangs (ICP-8).
    EnablePeerSyncAutoRecovery,
    /// Whether certificates are synced periodically (ICP-10).
    SyncCertificates,
    /// SIP Proxy: the most processes (ICP-12).
    SipMaximumProcesses,
    /// SIP Proxy: the most spare processes (ICP-12).
    SipMaximumSpareProcesses,
    /// Whether the XCP router writes its debug log (CFG-5).
    XcpRouterDebugLogging,
    /// The shortest wait before a client logs in again (SES-5).
    ReLoginLowerLimit,
    /// The longest wait before a client logs in again (SES-5).
    ReLoginUpperLimit,
    /// How many sessions of push clients a node composes in a minute (SES-10).
    PushSessionRate,
    /// What a push tells of the message (SES-10).
    PushContent,
}

/// Whether a parameter holds for a cluster or for a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    /// For all nodes of the cluster.
    Cluster,
    /// For each node by itself.
    Node,
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Scope::Cluster => "cluster",
            Scope::Node => "node",
        })
    }
}

/// What a number counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Unit {
    /// Nothing: a word or a switch.
    None,
    /// Seconds.
    Seconds,
    /// Minutes.
    Minutes,
    /// A port.
    Port,
    /// Sessions.
    Sessions,
    /// Processes.
    Processes,
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Unit::None => "",
            Unit::Seconds => "s",
            Unit::Minutes => "min",
            Unit::Port => "port",
            Unit::Sessions => "sessions",
            Unit::Processes => "processes",
        })
    }
}

/// What is known of a parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParamSpec {
    /// The parameter.
    pub param: Param,
    /// Its name as an administrator reads it.
    pub name: &'static str,
    /// Its key in files.
    pub key: &'static str,
    /// For a cluster or a node.
    pub scope: Scope,
    /// What values it takes.
    pub kind: Kind,
    /// The value it has when nobody sets it.
    pub default: Value,
    /// What its number counts.
    pub unit: Unit,
}

const fn int(
    param: Param,
    names: (&'static str, &'static str),
    range: (u64, u64),
    default: u64,
    unit: Unit,
) -> ParamSpec {
    let (name, key) = names;
    let kind = Kind::Int {
        min: range.0,
        max: range.1,
    };
    let default = Value::Int(default);
    ParamSpec {
        param,
        name,
        key,
        scope: Scope::Cluster,
        kind,
        default,
        unit,
    }
}

const fn switch(param: Param, names: (&'static str, &'static str), default: bool) -> ParamSpec {
    let (name, key) = names;
    let default = Value::Bool(default);
    let (kind, unit) = (Kind::Bool, Unit::None);
    ParamSpec {
        param,
        name,
        key,
        scope: Scope::Cluster,
        kind,
        default,
        unit,
    }
}

const fn choice(
    param: Param,
    names: (&'static str, &'static str),
    words: &'static [&'static str],
) -> ParamSpec {
    let (name, key) = names;
    let default = Value::Choice(words[0]);
    let (kind, unit) = (Kind::Choice(words), Unit::None);
    ParamSpec {
        param,
        name,
        key,
        scope: Scope::Cluster,
        kind,
        default,
        unit,
    }
}

const fn per_node(spec: ParamSpec) -> ParamSpec {
    ParamSpec {
        scope: Scope::Node,
        ..spec
    }
}

/// The word for the newer release's way of detection.
pub(super) const KEEP_ALIVE: &str = "keep-alive";
/// The word for the older release's way of detection.
pub(super) const CONNECT_TIMEOUT: &str = "connect-timeout";

/// The vendor publishes no ranges for most of them: an hour bounds what is counted in seconds, so that no
/// node waits for ever, and two hours the re-login limits, above the longest of the profiles.
const SPECS: [ParamSpec; 26] = {
    use Param as P;
    use Unit as U;
    const PORTS: (u64, u64) = (1_024, 65_535);
    [
        int(
            P::ServicePort,
            ("Service Port", "service-port"),
            PORTS,
            22_001,
            U::Port,
        ),
        int(
            P::AdminRpcPort,
            ("Admin RPC Port", "admin-rpc-port"),
            PORTS,
            20_075,
            U::Port,
        ),
        int(
            P::CriticalServiceDownDelay,
            ("Critical Service Down Delay", "critical-service-down-delay"),
            (1, 3_600),
            90,
            U::Seconds,
        ),
        switch(
            P::EnableAutomaticFallback,
            ("Enable Automatic Fallback", "enable-automatic-fallback"),
            false,
        ),
        int(
            P::InitializationKeepAliveTimeout,
            (
                "Initialization Keep Alive (Heartbeat) Timeout",
                "initialization-keep-alive-timeout",
            ),
            (2, 3_600),
            120,
            U::Seconds,
        ),
        int(
            P::KeepAliveTimeout,
            ("Keep Alive (Heartbeat) Timeout", "keep-alive-timeout"),
            (2, 3_600),
            60,
            U::Seconds,
        ),
        int(
            P::KeepAliveInterval,
            ("Keep Alive (Heartbeat) Interval", "keep-alive-interval"),
            (1, 3_600),
            15,
            U::Seconds,
        ),
        choice(
            P::PeerDetection,
            ("Peer Detection", "peer-detection"),
            &[KEEP_ALIVE, CONNECT_TIMEOUT],
        ),
        int(
            P::HeartBeatInterval,
            ("Heart Beat Interval", "heart-beat-interval"),
            (1, 3_600),
            60,
            U::Seconds,
        ),
        int(
            P::ConnectTimeout,
            ("Connect Timeout", "connect-timeout"),
            (1, 3_600),
            30,
            U::Seconds,
        ),
        switch(
            P::EnableXcpAuthMonitoring,
            (
                "Enable XCP Authentication Service Monitoring",
                "enable-xcp-authentication-service-monitoring",
            ),
            false,
        ),
        switch(
            P::EnableMultipleDeviceMessaging,
            (
                "Enable Multiple Device Messaging",
                "enable-multiple-device-messaging",
            ),
            false,
        ),
        switch(
            P::EnablePersistentChat,
            ("Enable Persistent Chat", "enable-persistent-chat"),
            false,
        ),
        int(
            P::MaximumLogonSessions,
            (
                "Maximum number of logon sessions per user",
                "maximum-number-of-logon-sessions-per-user",
            ),
            (1, 100),
            10,
            U::Sessions,
        ),
        switch(
            P::EnableClientTls,
            ("Enable TLS for XMPP Clients", "enable-tls-for-xmpp-clients"),
            true,
        ),
        choice(
            P::UserAssignmentMode,
            ("User Assignment Mode", "user-assignment-mode"),
            &["balanced", "active-standby", "none"],
        ),
        int(
            P::PeerSyncInterval,
            (
                "Inter Clustering Peers Periodic Sync Interval (mins)",
                "inter-clustering-peers-periodic-sync-interval",
            ),
            (30, 1_444),
            30,
            U::Minutes,
        ),
        switch(
            P::EnablePeerSyncAutoRecovery,
            (
                "Enable Auto Recovery for Inter Cluster Peer Periodic Syncing Failure",
                "enable-auto-recovery-for-peer-periodic-syncing-failure",
            ),
            false,
        ),
        switch(
            P::SyncCertificates,
            (
                "Sync certificates during periodic sync",
                "sync-certificates-during-periodic-sync",
            ),
            true,
        ),
        int(
            P::SipMaximumProcesses,
            (
                "Maximum number of processes",
                "sip-proxy-maximum-number-of-processes",
            ),
            (1, 100),
            20,
            U::Processes,
        ),
        int(
            P::SipMaximumSpareProcesses,
            (
                "Maximum number of spare processes",
                "sip-proxy-maximum-number-of-spare-processes",
            ),
            (1, 100),
            20,
            U::Processes,
        ),
        per_node(switch(
            P::XcpRouterDebugLogging,
            ("XCP Router Debug Logging", "xcp-router-debug-logging"),
            false,
        )),
        per_node(int(
            P::ReLoginLowerLimit,
            ("Client Re-Login Lower Limit", "client-re-login-lower-limit"),
            (0, 7_200),
            120,
            U::Seconds,
        )),
        per_node(int(
            P::ReLoginUpperLimit,
            ("Client Re-Login Upper Limit", "client-re-login-upper-limit"),
            (0, 7_200),
            537,
            U::Seconds,
        )),
        // The sessions of 15 000 users take a quarter of an hour.
        int(
            P::PushSessionRate,
            (
                "Push Sessions Composed per Minute",
                "push-sessions-composed-per-minute",
            ),
            (1, 60_000),
            1_000,
            U::Sessions,
        ),
        choice(
            P::PushContent,
            ("Push Notification Content", "push-notification-content"),
            &["count", "sender", "body"],
        ),
    ]
};

impl Param {
    /// Every parameter.
    pub fn all() -> impl Iterator<Item = &'static ParamSpec> {
        SPECS.iter()
    }

    /// What is known of the parameter.
    #[must_use]
    pub const fn spec(self) -> &'static ParamSpec {
        &SPECS[self as usize]
    }

    /// The parameter of this name or key. Case, spaces and punctuation do not count, nor does
    /// *(Heartbeat)*.
    #[must_use]
    pub fn named(name: &str) -> Option<Param> {
        let wanted = bare(name);
        SPECS
            .iter()
            .find(|spec| bare(spec.name) == wanted || bare(spec.key) == wanted)
            .map(|spec| spec.param)
    }
}

fn bare(name: &str) -> String {
    let lower = name.to_lowercase().replace("(heartbeat)", "");
    lower.chars().filter(|c| c.is_alphanumeric()).collect()
}
