//! Checks the token of a request, and finds the operation that the path names.

use uuid::Uuid;

use crate::{
    graph::{
        access::authenticate,
        error::{Error, with_graph_headers},
    },
    guid::guid,
    wire::http::{Request, Response},
    world::{World, bearer_token::Caller, directory::Directory, signing_key::SigningKey},
};

/// A request from a caller with a valid token.
pub(crate) struct GraphRequest<'a> {
    pub(crate) directory: &'a Directory,
    pub(crate) caller: &'a Caller,
    pub(crate) request: &'a Request,
    pub(crate) page_size: usize,
}

/// What an object is named by.
#[derive(Clone, Copy)]
pub(crate) enum Key<'a> {
    /// `applications/{id}`: the object id.
    Id(&'a str),
    /// `applications(appId='{appId}')`: the client id.
    AppId(&'a str),
}

impl<'a> Key<'a> {
    pub(crate) fn value(self) -> &'a str {
        match self {
            Key::Id(value) | Key::AppId(value) => value,
        }
    }

    /// Whether it names the object with these ids. A client id in place of the object id names none.
    pub(crate) fn names(self, id: &str, app_id: &str) -> bool {
        match self {
            Key::Id(value) => value.eq_ignore_ascii_case(id),
            Key::AppId(value) => value.eq_ignore_ascii_case(app_id),
        }
    }

    pub(crate) fn check(self) -> Result<(), Error> {
        match (self, Uuid::try_parse(self.value())) {
            (_, Ok(_)) => Ok(()),
            (Key::Id(id), Err(_)) => Err(Error::malformed_id(id)),
            (Key::AppId(_), Err(_)) => Err(Error::malformed_app_id()),
        }
    }
}

/// Responds to a request to Microsoft Graph. `now` is the time on its clock.
pub(crate) fn respond(world: &World, key: &SigningKey, request: &Request, now: i64) -> Response {
    let request_id = guid();
    let response = run(world, key, request, now)
        .unwrap_or_else(|error| error.response(request, &request_id, now));
    with_graph_headers(response, request, &request_id)
}

fn run(world: &World, key: &SigningKey, request: &Request, now: i64) -> Result<Response, Error> {
    let directory = &world.directory;
    let caller = authenticate(key, directory, request, now)?;
    let path = decoded(&request.path);
    let mut segments = path.trim_matches('/').split('/');
    match segments.next() {
        Some("v1.0") => {}
        other => {
            let version = other.unwrap_or_default();
            return Err(Error::bad_request(format!("Invalid version: {version}")));
        }
    }
    let segments: Vec<&str> = segments.collect();
    let unknown = || {
        let segment = segments.last().copied().unwrap_or_default();
        Error::bad_request(format!("Resource not found for the segment '{segment}'."))
    };
    let (resource, rest) = split(&segments).ok_or_else(unknown)?;
    let request = GraphRequest {
        directory,
        caller: &caller,
        request,
        page_size: world.settings.page_size,
    };
    let operation = match (resource.to_ascii_lowercase().as_str(), &rest[..]) {
        ("applications", []) => request.list_applications(),
        ("applications", [Part::Key(key)]) => request.get_application(*key),
        ("applications", [Part::Key(key), Part::Segment(of)]) if is_credentials(of) => {
            request.list_federated_credentials(*key)
        }
        ("applications", [Part::Key(key), Part::Segment(of), Part::Segment(id)])
            if is_credentials(of) =>
        {
            request.get_federated_credential(*key, id)
        }
        ("serviceprincipals", []) => request.list_service_principals(),
        ("serviceprincipals", [Part::Key(key)]) => request.get_service_principal(*key),
        _ => return Err(unknown()),
    };
    match request.request.method.as_str() {
        "GET" => operation,
        _ => Err(Error::only_get()),
    }
}

enum Part<'a> {
    Key(Key<'a>),
    Segment(&'a str),
}

/// The name of the collection, and what follows it: a key in either form, and further segments.
/// `None` for a key that does not end.
fn split<'a>(segments: &[&'a str]) -> Option<(&'a str, Vec<Part<'a>>)> {
    let (first, rest) = segments.split_first()?;
    let mut rest = rest.iter().copied();
    let (name, key) = match first.split_once("(appId='") {
        Some((name, tail)) => (name, Some(Key::AppId(tail.strip_suffix("')")?))),
        None => (*first, rest.next().map(Key::Id)),
    };
    let parts = key
        .map(Part::Key)
        .into_iter()
        .chain(rest.map(Part::Segment));
    Some((name, parts.collect()))
}

fn is_credentials(segment: &str) -> bool {
    segment.eq_ignore_ascii_case("federatedIdentityCredentials")
}

/// The path without percent-encoding (RFC 3986 section 2.1): some clients encode the brackets and
/// quotes of a key.
fn decoded(path: &str) -> String {
    // In a form a plus and an ampersand mean something else.
    let form = format!("p={}", path.replace('+', "%2B").replace('&', "%26"));
    url::form_urlencoded::parse(form.as_bytes())
        .next()
        .map(|(_, path)| path.into_owned())
        .unwrap_or_default()
}
