//! A connection that cuts answers short or slows them down, beneath HTTP and above TLS.

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

/// How the answer that is now being written is to be treated.
#[derive(Clone, Default)]
pub(crate) struct Plan {
    pub(crate) cut: Option<Cut>,
    pub(crate) pause: Option<Duration>,
}

/// Where an answer ends before its end, and how.
#[derive(Clone, Copy)]
pub(crate) struct Cut {
    pub(crate) after: Place,
    pub(crate) ending: Ending,
}

#[derive(Clone, Copy)]
pub(crate) enum Place {
    /// This many bytes after the answer's first.
    Head(usize),
    /// This many bytes after the end of its head.
    Body(usize),
}

#[derive(Clone, Copy)]
pub(crate) enum Ending {
    /// The stream is closed in good order, TLS's `close_notify` included.
    Close,
    /// TCP RST.
    Reset,
}

/// The plan for a connection, shared by the service that knows the answer with the stream that
/// writes it. The two take turns on one thread: the lock is there for the compiler.
#[derive(Clone, Default)]
pub(crate) struct SharedPlan(Arc<Mutex<Progress>>);

#[derive(Default)]
struct Progress {
    plan: Plan,
    written: usize,
    /// How much of the blank line that ends the head has been seen.
    blank_line: usize,
    body_written: usize,
}

impl SharedPlan {
    /// The next bytes written are those of another answer.
    pub(crate) fn begin(&self, plan: Plan) {
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
    /// How many of `bytes` may go out now; 0 means that the cut has come.
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
            Place::Head(after) => after.saturating_sub(self.written),
            Place::Body(after) => {
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

    /// How many of `bytes` still belong to the head, and how much of the blank line has been
    /// seen after them.
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

/// A stream whose end can be a reset.
pub(crate) trait Resettable {
    /// Closing then sends RST.
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

/// A stream that treats what is written to it as its plan says.
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
    /// Ends the stream, whatever is still to be written.
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

    fn cut_after(after: Place) -> Progress {
        Progress {
            plan: Plan {
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
    fn the_body_is_counted_from_the_end_of_the_head_however_it_is_split() {
        let answer = b"HTTP/1.1 200 OK\r\nA: b\r\n\r\nbody";
        let head = answer.len() - 4;
        for split in 0..answer.len() {
            let mut progress = cut_after(Place::Body(2));
            let first = progress.allowed(&answer[..split]);
            assert_eq!(first, split.min(head + 2));
            progress.advance(&answer[..first]);
            let rest = progress.allowed(&answer[first..]);
            assert_eq!(first + rest, head + 2, "split at {split}");
        }
    }

    #[test]
    fn the_head_is_counted_from_the_first_byte() {
        let mut progress = cut_after(Place::Head(5));
        assert_eq!(progress.allowed(b"HTT"), 3);
        progress.advance(b"HTT");
        assert_eq!(progress.allowed(b"P/1.1 200"), 2);
        assert_eq!(cut_after(Place::Head(0)).allowed(b"HTTP"), 0);
    }
}
