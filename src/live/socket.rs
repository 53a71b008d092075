//! Sockets: accepted within limits, and closed or reset as a fault says.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};

use crate::live::reply::Reset;
use crate::live::serve;
use crate::live::world::World;

/// How long the head of a request may take, the idle time before it included.
const HEAD_WITHIN: Duration = Duration::from_secs(75);
/// The most bytes of a head, and the most headers.
const HEAD_MAX: usize = 64 << 10;
const HEADERS_MAX: usize = 100;

/// What is said to one connection too many.
const FULL: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: 53\r\nretry-after: 1\r\n\r\n{\"error\":{\"message\":\"Too many connections are open.\"}}";

/// A socket that can be reset: then the other side learns that the connection broke, and not that it ended.
#[derive(Debug)]
struct Socket {
    stream: TcpStream,
    reset: Reset,
}

impl Drop for Socket {
    fn drop(&mut self) {
        if self.reset.load(Ordering::Acquire) {
            // Where it cannot be set the connection is closed all the same.
            drop(self.stream.set_zero_linger());
        }
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Socket {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // An orderly end would come before the reset.
        if self.reset.load(Ordering::Acquire) {
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffers: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, buffers)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

/// Accepts the connections of a mock until the servers are to end; then waits for those that are open.
pub(super) async fn accept(
    (world, mock): (Arc<World>, usize),
    listener: TcpListener,
    slots: Arc<Semaphore>,
    mut ends: watch::Receiver<bool>,
) {
    let mut open = tokio::task::JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = ends.wait_for(|ends| *ends) => break,
        };
        // What has ended need not be remembered.
        while open.try_join_next().is_some() {}
        let Ok((stream, _)) = accepted else {
            // The machine has no descriptor left; one of the open connections has to end first.
            tokio::time::sleep(Duration::from_millis(20)).await;
            continue;
        };
        let Ok(slot) = Arc::clone(&slots).try_acquire_owned() else {
            drop(tokio::spawn(turn_away(stream)));
            continue;
        };
        let here = (Arc::clone(&world), mock);
        let ends = ends.clone();
        drop(open.spawn(async move {
            connection(here, stream, ends).await;
            drop(slot);
        }));
    }
    drop(listener);
    while open.join_next().await.is_some() {}
}

/// Says that there are too many connections, if the other side listens.
async fn turn_away(mut stream: TcpStream) {
    let said = tokio::time::timeout(Duration::from_secs(1), stream.write_all(FULL)).await;
    drop(said);
}

/// Serves one connection to its end.
async fn connection((world, mock): (Arc<World>, usize), stream: TcpStream, mut ends: watch::Receiver<bool>) {
    // Each frame leaves at once. Where it cannot be set frames come a little later.
    drop(stream.set_nodelay(true));
    let reset: Reset = Arc::new(AtomicBool::new(false));
    let socket = TokioIo::new(Socket { stream, reset: Arc::clone(&reset) });
    let service =
        service_fn(move |request| serve::serve((Arc::clone(&world), mock), request, Arc::clone(&reset)));
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_WITHIN)
        .max_headers(HEADERS_MAX)
        .max_buf_size(HEAD_MAX);
    let connection = builder.serve_connection(socket, service);
    let mut connection = std::pin::pin!(connection);
    let mut is_ending = *ends.borrow();
    if is_ending {
        connection.as_mut().graceful_shutdown();
    }
    loop {
        tokio::select! {
            // A client that breaks the connection, or that we broke it with, is no failure of ours.
            _ = connection.as_mut() => return,
            _ = ends.wait_for(|ends| *ends), if !is_ending => {
                is_ending = true;
                connection.as_mut().graceful_shutdown();
            }
        }
    }
}
