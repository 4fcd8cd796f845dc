//! Refusals of a token request for its form, its tenant or its app.

use crate::entra::refusal::Refusal;

impl Refusal {
    pub(crate) fn only_post(method: &str) -> Refusal {
        Refusal::request(
            900_561,
            format!("The endpoint only accepts POST requests. Received a {method} request."),
        )
    }

    pub(crate) fn duplicate_field(name: &str) -> Refusal {
        Refusal::request(
            9_000_411,
            format!("The request is not properly formatted. The parameter '{name}' is duplicated."),
        )
    }

    pub(crate) fn missing_field(name: &str) -> Refusal {
        Refusal::request(
            900_144,
            format!("The request body must contain the following parameter: '{name}'."),
        )
    }

    pub(crate) fn unsupported_grant(grant: &str) -> Refusal {
        Refusal::new(
            "unsupported_grant_type",
            70003,
            format!("The app requested an unsupported grant type '{grant}'."),
        )
    }

    pub(crate) fn no_client_credential() -> Refusal {
        Refusal::client(
            7_000_218,
            "The request body must contain the following parameter: 'client_assertion' or \
             'client_secret'."
                .to_owned(),
        )
    }

    pub(crate) fn assertion_type() -> Refusal {
        Refusal::client(
            7_000_216,
            "'client_assertion', 'client_secret' or 'request' is required for the \
             'client_credentials' grant type."
                .to_owned(),
        )
    }

    pub(crate) fn wrong_secret(client_id: &str) -> Refusal {
        Refusal::client(
            7_000_215,
            format!(
                "Invalid client secret provided. Ensure the secret being sent in the request is \
                 the client secret value, not the client secret ID, for a secret added to app \
                 '{client_id}'."
            ),
        )
    }

    pub(crate) fn scope_without_default(scope: &str) -> Refusal {
        Refusal::new(
            "invalid_scope",
            1_002_012,
            format!(
                "The provided value for scope {scope} is not valid. Client credential flows must \
                 have a scope value with /.default suffixed to the resource identifier \
                 (application ID URI)."
            ),
        )
    }

    pub(crate) fn malformed_scope(scope: &str) -> Refusal {
        Refusal::new(
            "invalid_scope",
            70011,
            format!(
                "The provided request must include a 'scope' input parameter. The provided value \
                 for the input parameter 'scope' is not valid. The scope {scope} is not valid."
            ),
        )
    }

    pub(crate) fn several_resources() -> Refusal {
        Refusal::request(
            700_022,
            "The provided value for the input parameter 'scope' is not valid because it contains \
             more than one resource."
                .to_owned(),
        )
    }

    pub(crate) fn no_resource() -> Refusal {
        Refusal::request(
            700_023,
            "The provided value for the input parameter 'scope' is not valid because it doesn't \
             contain a resource."
                .to_owned(),
        )
    }

    pub(crate) fn malformed_tenant(tenant: &str) -> Refusal {
        Refusal::request(
            900_023,
            format!(
                "Specified tenant identifier '{tenant}' is neither a valid DNS name, nor a valid \
                 external domain."
            ),
        )
    }

    pub(crate) fn unknown_tenant(tenant: &str) -> Refusal {
        Refusal::request(
            90002,
            format!(
                "Tenant '{tenant}' not found. Check to make sure you have the correct tenant ID \
                 and are signing into the correct cloud. Check with your subscription \
                 administrator, this may happen if there are no active subscriptions for the \
                 tenant."
            ),
        )
    }

    pub(crate) fn common_for_single_tenant(client_id: &str, name: &str) -> Refusal {
        Refusal::request(
            50194,
            format!(
                "Application '{client_id}'({name}) is not configured as a multi-tenant \
                 application. Usage of the /common endpoint is not supported for such apps \
                 created after '10/15/2018'. Use a tenant-specific endpoint or configure the \
                 application to be multi-tenant."
            ),
        )
    }

    pub(crate) fn common_for_client_credentials() -> Refusal {
        Refusal::request(
            9_001_023,
            "The grant type 'client_credentials' is not supported over the /common or \
             /consumers endpoints. Please use the /organizations or tenant-specific endpoint."
                .to_owned(),
        )
    }

    pub(crate) fn unknown_application(client_id: &str, tenant_name: &str) -> Refusal {
        Refusal::new(
            "unauthorized_client",
            700_016,
            format!(
                "Application with identifier '{client_id}' was not found in the directory \
                 '{tenant_name}'. This can happen if the application has not been installed by \
                 the administrator of the tenant or consented to by any user in the tenant. You \
                 may have sent your authentication request to the wrong tenant."
            ),
        )
    }
}
