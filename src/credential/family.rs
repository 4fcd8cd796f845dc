//! What the credentials of a family share.

use super::exchange::{Exchange, FromEntra};
use crate::{
    assertion::AssertionSource,
    authority::ClientId,
    cache::{Cache, Limits},
    error::Error,
    tenants::{Tenants, TokenKey},
    time::Clock,
    token_endpoint::TokenEndpoint,
};
use std::sync::Arc;

/// What a credential shares with all that [`for_tenant`] makes of it.
///
/// [`for_tenant`]: crate::CrossTenantManagedIdentityCredential::for_tenant
pub(super) struct Family {
    pub(super) cache: Cache<TokenKey, Error>,
    pub(super) tenants: Arc<Tenants>,
    pub(super) exchange: Arc<Exchange>,
}

impl Family {
    pub(super) fn new(
        client_id: ClientId,
        assertion: AssertionSource,
        endpoint: TokenEndpoint,
        limits: Limits<Error>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let exchange = Arc::new(Exchange::new(assertion, endpoint, Arc::clone(&clock)));
        let fetch = Arc::new(FromEntra(Arc::clone(&exchange)));
        Self {
            cache: Cache::new(fetch, limits, clock),
            tenants: Tenants::new(client_id),
            exchange,
        }
    }
}
