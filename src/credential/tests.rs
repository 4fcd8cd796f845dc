//! The credential during failures, with real sockets and a clock that a test controls.

use super::*;
use crate::{
    assertion::{AssertionSource, ManagedIdentityAssertion, ManagedIdentityAssertionOptions},
    error::Stage,
    time::Clock,
};
use azure_core::{
    credentials::TokenCredential,
    http::{ClientOptions, RetryOptions},
};
use std::time::Duration;

mod faults;
mod held;
#[cfg(feature = "rustls")]
mod hosts;
#[allow(dead_code, unreachable_pub, reason = "shared with the other tests")]
#[path = "../../tests/support/log.rs"]
mod log;
mod outage;
#[cfg(feature = "reqwest")]
mod service;
mod workload_identity;
