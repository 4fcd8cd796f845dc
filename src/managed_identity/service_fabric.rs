//! Service Fabric.
//!
//! Microsoft Learn, "How to leverage a Service Fabric application's managed identity to access Azure
//! services", describes request and answers.

use super::{
    Host, ManagedIdentityHost, Setup,
    endpoint::{Endpoint, SecretHeader, address, required},
    host::{IDENTITY_ENDPOINT, IDENTITY_HEADER, IDENTITY_SERVER_THUMBPRINT},
};
use crate::{
    authority::quoted,
    claims::Claims,
    diagnosis,
    error::{Error, RefusedAnswer, Stage},
    transport::{Destination, Thumbprint},
};
use azure_core::credentials::AccessToken;
use futures::future::{BoxFuture, FutureExt};

const HOST: ManagedIdentityHost = ManagedIdentityHost::ServiceFabric;

/// The deployment fixes the identity.
const API_VERSION: &str = "2019-07-01-preview";

/// Takes an identity's object id, as the Azure SDK for .NET sends it.
const SELECTOR_API_VERSION: &str = "2020-05-01";

#[derive(Debug)]
pub(super) struct ServiceFabric(Endpoint);

impl ServiceFabric {
    pub(super) fn new(setup: Setup) -> Result<Self, Error> {
        let environment = &setup.environment;
        let named = required(environment, IDENTITY_ENDPOINT, HOST)?;
        let url = address(IDENTITY_ENDPOINT, &named)?;
        if url.scheme() != "https" {
            return Err(Error::configuration(format!(
                "{IDENTITY_ENDPOINT} is {}, which is not https, as the endpoint of {} is: give the process the variable as the host sets it",
                quoted(&named),
                HOST.name()
            )));
        }
        let header = SecretHeader::from(environment, "secret", IDENTITY_HEADER, HOST)?;
        let thumbprint = required(environment, IDENTITY_SERVER_THUMBPRINT, HOST)?;
        let thumbprint = Thumbprint::parse(&thumbprint).ok_or_else(|| {
            Error::configuration(format!(
                "{IDENTITY_SERVER_THUMBPRINT} is {}, which is no SHA-1 thumbprint of 40 hexadecimal digits: give the process the variable as the host sets it",
                quoted(&thumbprint)
            ))
        })?;
        if setup.client_options.transport.is_some() {
            return Err(Error::configuration(format!(
                "managed_identity.client_options.transport is set, and only the default transport checks the certificate of {} against {IDENTITY_SERVER_THUMBPRINT}: leave the transport out",
                HOST.name()
            )));
        }
        if cfg!(not(feature = "rustls")) {
            return Err(Error::configuration(format!(
                "the feature \"rustls\" is off, without which the certificate of {} cannot be checked: turn the feature on",
                HOST.name()
            )));
        }
        Ok(Self(Endpoint::new(
            HOST,
            url,
            Some(header),
            Destination::PinnedHost(thumbprint),
            setup,
        )?))
    }

    async fn ask(&self) -> Result<AccessToken, Error> {
        let Some(selector) = self.0.selector() else {
            let answer = self.0.send(&mut self.0.request(API_VERSION, None)).await?;
            return self.0.token(&answer);
        };
        let mut request = self.0.request(SELECTOR_API_VERSION, None);
        let answer = self.0.send(&mut request).await?;
        let token = self.0.token(&answer)?;
        // An older runtime may not look at the selector. A wrong identity is not used silently.
        let subject = Claims::peek(token.token.secret()).and_then(|claims| claims.sub);
        match subject {
            Some(subject) if !subject.eq_ignore_ascii_case(&selector.value) => Err(Error::answer(
                Stage::Assertion,
                answer.status(),
                RefusedAnswer::new(
                    format!("{} gave a token of another identity", HOST.name()),
                    format!("its object id is {}", quoted(&subject)),
                    diagnosis::of_other_identity(HOST.name(), &selector.value, &subject),
                ),
            )),
            _ => Ok(token),
        }
    }
}

impl Host for ServiceFabric {
    fn kind(&self) -> ManagedIdentityHost {
        HOST
    }

    fn origin(&self) -> &str {
        self.0.origin()
    }

    fn token<'a>(
        &'a self,
        _: Option<&'a AccessToken>,
    ) -> BoxFuture<'a, Result<AccessToken, Error>> {
        self.ask().boxed()
    }
}
