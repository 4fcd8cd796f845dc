//! Blob, queue, table and file storage (Microsoft Learn, "Common REST API error codes" and "Blob
//! Storage error codes").

use super::{
    super::{Actor, Diagnosis},
    answer::Answer,
    arm::grant,
    token,
};

pub(super) fn of(answer: &Answer) -> Option<Diagnosis> {
    if answer.status != 403 {
        return None;
    }
    if answer.is("AuthorizationPermissionMismatch") {
        return Some(
            Diagnosis::new(
                Actor::TargetAdministrator,
                "The target tenant's service principal of the app may reach the storage account, but has no role for this operation on its data.",
                "Grant that service principal a data role such as Storage Blob Data Reader on the account or container. Reader and Contributor give no access to data. The role may take several minutes to take effect.",
            )
            .with_commands(grant(None, None, None))
            .with_link("https://learn.microsoft.com/azure/storage/blobs/assign-azure-role-data-access"),
        );
    }
    if answer.is_any(&["AuthorizationFailure", "AuthorizationSourceIPMismatch"]) {
        return Some(token::network("the storage account"));
    }
    if answer.is("AuthorizationProtocolMismatch") {
        return Some(Diagnosis::new(
            Actor::Developer,
            "The storage account takes https only.",
            "Give the client the account's address with https.",
        ));
    }
    if answer.is_any(&[
        "InsufficientAccountPermissions",
        "AuthorizationServiceMismatch",
        "AuthorizationResourceTypeMismatch",
    ]) {
        return Some(Diagnosis::new(
            Actor::TargetAdministrator,
            "What the request was signed with does not allow this operation on the storage account.",
            "Grant the app's service principal a data role that allows the operation. The role may take several minutes to take effect.",
        ));
    }
    if answer.is("AccountIsDisabled") {
        return Some(Diagnosis::new(
            Actor::TargetAdministrator,
            "The storage account is disabled.",
            "Enable the storage account again.",
        ));
    }
    None
}
