//! Server-sent events: the newest state whenever it has changed. Who does not read misses what came between.

use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Body, Frame};
use tokio::sync::watch;

use crate::gameday::console::Shown;

/// A wait for the next state, with what it is waited with.
type Next = Pin<Box<dyn Future<Output = Option<watch::Receiver<Shown>>> + Send + Sync>>;

/// A body that never ends by itself.
pub(super) struct Events {
    next: Option<Next>,
    shown: Option<watch::Receiver<Shown>>,
    is_hidden: bool,
}

impl fmt::Debug for Events {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Events").field("is_hidden", &self.is_hidden).finish_non_exhaustive()
    }
}

impl Events {
    /// Returns the events from now on, the state of now first.
    pub(super) fn new(mut shown: watch::Receiver<Shown>, is_hidden: bool) -> Self {
        shown.mark_changed();
        Self { next: None, shown: Some(shown), is_hidden }
    }
}

impl Body for Events {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if let Some(mut shown) = self.shown.take() {
            self.next = Some(Box::pin(async move { shown.changed().await.is_ok().then_some(shown) }));
        }
        let Some(next) = &mut self.next else { return Poll::Ready(None) };
        let Poll::Ready(got) = next.as_mut().poll(cx) else { return Poll::Pending };
        self.next = None;
        let Some(mut shown) = got else { return Poll::Ready(None) };
        let state = {
            let newest = shown.borrow_and_update();
            Arc::clone(if self.is_hidden { &newest.hidden } else { &newest.whole })
        };
        self.shown = Some(shown);
        let frame = format!("retry: 1000\nevent: state\ndata: {state}\n\n");
        Poll::Ready(Some(Ok(Frame::data(Bytes::from(frame)))))
    }
}
