//! A call of `get_token`.

use super::CrossTenantManagedIdentityCredential;
use azure_core::credentials::{AccessToken, TokenCredential, TokenRequestOptions};
use futures::future::{BoxFuture, FutureExt};
use std::{
    pin::Pin,
    task::{self, Poll},
};

impl TokenCredential for CrossTenantManagedIdentityCredential {
    /// A token of the target tenant for one resource: its scope is the resource's application ID URI and
    /// `/.default`. Scopes of two resources are an error before any request; ask for each by itself.
    ///
    /// The options are not used, because several calls may share one request.
    ///
    /// # Errors
    ///
    /// Always of kind [`Credential`](azure_core::error::ErrorKind::Credential), with an
    /// [`Error`](crate::Error) as source.
    // Written out, because the future is allocated at every call: what `async fn` would make of it
    // also holds the options and is three times as large.
    fn get_token<'a, 'b, 'c, 'd, 'e>(
        &'a self,
        scopes: &'b [&'c str],
        _: Option<TokenRequestOptions<'d>>,
    ) -> Pin<Box<dyn Future<Output = azure_core::Result<AccessToken>> + Send + 'e>>
    where
        'a: 'e,
        'b: 'e,
        'c: 'e,
        'd: 'e,
        Self: 'e,
    {
        Box::pin(Call {
            credential: self,
            scopes,
            waiting: None,
        })
    }
}

/// One call of `get_token`. Nearly every one ends at its first poll.
struct Call<'a> {
    credential: &'a CrossTenantManagedIdentityCredential,
    scopes: &'a [&'a str],
    waiting: Option<BoxFuture<'a, azure_core::Result<AccessToken>>>,
}

impl Future for Call<'_> {
    type Output = azure_core::Result<AccessToken>;

    fn poll(mut self: Pin<&mut Self>, context: &mut task::Context<'_>) -> Poll<Self::Output> {
        let (credential, scopes) = (self.credential, self.scopes);
        let waiting = match &mut self.waiting {
            Some(waiting) => waiting,
            first => {
                if let [scope] = scopes
                    && let Some(token) = credential.at_hand(scope)
                {
                    return Poll::Ready(Ok(token));
                }
                let call = async move {
                    let key = credential.key(scopes)?;
                    Ok(credential.family.cache.get(key).await?)
                };
                first.insert(call.boxed())
            }
        };
        waiting.as_mut().poll(context)
    }
}
