//! `takeover serve`: a lab for clients from outside.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use super::{FAILED, OK, REFUSED, fail, logging, print};
use crate::Lab;
use crate::admin::http::router;
use crate::admin::token::Token;
use crate::config::{LabConfig, default_file, load};
use crate::lab::LabError;

/// An orderly end takes no longer than this.
const END: Duration = Duration::from_millis(4500);

/// Keep a lab running for clients from outside.
///
/// When everything listens, one line `ready {…}` is printed on standard output: a JSON object with
/// `ca` (path of the CA certificate to trust), `admin` (address of the administration port), `token`
/// (that opens it) and `nodes` (`name`, `cluster`, `group`, `xmpp`, `xmpp_tls`). Ctrl-C and SIGTERM
/// end the lab in order.
#[derive(Args)]
pub(super) struct Serve {
    /// The configuration; without one, the built-in lab.
    #[arg(long, value_name = "lab.toml")]
    config: Option<PathBuf>,
    /// Protocol seconds per second; counts more than the configuration.
    #[arg(long)]
    speed: Option<f64>,
    /// Folder that keeps the data; counts more than the configuration.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Port of the administration port on the loopback interface; 0 lets the system choose.
    #[arg(long, value_name = "PORT", default_value_t = 0)]
    admin: u16,
    /// Print a complete, commented default configuration and end.
    #[arg(long)]
    print_config: bool,
}

impl Serve {
    pub(super) fn run(&self) -> u8 {
        if self.print_config {
            print(default_file().trim_end());
            return OK;
        }
        let config = match self.config() {
            Ok(config) => config,
            Err(why) => return fail(REFUSED, why),
        };
        logging::start(&config.logging);
        #[cfg(unix)]
        super::open_files::allow_most();
        if config.endpoints.allow_plaintext {
            tracing::warn!("clients may log in without TLS: passwords can be read on the way");
        }
        match self.serve(config) {
            Ok(()) => OK,
            Err(ServeError::Lab(error)) if is_refusal(&error) => fail(REFUSED, error),
            Err(error) => fail(FAILED, error),
        }
    }

    fn config(&self) -> Result<LabConfig, String> {
        let mut config = match &self.config {
            Some(path) => load(path).map_err(|error| error.to_string())?,
            None => LabConfig::default(),
        };
        if let Some(speed) = self.speed {
            if !(0.01..=1000.0).contains(&speed) {
                return Err(format!("--speed {speed}: allowed are 0.01 to 1000"));
            }
            config.speed = speed;
        }
        if let Some(folder) = &self.data {
            config.storage.folder = Some(folder.clone());
        }
        Ok(config)
    }

    fn serve(&self, config: LabConfig) -> Result<(), ServeError> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        // Before the lab is up: a signal during the start ends it in order, too.
        let mut signals = runtime.block_on(async { Signals::new() })?;
        let listener = runtime
            .block_on(TcpListener::bind(("127.0.0.1", self.admin)))
            .map_err(|source| ServeError::Admin {
                port: self.admin,
                source,
            })?;
        let lab = Lab::real_time(config.speed).config(config).start()?;
        let token = Token::draw().map_err(|error| io::Error::other(error.to_string()))?;
        let ready = ready(&lab, &listener, &token)?;
        let (stop, stopped) = oneshot::channel::<()>();
        let routes = router(Arc::new(lab.control()), token);
        runtime.block_on(async {
            let server = axum::serve(listener, routes).with_graceful_shutdown(async {
                let _ = stopped.await;
            });
            print(format_args!("ready {ready}"));
            tracing::info!("ready");
            tokio::select! {
                served = server => served,
                signal = signals.wait() => {
                    tracing::info!(signal, "ending");
                    drop(stop);
                    Ok(())
                }
            }
        })?;
        lab.shut_down(END)?;
        tracing::info!("ended in order");
        Ok(())
    }
}

#[derive(Debug, thiserror::Error)]
enum ServeError {
    #[error(transparent)]
    Lab(#[from] LabError),
    #[error(
        "--admin {port}: cannot listen on 127.0.0.1:{port}: {source}; 0 lets the system choose a free port"
    )]
    Admin { port: u16, source: io::Error },
    #[error(transparent)]
    System(#[from] io::Error),
}

/// Whether it was the configuration that was wrong, and not the world.
fn is_refusal(error: &LabError) -> bool {
    matches!(
        error,
        LabError::Config(_)
            | LabError::Topology(_)
            | LabError::Name { .. }
            | LabError::NoSuch { .. }
            | LabError::Parameter(_)
            | LabError::Chat { .. }
    )
}

fn ready(lab: &Lab, listener: &TcpListener, token: &Token) -> io::Result<Value> {
    let deployment = lab.deployment();
    let node = |node: &takeover_core::topology::Node| {
        let name = node.name.to_string();
        let addresses = lab.addresses(&name);
        json!({
            "name": name,
            "cluster": deployment.cluster(node.cluster).name,
            "group": deployment.group(node.group).name.to_string(),
            "xmpp": addresses.map(|addresses| addresses.xmpp.to_string()),
            "xmpp_tls": addresses.map(|addresses| addresses.xmpp_tls.to_string()),
        })
    };
    Ok(json!({
        "ca": lab.authority_file(),
        "admin": listener.local_addr()?.to_string(),
        "token": token.reveal(),
        "domain": deployment.domain(),
        "nodes": deployment.nodes().iter().map(node).collect::<Vec<_>>(),
    }))
}

/// The signals that end a lab in order.
#[cfg(unix)]
pub(super) struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    pub(super) fn new() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    pub(super) async fn wait(&mut self) -> &'static str {
        tokio::select! {
            _ = self.interrupt.recv() => "interrupt",
            _ = self.terminate.recv() => "terminate",
        }
    }
}

#[cfg(not(unix))]
pub(super) struct Signals;

#[cfg(not(unix))]
impl Signals {
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self)
    }

    pub(super) async fn wait(&mut self) -> &'static str {
        let _ = tokio::signal::ctrl_c().await;
        "interrupt"
    }
}
