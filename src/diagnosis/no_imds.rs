//! The host has no IMDS: nothing answers at its address, or another service answers.

use super::{Actor, Diagnosis, contains_ignoring_case, guide::Section};
use crate::{error_body::ErrorBody, headers::header};
use azure_core::http::headers::{HeaderName, Headers, WWW_AUTHENTICATE};

const SERVER: HeaderName = HeaderName::from_static("server");
const METADATA_FLAVOR: HeaderName = HeaderName::from_static("metadata-flavor");

/// Variables that show that the host has another identity endpoint, and the name of that host.
#[derive(Clone, Debug, Default)]
pub(crate) struct Signs {
    pub(crate) found: Vec<(&'static str, &'static str)>,
}

const HOSTS_WITH_IMDS: &str = "IMDS serves managed identities on Azure's virtual machines, scale sets, AKS nodes and container instances.";

const ANOTHER_SOURCE: &str = "give an assertion of another source to with_assertion";

impl Signs {
    fn what_to_do(&self) -> String {
        if let [(variable, host), rest @ ..] = self.found.as_slice() {
            let to_do = match *variable {
                "AZURE_FEDERATED_TOKEN_FILE" => {
                    "give TokenFileAssertion::from_env() to with_assertion"
                }
                _ => {
                    "take host and imds_endpoint out of managed_identity, so that the host's own endpoint is asked"
                }
            };
            let mut text = format!("This looks like {host}, because {variable} is set: {to_do}.");
            for (variable, host) in rest {
                text.push_str(&format!(" {variable} is set too, as on {host}."));
            }
            return text;
        }
        format!(
            "Run the service on a host with IMDS, or {ANOTHER_SOURCE}. A machine that has just started may need a moment; the next call tries again. App Service, Functions, Container Apps, Azure Arc, Service Fabric and Azure Machine Learning have other endpoints: check that their variables reach this process. For AKS workload identity give TokenFileAssertion to with_assertion."
        )
    }
}

/// Nothing answers, and nothing has answered before.
pub(crate) fn nobody_answers(origin: &str, signs: &Signs) -> Diagnosis {
    no_imds(
        Actor::Operator,
        format!(
            "No IMDS answers at {origin}: it is not here, or not started yet. {HOSTS_WITH_IMDS}"
        ),
        signs.what_to_do(),
    )
    .with_link(LINK)
}

pub(super) const LINK: &str = "https://learn.microsoft.com/entra/identity/managed-identities-azure-resources/how-to-use-vm-token";

/// A response that IMDS never sends: which service sent it, if that can be seen.
pub(crate) fn answered_by_another(
    origin: &str,
    status: u16,
    headers: &Headers,
    body: &ErrorBody,
    signs: &Signs,
) -> Option<Diagnosis> {
    let header = |name: HeaderName| header(headers, &name).unwrap_or_default();
    let authenticate = header(WWW_AUTHENTICATE);
    // Azure/azure-sdk-for-js#11369: "server": "IMDS/150.870.65.476".
    if header(SERVER).starts_with("IMDS/") {
        return None;
    }
    let text = body.text();
    let has = |words: &str| contains_ignoring_case(text, words);
    if is_arc(authenticate) {
        return Some(azure_arc(origin));
    }
    if is_another_cloud(header(SERVER), header(METADATA_FLAVOR)) {
        return Some(another_cloud(origin, signs));
    }
    // Azure/azure-sdk-for-net#38218: the words are in the status line and sometimes also in the
    // body. A transport returns only the body.
    if status == 403 && (has("unreachable") || has("connecting to 169.254.") || has("dial tcp")) {
        return Some(docker_desktop(origin));
    }
    // Azure/aad-pod-identity#1074, #606 and Azure/azure-sdk-for-net#19242.
    if [
        "adal:",
        "no azure identity",
        "azureidentity",
        "aad-pod-identity",
    ]
    .iter()
    .any(|words| has(words))
    {
        return Some(pod_identity(text));
    }
    if status == 407 {
        return Some(proxy(origin, "A proxy asks for a user name and password"));
    }
    // The metadata service of another cloud has an error page for unknown paths.
    if body.is_web_page() && status != 404 {
        return Some(proxy(origin, "A web page came back"));
    }
    if (300..400).contains(&status) {
        return Some(no_imds(
            Actor::Operator,
            format!(
                "Something other than IMDS answers at {origin} and redirects the request. A redirect is never followed."
            ),
            format!(
                "Let the service reach {origin} directly. Look for a proxy, a captive portal or a service mesh in between."
            ),
        ));
    }
    if body.value_at("/statusCode").is_some() {
        return Some(no_imds(
            Actor::Developer,
            format!(
                "What answers at {origin} is the identity endpoint of App Service or Functions, not IMDS."
            ),
            "Take host and imds_endpoint out of managed_identity, and give the process the host's IDENTITY_ENDPOINT and IDENTITY_HEADER.".to_owned(),
        ));
    }
    if body.is_json() {
        return None;
    }
    if status == 403 && text.is_empty() {
        return Some(docker_desktop(origin));
    }
    matches!(status, 401 | 403 | 404 | 405).then(|| {
        no_imds(
            Actor::Operator,
            format!("Something other than IMDS answers at {origin}: other clouds, proxies and container hosts do. {HOSTS_WITH_IMDS}"),
            signs.what_to_do(),
        )
        .with_link(LINK)
    })
}

/// `Basic realm=/var/opt/azcmagent/tokens/….key`, or on Windows
/// `Basic realm=C:\ProgramData\AzureConnectedMachineAgent\Tokens\….key`.
fn is_arc(authenticate: &str) -> bool {
    contains_ignoring_case(authenticate, "basic realm=")
        && [".key", "azcmagent", "AzureConnectedMachineAgent"]
            .iter()
            .any(|words| contains_ignoring_case(authenticate, words))
}

fn azure_arc(origin: &str) -> Diagnosis {
    no_imds(
        Actor::Developer,
        format!("What answers at {origin} is Azure Arc's agent: it demands a key from a file of this machine, which IMDS never does."),
        "Set managed_identity.host to AzureArc, and leave imds_endpoint out. An Arc machine has a system-assigned identity only.",
    )
    .with_link("https://learn.microsoft.com/azure/azure-arc/servers/managed-identity-authentication")
}

/// How the metadata services of Google and Amazon identify themselves.
fn is_another_cloud(server: &str, flavor: &str) -> bool {
    flavor.eq_ignore_ascii_case("Google")
        || contains_ignoring_case(server, "EC2ws")
        || contains_ignoring_case(server, "Metadata Server for VM")
}

fn another_cloud(origin: &str, signs: &Signs) -> Diagnosis {
    no_imds(
        Actor::Operator,
        format!(
            "What answers at {origin} is another cloud's metadata service: this host is not one of Azure's. {HOSTS_WITH_IMDS}"
        ),
        signs.what_to_do(),
    )
}

fn docker_desktop(origin: &str) -> Diagnosis {
    no_imds(
        Actor::Operator,
        format!(
            "Something else answers in the place of IMDS at {origin}, as Docker Desktop does: this host has no managed identity."
        ),
        "Run the service on an Azure host with a user-assigned managed identity. For development, give an assertion of another source to with_assertion.",
    )
}

/// The agent of AAD pod identity (NMI) answers IMDS requests of pods.
fn pod_identity(text: &str) -> Diagnosis {
    let happened = match contains_ignoring_case(text, "no azure identity") {
        true => {
            "AAD pod identity's agent answers in the place of IMDS, and has no identity for this pod and this client id."
        }
        false => {
            "AAD pod identity's agent answers in the place of IMDS, and could not get a token for this pod."
        }
    };
    no_imds(
        Actor::Operator,
        happened,
        "Bind the identity to the pod: check its AzureIdentity, its AzureIdentityBinding and the pod's label aadpodidbinding. AAD pod identity is retired; AKS workload identity takes its place.",
    )
    .with_link("https://learn.microsoft.com/azure/aks/workload-identity-migrate-from-pod-identity")
}

fn proxy(origin: &str, what: &str) -> Diagnosis {
    no_imds(
        Actor::Operator,
        format!("{what} from {origin}: a proxy or a captive portal answers in the place of IMDS."),
        format!(
            "Let the service reach {origin} directly, without any proxy in between. This crate uses none for IMDS, so one of the network's own takes the request, or a transport given in managed_identity.client_options does."
        ),
    )
}

/// With its section of the troubleshooting guide.
fn no_imds(who: Actor, happened: impl Into<String>, to_do: impl Into<String>) -> Diagnosis {
    Diagnosis::new(who, happened, to_do).in_guide(Section::NoImds)
}
