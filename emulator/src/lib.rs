#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]
#![warn(missing_docs, unreachable_pub)]

mod arm;
mod client;
mod clock;
mod credential_settings;
mod emulator;
mod entra;
mod graph;
mod guid;
mod identity;
mod key_vault;
mod page;
mod request_handler;
mod router;
mod scenario;
mod services;
mod set_up;
mod settings;
mod wire;
mod world;

pub use client::{
    host::{Host, UnknownHost},
    variables::ClientVariables,
};
pub use credential_settings::CredentialSettings;
pub use emulator::Emulator;
pub use scenario::{
    Scenario,
    step::{Step, UnknownStep},
};
pub use set_up::error::SetUpError;
pub use wire::tls::ServerCertificate;
pub use world::{
    app_roles::GraphPermission,
    cloud::Cloud,
    endpoint::Endpoint,
    faults::{Fault, Times},
    log::{LoggedRequest, fingerprint},
    principals::{
        Application, FederatedCredential, ManagedIdentity, ServicePrincipal, SignInAudience, Tenant,
    },
    roles::Role,
};
