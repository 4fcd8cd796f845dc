//! Everything that a cross-tenant credential needs, in one value.

use azure_core::http::ClientOptions;

use crate::{emulator::Emulator, scenario::Scenario};

/// What a cross-tenant credential needs to use the emulator: whom it signs in as, and the HTTP
/// options of both legs.
///
/// Take it apart with a pattern that names every field, as below. Then the compiler warns about a
/// value that the test does not use, for example the options for the identity endpoint.
///
/// ```
/// # fn main() -> std::io::Result<()> {
/// use cross_tenant_identity_emulator::{CredentialSettings, Emulator};
///
/// let azure = Emulator::start()?;
/// let scenario = azure.create_scenario();
/// let CredentialSettings {
///     tenant_id,
///     client_id,
///     identity_client_id,
///     client_options,
///     identity_client_options,
/// } = azure.credential_settings(&scenario);
/// # let _ = (tenant_id, client_id, identity_client_id, client_options, identity_client_options);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct CredentialSettings {
    /// The id of the target tenant.
    pub tenant_id: String,
    /// The client id of the multi-tenant app.
    pub client_id: String,
    /// The client id of the managed identity.
    ///
    /// In a scenario without [`Step::IdentitySelector`](crate::Step::IdentitySelector) or
    /// [`Step::OnlyIdentity`](crate::Step::OnlyIdentity) the mistake is that the client does not use
    /// it: see [`Scenario::identity_selector`].
    pub identity_client_id: String,
    /// The options for requests to Entra.
    pub client_options: ClientOptions,
    /// The options for requests to the identity endpoint. With them, requests to
    /// `http://169.254.169.254` go to the emulator.
    pub identity_client_options: ClientOptions,
}

impl Emulator {
    /// Everything that a credential for `scenario` needs. See [`CredentialSettings`].
    pub fn credential_settings(&self, scenario: &Scenario) -> CredentialSettings {
        CredentialSettings {
            tenant_id: scenario.target_tenant_id.clone(),
            client_id: scenario.client_id.clone(),
            identity_client_id: scenario.identity_client_id.clone(),
            client_options: self.client_options(),
            identity_client_options: self.client_options(),
        }
    }
}
