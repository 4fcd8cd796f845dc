//! Authority hosts, and the audience of each cloud's token exchange. They are parsed once, where they
//! come in.

mod ids;

pub(crate) use ids::{ClientId, TenantId, parse_guid};

use azure_core::cloud::CloudConfiguration;
use std::{fmt, sync::Arc};
use url::{Host, Url};

/// The variable that the Azure SDKs read for the authority host.
pub(crate) const AZURE_AUTHORITY_HOST: &str = "AZURE_AUTHORITY_HOST";

const PUBLIC_HOST: &str = "login.microsoftonline.com";
const PUBLIC_AUDIENCE: &str = "api://AzureADTokenExchange";

/// Authority host → audience that its token exchange expects. The values are those of the Azure
/// SDK for JavaScript and Microsoft.Identity.Web; Microsoft Learn, "Configure an application to
/// trust a managed identity", names the first three.
const CLOUDS: [(&str, &str); 7] = [
    (PUBLIC_HOST, PUBLIC_AUDIENCE),
    (
        "login.microsoftonline.us",
        "api://AzureADTokenExchangeUSGov",
    ),
    (
        "login.partner.microsoftonline.cn",
        "api://AzureADTokenExchangeChina",
    ),
    ("login.chinacloudapi.cn", "api://AzureADTokenExchangeChina"),
    (
        "login.sovcloud-identity.fr",
        "api://AzureADTokenExchangeFrance",
    ),
    (
        "login.sovcloud-identity.de",
        "api://AzureADTokenExchangeGermany",
    ),
    (
        "login.sovcloud-identity.sg",
        "api://AzureADTokenExchangeGovSG",
    ),
];

/// Other names of the public cloud's authority host, as Entra's instance discovery lists them
/// (`/common/discovery/instance`, "aliases").
const PUBLIC_ALIASES: [&str; 3] = [
    "login.windows.net",
    "sts.windows.net",
    "login.microsoft.com",
];

/// Where a cloud's tenants have their token endpoints: an https origin.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct AuthorityHost {
    origin: Arc<str>,
}

impl AuthorityHost {
    /// The cloud given in code, else the one that the environment names, else the public one.
    ///
    /// The environment may only choose among the known clouds or this machine: whoever can set a
    /// variable must not be able to have the assertion, a day-long bearer secret, sent to a host
    /// of their own.
    pub(crate) fn choose(
        cloud: Option<&CloudConfiguration>,
        environment: Option<&str>,
    ) -> Result<Self, String> {
        match cloud {
            Some(CloudConfiguration::AzurePublic) => Ok(Self::of_host(PUBLIC_HOST)),
            Some(CloudConfiguration::AzureGovernment) => Ok(Self::of_host(CLOUDS[1].0)),
            Some(CloudConfiguration::AzureChina) => Ok(Self::of_host(CLOUDS[3].0)),
            Some(CloudConfiguration::Custom(custom)) => {
                Self::parse("the custom cloud's authority_host", &custom.authority_host)
            }
            Some(other) => Err(format!(
                "this version does not know the cloud {other:?}: describe it with CloudConfiguration::Custom"
            )),
            None => match environment.filter(|value| !value.is_empty()) {
                None => Ok(Self::of_host(PUBLIC_HOST)),
                Some(value) => Self::of_variable(AZURE_AUTHORITY_HOST, value),
            },
        }
    }

    /// The host that an environment variable names, if a variable may name it.
    pub(crate) fn of_variable(variable: &str, value: &str) -> Result<Self, String> {
        let authority = Self::parse(variable, value)?;
        if authority.known_audience().is_some() || authority.is_loopback() {
            return Ok(authority);
        }
        Err(format!(
            "{variable} names {}, which is none of Azure's clouds, and an assertion is never sent to a host that only the environment names: give it in code with CloudConfiguration::Custom or in a file of Settings, together with the audience of its token exchange",
            quoted(value)
        ))
    }

    fn of_host(host: &str) -> Self {
        Self {
            origin: format!("https://{host}").into(),
        }
    }

    pub(crate) fn parse(what: &str, text: &str) -> Result<Self, String> {
        // Azure's own configuration writes hosts with and without the scheme.
        let with_scheme = if text.contains("://") {
            text.to_owned()
        } else {
            format!("https://{text}")
        };
        let url = Url::parse(&with_scheme).map_err(|why| {
            format!(
                "{what} {} is not a URL ({why}): give an origin, such as https://{PUBLIC_HOST}",
                quoted(text)
            )
        })?;
        if url.scheme() != "https" {
            return Err(format!(
                "{what} {} does not use https, and assertions and tokens travel over it: give an https origin, such as https://{PUBLIC_HOST}",
                quoted(text)
            ));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(format!(
                "{what} contains a user name or password: give an origin, such as https://{PUBLIC_HOST}"
            ));
        }
        if url.path() != "/" || url.query().is_some() || url.fragment().is_some() {
            return Err(format!(
                "{what} {} has a path, a query or a fragment: give an origin alone, such as https://{PUBLIC_HOST}",
                quoted(text)
            ));
        }
        let host = url.host_str().filter(|host| !host.is_empty());
        match host {
            // Discovery names the host that all of them prefer, too.
            Some(host) if PUBLIC_ALIASES.contains(&host) && url.port().is_none() => {
                Ok(Self::of_host(PUBLIC_HOST))
            }
            Some(_) => Ok(Self {
                origin: url.origin().ascii_serialization().into(),
            }),
            None => Err(format!(
                "{what} {} names no host: give an origin, such as https://{PUBLIC_HOST}",
                quoted(text)
            )),
        }
    }

    /// `https://host[:port]`, without a slash at the end.
    pub(crate) fn origin(&self) -> &str {
        &self.origin
    }

    /// The audience of this cloud's token exchange; `None` for a host that is not in the table.
    pub(crate) fn audience(&self) -> Option<&'static str> {
        self.known_audience()
            // On this machine only an emulator can answer, and what it gets does not leave it.
            .or_else(|| self.is_loopback().then_some(PUBLIC_AUDIENCE))
    }

    fn known_audience(&self) -> Option<&'static str> {
        let host = self.origin.strip_prefix("https://")?;
        CLOUDS
            .iter()
            .find(|(known, _)| *known == host)
            .map(|(_, audience)| *audience)
    }

    /// Whether both are of one cloud. Each has an audience of its own; a host that is not in the table
    /// is a cloud of its own.
    pub(crate) fn is_same_cloud(&self, other: &Self) -> bool {
        match (self.known_audience(), other.known_audience()) {
            (None, None) => self == other,
            (ours, theirs) => ours == theirs,
        }
    }

    /// Whether the audience is that of another cloud in the table.
    pub(crate) fn is_of_another_cloud(&self, audience: &str) -> bool {
        let is_in_table = CLOUDS.iter().any(|(_, known)| *known == audience);
        is_in_table && self.known_audience().is_some_and(|own| own != audience)
    }

    fn is_loopback(&self) -> bool {
        Url::parse(&self.origin).is_ok_and(|url| is_loopback(&url))
    }

    /// The OAuth 2.0 token endpoint of one tenant (Microsoft Learn, "OAuth 2.0 client credentials
    /// flow on the Microsoft identity platform").
    pub(crate) fn token_endpoint(&self, tenant: &TenantId) -> Result<Url, url::ParseError> {
        Url::parse(&format!("{}/{tenant}/oauth2/v2.0/token", self.origin))
    }
}

impl fmt::Display for AuthorityHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.origin)
    }
}

/// Whether a URL's host can only be this machine.
pub(crate) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

/// A value in a message: escaped, since it may be anything, and cut, since it may be long.
pub(crate) fn quoted(text: &str) -> String {
    const LONGEST: usize = 100;
    let shown: String = text.chars().take(LONGEST).collect();
    let more = if shown.len() < text.len() { "…" } else { "" };
    format!("{shown:?}{more}")
}

#[cfg(test)]
mod tests;
