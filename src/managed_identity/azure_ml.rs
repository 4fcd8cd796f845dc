//! Azure Machine Learning.
//!
//! The contract is the one that App Service had in version 2017-09-01, as the Azure SDKs speak it;
//! Microsoft Learn does not describe it.

use super::{
    Host, ManagedIdentityHost, Selector, Setup,
    endpoint::{Endpoint, SecretHeader, address, required},
    host::{MSI_ENDPOINT, MSI_SECRET},
};
use crate::{
    authority::{parse_guid, quoted},
    error::Error,
    transport::Destination,
};
use azure_core::credentials::AccessToken;
use futures::future::{BoxFuture, FutureExt};

const HOST: ManagedIdentityHost = ManagedIdentityHost::AzureMl;

const API_VERSION: &str = "2017-09-01";

/// The identity of the compute, where the request names none.
const DEFAULT_IDENTITY_CLIENT_ID: &str = "DEFAULT_IDENTITY_CLIENT_ID";

#[derive(Debug)]
pub(super) struct AzureMl(Endpoint);

impl AzureMl {
    pub(super) fn new(mut setup: Setup) -> Result<Self, Error> {
        let named = required(&setup.environment, MSI_ENDPOINT, HOST)?;
        let url = address(MSI_ENDPOINT, &named)?;
        let header = SecretHeader::from(&setup.environment, "secret", MSI_SECRET, HOST)?;
        if setup.selector.is_none()
            && let Some(id) = setup.environment.var(DEFAULT_IDENTITY_CLIENT_ID)
        {
            let value = parse_guid(&id).ok_or_else(|| {
                Error::configuration(format!(
                    "{DEFAULT_IDENTITY_CLIENT_ID} is {}, which is not a GUID: give the process the variable as the host sets it, or set user_assigned_id to the identity's client id",
                    quoted(&id)
                ))
            })?;
            setup.selector = Some(Selector {
                parameter: "client_id",
                value,
            });
        }
        Ok(Self(Endpoint::new(
            HOST,
            url,
            Some(header),
            Destination::Host,
            setup,
        )?))
    }

    async fn ask(&self) -> Result<AccessToken, Error> {
        let mut request = self.0.request(API_VERSION, None);
        let answer = self.0.send(&mut request).await?;
        self.0.token(&answer)
    }
}

impl Host for AzureMl {
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
