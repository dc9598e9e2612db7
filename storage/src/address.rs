//! Which chat database somebody means: a folder or a connection string, as an operator types it.

use std::{
    collections::BTreeMap,
    fmt,
    path::{Path, PathBuf},
    str::FromStr,
    sync::Arc,
};

use crate::{
    ChatStore, Embedded, EngineKind, Postgres, PostgresOptions, PostgresSettings, StoreError,
};

/// The instance of a database that has none yet, unless another name is given.
const FRESH: &str = "chat";

/// Where a chat database is: `FOLDER[#INSTANCE]` of an embedded one (that of `serve --data` is
/// taken, too), or a connection string such as `postgresql://user@host/name[#INSTANCE]`. Without an
/// instance the only one there is meant.
///
/// ```
/// use takeover_storage::{ChatAddress, EngineKind};
/// let address: ChatAddress = "/var/lib/takeover#pair-1".parse()?;
/// assert_eq!((address.kind(), address.instance()), (EngineKind::Embedded, Some("pair-1")));
/// let server: ChatAddress = "mssql://host/chat".parse()?;
/// assert_eq!(server.kind(), EngineKind::MsSql);
/// # Ok::<(), takeover_storage::AddressError>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct ChatAddress {
    kind: EngineKind,
    place: String,
    instance: Option<String>,
}

/// Why a chat database was not opened.
#[derive(Debug, thiserror::Error)]
pub enum AddressError {
    /// Nothing, or only an instance, was given.
    #[error("{given:?} names no database; allowed: FOLDER[#INSTANCE] or TYPE://…")]
    Empty {
        /// What was given.
        given: String,
    },
    /// It is written as key words, as other clients of PostgreSQL take them; the rest is not shown, a
    /// password may be in it.
    #[error(
        "\"{word}=…\" is no folder; allowed: FOLDER[#INSTANCE] or postgresql://USER@HOST:PORT/NAME[#SCHEMA]"
    )]
    KeyWords {
        /// The first of them.
        word: &'static str,
    },
    /// There is no database in the folder.
    #[error("there is no database in {}", folder.display())]
    Missing {
        /// The folder.
        folder: PathBuf,
    },
    /// No such instance, or one has to be chosen.
    #[error("{address}: say which database is meant; there are: {}", known.join(", "))]
    Instance {
        /// What was given.
        address: String,
        /// The instances there are.
        known: Vec<String>,
    },
    /// The database refuses or fails.
    #[error("{address}: {error}")]
    Store {
        /// What was given.
        address: String,
        /// What it said.
        error: StoreError,
    },
}

impl ChatAddress {
    /// The type of the database.
    #[must_use]
    pub fn kind(&self) -> EngineKind {
        self.kind
    }

    /// The instance, if one is named.
    #[must_use]
    pub fn instance(&self) -> Option<&str> {
        self.instance.as_deref()
    }

    /// Where it is on its server: the instance is the schema, `public` where none is named.
    ///
    /// # Errors
    /// [`AddressError::Store`] if it is of another type, or cannot be read.
    pub fn postgresql(&self) -> Result<PostgresSettings, AddressError> {
        if self.kind != EngineKind::PostgreSql {
            let reason = format!(
                "{} is not on a server of this type; allowed: postgresql://…[#SCHEMA]",
                self.kind
            );
            let engine = EngineKind::PostgreSql;
            return Err(self.failed(StoreError::Unfit { engine, reason }));
        }
        let read = PostgresSettings::from_url(&self.place);
        let mut settings = read.map_err(|error| self.failed(error))?;
        if let Some(schema) = &self.instance {
            settings.schema.clone_from(schema);
        }
        Ok(settings)
    }

    fn failed(&self, error: StoreError) -> AddressError {
        let address = self.to_string();
        AddressError::Store { address, error }
    }
}

impl FromStr for ChatAddress {
    type Err = AddressError;

    fn from_str(given: &str) -> Result<Self, AddressError> {
        let (place, instance) = cut(given);
        if place.is_empty() || instance.is_some_and(str::is_empty) {
            let given = shown(place, instance);
            return Err(AddressError::Empty { given });
        }
        let scheme = place.split_once("://").map(|(scheme, _)| scheme);
        if let Some(word) = key_word(place) {
            return Err(AddressError::KeyWords { word });
        }
        let kind = match scheme {
            None => Ok(EngineKind::Embedded),
            Some("postgres") => Ok(EngineKind::PostgreSql),
            Some("sqlserver") => Ok(EngineKind::MsSql),
            Some(name) => name.parse(),
        };
        let address = shown(place, instance);
        Ok(Self {
            kind: kind.map_err(|error| AddressError::Store { address, error })?,
            place: place.to_owned(),
            instance: instance.map(str::to_owned),
        })
    }
}

/// The key word that a connection string of the other form begins with (`host=… dbname=…`).
fn key_word(place: &str) -> Option<&'static str> {
    let known = [
        "host", "hostaddr", "port", "dbname", "user", "password", "service",
    ];
    let first = place.split_once('=')?.0.trim();
    known.into_iter().find(|word| *word == first)
}

/// The place and the instance: a `#` before the last `@` of a connection string is part of a password.
fn cut(given: &str) -> (&str, Option<&str>) {
    let place = match given.contains("://") {
        true => given.rfind('@').unwrap_or(0),
        false => 0,
    };
    match given[place..].split_once('#') {
        Some((rest, instance)) => (&given[..place + rest.len()], Some(instance)),
        None => (given, None),
    }
}

/// As it may be shown: a connection string may hold a password, before its `@` or behind its `?`, and what
/// stands behind its `#` is the end of one where that is no schema.
fn shown(place: &str, instance: Option<&str>) -> String {
    let mut text = match place.split_once("://") {
        None => place.to_owned(),
        // Where one of them is in the other, nobody knows where a password ends.
        Some((scheme, rest))
            if rest
                .find('?')
                .is_some_and(|query| rest.rfind('@') > Some(query)) =>
        {
            format!("{scheme}://…")
        }
        Some((scheme, rest)) => {
            let (hidden, rest) = match rest.rsplit_once('@') {
                Some((_, rest)) => ("…@", rest),
                None => ("", rest),
            };
            let (rest, query) = match rest.split_once('?') {
                Some((rest, _)) => (rest, "?…"),
                None => (rest, ""),
            };
            format!("{scheme}://{hidden}{rest}{query}")
        }
    };
    let is_schema = |name: &str| name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    let instance = instance.map(|name| match place.contains("://") && !is_schema(name) {
        true => "…",
        false => name,
    });
    text.extend(instance.into_iter().flat_map(|instance| ["#", instance]));
    text
}

impl fmt::Display for ChatAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&shown(&self.place, self.instance()))
    }
}

impl fmt::Debug for ChatAddress {
    /// Without the password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ChatAddress({self})")
    }
}

/// Opens chat databases by their addresses, each folder once.
#[derive(Debug, Default)]
pub struct Opener {
    folders: BTreeMap<PathBuf, Embedded>,
    options: PostgresOptions,
}

impl Opener {
    /// Nothing is open.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Speaks to PostgreSQL servers with these options.
    #[must_use]
    pub fn with_options(mut self, options: PostgresOptions) -> Self {
        self.options = options;
        self
    }

    /// Opens a database that is there.
    ///
    /// # Errors
    /// [`AddressError`]; [`StoreError::NotBuiltIn`] in it for a type without a driver (CHAT-3).
    pub async fn open(
        &mut self,
        address: &ChatAddress,
    ) -> Result<Arc<dyn ChatStore>, AddressError> {
        self.open_or(address, false).await
    }

    /// Opens a database, which is made if it is not there.
    ///
    /// # Errors
    /// Those of [`Opener::open`].
    pub async fn create(
        &mut self,
        address: &ChatAddress,
    ) -> Result<Arc<dyn ChatStore>, AddressError> {
        self.open_or(address, true).await
    }

    async fn open_or(
        &mut self,
        address: &ChatAddress,
        fresh: bool,
    ) -> Result<Arc<dyn ChatStore>, AddressError> {
        match address.kind.built_in() {
            Ok(EngineKind::Embedded) => self.embedded(address, fresh),
            Ok(EngineKind::PostgreSql) => self.postgresql(address),
            Ok(kind) => Err(address.failed(StoreError::NotBuiltIn { kind })),
            Err(error) => Err(address.failed(error)),
        }
    }

    /// The instance is the schema; it is made by the first connection.
    fn postgresql(&self, address: &ChatAddress) -> Result<Arc<dyn ChatStore>, AddressError> {
        let opened = Postgres::open(address.postgresql()?, self.options.clone());
        Ok(opened.map_err(|error| address.failed(error))?.chat())
    }

    fn embedded(
        &mut self,
        address: &ChatAddress,
        fresh: bool,
    ) -> Result<Arc<dyn ChatStore>, AddressError> {
        let folder = folder_of(Path::new(&address.place));
        if !fresh && !Embedded::is_in(&folder) {
            return Err(AddressError::Missing { folder });
        }
        let known = folder.canonicalize().unwrap_or(folder);
        if !self.folders.contains_key(&known) {
            let opened = Embedded::open(&known).map_err(|error| address.failed(error))?;
            // It is there now, so its name can be told from others'.
            let name = known.canonicalize().unwrap_or_else(|_| known.clone());
            self.folders.insert(name, opened);
        }
        let name = known.canonicalize().unwrap_or(known);
        let Some(embedded) = self.folders.get(&name) else {
            return Err(AddressError::Missing { folder: name });
        };
        let known = embedded.chats().map_err(|error| address.failed(error))?;
        let instance = match (&address.instance, &known[..]) {
            (Some(instance), _) if fresh || known.contains(instance) => instance,
            (None, [only]) => only,
            (None, []) if fresh => FRESH,
            (Some(_) | None, _) => {
                let address = address.to_string();
                return Err(AddressError::Instance { address, known });
            }
        };
        Ok(embedded.chat(instance))
    }
}

/// The folder of the database itself: `serve --data` keeps it in one named `store`.
fn folder_of(given: &Path) -> PathBuf {
    let below = given.join("store");
    if !Embedded::is_in(given) && Embedded::is_in(&below) {
        below
    } else {
        given.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt;

    fn address(text: &str) -> ChatAddress {
        text.parse().unwrap()
    }

    fn open(opener: &mut Opener, text: &str, fresh: bool) -> Result<String, String> {
        let opened = opener
            .open_or(&address(text), fresh)
            .now_or_never()
            .unwrap();
        let store = opened.map_err(|error| error.to_string())?;
        Ok(store.info().instance.split_off("chat/".len()))
    }

    /// CHAT-3: a type without a driver is refused with the names of those there are.
    #[test]
    fn types_without_a_driver_are_refused() {
        for text in ["oracle://host/x", "mssql://host/x", "sqlserver://host/x"] {
            let refused = open(&mut Opener::new(), text, true).unwrap_err();
            assert!(
                refused.contains("built in") && refused.contains("embedded"),
                "{refused}"
            );
        }
        let unknown = "carrier-pigeon://x".parse::<ChatAddress>().unwrap_err();
        assert!(unknown.to_string().contains("known types"), "{unknown}");
        let words = "host=127.0.0.1 dbname=chat password=s3cret".parse::<ChatAddress>();
        let refused = words.unwrap_err().to_string();
        assert!(
            refused.contains("\"host=…\"") && refused.contains("postgresql://"),
            "{refused}"
        );
        assert!(
            "./host=x".parse::<ChatAddress>().is_ok(),
            "a folder may be called so"
        );
        for nothing in ["", "#x", "folder#"] {
            assert!(nothing.parse::<ChatAddress>().is_err(), "{nothing:?}");
        }
    }

    /// A password does not reach a screen or a log, wherever in the address it stands and whatever is
    /// wrong with the rest.
    #[test]
    fn a_password_is_not_shown() {
        for (given, shown) in [
            (
                "postgresql://u:s3cret@host/db#one",
                "postgresql://…@host/db#one",
            ),
            (
                "postgresql://u:s3#cret@host/db#one",
                "postgresql://…@host/db#one",
            ),
            (
                "postgresql://host/db?user=u&password=s3cret",
                "postgresql://host/db?…",
            ),
            (
                "postgresql://host/db?password=s3#cret&user=u",
                "postgresql://host/db?…#…",
            ),
            (
                "postgresql://u@host/db?password=s3cret&user=a@b",
                "postgresql://…",
            ),
            ("mssql://u:s3cret@host/db", "mssql://…@host/db"),
        ] {
            assert_eq!(address(given).to_string(), shown);
            assert_eq!(
                format!("{:?}", address(given)),
                format!("ChatAddress({shown})")
            );
        }
        for given in [
            "dbase://u:s3cret@host/db",
            "postgresql://u:s3cret@host/db#",
            "host=x user=u password=s3cret://host dbname=z",
        ] {
            let error = given.parse::<ChatAddress>().unwrap_err();
            assert!(
                !format!("{error} {error:?}").contains("s3cret"),
                "{error:?}"
            );
        }
        let odd = address("postgresql://u:s3#cret@host/db#one");
        assert_eq!(odd.instance(), Some("one"));
    }

    #[test]
    fn instances_are_named_or_the_only_one() {
        let temporary = tempfile::tempdir().unwrap();
        let folder = temporary.path().join("store");
        let text = |instance: &str| format!("{}{instance}", folder.display());
        let mut opener = Opener::new();
        assert!(
            open(&mut opener, &text(""), false)
                .unwrap_err()
                .contains("no database")
        );
        assert_eq!(open(&mut opener, &text(""), true).unwrap(), "chat");
        for name in ["one", "two"] {
            let address = address(&text(&format!("#{name}")));
            let store = opener.create(&address).now_or_never().unwrap().unwrap();
            // Asked for is asked for: it is on disk when the last handle is gone.
            drop(store.acquire("c.example.com", crate::NodeId(1), crate::Claim::Force));
        }
        drop(opener);
        let mut opener = Opener::new();
        assert!(
            open(&mut opener, &text(""), false)
                .unwrap_err()
                .contains("one, two")
        );
        assert_eq!(open(&mut opener, &text("#two"), false).unwrap(), "two");
        assert!(open(&mut opener, &text("#three"), false).is_err());
        // The folder of `serve --data` is the one above.
        let above = format!("{}#one", temporary.path().display());
        assert_eq!(open(&mut opener, &above, false).unwrap(), "one");
    }
}
