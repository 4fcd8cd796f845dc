//! What the examples share; each uses a part of it.
#![allow(dead_code)]

pub mod arm;
pub mod azure;
pub mod azurite;
pub mod claims;
pub mod customers;
pub mod explain;
pub mod service;
pub mod vault;
