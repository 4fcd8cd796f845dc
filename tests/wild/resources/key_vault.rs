//! Key Vault.

use super::*;

fn inner(status: u16, code: &str, inner: &str, message: &str) -> Answer {
    let body = serde_json::json!({"error": {"code": code, "message": message, "innererror": {"code": inner}}});
    Answer::json(status, body.to_string())
}

const VAULT_CHALLENGE: &str = "Bearer authorization=\"https://login.microsoftonline.com/22222222-2222-4222-8222-222222222222\", resource=\"https://vault.azure.net\"";

pub(super) fn refusals() -> Vec<(&'static str, Answer, Told)> {
    vec![
        (
            "one slash too many",
            challenged(
                json(
                    401,
                    "Unauthorized",
                    "AKV10022: Invalid audience. Expected https://vault.azure.net, found: https://vault.azure.net/.",
                ),
                VAULT_CHALLENGE,
            ),
            Told::by(
                Developer,
                &["Set the scope to \"https://vault.azure.net/.default\""],
            )
            .never(&["tenant", "management.azure.com", "storage.azure.com"]),
        ),
        (
            "another audience",
            json(
                401,
                "Unauthorized",
                "AKV10022: Invalid audience. Expected https://vault.azure.net or cfa8b339-82a2-471a-a3c9-0fc0be7a4093, found: https://management.azure.com/.",
            ),
            Told::by(
                Developer,
                &[
                    "\"https://vault.azure.net/.default\"",
                    "for \"https://management.azure.com/\"",
                ],
            )
            .never(&["storage.azure.com"]),
        ),
        (
            "another tenant",
            challenged(
                json(
                    401,
                    "Unauthorized",
                    "AKV10032: Invalid issuer. Expected one of https://sts.windows.net/x/, found https://sts.windows.net/y/.",
                ),
                VAULT_CHALLENGE,
            ),
            Told::by(
                Developer,
                &["Use tenant 22222222-2222-4222-8222-222222222222"],
            ),
        ),
        (
            "an expired token",
            json(
                401,
                "Unauthorized",
                "[TokenExpired] Error validating token: 'S2S12086'.",
            ),
            Told::by(Operator, &["had expired", "TokenExpired"]),
        ),
        (
            "an expired token, in older words",
            json(401, "Unauthorized", "Error validating token: IDX10223"),
            Told::by(Operator, &["had expired"]),
        ),
        (
            "a token of the future",
            json(401, "Unauthorized", "Token not yet valid (Activity ID: x)"),
            Told::by(Operator, &["not valid yet"]),
        ),
        (
            "a key that the vault does not know yet",
            json(
                401,
                "Unauthorized",
                "AKV10046: Unable to resolve the key used for signature validation.",
            ),
            Told::by(Nobody, &["Try again"]),
        ),
        (
            "no token",
            challenged(
                json(
                    401,
                    "Unauthorized",
                    "AKV10000: Request is missing a Bearer or PoP token.",
                ),
                VAULT_CHALLENGE,
            ),
            Told::by(
                Developer,
                &[
                    "\"https://vault.azure.net/.default\"",
                    "22222222-2222-4222-8222-222222222222",
                ],
            ),
        ),
        (
            "an access policy",
            inner(
                403,
                "Forbidden",
                "AccessDenied",
                &format!(
                    "The user, group or application 'appid={APP};oid={OBJECT};iss=https://sts.windows.net/{TARGET}/' does not have secrets get permission on key vault 'litware-vault;location=x'. For help resolving this issue, please see https://go.microsoft.com/fwlink/?linkid=2125287"
                ),
            ),
            Told::by(
                Target,
                &[
                    "az keyvault set-policy --name litware-vault --object-id 55555555-5555-4555-8555-555555555555 --secret-permissions get",
                    "Set-AzKeyVaultAccessPolicy -VaultName litware-vault",
                ],
            ),
        ),
        (
            "an access policy for keys",
            inner(
                403,
                "Forbidden",
                "AccessDenied",
                &format!(
                    "The user, group or application 'appid={APP};oid={OBJECT};iss=x' does not have keys sign permission on key vault 'litware-vault;location=x'."
                ),
            ),
            Told::by(Target, &["--key-permissions sign"]),
        ),
        (
            "no role",
            inner(
                403,
                "Forbidden",
                "ForbiddenByRbac",
                &format!(
                    "Caller is not authorized to perform action on resource.\r\nCaller: appid={APP};oid={OBJECT};iss=x\r\nAction: 'Microsoft.KeyVault/vaults/secrets/getSecret/action'\r\nResource: '{GROUP}/providers/microsoft.keyvault/vaults/litware-vault/secrets/greeting'\r\nAssignment: (not found)"
                ),
            ),
            Told::by(
                Target,
                &[
                    "the role Key Vault Secrets User on the scope /subscriptions/66666666-6666-4666-8666-666666666666/resourceGroups/rg/providers/microsoft.keyvault/vaults/litware-vault/secrets/greeting.",
                    "--scope /subscriptions/66666666-6666-4666-8666-666666666666/resourceGroups/rg/providers/microsoft.keyvault/vaults/litware-vault/secrets/greeting",
                ],
            ),
        ),
        (
            "the firewall",
            inner(
                403,
                "Forbidden",
                "ForbiddenByFirewall",
                "Client address is not authorized and caller is not a trusted service.",
            ),
            Told::by(Target, &["firewall"]),
        ),
        (
            "the private endpoint",
            inner(
                403,
                "Forbidden",
                "ForbiddenByConnection",
                "Public network access is disabled and request is not from a trusted service nor via an approved private link.",
            ),
            Told::by(Target, &["private endpoint"]),
        ),
    ]
}
