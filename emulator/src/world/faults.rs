//! Faults: what goes wrong with a response, and how often.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use crate::{
    clock,
    wire::{
        fault_stream::{Cut, Ending, Position, WritePlan},
        http::Response,
    },
    world::endpoint::Endpoint,
};

/// Something that goes wrong with one response.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Fault {
    /// The regular response, later by this duration.
    Delay(Duration),
    /// Another status instead of the regular response.
    Status {
        /// The status code.
        code: u16,
        /// The value of `Retry-After`, sent as it is: seconds, a date, or an invalid value.
        retry_after: Option<String>,
        /// The content type and the body. Without it the body is empty.
        body: Option<(String, String)>,
    },
    /// Any response instead of the regular one, for example a body that is not text or is very
    /// long.
    Response {
        /// The status code.
        status: u16,
        /// The headers. The emulator adds `Date` and the correct `Content-Length`.
        headers: Vec<(String, String)>,
        /// The body.
        body: Vec<u8>,
    },
    /// A TCP reset before the first byte of the response.
    Reset,
    /// A TCP reset in the head of the response.
    ResetInHead,
    /// A TCP reset after the head and half of the body.
    ResetInBody,
    /// The connection closes in the regular way after this many bytes of the body, before the
    /// length in `Content-Length` is reached.
    Truncate {
        /// How many bytes of the body arrive.
        after: usize,
    },
    /// The emulator reads the request and sends no response.
    Silence,
    /// The regular response, byte by byte.
    Trickle {
        /// The wait before each byte.
        pause: Duration,
    },
    /// 200 with the content type `application/json` and a body that is not JSON.
    NotJson,
    /// 200 with a web page, as a captive portal or a proxy sends.
    Html,
    /// A redirect (302).
    Redirect {
        /// The value of `Location`.
        location: String,
    },
    /// The clock of the endpoint is wrong: the `Date` header, the times in the response, and the
    /// time with which the endpoint checks the request.
    WrongClock {
        /// By how many seconds the clock is ahead. A negative number means behind.
        seconds: i64,
    },
}

impl Fault {
    /// A status without a body.
    pub fn status(code: u16) -> Fault {
        Fault::Status {
            code,
            retry_after: None,
            body: None,
        }
    }

    /// A status with `Retry-After`.
    pub fn retry_after(code: u16, retry_after: &str) -> Fault {
        Fault::Status {
            code,
            retry_after: Some(retry_after.to_owned()),
            body: None,
        }
    }

    /// A status with a date in `Retry-After` (RFC 9110 section 10.2.3): now plus `from_now`.
    pub fn retry_after_date(code: u16, from_now: Duration) -> Fault {
        let seconds = i64::try_from(from_now.as_secs()).unwrap_or(i64::MAX / 2);
        Fault::retry_after(code, &clock::http_date(clock::now() + seconds))
    }

    /// A status with a JSON body.
    pub fn json(code: u16, body: &str) -> Fault {
        Fault::Status {
            code,
            retry_after: None,
            body: Some(("application/json".to_owned(), body.to_owned())),
        }
    }

    /// The response that replaces the regular one.
    pub(crate) fn replacement(&self) -> Option<Response> {
        match self {
            Fault::Status {
                code,
                retry_after,
                body,
            } => {
                let response = match body {
                    Some((content_type, body)) => Response::text(*code, content_type, body),
                    None => Response::empty(*code),
                };
                Some(match retry_after {
                    Some(value) => response.with("Retry-After", value),
                    None => response,
                })
            }
            Fault::Response {
                status,
                headers,
                body,
            } => Some(Response {
                status: *status,
                headers: headers.clone(),
                body: body.clone(),
            }),
            Fault::NotJson => Some(Response::text(
                200,
                "application/json; charset=utf-8",
                "this is not JSON",
            )),
            Fault::Html => Some(Response::text(
                200,
                "text/html; charset=utf-8",
                "<!DOCTYPE html><html><head><title>Sign in to the network</title></head>\
                 <body><h1>Sign in to the network</h1></body></html>",
            )),
            Fault::Redirect { location } => Some(Response::empty(302).with("Location", location)),
            _ => None,
        }
    }

    /// How the bytes of the response are written.
    pub(crate) fn write_plan(&self, body_length: usize) -> WritePlan {
        let cut = |after, ending| WritePlan {
            cut: Some(Cut { after, ending }),
            pause: None,
        };
        match self {
            Fault::Reset => cut(Position::InHead(0), Ending::Reset),
            // In the status line, after "HTTP/1.1 20".
            Fault::ResetInHead => cut(Position::InHead(11), Ending::Reset),
            Fault::ResetInBody => cut(Position::InBody(body_length / 2), Ending::Reset),
            Fault::Truncate { after } => cut(Position::InBody(*after), Ending::Close),
            Fault::Trickle { pause } => WritePlan {
                cut: None,
                pause: Some(*pause),
            },
            _ => WritePlan::default(),
        }
    }
}

/// How often a fault happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Times {
    /// For this many requests.
    Count(usize),
    /// For every request, until [`Emulator::clear_faults`](crate::Emulator::clear_faults).
    UntilCleared,
}

/// The faults that have not happened yet, for each endpoint in their order.
#[derive(Default)]
pub(crate) struct Faults {
    waiting: HashMap<Endpoint, VecDeque<(Fault, Times)>>,
}

impl Faults {
    pub(crate) fn set(&mut self, endpoint: Endpoint, fault: Fault, times: Times) {
        self.waiting
            .insert(endpoint, VecDeque::from([(fault, times)]));
    }

    pub(crate) fn add(&mut self, endpoint: Endpoint, fault: Fault, times: Times) {
        let waiting = self.waiting.entry(endpoint).or_default();
        waiting.push_back((fault, times));
    }

    pub(crate) fn clear(&mut self) {
        self.waiting.clear();
    }

    /// Takes the fault for the next request to `endpoint`.
    pub(crate) fn next(&mut self, endpoint: Endpoint) -> Option<Fault> {
        let waiting = self.waiting.get_mut(&endpoint)?;
        while let Some((fault, times)) = waiting.front_mut() {
            match times {
                Times::UntilCleared => return Some(fault.clone()),
                Times::Count(0) => {
                    waiting.pop_front();
                }
                Times::Count(left) => {
                    *left -= 1;
                    return Some(fault.clone());
                }
            }
        }
        None
    }
}
