//! The names of the settings: keys of a file, and variables.

/// How the source calls the settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Names {
    /// The keys of a file. A file is the operator's own.
    Keys,
    /// The variables of the environment. Whoever can set one must not be able to lead an assertion away.
    Variables,
}

impl Names {
    pub(super) fn name(self, key: &str) -> String {
        match self {
            Self::Keys => key.to_owned(),
            Self::Variables => name(key),
        }
    }
}

/// The names of all variables begin with it.
pub(super) const PREFIX: &str = "CROSS_TENANT_";

/// The keys of a file, which are the names of the variables in lower case.
pub(super) const KEYS: [&str; 13] = [
    "target_tenant_id",
    "client_id",
    "identity_client_id",
    "identity_object_id",
    "identity_resource_id",
    "authority_host",
    "audience",
    "host",
    "imds_endpoint",
    "token_file",
    "max_cached_tokens",
    "max_concurrent_requests",
    "unchanged_due_token",
];

/// The variable of a key.
pub(super) fn name(key: &str) -> String {
    format!("{PREFIX}{}", key.to_ascii_uppercase())
}
