//! The source of the client assertion: the managed identity of the host, or a source of the user.

mod kept;
mod managed_identity;
mod options;
mod source;
mod token_credential;
mod token_file;

pub use managed_identity::ManagedIdentityAssertion;
pub use options::ManagedIdentityAssertionOptions;
pub(crate) use options::as_audience;
pub(crate) use source::AssertionSource;
pub use token_credential::TokenCredentialAssertion;
pub(crate) use token_file::AZURE_FEDERATED_TOKEN_FILE;
pub use token_file::TokenFileAssertion;

#[cfg(test)]
mod tests;
