//! Two hundred target tenants on the emulator, three of which are set up wrong.

use super::list::Tenant;
use crate::{emulated::Emulated, outcome::Failure, output, rest::other};
use cross_tenant_identity_emulator::{
    Emulator, Endpoint, Role, Scenario, SetUpError, Tenant as EmulatedTenant,
};

const TENANTS: usize = 200;

/// What is wrong with a tenant, by its place in the list.
const WITHOUT_SERVICE_PRINCIPAL: usize = 17;
const WITHOUT_ROLE: usize = 91;
const DISABLED: usize = 144;

/// Litware, and the others beside it.
pub(super) fn create(emulated: &Emulated) -> Result<Vec<Tenant>, Failure> {
    let scenario = &emulated.scenario;
    let mut tenants = vec![Tenant {
        line: 1,
        id: scenario.target_tenant_id.clone(),
        subscription_id: Some(scenario.target_subscription_id.clone()),
        name: Some("Litware".to_owned()),
    }];
    for line in 2..=TENANTS {
        let tenant = customer(&emulated.emulator, scenario, line);
        tenants.push(tenant.map_err(|why| Failure::from(other(why.to_string())))?);
    }
    output::note(&format!(
        "Beside Litware it has {} other tenants. Three of them are set up wrong.",
        TENANTS - 1
    ));
    Ok(tenants)
}

fn customer(emulator: &Emulator, scenario: &Scenario, line: usize) -> Result<Tenant, SetUpError> {
    let name = format!("Customer {line}");
    let tenant = EmulatedTenant::new(&name);
    let id = tenant.id.clone();
    emulator.add_tenant(tenant);
    let subscription = emulator.add_subscription(&id, &name)?;
    let group = emulator.add_resource_group(&subscription, "shared-with-contoso", "westeurope")?;
    if line != WITHOUT_SERVICE_PRINCIPAL {
        let principal = emulator.provision_service_principal(&id, &scenario.client_id)?;
        if line != WITHOUT_ROLE {
            emulator.assign_role(&principal.object_id, Role::Reader, &group);
        }
    }
    if line == DISABLED {
        emulator.set_service_principal_enabled(&id, &scenario.client_id, false)?;
    }
    Ok(Tenant {
        line,
        id,
        subscription_id: Some(subscription),
        name: Some(name),
    })
}

/// One assertion serves all.
pub(super) fn note_requests(emulator: &Emulator) {
    let count = |endpoint| emulator.requests_to(endpoint).len();
    output::note(&format!(
        "Identity requests: {}. Token requests: {}.",
        count(Endpoint::Imds),
        count(Endpoint::Token)
    ));
}
