//! Microsoft Learn, REST API reference: "Subscriptions - List", "Subscriptions - Get".

use serde_json::{Value, json};

use crate::{
    arm::{access::may_read_within, request::AuthorizedRequest},
    wire::http::Response,
    world::directory::Subscription,
};

pub(crate) const RESOURCES_API_VERSIONS: &[&str] = &[
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

impl AuthorizedRequest<'_> {
    pub(crate) fn list_subscriptions(&self) -> Result<Response, Response> {
        self.only_get()?;
        self.api_version("subscriptions", RESOURCES_API_VERSIONS)?;
        // A caller without a role gets an empty list, not 403.
        let visible = self
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
        self.page(visible)
    }

    pub(crate) fn get_subscription(&self, id: &str) -> Result<Response, Response> {
        let subscription = self.find_subscription(id, "subscriptions", RESOURCES_API_VERSIONS)?;
        let scope = scope_of(subscription);
        if !may_read_within(self.directory, self.caller, &scope) {
            return Err(self.forbidden("Microsoft.Resources/subscriptions/read", &scope));
        }
        Ok(Response::json(200, &subscription_json(subscription)))
    }
}

pub(crate) fn scope_of(subscription: &Subscription) -> String {
    format!("/subscriptions/{}", subscription.id)
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
