//! The customers whose tenants one service reaches.

use cross_tenant_identity_emulator::{Emulator, Role, Scenario, SetUpError, Tenant};
use std::{fs, path::Path};

const CUSTOMERS: usize = 200;

/// What is wrong with a customer's tenant, by its number.
const WITHOUT_SERVICE_PRINCIPAL: usize = 17;
const WITHOUT_ROLE: usize = 91;
const DISABLED: usize = 144;

pub struct Customer {
    pub name: String,
    pub tenant_id: String,
    pub subscription_id: String,
}

/// # Errors
///
/// When the file cannot be read, or a line has not two words.
pub fn read(path: &Path) -> Result<Vec<Customer>, String> {
    let file = path.display();
    let text = fs::read_to_string(path).map_err(|why| format!("{file}: {why}"))?;
    let lines = text.lines().enumerate();
    lines
        .filter(|(_, line)| !line.trim().is_empty())
        .map(|(at, line)| {
            let words: Vec<_> = line.split_whitespace().collect();
            let [tenant, subscription] = words[..] else {
                return Err(format!("{file}, line {}: give TENANT SUBSCRIPTION", at + 1));
            };
            Ok(Customer {
                name: format!("line {}", at + 1),
                tenant_id: tenant.to_owned(),
                subscription_id: subscription.to_owned(),
            })
        })
        .collect()
}

/// Litware and 199 others. Each lets Contoso's app read one resource group; three do it wrong.
///
/// # Errors
///
/// When the emulator has them already.
pub fn emulated(emulator: &Emulator, scenario: &Scenario) -> Result<Vec<Customer>, SetUpError> {
    let litware = Customer {
        name: "Litware".to_owned(),
        tenant_id: scenario.target_tenant_id.clone(),
        subscription_id: scenario.target_subscription_id.clone(),
    };
    let others = (2..=CUSTOMERS).map(|number| customer(emulator, scenario, number));
    std::iter::once(Ok(litware)).chain(others).collect()
}

fn customer(
    emulator: &Emulator,
    scenario: &Scenario,
    number: usize,
) -> Result<Customer, SetUpError> {
    let name = format!("Customer {number}");
    let tenant = Tenant::new(&name);
    let tenant_id = tenant.id.clone();
    emulator.add_tenant(tenant);
    let subscription_id = emulator.add_subscription(&tenant_id, &name)?;
    let group =
        emulator.add_resource_group(&subscription_id, "shared-with-contoso", "westeurope")?;
    if number != WITHOUT_SERVICE_PRINCIPAL {
        let principal = emulator.provision_service_principal(&tenant_id, &scenario.client_id)?;
        if number != WITHOUT_ROLE {
            emulator.assign_role(&principal.object_id, Role::Reader, &group);
        }
    }
    if number == DISABLED {
        emulator.set_service_principal_enabled(&tenant_id, &scenario.client_id, false)?;
    }
    Ok(Customer {
        name,
        tenant_id,
        subscription_id,
    })
}
