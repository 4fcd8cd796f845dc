//! A service of Azure that answers in JSON, and in pages.

use crate::{clock, cloud::Service};
use azure_core::{
    credentials::TokenCredential,
    error::ErrorKind,
    http::{
        ClientOptions, Context, ExponentialRetryOptions, Method, Pipeline, Request, RetryOptions,
        Url, policies::auth::BearerTokenAuthorizationPolicy,
    },
    time::Duration as AzureDuration,
};
use serde::{Deserialize, de::DeserializeOwned};
use std::{borrow::Cow, sync::Arc, time::Duration};

/// Of all tries of one request, and the token for it.
const LONGEST: Duration = Duration::from_secs(120);

/// No list that a person wants to read has more.
const MOST_PAGES: usize = 1_000;

pub(crate) struct JsonService {
    pipeline: Pipeline,
    endpoint: Url,
}

#[derive(Debug, Deserialize)]
struct Page<T> {
    value: Vec<T>,
    /// Resource Manager's name, and that of OData.
    #[serde(rename = "nextLink", alias = "@odata.nextLink")]
    next_link: Option<String>,
}

impl JsonService {
    pub(crate) fn new(
        credential: Arc<dyn TokenCredential>,
        service: Service,
        mut options: ClientOptions,
    ) -> Self {
        // A person waits.
        options.retry = RetryOptions::exponential(ExponentialRetryOptions {
            max_retries: 2,
            max_total_elapsed: AzureDuration::seconds(30),
            ..Default::default()
        });
        let authorization = BearerTokenAuthorizationPolicy::new(credential, [service.scope]);
        Self {
            pipeline: Pipeline::new(
                option_env!("CARGO_PKG_NAME"),
                option_env!("CARGO_PKG_VERSION"),
                options,
                Vec::new(),
                vec![Arc::new(authorization)],
                None,
            ),
            endpoint: service.endpoint,
        }
    }

    /// All items of all pages.
    pub(crate) async fn list<T: DeserializeOwned>(
        &self,
        path: &[&str],
        query: &[(&str, &str)],
    ) -> azure_core::Result<Vec<T>> {
        let mut items = Vec::new();
        let mut next = Some(self.url(path, query)?);
        for _ in 0..MOST_PAGES {
            let Some(url) = next else {
                return Ok(items);
            };
            let page: Page<T> = self.get(url).await?;
            items.extend(page.value);
            let link = page.next_link.filter(|link| !link.is_empty());
            next = link.map(|link| self.endpoint.join(&link)).transpose()?;
        }
        Err(other(format!("{} has no end of pages", self.endpoint)))
    }

    pub(crate) fn url(&self, path: &[&str], query: &[(&str, &str)]) -> azure_core::Result<Url> {
        let mut url = self.endpoint.clone();
        url.path_segments_mut()
            .map_err(|()| other("the endpoint has no path"))?
            .pop_if_empty()
            .extend(path);
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        Ok(url)
    }

    pub(crate) async fn get<T: DeserializeOwned>(&self, url: Url) -> azure_core::Result<T> {
        // The token goes wherever this URL leads.
        if url.origin() != self.endpoint.origin() {
            let (to, from) = (url.origin().ascii_serialization(), &self.endpoint);
            return Err(other(format!(
                "the next page leads away from {from}, to {to}"
            )));
        }
        let mut request = Request::new(url, Method::Get);
        request.insert_header("accept", "application/json");
        let context = Context::new();
        let sent = self.pipeline.send(&context, &mut request, None);
        let Some(answer) = clock::within(LONGEST, sent).await else {
            let limit = LONGEST.as_secs();
            return Err(other(format!(
                "{} gave no answer within {limit} s",
                self.endpoint
            )));
        };
        let answer = answer?;
        answer.body().json().map_err(|_| {
            let kind = answer
                .headers()
                .iter()
                .find(|(name, _)| name.as_str() == "content-type")
                .map(|(_, kind)| kind.as_str());
            // A success may hold anything, so nothing of it is shown.
            other(format!(
                "{} answered with something else than what was asked for ({}, {} bytes): a proxy may have answered in its place",
                self.endpoint,
                kind.map_or("no content type".to_owned(), crate::table::printable),
                answer.body().len(),
            ))
        })
    }
}

pub(crate) fn other(message: impl Into<Cow<'static, str>>) -> azure_core::Error {
    azure_core::Error::with_message(ErrorKind::Other, message)
}
