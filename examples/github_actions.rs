//! A GitHub Actions workflow lists what Litware lets Contoso's app see: the workflow's own OIDC token
//! is the client assertion, and there is no managed identity at all.
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

use async_trait::async_trait;
use azure_core::{
    credentials::{Secret, TokenCredential},
    error::{Error, ErrorKind},
    http::{
        ClientMethodOptions, ClientOptions, Context, Method, Pipeline, Request, Url,
        headers::AUTHORIZATION,
    },
};
use azure_identity::ClientAssertion;
use cross_tenant_identity::{CrossTenantManagedIdentityCredential, Settings, explain};
use serde::Deserialize;
use std::{env, process::ExitCode, sync::Arc};

const AUDIENCE: &str = "api://AzureADTokenExchange";

/// GitHub's documentation, "OpenID Connect reference": the job gets an address and a token for it.
#[derive(Debug)]
struct WorkflowToken {
    url: Url,
    request_token: Secret,
    pipeline: Pipeline,
}

#[derive(Deserialize)]
struct Answer {
    value: String,
}

impl WorkflowToken {
    fn from_env() -> azure_core::Result<Self> {
        let mut url = Url::parse(&variable("ACTIONS_ID_TOKEN_REQUEST_URL")?)?;
        url.query_pairs_mut().append_pair("audience", AUDIENCE);
        let pipeline = Pipeline::new(
            Some("github_actions"),
            Some("0"),
            ClientOptions::default(),
            Vec::new(),
            Vec::new(),
            None,
        );
        Ok(Self {
            url,
            request_token: Secret::new(variable("ACTIONS_ID_TOKEN_REQUEST_TOKEN")?),
            pipeline,
        })
    }
}

#[async_trait]
impl ClientAssertion for WorkflowToken {
    /// The credential asks when the token before nears its end; a workflow's lives for minutes.
    async fn secret(&self, _: Option<ClientMethodOptions<'_>>) -> azure_core::Result<String> {
        let mut request = Request::new(self.url.clone(), Method::Get);
        let bearer = format!("bearer {}", self.request_token.secret());
        request.insert_header(AUTHORIZATION, bearer);
        let answer = self
            .pipeline
            .send(&Context::new(), &mut request, None)
            .await?;
        let answer: Answer = answer.into_body().json()?;
        Ok(answer.value)
    }
}

fn variable(name: &str) -> azure_core::Result<String> {
    env::var(name).map_err(|_| {
        Error::with_message(
            ErrorKind::Credential,
            format!("{name} is not set; run this in a job with `permissions: id-token: write`"),
        )
    })
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{}", explain(&error));
            ExitCode::FAILURE
        }
    }
}

async fn run() -> azure_core::Result<()> {
    let settings = Settings::from_env()?;
    let credential = CrossTenantManagedIdentityCredential::with_assertion(
        &settings.target_tenant_id,
        &settings.client_id,
        Arc::new(WorkflowToken::from_env()?),
        None,
    )?;
    // Hand the credential to any client of the Azure SDK. This only shows that it works.
    let scope = "https://management.azure.com/.default";
    let token = credential.get_token(&[scope], None).await?;
    println!("a token for {scope} until {}", token.expires_on);
    Ok(())
}
