//! The clouds of Azure, and the one to which everything in the directory belongs.

use crate::world::directory::Directory;

/// A cloud of Azure. Each has its own authority host and its own audience for token exchange.
///
/// Microsoft Learn, "National clouds", and "Configure an application to trust a managed identity".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Cloud {
    /// Azure.
    #[default]
    Public,
    /// Azure Government.
    UsGovernment,
    /// Azure operated by 21Vianet.
    China,
}

impl Cloud {
    /// The host of Microsoft Entra that clients use.
    pub fn authority_host(self) -> &'static str {
        match self {
            Cloud::Public => "login.microsoftonline.com",
            Cloud::UsGovernment => "login.microsoftonline.us",
            Cloud::China => "login.chinacloudapi.cn",
        }
    }

    /// The audience for which a managed identity gets a token for token exchange.
    pub fn token_exchange_audience(self) -> &'static str {
        match self {
            Cloud::Public => "api://AzureADTokenExchange",
            Cloud::UsGovernment => "api://AzureADTokenExchangeUSGov",
            Cloud::China => "api://AzureADTokenExchangeChina",
        }
    }

    /// The host in the issuer of v2.0 tokens.
    pub(crate) fn issuer_host(self) -> &'static str {
        match self {
            Cloud::China => "login.partner.microsoftonline.cn",
            other => other.authority_host(),
        }
    }

    /// Microsoft Learn, "Access tokens in the Microsoft identity platform", `iss` of v2.0.
    pub(crate) fn issuer(self, tenant_id: &str) -> String {
        format!("https://{}/{tenant_id}/v2.0", self.issuer_host())
    }

    /// Whether this is an authority host of this cloud.
    pub(crate) fn has_authority(self, host: &str) -> bool {
        let hosts: &[&str] = match self {
            Cloud::Public => &[
                "login.microsoftonline.com",
                "login.windows.net",
                "login.microsoft.com",
                "sts.windows.net",
            ],
            Cloud::UsGovernment => &["login.microsoftonline.us"],
            Cloud::China => &["login.partner.microsoftonline.cn", "login.chinacloudapi.cn"],
        };
        hosts.contains(&host)
    }
}

impl Directory {
    /// Moves everything to another cloud, with the federated identity credentials that trust tokens
    /// of this one.
    pub(crate) fn move_to(&mut self, cloud: Cloud) {
        let from = self.cloud;
        let (old, new) = (
            from.token_exchange_audience(),
            cloud.token_exchange_audience(),
        );
        for resource in &mut self.resources {
            if resource.uri == old {
                resource.uri = new.to_owned();
            }
        }
        let tenants: Vec<String> = self.tenants.iter().map(|it| it.id.clone()).collect();
        let credentials = self
            .applications
            .iter_mut()
            .flat_map(|app| &mut app.federated_credentials)
            .map(|stored| &mut stored.credential);
        for credential in credentials {
            if credential.audience == old {
                credential.audience = new.to_owned();
            }
            let tenant = tenants
                .iter()
                .find(|tenant| credential.issuer == from.issuer(tenant));
            if let Some(tenant) = tenant {
                credential.issuer = cloud.issuer(tenant);
            }
        }
        self.cloud = cloud;
    }
}
