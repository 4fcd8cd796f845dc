//! What another program needs to use the emulator, as on one of Azure's hosts.

mod ca_file;
pub(crate) mod host;
mod host_set_up;
mod service_account;
pub(crate) mod variables;
