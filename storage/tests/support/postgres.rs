//! A PostgreSQL server of a test's own: in a temporary folder, on a free port of the loopback
//! interface, ended by its own process id.
#![allow(dead_code, reason = "each test binary uses its part")]

use std::{
    env, fs,
    io::{BufRead, BufReader, Write},
    net::TcpListener,
    os::unix::{
        fs::{MetadataExt, chown},
        process::CommandExt,
    },
    path::{Path, PathBuf},
    process::{Child, ChildStderr, Command, Stdio},
    sync::{
        Arc,
        mpsc::{Receiver, channel},
    },
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process};
use takeover_storage::{Pause, Postgres, PostgresOptions, PostgresSettings};
use tempfile::TempDir;

/// Folder of the server's programs, where they are not to be looked for.
const BIN: &str = "TAKEOVER_POSTGRES_BIN";
/// Set (by CI) where a missing server is a failure.
const REQUIRED: &str = "TAKEOVER_REQUIRE_POSTGRES";
/// PostgreSQL does not run as root; this user owns nothing anywhere.
const NOBODY: u32 = 65_534;
/// How often a start is tried: another program may have taken the port, or a killed server's
/// children are not gone yet.
const STARTS: usize = 20;

const USER: &str = "takeover";
const PASSWORD: &str = "it's a s3cret";

/// A running server; dropping it ends it and removes all it had.
pub struct Server {
    bin: PathBuf,
    folder: TempDir,
    port: u16,
    extra: Vec<String>,
    running: Option<Running>,
}

struct Running {
    postmaster: Child,
    /// Kills the server when this process is gone, however it went.
    guard: Child,
}

/// A server, or `None` (said aloud) where no programs of one are installed.
///
/// # Panics
/// If they are required and missing, or if the server does not start.
pub fn server(test: &str) -> Option<Server> {
    server_with(test, &[])
}

/// As [`server`], with settings of its own, as in `ssl=on`.
pub fn server_with(test: &str, settings: &[&str]) -> Option<Server> {
    let Some(bin) = programs() else {
        assert!(
            env::var_os(REQUIRED).is_none(),
            "{REQUIRED} is set, and there is no PostgreSQL: install it or set {BIN}"
        );
        // Not `eprintln!`, which the test harness hides.
        let line = format!("SKIPPED {test}: no PostgreSQL server programs; set {BIN}\n");
        std::io::stderr().write_all(line.as_bytes()).unwrap();
        return None;
    };
    Some(Server::new(bin, settings))
}

/// Where the programs are: of the newest version, if there are several.
fn programs() -> Option<PathBuf> {
    if let Some(given) = env::var_os(BIN) {
        return Some(given.into());
    }
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten();
    let mut found: Vec<(u32, PathBuf)> = versions
        .filter_map(|entry| {
            let folder = entry.ok()?.path();
            let version = folder
                .file_name()?
                .to_str()?
                .split('.')
                .next()?
                .parse()
                .ok()?;
            Some((version, folder.join("bin")))
        })
        .collect();
    found.sort();
    let path = env::var_os("PATH").unwrap_or_default();
    let mut all = found
        .into_iter()
        .rev()
        .map(|(_, folder)| folder)
        .chain(env::split_paths(&path));
    all.find(|folder| folder.join("initdb").exists() && folder.join("postgres").exists())
}

impl Server {
    fn new(bin: PathBuf, settings: &[&str]) -> Self {
        let mut server = Self {
            bin,
            folder: tempfile::tempdir().unwrap(),
            port: 0,
            extra: settings.iter().map(|&setting| setting.to_owned()).collect(),
            running: None,
        };
        let secret = server.folder.path().join("password");
        fs::write(&secret, PASSWORD).unwrap();
        server.give_away(server.folder.path());
        server.give_away(&secret);
        let made = server
            .program("initdb")
            .args([
                "--username",
                USER,
                "--auth",
                "scram-sha-256",
                "--encoding",
                "UTF8",
            ])
            .args(["--locale", "C", "--no-sync", "--pgdata"])
            .arg(server.data())
            .arg("--pwfile")
            .arg(&secret)
            .output()
            .unwrap();
        assert!(
            made.status.success(),
            "{}",
            String::from_utf8_lossy(&made.stderr)
        );
        server.start();
        server
    }

    /// The server's data folder.
    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// Gives a file or folder to the user that the server runs as.
    pub fn give_away(&self, path: &Path) {
        if fs::metadata("/proc/self").unwrap().uid() == 0 {
            chown(path, Some(NOBODY), Some(NOBODY)).unwrap();
        }
    }

    fn program(&self, name: &str) -> Command {
        let mut command = Command::new(self.bin.join(name));
        if fs::metadata("/proc/self").unwrap().uid() == 0 {
            command.uid(NOBODY).gid(NOBODY);
        }
        command.current_dir(self.folder.path());
        command
    }

    /// Starts it; once it ran, on the same port again.
    pub fn start(&mut self) {
        for _ in 0..STARTS {
            let port = match self.port {
                0 => free_port(),
                port => port,
            };
            if let Some(running) = self.launch(port) {
                (self.port, self.running) = (port, Some(running));
                return;
            }
            pause(Duration::from_millis(100));
        }
        panic!("PostgreSQL does not start");
    }

    fn launch(&self, port: u16) -> Option<Running> {
        let mut command = self.program("postgres");
        command
            .arg("-D")
            .arg(self.data())
            .args(["-p", &port.to_string()]);
        // What is killed here is a process, never the power: the system keeps what was written.
        for setting in [
            "fsync=off",
            "listen_addresses=127.0.0.1",
            "unix_socket_directories=",
        ] {
            command.args(["-c", setting]);
        }
        for setting in &self.extra {
            command.args(["-c", setting]);
        }
        let mut postmaster = command.stderr(Stdio::piped()).spawn().unwrap();
        let words = listen(postmaster.stderr.take().unwrap());
        let ready = words
            .iter()
            .any(|line| line.contains("ready to accept connections"));
        if !ready {
            drop(postmaster.kill());
            drop(postmaster.wait());
            return None;
        }
        let guard = Command::new("sh")
            .args([
                "-c",
                "read _; kill -KILL \"$1\"",
                "sh",
                &postmaster.id().to_string(),
            ])
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        Some(Running { postmaster, guard })
    }

    /// Kills it at once, as `kill -9` does; its children notice and go.
    pub fn kill(&mut self) {
        if let Some(mut running) = self.running.take() {
            running.guard.kill().unwrap();
            running.postmaster.kill().unwrap();
            running.postmaster.wait().unwrap();
            running.guard.wait().unwrap();
        }
    }

    /// Shuts it down in order; clients are cut off (`pg_ctl stop -m fast`).
    pub fn stop(&mut self) {
        if let Some(mut running) = self.running.take() {
            running.guard.kill().unwrap();
            kill_process(Pid::from_child(&running.postmaster), Signal::INT).unwrap();
            running.postmaster.wait().unwrap();
            running.guard.wait().unwrap();
        }
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Settings for the schema `schema` in it.
    pub fn settings(&self, schema: &str) -> PostgresSettings {
        PostgresSettings {
            port: self.port,
            schema: schema.to_owned(),
            password: PASSWORD.to_owned(),
            ..PostgresSettings::new("127.0.0.1", "postgres", USER)
        }
    }

    /// Its connection string, without a schema.
    pub fn url(&self) -> String {
        let password = PASSWORD.replace(' ', "%20").replace('\'', "%27");
        format!(
            "postgresql://{USER}:{password}@127.0.0.1:{}/postgres",
            self.port
        )
    }

    /// An engine on the schema `schema`, with real time.
    pub fn open(&self, schema: &str) -> Postgres {
        Postgres::open(self.settings(schema), options()).unwrap()
    }

    /// Says something to it as its administrator: the answer, a line for each row.
    pub fn sql(&self, text: &str) -> String {
        // A server may come without its client; any version of that one will do.
        let own = self.bin.join("psql");
        let psql = if own.exists() { own } else { "psql".into() };
        let said = Command::new(psql)
            .env("PGPASSWORD", PASSWORD)
            .args([
                "-h",
                "127.0.0.1",
                "-p",
                &self.port.to_string(),
                "-U",
                USER,
                "-d",
                "postgres",
            ])
            .args(["-X", "-A", "-t", "-q", "-v", "ON_ERROR_STOP=1", "-c", text])
            .output()
            .unwrap();
        let error = String::from_utf8_lossy(&said.stderr);
        assert!(said.status.success(), "{text}: {error}");
        String::from_utf8_lossy(&said.stdout).trim().to_owned()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Short limits, so that tests of what fails do not take long, and real pauses.
pub fn options() -> PostgresOptions {
    PostgresOptions {
        // Longer than any disk of a busy machine holds a server up.
        connect: Duration::from_secs(60),
        back_off: (Duration::from_millis(5), Duration::from_millis(100)),
        resolve: 100,
        pause: Some(real_pause()),
        ..PostgresOptions::default()
    }
}

/// Pauses on the clock of the engine's own thread.
#[allow(
    clippy::disallowed_methods,
    reason = "a real server lives in real time"
)]
pub fn real_pause() -> Pause {
    Arc::new(|time| Box::pin(tokio::time::sleep(time)))
}

#[allow(
    clippy::disallowed_methods,
    reason = "a real server lives in real time"
)]
pub fn pause(time: Duration) {
    std::thread::sleep(time);
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

/// The lines of a server's log, read on a thread of their own so that it never waits for us.
fn listen(stderr: ChildStderr) -> Receiver<String> {
    let (tell, told) = channel();
    let read = move || {
        for line in BufReader::new(stderr).lines().map_while(Result::ok) {
            // Once it runs nobody listens any more.
            drop(tell.send(line));
        }
    };
    std::thread::Builder::new().spawn(read).unwrap();
    told
}
