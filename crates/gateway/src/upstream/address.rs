//! Which addresses may be connected to. A name is resolved once and the address that was checked is the one that is
//! used, so that a name cannot change its meaning in between (DNS rebinding).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use keyward_domain::origin::{Origin, Scheme};

use super::SendError;

/// Addresses tried for one connection.
const MAX_ADDRESSES: usize = 8;

/// What an address is, as far as it matters here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Public,
    /// Loopback or a private network.
    Private,
    /// Link-local (cloud metadata lives there), unspecified, multicast, reserved: never a provider.
    Forbidden,
}

/// The addresses of an origin that may be connected to.
pub(super) async fn vetted(origin: &Origin, allow_private: bool) -> Result<Vec<SocketAddr>, SendError> {
    let found = resolve(origin).await?;
    let vetted: Vec<_> =
        found.iter().copied().filter(|address| may_connect(address.ip(), origin.scheme, allow_private)).collect();
    if !vetted.is_empty() {
        return Ok(vetted);
    }
    Err(SendError::Connect(if found.is_empty() {
        format!("{} has no address", origin.host)
    } else if origin.scheme == Scheme::Http {
        format!("{} is not on this machine or a private network: plain HTTP is refused, use https", origin.host)
    } else {
        format!("{} leads to an address that providers are never at", origin.host)
    }))
}

async fn resolve(origin: &Origin) -> Result<Vec<SocketAddr>, SendError> {
    if let Ok(address) = origin.host.parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(address, origin.port)]);
    }
    match tokio::net::lookup_host((origin.host.as_str(), origin.port)).await {
        Ok(found) => Ok(found.take(MAX_ADDRESSES).collect()),
        Err(_) => Err(SendError::Connect(format!("the name {} could not be resolved", origin.host))),
    }
}

fn may_connect(address: IpAddr, scheme: Scheme, allow_private: bool) -> bool {
    match place(address) {
        Place::Public => scheme == Scheme::Https,
        Place::Private => allow_private,
        Place::Forbidden => false,
    }
}

fn place(address: IpAddr) -> Place {
    match address.to_canonical() {
        IpAddr::V4(v4) => place_v4(v4),
        IpAddr::V6(v6) => place_v6(v6),
    }
}

fn place_v4(address: Ipv4Addr) -> Place {
    let [a, b, ..] = address.octets();
    let shared = a == 100 && (64..128).contains(&b);
    if address == Ipv4Addr::new(100, 100, 100, 200) {
        Place::Forbidden // a cloud's metadata service, inside the shared range
    } else if address.is_loopback() || address.is_private() || shared {
        Place::Private
    } else if address.is_link_local() || address.is_unspecified() || address.is_multicast() || a == 0 || a >= 240 {
        Place::Forbidden
    } else {
        Place::Public
    }
}

fn place_v6(address: Ipv6Addr) -> Place {
    if address.is_loopback() {
        return Place::Private;
    }
    let segments = address.segments();
    // IPv4 in disguise: compatible (::a.b.c.d), NAT64 (64:ff9b::a.b.c.d), 6to4 (2002:ab:cd::).
    let embedded = match segments {
        [0 | 0x64, 0 | 0xff9b, 0, 0, 0, 0, high, low] | [0x2002, high, low, ..] => Some((high, low)),
        _ => None,
    };
    if let Some((high, low)) = embedded {
        let inner = Ipv4Addr::from(u32::from(high) << 16 | u32::from(low));
        return match place_v4(inner) {
            Place::Public if !matches!(segments, [0, ..]) => Place::Public,
            _ => Place::Forbidden,
        };
    }
    let metadata = matches!(segments, [0xfd00, 0x0ec2, .., 0x0254]);
    if metadata || address.is_unspecified() || address.is_multicast() || address.is_unicast_link_local() {
        Place::Forbidden
    } else if address.is_unique_local() {
        Place::Private
    } else {
        Place::Public
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Place {
        place(text.parse().unwrap())
    }

    #[test]
    fn s04_places() {
        for private in
            ["127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "100.64.0.1", "::1", "fd12::1", "::ffff:127.0.0.1"]
        {
            assert_eq!(of(private), Place::Private, "{private}");
        }
        let forbidden = [
            "169.254.169.254",
            "0.0.0.0",
            "::",
            "fe80::1",
            "fd00:ec2::254",
            "100.100.100.200",
            "224.0.0.1",
            "255.255.255.255",
            "64:ff9b::7f00:1",
            "::127.0.0.1",
            "2002:7f00:1::",
        ];
        for address in forbidden {
            assert_eq!(of(address), Place::Forbidden, "{address}");
        }
        for public in ["1.1.1.1", "104.18.7.192", "2606:4700::1111"] {
            assert_eq!(of(public), Place::Public, "{public}");
        }
    }

    #[test]
    fn s04_plain_http_never_leaves_the_private_network() {
        assert!(!may_connect("1.1.1.1".parse().unwrap(), Scheme::Http, true));
        assert!(may_connect("127.0.0.1".parse().unwrap(), Scheme::Http, true));
        assert!(!may_connect("127.0.0.1".parse().unwrap(), Scheme::Https, false));
    }
}
