//! TLS towards providers: rustls with aws-lc-rs, the public roots and whatever the operator adds. Certificates are
//! always verified; there is no switch for that.

use std::sync::Arc;

use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::CertificateDer;

/// A root that the operator configured is not a certificate.
#[derive(Debug, thiserror::Error)]
#[error("a configured root certificate cannot be used: {0}")]
pub struct BadRoot(rustls::Error);

/// The configuration that every connection uses. `SSLKEYLOGFILE` is not honoured.
pub(crate) fn client_config(extra_roots: &[Vec<u8>]) -> Result<Arc<ClientConfig>, BadRoot> {
    let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    for root in extra_roots {
        roots.add(CertificateDer::from(root.clone())).map_err(BadRoot)?;
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder =
        ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().map_err(BadRoot)?;
    let mut config = builder.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}
