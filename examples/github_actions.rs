//! A GitHub Actions workflow gets a token of Litware's tenant. The OIDC token of the workflow is the
//! client assertion; there is no managed identity.
//!
//! The job needs `permissions: id-token: write`. The app trusts the workflow by a federated identity
//! credential with the issuer `https://token.actions.githubusercontent.com`, the audience
//! `api://AzureADTokenExchange` and the workflow's subject, such as
//! `repo:contoso/watcher:ref:refs/heads/main`. Set CROSS_TENANT_TARGET_TENANT_ID and
//! CROSS_TENANT_CLIENT_ID.
//!
//! ```text
//! cargo run --example github_actions
//! ```

mod support;

use async_trait::async_trait;
use azure_core::{
    credentials::Secret,
    http::{
        ClientMethodOptions, ClientOptions, Context, Method, Pipeline, Request, Url,
        headers::AUTHORIZATION,
    },
};
use azure_identity::ClientAssertion;
use clap::Parser;
use serde::Deserialize;
use std::{env, error::Error, process::ExitCode, sync::Arc};
use support::{
    azure::Azure,
    program,
    variables::{self, BadVariables, EmulatorVariables, Given},
};

const AUDIENCE: &str = "api://AzureADTokenExchange";
const SCOPE: &str = "https://management.azure.com/.default";

/// Gets a token of Litware's tenant in a GitHub Actions workflow. The OIDC token of the workflow is the
/// client assertion.
///
/// The job needs `permissions: id-token: write`. GitHub then sets the two variables
/// ACTIONS_ID_TOKEN_REQUEST_...
#[derive(Debug, Parser)]
#[command(name = "github_actions", version, after_help = variables::HELP)]
struct Arguments {
    /// Print the result as JSON.
    #[arg(long)]
    json: bool,

    /// The URL that gives the OIDC token of the workflow.
    #[arg(
        env = "ACTIONS_ID_TOKEN_REQUEST_URL",
        long = "id-token-request-url",
        value_name = "URL",
        hide_env_values = true
    )]
    url: Option<String>,

    #[command(flatten)]
    emulator: EmulatorVariables,
}

/// GitHub's documentation, "OpenID Connect reference": the job gets a URL and a token for it.
#[derive(Debug)]
struct WorkflowToken {
    url: Url,
    request_token: Secret,
    pipeline: Pipeline,
}

#[derive(Deserialize)]
struct Response {
    value: String,
}

#[async_trait]
impl ClientAssertion for WorkflowToken {
    /// The credential calls this when the last token nears its end. A workflow's token lives for
    /// minutes.
    async fn secret(&self, _: Option<ClientMethodOptions<'_>>) -> azure_core::Result<String> {
        let mut request = Request::new(self.url.clone(), Method::Get);
        let bearer = format!("bearer {}", self.request_token.secret());
        request.insert_header(AUTHORIZATION, bearer);
        let response = self
            .pipeline
            .send(&Context::new(), &mut request, None)
            .await?;
        let response: Response = response.into_body().json()?;
        Ok(response.value)
    }
}

impl WorkflowToken {
    fn new(mut url: Url, request_token: String, options: ClientOptions) -> Self {
        url.query_pairs_mut().append_pair("audience", AUDIENCE);
        let pipeline = Pipeline::new(
            Some("github_actions"),
            Some("0"),
            options,
            Vec::new(),
            Vec::new(),
            None,
        );
        Self {
            url,
            request_token: Secret::new(request_token),
            pipeline,
        }
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    program::log("error");
    program::exit_code(run(arguments).await)
}

async fn run(arguments: Arguments) -> Result<ExitCode, Box<dyn Error>> {
    // By the environment alone: other users of the machine see a command line.
    let request_token = env::var("ACTIONS_ID_TOKEN_REQUEST_TOKEN").ok();
    let of_github = of_github(arguments.url, request_token);
    let given = Given {
        emulator: arguments.emulator,
        ..Default::default()
    };
    let (azure, (url, request_token)) = match (given.check(), of_github) {
        (Ok(variables), Ok(of_github)) => (Azure::configured(variables), of_github),
        (Ok(_), Err(why)) | (Err(why), Ok(_)) => return Err(why.into()),
        (Err(why), Err(too)) => return Err(too.and(why).into()),
    };
    let options = azure.client_options("GitHub")?;
    let assertion = WorkflowToken::new(url, request_token, options);
    let credential = azure.credential_with(Arc::new(assertion))?;
    // Give the credential to any client of the Azure SDK. This only shows that it works.
    azure
        .show_token(&*credential, SCOPE, arguments.json)
        .await?;
    Ok(ExitCode::SUCCESS)
}

/// Where to get the token of the workflow, and with which secret.
fn of_github(
    url: Option<String>,
    request_token: Option<String>,
) -> Result<(Url, String), BadVariables> {
    const TO_DO: &str = "run this in a job with `permissions: id-token: write`";
    let mut wrong = Vec::new();
    let url = url.filter(|url| !url.is_empty());
    let request_token = request_token.filter(|token| !token.is_empty());
    let parsed = url.as_deref().map(Url::parse);
    match &parsed {
        None => wrong.push(format!("ACTIONS_ID_TOKEN_REQUEST_URL is not set: {TO_DO}")),
        // The secret is sent there.
        Some(Ok(url)) if url.scheme() == "https" => {}
        Some(_) => wrong.push("ACTIONS_ID_TOKEN_REQUEST_URL is not an https URL".to_owned()),
    }
    if request_token.is_none() {
        wrong.push(format!(
            "ACTIONS_ID_TOKEN_REQUEST_TOKEN is not set: {TO_DO}"
        ));
    }
    match (parsed, request_token) {
        (Some(Ok(url)), Some(request_token)) if wrong.is_empty() => Ok((url, request_token)),
        _ => Err(BadVariables::several(wrong)),
    }
}
