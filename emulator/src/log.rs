//! What the emulator was asked, without the secrets that came with it.

use aws_lc_rs::digest::{SHA256, digest};
use std::{collections::VecDeque, fmt::Write};

use crate::{router::Endpoint, wire::Request};

/// One request that reached the emulator.
///
/// It holds no secret: assertions, tokens and identity headers are replaced by their
/// [`fingerprint`], so that two of them can still be compared.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct LoggedRequest {
    /// The endpoint it was for.
    pub endpoint: Endpoint,
    /// `GET`, `POST`, …
    pub method: String,
    /// The `Host` header: the name under which the client knows this service.
    pub host: String,
    /// The path, as it was sent.
    pub path: String,
    /// The query, decoded, in the order sent.
    pub query: Vec<(String, String)>,
    /// The headers, names in lower case, in the order sent.
    pub headers: Vec<(String, String)>,
    /// The fields of a form body, decoded, in the order sent.
    pub form: Vec<(String, String)>,
    /// The status that was answered; `None` if none was (yet): silence, a reset, or an answer
    /// still on its way.
    pub status: Option<u16>,
}

impl LoggedRequest {
    /// The value of the query parameter `name`.
    pub fn query(&self, name: &str) -> Option<&str> {
        value(&self.query, name)
    }

    /// The value of the header `name`, whose case does not matter.
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

/// How a secret shows in the log: `sha256:` and the hash of its bytes in hexadecimal.
///
/// For an `Authorization` header the secret is what follows the scheme, so that it compares
/// with the token itself.
pub fn fingerprint(secret: &str) -> String {
    let mut text = String::from("sha256:");
    for byte in digest(&SHA256, secret.as_bytes()).as_ref() {
        // Writing to a string does not fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// Form fields, query parameters and headers whose value is a secret whatever it looks like.
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

/// A JWT's header is a JSON object, which in base64url begins so. One that turns up where none
/// belongs is a fault in the client, but still a secret.
fn without_jwt(text: &str) -> String {
    if text.contains("eyJ") && text.matches('.').count() >= 2 {
        fingerprint(text)
    } else {
        text.to_owned()
    }
}

/// The requests in the order of their arrival.
#[derive(Default)]
pub(crate) struct Log {
    /// The number of the first entry. It goes on over a [`Log::clear`], so that an answer that is
    /// still on its way then finds no other request's entry.
    first: u64,
    entries: VecDeque<LoggedRequest>,
}

impl Log {
    /// An emulator that runs for days must not fill the memory; a test never gets there.
    const MOST: usize = 100_000;

    pub(crate) fn arrived(&mut self, endpoint: Endpoint, request: &Request) -> u64 {
        if self.entries.len() == Self::MOST {
            self.entries.pop_front();
            self.first += 1;
        }
        self.entries.push_back(LoggedRequest::of(endpoint, request));
        self.first + self.entries.len() as u64 - 1
    }

    pub(crate) fn answered(&mut self, number: u64, status: u16) {
        let entry = number
            .checked_sub(self.first)
            .and_then(|index| usize::try_from(index).ok())
            .and_then(|index| self.entries.get_mut(index));
        if let Some(entry) = entry {
            entry.status = Some(status);
        }
    }

    pub(crate) fn requests(&self) -> Vec<LoggedRequest> {
        self.entries.iter().cloned().collect()
    }

    pub(crate) fn clear(&mut self) {
        self.first += self.entries.len() as u64;
        self.entries.clear();
    }
}
