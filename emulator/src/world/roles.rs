//! Azure's roles: who has one, and at which scope.

#[derive(Clone)]
pub(crate) struct RoleAssignment {
    pub(crate) id: String,
    pub(crate) principal_id: String,
    pub(crate) role: Role,
    pub(crate) scope: String,
}

/// A built-in role of Azure (Microsoft Learn, "Azure built-in roles").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Role {
    /// Can read everything and change nothing.
    Reader,
    /// Can do everything except assign roles.
    Contributor,
    /// Can do everything.
    Owner,
    /// Can read blobs. Cannot list resource groups.
    StorageBlobDataReader,
    /// Can read the secrets of a vault. Cannot list resource groups.
    KeyVaultSecretsUser,
}

impl Role {
    pub(crate) fn definition_id(self) -> &'static str {
        match self {
            Role::Reader => "acdd72a7-3385-48ef-bd42-f606fba81ae7",
            Role::Contributor => "b24988ac-6180-42a0-ab88-20f7382dd24c",
            Role::Owner => "8e3af657-a8ff-443c-a75c-2fe8c4bcb635",
            Role::StorageBlobDataReader => "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1",
            Role::KeyVaultSecretsUser => "4633458b-17de-408a-874b-0445c86b69e6",
        }
    }

    pub(crate) fn reads_control_plane(self) -> bool {
        !matches!(
            self,
            Role::StorageBlobDataReader | Role::KeyVaultSecretsUser
        )
    }

    /// The roles for the control plane give no access to secrets.
    pub(crate) fn reads_secrets(self) -> bool {
        matches!(self, Role::KeyVaultSecretsUser)
    }
}

/// Whether `inner` is `outer` or is below it. The comparison ignores case.
pub(crate) fn contains(outer: &str, inner: &str) -> bool {
    let outer = outer.trim_end_matches('/').to_ascii_lowercase();
    let inner = inner.trim_end_matches('/').to_ascii_lowercase();
    inner
        .strip_prefix(&outer)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::contains;

    #[test]
    fn a_scope_contains_only_itself_and_the_scopes_below_it() {
        assert!(contains(
            "/subscriptions/1",
            "/Subscriptions/1/resourceGroups/a"
        ));
        assert!(contains("/", "/subscriptions/1"));
        assert!(contains("/subscriptions/1/", "/subscriptions/1"));
        assert!(!contains("/subscriptions/1", "/subscriptions/11"));
        assert!(!contains(
            "/subscriptions/1/resourceGroups/a",
            "/subscriptions/1"
        ));
    }
}
