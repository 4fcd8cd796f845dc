//! The options of the managed identity, and the audience that follows from them.

use crate::{
    authority::{AuthorityHost, quoted},
    error::Error,
    managed_identity::ManagedIdentityHost,
    unused_options::is_given,
};
use azure_core::http::{ClientOptions, RetryOptions};
use azure_identity::UserAssignedId;
use std::sync::Arc;

/// Options for [`ManagedIdentityAssertion`](crate::ManagedIdentityAssertion).
///
/// A managed identity converts into options, too:
///
/// ```
/// use cross_tenant_identity::{ManagedIdentityAssertionOptions, UserAssignedId};
///
/// let identity = UserAssignedId::ClientId("11111111-1111-4111-8111-111111111111".into());
/// let options = ManagedIdentityAssertionOptions::from(identity);
/// ```
#[derive(Clone, Debug, Default)]
pub struct ManagedIdentityAssertionOptions {
    /// The managed identity of the host that issues the assertion.
    ///
    /// Default: the identity endpoint selects one. That is the system-assigned identity if there is
    /// one, otherwise the only user-assigned identity. A federated identity credential trusts one
    /// identity, so name it. Then an identity that is assigned to the host later changes nothing.
    pub user_assigned_id: Option<UserAssignedId>,

    /// The host whose identity endpoint gets the requests.
    ///
    /// Default: the host that the environment variables show, see [`ManagedIdentityHost`].
    pub host: Option<ManagedIdentityHost>,

    /// The audience of the cloud's token exchange.
    ///
    /// Default: the audience that belongs to the authority host, `api://AzureADTokenExchange` in
    /// the public cloud. Set it only for a cloud that this crate does not know.
    pub audience: Option<String>,

    /// HTTP options for requests to the host's identity endpoint: transport, policies, logging,
    /// telemetry.
    ///
    /// The default transport uses no proxy and follows no redirect. The `retry` in these options
    /// has no effect, because a default that was given and a default that was not given look the
    /// same. Any other value of it causes a warning in the log. Set [`retry`](Self::retry) instead.
    pub client_options: ClientOptions,

    /// Replaces the retry rules for requests to the identity endpoint.
    ///
    /// Default for IMDS: the rules of Microsoft Learn's "How to use managed identities for Azure
    /// resources on an Azure VM to acquire an access token". 404, 408, 429 and 5xx are tried up to
    /// six times, at least 1 s apart, with growing pauses; 410 for 70 s. Until IMDS has answered
    /// once, the default tries end after 6 s. Default for the other hosts: 408, 429, 5xx and missing
    /// answers are tried up to four times.
    ///
    /// With any rules, all tries together end after 75 s for IMDS, and after 30 s for the other hosts.
    pub retry: Option<RetryOptions>,

    /// The origin of the IMDS, such as `http://127.0.0.1:8080`, if it is not at its usual address.
    /// If this is set, the host is [`ManagedIdentityHost::Imds`].
    ///
    /// Default: `AZURE_POD_IDENTITY_AUTHORITY_HOST` if it names this machine or an address of its
    /// own network, otherwise `http://169.254.169.254`.
    pub imds_endpoint: Option<String>,
}

/// The default options, with this managed identity.
impl From<UserAssignedId> for ManagedIdentityAssertionOptions {
    fn from(id: UserAssignedId) -> Self {
        Self {
            user_assigned_id: Some(id),
            ..Self::default()
        }
    }
}

impl ManagedIdentityAssertionOptions {
    /// The names of the options that differ from their defaults.
    pub(crate) fn given(&self) -> Vec<&'static str> {
        // Names every field, so that a new field is a compile error here.
        let Self {
            user_assigned_id,
            host,
            audience,
            client_options,
            retry,
            imds_endpoint,
        } = self;
        [
            ("user_assigned_id", user_assigned_id.is_some()),
            ("host", host.is_some()),
            ("audience", audience.is_some()),
            ("client_options", is_given(client_options)),
            ("retry", retry.is_some()),
            ("imds_endpoint", imds_endpoint.is_some()),
        ]
        .into_iter()
        .filter_map(|(name, is_given)| is_given.then_some(name))
        .collect()
    }
}

pub(super) fn audience(given: Option<&str>, authority: &AuthorityHost) -> Result<Arc<str>, Error> {
    let Some(given) = given else {
        return authority.audience().map(Arc::from).ok_or_else(|| {
            Error::configuration(format!(
                "the authority host {authority} is none that this version knows, so the audience of its token exchange has to be given: set managed_identity.audience"
            ))
        });
    };
    let audience = as_audience("managed_identity.audience", given).map_err(Error::configuration)?;
    if authority.is_of_another_cloud(audience) {
        return Err(Error::configuration(format!(
            "managed_identity.audience is {}, the token exchange of another cloud than that of {authority}: no cloud trusts another's identities, so give the cloud in client_options, and leave the audience out",
            quoted(audience)
        )));
    }
    Ok(audience.into())
}

/// The identity endpoint takes a resource, which is the audience without this suffix.
pub(crate) fn as_audience<'a>(what: &str, given: &'a str) -> Result<&'a str, String> {
    let audience = given.strip_suffix("/.default").unwrap_or(given);
    let is_text = |c: char| c.is_ascii_graphic();
    if audience.is_empty() || !audience.chars().all(is_text) {
        return Err(format!(
            "{what} is {}, which is no audience: give a URI such as api://AzureADTokenExchange",
            quoted(given)
        ));
    }
    Ok(audience)
}
