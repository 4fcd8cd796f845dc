//! HTTP/1.1 clients that keep their connections, on one thread. They do as little as they can, because
//! they share the processors with the server that is measured.

use crate::client::{Endpoint, RESOURCE};
use std::{io, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::JoinSet,
    time::{Instant, sleep_until},
};

/// What a run has shown.
pub(crate) struct Measured {
    pub(crate) took: Duration,
    /// Of each request that had the status 200. Sorted.
    latencies: Vec<Duration>,
    pub(crate) failed: usize,
}

impl Measured {
    pub(crate) fn per_second(&self) -> f64 {
        self.latencies.len() as f64 / self.took.as_secs_f64()
    }

    /// In milliseconds. No request is estimated: each one's time is kept.
    pub(crate) fn percentile(&self, percent: f64) -> f64 {
        let last = self.latencies.len() - 1;
        let at = (last as f64 * percent / 100.0).ceil() as usize;
        self.latencies[at.min(last)].as_secs_f64() * 1e3
    }
}

/// When a connection sends its next request.
#[derive(Clone, Copy)]
pub(crate) enum Pace {
    /// As soon as it has the response to the last one.
    Closed,
    /// At fixed times, so many a second from all connections together, whatever the server does. The time
    /// of a request counts from there, so that one that waits for the response before it is not shown as
    /// fast.
    PerSecond(u32),
}

pub(crate) fn run(
    endpoint: &Endpoint,
    connections: u32,
    pace: Pace,
    duration: Duration,
) -> io::Result<Measured> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(run_all(endpoint, connections, pace, duration))
}

#[allow(clippy::disallowed_methods, reason = "this measures")]
async fn run_all(
    endpoint: &Endpoint,
    connections: u32,
    pace: Pace,
    duration: Duration,
) -> io::Result<Measured> {
    let mut streams = Vec::new();
    for _ in 0..connections {
        let stream = TcpStream::connect(endpoint.address()).await?;
        stream.set_nodelay(true)?;
        streams.push(stream);
    }
    let request = format!(
        "GET /msi/token?api-version=2019-08-01&resource={RESOURCE} HTTP/1.1\r\nHost: {}\r\nX-IDENTITY-HEADER: {}\r\n\r\n",
        endpoint.address(),
        endpoint.secret
    );
    let start = Instant::now();
    let end = start + duration;
    let mut clients = JoinSet::new();
    for (number, stream) in streams.into_iter().enumerate() {
        let mut connection = Connection {
            stream,
            request: request.clone().into_bytes(),
            buffer: vec![0; 16 * 1024],
        };
        let first = match pace {
            Pace::Closed => start,
            Pace::PerSecond(rate) => start + Duration::from_secs(number as u64) / rate,
        };
        let every = match pace {
            Pace::Closed => None,
            Pace::PerSecond(rate) => Some(Duration::from_secs(connections.into()) / rate),
        };
        clients.spawn(async move {
            let (mut latencies, mut failed) = (Vec::new(), 0);
            let mut next = first;
            loop {
                match every {
                    Some(_) => sleep_until(next).await,
                    None => next = Instant::now(),
                }
                if next >= end {
                    return (latencies, failed);
                }
                match connection.ask().await {
                    Ok(200) => latencies.push(next.elapsed()),
                    Ok(_) => failed += 1,
                    // The connection is of no more use.
                    Err(_) => return (latencies, failed + 1),
                }
                next += every.unwrap_or_default();
            }
        });
    }
    let (mut latencies, mut failed) = (Vec::new(), 0);
    while let Some(ended) = clients.join_next().await {
        let (of_one, failed_of_one) = ended.map_err(io::Error::other)?;
        latencies.extend(of_one);
        failed += failed_of_one;
    }
    latencies.sort_unstable();
    Ok(Measured {
        took: start.elapsed(),
        latencies,
        failed,
    })
}

struct Connection {
    stream: TcpStream,
    request: Vec<u8>,
    buffer: Vec<u8>,
}

impl Connection {
    /// Sends the request, and reads the response to its end. Returns its status.
    async fn ask(&mut self) -> io::Result<u16> {
        self.stream.write_all(&self.request).await?;
        let mut read = 0;
        loop {
            let more = self.stream.read(&mut self.buffer[read..]).await?;
            if more == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            read += more;
            if let Some((status, length)) = head(&self.buffer[..read])
                && read >= length
            {
                return Ok(status);
            }
        }
    }
}

/// The status, and the length of the response with its body; `None` if the head has not come yet.
fn head(response: &[u8]) -> Option<(u16, usize)> {
    let end = response.windows(4).position(|it| it == b"\r\n\r\n")? + 4;
    let head = std::str::from_utf8(&response[..end]).ok()?;
    let status = head.get(9..12)?.parse().ok()?;
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(": ")?;
        name.eq_ignore_ascii_case("content-length")
            .then(|| value.parse::<usize>().ok())?
    });
    Some((status, end + length?))
}
