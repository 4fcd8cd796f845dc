//! `serve`: many clients, each with its secret, its tenant and its resources.

mod families;
mod load;
mod metrics;
#[cfg(unix)]
mod reload;
pub(crate) mod running;
#[cfg(unix)]
mod start;
#[cfg(unix)]
mod system_limits;
mod threats;
mod tokens;
mod wrong_config;
