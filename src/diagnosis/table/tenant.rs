//! The tenant of the request: its name, its cloud, its policies.

use super::{
    super::remedy::Remedy,
    row::{Retry, Row, Who},
};

pub(super) const ROWS: &[Row] = &[
    Row::new(
        &[9_001_023, 50059, 50128, 90019, 90130, 90124],
        Retry::Never,
        Who::Developer,
        "The request went to common or another path that names no tenant; a client credentials \
         request needs one.",
        "Set tenant_id to the target tenant's id. It is {tenant} now.",
    ),
    Row::new(
        &[90002],
        Retry::Never,
        Who::Developer,
        "There is no tenant {tenant} in the cloud of {authority}.",
        "Check tenant_id. If it is right, the tenant belongs to another cloud: set \
         client_options.cloud. The commands print the id of the tenant that is signed in to: let \
         the target tenant's administrator run one of them.",
    )
    .with(Remedy::ShowTenant),
    Row::new(
        &[900_023, 900_021],
        Retry::Never,
        Who::Developer,
        "The tenant identifier {tenant} is neither a tenant's id nor one of its domain names.",
        "Set tenant_id to the target tenant's id, a GUID.",
    ),
    Row::new(
        &[90038],
        Retry::Never,
        Who::Developer,
        "Tenant {tenant} belongs to another cloud than {authority}.",
        "Set client_options.cloud to the cloud of tenant {tenant}. Identity and app have to be in \
         that cloud too.",
    ),
    Row::new(
        &[50049],
        Retry::Never,
        Who::Developer,
        "Microsoft Entra does not know the authority host {authority}.",
        "Check client_options.cloud and AZURE_AUTHORITY_HOST.",
    ),
    Row::new(
        &[900_382],
        Retry::Never,
        Who::Developer,
        "The app {app} and tenant {tenant} are in different clouds, which cannot be crossed.",
        "Register an app and create a managed identity in the cloud of tenant {tenant}. The \
         service has to run there.",
    ),
    Row::new(
        &[900_432],
        Retry::Never,
        Who::Developer,
        "The request for tenant {tenant} crosses clouds, which confidential clients cannot.",
        "Use an app and a managed identity of the target tenant's own cloud. There is no way \
         across.",
    ),
    // Restrictions on the tenants that can be reached (Microsoft Learn, "Restrict access to a
    // tenant"). Microsoft's list describes them for users; for services they are unverified.
    Row::new(
        &[500_021, 500_022, 50002],
        Retry::Never,
        Who::Operator,
        "A proxy of the network that the service runs in restricts the tenants that may be \
         reached, and tenant {tenant} is not among them: it adds the header \
         Restrict-Access-To-Tenants, and Entra obeys it.",
        "Have the company's proxy allow tenant {tenant}. It is the proxy of the service's own \
         network, not one of the target tenant's; or let requests to {authority} pass without it.",
    ),
    Row::new(
        &[500_212],
        Retry::Never,
        Who::Home,
        "The outbound cross-tenant access settings of the home tenant do not allow tenant {tenant}.",
        "Allow tenant {tenant} in the outbound cross-tenant access settings.",
    ),
    Row::new(
        &[500_213],
        Retry::Never,
        Who::Asked,
        "The inbound cross-tenant access settings of {the tenant} do not allow the app's tenant.",
        "Allow the app's home tenant in the inbound cross-tenant access settings of {the tenant}.",
    ),
    // Policies.
    Row::new(
        &[53003],
        Retry::Never,
        Who::Asked,
        "A Conditional Access policy of {the tenant} blocks the app {app}.{policy}",
        "Exclude the app's service principal from the policy, or allow the addresses that the \
         service calls from. {sign-in log}",
    ),
    Row::new(
        &[530_032],
        Retry::Never,
        Who::Asked,
        "A security policy of {the tenant} blocks the app {app}.{policy}",
        "Exclude the app's service principal from the security policy. {sign-in log}",
    ),
    Row::new(
        &[530_035],
        Retry::Never,
        Who::Asked,
        "The security defaults of {the tenant} block the app {app}.{policy}",
        "Replace the security defaults with Conditional Access policies that let the app in. \
         {sign-in log}",
    ),
];
