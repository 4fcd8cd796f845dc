//! Refusals for the service principal, the resource, Conditional Access or a request loop.

use crate::{entra::refusal::Refusal, guid::guid};
use serde_json::json;

impl Refusal {
    pub(crate) fn no_service_principal(client_id: &str, tenant_id: &str) -> Refusal {
        Refusal::client(
            7_000_229,
            format!(
                "The client application {client_id} is missing service principal in the tenant \
                 {tenant_id}. See instructions here: \
                 https://go.microsoft.com/fwlink/?linkid=2225119"
            ),
        )
    }

    pub(crate) fn disabled(client_id: &str, name: &str) -> Refusal {
        Refusal::new(
            "unauthorized_client",
            7_000_112,
            format!("Application '{client_id}'({name}) is disabled."),
        )
    }

    pub(crate) fn unknown_resource(resource: &str, tenant_name: &str) -> Refusal {
        Refusal::new(
            "invalid_resource",
            500_011,
            format!(
                "The resource principal named {resource} was not found in the tenant named \
                 {tenant_name}. This can happen if the application has not been installed by the \
                 administrator of the tenant or consented to by any user in the tenant. You might \
                 have sent your authentication request to the wrong tenant."
            ),
        )
    }

    pub(crate) fn assignment_required(client_id: &str, resource: &str) -> Refusal {
        Refusal::client(
            501_051,
            format!(
                "Application '{client_id}' is not assigned to a role for the application \
                 '{resource}'."
            ),
        )
    }

    pub(crate) fn conditional_access() -> Refusal {
        let mut refusal = Refusal::new(
            "invalid_grant",
            53003,
            "Access has been blocked by Conditional Access policies. The access policy does not \
             allow token issuance."
                .to_owned(),
        );
        refusal.claims = Some(
            json!({"access_token": {"capolids": {"essential": true, "values": [guid()]}}})
                .to_string(),
        );
        refusal
    }

    pub(crate) fn request_loop() -> Refusal {
        Refusal::new(
            "invalid_grant",
            50196,
            "The server terminated an operation because it detected a loop of client requests. \
             Please contact your app vendor."
                .to_owned(),
        )
    }
}
