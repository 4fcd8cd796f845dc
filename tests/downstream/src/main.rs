//! Hands the credential to an SDK client. It is compiled, not run.

use azure_core::http::Url;
use azure_storage_blob::BlobServiceClient;
use cross_tenant_identity::CrossTenantManagedIdentityCredential;

fn main() -> azure_core::Result<()> {
    let credential = CrossTenantManagedIdentityCredential::new(
        "22222222-2222-4222-8222-222222222222",
        "33333333-3333-4333-8333-333333333333",
        None,
    )?;
    let client = BlobServiceClient::new(
        Url::parse("https://litware.blob.core.windows.net/")?,
        Some(credential),
        None,
    )?;
    println!("{}", client.url());
    Ok(())
}
