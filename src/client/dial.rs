//! How a client reaches a place.

use std::collections::BTreeMap;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;

use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use takeover_actors::session::{ClientHand, Wish};
use takeover_protocols::jid::BareJid;
use takeover_protocols::stream::Layer;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsConnector;

/// An octet stream in both directions.
pub trait Wire: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Wire for T {}

/// Any wire.
pub type BoxedWire = Box<dyn Wire>;

/// A wire on its way.
pub type Dialing = Pin<Box<dyn Future<Output = io::Result<BoxedWire>> + Send>>;

/// Puts TLS on a wire once the server has agreed to it.
pub type Upgrade = Box<dyn FnOnce(BoxedWire) -> Dialing + Send>;

/// A connection that is open.
pub struct Dialed {
    /// The octets.
    pub wire: BoxedWire,
    /// What protects them already.
    pub layer: Layer,
    /// How to protect them by STARTTLS, where that is wanted.
    pub upgrade: Option<Upgrade>,
}

/// Opens connections to places by name: a node's name, or what `see-other-host` says.
pub trait Dialer: Send + Sync {
    /// Opens a connection to `place`.
    ///
    /// The future fails where nobody listens at `place` or it cannot be reached.
    fn dial(&self, place: &str) -> Pin<Box<dyn Future<Output = io::Result<Dialed>> + Send + '_>>;

    /// Opens a way to `place` for a client that hands its stanzas over.
    ///
    /// # Errors
    /// As [`Dialer::dial`]; `Unsupported` where there are only wires.
    fn hand(
        &self,
        place: &str,
        user: BareJid,
        resource: String,
        wish: Option<Wish>,
    ) -> io::Result<ClientHand> {
        let _ = (place, user, resource, wish);
        Err(io::ErrorKind::Unsupported.into())
    }

    /// What people call `place`: the node's name, where `place` is an address of one.
    fn name_of(&self, place: &str) -> String {
        place.to_owned()
    }
}

/// Dials over TCP: nodes by their names, anything else as `address:port`.
#[derive(Clone)]
pub struct TcpDialer {
    /// Addresses for STARTTLS (or none) by node name.
    pub plain: BTreeMap<String, SocketAddr>,
    /// Addresses for direct TLS (XEP-0368) by node name; preferred where there is one.
    pub tls: BTreeMap<String, SocketAddr>,
    /// The domain, which the server's certificate must name.
    pub domain: String,
    /// Whom to trust; `None` speaks without TLS.
    pub trust: Option<Arc<ClientConfig>>,
}

impl TcpDialer {
    async fn open(&self, place: &str) -> io::Result<Dialed> {
        if let (Some(address), Some(trust)) = (self.tls.get(place), &self.trust) {
            let wire = connect(*address).await?;
            let wire = handshake(trust.clone(), self.domain.clone(), wire).await?;
            return Ok(Dialed {
                wire,
                layer: Layer::Secure,
                upgrade: None,
            });
        }
        let address = self
            .plain
            .get(place)
            .copied()
            .or_else(|| place.parse().ok());
        let Some(address) = address else {
            let why = format!("{place:?} is no node of the lab and no address with a port");
            return Err(io::Error::new(io::ErrorKind::NotFound, why));
        };
        let wire = connect(address).await?;
        let upgrade = self.trust.clone().map(|trust| {
            let domain = self.domain.clone();
            let upgrade: Upgrade = Box::new(|wire| Box::pin(handshake(trust, domain, wire)));
            upgrade
        });
        Ok(Dialed {
            wire,
            layer: Layer::Plain,
            upgrade,
        })
    }
}

impl Dialer for TcpDialer {
    fn dial(&self, place: &str) -> Pin<Box<dyn Future<Output = io::Result<Dialed>> + Send + '_>> {
        let place = place.to_owned();
        Box::pin(async move { self.open(&place).await })
    }

    fn name_of(&self, place: &str) -> String {
        let address: Option<SocketAddr> = place.parse().ok();
        let mut nodes = self.plain.iter().chain(&self.tls);
        let node = nodes.find(|(_, known)| Some(**known) == address);
        node.map_or_else(|| place.to_owned(), |(name, _)| name.clone())
    }
}

async fn connect(address: SocketAddr) -> io::Result<BoxedWire> {
    let socket = tokio::net::TcpStream::connect(address).await?;
    socket.set_nodelay(true)?;
    Ok(Box::new(socket))
}

async fn handshake(
    trust: Arc<ClientConfig>,
    domain: String,
    wire: BoxedWire,
) -> io::Result<BoxedWire> {
    let name = ServerName::try_from(domain)
        .map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
    let stream = TlsConnector::from(trust).connect(name, wire).await?;
    Ok(Box::new(stream))
}
