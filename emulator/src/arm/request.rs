//! A request from a caller with a valid token: method, API version, pages.

use serde_json::{Value, json};

use crate::{
    arm::access::{forbidden, subscription},
    page::Page,
    wire::http::{Request, Response},
    world::{
        bearer_token::Caller,
        directory::{Directory, Subscription},
    },
};

/// A request from a caller with a valid token.
pub(crate) struct AuthorizedRequest<'a> {
    pub(crate) directory: &'a Directory,
    pub(crate) caller: &'a Caller,
    pub(crate) request: &'a Request,
    pub(crate) page_size: usize,
}

impl<'a> AuthorizedRequest<'a> {
    /// The subscription of the request, after the checks that all its operations share.
    pub(crate) fn find_subscription(
        &self,
        subscription_id: &str,
        resource_type: &str,
        api_versions: &[&str],
    ) -> Result<&'a Subscription, Response> {
        let subscription = subscription(self.directory, self.caller, subscription_id)?;
        self.only_get()?;
        self.api_version(resource_type, api_versions)?;
        Ok(subscription)
    }

    pub(crate) fn only_get(&self) -> Result<(), Response> {
        if self.request.method == "GET" {
            return Ok(());
        }
        Err(Response::error(
            405,
            "MethodNotAllowed",
            "The emulator's Resource Manager is read-only.",
        )
        .with("Allow", "GET"))
    }

    pub(crate) fn api_version(
        &self,
        resource_type: &str,
        supported: &[&str],
    ) -> Result<(), Response> {
        match self.request.query("api-version") {
            None | Some("") => Err(Response::error(
                400,
                "MissingApiVersionParameter",
                "The api-version query parameter (?api-version=) is required for all requests.",
            )),
            Some(version) if !supported.contains(&version) => Err(Response::error(
                400,
                "InvalidApiVersionParameter",
                &format!(
                    "The api-version '{version}' is invalid for '{resource_type}'. The supported \
                     versions are '{}'.",
                    supported.join(",")
                ),
            )),
            Some(_) => Ok(()),
        }
    }

    pub(crate) fn forbidden(&self, action: &str, scope: &str) -> Response {
        forbidden(self.caller, action, scope)
    }

    /// One page of `all`, and the link to the next page.
    pub(crate) fn page(&self, all: Vec<Value>) -> Result<Response, Response> {
        let number = |name: &str| match self.request.query(name) {
            None => Ok(None),
            Some(text) => text.parse::<usize>().map(Some).map_err(|_| {
                Response::error(
                    400,
                    "InvalidQueryParameterValue",
                    &format!("The value '{text}' of the query parameter '{name}' is invalid."),
                )
            }),
        };
        let size = number("$top")?
            .filter(|&top| top > 0)
            .map_or(self.page_size, |top| top.min(self.page_size));
        let start = number("$skiptoken")?.unwrap_or(0);
        let page = Page::new(self.request, start, size, all.len());
        let mut body = json!({"value": all[page.items]});
        if let Some(link) = page.next_link {
            body["nextLink"] = json!(link);
        }
        Ok(Response::json(200, &body))
    }
}
