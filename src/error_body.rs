//! The body of an error response, in any format that a service uses.
//!
//! One service writes `{"error":"invalid_client","error_description":"…"}`, another
//! `{"error":{"code":"…","message":"…"}}`, a third XML, and a proxy between them returns a web
//! page. The values read here explain an error and never decide about access, so the parser is as
//! lenient as possible.

use crate::{headers::header, redact};
use azure_core::http::{
    RawResponse,
    headers::{CONTENT_TYPE, HeaderName, Headers},
};
use serde_json::Value;
use std::borrow::Cow;

/// Larger bodies are not errors of Azure's services.
const LARGEST: usize = 64 * 1024;

/// JSON in JSON in text: agents pass on a body as a string. No service nests deeper.
const DEEPEST: usize = 3;

/// A body that was read as text, and as JSON if it is JSON. It has no `Debug`, because the body can
/// contain a token that a service echoed.
#[derive(Default)]
pub(crate) struct ErrorBody {
    text: String,
    json: Value,
    /// From `Content-Encoding`, or recognised by the first bytes.
    encoding: Option<String>,
    content_type: String,
}

impl ErrorBody {
    pub(crate) fn of(answer: &RawResponse) -> Self {
        let body = answer.body().as_ref();
        let encoding = encoding(answer.headers(), body);
        let text = match (&encoding, body.len() <= LARGEST) {
            (None, true) => text(body).into_owned(),
            _ => String::new(),
        };
        let content_type = header(answer.headers(), &CONTENT_TYPE);
        Self {
            json: json_in(&text, DEEPEST),
            text,
            encoding,
            content_type: content_type.unwrap_or_default().to_ascii_lowercase(),
        }
    }

    /// The whole body, without a byte-order mark.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    pub(crate) fn is_json(&self) -> bool {
        !self.json.is_null()
    }

    /// Whether it is a web page for people. Identity endpoints and token endpoints never send one.
    pub(crate) fn is_web_page(&self) -> bool {
        let start = self.text.trim_start().get(..14).unwrap_or_default();
        self.content_type.starts_with("text/html")
            || self.content_type.starts_with("application/xhtml")
            || start.eq_ignore_ascii_case("<!doctype html")
            || starts_with_ignoring_case(start, "<html")
    }

    /// The text at a JSON pointer, such as `/error/code`.
    pub(crate) fn at(&self, path: &str) -> Option<&str> {
        self.json
            .pointer(path)
            .and_then(Value::as_str)
            .filter(|text| !text.is_empty())
    }

    pub(crate) fn value_at(&self, path: &str) -> Option<&Value> {
        self.json.pointer(path).filter(|value| !value.is_null())
    }

    /// The content of an XML element without children.
    pub(crate) fn element(&self, name: &str) -> Option<String> {
        let (_, rest) = self.text.split_once(&format!("<{name}>"))?;
        let (content, _) = rest.split_once(&format!("</{name}>"))?;
        let content = content.trim();
        let is_leaf = !content.is_empty() && !content.contains('<');
        is_leaf.then(|| unescaped(content))
    }

    /// The error code of the service.
    pub(crate) fn code(&self) -> Option<Cow<'_, str>> {
        const PATHS: [&str; 7] = [
            "/error/code",
            "/odata.error/code",
            "/Error/Code",
            "/Error/code",
            "/error",
            "/code",
            "/Code",
        ];
        self.first_at(&PATHS)
            .or_else(|| self.element("Code").map(Cow::Owned))
    }

    /// The more exact code that Key Vault and others put into an inner error.
    pub(crate) fn inner_code(&self) -> Option<&str> {
        self.at("/error/innererror/code")
            .or_else(|| self.at("/error/innerError/code"))
    }

    /// The message for people.
    pub(crate) fn message(&self) -> Option<Cow<'_, str>> {
        const PATHS: [&str; 10] = [
            "/error_description",
            "/error/message/value",
            "/error/message",
            "/odata.error/message/value",
            "/odata.error/message",
            "/Error/Message",
            "/Error/message",
            "/message",
            "/Message",
            "/error/innererror/message",
        ];
        self.first_at(&PATHS)
            .or_else(|| self.element("Message").map(Cow::Owned))
    }

    fn first_at(&self, paths: &[&str]) -> Option<Cow<'_, str>> {
        paths
            .iter()
            .find_map(|path| self.at(path))
            .map(Cow::Borrowed)
    }

    /// The beginning of the body, safe for a log. Do not use it for a response that can contain a
    /// token.
    pub(crate) fn beginning(&self, secrets: &[&str]) -> String {
        if let Some(encoding) = &self.encoding {
            return format!(
                "a body with the content encoding {encoding}, which was not asked for and is not decoded"
            );
        }
        let words = match self.is_web_page() {
            true => Cow::Owned(words_of_page(&self.text)),
            false => Cow::Borrowed(self.text.as_str()),
        };
        redact::excerpt(words.as_bytes(), secrets)
    }
}

/// A body as text: UTF-8 with or without its byte-order mark, or UTF-16 with one.
pub(crate) fn text(body: &[u8]) -> Cow<'_, str> {
    let utf16 = |unit: fn([u8; 2]) -> u16, body: &[u8]| {
        let units: Vec<u16> = body
            .chunks_exact(2)
            .filter_map(|pair| pair.try_into().ok().map(unit))
            .collect();
        Cow::Owned(String::from_utf16_lossy(&units))
    };
    match body {
        [0xff, 0xfe, rest @ ..] => utf16(u16::from_le_bytes, rest),
        [0xfe, 0xff, rest @ ..] => utf16(u16::from_be_bytes, rest),
        body => String::from_utf8_lossy(without_mark(body)),
    }
}

/// A body without the byte-order mark that RFC 8259 §8.1 allows a parser to ignore.
pub(crate) fn without_mark(body: &[u8]) -> &[u8] {
    body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body)
}

/// The content encoding, if it is one that has to be decoded (RFC 9110 §8.4). Some gateways omit
/// the header, so the first bytes are checked, too (RFC 1952 §2.3.1, RFC 8878 §3.1.1).
pub(crate) fn encoding(headers: &Headers, body: &[u8]) -> Option<String> {
    let named = header(headers, &HeaderName::from_static("content-encoding"));
    if let Some(named) = named
        .filter(|named| !named.trim().is_empty() && !named.trim().eq_ignore_ascii_case("identity"))
    {
        return Some(
            redact::excerpt(named.as_bytes(), &[])
                .chars()
                .take(40)
                .collect(),
        );
    }
    match body {
        [0x1f, 0x8b, ..] => Some("gzip".to_owned()),
        [0x28, 0xb5, 0x2f, 0xfd, ..] => Some("zstd".to_owned()),
        _ => None,
    }
}

/// The text as JSON, or a JSON object inside the text. A string that contains JSON is parsed once
/// more.
fn json_in(text: &str, depth: usize) -> Value {
    let text = text.trim();
    if depth == 0 || text.is_empty() {
        return Value::Null;
    }
    match serde_json::from_str(text) {
        Ok(Value::String(inner)) => json_in(&inner, depth - 1),
        Ok(value @ (Value::Object(_) | Value::Array(_))) => value,
        _ => Value::Null,
    }
}

/// The JSON object inside a sentence such as "Response body: {…}".
pub(crate) fn object_in(text: &str) -> Option<Value> {
    let start = text.find('{')?;
    let mut values = serde_json::Deserializer::from_str(&text[start..]).into_iter::<Value>();
    values.next()?.ok().filter(Value::is_object)
}

/// The words of a web page: first its title, then the text between the tags.
fn words_of_page(page: &str) -> String {
    let lower = page.to_ascii_lowercase();
    // Lower-casing ASCII keeps the position of each byte, so positions are valid in both strings.
    let body = match (lower.find("<title"), lower.find("<body")) {
        (Some(title), _) => &page[title..],
        (None, Some(body)) => &page[body..],
        (None, None) => page,
    };
    let mut words = String::new();
    let mut rest = body;
    let mut skipped = 0;
    while let Some((before, tag)) = rest.split_once('<') {
        push_words(&mut words, before);
        // Scripts and styles are not text for people.
        let is_hidden = ["script", "style"]
            .iter()
            .find(|name| starts_with_ignoring_case(tag, name));
        rest = match is_hidden {
            Some(name) => {
                let end = format!("</{name}");
                let at = tag.to_ascii_lowercase().find(&end);
                at.map_or("", |at| &tag[at..])
            }
            None => tag,
        };
        rest = rest.split_once('>').map_or("", |(_, after)| after);
        skipped += 1;
        if words.len() > 600 || skipped > 2000 {
            return words;
        }
    }
    push_words(&mut words, rest);
    words
}

fn push_words(words: &mut String, text: &str) {
    for word in text.split_whitespace() {
        if !words.is_empty() {
            words.push(' ');
        }
        words.push_str(&unescaped(word));
    }
}

/// The five entities of XML 1.0 §4.6.
fn unescaped(text: &str) -> String {
    text.replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&apos;", "'")
        .replace("&amp;", "&")
}

pub(crate) fn starts_with_ignoring_case(text: &str, start: &str) -> bool {
    text.get(..start.len())
        .is_some_and(|head| head.eq_ignore_ascii_case(start))
}

#[cfg(test)]
mod tests {
    use super::*;
    use azure_core::http::StatusCode;

    fn body(bytes: impl Into<Vec<u8>>) -> ErrorBody {
        encoded(bytes, None)
    }

    fn encoded(bytes: impl Into<Vec<u8>>, encoding: Option<&str>) -> ErrorBody {
        let mut headers = Headers::new();
        if let Some(encoding) = encoding {
            headers.insert("content-encoding", encoding.to_owned());
        }
        ErrorBody::of(&RawResponse::from_bytes(
            StatusCode::BadRequest,
            headers,
            bytes.into(),
        ))
    }

    #[test]
    fn code_and_message_are_read_in_every_format() {
        for text in [
            r#"{"error":"C","error_description":"M"}"#,
            r#"{"error":{"code":"C","message":"M"}}"#,
            r#"{"odata.error":{"code":"C","message":{"lang":"en-US","value":"M"}}}"#,
            r#"{"code":"C","message":"M"}"#,
            r#"{"Code":"C","Message":"M"}"#,
            r#""{\"error\":\"C\",\"error_description\":\"M\"}""#,
            "<?xml version=\"1.0\"?><Error><Code>C</Code><Message>M</Message></Error>",
            "\u{feff}{\"error\":\"C\",\"error_description\":\"M\"}",
        ] {
            let read = body(text);
            assert_eq!(read.code().as_deref(), Some("C"), "{text}");
            assert_eq!(read.message().as_deref(), Some("M"), "{text}");
        }
    }

    #[test]
    fn utf_16_is_read_by_its_mark() {
        let text = r#"{"error":"C"}"#;
        let little = text.encode_utf16().flat_map(u16::to_le_bytes);
        let big = text.encode_utf16().flat_map(u16::to_be_bytes);
        for bytes in [
            [0xff, 0xfe].into_iter().chain(little).collect::<Vec<u8>>(),
            [0xfe, 0xff].into_iter().chain(big).collect(),
        ] {
            assert_eq!(body(bytes).code().as_deref(), Some("C"));
        }
    }

    #[test]
    fn an_encoded_body_is_shown_as_the_name_of_its_encoding() {
        for (read, name) in [
            (encoded("x", Some("br")), "encoding br"),
            (encoded("x", Some("gzip")), "encoding gzip"),
            (body([0x1f, 0x8b, 8, 0]), "encoding gzip"),
        ] {
            assert!(read.beginning(&[]).contains(name), "{name}");
            assert!(!read.is_json());
        }
        assert_eq!(encoded("plain", Some("identity")).beginning(&[]), "plain");
    }

    #[test]
    fn a_web_page_is_shown_as_its_words() {
        let page = "<!DOCTYPE html><html><head><style>p{x}</style><title>Access &amp; Denied</title><script>if(a<b){}</script></head><body><p>Ask  your\nproxy</p></body></html>";
        let read = body(page);
        assert!(read.is_web_page());
        assert_eq!(read.beginning(&[]), "Access & Denied Ask your proxy");
        for odd in ["<", "<html", "<script>", "<html><é", "</", "<title><title>"] {
            let _ = body(format!("<html>{odd}")).beginning(&[]);
        }
    }

    #[test]
    fn a_json_object_inside_a_sentence_is_found() {
        let text =
            r#"failed. Status Code = '400'. Response body: {"error":"invalid_request"} more"#;
        let object = object_in(text).unwrap();
        assert_eq!(object["error"], "invalid_request");
        for none in ["", "{", "no {object", "[1]"] {
            assert_eq!(object_in(none), None, "{none}");
        }
    }
}
