//! The parameters of one cluster and its nodes.

use std::collections::BTreeMap;
use std::time::Duration;

use super::error::{ParamError, ParamErrors, ParamWarning};
use super::list::{CONNECT_TIMEOUT, Param, Scope};
use super::value::Value;
use crate::assignment::AssignmentMode;
use crate::ha::{Detection, HaParams, ServiceSet};
use crate::id::{ClusterId, NodeId};
use crate::topology::Deployment;

/// One value to be set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Setting<'a> {
    /// The parameter's name or key.
    pub name: &'a str,
    /// The node, for a parameter of a node; `None` for the cluster.
    pub node: Option<NodeId>,
    /// The value.
    pub value: &'a str,
}

/// A value that has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change {
    /// The parameter.
    pub param: Param,
    /// The node, for a parameter of a node.
    pub node: Option<NodeId>,
    /// The value before.
    pub from: Value,
    /// The value now.
    pub to: Value,
}

/// The parameters of one cluster and its nodes. What nobody has set has its default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Params {
    set: BTreeMap<(Param, Option<NodeId>), Value>,
}

impl Params {
    /// All defaults.
    #[must_use]
    pub fn new() -> Params {
        Params::default()
    }

    /// The value of a parameter; `node` counts for the parameters of a node only.
    #[must_use]
    pub fn get(&self, param: Param, node: Option<NodeId>) -> Value {
        let spec = param.spec();
        let node = node.filter(|_| spec.scope == Scope::Node);
        self.set
            .get(&(param, node))
            .copied()
            .unwrap_or(spec.default)
    }

    /// The number of a cluster's parameter; 0 for one that is no number.
    #[must_use]
    pub fn number(&self, param: Param) -> u64 {
        number(self.get(param, None))
    }

    /// The number of a node's parameter; 0 for one that is no number.
    #[must_use]
    pub fn number_of(&self, param: Param, node: NodeId) -> u64 {
        number(self.get(param, Some(node)))
    }

    /// Whether a cluster's switch is on.
    #[must_use]
    pub fn is_on(&self, param: Param) -> bool {
        self.get(param, None) == Value::Bool(true)
    }

    fn seconds(&self, param: Param) -> Duration {
        Duration::from_secs(self.number(param))
    }

    /// The re-login limits of a node, lower and upper (SES-5).
    #[must_use]
    pub fn re_login_limits(&self, node: NodeId) -> (Duration, Duration) {
        let limit = |param| Duration::from_secs(self.number_of(param, node));
        (
            limit(Param::ReLoginLowerLimit),
            limit(Param::ReLoginUpperLimit),
        )
    }

    /// How users are assigned (USR-1).
    #[must_use]
    pub fn assignment_mode(&self) -> AssignmentMode {
        let word = self.get(Param::UserAssignmentMode, None).to_string();
        // The words of the parameter are the names of the modes; a test shows it.
        word.parse().unwrap_or_default()
    }

    /// Sets all, or nothing (CFG-6). Gives what has changed.
    ///
    /// ```
    /// use takeover_core::params::{Param, Params, Setting};
    ///
    /// let mut params = Params::new();
    /// let set = |value| Setting { name: "Critical Service Down Delay", node: None, value };
    /// assert!(params.set_all(&[set("0")]).is_err());
    /// params.set_all(&[set("30")]).unwrap();
    /// assert_eq!(params.number(Param::CriticalServiceDownDelay), 30);
    /// ```
    ///
    /// # Errors
    /// Everything that is wrong with the settings, each error with the name, the value, what is allowed
    /// and the unit.
    pub fn set_all(&mut self, settings: &[Setting<'_>]) -> Result<Vec<Change>, ParamErrors> {
        let mut next = self.clone();
        let mut errors = Vec::new();
        let mut changes = Vec::new();
        for setting in settings {
            match next.put(setting) {
                Ok(change) => changes.push(change),
                Err(error) => errors.push(error),
            }
        }
        if errors.is_empty() {
            errors = next.disorder();
        }
        if !errors.is_empty() {
            return Err(ParamErrors(errors));
        }
        *self = next;
        changes.retain(|change| change.from != change.to);
        Ok(changes)
    }

    fn put(&mut self, setting: &Setting<'_>) -> Result<Change, ParamError> {
        let Some(param) = Param::named(setting.name) else {
            return Err(ParamError::Unknown {
                name: setting.name.to_owned(),
            });
        };
        let spec = param.spec();
        let given = if setting.node.is_some() {
            Scope::Node
        } else {
            Scope::Cluster
        };
        if given != spec.scope {
            return Err(ParamError::Scope { param, given });
        }
        let Some(to) = spec.kind.read(setting.value) else {
            return Err(ParamError::Value {
                param,
                value: setting.value.to_owned(),
            });
        };
        let from = self.get(param, setting.node);
        self.set.insert((param, setting.node), to);
        Ok(Change {
            param,
            node: setting.node,
            from,
            to,
        })
    }

    /// Values that do not go together.
    fn disorder(&self) -> Vec<ParamError> {
        use Param as P;
        let mut errors = Vec::new();
        let mut order = |low: P, high: P, node: Option<NodeId>, strict: bool| {
            let [low_value, high_value] = [low, high].map(|param| number(self.get(param, node)));
            let fits = if strict {
                low_value < high_value
            } else {
                low_value <= high_value
            };
            let relation = if strict { "be less than" } else { "not exceed" };
            let error = ParamError::Order {
                low,
                low_value,
                relation,
                high,
                high_value,
            };
            // Of two nodes with the same values, once.
            if !fits && !errors.contains(&error) {
                errors.push(error);
            }
        };
        order(P::KeepAliveInterval, P::KeepAliveTimeout, None, true);
        order(
            P::KeepAliveTimeout,
            P::InitializationKeepAliveTimeout,
            None,
            false,
        );
        order(P::ConnectTimeout, P::HeartBeatInterval, None, false);
        order(
            P::SipMaximumSpareProcesses,
            P::SipMaximumProcesses,
            None,
            false,
        );
        let nodes = self.set.keys().filter_map(|(_, node)| *node);
        for node in nodes.collect::<std::collections::BTreeSet<NodeId>>() {
            order(
                P::ReLoginLowerLimit,
                P::ReLoginUpperLimit,
                Some(node),
                false,
            );
        }
        errors
    }

    /// What is set in a cluster but should not stay so (SES-5).
    #[must_use]
    pub fn warnings(&self, deployment: &Deployment, cluster: ClusterId) -> Vec<ParamWarning> {
        let delay = self.number(Param::CriticalServiceDownDelay);
        let mut warnings = Vec::new();
        for group in deployment
            .cluster(cluster)
            .groups
            .iter()
            .map(|id| deployment.group(*id))
        {
            if let [first, second] = group.nodes[..] {
                for param in [Param::ReLoginLowerLimit, Param::ReLoginUpperLimit] {
                    let [first, second] = [first, second].map(|node| self.number_of(param, node));
                    if first != second {
                        let group = group.name.to_string();
                        warnings.push(ParamWarning::Unequal {
                            group,
                            param,
                            first,
                            second,
                        });
                    }
                }
            }
            for node in &group.nodes {
                let lower = self.number_of(Param::ReLoginLowerLimit, *node);
                if lower < delay {
                    let node = deployment.node(*node).name.to_string();
                    warnings.push(ParamWarning::LowerLimitBelowDelay { node, lower, delay });
                }
            }
        }
        warnings
    }

    /// What the HA machine needs of the parameters. With Multiple Device Messaging the times of detection
    /// are doubled (HA-16).
    #[must_use]
    pub fn ha(&self) -> HaParams {
        let factor = if self.is_on(Param::EnableMultipleDeviceMessaging) {
            2
        } else {
            1
        };
        let time = |param| self.seconds(param) * factor;
        let older = self.get(Param::PeerDetection, None) == Value::Choice(CONNECT_TIMEOUT);
        let detection = if older {
            Detection::ConnectTimeout {
                interval: time(Param::HeartBeatInterval),
                connect_timeout: time(Param::ConnectTimeout),
            }
        } else {
            Detection::KeepAlive {
                interval: time(Param::KeepAliveInterval),
                timeout: time(Param::KeepAliveTimeout),
            }
        };
        let fallback = self.is_on(Param::EnableAutomaticFallback);
        HaParams {
            detection,
            initialization_timeout: time(Param::InitializationKeepAliveTimeout),
            critical_service_delay: time(Param::CriticalServiceDownDelay),
            automatic_fallback: fallback.then_some(HaParams::FALLBACK_HEALTH),
            move_timeout: HaParams::MOVE_TIMEOUT,
            start_timeout: HaParams::START_TIMEOUT,
            critical: ServiceSet::critical(
                self.is_on(Param::EnablePersistentChat),
                self.is_on(Param::EnableXcpAuthMonitoring),
            ),
        }
    }
}

fn number(value: Value) -> u64 {
    match value {
        Value::Int(number) => number,
        Value::Bool(_) | Value::Choice(_) => 0,
    }
}
