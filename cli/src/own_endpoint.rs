//! Refuses an endpoint of this program in the place of the host's identity endpoint: it gives tokens of
//! a target tenant, and none of them is an assertion (AADSTS700231).

use crate::{clock, cloud::variable_of, outcome::Failure};
use cross_tenant_identity::{ManagedIdentityHost, Settings, SettingsHost};
use std::{
    net::{IpAddr, SocketAddr, UdpSocket},
    time::Duration,
};
use url::{Host, Url};

/// How the secret of `exec` begins, so that another one inside its command knows it.
pub(crate) const SECRET_PREFIX: &str = "cross-tenant-identity-exec-";

/// For a name of a host in a variable. Whoever answers no faster is not asked for a token either.
const SLOWEST_LOOKUP: Duration = Duration::from_secs(3);

/// # Errors
///
/// If this runs in the command of an `exec`, and would ask its endpoint for the assertion.
pub(crate) fn refuse_nested(settings: &Settings) -> Result<(), Failure> {
    let is_asked = variables(settings).contains(&"IDENTITY_ENDPOINT");
    let is_exec = variable_of("IDENTITY_HEADER").is_some_and(|it| it.starts_with(SECRET_PREFIX));
    match is_asked && is_exec && variable_of("IDENTITY_ENDPOINT").is_some() {
        true => Err(Failure::usage(
            "IDENTITY_ENDPOINT is that of a cross-tenant-identity exec, inside of which this runs. It gives tokens of the target tenant, and none of them can be an assertion for another one. Run this outside of that command, or tell which host has the managed identity: for example --host imds, or host in the settings of a file",
        )),
        false => Ok(()),
    }
}

/// # Errors
///
/// If a variable or a setting names the address where this endpoint itself listens.
pub(crate) async fn refuse_itself(settings: &Settings, listens: SocketAddr) -> Result<(), Failure> {
    let variables = variables(settings);
    let variables = variables.iter().map(|it| (*it, variable_of(it)));
    let setting = ("imds_endpoint", settings.imds_endpoint.clone());
    for (name, value) in variables.chain([setting]) {
        let Some(url) = value.and_then(|it| Url::parse(&it).ok()) else {
            continue;
        };
        if leads_to(&url, listens).await {
            return Err(Failure::usage(format!(
                "{name} names {listens}, where this endpoint itself listens: unset it, so that the identity endpoint of the host is asked"
            )));
        }
    }
    Ok(())
}

/// Those that decide which identity endpoint is asked.
fn variables(settings: &Settings) -> &'static [&'static str] {
    const OF_IMDS: &str = "AZURE_POD_IDENTITY_AUTHORITY_HOST";
    let host = match (&settings.host, &settings.imds_endpoint) {
        (Some(SettingsHost::ManagedIdentity(host)), _) => Some(*host),
        (Some(_), _) => return &[],
        // It chooses IMDS, without a look at the environment.
        (None, Some(_)) => return &[],
        (None, None) => None,
    };
    match host {
        None => &["IDENTITY_ENDPOINT", "MSI_ENDPOINT", OF_IMDS],
        Some(ManagedIdentityHost::Imds) => &[OF_IMDS],
        Some(ManagedIdentityHost::AzureMl) => &["MSI_ENDPOINT"],
        Some(_) => &["IDENTITY_ENDPOINT"],
    }
}

async fn leads_to(url: &Url, listens: SocketAddr) -> bool {
    if url.port_or_known_default() != Some(listens.port()) {
        return false;
    }
    let addresses = match url.host() {
        None => Vec::new(),
        Some(Host::Ipv4(address)) => vec![address.into()],
        Some(Host::Ipv6(address)) => vec![address.into()],
        Some(Host::Domain(name)) => {
            let found = tokio::net::lookup_host((name, listens.port()));
            let found = clock::within(SLOWEST_LOOKUP, found).await;
            let found = found.and_then(Result::ok).into_iter().flatten();
            found.map(|it| it.ip()).collect()
        }
    };
    addresses.into_iter().any(|it| is_at(it, listens.ip()))
}

/// Whether a connection to `address` arrives at what listens at `listens`.
fn is_at(address: IpAddr, listens: IpAddr) -> bool {
    let (address, listens) = (address.to_canonical(), listens.to_canonical());
    match (address.is_unspecified(), listens.is_unspecified()) {
        (false, false) => address == listens,
        // Systems connect to the loopback address in its place.
        (true, _) => listens.is_loopback() || listens.is_unspecified(),
        // Only an address of this machine can be bound.
        (false, true) => address.is_loopback() || UdpSocket::bind((address, 0)).is_ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_is_recognised_by_each_of_its_addresses() {
        let is = |address: &str, listens: &str| {
            is_at(address.parse().unwrap(), listens.parse().unwrap())
        };
        for (address, listens) in [
            ("127.0.0.1", "127.0.0.1"),
            ("127.0.0.1", "0.0.0.0"),
            ("127.0.0.1", "::"),
            ("::ffff:127.0.0.1", "127.0.0.1"),
            ("::1", "::"),
            ("0.0.0.0", "127.0.0.1"),
        ] {
            assert!(is(address, listens), "{address} {listens}");
        }
        for (address, listens) in [
            ("127.0.0.2", "127.0.0.1"),
            // For documents alone (RFC 5737): no machine has it.
            ("192.0.2.1", "0.0.0.0"),
            ("0.0.0.0", "192.0.2.1"),
        ] {
            assert!(!is(address, listens), "{address} {listens}");
        }
    }

    #[test]
    fn only_the_variables_of_the_host_count() {
        let of = |host, imds_endpoint: Option<&str>| {
            let imds_endpoint = imds_endpoint.map(str::to_owned);
            let settings = Settings {
                host,
                imds_endpoint,
                ..Default::default()
            };
            variables(&settings)
        };
        let host = |it| Some(SettingsHost::ManagedIdentity(it));
        assert_eq!(of(None, None).len(), 3);
        assert!(of(None, Some("http://127.0.0.1:1")).is_empty());
        assert!(of(Some(SettingsHost::WorkloadIdentity), None).is_empty());
        for (named, expected) in [
            (
                ManagedIdentityHost::Imds,
                "AZURE_POD_IDENTITY_AUTHORITY_HOST",
            ),
            (ManagedIdentityHost::AzureMl, "MSI_ENDPOINT"),
            (ManagedIdentityHost::AppService, "IDENTITY_ENDPOINT"),
            (ManagedIdentityHost::AzureArc, "IDENTITY_ENDPOINT"),
        ] {
            assert_eq!(of(host(named), None), [expected]);
        }
    }
}
