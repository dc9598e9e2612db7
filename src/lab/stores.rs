//! Where a lab keeps what it keeps.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use takeover_storage::{ChatStore, Embedded, Memory, NodeStore, StoreError, UserStore};
use tempfile::TempDir;

use super::LabError;

enum Engine {
    Memory(Memory),
    Embedded(Embedded),
}

/// The databases of a lab, and the folder they are in.
pub(super) struct Stores {
    engine: Engine,
    folder: PathBuf,
    /// Removed when the lab is gone.
    _temporary: Option<TempDir>,
}

impl Stores {
    /// Databases in memory, gone with the lab.
    pub(super) fn in_memory() -> Self {
        Self {
            engine: Engine::Memory(Memory::new()),
            folder: PathBuf::new(),
            _temporary: None,
        }
    }

    /// The embedded engine in a folder, or in a temporary one.
    pub(super) fn embedded(folder: Option<&Path>) -> Result<Self, LabError> {
        let failed = |what| move |source| LabError::System { what, source };
        let temporary = match folder {
            Some(_) => None,
            None => Some(tempfile::tempdir().map_err(failed("cannot make a temporary folder"))?),
        };
        let folder = match (folder, &temporary) {
            (Some(folder), _) => folder.to_owned(),
            (None, Some(temporary)) => temporary.path().to_owned(),
            (None, None) => PathBuf::new(),
        };
        std::fs::create_dir_all(&folder).map_err(failed("cannot make the data folder"))?;
        let opened = Embedded::open(folder.join("store"));
        let engine = Engine::Embedded(opened.map_err(|error| refused(&folder, error))?);
        Ok(Self {
            engine,
            folder,
            _temporary: temporary,
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

    pub(super) fn chat(&self, group: &str) -> Arc<dyn ChatStore> {
        match &self.engine {
            Engine::Memory(memory) => memory.chat(group),
            Engine::Embedded(embedded) => embedded.chat(group),
        }
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
