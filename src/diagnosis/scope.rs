//! Scopes that this flow cannot request, and the scope to request instead.

use super::{Actor, Diagnosis, copied, guide::Section, shown};

/// OpenID Connect Core 1.0, sections 5.4 and 11: scopes for a user who signs in.
const OPENID: [&str; 6] = [
    "openid",
    "profile",
    "email",
    "address",
    "phone",
    "offline_access",
];

/// A scope that client credentials cannot request, with the scope that the caller probably means
/// (Microsoft Learn, "Scopes and permissions in the Microsoft identity platform", "Client
/// credentials grant flow and .default").
pub(crate) fn of_scope(scope: &str) -> Diagnosis {
    if OPENID.contains(&scope) {
        return diagnosis(
            format!(
                "The scope {} is for a user who signs in. A service without a user gets no ID token and no refresh token.",
                shown(scope)
            ),
            "Leave it out, and set the scope to the resource's alone, such as \"https://storage.azure.com/.default\".".to_owned(),
        );
    }
    if is_list(scope) {
        return diagnosis(
            format!(
                "The scope {} holds several scopes, and a token is for one resource.",
                shown(scope)
            ),
            "Call get_token with one scope, such as \"https://storage.azure.com/.default\", and once for each resource.".to_owned(),
        );
    }
    let to_do = match meant(scope).as_deref().and_then(copied) {
        Some(meant) => format!("Set the scope to {meant}."),
        None => "Set the scope to the resource's application ID URI followed by /.default, such as \"https://storage.azure.com/.default\".".to_owned(),
    };
    diagnosis(
        format!(
            "The scope {} does not have the form {{resource}}/.default, the only one that a service without a user can ask for.",
            shown(scope)
        ),
        to_do,
    )
}

/// Two scopes in one call (Microsoft Learn, "Microsoft identity platform and the OAuth 2.0 client
/// credentials flow").
pub(crate) fn of_several_resources(one: &str, other: &str) -> Diagnosis {
    diagnosis(
        format!(
            "One call asks for the scopes {} and {}, and a token is for one resource.",
            shown(one),
            shown(other)
        ),
        "Call get_token for each resource by itself, with its scope alone.".to_owned(),
    )
}

fn diagnosis(happened: String, to_do: String) -> Diagnosis {
    Diagnosis::new(Actor::Developer, happened, to_do)
        .in_guide(Section::Configuration)
        .with_link("https://learn.microsoft.com/entra/identity-platform/scopes-oidc#client-credentials-grant-flow-and-default")
}

/// Whether the text is a list of scopes, separated by spaces as in a token request.
fn is_list(scope: &str) -> bool {
    let mut several = scope.split_whitespace();
    several.next().is_some() && several.any(|scope| scope.ends_with("/.default"))
}

/// The scope with `/.default` instead of a permission at its end, after a slash or after nothing.
fn meant(scope: &str) -> Option<String> {
    let scope = scope.trim().trim_end_matches('/');
    let scope = scope.strip_suffix("/.default").unwrap_or(scope);
    let (scheme, rest) = scope.split_once("://")?;
    let host = rest.split('/').next()?;
    let is_host = match scheme {
        "https" => host.contains('.'),
        "api" => true,
        _ => false,
    };
    let is_plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~:/@".contains(&b);
    if !is_host || host.is_empty() || !rest.bytes().all(is_plain) {
        return None;
    }
    let resource = match rest.rsplit_once('/') {
        Some((resource, last)) if is_permission(host, last) => resource,
        _ => rest.trim_end_matches('/'),
    };
    Some(format!("{scheme}://{resource}/.default"))
}

/// Whether the last segment of a scope is a permission that a user consents to, and not a part of
/// the resource's name. The names of Microsoft's own resources have no path.
fn is_permission(host: &str, last: &str) -> bool {
    const MICROSOFT: [&str; 5] = [
        ".azure.com",
        ".azure.net",
        ".azure.cn",
        ".windows.net",
        ".microsoft.com",
    ];
    last.is_empty()
        || matches!(last, "user_impersonation" | "access_as_user")
        || MICROSOFT.iter().any(|domain| host.ends_with(domain))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_scope_is_shown_with_the_probable_right_scope() {
        for (scope, right) in [
            (
                "https://management.azure.com/",
                "https://management.azure.com/.default",
            ),
            (
                "https://management.azure.com",
                "https://management.azure.com/.default",
            ),
            (
                "https://management.azure.com/.default/",
                "https://management.azure.com/.default",
            ),
            (
                "https://storage.azure.com/user_impersonation",
                "https://storage.azure.com/.default",
            ),
            (
                "https://graph.microsoft.com/User.Read",
                "https://graph.microsoft.com/.default",
            ),
            (
                "api://33333333-3333-4333-8333-333333333333",
                "api://33333333-3333-4333-8333-333333333333/.default",
            ),
            ("api://name/access_as_user", "api://name/.default"),
            (
                "https://litware.onmicrosoft.com/orders",
                "https://litware.onmicrosoft.com/orders/.default",
            ),
            (
                " https://vault.azure.net ",
                "https://vault.azure.net/.default",
            ),
        ] {
            let to_do = of_scope(scope).what_to_do().to_owned();
            assert_eq!(to_do, format!("Set the scope to {right:?}."), "{scope}");
        }
        for odd in [
            "",
            "/.default",
            "https://",
            "https:///x",
            "a b",
            "https://x\u{1b}[31m.example/",
        ] {
            let told = of_scope(odd);
            assert!(told.what_to_do().contains("application ID URI"), "{told}");
            assert!(!told.to_string().contains('\u{1b}'));
        }
    }

    #[test]
    fn the_advice_for_a_list_of_scopes_is_one_request_for_each() {
        for list in [
            "https://a.example/.default https://b.example/.default",
            "openid https://a.example/.default",
            "https://a.example/x\thttps://a.example/.default",
        ] {
            let told = of_scope(list);
            assert!(told.what_happened().contains("several scopes"), "{told}");
            assert!(told.what_to_do().contains("once for each"), "{told}");
        }
        let told = of_several_resources("https://a.example/.default", "https://b.example/.default");
        for scope in [
            "\"https://a.example/.default\"",
            "\"https://b.example/.default\"",
        ] {
            assert!(told.what_happened().contains(scope), "{told}");
        }
        assert!(told.what_to_do().contains("by itself"), "{told}");
    }

    #[test]
    fn the_advice_for_a_scope_of_a_users_sign_in_is_to_leave_it_out() {
        for scope in OPENID {
            let told = of_scope(scope);
            assert!(
                told.what_happened().contains("a user who signs in"),
                "{told}"
            );
            assert!(told.what_to_do().starts_with("Leave it out"), "{told}");
        }
    }
}
