//! The clouds of Azure.

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
