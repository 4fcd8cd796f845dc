//! The application permissions of Microsoft Graph, and who has them.

/// The resource of a token for Microsoft Graph.
pub(crate) const GRAPH: &str = "https://graph.microsoft.com";

/// An application permission of Microsoft Graph that reads apps and service principals (Microsoft
/// Learn, "Microsoft Graph permissions reference").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum GraphPermission {
    /// `Application.Read.All`: all apps and service principals, with their federated identity
    /// credentials.
    ApplicationReadAll,
    /// `Application.ReadWrite.All`: the same, and to change them. The emulator's Graph changes
    /// nothing.
    ApplicationReadWriteAll,
    /// `Directory.Read.All`: apps and service principals, but not the federated identity
    /// credentials.
    DirectoryReadAll,
}

impl GraphPermission {
    /// Its name, as it is in the claim `roles` of an access token.
    pub fn name(self) -> &'static str {
        match self {
            GraphPermission::ApplicationReadAll => "Application.Read.All",
            GraphPermission::ApplicationReadWriteAll => "Application.ReadWrite.All",
            GraphPermission::DirectoryReadAll => "Directory.Read.All",
        }
    }
}

/// That a service principal or a managed identity has a permission.
#[derive(Clone)]
pub(crate) struct AppRoleAssignment {
    pub(crate) principal_id: String,
    pub(crate) permission: GraphPermission,
}
