//! Deployments, Azure Monitor, Cosmos DB, Microsoft Graph and others.

use super::*;

pub(super) fn refusals() -> Vec<(&'static str, Answer, Told)> {
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
            "Graph without a permission",
            json(
                403,
                "Authorization_RequestDenied",
                "Insufficient privileges to complete the operation.",
            ),
            Told::by(Target, &["admin consent"]),
        ),
        (
            "Graph and another audience",
            json(
                401,
                "InvalidAuthenticationToken",
                "Access token validation failure. Invalid audience.",
            ),
            Told::by(Developer, &["another resource"]),
        ),
        (
            "Graph and an expired token",
            json(
                401,
                "InvalidAuthenticationToken",
                "Lifetime validation failed, the token is expired.",
            ),
            Told::by(Operator, &["had expired"]),
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
