//! The permission of Microsoft Graph that lets somebody read what `audit` reads.

use crate::{azure::Azure, guid::is_guid};

pub(super) const NAME: &str = "Application.Read.All";

/// Its id, and Microsoft Graph's own client id. Both are the same in every tenant (Microsoft Learn,
/// "Microsoft Graph permissions reference").
const ID: &str = "9a5d68dd-52b0-4cc2-bd40-abcf44ac3a30";
const GRAPH: &str = "00000003-0000-0000-c000-000000000000";

/// Commands that grant it to a service principal or a managed identity of this tenant, by its object id
/// (Microsoft Learn, "Grant an appRoleAssignment to a service principal"). None if an id is not known.
pub(super) fn grant(azure: &Azure, tenant: Option<&str>, principal: Option<&str>) -> Vec<String> {
    let (Some(tenant), Some(principal)) = (tenant, principal.filter(|id| is_guid(id))) else {
        return Vec::new();
    };
    let Ok(graph) = azure.graph_service() else {
        return Vec::new();
    };
    if !is_guid(tenant) {
        return Vec::new();
    }
    let graph_here = format!("$(az ad sp show --id {GRAPH} --query id --output tsv)");
    let body = format!(
        r#"{{\"principalId\":\"{principal}\",\"resourceId\":\"{graph_here}\",\"appRoleId\":\"{ID}\"}}"#
    );
    vec![
        format!("az login --tenant {tenant} --allow-no-subscriptions"),
        format!(
            "az rest --method POST --url {}v1.0/servicePrincipals/{principal}/appRoleAssignments --body \"{body}\"",
            graph.endpoint
        ),
    ]
}
