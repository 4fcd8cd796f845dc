//! What the examples share.

pub mod arm;
pub mod azure;
pub mod claims;
