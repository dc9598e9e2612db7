//! Where a PostgreSQL database is, and how it is spoken to.

use std::{fmt, future::Future, path::PathBuf, pin::Pin, sync::Arc, time::Duration};

use super::KIND;
use crate::StoreError;

/// Whether a connection is encrypted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum PostgresTls {
    /// In clear text.
    #[default]
    Off,
    /// TLS, and the server must show a certificate for its host name that these authorities have
    /// signed (libpq's `verify-full`).
    Verified {
        /// PEM file of the authorities' certificates.
        ca: PathBuf,
    },
}

/// One database instance on a PostgreSQL server (CHAT-3, CHAT-5). Several may live on one server:
/// each has its own database, or its own schema in one database.
#[derive(Clone, PartialEq, Eq)]
pub struct PostgresSettings {
    /// Name or address of the server.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// Name of the database; it must exist, with UTF-8 for its encoding.
    pub database: String,
    /// Schema that holds the tables: 1 to 63 of `a` to `z`, digits and `_`, no digit first. It is
    /// made if it is not there.
    pub schema: String,
    /// Who logs in.
    pub user: String,
    /// Her or his password; empty for none.
    pub password: String,
    /// Encryption.
    pub tls: PostgresTls,
}

impl fmt::Debug for PostgresSettings {
    /// Without the password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            host,
            port,
            database,
            schema,
            user,
            password: _,
            tls,
        } = self;
        write!(
            f,
            "PostgresSettings {{ {user}@{host}:{port}/{database}, schema {schema}, tls {tls:?} }}"
        )
    }
}

impl PostgresSettings {
    /// The database `database` on `host` for `user`: port 5432, schema `public`, no password, no
    /// TLS.
    #[must_use]
    pub fn new(host: &str, database: &str, user: &str) -> Self {
        Self {
            host: host.to_owned(),
            port: 5432,
            database: database.to_owned(),
            schema: "public".to_owned(),
            user: user.to_owned(),
            password: String::new(),
            tls: PostgresTls::Off,
        }
    }

    /// Reads a connection string as libpq has it: `postgresql://USER[:PASSWORD]@HOST[:PORT]/NAME`.
    /// `sslrootcert=FILE` behind a `?` asks for TLS with a certificate that these authorities have
    /// signed. The schema is `public`.
    ///
    /// # Errors
    /// [`StoreError::Unfit`], which says what is allowed.
    pub fn from_url(url: &str) -> Result<Self, StoreError> {
        let (plain, tls) = without_ca(url);
        let config: tokio_postgres::Config = plain.parse().map_err(|error| {
            // What was given may hold a password: it is not repeated.
            unfit(format!(
                "the connection string cannot be read ({error}); allowed: \
                 postgresql://USER[:PASSWORD]@HOST[:PORT]/NAME[?sslrootcert=FILE]"
            ))
        })?;
        let host = match config.get_hosts() {
            [tokio_postgres::config::Host::Tcp(host)] => host.clone(),
            _ => return Err(unfit("the connection string needs one host".to_owned())),
        };
        let password = config.get_password().unwrap_or_default();
        let settings = Self {
            port: config.get_ports().first().copied().unwrap_or(5432),
            password: String::from_utf8_lossy(password).into_owned(),
            tls,
            ..Self::new(
                &host,
                config.get_dbname().unwrap_or_default(),
                config.get_user().unwrap_or_default(),
            )
        };
        settings.check()?;
        Ok(settings)
    }

    /// Checks what can be checked without a server.
    ///
    /// # Errors
    /// [`StoreError::Unfit`], which names the value and what is allowed.
    pub fn check(&self) -> Result<(), StoreError> {
        for (name, value) in [
            ("host", &self.host),
            ("database", &self.database),
            ("user", &self.user),
        ] {
            if value.is_empty() || value.contains('\0') {
                return Err(unfit(format!("{name} {value:?}: a name is needed")));
            }
        }
        let letter = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        let schema = &self.schema;
        let begins = schema.starts_with(|c: char| !c.is_ascii_digit());
        if !begins || schema.len() > 63 || !schema.chars().all(letter) {
            return Err(unfit(format!(
                "schema {schema:?}: allowed are 1 to 63 of a to z, digits and _, no digit first"
            )));
        }
        Ok(())
    }
}

/// The connection string without `sslrootcert`, which its parser does not know, and what that says.
fn without_ca(url: &str) -> (String, PostgresTls) {
    let Some((place, query)) = url.split_once('?') else {
        return (url.to_owned(), PostgresTls::Off);
    };
    let (mut rest, mut tls) = (Vec::new(), PostgresTls::Off);
    for part in query.split('&') {
        match part.strip_prefix("sslrootcert=") {
            Some(ca) => tls = PostgresTls::Verified { ca: ca.into() },
            None => rest.push(part),
        }
    }
    match rest.is_empty() {
        true => (place.to_owned(), tls),
        false => (format!("{place}?{}", rest.join("&")), tls),
    }
}

fn unfit(reason: String) -> StoreError {
    StoreError::Unfit {
        engine: KIND,
        reason,
    }
}

/// Lets so much real time pass: a server is outside of any lab and lives in real time. Polled on
/// the engine's own thread, inside a tokio runtime with time.
pub type Pause = Arc<dyn Fn(Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> + Send + Sync>;

/// What can be set about the engine.
#[derive(Clone)]
pub struct PostgresOptions {
    /// Connections of the pool.
    pub connections: usize,
    /// Real time that a connection may take to come up.
    pub connect: Duration,
    /// Real time that one statement may take.
    pub statement: Duration,
    /// Waits between attempts to reconnect: the first, doubling up to the last.
    pub back_off: (Duration, Duration),
    /// Attempts to learn whether a commit happened whose answer was lost; then the caller is told
    /// that it is unknown.
    pub resolve: u32,
    /// Requests that may wait; further ones are refused as [`StoreError::Busy`].
    pub waiting: usize,
    /// How real time passes. Without it the engine itself never waits: each request tries to
    /// connect, only the server limits statements, and waiting is the caller's.
    pub pause: Option<Pause>,
}

impl Default for PostgresOptions {
    /// 4 connections, 5 s to connect, 10 s a statement, back-off from 50 ms to 1 s, 12 attempts,
    /// 16384 requests, no pause.
    fn default() -> Self {
        Self {
            connections: 4,
            connect: Duration::from_secs(5),
            statement: Duration::from_secs(10),
            back_off: (Duration::from_millis(50), Duration::from_secs(1)),
            resolve: 12,
            waiting: 16 * 1024,
            pause: None,
        }
    }
}

impl fmt::Debug for PostgresOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresOptions")
            .field("connections", &self.connections)
            .field("connect", &self.connect)
            .field("statement", &self.statement)
            .field("back_off", &self.back_off)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// CHAT-3: what cannot be a database is refused before anything is asked of a server.
    #[test]
    fn settings_are_checked() {
        let good = PostgresSettings::new("localhost", "chat", "takeover");
        assert_eq!(good.check(), Ok(()));
        let long = "s".repeat(64);
        for schema in ["", "1a", "a b", "a\"b", "A", &long] {
            let bad = PostgresSettings {
                schema: schema.to_owned(),
                ..good.clone()
            };
            let refused = bad.check().unwrap_err().to_string();
            assert!(refused.contains(&format!("{schema:?}")), "{refused}");
        }
        let nobody = PostgresSettings {
            user: String::new(),
            ..good
        };
        assert!(nobody.check().is_err());
    }

    /// A password does not reach a log.
    #[test]
    fn a_password_is_not_shown() {
        let settings = PostgresSettings {
            password: "s3cret".to_owned(),
            ..PostgresSettings::new("localhost", "chat", "takeover")
        };
        assert!(!format!("{settings:?}").contains("s3cret"));
    }
}
