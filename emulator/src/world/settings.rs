//! How the services behave where a test can choose.

use std::time::Duration;

pub(crate) struct Settings {
    /// The lifetime of managed identity tokens.
    pub(crate) assertion_lifetime: Duration,
    /// The lifetime of Entra's access tokens.
    pub(crate) access_token_lifetime: Duration,
    /// The value of `refresh_in` in Entra's responses.
    pub(crate) refresh_in: Option<Duration>,
    /// By how many seconds Entra's, Resource Manager's, Key Vault's and Microsoft Graph's clock
    /// is ahead.
    pub(crate) clock_offset: i64,
    pub(crate) home_tokens_without_service_principal: bool,
    pub(crate) loop_detection: bool,
    /// Whether App Service has the API version that replaces a token.
    pub(crate) app_service_refresh: bool,
    /// The largest number of items in a page of Resource Manager and Microsoft Graph.
    pub(crate) page_size: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            // Microsoft Learn, "How managed identities for Azure resources work": 24 hours.
            assertion_lifetime: Duration::from_secs(24 * 60 * 60),
            // What Entra gives to a client that does not support continuous access evaluation.
            access_token_lifetime: Duration::from_secs(3599),
            refresh_in: None,
            clock_offset: 0,
            home_tokens_without_service_principal: false,
            loop_detection: true,
            app_service_refresh: false,
            page_size: 1000,
        }
    }
}
