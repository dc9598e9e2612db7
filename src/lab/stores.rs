//! Where a lab keeps what it keeps.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use takeover_actors::rt::{World, real_pause};
use takeover_storage::{
    ChatStore, Embedded, Faults, Guarded, Memory, NodeStore, Passage, Postgres, PostgresOptions,
    StoreError, UserStore,
};

use super::LabError;
use crate::config::{DatabaseConfig, DatabasePlace};

enum Engine {
    Memory(Memory),
    Embedded(Embedded),
}

/// An external database, and the faults that befall it alone.
#[derive(Clone)]
pub(super) struct External {
    pub(super) store: Arc<dyn ChatStore>,
    pub(super) faults: Faults,
}

impl External {
    fn new(inner: Arc<dyn ChatStore>, passage: Option<Passage>) -> Self {
        let faults = Faults::none();
        let store = Arc::new(Guarded::new(inner, faults.clone(), passage));
        Self { store, faults }
    }
}

/// The databases of a lab, and the folder they are in.
pub(super) struct Stores {
    engine: Engine,
    /// By name; those of the lab's own store are made when they are first asked for.
    external: Mutex<BTreeMap<String, External>>,
    folder: PathBuf,
}

impl Stores {
    /// Databases in memory, gone with the lab.
    pub(super) fn in_memory() -> Self {
        Self {
            engine: Engine::Memory(Memory::new()),
            external: Mutex::default(),
            folder: PathBuf::new(),
        }
    }

    /// The embedded engine in a folder, or in a temporary one, which goes when the database is closed.
    pub(super) fn embedded(folder: Option<&Path>) -> Result<Self, LabError> {
        let (folder, opened) = match folder {
            Some(folder) => {
                std::fs::create_dir_all(folder).map_err(|source| LabError::System {
                    what: format!("cannot make the data folder {}", folder.display()),
                    source,
                })?;
                (folder.to_owned(), Embedded::open(folder.join("store")))
            }
            None => {
                let temporary = tempfile::tempdir().map_err(|source| LabError::System {
                    what: "cannot make a temporary folder".to_owned(),
                    source,
                })?;
                let folder = temporary.path().to_owned();
                let store = folder.join("store");
                (folder, Embedded::open_within(temporary, store))
            }
        };
        let engine = Engine::Embedded(opened.map_err(|error| refused(&folder, error))?);
        Ok(Self {
            engine,
            external: Mutex::default(),
            folder,
        })
    }

    /// The data folder; empty where everything is in memory.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    pub(super) fn users(&self, cluster: &str) -> Arc<dyn UserStore> {
        match &self.engine {
            Engine::Memory(memory) => memory.users(cluster),
            Engine::Embedded(embedded) => embedded.users(cluster),
        }
    }

    /// Makes the external databases known that a configuration describes.
    pub(super) fn describe(
        &self,
        databases: &[DatabaseConfig],
        world: &World,
    ) -> Result<(), LabError> {
        for DatabaseConfig { name, place } in databases {
            if let DatabasePlace::PostgreSql(settings) = place {
                let opened = Postgres::open(settings.clone(), options(world));
                let server = PathBuf::from(format!("database {name}"));
                let store = opened.map_err(|error| refused(&server, error))?.chat();
                let external = External::new(store, passage(world));
                self.external.lock().insert(name.clone(), external);
            }
        }
        Ok(())
    }

    /// The external database of this name.
    pub(super) fn external(&self, name: &str) -> External {
        let mut external = self.external.lock();
        let there = external.entry(name.to_owned()).or_insert_with(|| {
            let store = match &self.engine {
                Engine::Memory(memory) => memory.chat(name),
                Engine::Embedded(embedded) => embedded.chat(name),
            };
            External::new(store, None)
        });
        there.clone()
    }

    /// Names of the external databases that there are.
    pub(super) fn names(&self) -> Vec<String> {
        self.external.lock().keys().cloned().collect()
    }

    pub(super) fn chat(&self, name: &str) -> Arc<dyn ChatStore> {
        self.external(name).store
    }

    pub(super) fn node(&self, node: &str) -> Arc<dyn NodeStore> {
        match &self.engine {
            Engine::Memory(memory) => memory.node(node),
            Engine::Embedded(embedded) => embedded.node(node),
        }
    }
}

fn refused(folder: &Path, error: StoreError) -> LabError {
    LabError::Store {
        place: folder.to_owned(),
        error: Box::new(error),
    }
}

/// In virtual time a server's answers are let in one by one, in the order of their questions.
fn passage(world: &World) -> Option<Passage> {
    world.clock().is_virtual().then(|| {
        let world = world.clone();
        let passage: Passage = Arc::new(move || Box::pin(world.visit()));
        passage
    })
}

/// A server lives in real time: the faster protocol time passes, the shorter it is waited for. In
/// virtual time the engine waits for nothing, and whoever asks again does so in virtual time.
fn options(world: &World) -> PostgresOptions {
    let usual = PostgresOptions::default();
    let Some(speed) = world.clock().speed() else {
        return usual;
    };
    let wall = |seconds: u64| Duration::from_secs(seconds).div_f64(speed.max(1.0));
    let least = Duration::from_secs(2);
    let (first, longest) = usual.back_off;
    PostgresOptions {
        connect: usual.connect.min(wall(30).max(least)),
        statement: usual.statement.min(wall(60).max(least)),
        back_off: (first, longest.min(wall(10).max(first))),
        pause: Some(Arc::new(real_pause)),
        ..usual
    }
}
