//! Which networks clients are in.

use ipnet::IpNet;
use std::{fmt, net::IpAddr};

/// Addresses that no host of the internet has: private (RFC 1918, RFC 4193), shared (RFC 6598),
/// loopback and link-local.
const NOT_PUBLIC: [&str; 9] = [
    "10.0.0.0/8",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "::1/128",
    "fc00::/7",
    "fe80::/10",
];

/// Who may open a connection.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Networks {
    /// Whoever reaches the address of the endpoint, which is a loopback address.
    #[default]
    Any,
    Only(Vec<IpNet>),
}

impl Networks {
    /// # Errors
    ///
    /// For each text that is no network, or one of all addresses.
    pub(crate) fn parse(texts: &[String]) -> Result<Self, Vec<String>> {
        let parsed: Vec<_> = texts.iter().map(|it| parse(it)).collect();
        let wrong: Vec<_> = parsed
            .iter()
            .filter_map(|it| it.as_ref().err().cloned())
            .collect();
        match wrong.is_empty() {
            true => Ok(Self::Only(parsed.into_iter().flatten().collect())),
            false => Err(wrong),
        }
    }

    pub(super) fn allow(&self, address: IpAddr) -> bool {
        // On an address of IPv6, those of IPv4 arrive as ::ffff:10.0.0.1.
        let address = address.to_canonical();
        match self {
            Self::Any => true,
            Self::Only(networks) => networks.iter().any(|it| it.contains(&address)),
        }
    }

    /// Those with addresses of the internet.
    pub(crate) fn public(&self) -> Vec<String> {
        let Self::Only(networks) = self else {
            return Vec::new();
        };
        let private: Vec<IpNet> = NOT_PUBLIC.iter().flat_map(|it| it.parse()).collect();
        let is_public = |network: &&IpNet| !private.iter().any(|it| it.contains(*network));
        let public = networks.iter().filter(is_public);
        public.map(ToString::to_string).collect()
    }
}

impl fmt::Display for Networks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("any"),
            Self::Only(networks) => {
                let networks: Vec<_> = networks.iter().map(ToString::to_string).collect();
                f.write_str(&networks.join(", "))
            }
        }
    }
}

fn parse(text: &str) -> Result<IpNet, String> {
    if let Ok(address) = text.parse::<IpAddr>() {
        let one = IpNet::from(address);
        return Err(format!(
            "networks has {text:?}, which has no prefix: give {one} for this one address"
        ));
    }
    let network: IpNet = text.parse().map_err(|_| {
        format!("networks has {text:?}, which is no network: give it as in 10.1.0.0/16")
    })?;
    let first = network.trunc();
    if network.prefix_len() == 0 {
        return Err(format!(
            "networks has {text}, which is every address: list the networks of the clients"
        ));
    }
    if matches!(network.addr(), IpAddr::V6(address) if address.to_ipv4_mapped().is_some()) {
        return Err(format!(
            "networks has {text}, which is one of IPv4: give it as in 10.1.0.0/16"
        ));
    }
    match first == network {
        true => Ok(network),
        false => Err(format!(
            "networks has {text}, whose address has bits after the prefix: give {first}, or another prefix"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn only(texts: &[&str]) -> Result<Networks, Vec<String>> {
        let texts: Vec<_> = texts.iter().map(|&it| it.to_owned()).collect();
        Networks::parse(&texts)
    }

    #[test]
    fn an_address_is_allowed_in_its_network_and_in_no_other() {
        let networks = only(&["10.1.0.0/16", "fd00:1::/32", "192.0.2.7/32"]).unwrap();
        for (address, expected) in [
            ("10.1.255.255", true),
            ("10.2.0.0", false),
            ("::ffff:10.1.0.1", true),
            ("::ffff:10.2.0.1", false),
            ("fd00:1::1", true),
            ("fd00:2::1", false),
            ("192.0.2.7", true),
            ("192.0.2.6", false),
            ("127.0.0.1", false),
            ("::1", false),
        ] {
            assert_eq!(
                networks.allow(address.parse().unwrap()),
                expected,
                "{address}"
            );
        }
        assert!(!only(&[]).unwrap().allow([10, 1, 0, 1].into()));
        assert!(Networks::Any.allow([10, 1, 0, 1].into()));
    }

    #[test]
    fn what_is_no_network_is_told_with_what_to_give() {
        for (text, told) in [
            ("10.1.0.1", "give 10.1.0.1/32"),
            ("::1", "give ::1/128"),
            ("10.1.0.1/16", "give 10.1.0.0/16"),
            ("10.1.0.0/33", "is no network"),
            ("10.1/16", "is no network"),
            ("contoso.example", "is no network"),
            ("", "is no network"),
            ("0.0.0.0/0", "every address"),
            ("10.0.0.0/0", "every address"),
            ("::/0", "every address"),
            ("::ffff:10.0.0.0/104", "one of IPv4"),
        ] {
            let wrong = only(&["10.0.0.0/8", text]).unwrap_err();
            assert_eq!(wrong.len(), 1, "{text}");
            assert!(wrong[0].contains(told), "{text}: {}", wrong[0]);
        }
    }

    #[test]
    fn networks_of_the_internet_are_found() {
        let networks = only(&["10.1.0.0/16", "203.0.113.0/24", "172.0.0.0/8", "fd00::/8"]);
        assert_eq!(
            networks.unwrap().public(),
            ["203.0.113.0/24", "172.0.0.0/8"]
        );
        assert!(Networks::Any.public().is_empty());
    }
}
