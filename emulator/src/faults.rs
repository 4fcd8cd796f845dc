//! What goes wrong on the way, and how often.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use crate::{clock, router::Endpoint};

/// Something that goes wrong with one answer.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Fault {
    /// The right answer, this much later.
    Delay(Duration),
    /// Another status in the answer's place.
    Status {
        /// The status.
        code: u16,
        /// The value of `Retry-After`, as it stands: seconds, a date, or nonsense.
        retry_after: Option<String>,
        /// Content type and body; without it the body is empty.
        body: Option<(String, String)>,
    },
    /// Any answer at all in the answer's place: a body that is no text, or far too long.
    Response {
        /// The status.
        status: u16,
        /// The headers. `Content-Length` and `Date` are added, the former always the true one.
        headers: Vec<(String, String)>,
        /// The body.
        body: Vec<u8>,
    },
    /// A TCP reset before any byte of the answer.
    Reset,
    /// A TCP reset within the answer's head.
    ResetInHead,
    /// A TCP reset after the head and half of the body.
    ResetInBody,
    /// The connection closes in good order after this many bytes of the body, whose
    /// `Content-Length` had promised the whole.
    Truncate {
        /// How many bytes of the body arrive.
        after: usize,
    },
    /// The request is read and never answered.
    Silence,
    /// The right answer, byte by byte.
    Trickle {
        /// The wait before each byte.
        pause: Duration,
    },
    /// 200 with `application/json` that is none.
    NotJson,
    /// 200 with a web page: what a captive portal or proxy puts in the place of an answer.
    Html,
    /// 302 to somewhere else.
    Redirect {
        /// The value of `Location`.
        location: String,
    },
    /// The endpoint's clock is off: the `Date` of this answer, the times in it, and the idea of
    /// now against which it judges the request.
    WrongClock {
        /// By how many seconds it is fast; negative for slow.
        seconds: i64,
    },
}

impl Fault {
    /// A status and nothing else.
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

    /// A status with `Retry-After` as a date (RFC 9110 section 10.2.3), this far from now.
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
}

/// How often a fault happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Times {
    /// With that many requests, and then no more.
    Count(usize),
    /// With every request until the faults are cleared.
    UntilCleared,
}

/// The faults in wait, for each endpoint in the order in which they are to happen.
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

    /// The fault that befalls the next request to `endpoint`.
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
