//! Contoso's service keeps a blob in Litware's storage account for a moment: it uploads it, lists
//! the container, downloads it and deletes it.
//!
//! On real Azure when CROSS_TENANT_TARGET_TENANT_ID, CROSS_TENANT_CLIENT_ID, TARGET_SUBSCRIPTION_ID
//! and TARGET_STORAGE_URL are set (and, where the host has several identities,
//! CROSS_TENANT_IDENTITY_CLIENT_ID): the app's service principal in the target tenant needs the role
//! Storage Blob Data Contributor. Else the token comes from the emulator, in this process, and the
//! storage account is Azurite, which has to be installed.
//!
//! ```text
//! cargo run --example blob_storage
//! ```

mod support;

use azure_core::http::{RequestContent, Url};
use azure_storage_blob::{
    BlobContainerClient, BlobServiceClient, BlobServiceClientOptions, StorageError,
    models::StorageErrorCode,
};
use futures::TryStreamExt;
use std::{error::Error, process::ExitCode};
use support::{azure::Azure, explain::explain};

const CONTAINER: &str = "contoso-example";
const BLOB: &str = "greetings/hello.txt";
const TEXT: &str = "Hello from Contoso";

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            explain(error.as_ref());
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), Box<dyn Error>> {
    let azure = Azure::from_environment(None)?;
    let storage = azure.storage()?;
    let credential = azure.credential()?;
    let account = BlobServiceClient::new(
        Url::parse(&storage.url)?,
        Some(credential),
        Some(BlobServiceClientOptions {
            client_options: azure.client_options(),
            ..Default::default()
        }),
    )?;
    let container = account.blob_container_client(CONTAINER);
    let is_ours = create(&container).await?;
    let result = keep_for_a_moment(&container).await;
    if is_ours {
        container.delete(None).await?;
    }
    result
}

/// Whether it was this that made the container, and not somebody before.
async fn create(container: &BlobContainerClient) -> Result<bool, Box<dyn Error>> {
    let Err(error) = container.create(None).await else {
        println!("Created the container {CONTAINER}");
        return Ok(true);
    };
    // An error of the credential's is none of storage's, and stays as it is.
    if !matches!(
        error.kind(),
        azure_core::error::ErrorKind::HttpResponse { .. }
    ) {
        return Err(error.into());
    }
    let text = error.to_string();
    let storage = StorageError::try_from(error).map_err(|_| text)?;
    match storage.error_code {
        Some(StorageErrorCode::ContainerAlreadyExists) => Ok(false),
        _ => Err(storage.to_string().into()),
    }
}

async fn keep_for_a_moment(container: &BlobContainerClient) -> Result<(), Box<dyn Error>> {
    let blob = container.blob_client(BLOB);
    blob.upload(RequestContent::from(TEXT.as_bytes().to_vec()), None)
        .await?;
    println!("Uploaded {BLOB}");

    let mut blobs = container.list_blobs(None)?;
    while let Some(listed) = blobs.try_next().await? {
        println!("Listed {}", listed.name.unwrap_or_default());
    }

    let text = blob.download(None).await?.body.collect().await?;
    println!("Downloaded: {}", String::from_utf8_lossy(&text));

    blob.delete(None).await?;
    println!("Deleted {BLOB}; it exists: {}", blob.exists().await?);
    Ok(())
}
