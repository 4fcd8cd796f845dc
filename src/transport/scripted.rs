//! A transport for unit tests and fuzzing with scripted responses.

use async_trait::async_trait;
use azure_core::{
    error::ErrorKind,
    http::{
        AsyncRawResponse, Body, ClientOptions, HttpClient, Request, StatusCode, Transport,
        headers::Headers,
    },
};
use futures::StreamExt;
use std::sync::{Arc, Mutex};

#[derive(Clone, Debug)]
pub(crate) enum Step {
    Answer {
        status: u16,
        headers: Vec<(&'static str, String)>,
        body: Vec<u8>,
    },
    /// The connection is refused.
    NoAnswer,
    /// The connection is accepted, but no response arrives.
    Silence,
    /// The connection ends after the headers of a success.
    CutShort,
}

impl Step {
    pub(crate) fn answer(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self::with_header(status, "content-type", "application/json", body)
    }

    pub(crate) fn with_header(
        status: u16,
        name: &'static str,
        value: &str,
        body: impl Into<Vec<u8>>,
    ) -> Self {
        Self::Answer {
            status,
            headers: vec![(name, value.to_owned())],
            body: body.into(),
        }
    }
}

/// Returns its steps one after the other, and repeats the last one.
#[derive(Debug)]
pub(crate) struct Scripted {
    steps: Vec<Step>,
    requests: Mutex<Vec<Request>>,
}

impl Scripted {
    pub(crate) fn new(steps: impl IntoIterator<Item = Step>) -> Arc<Self> {
        Arc::new(Self {
            steps: steps.into_iter().collect(),
            requests: Mutex::default(),
        })
    }

    pub(crate) fn client_options(self: &Arc<Self>) -> ClientOptions {
        ClientOptions {
            transport: Some(Transport::new(Arc::clone(self) as Arc<dyn HttpClient>)),
            ..Default::default()
        }
    }

    pub(crate) fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }

    pub(crate) fn count(&self) -> usize {
        self.requests.lock().unwrap().len()
    }
}

/// The body of a request. In these tests it is always in memory.
pub(crate) fn body_of(request: &Request) -> String {
    match request.body() {
        Body::Bytes(bytes) => String::from_utf8(bytes.to_vec()).unwrap(),
        Body::SeekableStream(_) => panic!("a streamed body"),
    }
}

#[async_trait]
impl HttpClient for Scripted {
    async fn execute_request(&self, request: &Request) -> azure_core::Result<AsyncRawResponse> {
        let step = {
            let mut requests = self.requests.lock().unwrap();
            requests.push(request.clone());
            let last = self.steps.len() - 1;
            self.steps[last.min(requests.len() - 1)].clone()
        };
        match step {
            Step::Answer {
                status,
                headers: given,
                body,
            } => {
                let mut headers = Headers::new();
                for (name, value) in given {
                    headers.insert(name, value);
                }
                Ok(AsyncRawResponse::from_bytes(
                    StatusCode::from(status),
                    headers,
                    body,
                ))
            }
            Step::NoAnswer => Err(azure_core::Error::new(
                ErrorKind::Connection,
                std::io::Error::from(std::io::ErrorKind::ConnectionRefused),
            )),
            Step::Silence => std::future::pending().await,
            Step::CutShort => {
                let reset = azure_core::Error::new(
                    ErrorKind::Io,
                    std::io::Error::from(std::io::ErrorKind::ConnectionReset),
                );
                Ok(AsyncRawResponse::new(
                    StatusCode::Ok,
                    Headers::new(),
                    futures::stream::once(async { Err(reset) }).boxed(),
                ))
            }
        }
    }
}
