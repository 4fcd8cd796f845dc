//! A local Azure for cross-tenant managed identity, for tests and for trying things out.
//!
//! It plays the parts of the flow in which a managed identity of one tenant (Contoso, the
//! *home tenant*) reaches the resources of another (Litware, the *target tenant*) without a
//! secret: the host's identity endpoint (IMDS or App Service), Microsoft Entra's token endpoint,
//! and two resources, Azure Resource Manager and Key Vault. The point is what it **refuses**: it
//! says no with the status, code and body that Azure uses.
//!
//! ```no_run
//! use cross_tenant_identity_emulator::{Emulator, Step};
//!
//! # fn main() -> std::io::Result<()> {
//! let azure = Emulator::start()?;
//! let scenario = azure.create_scenario();
//! println!("IMDS at {}, Litware is {}", azure.imds_url(), scenario.target_tenant_id);
//!
//! // Litware's admin has not provisioned Contoso's app: Entra answers AADSTS7000229.
//! let refused = azure.create_scenario_without(Step::ServicePrincipal);
//! assert_eq!(refused.target_service_principal_id, None);
//! # Ok(())
//! # }
//! ```
//!
//! # Concepts
//!
//! - [`Emulator`]: listens on the loopback interface only, on ports that the system chooses,
//!   from a thread of its own: it works under any async runtime, under none, and under one whose
//!   time is paused. Dropping it closes its ports and all connections.
//! - [`Emulator::create_scenario`]: Contoso and Litware, complete; [`Emulator::create_scenario_without`]
//!   leaves one [`Step`] out. Each step can also be taken on its own (`add_tenant`,
//!   `add_application`, `provision_service_principal`, …).
//! - [`Emulator::client_options`]: options for Azure SDK clients with which Azure's real host
//!   names, and `http://169.254.169.254`, lead to the emulator. Every other host is refused
//!   before a connection is opened.
//! - [`Fault`]: what goes wrong on the way, on real sockets.
//! - [`LoggedRequest`]: what the emulator was asked. It never holds a secret.
//!
//! Keys and certificate authority are made at run time, once per process, and are worth nothing
//! outside of it.

#![forbid(unsafe_code)]
#![warn(missing_docs, unreachable_pub)]

mod arm;
mod clock;
mod credential_settings;
mod emulator;
mod entra;
mod identity;
mod key_vault;
mod request_handler;
mod router;
mod scenario;
mod services;
mod set_up;
mod settings;
mod wire;
mod world;

pub use credential_settings::CredentialSettings;
pub use emulator::Emulator;
pub use scenario::{Scenario, Step, UnknownStep};
pub use set_up::error::SetUpError;
pub use wire::tls::ServerCertificate;
pub use world::{
    endpoint::Endpoint,
    faults::{Fault, Times},
    log::{LoggedRequest, fingerprint},
    principals::{
        Application, FederatedCredential, ManagedIdentity, ServicePrincipal, SignInAudience, Tenant,
    },
    roles::Role,
};
