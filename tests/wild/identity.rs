//! The host's identity endpoint, and what stands in its place.

use super::*;
use Actor::{Developer, HomeAdministrator as Home, Nobody, Operator};
use azure_identity::UserAssignedId;
use cross_tenant_identity::{ManagedIdentityAssertion, ManagedIdentityAssertionOptions, Stage};

/// What the assertion says when IMDS, or whatever is in its place, gives this answer.
async fn refused_at_imds(transport: ClientOptions) -> azure_core::Error {
    let options = ManagedIdentityAssertionOptions {
        user_assigned_id: Some(UserAssignedId::ClientId(OBJECT.to_owned())),
        client_options: transport,
        retry: Some(RetryOptions::none()),
        imds_endpoint: Some("http://127.0.0.1:2".to_owned()),
        ..Default::default()
    };
    let assertion = ManagedIdentityAssertion::new(Some(options)).unwrap();
    assertion.secret(None).await.unwrap_err()
}

#[tokio::test]
async fn each_refusal_is_explained() {
    let text = |status, body: &str| Answer::of(status, "content-type", "text/plain", body);
    let page = "<!DOCTYPE html><html><head><title>Access Denied</title></head><body>Contoso Web Gateway</body></html>";
    for (name, answer, told) in [
        (
            "the agent wraps what IMDS said",
            text(
                403,
                r#"failed to refresh token, error: adal: Refresh request failed. Status Code = '400'. Response body: {"error":"invalid_request","error_description":"Identity not found"}"#,
            ),
            Told::by(
                Operator,
                &[
                    "is not assigned to this host",
                    "failed to refresh token",
                    "az vm identity assign",
                ],
            )
            .never(&["no IMDS answers"]),
        ),
        (
            "the agent knows no identity for the pod",
            text(404, "no azure identity found for request clientID"),
            Told::by(Operator, &["no azure identity found", "pod identity"]),
        ),
        (
            "the agent's other words",
            text(
                403,
                "failed to refresh token, error: adal: Refresh request failed. Status Code = '400'. Response body: Bad Request",
            ),
            Told::by(Operator, &["Bad Request", "pod identity"]),
        ),
        (
            "not found, in JSON",
            Answer::json(404, r#"{"error":"Not found"}"#),
            Told::by(
                Operator,
                &["Not found", "there is nothing under the address"],
            )
            .never(&["410"]),
        ),
        (
            "gone",
            Answer::json(410, "{}"),
            Told::by(Nobody, &["410 clears within 70 seconds"]),
        ),
        (
            "a proxy's page",
            Answer::of(403, "content-type", "text/html", page),
            Told::by(
                Operator,
                &["Access Denied Contoso Web Gateway", "in the place of IMDS"],
            )
            .never(&["<html"]),
        ),
        (
            "a page that says it succeeds",
            Answer::of(200, "content-type", "text/html", "<html>eyJ Welcome</html>"),
            Told::by(Operator, &["text/html", "captive portal"]).never(&["Welcome"]),
        ),
        (
            "a body that is encoded",
            Answer::of(200, "content-encoding", "gzip", [0x1f, 0x8b, 8]),
            Told::by(Operator, &["content encoding gzip"]),
        ),
        (
            "Azure Arc",
            Answer::of(
                401,
                "www-authenticate",
                "Basic realm=/var/opt/azcmagent/tokens/x.key",
                "",
            ),
            Told::by(Developer, &["Azure Arc", "managed_identity.host"]),
        ),
        (
            "Azure Arc on Windows",
            Answer::of(
                401,
                "www-authenticate",
                r"Basic realm=C:\ProgramData\AzureConnectedMachineAgent\Tokens\x.key",
                "",
            ),
            Told::by(Developer, &["Azure Arc"]),
        ),
        (
            "Docker Desktop, whose words are in the status line",
            text(403, ""),
            Told::by(Operator, &["Docker Desktop"]),
        ),
        (
            "Docker Desktop, with the words in the body",
            text(
                403,
                "connecting to 169.254.169.254:80: connecting to 169.254.169.254:80: dial tcp 169.254.169.254:80: connectex: A socket operation was attempted to an unreachable network.",
            ),
            Told::by(Operator, &["Docker Desktop", "unreachable network"]),
        ),
        (
            "Amazon's metadata service",
            Answer::of(401, "server", "EC2ws", "<html>401</html>"),
            Told::by(Operator, &["another cloud's metadata service"]),
        ),
        (
            "Google's metadata service",
            Answer::of(404, "metadata-flavor", "Google", "<html>404</html>"),
            Told::by(Operator, &["another cloud's metadata service"]),
        ),
        (
            "App Service's endpoint",
            Answer::json(400, r#"{"statusCode":400,"message":"Bad Request"}"#),
            Told::by(Developer, &["App Service"]),
        ),
        (
            "an identity that was deleted",
            Answer::json(
                400,
                r#"{"error":"unauthorized_client","error_description":"AADSTS700016: Application with identifier 'x' was not found in the directory 'y'."}"#,
            ),
            Told::by(Home, &["Create the managed identity anew"]).code(700_016),
        ),
        (
            "no identity, in older words",
            Answer::json(
                400,
                r#"{"statusCode":400,"message":"No MSI found for specified ClientId/ResourceId."}"#,
            ),
            Told::by(Operator, &["is not assigned to this host"]),
        ),
        (
            "IMDS itself, without JSON",
            Answer::of(
                404,
                "server",
                "IMDS/150.870.65.476",
                "<html>Not Found</html>",
            ),
            Told::by(Operator, &["Not Found"]).never(&["Something other than IMDS"]),
        ),
        (
            "a gateway",
            Answer::json(502, ""),
            Told::by(Operator, &["proxy"]),
        ),
        (
            "a byte-order mark before the refusal",
            Answer::json(
                400,
                "\u{feff}{\"error\":\"invalid_request\",\"error_description\":\"Identity not found\"}",
            ),
            Told::by(Operator, &["is not assigned to this host"]),
        ),
    ] {
        let error = refused_at_imds(answer.client_options()).await;
        assert_eq!(Error::find(&error).unwrap().stage(), Stage::Assertion);
        told.check(name, &error);
    }
}

#[derive(Debug)]
struct Fails(fn() -> azure_core::Error);

#[async_trait::async_trait]
impl HttpClient for Fails {
    async fn execute_request(&self, _: &Request) -> azure_core::Result<AsyncRawResponse> {
        Err((self.0)())
    }
}

#[tokio::test]
async fn nobody_there_may_mean_not_yet() {
    let refused: fn() -> azure_core::Error =
        || std::io::Error::from(std::io::ErrorKind::ConnectionRefused).into();
    let options = ClientOptions {
        transport: Some(Transport::new(Arc::new(Fails(refused)))),
        ..Default::default()
    };
    let error = refused_at_imds(options).await;
    assert!(Error::find(&error).unwrap().is_transient());
    Told::by(
        Operator,
        &["not here, or not started yet", "the connection was refused"],
    )
    .check("nobody listens", &error);
}
