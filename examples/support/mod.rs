//! What the examples share; each uses a part of it.
#![allow(dead_code)]

pub mod arm;
pub mod azure;
pub mod azurite;
pub mod claims;
pub mod customers;
pub mod emulated_host;
pub mod output;
pub mod program;
pub mod service;
pub mod variables;
pub mod vault;
pub mod waiting;
