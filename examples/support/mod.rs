//! What the examples share; each uses a part of it.
#![allow(dead_code)]

pub mod arm;
pub mod azure;
pub mod claims;
pub mod service;
