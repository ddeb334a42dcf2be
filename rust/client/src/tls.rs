//! TLS: the trusted authorities and the client certificate of a connection.
//!
//! Connections with the same options share a configuration, because each configuration contains all
//! trusted certificates. The rustls crate does TLS itself.

use std::sync::Arc;

use parking_lot::Mutex;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::client::WebPkiServerVerifier;
use tokio_rustls::rustls::client::danger::{
    HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier,
};
use tokio_rustls::rustls::crypto::{
    CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature,
};
use tokio_rustls::rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
};

use crate::failure::Failure;
use crate::stream::{Plain, Stream};

/// The maximum number of configurations that are kept.
const MAX_CONFIGS: usize = 16;

static CONFIGS: Mutex<Vec<(TlsOptions, Arc<ClientConfig>)>> = Mutex::new(Vec::new());

/// The options of TLS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsOptions {
    /// Whether the server's certificate is verified.
    pub verify: bool,
    /// Whether the certificate must be valid for `server_name`.
    pub check_hostname: bool,
    /// The trusted authorities as PEM. Without it, those of the platform are trusted.
    pub authorities: Option<Vec<u8>>,
    /// The certificate chain and the key of the client, both as PEM.
    pub certificate: Option<(Vec<u8>, Vec<u8>)>,
    /// The name that the certificate must be valid for. It is also sent to the server.
    pub server_name: String,
}

/// Opens a TLS session on a stream.
pub(crate) async fn wrap(plain: Plain, options: &TlsOptions) -> Result<Stream, Failure> {
    let name = ServerName::try_from(options.server_name.clone())
        .map_err(|error| Failure::while_doing("TLS server name", error))?;
    let connector = TlsConnector::from(config(options)?);
    let stream = connector.connect(name, plain).await;
    let stream = stream.map_err(|error| Failure::while_doing("TLS handshake failed", error))?;
    Ok(Stream::Tls(Box::new(stream)))
}

fn config(options: &TlsOptions) -> Result<Arc<ClientConfig>, Failure> {
    let mut key = options.clone();
    key.server_name.clear();
    let mut configs = CONFIGS.lock();
    if let Some((_, config)) = configs.iter().find(|(known, _)| *known == key) {
        return Ok(Arc::clone(config));
    }
    let config = Arc::new(build(options)?);
    if configs.len() == MAX_CONFIGS {
        configs.remove(0);
    }
    configs.push((key, Arc::clone(&config)));
    Ok(config)
}

fn build(options: &TlsOptions) -> Result<ClientConfig, Failure> {
    let bad = |error: Error| Failure::while_doing("TLS options", error);
    let provider = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(bad)?;
    let inner = if options.verify {
        let roots = Arc::new(roots(options)?);
        let built =
            WebPkiServerVerifier::builder_with_provider(roots, Arc::clone(&provider)).build();
        Some(built.map_err(|error| Failure::while_doing("TLS authorities", error))?)
    } else {
        None
    };
    let verifier = Verifier { inner, check_hostname: options.check_hostname, provider };
    let builder = builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier));
    let Some((chain, key)) = &options.certificate else {
        return Ok(builder.with_no_client_auth());
    };
    let key = PrivateKeyDer::from_pem_slice(key).map_err(|error| {
        Failure::while_doing("TLS client key: expected an unencrypted PEM", error)
    })?;
    builder.with_client_auth_cert(certificates(chain, "TLS client certificate")?, key).map_err(bad)
}

fn roots(options: &TlsOptions) -> Result<RootCertStore, Failure> {
    let mut store = RootCertStore::empty();
    match &options.authorities {
        Some(pem) => {
            for certificate in certificates(pem, "TLS authorities")? {
                store
                    .add(certificate)
                    .map_err(|error| Failure::while_doing("TLS authorities", error))?;
            }
        }
        None => {
            store.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
    }
    if store.is_empty() {
        return Err(Failure::new(
            "TLS: found no trusted authorities on this platform; install them, or pass your own",
        ));
    }
    Ok(store)
}

fn certificates(pem: &[u8], what: &str) -> Result<Vec<CertificateDer<'static>>, Failure> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    let found = found.map_err(|error| Failure::while_doing(what, error))?;
    if found.is_empty() {
        return Err(Failure::new(format!("{what}: expected PEM certificates, found none")));
    }
    Ok(found)
}

/// The default verification, without the checks that the application has turned off.
#[derive(Debug)]
struct Verifier {
    inner: Option<Arc<WebPkiServerVerifier>>,
    check_hostname: bool,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let Some(inner) = &self.inner else {
            return Ok(ServerCertVerified::assertion());
        };
        let verified =
            inner.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now);
        match verified {
            Err(Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) if !self.check_hostname => Ok(ServerCertVerified::assertion()),
            other => other,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, cert, dss, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, cert, dss, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
