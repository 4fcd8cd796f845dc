//! Cosmos DB, Microsoft Graph, Service Bus and Event Hubs, Cognitive Services, and the common words
//! of other data planes.

use super::{
    super::{
        Actor, Diagnosis, after, command::Command, guid_after, quoted_after, shown, value::Value,
    },
    answer::Answer,
    arm::grant,
    token,
};

pub(super) fn of(answer: &Answer) -> Option<Diagnosis> {
    if answer.status != 403 && answer.status != 401 {
        return None;
    }
    if answer.says("required RBAC permissions") {
        return Some(cosmos(answer));
    }
    if answer.says("cannot be authorized by AAD token in data plane") {
        return Some(cosmos_control_plane());
    }
    if answer.says("claim(s) are required") {
        return Some(claims_required(answer));
    }
    if answer.says("local authorization is disabled")
        || answer.says("key based authentication is not permitted")
        || answer.is("KeyBasedAuthenticationNotPermitted")
    {
        return Some(keys_are_off());
    }
    if answer.says("lacks the required data action") {
        return Some(data_action(answer));
    }
    if answer.says("does not have access to ingest data") {
        return Some(ingestion());
    }
    if answer.says("have insufficient access to perform") {
        return Some(log_analytics());
    }
    if answer.is("Authorization_RequestDenied")
        || answer.says("insufficient privileges to complete")
    {
        return Some(graph());
    }
    if answer.status == 403 && token::is_about_the_network(answer) {
        return Some(token::network("the resource"));
    }
    None
}

/// "Request blocked by Auth {account}: Request is blocked because principal [O] does not have
/// required RBAC permissions to perform action [A] on resource [R]." Microsoft Learn, "Use data
/// plane role-based access control with Azure Cosmos DB for NoSQL".
fn cosmos(answer: &Answer) -> Diagnosis {
    const READER: &str = "00000000-0000-0000-0000-000000000001";
    const CONTRIBUTOR: &str = "00000000-0000-0000-0000-000000000002";
    let message = &answer.message;
    let action = after(message, "perform action [").and_then(|rest| rest.split(']').next());
    let object = guid_after(message, "principal").and_then(|id| Value::guid(&id));
    let account = after(message, "blocked by Auth ")
        .and_then(|rest| rest.split([' ', ':']).next())
        .and_then(Value::name);
    let reads = action.is_some_and(|action| {
        let lower = action.to_ascii_lowercase();
        lower.ends_with("/read") || lower.ends_with("readmetadata")
    });
    let (role, name) = match reads {
        true => (READER, "Cosmos DB Built-in Data Reader"),
        false => (CONTRIBUTOR, "Cosmos DB Built-in Data Contributor"),
    };
    let happened = match action {
        Some(action) => format!("The target tenant's service principal of the app has no data role that allows the action {} on the Cosmos DB account.", shown(action)),
        None => "The target tenant's service principal of the app has no data role for this operation on the Cosmos DB account.".to_owned(),
    };
    const NO_ACCOUNT: &str = "name of the Cosmos DB account";
    const NO_GROUP: &str = "name of its resource group";
    const NO_OBJECT: &str = "object id of the service principal in the target tenant";
    let role = Value::fixed(role);
    let everything = Value::fixed("/");
    Diagnosis::new(
        Actor::TargetAdministrator,
        happened,
        format!("Grant that service principal the data role {name} on the account. It is one of Cosmos DB's own roles: a role assignment of Azure Resource Manager gives no access to data."),
    )
    .with_commands([
        Command::az("cosmosdb sql role assignment create")
            .value_or("--account-name", account.as_ref(), NO_ACCOUNT)
            .placeholder("--resource-group", NO_GROUP)
            .value("--role-definition-id", &role)
            .value_or("--principal-id", object.as_ref(), NO_OBJECT)
            .value("--scope", &everything),
        Command::powershell("New-AzCosmosDBSqlRoleAssignment")
            .value_or("-AccountName", account.as_ref(), NO_ACCOUNT)
            .placeholder("-ResourceGroupName", NO_GROUP)
            .value("-RoleDefinitionId", &role)
            .value_or("-PrincipalId", object.as_ref(), NO_OBJECT)
            .value("-Scope", &everything),
    ])
    .with_link("https://aka.ms/cosmos-native-rbac")
}

/// Cosmos DB's substatus 5300: only Resource Manager can create databases and containers.
fn cosmos_control_plane() -> Diagnosis {
    Diagnosis::new(
        Actor::Developer,
        "Cosmos DB takes no Microsoft Entra token for this operation on its data endpoint, whatever role the app has: it creates or changes a database or a container.",
        "Create databases and containers through Azure Resource Manager. The data endpoint is for items alone.",
    )
    .with_link("https://aka.ms/cosmos-native-rbac")
}

/// "Unauthorized access. 'Listen' claim(s) are required to perform this operation." of Service Bus
/// and Event Hubs.
fn claims_required(answer: &Answer) -> Diagnosis {
    let role = if answer.says("'Send'") {
        "Azure Service Bus Data Sender or Azure Event Hubs Data Sender"
    } else if answer.says("'Manage'") {
        "Azure Service Bus Data Owner or Azure Event Hubs Data Owner"
    } else {
        "Azure Service Bus Data Receiver or Azure Event Hubs Data Receiver"
    };
    Diagnosis::new(
        Actor::TargetAdministrator,
        "The target tenant's service principal of the app has no data role for this operation on the namespace.",
        format!("Grant that service principal the role {role}. Reader and Contributor give no access to messages. The role may take several minutes to take effect."),
    )
    .with_commands(grant(None, None, None))
}

/// "The authentication token provided does not have access to ingest data for the data collection
/// rule …" of Azure Monitor's Logs Ingestion API.
fn ingestion() -> Diagnosis {
    Diagnosis::new(
        Actor::TargetAdministrator,
        "The target tenant's service principal of the app has no role on the data collection rule.",
        "Grant that service principal the role Monitoring Metrics Publisher on the data collection rule. The role may take up to half an hour to take effect.",
    )
    .with_commands(grant(None, Some("Monitoring Metrics Publisher"), None))
}

/// "The provided credentials have insufficient access to perform the requested operation" of Log
/// Analytics.
fn log_analytics() -> Diagnosis {
    Diagnosis::new(
        Actor::TargetAdministrator,
        "The target tenant's service principal of the app has no role for this query on the workspace.",
        "Grant that service principal the role Log Analytics Reader on the workspace. The role may take several minutes to take effect.",
    )
    .with_commands(grant(None, Some("Log Analytics Reader"), None))
}

/// The client signs with a key, but the account accepts only tokens.
fn keys_are_off() -> Diagnosis {
    Diagnosis::new(
        Actor::Developer,
        "The request was signed with an account key, and the account takes Microsoft Entra tokens only.",
        "Give the client this crate's credential instead of a key or a connection string.",
    )
}

/// "The principal `O` lacks the required data action `A` to perform `POST …` operation."
fn data_action(answer: &Answer) -> Diagnosis {
    let message = &answer.message;
    let object = guid_after(message, "principal").and_then(|id| Value::guid(&id));
    let action = after(message, "data action `")
        .and_then(|rest| rest.split('`').next())
        .or_else(|| quoted_after(message, "data action"));
    let named = action.map_or("this operation".to_owned(), |action| {
        format!("the data action {}", shown(action))
    });
    Diagnosis::new(
        Actor::TargetAdministrator,
        format!("The target tenant's service principal of the app has no role that allows {named}."),
        "Grant that service principal a data role of the service. Reader and Contributor give no access to data. The role may take several minutes to take effect.",
    )
    .with_commands(grant(object.as_ref(), None, None))
}

/// Microsoft Learn, "Resolve Microsoft Graph authorization errors".
fn graph() -> Diagnosis {
    Diagnosis::new(
        Actor::TargetAdministrator,
        "The app has no permission in the target tenant for this request to Microsoft Graph.",
        "Grant admin consent to the app's application permissions in the target tenant. The home tenant's administrator adds them to the app first; delegated permissions do not count for a service.",
    )
    .with_link("https://learn.microsoft.com/graph/resolve-auth-errors")
}
