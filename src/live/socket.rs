//! Sockets: accepted within limits, and closed or reset as a fault says.

use std::io;
use std::pin::Pin;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};

use crate::live::line::Line;
use crate::live::serve;
use crate::live::workers::Workers;
use crate::live::world::World;

/// How often a connection is looked at: one on which nothing has begun between two looks is closed.
const HEAD_WITHIN: Duration = Duration::from_secs(60);
/// The most bytes of a head.
const HEAD_MAX: usize = 64 << 10;

/// Returns a whole reply for a connection that gets no further, as JSON that says why.
fn last_words(status: &str, why: &str) -> String {
    let body = format!("{{\"error\":{{\"message\":\"{why}\"}}}}");
    let length = body.len();
    format!(
        "HTTP/1.1 {status}\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
    )
}

/// A socket that can be reset: then the other side learns that the connection broke, and not that it ended.
#[derive(Debug)]
struct Socket {
    stream: TcpStream,
    line: Arc<Line>,
}

impl Drop for Socket {
    fn drop(&mut self) {
        if self.line.reset.load(Ordering::Acquire) {
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
        if self.line.reset.load(Ordering::Acquire) {
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
    (slots, workers): (Arc<Semaphore>, Arc<Workers>),
    mut ends: watch::Receiver<bool>,
) {
    let mut open = tokio::task::JoinSet::new();
    let (mut lines, mut lines_most): (Vec<(Weak<Line>, u64)>, usize) = (Vec::new(), 1_000);
    // A timer for each request would be most of the cost of a short one: one look at all of them now and then will do.
    let mut look = tokio::time::interval(HEAD_WITHIN);
    look.reset();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = look.tick() => {
                lines.retain_mut(|(line, seen)| line.upgrade().is_some_and(|line| is_alive(&line, seen)));
                continue;
            }
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
            let full = last_words("503 Service Unavailable", "Too many connections are open.");
            drop(tokio::spawn(say(stream, full)));
            continue;
        };
        if lines.len() > lines_most {
            lines.retain(|(line, _)| line.strong_count() > 0);
            // Work that was left behind keeps its connection; so this is not done again too soon.
            lines_most = 2 * lines.len() + 1_000;
        }
        let line = Arc::new(Line::new(Arc::clone(&world), mock));
        lines.push((Arc::downgrade(&line), u64::MAX));
        let (runtime, seat) = workers.freest();
        // A socket that its thread cannot take over is closed.
        let stream = stream.into_std();
        let served = async move {
            if let Ok(stream) = stream.and_then(TcpStream::from_std) {
                connection(stream, line).await;
            }
            drop((slot, seat));
        };
        drop(open.spawn_on(served, runtime));
    }
    drop(listener);
    for line in lines.iter().filter_map(|(line, _)| line.upgrade()) {
        line.goes.notify_one();
    }
    while open.join_next().await.is_some() {}
}

/// Looks at a connection; one on which nothing has begun since the last look, and nothing goes on, has to go.
fn is_alive(line: &Line, seen: &mut u64) -> bool {
    let begun = line.begun.load(Ordering::Relaxed);
    let was = std::mem::replace(seen, begun);
    if was == begun && line.open.load(Ordering::Relaxed) == 0 {
        line.goes.notify_one();
    }
    true
}

/// Says why a connection gets no further, if the other side listens, and closes it in good order.
async fn say(mut stream: impl AsyncRead + AsyncWrite + Unpin, words: String) {
    let said = async {
        stream.write_all(words.as_bytes()).await?;
        stream.shutdown().await?;
        // What is on its way is read, or the other side would see a reset and not the words.
        let mut rest = [0; 4096];
        while stream.read(&mut rest).await? > 0 {}
        io::Result::Ok(())
    };
    drop(tokio::time::timeout(Duration::from_secs(2), said).await);
}

/// Serves one connection to its end.
async fn connection(stream: TcpStream, line: Arc<Line>) {
    // Each frame leaves at once. Where it cannot be set frames come a little later.
    drop(stream.set_nodelay(true));
    let socket = TokioIo::new(Socket { stream, line: Arc::clone(&line) });
    let service = service_fn(|request| {
        line.begins();
        serve::serve(&line, request)
    });
    let mut builder = http1::Builder::new();
    // At most a hundred headers: hyper's own limit, for which it has room ready if nobody sets another.
    builder.max_buf_size(HEAD_MAX);
    let mut connection = builder.serve_connection(socket, service);
    loop {
        tokio::select! {
            biased;
            // A client that breaks the connection, or that we broke it with, is no failure of ours.
            _ = &mut connection => return,
            () = line.goes.notified() => {
                if !*line.world.ending.borrow() {
                    // A request may have begun since it was looked at.
                    if line.open.load(Ordering::Relaxed) == 0 {
                        break;
                    }
                    continue;
                }
                Pin::new(&mut connection).graceful_shutdown();
            }
        }
    }
    let parts = connection.into_parts();
    if parts.read_buf.is_empty() {
        // It was only idle.
        return;
    }
    let late = last_words("408 Request Timeout", "The head of the request took too long to arrive.");
    // Boxed, or every connection would have its room.
    Box::pin(say(parts.io.into_inner(), late)).await;
}
