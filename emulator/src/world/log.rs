//! The log of requests. It holds no secrets.

use aws_lc_rs::digest::{SHA256, digest};
use std::{collections::VecDeque, fmt::Write, sync::Arc};

use crate::{wire::http::Request, world::endpoint::Endpoint};

/// A request that the emulator received.
///
/// It holds no secrets. A [`fingerprint`] replaces each assertion, token and identity header, so
/// that two of them can still be compared.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct LoggedRequest {
    /// The endpoint of the request.
    pub endpoint: Endpoint,
    /// `GET`, `POST`, …
    pub method: String,
    /// The `Host` header.
    pub host: String,
    /// The path, as the client sent it.
    pub path: String,
    /// The decoded query parameters, in the order of the request.
    pub query: Vec<(String, String)>,
    /// The headers, with names in lower case, in the order of the request.
    pub headers: Vec<(String, String)>,
    /// The decoded fields of a form body, in the order of the request.
    pub form: Vec<(String, String)>,
    /// The status of the response. `None` if there is no response (yet).
    pub status: Option<u16>,
}

impl LoggedRequest {
    /// The value of the query parameter `name`.
    pub fn query(&self, name: &str) -> Option<&str> {
        value(&self.query, name)
    }

    /// The value of the header `name`. The case of the name does not matter.
    pub fn header(&self, name: &str) -> Option<&str> {
        value(&self.headers, &name.to_ascii_lowercase())
    }

    /// The value of the form field `name`.
    pub fn form(&self, name: &str) -> Option<&str> {
        value(&self.form, name)
    }

    fn of(endpoint: Endpoint, request: &Request) -> LoggedRequest {
        LoggedRequest {
            endpoint,
            method: request.method.clone(),
            host: request.host.clone(),
            path: without_jwt(&request.path),
            query: redacted(&request.query),
            headers: redacted(&request.headers),
            form: redacted(&request.form),
            status: None,
        }
    }
}

fn value<'a>(pairs: &'a [(String, String)], name: &str) -> Option<&'a str> {
    pairs
        .iter()
        .find(|(found, _)| found == name)
        .map(|(_, value)| value.as_str())
}

/// What the log shows instead of a secret: `sha256:` and the SHA-256 of the secret in hexadecimal.
///
/// The fingerprint of an `Authorization` header is the fingerprint of the token after the scheme.
pub fn fingerprint(secret: &str) -> String {
    let mut text = String::from("sha256:");
    for byte in digest(&SHA256, secret.as_bytes()).as_ref() {
        // Writing to a `String` does not fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// The form fields, query parameters and headers whose value is always a secret.
const SECRETS: [&str; 14] = [
    "access_token",
    "assertion",
    "authorization",
    "client_assertion",
    "client_secret",
    "code",
    "cookie",
    "id_token",
    "password",
    "proxy-authorization",
    "refresh_token",
    "secret",
    "sig",
    "x-identity-header",
];

fn redacted(pairs: &[(String, String)]) -> Vec<(String, String)> {
    pairs
        .iter()
        .map(|(name, value)| {
            let lower = name.to_ascii_lowercase();
            let shown = if lower == "authorization" {
                let token = value
                    .split_once(' ')
                    .map_or(value.as_str(), |(_, rest)| rest);
                fingerprint(token.trim())
            } else if SECRETS.contains(&lower.as_str()) {
                fingerprint(value)
            } else {
                without_jwt(value)
            };
            (without_jwt(name), shown)
        })
        .collect()
}

/// Replaces a JWT in a place where no secret belongs. The header of a JWT is a JSON object, so its
/// base64url begins with `eyJ`.
fn without_jwt(text: &str) -> String {
    if text.contains("eyJ") && text.matches('.').count() >= 2 {
        fingerprint(text)
    } else {
        text.to_owned()
    }
}

/// Called with each request when its response is known.
pub(crate) type Observer = Arc<dyn Fn(&LoggedRequest) + Send + Sync>;

/// The requests in the order of their arrival.
#[derive(Default)]
pub(crate) struct Log {
    /// The number of the first entry. [`Log::clear`] does not reset it, so that a response to a
    /// request from before finds no entry.
    first: u64,
    entries: VecDeque<LoggedRequest>,
    observer: Option<Observer>,
}

impl Log {
    /// Limits the memory of an emulator that runs for days.
    const MAX_REQUESTS: usize = 100_000;

    pub(crate) fn add_request(&mut self, endpoint: Endpoint, request: &Request) -> u64 {
        if self.entries.len() == Self::MAX_REQUESTS {
            self.entries.pop_front();
            self.first += 1;
        }
        self.entries.push_back(LoggedRequest::of(endpoint, request));
        self.first + self.entries.len() as u64 - 1
    }

    /// Records the status of the response, or that there is no response. Returns the observer and
    /// what to call it with, so that the caller can release the lock before.
    pub(crate) fn finish(
        &mut self,
        number: u64,
        status: Option<u16>,
    ) -> Option<(Observer, LoggedRequest)> {
        let observer = self.observer.clone();
        let index = usize::try_from(number.checked_sub(self.first)?).ok()?;
        let entry = self.entries.get_mut(index)?;
        entry.status = status;
        Some((observer?, entry.clone()))
    }

    /// Calls `observer` with each request from now on, in the place of any observer before.
    pub(crate) fn observe(&mut self, observer: Observer) {
        self.observer = Some(observer);
    }

    pub(crate) fn requests(&self) -> Vec<LoggedRequest> {
        self.entries.iter().cloned().collect()
    }

    pub(crate) fn clear(&mut self) {
        self.first += self.entries.len() as u64;
        self.entries.clear();
    }
}
