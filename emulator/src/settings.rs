//! The settings of a running emulator.

use std::time::Duration;

use crate::{clock, emulator::Emulator, world::cloud::Cloud};

/// # Settings
///
/// [`create_scenario`](Emulator::create_scenario) keeps the settings, except where they say
/// otherwise.
impl Emulator {
    /// Moves everything that exists to another cloud: issuers, the audience for token exchange, and
    /// the federated identity credentials that name them. Only the authority hosts of this cloud
    /// then know the tenants. A new scenario is in the public cloud again.
    ///
    /// Resource Manager, and the issuers of access tokens for resources, stay those of the public
    /// cloud.
    pub fn move_to_cloud(&self, cloud: Cloud) {
        let mut state = self.services.state();
        state.world.directory.move_to(cloud);
        state.managed_identity_tokens.clear();
    }

    /// The lifetime of new managed identity tokens. The default is 24 hours. The host keeps the
    /// tokens that it has: see [`forget_imds_tokens`](Emulator::forget_imds_tokens).
    pub fn set_assertion_lifetime(&self, lifetime: Duration) {
        self.services.state().world.settings.assertion_lifetime = lifetime;
    }

    /// Whether the host keeps expired managed identity tokens and returns them again. The default
    /// is off. [`create_scenario`](Emulator::create_scenario) turns it off.
    pub fn set_expired_identity_tokens(&self, on: bool) {
        let state = &mut *self.services.state();
        state.world.directory.host_returns_expired_tokens = on;
        state.managed_identity_tokens.clear();
    }

    /// The host forgets the managed identity tokens that it keeps. Its next token is a new one.
    pub fn forget_imds_tokens(&self) {
        self.services.state().managed_identity_tokens.clear();
    }

    /// The lifetime of Entra's access tokens. The default is 3,599 seconds.
    pub fn set_access_token_lifetime(&self, lifetime: Duration) {
        self.services.state().world.settings.access_token_lifetime = lifetime;
    }

    /// The value of `refresh_in` in token responses. The default is no `refresh_in`.
    pub fn set_refresh_in(&self, refresh_in: Option<Duration>) {
        self.services.state().world.settings.refresh_in = refresh_in;
    }

    /// By how many seconds the clock of Entra, Resource Manager, Key Vault and Microsoft Graph
    /// is ahead of the machine's clock. A negative number means behind. Their `Date` headers tell it. The
    /// identity endpoints use the machine's clock.
    pub fn set_clock_offset(&self, seconds: i64) {
        self.services.state().world.settings.clock_offset = clock::bounded_offset(seconds);
    }

    /// Whether an app without a service principal gets a token (without `oid`) in its home tenant.
    /// The default is off. This is the old behaviour, which is retired in 2026. A target tenant
    /// without a service principal always refuses.
    pub fn set_home_tokens_without_service_principal(&self, allowed: bool) {
        let settings = &mut self.services.state().world.settings;
        settings.home_tokens_without_service_principal = allowed;
    }

    /// Whether Entra refuses more than 15 equal token requests in five minutes (AADSTS50196). The
    /// default is on. Only requests that pass all other checks count.
    pub fn set_loop_detection(&self, on: bool) {
        self.services.state().world.settings.loop_detection = on;
    }

    /// Whether App Service has API version 2025-03-30, with which a client can have a token
    /// replaced. The default is off.
    pub fn set_app_service_refresh(&self, on: bool) {
        self.services.state().world.settings.app_service_refresh = on;
    }

    /// The largest number of items in a page of Resource Manager and Microsoft Graph. The default is
    /// 1,000. Microsoft Graph has at most 999, and 100 if the request asks for no number.
    pub fn set_page_size(&self, size: usize) {
        self.services.state().world.settings.page_size = size.max(1);
    }
}
