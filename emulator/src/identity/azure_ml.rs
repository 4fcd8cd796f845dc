//! The identity endpoint of Azure Machine Learning.
//!
//! It has the contract that App Service had in version 2017-09-01. The source is the Azure SDK for
//! .NET (`AzureMachineLearning` in Azure.Identity); Microsoft Learn does not describe it.

use serde_json::json;

use crate::{
    guid::guid,
    identity::token::HostTokens,
    wire::http::{Request, Response, duplicate},
};

pub(crate) const PATH: &str = "/azure-ml/msi/token";

const API_VERSION: &str = "2017-09-01";

pub(crate) fn respond(
    tokens: &mut HostTokens<'_>,
    secret: &str,
    request: &Request,
) -> Result<Response, Response> {
    if request.method != "GET" {
        return Err(refusal(405, "Method not allowed.").with("Allow", "GET"));
    }
    if request.header("secret") != Some(secret) {
        return Err(refusal(
            401,
            "The secret header is missing or is not this instance's.",
        ));
    }
    if let Some(name) = duplicate(&request.query) {
        let message = format!("The parameter '{name}' is duplicated.");
        return Err(refusal(400, &message));
    }
    if request.query("api-version") != Some(API_VERSION) {
        let message = format!("The parameter 'api-version' must be {API_VERSION}.");
        return Err(refusal(400, &message));
    }
    let Some(resource) = request.query("resource").filter(|value| !value.is_empty()) else {
        return Err(refusal(400, "The parameter 'resource' is missing."));
    };

    let selected = request.query("clientid");
    let identity = tokens
        .world
        .directory
        .host_identities()
        .find(|identity| match selected {
            Some(id) => identity.client_id.eq_ignore_ascii_case(id),
            None => identity.resource_id.is_none(),
        })
        .cloned()
        .ok_or_else(|| refusal(400, "No Managed Identity found for specified ClientId."))?;
    let issued = tokens
        .issue(&identity, resource)
        .map_err(|description| refusal(400, &description))?;
    Ok(Response::json(
        200,
        &json!({
            "access_token": issued.token,
            "expires_on": issued.expires_on.to_string(),
            "resource": resource,
            "token_type": "Bearer",
        }),
    ))
}

fn refusal(status: u16, message: &str) -> Response {
    Response::json(
        status,
        &json!({"statusCode": status, "message": message, "correlationId": guid()}),
    )
}
