//! The behaviour of the emulator, as HTTP clients and other programs see it. All tests are in one
//! binary, so that they are linked once.

mod app_service;
mod client_assertion;
mod clouds;
mod faults;
mod federation;
mod graph;
mod hosts;
mod imds;
mod key_vault;
mod lifecycle;
mod log;
mod metadata;
mod order_of_checks;
#[cfg(all(unix, feature = "program"))]
mod program;
mod resource_manager;
mod scenario;
mod support;
mod token_endpoint;
mod transport;
