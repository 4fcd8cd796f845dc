#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]
#![warn(missing_docs, unreachable_pub)]
#![cfg_attr(docsrs, feature(doc_cfg))]

// The examples' modules, which a test drives, call it by its name.
#[cfg(test)]
extern crate self as cross_tenant_identity;

mod assertion;
mod authority;
mod budget;
mod cache;
mod claims;
mod credential;
mod diagnose;
mod diagnosis;
mod environment;
mod error;
mod error_body;
mod explain;
#[cfg(cross_tenant_identity_fuzzing)]
#[doc(hidden)]
pub mod fuzzing;
#[cfg(all(test, not(cross_tenant_identity_fuzzing)))]
mod fuzzing;
mod headers;
mod managed_identity;
mod random;
mod redact;
mod report;
mod settings;
mod snapshot;
mod sync;
mod tenants;
mod time;
mod token_endpoint;
mod transport;
mod unused_options;
mod worker;

pub use assertion::{
    ManagedIdentityAssertion, ManagedIdentityAssertionOptions, TokenCredentialAssertion,
    TokenFileAssertion,
};
pub use azure_identity::UserAssignedId;
pub use credential::{
    CrossTenantManagedIdentityCredential, CrossTenantManagedIdentityCredentialOptions,
    UnchangedDueToken,
};
pub use diagnose::DiagnoseOptions;
pub use diagnosis::{Actor, Command, Diagnosis, Shell};
pub use error::{Error, Stage};
pub use explain::explain;
pub use managed_identity::ManagedIdentityHost;
pub use report::{Report, ReportPart, ReportStep, StepKind, StepOutcome, Warning, WarningKind};
pub use settings::{Settings, SettingsHost};
