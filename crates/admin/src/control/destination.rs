//! Where a base URL may lead. A second check at connection time, on the resolved address, is the connector's.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use keyward_domain::origin::{BaseUrl, Scheme};
use keyward_domain::provider::ProviderKind;

use crate::error::AdminError;

/// Names under which clouds serve their machines' credentials.
const METADATA_NAMES: &[&str] =
    &["metadata.google.internal", "metadata", "instance-data", "instance-data.ec2.internal"];

/// Refuses a base URL where no provider can be: cloud metadata services and link-local networks always, plain HTTP to
/// anything that is not on this machine or on a private network, and the sandbox for anything but the sandbox.
pub fn check_destination(kind: ProviderKind, base_url: &BaseUrl) -> Result<(), AdminError> {
    let origin = &base_url.origin;
    if (origin.scheme == Scheme::Sandbox) != (kind == ProviderKind::Sandbox) {
        return Err(AdminError::DestinationForbidden("`sandbox://` is for the kind `sandbox`, and for it alone"));
    }
    let address = origin.host.parse::<IpAddr>().ok();
    if METADATA_NAMES.contains(&origin.host.as_str()) || address.is_some_and(is_never_a_provider) {
        return Err(AdminError::DestinationForbidden("it leads to a network that only the machine itself should see"));
    }
    let near = address.map_or_else(|| is_local_name(&origin.host), is_private);
    if origin.scheme == Scheme::Http && !near {
        return Err(AdminError::DestinationForbidden(
            "over plain HTTP everybody on the way reads the key; use https://",
        ));
    }
    Ok(())
}

/// Link-local (which holds 169.254.169.254 and its IPv6 sister), unspecified, multicast, and one cloud's metadata
/// address that lies elsewhere.
fn is_never_a_provider(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(v4) => {
            v4.is_link_local()
                || v4.is_unspecified()
                || v4.is_multicast()
                || v4.is_broadcast()
                || v4 == Ipv4Addr::new(100, 100, 100, 200)
        }
        IpAddr::V6(v6) => {
            v6.is_unicast_link_local()
                || v6.is_unspecified()
                || v6.is_multicast()
                || v6 == Ipv6Addr::new(0xfd00, 0x0ec2, 0, 0, 0, 0, 0, 0x254)
        }
    }
}

fn is_private(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(v4) => v4.is_loopback() || v4.is_private(),
        IpAddr::V6(v6) => v6.is_loopback() || v6.is_unique_local(),
    }
}

/// Names that public DNS does not have: this machine, containers by their bare name, and private zones.
fn is_local_name(host: &str) -> bool {
    !host.contains('.')
        || [".localhost", ".local", ".internal", ".lan", ".home.arpa"].iter().any(|zone| host.ends_with(zone))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(url: &str) -> Result<(), AdminError> {
        check_destination(ProviderKind::OpenAiCompatible, &url.parse().unwrap())
    }

    #[test]
    fn metadata_services_are_refused_in_every_spelling() {
        for url in [
            "http://169.254.169.254/latest",
            "https://169.254.1.1",
            "http://[fd00:ec2::254]/",
            "http://[fe80::1]",
            "https://metadata.google.internal",
            "http://100.100.100.200",
            "http://[::ffff:169.254.169.254]",
            "http://0.0.0.0",
        ] {
            assert!(matches!(verdict(url), Err(AdminError::DestinationForbidden(_))), "{url}");
        }
    }

    #[test]
    fn plain_http_stays_near() {
        for url in [
            "http://localhost:11434",
            "http://127.0.0.1:8000/v1",
            "http://10.1.2.3",
            "http://ollama:11434",
            "http://gpu.internal",
            "http://[::1]:9",
            "https://api.example.com/v1",
        ] {
            assert_eq!(verdict(url), Ok(()), "{url}");
        }
        for url in ["http://api.example.com/v1", "http://8.8.8.8", "http://[2001:db8::1]"] {
            assert!(verdict(url).is_err(), "{url}");
        }
    }

    #[test]
    fn the_sandbox_is_for_the_sandbox() {
        let url: BaseUrl = "sandbox://built-in".parse().unwrap();
        assert_eq!(check_destination(ProviderKind::Sandbox, &url), Ok(()));
        assert!(check_destination(ProviderKind::OpenAi, &url).is_err());
        assert!(check_destination(ProviderKind::Sandbox, &"https://example.com".parse().unwrap()).is_err());
    }
}
