//! What the emulator does, seen from outside: by HTTP clients and sockets that know nothing of
//! it but the documents. One binary, for one link.

mod app_service;
mod faults;
mod federation;
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
