//! The address of IMDS: given in code, named by a variable, or the one that every machine has.

use crate::{
    authority::{is_loopback, quoted},
    environment::Environment,
    error::Error,
};
use url::{Host, Url};

/// The address on every machine of Azure.
const ADDRESS: &str = "http://169.254.169.254";

/// The variable with which several SDKs replace the address.
pub(in crate::managed_identity) const POD_IDENTITY_AUTHORITY_HOST: &str =
    "AZURE_POD_IDENTITY_AUTHORITY_HOST";

pub(super) fn address(endpoint: Option<&str>, environment: &Environment) -> Result<Url, Error> {
    let address = match (endpoint, environment.var(POD_IDENTITY_AUTHORITY_HOST)) {
        (Some(endpoint), _) => parse_address("imds_endpoint", endpoint),
        (None, Some(named)) => address_of_variable(POD_IDENTITY_AUTHORITY_HOST, &named),
        (None, None) => parse_address("IMDS", ADDRESS),
    };
    address.map_err(Error::configuration)
}

/// The address that an environment variable names, if a variable may name it.
pub(crate) fn address_of_variable(variable: &str, value: &str) -> Result<Url, String> {
    let url = parse_address(variable, value)?;
    // Whoever answers there chooses the identity of the service. Somebody who can only set a variable
    // must not be able to name a machine of their own.
    let is_near = match url.host() {
        Some(Host::Ipv4(address)) => address.is_link_local() || address.is_private(),
        Some(Host::Ipv6(address)) => address.is_unicast_link_local() || address.is_unique_local(),
        _ => false,
    };
    if is_near || is_loopback(&url) {
        return Ok(url);
    }
    Err(format!(
        "{variable} names {}, which is neither this machine nor an address of its own network: give it in code or in a file of Settings, with imds_endpoint",
        quoted(value)
    ))
}

pub(crate) fn parse_address(what: &str, text: &str) -> Result<Url, String> {
    let wrong = |why: &str| {
        format!(
            "{what} is {}, {why}: give an origin such as {ADDRESS}",
            quoted(text)
        )
    };
    let url = Url::parse(text).map_err(|_| wrong("which is not a URL"))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(wrong("which is neither http nor https"));
    }
    if url.host().is_none()
        || url.path() != "/"
        || url.query().is_some()
        || url.fragment().is_some()
        || !url.username().is_empty()
        || url.password().is_some()
    {
        return Err(wrong("which is more than an origin"));
    }
    Ok(url)
}
