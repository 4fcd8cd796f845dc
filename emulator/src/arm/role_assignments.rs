//! Microsoft Learn, REST API reference: "Role Assignments - List For Scope".

use serde_json::json;

use crate::{
    arm::{access::may_read, request::AuthorizedRequest},
    wire::http::Response,
    world::roles::contains,
};

const AUTHORIZATION_API_VERSIONS: &[&str] = &[
    "2015-07-01",
    "2018-01-01-preview",
    "2020-04-01-preview",
    "2022-04-01",
];

impl AuthorizedRequest<'_> {
    pub(crate) fn list_role_assignments(&self, scope: &str) -> Result<Response, Response> {
        let mut segments = scope.trim_matches('/').split('/');
        match (segments.next(), segments.next()) {
            (Some(first), Some(id)) if first.eq_ignore_ascii_case("subscriptions") => {
                self.find_subscription(id, "roleAssignments", AUTHORIZATION_API_VERSIONS)?;
            }
            _ => {
                self.only_get()?;
                self.api_version("roleAssignments", AUTHORIZATION_API_VERSIONS)?;
            }
        }
        if !may_read(self.directory, self.caller, scope) {
            return Err(self.forbidden("Microsoft.Authorization/roleAssignments/read", scope));
        }
        // The assignments at the scope, above it and below it.
        let assignments = self
            .directory
            .role_assignments
            .iter()
            .filter(|assignment| {
                contains(&assignment.scope, scope) || contains(scope, &assignment.scope)
            })
            .map(|assignment| {
                let providers = "providers/Microsoft.Authorization";
                json!({
                    "id": format!(
                        "{}/{providers}/roleAssignments/{}", assignment.scope, assignment.id
                    ),
                    "name": assignment.id,
                    "type": "Microsoft.Authorization/roleAssignments",
                    "properties": {
                        "roleDefinitionId": format!(
                            "/{providers}/roleDefinitions/{}", assignment.role.definition_id()
                        ),
                        "principalId": assignment.principal_id,
                        "principalType": "ServicePrincipal",
                        "scope": assignment.scope,
                    },
                })
            })
            .collect();
        self.page(assignments)
    }
}
