//! Parameters and their values.

use takeover_core::id::NodeId;
use takeover_core::params::{Param, Params, Scope, Setting};

/// A batch is set as a whole or not at all; what was set is printed and set again as the same.
///
/// A line is `NAME = VALUE`, for node 1 if the parameter is a node's and for the cluster else; with `!` in
/// front it is the other way round.
pub(crate) fn body(octets: &[u8]) {
    let Ok(text) = std::str::from_utf8(octets) else {
        return;
    };
    let settings: Vec<Setting<'_>> = text.lines().take(40).filter_map(setting).collect();
    let mut params = Params::new();
    match params.set_all(&settings) {
        Ok(changes) => {
            for change in &changes {
                assert_eq!(
                    change.param.spec().kind.read(&change.to.to_string()),
                    Some(change.to)
                );
                assert_ne!(change.from, change.to);
            }
            same_again(&params);
        }
        Err(errors) => {
            assert!(!errors.to_string().is_empty());
            assert_eq!(params, Params::new());
        }
    }
    let _ = (params.ha(), params.assignment_mode());
}

fn setting(line: &str) -> Option<Setting<'_>> {
    let (turned, line) = match line.strip_prefix('!') {
        Some(line) => (true, line),
        None => (false, line),
    };
    let (name, value) = line.split_once('=')?;
    let name = name.trim();
    let of_node = Param::named(name).is_some_and(|param| param.spec().scope == Scope::Node);
    let node = (of_node != turned).then_some(NodeId(1));
    Some(Setting { name, node, value })
}

fn same_again(params: &Params) {
    let texts: Vec<(&str, Option<NodeId>, String)> = Param::all()
        .map(|spec| {
            let node = (spec.scope == Scope::Node).then_some(NodeId(1));
            (spec.name, node, params.get(spec.param, node).to_string())
        })
        .collect();
    let settings: Vec<Setting<'_>> = texts
        .iter()
        .map(|(name, node, value)| Setting {
            name,
            node: *node,
            value,
        })
        .collect();
    let mut again = Params::new();
    if let Err(errors) = again.set_all(&settings) {
        panic!("{errors}");
    }
    for spec in Param::all() {
        for node in [None, Some(NodeId(1))] {
            assert_eq!(again.get(spec.param, node), params.get(spec.param, node));
        }
    }
}
