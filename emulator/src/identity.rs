//! The identity endpoints of the hosts: where a managed identity gets its tokens.
//!
//! Each host has a file: `imds.rs` for virtual machines, `app_service.rs` for App Service,
//! `azure_arc.rs`, `azure_ml.rs` and `service_fabric.rs`. `token.rs` makes the tokens for all of
//! them.

pub(crate) mod app_service;
pub(crate) mod azure_arc;
pub(crate) mod azure_ml;
pub(crate) mod imds;
pub(crate) mod service_fabric;
pub(crate) mod token;
