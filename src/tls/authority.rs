//! The lab's certificate authority and the certificates that it issues.

use std::path::{Path, PathBuf};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType,
    ExtendedKeyUsagePurpose, IsCa, KeyPair, KeyUsagePurpose, date_time_ymd,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use thiserror::Error;

/// What can go wrong with certificates and TLS settings.
#[derive(Debug, Error)]
pub enum TlsError {
    /// A name cannot stand in a certificate: neither an IP address nor ASCII text.
    #[error(
        "{name:?} cannot be a certificate name: {why}; an IP address or an ASCII host name can"
    )]
    Name {
        /// The name that was refused.
        name: String,
        /// What the certificate library said.
        why: String,
    },
    /// Making a key or signing a certificate failed.
    #[error("making a certificate for {subject:?} failed: {why}")]
    Issue {
        /// Whose certificate it was to be.
        subject: String,
        /// What the certificate library said.
        why: String,
    },
    /// The TLS library refused a certificate, key or setting.
    #[error("TLS settings refused: {0}")]
    Settings(#[from] rustls::Error),
    /// A file could not be read or written.
    #[error("{path}: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// A file holds no usable PEM certificate.
    #[error("{path}: no certificate in PEM form found ({why})")]
    NoCertificate {
        /// The file.
        path: PathBuf,
        /// What was wrong with it.
        why: String,
    },
}

/// A server's certificate chain and private key, ready for [`super::server_config`].
#[derive(Debug)]
pub struct ServerIdentity {
    /// The certificate, then its issuer.
    pub chain: Vec<CertificateDer<'static>>,
    /// The private key that belongs to the first certificate.
    pub key: PrivateKeyDer<'static>,
}

/// The certificate authority of one lab.
///
/// ```
/// use takeover::tls::LabAuthority;
/// let authority = LabAuthority::generate("example.test")?;
/// let identity = authority.issue(["example.test", "1A", "127.0.0.1"])?;
/// assert_eq!(identity.chain.len(), 2);
/// # Ok::<(), takeover::tls::TlsError>(())
/// ```
pub struct LabAuthority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl LabAuthority {
    /// Makes an authority with a fresh key; `domain` appears in its subject.
    ///
    /// # Errors
    /// [`TlsError::Issue`] when the key cannot be made or the certificate not signed.
    pub fn generate(domain: &str) -> Result<Self, TlsError> {
        let subject = format!("takeover lab {domain}");
        let key = new_key(&subject)?;
        let mut params = named(&subject);
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let issuer =
            CertifiedIssuer::self_signed(params, key).map_err(|error| TlsError::Issue {
                subject,
                why: error.to_string(),
            })?;
        Ok(Self { issuer })
    }

    /// Issues a server certificate for all of `names` (host names and IP addresses).
    ///
    /// The first name becomes the subject; without any, `localhost` does.
    ///
    /// # Errors
    /// [`TlsError::Name`] for a name that no certificate can hold, [`TlsError::Issue`] when signing
    /// fails.
    pub fn issue<N: AsRef<str>>(
        &self,
        names: impl IntoIterator<Item = N>,
    ) -> Result<ServerIdentity, TlsError> {
        let mut names: Vec<String> = names.into_iter().map(|name| name.as_ref().into()).collect();
        if names.is_empty() {
            names.push("localhost".to_owned());
        }
        let subject = names[0].clone();
        let key = new_key(&subject)?;
        let mut params = named(&subject);
        params.subject_alt_names = alternative_names(&names)?;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        let certificate =
            params
                .signed_by(&key, &self.issuer)
                .map_err(|error| TlsError::Issue {
                    subject,
                    why: error.to_string(),
                })?;
        Ok(ServerIdentity {
            chain: vec![certificate.der().clone(), self.issuer.der().clone()],
            key: PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der())),
        })
    }

    /// The authority's certificate in PEM form: what a client has to trust.
    #[must_use]
    pub fn pem(&self) -> String {
        self.issuer.pem()
    }

    /// The authority's certificate in DER form.
    #[must_use]
    pub fn der(&self) -> &CertificateDer<'static> {
        self.issuer.der()
    }

    /// Writes the certificate to [`super::CA_FILE`] in `folder` and returns the file's full path.
    ///
    /// # Errors
    /// [`TlsError::File`] when the file cannot be written.
    pub fn write_pem(&self, folder: &Path) -> Result<PathBuf, TlsError> {
        let path = folder.join(super::CA_FILE);
        let written = std::fs::write(&path, self.pem()).and_then(|()| path.canonicalize());
        written.map_err(|source| TlsError::File { path, source })
    }
}

impl std::fmt::Debug for LabAuthority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LabAuthority").finish_non_exhaustive()
    }
}

fn new_key(subject: &str) -> Result<KeyPair, TlsError> {
    KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).map_err(|error| TlsError::Issue {
        subject: subject.to_owned(),
        why: error.to_string(),
    })
}

/// Parameters common to all certificates: the subject, and a span of time that holds on any
/// machine's calendar (a lab's certificates need not know today's date).
fn named(subject: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, subject);
    params.not_before = date_time_ymd(2000, 1, 1);
    params.not_after = date_time_ymd(2049, 12, 31);
    params
}

fn alternative_names(names: &[String]) -> Result<Vec<rcgen::SanType>, TlsError> {
    let mut all = Vec::with_capacity(names.len());
    for name in names {
        let one = CertificateParams::new(vec![name.clone()]).map_err(|error| TlsError::Name {
            name: name.clone(),
            why: error.to_string(),
        })?;
        for san in one.subject_alt_names {
            if !all.contains(&san) {
                all.push(san);
            }
        }
    }
    Ok(all)
}
