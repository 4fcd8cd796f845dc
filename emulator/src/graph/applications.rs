//! Microsoft Learn, Microsoft Graph REST API v1.0: "List applications", "Get application", "List
//! federatedIdentityCredentials", "Get federatedIdentityCredential".

use serde_json::{Value, json};

use crate::{
    clock,
    graph::{
        access::{READ_FEDERATED_CREDENTIALS, READ_OBJECTS, check},
        collection::Collection,
        error::Error,
        router::{GraphRequest, Key},
    },
    wire::http::Response,
    world::{
        directory::{AppRegistration, KeyMetadata, StoredCredential},
        principals::SignInAudience,
    },
};

impl GraphRequest<'_> {
    pub(crate) fn list_applications(&self) -> Result<Response, Error> {
        check(self.caller, READ_OBJECTS)?;
        let all = self.applications().map(application_json).collect();
        self.applications_collection().page(all)
    }

    pub(crate) fn get_application(&self, key: Key<'_>) -> Result<Response, Error> {
        check(self.caller, READ_OBJECTS)?;
        let app = self.application(key)?;
        self.applications_collection().one(application_json(app))
    }

    pub(crate) fn list_federated_credentials(&self, app: Key<'_>) -> Result<Response, Error> {
        check(self.caller, READ_FEDERATED_CREDENTIALS)?;
        let app = self.application(app)?;
        let all = app
            .federated_credentials
            .iter()
            .map(federated_credential_json)
            .collect();
        self.federated_credentials_collection(app).page(all)
    }

    /// `key` is the id or the name of the credential.
    pub(crate) fn get_federated_credential(
        &self,
        app: Key<'_>,
        key: &str,
    ) -> Result<Response, Error> {
        check(self.caller, READ_FEDERATED_CREDENTIALS)?;
        let app = self.application(app)?;
        let stored = app
            .federated_credentials
            .iter()
            .find(|stored| stored.id.eq_ignore_ascii_case(key) || stored.credential.name == key)
            .ok_or_else(|| Error::not_found(key))?;
        self.federated_credentials_collection(app)
            .one(federated_credential_json(stored))
    }

    /// The apps that are registered in the caller's tenant.
    fn applications(&self) -> impl Iterator<Item = &AppRegistration> {
        self.directory.applications.iter().filter(|app| {
            app.application
                .tenant_id
                .eq_ignore_ascii_case(&self.caller.tenant_id)
        })
    }

    fn application(&self, key: Key<'_>) -> Result<&AppRegistration, Error> {
        key.check()?;
        self.applications()
            .find(|app| key.names(&app.object_id, &app.application.client_id))
            .ok_or_else(|| Error::not_found(key.value()))
    }

    fn applications_collection(&self) -> Collection<'_> {
        Collection {
            request: self.request,
            page_size: self.page_size,
            resource: "application",
            context: "applications".to_owned(),
            filterable: &["appId", "displayName"],
        }
    }

    fn federated_credentials_collection(&self, app: &AppRegistration) -> Collection<'_> {
        Collection {
            request: self.request,
            page_size: self.page_size,
            resource: "federatedIdentityCredential",
            context: format!(
                "applications('{}')/federatedIdentityCredentials",
                app.object_id
            ),
            filterable: &["name", "subject"],
        }
    }
}

fn application_json(app: &AppRegistration) -> Value {
    let application = &app.application;
    json!({
        "id": app.object_id,
        "appId": application.client_id,
        "displayName": application.display_name,
        "signInAudience": sign_in_audience(application.sign_in_audience),
        "identifierUris": [],
        "passwordCredentials": app.secrets.iter().map(secret_json).collect::<Vec<_>>(),
        "keyCredentials": app.certificates.iter().map(certificate_json).collect::<Vec<_>>(),
    })
}

pub(crate) fn sign_in_audience(audience: SignInAudience) -> &'static str {
    match audience {
        SignInAudience::AzureADMyOrg => "AzureADMyOrg",
        SignInAudience::AzureADMultipleOrgs => "AzureADMultipleOrgs",
    }
}

/// Microsoft Learn, "passwordCredential resource type". The secret is shown only when it is created.
fn secret_json(key: &KeyMetadata) -> Value {
    json!({
        "customKeyIdentifier": null,
        "displayName": key.name,
        "endDateTime": clock::iso(key.expires_on),
        "hint": null,
        "keyId": key.id,
        "secretText": null,
        "startDateTime": clock::iso(key.created),
    })
}

/// Microsoft Learn, "keyCredential resource type". The key is shown only with `$select`; here it
/// has none.
fn certificate_json(key: &KeyMetadata) -> Value {
    json!({
        "customKeyIdentifier": null,
        "displayName": key.name,
        "endDateTime": clock::iso(key.expires_on),
        "key": null,
        "keyId": key.id,
        "startDateTime": clock::iso(key.created),
        "type": "AsymmetricX509Cert",
        "usage": "Verify",
    })
}

fn federated_credential_json(stored: &StoredCredential) -> Value {
    let credential = &stored.credential;
    json!({
        "id": stored.id,
        "name": credential.name,
        "issuer": credential.issuer,
        "subject": credential.subject,
        "description": null,
        "audiences": [credential.audience],
    })
}
