//! Microsoft Learn, Microsoft Graph REST API v1.0: "List servicePrincipals", "Get servicePrincipal".
//! A managed identity is a service principal, too.

use serde_json::{Value, json};

use crate::{
    graph::{
        access::{READ_OBJECTS, check},
        applications::sign_in_audience,
        collection::Collection,
        error::Error,
        router::{GraphRequest, Key},
    },
    wire::http::Response,
    world::{
        directory::{Directory, ServicePrincipalState},
        principals::ManagedIdentity,
    },
};

impl GraphRequest<'_> {
    pub(crate) fn list_service_principals(&self) -> Result<Response, Error> {
        check(self.caller, READ_OBJECTS)?;
        self.service_principals_collection()
            .page(self.service_principals())
    }

    pub(crate) fn get_service_principal(&self, key: Key<'_>) -> Result<Response, Error> {
        check(self.caller, READ_OBJECTS)?;
        key.check()?;
        let text =
            |object: &Value, name: &str| object[name].as_str().unwrap_or_default().to_owned();
        let found = self
            .service_principals()
            .into_iter()
            .find(|object| key.names(&text(object, "id"), &text(object, "appId")))
            .ok_or_else(|| Error::not_found(key.value()))?;
        self.service_principals_collection().one(found)
    }

    /// Those of the caller's tenant.
    fn service_principals(&self) -> Vec<Value> {
        let is_of_tenant = |id: &str| id.eq_ignore_ascii_case(&self.caller.tenant_id);
        let of_apps = self
            .directory
            .service_principals
            .iter()
            .filter(|state| is_of_tenant(&state.principal.tenant_id))
            .map(|state| of_an_app(self.directory, state));
        let of_identities = self
            .directory
            .identities
            .iter()
            .filter(|identity| is_of_tenant(&identity.tenant_id))
            .map(of_a_managed_identity);
        of_apps.chain(of_identities).collect()
    }

    fn service_principals_collection(&self) -> Collection<'_> {
        Collection {
            request: self.request,
            page_size: self.page_size,
            resource: "servicePrincipal",
            context: "servicePrincipals".to_owned(),
            filterable: &["appId", "displayName"],
        }
    }
}

fn of_an_app(directory: &Directory, state: &ServicePrincipalState) -> Value {
    let principal = &state.principal;
    let app = directory
        .registration(&principal.client_id)
        .map(|app| &app.application);
    let name = app.map(|app| app.display_name.as_str());
    json!({
        "id": principal.object_id,
        "appId": principal.client_id,
        "accountEnabled": state.enabled,
        "appDisplayName": name,
        "displayName": name,
        "appOwnerOrganizationId": app.map(|app| app.tenant_id.as_str()),
        "appRoleAssignmentRequired": false,
        "servicePrincipalType": "Application",
        "signInAudience": app.map(|app| sign_in_audience(app.sign_in_audience)),
        "servicePrincipalNames": [principal.client_id],
        "alternativeNames": [],
        "passwordCredentials": [],
        "keyCredentials": [],
    })
}

/// That it has no owner organization and no sign-in audience is unverified.
fn of_a_managed_identity(identity: &ManagedIdentity) -> Value {
    let alternative_names = match &identity.resource_id {
        Some(id) => vec!["isExplicit=True", id.as_str()],
        None => vec!["isExplicit=False"],
    };
    json!({
        "id": identity.principal_id,
        "appId": identity.client_id,
        "accountEnabled": true,
        "appDisplayName": null,
        "displayName": identity.name,
        "appOwnerOrganizationId": null,
        "appRoleAssignmentRequired": false,
        "servicePrincipalType": "ManagedIdentity",
        "signInAudience": null,
        "servicePrincipalNames": [identity.client_id],
        "alternativeNames": alternative_names,
        "passwordCredentials": [],
        "keyCredentials": [],
    })
}
