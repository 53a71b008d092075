//! `POST /v1/embeddings`: vectors that depend on the text alone, so that equal texts are found again.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::base::Key;
use crate::wire::prompt::{hash, read_json};
use crate::wire::tokens;

/// The length of a vector where the request asks for none.
const DIMENSIONS: usize = 256;
/// The longest that may be asked for, and the most texts at once (the provider's own limits).
const DIMENSIONS_MAX: usize = 3072;
const INPUTS_MAX: usize = 2048;
/// The most tokens of a text, and of all together (the provider's own limits).
const TOKENS_EACH_MAX: u64 = 8_192;
const TOKENS_MAX: u64 = 300_000;

#[derive(Debug, Deserialize)]
struct Request {
    model: String,
    input: Input,
    dimensions: Option<usize>,
    encoding_format: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Input {
    One(String),
    Many(Vec<String>),
    Tokens(Vec<u64>),
    ManyTokens(Vec<Vec<u64>>),
}

/// What is to be embedded.
#[derive(Debug, PartialEq)]
pub struct Texts {
    /// The model asked for.
    pub model: String,
    /// The texts.
    pub texts: Vec<String>,
    /// How many tokens they have.
    pub tokens: u64,
    dimensions: usize,
    is_base64: bool,
}

impl Texts {
    /// Returns the same request for another text.
    #[must_use]
    pub fn other(&self) -> Self {
        Self {
            model: self.model.clone(),
            texts: vec!["another text".into()],
            tokens: 2,
            dimensions: self.dimensions,
            is_base64: self.is_base64,
        }
    }
}

/// Reads a request; the error says what is wrong with it.
pub fn read(body: &[u8]) -> Result<Texts, String> {
    let request: Request = read_json(body)?;
    let written =
        |tokens: &Vec<u64>| tokens.iter().map(|token| format!(" {token}")).collect::<Vec<_>>().concat();
    let texts = match request.input {
        Input::One(text) => vec![text],
        Input::Many(texts) => texts,
        Input::Tokens(tokens) => vec![written(&tokens)],
        Input::ManyTokens(many) => many.iter().map(written).collect(),
    };
    if texts.is_empty() || texts.len() > INPUTS_MAX {
        return Err(format!("`input` has from 1 to {INPUTS_MAX} texts"));
    }
    let counts: Vec<u64> = texts.iter().map(|text| tokens::count(text)).collect();
    if counts.iter().any(|count| *count > TOKENS_EACH_MAX) || counts.iter().sum::<u64>() > TOKENS_MAX {
        return Err(format!(
            "a text has at most {TOKENS_EACH_MAX} tokens, all together at most {TOKENS_MAX}"
        ));
    }
    let dimensions = request.dimensions.unwrap_or(DIMENSIONS);
    if !(1..=DIMENSIONS_MAX).contains(&dimensions) {
        return Err(format!("`dimensions` lies between 1 and {DIMENSIONS_MAX}"));
    }
    Ok(Texts {
        model: request.model,
        tokens: counts.iter().sum(),
        texts,
        dimensions,
        is_base64: request.encoding_format.as_deref() == Some("base64"),
    })
}

/// Returns the vectors of some texts, each of length one.
pub fn whole(texts: &Texts, model: &str) -> Value {
    let each = |(index, text): (usize, &String)| {
        let vector = vector(text, texts.dimensions);
        let embedding = if texts.is_base64 {
            let bytes: Vec<u8> = vector.iter().flat_map(|value| value.to_le_bytes()).collect();
            json!(STANDARD.encode(bytes))
        } else {
            json!(vector)
        };
        json!({ "object": "embedding", "index": index, "embedding": embedding })
    };
    json!({
        "object": "list", "model": model,
        "data": texts.texts.iter().enumerate().map(each).collect::<Vec<_>>(),
        "usage": { "prompt_tokens": texts.tokens, "total_tokens": texts.tokens },
    })
}

/// The sum of one fixed direction for each word, so that texts that share words are near each other.
fn vector(text: &str, dimensions: usize) -> Vec<f32> {
    let mut sum = vec![0.0_f64; dimensions];
    let words = text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    for word in words.map(str::to_lowercase).chain([String::new()]) {
        let mut draws = Key::of_seed(hash(word.as_bytes())).draws();
        for value in &mut sum {
            *value += draws.unit() - 0.5;
        }
    }
    let length = libm::sqrt(sum.iter().map(|value| value * value).sum::<f64>()).max(1e-9);
    sum.iter().map(|value| (value / length) as f32).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(a: &str, b: &str) -> f32 {
        vector(a, 256).iter().zip(vector(b, 256)).map(|(a, b)| a * b).sum()
    }

    #[test]
    fn texts_that_share_words_are_near_and_equal_ones_the_same() {
        assert!((near("refund for order 7", "refund for order 7") - 1.0).abs() < 1e-5);
        assert!(near("refund for order 7", "a refund for the order") > 0.4);
        assert!(near("refund for order 7", "weather tomorrow") < 0.4);
    }

    fn read_text(body: &str) -> Texts {
        read(body.as_bytes()).unwrap()
    }

    #[test]
    fn base64_holds_the_same_numbers() {
        let read = |format: &str| {
            let body =
                format!(r#"{{"model":"m","input":["a b"],"dimensions":8,"encoding_format":"{format}"}}"#);
            whole(&read_text(&body), "m")["data"][0]["embedding"].clone()
        };
        let bytes = STANDARD.decode(read("base64").as_str().unwrap()).unwrap();
        let decoded: Vec<f32> =
            bytes.chunks(4).map(|four| f32::from_le_bytes(four.try_into().unwrap())).collect();
        let floats: Vec<f32> = serde_json::from_value(read("float")).unwrap();
        assert_eq!(decoded, floats);
    }

    #[test]
    fn what_cannot_be_embedded_is_refused() {
        assert!(read(br#"{"model":"m","input":[]}"#).is_err());
        assert!(read(br#"{"model":"m","input":"a","dimensions":0}"#).is_err());
        assert_eq!(read(br#"{"model":"m","input":[[1,2],[3]]}"#).unwrap().texts, [" 1 2", " 3"]);
    }
}
