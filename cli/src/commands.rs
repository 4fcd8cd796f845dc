//! One file a command; what it consists of is in a folder of its name.

pub(crate) mod audit;
pub(crate) mod claims;
pub(crate) mod completions;
pub(crate) mod doctor;
pub(crate) mod exec;
pub(crate) mod exec_credential;
pub(crate) mod list_groups;
pub(crate) mod many_tenants;
pub(crate) mod serve;
pub(crate) mod setup;
pub(crate) mod token;
pub(crate) mod write_assertion;
