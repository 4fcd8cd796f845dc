//! Just enough of Azure Resource Manager: its resource groups, page by page.
//!
//! There is no ARM client for azure_core 1.x; this is what one looks like.

use azure_core::{
    credentials::TokenCredential,
    error::ErrorKind,
    http::{
        ClientOptions, Method, Pager, Pipeline, Request, Response, Url,
        pager::{Page, PagerContinuation, PagerResult, PagerState},
        policies::auth::BearerTokenAuthorizationPolicy,
    },
};
use serde::Deserialize;
use std::sync::Arc;

const ENDPOINT: &str = "https://management.azure.com";
pub const SCOPE: &str = "https://management.azure.com/.default";

/// Microsoft Learn, "Resource Groups - List"
const API_VERSION: &str = "2024-08-01";

pub struct ResourceManager {
    pipeline: Pipeline,
    endpoint: Url,
    scope: String,
}

#[derive(Debug, Deserialize)]
pub struct ResourceGroup {
    pub name: String,
    pub location: String,
    pub properties: Properties,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Properties {
    pub provisioning_state: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ResourceGroups {
    value: Vec<ResourceGroup>,
    next_link: Option<String>,
}

#[async_trait::async_trait]
impl Page for ResourceGroups {
    type Item = ResourceGroup;
    type IntoIter = std::vec::IntoIter<ResourceGroup>;

    async fn into_items(self) -> azure_core::Result<Self::IntoIter> {
        Ok(self.value.into_iter())
    }
}

impl ResourceManager {
    /// The one of the public cloud.
    pub fn new(
        credential: Arc<dyn TokenCredential>,
        options: ClientOptions,
    ) -> azure_core::Result<Self> {
        Self::at(Url::parse(ENDPOINT)?, credential, options)
    }

    /// The one of another cloud, or an emulator's.
    pub fn at(
        endpoint: Url,
        credential: Arc<dyn TokenCredential>,
        options: ClientOptions,
    ) -> azure_core::Result<Self> {
        let scope = scope_of(&endpoint);
        let authorization = BearerTokenAuthorizationPolicy::new(credential, [scope.clone()]);
        Ok(Self {
            pipeline: Pipeline::new(
                option_env!("CARGO_PKG_NAME"),
                option_env!("CARGO_PKG_VERSION"),
                options,
                Vec::new(),
                vec![Arc::new(authorization)],
                None,
            ),
            endpoint,
            scope,
        })
    }

    /// What a token for it is asked for with.
    pub fn scope(&self) -> &str {
        &self.scope
    }

    /// The resource groups of a subscription that the caller may read.
    pub fn resource_groups(
        &self,
        subscription_id: &str,
    ) -> azure_core::Result<Pager<ResourceGroups>> {
        let mut first = self.endpoint.clone();
        first
            .path_segments_mut()
            .map_err(|()| other("the endpoint has no path"))?
            .extend(["subscriptions", subscription_id, "resourceGroups"]);
        first
            .query_pairs_mut()
            .append_pair("api-version", API_VERSION);

        let (pipeline, endpoint) = (self.pipeline.clone(), self.endpoint.clone());
        Ok(Pager::new(
            move |state, options| {
                let (pipeline, endpoint) = (pipeline.clone(), endpoint.clone());
                let url = match state {
                    PagerState::More(PagerContinuation::Link(next)) => next,
                    _ => first.clone(),
                };
                Box::pin(async move {
                    // The token goes wherever this URL leads.
                    if url.origin() != endpoint.origin() {
                        return Err(other(format!(
                            "nextLink leads away from {endpoint}, to {url}"
                        )));
                    }
                    let mut request = Request::new(url, Method::Get);
                    request.insert_header("accept", "application/json");
                    let answer = pipeline.send(&options.context, &mut request, None).await?;
                    let page: ResourceGroups = answer.body().json()?;
                    let response: Response<ResourceGroups> = answer.into();
                    Ok(match page.next_link.filter(|link| !link.is_empty()) {
                        Some(link) => PagerResult::More {
                            response,
                            continuation: PagerContinuation::Link(endpoint.join(&link)?),
                        },
                        None => PagerResult::Done { response },
                    })
                })
            },
            None,
        ))
    }
}

/// Each cloud's Resource Manager takes tokens for its own address; an emulator, for the public cloud's.
fn scope_of(endpoint: &Url) -> String {
    match endpoint.host_str() {
        Some("localhost" | "127.0.0.1" | "[::1]") => SCOPE.to_owned(),
        _ => format!("{}/.default", endpoint.origin().ascii_serialization()),
    }
}

fn other(message: impl Into<std::borrow::Cow<'static, str>>) -> azure_core::Error {
    azure_core::Error::with_message(ErrorKind::Other, message)
}
