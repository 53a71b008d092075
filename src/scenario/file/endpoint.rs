//! Agents of your own: in a live drill tasks are posted to them at an address, or they report those that they have from
//! elsewhere; in virtual time a mock stands for them.

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
        /// What a right reply contains, streamed or not; in a stream each within one event. A good reply without it is a wrong answer: only the grade knows.
        pub contains: Vec<At<Line>>,
        /// Where in a reply of JSON it stands what the task has cost, in dollars: a JSON pointer. It counts as spent.
        pub cost: Option<At<Line>>,
        /// The tool in whose ledger an effect of the task must stand when the reply comes: it is known by `{{task}}` among its arguments.
        pub effect: Option<At<Name>>,
    }
}

record! {
    /// Agents of your own that get their tasks from elsewhere: they report to a live drill what begins and how it ends.
    pub struct Reported {
        /// The tool in whose ledger an effect of the task must stand when it is reported done: it is known by the task's name among its arguments.
        pub effect: Option<At<Name>>,
    }
}

/// An address of HTTP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// The host, in lower case and without brackets.
    pub host: String,
    /// Host and port, as they are written.
    pub authority: String,
    /// The path with its query.
    pub path: String,
}

impl Address {
    /// Reads an address; nothing if it is none, or says more than where it is.
    pub fn parse(url: &str) -> Option<Self> {
        let uri: hyper::Uri = url.parse().ok()?;
        let authority = uri.authority().filter(|_| uri.scheme_str() == Some("http"))?;
        let written = authority.as_str();
        let rest = written.strip_prefix(authority.host())?;
        let port = rest.strip_prefix(':').map(str::parse::<u16>);
        let is_port = rest.is_empty() || matches!(port, Some(Ok(1..)));
        let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_ascii_lowercase();
        if !is_port || host.is_empty() || written.contains('@') {
            return None;
        }
        if authority.host().starts_with('[') && host.parse::<std::net::Ipv6Addr>().is_err() {
            return None;
        }
        let path = uri.path_and_query().map_or("/", |path| path.as_str()).to_owned();
        Some(Self { host, authority: written.to_owned(), path })
    }

    /// Whether it is this machine.
    pub fn is_local(&self) -> bool {
        self.host == "localhost" || self.host.parse().is_ok_and(|ip: std::net::IpAddr| ip.is_loopback())
    }

    /// Whether it is one of some hosts, by name or by number.
    pub fn is_among(&self, hosts: &[String]) -> bool {
        let number = |host: &str| host.trim_matches(['[', ']']).parse::<std::net::IpAddr>().ok();
        hosts.iter().any(|host| match (number(host), number(&self.host)) {
            (Some(host), Some(own)) => host == own,
            (None, None) => host.eq_ignore_ascii_case(&self.host),
            (Some(_), None) | (None, Some(_)) => false,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_says_where_it_is_and_nothing_else() {
        for bad in [
            "ftp://x",
            "http://",
            "http://me@host/",
            "http://127.0.0.1:99999/",
            "http://127.0.0.1:8o00/",
            "http://127.0.0.1:0/",
            "http://127.0.0.1:8000/a<b",
            "http://[::1/tasks",
            "http://a:b:c/",
            "http://127.0.0.1]:80/",
            "http://[2001:db8::zz]/",
        ] {
            assert_eq!(Address::parse(bad), None, "{bad}");
        }
        let of = |url: &str| Address::parse(url).unwrap();
        assert_eq!(of("http://Agents.Example:8000/tasks?a=b").host, "agents.example");
        assert_eq!(of("http://Agents.Example:8000/tasks?a=b").path, "/tasks?a=b");
        assert!(of("http://[::1]/tasks").is_local() && of("http://127.0.0.1:8000").is_local());
        assert!(of("http://localhost:1/").is_local() && !of("http://[::1:5]/").is_local());
        let allowed = ["2001:db8::1".to_owned(), "agents.example".to_owned()];
        assert!(
            of("http://[2001:db8::1]:80/").is_among(&allowed)
                && of("http://AGENTS.example/").is_among(&allowed)
        );
        assert!(
            !of("http://[2001:db8::1:ffff]/").is_among(&allowed)
                && !of("http://x.agents.example/").is_among(&allowed)
        );
    }
}
