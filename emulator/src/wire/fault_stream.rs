//! A connection that can close early or write slowly. It is below HTTP and above TLS.

use std::{
    io,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, ready},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    time::Sleep,
};
use tokio_rustls::server::TlsStream;

use crate::clock;

/// How the bytes of one response are written.
#[derive(Clone, Default)]
pub(crate) struct WritePlan {
    /// Where the connection closes, if it closes before the end of the response.
    pub(crate) cut: Option<Cut>,
    /// The wait before each byte.
    pub(crate) pause: Option<Duration>,
}

/// A connection that closes before the end of the response.
#[derive(Clone, Copy)]
pub(crate) struct Cut {
    pub(crate) after: Position,
    pub(crate) ending: Ending,
}

/// A position in a response, counted in bytes.
#[derive(Clone, Copy)]
pub(crate) enum Position {
    /// From the first byte of the response.
    InHead(usize),
    /// From the first byte of the body.
    InBody(usize),
}

/// How a connection closes.
#[derive(Clone, Copy)]
pub(crate) enum Ending {
    /// In the regular way, with `close_notify` on TLS.
    Close,
    /// With a TCP reset.
    Reset,
}

/// The plan of a connection. The server sets it for each response, and the stream follows it.
///
/// Both run on one thread, so nothing waits for the lock. It makes the type `Send`.
#[derive(Clone, Default)]
pub(crate) struct SharedPlan(Arc<Mutex<Progress>>);

#[derive(Default)]
struct Progress {
    plan: WritePlan,
    written: usize,
    /// How many bytes of the blank line at the end of the head are written.
    blank_line: usize,
    body_written: usize,
}

impl SharedPlan {
    /// Starts a new response: the next byte written is its first byte.
    pub(crate) fn start(&self, plan: WritePlan) {
        *self.lock() = Progress {
            plan,
            ..Progress::default()
        };
    }

    fn lock(&self) -> MutexGuard<'_, Progress> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Progress {
    /// How many of `bytes` can be written now. 0 means that the connection has to close.
    fn allowed(&self, bytes: &[u8]) -> usize {
        let most = if self.plan.pause.is_some() {
            bytes.len().min(1)
        } else {
            bytes.len()
        };
        let Some(cut) = self.plan.cut else {
            return most;
        };
        let until_cut = match cut.after {
            Position::InHead(after) => after.saturating_sub(self.written),
            Position::InBody(after) => {
                let in_head = self.head_length(bytes).0;
                in_head.saturating_add(after.saturating_sub(self.body_written))
            }
        };
        most.min(until_cut)
    }

    fn advance(&mut self, bytes: &[u8]) {
        let (in_head, blank_line) = self.head_length(bytes);
        self.written += bytes.len();
        self.blank_line = blank_line;
        self.body_written += bytes.len() - in_head;
    }

    /// How many of `bytes` belong to the head, and how many bytes of the blank line are written
    /// after them.
    fn head_length(&self, bytes: &[u8]) -> (usize, usize) {
        const END: &[u8] = b"\r\n\r\n";
        let mut seen = self.blank_line;
        for (index, byte) in bytes.iter().enumerate() {
            if seen == END.len() {
                return (index, seen);
            }
            seen = if *byte == END[seen] {
                seen + 1
            } else {
                usize::from(*byte == END[0])
            };
        }
        (bytes.len(), seen)
    }
}

/// A stream that can close with a TCP reset.
pub(crate) trait Resettable {
    /// Makes the stream send RST when it closes.
    fn reset_on_close(&self) -> io::Result<()>;
}

impl Resettable for TcpStream {
    fn reset_on_close(&self) -> io::Result<()> {
        self.set_zero_linger()
    }
}

impl Resettable for TlsStream<TcpStream> {
    fn reset_on_close(&self) -> io::Result<()> {
        self.get_ref().0.set_zero_linger()
    }
}

/// A stream that writes each response as its plan says.
pub(crate) struct FaultStream<S> {
    stream: S,
    plan: SharedPlan,
    pausing: Option<Pin<Box<Sleep>>>,
    ended: bool,
}

impl<S> FaultStream<S> {
    pub(crate) fn new(stream: S, plan: SharedPlan) -> FaultStream<S> {
        FaultStream {
            stream,
            plan,
            pausing: None,
            ended: false,
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for FaultStream<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Resettable + Unpin> FaultStream<S> {
    /// Closes the stream, even if bytes of the response are not written.
    fn poll_end(&mut self, ending: Ending, context: &mut Context<'_>) -> Poll<io::Result<usize>> {
        match ending {
            Ending::Close => ready!(Pin::new(&mut self.stream).poll_shutdown(context))?,
            Ending::Reset => {
                ready!(Pin::new(&mut self.stream).poll_flush(context))?;
                self.stream.reset_on_close()?;
            }
        }
        self.ended = true;
        Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()))
    }
}

impl<S: AsyncWrite + Resettable + Unpin> AsyncWrite for FaultStream<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let (allowed, plan) = {
            let progress = this.plan.lock();
            (progress.allowed(bytes), progress.plan.clone())
        };
        if allowed == 0
            && !bytes.is_empty()
            && let Some(cut) = plan.cut
        {
            return this.poll_end(cut.ending, context);
        }
        if let Some(pause) = plan.pause {
            let sleep = this
                .pausing
                .get_or_insert_with(|| Box::pin(clock::sleep(pause)));
            ready!(sleep.as_mut().poll(context));
        }
        let written = ready!(Pin::new(&mut this.stream).poll_write(context, &bytes[..allowed]))?;
        this.pausing = None;
        this.plan.lock().advance(&bytes[..written]);
        Poll::Ready(Ok(written))
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.ended {
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut_after(after: Position) -> Progress {
        Progress {
            plan: WritePlan {
                cut: Some(Cut {
                    after,
                    ending: Ending::Close,
                }),
                pause: None,
            },
            ..Progress::default()
        }
    }

    #[test]
    fn the_position_in_the_body_does_not_depend_on_how_writes_are_split() {
        let response = b"HTTP/1.1 200 OK\r\nA: b\r\n\r\nbody";
        let head = response.len() - 4;
        for split in 0..response.len() {
            let mut progress = cut_after(Position::InBody(2));
            let first = progress.allowed(&response[..split]);
            assert_eq!(first, split.min(head + 2));
            progress.advance(&response[..first]);
            let rest = progress.allowed(&response[first..]);
            assert_eq!(first + rest, head + 2, "split at {split}");
        }
    }

    #[test]
    fn the_position_in_the_head_counts_from_the_first_byte() {
        let mut progress = cut_after(Position::InHead(5));
        assert_eq!(progress.allowed(b"HTT"), 3);
        progress.advance(b"HTT");
        assert_eq!(progress.allowed(b"P/1.1 200"), 2);
        assert_eq!(cut_after(Position::InHead(0)).allowed(b"HTTP"), 0);
    }
}
