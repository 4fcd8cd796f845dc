//! Whether a federated identity credential trusts the live assertion, and if not, in which field they
//! differ. Microsoft Entra compares each of them letter by letter.

use super::directory::FederatedCredential;
use crate::guid::is_guid;

/// What the assertion says, and the audience that a credential has to name for it.
#[derive(Clone, Debug)]
pub(super) struct Presented {
    pub(super) issuer: String,
    pub(super) subject: String,
    pub(super) audience: String,
    /// The identity's own client id.
    pub(super) identity_client_id: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Trust {
    /// It trusts this identity.
    Matches,
    /// It can be meant for this identity, and these fields keep it from that.
    Wrong(Vec<Difference>),
    /// It is for another identity or issuer.
    OfAnother,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Difference {
    pub(super) field: &'static str,
    pub(super) why: String,
}

pub(super) fn compare(credential: &FederatedCredential, presented: &Presented) -> Trust {
    let audience = credential.audiences.first().map_or("", String::as_str);
    let subject = credential.subject.as_deref().unwrap_or_default();
    let issuer_equal = credential.issuer == presented.issuer;
    let subject_equal = subject == presented.subject;
    let audience_equal = credential.audiences.contains(&presented.audience);
    if issuer_equal && subject_equal && audience_equal {
        return Trust::Matches;
    }
    let is_client_id = presented
        .identity_client_id
        .as_deref()
        .is_some_and(|id| id.eq_ignore_ascii_case(subject));
    let is_meant =
        subject_equal || subject.eq_ignore_ascii_case(&presented.subject) || is_client_id;
    let mut differences = Vec::new();
    let mut differs = |field, why: String| differences.push(Difference { field, why });
    if !issuer_equal {
        differs("issuer", of_issuer(&credential.issuer, presented));
    }
    if !subject_equal && is_client_id {
        differs(
            "subject",
            "it is the identity's client id, and the assertion has its principal (object) id"
                .to_owned(),
        );
    } else if !subject_equal && is_meant {
        differs("subject", "it differs in upper and lower case".to_owned());
    }
    if !audience_equal {
        differs("audience", of_audience(audience, presented));
    }
    // No assertion of Entra has such an issuer or is presented for such an audience.
    let is_never_right = credential.issuer.trim_end_matches('/') != credential.issuer
        && is_entra(&credential.issuer)
        || is_guid(audience);
    match is_meant || is_never_right {
        true => Trust::Wrong(differences),
        false => Trust::OfAnother,
    }
}

fn of_issuer(issuer: &str, presented: &Presented) -> String {
    if issuer.trim_end_matches('/') == presented.issuer {
        "it has a slash at the end, and the assertion's has none".to_owned()
    } else if issuer.eq_ignore_ascii_case(&presented.issuer) {
        "it differs in upper and lower case".to_owned()
    } else {
        "it is another one than the assertion's".to_owned()
    }
}

fn of_audience(audience: &str, presented: &Presented) -> String {
    if is_guid(audience) {
        "it is an app id; it has to be the URI".to_owned()
    } else if audience.eq_ignore_ascii_case(&presented.audience) {
        "it differs in upper and lower case".to_owned()
    } else if audience.starts_with("api://AzureADTokenExchange") {
        "it is that of another cloud".to_owned()
    } else {
        "it is another one than the token exchange's".to_owned()
    }
}

fn is_entra(issuer: &str) -> bool {
    [
        "https://login.microsoftonline.",
        "https://sts.windows.net/",
        "https://login.partner.microsoftonline.cn/",
    ]
    .iter()
    .any(|start| issuer.starts_with(start))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ISSUER: &str =
        "https://login.microsoftonline.com/c0270500-0000-4000-8000-000000000001/v2.0";
    const SUBJECT: &str = "1de71170-5b1e-4000-8000-00000000000a";
    const CLIENT: &str = "1de71170-c11e-4000-8000-000000000005";
    const AUDIENCE: &str = "api://AzureADTokenExchange";

    fn told(issuer: &str, subject: &str, audience: &str) -> Trust {
        let presented = Presented {
            issuer: ISSUER.into(),
            subject: SUBJECT.into(),
            audience: AUDIENCE.into(),
            identity_client_id: Some(CLIENT.into()),
        };
        let credential = FederatedCredential {
            name: "fic".into(),
            issuer: issuer.into(),
            subject: Some(subject.into()),
            audiences: vec![audience.into()],
        };
        compare(&credential, &presented)
    }

    #[test]
    fn the_field_that_differs_is_named_with_how() {
        assert_eq!(told(ISSUER, SUBJECT, AUDIENCE), Trust::Matches);
        let upper = SUBJECT.to_uppercase();
        let slash = format!("{ISSUER}/");
        let guid = "fb60f99c-7a34-4190-8149-302f77469936";
        for (issuer, subject, audience, field, how) in [
            (&*slash, SUBJECT, AUDIENCE, "issuer", "slash"),
            (&*ISSUER.to_uppercase(), SUBJECT, AUDIENCE, "issuer", "case"),
            (
                "https://example.com",
                SUBJECT,
                AUDIENCE,
                "issuer",
                "another",
            ),
            (ISSUER, &*upper, AUDIENCE, "subject", "case"),
            (ISSUER, CLIENT, AUDIENCE, "subject", "client id"),
            (ISSUER, SUBJECT, guid, "audience", "app id"),
            (
                ISSUER,
                SUBJECT,
                "api://azureadtokenexchange",
                "audience",
                "case",
            ),
            (
                ISSUER,
                SUBJECT,
                "api://AzureADTokenExchangeUSGov",
                "audience",
                "cloud",
            ),
            (ISSUER, SUBJECT, "", "audience", "another"),
        ] {
            let Trust::Wrong(differences) = told(issuer, subject, audience) else {
                panic!("{issuer} {subject} {audience} is not wrong");
            };
            assert_eq!(differences.len(), 1, "{differences:?}");
            assert_eq!(differences[0].field, field);
            assert!(differences[0].why.contains(how), "{differences:?}");
        }
    }

    #[test]
    fn one_of_another_identity_is_not_wrong_by_that() {
        assert_eq!(told(ISSUER, guid_of_another(), AUDIENCE), Trust::OfAnother);
        assert_eq!(
            told(
                "https://token.actions.githubusercontent.com",
                "repo:a/b:ref:c",
                AUDIENCE
            ),
            Trust::OfAnother
        );
        let slash = format!("{ISSUER}/");
        assert!(matches!(
            told(&slash, guid_of_another(), AUDIENCE),
            Trust::Wrong(_)
        ));
    }

    fn guid_of_another() -> &'static str {
        "2de71170-5b1e-4000-8000-00000000000b"
    }
}
