//! Refuses requests that a program on this machine was tricked into (server-side request forgery, DNS
//! rebinding).

use super::answer::Refusal;
use hyper::{StatusCode, header::HOST, http::request::Parts};
use std::net::SocketAddr;

/// A proxy adds them. IMDS refuses the first one, too (Microsoft Learn, "Azure Instance Metadata
/// Service").
const OF_PROXIES: [&str; 3] = ["x-forwarded-for", "x-forwarded-host", "forwarded"];

/// How this endpoint is called by those who mean it.
#[derive(Debug)]
pub(super) struct Origin {
    hosts: Vec<String>,
}

impl Origin {
    pub(super) fn new(address: SocketAddr) -> Self {
        let port = address.port();
        Self {
            hosts: vec![address.to_string(), format!("localhost:{port}")],
        }
    }

    pub(super) fn check(&self, head: &Parts) -> Result<(), Refusal> {
        if let Some(name) = OF_PROXIES.iter().find(|it| head.headers.contains_key(**it)) {
            let message = format!("The header {name} is refused: a proxy has no place here.");
            return Err(Refusal::new(StatusCode::BAD_REQUEST, "proxied", message));
        }
        let mut hosts = head.headers.get_all(HOST).iter();
        let is_ours = match (hosts.next(), hosts.next()) {
            (Some(host), None) => host.to_str().is_ok_and(|host| self.is_ours(host)),
            _ => false,
        };
        // With an absolute URL, the URL names the host (RFC 9112, section 3.2.2).
        let authority = head.uri.authority();
        if is_ours && authority.is_none_or(|it| self.is_ours(it.as_str())) {
            return Ok(());
        }
        let message = format!(
            "The header Host does not name this endpoint, which is {}.",
            self.hosts.join(" or ")
        );
        Err(Refusal::new(StatusCode::BAD_REQUEST, "other_host", message))
    }

    fn is_ours(&self, host: &str) -> bool {
        self.hosts.iter().any(|it| it.eq_ignore_ascii_case(host))
    }
}
