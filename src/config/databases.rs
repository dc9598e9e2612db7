//! The external databases that a configuration describes (CHAT-3, CHAT-5).

use std::collections::BTreeSet;

use takeover_storage::{EngineKind, PostgresSettings, PostgresTls};

use super::parse::unique;
use super::reader::Section;

/// An external database, by the name under which nodes keep their rooms in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatabaseConfig {
    /// Its name in this deployment.
    pub name: String,
    /// Where it is.
    pub place: DatabasePlace,
}

/// Where an external database is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DatabasePlace {
    /// In the lab's own store: what a database is that nothing is said of.
    Embedded,
    /// On a PostgreSQL server.
    PostgreSql(PostgresSettings),
}

/// All that are described, each once.
pub(super) fn databases(root: &mut Section<'_, '_>) -> Vec<DatabaseConfig> {
    let mut seen = BTreeSet::new();
    let sections = root.sections("databases").unwrap_or_default();
    sections
        .into_iter()
        .map(|section| database(section, &mut seen))
        .collect()
}

fn database(mut section: Section<'_, '_>, seen: &mut BTreeSet<String>) -> DatabaseConfig {
    let name = unique(&mut section, seen);
    let kind = section.text("type", EngineKind::Embedded.name());
    let kind = kind.parse().and_then(EngineKind::built_in);
    let place = match kind {
        Ok(EngineKind::PostgreSql) => DatabasePlace::PostgreSql(postgresql(&mut section)),
        Ok(EngineKind::Memory) => {
            section.refuse(
                "type",
                "is what virtual time uses by itself; allowed: embedded, postgresql",
            );
            DatabasePlace::Embedded
        }
        Ok(EngineKind::Embedded | EngineKind::Oracle | EngineKind::MsSql) => {
            DatabasePlace::Embedded
        }
        Err(error) => {
            section.refuse("type", error);
            // What else is said of it cannot be judged.
            let _ = section.entries();
            DatabasePlace::Embedded
        }
    };
    section.finish();
    DatabaseConfig { name, place }
}

fn postgresql(section: &mut Section<'_, '_>) -> PostgresSettings {
    let given = PostgresSettings::new("127.0.0.1", "takeover", "takeover");
    let settings = PostgresSettings {
        host: section.text("host", &given.host),
        port: section.number("port", given.port, 1..=65_535, ""),
        database: section.text("database", &given.database),
        schema: section.text("schema", &given.schema),
        user: section.text("user", &given.user),
        password: section.text("password", &given.password),
        tls: match section.optional_text("tls_ca") {
            Some(ca) if !ca.is_empty() => PostgresTls::Verified { ca: ca.into() },
            Some(_) | None => PostgresTls::Off,
        },
    };
    if let Err(error) = settings.check() {
        let key = ["schema", "host", "database", "user"]
            .into_iter()
            .find(|key| error.to_string().contains(&format!(": {key} ")));
        section.refuse(key.unwrap_or("name"), error);
    }
    settings
}
