//! The credential in bad times, on real sockets and on a clock that a test holds.

use super::*;

mod faults;
mod held;
#[cfg(feature = "rustls")]
mod hosts;
#[cfg(feature = "reqwest")]
mod service;
mod workload_identity;
