//! The fields of a resource's refusal that help to explain it.

use super::{
    super::{contains_ignoring_case, find_ignoring_case},
    graph,
};
use crate::{authority::parse_guid, error_body::ErrorBody, headers::header, redact};
use azure_core::http::{
    RawResponse,
    headers::{ERROR_CODE, WWW_AUTHENTICATE},
};
use url::Url;

#[derive(Default)]
pub(super) struct Answer {
    pub(super) status: u16,
    /// The error code of the service.
    pub(super) code: String,
    /// The more exact code, from an inner error or a header.
    pub(super) inner_code: String,
    pub(super) message: String,
    /// Storage's detail about a token that it refuses.
    pub(super) detail: String,
    /// `WWW-Authenticate`.
    pub(super) challenge: String,
}

impl Answer {
    pub(super) fn read(
        status: u16,
        error_code: Option<&str>,
        response: Option<&RawResponse>,
    ) -> Self {
        let mut answer = Self {
            status,
            code: error_code.unwrap_or_default().to_owned(),
            ..Self::default()
        };
        let Some(response) = response else {
            return answer;
        };
        let header = |name| header(response.headers(), &name).map(str::to_owned);
        let body = ErrorBody::of(response);
        answer.challenge = header(WWW_AUTHENTICATE).unwrap_or_default();
        // The response to a HEAD request has no body, but Storage has the code in a header.
        if let Some(code) = body.code().map(Into::into).or_else(|| header(ERROR_CODE)) {
            answer.code = code;
        }
        answer.inner_code = body.inner_code().unwrap_or_default().to_owned();
        answer.message = body.message().unwrap_or_default().into_owned();
        // A deployment wraps the error of one of its resources.
        if let Some(inside) = refusal_inside(&body) {
            answer.status = 403;
            answer.code = inside.0.to_owned();
            answer.message = inside.1.to_owned();
        }
        answer.detail = ["AuthenticationErrorDetail", "AuthenticationErrorDetails"]
            .iter()
            .find_map(|name| {
                body.element(name)
                    .or_else(|| body.at(&format!("/error/{name}")).map(str::to_owned))
            })
            .unwrap_or_default();
        answer
    }

    /// Whether the message, the detail or the challenge contains these words. Case does not matter.
    pub(super) fn says(&self, words: &str) -> bool {
        [&self.message, &self.detail, &self.challenge]
            .into_iter()
            .any(|text| contains_ignoring_case(text, words))
    }

    pub(super) fn says_any(&self, all: &[&str]) -> bool {
        all.iter().any(|words| self.says(words))
    }

    pub(super) fn is(&self, code: &str) -> bool {
        self.code.eq_ignore_ascii_case(code) || self.inner_code.eq_ignore_ascii_case(code)
    }

    pub(super) fn is_any(&self, codes: &[&str]) -> bool {
        codes.iter().any(|code| self.is(code))
    }

    /// The tenant that a 401 names in its challenge.
    pub(super) fn tenant(&self) -> Option<String> {
        // Key Vault's name of this parameter is shorter.
        let url = self
            .challenge_value("authorization_uri")
            .or_else(|| self.challenge_value("authorization"))?;
        let path = url.strip_prefix("https://")?.split_once('/')?.1;
        let end = path
            .find(|c: char| !c.is_ascii_hexdigit() && c != '-')
            .unwrap_or(path.len());
        parse_guid(&path[..end])
    }

    /// The scope of the resource that a 401 names in its challenge.
    pub(super) fn scope(&self) -> Option<String> {
        let resource = self
            .challenge_value("scope")
            .or_else(|| self.challenge_value("resource_id"))
            .or_else(|| self.challenge_value("resource"));
        match resource {
            Some(resource) => scope_of(resource),
            None => graph::scope_of_challenge(
                self.challenge_value("client_id")?,
                self.challenge_value("authorization_uri")?,
            ),
        }
    }

    /// A parameter of the challenge, with or without quotes (RFC 9110 §11.2).
    fn challenge_value(&self, name: &str) -> Option<&str> {
        let at = find_ignoring_case(&self.challenge, &format!("{name}="))?;
        let rest = &self.challenge[at + name.len() + 1..];
        Some(match rest.strip_prefix('"') {
            Some(quoted) => quoted.split('"').next().unwrap_or_default(),
            None => rest.split([' ', ',']).next().unwrap_or_default(),
        })
    }

    /// The response, for reading: status, code, message and detail.
    pub(super) fn shown(&self) -> String {
        let mut text = format!("HTTP {}", self.status);
        for part in [&self.code, &self.inner_code] {
            if !part.is_empty() {
                text.push(' ');
                text.push_str(&redact::excerpt(part.as_bytes(), &[]));
            }
        }
        for part in [&self.message, &self.detail] {
            if !part.is_empty() {
                text.push_str(": ");
                text.push_str(&redact::excerpt(part.as_bytes(), &[]));
            }
        }
        text
    }
}

/// Code and message of the first detail about access.
fn refusal_inside(body: &ErrorBody) -> Option<(&str, &str)> {
    const MOST: usize = 8;
    (0..MOST).find_map(|at| {
        let code = body.at(&format!("/error/details/{at}/code"))?;
        let is_known = matches!(code, "AuthorizationFailed" | "LinkedAuthorizationFailed");
        let message = body.at(&format!("/error/details/{at}/message"))?;
        is_known.then_some((code, message))
    })
}

/// The scope of a resource that a service names, if the name is a plain https URL or the id of an
/// application. The reader can copy it, so it must be safe.
pub(super) fn scope_of(resource: &str) -> Option<String> {
    const LONGEST: usize = 200;
    let resource = resource.trim();
    let resource = resource
        .strip_suffix("/.default")
        .unwrap_or(resource)
        .trim_end_matches('/');
    let is_plain = |b: u8| b.is_ascii_alphanumeric() || b":/._-".contains(&b);
    if resource.is_empty() || resource.len() > LONGEST || !resource.bytes().all(is_plain) {
        return None;
    }
    let is_url = resource.starts_with("https://")
        && Url::parse(resource).is_ok_and(|url| url.host().is_some());
    (is_url || parse_guid(resource).is_some() || resource.starts_with("api://"))
        .then(|| format!("{resource}/.default"))
}
