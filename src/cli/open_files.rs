//! How many files and sockets this process may have open.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Raises the limit to the most that the system allows this process: a login shell often gives it 1024, and
/// each client is a socket. Where the system refuses, the limit stays as it is: clients beyond it wait.
pub fn allow_most() {
    let limit = getrlimit(Resource::Nofile);
    let most = Rlimit {
        current: limit.maximum,
        ..limit
    };
    if let Err(error) = setrlimit(Resource::Nofile, most) {
        tracing::warn!(%error, now = ?limit.current, "the limit of open files stays");
    }
}
