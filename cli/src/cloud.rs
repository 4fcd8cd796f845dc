//! The services of the cloud that the authority host belongs to.

use crate::outcome::Failure;
use azure_core::http::Url;
use cross_tenant_identity::Settings;

const AUTHORITY_HOST: &str = "AZURE_AUTHORITY_HOST";

/// A service that takes tokens: where it is, and what its tokens are asked for with.
#[derive(Clone, Debug)]
pub(crate) struct Service {
    pub(crate) endpoint: Url,
    pub(crate) scope: String,
}

/// Azure Resource Manager and Microsoft Graph of a cloud (Microsoft Learn, "Compare Azure Government
/// and global Azure", "National cloud deployments", "Developer guide for Azure China 21Vianet").
struct Cloud {
    authorities: &'static [&'static str],
    resource_manager: &'static str,
    graph: &'static str,
    /// The audience of its token exchange.
    token_exchange: &'static str,
}

static PUBLIC: Cloud = Cloud {
    authorities: &[
        "login.microsoftonline.com",
        "login.windows.net",
        "sts.windows.net",
    ],
    resource_manager: "https://management.azure.com",
    graph: "https://graph.microsoft.com",
    token_exchange: "api://AzureADTokenExchange",
};

static NATIONAL_CLOUDS: [Cloud; 2] = [
    Cloud {
        authorities: &["login.microsoftonline.us"],
        resource_manager: "https://management.usgovcloudapi.net",
        graph: "https://graph.microsoft.us",
        token_exchange: "api://AzureADTokenExchangeUSGov",
    },
    Cloud {
        authorities: &["login.chinacloudapi.cn", "login.partner.microsoftonline.cn"],
        resource_manager: "https://management.chinacloudapi.cn",
        graph: "https://microsoftgraph.chinacloudapi.cn",
        token_exchange: "api://AzureADTokenExchangeChina",
    },
];

fn clouds() -> impl Iterator<Item = &'static Cloud> {
    std::iter::once(&PUBLIC).chain(&NATIONAL_CLOUDS)
}

/// Azure Resource Manager, or the emulator's that `ARM_ENDPOINT` names.
pub(crate) fn resource_manager(settings: &Settings) -> Result<Service, Failure> {
    service(settings, "ARM_ENDPOINT", |cloud| cloud.resource_manager)
}

/// Microsoft Graph, or the emulator's that `GRAPH_ENDPOINT` names.
pub(crate) fn graph(settings: &Settings) -> Result<Service, Failure> {
    service(settings, "GRAPH_ENDPOINT", |cloud| cloud.graph)
}

/// The audience that a federated identity credential names; `None` in an unknown cloud.
pub(crate) fn token_exchange(settings: &Settings) -> Option<String> {
    let (cloud, _) = cloud_of(settings);
    cloud.map(|cloud| cloud.token_exchange.to_owned())
}

/// The authority host of the settings or of the environment, or the public cloud's.
pub(crate) fn authority_host(settings: &Settings) -> String {
    let given = given_authority_host(settings);
    given.unwrap_or_else(|| format!("https://{}", PUBLIC.authorities[0]))
}

/// The authority host of the settings or of the environment.
pub(crate) fn given_authority_host(settings: &Settings) -> Option<String> {
    cloud_of(settings).1
}

/// The cloud, if it is known, and the authority that is given.
fn cloud_of(settings: &Settings) -> (Option<&'static Cloud>, Option<String>) {
    let authority = settings.authority_host.clone();
    let authority = authority.or_else(|| variable_of(AUTHORITY_HOST));
    let host = authority.as_deref().map(host_of);
    let cloud = match host.as_deref() {
        None => Some(&PUBLIC),
        Some(host) if is_loopback(host) => Some(&PUBLIC),
        Some(host) => clouds().find(|it| it.authorities.contains(&host)),
    };
    (cloud, authority)
}

/// The public cloud's, whatever the environment says.
#[cfg(feature = "emulator")]
pub(crate) fn public_resource_manager() -> Result<Service, Failure> {
    public(|cloud| cloud.resource_manager)
}

#[cfg(feature = "emulator")]
pub(crate) fn public_graph() -> Result<Service, Failure> {
    public(|cloud| cloud.graph)
}

#[cfg(feature = "emulator")]
fn public(of: impl Fn(&Cloud) -> &'static str) -> Result<Service, Failure> {
    Ok(Service {
        endpoint: Url::parse(of(&PUBLIC)).map_err(azure_core::Error::from)?,
        scope: format!("{}/.default", of(&PUBLIC)),
    })
}

fn service(
    settings: &Settings,
    variable: &str,
    of: impl Fn(&Cloud) -> &'static str,
) -> Result<Service, Failure> {
    let (cloud, authority) = cloud_of(settings);
    let Some(cloud) = cloud else {
        return Err(Failure::usage(format!(
            "the authority host {} is of no known cloud, so it is not known where its services are: only token, claims and doctor with --scope can be used",
            authority.unwrap_or_default()
        )));
    };
    let scope = format!("{}/.default", of(cloud));
    let given = variable_of(variable);
    let endpoint = given.as_deref().unwrap_or(of(cloud));
    let endpoint = Url::parse(endpoint)
        .ok()
        .filter(|url| given.is_none() || is_allowed(url, &of))
        .ok_or_else(|| {
            // A token goes there, so a variable cannot lead it anywhere.
            Failure::usage(format!(
                "{variable} may only name this machine, such as an emulator, or {} of a known cloud: unset it",
                of(cloud)
            ))
        })?;
    Ok(Service { endpoint, scope })
}

fn is_allowed(url: &Url, of: impl Fn(&Cloud) -> &'static str) -> bool {
    let is_known = clouds()
        .filter_map(|cloud| Url::parse(of(cloud)).ok())
        .any(|known| known.origin() == url.origin());
    is_known || (url.scheme() == "https" && url.host_str().is_some_and(is_loopback))
}

fn host_of(authority: &str) -> String {
    let host = Url::parse(authority).ok();
    let host = host.and_then(|url| url.host_str().map(str::to_lowercase));
    host.unwrap_or_else(|| authority.to_lowercase())
}

fn is_loopback(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost"
        || address
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

/// An empty value counts as unset, as in the library.
pub(crate) fn variable_of(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_leads_tokens_only_to_this_machine_or_a_known_cloud() {
        let allowed = |url: &str| is_allowed(&Url::parse(url).unwrap(), |it| it.resource_manager);
        for url in [
            "https://localhost:8443",
            "https://127.0.0.1:1",
            "https://[::1]:1",
            "https://management.azure.com/",
            "https://management.chinacloudapi.cn",
        ] {
            assert!(allowed(url), "{url}");
        }
        for url in [
            "http://localhost:8443",
            "https://example.com",
            "https://management.azure.com.example.com",
            "https://graph.microsoft.com",
        ] {
            assert!(!allowed(url), "{url}");
        }
    }
}
