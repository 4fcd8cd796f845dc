//! The identity endpoints of the hosts: where a managed identity gets its tokens.
//!
//! Each host has a file: `imds.rs` for virtual machines, `app_service.rs` for App Service,
//! `azure_arc.rs`, `azure_ml.rs` and `service_fabric.rs`. `token.rs` makes the tokens for all of
//! them. `service_account.rs` makes what AKS workload identity has in a file.

pub(crate) mod app_service;
pub(crate) mod azure_arc;
pub(crate) mod azure_ml;
pub(crate) mod imds;
mod service_account;
pub(crate) mod service_fabric;
pub(crate) mod token;
