//! Azure Resource Manager: subscriptions, resource groups, role assignments.
//!
//! Microsoft Learn, REST API reference: "Subscriptions - List", "Resource Groups - List",
//! "Resource Groups - Get", "Role Assignments - List For Scope".

use serde_json::{Value, json};

use crate::{
    arm_access::{
        authenticate, contains, error, forbidden, may_read, may_read_within, subscription,
    },
    bearer::Caller,
    directory::{Directory, ResourceGroup, Subscription},
    keys::SigningKey,
    principals::guid,
    wire::{Answer, Request},
    world::World,
};

const RESOURCES_API_VERSIONS: &[&str] = &[
    "2016-06-01",
    "2018-05-01",
    "2019-10-01",
    "2020-01-01",
    "2020-06-01",
    "2020-10-01",
    "2021-01-01",
    "2021-04-01",
    "2022-09-01",
    "2022-12-01",
    "2023-07-01",
    "2024-03-01",
    "2024-07-01",
    "2024-08-01",
    "2024-11-01",
    "2025-03-01",
    "2025-04-01",
];

const AUTHORIZATION_API_VERSIONS: &[&str] = &[
    "2015-07-01",
    "2018-01-01-preview",
    "2020-04-01-preview",
    "2022-04-01",
];

/// Answers a request to Resource Manager. `now` is Azure's idea of it.
pub(crate) fn answer(world: &World, key: &SigningKey, request: &Request, now: i64) -> Answer {
    let correlation_id = guid();
    respond(world, key, request, now)
        .unwrap_or_else(|refused| refused)
        .with("Cache-Control", "no-cache")
        .with("x-ms-request-id", &correlation_id)
        .with("x-ms-correlation-request-id", &correlation_id)
        .with(
            "x-ms-routing-request-id",
            &format!("EMULATOR:{correlation_id}"),
        )
}

fn respond(world: &World, key: &SigningKey, request: &Request, now: i64) -> Result<Answer, Answer> {
    let directory = &world.directory;
    let caller = authenticate(key, directory, request, now)?;
    let path = request.path.trim_matches('/');
    let segments: Vec<&str> = path.split('/').collect();
    let lower: Vec<String> = segments
        .iter()
        .map(|part| part.to_ascii_lowercase())
        .collect();
    let lower: Vec<&str> = lower.iter().map(String::as_str).collect();
    let served = Served {
        directory,
        caller: &caller,
        request,
        page_size: world.settings.page_size,
    };
    match lower[..] {
        ["subscriptions"] => served.list_subscriptions(),
        ["subscriptions", _] => served.get_subscription(segments[1]),
        ["subscriptions", _, "resourcegroups"] => served.list_resource_groups(segments[1]),
        ["subscriptions", _, "resourcegroups", _] => {
            served.get_resource_group(segments[1], segments[3])
        }
        [
            ..,
            "providers",
            "microsoft.authorization",
            "roleassignments",
        ] => {
            let scope = format!("/{}", segments[..segments.len() - 3].join("/"));
            served.list_role_assignments(&scope)
        }
        _ => Err(error(
            404,
            "InvalidResourceType",
            "The resource type could not be found for this path.",
        )),
    }
}

/// One request of a caller whose token is good.
struct Served<'a> {
    directory: &'a Directory,
    caller: &'a Caller,
    request: &'a Request,
    page_size: usize,
}

impl<'a> Served<'a> {
    fn list_subscriptions(&self) -> Result<Answer, Answer> {
        self.only_get()?;
        self.api_version("subscriptions", RESOURCES_API_VERSIONS)?;
        // Without any role the list is empty; there is nothing to be refused.
        let seen = self
            .directory
            .subscriptions
            .iter()
            .filter(|subscription| {
                subscription
                    .tenant_id
                    .eq_ignore_ascii_case(&self.caller.tenant_id)
                    && may_read_within(self.directory, self.caller, &scope_of(subscription))
            })
            .map(subscription_json)
            .collect();
        self.page(seen)
    }

    fn get_subscription(&self, id: &str) -> Result<Answer, Answer> {
        let subscription = self.open(id, "subscriptions", RESOURCES_API_VERSIONS)?;
        let scope = scope_of(subscription);
        if !may_read_within(self.directory, self.caller, &scope) {
            return Err(self.forbidden("Microsoft.Resources/subscriptions/read", &scope));
        }
        Ok(Answer::json(200, &subscription_json(subscription)))
    }

    fn list_resource_groups(&self, id: &str) -> Result<Answer, Answer> {
        let subscription = self.open(id, "resourceGroups", RESOURCES_API_VERSIONS)?;
        let scope = scope_of(subscription);
        if !may_read_within(self.directory, self.caller, &scope) {
            return Err(self.forbidden(READ_GROUPS, &scope));
        }
        let seen = subscription
            .groups
            .iter()
            .filter(|group| {
                may_read(
                    self.directory,
                    self.caller,
                    &group_scope(subscription, group),
                )
            })
            .map(|group| group_json(subscription, group))
            .collect();
        self.page(seen)
    }

    fn get_resource_group(&self, id: &str, name: &str) -> Result<Answer, Answer> {
        let subscription = self.open(id, "resourceGroups", RESOURCES_API_VERSIONS)?;
        let scope = format!("{}/resourceGroups/{name}", scope_of(subscription));
        // Permission comes first, so that nobody learns by asking which groups there are.
        if !may_read(self.directory, self.caller, &scope) {
            return Err(self.forbidden(READ_GROUPS, &scope));
        }
        subscription
            .groups
            .iter()
            .find(|group| group.name.eq_ignore_ascii_case(name))
            .map(|group| Answer::json(200, &group_json(subscription, group)))
            .ok_or_else(|| {
                error(
                    404,
                    "ResourceGroupNotFound",
                    &format!("Resource group '{name}' could not be found."),
                )
            })
    }

    fn list_role_assignments(&self, scope: &str) -> Result<Answer, Answer> {
        let mut segments = scope.trim_matches('/').split('/');
        match (segments.next(), segments.next()) {
            (Some(first), Some(id)) if first.eq_ignore_ascii_case("subscriptions") => {
                self.open(id, "roleAssignments", AUTHORIZATION_API_VERSIONS)?;
            }
            _ => {
                self.only_get()?;
                self.api_version("roleAssignments", AUTHORIZATION_API_VERSIONS)?;
            }
        }
        if !may_read(self.directory, self.caller, scope) {
            return Err(self.forbidden("Microsoft.Authorization/roleAssignments/read", scope));
        }
        // Those at the scope, those inherited from above it, and those below it.
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

    /// What every request to a subscription has to pass.
    fn open(
        &self,
        subscription_id: &str,
        resource_type: &str,
        api_versions: &[&str],
    ) -> Result<&'a Subscription, Answer> {
        let subscription = subscription(self.directory, self.caller, subscription_id)?;
        self.only_get()?;
        self.api_version(resource_type, api_versions)?;
        Ok(subscription)
    }

    fn only_get(&self) -> Result<(), Answer> {
        if self.request.method == "GET" {
            return Ok(());
        }
        Err(error(
            405,
            "MethodNotAllowed",
            "The emulator's Resource Manager can be read only.",
        )
        .with("Allow", "GET"))
    }

    fn api_version(&self, resource_type: &str, supported: &[&str]) -> Result<(), Answer> {
        match self.request.query("api-version") {
            None | Some("") => Err(error(
                400,
                "MissingApiVersionParameter",
                "The api-version query parameter (?api-version=) is required for all requests.",
            )),
            Some(version) if !supported.contains(&version) => Err(error(
                400,
                "InvalidApiVersionParameter",
                &format!(
                    "The api-version '{version}' is invalid for '{resource_type}'. The supported \
                     versions are '{}'.",
                    supported.join(",")
                ),
            )),
            Some(_) => Ok(()),
        }
    }

    fn forbidden(&self, action: &str, scope: &str) -> Answer {
        forbidden(self.caller, action, scope)
    }

    /// The page that the request asks for, and the link to the next one on the origin that was
    /// asked.
    fn page(&self, all: Vec<Value>) -> Result<Answer, Answer> {
        let number = |name: &str| match self.request.query(name) {
            None => Ok(None),
            Some(text) => text.parse::<usize>().map(Some).map_err(|_| {
                error(
                    400,
                    "InvalidQueryParameterValue",
                    &format!("The value '{text}' of the query parameter '{name}' is invalid."),
                )
            }),
        };
        let size = number("$top")?
            .filter(|&top| top > 0)
            .map_or(self.page_size, |top| top.min(self.page_size));
        let start = number("$skiptoken")?.unwrap_or(0).min(all.len());
        let end = start.saturating_add(size).min(all.len());
        let mut body = json!({"value": all[start..end]});
        if end < all.len() {
            body["nextLink"] = json!(self.next_link(end));
        }
        Ok(Answer::json(200, &body))
    }

    fn next_link(&self, start: usize) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        for (name, value) in &self.request.query {
            if name != "$skiptoken" {
                query.append_pair(name, value);
            }
        }
        query.append_pair("$skiptoken", &start.to_string());
        format!(
            "{}{}?{}",
            self.request.https_origin(),
            self.request.path,
            query.finish()
        )
    }
}

const READ_GROUPS: &str = "Microsoft.Resources/subscriptions/resourceGroups/read";

fn scope_of(subscription: &Subscription) -> String {
    format!("/subscriptions/{}", subscription.id)
}

fn group_scope(subscription: &Subscription, group: &ResourceGroup) -> String {
    format!("{}/resourceGroups/{}", scope_of(subscription), group.name)
}

fn subscription_json(subscription: &Subscription) -> Value {
    json!({
        "id": scope_of(subscription),
        "subscriptionId": subscription.id,
        "tenantId": subscription.tenant_id,
        "displayName": subscription.display_name,
        "state": "Enabled",
        "authorizationSource": "RoleBased",
        "subscriptionPolicies": {
            "locationPlacementId": "Public_2014-09-01",
            "quotaId": "PayAsYouGo_2014-09-01",
            "spendingLimit": "Off",
        },
        "managedByTenants": [],
    })
}

fn group_json(subscription: &Subscription, group: &ResourceGroup) -> Value {
    json!({
        "id": group_scope(subscription, group),
        "name": group.name,
        "type": "Microsoft.Resources/resourceGroups",
        "location": group.location,
        "tags": {},
        "properties": {"provisioningState": "Succeeded"},
    })
}
