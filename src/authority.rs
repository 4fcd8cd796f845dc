//! Who is asked, and for whom: tenants, clients, authority hosts and what each cloud calls its
//! token exchange. Text is parsed here once; everything further in takes these types.

use azure_core::{Uuid, cloud::CloudConfiguration};
use std::{fmt, sync::Arc};
use url::{Host, Url};

/// The variable that peers read for the authority host.
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

/// Names under which Entra finds a tenant by the user who signs in. A service signs nobody in,
/// so for client credentials they name no tenant at all.
const NOT_A_TENANT: [&str; 3] = ["common", "organizations", "consumers"];

/// A tenant: its id (a GUID) or one of its domain names. Lower case, safe in a URL's path.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct TenantId(Arc<str>);

impl TenantId {
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        Self::named("tenant_id", text)
    }

    /// `what` is the name of the value for a message.
    pub(crate) fn named(what: &str, text: &str) -> Result<Self, String> {
        if NOT_A_TENANT
            .iter()
            .any(|name| text.eq_ignore_ascii_case(name))
        {
            return Err(format!(
                "{what} is \"{text}\", which names no tenant: give the target tenant's id (a GUID) or one of its domain names"
            ));
        }
        if parse_guid(text).is_some() || is_domain_name(text) {
            return Ok(Self(text.to_ascii_lowercase().into()));
        }
        Err(format!(
            "{what} {} is neither a GUID nor a domain name: give the target tenant's id, as `az account show --query tenantId` prints it, or one of its domain names",
            quoted(text)
        ))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is an id rather than a domain name. Only ids can be compared with a token's `tid`.
    pub(crate) fn is_guid(&self) -> bool {
        parse_guid(&self.0).is_some()
    }
}

impl fmt::Display for TenantId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An application's client id, a GUID in lower case.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct ClientId(Arc<str>);

impl ClientId {
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        Self::named("client_id", text)
    }

    /// `what` is the name of the value for a message.
    pub(crate) fn named(what: &str, text: &str) -> Result<Self, String> {
        parse_guid(text).map(|guid| Self(guid.into())).ok_or_else(|| {
            format!(
                "{what} {} is not a GUID: give the application (client) id of the multi-tenant app, not its name and not its identifier URI",
                quoted(text)
            )
        })
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

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

/// A GUID in its hyphenated form, in lower case.
pub(crate) fn parse_guid(text: &str) -> Option<String> {
    const HYPHENATED: usize = 36;
    // The length rules out the braced, urn and simple forms that the parser would take too:
    // Entra takes none of them in a path.
    (text.len() == HYPHENATED)
        .then(|| Uuid::try_parse(text).ok())
        .flatten()
        .map(|guid| guid.hyphenated().to_string())
}

/// RFC 1123 §2.1 host names with at least two labels, the last of which is not a number.
fn is_domain_name(text: &str) -> bool {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    text.len() <= 253
        && text.contains('.')
        && text.split('.').all(is_label)
        && text
            .rsplit('.')
            .next()
            .is_some_and(|last| last.bytes().any(|b| b.is_ascii_alphabetic()))
}

/// A value in a message: escaped, since it may be anything, and cut, since it may be long.
pub(crate) fn quoted(text: &str) -> String {
    const LONGEST: usize = 100;
    let shown: String = text.chars().take(LONGEST).collect();
    let more = if shown.len() < text.len() { "…" } else { "" };
    format!("{shown:?}{more}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use azure_core::cloud::CustomConfiguration;

    #[test]
    fn what_is_cut_says_so_and_what_is_whole_does_not() {
        let (whole, long) = ("x".repeat(100), "x".repeat(101));
        assert_eq!(quoted(&whole), format!("\"{whole}\""));
        assert_eq!(quoted(&long), format!("\"{whole}\"…"));
    }

    fn custom(host: &str) -> CloudConfiguration {
        let mut configuration = CustomConfiguration::default();
        configuration.authority_host = host.to_owned();
        configuration.into()
    }

    #[test]
    fn a_tenant_is_a_guid_or_a_domain_name() {
        for good in [
            "72F988BF-86f1-41af-91ab-2d7cd011db47",
            "litware.onmicrosoft.com",
            "Litware.COM",
            "xn--bcher-kva.example",
            "3m.com",
        ] {
            let tenant = TenantId::parse(good).unwrap();
            assert_eq!(tenant.as_str(), good.to_ascii_lowercase());
        }
        for bad in [
            "",
            " ",
            "..",
            ".",
            "common",
            "Organizations",
            "consumers",
            "litware",
            "1.2.3.4",
            "bücher.example",
            "a..b",
            "-a.com",
            "a-.com",
            "a_b.com",
            "litware.com/",
            "a.com?x",
            "%2e%2e.com",
            "{72f988bf-86f1-41af-91ab-2d7cd011db47}",
            "72f988bf86f141af91ab2d7cd011db47",
            "litware.com\n",
            " litware.com",
        ] {
            let why = TenantId::parse(bad).unwrap_err();
            assert!(why.contains("tenant_id"), "{bad:?}: {why}");
        }
        assert!(TenantId::parse(&format!("{}.com", "a".repeat(64))).is_err());
        assert!(
            TenantId::parse("72f988bf-86f1-41af-91ab-2d7cd011db47")
                .unwrap()
                .is_guid()
        );
        assert!(!TenantId::parse("litware.com").unwrap().is_guid());
    }

    #[test]
    fn a_client_is_a_guid() {
        assert!(ClientId::parse("72F988BF-86f1-41af-91ab-2d7cd011db47").is_ok());
        for bad in [
            "",
            "my-app",
            "api://my-app",
            "urn:uuid:72f988bf-86f1-41af-91ab-2d7cd011db47",
        ] {
            assert!(ClientId::parse(bad).unwrap_err().contains("client_id"));
        }
    }

    #[test]
    fn a_value_in_a_message_is_escaped_and_cut() {
        let why = TenantId::parse(&format!("\u{1b}[31m\0{}", "x".repeat(5000))).unwrap_err();
        assert!(
            !why.contains('\u{1b}') && !why.contains('\0') && why.len() < 500,
            "{why}"
        );
    }

    #[test]
    fn each_cloud_has_its_authority_and_its_audience() {
        for (cloud, origin, audience) in [
            (
                None,
                "https://login.microsoftonline.com",
                Some("api://AzureADTokenExchange"),
            ),
            (
                Some(CloudConfiguration::AzurePublic),
                "https://login.microsoftonline.com",
                Some("api://AzureADTokenExchange"),
            ),
            (
                Some(CloudConfiguration::AzureGovernment),
                "https://login.microsoftonline.us",
                Some("api://AzureADTokenExchangeUSGov"),
            ),
            (
                Some(CloudConfiguration::AzureChina),
                "https://login.chinacloudapi.cn",
                Some("api://AzureADTokenExchangeChina"),
            ),
            (
                Some(custom("https://login.sovcloud-identity.fr/")),
                "https://login.sovcloud-identity.fr",
                Some("api://AzureADTokenExchangeFrance"),
            ),
            (
                Some(custom("login.sovcloud-identity.de")),
                "https://login.sovcloud-identity.de",
                Some("api://AzureADTokenExchangeGermany"),
            ),
            (
                Some(custom("login.sovcloud-identity.sg")),
                "https://login.sovcloud-identity.sg",
                Some("api://AzureADTokenExchangeGovSG"),
            ),
            (
                Some(custom("https://login.partner.microsoftonline.cn")),
                "https://login.partner.microsoftonline.cn",
                Some("api://AzureADTokenExchangeChina"),
            ),
            (
                Some(custom("https://login.windows.net/")),
                "https://login.microsoftonline.com",
                Some("api://AzureADTokenExchange"),
            ),
            (
                Some(custom("STS.windows.net:443")),
                "https://login.microsoftonline.com",
                Some("api://AzureADTokenExchange"),
            ),
            (
                Some(custom("login.microsoft.com")),
                "https://login.microsoftonline.com",
                Some("api://AzureADTokenExchange"),
            ),
            (
                Some(custom("https://login.windows.net:8443")),
                "https://login.windows.net:8443",
                None,
            ),
            (
                Some(custom("LOGIN.microsoftonline.com:443")),
                "https://login.microsoftonline.com",
                Some("api://AzureADTokenExchange"),
            ),
            (
                Some(custom("https://login.airgapped.example:8443")),
                "https://login.airgapped.example:8443",
                None,
            ),
            (
                Some(custom("https://login.microsoftonline.com:8443")),
                "https://login.microsoftonline.com:8443",
                None,
            ),
        ] {
            let authority = AuthorityHost::choose(cloud.as_ref(), None).unwrap();
            assert_eq!(authority.origin(), origin);
            assert_eq!(authority.audience(), audience, "{origin}");
        }
    }

    #[test]
    fn two_names_of_one_cloud_are_the_same_cloud() {
        let of = |host| AuthorityHost::choose(Some(&custom(host)), None).unwrap();
        for (one, other, is_same) in [
            ("login.windows.net", "login.microsoftonline.com", true),
            (
                "login.partner.microsoftonline.cn",
                "login.chinacloudapi.cn",
                true,
            ),
            ("login.airgapped.example", "login.airgapped.example", true),
            ("login.airgapped.example", "login.other.example", false),
            (
                "login.airgapped.example",
                "login.microsoftonline.com",
                false,
            ),
            (
                "login.microsoftonline.us",
                "login.microsoftonline.com",
                false,
            ),
            (
                "login.sovcloud-identity.fr",
                "login.sovcloud-identity.de",
                false,
            ),
        ] {
            assert_eq!(of(one).is_same_cloud(&of(other)), is_same, "{one} {other}");
            assert_eq!(of(other).is_same_cloud(&of(one)), is_same, "{one} {other}");
        }
    }

    #[test]
    fn an_authority_is_an_https_origin_and_nothing_more() {
        for bad in [
            "",
            "http://login.microsoftonline.com",
            "https://",
            "https://user@login.example",
            "https://user:secret@login.example",
            "https://login.example/tenant",
            "https://login.example?x=1",
            "https://login.example/#x",
            "ftp://login.example",
            "https://login example",
        ] {
            let why = AuthorityHost::choose(Some(&custom(bad)), None).unwrap_err();
            assert!(why.contains("authority_host"), "{bad:?}: {why}");
            assert!(!why.contains("secret"), "{why}");
        }
    }

    #[test]
    fn the_environment_chooses_only_known_clouds_or_this_machine() {
        for good in [
            "https://login.microsoftonline.us",
            "https://login.microsoftonline.us/",
            "https://login.windows.net",
            "login.chinacloudapi.cn",
            "https://localhost:4443",
            "https://127.0.0.1:4443",
            "https://[::1]:4443",
            "",
        ] {
            assert!(AuthorityHost::choose(None, Some(good)).is_ok(), "{good}");
        }
        for bad in [
            "https://login.evil.example",
            "https://login.microsoftonline.com.evil.example",
            "https://login.microsoftonline.com:8443",
            "https://localhost.evil.example",
            "http://localhost:80",
        ] {
            let why = AuthorityHost::choose(None, Some(bad)).unwrap_err();
            assert!(why.contains(AZURE_AUTHORITY_HOST), "{why}");
        }
        let given = AuthorityHost::choose(
            Some(&CloudConfiguration::AzurePublic),
            Some("https://localhost:1"),
        );
        assert_eq!(
            given.unwrap().origin(),
            "https://login.microsoftonline.com",
            "code wins"
        );
    }

    #[test]
    fn the_token_endpoint_is_the_tenants() {
        let authority = AuthorityHost::choose(None, None).unwrap();
        let tenant = TenantId::parse("Litware.com").unwrap();
        assert_eq!(
            authority.token_endpoint(&tenant).unwrap().as_str(),
            "https://login.microsoftonline.com/litware.com/oauth2/v2.0/token"
        );
    }
}
