//! The trust between the app and the issuer of the assertion.

use super::{
    super::remedy::Remedy,
    row::{Retry, Row, When, Who},
};

/// The assertion was issued for an audience that is not the token exchange of the cloud.
const OTHER_AUDIENCE: [(When, Row); 1] = [(
    When::OtherAudience,
    Row::new(
        &[],
        Retry::Never,
        Who::Developer,
        "The assertion is for another audience than the token exchange of the cloud of \
         {authority}, which is {cloud audience}: the audience differs.{presented}",
        "{ask for} {cloud audience}. The default of this crate is the audience of the cloud that \
         the credential is for.",
    ),
)];

/// If the host has several identities, only the host knows which one it selects.
const HOSTS_CHOICE: [(When, Row); 1] = [(
    When::HostsChoice,
    Row::new(
        &[],
        Retry::Later,
        Who::Developer,
        "No federated identity credential of the app {app} has the assertion's subject: the \
         subject differs. The credential names no managed identity, so the host chose one: the \
         system-assigned identity if there is one, else the only user-assigned one.{presented}",
        "Set managed_identity.user_assigned_id to the identity that the app trusts. If it is the \
         one that the host chose, the home tenant's administrator sets the federated identity \
         credential's subject to {sub}. {subject rule} {propagation}",
    )
    .with(Remedy::CompareIdentities),
)];

pub(super) const ROWS: &[Row] = &[
    Row::new(
        &[700_236],
        Retry::Never,
        Who::Home,
        "The app {app} is registered in {the tenant} itself, but the assertion comes from \
         {the home tenant}. An app trusts managed identities of its own tenant only.{presented}",
        "Register the app in the identity's own tenant, and set client_id to that app. Make it \
         multi-tenant, and put the federated identity credential on it there. In tenant {tenant} \
         only its service principal is created.",
    )
    .with(Remedy::RegisterAtHome),
    Row::new(
        &[700_211],
        Retry::Later,
        Who::Home,
        "No federated identity credential of the app {app} has the assertion's issuer: the \
         issuer differs.{presented}",
        "Set the federated identity credential's issuer to {iss}. Entra compares it byte for \
         byte; this one is {slash}. {propagation}",
    )
    .with(Remedy::Trust),
    Row::new(
        &[700_212],
        Retry::Never,
        Who::Home,
        "No federated identity credential of the app {app} has the assertion's audience: the \
         audience differs.{presented} A managed identity's token holds the audience as an app id, \
         the credential holds it as a URI.",
        "Set the federated identity credential's audience to {cloud audience}.",
    )
    .with(Remedy::ChangeAudience)
    .unless(&OTHER_AUDIENCE),
    Row::new(
        &[7_002_121],
        Retry::Never,
        Who::Home,
        "The assertion's audience is not one that a federated identity credential of the app \
         {app} accepts: the audience differs.{presented}",
        "Set the federated identity credential's audience to {cloud audience}.",
    )
    .with(Remedy::ChangeAudience)
    .unless(&OTHER_AUDIENCE),
    Row::new(
        &[7_002_206],
        Retry::Never,
        Who::Home,
        "The assertion's audience is not that of the token exchange in the cloud of \
         {authority}, or the federated identity credential of the app {app} names another \
         cloud's: the audience differs.{presented}",
        "Set the federated identity credential's audience to {cloud audience}. Identity, app and \
         authority host have to belong to one cloud.",
    )
    .with(Remedy::ChangeAudience)
    .unless(&OTHER_AUDIENCE),
    Row::new(
        &[700_213],
        Retry::Later,
        Who::Home,
        "No federated identity credential of the app {app} has the assertion's subject: the \
         subject differs.{presented}",
        "Set the federated identity credential's subject to {sub}. {subject rule} {propagation}",
    )
    .with(Remedy::Trust)
    .unless(&HOSTS_CHOICE),
    Row::new(
        &[7_002_137],
        Retry::Later,
        Who::Home,
        "The assertion's subject is not that of any federated identity credential of the app \
         {app}: the subject differs.{presented}",
        "Set the federated identity credential's subject to {sub}. {subject rule} {propagation}",
    )
    .with(Remedy::Trust)
    .unless(&HOSTS_CHOICE),
    Row::new(
        &[7_002_138],
        Retry::Later,
        Who::Home,
        "The subject differs from the one of a federated identity credential of the app {app} \
         only in upper and lower case.{presented}",
        "Set the federated identity credential's subject to {sub}, in exactly this case. Entra \
         compares issuer, subject and audience byte for byte. {propagation}",
    )
    .with(Remedy::Trust),
    Row::new(
        &[700_214],
        Retry::Never,
        Who::Home,
        "The audience that the federated identity credential of the app {app} holds is not the \
         URI of the token exchange.{presented}",
        "Set the federated identity credential's audience to the URI {cloud audience}. It is not \
         the app id that the token's aud has.",
    )
    .with(Remedy::ChangeAudience),
    Row::new(
        &[70021],
        Retry::Later,
        Who::Home,
        "No federated identity credential of the app {app} matches the assertion: issuer, \
         subject or audience differs, or the credential is new.{presented}",
        "Compare the app's federated identity credentials with the assertion. They have to be \
         equal byte for byte: issuer {iss}, {slash}; subject {sub}; audience {cloud audience}. \
         {subject rule} {propagation}",
    )
    .with(Remedy::Trust),
    Row::new(
        &[70025],
        Retry::Later,
        Who::Home,
        "The app {app} has no federated identity credential at all.{presented}",
        "Create a federated identity credential on the app, in its home tenant. Its values are: \
         issuer {iss}; subject {sub}; audience {cloud audience}. {subject rule} {propagation}",
    )
    .with(Remedy::Trust),
    Row::new(
        &[700_223],
        Retry::Never,
        Who::Home,
        "Workload identity federation is switched off by a policy of the tenant that the app \
         {app} is registered in.",
        "Allow federated identity credentials for the app {app} in the app management policy. \
         The policy is that of {the home tenant}.",
    ),
    Row::new(
        &[700_238],
        Retry::Never,
        Who::Home,
        "A policy of the tenant that the app {app} is registered in does not allow federated \
         identity credentials of this issuer.{presented}",
        "Allow the issuer {iss} in the app management policy. The policy is that of \
         {the home tenant}.",
    ),
    Row::new(
        &[7_002_381],
        Retry::Never,
        Who::Home,
        "A policy of the tenant that the app {app} is registered in demands claims that the \
         assertion does not have.{presented}",
        "Exempt the issuer {iss} from the policy that demands them. The policy is that of \
         {the home tenant}; nobody can add claims to a managed identity's token.",
    ),
    // Entra could not read the keys of the issuer. Azure/azure-workload-identity#642, #605, #608
    // and GitLab's documentation have the three numbers with one sentence, "Request to External
    // OIDC endpoint failed.". The problem can be temporary; it is permanent if the issuer is not
    // public.
    Row::new(
        &[50166, 90061, 501_661],
        Retry::Later,
        Who::Nobody,
        "Microsoft Entra could not read the metadata of the assertion's issuer.{presented}",
        "Wait: the next call tries again. If it lasts, the issuer's operator has to check that \
         {metadata} and the keys that it names can be read from the internet, without a firewall \
         or an expired certificate in between.",
    ),
    Row::new(
        &[900_612],
        Retry::Later,
        Who::Nobody,
        "Microsoft Entra could not make sense of the signing keys of the assertion's \
         issuer.{presented}",
        "Wait: the next call tries again. If it lasts, the issuer's operator has to check the \
         jwks_uri in {metadata}: it has to give the public keys as JSON.",
    ),
];
