//! The content of a message, which every provider writes as a text or as a list of blocks.

use std::borrow::Cow;
use std::fmt;

use serde::de::{SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

/// The content of a message.
#[derive(Debug, Default)]
pub enum Content<'a> {
    /// None at all.
    #[default]
    None,
    /// A text.
    Text(Cow<'a, str>),
    /// Blocks of several kinds.
    Blocks(Vec<Block<'a>>),
}

/// A block of content, of whichever kind; what a kind does not have is absent.
#[derive(Debug, Default, Deserialize)]
pub struct Block<'a> {
    /// Its kind: `text`, `tool_use`, `tool_result`, `function_call` ...
    #[serde(rename = "type", borrow, default)]
    pub kind: Cow<'a, str>,
    /// Whose it is, where blocks are messages.
    #[serde(default)]
    pub role: Option<Cow<'a, str>>,
    /// Its text.
    #[serde(default)]
    pub text: Option<Cow<'a, str>>,
    /// What is inside of it.
    #[serde(borrow, default)]
    pub content: Content<'a>,
    /// What a tool gave back.
    #[serde(borrow, default)]
    pub output: Content<'a>,
    /// The tool that was asked for.
    #[serde(default)]
    pub name: Option<Cow<'a, str>>,
    /// Its arguments, as JSON in a text.
    #[serde(default)]
    pub arguments: Option<Cow<'a, str>>,
    /// Its arguments, as JSON.
    #[serde(borrow, default)]
    pub input: Option<&'a RawValue>,
}

impl<'de: 'a, 'a> Deserialize<'de> for Content<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reads;
        impl<'de> Visitor<'de> for Reads {
            type Value = Content<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text or a list of content blocks")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Content::Text(Cow::Borrowed(text)))
            }

            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Content::Text(Cow::Owned(text.to_owned())))
            }

            fn visit_unit<E>(self) -> Result<Self::Value, E> {
                Ok(Content::None)
            }

            /// What some tools of providers give back is one object; nothing of it is a text.
            fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                while map.next_entry::<serde::de::IgnoredAny, serde::de::IgnoredAny>()?.is_some() {}
                Ok(Content::None)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
                let mut blocks = Vec::new();
                while let Some(item) = list.next_element::<Item<'de>>()? {
                    blocks.push(item.0);
                }
                Ok(Content::Blocks(blocks))
            }
        }
        deserializer.deserialize_any(Reads)
    }
}

/// A block, or a bare text in the place of one.
struct Item<'a>(Block<'a>);

impl<'de: 'a, 'a> Deserialize<'de> for Item<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reads;
        impl<'de> Visitor<'de> for Reads {
            type Value = Block<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a content block")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Block { kind: "text".into(), text: Some(Cow::Borrowed(text)), ..Block::default() })
            }

            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Block { kind: "text".into(), text: Some(text.to_owned().into()), ..Block::default() })
            }

            fn visit_map<A: serde::de::MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                Block::deserialize(serde::de::value::MapAccessDeserializer::new(map))
            }
        }
        deserializer.deserialize_any(Reads).map(Item)
    }
}

impl Content<'_> {
    /// Hands every text inside to `each`.
    pub fn texts<'s>(&'s self, each: &mut impl FnMut(&'s str)) {
        match self {
            Self::None => {}
            Self::Text(text) => each(text),
            Self::Blocks(blocks) => {
                for block in blocks {
                    if let Some(text) = &block.text {
                        each(text);
                    }
                    block.content.texts(each);
                    block.output.texts(each);
                }
            }
        }
    }

    /// Returns every text inside, one after the other.
    pub fn joined(&self) -> String {
        let mut whole = String::new();
        self.texts(&mut |text| whole.push_str(text));
        whole
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn joined(text: &str) -> Result<String, String> {
        serde_json::from_str::<Content<'_>>(text).map(|content| content.joined()).map_err(|e| e.to_string())
    }

    #[test]
    fn a_text_and_blocks_of_every_depth_are_read() {
        assert_eq!(joined("\"a \\\"b\\\"\"").unwrap(), "a \"b\"");
        assert_eq!(joined("null").unwrap(), "");
        assert_eq!(joined("[\"x\", {\"type\":\"text\",\"text\":\"y\"}]").unwrap(), "xy");
        let nested =
            r#"[{"type":"tool_result","content":[{"type":"text","text":"in"}],"unknown":{"a":[1]}}]"#;
        assert_eq!(joined(nested).unwrap(), "in");
        assert_eq!(joined(r#"{"type":"web_fetch_result","url":"x"}"#).unwrap(), "");
        assert!(joined("17").unwrap_err().contains("a text or a list"));
    }
}
