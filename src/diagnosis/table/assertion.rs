//! The assertion itself: what may be one, its time, its signature, its form.

use super::{
    super::remedy::Remedy,
    row::{Retry, Row, When, Who},
};

/// What to do about a field that was missing in the request.
const CHANGED_ON_THE_WAY: &str = "Look for a proxy or a pipeline policy that changes the body of \
                                  the request. The library sends this field in every request.";

pub(super) const ROWS: &[Row] = &[
    // Tokens that cannot be an assertion.
    Row::new(
        &[700_222],
        Retry::Never,
        Who::Developer,
        "The assertion is a token of Microsoft Entra that may not serve as an assertion: it is \
         no managed identity's.{presented}",
        "Use the token of a user-assigned managed identity as the assertion. It has to be for \
         the audience {cloud audience}.",
    ),
    Row::new(
        &[700_226],
        Retry::Never,
        Who::Developer,
        "The assertion is not a managed identity's token, and of Entra's tokens only those may \
         be used.{presented}",
        "Take the assertion from the host's identity endpoint, as ManagedIdentityAssertion does. \
         The host needs a user-assigned managed identity for that.",
    ),
    Row::new(
        &[700_227],
        Retry::Never,
        Who::Developer,
        "The assertion is a token for something other than the token exchange.{presented}",
        "Ask for the assertion with the audience {cloud audience}. It was asked for with \
         {asked audience}.",
    ),
    Row::new(
        &[700_229],
        Retry::Never,
        Who::Operator,
        "The assertion is not an app-only token{kind of token}: a user's token cannot be \
         exchanged.{presented}",
        "Run the service on a host with a user-assigned managed identity. Cloud Shell's identity \
         is a user's.",
    ),
    Row::new(
        &[700_231],
        Retry::Never,
        Who::Developer,
        "The assertion was itself obtained through a federated identity credential, and such a \
         token may not be used for another one.",
        "Use a token that the host's identity endpoint issues itself. Under AKS workload \
         identity the token in the file that AZURE_FEDERATED_TOKEN_FILE names is the assertion.",
    ),
    // The time and the signature of the assertion.
    Row::new(
        &[700_024],
        Retry::NewAssertionOnce,
        Who::Operator,
        "The assertion is outside its valid time range: it is stale, or a clock is \
         off.{life} {repeated}",
        "Set the host's clock by NTP. Compare it with the time in Entra's sentence. \
         {fresh assertion}",
    )
    .with(Remedy::ShowClock)
    .unless(&[
        (
            When::ClocksDiffer,
            Row::new(
                &[],
                Retry::NewAssertionOnce,
                Who::Operator,
                "The host's clock is {clock difference} Entra's, and by Entra's clock the \
                 assertion is outside its valid time range.{life} {repeated}",
                "Set the host's clock by NTP. Compare it with the time in Entra's sentence.",
            )
            .with(Remedy::ShowClock),
        ),
        (
            When::ClocksAgree,
            Row::new(
                &[],
                Retry::NewAssertionOnce,
                Who::Operator,
                "The assertion is stale: it is outside its valid time range, and the host's clock \
                 agrees with Entra's.{life} {repeated}",
                "{fresh assertion} The host's clock is not the reason.",
            ),
        ),
    ]),
    Row::new(
        &[500_133],
        Retry::NewAssertionOnce,
        Who::Operator,
        "The assertion has expired or is not valid yet.{life} {repeated}",
        "Check the host's clock. {fresh assertion}",
    ),
    Row::new(
        &[700_027],
        Retry::NewAssertionOnce,
        Who::Operator,
        "The signature of the assertion failed the check: its key is not known for its issuer, \
         or the assertion was altered.{presented} {repeated}",
        "Check that {source} is the genuine one. It has to belong to the cloud of {authority}.",
    )
    .unless(&[(
        When::NoManagedIdentity,
        Row::new(
            &[],
            Retry::NewAssertionOnce,
            Who::Operator,
            "The signature of the assertion failed the check: its key is not among the keys that \
             its issuer publishes, or the assertion was altered.{presented} {repeated}",
            "Check that the issuer publishes the key that signs the assertion. The keys are those \
             of the jwks_uri in {metadata}; after a change Entra may know the old ones for a \
             while.",
        ),
    )]),
    Row::new(
        &[50012],
        Retry::NewAssertionOnce,
        Who::Operator,
        "Authentication of the client failed for the assertion's signature or \
         key.{presented} {repeated}",
        "Check what changes the token on its way from {source} to the service.",
    ),
    Row::new(
        &[50013],
        Retry::NewAssertionOnce,
        Who::Operator,
        "The assertion is not valid: its signature, key or issuer failed the \
         check.{presented} {repeated}",
        "Check that the assertion arrives unaltered from {source}. Its issuer has to be the one \
         that the app trusts.",
    ),
    Row::new(
        &[50006, 900_384],
        Retry::NewAssertionOnce,
        Who::Operator,
        "The signature of the assertion is not valid.{presented} {repeated}",
        "Check what changes the token on its way from {source} to the service. Its key has to be \
         one that the issuer publishes.",
    ),
    // The form of the assertion.
    Row::new(
        &[50027],
        Retry::Never,
        Who::Developer,
        "The assertion is not a well-formed JWT.",
        "Give the token of the assertion's source unchanged. It has no prefix such as Bearer, no \
         quotes and no line break.",
    ),
    Row::new(
        &[90014],
        Retry::Never,
        Who::Developer,
        "A field that the assertion or the request must have is missing.",
        "Compare the assertion's claims with the ones that Entra's sentence asks for. They are \
         iss, sub, aud, exp and jti or uti.",
    ),
    Row::new(
        &[5_002_738],
        Retry::Never,
        Who::Developer,
        "The assertion is signed with an algorithm that Entra does not take.",
        "Use an assertion that is signed with RS256, as a managed identity's token is.",
    ),
    Row::new(
        &[5_002_723],
        Retry::Never,
        Who::Developer,
        "The assertion's header names no key.",
        "Use an assertion whose header has a kid, as a managed identity's token does.",
    ),
    Row::new(
        &[700_021, 50048],
        Retry::Never,
        Who::Developer,
        "The assertion names another client than client_id {app}: Entra took it for one that the \
         app signed itself.{presented}",
        "Use a token of an issuer that the app trusts as the assertion, and the app's client id \
         as client_id.",
    ),
    Row::new(
        &[700_025],
        Retry::Never,
        Who::Home,
        "The app {app} is registered as a public client, and a public client may not present an \
         assertion.",
        "Set isFallbackPublicClient of the app {app} to false. In the portal that is \"Allow \
         public client flows\" under Authentication.",
    )
    .with(Remedy::MakeConfidential),
    Row::new(
        &[7_000_216],
        Retry::Never,
        Who::Developer,
        "The request had no usable client_assertion or no client_assertion_type.",
        CHANGED_ON_THE_WAY,
    ),
    Row::new(
        &[7_000_218],
        Retry::Never,
        Who::Developer,
        "The request arrived without client_assertion.",
        CHANGED_ON_THE_WAY,
    ),
    Row::new(
        &[900_144],
        Retry::Never,
        Who::Developer,
        "The request arrived without one of the fields that it must have.",
        CHANGED_ON_THE_WAY,
    ),
    Row::new(
        &[9_002_313, 90023],
        Retry::Never,
        Who::Developer,
        "The request arrived malformed.",
        "Look for a proxy or a pipeline policy that changes the request.",
    ),
    // Certificate-bound tokens. The meanings of 392196 and 500181 come from MSAL's sources and
    // tests. For 51000, Microsoft's list has "RequiredFeatureNotEnabled". The others are
    // unverified.
    Row::new(
        &[392_196],
        Retry::Never,
        Who::Asked,
        "The resource of the scope {scopes} is not set up for certificate-bound tokens, and one \
         was demanded.",
        "Take the demand for certificate-bound tokens off the app {app} or the resource. This \
         crate sends bearer tokens only.",
    ),
    Row::new(
        &[500_181],
        Retry::Never,
        Who::Asked,
        "A certificate is demanded that matches the assertion: the assertion or the tenant asks \
         for certificate-bound tokens.",
        "Take the demand for certificate-bound tokens off the app {app} in {the tenant}. This \
         crate sends no client certificate. If a proxy inspects TLS, let requests to {authority} \
         pass without.",
    ),
    Row::new(
        &[51000],
        Retry::Never,
        Who::Asked,
        "A feature that the request needs is not enabled for the tenant or the app; for \
         requests like this one it is usually certificate-bound tokens.",
        "Enable the feature that Entra's sentence names, or take the demand for \
         certificate-bound tokens off the app {app}. This crate sends bearer tokens only.",
    ),
    Row::new(
        &[
            1_000_610, 1_000_611, 1_000_612, 1_000_613, 1_000_614, 1_000_901,
        ],
        Retry::Never,
        Who::Asked,
        "A policy demands, or the resource refuses, a certificate-bound token.",
        "Take the demand for certificate-bound tokens off the app {app} in {the tenant}. This \
         crate sends bearer tokens only.",
    ),
];
