//! Azure Resource Manager: subscriptions, resource groups, role assignments.

mod access;
mod request;
mod resource_groups;
mod role_assignments;
mod subscriptions;

pub(crate) use router::respond;

mod router;
