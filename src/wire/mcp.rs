//! The Model Context Protocol over streamable HTTP, in both of its eras on one address.
//!
//! Modern is 2026-07-28: every request stands alone and says its version in `_meta`. Legacy is 2025-11-25 and
//! before: a handshake with `initialize`. The types are our own: the official Rust SDK writes the bytes
//! itself, and here some of them have to be wrong.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::plan::ToolPlan;

/// The version without a handshake, and those with one, the newest first.
pub const MODERN: &str = "2026-07-28";
const LEGACY: [&str; 4] = ["2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05"];

const VERSION_KEY: &str = "io.modelcontextprotocol/protocolVersion";
const SERVER_KEY: &str = "io.modelcontextprotocol/serverInfo";
const SUBSCRIPTION_KEY: &str = "io.modelcontextprotocol/subscriptionId";

/// Which form the protocol has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Era {
    /// Without a handshake.
    Modern,
    /// With one.
    Legacy,
}

/// What a client asks for.
#[derive(Debug, Clone, PartialEq)]
pub enum Method {
    /// What the server is and can (modern).
    Discover,
    /// The handshake, with the version that the client wants (legacy).
    Initialize(String),
    /// Whether it is there.
    Ping,
    /// The tools on offer.
    ListTools,
    /// A call: the tool, its arguments, and the key that makes it one call however often it is sent.
    CallTool(String, Map<String, Value>, Option<String>),
    /// To be told when the tools change (modern).
    Listen,
    /// Lists of what this server has none of: their key.
    Empty(&'static str),
    /// Anything else.
    Unknown(String),
}

/// A message of a client.
#[derive(Debug, Clone, PartialEq)]
pub struct Message {
    /// Its id; a notification has none.
    pub id: Option<Value>,
    /// What it asks for.
    pub method: Method,
    /// The form of the protocol.
    pub era: Era,
    /// The name of the method, for the check of headers.
    pub name: String,
}

/// An error of the protocol.
#[derive(Debug, Clone, PartialEq)]
pub struct RpcError {
    /// Its number.
    pub code: i64,
    /// What it says.
    pub message: String,
    /// More, for programs.
    pub data: Value,
}

impl RpcError {
    /// Returns an error without data.
    pub fn new(code: i64, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), data: Value::Null }
    }

    /// Returns the status that carries it. Legacy clients take any but 200 for the end of the connection.
    pub fn status(&self, era: Era) -> u16 {
        match (era, self.code) {
            (Era::Legacy, -32700 | -32600) => 400,
            (Era::Legacy, _) => 200,
            (Era::Modern, -32601) => 404,
            (Era::Modern, -32603) => 500,
            (Era::Modern, _) => 400,
        }
    }

    /// Returns its body, as the answer to a message.
    pub fn body(&self, id: Option<&Value>) -> Value {
        let mut error = json!({ "code": self.code, "message": self.message });
        if !self.data.is_null() {
            error["data"] = self.data.clone();
        }
        json!({ "jsonrpc": "2.0", "id": id, "error": error })
    }
}

#[derive(Debug, Deserialize)]
struct Raw {
    jsonrpc: Option<String>,
    id: Option<Value>,
    method: Option<String>,
    params: Option<Value>,
}

/// What cannot be read: the id, if it is known, the form of the protocol, and the error.
pub type Unread = (Option<Value>, Era, RpcError);

/// Reads a message; `header` is the version that its header names.
pub fn read(body: &[u8], header: Option<&str>) -> Result<Message, Unread> {
    let new = |code, message: String| RpcError::new(code, message);
    let none = |error| (None, Era::Modern, error);
    let value: Value =
        serde_json::from_slice(body).map_err(|error| none(new(-32700, format!("Parse error: {error}"))))?;
    if value.is_array() {
        return Err(none(new(-32600, "Batches are not supported".into())));
    }
    let is_id = |id: &Value| id.is_string() || id.is_i64() || id.is_u64();
    if value.get("id").is_some_and(|id| !is_id(id)) {
        return Err(none(new(-32600, "Invalid Request: the id is a text or a whole number".into())));
    }
    let raw: Raw = serde_json::from_value(value)
        .map_err(|error| none(new(-32600, format!("Invalid Request: {error}"))))?;
    let params = raw.params.unwrap_or_else(|| json!({}));
    let version = params.get("_meta").and_then(|meta| meta.get(VERSION_KEY));
    let name = raw.method.filter(|_| raw.jsonrpc.as_deref() == Some("2.0"));
    let is_discovery = name.as_deref() == Some("server/discover");
    let era =
        if version.is_some() || is_discovery || header == Some(MODERN) { Era::Modern } else { Era::Legacy };
    let fail = |error| (raw.id.clone(), era, error);
    let Some(name) = name else {
        return Err(fail(new(-32600, "Invalid Request: no JSON-RPC 2.0 request".into())));
    };
    if let Some(version) = version
        && version.as_str() != Some(MODERN)
    {
        let mut error = new(-32022, "Unsupported protocol version".into());
        error.data = json!({ "supported": versions(), "requested": version });
        return Err(fail(error));
    }
    if era == Era::Modern && version.is_some() && header.is_some_and(|header| header != MODERN) {
        return Err(fail(new(
            -32020,
            "Header mismatch: the header names another version than the body".into(),
        )));
    }
    if era == Era::Modern && version.is_none() && !is_discovery && raw.id.is_some() {
        return Err(fail(new(-32602, format!("Invalid params: `_meta` lacks `{VERSION_KEY}`"))));
    }
    let method = method(&name, &params).map_err(fail)?;
    Ok(Message { id: raw.id, method, era, name })
}

fn method(name: &str, params: &Value) -> Result<Method, RpcError> {
    Ok(match name {
        "server/discover" => Method::Discover,
        "initialize" => {
            let version = params.get("protocolVersion").and_then(Value::as_str);
            let version = version
                .ok_or_else(|| RpcError::new(-32602, "Invalid params: `protocolVersion` is missing"))?;
            Method::Initialize(version.to_owned())
        }
        "ping" | "logging/setLevel" => Method::Ping,
        "tools/list" => Method::ListTools,
        "tools/call" => {
            let tool = params.get("name").and_then(Value::as_str);
            let tool = tool.ok_or_else(|| RpcError::new(-32602, "Invalid params: `name` is missing"))?;
            let arguments = match params.get("arguments") {
                None | Some(Value::Null) => Map::new(),
                Some(Value::Object(map)) => map.clone(),
                Some(_) => return Err(RpcError::new(-32602, "Invalid params: `arguments` is an object")),
            };
            let key = params.get("_meta").and_then(|meta| meta.get("idempotencyKey")).and_then(Value::as_str);
            Method::CallTool(tool.to_owned(), arguments, key.map(str::to_owned))
        }
        "subscriptions/listen" => Method::Listen,
        "resources/list" => Method::Empty("resources"),
        "resources/templates/list" => Method::Empty("resourceTemplates"),
        "prompts/list" => Method::Empty("prompts"),
        other => Method::Unknown(other.chars().take(100).collect()),
    })
}

/// Returns what is wrong with the headers that repeat what the body says (modern).
pub fn mismatch(
    message: &Message,
    header_method: Option<&str>,
    header_name: Option<&str>,
) -> Option<RpcError> {
    if message.era == Era::Legacy {
        return None;
    }
    let tool = if let Method::CallTool(tool, ..) = &message.method { Some(tool.as_str()) } else { None };
    let is_other = |header: Option<&str>, body: Option<&str>| {
        // A name that is no plain text comes encoded, and is not compared.
        header.is_some_and(|header| !header.starts_with("=?base64?") && body != Some(header))
    };
    let is_wrong =
        is_other(header_method, Some(&message.name)) || (tool.is_some() && is_other(header_name, tool));
    is_wrong.then(|| RpcError::new(-32020, "Header mismatch: the headers say something else than the body"))
}

fn versions() -> Vec<&'static str> {
    [MODERN].into_iter().chain(LEGACY).collect()
}

/// Returns a result in the form of its era.
pub fn result(message: &Message, mut result: Value, server: &str) -> Value {
    if let (Era::Modern, Some(object)) = (message.era, result.as_object_mut()) {
        object.insert("resultType".into(), "complete".into());
        object.insert("_meta".into(), json!({ SERVER_KEY: info(server) }));
    }
    json!({ "jsonrpc": "2.0", "id": message.id, "result": result })
}

fn info(server: &str) -> Value {
    json!({ "name": server, "version": env!("CARGO_PKG_VERSION") })
}

/// Returns what the server is and can.
pub fn discovered(server: &str) -> Value {
    json!({
        "supportedVersions": versions(), "capabilities": { "tools": { "listChanged": true } },
        "serverInfo": info(server), "instructions": "A mock of stormdrill.", "ttlMs": 0, "cacheScope": "public",
    })
}

/// Returns the answer to the handshake: the version that was asked for, if it is known.
pub fn initialized(version: &str, server: &str) -> Value {
    let version = LEGACY.iter().find(|known| **known == version).unwrap_or(&LEGACY[0]);
    json!({
        "protocolVersion": version, "capabilities": { "tools": { "listChanged": true } }, "serverInfo": info(server),
        "instructions": "A mock of stormdrill.",
    })
}

/// Returns the list of tools, in the order of their names.
pub fn listed(tools: &[ToolPlan]) -> Value {
    let one = |tool: &ToolPlan| {
        json!({
            "name": tool.name, "description": tool.description, "inputSchema": tool.input,
            "annotations": { "readOnlyHint": !tool.is_effect },
        })
    };
    json!({ "tools": tools.iter().map(one).collect::<Vec<_>>(), "ttlMs": 0, "cacheScope": "public" })
}

/// Returns an empty list.
pub fn empty(key: &str) -> Value {
    json!({ key: [], "ttlMs": 0, "cacheScope": "public" })
}

/// Returns what a call brought.
pub fn called(text: &str, is_error: bool) -> Value {
    let mut result = json!({ "content": [{ "type": "text", "text": text }], "isError": is_error });
    if let Ok(value @ Value::Object(_)) = serde_json::from_str(text) {
        result["structuredContent"] = value;
    }
    result
}

/// Returns the first message of a subscription.
pub fn acknowledged(id: &Value) -> Value {
    json!({
        "jsonrpc": "2.0", "method": "notifications/subscriptions/acknowledged",
        "params": { "notifications": { "toolsListChanged": true }, "_meta": { SUBSCRIPTION_KEY: id } },
    })
}

/// Returns the message that the tools have changed.
pub fn changed(id: &Value) -> Value {
    json!({
        "jsonrpc": "2.0", "method": "notifications/tools/list_changed",
        "params": { "_meta": { SUBSCRIPTION_KEY: id } },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(body: &str) -> String {
        match read(body.as_bytes(), None) {
            Ok(message) => format!("{:?} {:?} id {:?}", message.era, message.method, message.id),
            Err((id, era, error)) => {
                format!("error {} {} id {id:?}, status {}", error.code, error.message, error.status(era))
            }
        }
    }

    #[test]
    fn messages_of_both_eras_are_told_apart() {
        let modern = r#""_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}"#;
        let lines = [
            r#"{"jsonrpc":"2.0","id":1,"method":"server/discover"}"#.to_owned(),
            format!(r#"{{"jsonrpc":"2.0","id":"a","method":"tools/list","params":{{{modern}}}}}"#),
            format!(r#"{{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{{"name":"x","arguments":{{"a":1}},{modern}}}}}"#),
            r#"{"jsonrpc":"2.0","id":3,"method":"initialize","params":{"protocolVersion":"2025-06-18"}}"#.to_owned(),
            r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#.to_owned(),
            r#"{"jsonrpc":"2.0","id":4,"method":"tools/list"}"#.to_owned(),
            r#"{"jsonrpc":"2.0","id":5,"method":"tools/call","params":{"arguments":{}}}"#.to_owned(),
            r#"{"jsonrpc":"2.0","id":6,"method":"tools/list","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"2031-01-01"}}}"#.to_owned(),
            r#"{"jsonrpc":"2.0","id":{},"method":"ping"}"#.to_owned(),
            r#"[{"jsonrpc":"2.0","id":7,"method":"ping"}]"#.to_owned(),
            r#"{"id":8,"method":"ping"}"#.to_owned(),
            "{".to_owned(),
        ];
        let lines: Vec<String> = lines.iter().map(|line| told(line)).collect();
        insta::assert_snapshot!(lines.join("\n"));
    }
}
