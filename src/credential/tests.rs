//! The credential during failures, with real sockets and a clock that a test controls.

use super::*;
use crate::{assertion::ManagedIdentityAssertionOptions, error::Stage};
use azure_core::http::{ClientOptions, RetryOptions};
use std::{sync::Mutex, time::Duration};

mod faults;
mod held;
#[cfg(feature = "rustls")]
mod hosts;
mod outage;
#[cfg(feature = "reqwest")]
mod service;
mod workload_identity;
