//! Lists the blobs of a container. It knows nothing of another tenant, and takes everything from the
//! variables that `object_store` reads: AZURE_STORAGE_ACCOUNT_NAME, AZURE_STORAGE_ENDPOINT and
//! AZURE_CONTAINER_NAME, and those of whichever credential there is.

#![forbid(unsafe_code)]

use futures::TryStreamExt;
use object_store::{ObjectStore, azure::MicrosoftAzureBuilder};
use std::error::Error;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let store = MicrosoftAzureBuilder::from_env().build()?;
    let mut blobs = store.list(None);
    while let Some(blob) = blobs.try_next().await? {
        println!("{} {}", blob.location, blob.size);
    }
    Ok(())
}
