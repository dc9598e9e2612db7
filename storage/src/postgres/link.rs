//! The way to the server: a pool of connections, and a door that is shut while there is none.

use std::{sync::Arc, time::Duration};

use deadpool_postgres::{Client, Manager, Object, Pool, PoolError, Runtime, TimeoutType};
use futures_util::future::{BoxFuture, Either, select};
use parking_lot::Mutex;
use tokio::sync::mpsc;
use tokio_postgres::{Config, NoTls};

use super::{
    Work,
    conn::Conn,
    migrate,
    settings::{PostgresOptions, PostgresSettings, PostgresTls},
    tls,
    trouble::{Trouble, tell, unreachable},
};
use crate::StoreError;

/// The connections to one database instance.
pub(super) struct Link {
    settings: PostgresSettings,
    options: PostgresOptions,
    pool: Pool,
    /// Why nobody gets through, while somebody is trying again in the background.
    shut: Mutex<Option<StoreError>>,
    /// For work of our own; weak, or the engine's thread would keep itself alive.
    works: mpsc::WeakUnboundedSender<Work>,
}

impl Link {
    pub(super) fn new(
        settings: PostgresSettings,
        options: PostgresOptions,
        works: mpsc::WeakUnboundedSender<Work>,
    ) -> Result<Self, StoreError> {
        settings.check()?;
        let manager = manager(&settings, &options)?;
        let pool = Pool::builder(manager)
            .max_size(options.connections.max(2))
            .runtime(Runtime::Tokio1)
            .create_timeout(Some(options.connect))
            .build()
            .map_err(|error| unreachable(tell(&error)))?;
        Ok(Self {
            settings,
            options,
            pool,
            shut: Mutex::new(None),
            works,
        })
    }

    pub(super) fn options(&self) -> &PostgresOptions {
        &self.options
    }

    /// A connection that is ready for use.
    ///
    /// While the door is shut the answer is why; a failure here shuts it.
    pub(super) async fn connection(self: &Arc<Self>) -> Result<Client, StoreError> {
        if let Some(why) = &*self.shut.lock() {
            return Err(why.clone());
        }
        let answer = self.connect().await;
        if let Err(error @ StoreError::Unreachable { .. }) = &answer {
            self.shut(error);
        }
        answer
    }

    /// As [`Link::connection`], whatever the state of the door.
    pub(super) async fn connect(&self) -> Result<Client, StoreError> {
        let mut client = self.pool.get().await.map_err(refused)?;
        if Object::metrics(&client).recycle_count > 0 {
            return Ok(client);
        }
        let ready = migrate::prepare(&mut client, &self.settings, self.options.statement);
        match self.limited(ready).await {
            Ok(()) => Ok(client),
            Err(trouble) => {
                drop(Object::take(client));
                Err(trouble.into_error())
            }
        }
    }

    /// Closes the door and has somebody knock with growing pauses, if pauses there are.
    fn shut(self: &Arc<Self>, why: &StoreError) {
        let Some(works) = self.works.upgrade() else {
            return;
        };
        let mut shut = self.shut.lock();
        if self.options.pause.is_none() || shut.is_some() {
            return;
        }
        tracing::warn!(database = ?self.settings, error = %why, "the database is gone");
        *shut = Some(why.clone());
        let link = Arc::clone(self);
        // Refused only by a thread that has ended, and then nobody asks any more.
        let _ = works.send(Box::pin(async move { link.knock().await }));
    }

    async fn knock(&self) {
        let (mut wait, longest) = self.options.back_off;
        loop {
            self.pause(wait).await;
            wait = (wait * 2).min(longest);
            match self.connect().await {
                Ok(_) => break,
                Err(error) => *self.shut.lock() = Some(error),
            }
        }
        tracing::info!(database = ?self.settings, "the database is back");
        *self.shut.lock() = None;
    }

    /// Lets real time pass, if there is any.
    pub(super) async fn pause(&self, time: Duration) {
        if let Some(pause) = &self.options.pause {
            pause(time).await;
        }
    }

    /// Runs a request, for at most a little longer than the server itself allows a statement: a
    /// server that is silent for so long is taken for dead.
    pub(super) async fn limited<T>(
        &self,
        request: impl Future<Output = Result<T, Trouble>> + Send,
    ) -> Result<T, Trouble> {
        let Some(pause) = &self.options.pause else {
            return request.await;
        };
        let limit = self.options.statement + self.options.connect;
        let request = std::pin::pin!(request);
        match select(request, pause(limit)).await {
            Either::Left((answer, _)) => answer,
            Either::Right(((), _)) => Err(Trouble::Lost(format!("no answer for {limit:?}"))),
        }
    }

    /// How often a request is tried whose connection is cut: all of the pool may be dead, and the
    /// next one is new.
    pub(super) fn tries(&self) -> usize {
        self.options.connections.max(2) + 1
    }

    /// Reads on a connection of the pool; on another one if that was a dead one.
    pub(super) async fn read<T: Send>(
        self: &Arc<Self>,
        job: impl for<'c> Fn(Conn<'c>) -> BoxFuture<'c, Result<T, Trouble>> + Send + Sync,
    ) -> Result<T, StoreError> {
        let mut tries = 0;
        loop {
            tries += 1;
            let client = self.connection().await?;
            let trouble = match self.limited(job(Conn(&client))).await {
                Ok(answer) => return Ok(answer),
                Err(trouble) => trouble,
            };
            self.clear_up(client, &trouble).await;
            if tries == self.tries() || matches!(trouble, Trouble::Refused(_)) {
                return Err(trouble.into_error());
            }
        }
    }

    /// Ends what a connection was in the middle of; one that may be no good any more is not used
    /// again, and its successor looks at the schema anew.
    pub(super) async fn clear_up(&self, client: Client, trouble: &Trouble) {
        let good = match trouble {
            Trouble::Lost(_) | Trouble::Refused(StoreError::Broken { .. }) => false,
            Trouble::Again(_) | Trouble::Refused(_) => {
                self.limited(Conn(&client).say("ROLLBACK")).await.is_ok()
            }
        };
        if !good {
            drop(Object::take(client));
        }
    }
}

/// What makes connections as the settings say.
pub(super) fn manager(
    settings: &PostgresSettings,
    options: &PostgresOptions,
) -> Result<Manager, StoreError> {
    let mut config = Config::new();
    config
        .host(&settings.host)
        .port(settings.port)
        .dbname(&settings.database)
        .user(&settings.user)
        .application_name("takeover")
        .connect_timeout(options.connect);
    if !settings.password.is_empty() {
        config.password(&settings.password);
    }
    Ok(match &settings.tls {
        PostgresTls::Off => Manager::new(config, NoTls),
        PostgresTls::Verified { ca } => {
            config.ssl_mode(tokio_postgres::config::SslMode::Require);
            Manager::new(config, tls::connector(ca)?)
        }
    })
}

fn refused(error: PoolError) -> StoreError {
    match error {
        PoolError::Backend(error) => unreachable(tell(&error)),
        PoolError::Timeout(TimeoutType::Create) => unreachable("it takes too long to connect"),
        error => unreachable(tell(&error)),
    }
}
