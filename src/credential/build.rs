//! Makes the first credential of a family, of a managed identity or of a source of the user.

use super::{
    CrossTenantManagedIdentityCredential, CrossTenantManagedIdentityCredentialOptions as Options,
    family::Family,
    options::{authority, limits, one_cloud},
};
use crate::{
    assertion::{
        AssertionSource, ManagedIdentityAssertion,
        ManagedIdentityAssertionOptions as IdentityOptions,
    },
    authority::{AuthorityHost, ClientId, TenantId},
    diagnosis::AssertionRequest,
    environment::Environment,
    error::Error,
    time::Clock,
    token_endpoint::TokenEndpoint,
    unused_options::{warn_of_managed_identity, warn_of_retry_in},
};
use azure_identity::ClientAssertion;
use std::sync::Arc;

impl CrossTenantManagedIdentityCredential {
    pub(crate) fn build(
        tenant_id: &str,
        client_id: &str,
        options: Options,
        environment: Environment,
        clock: Arc<dyn Clock>,
    ) -> Result<Arc<Self>, Error> {
        let variables = environment.clone();
        let source = |authority: &AuthorityHost, options, clock| {
            one_cloud(authority, &options)?;
            let assertion =
                ManagedIdentityAssertion::for_authority(authority, options, variables, clock)?;
            let request = assertion.request();
            Ok((AssertionSource::ManagedIdentity(assertion), request))
        };
        Self::build_from(source, tenant_id, client_id, options, &environment, clock)
    }

    pub(crate) fn build_with(
        tenant_id: &str,
        client_id: &str,
        assertion: Arc<dyn ClientAssertion>,
        options: Options,
        environment: Environment,
        clock: Arc<dyn Clock>,
    ) -> Result<Arc<Self>, Error> {
        let source = |authority: &AuthorityHost, options: IdentityOptions, clock| {
            warn_of_managed_identity::<Options>(&options.given());
            // What the source asks for is its own business.
            let request = AssertionRequest::of(authority.audience().unwrap_or_default());
            Ok((AssertionSource::given(assertion, clock), request))
        };
        Self::build_from(source, tenant_id, client_id, options, &environment, clock)
    }

    fn build_from<S>(
        source: S,
        tenant_id: &str,
        client_id: &str,
        options: Options,
        environment: &Environment,
        clock: Arc<dyn Clock>,
    ) -> Result<Arc<Self>, Error>
    where
        S: FnOnce(
            &AuthorityHost,
            IdentityOptions,
            Arc<dyn Clock>,
        ) -> Result<(AssertionSource, AssertionRequest), Error>,
    {
        let tenant_id = TenantId::parse(tenant_id).map_err(Error::configuration)?;
        let client_id = ClientId::parse(client_id).map_err(Error::configuration)?;
        let limits = limits(&options)?;
        let authority = authority(&options, environment)?;
        warn_of_retry_in::<Options>(&options.client_options);
        let (source, request) = source(&authority, options.managed_identity, Arc::clone(&clock))?;
        let endpoint = TokenEndpoint::new(
            authority,
            request,
            options.client_options,
            options.retry,
            Arc::clone(&clock),
        )?;
        let family = Family::new(client_id, source, endpoint, limits, clock);
        Ok(Arc::new(Self {
            tenant: family.tenants.tenant(tenant_id),
            family: Arc::new(family),
        }))
    }
}
