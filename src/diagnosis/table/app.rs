//! The app, and its service principal in the tenant that was asked.

use super::{
    super::remedy::Remedy,
    row::{Retry, Row, When, Who},
};

pub(super) const ROWS: &[Row] = &[
    Row::new(
        &[7_000_229],
        Retry::Later,
        Who::Asked,
        "The target tenant {tenant} has no service principal of the app {app}: the app is not \
         provisioned there.",
        "Create the app's service principal in tenant {tenant}. It may take a minute to take \
         effect.",
    )
    .with(Remedy::Provision)
    .unless(&[(
        When::AtHome,
        Row::new(
            &[],
            Retry::Later,
            Who::Home,
            "The app {app} has no service principal in its home tenant {tenant}. That says \
             nothing of the trust between app and identity, nor of any target tenant.",
            "Create the app's service principal in the home tenant too, if tokens for the home \
             tenant are wanted. Registering an app does not create it. It may take a minute to \
             take effect.",
        )
        .with(Remedy::Provision),
    )]),
    Row::new(
        &[700_016, 70001, 700_011],
        Retry::Later,
        Who::Both,
        "Tenant {tenant} does not know the app {app}.{mix-up} Either the app is single-tenant, or \
         its service principal is missing there, or client_id or tenant_id is wrong.",
        "Check at home that the app exists and is multi-tenant, then create its service principal \
         in the target. In this order: client_id {app} is the client id of the app that is \
         registered in {the home tenant}; the app is multi-tenant (signInAudience \
         AzureADMultipleOrgs), which only the home tenant can change; tenant_id is the tenant \
         meant; the app's service principal exists in tenant {tenant}.",
    )
    .with(Remedy::CheckBoth)
    .unless(&[(
        When::AtHome,
        Row::new(
            &[],
            Retry::Later,
            Who::Home,
            "The home tenant {tenant} does not know the app {app}.{mix-up} That says nothing of \
             the trust between app and identity, nor of any target tenant.",
            "Check that client_id is the client id of the app. In this order: it is not the \
             managed identity's{client id of the identity} and not an object id; the app is \
             registered in tenant {tenant}, where the identity lives; its service principal is \
             created there too.",
        )
        .with(Remedy::Provision),
    )]),
    Row::new(
        &[7_000_112],
        Retry::Never,
        Who::Asked,
        "The app {app} is disabled in {the tenant}.",
        "Enable its service principal in tenant {tenant} again. In the portal that is Enterprise \
         applications, Properties, Enabled for users to sign in.",
    )
    .with(Remedy::Enable),
    Row::new(
        &[50194],
        Retry::Never,
        Who::Home,
        "The app {app} is single-tenant, and was used for another tenant than its own.",
        "Set the app's signInAudience to AzureADMultipleOrgs in {the home tenant}. tenant_id \
         names the target tenant, never common.",
    )
    .with(Remedy::MakeMultiTenant),
    // The resource, and the permissions of the app on it.
    Row::new(
        &[500_011],
        Retry::Never,
        Who::Asked,
        "The resource of the scope {scopes} has no service principal in {the tenant}.",
        "Check the scope {scopes} for typing errors and for the cloud. If it is right, consent \
         to the resource's app, or create its service principal, in tenant {tenant}.",
    ),
    Row::new(
        &[500_014],
        Retry::Never,
        Who::Asked,
        "The service principal of the resource of the scope {scopes} is disabled in {the tenant}.",
        "Enable that service principal in tenant {tenant}. A subscription to the resource's \
         service may have lapsed.",
    ),
    Row::new(
        &[50001],
        Retry::Never,
        Who::Asked,
        "The resource of the scope {scopes} was not found, or is not available to the app {app}, \
         in {the tenant}.",
        "Check that the scope {scopes} names the resource by its application ID URI. If it does, \
         provision the resource's app in tenant {tenant}.",
    ),
    Row::new(
        &[650_052],
        Retry::Never,
        Who::Asked,
        "The service of the scope {scopes} is not there in {the tenant}: its service principal is \
         missing, or the tenant has no subscription to it.",
        "Create the service principal of the resource's app in tenant {tenant}, or subscribe to \
         its service. Check the scope for typing errors first.",
    ),
    Row::new(
        &[650_054],
        Retry::Never,
        Who::Asked,
        "The resource of the scope {scopes} was removed from {the tenant}, or is no longer \
         available.",
        "Check that the resource's app still exists in tenant {tenant}.",
    ),
    Row::new(
        &[65001, 90094, 90008],
        Retry::Never,
        Who::Asked,
        "Nobody in {the tenant} has consented to the app {app} for the resource of the scope \
         {scopes}.",
        "Grant admin consent to the app {app} in tenant {tenant}. An administrator can do it at \
         https://login.microsoftonline.com/{tenant}/adminconsent?client_id={app} or under \
         Enterprise applications, Permissions.",
    ),
    Row::new(
        &[65005, 650_056, 650_057],
        Retry::Never,
        Who::Both,
        "The app {app} does not list the resource of the scope {scopes} among its permissions, or \
         {the tenant} has not consented to it.",
        "Add the resource to the app's API permissions at home, then grant admin consent in \
         tenant {tenant}. Check the scope for typing errors first.",
    ),
    Row::new(
        &[65002],
        Retry::Never,
        Who::Developer,
        "The app {app} is one of Microsoft's own, which other tenants' services may not use for \
         the resource of the scope {scopes}.",
        "Set client_id to an app that your own organisation has registered.",
    ),
    Row::new(
        &[90009],
        Retry::Never,
        Who::Developer,
        "The app asks for a token for itself, which is allowed by its client id alone.",
        "Set the scope to the app's client id followed by /.default: \"{app}/.default\".",
    ),
    Row::new(
        &[501_051, 50105],
        Retry::Never,
        Who::Asked,
        "The resource of the scope {scopes} demands an assignment, and the app {app} has none.",
        "Assign an app role of the resource's application{resource app} to the app's service \
         principal. Both are in tenant {tenant}.",
    ),
    // The scope.
    Row::new(
        &[70011],
        Retry::Never,
        Who::Developer,
        "The scope {scopes} is not valid.",
        "Set the scope to {default scopes}, if that is the resource's application ID URI and \
         /.default.",
    ),
    Row::new(
        &[28002, 28003],
        Retry::Never,
        Who::Developer,
        "The scope {scopes} is not valid for this request.",
        "Set the scope to the resource's application ID URI followed by /.default.",
    ),
    Row::new(
        &[1_002_012],
        Retry::Never,
        Who::Developer,
        "The scope {scopes} does not end in /.default, which client credentials demand.",
        "Ask for {default scopes}.",
    ),
    Row::new(
        &[700_022],
        Retry::Never,
        Who::Developer,
        "The scopes {scopes} belong to several resources.",
        "Ask for one resource in each request. A token is for one resource.",
    ),
    Row::new(
        &[700_023],
        Retry::Never,
        Who::Developer,
        "The scopes {scopes} name no resource.",
        "Give the resource in full, such as \"https://management.azure.com/.default\".",
    ),
];
