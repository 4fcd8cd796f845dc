//! Microsoft Graph: apps, their federated identity credentials, and service principals. It only
//! reads.
//!
//! An app is in its home tenant alone, a service principal in every tenant that has one. The tenant
//! of the token decides which of them a request finds.

mod access;
mod applications;
mod collection;
mod error;
mod query;
mod router;
mod service_principals;

pub(crate) use router::respond;

pub(crate) const HOST: &str = "graph.microsoft.com";
