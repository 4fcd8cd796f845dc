//! Azure Key Vault: the authentication challenge, and reading secrets.

mod access;
mod secrets;

pub(crate) use secrets::{DOMAIN, respond};
