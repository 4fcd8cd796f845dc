//! The resources that a token is for: what they say when they refuse it.

use super::*;
use Actor::{Developer, Nobody, Operator, TargetAdministrator as Target};
use azure_core::{error::ErrorKind, http::RawResponse};

const SUBSCRIPTION: &str = "66666666-6666-4666-8666-666666666666";
const GROUP: &str = "/subscriptions/66666666-6666-4666-8666-666666666666/resourceGroups/rg";

/// What an SDK client makes of such an answer.
fn error_of(answer: &Answer) -> azure_core::Error {
    let status = StatusCode::from(answer.status);
    let raw = RawResponse::from_bytes(status, answer.headers(), answer.body.clone());
    let kind = ErrorKind::HttpResponse {
        status,
        error_code: None,
        raw_response: Some(Box::new(raw)),
    };
    azure_core::Error::with_message(kind, "the client's own words").with_context("and some more")
}

fn json(status: u16, code: &str, message: &str) -> Answer {
    let body = serde_json::json!({"error": {"code": code, "message": message}});
    Answer::json(status, body.to_string())
}

fn challenged(mut answer: Answer, challenge: &str) -> Answer {
    answer
        .headers
        .push(("www-authenticate", challenge.to_owned()));
    answer
}

fn inner(status: u16, code: &str, inner: &str, message: &str) -> Answer {
    let body = serde_json::json!({"error": {"code": code, "message": message, "innererror": {"code": inner}}});
    Answer::json(status, body.to_string())
}

fn xml(status: u16, code: &str, detail: &str) -> Answer {
    let detail = match detail {
        "" => String::new(),
        text => format!("<AuthenticationErrorDetail>{text}</AuthenticationErrorDetail>"),
    };
    let body = format!(
        "\u{feff}<?xml version=\"1.0\" encoding=\"utf-8\"?><Error><Code>{code}</Code><Message>Server failed to authenticate the request.\nRequestId:r\nTime:t</Message>{detail}</Error>"
    );
    Answer::of(status, "content-type", "application/xml", body)
}

const STORAGE_CHALLENGE: &str = "Bearer authorization_uri=https://login.microsoftonline.com/22222222-2222-4222-8222-222222222222/oauth2/authorize resource_id=https://storage.azure.com";
const VAULT_CHALLENGE: &str = "Bearer authorization=\"https://login.microsoftonline.com/22222222-2222-4222-8222-222222222222\", resource=\"https://vault.azure.net\"";

const GRAPH_CHALLENGE: &str = "Bearer realm=\"\", authorization_uri=\"https://login.microsoftonline.com/common/oauth2/authorize\", client_id=\"00000003-0000-0000-c000-000000000000\"";

fn microsoft_graph() -> Vec<(&'static str, Answer, Told)> {
    let invalid = |message| {
        challenged(
            json(401, "InvalidAuthenticationToken", message),
            GRAPH_CHALLENGE,
        )
    };
    vec![
        (
            "a permission of the directory",
            json(
                403,
                "Authorization_RequestDenied",
                "Insufficient privileges to complete the operation.",
            ),
            Told::by(
                Target,
                &[
                    "no permission in the target tenant",
                    "admin consent",
                    "appRoles[?value==",
                    "New-AzADServicePrincipalAppRoleAssignment",
                ],
            ),
        ),
        // microsoftgraph/microsoft-graph-docs#19105.
        (
            "a permission of Teams",
            json(
                403,
                "Forbidden",
                "Missing role permissions on the request. API requires one of 'TeamworkTag.Read, TeamworkTag.ReadWrite'. Roles on the request 'TeamSettings.Read.All, TeamworkTag.Read.All'.",
            ),
            Told::by(
                Target,
                &[
                    "It needs one of TeamworkTag.Read, TeamworkTag.ReadWrite.",
                    "-EQ TeamworkTag.Read\n",
                ],
            ),
        ),
        // kayasax/EasyPIM#37.
        (
            "a permission of role management",
            json(
                403,
                "UnknownError",
                r#"{"errorCode":"PermissionScopeNotGranted","message":"Authorization failed due to missing permission scope PrivilegedAccess.Read.AzureADGroup,PrivilegedAccess.ReadWrite.AzureADGroup.","instanceAnnotations":[]}"#,
            ),
            Told::by(
                Target,
                &[
                    "one of PrivilegedAccess.Read.AzureADGroup, PrivilegedAccess.ReadWrite.AzureADGroup.",
                ],
            ),
        ),
        // microsoftgraph/microsoft-graph-explorer-v4#3165.
        (
            "a permission for sign-in logs",
            json(
                403,
                "Authentication_MSGraphPermissionMissing",
                "Calling principal does not have required MSGraph permissions AuditLog.Read.All",
            ),
            Told::by(Target, &["It needs AuditLog.Read.All."]),
        ),
        // srozemuller/IntuneAssistant#6.
        (
            "a permission of Intune",
            json(
                403,
                "Forbidden",
                "Application is not authorized to perform this operation. Application must have one of the following scopes: DeviceManagementConfiguration.Read.All, DeviceManagementConfiguration.ReadWrite.All - Operation ID (for customer support): 1.2",
            ),
            Told::by(
                Target,
                &["It needs one of DeviceManagementConfiguration.Read.All, "],
            ),
        ),
        // Microsoft Learn, "Error: The identity of the calling application could not be established".
        (
            "a token without oid",
            json(
                401,
                "Authorization_IdentityNotFound",
                "The identity of the calling application could not be established.",
            ),
            Told::by(Target, &["no service principal", "az ad sp create --id"]),
        ),
        (
            "a disabled service principal",
            json(403, "Authorization_IdentityDisabled", ""),
            Told::by(Target, &["disabled", "accountEnabled=true"]),
        ),
        (
            "another audience",
            invalid("Access token validation failure. Invalid audience."),
            Told::by(
                Developer,
                &[
                    "another resource",
                    "\"https://graph.microsoft.com/.default\"",
                ],
            ),
        ),
        (
            "another audience, without a challenge",
            json(
                401,
                "InvalidAuthenticationToken",
                "Access token validation failure. Invalid audience.",
            ),
            Told::by(Developer, &["another resource"]),
        ),
        (
            "an expired token",
            invalid("Lifetime validation failed, the token is expired."),
            Told::by(Operator, &["had expired"]),
        ),
        // Azure-Samples/active-directory-aspnetcore-webapp-openidconnect-v2#198.
        (
            "no token of Entra",
            invalid("CompactToken parsing failed with error code: 80049217"),
            Told::by(
                Developer,
                &[
                    "does not take the access token",
                    "\"https://graph.microsoft.com/.default\"",
                ],
            ),
        ),
        (
            "no token",
            invalid("Access token is empty."),
            Told::by(Developer, &["carried no token"]),
        ),
        (
            "another cloud's challenge",
            challenged(
                json(401, "InvalidAuthenticationToken", "Invalid audience."),
                &GRAPH_CHALLENGE.replace("microsoftonline.com", "microsoftonline.us"),
            ),
            Told::by(Developer, &["of the right cloud"]).never(&["graph.microsoft.com"]),
        ),
        // GearPlug/microsoftgraph-python#20.
        (
            "a request about the signed-in user",
            json(
                400,
                "BadRequest",
                "/me request is only valid with delegated authentication flow.",
            ),
            Told::by(Developer, &["/users/{id}"]),
        ),
    ]
}

fn resource_manager() -> Vec<(&'static str, Answer, Told)> {
    vec![
        (
            "a token without oid",
            json(
                401,
                "InvalidAuthenticationToken",
                "The received access token is not valid: at least one of the claims 'puid' or 'altsecid' or 'oid' should be present. If you are accessing as application please make sure service principal is properly created in the tenant.",
            ),
            Told::by(
                Target,
                &[
                    "no service principal in the tenant",
                    "az ad sp create --id",
                    "New-AzADServicePrincipal",
                ],
            ),
        ),
        (
            "another audience",
            json(
                401,
                "InvalidAuthenticationTokenAudience",
                "The access token has been obtained for wrong audience or resource 'https://graph.microsoft.com'. It should exactly match with one of the allowed audiences 'https://management.core.windows.net/','https://management.core.windows.net','https://management.azure.com/','https://management.azure.com'.",
            ),
            Told::by(
                Developer,
                &[
                    "Set the scope to \"https://management.azure.com/.default\"",
                    "for \"https://graph.microsoft.com\"",
                ],
            ),
        ),
        (
            "another audience, one allowed",
            json(
                401,
                "InvalidAuthenticationTokenAudience",
                "The access token has been obtained for wrong audience or resource 'A'. It should exactly match (including forward slash) with one of the allowed audiences 'https://b.example/'.",
            ),
            Told::by(
                Developer,
                &["Set the scope to \"https://b.example/.default\""],
            ),
        ),
        (
            "a linked scope",
            json(
                403,
                "LinkedAuthorizationFailed",
                &format!(
                    "The client '{APP}' with object id '{OBJECT}' has permission to perform action 'Microsoft.Compute/virtualMachines/write' on scope '{GROUP}/providers/Microsoft.Compute/virtualMachines/vm'; however, it does not have permission to perform action(s) 'Microsoft.ManagedIdentity/userAssignedIdentities/assign/action' on the linked scope(s) '{GROUP}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/id' (respectively) or the linked scope(s) are invalid."
                ),
            ),
            Told::by(
                Target,
                &[
                    "linked scope",
                    "'Managed Identity Operator'",
                    "--assignee-object-id 55555555-5555-4555-8555-555555555555",
                    "userAssignedIdentities/id",
                ],
            ),
        ),
        (
            "a linked subscription of another tenant",
            json(
                403,
                "LinkedAuthorizationFailed",
                &format!(
                    "The client has permission to perform action 'Microsoft.Compute/galleries/images/read' on scope '{GROUP}', however the current tenant '{TARGET}' is not authorized to access linked subscription '{SUBSCRIPTION}'."
                ),
            ),
            Told::by(
                Developer,
                &[
                    "x-ms-authorization-auxiliary",
                    "66666666-6666-4666-8666-666666666666",
                    "for_tenant",
                ],
            ),
        ),
        (
            "no subscription, quoted",
            json(
                404,
                "SubscriptionNotFound",
                &format!("The subscription '{SUBSCRIPTION}' could not be found."),
            ),
            Told::by(
                Developer,
                &["az account show --subscription 66666666-6666-4666-8666-666666666666"],
            ),
        ),
        (
            "no subscription, bare",
            json(
                404,
                "SubscriptionNotFound",
                &format!("The subscription {SUBSCRIPTION} could not be found."),
            ),
            Told::by(
                Developer,
                &["az account show --subscription 66666666-6666-4666-8666-666666666666"],
            ),
        ),
        (
            "an expired token",
            json(
                401,
                "ExpiredAuthenticationToken",
                "The access token expiry UTC time '1' is earlier than current UTC time '2'.",
            ),
            Told::by(Operator, &["had expired"]),
        ),
    ]
}

fn storage() -> Vec<(&'static str, Answer, Told)> {
    vec![
        (
            "an address that is not allowed",
            xml(403, "AuthorizationSourceIPMismatch", ""),
            Told::by(Target, &["firewall"]),
        ),
        (
            "an expired token",
            xml(
                403,
                "AuthenticationFailed",
                "Lifetime validation failed. The token is expired.",
            ),
            Told::by(
                Operator,
                &[
                    "had expired",
                    "Lifetime validation failed. The token is expired.",
                ],
            ),
        ),
        (
            "another audience",
            xml(
                401,
                "InvalidAuthenticationInfo",
                "Audience validation failed. Audience did not match.",
            ),
            Told::by(Developer, &["is for another resource"]),
        ),
        (
            "another tenant",
            challenged(
                xml(
                    401,
                    "InvalidAuthenticationInfo",
                    "Issuer validation failed. Issuer did not match.",
                ),
                STORAGE_CHALLENGE,
            ),
            Told::by(
                Developer,
                &["Use tenant 22222222-2222-4222-8222-222222222222"],
            ),
        ),
        (
            "the firewall",
            xml(403, "AuthorizationFailure", ""),
            Told::by(Target, &["firewall", "private endpoint"]),
        ),
        (
            "no token",
            challenged(
                xml(401, "NoAuthenticationInformation", ""),
                STORAGE_CHALLENGE,
            ),
            Told::by(
                Developer,
                &[
                    "tenant 22222222-2222-4222-8222-222222222222",
                    "\"https://storage.azure.com/.default\"",
                ],
            ),
        ),
        (
            "no data role",
            xml(403, "AuthorizationPermissionMismatch", ""),
            Told::by(Target, &["Storage Blob Data Reader"]),
        ),
        (
            "a table",
            Answer::json(
                403,
                r#"{"odata.error":{"code":"AuthenticationFailed","message":{"lang":"en-US","value":"Server failed to authenticate the request.\nRequestId:r"}}}"#,
            ),
            Told::by(
                Developer,
                &["could not authenticate", "AuthenticationFailed"],
            ),
        ),
        (
            "a table without a role",
            Answer::json(
                403,
                r#"{"odata.error":{"code":"AuthorizationPermissionMismatch","message":{"lang":"en-US","value":"x"}}}"#,
            ),
            Told::by(Target, &["data role"]),
        ),
    ]
}

fn vault() -> Vec<(&'static str, Answer, Told)> {
    vec![
        (
            "one slash too many",
            challenged(
                json(
                    401,
                    "Unauthorized",
                    "AKV10022: Invalid audience. Expected https://vault.azure.net, found: https://vault.azure.net/.",
                ),
                VAULT_CHALLENGE,
            ),
            Told::by(
                Developer,
                &["Set the scope to \"https://vault.azure.net/.default\""],
            )
            .never(&["tenant", "management.azure.com", "storage.azure.com"]),
        ),
        (
            "another audience",
            json(
                401,
                "Unauthorized",
                "AKV10022: Invalid audience. Expected https://vault.azure.net or cfa8b339-82a2-471a-a3c9-0fc0be7a4093, found: https://management.azure.com/.",
            ),
            Told::by(
                Developer,
                &[
                    "\"https://vault.azure.net/.default\"",
                    "for \"https://management.azure.com/\"",
                ],
            )
            .never(&["storage.azure.com"]),
        ),
        (
            "another tenant",
            challenged(
                json(
                    401,
                    "Unauthorized",
                    "AKV10032: Invalid issuer. Expected one of https://sts.windows.net/x/, found https://sts.windows.net/y/.",
                ),
                VAULT_CHALLENGE,
            ),
            Told::by(
                Developer,
                &["Use tenant 22222222-2222-4222-8222-222222222222"],
            ),
        ),
        (
            "an expired token",
            json(
                401,
                "Unauthorized",
                "[TokenExpired] Error validating token: 'S2S12086'.",
            ),
            Told::by(Operator, &["had expired", "TokenExpired"]),
        ),
        (
            "an expired token, in older words",
            json(401, "Unauthorized", "Error validating token: IDX10223"),
            Told::by(Operator, &["had expired"]),
        ),
        (
            "a token of the future",
            json(401, "Unauthorized", "Token not yet valid (Activity ID: x)"),
            Told::by(Operator, &["not valid yet"]),
        ),
        (
            "a key that the vault does not know yet",
            json(
                401,
                "Unauthorized",
                "AKV10046: Unable to resolve the key used for signature validation.",
            ),
            Told::by(Nobody, &["Try again"]),
        ),
        (
            "no token",
            challenged(
                json(
                    401,
                    "Unauthorized",
                    "AKV10000: Request is missing a Bearer or PoP token.",
                ),
                VAULT_CHALLENGE,
            ),
            Told::by(
                Developer,
                &[
                    "\"https://vault.azure.net/.default\"",
                    "22222222-2222-4222-8222-222222222222",
                ],
            ),
        ),
        (
            "an access policy",
            inner(
                403,
                "Forbidden",
                "AccessDenied",
                &format!(
                    "The user, group or application 'appid={APP};oid={OBJECT};iss=https://sts.windows.net/{TARGET}/' does not have secrets get permission on key vault 'litware-vault;location=x'. For help resolving this issue, please see https://go.microsoft.com/fwlink/?linkid=2125287"
                ),
            ),
            Told::by(
                Target,
                &[
                    "az keyvault set-policy --name litware-vault --object-id 55555555-5555-4555-8555-555555555555 --secret-permissions get",
                    "Set-AzKeyVaultAccessPolicy -VaultName litware-vault",
                ],
            ),
        ),
        (
            "an access policy for keys",
            inner(
                403,
                "Forbidden",
                "AccessDenied",
                &format!(
                    "The user, group or application 'appid={APP};oid={OBJECT};iss=x' does not have keys sign permission on key vault 'litware-vault;location=x'."
                ),
            ),
            Told::by(Target, &["--key-permissions sign"]),
        ),
        (
            "no role",
            inner(
                403,
                "Forbidden",
                "ForbiddenByRbac",
                &format!(
                    "Caller is not authorized to perform action on resource.\r\nCaller: appid={APP};oid={OBJECT};iss=x\r\nAction: 'Microsoft.KeyVault/vaults/secrets/getSecret/action'\r\nResource: '{GROUP}/providers/microsoft.keyvault/vaults/litware-vault/secrets/greeting'\r\nAssignment: (not found)"
                ),
            ),
            Told::by(
                Target,
                &[
                    "the role Key Vault Secrets User on the scope /subscriptions/66666666-6666-4666-8666-666666666666/resourceGroups/rg/providers/microsoft.keyvault/vaults/litware-vault/secrets/greeting.",
                    "--scope /subscriptions/66666666-6666-4666-8666-666666666666/resourceGroups/rg/providers/microsoft.keyvault/vaults/litware-vault/secrets/greeting",
                ],
            ),
        ),
        (
            "the firewall",
            inner(
                403,
                "Forbidden",
                "ForbiddenByFirewall",
                "Client address is not authorized and caller is not a trusted service.",
            ),
            Told::by(Target, &["firewall"]),
        ),
        (
            "the private endpoint",
            inner(
                403,
                "Forbidden",
                "ForbiddenByConnection",
                "Public network access is disabled and request is not from a trusted service nor via an approved private link.",
            ),
            Told::by(Target, &["private endpoint"]),
        ),
    ]
}

fn others() -> Vec<(&'static str, Answer, Told)> {
    vec![
        (
            "a deployment that was refused inside",
            Answer::json(
                400,
                format!(
                    r#"{{"error":{{"code":"DeploymentFailed","message":"At least one resource deployment operation failed.","details":[{{"code":"LinkedAuthorizationFailed","message":"The client has permission to perform action 'x/read' on scope '{GROUP}', however the current tenant '{TARGET}' is not authorized to access linked subscription '{SUBSCRIPTION}'."}}]}}}}"#
                ),
            ),
            Told::by(Developer, &["x-ms-authorization-auxiliary"]),
        ),
        (
            "a malformed subscription",
            json(
                400,
                "InvalidSubscriptionId",
                "The provided subscription identifier 'litware' is malformed or invalid.",
            ),
            Told::by(Developer, &["Check the subscription id"]),
        ),
        (
            "Azure Monitor without a role",
            json(
                403,
                "OperationFailed",
                "The authentication token provided does not have access to ingest data for the data collection rule with immutable Id 'dcr-x'.",
            ),
            Told::by(Target, &["Monitoring Metrics Publisher"]),
        ),
        (
            "Log Analytics without a role",
            json(
                403,
                "InsufficientAccessError",
                "The provided credentials have insufficient access to perform the requested operation",
            ),
            Told::by(Target, &["Log Analytics Reader"]),
        ),
        (
            "Cosmos DB without a data role",
            Answer::json(
                403,
                format!(
                    r#"{{"code":"Forbidden","message":"Request blocked by Auth litware-cosmos : Request is blocked because principal [{OBJECT}] does not have required RBAC permissions to perform action [Microsoft.DocumentDB/databaseAccounts/readMetadata] on resource [/]. Learn more: https://aka.ms/cosmos-native-rbac.\r\nActivityId: x"}}"#
                ),
            ),
            Told::by(
                Target,
                &[
                    "Cosmos DB Built-in Data Reader",
                    "az cosmosdb sql role assignment create --account-name litware-cosmos",
                    "--principal-id 55555555-5555-4555-8555-555555555555",
                ],
            ),
        ),
        (
            "Cosmos DB's control plane",
            Answer::json(
                403,
                r#"{"code":"Forbidden","message":"Request blocked by Auth x : The given request [POST /dbs/c/colls] cannot be authorized by AAD token in data plane."}"#,
            ),
            Told::by(Developer, &["Azure Resource Manager"]),
        ),
        (
            "Cosmos DB's firewall",
            Answer::json(
                403,
                r#"{"code":"Forbidden","message":"Request originated from IP 1.2.3.4 through public internet. This is blocked by your Cosmos DB account firewall settings."}"#,
            ),
            Told::by(Target, &["firewall"]),
        ),
        (
            "Cognitive Services without a data role",
            json(
                401,
                "PermissionDenied",
                &format!(
                    "The principal `{OBJECT}` lacks the required data action `Microsoft.CognitiveServices/accounts/OpenAI/deployments/chat/completions/action` to perform `POST /x` operation."
                ),
            ),
            Told::by(
                Target,
                &[
                    "data action",
                    "--assignee-object-id 55555555-5555-4555-8555-555555555555",
                ],
            ),
        ),
        (
            "Service Bus without a role",
            json(
                401,
                "40103",
                "Unauthorized access. 'Listen' claim(s) are required to perform this operation.",
            ),
            Told::by(Target, &["Data Receiver"]),
        ),
    ]
}

#[test]
fn each_refusal_is_explained() {
    for (name, answer, told) in [
        resource_manager(),
        storage(),
        vault(),
        microsoft_graph(),
        others(),
    ]
    .into_iter()
    .flatten()
    {
        told.check(name, &error_of(&answer));
    }
}

#[test]
fn what_is_not_known_is_printed_as_it_is() {
    for (status, body) in [(409, "{}"), (404, "<html>"), (500, "x"), (429, "{}")] {
        let error = error_of(&Answer::json(status, body));
        assert!(Diagnosis::of(&error).is_none(), "{status}");
        let told = explain(&error).to_string();
        assert_eq!(told, "and some more: the client's own words");
    }
}
