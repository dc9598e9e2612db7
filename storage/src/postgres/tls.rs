//! TLS to the server, with rustls.

use std::{path::Path, sync::Arc};

use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, pem::PemObject},
};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::KIND;
use crate::StoreError;

/// A connector that trusts the authorities in the PEM file `ca`, and nobody else.
pub(super) fn connector(ca: &Path) -> Result<MakeRustlsConnect, StoreError> {
    let unfit = |reason: String| StoreError::Unfit {
        engine: KIND,
        reason: format!("TLS authorities {}: {reason}", ca.display()),
    };
    let mut roots = RootCertStore::empty();
    let found = CertificateDer::pem_file_iter(ca).map_err(|error| unfit(error.to_string()))?;
    for certificate in found {
        let certificate = certificate.map_err(|error| unfit(error.to_string()))?;
        roots
            .add(certificate)
            .map_err(|error| unfit(error.to_string()))?;
    }
    if roots.is_empty() {
        return Err(unfit("no certificate in it".to_owned()));
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| unfit(error.to_string()))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(MakeRustlsConnect::new(config))
}
