//! The steps of the set-up that a scenario can leave out or take wrongly.

use std::{fmt, str::FromStr};

/// A step of the set-up. A scenario without it leaves the step out, or takes it wrongly.
///
/// The names say what is right: "without [`MatchingIssuer`](Step::MatchingIssuer)" there is a
/// federated identity credential, but with another issuer.
///
/// Most steps change what exists in Azure. These change what a client is configured with, so take
/// it from the [`Scenario`](crate::Scenario): [`TargetTenant`](Step::TargetTenant)
/// (`target_tenant_id`), [`HomeRegistration`](Step::HomeRegistration) (`client_id`), and
/// [`IdentitySelector`](Step::IdentitySelector) and [`OnlyIdentity`](Step::OnlyIdentity)
/// ([`identity_selector`](crate::Scenario::identity_selector), which is then `None`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Step {
    /// Litware assigns a role to the service principal. Without it, Resource Manager responds 403
    /// `AuthorizationFailed`.
    Role,
    /// Litware creates a service principal for Contoso's app. Without it: AADSTS7000229.
    ServicePrincipal,
    /// The service principal in Litware is enabled. Without it, it is there and disabled:
    /// AADSTS7000112.
    EnabledApp,
    /// Contoso creates a service principal for its own app. Without it: AADSTS7000229 in the home
    /// tenant. The target tenant issues tokens.
    HomeServicePrincipal,
    /// The app is multi-tenant. Without it: AADSTS700016 in the target tenant.
    MultiTenant,
    /// The app is registered in the home tenant. Without it, Litware registers its own app with a
    /// federated identity credential for Contoso's identity: AADSTS700236.
    HomeRegistration,
    /// The client is configured with the id of a tenant that exists. Without it,
    /// [`Scenario::target_tenant_id`](crate::Scenario::target_tenant_id) is the id of no tenant:
    /// AADSTS90002.
    TargetTenant,
    /// The app has a federated identity credential for the identity. Without it: AADSTS70025.
    FederatedCredential,
    /// The credential's issuer is the home tenant's. Without it, it is the target tenant's:
    /// AADSTS700211.
    MatchingIssuer,
    /// The credential's issuer has no slash at the end. Without it, it has one: AADSTS700211.
    IssuerWithoutSlash,
    /// The credential's subject is the identity's. Without it, it is the principal id of another
    /// identity: AADSTS700213.
    MatchingSubject,
    /// The credential's subject is the identity's principal id. Without it, it is the identity's
    /// client id: AADSTS700213.
    PrincipalIdAsSubject,
    /// The credential's subject is in lower case, as in the assertion. Without it, it is in upper
    /// case: AADSTS7002138.
    SubjectInSameCase,
    /// The credential's audience is that of the cloud. Without it, it is that of Azure Government:
    /// AADSTS700212.
    MatchingAudience,
    /// The credential's audience is the URI. Without it, it is the app id that is `aud` in the
    /// assertion: AADSTS700214.
    AudienceAsUri,
    /// The identity is assigned to the host. Without it, IMDS responds 400 "Identity not found".
    HostIdentity,
    /// The client selects one of two user-assigned identities. Without it, the host has both and
    /// the client selects none: IMDS responds 400 "Multiple user assigned identities exist".
    IdentitySelector,
    /// The host has only the user-assigned identity. Without it, the host also has a
    /// system-assigned one, and a client that selects none gets the token of the system-assigned
    /// one: AADSTS700213.
    OnlyIdentity,
    /// The assertion is fresh. Without it, the host keeps an expired token and returns it again:
    /// AADSTS700024.
    FreshAssertion,
    /// The host's clock is right. Without it, it is an hour ahead of the clocks of Entra and of the
    /// resources, so that the assertion is not valid yet: AADSTS700024. The emulator cannot change
    /// the clock of the machine, so its services are an hour behind.
    RightClock,
}

impl Step {
    /// All steps.
    pub const ALL: [Step; 20] = [
        Step::Role,
        Step::ServicePrincipal,
        Step::EnabledApp,
        Step::HomeServicePrincipal,
        Step::MultiTenant,
        Step::HomeRegistration,
        Step::TargetTenant,
        Step::FederatedCredential,
        Step::MatchingIssuer,
        Step::IssuerWithoutSlash,
        Step::MatchingSubject,
        Step::PrincipalIdAsSubject,
        Step::SubjectInSameCase,
        Step::MatchingAudience,
        Step::AudienceAsUri,
        Step::HostIdentity,
        Step::IdentitySelector,
        Step::OnlyIdentity,
        Step::FreshAssertion,
        Step::RightClock,
    ];

    /// The name of the step on a command line, for example `service-principal`.
    pub fn name(self) -> &'static str {
        self.texts().0
    }

    /// What is right in this step, in one sentence without a full stop.
    pub fn description(self) -> &'static str {
        self.texts().1
    }

    fn texts(self) -> (&'static str, &'static str) {
        match self {
            Step::Role => ("role", "Litware assigns a role to the service principal"),
            Step::ServicePrincipal => (
                "service-principal",
                "Litware creates a service principal for Contoso's app",
            ),
            Step::EnabledApp => ("enabled-app", "Contoso's app is enabled in Litware"),
            Step::HomeServicePrincipal => (
                "home-service-principal",
                "Contoso's app has a service principal in Contoso, too",
            ),
            Step::MultiTenant => ("multi-tenant", "Contoso's app is multi-tenant"),
            Step::HomeRegistration => (
                "home-registration",
                "the app is registered in Contoso, not in Litware",
            ),
            Step::TargetTenant => (
                "target-tenant",
                "the client has the id of a tenant that exists",
            ),
            Step::FederatedCredential => (
                "federated-credential",
                "Contoso's app has a federated identity credential for the identity",
            ),
            Step::MatchingIssuer => (
                "matching-issuer",
                "the credential's issuer is Contoso's, not Litware's",
            ),
            Step::IssuerWithoutSlash => (
                "issuer-without-slash",
                "the credential's issuer has no slash at the end",
            ),
            Step::MatchingSubject => (
                "matching-subject",
                "the credential's subject is this identity, not another one",
            ),
            Step::PrincipalIdAsSubject => (
                "principal-id-as-subject",
                "the credential's subject is the principal id, not the client id",
            ),
            Step::SubjectInSameCase => (
                "subject-in-same-case",
                "the credential's subject is in lower case, as in the assertion",
            ),
            Step::MatchingAudience => (
                "matching-audience",
                "the credential's audience is that of this cloud",
            ),
            Step::AudienceAsUri => (
                "audience-as-uri",
                "the credential's audience is the URI, not the app id",
            ),
            Step::HostIdentity => ("host-identity", "the identity is assigned to the host"),
            Step::IdentitySelector => (
                "identity-selector",
                "the client selects one of the host's two user-assigned identities",
            ),
            Step::OnlyIdentity => (
                "only-identity",
                "the host has no system-assigned identity besides, which a client without a selector would get",
            ),
            Step::FreshAssertion => (
                "fresh-assertion",
                "the host's identity endpoint returns no expired token",
            ),
            Step::RightClock => ("right-clock", "the host's clock is right, not an hour fast"),
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
    use std::collections::HashSet;

    #[test]
    fn every_step_is_parsed_from_its_name() {
        for step in Step::ALL {
            assert_eq!(step.to_string().parse(), Ok(step));
        }
        let unknown = "Role".parse::<Step>().expect_err("names are in lower case");
        assert!(unknown.to_string().contains("federated-credential"));
    }

    #[test]
    fn each_step_has_its_own_name_and_description() {
        let names: HashSet<_> = Step::ALL.iter().map(|step| step.name()).collect();
        let texts: HashSet<_> = Step::ALL.iter().map(|step| step.description()).collect();
        assert_eq!(names.len(), Step::ALL.len());
        assert_eq!(texts.len(), Step::ALL.len());
        assert!(texts.iter().all(|text| !text.ends_with('.')));
    }
}
