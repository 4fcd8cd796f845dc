//! Azure Resource Manager.

use super::{
    super::{
        Actor, Diagnosis, after, command::Command, guid_after, quoted_after, shown, value::Value,
    },
    answer::Answer,
};

const NO_OBJECT: &str = "object id of the service principal in the target tenant";
const NO_SCOPE: &str = "resource id of the scope";
const LINK: &str = "https://learn.microsoft.com/azure/role-based-access-control/troubleshooting";

pub(super) fn of(answer: &Answer) -> Option<Diagnosis> {
    match answer.status {
        403 if answer.is("LinkedAuthorizationFailed") => Some(linked(answer)),
        403 if answer.is("AuthorizationFailed") => Some(not_authorized(answer)),
        400 | 404 if answer.is_any(&["SubscriptionNotFound", "InvalidSubscriptionId"]) => {
            Some(no_subscription(answer))
        }
        _ => None,
    }
}

/// Microsoft Learn, "Troubleshoot Azure RBAC".
fn not_authorized(answer: &Answer) -> Diagnosis {
    let said = |words: &str| quoted_after(&answer.message, words);
    let scope = said("over scope");
    let action = said("perform action");
    let mut happened = "The target tenant's service principal of the app".to_owned();
    if let Some(object) = said("object id") {
        happened.push_str(&format!(", object id {},", shown(object)));
    }
    happened.push_str(" has no role that allows ");
    happened.push_str(&match action {
        Some(action) => format!("the action {}", shown(action)),
        None => "the request".to_owned(),
    });
    if let Some(scope) = scope {
        happened.push_str(&format!(" over the scope {}", shown(scope)));
    }
    happened.push('.');
    let reads = action.is_some_and(|action| action.ends_with("/read"));
    let role = if reads { "Reader" } else { "that allows it" };
    let to_do = format!(
        "Grant the role {role} to that service principal. It is the target tenant's, not the home tenant's and not the managed identity. The role may take several minutes to take effect, and a token that is in use may have to be renewed. If the role is there, check the scope: one that does not exist is refused in the same way."
    );
    Diagnosis::new(Actor::TargetAdministrator, happened, to_do)
        .with_commands(grant(
            said("object id").and_then(Value::guid).as_ref(),
            reads.then_some("Reader"),
            scope.and_then(Value::resource_id).as_ref(),
        ))
        .with_link(LINK)
}

/// The request also uses a second resource: a subnet, an image, an identity.
fn linked(answer: &Answer) -> Diagnosis {
    let message = &answer.message;
    if let Some(subscription) = guid_after(message, "linked subscription") {
        let tenant = guid_after(message, "current tenant");
        let of_tenant = tenant.map_or(String::new(), |tenant| format!(" {tenant}"));
        return Diagnosis::new(
            Actor::Developer,
            format!("The request names a resource in the subscription {subscription}, which is of another tenant than the token's{of_tenant}."),
            "Send a token of the other tenant too, in the header x-ms-authorization-auxiliary. Get it from a credential that for_tenant makes for that tenant; the app needs a service principal and a role there. If both subscriptions are of one tenant, wait some minutes and try again.",
        )
        .with_link("https://learn.microsoft.com/azure/azure-resource-manager/management/authenticate-multi-tenant");
    }
    let linked =
        quoted_after(message, "linked scope(s)").or_else(|| quoted_after(message, "linked scope"));
    // The second action in the message is the missing one.
    let action =
        quoted_after(message, "does not have permission to perform action(s)").or_else(|| {
            let second = after(message, "does not have permission")?;
            quoted_after(second, "perform action")
        });
    let mut happened =
        "The request also touches another resource, and the app's service principal has no role there".to_owned();
    if let Some(action) = action {
        happened.push_str(&format!(" that allows the action {}", shown(action)));
    }
    if let Some(linked) = linked {
        happened.push_str(&format!(", the linked scope {}", shown(linked)));
    }
    happened.push('.');
    let role = match action {
        Some(action)
            if action
                .to_ascii_lowercase()
                .contains("userassignedidentities/assign") =>
        {
            Some("Managed Identity Operator")
        }
        Some(action) if action.ends_with("/read") => Some("Reader"),
        _ => None,
    };
    let named = role.map_or("that allows it".to_owned(), |role| format!("{role:?}"));
    let first = linked.and_then(|scopes| Value::resource_id(scopes.split(',').next()?.trim()));
    Diagnosis::new(
        Actor::TargetAdministrator,
        happened,
        format!("Grant the app's service principal a role {named} on the linked scope. The role on the first resource is there already."),
    )
    .with_commands(grant(
        quoted_after(message, "object id").and_then(Value::guid).as_ref(),
        role,
        first.as_ref(),
    ))
    .with_link(LINK)
}

/// A role assignment, for both shells.
pub(super) fn grant(
    object: Option<&Value>,
    role: Option<&'static str>,
    scope: Option<&Value>,
) -> [Command; 2] {
    const NO_ROLE: &str = "role that allows the action";
    let role = role.map(Value::fixed);
    [
        Command::az("role assignment create")
            .value_or("--assignee-object-id", object, NO_OBJECT)
            .fixed("--assignee-principal-type ServicePrincipal")
            .value_or("--role", role.as_ref(), NO_ROLE)
            .value_or("--scope", scope, NO_SCOPE),
        Command::powershell("New-AzRoleAssignment")
            .value_or("-ObjectId", object, NO_OBJECT)
            .value_or("-RoleDefinitionName", role.as_ref(), NO_ROLE)
            .value_or("-Scope", scope, NO_SCOPE),
    ]
}

fn no_subscription(answer: &Answer) -> Diagnosis {
    let id = guid_after(&answer.message, "subscription ")
        .or_else(|| guid_after(&answer.message, "subscription identifier"));
    let happened = match (&id, quoted_after(&answer.message, "subscription")) {
        (Some(id), _) => format!("There is no subscription {id} that the token's tenant can see."),
        (None, Some(text)) => format!(
            "There is no subscription {} that the token's tenant can see.",
            shown(text)
        ),
        _ => "There is no such subscription that the token's tenant can see.".to_owned(),
    };
    let value = id.as_deref().and_then(Value::guid);
    Diagnosis::new(
        Actor::Developer,
        happened,
        "Check the subscription id. It has to belong to the tenant that tenant_id names, and the request has to go to that tenant's cloud.",
    )
    .with_commands(value.map(|id| Command::az("account show").value("--subscription", &id)))
    .with_commands(
        id.as_deref()
            .and_then(Value::guid)
            .map(|id| Command::powershell("Get-AzSubscription").value("-SubscriptionId", &id)),
    )
}
