//! Settings for the two ends of a TLS connection.

use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore, ServerConfig};

use super::{LabAuthority, ServerIdentity, TlsError};

/// ALPN name of an XMPP client stream inside direct TLS (XEP-0368 section 4).
pub const ALPN_XMPP_CLIENT: &[u8] = b"xmpp-client";

fn provider() -> Arc<rustls::crypto::CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

/// Settings of a server that shows `identity` and asks for no client certificate.
///
/// # Errors
/// [`TlsError::Settings`] when certificate and key do not belong together.
pub fn server_config(identity: ServerIdentity) -> Result<Arc<ServerConfig>, TlsError> {
    let mut config = ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(identity.chain, identity.key)?;
    config.alpn_protocols = vec![ALPN_XMPP_CLIENT.to_vec()];
    Ok(Arc::new(config))
}

/// Settings of a client that trusts `authority` and nobody else.
///
/// # Errors
/// [`TlsError::Settings`] when the authority's certificate is not acceptable as a trust anchor.
pub fn client_config(authority: &LabAuthority) -> Result<Arc<ClientConfig>, TlsError> {
    trusting([authority.der().clone()])
}

/// Settings of a client that trusts the certificates in the PEM file `path` and nobody else.
///
/// # Errors
/// [`TlsError::NoCertificate`] when the file cannot be read or holds none,
/// [`TlsError::Settings`] when one is not acceptable.
pub fn client_config_trusting(path: &Path) -> Result<Arc<ClientConfig>, TlsError> {
    let refused = |why: String| TlsError::NoCertificate {
        path: path.to_owned(),
        why,
    };
    let found: Vec<_> = CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect)
        .map_err(|error| refused(error.to_string()))?;
    if found.is_empty() {
        return Err(refused("the file holds none".to_owned()));
    }
    trusting(found)
}

fn trusting(
    anchors: impl IntoIterator<Item = CertificateDer<'static>>,
) -> Result<Arc<ClientConfig>, TlsError> {
    let mut roots = RootCertStore::empty();
    for anchor in anchors {
        roots.add(anchor)?;
    }
    let mut config = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![ALPN_XMPP_CLIENT.to_vec()];
    Ok(Arc::new(config))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustls::pki_types::ServerName;
    use rustls::{ClientConnection, ServerConnection};

    /// Runs a handshake in memory; the result is the client's opinion of the server.
    fn shake(name: &'static str, client: Arc<ClientConfig>) -> Result<(), rustls::Error> {
        shake_with(
            name,
            client,
            &LabAuthority::generate("example.test").unwrap(),
        )
    }

    fn shake_with(
        name: &'static str,
        client: Arc<ClientConfig>,
        authority: &LabAuthority,
    ) -> Result<(), rustls::Error> {
        let identity = authority
            .issue(["example.test", "1A", "localhost", "127.0.0.1"])
            .unwrap();
        let mut server = ServerConnection::new(server_config(identity).unwrap())?;
        let mut client = ClientConnection::new(client, ServerName::try_from(name).unwrap())?;
        while client.is_handshaking() || server.is_handshaking() {
            let mut wire = Vec::new();
            client.write_tls(&mut wire).unwrap();
            server.read_tls(&mut wire.as_slice()).unwrap();
            server.process_new_packets()?;
            let mut wire = Vec::new();
            server.write_tls(&mut wire).unwrap();
            client.read_tls(&mut wire.as_slice()).unwrap();
            client.process_new_packets()?;
        }
        Ok(())
    }

    #[test]
    fn a_client_that_trusts_the_lab_accepts_domain_node_and_loopback() {
        let authority = LabAuthority::generate("example.test").unwrap();
        for name in ["example.test", "1a", "localhost", "127.0.0.1"] {
            let client = client_config(&authority).unwrap();
            shake_with(name, client, &authority).unwrap_or_else(|e| panic!("{name}: {e}"));
        }
    }

    #[test]
    fn another_name_or_another_lab_is_refused() {
        let authority = LabAuthority::generate("example.test").unwrap();
        let stranger = shake("example.test", client_config(&authority).unwrap());
        assert!(
            matches!(stranger, Err(rustls::Error::InvalidCertificate(_))),
            "{stranger:?}"
        );
        let client = client_config(&authority).unwrap();
        let wrong_name = shake_with("other.test", client, &authority);
        assert!(
            matches!(wrong_name, Err(rustls::Error::InvalidCertificate(_))),
            "{wrong_name:?}"
        );
    }

    #[test]
    fn the_written_certificate_is_enough_to_trust_the_lab() {
        let folder = tempfile::tempdir().unwrap();
        let authority = LabAuthority::generate("example.test").unwrap();
        let path = authority.write_pem(folder.path()).unwrap();
        let client = client_config_trusting(&path).unwrap();
        shake_with("example.test", client, &authority).unwrap();
        let empty = folder.path().join("empty.pem");
        std::fs::write(&empty, "nothing here\n").unwrap();
        let refused = client_config_trusting(&empty).unwrap_err().to_string();
        assert!(refused.contains("empty.pem"), "{refused}");
    }

    #[test]
    fn a_name_that_no_certificate_holds_is_named() {
        let authority = LabAuthority::generate("example.test").unwrap();
        let refused = authority.issue(["exämple.test"]).unwrap_err().to_string();
        assert!(refused.contains("exämple.test"), "{refused}");
    }
}
