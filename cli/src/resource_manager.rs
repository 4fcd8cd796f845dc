//! Just enough of Azure Resource Manager: subscriptions and resource groups.

use crate::rest::JsonService;
use futures::{StreamExt, TryStreamExt, stream};
use serde::{Deserialize, Serialize};

/// Microsoft Learn, "Resource Groups - List"
pub(crate) const GROUPS_VERSION: &str = "2024-08-01";
/// Microsoft Learn, "Subscriptions - List"
const SUBSCRIPTIONS_VERSION: &str = "2022-12-01";

/// How many subscriptions of a tenant are read at once.
const AT_ONCE: usize = 4;

#[derive(Clone, Debug, Serialize)]
pub(crate) struct ResourceGroup {
    pub(crate) subscription_id: String,
    pub(crate) name: String,
    pub(crate) location: String,
    pub(crate) provisioning_state: String,
}

#[derive(Debug, Deserialize)]
struct GroupJson {
    name: String,
    location: String,
    #[serde(default)]
    properties: Properties,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Properties {
    provisioning_state: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct SubscriptionJson {
    subscription_id: String,
}

/// The resource groups that the caller may read: of a subscription, or of all that it sees.
pub(crate) async fn resource_groups(
    service: &JsonService,
    subscription_id: Option<&str>,
) -> azure_core::Result<Vec<ResourceGroup>> {
    let subscriptions = match subscription_id {
        Some(id) => vec![id.to_owned()],
        None => subscriptions(service).await?,
    };
    let groups: Vec<Vec<ResourceGroup>> = stream::iter(subscriptions)
        .map(|id| groups_of(service, id))
        .buffered(AT_ONCE)
        .try_collect()
        .await?;
    Ok(groups.into_iter().flatten().collect())
}

async fn subscriptions(service: &JsonService) -> azure_core::Result<Vec<String>> {
    let query = [("api-version", SUBSCRIPTIONS_VERSION)];
    let all: Vec<SubscriptionJson> = service.list(&["subscriptions"], &query).await?;
    Ok(all.into_iter().map(|it| it.subscription_id).collect())
}

async fn groups_of(service: &JsonService, id: String) -> azure_core::Result<Vec<ResourceGroup>> {
    let path = ["subscriptions", &id, "resourceGroups"];
    let query = [("api-version", GROUPS_VERSION)];
    let all: Vec<GroupJson> = service.list(&path, &query).await?;
    let groups = all.into_iter().map(|group| ResourceGroup {
        subscription_id: id.clone(),
        name: group.name,
        location: group.location,
        provisioning_state: group.properties.provisioning_state,
    });
    Ok(groups.collect())
}
