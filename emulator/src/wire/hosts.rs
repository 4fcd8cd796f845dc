//! The host names of Azure's services.

/// The authority hosts of all clouds. Microsoft Learn, "National clouds". Only those of the cloud that
/// is emulated know its tenants.
pub(crate) const AUTHORITY_HOSTS: [&str; 10] = [
    "login.microsoftonline.com",
    "login.windows.net",
    "login.microsoft.com",
    "sts.windows.net",
    "login.microsoftonline.us",
    "login.partner.microsoftonline.cn",
    "login.chinacloudapi.cn",
    "login.sovcloud-identity.fr",
    "login.sovcloud-identity.de",
    "login.sovcloud-identity.sg",
];

/// The other host names that the emulator serves. `*.` stands for one label.
const RESOURCE_HOSTS: [&str; 11] = [
    "management.azure.com",
    "management.core.windows.net",
    "graph.microsoft.com",
    "*.blob.core.windows.net",
    "*.dfs.core.windows.net",
    "*.queue.core.windows.net",
    "*.table.core.windows.net",
    "*.file.core.windows.net",
    "*.vault.azure.net",
    "*.servicebus.windows.net",
    "*.database.windows.net",
];

/// All host names that the emulator serves.
pub(crate) fn azure_hosts() -> impl Iterator<Item = &'static str> {
    AUTHORITY_HOSTS.into_iter().chain(RESOURCE_HOSTS)
}

/// Whether `name` is the host name of a service of Azure.
pub(crate) fn is_azure(name: &str) -> bool {
    azure_hosts().any(|known| match known.strip_prefix('*') {
        Some(suffix) => name
            .strip_suffix(suffix)
            .is_some_and(|label| !label.is_empty() && !label.contains('.')),
        None => name == known,
    })
}
