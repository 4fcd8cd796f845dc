//! Why a step of the set-up fails.

use std::fmt;

/// Why a step of the set-up fails. Azure refuses these steps, too.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SetUpError {
    /// The object does not exist. Add it first.
    NotFound(String),
    /// An app has at most 20 federated identity credentials.
    TooManyFederatedCredentials,
    /// A single-tenant app can have a service principal only in its home tenant.
    SingleTenant(String),
    /// The object exists.
    Exists(String),
}

impl fmt::Display for SetUpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SetUpError::NotFound(what) => write!(f, "{what} does not exist: add it first"),
            SetUpError::TooManyFederatedCredentials => {
                f.write_str("an app has at most 20 federated identity credentials")
            }
            SetUpError::SingleTenant(app) => write!(
                f,
                "app {app} is single-tenant: it can have a service principal only in its home tenant"
            ),
            SetUpError::Exists(what) => write!(f, "{what} already exists"),
        }
    }
}

impl std::error::Error for SetUpError {}
