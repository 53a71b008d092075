//! The way to a drill: the link of a role, the state as it comes, and what somebody does.

use std::io;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;

use crate::gameday::{Board, Command, Role};
use crate::scenario::file::endpoint::Address;

/// The largest state, and the largest answer, that is read.
const STATE_MAX: usize = 8 << 20;
const ANSWER_MAX: usize = 64 << 10;

/// How long a drill may say nothing before its connection counts as lost.
const SILENT_AFTER: Duration = Duration::from_secs(5);

/// A console, and the key of a role, which nothing prints.
pub(super) struct Desk {
    authority: String,
    key: String,
    client: Client<HttpConnector, Full<Bytes>>,
}

/// How listening to a drill ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Heard {
    /// The drill is over.
    Over,
    /// The key is not that of this drill.
    Refused,
    /// The connection was lost, or could not be made.
    Lost,
}

impl Desk {
    /// Reads a link as a drill prints it.
    pub(super) fn of(link: &str) -> Option<Self> {
        let (place, key) = link.trim().split_once("/#key=")?;
        let address = Address::parse(place)?;
        let is_key = !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_alphanumeric());
        (is_key && address.path == "/").then(|| Self {
            authority: address.authority,
            key: key.to_owned(),
            client: Client::builder(TokioExecutor::new()).build_http(),
        })
    }

    async fn send(&self, method: Method, path: &str, body: String) -> io::Result<Response<Incoming>> {
        let request = Request::builder()
            .method(method)
            .uri(format!("http://{}{path}", self.authority))
            .header(HOST, &self.authority)
            .header(AUTHORIZATION, format!("Bearer {}", self.key))
            .header(CONTENT_TYPE, "application/json")
            .body(Full::new(Bytes::from(body)))
            .map_err(io::Error::other)?;
        let sent = self.client.request(request).await;
        sent.map_err(|_broken| {
            let why = format!("nobody serves a console at {}", self.authority);
            io::Error::new(io::ErrorKind::ConnectionRefused, why)
        })
    }

    /// Returns whose key it is.
    pub(super) async fn role(&self) -> io::Result<Role> {
        let response = self.send(Method::GET, "/me", String::new()).await?;
        if response.status() == StatusCode::UNAUTHORIZED {
            let why = "this link has no valid key; the drill has printed one for each role";
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, why));
        }
        let said = answer(response).await;
        said["role"].as_str().and_then(Role::of).ok_or_else(|| {
            io::Error::new(io::ErrorKind::InvalidInput, format!("no console answers at {}", self.authority))
        })
    }

    /// Does something; returns what is answered, in words.
    pub(super) async fn act(&self, command: &Command) -> String {
        let body = serde_json::to_string(command).unwrap_or_default();
        let Ok(response) = self.send(Method::POST, "/act", body).await else {
            return "The drill cannot be reached; whether it was done is not known.".into();
        };
        let is_done = response.status().is_success();
        let said = answer(response).await;
        let text = |name: &str| said[name].as_str().unwrap_or("no answer").to_owned();
        if is_done { text("done") } else { format!("Refused: {}", text("error")) }
    }

    /// Hands over each state as it comes, until there are no more or nobody takes them.
    pub(super) async fn listen<F: Future<Output = bool>>(&self, mut take: impl FnMut(Board) -> F) -> Heard {
        let Ok(response) = self.send(Method::GET, "/events", String::new()).await else { return Heard::Lost };
        if response.status() == StatusCode::UNAUTHORIZED {
            return Heard::Refused;
        }
        let (mut body, mut states) = (response.into_body(), States::default());
        // A state comes four times a second: who says nothing for so long is gone.
        while let Ok(Some(Ok(frame))) = tokio::time::timeout(SILENT_AFTER, body.frame()).await {
            let Ok(data) = frame.into_data() else { continue };
            let Some(boards) = states.feed(&data) else { return Heard::Lost };
            for board in boards {
                let is_over = board.is_over;
                if !take(board).await || is_over {
                    return Heard::Over;
                }
            }
        }
        Heard::Lost
    }
}

async fn answer(response: Response<Incoming>) -> Value {
    let body = Limited::new(response.into_body(), ANSWER_MAX).collect().await;
    body.ok().and_then(|body| serde_json::from_slice(&body.to_bytes()).ok()).unwrap_or_default()
}

/// The states in a stream of server-sent events, however it is cut into pieces.
#[derive(Debug, Default)]
struct States {
    rest: Vec<u8>,
}

impl States {
    /// Takes a piece; returns the states that are whole with it, and nothing if this is no console's stream.
    fn feed(&mut self, piece: &[u8]) -> Option<Vec<Board>> {
        self.rest.extend_from_slice(piece);
        let mut boards = Vec::new();
        while let Some(end) = memchr::memmem::find(&self.rest, b"\n\n") {
            let event: Vec<u8> = self.rest.drain(..end + 2).collect();
            let data = event.split(|byte| *byte == b'\n').find_map(|line| line.strip_prefix(b"data: "));
            if let Some(data) = data {
                boards.push(serde_json::from_slice(data).ok()?);
            }
        }
        (self.rest.len() <= STATE_MAX).then_some(boards)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::terminal::screen::tests::board;

    #[test]
    fn a_link_is_that_of_a_console_or_none() {
        let desk = Desk::of("http://127.0.0.1:9100/#key=ab12\n").unwrap();
        assert_eq!((desk.authority.as_str(), desk.key.as_str()), ("127.0.0.1:9100", "ab12"));
        for bad in [
            "",
            "http://127.0.0.1:9100/",
            "https://127.0.0.1:9100/#key=a",
            "127.0.0.1/#key=a",
            "http://a/b/#key=a",
            "http://a/#key=a b",
        ] {
            assert!(Desk::of(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn states_are_read_however_the_stream_is_cut() {
        let text =
            format!("retry: 1000\nevent: state\ndata: {}\n\n", serde_json::to_string(&board()).unwrap());
        let twice = text.repeat(2);
        for piece in [1, 7, 4_096, twice.len()] {
            let mut states = States::default();
            let read: usize =
                twice.as_bytes().chunks(piece).map(|part| states.feed(part).unwrap().len()).sum();
            assert_eq!(read, 2, "in pieces of {piece}");
        }
        assert!(States::default().feed(b"data: {}\n\n").is_none(), "no state is whole without its parts");
        assert!(States::default().feed(b": a comment\n\n").unwrap().is_empty());
    }
}
