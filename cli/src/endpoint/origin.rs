//! Refuses requests that a program was tricked into (server-side request forgery, DNS rebinding).

use super::{Peer, answer::Refusal, tls::Tls};
use hyper::{
    StatusCode,
    header::HOST,
    http::{request::Parts, uri::Authority},
};
use std::net::IpAddr;

/// A proxy adds them. IMDS refuses the first one, too (Microsoft Learn, "Azure Instance Metadata
/// Service").
const OF_PROXIES: [&str; 3] = ["x-forwarded-for", "x-forwarded-host", "forwarded"];

/// Whether the request is from somebody who means this endpoint.
pub(super) fn check(head: &Parts, peer: &Peer, tls: Option<&Tls>) -> Result<(), Refusal> {
    if let Some(name) = OF_PROXIES.iter().find(|it| head.headers.contains_key(**it)) {
        let message = format!("The header {name} is refused: a proxy has no place here.");
        return Err(Refusal::new(StatusCode::BAD_REQUEST, "proxied", message));
    }
    let mut hosts = head.headers.get_all(HOST).iter();
    let is_ours = match (hosts.next(), hosts.next()) {
        (Some(host), None) => host.to_str().is_ok_and(|host| is_ours(host, peer, tls)),
        _ => false,
    };
    // With an absolute URL, the URL names the host (RFC 9112, section 3.2.2).
    let authority = head.uri.authority();
    if is_ours && authority.is_none_or(|it| self::is_ours(it.as_str(), peer, tls)) {
        return Ok(());
    }
    let or = match tls {
        Some(_) => ", or a name of its certificate",
        None => "",
    };
    let message = format!(
        "The header Host does not name this endpoint, which is {}{or}.",
        peer.local
    );
    Err(Refusal::new(StatusCode::BAD_REQUEST, "other_host", message))
}

/// A page that rebinds its own name to this address sends that name. The certificate is for none of
/// somebody else, so its names are ours on any port: a port may be forwarded.
fn is_ours(host: &str, peer: &Peer, tls: Option<&Tls>) -> bool {
    let Ok(authority) = host.parse::<Authority>() else {
        return false;
    };
    if host.contains('@') {
        return false;
    }
    let name = authority.host().trim_matches(['[', ']']);
    let usual = if tls.is_some() { 443 } else { 80 };
    let is_port = authority.port_u16().unwrap_or(usual) == peer.local.port();
    let is_address = match name.parse::<IpAddr>() {
        Ok(address) => address == peer.local.ip(),
        Err(_) => name.eq_ignore_ascii_case("localhost") && peer.local.ip().is_loopback(),
    };
    is_port && is_address || tls.is_some_and(|tls| tls.is_for(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is(host: &str, local: &str) -> bool {
        let peer = Peer::new(([127, 0, 0, 1], 1).into(), local.parse().unwrap());
        is_ours(host, &peer, None)
    }

    #[test]
    fn without_a_certificate_only_the_address_and_the_port_are_ours() {
        for (host, local) in [
            ("127.0.0.1:8181", "127.0.0.1:8181"),
            ("LocalHost:8181", "127.0.0.1:8181"),
            ("[::1]:8181", "[::1]:8181"),
            ("localhost:8181", "[::1]:8181"),
            // As it arrives on an address of both versions.
            ("127.0.0.1:8181", "[::ffff:127.0.0.1]:8181"),
            ("127.0.0.1", "127.0.0.1:80"),
        ] {
            assert!(is(host, local), "{host} {local}");
        }
        for (host, local) in [
            ("127.0.0.1", "127.0.0.1:8181"),
            ("127.0.0.1:", "127.0.0.1:8181"),
            ("127.0.0.1:8182", "127.0.0.1:8181"),
            ("127.0.0.2:8181", "127.0.0.1:8181"),
            ("127.1:8181", "127.0.0.1:8181"),
            ("[::1]:8181", "127.0.0.1:8181"),
            ("localhost.:8181", "127.0.0.1:8181"),
            ("rebound.example:8181", "127.0.0.1:8181"),
            ("127.0.0.1.rebound.example:8181", "127.0.0.1:8181"),
            ("localhost:8181", "10.0.0.4:8181"),
            ("user@127.0.0.1:8181", "127.0.0.1:8181"),
            ("127.0.0.1:8181/", "127.0.0.1:8181"),
            ("127.0.0.1:8181, x", "127.0.0.1:8181"),
            ("", "127.0.0.1:80"),
        ] {
            assert!(!is(host, local), "{host} {local}");
        }
    }
}
