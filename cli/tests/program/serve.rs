//! `serve`: many clients, each with its secret, its tenant and its resources.

mod families;
mod load;
mod metrics;
#[cfg(unix)]
mod reload;
pub(crate) mod running;
mod threats;
mod tokens;
mod wrong_config;
