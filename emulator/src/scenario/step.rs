//! The steps of the set-up that a scenario can leave out.

use std::{fmt, str::FromStr};

/// A step of the set-up that can be left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Step {
    /// Litware assigns a role to the service principal. Without it, Resource Manager responds 403
    /// `AuthorizationFailed`.
    Role,
    /// Litware creates a service principal for Contoso's app. Without it: AADSTS7000229.
    ServicePrincipal,
    /// The app has a federated identity credential for the identity. Without it: AADSTS70025.
    FederatedCredential,
    /// The app is multi-tenant. Without it: AADSTS700016 in the target tenant.
    MultiTenant,
    /// The app is registered in the home tenant. Without it, Litware registers its own app with a
    /// federated identity credential for Contoso's identity: AADSTS700236.
    HomeRegistration,
}

impl Step {
    /// All steps that can be left out.
    pub const ALL: [Step; 5] = [
        Step::Role,
        Step::ServicePrincipal,
        Step::FederatedCredential,
        Step::MultiTenant,
        Step::HomeRegistration,
    ];

    /// The name of the step on a command line, for example `service-principal`.
    pub fn name(self) -> &'static str {
        match self {
            Step::Role => "role",
            Step::ServicePrincipal => "service-principal",
            Step::FederatedCredential => "federated-credential",
            Step::MultiTenant => "multi-tenant",
            Step::HomeRegistration => "home-registration",
        }
    }

    /// What happens in this step, in one sentence without a full stop.
    pub fn description(self) -> &'static str {
        match self {
            Step::Role => "Litware assigns a role to the service principal",
            Step::ServicePrincipal => "Litware creates a service principal for Contoso's app",
            Step::FederatedCredential => {
                "Contoso's app has a federated identity credential for the identity"
            }
            Step::MultiTenant => "Contoso's app is multi-tenant",
            Step::HomeRegistration => "the app is registered in Contoso, not in Litware",
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Step {
    type Err = UnknownStep;

    fn from_str(text: &str) -> Result<Step, UnknownStep> {
        Step::ALL
            .into_iter()
            .find(|step| step.name() == text)
            .ok_or_else(|| UnknownStep(text.to_owned()))
    }
}

/// The text is not the name of a [`Step`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownStep(String);

impl fmt::Display for UnknownStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let steps = Step::ALL.map(|step| step.to_string()).join(", ");
        write!(
            f,
            "'{}' is not a step. The steps are: {steps}",
            self.0.escape_debug()
        )
    }
}

impl std::error::Error for UnknownStep {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_step_is_parsed_from_its_name() {
        for step in Step::ALL {
            assert_eq!(step.to_string().parse(), Ok(step));
        }
        let unknown = "Role".parse::<Step>().expect_err("names are in lower case");
        assert!(unknown.to_string().contains("federated-credential"));
    }
}
