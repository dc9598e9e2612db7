//! `lab.toml`.

use std::path::Path;

use takeover::Lab;
use takeover::config::{ConfigError, DatabasePlace, LabConfig, parse};

/// A file is accepted and can be used, or refused with its lines, keys and what is allowed.
pub(crate) fn body(octets: &[u8]) {
    let Ok(text) = std::str::from_utf8(octets) else {
        return;
    };
    let lines = text.matches('\n').count() + 1;
    match parse(text, Path::new("lab.toml")) {
        Ok(config) => accepted(config),
        Err(ConfigError::Refused { problems, .. }) => {
            assert!(!problems.is_empty());
            assert!(problems.is_sorted_by_key(|problem| problem.line));
            for problem in &problems {
                assert!((1..=lines).contains(&problem.line), "{problem:?}");
                assert!(
                    !problem.key.is_empty() && !problem.why.is_empty(),
                    "{problem:?}"
                );
            }
        }
        Err(ConfigError::Syntax { line, why, .. }) => {
            assert!(
                (1..=lines).contains(&line) && !why.is_empty(),
                "{line} of {lines}: {why}"
            );
        }
        Err(error @ ConfigError::File { .. }) => panic!("no file was asked for: {error}"),
    }
}

/// A lab can be made of it, or says why not.
fn accepted(config: LabConfig) {
    let people = config.users.all().take(200).count();
    let nodes = config
        .clusters
        .iter()
        .flat_map(|cluster| &cluster.groups)
        .map(|group| group.nodes.len());
    let outside = config
        .databases
        .iter()
        .any(|one| matches!(one.place, DatabasePlace::PostgreSql(_)));
    // Large labs take time, and nothing outside is to be touched.
    if people > 12 || nodes.sum::<usize>() > 6 || outside || config.storage.folder.is_some() {
        return;
    }
    match Lab::virtual_time(1)
        .config(config)
        .password_rounds(1)
        .build()
    {
        Ok(lab) => drop(lab),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}
