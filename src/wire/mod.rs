//! The protocols that mocks speak: bytes in, bytes out, and nothing that waits.
//!
//! A request becomes a [`prompt::Prompt`] or a call of a tool, whichever protocol it came by; an
//! [`answer::Answer`] becomes the bytes of a body, or of frames one after the other. Nothing here knows
//! sockets or clocks, so every form is held by a snapshot and every parser by a fuzz target.

pub mod answer;
pub mod anthropic;
pub mod canary;
pub mod content;
#[cfg(test)]
mod forms;
pub mod frames;
pub mod mcp;
pub mod openai;
pub mod prompt;
pub mod refusal;
pub mod say;
pub mod tokens;
pub mod tool;
