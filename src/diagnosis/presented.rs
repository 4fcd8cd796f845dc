//! The assertion that was sent: who issued it, and which values a credential that trusts it must
//! have.

use super::{copied, quoted_after, shown};
use crate::{authority::parse_guid, claims::Claims};

/// The kind of issuer. Each kind has its own rules for the subject, and its own place to look for a
/// mistake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A managed identity. Also used when nothing shows another kind.
    ManagedIdentity,
    /// Another token of Microsoft Entra, such as one for an agent or a bot, with a subject like
    /// `/eid1/c/pub/t/…`.
    OtherEntra,
    /// A Kubernetes service account, of AKS or of any other cluster.
    Kubernetes,
    GitHub,
    GitLab,
    /// Any other OpenID provider.
    Other,
}

/// The claims of the assertion, or the claims that Entra's error message repeats.
pub(super) struct Presented<'a> {
    pub(super) issuer: Option<&'a str>,
    pub(super) subject: Option<&'a str>,
    pub(super) audience: Option<&'a str>,
    /// The client id of the identity that the token was issued to.
    pub(super) client: Option<&'a str>,
    pub(super) kind: Kind,
    /// The tenant of the issuer, if the issuer is Entra.
    pub(super) tenant: Option<String>,
}

impl<'a> Presented<'a> {
    /// `description` is Entra's sentence, which repeats some of the claims.
    pub(super) fn new(claims: Option<&'a Claims>, description: &'a str) -> Self {
        let claim = |of: fn(&Claims) -> &Option<String>| claims.and_then(|it| of(it).as_deref());
        let said = |word: &str| quoted_after(description, &format!("assertion {word}"));
        let issuer = claim(|it| &it.iss).or_else(|| said("issuer"));
        let subject = claim(|it| &it.sub).or_else(|| said("subject"));
        let of_issuer = issuer.and_then(tenant_of_entra);
        let kind = kind(issuer, subject);
        let own = claim(|it| &it.tid).and_then(parse_guid);
        Self {
            issuer,
            subject,
            audience: claim(|it| &it.aud).or_else(|| said("audience")),
            client: claim(|it| &it.azp),
            kind,
            tenant: own.filter(|_| kind.is_entras()).or(of_issuer),
        }
    }

    /// The three values that Entra compares, for reading.
    pub(super) fn three(&self) -> String {
        let claims = [
            ("iss", self.issuer),
            ("sub", self.subject),
            ("aud", self.audience),
        ];
        let told: Vec<String> = claims
            .iter()
            .filter_map(|(name, value)| value.map(|value| format!("{name} {}", shown(value))))
            .collect();
        match told.is_empty() {
            true => String::new(),
            false => format!(" The assertion has {}.", told.join(", ")),
        }
    }

    pub(super) fn issuer_to_copy(&self) -> String {
        to_copy(self.issuer, "the assertion's own iss")
    }

    pub(super) fn subject_to_copy(&self) -> String {
        to_copy(self.subject, "the assertion's own sub")
    }

    /// Explains what the subject is, where readers often confuse it with something else.
    pub(super) fn subject_rule(&self) -> String {
        match self.kind {
            Kind::ManagedIdentity => {
                let client = self.client.map(|id| format!(" {}", shown(id)));
                format!(
                    "The subject is the managed identity's principal (object) id, not its client id{} and not the app's.",
                    client.unwrap_or_default()
                )
            }
            Kind::OtherEntra => "The assertion is a token of Microsoft Entra for an app or an agent, not a managed identity's: the whole subject counts, with its slashes.".to_owned(),
            Kind::Kubernetes => "The subject is the Kubernetes service account, system:serviceaccount:{namespace}:{name}: check that the pod runs under the service account that you mean.".to_owned(),
            Kind::GitHub => "The subject is what GitHub says of the run: the repository and then its environment, branch, tag or pull request. A job with an environment has another subject than one without.".to_owned(),
            Kind::GitLab => "The subject is what GitLab says of the job: the project's path, and the branch or tag that it runs for.".to_owned(),
            Kind::Other => "The subject is the sub claim of the token that the identity provider issued.".to_owned(),
        }
    }
}

impl Kind {
    pub(super) fn is_entras(self) -> bool {
        matches!(self, Self::ManagedIdentity | Self::OtherEntra)
    }

    /// What the assertion is, in words.
    pub(super) fn assertion(self) -> &'static str {
        match self {
            Self::ManagedIdentity => "the managed identity's token",
            Self::OtherEntra => "the token of Microsoft Entra",
            Self::Kubernetes => "the service account's token",
            Self::GitHub => "GitHub's token",
            Self::GitLab => "GitLab's token",
            Self::Other => "the identity provider's token",
        }
    }

    /// Where the assertion comes from.
    pub(super) fn source(self) -> &'static str {
        match self {
            Self::ManagedIdentity => "the host's identity endpoint",
            Self::OtherEntra => "Microsoft Entra",
            Self::Kubernetes => "the cluster's projected token file",
            Self::GitHub => "GitHub",
            Self::GitLab => "GitLab",
            Self::Other => "the identity provider",
        }
    }

    /// How to request an assertion for another audience from that source.
    pub(super) fn ask_for_audience(self) -> &'static str {
        match self {
            Self::ManagedIdentity => "Set managed_identity.audience to",
            Self::OtherEntra => "Ask for the assertion with the audience",
            Self::Kubernetes => "Set the audience of the service account's projected token to",
            Self::GitHub => "Ask GitHub for the token with the audience",
            Self::GitLab => "Set the aud of the job's id_tokens to",
            Self::Other => "Have the identity provider issue the token for the audience",
        }
    }

    /// The prefix of the name of a credential that trusts it.
    pub(super) fn label(self) -> &'static str {
        match self {
            Self::ManagedIdentity => "managed-identity",
            Self::OtherEntra => "entra",
            Self::Kubernetes => "kubernetes",
            Self::GitHub => "github",
            Self::GitLab => "gitlab",
            Self::Other => "external-identity",
        }
    }

    /// The placeholder for a subject that is not known.
    pub(super) fn unknown_subject(self) -> &'static str {
        match self {
            Self::ManagedIdentity => "principal id of the managed identity",
            Self::Kubernetes => "system:serviceaccount:NAMESPACE:NAME",
            _ => "sub of the client assertion",
        }
    }
}

/// Looks at the subject first: only one kind of issuer uses each of these forms, but anybody can
/// run an issuer with any name (Kubernetes, "Managing Service Accounts"; GitHub Docs, "OpenID
/// Connect reference"; GitLab Docs, "OpenID Connect (OIDC) authentication using ID tokens").
fn kind(issuer: Option<&str>, subject: Option<&str>) -> Kind {
    let subject_is = |start: &str| subject.is_some_and(|subject| subject.starts_with(start));
    let host = issuer.and_then(host_of).unwrap_or_default();
    let host_is = |name: &str| host == name || host.ends_with(&format!(".{name}"));
    if subject_is("system:serviceaccount:") {
        return Kind::Kubernetes;
    }
    if subject_is("repo:") || subject_is("repository_owner:") || subject_is("enterprise:") {
        return Kind::GitHub;
    }
    if subject_is("project_path:") {
        return Kind::GitLab;
    }
    if subject_is("/eid1/") {
        return Kind::OtherEntra;
    }
    if issuer.is_some_and(|issuer| tenant_of_entra(issuer).is_some()) {
        return Kind::ManagedIdentity;
    }
    let is_path_of = |path: &str| issuer.is_some_and(|issuer| issuer.contains(path));
    if host_is("token.actions.githubusercontent.com") || is_path_of("/_services/token") {
        Kind::GitHub
    } else if host_is("gitlab.com") || host.starts_with("gitlab.") {
        Kind::GitLab
    } else if host.contains(".oic.") && host_is("azure.com")
        || host.starts_with("oidc.eks.")
        || host_is("container.googleapis.com")
        || host == "kubernetes.default.svc"
        || host.starts_with("kubernetes.default.svc.")
    {
        Kind::Kubernetes
    } else if issuer.is_none() && subject.is_none_or(|subject| parse_guid(subject).is_some()) {
        Kind::ManagedIdentity
    } else {
        Kind::Other
    }
}

fn host_of(issuer: &str) -> Option<&str> {
    let rest = issuer.strip_prefix("https://")?;
    rest.split(['/', ':']).next()
}

/// The tenant in an issuer of Entra, such as `https://sts.windows.net/{tid}/`. The issuer of an AKS
/// cluster also contains a tenant, but it can differ from the tenant of the app.
pub(super) fn tenant_of_entra(issuer: &str) -> Option<String> {
    let host = host_of(issuer)?;
    let is_entras = host == "sts.windows.net"
        || host == "sts.chinacloudapi.cn"
        || host.starts_with("login.")
        || host == "localhost"
        || host == "127.0.0.1";
    let path = issuer.strip_prefix("https://")?.split_once('/')?.1;
    parse_guid(path.split('/').next()?).filter(|_| is_entras)
}

fn to_copy(value: Option<&str>, unknown: &str) -> String {
    value.and_then(copied).unwrap_or_else(|| unknown.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "72f988bf-86f1-41af-91ab-2d7cd011db47";

    #[test]
    fn a_tenant_is_read_from_both_forms_of_entras_issuer_and_from_no_other_issuer() {
        for issuer in [
            format!("https://login.microsoftonline.com/{ID}/v2.0"),
            format!("https://login.microsoftonline.us/{ID}/v2.0"),
            format!("https://sts.windows.net/{ID}/"),
        ] {
            assert_eq!(tenant_of_entra(&issuer).as_deref(), Some(ID));
        }
        for other in [
            "https://token.actions.githubusercontent.com".to_owned(),
            format!("https://eastus2.oic.prod-aks.azure.com/{ID}/{ID}/"),
            format!("http://login.microsoftonline.com/{ID}/v2.0"),
        ] {
            assert_eq!(tenant_of_entra(&other), None, "{other}");
        }
    }

    #[test]
    fn the_kind_is_read_from_subject_or_issuer() {
        let entra = format!("https://login.microsoftonline.com/{ID}/v2.0");
        let aks = format!("https://eastus2.oic.prod-aks.azure.com/{ID}/{ID}/");
        let cases: [(Option<&str>, Option<&str>, Kind); 18] = [
            (None, None, Kind::ManagedIdentity),
            (None, Some(ID), Kind::ManagedIdentity),
            (Some(&entra), Some(ID), Kind::ManagedIdentity),
            (
                Some(&entra),
                Some("/eid1/c/pub/t/x/a/y/z"),
                Kind::OtherEntra,
            ),
            (None, Some("/eid1/c/pub/t/x/a/y/z"), Kind::OtherEntra),
            (
                Some(&aks),
                Some("system:serviceaccount:default:sa"),
                Kind::Kubernetes,
            ),
            (
                None,
                Some("system:serviceaccount:default:sa"),
                Kind::Kubernetes,
            ),
            (Some(&aks), None, Kind::Kubernetes),
            (
                Some("https://oidc.eks.eu-west-1.amazonaws.com/id/X"),
                None,
                Kind::Kubernetes,
            ),
            (
                Some("https://kubernetes.default.svc.cluster.local"),
                None,
                Kind::Kubernetes,
            ),
            (
                Some("https://token.actions.githubusercontent.com"),
                Some("x"),
                Kind::GitHub,
            ),
            (
                Some("https://github.example/_services/token"),
                None,
                Kind::GitHub,
            ),
            (
                None,
                Some("repo:contoso/app:ref:refs/heads/main"),
                Kind::GitHub,
            ),
            (Some("https://gitlab.com"), None, Kind::GitLab),
            (Some("https://gitlab.contoso.example"), None, Kind::GitLab),
            (
                None,
                Some("project_path:g/p:ref_type:branch:ref:main"),
                Kind::GitLab,
            ),
            (
                Some("https://accounts.google.com"),
                Some("1234"),
                Kind::Other,
            ),
            (
                Some("https://app.terraform.io"),
                Some("organization:o:project:p"),
                Kind::Other,
            ),
        ];
        for (issuer, subject, expected) in cases {
            assert_eq!(kind(issuer, subject), expected, "{issuer:?} {subject:?}");
        }
    }

    #[test]
    fn text_for_copying_is_complete_or_missing() {
        let long = format!("https://issuer.example/{}", "a/".repeat(200));
        let claims = Claims {
            iss: Some(long.clone()),
            sub: Some("s ".repeat(1000)),
            ..Claims::default()
        };
        let presented = Presented::new(Some(&claims), "");
        assert_eq!(presented.issuer_to_copy(), format!("{long:?}"));
        assert_eq!(presented.subject_to_copy(), "the assertion's own sub");
        assert!(presented.three().len() < 400, "{}", presented.three());
    }

    #[test]
    fn without_claims_the_values_come_from_entras_sentence() {
        let older = "AADSTS70021: No matching federated identity record found for presented assertion. Assertion Issuer: 'i'. Assertion Subject: 's'. Assertion Audience: 'a'.";
        let newer =
            "No matching federated identity record found for presented assertion subject 's'.";
        let presented = Presented::new(None, older);
        assert_eq!(
            (presented.issuer, presented.subject, presented.audience),
            (Some("i"), Some("s"), Some("a"))
        );
        assert_eq!(Presented::new(None, newer).subject, Some("s"));
    }
}
