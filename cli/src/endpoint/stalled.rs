//! Ends a connection whose client does not read what it is sent.

use crate::clock;
use std::{
    io::{self, IoSlice},
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// For what is sent, until the system takes all of it. The largest answer is smaller than the buffers of
/// the system.
pub(super) const SLOWEST_READER: Duration = Duration::from_secs(10);

/// A stream whose writes fail when the other side does not read. hyper limits only how long it waits for
/// a request.
pub(super) struct Stalling<S> {
    stream: S,
    /// While something waits to be sent.
    limit: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
}

impl<S> Stalling<S> {
    pub(super) fn new(stream: S) -> Self {
        Self {
            stream,
            limit: None,
        }
    }

    /// The same, or an error if it is pending for too long.
    fn within_limit<T>(
        &mut self,
        cx: &mut Context<'_>,
        done: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if done.is_ready() {
            self.limit = None;
            return done;
        }
        let limit = self
            .limit
            .get_or_insert_with(|| Box::pin(clock::pause(SLOWEST_READER)));
        ready!(limit.as_mut().poll(cx));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Stalling<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Stalling<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let done = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.within_limit(cx, done)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let done = Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        self.within_limit(cx, done)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    /// TLS sends here.
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let done = Pin::new(&mut self.stream).poll_flush(cx);
        self.within_limit(cx, done)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let done = Pin::new(&mut self.stream).poll_shutdown(cx);
        self.within_limit(cx, done)
    }
}
