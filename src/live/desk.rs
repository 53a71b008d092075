//! Servers for people and programs beside the mocks: connections within limits, and the key that a request brings.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use hyper::body::{Body, Incoming};
use hyper::header::{AUTHORIZATION, HeaderMap};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

/// How long the head of a request may take to arrive.
const HEAD_WITHIN: Duration = Duration::from_secs(30);

/// Answers whoever comes, at most so many at once, each for so long.
pub(crate) async fn serve<A, F, B, E>(
    listener: TcpListener,
    (most, within): (usize, Option<Duration>),
    answer: A,
) where
    A: Fn(Request<Incoming>) -> F + Clone + Send + 'static,
    F: Future<Output = Result<Response<B>, E>> + Send + 'static,
    B: Body<Data: Send, Error: Into<Box<dyn Error + Send + Sync>>> + Send + 'static,
    E: Into<Box<dyn Error + Send + Sync>>,
{
    let slots = Arc::new(Semaphore::new(most));
    loop {
        // One more has to wait until another has gone.
        let Ok(slot) = Arc::clone(&slots).acquire_owned().await else { return };
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(Duration::from_millis(20)).await;
            continue;
        };
        // Where it cannot be set answers come a little later.
        drop(stream.set_nodelay(true));
        let answer = answer.clone();
        drop(tokio::spawn(async move {
            let mut builder = http1::Builder::new();
            builder.timer(TokioTimer::new()).header_read_timeout(HEAD_WITHIN);
            // A client that breaks the connection is no failure of ours.
            let served = builder.serve_connection(TokioIo::new(stream), service_fn(answer));
            if let Some(within) = within {
                drop(tokio::time::timeout(within, served).await);
            } else {
                drop(served.await);
            }
            drop(slot);
        }));
    }
}

/// Whether a request brings a key, as `authorization: Bearer`. It is compared to the end, however early it differs.
pub(crate) fn brings(headers: &HeaderMap, key: &str) -> bool {
    let given = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    let Some(given) = given.and_then(|value| value.strip_prefix("Bearer ")) else { return false };
    let pairs = given.bytes().zip(key.bytes());
    given.len() == key.len() && pairs.fold(0, |different, (a, b)| different | (a ^ b)) == 0
}
