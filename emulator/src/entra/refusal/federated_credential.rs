//! Refusals of an assertion that the app's federated identity credentials do not trust.

use crate::entra::refusal::Refusal;

const CHECK_SUBJECT_AUDIENCE_ISSUER: &str = "Check your federated identity credential Subject, Audience and \
     Issuer against the presented assertion. \
     https://learn.microsoft.com/entra/workload-id/workload-identity-federation";

const DOCUMENTATION: &str =
    "https://learn.microsoft.com/entra/workload-id/workload-identity-federation";

impl Refusal {
    pub(crate) fn no_federated_credentials(client_id: &str, name: &str) -> Refusal {
        Refusal::client(
            70025,
            format!(
                "The client '{client_id}'({name}) has no configured federated identity \
                 credentials."
            ),
        )
    }

    pub(crate) fn foreign_entra_issuer(issuer: &str) -> Refusal {
        Refusal::client(
            700_236,
            format!(
                "Entra ID tokens issued by issuer '{issuer}' may not be used for federated \
                 identity credential flows for applications or managed identities registered in \
                 this tenant."
            ),
        )
    }

    pub(crate) fn not_app_only() -> Refusal {
        Refusal::client(
            700_229,
            "Only app-only tokens may be used as federated identity credentials for Microsoft \
             Entra issuers."
                .to_owned(),
        )
    }

    pub(crate) fn not_of_a_managed_identity() -> Refusal {
        Refusal::client(
            700_226,
            "Only MSI tokens may be used as federated identity credentials for Microsoft Entra \
             issuers."
                .to_owned(),
        )
    }

    pub(crate) fn not_for_token_exchange(audience: &str) -> Refusal {
        Refusal::client(
            700_227,
            format!(
                "The token audience '{audience}' may not be used as a federated identity \
                 credential for Microsoft Entra issuers."
            ),
        )
    }

    pub(crate) fn came_from_federation() -> Refusal {
        Refusal::client(
            700_231,
            "Token obtained using a federated identity credential may not be used as a federated \
             identity credential."
                .to_owned(),
        )
    }

    pub(crate) fn no_matching_issuer(issuer: &str) -> Refusal {
        Refusal::no_match(700_211, "issuer", issuer)
    }

    pub(crate) fn no_matching_audience(audience: &str) -> Refusal {
        Refusal::no_match(700_212, "audience", audience)
    }

    pub(crate) fn no_matching_subject(subject: &str) -> Refusal {
        Refusal::no_match(700_213, "subject", subject)
    }

    pub(crate) fn subject_differs_in_case(subject: &str) -> Refusal {
        Refusal::client(
            7_002_138,
            format!(
                "No matching federated identity record found for presented assertion subject \
                 '{subject}'. The subject matches a federated identity credential only when \
                 case is ignored; the comparison is case-sensitive. {CHECK_SUBJECT_AUDIENCE_ISSUER}"
            ),
        )
    }

    pub(crate) fn audience_is_not_the_uri(audience: &str) -> Refusal {
        Refusal::client(
            700_214,
            format!(
                "The federated identity credential's audience '{audience}' is not the token \
                 exchange audience's URI. {CHECK_SUBJECT_AUDIENCE_ISSUER}"
            ),
        )
    }

    pub(crate) fn not_propagated(issuer: &str, subject: &str, audience: &str) -> Refusal {
        Refusal::request(
            70021,
            format!(
                "No matching federated identity record found for presented assertion. Assertion \
                 Issuer: '{issuer}'. Assertion Subject: '{subject}'. Assertion Audience: \
                 '{audience}'. {DOCUMENTATION}"
            ),
        )
    }

    fn no_match(code: u32, part: &str, value: &str) -> Refusal {
        Refusal::client(
            code,
            format!(
                "No matching federated identity record found for presented assertion {part} \
                 '{value}'. {CHECK_SUBJECT_AUDIENCE_ISSUER}"
            ),
        )
    }
}
