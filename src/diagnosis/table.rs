//! Microsoft Entra's numbers: what each means, who acts, what to do. The meanings are those of
//! Microsoft Learn, "Microsoft Entra authentication and authorization error codes" and "Workload
//! identity federation", and of answers that were published.
//!
//! Words in braces are filled in from the request and its assertion; see `Case::named`.

use super::Retry;

/// What one number means.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) code: u32,
    pub(super) retry: Retry,
    pub(super) turn: Turn,
    pub(super) happened: &'static str,
    pub(super) to_do: &'static str,
    pub(super) remedy: Remedy,
    /// What it means instead when the home tenant was asked (`Turn::Asked`), or when the assertion
    /// was asked for another audience than the cloud's (`Turn::Developer`).
    pub(super) variant: Option<(Turn, &'static Row)>,
}

/// Whose turn it is, before it is known which tenant was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    Home,
    /// The administrator of the tenant that refused.
    Asked,
    Developer,
    Operator,
    Nobody,
}

/// Which commands help.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Remedy {
    None,
    /// Create the app's service principal in the tenant that was asked.
    Provision,
    /// Enable it again.
    Enable,
    /// Let other tenants use the app.
    MakeMultiTenant,
    /// Begin anew: the app at home, its service principal in the target.
    RegisterAtHome,
    /// List the app's federated identity credentials, and create the one that is missing.
    Trust,
    /// List them, and change the one that is wrong.
    Retrust,
}

/// The row of a number, or of its family: codes grow digits, as 700213 grew into 7002137.
pub(super) fn row(code: u32) -> Option<&'static Row> {
    if OF_NO_FAMILY.contains(&code) {
        return None;
    }
    std::iter::successors(Some(code), |code| Some(code / 10))
        .take_while(|code| *code > 0)
        .find_map(|prefix| ROWS.iter().find(|row| row.code == prefix))
}

/// Numbers that look like relatives of a row and, by Microsoft's list, are none: a wrong and an
/// expired client secret, a user's second factor, the audience of an on-behalf-of assertion.
const OF_NO_FAMILY: [u32; 4] = [7_000_215, 7_000_222, 500_121, 500_131];

impl Row {
    /// Without a number: OAuth's own word for it (RFC 6749 §4.1.2.1).
    pub(super) const UNAVAILABLE: Row = Row::new(
        0,
        Retry::Later,
        Turn::Nobody,
        "Microsoft Entra is unavailable for the moment.",
        WAIT,
    );

    const fn new(
        code: u32,
        retry: Retry,
        turn: Turn,
        happened: &'static str,
        to_do: &'static str,
    ) -> Self {
        Self {
            code,
            retry,
            turn,
            happened,
            to_do,
            remedy: Remedy::None,
            variant: None,
        }
    }

    const fn with(mut self, remedy: Remedy) -> Self {
        self.remedy = remedy;
        self
    }

    const fn or(mut self, when: Turn, row: &'static Row) -> Self {
        self.variant = Some((when, row));
        self
    }
}

/// What to do when it clears by itself.
const WAIT: &str =
    "Wait: the next call tries again after the back-off or the answer's Retry-After.";

/// What to do about a field that did not arrive.
const CHANGED_ON_THE_WAY: &str = "The library sends this field in every request: look for a proxy \
                                  or a pipeline policy that changes the body of the request.";

static OTHER_AUDIENCE: Row = Row::new(
    0,
    Retry::Never,
    Turn::Developer,
    "The assertion was asked for with the audience {asked audience}, and the token \
         exchange of the cloud of {authority} is {cloud audience}: the audience \
         differs.{presented}",
    "Set managed_identity.audience to {cloud audience}, or leave it out.",
);

static NO_PRINCIPAL_AT_HOME: Row = Row::new(
    0,
    Retry::Later,
    Turn::Home,
    "The app {app} has no service principal in its home tenant {tenant}. That says \
         nothing of the trust between app and identity, nor of any target tenant.",
    "Create the app's service principal in the home tenant too if tokens for the home \
         tenant are wanted; registering an app does not. It may take a minute to take effect.",
)
.with(Remedy::Provision);

static NOT_FOUND_AT_HOME: Row = Row::new(
    0,
    Retry::Later,
    Turn::Home,
    "The home tenant {tenant} does not know the app {app}.{mix-up} That says nothing of \
         the trust between app and identity, nor of any target tenant.",
    "Check in this order: client_id is the client id of the app, not the managed \
         identity's{client id of the identity} and not an object id; the app is registered \
         in tenant {tenant}, where the identity lives; its service principal is created \
         there too.",
)
.with(Remedy::Provision);

static ROWS: [Row; 60] = [
    // The trust between app and identity.
    Row::new(
        700_236,
        Retry::Never,
        Turn::Home,
        "The app {app} is registered in {the tenant} itself, and the assertion comes from \
         {the home tenant}. An app trusts managed identities of its own tenant \
         only.{presented}",
        "Register the app in the identity's own tenant, as multi-tenant and with the \
         federated identity credential there; in tenant {tenant} only provision its service \
         principal. Then set client_id to that app.",
    )
    .with(Remedy::RegisterAtHome),
    Row::new(
        700_211,
        Retry::Later,
        Turn::Home,
        "No federated identity credential of the app {app} has the assertion's issuer: the \
         issuer differs.{presented}",
        "Set the federated identity credential's issuer to {iss}, byte for byte and {slash}. \
         {propagation}",
    )
    .with(Remedy::Trust),
    Row::new(
        700_212,
        Retry::Never,
        Turn::Home,
        "No federated identity credential of the app {app} has the assertion's audience: the \
         audience differs.{presented} A credential holds it as the URI {asked audience}, the \
         token as that URI's app id.",
        "Set the federated identity credential's audience to {cloud audience}.",
    )
    .with(Remedy::Retrust)
    .or(Turn::Developer, &OTHER_AUDIENCE),
    Row::new(
        7_002_121,
        Retry::Never,
        Turn::Home,
        "The assertion's audience is not one that a federated identity credential of the app \
         {app} accepts: the audience differs.{presented}",
        "Set the federated identity credential's audience to the URI {cloud audience}.",
    )
    .with(Remedy::Retrust)
    .or(Turn::Developer, &OTHER_AUDIENCE),
    Row::new(
        7_002_206,
        Retry::Never,
        Turn::Home,
        "The assertion's audience is not that of the token exchange in the cloud of \
         {authority}, or the federated identity credential of the app {app} names another \
         cloud's: the audience differs.{presented}",
        "Set the audience to {cloud audience}, the one of this cloud, in the federated \
         identity credential; identity, app and authority host belong to one cloud.",
    )
    .with(Remedy::Retrust)
    .or(Turn::Developer, &OTHER_AUDIENCE),
    Row::new(
        700_213,
        Retry::Later,
        Turn::Home,
        "No federated identity credential of the app {app} has the assertion's subject: the \
         subject differs.{presented}",
        "Set the federated identity credential's subject to {sub}: the managed identity's \
         principal (object) id, not its client id{client id of the identity} and not the \
         app's. {propagation}",
    )
    .with(Remedy::Trust),
    Row::new(
        7_002_137,
        Retry::Later,
        Turn::Home,
        "The assertion's subject is not that of any federated identity credential of the app \
         {app}: the subject differs.{presented}",
        "Set the federated identity credential's subject to {sub}: the managed identity's \
         principal (object) id, not its client id{client id of the identity} and not the \
         app's. {propagation}",
    )
    .with(Remedy::Trust),
    Row::new(
        7_002_138,
        Retry::Later,
        Turn::Home,
        "The subject differs from the one of a federated identity credential of the app \
         {app} only in upper and lower case.{presented}",
        "Set the federated identity credential's subject to {sub}, in exactly this case. \
         Entra compares issuer, subject and audience byte for byte. {propagation}",
    )
    .with(Remedy::Trust),
    Row::new(
        700_214,
        Retry::Never,
        Turn::Home,
        "The audience that the federated identity credential of the app {app} holds is not \
         the URI of the token exchange.{presented}",
        "Set the federated identity credential's audience to the URI {cloud audience}, not \
         to the app id that the token's aud has.",
    )
    .with(Remedy::Retrust),
    Row::new(
        70021,
        Retry::Later,
        Turn::Home,
        "No federated identity credential of the app {app} matches the assertion: issuer, \
         subject or audience differs, or the credential is new.{presented}",
        "Compare the three, which have to be equal byte for byte: issuer {iss}, {slash}; \
         subject {sub}, the managed identity's principal (object) id and not its client \
         id{client id of the identity}; audience {cloud audience}, as the URI. {propagation}",
    )
    .with(Remedy::Trust),
    Row::new(
        70025,
        Retry::Later,
        Turn::Home,
        "The app {app} has no federated identity credential at all.{presented}",
        "Create one on the app, in the home tenant: issuer {iss}, subject {sub}, audience \
         {cloud audience}. {propagation}",
    )
    .with(Remedy::Trust),
    // Assertions that no credential accepts.
    Row::new(
        700_222,
        Retry::Never,
        Turn::Developer,
        "The assertion is a token of Microsoft Entra that may not serve as an assertion: it \
         is no managed identity's.{presented}",
        "Use the token of a user-assigned managed identity for the audience {cloud audience} \
         as the assertion.",
    ),
    Row::new(
        700_226,
        Retry::Never,
        Turn::Developer,
        "The assertion is not a managed identity's token, and of Entra's tokens only those \
         may be used.{presented}",
        "Take the assertion from the host's identity endpoint, as ManagedIdentityAssertion \
         does, with a user-assigned managed identity.",
    ),
    Row::new(
        700_227,
        Retry::Never,
        Turn::Developer,
        "The assertion is a token for something other than the token exchange.{presented}",
        "Ask for the assertion with the audience {cloud audience}; it was asked for with \
         {asked audience}.",
    ),
    Row::new(
        700_229,
        Retry::Never,
        Turn::Operator,
        "The assertion is not an app-only token{kind of token}: a user's token cannot be \
         exchanged.{presented}",
        "Run the service on a host with a user-assigned managed identity; Cloud Shell's \
         identity is a user's.",
    ),
    Row::new(
        700_231,
        Retry::Never,
        Turn::Developer,
        "The assertion was itself obtained through a federated identity credential, and such \
         a token may not be used for another one.",
        "Use a managed identity token of the host's identity endpoint, or under AKS workload \
         identity the token in the file that AZURE_FEDERATED_TOKEN_FILE names, as the \
         assertion.",
    ),
    Row::new(
        700_223,
        Retry::Never,
        Turn::Home,
        "Workload identity federation is switched off by a policy of the tenant that the app \
         {app} is registered in.",
        "Allow federated identity credentials for the app {app} in the app management policy \
         of {the home tenant}.",
    ),
    Row::new(
        700_238,
        Retry::Never,
        Turn::Home,
        "A policy of the tenant that the app {app} is registered in does not allow federated \
         identity credentials of this issuer.{presented}",
        "Allow the issuer {iss} in the policy of {the home tenant}.",
    ),
    Row::new(
        7_002_381,
        Retry::Never,
        Turn::Home,
        "A policy of the tenant that the app {app} is registered in demands claims that the \
         assertion does not have.{presented}",
        "Exempt the issuer {iss} from the policy of {the home tenant} that demands them: \
         nobody can add claims to a managed identity's token.",
    ),
    // The app in the tenant that was asked.
    Row::new(
        7_000_229,
        Retry::Later,
        Turn::Asked,
        "The target tenant {tenant} has no service principal of the app {app}: the app is \
         not provisioned there.",
        "Create the app's service principal in tenant {tenant}. It may take a minute to take \
         effect.",
    )
    .with(Remedy::Provision)
    .or(Turn::Asked, &NO_PRINCIPAL_AT_HOME),
    Row::new(
        700_016,
        Retry::Later,
        Turn::Asked,
        "Tenant {tenant} does not know the app {app}.{mix-up}",
        "Check in this order: client_id is the client id of the app that is registered in \
         the home tenant; tenant_id is the tenant meant; the app is multi-tenant \
         (signInAudience AzureADMultipleOrgs); its service principal is created in tenant \
         {tenant}.",
    )
    .with(Remedy::Provision)
    .or(Turn::Asked, &NOT_FOUND_AT_HOME),
    Row::new(
        7_000_112,
        Retry::Never,
        Turn::Asked,
        "The app {app} is disabled in {the tenant}.",
        "Enable its service principal in tenant {tenant} again (Enterprise applications, \
         Properties, Enabled for users to sign in).",
    )
    .with(Remedy::Enable),
    Row::new(
        50194,
        Retry::Never,
        Turn::Home,
        "The app {app} is single-tenant, and was used for another tenant than its own.",
        "Set the app's signInAudience to AzureADMultipleOrgs in {the home tenant}; tenant_id \
         names the target tenant, never common.",
    )
    .with(Remedy::MakeMultiTenant),
    Row::new(
        9_001_023,
        Retry::Never,
        Turn::Developer,
        "The request went to common or another path that names no tenant; a client \
         credentials request needs one.",
        "Set tenant_id to the target tenant's id. It is {tenant} now.",
    ),
    // The tenant and the cloud.
    Row::new(
        90002,
        Retry::Never,
        Turn::Developer,
        "There is no tenant {tenant} in the cloud of {authority}.",
        "Check tenant_id, and that the tenant belongs to this cloud; for another one set \
         client_options.cloud.",
    ),
    Row::new(
        900_023,
        Retry::Never,
        Turn::Developer,
        "The tenant identifier {tenant} is neither a tenant's id nor one of its domain names.",
        "Set tenant_id to the target tenant's id, a GUID.",
    ),
    Row::new(
        900_382,
        Retry::Never,
        Turn::Developer,
        "The app {app} and tenant {tenant} are in different clouds, which cannot be crossed.",
        "Register an app and create a managed identity in the cloud of tenant {tenant}, and \
         run the service there.",
    ),
    Row::new(
        900_432,
        Retry::Never,
        Turn::Developer,
        "The request for tenant {tenant} crosses clouds, which confidential clients cannot.",
        "Use an app and a managed identity of the target tenant's own cloud: there is no way \
         across.",
    ),
    // The assertion's time and signature.
    Row::new(
        700_024,
        Retry::NewAssertionOnce,
        Turn::Operator,
        "The assertion is outside its valid time range: it is stale, or a clock is off.{life}",
        "{repeated} set the host's clock by NTP and compare it with the time in Entra's \
         sentence.",
    ),
    Row::new(
        500_133,
        Retry::NewAssertionOnce,
        Turn::Operator,
        "The assertion has expired or is not valid yet.{life}",
        "{repeated} check the host's clock, and whether its identity endpoint hands out an \
         expired token.",
    ),
    Row::new(
        700_027,
        Retry::NewAssertionOnce,
        Turn::Operator,
        "The signature of the assertion failed the check: its key is not known for its \
         issuer, or the assertion was altered.{presented}",
        "{repeated} check that the host's identity endpoint is the genuine one and that \
         identity and {authority} belong to one cloud.",
    ),
    Row::new(
        50012,
        Retry::NewAssertionOnce,
        Turn::Operator,
        "Authentication of the client failed for the assertion's signature or key.{presented}",
        "{repeated} check what changes the token between the host's identity endpoint and \
         the service.",
    ),
    Row::new(
        50013,
        Retry::NewAssertionOnce,
        Turn::Operator,
        "The assertion is not valid: its signature, key or issuer failed the \
         check.{presented}",
        "{repeated} check that the issuer is the home tenant's and that the token arrives \
         unaltered from the host's identity endpoint.",
    ),
    // Requests that Entra cannot read.
    Row::new(
        50027,
        Retry::Never,
        Turn::Developer,
        "The assertion is not a well-formed JWT.",
        "Give the token of the assertion's source unchanged: no prefix such as Bearer, no \
         quotes, no line break.",
    ),
    Row::new(
        90014,
        Retry::Never,
        Turn::Developer,
        "A field that the assertion or the request must have is missing.",
        "Compare the assertion's claims with the ones that Entra's sentence asks for: iss, \
         sub, aud, exp and jti or uti.",
    ),
    Row::new(
        5_002_738,
        Retry::Never,
        Turn::Developer,
        "The assertion is signed with an algorithm that Entra does not take.",
        "Use an assertion that is signed with RS256, as a managed identity's token is.",
    ),
    Row::new(
        5_002_723,
        Retry::Never,
        Turn::Developer,
        "The assertion's header names no key.",
        "Use an assertion whose header has a kid, as a managed identity's token does.",
    ),
    Row::new(
        700_021,
        Retry::Never,
        Turn::Developer,
        "The assertion names another client than client_id {app}: Entra took it for one that \
         the app signed itself.{presented}",
        "Use a managed identity's token as the assertion, and the app's client id as \
         client_id.",
    ),
    Row::new(
        7_000_216,
        Retry::Never,
        Turn::Developer,
        "The request had no usable client_assertion or no client_assertion_type.",
        CHANGED_ON_THE_WAY,
    ),
    Row::new(
        7_000_218,
        Retry::Never,
        Turn::Developer,
        "The request arrived without client_assertion.",
        CHANGED_ON_THE_WAY,
    ),
    Row::new(
        900_144,
        Retry::Never,
        Turn::Developer,
        "The request arrived without one of the fields that it must have.",
        CHANGED_ON_THE_WAY,
    ),
    // The scope.
    Row::new(
        500_011,
        Retry::Never,
        Turn::Asked,
        "The resource of the scope {scopes} has no service principal in {the tenant}.",
        "Check the scope {scopes} for typing errors and for the cloud; if it is right, \
         consent to the resource's app, or create its service principal, in tenant {tenant}.",
    ),
    Row::new(
        500_014,
        Retry::Never,
        Turn::Asked,
        "The service principal of the resource of the scope {scopes} is disabled in \
         {the tenant}.",
        "Enable that service principal in tenant {tenant}; a subscription to the resource's \
         service may have lapsed.",
    ),
    Row::new(
        50001,
        Retry::Never,
        Turn::Asked,
        "The resource of the scope {scopes} was not found, or is not available to the app \
         {app}, in {the tenant}.",
        "Check that the scope {scopes} names the resource by its application ID URI; if it \
         does, provision the resource's app in tenant {tenant}.",
    ),
    Row::new(
        70011,
        Retry::Never,
        Turn::Developer,
        "The scope {scopes} is not valid.",
        "Set the scope to the resource's application ID URI and /.default: {default scopes}.",
    ),
    Row::new(
        1_002_012,
        Retry::Never,
        Turn::Developer,
        "The scope {scopes} does not end in /.default, which client credentials demand.",
        "Ask for {default scopes}.",
    ),
    Row::new(
        700_022,
        Retry::Never,
        Turn::Developer,
        "The scopes {scopes} belong to several resources.",
        "Ask for one resource a request: one token is for one resource.",
    ),
    Row::new(
        700_023,
        Retry::Never,
        Turn::Developer,
        "The scopes {scopes} name no resource.",
        "Give the resource in full, such as https://management.azure.com/.default.",
    ),
    // Policy.
    Row::new(
        53003,
        Retry::Never,
        Turn::Asked,
        "A Conditional Access policy of {the tenant} blocks the app {app}.{policy}",
        "{sign-in log} Exclude the app's service principal from it, or allow the addresses \
         that the service calls from.",
    ),
    Row::new(
        530_032,
        Retry::Never,
        Turn::Asked,
        "A security policy of {the tenant} blocks the app {app}.{policy}",
        "{sign-in log} Exclude the app's service principal from it.",
    ),
    Row::new(
        530_035,
        Retry::Never,
        Turn::Asked,
        "The security defaults of {the tenant} block the app {app}.{policy}",
        "{sign-in log} Replace the security defaults with Conditional Access policies that \
         let the app in.",
    ),
    Row::new(
        501_051,
        Retry::Never,
        Turn::Asked,
        "The resource of the scope {scopes} demands an assignment, and the app {app} has \
         none.",
        "Grant the app's service principal in tenant {tenant} an app role of the resource's \
         application{resource app}.",
    ),
    // Load.
    Row::new(
        50196,
        Retry::Never,
        Turn::Developer,
        "Entra detected a loop: the same request came more than 15 times in 5 minutes.",
        "Keep one credential for all clients and make those of further tenants with \
         for_tenant, so that they share one cache; look for processes that restart in a \
         loop. Wait 5 minutes.",
    ),
    Row::new(
        50033,
        Retry::Later,
        Turn::Nobody,
        "Entra had a transient error.",
        WAIT,
    ),
    Row::new(
        90006,
        Retry::Later,
        Turn::Nobody,
        "A service that Entra calls had a transient error.",
        WAIT,
    ),
    Row::new(
        90012,
        Retry::Later,
        Turn::Nobody,
        "The request timed out inside Entra.",
        WAIT,
    ),
    Row::new(
        90024,
        Retry::Later,
        Turn::Nobody,
        "Entra's budget for the request was used up, or the tenant is throttled.",
        WAIT,
    ),
    Row::new(
        90033,
        Retry::Later,
        Turn::Nobody,
        "Entra's directory is unavailable for the moment.",
        WAIT,
    ),
    Row::new(
        90055,
        Retry::Later,
        Turn::Nobody,
        "Tenant {tenant} sends Entra too many requests and is throttled.",
        WAIT,
    ),
    Row::new(
        90090,
        Retry::Later,
        Turn::Nobody,
        "Entra's directory had an error that clears by itself.",
        WAIT,
    ),
];
