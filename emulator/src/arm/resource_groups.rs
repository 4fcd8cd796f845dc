//! Microsoft Learn, REST API reference: "Resource Groups - List", "Resource Groups - Get".

use serde_json::{Value, json};

use crate::{
    arm::{
        access::{may_read, may_read_within},
        request::AuthorizedRequest,
        subscriptions::{RESOURCES_API_VERSIONS, scope_of},
    },
    wire::http::Response,
    world::directory::{ResourceGroup, Subscription},
};

const READ_GROUPS: &str = "Microsoft.Resources/subscriptions/resourceGroups/read";

impl AuthorizedRequest<'_> {
    pub(crate) fn list_resource_groups(&self, id: &str) -> Result<Response, Response> {
        let subscription = self.find_subscription(id, "resourceGroups", RESOURCES_API_VERSIONS)?;
        let scope = scope_of(subscription);
        if !may_read_within(self.directory, self.caller, &scope) {
            return Err(self.forbidden(READ_GROUPS, &scope));
        }
        let visible = subscription
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
        self.page(visible)
    }

    pub(crate) fn get_resource_group(&self, id: &str, name: &str) -> Result<Response, Response> {
        let subscription = self.find_subscription(id, "resourceGroups", RESOURCES_API_VERSIONS)?;
        let scope = format!("{}/resourceGroups/{name}", scope_of(subscription));
        // The permission comes first, so that a caller cannot find out which groups exist.
        if !may_read(self.directory, self.caller, &scope) {
            return Err(self.forbidden(READ_GROUPS, &scope));
        }
        subscription
            .groups
            .iter()
            .find(|group| group.name.eq_ignore_ascii_case(name))
            .map(|group| Response::json(200, &group_json(subscription, group)))
            .ok_or_else(|| {
                Response::error(
                    404,
                    "ResourceGroupNotFound",
                    &format!("Resource group '{name}' could not be found."),
                )
            })
    }
}

fn group_scope(subscription: &Subscription, group: &ResourceGroup) -> String {
    format!("{}/resourceGroups/{}", scope_of(subscription), group.name)
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
