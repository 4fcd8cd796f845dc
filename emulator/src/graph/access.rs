//! Who may read: the token, and the permissions that it has.

use crate::{
    graph::error::Error,
    wire::http::Request,
    world::{
        app_roles::{GRAPH, GraphPermission},
        bearer_token::{self, Caller, TokenProblem},
        directory::Directory,
        signing_key::SigningKey,
    },
};

/// The audiences that Graph takes tokens for: its URI and its app id.
const AUDIENCES: [&str; 2] = [GRAPH, "00000003-0000-0000-c000-000000000000"];

/// Microsoft Learn, "Get application", "Get servicePrincipal".
pub(crate) const READ_OBJECTS: &[GraphPermission] = &[
    GraphPermission::ApplicationReadAll,
    GraphPermission::ApplicationReadWriteAll,
    GraphPermission::DirectoryReadAll,
];

/// Microsoft Learn, "List federatedIdentityCredentials".
pub(crate) const READ_FEDERATED_CREDENTIALS: &[GraphPermission] = &[
    GraphPermission::ApplicationReadAll,
    GraphPermission::ApplicationReadWriteAll,
];

/// Checks the bearer token.
pub(crate) fn authenticate(
    key: &SigningKey,
    directory: &Directory,
    request: &Request,
    now: i64,
) -> Result<Caller, Error> {
    bearer_token::read(key, directory, request, &AUDIENCES, now).map_err(|problem| {
        Error::invalid_token(match problem {
            TokenProblem::Missing => "Access token is empty.",
            // Reported in MaikuB/flutter_appauth#575.
            TokenProblem::NotAJwt => {
                "IDX14100: JWT is not well formed, there are no dots (.).\nThe token needs to be \
                 in JWS or JWE Compact Serialization Format. (JWS): \
                 'EncodedHeader.EncodedPayload.EncodedSignature'. (JWE): \
                 'EncodedProtectedHeader.EncodedEncryptedKey.EncodedInitializationVector.\
                 EncodedCiphertext.EncodedAuthenticationTag'."
            }
            // Reported in microsoftgraph/microsoft-graph-docs#16208.
            TokenProblem::WrongAudience(_) => "Access token validation failure. Invalid audience.",
            TokenProblem::Expired => "Lifetime validation failed, the token is expired.",
            // The three below are unverified.
            TokenProblem::NotYetValid => "Lifetime validation failed, the token is not yet valid.",
            TokenProblem::InvalidSignature => "Access token validation failure. Invalid signature.",
            TokenProblem::UnknownIssuer => "Access token validation failure. Invalid issuer.",
        })
    })
}

/// Refuses a caller whose token has none of these permissions. Graph goes by the token alone: a
/// permission that was granted later is in the next one.
pub(crate) fn check(caller: &Caller, permissions: &[GraphPermission]) -> Result<(), Error> {
    let allowed = permissions
        .iter()
        .any(|permission| caller.roles.iter().any(|role| role == permission.name()));
    if allowed {
        Ok(())
    } else {
        Err(Error::denied())
    }
}
