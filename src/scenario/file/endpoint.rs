//! Agents of your own, at an address: in a live drill tasks are posted to them, in virtual time a mock stands for them.

use crate::scenario::record::record;
use crate::scenario::source::At;
use crate::scenario::units::{Line, Name, Text};

record! {
    /// Agents of your own, at an address. `{{task}}`, `{{tier}}` and `{{agent}}` in the body are filled in.
    pub struct Endpoint {
        /// Where tasks are posted, such as `http://127.0.0.1:8000/tasks`.
        pub url: At<Line>,
        /// What is posted, as JSON; default: the task's name and tier.
        pub body: Option<At<Text>>,
        /// More headers, each as `name: value`.
        pub headers: Vec<At<Line>>,
        /// Where in a reply of JSON it stands whether the task was done well: a JSON pointer; default: any good status will do.
        pub pointer: Option<At<Line>>,
        /// What must stand there; default: anything but `null` and `false`.
        pub equals: Option<At<Line>>,
        /// The tool in whose ledger an effect of the task must stand when the reply comes: it is known by `{{task}}` among its arguments.
        pub effect: Option<At<Name>>,
    }
}

/// Whether a host, with or without its port, is this machine.
pub fn is_loopback(authority: &str) -> bool {
    let host = authority.rsplit_once(':').map_or(authority, |(host, _)| host).trim_matches(['[', ']']);
    host == "localhost" || host.parse().is_ok_and(|ip: std::net::IpAddr| ip.is_loopback())
}

/// Returns host and port, and the path, of an address of HTTP.
pub fn parts(url: &str) -> Option<(&str, &str)> {
    let rest = url.strip_prefix("http://")?;
    let (authority, path) = rest.find('/').map_or((rest, "/"), |at| rest.split_at(at));
    let is_plain = |c: char| c.is_ascii_graphic() && !"@?#\\".contains(c);
    let is_ok = !authority.is_empty()
        && authority.chars().all(is_plain)
        && path.chars().all(|c| c.is_ascii_graphic());
    is_ok.then_some((authority, path))
}
