//! The steps of a set-up, each on its own, as an administrator takes them.
//!
//! A change is visible to the next request. A method returns a [`SetUpError`] if it names something
//! that does not exist, or if Azure would refuse the step.

mod applications;
pub(crate) mod error;
mod service_principals;
mod subscriptions;
mod tenants;
