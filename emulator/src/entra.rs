//! Microsoft Entra: the token endpoint, and the metadata with the public keys.

mod access_token;
mod client_assertion;
mod federated_credential;
pub(crate) mod loop_detector;
pub(crate) mod metadata;
pub(crate) mod refusal;
pub(crate) mod token_endpoint;
mod token_request;
