//! How fast and how faithful live mocks are, beside a bare hyper server, in one run: `cargo bench --bench wire`.
//!
//! Speed is requests per second of the *server's* processor time, so that a busy client does not blur it; the
//! bare server sends the same bytes. Each part can be run alone: `cargo bench --bench wire -- speed`, `delay`,
//! `pace`, `idle`, `flat` (ten million requests; takes minutes and is not run unless it is named).
#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark looks at the clock, prints, and ends where something is not there"
)]

use std::convert::Infallible;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// A server in a process of its own; it ends when this does.
struct Server {
    child: Child,
    port: u16,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.child.kill().and_then(|()| self.child.wait()).expect("the server was running");
    }
}

impl Server {
    fn stat(&self, file: &str) -> String {
        std::fs::read_to_string(format!("/proc/{}/{file}", self.child.id())).unwrap()
    }

    /// Returns the processor time that it has used, in seconds.
    fn cpu(&self) -> f64 {
        let stat = self.stat("stat");
        let fields: Vec<&str> = stat.rsplit(") ").next().unwrap().split(' ').collect();
        let ticks: f64 = fields[11..13].iter().map(|field| field.parse::<f64>().unwrap()).sum();
        ticks / 100.0
    }

    /// Returns its resident memory in MiB.
    fn memory(&self) -> f64 {
        let status = self.stat("status");
        let line = status.lines().find(|line| line.starts_with("VmRSS")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<f64>().unwrap() / 1024.0
    }
}

fn mock(name: &str, mocks: &str) -> Server {
    let path = std::env::temp_dir().join(format!("stormdrill-bench-{name}-{}.toml", std::process::id()));
    std::fs::write(&path, format!("version = 1\n{mocks}")).unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_stormdrill"))
        .arg("mock")
        .arg(&path)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    std::fs::remove_file(&path).unwrap();
    let ready: serde_json::Value = serde_json::from_str(&line).unwrap();
    let port = ready["mocks"][name]["port"].as_u64().unwrap() as u16;
    Server { child, port }
}

/// How a bare server runs: in one runtime of several threads, as is usual, or in one of its own on each core, as mocks do.
const ARRANGEMENTS: [&str; 2] = ["one runtime", "one a core"];

/// Starts a hyper server that reads a request and answers with fixed bytes.
fn bare(head: &str, body: &str, arrangement: &str) -> Server {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["serve-bare", head, body, arrangement])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    Server { child, port: line.trim().parse().unwrap() }
}

/// The bare server: headers as lines, the body as it is.
async fn serve_bare(head: String, body: String, arrangement: String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    println!("{}", listener.local_addr().unwrap().port());
    let headers: Vec<(String, String)> = head
        .lines()
        .filter_map(|line| line.split_once(": "))
        .filter(|(name, _)| !matches!(*name, "date" | "content-length"))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    let shared = Arc::new((headers, Bytes::from(body)));
    let mut runtimes = vec![tokio::runtime::Handle::current()];
    if arrangement == ARRANGEMENTS[1] {
        let own = || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            let handle = runtime.handle().clone();
            drop(std::thread::spawn(move || runtime.block_on(std::future::pending::<()>())));
            handle
        };
        runtimes = (0..std::thread::available_parallelism().unwrap().get()).map(|_| own()).collect();
    }
    for runtime in runtimes.iter().cycle() {
        let (stream, _) = listener.accept().await.unwrap();
        stream.set_nodelay(true).unwrap();
        let (shared, stream) = (Arc::clone(&shared), stream.into_std().unwrap());
        drop(runtime.spawn(async move {
            let stream = TcpStream::from_std(stream).unwrap();
            let service = service_fn(move |request: Request<hyper::body::Incoming>| {
                let shared = Arc::clone(&shared);
                async move {
                    let read = request.into_body().collect().await.unwrap().to_bytes();
                    assert!(!read.is_empty());
                    let mut response = Response::new(Full::new(shared.1.clone()));
                    for (name, value) in &shared.0 {
                        let name = hyper::header::HeaderName::from_bytes(name.as_bytes()).unwrap();
                        response.headers_mut().insert(name, value.parse().unwrap());
                    }
                    Ok::<_, Infallible>(response)
                }
            });
            let served =
                hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service);
            drop(served.await);
        }));
    }
}

/// Returns a request as bytes.
fn request(path: &str, body: &str) -> Bytes {
    let length = body.len();
    format!("POST {path} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}").into()
}

/// Sends a request and returns head and body of the reply.
async fn once(port: u16, request: &Bytes) -> (String, String) {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    stream.write_all(request).await.unwrap();
    let mut all = Vec::new();
    loop {
        let mut part = [0; 4096];
        let read = stream.read(&mut part).await.unwrap();
        all.extend_from_slice(&part[..read]);
        let text = String::from_utf8_lossy(&all).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        if length.is_some_and(|length| body.len() >= length.parse::<usize>().unwrap()) {
            return (head.replace("\r\n", "\n"), body.to_owned());
        }
    }
}

/// Sends `count` requests over one connection, one after the other; every reply has `length` bytes, give or take a few.
async fn repeat(port: u16, request: Bytes, count: u64) {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    stream.set_nodelay(true).unwrap();
    let mut buffer = vec![0; 16 * 1024];
    for _ in 0..count {
        stream.write_all(&request).await.unwrap();
        let mut read = 0;
        loop {
            read += stream.read(&mut buffer[read..]).await.unwrap();
            // The last byte of every reply here closes its JSON.
            if read > 0 && buffer[read - 1] == b'}' {
                break;
            }
        }
    }
}

async fn load(port: u16, request: &Bytes, (connections, each): (u64, u64)) {
    let tasks: Vec<_> = (0..connections).map(|_| tokio::spawn(repeat(port, request.clone(), each))).collect();
    for task in tasks {
        task.await.unwrap();
    }
}

const TOOL: &str =
    "[mocks.it]\nkind = \"tool\"\nservice = \"0ms\"\nwire.tool.it = { reply = { ok = true } }\n";
const MODEL: &str = "[mocks.it]\nkind = \"model\"\nfirst_token = \"0ms\"\nper_token = \"0ms\"\nquota = { requests = \"900000000/min\" }\nwire.turn = [{ say = \"Your order was sent on time, and our team will check with you today.\" }]\n";
const CHAT: &str = r#"{"model":"gpt-5","messages":[{"role":"system","content":"You are a helpful agent of a shop."},{"role":"user","content":"Where is my order 1234?"}]}"#;

/// Requests per second, of processor time and of the clock, in rounds that alternate.
async fn speed() {
    println!(
        "requests per second, median of 9 rounds that alternate: of the server's processor time, and of the clock"
    );
    for (what, mocks, request) in [
        ("a tool's small reply", TOOL, request("/tools/it", "{\"query\":\"a\"}")),
        ("a chat completion", MODEL, request("/v1/chat/completions", CHAT)),
    ] {
        let ours = mock("it", mocks);
        let (head, body) = once(ours.port, &request).await;
        let others = ARRANGEMENTS.map(|arrangement| bare(&head, &body, arrangement));
        let servers = [&ours, &others[0], &others[1]];
        let mut rates = [(); 3].map(|()| [Vec::new(), Vec::new()]);
        for _ in 0..9 {
            for ([of_cpu, of_clock], server) in rates.iter_mut().zip(servers) {
                let (before, begun) = (server.cpu(), Instant::now());
                load(server.port, &request, (16, 5_000)).await;
                of_cpu.push(80_000.0 / (server.cpu() - before));
                of_clock.push(80_000.0 / begun.elapsed().as_secs_f64());
            }
        }
        let [ours, others @ ..] = rates.map(|both| {
            both.map(|mut rates| {
                rates.sort_by(f64::total_cmp);
                rates[rates.len() / 2]
            })
        });
        println!("  {what}: processor {:.0}, clock {:.0}", ours[0], ours[1]);
        for (other, arrangement) in others.iter().zip(ARRANGEMENTS) {
            println!(
                "    bare hyper, {arrangement:11}: processor {:.0}, clock {:.0}; the mock's part of it {:.2} and {:.2}",
                other[0],
                other[1],
                ours[0] / other[0],
                ours[1] / other[1]
            );
        }
    }
}

/// Sends one request and returns how long the reply took, in milliseconds.
async fn timed(stream: &mut TcpStream, request: &Bytes) -> f64 {
    let begun = Instant::now();
    stream.write_all(request).await.unwrap();
    let mut buffer = vec![0; 4096];
    let mut read = 0;
    while read == 0 || buffer[read - 1] != b'}' {
        read += stream.read(&mut buffer[read..]).await.unwrap();
    }
    begun.elapsed().as_secs_f64() * 1e3
}

fn quantile(sorted: &[f64], share: f64) -> f64 {
    sorted[((sorted.len() - 1) as f64 * share) as usize]
}

/// The error of an added delay, at a thousand requests a second.
async fn delay() {
    println!("error of the time to the reply, beyond what was asked for, at 1,000 requests/s (ms):");
    for asked in [5_u64, 50, 1000] {
        let mocks = format!(
            "[mocks.it]\nkind = \"tool\"\nservice = \"{asked}ms\"\nwire.tool.it = {{ reply = {{ ok = true }} }}\n"
        );
        let server = mock("it", &mocks);
        let request = request("/tools/it", "{}");
        // As many connections as there are requests under way, each at its turn.
        let connections = asked + 100;
        let begun = Instant::now() + Duration::from_millis(500);
        let tasks: Vec<_> = (0..connections)
            .map(|number| {
                let (request, port) = (request.clone(), server.port);
                tokio::spawn(async move {
                    let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
                    stream.set_nodelay(true).unwrap();
                    let mut errors = Vec::new();
                    for turn in 0..=(6_000 / connections).max(5) {
                        let due = begun + Duration::from_millis(turn * connections + number);
                        let _: Instant = async_io::Timer::at(due).await;
                        let error = timed(&mut stream, &request).await - asked as f64;
                        // In its first turn every connection gets its memory.
                        if turn > 0 {
                            errors.push(error);
                        }
                    }
                    errors
                })
            })
            .collect();
        let mut errors = Vec::new();
        for task in tasks {
            errors.extend(task.await.unwrap());
        }
        errors.sort_by(f64::total_cmp);
        println!(
            "  asked {asked:4} ms: median {:.2}, p99 {:.2}, longest {:.2} ({} requests)",
            quantile(&errors, 0.5),
            quantile(&errors, 0.99),
            quantile(&errors, 1.0),
            errors.len()
        );
    }
}

/// A thousand streams at once, 100 tokens each at 20 ms.
async fn pace() {
    let words = vec!["word"; 100].join(" ");
    let mocks = format!(
        "[mocks.it]\nkind = \"model\"\nfirst_token = \"100ms\"\nper_token = \"20ms\"\nwire.turn = [{{ say = \"{words}\" }}]\n"
    );
    let server = mock("it", &mocks);
    let request = request(
        "/v1/chat/completions",
        r#"{"model":"m","stream":true,"messages":[{"role":"user","content":"x"}]}"#,
    );
    let tasks: Vec<_> = (0..1000)
        .map(|_| {
            let (request, port) = (request.clone(), server.port);
            tokio::spawn(async move {
                let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
                stream.write_all(&request).await.unwrap();
                let (mut buffer, mut all, mut first) = (vec![0; 4096], Vec::new(), None);
                loop {
                    let read = stream.read(&mut buffer).await.unwrap();
                    all.extend_from_slice(&buffer[..read]);
                    if first.is_none() && all.windows(10).any(|window| window == b"\"content\":") {
                        first = Some(Instant::now());
                    }
                    if all.ends_with(b"0\r\n\r\n") {
                        break;
                    }
                }
                let pieces = String::from_utf8_lossy(&all).matches("{\"content\":\" word\"}").count() + 1;
                assert_eq!(pieces, 100);
                // The role comes with the first token's moment, the last piece a hundred tokens later.
                first.unwrap().elapsed().as_secs_f64() * 1e3 / 100.0
            })
        })
        .collect();
    let mut gaps = Vec::new();
    for task in tasks {
        gaps.push(task.await.unwrap());
    }
    gaps.sort_by(f64::total_cmp);
    let mean = gaps.iter().sum::<f64>() / gaps.len() as f64;
    println!(
        "1,000 streams of 100 tokens at 20 ms: {mean:.3} ms a token on average ({:+.2} %), of the slowest stream {:.3}",
        (mean / 20.0 - 1.0) * 100.0,
        quantile(&gaps, 1.0)
    );
}

/// Five thousand streams that stand still.
async fn idle() {
    let fault = "[[fault]]\nid = \"stall\"\non = \"it\"\nstart = \"0s\"\nduration = \"1h\"\ninject.interruption = { share = \"100%\", ending = \"stall\" }\n";
    let words = vec!["word"; 400].join(" ");
    let mocks = format!(
        "[mocks.it]\nkind = \"model\"\nfirst_token = \"0ms\"\nper_token = \"0ms\"\nwire.turn = [{{ say = \"{words}\" }}]\n{fault}"
    );
    let server = mock("it", &mocks);
    let request = request(
        "/v1/chat/completions",
        r#"{"model":"m","stream":true,"messages":[{"role":"user","content":"x"}]}"#,
    );
    let before = server.memory();
    let mut open = Vec::new();
    for _ in 0..5_000 {
        let mut stream = TcpStream::connect(("127.0.0.1", server.port)).await.unwrap();
        stream.write_all(&request).await.unwrap();
        let mut buffer = [0; 64];
        assert!(stream.read(&mut buffer).await.unwrap() > 0);
        open.push(stream);
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    println!("5,000 open streams that stand still: {:.0} MiB, {before:.0} before", server.memory());
}

/// Ten million requests.
async fn flat() {
    let server = mock("it", MODEL);
    let request = request("/v1/chat/completions", CHAT);
    for million in 1..=10 {
        load(server.port, &request, (20, 50_000)).await;
        println!("{million:2} million requests: {:.1} MiB", server.memory());
    }
}

#[tokio::main]
async fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    if let [command, head, body, arrangement] = &arguments[..]
        && command == "serve-bare"
    {
        return serve_bare(head.clone(), body.clone(), arrangement.clone()).await;
    }
    drop(rlimit::increase_nofile_limit(u64::MAX));
    let wants = |part: &str| arguments.is_empty() || arguments.iter().any(|argument| argument == part);
    if wants("speed") {
        speed().await;
    }
    if wants("delay") {
        delay().await;
    }
    if wants("pace") {
        pace().await;
    }
    if wants("idle") {
        idle().await;
    }
    if arguments.iter().any(|argument| argument == "flat") {
        flat().await;
    }
}
