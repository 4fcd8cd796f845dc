//! Contoso's service uploads a blob to Litware's storage account, lists the container, downloads the
//! blob and deletes it.
//!
//! It runs on Azure when CROSS_TENANT_TARGET_TENANT_ID, CROSS_TENANT_CLIENT_ID and TARGET_STORAGE_URL
//! are set (and, where the host has several identities, CROSS_TENANT_IDENTITY_CLIENT_ID). The app's
//! service principal in the target tenant needs the role Storage Blob Data Contributor. Without
//! variables the token comes from the emulator, in this process, and the storage account is Azurite,
//! which has to be installed.
//!
//! ```text
//! cargo run --example blob_storage
//! ```

mod support;

use azure_core::http::RequestContent;
use azure_storage_blob::{
    BlobContainerClient, BlobServiceClient, BlobServiceClientOptions, StorageError,
    models::StorageErrorCode,
};
use clap::Parser;
use futures::TryStreamExt;
use serde_json::json;
use std::{error::Error, process::ExitCode};
use support::{
    azure::Azure,
    output, program,
    variables::{self, EmulatorVariables, Given, StorageVariables},
};

const CONTAINER: &str = "contoso-example";
const BLOB: &str = "greetings/hello.txt";
const TEXT: &str = "Hello from Contoso";

/// Uploads a blob to Litware's storage account, lists it, downloads it and deletes it.
///
/// Without variables the token comes from the emulator, in this process, and the storage account is
/// Azurite.
#[derive(Debug, Parser)]
#[command(name = "blob_storage", version, after_help = variables::HELP)]
struct Arguments {
    /// Print one JSON object at the end, and nothing else.
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    storage: StorageVariables,

    #[command(flatten)]
    emulator: EmulatorVariables,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    program::log("error");
    program::exit_code(Box::pin(run(arguments)).await)
}

async fn run(arguments: Arguments) -> Result<ExitCode, Box<dyn Error>> {
    let given = Given {
        emulator: arguments.emulator,
        storage: Some(arguments.storage),
        ..Default::default()
    };
    let azure = Azure::new(given, None)?;
    let storage = azure.storage()?;
    let credential = azure.credential()?;
    let account = BlobServiceClient::new(
        storage.url.clone(),
        Some(credential),
        Some(BlobServiceClientOptions {
            client_options: azure.client_options("the storage account")?,
            ..Default::default()
        }),
    )?;
    let container = account.blob_container_client(CONTAINER);
    let progress = Progress {
        is_quiet: arguments.json,
    };
    let is_new = azure.wait(create(&container)).await?;
    if is_new {
        progress.say(format!("Created the container {CONTAINER}"))?;
    }
    let result = azure.wait(use_blob(&container, &progress)).await;
    if is_new {
        azure.wait(container.delete(None)).await?;
    }
    let downloaded = result?;
    if arguments.json {
        let result = json!({ "container": CONTAINER, "blob": BLOB, "downloaded": downloaded });
        output::line(format_args!("{result:#}"))?;
    }
    Ok(ExitCode::SUCCESS)
}

struct Progress {
    is_quiet: bool,
}

impl Progress {
    fn say(&self, text: String) -> Result<(), Box<dyn Error>> {
        match self.is_quiet {
            true => Ok(()),
            false => output::line(text),
        }
    }
}

/// Returns whether the container is new.
async fn create(container: &BlobContainerClient) -> Result<bool, Box<dyn Error>> {
    let Err(error) = container.create(None).await else {
        return Ok(true);
    };
    // Only Storage's own errors are read here; the credential's stay as they are.
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

/// Returns the text that it has downloaded.
async fn use_blob(
    container: &BlobContainerClient,
    progress: &Progress,
) -> Result<String, Box<dyn Error>> {
    let blob = container.blob_client(BLOB);
    blob.upload(RequestContent::from(TEXT.as_bytes().to_vec()), None)
        .await?;
    progress.say(format!("Uploaded {BLOB}"))?;

    let mut blobs = container.list_blobs(None)?;
    while let Some(listed) = blobs.try_next().await? {
        progress.say(format!("Listed {}", listed.name.unwrap_or_default()))?;
    }

    let text = blob.download(None).await?.body.collect().await?;
    let text = String::from_utf8_lossy(&text).into_owned();
    progress.say(format!("Downloaded: {text}"))?;

    blob.delete(None).await?;
    let exists = blob.exists().await?;
    progress.say(format!("Deleted {BLOB}; it exists: {exists}"))?;
    Ok(text)
}
