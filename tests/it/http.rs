//! HTTP by hand, where bytes matter, and what else tests with servers need.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value;

/// A reply, as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) head: String,
    /// The body; of a chunked one, the chunks.
    pub(crate) body: String,
    pub(crate) chunks: Vec<String>,
    /// How the connection was after it: `whole`, `closed`, `reset`, or `open` if nothing more came.
    pub(crate) end: &'static str,
}

impl Reply {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }
}

/// Waits until something is so; a test that waits in vain ends.
pub(crate) fn until(mut is_so: impl FnMut() -> bool) {
    for _ in 0..3_000 {
        if is_so() {
            return;
        }
        std::thread::park_timeout(Duration::from_millis(5));
    }
    panic!("this was waited for in vain");
}

/// Returns a folder of this test's own.
pub(crate) fn folder() -> PathBuf {
    use std::sync::atomic::{AtomicU64, Ordering};
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let folder = std::env::temp_dir().join(format!("stormdrill-live-{}-{number}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

pub(crate) fn request(method: &str, path: &str, headers: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "{method} {path} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n{headers}content-length: {length}\r\n\r\n{body}"
    )
}

/// Sends a request and reads the reply as far as it comes.
pub(crate) fn exchange(mut stream: TcpStream, request: &str) -> Reply {
    stream.write_all(request.as_bytes()).unwrap();
    read(&mut stream)
}

/// Reads a reply as far as it comes.
pub(crate) fn read(stream: &mut TcpStream) -> Reply {
    let (mut bytes, mut part) = (Vec::new(), vec![0; 65_536]);
    loop {
        let end = match stream.read(&mut part) {
            Ok(0) => "closed",
            Ok(read) => {
                bytes.extend_from_slice(&part[..read]);
                let reply = parse(&bytes, "whole");
                if reply.end == "whole" {
                    return reply;
                }
                continue;
            }
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => "reset",
            Err(_) => "open",
        };
        return Reply { end, ..parse(&bytes, end) };
    }
}

/// Takes a reply apart; it is `whole` if its length or its last chunk says so.
fn parse(bytes: &[u8], end: &'static str) -> Reply {
    let text = String::from_utf8_lossy(bytes).into_owned();
    let Some((head, rest)) = text.split_once("\r\n\r\n") else {
        return Reply {
            status: 0,
            head: text,
            body: String::new(),
            chunks: Vec::new(),
            end: if end == "whole" { "open" } else { end },
        };
    };
    let head = head.replace("\r\n", "\n");
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    let mut reply = Reply { status, head, body: rest.to_owned(), chunks: Vec::new(), end: "open" };
    if let Some(length) = reply.header("content-length") {
        if rest.len() >= length.parse::<usize>().unwrap() {
            reply.end = "whole";
        }
    } else if reply.header("transfer-encoding").is_some() {
        let mut left = rest;
        while let Some((size, after)) = left.split_once("\r\n") {
            let size = usize::from_str_radix(size, 16).unwrap();
            if size == 0 {
                reply.end = "whole";
                break;
            }
            let Some(chunk) = after.get(..size) else { break };
            reply.chunks.push(chunk.to_owned());
            left = after.get(size + 2..).unwrap_or_default();
        }
        reply.body = reply.chunks.concat();
    }
    reply
}
